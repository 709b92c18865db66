//! Where statements run.
//!
//! | source | made by | what it is |
//! |---|---|---|
//! | [`Db`] | [`Db::connect`], [`Db::builder`], `Db::from(pool)` | a database: the fast path, with a context |
//! | [`Tx`] | [`Db::transaction`], [`Db::begin`], [`Tx::transaction`] | a transaction, or a savepoint within one |
//! | [`Conn`] | [`Db::acquire`] | one connection for several statements |
//! | [`Borrowed`] | [`on`] | a connection or transaction of sqlx |
//! | [`Pool`](sqlx::Pool) | sqlx | a plain pool, with sqlx's own behaviour when futures are dropped |
//! | [`Replica`] | [`Db::replica`] | the replicas of a database, in turn, without writes |
//! | [`ReadOnly`] | [`ReadOnly::new`], [`Begin::read_only`] | any of them, without writes |
//!
//! References and [`Arc`]s of a source are sources too. All methods take `&self`.
//!
//! # Dropped futures
//!
//! Every future may be dropped at any point: by `timeout`, by `select!`, by a client that hangs up. A connection that was in
//! use then is marked; before anyone else gets it, it is read to the end of what was in flight and rolled back, in the
//! background and within [`Policy::recover`], or closed. On MySQL and MariaDB, whose protocol cannot be picked up in the
//! middle, it is closed at once. What was sent may still be executed: an INSERT that is abandoned happens, and a COMMIT that
//! is abandoned has an unknown outcome. A [deadline](Db::with_deadline) stops what runs as well.
//!
//! # Networks that break
//!
//! A statement whose connection breaks fails, with an error that is [transient](crate::Error::is_transient); COMMIT then has
//! an [outcome that is unknown](crate::error::TransactionError::OutcomeUnknown), and so has a statement outside of a transaction
//! that writes. Every other connection that was last used before that is under suspicion: a [`Db`] pings it in the
//! background, all of them at once and for 1 s at most, before anyone gets it, and closes it if it does not answer. So one
//! failure costs the statements that were in flight, and not one more for each connection. The same happens when a
//! connection does not come clean within [`Policy::recover`], and on MySQL when a statement is abandoned after that time.
//! Where nothing answers and nobody says so (a server without power, a router that forgot), a caller needs a
//! deadline to find out: sockets alone wait for a quarter of an hour.

//!
//! # Writing to SQLite
//!
//! A file of SQLite has one writer at a time. A [`Db`] therefore lets its writers form a queue, first come, first served, where
//! they wait without a connection and for [`Policy::acquire`] at most: statements that write, transactions unless they are
//! [read-only](Begin::read_only), [`Db::raw_sql`]. Readers go on meanwhile. Left to SQLite, each of them would try again and
//! again in a thread, and whoever is unlucky for 5 s, the busy timeout, would fail. That is still how writers meet that are
//! not of one `Db` and its clones: other programs, and statements on a [`Conn`], which has its connection already. A write to the `Db`
//! in the middle of a transaction waits for itself and ends with [`PoolError::NoTurn`](crate::error::PoolError::NoTurn):
//! it belongs on the `tx`.

mod begin;
mod borrowed;
mod builder;
mod cache;
mod cluster;
mod conn;
mod cx;
mod db;
mod deadline;
mod generate;
mod interrupting;
mod lease;
mod node;
mod policy;
mod pool;
#[cfg(feature = "postgres")]
mod position;
mod read_only;
mod replica;
mod replicas;
mod run;
mod session;
#[cfg(all(test, any(feature = "sqlite", feature = "_servers")))]
mod tests;
mod transact;
mod turn;
mod tx;
mod tx_state;
mod verdict;
mod writers;

use std::future::Future;
use std::ops::DerefMut;
use std::sync::Arc;

pub use begin::{Begin, Mode, Read, Write};
pub use borrowed::{Borrowed, BorrowedGuard, on};
pub use builder::DbBuilder;
pub(crate) use cache::no_runtime;
pub use cluster::ClusterBuilder;
pub use conn::{Conn, ConnGuard, RawConnection};
pub(crate) use cx::Cx;
pub use db::{Db, System};
pub(crate) use deadline::{Deadline, within};
pub(crate) use generate::generate;
pub use lease::Lease;
pub(crate) use node::Node;
pub use policy::{Metrics, Policy, ReplicaMetrics};
pub use pool::PoolGuard;
#[cfg(feature = "postgres")]
pub use position::Position;
pub use read_only::ReadOnly;
pub use replica::Replica;
pub(crate) use run::{Op, acquire, close_bracket, open_bracket, run, settle, undo_bracket};
#[doc(hidden)]
pub use session::Settings;
pub use transact::Transact;
pub use tx::{Tx, TxConnection, TxGuard};

use crate::backend::Backend;
pub use crate::backend::{PgBouncer, SessionLimits};
use crate::error::{Error, Result};

/// Where statements run.
///
/// The [module](self) lists what it is implemented for.
pub trait Source: Send + Sync {
    /// The database.
    type Database: Backend;
    /// Who asks: `()` unless a context was given with `with_context`. There is no other way in which a statement
    /// could learn of it.
    type Context: Send + Sync + 'static;
    /// What is lent for one operation.
    type Guard<'a>: SourceGuard<Self::Database>
    where
        Self: 'a;

