//! Queries: everything between CRUD and raw SQL.
//!
//! [`find()`](crate::Repository::find) begins a query on one entity, methods say what it asks for, and one of those that end
//! it sends it as a single statement. Conditions are made from the constants of columns, so that the compiler checks names
//! and types; [`expr`](crate::expr) has them.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::expr::count;
//! use kysera::prelude::*;
//!
//! #[derive(Debug, Repository)]
//! #[kysera(table = "users")]
//! struct User {
//!     #[kysera(id)]
//!     id: i64,
//!     name: String,
//!     team: Option<String>,
//!     logins: i64,
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql(
//!     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, team TEXT, logins INTEGER NOT NULL);
//!      INSERT INTO users VALUES (1, 'Ada', 'core', 5), (2, 'Bob', 'core', 0), (3, 'Cy', NULL, 2)",
//! )
//! .await?;
//! let users = User::repo(&db);
//!
//! // Rows.
//! let active: Vec<User> = users.find().filter(User::LOGINS.gt(0)).order_by(User::NAME.asc()).all().await?;
//! assert_eq!(active.len(), 2);
//!
//! // Some columns, and what is computed of them.
//! let names: Vec<(i64, String)> = users.find().select((User::ID, User::NAME.upper())).all().await?;
//! assert_eq!(names[0], (1, "ADA".into()));
//!
//! // Groups, here as a map.
//! let sizes = users.find().select((User::TEAM, count())).group_by(User::TEAM).all().await?;
//! let sizes: std::collections::HashMap<Option<String>, i64> = sizes.into_iter().collect();
//! assert_eq!(sizes[&Some("core".into())], 2);
//!
//! // Bounds that a request may leave out.
//! let (at_least, at_most) = (Some(1), None::<i64>);
//! let some = users.find().filter_opt(at_least.map(|least| User::LOGINS.ge(least)));
//! let some = some.filter_opt(at_most.map(|most| User::LOGINS.le(most)));
//! assert_eq!(some.count().await?, 2);
//!
//! // Changes of all rows that a filter keeps.
//! let changed = users.find().filter(User::TEAM.is_null()).set(User::LOGINS, User::LOGINS.plus(1)).execute().await?;
//! assert_eq!(changed, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # What is where
//!
//! | for | look at |
//! |---|---|
//! | filters, order, limit; rows, one row, counts, streams | [`Find`] |
//! | columns and expressions instead of rows | [`Find::select`]; [`Find::select_as`] with a derived [`Projection`] |
//! | equal rows once, groups and aggregates | [`Find::distinct`], [`Find::group_by`], [`Find::having`] |
//! | a page of rows | [`Find::page`], [`Find::keyset`]; the module [`page`](crate::page) tells them apart |
//! | rows of other entities | [`Find::with`], [`Find::join`]; the module [`relation`](crate::relation) |
//! | changing and deleting many rows | [`Find::update`], [`Find::set`], [`Find::delete`] |
//! | locks | [`Find::for_update`], [`Find::for_share`] |
//! | filters and orders that a request brings | [`QuerySchema`], made by `User::query_schema()` |
//! | the text of a statement, and how the database would run it | [`Find::to_sql`], [`Find::explain`] |

mod check;
mod explain;
mod find;
mod group;
mod lock;
mod ops;
mod outside;
mod select;
mod set;
mod shape;
mod statement;

pub use explain::Plan;
pub(crate) use explain::{Explain, text};
pub use find::Find;
pub use group::{GroupBy, GroupKey, Grouped, HasGroups, Selecting};
pub use lock::Locked;
#[doc(hidden)]
pub use lock::Unlocked;
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
pub use outside::QuerySchema;
pub use select::{Projection, Selected, Selection, SelectionItem};
#[doc(hidden)]
pub use select::{SameAs, projected};
pub use set::{Assign, Update};
#[doc(hidden)]
pub use shape::{Items, SqlBox};
pub use shape::{Rows, Shape};
#[cfg(feature = "audit")]
pub(crate) use statement::{Log, OtherTable, RowOf};
pub(crate) use statement::{Query, sql_at};
