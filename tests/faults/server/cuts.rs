//! Connections that are cut at every byte that either side says: in front of, within and behind each message of a
//! statement, and of BEGIN and COMMIT.

use futures_util::TryStreamExt;
use kysera::Result;
use kysera::error::TransactionError;
use kysera::prelude::*;
use kysera_tests::proxy::Side;

use super::*;
use crate::cases::{is_idle, is_whole};

/// Runs `operation` on a line that is cut after 0, 1, 2 .. bytes of either side, each time with a connection that has not
/// seen it yet; it creates the transfer whose number it gets, or none.
async fn everywhere(operation: impl AsyncFn(&Db<DB>, i64) -> Result<()>, creates: bool) {
    let line = Line::still(2).await;
    let Line { proxy, db, .. } = &line;
    is_whole(db).await;
    let before = [Side::Client, Side::Server].map(|side| proxy.bytes(side));
    operation(db, 1).await.unwrap();
    let length = [Side::Client, Side::Server].map(|side| proxy.bytes(side) - before[side as usize]);
    assert_eq!(line.transfers().await.len(), usize::from(creates));
    line.outside.execute("DELETE FROM transfers").await;
    // From here on the connection that is used first is one that has taken the place of one that broke.
    proxy.cut_at(Side::Server, 0);
    ask(db).await.unwrap_err();
    is_whole(db).await;

    let (mut id, mut unknown) = (1, [0, 0]);
    let mut stored = Vec::new();
    for side in [Side::Client, Side::Server] {
        for bytes in 0..length[side as usize] {
            id += 1;
            let closed = db.metrics().closed;
            proxy.cut_at(side, bytes);
            let end = operation(db, id).await;
            proxy.release();
            is_idle(line.outside.source()).await;
            let there = line.transfers().await;
            let is_there = there.last() == Some(&id);
            match end {
                Ok(()) => assert_eq!(is_there, creates, "{side:?} after {bytes} bytes"),
                Err(Error::Transaction(TransactionError::OutcomeUnknown { .. })) => {
                    assert!(creates, "nothing was committed");
                    unknown[usize::from(is_there)] += 1;
                }
                Err(error) => {
                    assert!(is_broken(&error), "{side:?} after {bytes} bytes: {error:?}");
                    // What is committed by itself has an outcome that nobody knows, unless the server has not heard all of it.
                    let may_be_there = side == Side::Server && closed + 1 == db.metrics().closed;
                    assert!(!is_there || may_be_there, "{side:?} after {bytes} bytes: {error:?}");
                }
            }
            // The server has not heard all of it.
            assert!(side == Side::Server || !is_there, "after {bytes} bytes");
            if is_there {
                stored.push(id);
            }
            assert_eq!(there, stored, "{side:?} after {bytes} bytes");
            assert_eq!(db.metrics().closed, closed + 1, "{side:?} after {bytes} bytes");
            is_whole(db).await;
            ask(db).await.unwrap();
        }
    }
    eprintln!("{length:?} bytes of client and server; outcome unknown: {unknown:?} (lost, done)");
}

#[tokio::test]
async fn of_a_create() {
    everywhere(async |db, id| create(db, id).await, true).await;
}

/// What is answered as an error is not there, unless the answer is that nobody knows.
#[tokio::test]
async fn of_a_transaction() {
    let surely = async |db: &Db<DB>, id| db.transaction(|tx| async move { create(&tx, id).await }).await;
    everywhere(surely, true).await;
}

#[tokio::test]
async fn of_a_transaction_by_hand_with_a_savepoint() {
    let by_hand = async |db: &Db<DB>, id| {
        let tx = db.begin().await?;
        tx.transaction(|tx| async move { create(&tx, id).await }).await?;
        tx.commit().await
    };
    everywhere(by_hand, true).await;
}

#[tokio::test]
async fn of_a_find() {
    let find = async |db: &Db<DB>, _| {
        assert_eq!(Account::repo(db).find_by_id(1).await?.map(|account| account.id), Some(1));
        Ok(())
    };
    everywhere(find, false).await;
}

/// It is read to its end, or it ends with an error: never too early.
#[tokio::test]
async fn of_a_stream() {
    let stream = async |db: &Db<DB>, _| {
        let accounts = Account::repo(db);
        let mut rows = accounts.find().order_by(Account::ID.asc()).stream();
        let mut read = 0;
        while let Some(row) = rows.try_next().await? {
            read += 1;
            assert_eq!(row.id, read);
        }
        assert_eq!(read, ACCOUNTS);
        Ok(())
    };
    everywhere(stream, false).await;
}

/// Before there is a connection at all.
#[tokio::test]
async fn of_connecting() {
    let line = Line::still(1).await;
    let Line { outside, proxy, .. } = &line;
    let options = || at(outside.options(), proxy.address().port());
    for side in [Side::Client, Side::Server] {
        for bytes in 0.. {
            assert!(bytes < 10_000, "it is never made");
            proxy.cut_at(side, bytes);
            let made = still(Db::builder()).max_connections(1).connect_with(options()).await;
            proxy.release();
            match made {
                Ok(db) => {
                    ask(&db).await.unwrap();
                    break;
                }
                Err(error) => assert!(is_broken(&error), "{side:?} after {bytes} bytes: {error:?}"),
            }
        }
    }
}
