//! Values of all kinds in the audit log: written down, put back exactly, found by their keys.

use kysera::plugin::{AuditEntry, AuditTable};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use proptest::prelude::{Strategy, any};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::types::{Json, Uuid};

use super::audit::{at, source_at};
use crate::DB;

/// A table and columns with names that have to be quoted everywhere.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "odd \"things\" of 'all' {kinds}")]
#[kysera::plugin(audit(table = "the log's \"own\" name"))]
pub struct Thing {
    #[kysera(id, assigned)]
    pub id: Uuid,
    #[kysera(rename = "it's \"a\" \\ %s {} ?")]
    pub text: Option<String>,
    pub float: f64,
    pub single: f32,
    pub truth: bool,
    pub bytes: Vec<u8>,
    pub maybe_bytes: Option<Vec<u8>>,
    pub doc: Json<Value>,
    pub maybe_doc: Option<Json<Value>>,
    pub moment: DateTime<Utc>,
    #[kysera(rename = "select")]
    pub day: NaiveDate,
    pub time: Option<NaiveTime>,
    pub small: i16,
    pub big: i64,
}

const THINGS: Ddl = Ddl {
    postgres: r#"CREATE TABLE "odd ""things"" of 'all' {kinds}" (
        id UUID PRIMARY KEY, "it's ""a"" \ %s {} ?" TEXT, float DOUBLE PRECISION NOT NULL, single REAL NOT NULL,
        truth BOOLEAN NOT NULL, bytes BYTEA NOT NULL, maybe_bytes BYTEA, doc JSONB NOT NULL, maybe_doc JSON,
        moment TIMESTAMPTZ NOT NULL, "select" DATE NOT NULL, time TIME, small SMALLINT NOT NULL, big BIGINT NOT NULL)"#,
    mysql: r#"CREATE TABLE `odd "things" of 'all' {kinds}` (
        id BINARY(16) PRIMARY KEY, `it's "a" \ %s {} ?` TEXT CHARACTER SET utf8mb4, `float` DOUBLE NOT NULL,
        single FLOAT NOT NULL, truth BOOLEAN NOT NULL, bytes BLOB NOT NULL, maybe_bytes VARBINARY(100), doc JSON NOT NULL,
        maybe_doc JSON, moment DATETIME(6) NOT NULL, `select` DATE NOT NULL, time TIME(6), small SMALLINT NOT NULL,
        big BIGINT NOT NULL)"#,
    sqlite: r#"CREATE TABLE "odd ""things"" of 'all' {kinds}" (
        id BLOB PRIMARY KEY, "it's ""a"" \ %s {} ?" TEXT, float REAL NOT NULL, single REAL NOT NULL, truth BOOLEAN NOT NULL,
        bytes BLOB NOT NULL, maybe_bytes BLOB, doc TEXT NOT NULL, maybe_doc TEXT, moment TEXT NOT NULL,
        "select" TEXT NOT NULL, time TEXT, small INTEGER NOT NULL, big INTEGER NOT NULL)"#,
};

fn thing(n: u128) -> Thing {
    Thing {
        id: Uuid::from_u128(n),
        text: None,
        float: 0.0,
        single: 0.0,
        truth: false,
        bytes: Vec::new(),
        maybe_bytes: None,
        doc: Json(json!({})),
        maybe_doc: None,
        moment: DateTime::UNIX_EPOCH,
        day: NaiveDate::from_ymd_opt(2000, 2, 29).unwrap(),
        time: None,
        small: 0,
        big: 0,
    }
}

fn full(n: u128) -> Thing {
    Thing {
        id: Uuid::from_u128(n),
        text: Some("it's \"odd\" \\ \n\t % {} ä 日本 🦀 ***".into()),
        float: 0.1 + 0.2,
        single: 0.1,
        truth: true,
        bytes: (0..=255).collect(),
        maybe_bytes: Some(vec![0, 255, 92]),
        doc: Json(json!({ "b": [1, -2.5, 1e100, "x\\\"y", null, true], "a": { "ä": {} }, "": [] })),
        maybe_doc: Some(Json(json!("a text"))),
        moment: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
        day: NaiveDate::from_ymd_opt(1999, 12, 31).unwrap(),
        time: NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999),
        small: i16::MIN,
        big: i64::MAX,
    }
}

