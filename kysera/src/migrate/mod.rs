//! Migrations, on the files and the table of sqlx.

mod alive;
mod books;
mod dry;
mod header;
mod hooks;
mod migrator;
mod plan;
mod report;
mod run;
mod rust;
mod script;
mod session;
mod set;
mod step;

pub use header::MigrationMeta;
pub use hooks::{Hook, Progress, Step};
pub use migrator::Migrator;
pub use report::{
    DryRun, MigrationState, MigrationStatus, Ran, Report, Skipped, Status, Tried, TriedStatement,
};
pub use rust::{Migration, MigrationConnection, MigrationTx};

pub use crate::error::{Direction, FailedMigration, FailedStatement, MigrationError};
