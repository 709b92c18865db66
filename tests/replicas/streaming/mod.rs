//! A real streaming replica.

mod behind;
mod lag;
mod positions;
mod replay;

use std::str::FromStr;

use kysera::prelude::*;
use kysera::source::ClusterBuilder;
use kysera::{Position, Replica};
use kysera_tests::Fixture;
use sqlx::postgres::PgConnectOptions;

use crate::DB;
use crate::cases::cluster;
use replay::Replay;

/// Where the replica is. One that is missing is a failure, and not a skip.
fn replica_url() -> String {
    std::env::var("KYSERA_POSTGRES_REPLICA_URL").unwrap_or_else(|_| {
        panic!(
            "KYSERA_POSTGRES_REPLICA_URL is not set: run `tests/services.sh up` and `eval \"$(tests/services.sh env)\"`, or \
             name a streaming replica of your KYSERA_POSTGRES_URL"
        )
    })
}

/// The database of a test, on the replica.
fn on_replica(db: &Fixture<DB>) -> PgConnectOptions {
    let replica = PgConnectOptions::from_str(&replica_url()).unwrap();
    // The name of the application is that of the schema.
    let name = db.options().get_application_name().unwrap().to_owned();
    replica.options([("search_path", &name)]).application_name(&name)
}

fn streaming(db: &Fixture<DB>) -> ClusterBuilder<DB> {
    cluster(db).replica_with(on_replica(db))
}

async fn is_replica(replica: &Replica<DB>) -> kysera::Result<bool> {
    let tx = replica.begin().await?;
    let answer =
        sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(&mut *tx.connection().await?).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Reads of the replica, from a position on.
async fn rows(db: &Db<DB>, position: Option<Position>) -> kysera::Result<u64> {
    crate::cases::Counter::repo(&db.replica().at_least(position)).count().await
}
