//! Streams on every source: read a little, dropped early, and what goes on meanwhile.

use std::time::Duration;

use futures_util::TryStreamExt;
use kysera::backend::{Backend, Dialect};
use kysera::error::TransactionError;
use kysera::prelude::*;
use kysera::{Error, ReadOnly};
use kysera_tests::Fixture;
use sqlx::{Connection, Database};
use tokio::time::timeout;

use super::entities::*;
use crate::DB;

/// More than any buffer of a connection holds.
const ROWS: usize = 3000;

async fn filled(connections: u32) -> Fixture<DB> {
    let db = Fixture::<DB>::concurrent(&USERS, connections).await;
    User::repo(db.source()).insert_many(crowd(ROWS)).await.unwrap();
    db
}

/// Reads some rows and drops the stream, several times; then all of them.
async fn cut_short<S: Source<Database = DB, Context = ()>>(source: &S) {
    let users = User::repo(source);
    for read in [0, 1, 10, 500] {
        let mut rows = users.find().order_by(User::ID.asc()).stream();
        for n in 0..read {
            assert_eq!(rows.try_next().await.unwrap().unwrap().email, format!("u{n}@x"));
        }
        drop(rows);
        assert_eq!(users.count().await.unwrap(), ROWS as u64, "after {read} rows");
    }
    let all: Vec<User> = users.find().stream().try_collect().await.unwrap();
    assert_eq!(all.len(), ROWS);
}

/// What is asked for while a stream is open on a single connection is refused at once.
async fn refuses<S: Source<Database = DB, Context = ()>>(source: &S) {
    let users = User::repo(source);
    let mut rows = users.find().order_by(User::ID.asc()).stream();
    assert!(rows.try_next().await.unwrap().is_some());
    for _ in 0..2 {
        let error = users.count().await.unwrap_err();
        assert!(matches!(error, Error::Transaction(TransactionError::StreamOpen)), "{error:?}");
        let error = users.find().stream().try_next().await.unwrap_err();
        assert!(matches!(error, Error::Transaction(TransactionError::StreamOpen)), "{error:?}");
        assert!(rows.try_next().await.unwrap().is_some(), "the first one goes on");
    }
    let left: Vec<User> = rows.try_collect().await.unwrap();
    assert_eq!(left.len(), ROWS - 3);
    assert_eq!(users.count().await.unwrap(), ROWS as u64);
}

#[tokio::test]
async fn on_a_database_and_what_reads_from_it() {
    let db = filled(1).await;
    cut_short(db.source()).await;
    cut_short(&ReadOnly::new(db.source().clone())).await;
}

#[tokio::test]
async fn on_a_pool_of_sqlx() {
    let db = filled(2).await;
    cut_short(db.source().pool()).await;
}

#[tokio::test]
async fn a_database_takes_another_connection_meanwhile() {
    let db = filled(2).await;
    let users = User::repo(db.source());
    let mut rows = users.find().order_by(User::ID.asc()).stream();
    let mut read = 0;
    while let Some(user) = rows.try_next().await.unwrap() {
        if read % 500 == 0 {
            assert_eq!(users.get(user.id).await.unwrap(), user);
        }
        read += 1;
    }
    assert_eq!(read, ROWS);
}

#[tokio::test]
async fn in_a_transaction() {
    let db = filled(1).await;
    let tx = db.source().begin().await.unwrap();
    refuses(&tx).await;
    cut_short(&tx).await;
    // It has lost nothing by that.
    let users = User::repo(&tx);
    users.create(user("new@x", "New")).await.unwrap();
    let mut rows = users.find().stream();
    assert!(rows.try_next().await.unwrap().is_some());
    drop(rows);
    tx.commit().await.unwrap();
    assert_eq!(User::repo(db.source()).count().await.unwrap(), ROWS as u64 + 1);
}

#[tokio::test]
async fn in_a_transaction_that_reads() {
    let db = filled(1).await;
    let tx = db.source().begin().read_only().await.unwrap();
    refuses(&tx).await;
    cut_short(&tx).await;
    tx.rollback().await.unwrap();
}

/// Dropped within a row as well as between two: what follows is right, or says that the transaction is lost (which only
/// MySQL's is).
#[tokio::test]
async fn wherever_it_is_dropped_the_connection_stays_in_step() {
    let db = filled(1).await;
    let mut lost = 0;
    for round in 0..150 {
        let tx = db.source().begin().await.unwrap();
        let users = User::repo(&tx);
        let mut read = 0;
        {
            let mut rows = users.find().order_by(User::ID.asc()).stream();
            let all = async {
                while let Some(user) = rows.try_next().await.unwrap() {
                    assert_eq!(user.email, format!("u{read}@x"));
                    read += 1;
                }
            };
            let _ = timeout(Duration::from_micros(round * 40), all).await;
        }
        match users.find().filter(User::EMAIL.eq("u7@x")).one().await {
            Ok(user) => {
                assert_eq!(user.name, "user 7");
                assert_eq!(users.count().await.unwrap(), ROWS as u64);
                tx.commit().await.unwrap();
            }
            Err(Error::Transaction(TransactionError::Poisoned)) if DB::DIALECT == Dialect::MySql => lost += 1,
            Err(error) => panic!("round {round}, {read} rows read: {error:?}"),
        }
    }
    assert!(lost < 150, "not one of them was dropped between two rows, or read to its end");
}

#[tokio::test]
async fn on_one_connection() {
    let db = filled(1).await;
    let conn = db.source().acquire().await.unwrap();
    refuses(&conn).await;
    cut_short(&conn).await;
}

#[tokio::test]
async fn on_what_sqlx_lends() {
    let db = filled(1).await;
    let mut conn = <DB as Database>::Connection::connect_with(&db.options()).await.unwrap();
    {
        let source = kysera::on::<DB>(&mut conn);
        refuses(&source).await;
        cut_short(&source).await;
    }
    let mut tx = conn.begin().await.unwrap();
    {
        let source = kysera::on::<DB>(&mut tx);
        cut_short(&source).await;
        User::repo(&source).create(user("new@x", "New")).await.unwrap();
    }
    tx.rollback().await.unwrap();
    assert_eq!(User::repo(db.source()).count().await.unwrap(), ROWS as u64);
}
