//! What is stored, and what was sent.

use std::time::Duration;

use futures_util::FutureExt;
use kysera::assert_row;
use kysera::prelude::*;
use kysera::testing::{Recorder, TableSnapshot, count_rows, eventually};

use super::{Author, AuthorPatch, author, panics, tables};
use crate::{DB, URL};

#[kysera::test(setup = tables, url = URL, threads = 2)]
async fn rows_are_as_they_should_be(db: Db<DB>) {
    let ada = author(&db, "Ada").await;
    assert_eq!(count_rows(&db, Author::NAME.eq("Ada")).await.unwrap(), 1);
    assert_eq!(count_rows(&db, Author::NAME.eq("Bob")).await.unwrap(), 0);
    assert_eq!(assert_row!(&db, Author::ID.eq(ada.id)), ada);
    assert_row!(&db, Author::ID.eq(ada.id), name: "Ada", id: ada.id);
    db.transaction(async |tx| {
        author(&tx, "Grace").await;
        assert_row!(&tx, Author::NAME.eq("Grace"), name: "Grace");
        Ok(())
    })
    .await
    .unwrap();

    let panic_of = |work: futures_util::future::BoxFuture<'_, ()>| {
        panics(|| tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work)))
    };
    let text = panic_of(async { drop(assert_row!(&db, Author::ID.eq(ada.id), name: "Bob")) }.boxed());
    assert!(
        text.contains("`name` of the row with Author::ID.eq(ada.id)") && text.contains("\"Ada\""),
        "{text}"
    );
    let text = panic_of(async { drop(assert_row!(&db, Author::ID.gt(0))) }.boxed());
    assert!(text.starts_with("2 rows with Author::ID.gt(0), where one was expected"), "{text}");
    let text = panic_of(async { drop(assert_row!(&db, Author::ID.lt(0))) }.boxed());
    assert!(text.starts_with("0 rows with"), "{text}");
    db.raw_sql("DROP TABLE books; DROP TABLE authors").await.unwrap();
    let text = panic_of(async { drop(assert_row!(&db, Author::ID.lt(0))) }.boxed());
    assert!(text.starts_with("the rows with Author::ID.lt(0) cannot be read: "), "{text}");
}

#[kysera::test(setup = tables, url = URL)]
async fn snapshots_of_tables_tell_what_has_changed(db: Db<DB>) {
    for name in ["Ada", "Bob", "Cleo"] {
        author(&db, name).await;
    }
    let before = TableSnapshot::<Author>::take(&db).await.unwrap();
    assert!(before.diff(&TableSnapshot::take(&db).await.unwrap()).is_empty());
    let authors = Author::repo(&db);
    authors.update(1, AuthorPatch::new().name("Ada Lovelace")).await.unwrap();
    authors.delete(2).await.unwrap();
    author(&db, "Dora").await;
    let diff = before.diff(&TableSnapshot::take(&db).await.unwrap());
    assert_eq!(diff.len(), 3);
    assert_eq!(
        diff.to_string(),
        "Author 1\n-     name: \"Ada\",\n+     name: \"Ada Lovelace\",\n\
         Author 2\n- Author {\n-     id: 2,\n-     name: \"Bob\",\n- }\n\
         Author 4\n+ Author {\n+     id: 4,\n+     name: \"Dora\",\n+ }\n"
    );
    let some = TableSnapshot::take_of(&db, Author::ID.eq(3)).await.unwrap();
    assert_eq!(before.diff(&some).len(), 2, "the others are gone");
}

#[kysera::test(setup = tables, url = URL)]
async fn a_recorder_writes_down_what_is_sent(db: Db<DB>) {
    let recorder = Recorder::of_values();
    let watched = db.clone().observed_by(recorder.clone());
    watched.transaction(async |tx| Author::repo(&tx).find_by_id(7).await).await.unwrap();
    let sent = recorder.take();
    assert_eq!(
        sent.iter().map(|sent| &*sent.name).collect::<Vec<_>>(),
        ["begin", "authors.find_by_id", "commit"]
    );
    assert_eq!(sent[1].values.as_deref(), Some(&["7".to_owned()][..]));
    assert_eq!((sent[1].rows, sent[1].outcome, sent[1].caller.file()), (0, "ok", file!()));
    Author::repo(&db).count().await.unwrap();
    assert!(recorder.names().is_empty(), "another source");
    Author::repo(&watched).count().await.unwrap();
    assert!(recorder.texts()[0].starts_with("SELECT COUNT(*)"));
}

#[tokio::test]
async fn what_another_task_brings_about() {
    let mut tries = 0;
    let found = eventually(Duration::from_secs(60), async || {
        tries += 1;
        (tries == 3).then_some("there")
    });
    assert_eq!(found.await, "there");
    let line = line!() + 1;
    let late = eventually(Duration::ZERO, async || None::<()>);
    let text = std::panic::AssertUnwindSafe(late).catch_unwind().await.unwrap_err();
    let text = text.downcast_ref::<String>().unwrap();
    assert!(text.starts_with(&format!("{}:{line}:", file!())) && text.contains("within 0ns"), "{text}");
}
