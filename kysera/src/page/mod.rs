//! Pages of a query.
//!
//! | | [`Find::page`](crate::query::Find::page) | [`Find::keyset`](crate::query::Find::keyset) |
//! |---|---|---|
//! | a page is found by | its number | the row before it, as a [`Cursor`](crate::Cursor) |
//! | a page far behind costs | as much as all pages before it | as much as the first one, if an index has the order |
//! | rows that come and go meanwhile | shift all pages behind them | shift none |
//! | jumps to any page, total | yes, always | no, on demand |
//! | selects | anything | whole rows |

mod keyset;
mod offset;
mod order;
mod parts;
mod place;
#[cfg(all(test, feature = "sqlite"))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod shape_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
mod with;

pub use keyset::{IntoCursor, Keyset, KeysetPage, KeysetQuery};
pub use offset::{Page, PageRequest};

use crate::expr::{Meta, OrderKey, Term};

/// Makes an order total: adds the columns of the primary key that it lacks, in the direction of its last key, so that an
/// order of one direction stays one, which indexes like.
fn break_ties(order: &mut Vec<OrderKey>, meta: &'static Meta) {
    let descending = order.last().is_some_and(|key| key.descending);
    for col in meta.id.iter().filter_map(|id| meta.columns.get(*id)) {
        if !order.iter().any(|key| key.term.as_column().is_some_and(|known| known.is(col))) {
            order.push(OrderKey { term: Term::Column(col), descending, nulls: None });
        }
    }
}
