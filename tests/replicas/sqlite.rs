//! Reads from replicas, on SQLite: from other files.

use kysera_tests::Fixture;
use sqlx::sqlite::SqliteConnectOptions;

pub type DB = sqlx::Sqlite;

mod cases;

/// A replica that is not there yet.
pub struct Away {
    pub options: SqliteConnectOptions,
    file: std::path::PathBuf,
}

pub async fn away(db: &Fixture<DB>) -> Away {
    let mut file = db.options().get_filename().to_owned();
    file.set_extension("copy.db");
    Away { options: db.options().filename(&file).create_if_missing(true), file }
}

impl Away {
    pub async fn come(&self, db: &Fixture<DB>) {
        db.execute(&format!("VACUUM INTO '{}'", self.file.display())).await;
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.file.as_os_str().to_owned();
            name.push(suffix);
            let _ = std::fs::remove_file(name);
        }
    }
}

/// A typing mistake makes no database.
#[tokio::test]
async fn no_file_is_made() {
    let db = Fixture::<DB>::concurrent(&cases::COUNTERS, 2).await;
    let away = away(&db).await;
    let url = format!("sqlite://{}", away.file.display());
    let primary = format!("sqlite://{}", db.options().get_filename().display());
    let source = kysera::Db::<DB>::builder().primary(&primary).replica(&url).connect().await.unwrap();
    assert!(source.replicas()[0].left_out.is_some());
    assert!(!away.file.exists());
}
