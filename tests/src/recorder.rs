//! Which statements a piece of code runs.
//!
//! sqlx tells of every statement by an event for `tracing`. On SQLite that happens on a thread of the connection, which
//! enters the span of whoever sent the statement; so the recorder listens to the whole process and sorts the events by
//! span. Recordings may run side by side, and statements outside of any are ignored. Because a process has one
//! subscriber only, tests that record live in a binary of their own.
//!
//! sqlx does not tell of what it sends by itself (its BEGIN, COMMIT and ROLLBACK on some backends), nor of what
//! runs in a task that was spawned without the span.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::instrument::Instrument;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

const TARGET: &str = "kysera_tests::recorder";

/// Runs a future and answers the texts of its statements, in the order in which they ended.
///
/// # Panics
///
/// If something else is the global subscriber of `tracing`.
pub async fn record<F: Future>(future: F) -> (F::Output, Vec<String>) {
    let recorder = recorder();
    let span = tracing::info_span!(target: TARGET, "recording");
    let id = span.id().expect("the recorder takes every span").into_u64();
    let texts = Arc::new(Mutex::new(Vec::new()));
    recorder.recordings.lock().unwrap().insert(id, Arc::clone(&texts));
    let out = future.instrument(span.clone()).await;
    recorder.recordings.lock().unwrap().remove(&id);
    let texts = std::mem::take(&mut *texts.lock().unwrap());
    (out, texts)
}

fn recorder() -> &'static Recorder {
    static RECORDER: OnceLock<Arc<Recorder>> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = Arc::new(Recorder::default());
        tracing::subscriber::set_global_default(Arc::clone(&recorder))
            .expect("the recorder has the process for itself");
        recorder
    })
}

#[derive(Default)]
struct Recorder {
    next: AtomicU64,
    spans: Mutex<HashMap<u64, Span>>,
    recordings: Mutex<HashMap<u64, Arc<Mutex<Vec<String>>>>>,
}

struct Span {
    metadata: &'static Metadata<'static>,
    /// The recording to which it belongs.
    owner: Option<u64>,
}

thread_local! {
    /// The spans that this thread is in, innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() || metadata.target() == "sqlx::query"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => current(),
            None => None,
        };
        let metadata = attributes.metadata();
        let mut spans = self.spans.lock().unwrap();
        let owner = if metadata.target() == TARGET {
            Some(id)
        } else {
            parent.and_then(|parent| spans.get(&parent)?.owner)
        };
        spans.insert(id, Span { metadata, owner });
        Id::from_u64(id)
    }

    fn event(&self, event: &Event<'_>) {
        let Some(span) = current() else { return };
        let Some(owner) = self.spans.lock().unwrap().get(&span).and_then(|span| span.owner) else { return };
        let Some(texts) = self.recordings.lock().unwrap().get(&owner).cloned() else { return };
        let mut text = Text::default();
        event.record(&mut text);
        texts.lock().unwrap().push(text.sql());
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            if let Some(at) = entered.iter().rposition(|id| *id == span.into_u64()) {
                entered.remove(at);
            }
        });
    }

    /// Asked by sqlx, to hand the span to the thread of an SQLite connection.
    fn current_span(&self) -> Current {
        let Some(id) = current() else { return Current::none() };
        match self.spans.lock().unwrap().get(&id) {
            Some(span) => Current::new(Id::from_u64(id), span.metadata),
            None => Current::none(),
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

fn current() -> Option<u64> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

/// The fields of an event: the first four words of the statement, and the whole of it if that is more.
#[derive(Default)]
struct Text {
    summary: String,
    statement: String,
}

impl Text {
    fn sql(self) -> String {
        if self.statement.is_empty() {
            return self.summary;
        }
        let text = self.statement.strip_prefix("\n\n").unwrap_or(&self.statement);
        text.strip_suffix('\n').unwrap_or(text).to_owned()
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = value.to_owned(),
            "db.statement" => self.statement = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
