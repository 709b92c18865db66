use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteOwnedBuf};
use sqlx::{Connection, Sqlite};

use super::{
    Ask, Fill, Place, TestDatabase, fresh_name, is_fresh_template, is_stale_template, template_name,
};
use crate::error::{Error, Result};
use crate::source::Db;

impl TestDatabase for Sqlite {
    async fn place<'a>(ask: &'a Ask<'a>, fill: &'a Fill<'a, Self>) -> Result<Place<Self>> {
        let template = template(ask, fill).await?;
        if ask.file { in_file(ask, &template).await } else { in_memory(&template).await }
    }
}

async fn in_memory(template: &Path) -> Result<Place<Sqlite>> {
    let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
    let db = Db::<Sqlite>::builder().connect_with(options).await?;
    let bytes = fs::read(template).map_err(file_error)?;
    {
        let conn = db.acquire().await?;
        let mut conn = conn.connection().await?;
        let bytes = SqliteOwnedBuf::try_from(&*bytes)
            .map_err(|error| Error::from(sqlx::Error::Protocol(error.to_string())))?;
        SqliteConnection::deserialize(&mut conn, None, bytes, false).await?;
    }
    Ok(Place { db, remove: Box::pin(async { Ok(()) }) })
}

async fn in_file(ask: &Ask<'_>, template: &Path) -> Result<Place<Sqlite>> {
    let file = std::env::temp_dir().join(format!("{}.db", fresh_name()));
    fs::copy(template, &file).map_err(file_error)?;
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off)
        .busy_timeout(Duration::from_secs(5));
    let db = Db::<Sqlite>::builder().max_connections(ask.connections).connect_with(options).await;
    let db = db.inspect_err(|_| remove(&file))?;
    let remove = async move {
        remove(&file);
        Ok(())
    };
    Ok(Place { db, remove: Box::pin(remove) })
}

fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        // They need not all be there.
        let _ = fs::remove_file(name);
    }
}

/// The file that holds what each test begins with.
async fn template(ask: &Ask<'_>, fill: &Fill<'_, Sqlite>) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join("kysera_templates");
    fs::create_dir_all(&folder).map_err(file_error)?;
    for entry in fs::read_dir(&folder).map_err(file_error)?.flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if is_fresh_template(name, ask.hash) && path.extension().is_some_and(|kind| kind == "db") {
            return Ok(path);
        }
        if is_stale_template(name.split('.').next().unwrap_or_default()) {
            remove(&path);
        }
    }
    let name = template_name(ask.hash);
    // Another process may be at it as well: who is first is overwritten with the same.
    let draft = folder.join(format!("{name}.{}", fresh_name()));
    let made = make(&draft, fill).await;
    if made.is_err() {
        remove(&draft);
    }
    made?;
    let path = folder.join(format!("{name}.db"));
    fs::rename(&draft, &path).map_err(file_error)?;
    Ok(path)
}

async fn make(draft: &Path, fill: &Fill<'_, Sqlite>) -> Result<()> {
    let options = SqliteConnectOptions::new()
        .filename(draft)
        .create_if_missing(true)
        .foreign_keys(true)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off);
    let db = Db::<Sqlite>::builder().max_connections(1).connect_with(options.clone()).await?;
    fill(db).await?;
    // One file, and one that can be read into memory.
    let mut conn = SqliteConnection::connect_with(&options.journal_mode(SqliteJournalMode::Delete)).await?;
    sqlx::raw_sql("VACUUM").execute(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

fn file_error(error: io::Error) -> Error {
    sqlx::Error::Io(error).into()
}
