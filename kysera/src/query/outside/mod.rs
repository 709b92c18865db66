//! Filters and orders that come from outside: JSON and sort strings of a request, checked against what the entity
//! marks as `filterable` and `sortable`.

mod describe;
mod parse;
mod read;
mod schema;
mod sort;
mod strict;
#[cfg(test)]
mod tests;

pub use schema::QuerySchema;
