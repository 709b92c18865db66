//! The watching allocator sees what it is there to see.

use std::hint::black_box;

use kysera_tests::alloc::Watcher;
use tokio::sync::Mutex;

#[global_allocator]
static ALLOC: Watcher = Watcher::new();

/// The watch is on the whole process, the other tests included.
static ALONE: Mutex<()> = Mutex::const_new(());

const SQL: &str = "SELECT \"id\" FROM \"users\"";

#[tokio::test]
async fn a_literal_is_no_allocation() {
    let _alone = ALONE.lock().await;
    let (sql, seen) = ALLOC.watch("FROM \"users\"", async { black_box(SQL) }).await;
    assert_eq!(sql, SQL);
    assert_eq!(seen.with_text, 0, "{seen:?}");
}

#[tokio::test]
async fn a_text_that_was_freed_is_found() {
    let _alone = ALONE.lock().await;
    let (_, seen) = ALLOC.watch("FROM \"users\"", async { drop(black_box(SQL.to_owned())) }).await;
    assert_eq!(seen.with_text, 1, "{seen:?}");
}

#[tokio::test]
async fn a_text_that_was_kept_is_found() {
    let _alone = ALONE.lock().await;
    let (kept, seen) = ALLOC.watch("FROM \"users\"", async { black_box(SQL.to_owned()) }).await;
    assert_eq!(kept, SQL);
    assert_eq!(seen.with_text, 1, "{seen:?}");
}

#[tokio::test]
async fn a_text_that_grew_is_found() {
    let _alone = ALONE.lock().await;
    let grow = async {
        let mut sql = String::with_capacity(4);
        for c in black_box(SQL).chars() {
            sql.push(c);
        }
        sql
    };
    let (sql, seen) = ALLOC.watch("FROM \"users\"", grow).await;
    assert_eq!(sql, SQL);
    assert!(seen.allocations > 1 && seen.with_text == 1, "{seen:?}");
}

#[tokio::test]
async fn another_text_is_not_found() {
    let _alone = ALONE.lock().await;
    let (_, seen) = ALLOC.watch("FROM \"posts\"", async { drop(black_box(SQL.to_owned())) }).await;
    assert_eq!(seen.with_text, 0, "{seen:?}");
    assert!(seen.allocations >= 1, "{seen:?}");
}

#[tokio::test]
async fn a_text_from_before_is_not_counted() {
    let _alone = ALONE.lock().await;
    let before = black_box(SQL.to_owned());
    let (_, seen) = ALLOC.watch("FROM \"users\"", async move { drop(black_box(before)) }).await;
    assert_eq!(seen.with_text, 0, "{seen:?}");
}

#[tokio::test]
async fn another_thread_is_watched_too() {
    let _alone = ALONE.lock().await;
    let (_, seen) = ALLOC
        .watch("FROM \"users\"", async {
            tokio::task::spawn_blocking(|| drop(black_box(SQL.to_owned()))).await.unwrap();
        })
        .await;
    assert_eq!(seen.with_text, 1, "{seen:?}");
}
