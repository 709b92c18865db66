//! Spans of `tracing`, by a subscriber of the test's own.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use kysera::Backend;
use kysera::backend::Dialect;
use kysera::observe::{Event as Ended, NPlusOne, Observer, SlowLog, Statement, Token, Traced};
use kysera::prelude::*;
use tracing::field::{Field, Visit};
use tracing::instrument::Instrument;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

use super::world::*;
use crate::DB;

type Fields = BTreeMap<&'static str, String>;

/// A span or an event.
#[derive(Debug, Clone)]
struct Seen {
    target: &'static str,
    level: Level,
    /// The span around it.
    parent: Option<u64>,
    fields: Fields,
}

#[derive(Default)]
struct State {
    spans: BTreeMap<u64, (Seen, &'static Metadata<'static>)>,
    closed: Vec<u64>,
    events: Vec<Seen>,
    entered: Vec<u64>,
}

/// Keeps what it is told, but for targets that are off.
#[derive(Clone, Default)]
struct Capture {
    off: &'static str,
    state: Arc<Mutex<State>>,
}

impl Capture {
    fn spans(&self, target: &str) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        state.spans.values().map(|(seen, _)| seen.clone()).filter(|seen| seen.target == target).collect()
    }

    fn events(&self, target: &str) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        state.events.iter().filter(|seen| seen.target == target).cloned().collect()
    }
}

