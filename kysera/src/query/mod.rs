//! Queries: everything between CRUD and raw SQL.

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
pub(crate) use ops::{Count, Execute, Exists, FetchAll, FetchFirst, decode_all, decode_first};
pub use outside::QuerySchema;
pub use select::{As, Projection, Selected, Selection, SelectionItem};
#[doc(hidden)]
pub use select::{SameAs, projected};
pub use set::{Assign, Update};
pub(crate) use set::{refuse_fixed, set_twice};
#[doc(hidden)]
pub use shape::{Items, SqlBox};
pub use shape::{Rows, Shape};
pub(crate) use statement::{Query, sql_at};
