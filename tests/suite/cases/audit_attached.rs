//! `audit(schema = "..")`, with an attached database of SQLite, whose name nobody else has.

use kysera::plugin::{AuditEntry, AuditTable};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "notes")]
#[kysera::plugin(audit(schema = "logs", table = "note_log", chain))]
struct Note {
    #[kysera(id)]
    id: i64,
    text: String,
}

/// The same with a schema of its own.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "notes", schema = "main")]
#[kysera::plugin(audit(schema = "logs"))]
struct MainNote {
    #[kysera(id)]
    id: i64,
    text: String,
}

#[tokio::test]
async fn a_log_in_another_schema_tells_those_of_its_tables_apart() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    db.execute(
        "ATTACH ':memory:' AS logs; ATTACH ':memory:' AS tenant;
         CREATE TABLE main.notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
         CREATE TABLE tenant.notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    )
    .await;
    let table = AuditTable::of::<Note>();
    assert_eq!(table, AuditTable::new("note_log").in_schema("logs").chained());
    table.create(db.source()).await.unwrap();
    AuditTable::of::<MainNote>().create(db.source()).await.unwrap();
    let tenant = db.source().in_schema("tenant").unwrap();
    // One log for both: they are not to see each other's entries.
    let (own, theirs) = (Note::repo(db.source()), Note::repo(&tenant));
    let one = own.create(NewNote { text: "mine".into() }).await.unwrap();
    let same = theirs.create(NewNote { text: "theirs".into() }).await.unwrap();
    assert_eq!(one.id, same.id);
    theirs.update(same.id, NotePatch::new().text("changed")).await.unwrap();
    let log = table.entries(db.source()).order_by(AuditEntry::ID.asc()).all().await.unwrap();
    let names: Vec<_> = log.iter().map(|entry| &*entry.table_name).collect();
    assert_eq!(names, ["notes", "tenant.notes", "tenant.notes"]);
    assert_eq!(
        (own.history(one.id).count().await.unwrap(), theirs.history(one.id).count().await.unwrap()),
        (1, 2)
    );
    assert!(own.restore_from_audit(log[2].id).await.unwrap_err().is_not_found());
    assert_eq!(theirs.restore_from_audit(log[2].id).await.unwrap().text, "theirs");
    assert_eq!(own.get(one.id).await.unwrap().text, "mine");
    assert_eq!(table.verify_chain(&tenant).await.unwrap().entries, 4);

    let main = MainNote::repo(&tenant);
    main.update(one.id, MainNotePatch::new().text("x")).await.unwrap();
    let entry = main.history(one.id).one().await.unwrap();
    assert_eq!(entry.table_name, "main.notes");
    assert_eq!(main.restore_from_audit(entry.id).await.unwrap().text, "mine");
    assert_eq!(db.scalar::<i64>("SELECT COUNT(*) FROM logs.audit_logs").await, 2);
}
