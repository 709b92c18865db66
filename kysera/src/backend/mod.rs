//! The databases, and everything in which they differ.

mod dialect;
mod fits;
mod interrupt;
mod limits;
#[cfg(feature = "migrate")]
mod migrations;
#[cfg(feature = "mysql")]
mod mysql;
mod pgbouncer;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_pooler;
#[cfg(feature = "sqlite")]
mod sqlite;
mod transaction;

#[doc(hidden)]
pub use dialect::Dialect;
#[doc(hidden)]
pub use fits::{Fit, Fits, fits};
pub use interrupt::Interrupt;
pub use limits::SessionLimits;
#[cfg(feature = "migrate")]
#[doc(hidden)]
pub use migrations::{Books, Migrations};
#[cfg(feature = "mysql")]
pub(crate) use mysql::MySqlArgument;
pub use pgbouncer::PgBouncer;
#[cfg(feature = "postgres")]
pub(crate) use postgres::read_lsn;

pub use transaction::{Aftermath, Isolation, Standing, TxOptions};

use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use futures_core::stream::BoxStream;
use sqlx::error::{BoxDynError, DatabaseError};
use sqlx::{
    Column as _, Connection, Database, Decode, Encode, Row as _, SqlSafeStr as _, SqlStr, Type, TypeInfo as _,
};
use sqlx_core::transaction::TransactionManager;

use crate::expr::{AnyValue, Codec, JsonKeys, Value};

mod sealed {
    pub trait Sealed {}
}

/// The methods that read the same for every driver. A macro because sqlx's executor traits cannot be asked for
/// generically without dragging their bounds through everything that is generic over a backend.
#[allow(unused_macros, reason = "used by the drivers that are switched on")]
macro_rules! driver_methods {
    ($codec:ident) => {
        fn fetch(
            conn: &mut Self::Connection,
            statement: Statement<Self>,
        ) -> BoxStream<'_, Result<Self::Row, sqlx::Error>> {
            sqlx::query_with(statement.sql, statement.args).persistent(statement.persistent).fetch(conn)
        }

        async fn execute(
            conn: &mut Self::Connection,
            statement: Statement<Self>,
        ) -> Result<Done, sqlx::Error> {
            let query = sqlx::query_with(statement.sql, statement.args).persistent(statement.persistent);
            Ok(done(&query.execute(conn).await?))
        }

        async fn raw(conn: &mut Self::Connection, sql: SqlStr) -> Result<(), sqlx::Error> {
            sqlx::raw_sql(sql).execute(conn).await.map(drop)
        }

        fn integer(row: &Self::Row, index: usize) -> Result<i64, sqlx::Error> {
            Self::cell(row, index, true)
        }

        fn text(row: &Self::Row, index: usize) -> Result<Option<String>, sqlx::Error> {
            sqlx::Row::try_get(row, index)
        }

        fn is_null(row: &Self::Row, index: usize) -> Result<bool, sqlx::Error> {
            Ok(sqlx::ValueRef::is_null(&sqlx::Row::try_get_raw(row, index)?))
        }

        fn bind(codec: &Codec, value: &AnyValue, args: &mut Self::Arguments) -> Result<(), BoxDynError> {
            match codec.$codec {
                Some(bind) => bind(value, args),
                None => Err(unsupported::<Self>(codec)),
            }
        }
    };
}
#[allow(unused_imports, reason = "used by the drivers that are switched on")]
use driver_methods;

/// The lines of the texts in the first column.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn plan_lines<DB: Backend>(rows: &[DB::Row]) -> Result<Vec<String>, sqlx::Error>
where
    String: Scalar<DB>,
{
    let mut lines = Vec::new();
    for row in rows {
        lines.extend(DB::cell::<String>(row, 0, false)?.lines().map(String::from));
    }
    Ok(lines)
}

