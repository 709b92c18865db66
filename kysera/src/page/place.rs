//! What a cursor says.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | fingerprint of the entity |
//! | 8 | fingerprint of the order |
//! | 1 | side of the row: 0 before, 1 behind |
//! | .. | the row's values in the order, as a JSON array |

use serde_json::Value as Json;

use super::order::{Place, Side, Walk, no_cursor_form};
use crate::backend::Backend;
use crate::cursor::{Cursor, CursorSecret};
use crate::entity::Entity;
use crate::error::{CursorError, Error, Result};

/// The cursor of a place beside a row. The row's cells begin with those of the entity.
pub(super) fn cursor_at<DB: Backend, E: Entity>(
    walk: &Walk,
    cells: &DB::Row,
    row: &E,
    side: Side,
    secret: Option<&CursorSecret>,
) -> Result<Cursor> {
    let mut values = Vec::with_capacity(walk.keys.len());
    for key in &walk.keys {
        let col = key.col;
        let json = match row.value(col.index) {
            Some(value) if !(col.codec.is_null)(value) => DB::to_cursor(cells, col.index, col.codec, value)?
                .ok_or_else(|| no_cursor_form(E::META, col))?,
            _ => Json::Null,
        };
        values.push(json);
    }
    let mut content = Vec::with_capacity(64);
    for fingerprint in walk.fingerprints() {
        content.extend(fingerprint.to_be_bytes());
    }
    content.push(u8::from(side == Side::Behind));
    content.extend(Json::Array(values).to_string().into_bytes());
    Cursor::pack(&content, secret).map_err(Error::Cursor)
}

/// The place that a cursor means.
pub(super) fn place_of<DB: Backend, E: Entity>(
    walk: &Walk,
    cursor: &Cursor,
    secret: Option<&CursorSecret>,
) -> Result<Place> {
    read::<DB, E>(walk, &cursor.unpack(secret).map_err(Error::Cursor)?).map_err(Error::Cursor)
}

fn read<DB: Backend, E: Entity>(walk: &Walk, content: &[u8]) -> Result<Place, CursorError> {
    let entity = E::META.entity;
    let [of_entity, of_order] = walk.fingerprints().map(u64::to_be_bytes);
    let (found, content) = content.split_first_chunk::<8>().ok_or(CursorError::Malformed)?;
    if *found != of_entity {
        return Err(CursorError::OtherEntity { entity });
    }
    let (found, content) = content.split_first_chunk::<8>().ok_or(CursorError::Malformed)?;
    if *found != of_order {
        return Err(CursorError::OtherOrder { entity });
    }
    let side = match content.first() {
        Some(0) => Side::Before,
        Some(1) => Side::Behind,
        _ => return Err(CursorError::Malformed),
    };
    let json = content.get(1..).unwrap_or_default();
    let jsons: Vec<Json> = serde_json::from_slice(json).map_err(|_| CursorError::Malformed)?;
    if jsons.len() != walk.keys.len() {
        return Err(CursorError::Malformed);
    }
    let mut values = Vec::with_capacity(jsons.len());
    for (key, json) in walk.keys.iter().zip(jsons) {
        let value = match json {
            Json::Null if key.col.codec.nullable => None,
            json => {
                let misfit = || CursorError::Value { entity, column: key.col.name };
                Some(DB::from_cursor(key.col.codec, json).ok_or_else(misfit)?)
            }
        };
        values.push(value);
    }
    Ok(Place { values, side })
}
