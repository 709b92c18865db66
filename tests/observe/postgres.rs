//! What observers are told, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;

/// A session that tells the server who asks opens a transaction for each statement.
#[tokio::test]
async fn what_tells_the_server_who_asks_is_told() {
    use cases::world::{Note, Principal, watched, world};
    use kysera::prelude::*;

    let fixture = world().await;
    let log = kysera_tests::observed::Log::new();
    let db = watched(&fixture, log.clone()).with_context(Principal { user_id: 7 }).with_claims();
    Note::repo(&db).count().await.unwrap();
    let told = log.take();
    let names: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    assert_eq!(names, ["begin", "set_claims", "notes.count", "commit"]);
    assert!(told[1].sql.contains("set_config"), "{}", told[1].sql);
    assert!(told.iter().all(|told| told.outcome == "ok" && told.caller.file() == file!()));
    assert_eq!(told.iter().map(|told| told.is_first).collect::<Vec<_>>(), [false, false, true, false]);

    db.transaction(async |tx| Note::repo(&tx).count().await).await.unwrap();
    assert_eq!(log.names(), ["begin", "set_claims", "notes.count", "commit"]);
}
