//! Functions over sources.

use std::sync::Arc;

use kysera::prelude::*;
use kysera::{Concurrent, Error, ReadOnly, Result, dal};
use kysera_tests::{Ddl, Fixture};
use tokio::sync::Barrier;

use super::entities::*;
use crate::DB;

async fn how_many(db: &impl Source<Database = DB, Context = ()>) -> Result<u64> {
    User::repo(db).count().await
}

async fn named(db: &impl Source<Database = DB, Context = ()>, name: &str) -> Result<Vec<User>> {
    User::repo(db).find().filter(User::NAME.eq(name)).all().await
}

/// Needs a transaction, whichever.
async fn pair<S>(tx: &S, name: &str) -> Result<()>
where
    S: InTransaction<Database = DB, Context = ()> + Writable,
{
    User::repo(tx).create(user(format!("1@{name}"), name)).await?;
    User::repo(tx).create(user(format!("2@{name}"), name)).await?;
    Ok(())
}

#[tokio::test]
async fn functions_run_at_the_same_time() {
    let db = Fixture::<DB>::concurrent(&USERS, 6).await;
    User::repo(db.source()).create_many(crowd(3)).await.unwrap();
    // None of them can end before all of them have begun.
    let all = Barrier::new(6);
    let wait = async |db: &Db<DB>| {
        let conn = db.acquire().await?;
        all.wait().await;
        User::repo(&conn).count().await
    };
    let counts = dal::parallel(db.source(), (&wait, &wait, &wait, &wait, &wait, &wait)).await.unwrap();
    assert_eq!(counts, (3, 3, 3, 3, 3, 3));
}

#[tokio::test]
async fn results_keep_their_types_and_places() {
    let db = Fixture::<DB>::concurrent(&USERS, 2).await;
    User::repo(db.source()).create_many(crowd(3)).await.unwrap();
    let name = String::from("user 1");
    let (count, rows, first) = dal::parallel(
        db.source(),
        (how_many, |db| named(db, &name), async |db: &Db<DB>| User::repo(db).find_by_id(-1).await),
    )
    .await
    .unwrap();
    assert_eq!((count, rows.len(), first), (3, 1, None));
    let (count,) = dal::parallel(db.source(), (how_many,)).await.unwrap();
    assert_eq!(count, 3);
    // Any source that has several connections.
    async fn both<S: Concurrent<Database = DB, Context = ()>>(source: &S) -> (u64, u64) {
        dal::parallel(source, (how_many, how_many)).await.unwrap()
    }
    assert_eq!(both(db.source()).await, (3, 3));
    assert_eq!(both(&db.source()).await, (3, 3));
    assert_eq!(both(&Arc::new(db.source().clone())).await, (3, 3));
    assert_eq!(both(&ReadOnly::new(db.source().clone())).await, (3, 3));
    // A plain pool knows nothing of a pooler, whose sessions do not know its statements.
    let direct = db.connect(db.options(), 2).await;
    assert_eq!(both(direct.pool()).await, (3, 3));
}

#[tokio::test]
async fn the_first_error_ends_it() {
    let db = Fixture::<DB>::concurrent(&USERS, 2).await;
    let never = async |_: &Db<DB>| std::future::pending::<Result<()>>().await;
    let fails = async |db: &Db<DB>| User::repo(db).get(-1).await;
    let error = dal::parallel(db.source(), (never, fails)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { entity: "User" }), "{error:?}");
    // Connections of what was dropped are as good as before.
    assert_eq!(how_many(db.source()).await.unwrap(), 0);
}

/// One connection: they take turns.
#[tokio::test]
async fn functions_outnumber_connections() {
    let db = Fixture::<DB>::new(&USERS).await;
    let add = async |db: &Db<DB>, n: usize| User::repo(db).create(user(format!("{n}@x"), "x")).await;
    dal::parallel(db.source(), (|db| add(db, 1), |db| add(db, 2), |db| add(db, 3), |db| add(db, 4)))
        .await
        .unwrap();
    assert_eq!(how_many(db.source()).await.unwrap(), 4);
}

#[tokio::test]
async fn it_can_be_spawned() {
    let db = Fixture::<DB>::concurrent(&USERS, 2).await;
    let source = db.source().clone();
    let task = tokio::spawn(async move {
        let wanted = String::from("nobody");
        dal::parallel(&source, (how_many, |db| named(db, &wanted))).await
    });
    let (count, rows) = task.await.unwrap().unwrap();
    assert_eq!((count, rows.len()), (0, 0));
}

#[tokio::test]
async fn a_function_that_needs_a_transaction_gets_one() {
    let db = Fixture::<DB>::new(&USERS).await;
    db.source().transaction(|tx| async move { pair(&tx, "a").await }).await.unwrap();
    // In a savepoint, through references, and by whoever opens transactions without knowing which.
    async fn anywhere(db: &impl Transact<Database = DB, Context = ()>, name: &'static str) -> Result<()> {
        db.transaction(|tx| async move { pair(&&tx, name).await }).await
    }
    anywhere(db.source(), "b").await.unwrap();
    let tx = Arc::new(db.source().begin().await.unwrap());
    anywhere(&*tx, "c").await.unwrap();
    assert!(anywhere(&*tx, "c").await.unwrap_err().is_unique_violation_of(User::EMAIL));
    pair(&tx, "d").await.unwrap();
    Arc::into_inner(tx).unwrap().commit().await.unwrap();
    assert_eq!(how_many(db.source()).await.unwrap(), 8);

    async fn reads(tx: &impl InTransaction<Database = DB, Context = ()>) -> Result<u64> {
        how_many(tx).await
    }
    let tx = db.source().begin().read_only().await.unwrap();
    assert_eq!(reads(&tx).await.unwrap(), 8);
}

#[tokio::test]
async fn functions_need_not_ask_the_database() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    // A function without any statement needs no connection.
    let (a, b) =
        dal::parallel(db.source(), (async |_: &Db<DB>| Ok(1), async |_: &Db<DB>| Ok("two"))).await.unwrap();
    assert_eq!((a, b), (1, "two"));
}
