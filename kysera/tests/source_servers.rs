//! What single databases do to a connection or a transaction.
#![cfg(all(any(feature = "postgres", feature = "mysql"), feature = "_servers"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod lab;

use std::time::Duration;

use kysera::Error;
use kysera::error::TransactionError;
use lab::{Bench, exec};
use tokio::time::timeout;

#[cfg(all(feature = "postgres", feature = "_servers"))]
mod postgres {
    use super::*;
    use futures_util::TryStreamExt;
    use lab::number;
    use sqlx::Postgres;

    /// The error of an abandoned statement reaches nobody.
    #[tokio::test]
    async fn left_over_errors() {
        let bench = Bench::<Postgres>::new(1).await;
        let fails = "SELECT (1 / (random() * 0)::int)::bigint FROM pg_sleep(0.05)";
        assert!(timeout(Duration::from_millis(20), number(&bench.db, fails.into())).await.is_err());
        assert_eq!(bench.rows().await, 3);
        // on one connection
        let conn = bench.db.acquire().await.unwrap();
        assert!(timeout(Duration::from_millis(20), number(&conn, fails.into())).await.is_err());
        assert_eq!(number(&conn, bench.count()).await.unwrap(), 3);
        // through user code
        {
            let mut raw = conn.connection().await.unwrap();
            let cut = sqlx::query(fails).execute(&mut *raw);
            assert!(timeout(Duration::from_millis(20), cut).await.is_err());
        }
        assert_eq!(number(&conn, bench.count()).await.unwrap(), 3);
        drop(conn);
        // in a transaction it counts as failed
        let tx = bench.db.begin().await.unwrap();
        exec(&tx, bench.insert(10)).await.unwrap();
        assert!(timeout(Duration::from_millis(20), number(&tx, fails.into())).await.is_err());
        let end = tx.commit().await;
        assert!(matches!(end, Err(Error::Transaction(TransactionError::Failed))), "{end:?}");
        // within a savepoint it is undone
        let tx = bench.db.begin().await.unwrap();
        exec(&tx, bench.insert(11)).await.unwrap();
        let cut = tx.transaction(|tx| async move { number(&tx, fails.into()).await });
        assert!(timeout(Duration::from_millis(20), cut).await.is_err());
        tx.commit().await.unwrap();
        assert_eq!(bench.rows().await, 4);
        assert_eq!(bench.db.metrics().closed, 0);
        bench.is_clean().await;
        bench.done().await;
    }

    /// An abandoned COPY puts the connection out of step: it is closed.
    #[tokio::test]
    async fn abandoned_copy() {
        let bench = Bench::<Postgres>::new(1).await;
        let copy = "COPY (SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n) TO STDOUT";
        {
            let conn = bench.db.acquire().await.unwrap();
            let mut raw = conn.connection().await.unwrap();
            let mut rows = raw.copy_out_raw(copy).await.unwrap();
            rows.try_next().await.unwrap();
        }
        for i in 1..5_i64 {
            assert_eq!(number(&bench.db, format!("SELECT {i}::bigint")).await.unwrap(), i);
        }
        assert_eq!(bench.db.metrics().closed, 1);
        // in a transaction: the next use finds out
        let tx = bench.db.begin().await.unwrap();
        {
            let mut raw = tx.connection().await.unwrap();
            let mut rows = raw.copy_out_raw(copy).await.unwrap();
            rows.try_next().await.unwrap();
        }
        number(&tx, "SELECT 7::bigint".into()).await.unwrap_err();
        tx.commit().await.unwrap_err();
        assert_eq!(number(&bench.db, "SELECT 8::bigint".into()).await.unwrap(), 8);
        bench.is_clean().await;
        bench.done().await;
    }

