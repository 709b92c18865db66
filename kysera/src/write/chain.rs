//! Hashes that cover an entry and all that come before it.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// What the hash of an entry covers.
pub(crate) struct Linked<'a> {
    pub(crate) table: &'a str,
    pub(crate) entity_id: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) old: Option<&'a str>,
    pub(crate) new: Option<&'a str>,
    pub(crate) changed: Option<&'a str>,
    pub(crate) actor: Option<&'a str>,
    pub(crate) metadata: Option<&'a str>,
    /// The time, in microseconds since 1970.
    pub(crate) micros: i64,
}

/// The hash of an entry behind one with the hash `previous`, which is empty for the first: SHA-256, in hexadecimal digits.
///
/// # Errors
///
/// JSON that is none.
pub(crate) fn next_hash(previous: &str, entry: &Linked<'_>) -> Result<String> {
    let mut hasher = Sha256::new();
    // Each part with its length, so that no two entries are the same text.
    let mut part = |part: Option<&str>| match part {
        Some(text) => {
            hasher.update(b"+");
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        None => hasher.update(b"-"),
    };
    part(Some(previous));
    part(Some(entry.table));
    part(Some(entry.entity_id));
    part(Some(entry.operation));
    for json in [entry.old, entry.new, entry.changed] {
        part(json.map(canonical).transpose()?.as_deref());
    }
    part(entry.actor);
    part(entry.metadata.map(canonical).transpose()?.as_deref());
    part(Some(&entry.micros.to_string()));
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A JSON text that is the same for all texts of the same value: PostgreSQL's JSONB gives back another one than it was given.
pub(crate) fn canonical(json: &str) -> Result<String> {
    let mut out = String::with_capacity(json.len());
    write(&mut out, json).map_err(Error::other)?;
    Ok(out)
}

fn write(out: &mut String, json: &str) -> serde_json::Result<()> {
    let json = json.trim();
    match json.as_bytes().first() {
        Some(b'{') => {
            // Sorted; of equal keys the last one counts, as for JSONB.
            let fields: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(json)?;
            out.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(name)?);
                out.push(':');
                write(out, value.get())?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json)?;
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item.get())?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(json)?;
            out.push_str(&serde_json::to_string(&text)?);
        }
        Some(b'-' | b'0'..=b'9') => {
            // For the grammar alone: its value may be more exact than any number type.
            serde_json::from_str::<&RawValue>(json)?;
            number(out, json);
        }
        _ => {
            serde_json::from_str::<&RawValue>(json)?;
            out.push_str(json);
        }
    }
    Ok(())
}

/// `-1.50e2` as `-15e1`: all digits that say something, and the power of ten.
fn number(out: &mut String, json: &str) {
    let (negative, json) = json.strip_prefix('-').map_or((false, json), |rest| (true, rest));
    let (mantissa, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        out.push('0');
        return;
    }
    let exponent: i128 = exponent.parse().unwrap_or(i128::MAX / 2);
    let exponent = exponent + (digits.len() - significant.len()) as i128 - fraction.len() as i128;
    if negative {
        out.push('-');
    }
    out.push_str(significant);
    out.push_str(&format!("e{exponent}"));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_value_become_one() {
        for same in [
            ["{\"b\": 1, \"a\": [1.50, \"\\u00e4\"]}", "{\"a\":[15e-1,\"ä\"],\"b\":1.0}"],
            ["-0.0", "0"],
            ["100", "1E+2"],
            ["0.00120", "12e-4"],
            ["12345678901234567890.1230", "12345678901234567890.123"],
            [" null ", "null"],
            ["{\"a\":1,\"a\":2}", "{\"a\":2}"],
        ] {
            assert_eq!(canonical(same[0]).unwrap(), canonical(same[1]).unwrap(), "{same:?}");
        }
    }

    #[test]
    fn different_values_stay_different() {
        for different in [
            ["1", "-1"],
            ["10", "1"],
            ["12345678901234567890.123", "12345678901234567890.124"],
            ["\"1\"", "1"],
            ["null", "\"null\""],
            ["[[1],2]", "[1,[2]]"],
            ["{\"a\":null}", "{}"],
            ["true", "false"],
        ] {
            assert_ne!(canonical(different[0]).unwrap(), canonical(different[1]).unwrap(), "{different:?}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for none in ["", "{", "nul", "01", "1.", "[1,]", "\"a", "{}{}"] {
            assert!(canonical(none).is_err(), "{none:?}");
        }
    }

    #[test]
    fn every_part_counts() {
        let entry = |part: usize| {
            let text = |at: usize| if part == at { "[2]" } else { "[1]" };
            next_hash(
                text(0),
                &Linked {
                    table: text(1),
                    entity_id: text(2),
                    operation: text(3),
                    old: Some(text(4)),
                    new: Some(text(5)),
                    changed: Some(text(6)),
                    actor: Some(text(7)),
                    metadata: Some(text(8)),
                    micros: i64::from(part == 9),
                },
            )
            .unwrap()
        };
        let hashes: std::collections::HashSet<String> = (0..=10).map(entry).collect();
        assert_eq!(hashes.len(), 11);
        assert!(hashes.iter().all(|hash| hash.len() == 64));
    }
}
