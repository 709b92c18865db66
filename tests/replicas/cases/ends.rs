//! The end of a database is that of its replicas.

use futures_util::FutureExt;
use kysera::error::PoolError;
use kysera::infra::Shutdown;
use kysera::prelude::*;
use kysera::{Error, Replica};

use super::{HOUR, counters, read, two};
use crate::DB;

fn sizes(db: &Db<DB>) -> Vec<u32> {
    db.replicas().iter().map(|replica| replica.pool.size).collect()
}

async fn refusal(replica: &Replica<DB>) -> PoolError {
    match read(replica).await {
        Err(Error::Pool(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn closing() {
    let db = counters().await;
    let source = two(&db).await;
    for _ in 0..2 {
        read(&source.replica()).await.unwrap();
    }
    assert_eq!(sizes(&source), [1, 1]);
    source.close().await;
    assert_eq!(sizes(&source), [0, 0]);
    assert_eq!(refusal(&source.replica()).await, PoolError::Closed);
    assert_eq!(source.replicas()[0].left_out, None, "it is not the replica's fault");
}

#[tokio::test]
async fn shutting_down() {
    let db = counters().await;
    let source = two(&db).await;
    let tx = source.replica().begin().await.unwrap();
    let shutdown = Shutdown::new(&source).deadline(HOUR);
    let mut end = shutdown.run().boxed();
    assert!((&mut end).now_or_never().is_none());
    assert_eq!(refusal(&source.replica()).await, PoolError::ShuttingDown);
    assert_eq!(read(&tx).await.unwrap(), 7, "what is under way goes on");
    assert!((&mut end).now_or_never().is_none());
    tx.commit().await.unwrap();
    assert!(end.await.unwrap().is_clean());
    assert_eq!(sizes(&source), [0, 0]);
}

#[tokio::test]
async fn what_was_open_is_counted() {
    let db = counters().await;
    let source = two(&db).await;
    let (write, read) = (source.begin().await.unwrap(), source.replica().begin().await.unwrap());
    tokio::time::pause();
    let report = Shutdown::new(&source).run().await.unwrap();
    tokio::time::resume();
    assert_eq!((report.transactions, report.connections), (2, 2));
    drop((write, read));
}
