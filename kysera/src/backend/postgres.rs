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
    Aftermath, Backend, Dialect, Done, Interrupt, PgBouncer, Progress, STATEMENT_CACHE, STATEMENTS, Scalar,
    SessionLimits, Standing, Statement, TxOptions, Vitals, driver_methods, names, nonce, out_of_step,
    plan_lines, sealed, typed_cell, unsupported,
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
        let mut options = url.parse::<PgConnectOptions>()?;
        if !names(url, STATEMENT_CACHE) {
            options = options.statement_cache_capacity(STATEMENTS);
        }
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
        let row = only_row(conn, WHO).await?;
        let replica = if Self::integer(&row, 2)? == 0 {
            None
        } else {
            match Self::progress(conn).await {
                Ok(progress) => progress.lag,
                // Replicas that share their primary's storage have no such functions.
                Err(sqlx::Error::Database(_)) => Some(None),
                Err(error) => return Err(error),
            }
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

    async fn progress(conn: &mut Self::Connection) -> Result<Progress, sqlx::Error> {
        // What was replayed is asked for before what was received, so that what arrives in between is not taken for replayed. A
        // receiver that is not there hears nothing: then the clock alone tells.
        const HOW_FAR: &str = "SELECT \
            (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text, \
            pg_last_wal_receive_lsn()::text, \
            (CASE WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0 \
                ELSE (EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp()) * 1000)::bigint END)::text, \
            pg_is_in_recovery()::int::bigint, \
            current_setting('wal_block_size')::bigint, pg_size_bytes(current_setting('wal_segment_size'))::bigint";
        let row = only_row(conn, HOW_FAR).await?;
        let place = |index| Ok::<_, sqlx::Error>(Self::text(&row, index)?.and_then(|text| read_lsn(&text)));
        let (position, heard) = (place(0)?.unwrap_or(0), place(1)?.unwrap_or(0));
        if Self::integer(&row, 3)? == 0 {
            let [block, segment] = [4, 5].map(|index| Self::integer(&row, index));
            let position = without_header(position, block?.unsigned_abs(), segment?.unsigned_abs());
            return Ok(Progress { position, heard: position, lag: None });
        }
        let behind = Self::text(&row, 2)?.and_then(|millis| millis.parse::<i64>().ok());
        // The clocks of two machines: what is ahead is not behind.
        let lag = behind.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        Ok(Progress { position, heard, lag: Some(lag) })
    }

    fn name_of(options: &PgConnectOptions) -> String {
        format!("{}:{}", options.get_host(), options.get_port())
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

/// A place in the log of a server, as PostgreSQL writes it: `16/B374D848`.
pub(crate) fn read_lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let half = |digits: &str| {
        let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if plain { u64::from_str_radix(digits, 16).ok() } else { None }
    };
    Some(half(high)? << 32 | half(low)?)
}

/// Where the last record ends, of the place at which the next one will begin. Behind the end of a page that is beyond the page's
/// header, to which a replica comes only with the next record.
fn without_header(next: u64, block: u64, segment: u64) -> u64 {
    const HEADER: u64 = 24;
    /// Of the first page of a segment.
    const LONG_HEADER: u64 = 40;
    if next.checked_rem(segment) == Some(LONG_HEADER) {
        next - LONG_HEADER
    } else if next.checked_rem(block) == Some(HEADER) {
        next - HEADER
    } else {
        next
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_in_the_log() {
        assert_eq!(read_lsn("0/0"), Some(0));
        assert_eq!(read_lsn("16/B374D848"), Some(0x16_B374_D848));
        assert_eq!(read_lsn("ffffffff/ffffffff"), Some(u64::MAX));
        for odd in [
            "",
            "/",
            "0",
            "0/",
            "/0",
            "0/0/0",
            "+1/0",
            "1/-1",
            " 1/0",
            "1/0 ",
            "G/0",
            "123456789/0",
            "0/123456789",
            "1/ä",
        ] {
            assert_eq!(read_lsn(odd), None, "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            read_lsn(&text);
        }
    }

    /// As seen on a server that has just been made: its replica is at 0/3000000 and stays there.
    #[test]
    fn headers_of_pages_are_no_part_of_a_position() {
        let end = |next| without_header(read_lsn(next).unwrap(), 8192, 16 << 20);
        let at = |place| read_lsn(place).unwrap();
        assert_eq!(end("0/3000028"), at("0/3000000"));
        assert_eq!(end("0/3002018"), at("0/3002000"));
        // The end of a record that began on the page before.
        assert_eq!(end("0/3002028"), at("0/3002028"));
        // In the middle of a page.
        assert_eq!(end("0/3000018"), at("0/3000000"));
        assert_eq!(end("0/3000118"), at("0/3000118"));
        let large = |next| without_header(at(next), 32 << 10, 1 << 30);
        assert_eq!(large("0/3002018"), at("0/3002018"));
        assert_eq!(large("0/3000028"), at("0/3000028"));
        assert_eq!(without_header(24, 0, 0), 24);
    }
}
