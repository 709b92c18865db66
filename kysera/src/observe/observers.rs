use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::SqlStr;

use super::event::{Event, Operation, Outcome, Statement};
use crate::backend::Dialect;
use crate::error::Error;

/// Is told of statements: see [`Db::observed_by`](crate::Db::observed_by) and, for an example, the [module](super).
///
/// Both methods are called on the task that runs the statement, and it waits for them: take little time. An observer that
/// panics takes the operation with it.
pub trait Observer: Send + Sync + 'static {
    /// A statement is about to be sent. What this answers comes back when it has [ended](Self::ended).
    fn started(&self, statement: &Statement<'_>) -> Option<Token> {
        let _ = statement;
        None
    }

    /// A statement has ended, in one way or another.
    fn ended(&self, event: &Event<'_>, token: Option<Token>);

    /// An operation that found no connection, and sent nothing.
    fn unsent(&self, operation: Operation, waited: Duration, error: &Error) {
        let _ = (operation, waited, error);
    }

    /// Whether [`Statement::values`] is to be filled in. Values may be secrets; by default they are not.
    fn wants_values(&self) -> bool {
        false
    }
}

/// What an observer keeps for a statement while it runs.
pub type Token = Box<dyn Any + Send>;

/// Those of a source.
#[derive(Clone, Default)]
pub(crate) struct Observers {
    all: Vec<Watcher>,
    values: bool,
}

#[derive(Clone)]
struct Watcher {
    observer: Arc<dyn Observer>,
    /// Whether it asked for values; what another one asked for it is not shown.
    values: bool,
}

impl Watcher {
    fn shown<'e>(&self, statement: Statement<'e>) -> Statement<'e> {
        Statement { values: statement.values.filter(|_| self.values), ..statement }
    }
}

impl Observers {
    pub(crate) const NONE: Self = Self { all: Vec::new(), values: false };

    /// The same, and one more.
    pub(crate) fn and(&self, observer: Arc<dyn Observer>) -> Self {
        let values = observer.wants_values();
        let mut all = self.all.clone();
        all.push(Watcher { observer, values });
        Self { all, values: self.values || values }
    }

    /// Whether one of them asks for values.
    pub(crate) fn want_values(&self) -> bool {
        self.values
    }

    /// `None` if there are none.
    pub(crate) fn watch(
        &self,
        operation: Operation,
        dialect: Dialect,
        caller: &'static Location<'static>,
    ) -> Option<Watch<'_>> {
        (!self.all.is_empty()).then_some(Watch {
            observers: self,
            operation,
            dialect,
            caller,
            is_part: false,
        })
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").field("count", &self.all.len()).finish_non_exhaustive()
    }
}

/// Who watches an operation.
#[derive(Clone, Copy)]
pub(crate) struct Watch<'c> {
    observers: &'c Observers,
    operation: Operation,
    dialect: Dialect,
    caller: &'static Location<'static>,
    /// Whether it belongs to another one, whose first statement was sent before.
    is_part: bool,
}

impl<'c> Watch<'c> {
    /// The same as part of another operation.
    pub(crate) fn as_part(self) -> Self {
        Self { is_part: true, ..self }
    }

    /// The same for another operation.
    pub(crate) fn of(self, operation: Operation) -> Self {
        Self { operation, ..self }
    }

    pub(crate) fn shows_values(self) -> bool {
        self.observers.want_values()
    }

    pub(crate) fn observers(self) -> Observers {
        self.observers.clone()
    }

    /// There was no connection.
    pub(crate) fn unsent(self, waited: Duration, error: &Error) {
        for Watcher { observer, .. } in &self.observers.all {
            observer.unsent(self.operation, waited, error);
        }
    }

    /// A statement is about to be sent.
    pub(crate) fn start(self, sql: SqlStr, values: Option<Box<[String]>>, first: First) -> Running<'c> {
        let mut running = Running {
            watch: self,
            sql,
            values,
            first,
            started: Instant::now(),
            rows: 0,
            tokens: Vec::new(),
            // An observer may panic before it has begun.
            ended: true,
        };
        let statement = running.statement();
        let started = self.observers.all.iter().map(|one| one.observer.started(&one.shown(statement)));
        let tokens = started.enumerate().filter_map(|(at, token)| Some((at, token?))).collect();
        running.tokens = tokens;
        running.ended = false;
        running.started = Instant::now();
        running
    }
}

/// What is told of the first statement of an operation alone.
#[derive(Clone, Copy, Default)]
pub(crate) struct First {
    pub(crate) statement: bool,
    pub(crate) waited: Duration,
}

/// A statement that runs. Dropped, it tells that it was.
pub(crate) struct Running<'c> {
    watch: Watch<'c>,
    sql: SqlStr,
    values: Option<Box<[String]>>,
    first: First,
    started: Instant,
    pub(crate) rows: u64,
    /// Which observer keeps what; most keep nothing.
    tokens: Vec<(usize, Token)>,
    ended: bool,
}

impl Running<'_> {
    fn statement(&self) -> Statement<'_> {
        Statement {
            operation: self.watch.operation,
            sql: self.sql.as_str(),
            dialect: self.watch.dialect,
            caller: self.watch.caller,
            is_first: self.first.statement && !self.watch.is_part,
            waited: self.first.waited,
            values: self.values.as_deref().filter(|values| !values.is_empty()),
        }
    }

    pub(crate) fn end(&mut self, outcome: Outcome<'_>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let duration = self.started.elapsed();
        let mut tokens = std::mem::take(&mut self.tokens).into_iter().peekable();
        let statement = self.statement();
        for (at, one) in self.watch.observers.all.iter().enumerate() {
            let token = tokens.next_if(|(owner, _)| *owner == at).map(|(_, token)| token);
            let event = Event { statement: one.shown(statement), duration, rows: self.rows, outcome };
            one.observer.ended(&event, token);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end(Outcome::Dropped);
    }
}
