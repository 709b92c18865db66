use std::sync::Arc;
use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use serde_json::json;
use sqlx::encode::IsNull;
use sqlx::error::{BoxDynError, DatabaseError, UnexpectedNullError};
use sqlx::sqlite::{
    SqliteArgumentsBuffer, SqliteConnectOptions, SqliteJournalMode, SqliteQueryResult, SqliteSynchronous,
};
use sqlx::{Connection, Row, SqlSafeStr, SqlStr, Sqlite, TypeInfo, ValueRef};
use sqlx_core::transaction::TransactionManager;

use super::{
    Aftermath, Backend, Dialect, Done, Scalar, SessionLimits, Standing, Statement, TxOptions, driver_methods,
    sealed, unsupported,
};
use crate::__private::codec;
use crate::expr::{AnyValue, Codec, Value, dynamic};

impl sealed::Sealed for Sqlite {}

fn done(result: &SqliteQueryResult) -> Done {
    Done { rows: result.rows_affected(), last_insert_id: 0 }
}

/// Whether a value is a NULL. sqlx reads a NULL as 0 or an empty text where the type has none.
fn is_null<T: Scalar<Sqlite>>(value: &T) -> bool {
    matches!(value.encode_by_ref(&mut SqliteArgumentsBuffer::default()), Ok(IsNull::Yes))
}

