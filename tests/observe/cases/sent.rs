//! What sqlx says that it sent, observers were told, with the very same text, and nothing else.

use std::future::Future;

use kysera::Db;
use kysera::prelude::*;
use kysera_tests::observed::Log;
use kysera_tests::recorder::record;

use super::secrets::everything;
use super::world::*;
use crate::DB;

/// What begins and ends transactions goes by other ways, which sqlx does not tell on every database.
fn is_bracket(sql: &str) -> bool {
    let ends = sql.starts_with("ROLLBACK") && !sql.starts_with("ROLLBACK TO");
    ends || ["BEGIN", "START TRANSACTION", "COMMIT"].iter().any(|word| sql.starts_with(word))
}

/// How many statements there were, all of them on both lists.
async fn same<T>(log: &Log, work: impl Future<Output = kysera::Result<T>>) -> usize {
    log.take();
    let (answer, mut sent) = record(work).await;
    answer.unwrap();
    let mut told: Vec<String> = log.take().into_iter().map(|told| told.sql).collect();
    sent.retain(|sql| !is_bracket(sql));
    told.retain(|sql| !is_bracket(sql));
    let at =
        told.iter().zip(&sent).position(|(told, sent)| told != sent).unwrap_or(told.len().min(sent.len()));
    assert_eq!(told.get(at), sent.get(at), "the statement with the number {at}");
    told.len()
}

#[tokio::test]
async fn what_is_sent_is_told_word_for_word() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    let sent = same(&log, everything(&db, "secret", 1000, false)).await;
    assert!(sent > 300, "{sent}");

    let tx = db.begin().await.unwrap();
    let sent = same(&log, async {
        let notes = Note::repo(&tx);
        notes.create(note("a")).await?;
        Thing::repo(&tx).create_many([thing("x"), thing("y")]).await?;
        tx.transaction(|tx| async move { Note::repo(&tx).delete_many([1]).await }).await?;
        let failed = tx.transaction(|tx| async move { Note::repo(&tx).create(note("a")).await });
        failed.await.map(drop).or(Ok(()))
    });
    assert!(sent.await > 5);
    tx.rollback().await.unwrap();

    let conn = db.acquire().await.unwrap();
    assert_eq!(same(&log, Note::repo(&conn).count()).await, 1);
}

/// The comparison finds what is missing.
#[tokio::test]
#[should_panic(expected = "the statement with the number 0")]
async fn what_is_not_told_is_found() {
    let fixture = world().await;
    let log = Log::new();
    let unwatched: Db<DB> = fixture.source().clone();
    same(&log, Note::repo(&unwatched).count()).await;
}
