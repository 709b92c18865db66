//! Futures that are dropped while the answer, or the question, is on its way, with every part of it there and the rest
//! still to come: the next statement gets its own answer.

use std::pin::pin;

use futures_util::TryStreamExt;
use futures_util::future::{Either, select};
use kysera::Result;
use kysera::backend::Backend;
use kysera::prelude::*;
use kysera_tests::proxy::Side;

use super::*;
use crate::cases::{Random, is_idle, is_whole};

/// Drops `operation` when exactly so many bytes of one side have arrived, and lets the rest arrive afterwards.
async fn everywhere(operation: impl AsyncFn(&Db<DB>, i64) -> Result<()>) {
    let line = Line::still(1).await;
    let Line { proxy, db, outside } = &line;
    let mut id = 1;
    for side in [Side::Server, Side::Client] {
        for bytes in 0.. {
            assert!(bytes < 10_000, "it never comes to its end");
            id += 1;
            let closed = db.metrics().closed;
            proxy.hold_at(side, bytes);
            let ended = {
                let work = pin!(operation(db, id));
                match select(work, pin!(proxy.is_held())).await {
                    Either::Left((end, _)) => {
                        end.unwrap();
                        true
                    }
                    Either::Right((_, mut work)) => {
                        // What has arrived is read.
                        for _ in 0..3 {
                            let turn = pin!(tokio::task::yield_now());
                            if let Either::Left(_) = select(work.as_mut(), turn).await {
                                panic!("{side:?}: it came to its end without its last bytes");
                            }
                        }
                        false
                    }
                }
            };
            proxy.release();
            ask(db).await.unwrap_or_else(|error| panic!("{side:?} after {bytes} bytes: {error:?}"));
            is_idle(outside.source()).await;
            if ended {
                break;
            }
            let rows = line.transfers().await.iter().filter(|found| **found == id).count();
            assert!(rows <= 1);
            // Closed where it cannot be read on, and only there.
            let expected = closed + u64::from(!DB::DRAINS);
            assert_eq!(db.metrics().closed, expected, "{side:?} after {bytes} bytes");
        }
    }
    is_whole(db).await;
}

#[tokio::test]
async fn of_a_find() {
    // A text of its own each time, so that it is prepared each time.
    everywhere(async |db, id| {
        let columns = (0..id % 40 + 2).fold(Account::ID.ge(1), |filter, _| filter & Account::BALANCE.ge(0));
        assert_eq!(Account::repo(db).find().filter(columns).all().await?.len(), 3);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn of_a_stream() {
    everywhere(async |db, _| {
        let accounts = Account::repo(db);
        let rows: Vec<_> = accounts.find().stream().try_collect().await?;
        assert_eq!(rows.len(), 3);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn of_a_create() {
    everywhere(async |db, id| create(db, id).await).await;
}

#[tokio::test]
async fn of_a_transaction() {
    everywhere(async |db, id| {
        let tx = db.begin().await?;
        create(&tx, id).await?;
        tx.commit().await
    })
    .await;
}

/// One byte at a time, and dropped after any number of polls.
#[tokio::test]
async fn of_a_trickle() {
    let line = Line::still(1).await;
    let Line { proxy, db, outside } = &line;
    proxy.trickle();
    let mut random = Random::new(1);
    let mut cut = 0;
    for id in 1..150 {
        let mut polls = random.next(60);
        let mut work = Box::pin(async {
            match id % 3 {
                0 => create(db, id).await,
                1 => ask(db).await,
                _ => db.transaction(|tx| async move { create(&tx, id).await }).await,
            }
        });
        let end = std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
            std::task::Poll::Ready(end) => std::task::Poll::Ready(Some(end)),
            _ if polls == 0 => std::task::Poll::Ready(None),
            _ => {
                polls -= 1;
                std::task::Poll::Pending
            }
        });
        match end.await {
            Some(end) => end.unwrap(),
            None => cut += 1,
        }
        drop(work);
        ask(db).await.unwrap();
    }
    assert!(cut > 20, "{cut} were cut");
    assert_eq!(db.metrics().closed, if DB::DRAINS { 0 } else { cut });
    is_idle(outside.source()).await;
    is_whole(db).await;
}