    /// Lends a connection for one operation.
    fn acquire(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send;

    /// The same for an operation that writes, or opens a transaction: it may have to wait for its turn.
    #[doc(hidden)]
    fn acquire_to_write(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        self.acquire()
    }

    /// The context.
    fn context(&self) -> &Self::Context;

    /// How the source was set up.
    #[doc(hidden)]
    fn settings(&self) -> &Settings {
        Settings::NONE
    }
}

/// A source that may write; read-only ones are not.
///
/// Write methods ask for it, so that a write through a replica or in a read-only transaction does not compile.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a read-only source and cannot run a statement that writes",
    label = "this source only reads",
    note = "build the repository on the primary: `Db`, a `Tx` of it, or a `Conn`",
    note = "a function that is generic over its source asks for `Writable` instead of `Source`"
)]
pub trait Writable: Source {}

/// A source whose statements belong to one transaction: a [`Tx`], or one that only reads.
///
/// A function that asks for it cannot be called without a transaction, and whoever calls it sees that in its signature.
/// A [`Borrowed`] transaction of sqlx's is none: whether the connection behind it is in a transaction is not in its type.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// use kysera::InTransaction;
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "accounts")]
/// # struct Account { #[kysera(id)] id: i64, balance: i64 }
///
/// async fn transfer(tx: &(impl InTransaction<Database = Sqlite> + Writable), from: i64, to: i64) -> kysera::Result<()> {
///     let accounts = Account::repo(tx);
///     accounts.find().filter(Account::ID.eq(from)).set(Account::BALANCE, Account::BALANCE.minus(10)).execute().await?;
///     accounts.find().filter(Account::ID.eq(to)).set(Account::BALANCE, Account::BALANCE.plus(10)).execute().await?;
///     Ok(())
/// }
/// # async fn call(db: Db<Sqlite>) -> kysera::Result<()> {
/// db.transaction(|tx| async move { transfer(&tx, 1, 2).await }).await
/// # }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this function needs a transaction, and `{Self}` is none",
    label = "not in a transaction",
    note = "run it in `db.transaction(|tx| async move {{ .. }})`, and give it the `tx`"
)]
pub trait InTransaction: Source {}

/// A source on which several statements can run at the same time, each on a connection of its own.
///
/// [`dal::parallel`](crate::dal::parallel) asks for it.
#[diagnostic::on_unimplemented(
    message = "statements on `{Self}` cannot run at the same time: it is one connection",
    label = "runs one statement after the other",
    note = "await the functions one after the other; or use a `Db` or a pool, where each of them takes a connection, and \
            none sees what a transaction has not committed"
)]
pub trait Concurrent: Source {}

/// What a source lends for one operation.
///
/// The operation reaches the connection through `DerefMut`, which counts as "a statement may be in flight" until
/// [`settle`](Self::settle) says that it ran to its end. A guard that is dropped without it belongs to a future that
/// was dropped: the source then cleans up or closes the connection before anyone else gets it.
pub trait SourceGuard<DB: Backend>: DerefMut<Target = DB::Connection> + Send {
    /// The operation is about to send several statements that belong together; answers how to bracket them.
    ///
    /// Whatever is answered counts as open until [`close_unit`](Self::close_unit).
    fn open_unit(&mut self, unit: Unit) -> Bracket;

    /// The bracket was closed on the server: committed or released, or rolled back.
    fn close_unit(&mut self);

    /// The operation ran to its end.
    fn settle(&mut self, end: Result<(), &Error>);

    /// The deadline passed while a statement was in flight: nothing more may come of the transaction around it.
    #[doc(hidden)]
    fn give_up(&mut self) {}

    /// The guard will be held across code of the caller's: other statements are refused meanwhile instead of
    /// waiting for ever.
    fn hold_for_stream(&mut self);

    /// The guard is dropped between two rows of a stream: nothing was cut in its middle, so that also a connection that
    /// cannot be picked up there reads what is left before its next statement. Sources that close it instead need not
    /// know.
    fn leave_rows(&mut self) {}
}

/// What several statements of one operation need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// It is one statement.
    Statement,
    /// They must see the same transaction, but only one of them writes.
    Transaction,
    /// Several of them write: all or nothing, also inside a transaction that goes on after an error.
    Atomic,
}

/// How to bracket the statements of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bracket {
    /// Not at all: it is one statement, or a transaction is open and that is enough.
    None,
    /// `BEGIN` .. `COMMIT`
    Transaction,
    /// `SAVEPOINT kysera_n` .. `RELEASE SAVEPOINT kysera_n`
    Savepoint(u32),
}

impl<S: Source> Source for &S {
    type Database = S::Database;
    type Context = S::Context;
    type Guard<'a>
        = S::Guard<'a>
    where
        Self: 'a;

    fn acquire(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        (**self).acquire()
    }

    fn acquire_to_write(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        (**self).acquire_to_write()
    }

    fn context(&self) -> &Self::Context {
        (**self).context()
    }

    fn settings(&self) -> &Settings {
        (**self).settings()
    }
}

impl<S: Source> Source for Arc<S> {
    type Database = S::Database;
    type Context = S::Context;
    type Guard<'a>
        = S::Guard<'a>
    where
        Self: 'a;

    fn acquire(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        (**self).acquire()
    }

    fn acquire_to_write(&self) -> impl Future<Output = Result<Self::Guard<'_>>> + Send {
        (**self).acquire_to_write()
    }

    fn context(&self) -> &Self::Context {
        (**self).context()
    }

    fn settings(&self) -> &Settings {
        (**self).settings()
    }
}

impl<S: InTransaction> InTransaction for &S {}
impl<S: InTransaction> InTransaction for Arc<S> {}
impl<S: Concurrent> Concurrent for &S {}
impl<S: Concurrent> Concurrent for Arc<S> {}
impl<S: Writable> Writable for &S {}
impl<S: Writable> Writable for Arc<S> {}
