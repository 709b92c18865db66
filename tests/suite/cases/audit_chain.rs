//! Chains of hashes over the audit log, and how long entries are kept.

use kysera::error::AuditError;
use kysera::plugin::{AuditEntry, AuditTable, ChainBreak};
use kysera::prelude::*;
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::audit::{Member, NewTag, TAGS, Tag, TagPatch};
use super::audit::{Principal, at, fixture, member, source_at};
use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "docs")]
#[kysera::plugin(audit(table = "doc_log", chain))]
struct Doc {
    #[kysera(id)]
    id: i64,
    float: f64,
    doc: Option<Json<Value>>,
    #[kysera(sensitive)]
    secret: Option<String>,
}

const DOCS: Ddl = Ddl {
    postgres: "CREATE TABLE docs (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \"float\" DOUBLE PRECISION NOT NULL, doc JSON, secret TEXT)",
    mysql: "CREATE TABLE docs (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, `float` DOUBLE NOT NULL, doc JSON, secret VARCHAR(20))",
    sqlite: "CREATE TABLE docs (id INTEGER PRIMARY KEY, float REAL NOT NULL, doc TEXT, secret TEXT)",
};

fn doc(float: f64, doc: Value) -> NewDoc {
    NewDoc { float, doc: Some(Json(doc)), secret: Some("s".into()) }
}

fn table() -> AuditTable {
    AuditTable::of::<Doc>()
}

/// Ten entries, one each second from 1 on.
async fn chained() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&DOCS).await;
    assert_eq!(table(), AuditTable::new("doc_log").chained());
    table().create(db.source()).await.unwrap();
    let docs = |seconds| Doc::repo(source_at(&db, seconds).with_context(Principal("ada", 1)));
    let nested =
        json!({ "z": [1.50, -0.0, 1e2, 1e-7, "ä\u{1f980}\"\\\n"], "a": { "b": null, "B": true, "": {} } });
    let one = docs(1).create(doc(0.1 + 0.2, nested)).await.unwrap();
    let many = docs(2).create_many([doc(1e300, json!([null])), doc(-1.5, json!([[]]))]).await.unwrap();
    docs(4).update(one.id, DocPatch::new().float(5e-324)).await.unwrap();
    docs(5).find().filter(Doc::ID.eq(many[0].id)).update(DocPatch::new().doc(None)).await.unwrap();
    docs(6)
        .update_many([(one.id, DocPatch::new().float(2.0)), (many[1].id, DocPatch::new().float(3.0))])
        .await
        .unwrap();
    docs(8).delete_many([one.id, many[0].id]).await.unwrap();
    docs(10).insert_many([doc(0.0, json!({}))]).await.unwrap();
    assert_eq!(table().entries(db.source()).count().await.unwrap(), 10);
    db
}

async fn broken(db: &Fixture<DB>) -> Option<ChainBreak> {
    table().verify_chain(db.source()).await.unwrap().broken
}

#[tokio::test]
async fn a_chain_that_nobody_touched_is_intact() {
    let db = chained().await;
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.pruned, report.broken, report.is_intact()), (10, 0, None, true));
    let log = table().entries(db.source()).order_by(AuditEntry::ID.asc()).all().await.unwrap();
    let hashes: std::collections::HashSet<_> = log.iter().map(|entry| entry.hash.clone().unwrap()).collect();
    assert_eq!(hashes.len(), 10);
    assert!(log.iter().all(|entry| entry.new_value("secret").is_none_or(|secret| secret == "***")));
    // What is rolled back leaves no gap.
    let rolled_back = db.source().transaction(|tx| async move {
        Doc::repo(&tx).create(doc(1.0, json!(1))).await?;
        Err::<(), _>(Error::other("no"))
    });
    assert!(rolled_back.await.is_err());
    Doc::repo(db.source()).create(doc(1.0, json!(1))).await.unwrap();
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.broken), (11, None));
}

#[tokio::test]
async fn an_empty_chain_is_intact() {
    let db = Fixture::<DB>::new(&DOCS).await;
    table().create(db.source()).await.unwrap();
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.broken), (0, None));
    assert_eq!(table().prune_older_than(db.source(), at(1_000_000)).await.unwrap(), 0);
}