impl Backend for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;
    const DRAINS: bool = true;

    driver_methods!(sqlite);

    async fn fetch_optional(
        conn: &mut Self::Connection,
        statement: Statement<Self>,
    ) -> Result<Option<Self::Row>, sqlx::Error> {
        // To the end: what is left over would be drained by the next statement, its errors included.
        let mut rows = Self::fetch(conn, statement);
        let first = rows.try_next().await?;
        while rows.try_next().await?.is_some() {}
        Ok(first)
    }

    fn cell<T: Scalar<Self>>(row: &Self::Row, index: usize, check: bool) -> Result<T, sqlx::Error> {
        let _ = check; // types belong to cells here, not to columns
        let cell = row.try_get(index)?;
        if row.try_get_raw(index)?.is_null() && !is_null(&cell) {
            let source = UnexpectedNullError.into();
            return Err(sqlx::Error::ColumnDecode { index: index.to_string(), source });
        }
        Ok(cell)
    }

    const EXPLAIN: &'static str = "EXPLAIN QUERY PLAN ";

    fn plan(rows: &[Self::Row]) -> Result<Vec<String>, sqlx::Error> {
        // Each row names the one that it stands under.
        let mut depths = std::collections::HashMap::new();
        let mut lines = Vec::new();
        for row in rows {
            let (id, parent): (i64, i64) = (row.try_get_unchecked(0)?, row.try_get_unchecked(1)?);
            let depth = depths.get(&parent).map_or(0, |depth| depth + 1);
            depths.insert(id, depth);
            let detail: String = row.try_get_unchecked(3)?;
            lines.push(format!("{:1$}{detail}", "", depth * 2));
        }
        Ok(lines)
    }

    /// What is stored, and not what the struct makes of it: SQLite compares a date as the text that it is, and
    /// `CURRENT_TIMESTAMP` spells one in another way than sqlx.
    fn to_cursor(
        row: &Self::Row,
        index: usize,
        codec: &Codec,
        _: &AnyValue,
    ) -> Result<Option<serde_json::Value>, sqlx::Error> {
        if codec.json.is_none() {
            return Ok(None);
        }
        let cell = row.try_get_raw(index)?;
        let kind = cell.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" => Some(row.try_get_unchecked::<i64, _>(index)?.into()),
            "TEXT" => Some(row.try_get_unchecked::<String, _>(index)?.into()),
            "REAL" => Some(json!({ "real": row.try_get_unchecked::<f64, _>(index)?.to_bits() })),
            "BLOB" => Some(json!({ "blob": row.try_get_unchecked::<Vec<u8>, _>(index)? })),
            _ => None,
        })
    }

    fn from_cursor(_: &'static Codec, json: serde_json::Value) -> Option<(&'static Codec, Value)> {
        use serde_json::Value as Json;
        match json {
            Json::Number(number) => Some((codec!(i64), Arc::new(number.as_i64()?))),
            Json::String(text) => Some((codec!(String), Arc::new(text))),
            Json::Object(mut object) => {
                if let Some(bits) = object.get("real") {
                    return Some((codec!(f64), Arc::new(f64::from_bits(bits.as_u64()?))));
                }
                let bytes: Vec<u8> = serde_json::from_value(object.remove("blob")?).ok()?;
                Some((codec!(Vec<u8>), Arc::new(bytes)))
            }
            _ => None,
        }
    }

    fn bind_array(codec: &Codec, _: &[&AnyValue], _: &mut Self::Arguments) -> Result<(), BoxDynError> {
        Err(unsupported::<Self>(codec)) // no array parameters here; the renderer never asks
    }

    async fn begin(conn: &mut Self::Connection, options: TxOptions) -> Result<(), sqlx::Error> {
        // A deferred transaction that turns writer fails at once if another one wrote meanwhile, busy timeout or not.
        let sql = if options.read_only { "BEGIN DEFERRED" } else { "BEGIN IMMEDIATE" };
        <Self::TransactionManager>::begin(conn, Some(sql.into_sql_str())).await
    }

    fn aftermath(error: &dyn DatabaseError) -> Aftermath {
        // A full disk, an I/O error, an interrupt or ON CONFLICT ROLLBACK may have ended the transaction; the codes
        // of the last are those of ordinary violations, so none of them tells.
        let _ = error;
        Aftermath::Unknown
    }

    async fn probe(conn: &mut Self::Connection) -> Result<Standing, sqlx::Error> {
        // Refused within a transaction; neither takes a lock.
        match sqlx::raw_sql("BEGIN").execute(&mut *conn).await {
            Ok(_) => {
                sqlx::raw_sql("ROLLBACK").execute(conn).await?;
                Ok(Standing::Gone)
            }
            Err(sqlx::Error::Database(_)) => Ok(Standing::Open),
            Err(error) => Err(error),
        }
    }

    async fn resync(conn: &mut Self::Connection) -> Result<(), sqlx::Error> {
        conn.ping().await // behind whatever the worker still does
    }

    fn options(url: &str, _: Option<&SessionLimits>) -> Result<SqliteConnectOptions, sqlx::Error> {
        let options = url
            .parse::<SqliteConnectOptions>()?
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .row_buffer_size(ROW_BUFFER);
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let mode = query.split('&').find_map(|pair| pair.strip_prefix("mode="));
        Ok(match mode {
            _ if Self::in_memory(&options) => options,
            // What may not be written cannot be put into another journal mode either.
            Some("ro") => options,
            Some(_) => options.journal_mode(SqliteJournalMode::Wal),
            None => options.journal_mode(SqliteJournalMode::Wal).create_if_missing(true),
        })
    }

    async fn connected(_: &mut Self::Connection, _: &SessionLimits) -> Result<(), sqlx::Error> {
        Ok(())
    }

    fn in_memory(options: &SqliteConnectOptions) -> bool {
        // sqlx has no getter for it, and its `to_url_lossy` panics on the names that it makes up itself.
        let name = options.get_filename().as_os_str();
        name.is_empty() || name == ":memory:" || format!("{options:?}").contains("in_memory: true")
    }

    async fn recover(conn: &mut Self::Connection, begun: bool) -> Result<(), sqlx::Error> {
        Self::resync(conn).await?;
        let depth = <Self::TransactionManager>::get_transaction_depth(conn);
        if depth == 0 && !begun {
            return Ok(());
        }
        // Refused if no transaction is open, which is fine.
        ignore_refusal(sqlx::raw_sql("ROLLBACK").execute(&mut *conn).await)?;
        if depth > 0 {
            // SQLite may have rolled back before us, and sqlx counts only what it undoes itself: open what it believes
            // in and let it undo that.
            sqlx::raw_sql("BEGIN").execute(&mut *conn).await?;
            for level in 1..depth {
                let sql = dynamic(format!("SAVEPOINT _sqlx_savepoint_{level}"));
                sqlx::raw_sql(sql).execute(&mut *conn).await?;
            }
            while conn.is_in_transaction() {
                <Self::TransactionManager>::rollback(conn).await?;
            }
        }
        Ok(())
    }
}

/// How many rows the worker thread may be ahead of the reader. sqlx's 50 make it wait too often.
const ROW_BUFFER: usize = 256;

fn ignore_refusal<T>(result: Result<T, sqlx::Error>) -> Result<(), sqlx::Error> {
    match result {
        Ok(_) | Err(sqlx::Error::Database(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