/// Compares the type of a column once, where all rows of a result set share it, and decodes without looking again.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn typed_cell<'r, DB: Database, T: Type<DB> + Decode<'r, DB>>(
    row: &'r DB::Row,
    index: usize,
    check: bool,
) -> Result<T, sqlx::Error>
where
    usize: sqlx::ColumnIndex<DB::Row>,
{
    if check {
        let column = row.try_column(index)?;
        let found = column.type_info();
        // A column of type `null` (an untyped NULL in the SELECT list) fits every `Option`.
        if !found.is_null() && !T::compatible(found) {
            let source = TypeMismatch { found: found.to_string(), needed: T::type_info().to_string() };
            return Err(sqlx::Error::ColumnDecode { index: index.to_string(), source: source.into() });
        }
    }
    row.try_get_unchecked(index)
}

/// The column's type is not the field's. A type of its own, so that errors can tell this text, which has no values,
/// from others.
#[derive(Debug, thiserror::Error)]
#[error("the column is `{found}`, the field needs `{needed}`")]
pub(crate) struct TypeMismatch {
    pub(crate) found: String,
    pub(crate) needed: String,
}

/// Unreachable through an entity, whose types the compiler checks, but not through a column constant alone.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn unsupported<DB: Database>(codec: &Codec) -> BoxDynError {
    format!("`{}` is not a column type of {}", (codec.type_name)(), DB::NAME).into()
}

/// One statement, ready to be sent.
pub struct Statement<DB: Database> {
    /// Its text.
    pub sql: SqlStr,
    /// Its arguments.
    pub args: DB::Arguments,
    /// Whether the driver may keep it prepared. Off for texts that will hardly come again.
    pub persistent: bool,
    /// Its values as people read them, where someone asks for that.
    pub shown: Option<Box<[String]>>,
}

impl<DB: Database> Statement<DB> {
    /// One that comes again.
    pub(crate) fn new(sql: SqlStr, args: DB::Arguments) -> Self {
        Self { sql, args, persistent: true, shown: None }
    }
}

/// What a statement without rows answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows written; on MySQL rows matched, whether or not they changed.
    pub rows: u64,
    /// The id that MySQL generated; 0 elsewhere.
    pub last_insert_id: u64,
}

/// Who a server says it is.
#[doc(hidden)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vitals {
    pub(crate) version: Option<String>,
    pub(crate) database: Option<String>,
    /// On a replica: how far it is behind, if it can tell.
    pub(crate) replica: Option<Option<Duration>>,
}

/// How far a server has come.
#[doc(hidden)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The end of what a replica has repeated, or of what a primary has written.
    pub(crate) position: u64,
    /// The end of what a replica has heard of.
    pub(crate) heard: u64,
    /// On a replica: how far it is behind, if it can tell.
    pub(crate) lag: Option<Option<Duration>>,
}

/// The only row of a statement without arguments.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
async fn only_row<DB: Backend>(conn: &mut DB::Connection, sql: &'static str) -> Result<DB::Row, sqlx::Error> {
    let statement = Statement::new(sql.into_sql_str(), Default::default());
    DB::fetch_optional(conn, statement).await?.ok_or(sqlx::Error::RowNotFound)
}

/// The options with which a database is connected to.
pub type ConnectOptionsOf<DB> = <<DB as Database>::Connection as Connection>::Options;

/// How many statements a connection keeps prepared, unless its URL says so. sqlx's 100 are too few for a program of some
/// tables, and each one that is pushed out and comes again costs a round trip, on MySQL often 40 ms: sqlx closes a statement
/// there in a packet of its own, which the server does not answer, and leaves Nagle's algorithm on, so that what is sent next
/// waits for a delayed acknowledgement.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
const STATEMENTS: usize = 500;

/// What URLs call that.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
const STATEMENT_CACHE: &str = "statement-cache-capacity";

/// Whether a URL has a parameter of this name.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn names(url: &str, parameter: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair.split('=').next() == Some(parameter))
}

/// A number that nothing left in a connection can guess.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn nonce() -> i64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    i64::from_ne_bytes(random.to_ne_bytes()) >> 1
}

/// The answer to a statement is not the one that was asked for.
#[allow(dead_code, reason = "used by the drivers that are switched on")]
fn out_of_step() -> sqlx::Error {
    sqlx::Error::Protocol("the connection is out of step with the server".into())
}

