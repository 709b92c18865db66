//! Queries: everything between CRUD and raw SQL.

mod find;
mod ops;
mod shape;
mod statement;

pub use find::Find;
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
#[doc(hidden)]
pub use shape::SqlBox;
pub use shape::{Rows, Shape};
