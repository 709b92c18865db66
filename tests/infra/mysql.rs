//! What a service needs around its database, on MySQL.

pub type DB = sqlx::MySql;

mod cases;
mod server;

fn address(options: &sqlx::mysql::MySqlConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

fn at(options: sqlx::mysql::MySqlConnectOptions, port: u16) -> sqlx::mysql::MySqlConnectOptions {
    options.host("127.0.0.1").port(port)
}

/// The transaction that an operation opens for itself: there several updates need one.
mod own_transaction {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::{Either, select};
    use kysera::error::{DeadlineStage, TransactionError};
    use kysera::prelude::*;
    use kysera::source::Policy;
    use kysera::{Error, Result};
    use kysera_tests::Fixture;
    use kysera_tests::proxy::{Proxy, Side};

    use crate::DB;
    use crate::cases::deadline::{HOUR, pass, stage, until};
    use crate::cases::{COUNTERS, Counter, CounterPatch};
    use crate::server::timed;

    async fn write(db: &Db<DB>, ids: [i64; 2], value: i64) -> Result<Vec<Counter>> {
        Counter::repo(db).update_many(ids.map(|id| (id, CounterPatch::new().value(value)))).await
    }

    /// Everything of the next write arrives but the last byte, which is of the answer to what ends its transaction.
    async fn hold_the_end(proxy: &Proxy, db: &Db<DB>, ids: [i64; 2]) {
        for value in [1, 2] {
            let before = proxy.bytes(Side::Server);
            let _ = write(db, ids, value).await;
            if value == 2 {
                proxy.hold_at(Side::Server, proxy.bytes(Side::Server) - before - 1);
            }
        }
    }

    /// Until it waits for that byte.
    async fn stuck<T>(proxy: &Proxy, work: &mut (impl Future<Output = T> + Unpin)) {
        match select(&mut *work, pin!(proxy.is_held())).await {
            Either::Left(_) => panic!("it came to its end"),
            Either::Right(_) => assert!(work.now_or_never().is_none()),
        }
    }

    async fn world() -> (Fixture<DB>, Proxy, Db<DB>, Db<DB>) {
        let db = Fixture::<DB>::concurrent(&COUNTERS, 1).await;
        let (proxy, source, timed) = timed(&db).await;
        crate::cases::add(&source, 2).await.unwrap();
        (db, proxy, source, timed)
    }

    #[tokio::test]
    async fn its_commit_has_more_time() {
        let (_db, proxy, source, timed) = world().await;
        hold_the_end(&proxy, &timed, [1, 2]).await;
        let mut work = write(&timed, [1, 2], 7).boxed();
        stuck(&proxy, &mut work).await;
        pass(HOUR).await;
        assert!((&mut work).now_or_never().is_none());
        proxy.release();
        assert!(work.await.unwrap().iter().all(|counter| counter.value == 7));
        assert_eq!(source.metrics().closed, 0);
    }

    #[tokio::test]
    async fn but_not_for_ever() {
        let (db, proxy, _source, timed) = world().await;
        hold_the_end(&proxy, &timed, [1, 2]).await;
        let mut work = write(&timed, [1, 2], 7).boxed();
        stuck(&proxy, &mut work).await;
        pass(HOUR + Policy::default().recover + Duration::from_millis(1)).await;
        let lost = work.await.unwrap_err();
        assert!(matches!(lost, Error::Transaction(TransactionError::OutcomeUnknown { .. })), "{lost:?}");
        assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM counters WHERE value = 7").await, 2);
    }

    /// The deadline is what the caller is told of: what failed before it was undone, as far as anyone knows.
    #[tokio::test]
    async fn what_fails_has_no_time_to_be_undone() {
        let (db, proxy, source, timed) = world().await;
        hold_the_end(&proxy, &timed, [1, 9]).await;
        let mut work = write(&timed, [1, 9], 7).boxed();
        stuck(&proxy, &mut work).await;
        pass(HOUR).await;
        assert_eq!(stage(work.await), DeadlineStage::Running);
        until(|| async { source.metrics().closed == 1 }).await;
        proxy.release();
        assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM counters WHERE value = 7").await, 0);
    }
}
