//! Programs that are killed while they run migrations.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::{Command, Stdio};
use std::time::Duration;

use kysera::backend::{Backend, Dialect};
use kysera::migrate::Migrator;
use kysera::{Db, ErrorCode};
use kysera_tests::{Ddl, Fixture};
use sqlx::migrate::MigrationType::{ReversibleDown, ReversibleUp};

use super::{file, has, migrator, table};
use crate::DB;

const COUNT: i64 = 20;
/// These two run outside of a transaction.
const TABLE: i64 = 7;
const INDEX: i64 = 8;

const IS_INDEX: bool = matches!(DB::DIALECT, Dialect::Postgres);

fn twenty() -> Migrator<DB> {
    let files = (1..=COUNT).flat_map(|version| {
        let (mut up, mut down) = (
            format!("CREATE TABLE t{version} (n INT); INSERT INTO t{version} VALUES ({version})"),
            format!("DROP TABLE t{version}"),
        );
        if version == INDEX && IS_INDEX {
            up = "CREATE INDEX CONCURRENTLY t8 ON t1 (n)".into();
            down = "DROP INDEX CONCURRENTLY t8".into();
        }
        if version == TABLE || version == INDEX {
            up = format!("-- no-transaction\n{up}");
            down = format!("-- no-transaction\n{down}");
        }
        [file(version, ReversibleUp, &up), file(version, ReversibleDown, &down)]
    });
    migrator(files.collect())
}

const URL: &str = "KYSERA_TEST_MIGRATE_URL";

/// Runs up and down until it is killed.
#[tokio::test]
#[ignore = "the other test of this file runs it"]
async fn child() {
    let url = std::env::var(URL).unwrap();
    let db = Db::<DB>::connect(&url).await.unwrap();
    let migrator = twenty();
    loop {
        migrator.up(&db).await.unwrap();
        migrator.reset(&db).await.unwrap();
    }
}

/// How many programs are killed: `KYSERA_KILLS`.
fn kills() -> u32 {
    std::env::var("KYSERA_KILLS").map_or(50, |kills| kills.parse().unwrap())
}

/// Where it is killed is nowhere that could be named, and each time is another one.
#[tokio::test]
async fn who_is_killed_leaves_what_can_be_explained() {
    let db = Fixture::<DB>::concurrent(&Ddl::NONE, 4).await;
    let ours = twenty();
    let (mut dirty, mut parts) = (0, 0);
    for _ in 0..kills() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cases::kill::child", "--ignored"])
            .env(URL, crate::url(&db.options()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let random = RandomState::new().build_hasher().finish();
        tokio::time::sleep(Duration::from_millis(30 + random % 600)).await;
        assert!(child.try_wait().unwrap().is_none(), "it was to run until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();

        // The server may be in the middle of what it was told.
        let mut tries = 0;
        while let Err(what) = explained(&db).await {
            tries += 1;
            assert!(tries < 1000, "{what}");
        }
        // It completes, or says what to do and completes then.
        let mut settled = Vec::new();
        let report = loop {
            match ours.up(db.source()).await {
                Ok(report) => break report,
                Err(error) if error.code() == ErrorCode::MigrationDirty && settled.len() < 2 => {
                    let version = super::problem(error).version().unwrap();
                    let kind = if version == INDEX && IS_INDEX { "INDEX" } else { "TABLE" };
                    db.execute(&format!("DROP {kind} IF EXISTS t{version}")).await;
                    ours.mark_reverted(db.source(), version).await.unwrap();
                    settled.push(version);
                }
                Err(error) => panic!("after {settled:?}: {error}"),
            }
        };
        dirty += settled.len();
        parts += usize::from(!report.done.is_empty());
        assert_eq!(table(&db).await, (1..=COUNT).map(|version| (version, true)).collect::<Vec<_>>());
        for version in (1..=COUNT).filter(|version| *version != INDEX || !IS_INDEX) {
            let sql = format!("SELECT COUNT(*) FROM t{version} WHERE n = {version}");
            assert_eq!(db.scalar::<i64>(&sql).await, 1, "t{version}");
        }
        assert_eq!(ours.reset(db.source()).await.unwrap().done.len(), 20);
    }
    println!("{parts} of {} were incomplete, {dirty} dirty", kills());
}

/// Whether what is there is what the table says.
async fn explained(db: &Fixture<DB>) -> Result<(), String> {
    if !has(db, "_sqlx_migrations").await {
        return Ok(());
    }
    let rows = table(db).await;
    for version in 1..=COUNT {
        if version == INDEX && IS_INDEX {
            continue;
        }
        let there = has(db, &format!("t{version}")).await;
        match rows.iter().find(|(row, _)| *row == version) {
            Some((_, true)) if !there => return Err(format!("{version} is said to be applied: {rows:?}")),
            None if there => return Err(format!("{version} is there, and not in the table: {rows:?}")),
            Some((_, false)) if DB::DIALECT != Dialect::MySql && version != TABLE && version != INDEX => {
                return Err(format!("{version} is dirty, and ran in a transaction"));
            }
            _ => {}
        }
    }
    Ok(())
}
