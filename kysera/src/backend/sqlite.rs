use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use serde_json::json;
use sqlx::encode::IsNull;
use sqlx::error::{BoxDynError, DatabaseError, UnexpectedNullError};
use sqlx::sqlite::{
    SqliteArguments, SqliteArgumentsBuffer, SqliteConnectOptions, SqliteJournalMode, SqliteQueryResult,
    SqliteSynchronous,
};
use sqlx::{Connection, Row, SqlSafeStr, SqlStr, Sqlite, TypeInfo, ValueRef};
use sqlx_core::transaction::TransactionManager;

use super::{
    Aftermath, Backend, Dialect, Done, Interrupt, Scalar, SessionLimits, Standing, Statement, TxOptions,
    Vitals, driver_methods, only_row, sealed, unsupported,
};
use crate::__private::codec;
use crate::expr::{AnyValue, Codec, JsonKeys, Value, dynamic};

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
    const ONE_WRITER: bool = true;

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

    fn json_keys(codec: &Codec, values: &[&AnyValue]) -> Option<JsonKeys> {
        let mut args = SqliteArguments::default();
        for value in values {
            Self::bind(codec, *value, &mut args).ok()?;
        }
        stored_as_json(&format!("{args:?}"))
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

    async fn vitals(conn: &mut Self::Connection) -> Result<Vitals, sqlx::Error> {
        const WHO: &str =
            "SELECT sqlite_version(), (SELECT file FROM pragma_database_list WHERE name = 'main')";
        let row = only_row::<Self>(conn, WHO).await?;
        // Without its folder, which tells of the machine.
        let file = Self::text(&row, 1)?.unwrap_or_default();
        let name = std::path::Path::new(&file).file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Vitals { version: Self::text(&row, 0)?, database: name, replica: None })
    }

    async fn interrupt(conn: &mut Self::Connection) -> Result<Interrupt, sqlx::Error> {
        let flag = Arc::new(AtomicBool::new(false));
        let seen = flag.clone();
        conn.lock_handle().await?.set_progress_handler(LOOK, move || !seen.load(Ordering::Relaxed));
        Ok(Interrupt::Flag(flag))
    }

    async fn stop(_: &mut Self::Connection, _: i64) -> Result<(), sqlx::Error> {
        Ok(()) // it has no sessions, but a flag
    }

    fn name_of(options: &SqliteConnectOptions) -> String {
        // Without its folder, which tells of the machine.
        options
            .get_filename()
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    fn only_read(options: SqliteConnectOptions) -> SqliteConnectOptions {
        // An empty file would be no replica of anything.
        options.create_if_missing(false)
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

/// After how many steps of its virtual machine SQLite looks at the flag: some ten microseconds.
const LOOK: i32 = 1000;

/// How many rows the worker thread may be ahead of the reader. sqlx's 50 make it wait too often.
const ROW_BUFFER: usize = 256;

fn ignore_refusal<T>(result: Result<T, sqlx::Error>) -> Result<(), sqlx::Error> {
    match result {
        Ok(_) | Err(sqlx::Error::Database(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads encoded arguments, of which sqlx shows nothing but their `Debug`, into a JSON array. `None` where one has no
/// exact form in it, or another kind of form than those before it.
fn stored_as_json(shown: &str) -> Option<JsonKeys> {
    let mut rest = shown.split_once("([")?.1;
    let mut text = String::from("[");
    let mut kind = None;
    loop {
        let (name, inside) = rest.split_once('(')?;
        let this = match name {
            "Int" | "Int64" => {
                let (number, behind) = inside.split_once(')')?;
                text.push_str(&number.parse::<i64>().ok()?.to_string());
                rest = behind;
                Stored::Integer
            }
            "Text" | "TextSlice" => {
                let (value, behind) = unquote(inside)?;
                // Its JSON functions stop at a NUL.
                if value.contains('\0') {
                    return None;
                }
                text.push_str(&serde_json::to_string(&value).ok()?);
                rest = behind.strip_prefix(')')?;
                Stored::Text
            }
            "Blob" => {
                let (bytes, behind) = inside.strip_prefix('[')?.split_once("])")?;
                text.push('"');
                for byte in bytes.split(", ").filter(|byte| !byte.is_empty()) {
                    let _ = write!(text, "{:02x}", byte.parse::<u8>().ok()?); // a String takes everything
                }
                text.push('"');
                rest = behind;
                Stored::Blob
            }
            _ => return None,
        };
        if *kind.get_or_insert(this) != this {
            return None;
        }
        match rest.strip_prefix(", ") {
            Some(more) => rest = more,
            None => break,
        }
        text.push(',');
    }
    text.push(']');
    rest.starts_with("])").then(|| JsonKeys { text, hex: kind == Some(Stored::Blob) })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    Integer,
    Text,
    Blob,
}

/// A text out of its `Debug`, and what stands behind it.
fn unquote(shown: &str) -> Option<(String, &str)> {
    let mut chars = shown.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        let char = match chars.next()? {
            '"' => return Some((text, chars.as_str())),
            '\\' => match chars.next()? {
                't' => '\t',
                'r' => '\r',
                'n' => '\n',
                '0' => '\0',
                'u' => {
                    let (digits, behind) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    chars = behind.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                char @ ('"' | '\'' | '\\') => char,
                _ => return None,
            },
            char => char,
        };
        text.push(char);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::__private::codec;

    fn json(codec: &Codec, values: &[&AnyValue]) -> Option<(String, bool)> {
        Sqlite::json_keys(codec, values).map(|keys| (keys.text, keys.hex))
    }

    #[test]
    fn keys_become_json_as_they_are_stored() {
        let integers: [&AnyValue; 3] = [&1_i64, &i64::MIN, &i64::MAX];
        let text = "[1,-9223372036854775808,9223372036854775807]";
        assert_eq!(json(codec!(i64), &integers), Some((text.into(), false)));
        assert_eq!(json(codec!(Option<i32>), &[&Some(7_i32)]), Some(("[7]".into(), false)));
        let blobs: [&AnyValue; 2] = [&vec![0_u8, 255, 16], &Vec::<u8>::new()];
        assert_eq!(json(codec!(Vec<u8>), &blobs), Some((r#"["00ff10",""]"#.into(), true)));
    }

    #[test]
    fn texts_survive_whatever_is_in_them() {
        let every: String = (1..=0x2fff).chain(0x1_f000..0x1_f9ff).filter_map(char::from_u32).collect();
        let texts =
            ["", "\"", "\\", "), Int64(1), (", "\\u{41}", "'", "e\u{301}", "\u{200b}\u{feff}", &every];
        let texts = texts.map(String::from);
        let values: Vec<&AnyValue> = texts.iter().map(|text| text as &AnyValue).collect();
        let (json, hex) = json(codec!(String), &values).unwrap();
        assert!(!hex);
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), texts);
    }

    #[test]
    fn what_has_no_exact_form_has_none() {
        assert_eq!(json(codec!(String), &[&String::from("a\0b")]), None);
        assert_eq!(json(codec!(f64), &[&1.5_f64]), None);
        assert_eq!(json(codec!(Option<i64>), &[&None::<i64>]), None);
        assert_eq!(json(codec!(i64), &[]), None);
        assert_eq!(json(codec!(i64), &[&String::new()]), None);
    }
}