/// What migrations need to know of a database, if there are any.
#[cfg(not(feature = "migrate"))]
#[doc(hidden)]
pub trait Migrations {}

#[cfg(not(feature = "migrate"))]
impl<DB: Database> Migrations for DB {}

/// A database that kysera speaks to: `Postgres`, `MySql` (and MariaDB) or
/// `Sqlite`.
///
/// Generic code asks for `DB: Backend` and nothing else of sqlx. The trait is sealed.
pub trait Backend: Database<Connection: Sync> + sealed::Sealed + Migrations {
    /// The SQL it speaks.
    const DIALECT: Dialect;

    /// Whether a connection whose statement was abandoned can be drained and used again. Where it cannot, it
    /// is closed.
    #[doc(hidden)]
    const DRAINS: bool;

    /// Whether one connection writes at a time, and the others wait for it.
    #[doc(hidden)]
    const ONE_WRITER: bool = false;

    /// Runs a statement and hands its rows over as they come.
    #[doc(hidden)]
    fn fetch(
        conn: &mut Self::Connection,
        statement: Statement<Self>,
    ) -> BoxStream<'_, Result<Self::Row, sqlx::Error>>;

    /// Runs a statement that reads one row at most.
    #[doc(hidden)]
    fn fetch_optional(
        conn: &mut Self::Connection,
        statement: Statement<Self>,
    ) -> impl Future<Output = Result<Option<Self::Row>, sqlx::Error>> + Send;

    /// Runs a statement without rows.
    #[doc(hidden)]
    fn execute(
        conn: &mut Self::Connection,
        statement: Statement<Self>,
    ) -> impl Future<Output = Result<Done, sqlx::Error>> + Send;

    /// Runs SQL without arguments, unprepared; several statements are allowed.
    #[doc(hidden)]
    fn raw(conn: &mut Self::Connection, sql: SqlStr) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Decodes one cell. `check` asks for the column's type to be compared first; on SQLite, whose cells have
    /// types of their own, that happens in any case.
    #[doc(hidden)]
    fn cell<T: Scalar<Self>>(row: &Self::Row, index: usize, check: bool) -> Result<T, sqlx::Error>;

    /// Whether a cell, read into a time of day, is beyond the day and the driver folds it where it should refuse it.
    #[doc(hidden)]
    fn folds_time(row: &Self::Row, index: usize) -> bool {
        let _ = (row, index);
        false
    }

    /// What goes in front of a statement to ask for its plan. The statement itself is not run.
    #[doc(hidden)]
    const EXPLAIN: &'static str;

    /// The lines of a plan.
    #[doc(hidden)]
    fn plan(rows: &[Self::Row]) -> Result<Vec<String>, sqlx::Error>;

    /// Whether the cells of a column are ordered as they are compared. `row` is any row.
    #[doc(hidden)]
    fn has_one_order(row: &Self::Row, index: usize) -> Result<bool, sqlx::Error> {
        let _ = (row, index);
        Ok(true)
    }

    /// The value of a cell, which is not NULL, as a cursor carries it, so that the database finds its place again. `None`
    /// where it could not. `value` is what the struct made of the cell.
    #[doc(hidden)]
    fn to_cursor(
        row: &Self::Row,
        index: usize,
        codec: &Codec,
        value: &AnyValue,
    ) -> Result<Option<serde_json::Value>, sqlx::Error> {
        let _ = (row, index);
        Ok(codec.to_exact_json(value))
    }

    /// The value that a cursor carries, and how it is bound.
    #[doc(hidden)]
    fn from_cursor(codec: &'static Codec, json: serde_json::Value) -> Option<(&'static Codec, Value)> {
        Some((codec, codec.of_exact_json(json)?))
    }

    /// Decodes a number of kysera's own making.
    #[doc(hidden)]
    fn integer(row: &Self::Row, index: usize) -> Result<i64, sqlx::Error>;

    /// Decodes a text of kysera's own making.
    #[doc(hidden)]
    fn text(row: &Self::Row, index: usize) -> Result<Option<String>, sqlx::Error>;

