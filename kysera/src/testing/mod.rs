//! What tests of a program need around its database.
//!
//! | for | look at |
//! |---|---|
//! | a transaction that leaves nothing behind | [`rollback`] |
//! | emptying tables that several tests share | [`Clean`] |
//! | a database for each test | [`test`](crate::test) |
//! | rows of which only what matters is said | [`Factory`], the derive [`Factory`](macro@crate::Factory) |
//! | rows to begin with, in parts that build on each other | [`Seeds`] |
//! | what is stored | [`assert_row!`](crate::assert_row), [`count_rows`], [`TableSnapshot`] |
//! | what was sent, and in how many statements | [`Recorder`] |
//! | what another task brings about | [`eventually`] |
//! | a clock that stands still | [`Clock::fixed`](crate::Clock::fixed), [`Db::with_clock`](crate::Db::with_clock) |

mod clean;
mod database;
mod eventually;
mod factory;
mod recorder;
mod rollback;
mod rows;
mod seed;
mod table;

pub use clean::Clean;
pub use database::TestDatabase;
#[doc(hidden)]
pub use database::{Ask, Fill, Migrations, Place, Spec, run};
pub use eventually::eventually;
#[cfg(feature = "fake")]
#[doc(hidden)]
pub use factory::fake;
pub use factory::{Factory, Sample, Sequence};
#[doc(hidden)]
pub use factory::{Manufactured, at, value_of};
pub use recorder::{Recorder, Sent};
pub use rollback::rollback;
pub use rows::count_rows;
#[doc(hidden)]
pub use rows::rows;
pub use seed::Seeds;
pub use table::{TableDiff, TableSnapshot};
