//! Who is told of what, whatever the source was made of.

use std::sync::{Arc, Mutex};

use kysera::backend::Dialect;
use kysera::observe::{Event, Observer, Statement, Token};
use kysera::plugin::{Plugin, PluginTx, Written};
use kysera::prelude::*;
use kysera::{Backend, Clock, ReadOnly, Result};
use kysera_tests::observed::Log;
use kysera_tests::{Ddl, Fixture};

use super::world::*;
use crate::DB;

/// Counts notes, and says what was told of it.
async fn count<S: Source<Database = DB>>(source: &S, log: &Log) -> Vec<String>
where
    Note: kysera::entity::Guard<S::Context>,
{
    Note::repo(source).count().await.unwrap();
    log.names()
}

#[tokio::test]
async fn whatever_is_made_of_a_source_is_watched_as_well() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone());
    assert_eq!(count(&db, &log).await, ["notes.count"]);
    assert_eq!(count(&db.clone(), &log).await, ["notes.count"]);
    assert_eq!(count(&Arc::new(&db), &log).await, ["notes.count"]);
    assert_eq!(count(&db.clone().with_context(Principal { user_id: 1 }), &log).await, ["notes.count"]);
    assert_eq!(count(&db.unrestricted("a test"), &log).await, ["notes.count"]);
    assert_eq!(
        count(&db.clone().with_clock(Clock::fixed(std::time::UNIX_EPOCH)), &log).await,
        ["notes.count"]
    );
    assert_eq!(count(&ReadOnly::new(db.clone()), &log).await, ["notes.count"]);
    assert_eq!(count(&db.replica(), &log).await, ["notes.count"]);
    let reading = db.replica().begin().await.unwrap();
    assert_eq!(log.names(), ["begin"]);
    assert_eq!(count(&reading, &log).await, ["notes.count"]);
    drop(reading);
    if DB::DIALECT == Dialect::Sqlite {
        assert_eq!(count(&db.in_schema("main").unwrap(), &log).await, ["notes.count"]);
    } else {
        // There is no such schema: what fails is told, too.
        let elsewhere = db.in_schema("kysera_nowhere").unwrap();
        Note::repo(&elsewhere).count().await.unwrap_err();
        assert_eq!(log.names(), ["notes.count"]);
    }

    let conn = db.acquire().await.unwrap();
    assert_eq!(count(&conn, &log).await, ["notes.count"]);
    let mut raw = conn.detach().await.unwrap();
    let borrowed = kysera::on::<DB>(&mut raw);
    assert!(count(&borrowed, &log).await.is_empty(), "sqlx's own");
    let borrowed = borrowed.observed_by(log.clone());
    assert_eq!(count(&borrowed, &log).await, ["notes.count"]);
    let borrowed = borrowed.with_context(Principal { user_id: 1 });
    assert_eq!(count(&borrowed, &log).await, ["notes.count"]);
    assert_eq!(count(&borrowed.unrestricted("a test"), &log).await, ["notes.count"]);
}

#[tokio::test]
async fn so_are_transactions_and_what_is_nested_in_them() {
    let fixture = world().await;
    let log = Log::new();
    let db = watched(&fixture, log.clone()).with_context(Principal { user_id: 1 });
    let tx = db.begin().await.unwrap();
    log.take();
    assert_eq!(count(&tx, &log).await, ["notes.count"]);
    let seen = tx.transaction(async |tx| {
        log.take();
        Ok(count(&tx, &log).await)
    });
    assert_eq!(seen.await.unwrap(), ["notes.count"]);
    tx.commit().await.unwrap();
    let tx = db.begin().read_only().await.unwrap();
    log.take();
    assert_eq!(count(&tx, &log).await, ["notes.count"]);
    tx.commit().await.unwrap();
}

/// The one that it was made of is as it was.
#[tokio::test]
async fn only_the_result_is_watched() {
    let fixture = world().await;
    let (one, two) = (Log::new(), Log::new());
    let plain = fixture.source().clone();
    let watched = plain.clone().observed_by(one.clone());
    let twice = watched.clone().observed_by(two.clone());
    assert!(count(&plain, &one).await.is_empty());
    assert_eq!(count(&watched, &one).await, ["notes.count"]);
    assert!(two.take().is_empty());
    assert_eq!(count(&twice, &one).await, ["notes.count"]);
    assert_eq!(two.names(), ["notes.count"]);
}

/// Says what it is asked, and hands out numbers that must come back.
struct Teller {
    name: &'static str,
    gives: bool,
    values: bool,
    told: Arc<Mutex<Vec<String>>>,
}

