//! Seeing what is sent.
//!
//! Every statement of kysera is an [`Event`]: which [operation](Operation) sent it, from which line of the program, its text,
//! how long it took, how many rows there were, how it ended. [`Db::observed_by`](crate::Db::observed_by) has an
//! [`Observer`] told of those of a source, of its transactions and connections. Without one the cost is a branch.
//!
//! An operation's name is known when the program is compiled, `users.find_by_id`: the table and the method. There are as
//! many as the program has tables and methods, whatever its users do, so names are fit for labels of metrics.
//!
//! | observer | for |
//! |---|---|
//! | [`Traced`] | spans of `tracing`, with OpenTelemetry's names |
//! | `Metered` (feature `metrics`) | histograms and counters of the crate `metrics`; what the pool does is published by [`PoolGauges`](crate::infra) |
//! | [`SlowLog`] | statements that take long |
//! | `Profiler` (feature `profiler`) | percentiles by operation; a table, JSON, a page for a browser |
//! | [`NPlusOne`] | loops that send a statement for each row, with the line that does it |
//!
//! What is sent as it stands is not seen, since its text may hold values: by [`Db::raw_sql`](crate::Db::raw_sql), by sqlx on
//! [`Db::pool`](crate::Db::pool), on a connection that was lent. Nor is what brings a connection in order after a future was
//! dropped, and what asks for the database's health.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use std::sync::{Arc, Mutex};
//!
//! use kysera::observe::{Event, Observer, Token};
//! use kysera::prelude::*;
//!
//! #[derive(Repository)]
//! #[kysera(table = "users")]
//! struct User {
//!     #[kysera(id)]
//!     id: i64,
//!     name: String,
//! }
//!
//! #[derive(Default)]
//! struct Names(Mutex<Vec<String>>);
//!
//! impl Observer for Names {
//!     fn ended(&self, event: &Event<'_>, _: Option<Token>) {
//!         self.0.lock().unwrap().push(event.statement.operation.to_string());
//!     }
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
//!
//! let names = Arc::new(Names::default());
//! let db = db.observed_by(names.clone());
//! let ada = User::repo(&db).create(NewUser { name: "Ada".into() }).await?;
//! User::repo(&db).find_by_id(ada.id).await?;
//! assert_eq!(*names.0.lock().unwrap(), ["users.create", "users.find_by_id"]);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```

mod event;
#[cfg(feature = "metrics")]
mod metered;
mod n_plus_one;
mod observers;
#[cfg(feature = "sql-format")]
mod pretty;
#[cfg(feature = "profiler")]
mod profiler;
mod slow;
mod steps;
#[cfg(test)]
mod tests;
mod traced;
mod wire;

pub use event::{Event, Operation, Outcome, Statement};
#[cfg(feature = "metrics")]
pub use metered::Metered;
pub use n_plus_one::{Finding, NPlusOne};
pub use observers::{Observer, Token};
pub(crate) use observers::{Observers, Watch};
#[cfg(feature = "sql-format")]
pub use pretty::pretty;
#[cfg(feature = "profiler")]
pub use profiler::{Call, OperationProfile, Percentiles, ProfileReport, Profiler};
pub use slow::SlowLog;
pub use traced::Traced;
#[doc(hidden)]
pub use wire::Wire;
