//! Errors inside a transaction: what they spoil, and what they leave usable.

use kysera::error::TransactionError;
use kysera::prelude::*;
use kysera::{Error, Tx};
use kysera_tests::{Ddl, Fixture};

use crate::DB;

const NOTES: Ddl = Ddl {
    postgres: "CREATE TABLE notes (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    mysql: "CREATE TABLE notes (id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100) NOT NULL UNIQUE)",
    sqlite: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "notes")]
struct Note {
    #[kysera(id)]
    id: i64,
    #[kysera(unique)]
    text: String,
}

fn note(text: &str) -> NewNote {
    NewNote { text: text.into() }
}

/// On PostgreSQL the transaction is aborted, and `commit` must say so; elsewhere it goes on.
async fn goes_on_unless_postgres(tx: Tx<DB>) {
    let postgres = <DB as sqlx::Database>::NAME == "PostgreSQL";
    let after = Note::repo(&tx).create(note("after")).await;
    let end = tx.commit().await;
    if postgres {
        assert!(matches!(after, Err(Error::Transaction(TransactionError::Failed))), "{after:?}");
        assert!(matches!(end, Err(Error::Transaction(TransactionError::Failed))), "{end:?}");
    } else {
        after.unwrap();
        end.unwrap();
    }
}

#[tokio::test]
async fn a_violation_of_one_statement() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let tx = db.source().begin().await.unwrap();
    let notes = Note::repo(&tx);
    notes.create(note("a")).await.unwrap();
    assert!(notes.create(note("a")).await.unwrap_err().is_unique_violation_of(Note::TEXT));
    goes_on_unless_postgres(tx).await;
}

#[tokio::test]
async fn two_rows_with_one_key_in_an_upsert() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let tx = db.source().begin().await.unwrap();
    let twice = Note::repo(&tx).upsert_many([note("a"), note("a")], Note::TEXT).await;
    assert!(matches!(twice, Err(Error::SameKey { entity: "Note", .. })), "{twice:?}");
    goes_on_unless_postgres(tx).await;
    assert!(!db.column::<String>("SELECT text FROM notes").await.contains(&"a".to_owned()));
}

#[tokio::test]
async fn several_statements_of_one_call_are_undone_alone() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let tx = db.source().begin().await.unwrap();
    let notes = Note::repo(&tx);
    notes.create(note("before")).await.unwrap();
    // More than one statement takes, so that there is a savepoint around them.
    let rows = (0..9000).map(|n| note(&if n == 8999 { "before".to_owned() } else { n.to_string() }));
    assert!(notes.insert_many(rows).await.unwrap_err().is_unique_violation_of(Note::TEXT));
    assert_eq!(notes.count().await.unwrap(), 1);
    notes.create(note("after")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.column::<String>("SELECT text FROM notes ORDER BY text").await, ["after", "before"]);
}

#[tokio::test]
async fn what_is_refused_before_it_is_sent_spoils_nothing() {
    let db = Fixture::<DB>::concurrent(&NOTES, 2).await;
    let tx = db.source().begin().await.unwrap();
    let notes = Note::repo(&tx);
    let made = notes.create(note("a")).await.unwrap();
    assert!(matches!(notes.get(made.id + 1).await, Err(Error::NotFound { .. })));
    let twice = [(made.id, NotePatch::new()), (made.id, NotePatch::new())];
    assert!(matches!(notes.update_many(twice).await, Err(Error::SameKey { .. })));
    let missing =
        notes.update_many([(made.id, NotePatch::new().text("b")), (-1, NotePatch::new().text("c"))]).await;
    assert!(matches!(missing, Err(Error::Missing(_))));
    assert!(notes.upsert(note("x"), Note::ID).await.is_ok(), "a key that the database fills cannot be taken");
    assert!(notes.find().limit(1).delete().await.is_err());
    assert_eq!(notes.get(made.id).await.unwrap().text, "a");
    tx.commit().await.unwrap();
    assert_eq!(db.column::<String>("SELECT text FROM notes ORDER BY text").await, ["a", "x"]);
}
