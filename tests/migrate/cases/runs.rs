//! Up, down, and what is said of it.

use kysera::ErrorCode;
use kysera::error::{Direction, MigrationError};
use kysera::migrate::{MigrationState, Migrator};
use kysera_tests::{Ddl, Fixture};
use sqlx::migrate::MigrationType::{ReversibleUp, Simple};

use super::{UNDOES_DDL, file, has, migrator, pairs, problem, table, ups};
use crate::DB;

#[tokio::test]
async fn up_and_down_in_the_order_of_versions() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let migrator = migrator(pairs([3, 1, 2]));
    let report = migrator.up(db.source()).await.unwrap();
    assert_eq!(report.versions(), [1, 2, 3]);
    assert!(report.done.iter().all(|ran| ran.direction == Direction::Up));
    assert_eq!(report.done[0].description, "number 1");
    assert_eq!(table(&db).await, [(1, true), (2, true), (3, true)]);
    assert!(has(&db, "t1").await && has(&db, "t3").await);

    assert_eq!(migrator.up(db.source()).await.unwrap().to_string(), "nothing to do");
    assert_eq!(migrator.down(db.source(), 2).await.unwrap().versions(), [3, 2]);
    assert_eq!(table(&db).await, [(1, true)]);
    assert!(has(&db, "t1").await && !has(&db, "t3").await);

    assert_eq!(migrator.reset(db.source()).await.unwrap().versions(), [1]);
    assert_eq!(table(&db).await, []);
    assert_eq!(migrator.up_by(db.source(), 2).await.unwrap().versions(), [1, 2]);
}

#[tokio::test]
async fn targets_are_inclusive_and_must_exist() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let migrator = migrator(pairs(1..=4));
    assert_eq!(migrator.up_to(db.source(), 3).await.unwrap().versions(), [1, 2, 3]);
    assert_eq!(migrator.up_to(db.source(), 2).await.unwrap().versions(), [0; 0]);
    assert_eq!(migrator.down_to(db.source(), 1).await.unwrap().versions(), [3, 2]);
    assert_eq!(migrator.down_to(db.source(), 0).await.unwrap().versions(), [1]);
    for error in [
        migrator.up_to(db.source(), 9).await.unwrap_err(),
        migrator.down_to(db.source(), 9).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::MigrationNotFound);
        assert_eq!(error.to_string(), "there is no migration 9 in the set");
    }
}

#[tokio::test]
async fn one_without_a_way_down_is_passed_over() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let mut files = pairs([1]);
    files.extend(ups(&[(2, "CREATE TABLE t2 (n INT)")]));
    let migrator = migrator(files);
    migrator.up(db.source()).await.unwrap();
    let report = migrator.down(db.source(), 2).await.unwrap();
    assert_eq!(report.versions(), [1]);
    let skipped: Vec<_> = report.skipped.iter().map(|one| (one.version, one.why)).collect();
    assert_eq!(skipped, [(2, "nothing says how to undo it")]);
    assert!(report.to_string().contains("skip 2 number 2: nothing says how to undo it\n"));
    assert_eq!(table(&db).await, [(2, true)]);
    assert!(has(&db, "t2").await && !has(&db, "t1").await);
}

#[tokio::test]
async fn redo_takes_the_file_as_it_is_now() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    migrator(pairs([1, 2])).up(db.source()).await.unwrap();
    let mut files = pairs([1, 2]);
    files[2] = file(2, ReversibleUp, "CREATE TABLE t2 (m INT)");
    let changed = migrator(files);
    assert_eq!(changed.up(db.source()).await.unwrap_err().code(), ErrorCode::MigrationChanged);
    assert_eq!(changed.redo(db.source()).await.unwrap().versions(), [2, 2]);
    db.execute("SELECT m FROM t2").await;
    changed.validate(db.source()).await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_told_apart() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let before = migrator(ups(&[(1, "CREATE TABLE t1 (n INT)"), (3, "CREATE TABLE t3 (n INT)")]));
    assert_eq!(before.status(db.source()).await.unwrap().versions(MigrationState::Pending), [1, 3]);
    assert!(!has(&db, "_sqlx_migrations").await, "to look writes nothing");
    before.up(db.source()).await.unwrap();

    let missing = migrator(ups(&[(1, "CREATE TABLE t1 (n INT)")]));
    let error = problem(missing.up(db.source()).await.unwrap_err());
    assert!(
        matches!(&error, MigrationError::Missing { version: 3, description } if description == "number 3"),
        "{error}"
    );
    assert!(error.to_string().contains("call `ignore_missing`"), "{error}");
    assert_eq!(missing.ignore_missing().up(db.source()).await.unwrap().versions(), [0; 0]);

    let changed = migrator(ups(&[(1, "CREATE TABLE t1 (n INT) "), (3, "CREATE TABLE t3 (n INT)")]));
    let error = problem(changed.up(db.source()).await.unwrap_err());
    assert!(
        matches!(&error, MigrationError::Changed { version: 1, description } if description == "number 1"),
        "{error}"
    );
    changed.mark_applied(db.source(), 1).await.unwrap();
    changed.validate(db.source()).await.unwrap();
    before.mark_applied(db.source(), 1).await.unwrap();

    let files =
        [(1, "CREATE TABLE t1 (n INT)"), (2, "CREATE TABLE t2 (n INT)"), (3, "CREATE TABLE t3 (n INT)")];
    let late = migrator(ups(&files));
    let error = problem(late.up(db.source()).await.unwrap_err());
    assert!(matches!(&error, MigrationError::OutOfOrder { version: 2, newest: 3, .. }), "{error}");
    let status = late.status(db.source()).await.unwrap();
    assert_eq!(status.versions(MigrationState::OutOfOrder), [2]);
    assert_eq!(status.problems, [error.to_string()]);
    assert_eq!(serde_json::to_value(&status).unwrap()["migrations"][1]["state"], "out_of_order");
    assert_eq!(late.allow_out_of_order().up(db.source()).await.unwrap().versions(), [2]);
}

