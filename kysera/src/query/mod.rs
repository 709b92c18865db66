//! Queries: everything between CRUD and raw SQL.

mod check;
mod find;
mod lock;
mod ops;
mod set;
mod group;
mod select;
mod outside;
mod shape;
mod statement;

pub use find::Find;
pub use lock::Locked;
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
pub use set::Update;
pub(crate) use set::{refuse_fixed, set_twice};
pub use group::{GroupBy, GroupKey, Grouped, HasGroups, Selecting};
pub use select::{As, Projection, Selected, Selection, SelectionItem};
pub use outside::QuerySchema;
#[doc(hidden)]
pub use select::{SameAs, projected};
#[doc(hidden)]
pub use shape::{Items, SqlBox};
pub use shape::{Rows, Shape};
