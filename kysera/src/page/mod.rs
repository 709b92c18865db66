//! Pages of a query: some rows at a time, by number or by the place where the page before ended.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::prelude::*;
//!
//! #[derive(Debug, Repository)]
//! #[kysera(table = "posts")]
//! struct Post {
//!     #[kysera(id)]
//!     id: i64,
//!     score: i64,
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql(
//!     "CREATE TABLE posts (id INTEGER PRIMARY KEY, score INTEGER NOT NULL);
//!      INSERT INTO posts VALUES (1, 7), (2, 9), (3, 7), (4, 1), (5, 9)",
//! )
//! .await?;
//! let posts = Post::repo(&db);
//! let ids = |rows: &[Post]| rows.iter().map(|post| post.id).collect::<Vec<_>>();
//!
//! // By number, with the total.
//! let page = posts.find().order_by(Post::SCORE.desc()).page(PageRequest::new(1, 2)).await?;
//! assert_eq!((page.total, page.items.len()), (5, 2));
//!
//! // By place: the cursor of a page leads to the next one, whatever was inserted meanwhile.
//! let first = posts.find().order_by(Post::SCORE.desc()).keyset(Keyset::first(2)).await?;
//! assert_eq!(ids(&first.items), [5, 2]);
//! let second = posts.find().order_by(Post::SCORE.desc()).keyset(Keyset::first(2).after(first.next)).await?;
//! assert_eq!(ids(&second.items), [3, 1]);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Which of the two
//!
//! | | [`Find::page`](crate::query::Find::page) | [`Find::keyset`](crate::query::Find::keyset) |
//! |---|---|---|
//! | a page is found by | its number | the row before it, as a [`Cursor`](crate::Cursor) |
//! | a page far behind costs | as much as all pages before it | as much as the first one, if an index has the order |
//! | rows that come and go meanwhile | shift all pages behind them | shift none |
//! | jumps to any page, total | yes, always | no, on demand |
//! | selects | anything | whole rows |
//! | is asked for with | [`PageRequest`] | [`Keyset`] |
//! | answers | [`Page`] | [`KeysetPage`] |
//!
//! Both complete the order with the primary key, so that no row is met twice or never because of ties. Both also take
//! [`find().with(..)`](crate::relation::FindWith). What a cursor looks like, and how it is kept from being read or forged, says
//! [`cursor`](crate::cursor).

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
