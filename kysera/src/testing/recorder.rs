use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::observe::{Event, Observer, Token};

/// Writes down what is sent, for tests of how much that is and what it says.
///
/// An [observer](crate::observe) like any other: whatever is made of the source that it observes is written down as well.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::testing::Recorder;
///
/// #[derive(Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
/// }
///
/// let recorder = Recorder::new();
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?.observed_by(recorder.clone());
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
///
/// let users = User::repo(&db);
/// users.create_many(["Ada", "Grace"].map(|name| NewUser { name: name.into() })).await?;
/// assert_eq!(recorder.take().len(), 1, "one statement for both");
/// db.transaction(|tx| async move { User::repo(&tx).count().await }).await?;
/// assert_eq!(recorder.names(), ["begin", "users.count", "commit"]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug, Default)]
pub struct Recorder {
    values: bool,
    sent: Mutex<Vec<Sent>>,
}

/// A statement that has ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sent {
    /// What it belongs to: `users.find_by_id`, `begin`.
    pub name: String,
    /// Its text.
    pub sql: String,
    /// Its values as text, if they are [asked for](Recorder::of_values). Those of sensitive columns are `***`.
    pub values: Option<Vec<String>>,
    /// Rows that were read or written.
    pub rows: u64,
    /// `ok`, `dropped`, or the code of the error.
    pub outcome: &'static str,
    /// Where the operation was called.
    pub caller: &'static Location<'static>,
}

impl Recorder {
    /// Without values.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// With the values of statements.
    pub fn of_values() -> Arc<Self> {
        Arc::new(Self { values: true, ..Self::default() })
    }

    /// What was sent since it was taken last.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent())
    }

    /// The names of that; takes it.
    pub fn names(&self) -> Vec<String> {
        self.take().into_iter().map(|sent| sent.name).collect()
    }

    /// The texts of that; takes it.
    pub fn texts(&self) -> Vec<String> {
        self.take().into_iter().map(|sent| sent.sql).collect()
    }

    fn sent(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn ended(&self, event: &Event<'_>, _: Option<Token>) {
        let statement = &event.statement;
        self.sent().push(Sent {
            name: statement.operation.to_string(),
            sql: statement.sql.to_owned(),
            values: statement.values.map(<[String]>::to_vec),
            rows: event.rows,
            outcome: event.outcome.label(),
            caller: statement.caller,
        });
    }

    fn wants_values(&self) -> bool {
        self.values
    }
}