    /// Whether a cell is NULL.
    #[doc(hidden)]
    fn is_null(row: &Self::Row, index: usize) -> Result<bool, sqlx::Error>;

    /// Adds one argument.
    #[doc(hidden)]
    fn bind(codec: &Codec, value: &AnyValue, args: &mut Self::Arguments) -> Result<(), BoxDynError>;

    /// Adds many values as one array argument.
    #[doc(hidden)]
    fn bind_array(codec: &Codec, values: &[&AnyValue], args: &mut Self::Arguments)
    -> Result<(), BoxDynError>;

    /// Values as a JSON array of what is stored for them, where the database can read such an array and their type
    /// has an exact form there.
    #[doc(hidden)]
    fn json_keys(codec: &Codec, values: &[&AnyValue]) -> Option<JsonKeys> {
        let _ = (codec, values);
        None
    }

    /// Begins a transaction through sqlx's own bookkeeping.
    #[doc(hidden)]
    fn begin(
        conn: &mut Self::Connection,
        options: TxOptions,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Commits.
    #[doc(hidden)]
    fn commit(conn: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        <Self::TransactionManager as TransactionManager>::commit(conn)
    }

    /// Rolls back.
    #[doc(hidden)]
    fn rollback(conn: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        <Self::TransactionManager as TransactionManager>::rollback(conn)
    }

    /// What a server's error leaves of the transaction around it.
    #[doc(hidden)]
    fn aftermath(error: &dyn DatabaseError) -> Aftermath;

    /// Asks the server whether a transaction that kysera began is still there, and whether the connection is in
    /// step. What an abandoned statement left behind is read and thrown away first.
    #[doc(hidden)]
    fn probe(conn: &mut Self::Connection) -> impl Future<Output = Result<Standing, sqlx::Error>> + Send;

    /// Throws away what an abandoned statement left behind, outside a transaction of kysera's, and makes sure that
    /// the connection is in step.
    #[doc(hidden)]
    fn resync(conn: &mut Self::Connection) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Reads a URL, and adds what kysera asks of a connection; `session` are the limits of a session.
    #[doc(hidden)]
    fn options(url: &str, session: Option<&SessionLimits>) -> Result<ConnectOptionsOf<Self>, sqlx::Error>;

    /// What is left to be set once a connection is made.
    #[doc(hidden)]
    fn connected<'c>(
        conn: &'c mut Self::Connection,
        session: &'c SessionLimits,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send + 'c;

    /// What a connection to a pooler may ask for.
    #[doc(hidden)]
    fn pooled(options: ConnectOptionsOf<Self>, mode: PgBouncer) -> ConnectOptionsOf<Self> {
        let _ = mode;
        options
    }

    /// Tries whether a pooler does what its mode promises.
    #[doc(hidden)]
    fn try_pooler(
        options: &ConnectOptionsOf<Self>,
        mode: PgBouncer,
    ) -> impl Future<Output = crate::error::Result<()>> + Send {
        let _ = (options, mode);
        std::future::ready(Ok(()))
    }

    /// Looks for a pooler of which nobody spoke, on a connection that was made with [`options`](Self::options).
    #[doc(hidden)]
    fn try_direct(
        conn: &mut Self::Connection,
        session: &SessionLimits,
    ) -> impl Future<Output = crate::error::Result<()>> + Send {
        let _ = (conn, session);
        std::future::ready(Ok(()))
    }

    /// What a connection that could not be made tells: that there is a pooler of which nobody spoke, for instance.
    #[doc(hidden)]
    fn unconnected(error: sqlx::Error) -> crate::error::Error {
        error.into()
    }

    /// Whether the database is gone with its connection.
    #[doc(hidden)]
    fn in_memory(options: &ConnectOptionsOf<Self>) -> bool {
        let _ = options;
        false
    }

    /// Asks the server who it is; the cheapest question that it answers from its own head.
    #[doc(hidden)]
    fn vitals(conn: &mut Self::Connection) -> impl Future<Output = Result<Vitals, sqlx::Error>> + Send;

    /// Learns how a statement on this connection can be stopped, in one round trip.
    #[doc(hidden)]
    fn interrupt(conn: &mut Self::Connection) -> impl Future<Output = Result<Interrupt, sqlx::Error>> + Send;

    /// Stops what another session runs. Where its connection could not be used again, the session ends with it.
    #[doc(hidden)]
    fn stop(
        side: &mut Self::Connection,
        session: i64,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Asks a server how far it has come. Databases that do not tell are where they are.
    #[doc(hidden)]
    fn progress(conn: &mut Self::Connection) -> impl Future<Output = Result<Progress, sqlx::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(Progress::default()))
    }

