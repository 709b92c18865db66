//! The same table, now by sqlx and now by kysera.

use kysera::ErrorCode;
use kysera::migrate::{MigrationState, Migrator};
use kysera_tests::{Ddl, Fixture};
use sqlx::migrate::{MigrateError, MigrationType};

use super::{UNDOES_DDL, by_sqlx, file, has, migrator, pairs, sqlx_migrator, table, ups};
use crate::DB;

/// Folders of files, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("kysera-migrate-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (name, sql) in files {
            std::fs::write(path.join(name), sql).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn back_and_forth() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let pool = db.source().pool();
    sqlx_migrator(pairs([1])).run(pool).await.unwrap();
    assert_eq!(migrator(pairs([1, 2])).up(db.source()).await.unwrap().versions(), [2]);
    sqlx_migrator(pairs([1, 2, 3])).run(pool).await.unwrap();
    let ours = migrator(pairs([1, 2, 3, 4]));
    ours.validate(db.source()).await.unwrap();
    assert_eq!(ours.up(db.source()).await.unwrap().versions(), [4]);
    assert_eq!(table(&db).await, (1..=4).map(|version| (version, true)).collect::<Vec<_>>());
    sqlx_migrator(pairs([1, 2, 3, 4])).undo(pool, 3).await.unwrap();
    assert_eq!(ours.down(db.source(), 1).await.unwrap().versions(), [3]);
    sqlx_migrator(pairs([1, 2, 3, 4])).undo(pool, 0).await.unwrap();
    assert_eq!(table(&db).await, []);
    assert!(!has(&db, "t1").await && !has(&db, "t4").await);
}

#[tokio::test]
async fn files_are_those_of_sqlx() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let folder = Folder::new(
        DB::name(),
        &[
            ("0001_first_table.sql", "-- kysera: tags = [a]\nCREATE TABLE t1 (n INT);\n"),
            ("0002_second.up.sql", "CREATE TABLE t2 (n INT);\nINSERT INTO t2 VALUES (1);\n"),
            ("0002_second.down.sql", "DROP TABLE t2;\n"),
            (
                "0003_index.sql",
                "-- no-transaction\n-- kysera: description = \"fast\"\nCREATE INDEX a ON t2 (n);\n",
            ),
            ("README.md", "not one"),
        ],
    );
    let theirs = sqlx::migrate::Migrator::new(&*folder.0).await.unwrap();
    let ours = Migrator::<DB>::from_dir(&folder.0).await.unwrap();
    assert_eq!(ours.len(), 3);
    theirs.run(db.source().pool()).await.unwrap();
    let status = ours.validate(db.source()).await.unwrap();
    assert_eq!(status.versions(MigrationState::Applied), [1, 2, 3]);
    assert_eq!(status.migrations[0].description, "first table");
    assert_eq!(status.migrations[0].meta.tags, ["a"]);
    assert_eq!(status.migrations[2].meta.description.as_deref(), Some("fast"));
    assert!(status.migrations[1].reversible && !status.migrations[2].reversible);
    // What either writes is the same, but for the times.
    let rows = "SELECT description FROM _sqlx_migrations ORDER BY version";
    let theirs_wrote = db.column::<String>(rows).await;
    db.execute("DROP TABLE _sqlx_migrations").await;
    for version in 1..=3 {
        ours.mark_applied(db.source(), version).await.unwrap();
    }
    assert_eq!(db.column::<String>(rows).await, theirs_wrote);
    theirs.run(db.source().pool()).await.unwrap();
}

trait Name {
    fn name() -> &'static str;
}

impl Name for DB {
    fn name() -> &'static str {
        <DB as sqlx::Database>::NAME
    }
}

/// What one of them left half done, the other one does not touch.
#[tokio::test]
async fn both_see_what_is_dirty() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let bad = "-- no-transaction\nCREATE TABLE t2 (n INT); SELECT nowhere";
    let files = || [pairs([1]), ups(&[(2, bad)])].concat();
    migrator(files()).up(db.source()).await.unwrap_err();
    let theirs = by_sqlx(&db, files()).await.unwrap_err();
    assert!(matches!(theirs, MigrateError::Dirty(2)), "{theirs}");
    migrator(files()).mark_reverted(db.source(), 2).await.unwrap();
    if UNDOES_DDL {
        return; // sqlx leaves nothing of it in the table there
    }
    db.execute("DROP TABLE t2").await;
    by_sqlx(&db, files()).await.unwrap_err();
    assert_eq!(migrator(files()).up(db.source()).await.unwrap_err().code(), ErrorCode::MigrationDirty);
}

#[tokio::test]
async fn its_settings_are_taken_over() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 2).await;
    let mut theirs = sqlx_migrator(vec![file(1, MigrationType::Simple, "CREATE TABLE t1 (n INT)")]);
    theirs.dangerous_set_table_name("others");
    theirs.run(db.source().pool()).await.unwrap();
    let ours = Migrator::<DB>::from_sqlx(&theirs).unwrap();
    assert_eq!(ours.up(db.source()).await.unwrap().versions(), [0; 0]);
    theirs = sqlx_migrator(Vec::new());
    theirs.dangerous_set_table_name("others");
    assert!(Migrator::<DB>::from_sqlx(&theirs).unwrap().validate(db.source()).await.is_err());
    theirs.set_ignore_missing(true);
    Migrator::<DB>::from_sqlx(&theirs).unwrap().validate(db.source()).await.unwrap();
}
