use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use sqlx::error::{BoxDynError, DatabaseError};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgQueryResult, PgRow, PgSeverity};
use sqlx::{Connection, PgConnection, Postgres, Row, SqlStr};
use sqlx_core::transaction::TransactionManager;

use super::postgres_pooler as pooler;
use super::{
    Aftermath, Backend, Dialect, Done, Interrupt, PgBouncer, Scalar, SessionLimits, Standing, Statement,
    TxOptions, Vitals, driver_methods, nonce, out_of_step, plan_lines, sealed, typed_cell, unsupported,
};
use crate::expr::{AnyValue, Codec, Value, dynamic};

impl sealed::Sealed for Postgres {}

fn done(result: &PgQueryResult) -> Done {
    Done { rows: result.rows_affected(), last_insert_id: 0 }
}

impl Backend for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;
    const DRAINS: bool = true;

    driver_methods!(postgres);

    fn from_cursor(codec: &'static Codec, json: serde_json::Value) -> Option<(&'static Codec, Value)> {
        // No text has a NUL, and to be told so would cost a transaction.
        if has_nul(&json) {
            return None;
        }
        Some((codec, codec.of_exact_json(json)?))
    }

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

    const EXPLAIN: &'static str = "EXPLAIN ";

    fn plan(rows: &[Self::Row]) -> Result<Vec<String>, sqlx::Error> {
        plan_lines::<Self>(rows)
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
        let sql = (options != TxOptions::default()).then(|| begin_text(options));
        <Self::TransactionManager>::begin(conn, sql).await
    }

    fn aftermath(error: &dyn DatabaseError) -> Aftermath {
        match error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity) {
            Some(PgSeverity::Fatal | PgSeverity::Panic) => Aftermath::Fatal,
            _ => Aftermath::Aborted,
        }
    }

    async fn probe(conn: &mut Self::Connection) -> Result<Standing, sqlx::Error> {
        // One round trip: SAVEPOINT tells whether a transaction is open and works, the number whether the answer
        // belongs to the question.
        let nonce = nonce();
        let text =
            format!("SAVEPOINT kysera_probe; SELECT '{nonce}' AS nonce; RELEASE SAVEPOINT kysera_probe");
        for _ in 0..ERRORS_LEFT {
            match sqlx::raw_sql(dynamic(text.as_str())).fetch_all(&mut *conn).await {
                Ok(rows) => {
                    let answer = rows.first().map(|row| row.try_get::<String, _>(0)).transpose()?;
                    return if answer == Some(nonce.to_string()) {
                        Ok(Standing::Open)
                    } else {
                        Err(out_of_step())
                    };
                }
                Err(sqlx::Error::Database(error)) if Self::aftermath(&*error) != Aftermath::Fatal => {
                    match error.code().as_deref() {
                        Some("25P01") => return Ok(Standing::Gone), // no active transaction
                        Some("25P02") => return Ok(Standing::Aborted), // in failed transaction
                        _ => {} // left over by an abandoned statement; ask again
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(out_of_step())
    }

    async fn resync(conn: &mut Self::Connection) -> Result<(), sqlx::Error> {
        drain(conn).await?;
        // An abandoned COPY leaves the stream one message out of step, which no ping notices.
        // Unprepared, so that it holds behind a pooler as well.
        let nonce = nonce();
        match sqlx::raw_sql(dynamic(format!("SELECT '{nonce}'"))).fetch_all(&mut *conn).await {
            Ok(rows) => match rows.first().map(|row| row.try_get::<String, _>(0)).transpose()? {
                Some(answer) if answer == nonce.to_string() => Ok(()),
                _ => Err(out_of_step()),
            },
            // In step, within a failed transaction that user code opened.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("25P02") => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn options(url: &str, session: Option<&SessionLimits>) -> Result<PgConnectOptions, sqlx::Error> {
        let options = url.parse::<PgConnectOptions>()?;
        let Some(limits) = session else { return Ok(options) };
        let mut settings = Vec::new();
        if let Some(limit) = limits.statement {
            settings.push(("statement_timeout", format!("{}ms", limit.as_millis())));
        }
        if let Some(limit) = limits.idle_in_transaction {
            settings.push(("idle_in_transaction_session_timeout", format!("{}ms", limit.as_millis())));
        }
        Ok(options.options(settings))
    }

    async fn connected(conn: &mut Self::Connection, session: &SessionLimits) -> Result<(), sqlx::Error> {
        let Some(interval) = session.connection_check else { return Ok(()) };
        // Not a start-up option: servers before 14 refuse a session that names a setting they do not know.
        if conn.server_version_num().is_some_and(|version| version >= 140_000) {
            let sql = "SELECT set_config('client_connection_check_interval', $1, false)";
            let query = sqlx::query(sql).bind(format!("{}ms", interval.as_millis())).persistent(false);
            match query.execute(conn).await {
                // Refused by servers on systems that cannot watch a socket.
                Ok(_) | Err(sqlx::Error::Database(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn pooled(options: PgConnectOptions, mode: PgBouncer) -> PgConnectOptions {
        pooler::options(options, mode)
    }

    fn try_pooler(
        options: &PgConnectOptions,
        mode: PgBouncer,
    ) -> impl Future<Output = crate::error::Result<()>> + Send {
        pooler::try_mode(options, mode)
    }

    fn try_direct(
        conn: &mut Self::Connection,
        session: &SessionLimits,
    ) -> impl Future<Output = crate::error::Result<()>> + Send {
        pooler::try_direct(conn, session.statement)
    }

    fn unconnected(error: sqlx::Error) -> crate::error::Error {
        pooler::unconnected(error)
    }

    async fn vitals(conn: &mut Self::Connection) -> Result<Vitals, sqlx::Error> {
        const WHO: &str = "SELECT current_setting('server_version'), current_database()::text, pg_is_in_recovery()::int::bigint";
        const LAG: &str =
            "SELECT (EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp()) * 1000)::bigint::text";
        let row = only_row(conn, WHO).await?;
        let replica = if Self::integer(&row, 2)? == 0 {
            None
        } else {
            let behind = match only_row(conn, LAG).await {
                Ok(row) => Self::text(&row, 0)?.and_then(|millis| millis.parse::<i64>().ok()),
                // Replicas that share their primary's storage have no such function.
                Err(sqlx::Error::Database(_)) => None,
                Err(error) => return Err(error),
            };
            // The clocks of two machines: what is ahead is not behind.
            Some(behind.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
        };
        Ok(Vitals { version: Self::text(&row, 0)?, database: Self::text(&row, 1)?, replica })
    }

    async fn interrupt(conn: &mut Self::Connection) -> Result<Interrupt, sqlx::Error> {
        // sqlx was told at the start and keeps it to itself. Unprepared, which is one round trip also the first time.
        let row = sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(conn).await?;
        Ok(Interrupt::Session(row.try_get::<i32, _>(0)?.into()))
    }

    async fn stop(side: &mut Self::Connection, session: i64) -> Result<(), sqlx::Error> {
        // The signal has been given when this answers: whatever the session is asked afterwards, it has seen it by then.
        let sql = dynamic(format!("SELECT pg_cancel_backend({session})"));
        sqlx::raw_sql(sql).execute(side).await.map(drop)
    }

    async fn recover(conn: &mut Self::Connection, begun: bool) -> Result<(), sqlx::Error> {
        while conn.is_in_transaction() {
            <Self::TransactionManager>::start_rollback(conn); // queued behind what is in flight
        }
        drain(conn).await?;
        if begun {
            // A BEGIN that was cut leaves sqlx's depth at 0 and a transaction open: only the server knows. Outside a
            // transaction this is a warning in its log.
            sqlx::raw_sql("ROLLBACK").execute(&mut *conn).await?;
            Self::resync(conn).await?;
        }
        Ok(())
    }
}

/// The only row of a statement, unprepared, so that it holds behind a pooler as well.
async fn only_row(conn: &mut PgConnection, sql: &'static str) -> Result<PgRow, sqlx::Error> {
    sqlx::raw_sql(sql).fetch_one(conn).await
}

/// Whether a text in it has one.
fn has_nul(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(elements) => elements.iter().any(has_nul),
        serde_json::Value::Object(members) => {
            members.iter().any(|(name, json)| name.contains('\0') || has_nul(json))
        }
        _ => false,
    }
}

/// How many errors abandoned statements may have left in one connection.
const ERRORS_LEFT: usize = 16;

/// Each error that an abandoned statement left behind ends one ping; the next one goes on.
async fn drain(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    for _ in 0..ERRORS_LEFT {
        match conn.ping().await {
            Ok(()) => return Ok(()),
            Err(sqlx::Error::Database(error)) if Postgres::aftermath(&*error) != Aftermath::Fatal => {}
            Err(error) => return Err(error),
        }
    }
    Err(out_of_step())
}

fn begin_text(options: TxOptions) -> SqlStr {
    let mut sql = String::from("BEGIN");
    if let Some(isolation) = options.isolation {
        sql.push_str(" ISOLATION LEVEL ");
        sql.push_str(isolation.sql());
    }
    if options.read_only {
        sql.push_str(" READ ONLY");
    }
    if options.deferrable {
        sql.push_str(" DEFERRABLE");
    }
    dynamic(sql)
}
