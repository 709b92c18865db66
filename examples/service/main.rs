//! What a service puts around its database: reads from replicas, retries, a circuit breaker, health for probes and people, and an
//! orderly end.
//!
//! ```text
//! cargo run --example service             # serves http://127.0.0.1:3000, on SQLite in a temporary folder; Ctrl-C ends it
//! curl -X POST localhost:3000/visits/home
//! curl localhost:3000/visits/home
//! curl localhost:3000/health              # how the database is, and its replicas
//! curl -i localhost:3000/ready            # whether requests shall be sent here
//! PRIMARY_URL=sqlite://a.db REPLICA_URLS='sqlite://b.db?mode=ro,sqlite://c.db?mode=ro' cargo run --example service
//! ```

mod api;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use api::Service;
use kysera::infra::{Shutdown, ShutdownReport, signal};
use kysera::{Db, Error, Result, Sqlite};
use tokio::net::TcpListener;

const ADDRESS: &str = "127.0.0.1:3000";

/// Who sends requests here needs some time to see that `/ready` says no: two or three of its probes.
const NOTICE: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the service ends early: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ShutdownReport> {
    let folder = tempfile::tempdir().map_err(Error::other)?;
    let primary = std::env::var("PRIMARY_URL")
        .unwrap_or_else(|_| format!("sqlite://{}", folder.path().join("visits.db").display()));
    let replicas = std::env::var("REPLICA_URLS").unwrap_or_default();
    let db = connect(&primary, replicas.split(',').filter(|url| !url.is_empty())).await?;
    let listener = TcpListener::bind(ADDRESS).await.map_err(Error::other)?;
    println!("listening on http://{ADDRESS}/health");
    let told_to_end = async {
        if let Err(error) = signal().await {
            eprintln!("signals cannot be heard: {error}");
            std::future::pending::<()>().await;
        }
    };
    serve(listener, db, told_to_end, NOTICE).await
}

/// Without replicas the primary is read.
async fn connect(primary: &str, replicas: impl Iterator<Item = &str>) -> Result<Db<Sqlite>> {
    let cluster = Db::builder().acquire_timeout(Duration::from_secs(2)).primary(primary);
    let cluster = replicas.fold(cluster, |cluster, url| cluster.replica(url));
    let db = cluster.fall_back_to_primary().connect().await?;
    db.raw_sql("CREATE TABLE IF NOT EXISTS visits (page TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL)")
        .await?;
    Ok(db)
}

/// Until told to end: then this is no longer ready, requests that are under way are answered, and the database is closed.
async fn serve(
    listener: TcpListener,
    db: Db<Sqlite>,
    told_to_end: impl Future<Output = ()> + Send + 'static,
    notice: Duration,
) -> Result<ShutdownReport> {
    let service = Service::new(db.clone())?;
    let api = api::router(service.clone());
    let end = async move {
        told_to_end.await;
        service.end();
        tokio::time::sleep(notice).await;
    };
    axum::serve(listener, api).with_graceful_shutdown(end).await.map_err(Error::other)?;
    Shutdown::new(&db).deadline(Duration::from_secs(10)).run().await
}
