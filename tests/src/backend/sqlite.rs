use std::fs;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kysera::Db;
use sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use super::{Place, TestBackend};
use crate::fixture::Ddl;

static NEXT: AtomicU32 = AtomicU32::new(0);

impl TestBackend for Sqlite {
    fn pick(ddl: &Ddl) -> &'static str {
        ddl.sqlite
    }

    async fn place(shared: bool) -> Place<Self> {
        let options = SqliteConnectOptions::new().foreign_keys(true);
        if !shared {
            return Place { options: options.in_memory(true), pooled: None, remove: None };
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("kysera_test_{}_{number}.db", process::id()));
        // Of a process that was killed, whose number came again.
        remove(&file);
        let options = options
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(5));
        Place { options, pooled: None, remove: Some(Box::new(move || remove(&file))) }
    }

    async fn in_transaction(_: &Db<Self>) -> usize {
        0
    }

    async fn waiting(_: &Db<Self>) -> usize {
        0
    }
}

/// Removes a database and what SQLite keeps beside it; not all of the files need exist.
fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let _ = fs::remove_file(name);
    }
}