#[tokio::test]
async fn whatever_is_done_to_the_log_breaks_its_chain() {
    const IDS: &str = "SELECT id FROM doc_log ORDER BY id";
    let entry = |id: i64| Some(ChainBreak::Entry { id });
    let json = |column: &str| match <DB as sqlx::Database>::NAME {
        "PostgreSQL" => format!("{column} = jsonb_set({column}, '{{float}}', '7')"),
        "MySQL" => format!("{column} = JSON_SET({column}, '$.float', 7)"),
        _ => format!("{column} = json_set({column}, '$.float', 7)"),
    };
    let changes = [
        "entity_id = '99'".to_owned(),
        "table_name = 'other'".into(),
        "operation = 'restore'".into(),
        "operation = 'nonsense'".into(),
        "actor = 'bob'".into(),
        "actor = NULL".into(),
        "metadata = NULL".into(),
        "changed_columns = '[\"doc\"]'".into(),
        "old_values = NULL".into(),
        "changed_at = '2020-01-01 00:00:00'".into(),
        "hash = 'abc'".into(),
        json("old_values"),
        json("new_values"),
    ];
    for change in changes {
        let db = chained().await;
        let ids: Vec<i64> = db.column(IDS).await;
        db.execute(&format!("UPDATE doc_log SET {change} WHERE id = {}", ids[3])).await;
        assert_eq!(broken(&db).await, entry(ids[3]), "{change}");
        assert_eq!(table().verify_chain(db.source()).await.unwrap().entries, 3);
    }
    let copy = "INSERT INTO doc_log (table_name, entity_id, operation, old_values, new_values, changed_at, hash) \
                SELECT table_name, entity_id, operation, old_values, new_values, changed_at, hash FROM doc_log WHERE id = ";
    let overriding =
        if <DB as sqlx::Database>::NAME == "PostgreSQL" { "OVERRIDING SYSTEM VALUE" } else { "" };
    // What is done, and at which entry that is found; 10 is the end.
    let deeds = [
        ("DELETE FROM doc_log WHERE id = $3".to_owned(), 4),
        ("DELETE FROM doc_log WHERE id = $0".into(), 1),
        ("DELETE FROM doc_log WHERE id = $9".into(), 10),
        ("DELETE FROM doc_log WHERE id >= $5".into(), 10),
        ("DELETE FROM doc_log".into(), 10),
        ("UPDATE doc_log SET hash = NULL WHERE id = $3".into(), 4),
        (format!("{copy}$3"), 11),
        (
            format!(
                "INSERT INTO doc_log (id, table_name, entity_id, operation, changed_at, hash) {overriding}
                 VALUES (-1, 'docs', '1', 'delete', '2020-01-01 00:00:00', 'abc')"
            ),
            12,
        ),
        ("UPDATE doc_log_chain SET hash = ''".into(), 10),
        ("UPDATE doc_log_chain SET entries = entries + 1".into(), 10),
        ("UPDATE doc_log_chain SET anchor = 'x'".into(), 0),
    ];
    for (deed, found) in deeds {
        let db = chained().await;
        let ids: Vec<i64> = db.column(IDS).await;
        let mut sql = deed.clone();
        for (n, id) in ids.iter().enumerate() {
            sql = sql.replace(&format!("${n}"), &id.to_string());
        }
        db.execute(&sql).await;
        let expected = match found {
            10 => Some(ChainBreak::End),
            11 => entry(db.scalar("SELECT MAX(id) FROM doc_log").await),
            12 => entry(-1),
            at => entry(ids[at]),
        };
        assert_eq!(broken(&db).await, expected, "{deed}");
    }
}

#[tokio::test]
async fn two_entries_that_change_places_break_the_chain() {
    let db = chained().await;
    let ids: Vec<i64> = db.column("SELECT id FROM doc_log ORDER BY id").await;
    if <DB as sqlx::Database>::NAME == "PostgreSQL" {
        db.execute("ALTER TABLE doc_log ALTER id DROP IDENTITY").await;
    }
    for (from, to) in [(ids[2], -5), (ids[3], ids[2]), (-5, ids[3])] {
        db.execute(&format!("UPDATE doc_log SET id = {to} WHERE id = {from}")).await;
    }
    assert_eq!(broken(&db).await, Some(ChainBreak::Entry { id: ids[2] }));
}

#[tokio::test]
async fn what_is_pruned_leaves_a_chain_that_holds() {
    let db = chained().await;
    let prune = async |seconds| table().prune_older_than(db.source(), at(seconds)).await.unwrap();
    assert_eq!(prune(1).await, 0);
    assert_eq!(prune(5).await, 4);
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.pruned, report.broken), (6, 4, None));
    // It goes on.
    Doc::repo(source_at(&db, 11)).create(doc(1.0, json!(1))).await.unwrap();
    assert_eq!(prune(5).await, 0);
    assert_eq!(prune(6).await, 1);
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.pruned, report.broken), (6, 5, None));
    // What is pruned without a trace is found.
    let first: i64 = db.scalar("SELECT MIN(id) FROM doc_log").await;
    db.execute(&format!("DELETE FROM doc_log WHERE id = {first}")).await;
    assert!(broken(&db).await.is_some());
}

#[tokio::test]
async fn everything_can_be_pruned() {
    let db = chained().await;
    assert_eq!(table().prune_older_than(db.source(), at(1_000_000)).await.unwrap(), 10);
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.pruned, report.broken), (0, 10, None));
    Doc::repo(db.source()).create(doc(1.0, json!(1))).await.unwrap();
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.pruned, report.broken), (1, 10, None));
}