#[tokio::test]
async fn what_fails_names_its_statement() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let sql = "-- a comment\nCREATE TABLE t2 (n INT);\n\nINSERT INTO nowhere VALUES ('secret');\nCREATE TABLE t3 (n INT)";
    let migrator = migrator(ups(&[(1, "CREATE TABLE t1 (n INT)"), (2, sql), (3, "CREATE TABLE t4 (n INT)")]));
    let error = migrator.up(db.source()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MigrationUpFailed);
    let MigrationError::Failed(failed) = problem(error) else { panic!() };
    assert_eq!((failed.version, &*failed.description, failed.direction), (2, "number 2", Direction::Up));
    let statement = failed.statement.as_ref().unwrap();
    assert_eq!((statement.number, statement.of, statement.line), (2, 3, 4));
    assert_eq!(statement.head, "INSERT INTO nowhere VALUES ('..')");
    assert_eq!(failed.dirty, !UNDOES_DDL);
    assert!(!failed.to_string().contains("secret"), "{failed}");
    if UNDOES_DDL {
        assert_eq!(table(&db).await, [(1, true)]);
        assert!(!has(&db, "t2").await, "half of it stayed");
        return;
    }
    // What MySQL cannot undo is in the table, and nothing goes on before that is settled.
    assert_eq!(table(&db).await, [(1, true), (2, false)]);
    for error in
        [migrator.up(db.source()).await.unwrap_err(), migrator.down(db.source(), 1).await.unwrap_err()]
    {
        assert_eq!(error.code(), ErrorCode::MigrationDirty);
        assert!(error.to_string().contains("`mark_applied(2)`"), "{error}");
    }
    assert_eq!(migrator.status(db.source()).await.unwrap().versions(MigrationState::Dirty), [2]);
    // The first way out ..
    db.execute("DROP TABLE t2").await;
    migrator.mark_reverted(db.source(), 2).await.unwrap();
    assert_eq!(migrator.up(db.source()).await.unwrap_err().code(), ErrorCode::MigrationUpFailed);
    // .. and the second.
    migrator.mark_applied(db.source(), 2).await.unwrap();
    assert_eq!(migrator.up(db.source()).await.unwrap().versions(), [3]);
    assert_eq!(table(&db).await, [(1, true), (2, true), (3, true)]);
}

/// Rows alone can be undone on every database.
#[tokio::test]
async fn rows_of_a_failed_migration_are_gone() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let sql = "INSERT INTO t1 VALUES (1); INSERT INTO t1 VALUES (2); INSERT INTO nowhere VALUES (3)";
    let migrator = migrator(ups(&[(1, "CREATE TABLE t1 (n INT)"), (2, sql)]));
    let MigrationError::Failed(failed) = problem(migrator.up(db.source()).await.unwrap_err()) else {
        panic!()
    };
    assert!(!failed.dirty);
    assert_eq!(table(&db).await, [(1, true)]);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM t1").await, 0);
}

