//! Reads that lock what they read.

use std::future::Future;

use futures_core::Stream;

use super::find::Find;
use super::shape::{Rows, Shape};
use super::statement::Query;
use crate::backend::Dialect;
use crate::entity::{Entity, On};
use crate::error::{Error, Result};
use crate::expr::{Meta, Sql};
use crate::source::{InTransaction, Source, Writable};

/// How the rows of a query are locked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lock {
    strength: Strength,
    wait: Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Update,
    Share,
}

/// What is done about rows that someone else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Forever,
    Skip,
    Fail,
}

impl Lock {
    /// ` FOR UPDATE ..`
    pub(super) fn write(self, sql: &mut Sql<'_>, query: &Query, meta: &'static Meta, aggregates: bool) {
        let refuse = |sql: &mut Sql<'_>, what: &'static str| {
            let backend = sql.dialect().name();
            sql.refuse(Error::Unsupported { backend, what: what.into() });
        };
        if query.is_condensed() || aggregates {
            sql.refuse(Error::BadRequest(
                "only rows of a table can be locked, not groups, aggregates or different rows".into(),
            ));
        }
        let dialect = sql.dialect();
        match (dialect, self.strength) {
            (Dialect::Sqlite, _) => refuse(
                sql,
                "it has no locks of rows, and needs none: a transaction that may write locks the whole database from its \
                 beginning, so read the rows without a lock",
            ),
            // MySQL 8 spells it FOR SHARE as well, MariaDB does not, and MySQL takes no more words behind this spelling.
            (Dialect::MySql, Strength::Share) => {
                if self.wait != Wait::Forever {
                    refuse(
                        sql,
                        "its servers agree on no text that shares a lock without waiting for it; take `for_update()`, or wait",
                    );
                }
                sql.push(" LOCK IN SHARE MODE");
            }
            (_, Strength::Update) => {
                sql.push(" FOR UPDATE");
            }
            (_, Strength::Share) => {
                sql.push(" FOR SHARE");
            }
        }
        if dialect == Dialect::Postgres && !query.joins.is_empty() {
            // Rows that a LEFT JOIN did not find cannot be locked. (By the name that the query calls the table.)
            sql.push(" OF ").ident(meta.table);
        }
        match self.wait {
            Wait::Forever => {}
            Wait::Skip => {
                sql.push(" SKIP LOCKED");
            }
            Wait::Fail => {
                sql.push(" NOWAIT");
            }
        }
    }
}

impl<'s, E, S, X> Find<'s, E, S, X>
where
    S: Source,
    E: On<S::Database>,
    X: Shape<S::Database>,
{
    /// Locks the rows until the transaction ends, against writes and locks of others: whatever is decided from what was
    /// read still holds when it is written.
    ///
    /// `SELECT .. FOR UPDATE`. Rows that someone else has locked are waited for;
    /// [`skip_locked`](Locked::skip_locked) and [`no_wait`](Locked::no_wait) say otherwise. Of a join PostgreSQL locks the
    /// rows of this entity alone, MySQL those of all its tables. Give the query an order where several workers lock several
    /// rows, or they may deadlock.
    ///
    /// A lock outside a transaction would end with the statement, so it needs one: with a [`Db`](crate::Db) this does not
    /// compile. SQLite has no such locks; see the errors.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # use kysera::{Backend, Result, entity::On};
    /// # #[derive(Repository)]
    /// # #[kysera(table = "jobs")]
    /// # struct Job { #[kysera(id)] id: i64, state: String, input: String }
    /// /// The next job, which no other worker gets.
    /// async fn work<DB: Backend>(db: &Db<DB>) -> Result<bool>
    /// where
    ///     Job: On<DB>,
    /// {
    ///     db.transaction(|tx| async move {
    ///         let jobs = Job::repo(&tx);
    ///         let open = jobs.find().filter(Job::STATE.eq("open")).order_by(Job::ID.asc());
    ///         let Some(job) = open.for_update().skip_locked().first().await? else { return Ok(false) };
    ///         // .. and while it is being worked on, it stays locked.
    ///         jobs.update(job.id, JobPatch::new().state("done")).await?;
    ///         Ok(true)
    ///     })
    ///     .await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The methods that end the query answer [`Error::Unsupported`] on SQLite, where a transaction that may write locks the
    /// whole database; [`Error::BadRequest`] if rows of the result are groups or aggregates; those of the database, among them a deadlock
    /// and a lock that was not to be had in time, which are [transient](Error::is_transient).
    pub fn for_update(self) -> Locked<'s, E, S, X>
    where
        S: InTransaction + Writable,
    {
        self.locked(Strength::Update)
    }

    /// Locks the rows until the transaction ends, against writes of others but not against the same lock of theirs: what
    /// was read stays as it is.
    ///
    /// `SELECT .. FOR SHARE`; on MySQL and MariaDB `LOCK IN SHARE MODE`, which always waits. Two transactions that share a
    /// lock and both go on to write the row deadlock: [`for_update`](Self::for_update) for rows that will be written.
    ///
    /// # Errors
    ///
    /// As [`for_update`](Self::for_update); [`Error::Unsupported`] with [`skip_locked`](Locked::skip_locked) and
    /// [`no_wait`](Locked::no_wait) on MySQL.
    pub fn for_share(self) -> Locked<'s, E, S, X>
    where
        S: InTransaction + Writable,
    {
        self.locked(Strength::Share)
    }

    fn locked(mut self, strength: Strength) -> Locked<'s, E, S, X> {
        self.query.lock = Some(Lock { strength, wait: Wait::Forever });
        Locked { find: self }
    }
}

