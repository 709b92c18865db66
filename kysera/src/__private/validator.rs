//! Runs the rules of validator.

use ::validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use crate::error::{FieldError, Invalid};

/// Checks a value by the rules that validator derived for it.
///
/// # Errors
///
/// All broken rules, with validator's codes. Its own texts contain the value, so that the message is the one on the
/// attribute (`message = ".."`), else a text made of the code alone.
pub fn validate<T: Validate>(value: &T) -> Result<(), Invalid> {
    value.validate().map_err(|errors| {
        let mut found = vec![];
        collect("", &errors, &mut found);
        Invalid::new(found)
    })
}

fn collect(parent: &str, errors: &ValidationErrors, found: &mut Vec<FieldError>) {
    for (field, kind) in errors.errors() {
        let path = if parent.is_empty() { field.to_string() } else { format!("{parent}.{field}") };
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(&path, inner, found),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect(&format!("{path}[{index}]"), inner, found);
                }
            }
            ValidationErrorsKind::Field(errors) => {
                found.extend(errors.iter().map(|error| field_error(&path, error)));
            }
        }
    }
}

fn field_error(path: &str, error: &ValidationError) -> FieldError {
    let message = match &error.message {
        Some(message) => message.to_string(),
        None => format!("breaks the rule `{}`", error.code),
    };
    FieldError::new(super::plain(path), message).code(error.code.as_ref())
}