fn samples() -> Vec<Thing> {
    let doc = |doc: Value| Thing { doc: Json(doc.clone()), maybe_doc: Some(Json(json!([doc]))), ..thing(0) };
    let number = |float: f64| Thing { float, single: float as f32, ..thing(0) };
    let mut samples = vec![
        thing(0),
        full(0),
        doc(Value::Null),
        doc(json!("***")),
        doc(json!(false)),
        doc(json!(-0.5)),
        doc(json!([u64::MAX, i64::MIN, 0.1])),
        Thing {
            text: Some(String::new()),
            maybe_bytes: Some(Vec::new()),
            big: i64::MIN,
            small: i16::MAX,
            ..thing(0)
        },
        Thing { text: Some("null".into()), big: -1, ..thing(0) },
        Thing { text: Some("123".into()), big: (1 << 53) + 1, ..thing(0) },
    ];
    samples.extend([1.0, -1.5, 1e15, 123_456_789.125, 16_777_217.0, 3.4e38, 1e-30].map(number));
    samples.extend([f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e23, 0.1].map(|float| Thing { float, ..thing(0) }));
    let mut runner = TestRunner::deterministic();
    let random = (any::<f64>(), any::<f32>(), any::<i64>(), "[^\\x00]{0,12}", any::<Vec<u8>>());
    let random = random.prop_filter("MySQL has none of these", |(float, single, ..)| {
        // Nor the smallest singles.
        float.is_finite() && single.is_finite() && (*single == 0.0 || single.abs() > 1e-37)
    });
    for _ in 0..40 {
        let (float, single, big, text, bytes) = random.new_tree(&mut runner).unwrap().current();
        samples.push(Thing { float, single, big, text: Some(text), bytes, ..thing(0) });
    }
    for (n, sample) in samples.iter_mut().enumerate() {
        sample.id = Uuid::from_u128(n as u128 * 0x1_0000_0001);
    }
    samples
}

fn to_new(thing: &Thing) -> NewThing {
    let Thing {
        id,
        text,
        float,
        single,
        truth,
        bytes,
        maybe_bytes,
        doc,
        maybe_doc,
        moment,
        day,
        time,
        small,
        big,
    } = thing.clone();
    NewThing {
        id,
        text,
        float,
        single,
        truth,
        bytes,
        maybe_bytes,
        doc,
        maybe_doc,
        moment,
        day,
        time,
        small,
        big,
    }
}

fn to_patch(thing: &Thing) -> ThingPatch {
    let Thing {
        text,
        float,
        single,
        truth,
        bytes,
        maybe_bytes,
        doc,
        maybe_doc,
        moment,
        day,
        time,
        small,
        big,
        ..
    } = thing.clone();
    ThingPatch::new()
        .text(text)
        .float(float)
        .single(single)
        .truth(truth)
        .bytes(bytes)
        .maybe_bytes(maybe_bytes)
        .doc(doc)
        .maybe_doc(maybe_doc)
        .moment(moment)
        .day(day)
        .time(time)
        .small(small)
        .big(big)
}

async fn fixture() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&THINGS).await;
    AuditTable::of::<Thing>().create(db.source()).await.unwrap();
    db
}

#[tokio::test]
async fn every_value_is_put_back_exactly() {
    let db = fixture().await;
    let things = Thing::repo(source_at(&db, 1));
    for sample in samples() {
        let stored = things.create(to_new(&sample)).await.unwrap();
        assert_eq!(stored, sample);
        assert_eq!(things.state_at(sample.id, at(1)).await.unwrap().as_ref(), Some(&sample));

        // Created again.
        things.delete(sample.id).await.unwrap();
        let deleted = things.history(sample.id).first().await.unwrap().unwrap();
        let again = things.restore_from_audit(deleted.id).await.unwrap();
        assert_eq!(again, sample);
        assert_eq!(things.get(sample.id).await.unwrap(), sample);

        // Put back.
        let other = Thing { id: sample.id, ..full(0) };
        let updated = things.update(sample.id, to_patch(&other)).await.unwrap();
        assert_eq!(updated, other);
        if other == sample {
            continue;
        }
        let entry = things.history(sample.id).first().await.unwrap().unwrap();
        assert_eq!(entry.operation.as_str(), "update", "{sample:?}");
        assert_eq!(things.restore_from_audit(entry.id).await.unwrap(), sample);
        let undone = things.history(sample.id).first().await.unwrap().unwrap();
        assert_eq!(undone.new_values, entry.old_values);
        assert_eq!(things.history(sample.id).count().await.unwrap(), 5);
    }
}

