//! Migrations, on the files and the table of sqlx.
//!
//! A [`Migrator`] has the files that `sqlx migrate add` makes, and [migrations in Rust](Migration) between them. It writes down what is
//! applied where sqlx does, in `_sqlx_migrations`, with sqlx's checksums: `sqlx migrate run`, `sqlx::migrate!().run(..)` and kysera can
//! take turns on one database.
//!
//! ```no_run
//! # #[cfg(feature = "postgres")]
//! # async fn doc() -> kysera::Result<()> {
//! use kysera::migrate::Migrator;
//! use kysera::prelude::*;
//!
//! let db = Db::<Postgres>::connect("postgres://localhost/shop").await?;
//! let migrator = Migrator::from_dir("migrations").await?; // or `from_sqlx(&sqlx::migrate!())`
//! println!("{}", migrator.dry_run(&db).await?);
//! println!("{}", migrator.up(&db).await?);
//! # Ok(())
//! # }
//! ```
//!
//! The program `kysera` of the crate `kysera-cli` does the same from a shell: `kysera migrate up`.
//!
//! # Files
//!
//! `0001_name.sql` goes up alone; `0001_name.up.sql` and `0001_name.down.sql` are a pair. Versions are whole numbers, and their order is
//! that of the migrations; two of the same version are refused. A file whose first line begins with `-- no-transaction` runs outside of a
//! transaction. Lines such as `-- kysera: breaking, tags = [billing]` at its head say what it [is](MigrationMeta). The checksum of a file is
//! that of its whole text, comments included: after it was applied somewhere, it stays as it is.
//!
//! Statements are sent one by one, so that an error names the one that failed and its line. Bodies of procedures and triggers are known as such;
//! `DELIMITER` and `\copy` are commands of clients and are refused.
//!
//! On SQLite a table that others refer to is rebuilt outside of a transaction of kysera's, because foreign keys cannot be switched off within one:
//!
//! ```sql
//! -- no-transaction
//! PRAGMA foreign_keys = OFF;
//! BEGIN;
//! CREATE TABLE new_users (..); INSERT INTO new_users SELECT .. FROM users; DROP TABLE users; ALTER TABLE new_users RENAME TO users;
//! COMMIT;
//! ```
//!
//! # What is whole and what is not
//!
//! | | in a transaction | `-- no-transaction` |
//! |---|---|---|
//! | PostgreSQL, SQLite | the migration and its row are one transaction: what fails leaves nothing | the row says `success = false` before the first statement, and `true` after the last |
//! | MySQL, MariaDB | the same for what changes rows alone; what changes the schema is committed by the server at once, and a row with `success = false` before it | as above |
//!
//! A migration that did not come to its end is [`Dirty`](MigrationError::Dirty), and nothing goes on before a person has looked at it: after
//! [`mark_applied`](Migrator::mark_applied), if its changes were finished by hand, or [`mark_reverted`](Migrator::mark_reverted), if they were
//! undone. It is never run again by itself. The error says so, with its version.
//!
//! A migration does not begin or end transactions by itself on PostgreSQL and SQLite: where that can be seen in the file it is refused before
//! anything is sent, and where it cannot (code in Rust), it is found afterwards. What it tells its session (`SET`, `USE`, `PRAGMA foreign_keys`) is
//! undone before the next one, and its connection is not used for anything else.
//!
//! # Several at once
//!
//! Any number of programs may call `up` at the same time. One goes on, the others wait for
//! [`lock_timeout`](Migrator::lock_timeout), and find nothing left to do.
//!
//! | | what keeps them apart | sqlx's runner |
//! |---|---|---|
//! | PostgreSQL | `pg_try_advisory_xact_lock` in a transaction of a second connection, asked for again and again | waits: it is the same lock. While a migration runs outside of a transaction sqlx may look, sees that it has begun, and fails with `Dirty`; had it to wait, `CREATE INDEX CONCURRENTLY` would wait for it in turn, for ever |
//! | MySQL, MariaDB | `GET_LOCK` with sqlx's name for the database, asked for again and again | waits: it is the same lock |
//! | SQLite | `BEGIN IMMEDIATE` for each migration, in which what is applied is read again; outside of a transaction a locked file beside the database, `app.db-migrating`, removed afterwards | has no lock there |
//!
//! Nobody waits in a statement that blocks. A run that is dropped, and a program that dies, leave neither lock nor transaction. On PostgreSQL and MySQL
//! sqlx's runner does not give its lock back when it fails: close its pool before you go on with kysera in the same program.
//!
//! # Rights and limits
//!
//! Connections are taken out of the pool of the [`Db`](crate::Db): one, and a second one on PostgreSQL. The limits of a session
//! (`statement_timeout` and its like) do not hold there; a migration may set its own. Behind [PgBouncer](crate::source::PgBouncer) it is to say
//! `SET LOCAL`. A [deadline](crate::Db::with_deadline) holds for the run as a
//! whole. [Observers](crate::observe) are not told of statements; [`Hook`], [`Migrator::on_progress`] and events of `tracing` (target
//! `kysera::migrate`) tell of migrations.

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
