//! The PgBouncer before PostgreSQL.

use std::env;
use std::str::FromStr;

use kysera::source::PgBouncer;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};
use tokio::sync::OnceCell;

/// A database of PgBouncer's with three sessions of the server, in which the schemas of the tests are.
pub const NARROW: &str = "kysera_narrow";

/// Where it is.
///
/// # Panics
///
/// If nobody says so.
pub fn url() -> String {
    env::var("KYSERA_PGBOUNCER_URL")
        .expect("KYSERA_PGBOUNCER_URL is not set: install `pgbouncer`, and see tests/services.sh")
}

/// What a connection in this mode may ask for.
pub fn options(mode: PgBouncer) -> PgConnectOptions {
    let options = PgConnectOptions::from_str(&url()).unwrap().extra_float_digits(None);
    match mode {
        PgBouncer::Prepared => options,
        _ => options.statement_cache_capacity(0),
    }
}

/// The mode that the PgBouncer at hand fits, by its version: `tests/services.sh` has a newer one follow prepared statements.
pub async fn mode() -> PgBouncer {
    static MODE: OnceCell<PgBouncer> = OnceCell::const_new();
    let look = || async {
        let console = options(PgBouncer::Legacy).database("pgbouncer");
        let mut conn = PgConnection::connect_with(&console).await.expect("the console of PgBouncer");
        let row = sqlx::raw_sql("SHOW VERSION").fetch_one(&mut conn).await.unwrap();
        let version: String = row.get(0); // PgBouncer 1.18.0
        let mut parts = version.split([' ', '.']).skip(1).map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if version >= (1, 21) { PgBouncer::Prepared } else { PgBouncer::Legacy }
    };
    *MODE.get_or_init(look).await
}

/// Whether the suites are to go through it, and how: `KYSERA_POSTGRES_VIA_PGBOUNCER` is `legacy`, or anything else for what it
/// fits.
pub(crate) async fn asked_for() -> Option<PgBouncer> {
    match env::var("KYSERA_POSTGRES_VIA_PGBOUNCER").ok()?.as_str() {
        "" => None,
        "legacy" => Some(PgBouncer::Legacy),
        _ => Some(mode().await),
    }
}
