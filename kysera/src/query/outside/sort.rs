use super::describe::{Mistakes, column, marked, name, no_field};
use super::schema::Bounds;
use crate::error::Result;
use crate::expr::{Meta, Term};

/// Reads `-created_at,name`: what to order by, and whether the largest comes first.
pub(super) fn parse(meta: &'static Meta, bounds: Bounds, input: &str) -> Result<Vec<(Term, bool)>> {
    let mut mistakes = Mistakes::default();
    let mut keys = Vec::new();
    let mut seen = Vec::new();
    if input.trim().is_empty() {
        return Ok(keys);
    }
    for (at, key) in input.split(',').enumerate() {
        if at >= bounds.sort_keys {
            let message = format!("at most {} fields can be sorted by", bounds.sort_keys);
            mistakes.add("sort", "limit", message);
            break;
        }
        let key = key.trim();
        let (field, descending) = match key.strip_prefix('-') {
            Some(field) => (field.trim_start(), true),
            None => (key.strip_prefix('+').unwrap_or(key).trim_start(), false),
        };
        let path = format!("sort[{at}]");
        let col = marked(meta.sortable, field).and_then(|index| column(meta, index));
        match col {
            _ if field.is_empty() => mistakes.add(&path, "wrong_shape", "is empty: a field belongs here"),
            None => mistakes.add(&path, "unknown_field", no_field(field, meta.sortable)),
            Some(col) if seen.contains(&col.index) => {
                mistakes.add(&path, "duplicate", format!("`{}` is sorted by already", name(field)));
            }
            Some(col) => {
                seen.push(col.index);
                keys.push((Term::Column(col), descending));
            }
        }
    }
    mistakes.or(keys)
}
