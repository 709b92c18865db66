//! Queries: everything between CRUD and raw SQL.

mod find;
mod lock;
mod ops;
mod set;
mod shape;
mod statement;

pub use find::Find;
pub use lock::Locked;
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
pub use set::{Assign, Update};
pub(crate) use set::{refuse_fixed, set_twice};
#[doc(hidden)]
pub use shape::SqlBox;
pub use shape::{Rows, Shape};
