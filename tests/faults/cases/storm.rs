//! A bank, many tasks, few connections, and callers who give up at any moment: no money is made or lost, everything that
//! was acknowledged is there once, what was refused is not, and no connection and no transaction is left behind.
//!
//! `KYSERA_STORM_SECONDS` says how long it lasts; 2 by default.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use kysera::error::{PoolError, TransactionError};
use kysera::infra::{Retry, Shutdown};
use kysera::prelude::*;
use kysera::{Error, Isolation, Result, Tx};
use tokio::time::timeout;

use super::*;

const ACCOUNTS: i64 = 20;

/// What a caller knows of a transfer that it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Refused,
    /// Given up, or lost in COMMIT.
    Unknown,
}

/// Figures, for whoever runs it by hand.
#[derive(Debug, Default)]
struct Figures {
    calls: AtomicU64,
    cut: AtomicU64,
    transient: AtomicU64,
}

struct Weather {
    db: Db<DB>,
    over: AtomicBool,
    figures: Figures,
    retry: Retry,
    /// One in so many calls is given the time that it needs.
    patience: u64,
}

impl Weather {
    fn new(db: &Db<DB>) -> Arc<Self> {
        let retry = Retry::new().attempts(10).unwrap();
        let retry = retry.delays(Duration::from_millis(1), Duration::from_millis(20)).unwrap();
        let over = AtomicBool::new(false);
        Arc::new(Self { db: db.clone(), over, figures: Figures::default(), retry, patience: 3 })
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Moves money in the order that the numbers say, which is how two of them come to wait for each other.
async fn transfer(tx: &Tx<DB>, Transfer { id, from_id, to_id, amount }: Transfer) -> Result<()> {
    Transfer::repo(tx).create(NewTransfer { id, from_id, to_id, amount }).await?;
    let accounts = Account::repo(tx);
    let one = |id| accounts.find().filter(Account::ID.eq(id));
    one(from_id).set(Account::BALANCE, Account::BALANCE.minus(amount)).execute().await?;
    one(to_id).set(Account::BALANCE, Account::BALANCE.plus(amount)).execute().await?;
    Ok(())
}

/// Reads, reckons and writes: right only if nobody comes in between.
async fn reckon(tx: &Tx<DB>, Transfer { id, from_id, to_id, amount }: Transfer) -> Result<()> {
    let accounts = Account::repo(tx);
    let (from, to) = (accounts.get(from_id).await?.balance, accounts.get(to_id).await?.balance);
    accounts.update(from_id, AccountPatch::new().balance(from - amount)).await?;
    if from_id != to_id {
        accounts.update(to_id, AccountPatch::new().balance(to + amount)).await?;
    } else {
        accounts.update(to_id, AccountPatch::new().balance(from)).await?;
    }
    Transfer::repo(tx).create(NewTransfer { id, from_id, to_id, amount }).await.map(drop)
}

/// The kinds of calls that write a transfer come first.
const WRITES: u64 = 5;
const KINDS: u64 = 9;

async fn call(weather: &Weather, kind: u64, new: Transfer) -> Result<()> {
    let db = &weather.db;
    let accounts = Account::repo(db);
    match kind {
        0 => db.transaction(|tx| async move { transfer(&tx, new).await }).await,
        1 => {
            let begin = db.begin().isolation(Isolation::Serializable).retry(&weather.retry);
            begin
                .run(|tx| {
                    let new = new.clone();
                    async move { reckon(&tx, new).await }
                })
                .await
        }
        2 => {
            weather
                .retry
                .transaction(db, |tx| {
                    let new = new.clone();
                    async move { transfer(&tx, new).await }
                })
                .await
        }
        3 => {
            // A savepoint that is cut or undone, in a transaction that goes on.
            db.transaction(|tx| async move {
                let other = Transfer { id: -new.id, ..new.clone() };
                let inner = tx.transaction(|tx| async move {
                    transfer(&tx, other).await?;
                    pending::<Result<()>>().await
                });
                // A deadlock ends the whole transaction.
                if let Ok(Err(error)) = timeout(Duration::from_micros(new.id as u64 % 2000), inner).await {
                    return Err(error);
                }
                transfer(&tx, new).await
            })
            .await
        }
        4 => {
            // By hand, and in bulk: a row that moves money, and others that move none.
            let tx = db.begin().await?;
            transfer(&tx, new.clone()).await?;
            let more = (1..20).map(|n| NewTransfer { id: new.id + n, from_id: 1, to_id: 2, amount: 0 });
            Transfer::repo(&tx).create_many(more).await?;
            tx.commit().await
        }
        5 => {
            assert_eq!(accounts.get(new.from_id).await?.id, new.from_id, "a row of somebody else's");
            Ok(())
        }
        6 => {
            let mut rows = accounts.find().order_by(Account::ID.asc()).stream();
            for id in 1..=new.to_id {
                assert_eq!(rows.try_next().await?.expect("there are more").id, id);
            }
            Ok(())
        }
        7 => {
            let begin = db.begin().isolation(Isolation::RepeatableRead).read_only();
            let all = begin.run(|tx| async move { Account::repo(&tx).find().all().await }).await?;
            assert_eq!(all.iter().map(|account| account.balance).sum::<i64>(), ACCOUNTS * BALANCE);
            Ok(())
        }
        _ => {
            let undone = db.transaction(|tx| async move {
                transfer(&tx, Transfer { id: -new.id, ..new }).await?;
                Err::<(), _>(Error::other("undone"))
            });
            match undone.await {
                Err(Error::Other(_)) => Ok(()),
                other => other,
            }
        }
    }
}

/// One caller after the other, until the storm is over or `may_end` says that the error is the end.
async fn task(weather: Arc<Weather>, number: u64, may_fail: fn(&Error) -> bool) -> Vec<(i64, Fate)> {
    let mut random = Random::new(number);
    let mut fates = Vec::new();
    // Numbers of transfers, with room for those that come in bulk.
    let mut id = number as i64 * 1_000_000_000;
    while !weather.is_over() {
        id += 32;
        let kind = random.next(KINDS);
        let new = Transfer {
            id,
            from_id: random.id(ACCOUNTS),
            to_id: random.id(ACCOUNTS),
            amount: random.next(100) as i64,
        };
        let limit = match random.next(weather.patience) {
            0 => Duration::from_secs(60),
            _ => Duration::from_micros(random.next(6000)),
        };
        weather.figures.calls.fetch_add(1, Ordering::Relaxed);
        let fate = match timeout(limit, call(&weather, kind, new)).await {
            Ok(Ok(())) => Fate::Done,
            Ok(Err(Error::Transaction(TransactionError::OutcomeUnknown { .. }))) => Fate::Unknown,
            Ok(Err(error)) if error.is_transient() || may_fail(&error) => {
                weather.figures.transient.fetch_add(1, Ordering::Relaxed);
                Fate::Refused
            }
            // A savepoint that was cut takes its transaction with it there.
            Ok(Err(Error::Transaction(TransactionError::Poisoned))) if kind == 3 && !DB::DRAINS => {
                Fate::Refused
            }
            Ok(Err(error)) => panic!("call {id} of kind {kind}: {error:?}"),
            Err(_) => {
                weather.figures.cut.fetch_add(1, Ordering::Relaxed);
                Fate::Unknown
            }
        };
        // What is refused at once waits for nothing.
        tokio::task::yield_now().await;
        if kind < WRITES {
            fates.push((id, fate));
        }
    }
    fates
}

/// What is stored is what was told, and the books are balanced.
async fn is_right(db: &Db<DB>, figures: &Figures, fates: Vec<(i64, Fate)>) {
    let Stored { accounts, transfers, .. } = stored(db).await;
    let mut balances: HashMap<_, _> = (1..=ACCOUNTS).map(|id| (id, BALANCE)).collect();
    let mut bulk: HashMap<_, u32> = HashMap::new();
    for Transfer { id, from_id, to_id, amount } in &transfers {
        assert!(*id > 0, "{id} was undone");
        *balances.get_mut(from_id).unwrap() -= amount;
        *balances.get_mut(to_id).unwrap() += amount;
        *bulk.entry(id / 32).or_default() += 1;
    }
    for account in &accounts {
        assert_eq!(balances[&account.id], account.balance, "account {}", account.id);
    }
    assert_eq!(accounts.iter().map(|account| account.balance).sum::<i64>(), ACCOUNTS * BALANCE);
    assert!(bulk.values().all(|rows| *rows == 1 || *rows == 20), "half of a transaction");
    let mut tally = HashMap::new();
    for (id, fate) in fates {
        let is_there = bulk.remove(&(id / 32)).is_some();
        *tally.entry((format!("{fate:?}"), is_there)).or_insert(0) += 1;
        assert!(fate != Fate::Done || is_there, "{id} was acknowledged and is not there");
        assert!(fate != Fate::Refused || !is_there, "{id} was refused and is there");
    }
    assert!(bulk.is_empty(), "transfers that nobody asked for: {bulk:?}");
    eprintln!("{figures:?}\ntransfers by fate, and whether they are there: {tally:?}\n{:?}", db.metrics());
}

fn never(_: &Error) -> bool {
    false
}

async fn storm(tasks: u64, connections: u32) {
    let seconds = std::env::var("KYSERA_STORM_SECONDS").map_or(2, |seconds| seconds.parse().unwrap());
    let outside = bank(2, ACCOUNTS).await;
    let db = outside.connect(outside.options(), connections).await;
    let weather = Weather::new(&db);
    let all: Vec<_> = (0..tasks).map(|number| tokio::spawn(task(weather.clone(), number, never))).collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    // The storm has a length, which nothing is concluded from.
    tokio::time::sleep_until(end.into()).await;
    weather.over.store(true, Ordering::Relaxed);
    let mut fates = Vec::new();
    for task in all {
        fates.extend(task.await.unwrap());
    }
    until("connections do not come back", async || db.metrics().held == db.metrics().idle).await;
    until("sessions are in a transaction", async || outside.in_transaction().await == 0).await;
    is_idle(outside.source()).await;
    is_whole(&db).await;
    until("the cache does not empty", async || db.metrics().held == 0).await;
    assert!(weather.figures.cut.load(Ordering::Relaxed) > tasks, "a storm without wind");
    is_right(outside.source(), &weather.figures, fates).await;
    eprintln!("{:?}", db.metrics());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_threads() {
    storm(64, 8).await;
}

#[tokio::test]
async fn on_one_thread() {
    storm(64, 8).await;
}

#[tokio::test]
async fn on_a_single_connection() {
    storm(8, 1).await;
}

/// It ends in mid-storm: everybody is told so, and what was acknowledged is there.
#[tokio::test]
async fn a_shutdown() {
    let outside = bank(2, ACCOUNTS).await;
    let db = outside.connect(outside.options(), 4).await;
    let weather = Weather::new(&db);
    let refused: fn(&Error) -> bool = |error| matches!(error, Error::Pool(PoolError::ShuttingDown));
    let all: Vec<_> = (0..32).map(|number| tokio::spawn(task(weather.clone(), number, refused))).collect();
    until("the storm does not rise", async || weather.figures.calls.load(Ordering::Relaxed) > 500).await;
    let report = Shutdown::new(&db).deadline(Duration::from_secs(60)).run().await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert!(refused(&Account::repo(&db).get(1).await.unwrap_err()));
    weather.over.store(true, Ordering::Relaxed);
    let fates = join_all(all).await.into_iter().flat_map(|fates| fates.unwrap()).collect();
    assert_eq!((db.metrics().size, db.metrics().held, db.metrics().transactions), (0, 0, 0));
    is_idle(outside.source()).await;
    is_right(outside.source(), &weather.figures, fates).await;
}
