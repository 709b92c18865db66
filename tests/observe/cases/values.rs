//! What observers are shown of values.

use kysera::backend::Dialect;
use kysera::prelude::*;
use kysera::{Backend, Error};
use kysera_tests::observed::Log;
use serde_json::json;

use super::secrets::everything;
use super::world::*;
use crate::DB;

/// The values of the statements of entities since the last time.
fn values(log: &Log) -> Vec<Vec<String>> {
    let told = log.take().into_iter().filter(|told| told.operation.table.is_some());
    told.map(|told| told.values.unwrap_or_default()).collect()
}

#[tokio::test]
async fn nobody_is_shown_values_who_does_not_ask() {
    let fixture = world().await;
    let (plain, asking) = (Log::new(), Log::of_values());
    let db = watched(&fixture, plain.clone()).observed_by(asking.clone());
    Note::repo(&db).create(note("a")).await.unwrap();
    Note::repo(&db).find().filter(Note::TEXT.eq("a".to_owned())).all().await.unwrap();
    assert!(plain.take().iter().all(|told| told.values.is_none()));
    let told = asking.take();
    assert!(told.iter().filter(|told| told.operation.table.is_some()).all(|told| told.values.is_some()));
    // Nothing to show is nothing.
    Note::repo(&db).count().await.unwrap();
    Note::repo(&db).find_all().await.unwrap();
    Note::repo(&db).find().all().await.unwrap();
    assert!(asking.take().iter().all(|told| told.values.is_none()));
}

#[tokio::test]
async fn values_stand_in_the_order_of_their_placeholders() {
    let fixture = world().await;
    let log = Log::of_values();
    let db = watched(&fixture, log.clone());
    let notes = Note::repo(&db);
    let row = notes.create(NewNote { thing_id: 7, text: Some("it's \"a\"".into()) }).await.unwrap();
    assert_eq!(values(&log)[0], ["7", r#""it's \"a\"""#]);
    notes.find_by_id(row.id).await.unwrap();
    assert_eq!(values(&log), [[row.id.to_string()]]);
    notes.update(row.id, NotePatch::new().text(None).thing_id(8)).await.unwrap();
    assert_eq!(values(&log)[0], ["8", "NULL", &*row.id.to_string()]);
    let find = notes.find().filter(Note::THING_ID.between(1, 9) & Note::TEXT.contains("50%"));
    find.limit(3).offset(2).all().await.unwrap();
    let pattern = if DB::DIALECT == Dialect::Sqlite { "\"50%\"" } else { "\"%50!%%\"" };
    assert_eq!(values(&log), [["1", "9", pattern, "3", "2"]]);
    notes.find().filter(Filter::raw("{} > {}", (Note::THING_ID, 5_i64))).all().await.unwrap();
    assert_eq!(values(&log), [["5"]]);
    notes.find().filter(Note::ID.eq(1)).set(Note::THING_ID, Note::THING_ID.plus(3)).execute().await.unwrap();
    assert_eq!(values(&log), [["3", "1"]]);
    notes.delete(row.id).await.unwrap();
    assert_eq!(values(&log), [[row.id.to_string()]]);
}

#[tokio::test]
async fn there_are_as_many_values_as_placeholders() {
    let fixture = world().await;
    let log = Log::of_values();
    let db = watched(&fixture, log.clone());
    everything(&db, "x", 1, false).await.unwrap();
    for told in log.take() {
        // SQLite knows both kinds.
        let numbered = (1..).take_while(|n| told.sql.contains(&format!("${n}"))).count();
        let placeholders = match DB::DIALECT {
            Dialect::Postgres => numbered,
            _ => numbered + outside_of_literals(&told.sql).matches('?').count(),
        };
        assert_eq!(told.values.as_ref().map_or(0, Vec::len), placeholders, "{told:?}");
    }
}

/// A text without what stands in quotes.
fn outside_of_literals(sql: &str) -> String {
    sql.split('\'').step_by(2).collect()
}

#[tokio::test]
async fn lists_are_arrays_where_they_are_sent_as_such() {
    let fixture = world().await;
    let log = Log::of_values();
    let db = watched(&fixture, log.clone());
    let notes = Note::repo(&db);
    notes.find_by_ids([3, 4]).await.unwrap();
    notes.find().filter(Note::THING_ID.in_([5, 6])).all().await.unwrap();
    match DB::DIALECT {
        Dialect::Postgres => assert_eq!(values(&log), [["[3, 4]"], ["[5, 6]"]]),
        _ => assert_eq!(values(&log), [["3", "4"], ["5", "6"]]),
    }
    notes.insert_many([note("a"), NewNote { thing_id: 2, text: None }]).await.unwrap();
    let values = values(&log).concat();
    match DB::DIALECT {
        Dialect::Postgres => assert_eq!(values, ["[1, 2]", r#"["a", NULL]"#]),
        _ => assert_eq!(values, ["1", "\"a\"", "2", "NULL"]),
    }
}

#[tokio::test]
async fn sensitive_ones_are_covered() {
    let fixture = world().await;
    let log = Log::of_values();
    let db = watched(&fixture, log.clone());
    let things = Thing::repo(&db);
    let new = NewThing { data: Some(json!({"a": 1})), ..thing("a") };
    let row = things.create(new).await.unwrap();
    assert_eq!(values(&log)[0][..5], ["\"a\"", "***", "***", "***", "10"]);
    things.find().filter(Thing::TOKEN.eq("b") & Thing::NAME.eq("c")).all().await.unwrap();
    assert_eq!(values(&log), [["***", "\"c\""]]);
    things.find().filter(Thing::TOKEN.lower().starts_with("b") & Thing::AMOUNT.gt(4)).all().await.unwrap();
    assert_eq!(values(&log), [["***", "4"]]);
    // Also that there is none.
    things.update(row.id, ThingPatch::new().pin(None).amount(11)).await.unwrap();
    let values = values(&log);
    let shown = values.concat();
    assert!(shown.contains(&"***".to_owned()) && shown.contains(&"11".to_owned()), "{values:?}");
    let error: Error = things.get(77).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
}
