//! Queries: everything between CRUD and raw SQL.

mod find;
mod ops;
mod outside;
mod shape;
mod statement;

pub use find::Find;
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
pub use outside::QuerySchema;
#[doc(hidden)]
pub use shape::SqlBox;
pub use shape::{Rows, Shape};
