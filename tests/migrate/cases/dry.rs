//! Trying without doing.

use kysera::ErrorCode;
use kysera::backend::{Backend, Dialect};
use kysera::error::MigrationError;
use kysera_tests::{Ddl, Fixture};

use super::{UNDOES_DDL, has, migrator, pairs, problem, table, ups};
use crate::DB;

#[tokio::test]
async fn nothing_stays() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let migrator = migrator(ups(&[
        (1, "CREATE TABLE t1 (n INT); INSERT INTO t1 VALUES (1)"),
        (2, "-- kysera: breaking\nALTER TABLE t1 ADD COLUMN m INT"),
    ]));
    let dry = migrator.dry_run(db.source()).await.unwrap();
    assert_eq!(dry.executed, UNDOES_DDL);
    let heads: Vec<_> = dry.migrations.iter().map(|one| one.statements.len()).collect();
    assert_eq!(heads, [2, 1]);
    let first = &dry.migrations[0].statements[1];
    assert_eq!((first.statement.number, &*first.statement.head), (2, "INSERT INTO t1 VALUES (1)"));
    assert_eq!(first.took.is_some(), UNDOES_DDL);
    assert!(dry.migrations[1].meta.breaking);
    assert!(
        dry.to_string().contains("up   2 number 2 [breaking]\n     2: ALTER TABLE t1 ADD COLUMN m INT"),
        "{dry}"
    );
    assert!(!has(&db, "t1").await && !has(&db, "_sqlx_migrations").await);

    migrator.up_to(db.source(), 1).await.unwrap();
    assert_eq!(migrator.dry_run(db.source()).await.unwrap().migrations.len(), 1);
    assert_eq!(table(&db).await, [(1, true)]);
    assert!(!has(&db, "(SELECT m FROM t1) x").await);
}

#[tokio::test]
async fn what_would_fail_fails() {
    if !UNDOES_DDL {
        return; // it is a plan there
    }
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let files = [(1, "CREATE TABLE t1 (n INT)"), (2, "SELECT 1;\nINSERT INTO t1 VALUES (1, 2)")];
    let error = migrator(ups(&files)).dry_run(db.source()).await.unwrap_err();
    let MigrationError::Failed(failed) = problem(error) else { panic!() };
    assert_eq!((failed.version, failed.statement.unwrap().line), (2, 2));
    assert!(!has(&db, "t1").await);
}

/// What ends the transaction would make it a wet run.
#[tokio::test]
async fn nobody_escapes() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let sql = "CREATE TABLE t1 (n INT); COMMIT; CREATE TABLE t2 (n INT)";
    if UNDOES_DDL {
        let error = migrator(ups(&[(1, sql)])).dry_run(db.source()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::MigrationInvalid);
    }
    // Where that is allowed, it is not executed.
    let outside = migrator(ups(&[(1, &format!("-- no-transaction\n{sql}"))]));
    let dry = outside.dry_run(db.source()).await.unwrap();
    let why: Vec<_> = dry.migrations[0].statements.iter().map(|one| one.why).collect();
    let ends = UNDOES_DDL.then_some("it begins or ends a transaction");
    assert_eq!(why, [None, ends, None]);
    assert!(!has(&db, "t1").await && !has(&db, "t2").await);
}

#[tokio::test]
async fn what_cannot_run_in_a_transaction_is_named() {
    let sql = match DB::DIALECT {
        Dialect::Postgres => "CREATE INDEX CONCURRENTLY a ON t1 (n); VACUUM t1; CREATE INDEX b ON t1 (n)",
        Dialect::Sqlite => "PRAGMA foreign_keys = OFF; VACUUM; CREATE INDEX b ON t1 (n)",
        _ => return,
    };
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let migrator = migrator([pairs([1]), ups(&[(2, &format!("-- no-transaction\n{sql}"))])].concat());
    let dry = migrator.dry_run(db.source()).await.unwrap();
    let tried: Vec<_> =
        dry.migrations[1].statements.iter().map(|one| (one.took.is_some(), one.why)).collect();
    let no = Some("it cannot run in a transaction");
    assert_eq!(tried, [(false, no), (false, no), (true, None)]);
    assert_eq!(migrator.up(db.source()).await.unwrap().versions(), [1, 2]);
}