struct Visitor<'f>(&'f mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != self.off && !metadata.target().starts_with("sqlx")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut state = self.state.lock().unwrap();
        let id = state.spans.len() as u64 + 1;
        let mut fields = Fields::new();
        span.record(&mut Visitor(&mut fields));
        let parent = span.parent().map(Id::into_u64).or(state.entered.last().copied());
        let metadata = span.metadata();
        state.spans.insert(
            id,
            (Seen { target: metadata.target(), level: *metadata.level(), parent, fields }, metadata),
        );
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut state = self.state.lock().unwrap();
        let (seen, _) = state.spans.get_mut(&id.into_u64()).unwrap();
        values.record(&mut Visitor(&mut seen.fields));
    }

    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap();
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        let (target, level) = (event.metadata().target(), *event.metadata().level());
        let parent = state.entered.last().copied();
        state.events.push(Seen { target, level, parent, fields });
    }

    fn enter(&self, id: &Id) {
        self.state.lock().unwrap().entered.push(id.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.state.lock().unwrap().entered.pop();
    }

    fn try_close(&self, id: Id) -> bool {
        self.state.lock().unwrap().closed.push(id.into_u64());
        true
    }

    fn current_span(&self) -> Current {
        let state = self.state.lock().unwrap();
        let Some(id) = state.entered.last() else { return Current::none() };
        Current::new(Id::from_u64(*id), state.spans[id].1)
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

const SYSTEM: &str = match DB::DIALECT {
    Dialect::Postgres => "postgresql",
    Dialect::MySql => "mysql",
    _ => "sqlite",
};

#[tokio::test]
async fn each_statement_is_a_span_with_opentelemetrys_names() {
    let fixture = world().await;
    Note::repo(fixture.source()).create(note("a")).await.unwrap();
    let db = watched(&fixture, Arc::new(Traced::new()));
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    let request = tracing::info_span!("request");
    let id = request.id().unwrap().into_u64();
    let line = line!() + 1;
    async { Note::repo(&db).find_by_id(1).await.unwrap() }.instrument(request).await;
    let spans = capture.spans("kysera::statement");
    assert_eq!(spans.len(), 1, "{spans:?}");
    let mut span = spans.into_iter().next().unwrap();
    assert_eq!((span.level, span.parent), (Level::INFO, Some(id)));
    let waited: f64 = span.fields.remove("kysera.waited_ms").unwrap().parse().unwrap();
    assert!(waited >= 0.0);
    let sql = span.fields.remove("db.query.text").unwrap();
    assert!(sql.starts_with("SELECT") && sql.contains("notes"), "{sql}");
    let line = line.to_string();
    let expected: Fields = [
        ("otel.name", "notes.find_by_id"),
        ("otel.kind", "client"),
        ("db.system.name", SYSTEM),
        ("db.collection.name", "notes"),
        ("db.operation.name", "SELECT"),
        ("db.query.summary", "notes.find_by_id"),
        ("db.response.returned_rows", "1"),
        ("kysera.outcome", "ok"),
        ("code.file.path", file!()),
        ("code.line.number", &line),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    assert_eq!(span.fields, expected);
    // The one behind that of the request.
    assert!(capture.state.lock().unwrap().closed.contains(&(id + 1)), "it ends with the statement");
}

#[tokio::test]
async fn what_fails_says_why() {
    let fixture = world().await;
    Note::repo(fixture.source()).create(note("a")).await.unwrap();
    let db = watched(&fixture, Arc::new(Traced::new()));
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    let error = Note::repo(&db).insert_many([note("a")]).await.unwrap_err();
    let spans = capture.spans("kysera::statement");
    let failed: Vec<_> = spans.iter().filter(|span| span.fields["kysera.outcome"] != "ok").collect();
    assert_eq!(failed.len(), 1, "{spans:?}");
    let fields = &failed[0].fields;
    let code = error.code().as_str();
    assert_eq!((&*fields["kysera.outcome"], &*fields["error.type"]), (code, code));
    assert_eq!(fields["otel.status_code"], "ERROR");
    let native = match DB::DIALECT {
        Dialect::Postgres => "23505",
        Dialect::MySql => "23000",
        _ => "2067",
    };
    assert_eq!(fields["db.response.status_code"], native);
}

#[tokio::test]
async fn what_is_dropped_is_no_error() {
    let fixture = world().await;
    Note::repo(fixture.source()).insert_many([note("a"), note("b")]).await.unwrap();
    let db = watched(&fixture, Arc::new(Traced::new()));
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    let notes = Note::repo(&db);
    let mut stream = notes.find().stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let spans = capture.spans("kysera::statement");
    let fields = &spans[0].fields;
    assert_eq!((&*fields["kysera.outcome"], &*fields["db.response.returned_rows"]), ("dropped", "1"));
    assert!(!fields.contains_key("error.type") && !fields.contains_key("otel.status_code"));
    // What belongs to no table has none.
    db.begin().await.unwrap().rollback().await.unwrap();
    let spans = capture.spans("kysera::statement");
    let rollback = spans.iter().find(|span| span.fields["otel.name"] == "rollback").unwrap();
    assert!(!rollback.fields.contains_key("db.collection.name"), "{rollback:?}");
    assert_eq!(rollback.fields["db.operation.name"], "ROLLBACK");
}

/// Hands on, and says what it was given to keep.
struct Kept(Traced, Mutex<Vec<bool>>);

impl Observer for Kept {
    fn started(&self, statement: &Statement<'_>) -> Option<Token> {
        let token = self.0.started(statement);
        self.1.lock().unwrap().push(token.is_some());
        token
    }

    fn ended(&self, event: &Ended<'_>, token: Option<Token>) {
        self.0.ended(event, token);
    }
}

#[tokio::test]
async fn spans_that_nobody_wants_are_not_kept() {
    let fixture = world().await;
    let kept = Arc::new(Kept(Traced::new(), Mutex::default()));
    let db = watched(&fixture, kept.clone());
    let off = Capture { off: "kysera::statement", ..Capture::default() };
    let guard = tracing::subscriber::set_default(off.clone());
    Note::repo(&db).count().await.unwrap();
    drop(guard);
    assert!(off.spans("kysera::statement").is_empty());
    let _guard = tracing::subscriber::set_default(Capture::default());
    Note::repo(&db).count().await.unwrap();
    assert_eq!(*kept.1.lock().unwrap(), [false, true]);
}

#[tokio::test]
async fn the_slow_log_is_an_event_with_values_if_it_is_to_have_them() {
    let fixture = world().await;
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    // The other one asks for values as well, and they are not for this one.
    let plain = watched(&fixture, Arc::new(SlowLog::over(Duration::ZERO)))
        .observed_by(kysera_tests::observed::Log::of_values());
    let line = line!() + 1;
    Note::repo(&plain).find_by_id(17).await.unwrap();
    let events = capture.events("kysera::slow");
    assert_eq!(events.len(), 1, "{events:?}");
    let fields = &events[0].fields;
    assert_eq!(events[0].level, Level::WARN);
    assert_eq!(
        (&*fields["operation"], &*fields["rows"], &*fields["outcome"]),
        ("notes.find_by_id", "0", "ok")
    );
    assert!(fields["caller"].starts_with(&format!("{}:{line}:", file!())), "{fields:?}");
    assert!(fields["sql"].starts_with("SELECT") && fields["message"] == "slow statement");
    assert!(fields["duration_ms"].parse::<f64>().unwrap() > 0.0);
    assert!(!fields.contains_key("values"), "{fields:?}");

    let with = watched(&fixture, Arc::new(SlowLog::over(Duration::ZERO).with_values()));
    Note::repo(&with).find_by_id(17).await.unwrap();
    let events = capture.events("kysera::slow");
    assert_eq!(events[1].fields["values"], "17");
    // What is not that slow.
    let patient = watched(&fixture, Arc::new(SlowLog::over(Duration::from_secs(3600))));
    Note::repo(&patient).find_by_id(17).await.unwrap();
    assert_eq!(capture.events("kysera::slow").len(), 2);
}

#[tokio::test]
async fn a_loop_is_an_event_once() {
    let fixture = world().await;
    let nine = async || {
        let detector = NPlusOne::new().threshold(3, Duration::from_secs(3600));
        let db = watched(&fixture, Arc::new(detector));
        for id in 0..9 {
            Note::repo(&db).find_by_id(id).await.unwrap();
        }
    };
    // `tracing` asks once who is interested in a place, at its first event. Other tests come to this one on threads without a
    // subscriber, and the answer would be nobody: so it has its first event before there is one.
    nine().await;
    let capture = Capture::default();
    let _guard = tracing::subscriber::set_default(capture.clone());
    nine().await;
    let events = capture.events("kysera::n_plus_one");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].level, Level::WARN);
    assert!(
        events[0].fields["message"].starts_with("notes.find_by_id was called 3 times within "),
        "{events:?}"
    );
}