#[tokio::test]
async fn each_kind_of_value_has_its_json() {
    let db = fixture().await;
    let things = Thing::repo(source_at(&db, 1));
    things.create_many([to_new(&thing(7)), to_new(&full(0xab))]).await.unwrap();
    let log = things.audit_log().order_by(AuditEntry::ID.asc()).all().await.unwrap();
    let [plain, full] = &log[..] else { panic!("{log:?}") };
    let value = |entry: &AuditEntry, column: &str| entry.new_value(column).cloned().unwrap();
    let postgres = <DB as sqlx::Database>::NAME == "PostgreSQL";

    for column in ["it's \"a\" \\ %s {} ?", "maybe_bytes", "maybe_doc", "time"] {
        assert_eq!(value(plain, column), Value::Null, "{column}");
    }
    assert_eq!(value(full, "it's \"a\" \\ %s {} ?"), json!("it's \"odd\" \\ \n\t % {} ä 日本 🦀 ***"));
    assert_eq!(value(full, "float"), json!(0.1 + 0.2));
    assert_eq!(value(full, "single").as_f64().unwrap() as f32, 0.1);
    assert_eq!(value(full, "truth"), if postgres { json!(true) } else { json!(1) });
    assert_eq!(value(full, "maybe_bytes"), if postgres { json!("\\x00ff5c") } else { json!("00ff5c") });
    assert_eq!(value(full, "doc"), self::full(0).doc.0);
    assert_eq!(value(full, "maybe_doc"), json!("a text"));
    assert_eq!(value(full, "select"), json!("1999-12-31"));
    assert_eq!((value(full, "small"), value(full, "big")), (json!(i16::MIN), json!(i64::MAX)));
    let uuid = Uuid::from_u128(0xab);
    let uuid = if postgres { uuid.to_string() } else { uuid.simple().to_string() };
    assert_eq!((&full.entity_id, value(full, "id")), (&uuid, json!(uuid)));
    assert_eq!(full.table_name, "odd \"things\" of 'all' {kinds}");
    assert_eq!(
        db.scalar::<i64>(&format!("SELECT COUNT(*) FROM {}", quoted("the log's \"own\" name"))).await,
        2
    );
}

fn quoted(name: &str) -> String {
    match <DB as sqlx::Database>::NAME {
        "MySQL" => format!("`{name}`"),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// The key has three columns, of a number, a text and bytes.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "path")] // which is a type of PostgreSQL as well
#[kysera::plugin(audit)]
struct Place {
    #[kysera(id, assigned)]
    shop: i64,
    #[kysera(id, assigned)]
    shelf: String,
    #[kysera(id, assigned)]
    code: Vec<u8>,
    amount: i64,
}

const PLACES: Ddl = Ddl {
    postgres: "CREATE TABLE path (
        shop BIGINT, shelf TEXT, code BYTEA, amount BIGINT NOT NULL, PRIMARY KEY (shop, shelf, code))",
    mysql: "CREATE TABLE path (
        shop BIGINT, shelf VARCHAR(50), code VARBINARY(50), amount BIGINT NOT NULL, PRIMARY KEY (shop, shelf, code))",
    sqlite: "CREATE TABLE path (
        shop INTEGER, shelf TEXT, code BLOB, amount INTEGER NOT NULL, PRIMARY KEY (shop, shelf, code))",
};