    /// What a server is called where several are spoken of: its address, or the name of its file.
    #[doc(hidden)]
    fn name_of(options: &ConnectOptionsOf<Self>) -> String;

    /// Options for a database that is only read.
    #[doc(hidden)]
    fn only_read(options: ConnectOptionsOf<Self>) -> ConnectOptionsOf<Self> {
        options
    }

    /// Brings a connection back to a clean state after a future was dropped. `begun`: a BEGIN may have been
    /// sent, or user code had the connection.
    #[doc(hidden)]
    fn recover(
        conn: &mut Self::Connection,
        begun: bool,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// A Rust type that a database can store and give back.
///
/// What is read is what was written, with these exceptions:
///
/// * Dates and times have microseconds on PostgreSQL, and on MySQL if the column says so (`DATETIME(6)`); what is finer
///   is cut off or rounded. SQLite keeps them as text, nanoseconds included.
/// * `DateTime<Utc>` and `OffsetDateTime` keep the moment, not the offset. On MySQL a `TIMESTAMP` ends in 2038, a
///   `DATETIME` does not.
/// * NaN and the infinities are refused by MySQL. SQLite takes NaN for NULL.
/// * A `Decimal` is rounded to the scale of its column. SQLite has no decimals.
/// * A `DOUBLE` read into an `f32` is rounded on MySQL and SQLite, and refused on PostgreSQL.
/// * A NUL in a text is refused by PostgreSQL.
///
/// A cell that does not fit its field is [`Error::Decode`](crate::Error::Decode), with the names of entity and column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a column type of `{DB}`",
    label = "`{DB}` can neither store nor give back a `{Self}`",
    note = "types need `sqlx::Type`, `Encode` and `Decode` for the database: derive `sqlx::Type`, wrap the value in `Json<..>`, \
            or switch on the feature of kysera that brings the type (`chrono`, `time`, `uuid`, `decimal`, `json`)",
    note = "an entity that lives on one database says so with `#[kysera(backend(..))]`"
)]
pub trait Scalar<DB: Database>:
    Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB> + Send + Sync + 'static
{
}

#[diagnostic::do_not_recommend]
impl<DB: Database, T> Scalar<DB> for T where
    T: Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB> + Send + Sync + 'static
{
}

#[cfg(all(test, any(feature = "postgres", feature = "mysql")))]
mod tests {
    use sqlx::ConnectOptions;

    use super::*;

    fn capacity<DB: Backend>(url: &str) -> String {
        let url = DB::options(url, None).map(|options| options.to_url_lossy());
        let found = url.ok().and_then(|url| {
            let mut pairs = url.query_pairs();
            pairs.find(|(name, _)| name == STATEMENT_CACHE).map(|(_, value)| value.into_owned())
        });
        found.unwrap_or_default()
    }

    fn of_a_url<DB: Backend>(url: &str, other: &str) {
        assert_eq!(capacity::<DB>(url), "500");
        assert_eq!(capacity::<DB>(&format!("{url}?statement-cache-capacity=7")), "7");
        assert_eq!(capacity::<DB>(&format!("{url}?{other}&statement-cache-capacity=0")), "0");
    }

    #[test]
    fn statement_caches() {
        #[cfg(feature = "postgres")]
        of_a_url::<sqlx::Postgres>("postgres://a:b@localhost/statement-cache-capacity=3", "sslmode=disable");
        #[cfg(feature = "mysql")]
        of_a_url::<sqlx::MySql>("mysql://a:b@localhost/statement-cache-capacity=3", "ssl-mode=disabled");
    }
}
