//! What is checked before anything is sent.

use std::collections::HashMap;

use crate::entity::{Entity, Validate};
use crate::error::{Error, Invalid, Result};

/// Checks the rules of one row or patch.
pub(crate) fn validate<E: Entity>(values: &impl Validate) -> Result<()> {
    values.validate().map_err(|invalid| refused::<E>(invalid))
}

/// The same for the one at a position of the input.
pub(crate) fn validate_at<E: Entity>(values: &impl Validate, at: usize) -> Result<()> {
    values.validate().map_err(|invalid| refused::<E>(invalid.at(at)))
}

/// The same for all of them, so that one call names every broken rule.
pub(crate) fn validate_all<E: Entity>(rows: &[E::New]) -> Result<()> {
    let broken = rows.iter().enumerate().filter_map(|(at, row)| Some(row.validate().err()?.at(at).errors));
    let errors: Vec<_> = broken.flatten().collect();
    if errors.is_empty() { Ok(()) } else { Err(refused::<E>(Invalid { entity: None, errors })) }
}

fn refused<E: Entity>(mut invalid: Invalid) -> Error {
    invalid.entity = Some(E::META.entity);
    Error::Invalid(invalid)
}

/// Two rows of the input that are one row of the table: which one should win?
pub(crate) fn refuse_same_key<E: Entity>(ids: &[E::Id]) -> Result<()> {
    let mut seen = HashMap::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        if let Some(before) = seen.insert(id, at) {
            return Err(Error::SameKey {
                entity: E::META.entity,
                positions: Some((before, at)),
                driver: None,
            });
        }
    }
    Ok(())
}
