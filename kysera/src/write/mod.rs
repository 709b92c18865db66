//! Writing rows: what all statements have in common that change a table.
//!
//! [`prepare`] adds what plugins write, [`change`](mod@change) runs UPDATE and DELETE with their log, [`log`] is the log itself.

#[cfg(feature = "audit")]
mod chain;
mod change;
mod check;
mod fate;
mod guard;
mod keys;
mod log;
mod prepare;
mod set;
mod which;

#[cfg(feature = "audit")]
pub(crate) use chain::{Linked, next_hash};
pub(crate) use change::{
    Answer, change, decode, from_old, lock_in_order, log_created, logged_insert, logs_at_once, read_by_keys,
    select_from, show, unit_of, unit_of_change, unit_of_several,
};
pub(crate) use check::{refuse_same_key, validate, validate_all, validate_at};
pub use fate::Cascade;
pub(crate) use fate::{ByFilters, Fate, meet, to_live};
#[cfg(feature = "audit")]
pub(crate) use guard::policy_for;
pub(crate) use guard::{
    becomes, create_refusal, created, denied, in_upsert, is_late, is_unguarded, judge, judge_alike,
    lock_first, locks_first, refusal, writes,
};
pub(crate) use keys::{columns, given, key_columns, key_in, keys_per_statement, rows_per_statement};
#[cfg(feature = "audit")]
pub(crate) use log::table_name as audit_table_name;
pub(crate) use log::{NEW, OLD, Sides, lock_seen, log_query, pair, row_lock, take_turn, write_entries};
pub(crate) use prepare::Prepare;
pub(crate) use set::write as write_assignments;
pub(crate) use set::{
    Assignment, To, next_version, of_read_values, of_values, readers_first, refuse_fixed, set_twice,
};
pub(crate) use which::{Keys, Which};
