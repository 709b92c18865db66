//! PgBouncer before PostgreSQL.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};
use tokio::time::timeout;

use super::PgBouncer;
use crate::error::{Error, Result};

/// What such a connection may ask for.
pub(super) fn options(options: PgConnectOptions, mode: PgBouncer) -> PgConnectOptions {
    // Refused by PgBouncer unless it is told to ignore it. The server's own default shows every digit as well.
    let options = options.extra_float_digits(None);
    if mode.names_statements() { options } else { options.statement_cache_capacity(0) }
}

fn unnamed() -> Error {
    unsupported(
        "it keeps no settings of sessions. Say which one it is: `Db::builder().pgbouncer(PgBouncer::Prepared)` for version 1.21 and \
         later with `max_prepared_statements` above 0, `PgBouncer::Legacy` for others; and give it no `options`",
    )
}

fn unsupported(what: &'static str) -> Error {
    Error::Unsupported { backend: "PgBouncer", what: what.into() }
}

/// A connection could not be made. PostgreSQL never speaks of start-up parameters in these words.
pub(super) fn unconnected(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(told) if told.message().starts_with("unsupported startup parameter") => {
            unnamed()
        }
        _ => error.into(),
    }
}

/// A pooler that was told to ignore start-up options makes sessions without them.
pub(super) async fn try_direct(conn: &mut PgConnection, limit: Option<Duration>) -> Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    let sql = "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'";
    let found: String = sqlx::raw_sql(sql).fetch_one(conn).await?.try_get(0)?;
    if found == limit.as_millis().to_string() { Ok(()) } else { Err(unnamed()) }
}

/// Tries with two connections whether a mode is safe.
pub(super) async fn try_mode(options: &PgConnectOptions, mode: PgBouncer) -> Result<()> {
    let mut one = PgConnection::connect_with(options).await.map_err(unconnected)?;
    if !mode.names_statements() {
        let sessions = (start(&mut one).await?, asked(&mut one, false).await?, asked(&mut one, false).await?);
        end(&mut one).await?;
        let ((), before, after) = sessions;
        return if before == after { Ok(one.close().await?) } else { Err(unsupported(SCATTERED)) };
    }
    let mut two = PgConnection::connect_with(options).await.map_err(unconnected)?;
    match follows(&mut one, &mut two).await {
        Ok(true) => {}
        Ok(false) => return Err(unsupported(NOT_FOLLOWED)),
        // No such statement; one that is there already; another one's parameters or columns.
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("26000" | "42P05" | "08P01" | "0A000")) =>
        {
            return Err(unsupported(NOT_FOLLOWED));
        }
        Err(sqlx::Error::Protocol(_) | sqlx::Error::ColumnDecode { .. }) => {
            return Err(unsupported(NOT_FOLLOWED));
        }
        Err(error) => return Err(error.into()),
    }
    one.close().await?;
    two.close().await?;
    Ok(())
}

const SCATTERED: &str =
    "it hands a transaction's statements to several sessions of the server: set `pool_mode = transaction`";

const NOT_FOLLOWED: &str = "it does not follow prepared statements, so that one client would get another one's rows. Set \
    `max_prepared_statements` (PgBouncer 1.21 and later), or say `PgBouncer::Legacy`";

/// How often another session is hoped for. One that is not behind a pooler stays the same.
const ROUNDS: usize = 3;

/// How long a session is waited for that the other connection may have taken: there may be one only.
const PATIENCE: Duration = Duration::from_secs(1);

/// Two connections use the same name for different statements, and one runs its statement while the other one keeps the session on
/// which it was prepared.
async fn follows(one: &mut PgConnection, two: &mut PgConnection) -> sqlx::Result<bool> {
    for _ in 0..ROUNDS {
        let before = asked(one, true).await?;
        if !told(two).await? {
            return Ok(false);
        }
        start(two).await?;
        let after = match timeout(PATIENCE, asked(one, true)).await {
            Ok(after) => after?,
            // There is no other session, and this one follows: two statements of one name were told apart on it.
            Err(_) => return Ok(true),
        };
        let same = told(two).await?;
        end(two).await?;
        if before != after || !same {
            return Ok(same);
        }
    }
    Ok(true)
}

async fn start(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("BEGIN").execute(conn).await.map(drop)
}

async fn end(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("ROLLBACK").execute(conn).await.map(drop)
}

/// Which session answers.
fn asked(conn: &mut PgConnection, named: bool) -> impl Future<Output = sqlx::Result<i32>> + Send + '_ {
    async move {
        let query = sqlx::query("SELECT pg_backend_pid() + $1::int4").bind(0_i32).persistent(named);
        query.fetch_one(conn).await?.try_get(0)
    }
}

/// Whether an answer is that to the question.
async fn told(conn: &mut PgConnection) -> sqlx::Result<bool> {
    const WORD: &str = "kysera";
    let row = sqlx::query("SELECT $1::text").bind(WORD).fetch_one(conn).await?;
    Ok(row.try_get::<String, _>(0)? == WORD)
}
