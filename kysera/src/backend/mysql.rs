use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::mysql::types::MySqlTime;
use sqlx::mysql::{MySqlQueryResult, MySqlTypeInfo};
use sqlx::{Column, Decode, Encode, MySql, Row, SqlStr, Type, TypeInfo};

use super::{Backend, Dialect, Done, Statement, TxOptions, driver_methods, sealed, typed_cell, unsupported};
use crate::expr::{AnyValue, Codec};
use sqlx_core::transaction::TransactionManager;

impl sealed::Sealed for MySql {}

fn done(result: &MySqlQueryResult) -> Done {
    Done { rows: result.rows_affected(), last_insert_id: result.last_insert_id() }
}

impl Backend for MySql {
    const DIALECT: Dialect = Dialect::MySql;
    const DRAINS: bool = false;

    driver_methods!(mysql);

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
        // sqlx compares the type of an enum flag by flag, NOT NULL among them, and would refuse most columns that hold
        // one. It reads an enum as text, so a column of text will do.
        let is_text =
            || Ok::<_, sqlx::Error>(<str as Type<Self>>::compatible(row.try_column(index)?.type_info()));
        let check = check && !(T::type_info() == MySqlTypeInfo::__enum() && is_text()?);
        typed_cell(row, index, check)
    }

    fn folds_time(row: &Self::Row, index: usize) -> bool {
        // A TIME is a span with a sign, which sqlx leaves out.
        let time = row.try_get_unchecked::<Option<MySqlTime>, _>(index);
        matches!(time, Ok(Some(time)) if !time.is_valid_time_of_day())
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

/// A value, sent as DATETIME where sqlx would call it TIMESTAMP (`DateTime<Utc>`, `OffsetDateTime`).
///
/// MariaDB takes an argument of type TIMESTAMP for NULL if it lies outside of 1970 to 2038, also where it is meant for a
/// column of type DATETIME, and says nothing. sqlx sends the same bytes for both types.
pub(crate) struct MySqlArgument<'a, T>(pub(crate) &'a T);

impl<T: Type<MySql>> Type<MySql> for MySqlArgument<'_, T> {
    fn type_info() -> MySqlTypeInfo {
        T::type_info()
    }
}

impl<'q, T: Type<MySql> + Encode<'q, MySql>> Encode<'q, MySql> for MySqlArgument<'_, T> {
    fn encode_by_ref(&self, buf: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
        self.0.encode_by_ref(buf)
    }

    fn produces(&self) -> Option<MySqlTypeInfo> {
        let info = self.0.produces().unwrap_or_else(T::type_info);
        Some(if info.name() == "TIMESTAMP" { datetime().unwrap_or(info) } else { info })
    }

    fn size_hint(&self) -> usize {
        self.0.size_hint()
    }
}

/// The type DATETIME, which sqlx has only with a crate for it, as it has TIMESTAMP.
fn datetime() -> Option<MySqlTypeInfo> {
    #[cfg(feature = "chrono")]
    return Some(<sqlx::types::chrono::NaiveDateTime as Type<MySql>>::type_info());
    #[cfg(all(feature = "time", not(feature = "chrono")))]
    return Some(<sqlx::types::time::PrimitiveDateTime as Type<MySql>>::type_info());
    #[cfg(not(any(feature = "chrono", feature = "time")))]
    None
}
