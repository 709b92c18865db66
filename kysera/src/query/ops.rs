//! The operations that most statements come down to.

use std::future::Future;
use std::marker::PhantomData;

use futures_util::TryStreamExt;

use crate::backend::{Backend, Statement};
use crate::entity::{Cells, On};
use crate::error::Result;
use crate::expr::Meta;
use crate::source::Op;

/// Runs a statement to its end and decodes all rows.
pub(crate) async fn decode_all<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    statement: Statement<DB>,
) -> Result<Vec<E>> {
    let mut rows = DB::fetch(conn, statement);
    let mut out = Vec::new();
    while let Some(row) = rows.try_next().await? {
        out.push(E::decode(&mut Cells::new(&row, E::META, 0, out.is_empty()))?);
    }
    Ok(out)
}

/// Runs a statement to its end and decodes its first row.
pub(crate) async fn decode_first<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    statement: Statement<DB>,
) -> Result<Option<E>> {
    let row = DB::fetch_optional(conn, statement).await?;
    row.map(|row| E::decode(&mut Cells::new(&row, E::META, 0, true))).transpose()
}

/// All rows.
pub(crate) struct FetchAll<E, DB: Backend> {
    statement: Statement<DB>,
    entity: PhantomData<fn() -> E>,
}

impl<E, DB: Backend> FetchAll<E, DB> {
    pub(crate) fn new(statement: Statement<DB>) -> Self {
        Self { statement, entity: PhantomData }
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for FetchAll<E, DB> {
    type Out = Vec<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn run(self, conn: &mut DB::Connection) -> impl Future<Output = Result<Vec<E>>> + Send {
        decode_all(conn, self.statement)
    }
}

/// The first row.
pub(crate) struct FetchFirst<E, DB: Backend> {
    statement: Statement<DB>,
    entity: PhantomData<fn() -> E>,
}

impl<E, DB: Backend> FetchFirst<E, DB> {
    pub(crate) fn new(statement: Statement<DB>) -> Self {
        Self { statement, entity: PhantomData }
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for FetchFirst<E, DB> {
    type Out = Option<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn run(self, conn: &mut DB::Connection) -> impl Future<Output = Result<Option<E>>> + Send {
        decode_first(conn, self.statement)
    }
}

/// `SELECT COUNT(*) ..`
pub(crate) struct Count<DB: Backend> {
    pub(crate) meta: &'static Meta,
    pub(crate) statement: Statement<DB>,
}

impl<DB: Backend> Op<DB> for Count<DB> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    async fn run(self, conn: &mut DB::Connection) -> Result<u64> {
        match DB::fetch_optional(conn, self.statement).await? {
            Some(row) => Ok(DB::integer(&row, 0)?.unsigned_abs()),
            None => Ok(0),
        }
    }
}

/// Whether a statement answers a row.
pub(crate) struct Exists<DB: Backend> {
    pub(crate) meta: &'static Meta,
    pub(crate) statement: Statement<DB>,
}

impl<DB: Backend> Op<DB> for Exists<DB> {
    type Out = bool;

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    async fn run(self, conn: &mut DB::Connection) -> Result<bool> {
        Ok(DB::fetch_optional(conn, self.statement).await?.is_some())
    }
}

/// A statement without rows; answers how many it wrote.
pub(crate) struct Execute<DB: Backend> {
    pub(crate) meta: &'static Meta,
    pub(crate) statement: Statement<DB>,
}

impl<DB: Backend> Op<DB> for Execute<DB> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    async fn run(self, conn: &mut DB::Connection) -> Result<u64> {
        Ok(DB::execute(conn, self.statement).await?.rows)
    }
}
