//! sqlx's own pool as a source.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Pool};

use super::{Bracket, Concurrent, Source, SourceGuard, Unit, Writable};
use crate::backend::Backend;
use crate::error::{Error, Result};

/// A connection of a plain pool.
///
/// sqlx decides what becomes of it afterwards, with one exception: it does not know of the transactions that kysera
/// opens for an operation of several statements, so a connection dropped within one is closed instead of returned.
pub struct PoolGuard<DB: Backend> {
    conn: Option<PoolConnection<DB>>,
    open: bool,
}

impl<DB: Backend> Source for Pool<DB> {
    type Database = DB;
    type Context = ();
    type Guard<'a> = PoolGuard<DB>;

    async fn acquire(&self) -> Result<Self::Guard<'_>> {
        Ok(PoolGuard { conn: Some(Pool::acquire(self).await?), open: false })
    }

    fn context(&self) -> &() {
        &()
    }
}

impl<DB: Backend> Writable for Pool<DB> {}
impl<DB: Backend> Concurrent for Pool<DB> {}

impl<DB: Backend> Deref for PoolGuard<DB> {
    type Target = DB::Connection;

    #[allow(clippy::expect_used, reason = "taken by `drop` alone")]
    fn deref(&self) -> &DB::Connection {
        self.conn.as_ref().expect("held until dropped")
    }
}

impl<DB: Backend> DerefMut for PoolGuard<DB> {
    #[allow(clippy::expect_used, reason = "taken by `drop` alone")]
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.conn.as_mut().expect("held until dropped")
    }
}

impl<DB: Backend> SourceGuard<DB> for PoolGuard<DB> {
    fn open_unit(&mut self, unit: Unit) -> Bracket {
        debug_assert!(!self.is_in_transaction(), "sqlx's pool returns no open transactions");
        match unit {
            Unit::Statement => Bracket::None,
            Unit::Transaction | Unit::Atomic => {
                self.open = true;
                Bracket::Transaction
            }
        }
    }

    fn close_unit(&mut self) {
        self.open = false;
    }

    fn settle(&mut self, _: Result<(), &Error>) {}

    fn hold_for_stream(&mut self) {}
}

impl<DB: Backend> Drop for PoolGuard<DB> {
    fn drop(&mut self) {
        if self.open
            && let Some(conn) = self.conn.take()
        {
            drop(conn.detach());
        }
    }
}