#[tokio::test]
async fn a_newer_entry_keeps_what_is_behind_it() {
    let db = chained().await;
    // As if a clock had been wrong.
    Doc::repo(source_at(&db, 2)).create(doc(1.0, json!(1))).await.unwrap();
    assert_eq!(table().prune_older_than(db.source(), at(3)).await.unwrap(), 3);
    let report = table().verify_chain(db.source()).await.unwrap();
    assert_eq!((report.entries, report.pruned, report.broken), (8, 3, None));
}

#[tokio::test]
async fn a_broken_chain_is_not_pruned() {
    let db = chained().await;
    let ids: Vec<i64> = db.column("SELECT id FROM doc_log ORDER BY id").await;
    db.execute(&format!("UPDATE doc_log SET actor = 'bob' WHERE id = {}", ids[2])).await;
    // What is older than the break still can be.
    assert_eq!(table().prune_older_than(db.source(), at(2)).await.unwrap(), 1);
    let error = table().prune_older_than(db.source(), at(9)).await.unwrap_err();
    assert!(matches!(&error, Error::Audit(AuditError::Broken { table }) if table == "doc_log"), "{error:?}");
    assert_eq!(error.code(), ErrorCode::Conflict);
    assert_eq!(table().entries(db.source()).count().await.unwrap(), 9);
}

#[tokio::test]
async fn without_a_chain_old_entries_are_removed() {
    let db = Fixture::<DB>::new(&TAGS).await;
    let log = AuditTable::of::<Tag>();
    log.create(db.source()).await.unwrap();
    let tags = |seconds| Tag::repo(source_at(&db, seconds));
    tags(1).create(NewTag { name: "a".into(), uses: 1 }).await.unwrap();
    for seconds in [3, 2, 5] {
        tags(seconds).update("a", TagPatch::new().uses(seconds as i64)).await.unwrap();
    }
    assert_eq!(log.prune_older_than(db.source(), at(3)).await.unwrap(), 2);
    let left: Vec<_> = log.entries(db.source()).order_by(AuditEntry::ID.asc()).all().await.unwrap();
    assert_eq!(left.iter().map(|entry| entry.changed_at.timestamp()).collect::<Vec<_>>(), [3, 5]);
    // What was cut off is known from what came next.
    assert_eq!(tags(0).state_at("a", at(1)).await.unwrap().unwrap().uses, 1);
}

#[tokio::test]
async fn a_log_without_its_chain_says_so() {
    let db = Fixture::<DB>::new(&DOCS).await;
    AuditTable::new("doc_log").create(db.source()).await.unwrap();
    let error = Doc::repo(db.source()).create(doc(1.0, json!(1))).await.unwrap_err();
    assert!(error.to_string().contains("doc_log_chain"), "{error}");
    table().create(db.source()).await.unwrap();
    db.execute("DELETE FROM doc_log_chain").await;
    let no_chain = |error: Error| {
        assert!(
            matches!(&error, Error::Audit(AuditError::NoChain { table }) if table == "doc_log"),
            "{error:?}"
        );
        assert_eq!(error.code(), ErrorCode::BadRequest);
    };
    no_chain(Doc::repo(db.source()).create(doc(1.0, json!(1))).await.unwrap_err());
    no_chain(table().verify_chain(db.source()).await.unwrap_err());
    assert_eq!(Doc::repo(db.source()).count().await.unwrap(), 0);
    // Creating the tables brings the head back.
    table().create(db.source()).await.unwrap();
    Doc::repo(db.source()).create(doc(1.0, json!(1))).await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_too_long_is_refused() {
    let db = fixture().await;
    let error = AuditTable::new("x".repeat(58)).create(db.source()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the name of an audit table has 1 to 57 bytes, `{}` has 58", "x".repeat(58))
    );
    let long = AuditTable::new("ä".repeat(28)).chained();
    long.create(db.source()).await.unwrap();
    long.create(db.source()).await.unwrap();
    assert_eq!(long.verify_chain(db.source()).await.unwrap().entries, 0);
    Member::repo(db.source()).create(member("one")).await.unwrap();
}

#[tokio::test]
async fn large_values_are_written_down() {
    let db = Fixture::<DB>::new(&DOCS).await;
    table().create(db.source()).await.unwrap();
    let docs = Doc::repo(db.source());
    docs.create_many((0..4).map(|n| doc(f64::from(n), json!(n)))).await.unwrap();
    // Together the entries are more than MySQL takes at once.
    for text in ["a", "b"] {
        let large = Json(json!(text.repeat(2_300_000)));
        assert_eq!(docs.find().update(DocPatch::new().doc(large)).await.unwrap(), 4);
    }
    assert_eq!(table().entries(db.source()).count().await.unwrap(), 12);
}
