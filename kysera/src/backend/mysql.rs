use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use sqlx::encode::IsNull;
use sqlx::error::{BoxDynError, DatabaseError};
use sqlx::mysql::types::MySqlTime;
use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlQueryResult, MySqlRow, MySqlTypeInfo};
use sqlx::{Column, Connection, Encode, MySql, Row, SqlStr, Type, TypeInfo};
use sqlx_core::transaction::TransactionManager;

use super::{
    Aftermath, Backend, Dialect, Done, Interrupt, STATEMENT_CACHE, STATEMENTS, Scalar, SessionLimits,
    Standing, Statement, TxOptions, Vitals, driver_methods, names, nonce, only_row, out_of_step, plan_lines,
    sealed, typed_cell, unsupported,
};
use crate::expr::{AnyValue, Codec, dynamic};

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

    fn cell<T: Scalar<Self>>(row: &Self::Row, index: usize, check: bool) -> Result<T, sqlx::Error> {
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

    const EXPLAIN: &'static str = "EXPLAIN FORMAT=JSON ";

    fn plan(rows: &[Self::Row]) -> Result<Vec<String>, sqlx::Error> {
        plan_lines::<Self>(rows)
    }

    /// An ENUM is ordered by its position and compared by its text.
    fn has_one_order(row: &Self::Row, index: usize) -> Result<bool, sqlx::Error> {
        Ok(row.try_column(index)?.type_info().name() != "ENUM")
    }

    fn bind_array(codec: &Codec, _: &[&AnyValue], _: &mut Self::Arguments) -> Result<(), BoxDynError> {
        Err(unsupported::<Self>(codec)) // no array parameters here; the renderer never asks
    }

    async fn begin(conn: &mut Self::Connection, options: TxOptions) -> Result<(), sqlx::Error> {
        // One text, hence one round trip: without SESSION the level holds for the next transaction alone.
        let isolation = match options.isolation {
            Some(level) => format!("SET TRANSACTION ISOLATION LEVEL {}; ", level.sql()),
            None => String::new(),
        };
        let access = if options.read_only { " READ ONLY" } else { "" };
        let sql = dynamic(format!("{isolation}START TRANSACTION{access}"));
        <Self::TransactionManager>::begin(conn, Some(sql)).await
    }

    fn aftermath(error: &dyn DatabaseError) -> Aftermath {
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
        match number {
            // server shutdown, connection killed (MariaDB), idle for too long
            Some(1053 | 1927 | 4031) => Aftermath::Fatal,
            // Lock wait timeout (all or the statement alone, as innodb_rollback_on_timeout says, which nobody tells),
            // lock table full, deadlock, rollback by an error of COMMIT or of replication, XA rollbacks, and MariaDB's
            // record that changed since the snapshot.
            Some(1205 | 1206 | 1213 | 1180 | 3101 | 1402 | 1613 | 1614 | 1020) => Aftermath::Gone,
            _ if error.code().is_some_and(|state| state.starts_with("40")) => Aftermath::Gone,
            _ => Aftermath::Unharmed,
        }
    }

    async fn probe(conn: &mut Self::Connection) -> Result<Standing, sqlx::Error> {
        // Outside a transaction a savepoint is gone as soon as it is made, and cannot be released.
        let nonce = nonce();
        let text = format!("SAVEPOINT kysera_probe; SELECT {nonce}; RELEASE SAVEPOINT kysera_probe");
        match sqlx::raw_sql(dynamic(text)).fetch_all(&mut *conn).await {
            Ok(rows) => answers(&rows, nonce).map(|()| Standing::Open),
            Err(sqlx::Error::Database(error)) if is_missing_savepoint(&*error) => {
                Self::resync(conn).await?;
                Ok(Standing::Gone)
            }
            Err(error) => Err(error),
        }
    }

    async fn resync(conn: &mut Self::Connection) -> Result<(), sqlx::Error> {
        // A connection that is out of step answers with something else or not at all; whoever calls this bounds it.
        let nonce = nonce();
        let rows = sqlx::raw_sql(dynamic(format!("SELECT {nonce}"))).fetch_all(&mut *conn).await?;
        answers(&rows, nonce)
    }

    fn options(url: &str, _: Option<&SessionLimits>) -> Result<MySqlConnectOptions, sqlx::Error> {
        let options = url.parse::<MySqlConnectOptions>()?;
        Ok(if names(url, STATEMENT_CACHE) { options } else { options.statement_cache_capacity(STATEMENTS) })
    }

    async fn connected(conn: &mut Self::Connection, session: &SessionLimits) -> Result<(), sqlx::Error> {
        let Some(limit) = session.statement else { return Ok(()) };
        // Each server reads its own comment: MySQL counts milliseconds and SELECTs alone, MariaDB seconds.
        let sql = format!(
            "SET SESSION /*!50708 max_execution_time = {} */ /*M!100101 max_statement_time = {} */",
            limit.as_millis(),
            limit.as_secs_f64(),
        );
        match sqlx::raw_sql(dynamic(sql)).execute(conn).await {
            Ok(_) | Err(sqlx::Error::Database(_)) => Ok(()), // refused by servers that know neither
            Err(error) => Err(error),
        }
    }

    async fn vitals(conn: &mut Self::Connection) -> Result<Vitals, sqlx::Error> {
        let row = only_row::<Self>(conn, "SELECT VERSION(), DATABASE()").await?;
        Ok(Vitals { version: Self::text(&row, 0)?, database: Self::text(&row, 1)?, replica: None })
    }

    async fn interrupt(conn: &mut Self::Connection) -> Result<Interrupt, sqlx::Error> {
        // As text, whose type does not depend on the server.
        let row = sqlx::raw_sql("SELECT CAST(CONNECTION_ID() AS CHAR)").fetch_one(conn).await?;
        let id = row.try_get::<String, _>(0)?;
        Ok(Interrupt::Session(id.parse().map_err(|_| out_of_step())?))
    }

    async fn stop(side: &mut Self::Connection, session: i64) -> Result<(), sqlx::Error> {
        // All of it: the connection cannot be used again, and its transaction holds locks.
        sqlx::raw_sql(dynamic(format!("KILL {session}"))).execute(side).await.map(drop)
    }

    fn name_of(options: &MySqlConnectOptions) -> String {
        format!("{}:{}", options.get_host(), options.get_port())
    }

    async fn recover(conn: &mut Self::Connection, begun: bool) -> Result<(), sqlx::Error> {
        // Only reached when none of kysera's own statements was in flight: those connections are closed.
        sqlx::raw_sql("ROLLBACK").execute(&mut *conn).await?;
        while conn.is_in_transaction() {
            <Self::TransactionManager>::rollback(conn).await?;
        }
        if begun {
            Self::resync(conn).await?;
        }
        Ok(())
    }
}

fn answers(rows: &[MySqlRow], nonce: i64) -> Result<(), sqlx::Error> {
    match rows.first().map(|row| row.try_get_unchecked::<String, _>(0)).transpose()? {
        Some(answer) if answer == nonce.to_string() => Ok(()),
        _ => Err(out_of_step()),
    }
}

/// 1305: SAVEPOINT does not exist.
fn is_missing_savepoint(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|error| error.number() == 1305)
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
