//! JSON whose objects have each name once.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::describe::{Mistakes, name};
use crate::error::Result;

/// Reads JSON. serde_json keeps the last of two members with one name, which would drop a condition unseen.
pub(super) fn parse(input: &str) -> Result<serde_json::Value> {
    let mut mistakes = Mistakes::default();
    let value = match serde_json::from_str(input) {
        Ok(value) => value,
        Err(error) => {
            // Where, but not what serde_json says, so that nothing of the input is repeated.
            let message =
                format!("is no JSON that can be read: line {}, column {}", error.line(), error.column());
            mistakes.add("filter", "syntax", message);
            return mistakes.or(serde_json::Value::Null);
        }
    };
    let twice = RefCell::new(None);
    // An error would have come up above: the same text was read.
    let _ = Once(&twice).deserialize(&mut serde_json::Deserializer::from_str(input));
    if let Some(key) = twice.into_inner() {
        mistakes.add("filter", "duplicate", format!("an object has `{}` twice", name(&key)));
    }
    mistakes.or(value)
}

/// Looks for a name that an object has twice.
#[derive(Clone, Copy)]
struct Once<'a>(&'a RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($visit:ident: $type:ty),*) => { $(
        fn $visit<X>(self, _: $type) -> std::result::Result<(), X> {
            Ok(())
        }
    )* };
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<X>(self) -> std::result::Result<(), X> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(self)?;
            if seen.contains(&key) {
                self.0.borrow_mut().get_or_insert(key);
            } else {
                seen.insert(key);
            }
        }
        Ok(())
    }
}
