//! Queries: everything between CRUD and raw SQL.

mod find;
mod ops;

pub use find::Find;
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
