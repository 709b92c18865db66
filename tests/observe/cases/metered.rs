//! Metrics, by a recorder of the test's own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kysera::Backend;
use kysera::backend::Dialect;
use kysera::observe::Metered;
use kysera::prelude::*;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::world::*;
use crate::DB;

const SYSTEM: &str = match DB::DIALECT {
    Dialect::Postgres => "postgresql",
    Dialect::MySql => "mysql",
    _ => "sqlite",
};

/// Name and labels of each metric, `name{key=value,..}`, and its values: one number for a counter.
fn taken(recorder: &DebuggingRecorder) -> BTreeMap<String, Vec<f64>> {
    let all = recorder.snapshotter().snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
        let mut labels: Vec<_> =
            key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort_unstable();
        let values = match value {
            DebugValue::Counter(count) => vec![count as f64],
            DebugValue::Histogram(values) => values.into_iter().map(f64::from).collect(),
            DebugValue::Gauge(value) => panic!("a gauge of {value}"),
        };
        (format!("{}{{{}}}", key.key().name(), labels.join(",")), values)
    });
    all.collect()
}

#[tokio::test]
async fn statements_are_measured_by_operation() {
    let fixture = world().await;
    let db = watched(&fixture, Arc::new(Metered::new()));
    let recorder = DebuggingRecorder::new();
    let guard = metrics::set_default_local_recorder(&recorder);
    let notes = Note::repo(&db);
    let before = std::time::Instant::now();
    notes.insert_many([note("a"), note("b")]).await.unwrap();
    notes.find_all().await.unwrap();
    notes.find_all().await.unwrap();
    let most = before.elapsed().as_secs_f64();
    notes.insert_many([note("a")]).await.unwrap_err();
    drop(notes.find_by_id(1));
    drop(guard);
    let taken = taken(&recorder);
    let duration = |operation: &str, outcome: &str| {
        let labels = format!("db.system.name={SYSTEM},kysera.operation={operation},outcome={outcome}");
        taken.get(&format!("db.client.operation.duration{{{labels}}}")).cloned().unwrap_or_default()
    };
    let found = duration("notes.find_all", "ok");
    assert_eq!(found.len(), 2, "{taken:?}");
    assert!(found.iter().all(|seconds| (0.0..=most).contains(seconds)), "{found:?} of {most}");
    assert_eq!(duration("notes.insert_many", "ok").len(), 1);
    assert_eq!(duration("notes.insert_many", "VALIDATION_UNIQUE_VIOLATION").len(), 1);

    let rows = |operation: &str| {
        let labels = format!("db.system.name={SYSTEM},kysera.operation={operation}");
        taken.get(&format!("db.client.response.returned_rows{{{labels}}}")).cloned().unwrap_or_default()
    };
    assert_eq!(rows("notes.find_all"), [2.0, 2.0]);
    assert_eq!(rows("notes.insert_many"), [2.0], "not of what failed");

    let errors: Vec<_> = taken.iter().filter(|(name, _)| name.starts_with("kysera.errors")).collect();
    let name =
        "kysera.errors{code=VALIDATION_UNIQUE_VIOLATION,kysera.operation=notes.insert_many}".to_owned();
    assert_eq!(errors, [(&name, &vec![1.0])]);

    // Nothing but these, and of few values.
    let names = [
        "db.client.operation.duration{",
        "db.client.response.returned_rows{",
        "db.client.connection.wait_time{",
        "kysera.errors{",
    ];
    assert!(taken.keys().all(|key| names.iter().any(|name| key.starts_with(name))), "{taken:?}");
    assert!(!taken.keys().any(|key| key.contains("SELECT")));
}

#[tokio::test]
async fn what_waits_is_measured_and_what_finds_no_connection_counted() {
    let fixture = shared_world(1).await;
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let builder = Db::<DB>::builder().max_connections(1).acquire_timeout(Duration::from_millis(20));
    let db = builder.connect_with(fixture.options()).await.unwrap().observed_by(Arc::new(Metered::new()));
    let held = db.acquire().await.unwrap();
    let error = Note::repo(&db).count().await.unwrap_err();
    drop(held);
    let taken = taken(&recorder);
    let waited = &taken["db.client.connection.wait_time{kysera.operation=notes.count}"];
    assert!(waited.len() == 1 && waited[0] >= 0.02, "{waited:?}");
    let code = error.code().as_str();
    assert_eq!(taken[&format!("kysera.errors{{code={code},kysera.operation=notes.count}}")], [1.0]);
    assert!(!taken.keys().any(|key| key.starts_with("db.client.operation")), "nothing was sent");
}

#[tokio::test]
async fn what_is_dropped_is_told_apart() {
    use futures_util::StreamExt;

    let fixture = world().await;
    Note::repo(fixture.source()).insert_many([note("a"), note("b")]).await.unwrap();
    let db = watched(&fixture, Arc::new(Metered::new()));
    let recorder = DebuggingRecorder::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let notes = Note::repo(&db);
    let mut stream = notes.find().stream();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let taken = taken(&recorder);
    let name = format!(
        "db.client.operation.duration{{db.system.name={SYSTEM},kysera.operation=notes.find.stream,outcome=dropped}}"
    );
    assert_eq!(taken[&name].len(), 1);
    assert!(!taken.keys().any(|key| key.contains("returned_rows") || key.contains("errors")), "{taken:?}");
}
