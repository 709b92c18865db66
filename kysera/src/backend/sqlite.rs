use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteQueryResult;
use sqlx::{Decode, Row, SqlStr, Sqlite, Type, ValueRef};

use super::{Backend, Dialect, Done, Statement, TxOptions, driver_methods, sealed, unsupported};
use crate::expr::{AnyValue, Codec};
use sqlx_core::transaction::TransactionManager;

impl sealed::Sealed for Sqlite {}

fn done(result: &SqliteQueryResult) -> Done {
    Done { rows: result.rows_affected(), last_insert_id: 0 }
}

impl Backend for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;
    const DRAINS: bool = true;

    driver_methods!(sqlite);

    async fn fetch_optional(
        conn: &mut Self::Connection,
        statement: Statement<Self>,
    ) -> Result<Option<Self::Row>, sqlx::Error> {
        // To the end: what is left over would be drained by the next statement, its errors included.
        let mut rows = Self::fetch(conn, statement);
        let first = rows.try_next().await?;
        while rows.try_next().await?.is_some() {}
        Ok(first)
    }

    fn cell<'r, T: Type<Self> + Decode<'r, Self>>(
        row: &'r Self::Row,
        index: usize,
        check: bool,
    ) -> Result<T, sqlx::Error> {
        let _ = check; // types belong to cells here, not to columns
        row.try_get(index)
    }

    fn hides_null(row: &Self::Row, index: usize) -> bool {
        row.try_get_raw(index).is_ok_and(|value| value.is_null())
    }

    fn bind_array(codec: &Codec, _: &[&AnyValue], _: &mut Self::Arguments) -> Result<(), BoxDynError> {
        Err(unsupported::<Self>(codec)) // no array parameters here; the renderer never asks
    }

    async fn begin(conn: &mut Self::Connection, options: TxOptions) -> Result<(), sqlx::Error> {
        let _ = options;
        <Self as sqlx::Database>::TransactionManager::begin(conn, None).await
    }

    async fn recover(conn: &mut Self::Connection, begun: bool) -> Result<(), sqlx::Error> {
        let _ = (conn, begun);
        unimplemented!()
    }
}
