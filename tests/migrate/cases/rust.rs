//! Migrations in Rust, and code around migrations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kysera::error::{Direction, MigrationError};
use kysera::migrate::{
    Hook, Migration, MigrationMeta, MigrationState, MigrationTx, Migrator, Progress, Report, Step,
};
use kysera::prelude::*;
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};

use super::{UNDOES_DDL, has, migrator, pairs, problem, table, ups};
use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "notes")]
struct Note {
    #[kysera(id, assigned)]
    id: i64,
    text: String,
}

const NOTES: &str = "CREATE TABLE notes (id BIGINT PRIMARY KEY, text VARCHAR(40) NOT NULL)";

/// Writes a note, and ends as its field says.
struct Notes {
    version: i64,
    revision: u32,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Well,
    Badly,
    /// After the SQL.
    After(&'static str),
}

impl Notes {
    const fn new(end: End) -> Self {
        Self { version: 2, revision: 1, end }
    }
}

impl Migration<DB> for Notes {
    fn version(&self) -> i64 {
        self.version
    }

    fn description(&self) -> &str {
        "first note"
    }

    fn revision(&self) -> u32 {
        self.revision
    }

    fn meta(&self) -> MigrationMeta {
        MigrationMeta::new().breaking().tag("notes")
    }

    fn is_reversible(&self) -> bool {
        true
    }

    async fn up(&self, tx: &MigrationTx<'_, DB>) -> kysera::Result<()> {
        let notes = Note::repo(tx);
        notes.create_many([NewNote { id: 1, text: "a".into() }, NewNote { id: 2, text: "b".into() }]).await?;
        let sql = "UPDATE notes SET text = 'c' WHERE id = 2";
        sqlx::raw_sql(sql).execute(&mut *tx.connection().await?).await?;
        assert_eq!(notes.get(2).await?.text, "c");
        match self.end {
            End::Well => Ok(()),
            End::Badly => Err(Error::other("not today")),
            End::After(sql) => tx.raw_sql(sql).await,
        }
    }

    async fn down(&self, tx: &MigrationTx<'_, DB>) -> kysera::Result<()> {
        Note::repo(tx).find().filter(Note::ID.ge(1)).delete().await.map(drop)
    }
}

fn with(end: End) -> Migrator<DB> {
    migrator(ups(&[(1, NOTES), (3, "CREATE TABLE t3 (n INT)")])).with(Notes::new(end)).unwrap()
}

#[tokio::test]
async fn they_stand_in_one_order_with_files() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let migrator = with(End::Well);
    assert_eq!(migrator.up(db.source()).await.unwrap().versions(), [1, 2, 3]);
    assert_eq!(Note::repo(db.source()).count().await.unwrap(), 2);
    assert_eq!(table(&db).await, [(1, true), (2, true), (3, true)]);
    let meta = &migrator.status(db.source()).await.unwrap().migrations[1].meta;
    assert!(meta.breaking && meta.tags == ["notes"]);
    migrator.down(db.source(), 3).await.unwrap();
    assert_eq!(Note::repo(db.source()).count().await.unwrap(), 0);
    assert_eq!(table(&db).await, [(1, true), (3, true)], "those two are files without a way down");

    let twice = with(End::Well).with(Notes::new(End::Well)).unwrap_err();
    assert!(matches!(problem(twice), MigrationError::Duplicate { version: 2, .. }));
}

#[tokio::test]
async fn their_sum_is_what_their_author_says() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    with(End::Well).up(db.source()).await.unwrap();
    let files = || migrator(ups(&[(1, NOTES), (3, "CREATE TABLE t3 (n INT)")]));
    let same = files().with(Notes::new(End::Badly)).unwrap();
    same.validate(db.source()).await.unwrap();
    let next = files().with(Notes { revision: 2, ..Notes::new(End::Well) }).unwrap();
    assert_eq!(next.validate(db.source()).await.unwrap_err().code(), ErrorCode::MigrationChanged);
}

#[tokio::test]
async fn what_fails_leaves_nothing() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let error = with(End::Badly).up(db.source()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MigrationUpFailed);
    assert_eq!(
        error.to_string(),
        "migration 2 (first note) failed on its way up: not today. Nothing of it stayed"
    );
    assert_eq!(table(&db).await, [(1, true)]);
    assert_eq!(Note::repo(db.source()).count().await.unwrap(), 0);
}