impl Observer for Teller {
    fn started(&self, statement: &Statement<'_>) -> Option<Token> {
        assert_eq!(statement.values.is_some(), self.values);
        self.told.lock().unwrap().push(format!("{} started", self.name));
        self.gives.then(|| Box::new(self.name) as Token)
    }

    fn ended(&self, event: &Event<'_>, token: Option<Token>) {
        assert_eq!(event.statement.values.is_some(), self.values);
        let token = token.map(|token| *token.downcast::<&'static str>().unwrap());
        assert_eq!(token, self.gives.then_some(self.name));
        self.told.lock().unwrap().push(format!("{} ended", self.name));
    }

    fn wants_values(&self) -> bool {
        self.values
    }
}

#[tokio::test]
async fn several_are_told_in_their_order_and_each_gets_back_what_it_gave() {
    let fixture = world().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = |name, gives, values| Arc::new(Teller { name, gives, values, told: told.clone() });
    let db = fixture.source().clone();
    let db = db.observed_by(teller("a", true, false)).observed_by(teller("b", false, true));
    let db = db.observed_by(teller("c", true, false)).observed_by(teller("d", true, true));
    Note::repo(&db).find_by_id(1).await.unwrap();
    let expected = ["a", "b", "c", "d"].map(|name| format!("{name} started"));
    let expected: Vec<String> =
        expected.into_iter().chain(["a", "b", "c", "d"].map(|name| format!("{name} ended"))).collect();
    assert_eq!(*told.lock().unwrap(), expected);
}

/// An observer that panics takes the operation with it, and nothing else.
#[tokio::test]
async fn one_that_panics_leaves_the_database_in_order() {
    struct Panics;

    impl Observer for Panics {
        fn started(&self, _: &Statement<'_>) -> Option<Token> {
            panic!("of the test's own")
        }

        fn ended(&self, _: &Event<'_>, _: Option<Token>) {
            panic!("what did not begin does not end")
        }
    }

    let fixture = world().await;
    let db = watched(&fixture, Arc::new(Panics));
    let task = tokio::spawn(async move { Note::repo(&db).count().await });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(Note::repo(fixture.source()).count().await.unwrap(), 0);
}

const PAPERS: Ddl = Ddl {
    postgres: "CREATE TABLE papers (id BIGINT PRIMARY KEY, title TEXT NOT NULL); CREATE TABLE journal (what TEXT NOT NULL, id BIGINT PRIMARY KEY)",
    mysql: "CREATE TABLE papers (id BIGINT PRIMARY KEY, title TEXT NOT NULL); CREATE TABLE journal (what TEXT NOT NULL, id BIGINT PRIMARY KEY)",
    sqlite: "CREATE TABLE papers (id INTEGER PRIMARY KEY, title TEXT NOT NULL); CREATE TABLE journal (what TEXT NOT NULL, id INTEGER PRIMARY KEY)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(Journal)]
#[kysera(table = "papers")]
struct Paper {
    #[kysera(id, assigned)]
    id: i64,
    title: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "journal")]
struct Entry {
    #[kysera(id, assigned)]
    id: i64,
    what: String,
}

/// Writes an entry, one half by a repository.
struct Journal;

impl<E: Entity> Plugin<E> for Journal {
    const NAME: &'static str = "journal";

    async fn after_write<D: Backend>(&self, _: Written<'_, E>, tx: &mut PluginTx<'_, D>) -> Result<()>
    where
        E: kysera::entity::On<D>,
    {
        if let Some(source) = tx.on::<DB>() {
            Entry::repo(&source).create(NewEntry { id: 1, what: "half".into() }).await?;
        }
        tx.execute("UPDATE journal SET what = {}", ("whole",)).await.map(drop)
    }
}

#[tokio::test]
async fn what_plugins_send_is_told() {
    let fixture = Fixture::<DB>::new(&PAPERS).await;
    let log = Log::of_values();
    let db = watched(&fixture, log.clone());
    Paper::repo(&db).create(NewPaper { id: 1, title: "a".into() }).await.unwrap();
    let told = log.take();
    let names: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    let sent = |name: &str, start: &str| {
        told.iter().any(|told| told.name == name && told.sql.starts_with(start) && told.outcome == "ok")
    };
    assert!(sent("journal.create", "INSERT"), "{names:?}");
    assert!(sent("papers.create", "UPDATE journal"), "{names:?}");
    assert_eq!((names[0], names[names.len() - 1]), ("begin", "commit"));
    let update = told.iter().find(|told| told.sql.starts_with("UPDATE journal")).unwrap();
    assert_eq!(update.values.as_deref(), Some(&["\"whole\"".to_owned()][..]));
    assert_eq!(Entry::repo(&db).get(1).await.unwrap().what, "whole");
}
