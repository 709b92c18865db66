//! Refused writes, and the way around policies, are events for whoever watches.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use kysera::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::world::*;

/// Keeps the events about policies as texts.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Vec<String>>>);

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "kysera::rls"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = event.metadata().level().to_string();
        event.record(&mut Fields(&mut text));
        self.0.lock().unwrap().push(text);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

#[tokio::test]
async fn what_is_refused_is_told_without_values() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let docs = Doc::repo(&ada);
    docs.create(NewDoc { status: "paid".into(), ..new_doc(1, 10) }).await.unwrap();

    // `tracing` asks once who is interested in a place, at its first event. If another test came to it now, on a thread without a
    // subscriber, the answer would be nobody: so it has its first event before there is one.
    assert!(docs.update(1, DocPatch::new().amount(77_777)).await.is_err());
    let _ = db(&fixture).unrestricted("before anyone listens");
    let watch = Watch::default();
    let guard = tracing::subscriber::set_default(watch.clone());
    assert!(docs.update(1, DocPatch::new().amount(77_777)).await.is_err());
    assert!(docs.create(NewDoc { slug: "a secret".into(), ..new_doc(2, 11) }).await.is_err());
    assert!(docs.create(NewDoc { amount: 77_777, ..new_doc(2, 10) }).await.is_err());
    // What is not there is no event, and neither is what is done.
    assert!(docs.update(99, DocPatch::new().amount(1)).await.is_err());
    docs.find_all().await.unwrap();
    let _ = db(&fixture).unrestricted("a look at everything");
    drop(guard);
    assert!(docs.delete(1).await.is_err());

    assert_eq!(
        *watch.0.lock().unwrap(),
        [
            "WARN message=denied entity=\"Doc\" action=\"update\" rule=\"frozen states\"",
            "WARN message=denied entity=\"Doc\" action=\"create\"",
            "WARN message=denied entity=\"Doc\" action=\"create\" rule=\"limit\"",
            "INFO message=unrestricted reason=\"a look at everything\"",
        ]
    );
}
