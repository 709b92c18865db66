//! `insert_many`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kysera::Repository;
use kysera_tests::Fixture;

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn insert_many_answers_how_many_rows_it_stored() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    assert_eq!(users.insert_many(crowd(1)).await.unwrap(), 1);
    let rest = crowd(10_000).skip(1);
    assert_eq!(users.insert_many(rest).await.unwrap(), 9_999);
    assert_eq!(users.count().await.unwrap(), 10_000);
    let last = users.find().filter(User::EMAIL.eq("u9999@x")).one().await.unwrap();
    assert_eq!((last.name.as_str(), last.role, last.bio), ("user 9999", 7, None));
}

#[tokio::test]
async fn insert_many_takes_rows_of_different_shapes() {
    let db = Fixture::<DB>::new(&TICKETS).await;
    let tickets = Ticket::repo(db.source());
    let rows = (0..100).map(|i| NewTicket {
        state: (i % 2 == 0).then(|| "done".into()),
        priority: (i % 3 == 0).then_some(i),
    });
    assert_eq!(tickets.insert_many(rows).await.unwrap(), 100);
    assert_eq!(tickets.find().filter(Ticket::STATE.eq("open")).count().await.unwrap(), 50);
    assert_eq!(tickets.find().filter(Ticket::PRIORITY.eq(3)).count().await.unwrap(), 67);
}

#[tokio::test]
async fn insert_many_writes_nothing_when_the_last_row_is_refused() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let error = users.insert_many(crowd(9000).chain([user("u5@x", "again")])).await.unwrap_err();
    assert!(error.is_unique_violation_of(User::EMAIL), "{error:?}");
    assert_eq!(users.count().await.unwrap(), 0);
    assert_eq!(users.insert_many(crowd(5)).await.unwrap(), 5);
}

#[tokio::test]
async fn insert_many_asks_the_iterator_for_a_batch_at_a_time() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    // The first row of the second batch at the latest is refused.
    let rows = crowd(100_000).map(|new| NewUser { email: "same@x".into(), ..new }).inspect(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let insert = users.insert_many(rows);
    assert_eq!(taken.load(Ordering::SeqCst), 0, "nothing is taken before it is awaited");
    insert.await.unwrap_err();
    let taken = taken.load(Ordering::SeqCst);
    assert!((2..=4097).contains(&taken), "{taken} rows taken for the first batch");
    assert_eq!(users.count().await.unwrap(), 0);
}

#[tokio::test]
async fn insert_many_that_is_dropped_halfway_leaves_no_row() {
    let db = Fixture::<DB>::concurrent(&USERS, 2).await;
    let users = User::repo(db.source());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    // Takes so long that the drop comes first, whatever the machine.
    let rows = crowd(usize::MAX).enumerate().map(move |(i, new)| {
        if i == 10_000 {
            tell.send(()).unwrap();
        }
        new
    });
    tokio::select! {
        biased;
        _ = told.recv() => {}
        _ = users.insert_many(rows) => unreachable!("there is no end to the rows"),
    }
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    // What was sent is undone when the server notices; until then SQLite's file may be locked.
    loop {
        match users.insert_many(crowd(1)).await {
            Ok(stored) => break assert_eq!(stored, 1),
            Err(error) => assert!(
                error.is_transient() && tokio::time::Instant::now() < deadline,
                "the dropped insert is still in the way: {error}"
            ),
        }
    }
    assert_eq!(users.count().await.unwrap(), 1);
}