/// Nobody can see in code that it ends the transaction, before it does.
#[tokio::test]
async fn who_ends_the_transaction_is_found_out() {
    for sql in ["ROLLBACK", "COMMIT", "COMMIT; BEGIN", "COMMIT; SELECT nowhere"] {
        let db = Fixture::<DB>::new(&Ddl::NONE).await;
        let result = with(End::After(sql)).up(db.source()).await;
        // The row was committed along with the rest, as with everything that MySQL cannot undo.
        if !UNDOES_DDL && sql.starts_with("COMMIT") {
            if sql.ends_with("nowhere") {
                assert_eq!(table(&db).await, [(1, true), (2, false)], "{sql}");
            } else {
                assert_eq!(result.unwrap().versions(), [1, 2, 3], "{sql}");
            }
            continue;
        }
        let error = problem(result.unwrap_err());
        assert!(
            matches!(error, MigrationError::Escaped { version: 2, direction: Direction::Up, .. }),
            "{sql}: {error}"
        );
        assert_eq!(table(&db).await, [(1, true)], "{sql}");
        with(End::Well).mark_applied(db.source(), 2).await.unwrap();
        assert_eq!(with(End::Well).up(db.source()).await.unwrap().versions(), [3], "{sql}");
    }
}

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>, Option<&'static str>);

impl Log {
    fn write(&self, text: String) -> kysera::Result<()> {
        let refuse = self.1 == Some(&*text);
        self.0.lock().unwrap().push(text);
        if refuse { Err(Error::other("the hook says no")) } else { Ok(()) }
    }
}

impl Hook for Log {
    async fn before(&self, step: &Step) -> kysera::Result<()> {
        self.write(format!("before {} {}", step.direction, step.version))
    }

    async fn after(&self, step: &Step, took: Duration) -> kysera::Result<()> {
        assert!(took > Duration::ZERO);
        self.write(format!("after {} {}", step.direction, step.version))
    }

    async fn failed(&self, step: &Step, _: Duration, error: &Error) {
        self.write(format!("failed {} {} {}", step.direction, step.version, error.code())).unwrap();
    }

    async fn finished(&self, report: &Report) -> kysera::Result<()> {
        self.write(format!("finished {:?}", report.versions()))
    }
}

#[tokio::test]
async fn hooks_are_told_on_every_way() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let log = Log::default();
    let mut files = pairs([1, 2]);
    files.extend(ups(&[(3, "SELECT nowhere")]));
    let migrator = migrator(files).hook(log.clone());
    let told = || std::mem::take(&mut *log.0.lock().unwrap());
    migrator.up_to(db.source(), 2).await.unwrap();
    assert_eq!(told(), ["before up 1", "after up 1", "before up 2", "after up 2", "finished [1, 2]"]);
    migrator.up(db.source()).await.unwrap_err();
    assert_eq!(told(), ["before up 3", "failed up 3 MIGRATION_UP_FAILED"]);
    migrator.down(db.source(), 1).await.unwrap();
    assert_eq!(told(), ["before down 2", "after down 2", "finished [2]"]);
    migrator.up_to(db.source(), 1).await.unwrap();
    assert_eq!(told(), [""; 0], "nothing was done");
}

#[tokio::test]
async fn hooks_can_refuse() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    for (word, done, applied) in [("before up 1", false, 0), ("after up 1", true, 1)] {
        let log = Log(Arc::default(), Some(word));
        let refused = migrator(pairs([1, 2])).hook(log.clone()).hook(Log::default());
        let error = refused.up(db.source()).await.unwrap_err();
        assert!(error.to_string().contains("the hook says no"), "{error}");
        assert!(matches!(problem(error), MigrationError::Hook { version: 1, done: it, .. } if it == done));
        assert_eq!(table(&db).await.len(), applied);
        assert_eq!(has(&db, "t1").await, done);
    }
}

#[tokio::test]
async fn progress_is_told_step_by_step() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let files = ups(&[(1, "CREATE TABLE t1 (n INT); INSERT INTO t1 VALUES (1)")]);
    let migrator = migrator(files).on_progress(move |progress| {
        let text = match progress {
            Progress::Planned { migrations } => format!("{migrations} planned"),
            Progress::Began(step) => format!("{} began", step.version),
            Progress::Statement { version, number, of } => format!("{version}: {number} of {of}"),
            Progress::Ended { step, .. } => format!("{} ended", step.version),
            Progress::Skipped { version, .. } => format!("{version} skipped"),
            other => format!("{other:?}"),
        };
        seen.lock().unwrap().push(text);
    });
    migrator.up(db.source()).await.unwrap();
    migrator.down(db.source(), 1).await.unwrap();
    // Somebody else's test may hold the lock of a whole PostgreSQL.
    let told: Vec<String> = std::mem::take(&mut *told.lock().unwrap());
    let told: Vec<_> = told.into_iter().filter(|text| !text.starts_with("Waiting")).collect();
    assert_eq!(told, ["1 planned", "1 began", "1: 1 of 2", "1: 2 of 2", "1 ended", "1 planned", "1 skipped"]);
    assert_eq!(migrator.status(db.source()).await.unwrap().versions(MigrationState::Applied), [1]);
}
