use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgQueryResult;
use sqlx::{Decode, Postgres, Row, SqlStr, Type};

use super::{Backend, Dialect, Done, Statement, TxOptions, driver_methods, sealed, typed_cell, unsupported};
use crate::expr::{AnyValue, Codec};
use sqlx_core::transaction::TransactionManager;

impl sealed::Sealed for Postgres {}

fn done(result: &PgQueryResult) -> Done {
    Done { rows: result.rows_affected(), last_insert_id: 0 }
}

impl Backend for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;
    const DRAINS: bool = true;

    driver_methods!(postgres);

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
        // sqlx's dates panic on what PostgreSQL has and they do not: `infinity`, and years beyond their own.
        catch_unwind(AssertUnwindSafe(|| typed_cell(row, index, check))).unwrap_or_else(|_| {
            let source = "the value is out of the range of its type".into();
            Err(sqlx::Error::ColumnDecode { index: index.to_string(), source })
        })
    }

    fn folds_time(row: &Self::Row, index: usize) -> bool {
        // 24:00:00, which would be midnight of the same day. Sent as microseconds.
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        matches!(row.try_get_unchecked::<Option<i64>, _>(index), Ok(Some(DAY..)))
    }

    fn bind_array(
        codec: &Codec,
        values: &[&AnyValue],
        args: &mut Self::Arguments,
    ) -> Result<(), BoxDynError> {
        match codec.postgres_array {
            Some(bind) => bind(values, args),
            None => Err(unsupported::<Self>(codec)),
        }
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