    /// Connections that the server ended: one statement fails at most, then everything works.
    #[tokio::test]
    async fn terminated_backends() {
        let bench = Bench::<Postgres>::new(4).await;
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(bench.db.acquire().await.unwrap());
        }
        drop(all);
        let name = &bench.table;
        let admin = Bench::<Postgres>::new(1).await;
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{name}'"
        );
        assert_eq!(number(&admin.db, sql).await.unwrap(), 4);
        let mut failures = 0;
        for _ in 0..10 {
            failures += u32::from(number(&bench.db, bench.count()).await.is_err());
        }
        assert!(failures <= 1, "{failures} statements failed");
        // in a transaction
        let tx = bench.db.begin().await.unwrap();
        exec(&tx, bench.insert(10)).await.unwrap();
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{name}'"
        );
        number(&admin.db, sql).await.unwrap();
        let end = tx.commit().await;
        assert!(matches!(end, Err(Error::Transaction(TransactionError::OutcomeUnknown { .. }))), "{end:?}");
        let mut failures = 0;
        for _ in 0..10 {
            failures += u32::from(number(&bench.db, bench.count()).await.is_err());
        }
        assert!(failures <= 1, "{failures} statements failed");
        assert_eq!(bench.rows().await, 3);
        admin.done().await;
        bench.is_clean().await;
        bench.done().await;
    }

    /// A violation that COMMIT reports stays what it is, and the connection is fit for use at once.
    #[tokio::test]
    async fn deferred_constraints() {
        let bench = &Bench::<Postgres>::new(1).await;
        let t = &bench.table;
        exec(
            &bench.db,
            format!("ALTER TABLE {t} ADD CONSTRAINT {t}_u UNIQUE (name) DEFERRABLE INITIALLY DEFERRED"),
        )
        .await
        .unwrap();
        let end = bench
            .db
            .transaction(|tx| async move { exec(&tx, format!("INSERT INTO {t} VALUES (10, 'a')")).await });
        let error = end.await.unwrap_err();
        assert!(!matches!(error, Error::Transaction(_)), "{error:?}");
        assert_eq!(bench.rows().await, 3);
        assert_eq!(bench.db.metrics().recovered, 0);
        bench.is_clean().await;
        exec(&bench.db, format!("DROP TABLE {t}; CREATE TABLE {t} (id BIGINT)")).await.unwrap();
        Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
    }

    #[tokio::test]
    async fn sessions_have_limits() {
        let bench = Bench::<Postgres>::new(1).await;
        for (setting, value) in [
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "1min"),
            ("client_connection_check_interval", "2s"),
        ] {
            let sql =
                format!("SELECT count(*) FROM (SELECT current_setting('{setting}') v) x WHERE v = '{value}'");
            assert_eq!(number(&bench.db, sql).await.unwrap(), 1, "{setting}");
        }
        let db = kysera::Db::<Postgres>::builder().session_limits(None);
        let plain = Bench::with(db.max_connections(1)).await;
        let sql = "SELECT count(*) FROM (SELECT current_setting('statement_timeout') v) x WHERE v = '30s'";
        assert_eq!(number(&plain.db, sql.into()).await.unwrap(), 0);
        plain.done().await;
        bench.done().await;
    }
}

#[cfg(all(feature = "mysql", feature = "_servers"))]
mod mysql {
    use super::*;
    use kysera::Tx;
    use sqlx::MySql;

