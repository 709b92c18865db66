//! A guided tour of kysera over the world's time zones.
//!
//! ```text
//! cargo run --example quickstart                                     # SQLite, in a temporary folder
//! cargo run --example quickstart --features postgres -- postgres://localhost/mydb
//! cargo run --example quickstart --features mysql -- mysql://root@localhost/mydb
//! ```
//!
//! On a server it makes two tables, `kysera_tour_zones` and `kysera_tour_countries`, and drops them in the end.
//!
//! `zone1970.tab` is the table of the IANA time zone database, release 2025b, which is in the public domain
//! (<https://www.iana.org/time-zones>).

mod entities;
mod tour;
mod zones;

use std::process::ExitCode;

use kysera::{Db, Error, Result, Sqlite};

const TABLE: &str = include_str!("zone1970.tab");

#[tokio::main]
async fn main() -> ExitCode {
    let url = std::env::args().nth(1);
    match run(url.as_deref()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the tour ends early: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(url: Option<&str>) -> Result<()> {
    match url {
        None => {
            let folder = tempfile::tempdir().map_err(Error::other)?;
            let file = folder.path().join("zones.db");
            let db = Db::<Sqlite>::connect(&format!("sqlite://{}", file.display())).await?;
            tour::take(&db).await?;
            db.close().await;
            Ok(())
        }
        Some(url) if url.starts_with("sqlite:") => tour::take(&Db::<Sqlite>::connect(url).await?).await,
        #[cfg(feature = "postgres")]
        Some(url) if url.starts_with("postgres:") || url.starts_with("postgresql:") => {
            tour::take(&Db::<kysera::Postgres>::connect(url).await?).await
        }
        #[cfg(feature = "mysql")]
        Some(url) if url.starts_with("mysql:") || url.starts_with("mariadb:") => {
            tour::take(&Db::<kysera::MySql>::connect(url).await?).await
        }
        Some(_) => Err(Error::BadRequest(
            "give a sqlite:, postgres: or mysql: URL; the servers need `--features postgres` or `--features mysql`"
                .into(),
        )),
    }
}