#[tokio::test]
async fn a_key_of_several_columns_is_found() {
    let db = Fixture::<DB>::new(&PLACES).await;
    AuditTable::of::<Place>().create(db.source()).await.unwrap();
    let places = Place::repo(source_at(&db, 1));
    let keys: Vec<(i64, String, Vec<u8>)> = vec![
        (1, "a".into(), vec![1]),
        (1, "a\", \"b".into(), vec![]),
        (-1, "it's ä \\ %".into(), vec![0, 255]),
        (i64::MAX, String::new(), b"a".to_vec()),
    ];
    let new = |(shop, shelf, code): &(i64, String, Vec<u8>)| NewPlace {
        shop: *shop,
        shelf: shelf.clone(),
        code: code.clone(),
        amount: 1,
    };
    places.create_many(keys.iter().map(new)).await.unwrap();
    for key in &keys {
        places.update(key.clone(), PlacePatch::new().amount(2)).await.unwrap();
        places.delete(key.clone()).await.unwrap();
        let history = places.history(key.clone()).all().await.unwrap();
        assert_eq!(history.len(), 3, "{key:?}");
        let text: Value = serde_json::from_str(&history[0].entity_id).unwrap();
        assert_eq!((&text[0], &text[1]), (&json!(key.0), &json!(key.1)));
        let back = places.restore_from_audit(history[1].id).await;
        assert!(back.unwrap_err().to_string().contains("not found"));
        let back = places.restore_from_audit(history[0].id).await.unwrap();
        assert_eq!((back.shop, &back.shelf, &back.code, back.amount), (key.0, &key.1, &key.2, 2));
        let back = places.restore_from_audit(history[1].id).await.unwrap();
        assert_eq!(back.amount, 1);
        assert_eq!(places.state_at(key.clone(), at(1)).await.unwrap(), Some(back));
    }
    assert_eq!(places.audit_log().count().await.unwrap(), 4 * 5);
}

#[tokio::test]
async fn every_end_of_a_query_reads_the_table_that_the_entity_names() {
    let db = fixture().await;
    let things = |actor| Thing::repo(source_at(&db, 1).with_context(super::audit::Principal(actor, 1)));
    for n in 0..4 {
        things("ada").create(to_new(&thing(n))).await.unwrap();
        Thing::repo(source_at(&db, 2)).update(Uuid::from_u128(n), ThingPatch::new().small(1)).await.unwrap();
        things("bob").delete(Uuid::from_u128(n)).await.unwrap();
    }
    let things = Thing::repo(db.source());
    let log = || things.audit_log();
    assert_eq!(log().count().await.unwrap(), 12);
    assert!(log().filter(AuditEntry::ACTOR.is_null()).exists().await.unwrap());
    assert_eq!(log().filter(AuditEntry::ACTOR.eq("ada")).offset(1).limit(2).all().await.unwrap().len(), 2);
    let mut stream = log().order_by(AuditEntry::ID.asc()).stream();
    let mut streamed = 0;
    while futures_util::TryStreamExt::try_next(&mut stream).await.unwrap().is_some() {
        streamed += 1;
    }
    assert_eq!(streamed, 12);
    drop(stream);
    let mut actors = log()
        .select((AuditEntry::ACTOR, kysera::expr::count()))
        .group_by(AuditEntry::ACTOR)
        .all()
        .await
        .unwrap();
    actors.sort();
    assert_eq!(actors, [(None, 4), (Some("ada".into()), 4), (Some("bob".into()), 4)]);
    assert_eq!(log().select(AuditEntry::OPERATION).distinct().count().await.unwrap(), 3);
    let page = log()
        .select((AuditEntry::ID, AuditEntry::ACTOR))
        .order_by(AuditEntry::ID.asc())
        .page(PageRequest::new(3, 5));
    let page = page.await.unwrap();
    assert_eq!((page.total, page.items.len()), (12, 2));
    assert!(log().to_sql().unwrap().contains("AS "));
    assert!(!log().explain().await.unwrap().to_string().is_empty());

    // A keyset over NULLs is a statement of several parts.
    for order in [AuditEntry::ACTOR.asc(), AuditEntry::ACTOR.desc(), AuditEntry::ACTOR.asc().nulls_first()] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let keyset = Keyset::first(5).with_total().after(cursor);
            let page = log().order_by(order.clone()).keyset(keyset).await.unwrap();
            assert_eq!(page.total, Some(12));
            seen.extend(page.items.iter().map(|entry| entry.id));
            pages += 1;
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((seen.len(), pages), (12, 3));
    }

    // A transaction sees what it has written.
    db.source()
        .transaction(|tx| async move {
            let things = Thing::repo(&tx);
            things.create(to_new(&thing(9))).await?;
            assert_eq!(things.history(Uuid::from_u128(9)).count().await?, 1);
            // SQLite has no locks of rows.
            let locked = things.history(Uuid::from_u128(9)).for_update().all().await;
            assert_eq!(locked.is_ok(), <DB as sqlx::Database>::NAME != "SQLite");
            Ok(())
        })
        .await
        .unwrap();
    let replica = kysera::ReadOnly::new(db.source().clone());
    assert_eq!(Thing::repo(&replica).history(Uuid::from_u128(9)).count().await.unwrap(), 1);
}