/// A query that locks what it reads, made by [`Find::for_update`] and [`Find::for_share`]. It reads rows and nothing else.
#[must_use = "a query does nothing until it is ended with `all`, `first`, `one` or `stream`"]
pub struct Locked<'s, E, S, X = Rows<E>> {
    find: Find<'s, E, S, X>,
}

impl<'s, E, S, X> Locked<'s, E, S, X>
where
    S: Source,
    E: On<S::Database>,
    X: Shape<S::Database>,
{
    /// Passes over rows that someone else has locked, as if they were not there: each worker of a queue gets jobs of its
    /// own. It takes the place of [`no_wait`](Self::no_wait).
    pub fn skip_locked(self) -> Self {
        self.wait(Wait::Skip)
    }

    /// Fails at once where a row is locked by someone else, with an error that is [transient](Error::is_transient) and of
    /// code [`Timeout`](crate::ErrorCode::Timeout). It takes the place of [`skip_locked`](Self::skip_locked).
    ///
    /// Take the transaction for lost then, and begin another one: PostgreSQL aborts it (unless a savepoint around the query
    /// is rolled back), and MariaDB, which calls this a timeout, may have rolled it back.
    pub fn no_wait(self) -> Self {
        self.wait(Wait::Fail)
    }

    fn wait(mut self, wait: Wait) -> Self {
        if let Some(lock) = &mut self.find.query.lock {
            lock.wait = wait;
        }
        self
    }

    /// All rows; see [`Find::all`].
    ///
    /// # Errors
    ///
    /// Those of [`Find::all`] and [`Find::for_update`].
    pub fn all(self) -> impl Future<Output = Result<Vec<X::Out>>> + Send + use<'s, E, S, X> {
        self.find.all()
    }

    /// The first row, if there is one, and no other is locked; see [`Find::first`].
    ///
    /// # Errors
    ///
    /// Those of [`Find::first`] and [`Find::for_update`].
    pub fn first(self) -> impl Future<Output = Result<Option<X::Out>>> + Send + use<'s, E, S, X> {
        self.find.first()
    }

    /// The only row; see [`Find::one`].
    ///
    /// # Errors
    ///
    /// Those of [`Find::one`] and [`Find::for_update`].
    pub fn one(self) -> impl Future<Output = Result<X::Out>> + Send + use<'s, E, S, X> {
        self.find.one()
    }

    /// The rows one by one; see [`Find::stream`]. Which of them are locked before they are read is the database's affair.
    pub fn stream(self) -> impl Stream<Item = Result<X::Out>> + Send + Unpin + use<'s, E, S, X> {
        self.find.stream()
    }
}

impl<S, E, X: Clone> Clone for Locked<'_, E, S, X> {
    fn clone(&self) -> Self {
        Self { find: self.find.clone() }
    }
}

impl<E: Entity, S, X> std::fmt::Debug for Locked<'_, E, S, X> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Locked").field(&self.find).finish()
    }
}

#[cfg(test)]
mod tests;
