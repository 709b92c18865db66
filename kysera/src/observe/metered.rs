use std::time::Duration;

use super::{Event, Observer, Operation, Outcome, Token};
use crate::error::Error;

/// Records each statement with the crate `metrics`, by OpenTelemetry's names. Needs the feature `metrics`.
///
/// | name | kind | labels |
/// |---|---|---|
/// | `db.client.operation.duration` | histogram, seconds | `db.system.name`, `kysera.operation` (`users.find_by_id`), `outcome` (`ok`, `dropped`, or the code of the error) |
/// | `db.client.response.returned_rows` | histogram | `db.system.name`, `kysera.operation` |
/// | `db.client.connection.wait_time` | histogram, seconds | `kysera.operation` |
/// | `kysera.errors` | counter | `kysera.operation`, `code` |
///
/// All of them have few values, which the program and not its users determine. What the pool does is
/// [`PoolGauges`](crate::infra::PoolGauges)' to tell.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use std::sync::Arc;
///
/// use kysera::Db;
/// use kysera::observe::Metered;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.observed_by(Arc::new(Metered::new()));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Metered {}

impl Metered {
    /// One.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Observer for Metered {
    fn ended(&self, event: &Event<'_>, _: Option<Token>) {
        let statement = &event.statement;
        let operation = statement.operation.to_string();
        let system = statement.dialect.otel_name();
        metrics::histogram!(
            "db.client.operation.duration",
            "db.system.name" => system,
            "kysera.operation" => operation.clone(),
            "outcome" => event.outcome.label(),
        )
        .record(event.duration.as_secs_f64());
        if matches!(event.outcome, Outcome::Done) {
            metrics::histogram!(
                "db.client.response.returned_rows",
                "db.system.name" => system,
                "kysera.operation" => operation.clone(),
            )
            .record(event.rows as f64);
        }
        if !statement.waited.is_zero() {
            waited(&operation, statement.waited);
        }
        if let Outcome::Failed(error) = event.outcome {
            failed(operation, error);
        }
    }

    fn unsent(&self, operation: Operation, time: Duration, error: &Error) {
        let operation = operation.to_string();
        waited(&operation, time);
        failed(operation, error);
    }
}

fn waited(operation: &str, time: Duration) {
    metrics::histogram!("db.client.connection.wait_time", "kysera.operation" => operation.to_owned())
        .record(time.as_secs_f64());
}

fn failed(operation: String, error: &Error) {
    metrics::counter!("kysera.errors", "kysera.operation" => operation, "code" => error.code().as_str())
        .increment(1);
}