    /// After a deadlock the server has rolled back everything: nothing that follows is committed on its own.
    #[tokio::test]
    async fn deadlocks() {
        let bench = Bench::<MySql>::new(2).await;
        let t = &bench.table;
        let (a, b) = (bench.db.begin().await.unwrap(), bench.db.begin().await.unwrap());
        let set = |id: i64| format!("UPDATE {t} SET name = 'd' WHERE id = {id}");
        exec(&a, bench.insert(10)).await.unwrap();
        exec(&b, bench.insert(11)).await.unwrap();
        exec(&a, set(1)).await.unwrap();
        exec(&b, set(2)).await.unwrap();
        let (x, y) = tokio::join!(exec(&a, set(2)), exec(&b, set(1)));
        assert_eq!(u32::from(x.is_err()) + u32::from(y.is_err()), 1, "one of them is the victim");
        let (victim, survivor): (Tx<MySql>, Tx<MySql>) = if x.is_err() { (a, b) } else { (b, a) };
        let after = exec(&victim, bench.insert(20)).await;
        assert!(matches!(after, Err(Error::Transaction(TransactionError::Failed))), "{after:?}");
        let inner = victim.transaction(|_| async { Ok(()) }).await;
        assert!(matches!(inner, Err(Error::Transaction(TransactionError::Failed))), "{inner:?}");
        let end = victim.commit().await;
        assert!(matches!(end, Err(Error::Transaction(TransactionError::Failed))), "{end:?}");
        survivor.commit().await.unwrap();
        assert_eq!(bench.rows().await, 4);
        assert_eq!(bench.db.metrics().closed, 0);
        bench.is_clean().await;
        bench.done().await;
    }

    /// The same within a savepoint, whose closure swallows the error.
    #[tokio::test]
    async fn lock_wait_timeouts() {
        let bench = &Bench::<MySql>::new(2).await;
        let t = &bench.table;
        let blocker = bench.db.begin().await.unwrap();
        exec(&blocker, format!("UPDATE {t} SET name = 'l' WHERE id = 1")).await.unwrap();
        let end = bench.db.transaction(|tx| async move {
            exec(&tx, "SET SESSION innodb_lock_wait_timeout = 1".into()).await?;
            exec(&tx, bench.insert(10)).await?;
            tx.transaction(|tx| async move {
                exec(&tx, format!("UPDATE {t} SET name = 'm' WHERE id = 1")).await.unwrap_err();
                Ok(())
            })
            .await
            .unwrap_err();
            let after = exec(&tx, bench.insert(11)).await;
            assert!(matches!(after, Err(Error::Transaction(TransactionError::Failed))), "{after:?}");
            Ok(())
        });
        let end = end.await;
        assert!(matches!(end, Err(Error::Transaction(TransactionError::Failed))), "{end:?}");
        blocker.rollback().await.unwrap();
        assert_eq!(bench.rows().await, 3);
        bench.is_clean().await;
        Bench { db: bench.db.clone(), table: bench.table.clone() }.done().await;
    }

    /// CREATE TABLE commits: the handle does not go on as if nothing had been.
    #[tokio::test]
    async fn implicit_commits() {
        let bench = Bench::<MySql>::new(1).await;
        let t = &bench.table;
        let tx = bench.db.begin().await.unwrap();
        exec(&tx, bench.insert(10)).await.unwrap();
        let sql = lab::text(format!("CREATE TABLE {t}_2 (n INT)"));
        sqlx::raw_sql(sql).execute(&mut *tx.connection().await.unwrap()).await.unwrap();
        let after = exec(&tx, bench.insert(11)).await;
        assert!(matches!(after, Err(Error::Transaction(TransactionError::Finished))), "{after:?}");
        drop(tx);
        assert_eq!(bench.rows().await, 4);
        exec(&bench.db, format!("DROP TABLE {t}_2")).await.unwrap();
        bench.is_clean().await;
        bench.done().await;
    }

    /// A statement of user code's that was cut in mid-result: found out before anyone else gets the connection.
    #[tokio::test]
    async fn cut_in_user_code() {
        let bench = Bench::<MySql>::new(1).await;
        for _ in 0..5 {
            {
                let conn = bench.db.acquire().await.unwrap();
                let mut raw = conn.connection().await.unwrap();
                let cut = sqlx::query("SELECT SLEEP(0.1), 'SELECT 1'").fetch_all(&mut *raw);
                assert!(timeout(Duration::from_millis(10), cut).await.is_err());
            }
            assert_eq!(bench.rows().await, 3);
        }
        bench.is_clean().await;
        bench.done().await;
    }
}
