//! The operations that most statements come down to.

use futures_util::TryStreamExt;

use super::shape::{Rows, Shape};
use crate::backend::{Backend, Statement};
use crate::entity::On;
use crate::error::Result;
use crate::expr::Meta;
use crate::observe::Wire;
use crate::source::{Cx, Op};

/// Runs a statement to its end and reads all rows.
pub(crate) async fn read_all<DB: Backend, X: Shape<DB>>(
    wire: &mut Wire<'_, DB>,
    statement: Statement<DB>,
    shape: &X,
) -> Result<Vec<X::Out>> {
    let mut rows = wire.fetch(statement);
    let mut out = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let row = shape.read(&row, 0, out.is_empty()).map_err(|error| rows.failed(error))?;
        out.push(row);
    }
    Ok(out)
}

/// Runs a statement to its end and decodes all rows.
pub(crate) async fn decode_all<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    statement: Statement<DB>,
) -> Result<Vec<E>> {
    read_all(wire, statement, &Rows::new()).await
}

/// Runs a statement to its end and decodes its first row.
pub(crate) async fn decode_first<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    statement: Statement<DB>,
) -> Result<Option<E>> {
    let row = wire.fetch_optional(statement).await?;
    row.map(|row| Rows::<E>::new().read(&row, 0, true)).transpose()
}

/// All rows.
pub(crate) struct FetchAll<DB: Backend, X> {
    pub(crate) meta: &'static Meta,
    pub(crate) statement: Statement<DB>,
    pub(crate) shape: X,
}

impl<DB: Backend, E: On<DB>> FetchAll<DB, Rows<E>> {
    pub(crate) fn new(statement: Statement<DB>) -> Self {
        Self { meta: E::META, statement, shape: Rows::new() }
    }
}

impl<DB: Backend, X: Shape<DB>> Op<DB> for FetchAll<DB, X> {
    type Out = Vec<X::Out>;

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<Vec<X::Out>> {
        read_all(wire, self.statement, &self.shape).await
    }
}

/// The first row.
pub(crate) struct FetchFirst<DB: Backend, X> {
    pub(crate) meta: &'static Meta,
    pub(crate) statement: Statement<DB>,
    pub(crate) shape: X,
}

impl<DB: Backend, E: On<DB>> FetchFirst<DB, Rows<E>> {
    pub(crate) fn new(statement: Statement<DB>) -> Self {
        Self { meta: E::META, statement, shape: Rows::new() }
    }
}

impl<DB: Backend, X: Shape<DB>> Op<DB> for FetchFirst<DB, X> {
    type Out = Option<X::Out>;

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<Option<X::Out>> {
        let row = wire.fetch_optional(self.statement).await?;
        row.map(|row| self.shape.read(&row, 0, true)).transpose()
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

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<u64> {
        match wire.fetch_optional(self.statement).await? {
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

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<bool> {
        Ok(wire.fetch_optional(self.statement).await?.is_some())
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

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<u64> {
        Ok(wire.execute(self.statement).await?.rows)
    }
}
