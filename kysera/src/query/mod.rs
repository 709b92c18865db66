//! Queries: everything between CRUD and raw SQL.

mod explain;
mod find;
mod ops;
mod shape;
mod statement;

pub use explain::Plan;
pub(crate) use explain::{Explain, text};
pub use find::Find;
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
#[doc(hidden)]
pub use shape::SqlBox;
pub use shape::{Rows, Shape};
pub(crate) use statement::{Query, sql_at};
