use tracing::Level;
use tracing::field::Empty;

use super::{Event, Observer, Outcome, Statement, Token};

/// Makes each statement a span of `tracing`, with OpenTelemetry's names of databases: target `kysera::statement`, level INFO,
/// a child of the span that the caller is in.
///
/// | field | value |
/// |---|---|
/// | `otel.name`, `db.query.summary` | the operation: `users.find_by_id` |
/// | `otel.kind` | `client` |
/// | `db.system.name` | `postgresql`, `mysql` or `sqlite` |
/// | `db.collection.name` | the table |
/// | `db.operation.name` | the first word of the statement: `SELECT` |
/// | `db.query.text` | the statement, with placeholders for the values |
/// | `db.response.returned_rows` | rows that were read or written |
/// | `kysera.waited_ms` | how long the operation waited for its connection |
/// | `kysera.outcome` | `ok`, `dropped`, or the code of the error |
/// | `error.type`, `otel.status_code` | the code of the error, and `ERROR`; absent otherwise |
/// | `db.response.status_code` | the code that the database gave the error |
/// | `code.file.path`, `code.line.number` | where the operation was called |
///
/// `otel.name`, `otel.kind` and `otel.status_code` are what the crate `tracing-opentelemetry` looks for. There are no values of rows in
/// any of them.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use std::sync::Arc;
///
/// use kysera::Db;
/// use kysera::observe::Traced;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.observed_by(Arc::new(Traced::new()));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Traced {}

impl Traced {
    /// One.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Observer for Traced {
    fn started(&self, statement: &Statement<'_>) -> Option<Token> {
        let Statement { operation, sql, dialect, caller, waited, .. } = statement;
        let span = tracing::span!(
            target: "kysera::statement",
            Level::INFO,
            "statement",
            otel.name = %operation,
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = dialect.otel_name(),
            db.collection.name = operation.table,
            db.operation.name = statement.verb(),
            db.query.summary = %operation,
            db.query.text = sql,
            db.response.returned_rows = Empty,
            db.response.status_code = Empty,
            error.r#type = Empty,
            kysera.waited_ms = waited.as_secs_f64() * 1000.0,
            kysera.outcome = Empty,
            code.file.path = caller.file(),
            code.line.number = caller.line(),
        );
        (!span.is_disabled()).then(|| Box::new(span) as Token)
    }

    fn ended(&self, event: &Event<'_>, token: Option<Token>) {
        let Some(span) = token.and_then(|token| token.downcast::<tracing::Span>().ok()) else { return };
        span.record("db.response.returned_rows", event.rows);
        span.record("kysera.outcome", event.outcome.label());
        if let Outcome::Failed(error) = event.outcome {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.code().as_str());
            if let Some(code) = error.as_sqlx().and_then(|error| error.as_database_error()?.code()) {
                span.record("db.response.status_code", &*code);
            }
        }
    }
}