#[tokio::test]
async fn a_way_down_that_fails_is_told_apart() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let mut files = pairs([1]);
    files[1] = file(1, sqlx::migrate::MigrationType::ReversibleDown, "DROP TABLE t1; DROP TABLE nowhere");
    let migrator = migrator(files);
    migrator.up(db.source()).await.unwrap();
    let error = migrator.down(db.source(), 1).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MigrationDownFailed);
    assert_eq!(table(&db).await, [(1, UNDOES_DDL)]);
    assert_eq!(has(&db, "t1").await, UNDOES_DDL);
    if !UNDOES_DDL {
        migrator.mark_reverted(db.source(), 1).await.unwrap();
        assert_eq!(migrator.up(db.source()).await.unwrap().versions(), [1]);
    }
}

#[tokio::test]
async fn outside_of_a_transaction_it_says_that_it_began() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let good = "-- no-transaction\nCREATE TABLE t1 (n INT); BEGIN; INSERT INTO t1 VALUES (1); COMMIT";
    let bad = "-- no-transaction\nCREATE TABLE t2 (n INT); INSERT INTO nowhere VALUES (1)";
    let migrator = migrator(ups(&[(1, good), (2, bad)]));
    let MigrationError::Failed(failed) = problem(migrator.up(db.source()).await.unwrap_err()) else {
        panic!()
    };
    assert!(failed.dirty && failed.version == 2, "{failed}");
    assert!(failed.to_string().contains("The statement before that stayed"), "{failed}");
    assert_eq!(table(&db).await, [(1, true), (2, false)]);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM t1").await, 1);
    assert_eq!(migrator.up(db.source()).await.unwrap_err().code(), ErrorCode::MigrationDirty);
}

#[tokio::test]
async fn a_transaction_that_is_left_open_is_found() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let migrator = migrator(ups(&[
        (1, "CREATE TABLE t1 (n INT)"),
        (2, "-- no-transaction\nBEGIN; INSERT INTO t1 VALUES (1)"),
    ]));
    let error = migrator.up(db.source()).await.unwrap_err();
    assert!(error.to_string().contains("it has left a transaction open"), "{error}");
    assert_eq!(table(&db).await, [(1, true), (2, false)]);
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM t1").await, 0);
}

#[tokio::test]
async fn transactions_of_its_own_are_refused() {
    if !UNDOES_DDL {
        return;
    }
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let migrator =
        migrator(ups(&[(1, "CREATE TABLE t1 (n INT)"), (2, "CREATE TABLE t2 (n INT);\nCOMMIT; SELECT 1")]));
    let error = migrator.up(db.source()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MigrationInvalid);
    let text = "migration 2 (number 2) begins or ends a transaction, in statement 2 of 3, line 2: `COMMIT`";
    assert!(error.to_string().starts_with(text), "{error}");
    assert_eq!(table(&db).await, [], "nothing was sent");
}

/// What a migration tells its session is nothing for the next one, nor for requests.
#[tokio::test]
async fn settings_do_not_stay() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let (set, get) = match <DB as kysera::Backend>::DIALECT {
        kysera::backend::Dialect::Postgres => (
            "SELECT set_config('search_path', '', false); SET statement_timeout = 12345",
            "SELECT (current_setting('search_path') = '' OR current_setting('statement_timeout') = '12345ms')::int::bigint",
        ),
        kysera::backend::Dialect::MySql => (
            "SET foreign_key_checks = 0; USE information_schema",
            "SELECT CAST(@@foreign_key_checks = 0 OR DATABASE() = 'information_schema' AS SIGNED)",
        ),
        _ => (
            "-- no-transaction\nPRAGMA foreign_keys = OFF",
            "SELECT foreign_keys = 0 FROM pragma_foreign_keys",
        ),
    };
    let migrator = migrator(ups(&[(1, set), (2, "CREATE TABLE t2 (n INT)")]));
    assert_eq!(migrator.up(db.source()).await.unwrap().versions(), [1, 2]);
    assert!(has(&db, "t2").await);
    assert_eq!(db.scalar::<i64>(get).await, 0);
}

#[tokio::test]
async fn sets_that_cannot_be_are_refused() {
    let twice = sqlx::migrate::Migrator::with_migrations(vec![file(1, Simple, ""), file(1, Simple, "")]);
    let error = Migrator::<DB>::from_sqlx(&twice).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MigrationDuplicate);
    let error = Migrator::<DB>::from_dir("/nowhere/at/all").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MigrationInvalid);
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

/// It can be handed to a task.
#[tokio::test]
async fn runs_are_send() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let source = db.source().clone();
    let run = tokio::spawn(async move {
        let migrator = migrator(pairs([1]));
        migrator.dry_run(&source).await?;
        migrator.status(&source).await?;
        migrator.up(&source).await
    });
    assert_eq!(run.await.unwrap().unwrap().versions(), [1]);
}
