//! How each database keeps the books of migrations, and keeps those who run them apart.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::future::Future;
use std::path::PathBuf;

use sqlx::error::DatabaseError;
use sqlx::{Database, SqlSafeStr, SqlStr};

/// How the table of migrations is made and read. `{table}` stands for its name.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Books {
    /// Makes a schema, whose name goes behind it, where there are any.
    pub schema: Option<&'static str>,
    /// As sqlx 0.9 makes it.
    pub create: &'static str,
    /// Version, description, success as 0 or 1, checksum in hexadecimal, nanoseconds; ordered by version.
    pub read: &'static str,
    /// What stands around the hexadecimal digits of a text.
    pub text: [&'static str; 2],
    /// What stands around the hexadecimal digits of bytes.
    pub bytes: [&'static str; 2],
}

/// What migrations need to know of a database.
#[doc(hidden)]
pub trait Migrations: Database {
    /// Whether ROLLBACK undoes what changes the schema.
    const UNDOES_DDL: bool;
    /// Whether the lock is held by a connection of its own.
    const LOCKS_APART: bool;
    const BOOKS: Books;
    /// What has BEGIN fail at once where it would wait for others without a word; [`settings`](Self::settings) undo it.
    const IMPATIENT: Option<&'static str> = None;

    /// Runs SQL without arguments, unprepared, and reads all of its rows. Nothing of migrations is prepared: a pooler may have another session
    /// for each transaction, and on MySQL sqlx closes a statement in a packet of its own, for which the next one has to wait.
    fn rows(
        conn: &mut Self::Connection,
        sql: SqlStr,
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Whether a statement failed because the table of migrations is not there.
    fn is_missing_table(error: &dyn DatabaseError) -> bool;

    /// Whether a statement was refused because a transaction is open.
    fn is_refused_in_transaction(error: &dyn DatabaseError) -> bool {
        let _ = error;
        false
    }

    /// Whether a transaction could not begin because another connection has one open.
    fn is_busy(error: &dyn DatabaseError) -> bool {
        let _ = error;
        false
    }

    /// Lifts limits that are meant for requests.
    fn prepare(conn: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(()))
    }

    /// The SQL that brings a session back to what it is now, after a migration changed what its own statements are read by.
    fn settings(conn: &mut Self::Connection) -> impl Future<Output = Result<String, sqlx::Error>> + Send;

    /// Tries to take the lock, once and without waiting.
    fn try_lock(
        conn: &mut Self::Connection,
        table: &str,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send {
        let _ = (conn, table);
        std::future::ready(Ok(true))
    }

    /// Gives the lock back.
    fn unlock(conn: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(()))
    }

    /// Gives back the part of the lock that sqlx's own runner waits for, before a statement that would wait for that runner.
    fn lend_lock(conn: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(()))
    }

    /// Tries to take it again.
    fn try_retake_lock(
        conn: &mut Self::Connection,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(true))
    }

    /// Who has the lock, for people.
    fn lock_holder(
        conn: &mut Self::Connection,
        table: &str,
    ) -> impl Future<Output = Result<Option<String>, sqlx::Error>> + Send {
        let _ = (conn, table);
        std::future::ready(Ok(None))
    }

    /// The file beside the database that is locked while a migration runs outside of a transaction, where nothing else can
    /// tell that its runner is alive.
    fn lock_file(
        conn: &mut Self::Connection,
    ) -> impl Future<Output = Result<Option<PathBuf>, sqlx::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(None))
    }

    /// Marks the transaction that was just begun.
    fn mark(conn: &mut Self::Connection) -> impl Future<Output = Result<String, sqlx::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(String::new()))
    }

    /// Whether it is still the transaction that was marked.
    fn is_marked(
        conn: &mut Self::Connection,
        mark: &str,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send {
        let _ = (conn, mark);
        std::future::ready(Ok(true))
    }
}

/// What sqlx makes of the name of a database, to lock it.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn sqlx_lock(database: &str) -> i64 {
    0x3d32_ad9e * i64::from(crc32(database.as_bytes()))
}

/// CRC-32/ISO-HDLC. Of a name, once: slow and short.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

/// The text in the first column of the only row.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
async fn only_text<DB: super::Backend>(
    conn: &mut DB::Connection,
    sql: impl SqlSafeStr,
) -> Result<Option<String>, sqlx::Error> {
    match DB::rows(conn, sql.into_sql_str()).await?.first() {
        Some(row) => DB::text(row, 0),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(sqlx_lock("123456789"), 0x3d32_ad9e * 0xcbf4_3926);
    }
}
