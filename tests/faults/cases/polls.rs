//! Every await point: each operation is dropped after its first, second, third .. poll until it comes to its end. What it
//! wrote is there as a whole or not at all, no transaction is left open, and the next statement is right.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use futures_util::TryStreamExt;
use kysera::backend::Backend;
use kysera::error::TransactionError;
use kysera::prelude::*;
use kysera::{Error, Result};

use super::*;

/// Where a future is dropped.
#[derive(Debug, Clone, Copy)]
struct Cut {
    polls: usize,
    /// As soon as it has to wait, or else when what it waits for has come.
    at_once: bool,
}

/// After every number of polls. On a busy machine the answer may be there before the first poll has ended, so that there
/// are few of them.
fn cuts() -> impl Iterator<Item = Cut> {
    (0..1000).flat_map(|polls| [true, false].map(|at_once| Cut { polls, at_once }))
}

/// What a future answers, if it comes to its end.
async fn cut<F: Future>(at: Cut, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = at.polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(out) => Poll::Ready(Some(out)),
            Poll::Pending if left == 0 && at.at_once => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

const ACCOUNTS: i64 = 5;

fn transfers(ids: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = NewTransfer> {
    ids.map(|id| NewTransfer { id, from_id: 1, to_id: 2, amount: id })
}

/// Cuts `operation` after every number of polls, on a database with a single connection.
async fn everywhere(operation: impl AsyncFn(&Db<DB>) -> Result<()>) {
    let outside = bank(2, ACCOUNTS).await;
    Transfer::repo(outside.source()).create_many(transfers(1..=6)).await.unwrap();
    let before = stored(outside.source()).await;
    let reset = async || {
        let source = outside.source();
        Transfer::repo(source).find().filter(Transfer::ID.gt(6)).delete().await.unwrap();
        Account::repo(source).find().filter(Account::ID.gt(ACCOUNTS)).delete().await.unwrap();
        let accounts = Account::repo(source);
        accounts.find().update(AccountPatch::new().balance(BALANCE)).await.unwrap();
        outside
            .execute("UPDATE notes SET text = 'a'; DELETE FROM audit_logs WHERE operation <> 'create'")
            .await;
    };

    // What it does when nobody cuts it.
    let db = outside.connect(outside.options(), 1).await;
    operation(&db).await.unwrap();
    let after = stored(outside.source()).await;
    reset().await;
    assert_eq!(stored(outside.source()).await, before);

    let mut ended = false;
    for at in cuts() {
        // Every second connection has not been prepared for anything: cut in PREPARE as well.
        let db = if at.at_once { db.clone() } else { outside.connect(outside.options(), 1).await };
        let done = cut(at, operation(&db)).await;
        // The only connection, or a new one in its place.
        assert_eq!(Account::repo(&db).get(3).await.unwrap().id, 3, "{at:?}");
        is_idle(outside.source()).await;
        let now = stored(outside.source()).await;
        match done {
            Some(result) => {
                result.unwrap();
                assert_eq!(now, after, "{at:?}");
                if !at.at_once {
                    ended = true;
                    break;
                }
            }
            None => assert!(now == before || now == after, "{at:?}: {now:?}"),
        }
        if DB::DRAINS {
            assert_eq!(db.metrics().closed, 0, "{at:?}");
        }
        is_whole(&db).await;
        reset().await;
    }
    assert!(ended, "it never comes to its end");
}

#[tokio::test]
async fn find() {
    everywhere(async |db| {
        assert_eq!(Account::repo(db).find_by_id(2).await?.unwrap().id, 2);
        assert_eq!(Account::repo(db).find().filter(Account::ID.ge(2)).all().await?.len(), 4);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_stream() {
    everywhere(async |db| {
        let transfers = Transfer::repo(db);
        let mut rows = transfers.find().order_by(Transfer::ID.asc()).stream();
        for id in 1..=3 {
            assert_eq!(rows.try_next().await?.unwrap().id, id);
        }
        drop(rows);
        let rows: Vec<_> = transfers.find().stream().try_collect().await?;
        assert_eq!(rows.len(), 6);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn create_many() {
    everywhere(async |db| {
        assert_eq!(Transfer::repo(db).create_many(transfers(7..=12)).await?.len(), 6);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_update_and_its_log() {
    everywhere(async |db| {
        assert_eq!(Note::repo(db).update(1, NotePatch::new().text("b")).await?.text, "b");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_upsert() {
    everywhere(async |db| {
        let accounts = Account::repo(db);
        assert_eq!(accounts.upsert(NewAccount { id: 2, balance: 7 }, Account::ID).await?.balance, 7);
        Ok(())
    })
    .await;
    everywhere(async |db| {
        let new = [2, 9].map(|id| NewAccount { id, balance: 7 });
        Account::repo(db).upsert_many(new, Account::ID).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn pages() {
    everywhere(async |db| {
        let page =
            Transfer::repo(db).find().order_by(Transfer::ID.desc()).page(PageRequest::new(2, 2)).await?;
        assert_eq!((page.items[0].id, page.total), (4, 6));
        Ok(())
    })
    .await;
    everywhere(async |db| {
        let repo = Transfer::repo(db);
        let transfers = || repo.find().order_by(Transfer::AMOUNT.desc());
        let first = transfers().keyset(Keyset::first(2)).await?;
        let second = transfers().keyset(Keyset::first(2).after(first.next).with_total()).await?;
        assert_eq!(second.items[0].id, 4);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn relations() {
    everywhere(async |db| {
        let all = Account::repo(db).find().order_by(Account::ID.asc()).with(Account::TRANSFERS).all().await?;
        assert_eq!((all.len(), all[0].1.len()), (5, 6));
        Ok(())
    })
    .await;
}

/// BEGIN, a savepoint that is undone, one that is kept, COMMIT.
#[tokio::test]
async fn a_transaction() {
    everywhere(async |db| {
        let tx = db.begin().await?;
        Transfer::repo(&tx).create(NewTransfer { id: 7, from_id: 1, to_id: 2, amount: 1 }).await?;
        let undone = tx.transaction(|tx| async move {
            Transfer::repo(&tx).create(NewTransfer { id: 8, from_id: 1, to_id: 2, amount: 1 }).await?;
            Err::<(), _>(Error::other("undone"))
        });
        assert!(matches!(undone.await, Err(Error::Other(_))));
        tx.transaction(|tx| async move {
            Account::repo(&tx).update(1, AccountPatch::new().balance(BALANCE - 1)).await.map(drop)
        })
        .await?;
        Account::repo(&tx).update(2, AccountPatch::new().balance(BALANCE + 1)).await?;
        tx.commit().await
    })
    .await;
}

#[tokio::test]
async fn a_rollback() {
    everywhere(async |db| {
        let tx = db.begin().await?;
        Transfer::repo(&tx).create_many(transfers(7..=9)).await?;
        Note::repo(&tx).update(1, NotePatch::new().text("b")).await?;
        tx.rollback().await
    })
    .await;
}

/// Each of them within a transaction that goes on: as a whole or not at all there as well, or the transaction says that
/// it is lost.
#[tokio::test]
async fn within_a_transaction() {
    let outside = bank(2, ACCOUNTS).await;
    let db = outside.connect(outside.options(), 1).await;
    for kind in 0..4 {
        for at in cuts() {
            let tx = db.begin().await.unwrap();
            Transfer::repo(&tx).create_many(transfers(1..=1)).await.unwrap();
            let work = async {
                match kind {
                    0 => Transfer::repo(&tx).create_many(transfers(2..=3)).await.map(drop),
                    1 => Note::repo(&tx).update(1, NotePatch::new().text("b")).await.map(drop),
                    2 => {
                        let new = [2, 9].map(|id| NewAccount { id, balance: 7 });
                        Account::repo(&tx).upsert_many(new, Account::ID).await.map(drop)
                    }
                    _ => {
                        let inner = tx.transaction(|tx| async move {
                            Transfer::repo(&tx).create_many(transfers(2..=3)).await.map(drop)
                        });
                        inner.await
                    }
                }
            };
            let done = cut(at, work).await.map(Result::unwrap).is_some();
            let next =
                Transfer::repo(&tx).create(NewTransfer { id: 4, from_id: 1, to_id: 2, amount: 4 }).await;
            let end = tx.commit().await;
            let now = stored(outside.source()).await;
            let ids: Vec<_> = now.transfers.iter().map(|transfer| transfer.id).collect();
            let upserted = now.accounts.iter().filter(|account| account.balance == 7).count();
            let noted = now.notes[0].text == "b";
            match end {
                Ok(()) => {
                    next.unwrap();
                    assert!(ids == [1, 4] || (kind % 3 == 0 && ids == [1, 2, 3, 4]), "{at:?}: {ids:?}");
                    assert!(upserted == 0 || upserted == 2, "{at:?}");
                    assert_eq!(noted, now.log == 2, "{at:?}");
                    if done {
                        assert!(ids.len() == 4 || upserted == 2 || noted, "{at:?}: {now:?}");
                    }
                }
                Err(Error::Transaction(TransactionError::Poisoned)) if !DB::DRAINS && !done => {
                    next.unwrap_err();
                    assert!(ids.is_empty() && upserted == 0 && !noted, "{at:?}: {now:?}");
                }
                Err(error) => panic!("kind {kind}, {at:?}: {error:?}"),
            }
            is_idle(outside.source()).await;
            outside
                .execute(
                    "DELETE FROM transfers; DELETE FROM accounts WHERE id > 5; UPDATE accounts SET balance = 1000;
                    UPDATE notes SET text = 'a'; DELETE FROM audit_logs WHERE operation <> 'create'",
                )
                .await;
            if done && !at.at_once {
                break;
            }
        }
    }
    is_whole(&db).await;
}
