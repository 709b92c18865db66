//! What sqlx does, and why kysera does not build on it. A test that fails here says that it has changed for the better.

use futures_util::FutureExt;
use kysera::error::TransactionError;
use kysera::prelude::*;
use sqlx::Connection;

use super::*;

fn new(id: i64) -> NewTransfer {
    NewTransfer { id, from_id: 1, to_id: 2, amount: 1 }
}

/// A nested `begin` of sqlx's that is cut rolls back everything around it, and `commit` answers `Ok`: why kysera's
/// savepoints are its own.
#[tokio::test]
async fn a_nested_begin_of_sqlx_that_is_cut_loses_the_transaction() {
    let db = bank(2, 3).await;
    let mut conn = db.connection().await;
    let mut tx = conn.begin().await.unwrap();
    Transfer::repo(kysera::on::<DB>(&mut tx)).create(new(1)).await.unwrap();
    // A worker that is quick has it done at once.
    while let Some(nested) = tx.begin().now_or_never() {
        nested.unwrap().rollback().await.unwrap();
    }
    tx.commit().await.unwrap();
    drop(conn);
    assert_eq!(Transfer::repo(db.source()).count().await.unwrap(), 0);
}

/// The same through the connection of a transaction of kysera's, which does not let it pass.
#[tokio::test]
async fn a_transaction_finds_out() {
    let db = bank(1, 3).await;
    let tx = db.source().begin().await.unwrap();
    Transfer::repo(&tx).create(new(1)).await.unwrap();
    while let Some(nested) = tx.connection().await.unwrap().begin().now_or_never() {
        nested.unwrap().rollback().await.unwrap();
    }
    let end = tx.commit().await.unwrap_err();
    let lost =
        matches!(end, kysera::Error::Transaction(TransactionError::Finished | TransactionError::Poisoned));
    assert!(lost || end.is_outage(), "{end:?}");
    assert_eq!(Transfer::repo(db.source()).count().await.unwrap(), 0);
    is_whole(db.source()).await;
}

/// A savepoint of kysera's.
#[tokio::test]
async fn a_savepoint_that_is_cut_leaves_the_transaction_alone() {
    let db = bank(1, 3).await;
    let tx = db.source().begin().await.unwrap();
    Transfer::repo(&tx).create(new(1)).await.unwrap();
    let inner = tx.transaction(|tx| async move {
        Transfer::repo(&tx).create(new(2)).await?;
        std::future::pending::<kysera::Result<()>>().await
    });
    assert!(inner.now_or_never().is_none());
    let end = tx.commit().await;
    let ids = stored(db.source()).await.transfers.len();
    match end {
        Ok(()) => assert_eq!(ids, 1),
        // Where what is cut cannot be read on.
        Err(kysera::Error::Transaction(TransactionError::Poisoned)) => assert_eq!(ids, 0),
        Err(error) => panic!("{error:?}"),
    }
    is_whole(db.source()).await;
}
