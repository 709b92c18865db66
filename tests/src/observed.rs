//! What an observer is told.

use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kysera::Error;
use kysera::observe::{Event, Observer, Operation, Token};

/// Writes down what it is told.
#[derive(Default)]
pub struct Log {
    values: bool,
    told: Mutex<Vec<Told>>,
    unsent: Mutex<Vec<Unsent>>,
}

/// A statement that has ended.
#[derive(Debug, Clone)]
pub struct Told {
    /// `users.find_by_id`
    pub name: String,
    /// The operation.
    pub operation: Operation,
    /// The text.
    pub sql: String,
    /// Where the operation was called.
    pub caller: &'static Location<'static>,
    /// Whether it was the first one of the operation.
    pub is_first: bool,
    /// How long the operation waited for its connection.
    pub waited: Duration,
    /// The values, if they were asked for.
    pub values: Option<Vec<String>>,
    /// Rows that were read or written.
    pub rows: u64,
    /// `ok`, `dropped`, or the code of the error.
    pub outcome: &'static str,
}

/// An operation that found no connection.
#[derive(Debug, Clone)]
pub struct Unsent {
    /// `users.find_by_id`
    pub name: String,
    /// How long it waited.
    pub waited: Duration,
    /// The code of the error.
    pub code: &'static str,
}

impl Log {
    /// Without values.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// With them.
    pub fn of_values() -> Arc<Self> {
        Arc::new(Self { values: true, ..Self::default() })
    }

    /// What was told since it was asked last.
    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    /// The names of that.
    pub fn names(&self) -> Vec<String> {
        self.take().into_iter().map(|told| told.name).collect()
    }

    /// The operations without a connection since it was asked last.
    pub fn unsent(&self) -> Vec<Unsent> {
        std::mem::take(&mut self.unsent.lock().unwrap())
    }
}

impl Observer for Log {
    fn ended(&self, event: &Event<'_>, _: Option<Token>) {
        let statement = &event.statement;
        self.told.lock().unwrap().push(Told {
            name: statement.operation.to_string(),
            operation: statement.operation,
            sql: statement.sql.to_owned(),
            caller: statement.caller,
            is_first: statement.is_first,
            waited: statement.waited,
            values: statement.values.map(<[String]>::to_vec),
            rows: event.rows,
            outcome: event.outcome.label(),
        });
    }

    fn unsent(&self, operation: Operation, waited: Duration, error: &Error) {
        let (name, code) = (operation.to_string(), error.code().as_str());
        self.unsent.lock().unwrap().push(Unsent { name, waited, code });
    }

    fn wants_values(&self) -> bool {
        self.values
    }
}
