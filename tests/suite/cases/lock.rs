//! Reads that lock what they read.

use std::sync::Arc;

use futures_util::TryStreamExt;
use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera::{Db, Error, ErrorCode, Tx};
use kysera_tests::Fixture;

use super::entities::*;
use crate::DB;

/// On SQLite a lock of rows is refused before anything is sent, which is all that there is to test there.
async fn without_locks(db: &Fixture<DB>) -> bool {
    if DB::DIALECT != Dialect::Sqlite {
        return false;
    }
    let tx = db.source().begin().await.unwrap();
    let tickets = Ticket::repo(&tx);
    let find = || tickets.find();
    let refused = |error: Error| {
        assert_eq!(error.code(), ErrorCode::Unsupported, "{error:?}");
        assert!(error.to_string().contains("locks the whole database"), "{error}");
    };
    // There is no such table: a statement would be told so.
    tx.connection().await.unwrap();
    refused(find().for_update().all().await.unwrap_err());
    refused(find().for_update().skip_locked().first().await.unwrap_err());
    refused(find().for_share().one().await.unwrap_err());
    refused(find().for_share().no_wait().stream().try_next().await.unwrap_err());
    true
}

async fn open(db: &Fixture<DB>, tickets: usize) -> Vec<Ticket> {
    let new = (0..tickets).map(|_| NewTicket { state: None, priority: None });
    Ticket::repo(db.source()).create_many(new).await.unwrap()
}

/// What someone who does not wait is told of a lock.
fn locked<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout, "{error:?}");
    assert!(error.is_transient());
    if DB::DIALECT == Dialect::Postgres {
        let code = error.as_sqlx().and_then(|error| error.as_database_error()?.code());
        assert_eq!(code.as_deref(), Some("55P03"));
    }
}

/// Whether a row can be locked just now, in a transaction of its own.
async fn is_free(db: &Db<DB>, id: i64) -> bool {
    let tx = db.begin().await.unwrap();
    let result = Ticket::repo(&tx).find().filter(Ticket::ID.eq(id)).for_update().no_wait().all().await;
    tx.rollback().await.unwrap();
    match result {
        Ok(rows) => rows.len() == 1,
        Err(error) => {
            locked::<()>(Err(error));
            false
        }
    }
}

#[tokio::test]
async fn what_was_read_is_locked_until_the_transaction_ends() {
    let db = Fixture::<DB>::concurrent(&TICKETS, 2).await;
    if without_locks(&db).await {
        return;
    }
    let tickets = open(&db, 3).await;
    let [one, two, three] = [tickets[0].id, tickets[1].id, tickets[2].id];
    let tx = db.source().begin().await.unwrap();
    let mine = Ticket::repo(&tx);
    let in_order = || mine.find().order_by(Ticket::ID.asc());
    assert_eq!(in_order().filter(Ticket::ID.eq(one)).for_update().one().await.unwrap(), tickets[0]);
    assert!(!is_free(db.source(), one).await);
    assert!(is_free(db.source(), two).await);
    // Every end locks.
    assert!(mine.find().filter(Ticket::ID.eq(two)).for_update().first().await.unwrap().is_some());
    assert!(!is_free(db.source(), two).await);
    {
        let mut rows = mine.find().filter(Ticket::ID.eq(three)).for_update().stream();
        assert!(rows.try_next().await.unwrap().is_some());
        assert!(rows.try_next().await.unwrap().is_none());
    }
    assert!(!is_free(db.source(), three).await);
    assert_eq!(
        in_order().for_update().no_wait().all().await.unwrap(),
        tickets,
        "one's own locks are no obstacle"
    );
    tx.commit().await.unwrap();
    for id in [one, two, three] {
        assert!(is_free(db.source(), id).await);
    }
}

