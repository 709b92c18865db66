//! Migrations, on PostgreSQL.

pub type DB = sqlx::Postgres;

mod cases;

fn url(options: &sqlx::postgres::PgConnectOptions) -> String {
    let mut url = sqlx::ConnectOptions::to_url_lossy(options);
    // It leaves out in which schema the test lives.
    url.query_pairs_mut().append_pair("options", options.get_options().unwrap());
    url.into()
}

/// sqlx's runner waits for the lock in a statement, which has a snapshot, for which CREATE INDEX CONCURRENTLY waits. Both would
/// wait for ever.
#[tokio::test]
async fn an_index_that_is_built_concurrently_does_not_wait_for_sqlx() {
    use std::time::Duration;

    use kysera::migrate::{Hook, Step};
    use kysera_tests::{Ddl, Fixture};
    use sqlx::migrate::MigrateError;
    use tokio::sync::Semaphore;

    /// Says when a migration is about to begin, and lets it go on when it is told to.
    struct Wait(std::sync::Arc<[Semaphore; 2]>);
    impl Hook for Wait {
        async fn before(&self, step: &Step) -> kysera::Result<()> {
            if step.version == 2 {
                self.0[0].add_permits(1);
                self.0[1].acquire().await.unwrap().forget();
            }
            Ok(())
        }
    }

    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 4).await;
    let files = || {
        let index = "-- no-transaction\nCREATE INDEX CONCURRENTLY a ON t1 (n)";
        cases::ups(&[(1, "CREATE TABLE t1 (n INT)"), (2, index), (3, "CREATE TABLE t3 (n INT)")])
    };
    let gates = std::sync::Arc::new([Semaphore::new(0), Semaphore::new(0)]);
    let ours = cases::migrator(files()).hook(Wait(gates.clone()));
    let source = db.source().clone();
    let ours = tokio::spawn(async move { ours.up(&source).await });
    gates[0].acquire().await.unwrap().forget();
    let db = std::sync::Arc::new(db);
    let other = db.clone();
    let theirs = tokio::spawn(async move { cases::by_sqlx(&other, files()).await });
    let waits = "SELECT COUNT(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' \
        AND NOT l.granted AND a.application_name = current_setting('application_name')";
    while db.scalar::<i64>(waits).await == 0 {}
    gates[1].add_permits(1);
    // It comes while the index is built, or, if others were in front of it, afterwards.
    let both = async { (theirs.await.unwrap(), ours.await.unwrap()) };
    let (theirs, ours) =
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("they wait for each other");
    assert!(matches!(theirs, Ok(()) | Err(MigrateError::Dirty(2))), "{theirs:?}");
    assert!(ours.unwrap().versions().starts_with(&[1, 2]));
    assert_eq!(cases::table(&db).await, [(1, true), (2, true), (3, true)]);
}

/// Where a connection has another session for each transaction.
#[tokio::test]
async fn behind_a_pooler() {
    use kysera_tests::{Ddl, Fixture};

    let db = Fixture::<DB>::behind_pgbouncer(&Ddl::NONE, 4).await;
    let index = "-- no-transaction\nCREATE INDEX CONCURRENTLY a ON t1 (n)";
    let migrator =
        cases::migrator([cases::pairs([1]), cases::ups(&[(2, index)]), cases::pairs([3])].concat());
    assert_eq!(migrator.dry_run(db.source()).await.unwrap().migrations.len(), 3);
    assert_eq!(migrator.up(db.source()).await.unwrap().versions(), [1, 2, 3]);
    assert_eq!(migrator.down(db.source(), 1).await.unwrap().versions(), [3]);
    let bad = cases::migrator([cases::pairs([1]), cases::ups(&[(2, index), (4, "SELECT nowhere")])].concat());
    bad.up(db.source()).await.unwrap_err();
    assert_eq!(cases::table(&db).await, [(1, true), (2, true)]);
    // The lock of the run that failed is free.
    assert_eq!(migrator.up(db.source()).await.unwrap().versions(), [3]);
}

/// As `sqlx.toml` says it.
#[tokio::test]
async fn schemas_are_made_for_the_table() {
    use kysera_tests::{Ddl, Fixture};

    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let own = format!("{}_books", db.scalar::<String>("SELECT current_schema()::text").await);
    let mut files = cases::sqlx_migrator(cases::pairs([1]));
    files.create_schema(own.clone());
    files.dangerous_set_table_name(format!("{own}.migrations"));
    let ours = kysera::migrate::Migrator::<DB>::from_sqlx(&files).unwrap();
    ours.dry_run(db.source()).await.unwrap();
    assert_eq!(ours.up(db.source()).await.unwrap().versions(), [1]);
    files.run(db.source().pool()).await.unwrap();
    ours.validate(db.source()).await.unwrap();
    db.execute(&format!("DROP SCHEMA {own} CASCADE")).await;
}
