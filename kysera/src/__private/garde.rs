//! Runs the rules of garde.

use ::garde::Validate;

use crate::error::{FieldError, Invalid};

/// Checks a value by the rules that garde derived for it.
///
/// # Errors
///
/// All broken rules. garde has no codes.
pub fn validate<T: Validate<Context: Default>>(value: &T) -> Result<(), Invalid> {
    value.validate().map_err(|report| {
        Invalid::new(
            report
                .iter()
                .map(|(path, error)| FieldError::new(super::plain(&path.to_string()), error.message())),
        )
    })
}