#[tokio::test]
async fn a_shared_lock_keeps_writers_out_and_readers_in() {
    let db = Fixture::<DB>::concurrent(&TICKETS, 3).await;
    if without_locks(&db).await {
        return;
    }
    let id = open(&db, 1).await[0].id;
    let share = async |tx: &Tx<DB>| {
        let tickets = Ticket::repo(tx);
        tickets.find().filter(Ticket::ID.eq(id)).for_share().all().await.unwrap().len()
    };
    let (a, b) = (db.source().begin().await.unwrap(), db.source().begin().await.unwrap());
    assert_eq!((share(&a).await, share(&b).await), (1, 1));
    assert!(!is_free(db.source(), id).await);
    a.rollback().await.unwrap();
    assert!(!is_free(db.source(), id).await);
    b.rollback().await.unwrap();
    assert!(is_free(db.source(), id).await);

    // Not to wait for a shared lock has no spelling that MySQL and MariaDB share.
    let tx = db.source().begin().await.unwrap();
    let tickets = Ticket::repo(&tx);
    for find in [tickets.find().for_share().no_wait(), tickets.find().for_share().skip_locked()] {
        let result = find.all().await;
        if DB::DIALECT == Dialect::MySql {
            assert_eq!(result.unwrap_err().code(), ErrorCode::Unsupported);
        } else {
            assert_eq!(result.unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn the_last_word_on_waiting_counts() {
    let db = Fixture::<DB>::concurrent(&TICKETS, 2).await;
    if without_locks(&db).await {
        return;
    }
    let tickets = open(&db, 2).await;
    let tx = db.source().begin().await.unwrap();
    Ticket::repo(&tx).find().filter(Ticket::ID.eq(tickets[0].id)).for_update().one().await.unwrap();
    let other = db.source().begin().await.unwrap();
    let theirs = Ticket::repo(&other);
    let skipped = theirs.find().for_update().no_wait().skip_locked().all().await.unwrap();
    assert_eq!(skipped, tickets[1..]);
    locked(theirs.find().for_update().skip_locked().no_wait().all().await);
}

/// Each worker takes jobs of its own, while the others hold theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_of_a_queue_do_not_meet() {
    const WORKERS: usize = 6;
    let db = Arc::new(Fixture::<DB>::concurrent(&TICKETS, WORKERS as u32).await);
    if without_locks(&db).await {
        return;
    }
    let all = open(&db, 60).await;
    let together = Arc::new(tokio::sync::Barrier::new(WORKERS));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (db, together) = (db.clone(), together.clone());
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let first_round = taken.is_empty();
                    let together = together.clone();
                    let job = db
                        .source()
                        .transaction(|tx| async move {
                            let tickets = Ticket::repo(&tx);
                            let open =
                                tickets.find().filter(Ticket::STATE.eq("open")).order_by(Ticket::ID.asc());
                            let Some(job) = open.for_update().skip_locked().first().await? else {
                                return Ok(None);
                            };
                            if first_round {
                                together.wait().await; // all of them hold one
                            }
                            let patch = TicketPatch::new().state("done").priority(worker as i32);
                            tickets.update(job.id, patch).await?;
                            Ok(Some(job.id))
                        })
                        .await
                        .unwrap();
                    match job {
                        Some(id) => taken.push(id),
                        None => return taken,
                    }
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.push(worker.await.unwrap());
    }
    assert!(taken.iter().all(|ids| !ids.is_empty()), "{taken:?}");
    let mut ids: Vec<i64> = taken.into_iter().flatten().collect();
    ids.sort_unstable();
    // A worker may find nothing while others hold the last ones, but what was taken was taken once.
    assert_eq!(ids, all.iter().map(|ticket| ticket.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_savepoint_confines_a_lock_that_fails() {
    let db = Fixture::<DB>::concurrent(&TICKETS, 2).await;
    if without_locks(&db).await {
        return;
    }
    let id = open(&db, 1).await[0].id;
    let tx = db.source().begin().await.unwrap();
    Ticket::repo(&tx).find().for_update().all().await.unwrap();
    let other = db.source().begin().await.unwrap();
    let theirs = Ticket::repo(&other);
    locked(theirs.find().for_update().no_wait().all().await);
    other.rollback().await.unwrap();
    if DB::DIALECT != Dialect::Postgres {
        return; // MariaDB does not tell whether the transaction is still there
    }
    // A savepoint confines it.
    let other = db.source().begin().await.unwrap();
    let inner = other
        .transaction(|tx| async move { Ticket::repo(&tx).find().for_update().no_wait().all().await })
        .await;
    locked(inner);
    assert_eq!(Ticket::repo(&other).get(id).await.unwrap().id, id);
}

#[derive(Debug, PartialEq, Projection)]
#[kysera(of = Ticket)]
struct Card {
    id: i64,
    #[kysera(expr = Ticket::ID.plus(1))]
    next: i64,
}

#[tokio::test]
async fn rows_of_a_selection_are_locked_and_aggregates_are_refused() {
    let db = Fixture::<DB>::concurrent(&TICKETS, 2).await;
    if without_locks(&db).await {
        return;
    }
    let tickets = open(&db, 3).await;
    let [one, two, three] = [tickets[0].id, tickets[1].id, tickets[2].id];
    let tx = db.source().begin().await.unwrap();
    let mine = Ticket::repo(&tx);
    let id = mine.find().filter(Ticket::ID.eq(one)).select(Ticket::ID).for_update().one().await.unwrap();
    assert_eq!(id, one);
    let card = mine.find().filter(Ticket::ID.eq(two)).select_as::<Card>().for_share().first().await.unwrap();
    assert_eq!(card, Some(Card { id: two, next: two + 1 }));
    assert!(!is_free(db.source(), one).await);
    assert!(!is_free(db.source(), two).await);
    assert!(is_free(db.source(), three).await);
    let refused = |error: Error| assert_eq!(error.code(), ErrorCode::BadRequest, "{error:?}");
    refused(mine.find().select(Ticket::ID.count()).for_update().all().await.unwrap_err());
    refused(mine.find().select(Ticket::ID).distinct().for_update().all().await.unwrap_err());
    refused(mine.find().select(Ticket::ID).group_by(Ticket::ID).for_share().all().await.unwrap_err());
    // Nothing of it was sent: the transaction is as good as before.
    assert_eq!(mine.find().count().await.unwrap(), 3);
}
