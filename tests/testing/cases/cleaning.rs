//! What leaves nothing behind.

use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera::testing::{Clean, rollback};
use kysera::{Error, Isolation};

use super::{Author, Book, NewAuthor, NewBook, author, names, tables};
use crate::{DB, URL};

async fn library(db: &Db<DB>) {
    for name in ["Ada", "Grace"] {
        let author_id = author(db, name).await.id;
        Book::repo(db).create(NewBook { author_id, title: "Notes".into() }).await.unwrap();
    }
}

async fn counts(db: &Db<DB>) -> (u64, u64) {
    (Author::repo(db).count().await.unwrap(), Book::repo(db).count().await.unwrap())
}

/// Foreign keys are as they were.
async fn are_checked(db: &Db<DB>) {
    for _ in 0..3 {
        let orphan = Book::repo(db).create(NewBook { author_id: 4711, title: "Nobody's".into() }).await;
        assert!(matches!(orphan, Err(Error::Violation(_))), "{orphan:?}");
    }
}

#[kysera::test(setup = tables, url = URL)]
async fn deletes_in_the_order_that_was_told(db: Db<DB>) {
    library(&db).await;
    let wrong = Clean::delete().entity::<Author>().entity::<Book>();
    let error = wrong.run(&db).await.unwrap_err();
    assert!(matches!(error, Error::Violation(_)), "{error:?}");
    assert_eq!(counts(&db).await, (2, 2), "all or none");
    Clean::delete().entity::<Book>().table("authors").unwrap().run(&db).await.unwrap();
    assert_eq!(counts(&db).await, (0, 0));
    assert_eq!(author(&db, "Ada").await.id, 3, "numbers go on");
    are_checked(&db).await;
}

#[kysera::test(setup = tables, url = URL)]
async fn truncates_whatever_refers_to_what(db: Db<DB>) {
    library(&db).await;
    for _ in 0..2 {
        Clean::truncate().entity::<Author>().entity::<Book>().run(&db).await.unwrap();
        assert_eq!(counts(&db).await, (0, 0));
        assert_eq!(author(&db, "Ada").await.id, 1, "numbers begin anew");
    }
    are_checked(&db).await;
}

/// A table that is not there, behind one that is.
#[kysera::test(setup = tables, url = URL)]
async fn what_fails_leaves_everything_as_it_was(db: Db<DB>) {
    library(&db).await;
    for how in [Clean::delete(), Clean::truncate()] {
        let all_or_none = DB::DIALECT != Dialect::MySql;
        how.table("books").unwrap().table("nowhere").unwrap().run(&db).await.unwrap_err();
        if all_or_none {
            assert_eq!(counts(&db).await, (2, 2));
        }
        are_checked(&db).await;
    }
    // Not among those that are emptied, and still referring to one of them.
    if DB::DIALECT != Dialect::MySql {
        Clean::truncate().entity::<Author>().run(&db).await.unwrap_err();
        assert_eq!(counts(&db).await, (2, 2));
    }
}

#[kysera::test(setup = tables, url = URL)]
async fn names_are_names(db: Db<DB>) {
    library(&db).await;
    for name in ["", "a b", "books; DROP TABLE authors", "\"books\"", "1st", "a.b.c", "x.", ".x", "b`", "b'"]
    {
        let error = Clean::delete().table(name).unwrap_err();
        assert!(error.to_string().contains("is not the name of a table"), "{error}");
    }
    Clean::delete().run(&db).await.unwrap_err();
    assert_eq!(counts(&db).await, (2, 2));
}

#[kysera::test(setup = tables, url = URL)]
async fn a_transaction_that_is_rolled_back(db: Db<DB>) {
    let seen = rollback(&db, |tx| async move {
        author(&tx, "Ada").await;
        Ok(names(&tx).await)
    });
    assert_eq!(seen.await.unwrap(), ["Ada"]);
    let level = db.begin().isolation(Isolation::Serializable);
    let failed = rollback(level, |tx| async move {
        author(&tx, "Ada").await;
        Author::repo(&tx).create(NewAuthor { name: "Ada".into() }).await
    });
    assert!(matches!(failed.await, Err(Error::Violation(_))));
    assert!(names(&db).await.is_empty());
    assert_eq!(db.metrics().transactions, 0);
    // A panic within leaves nothing either.
    let work = rollback(&db, |tx| async move {
        author(&tx, "Ada").await;
        if tx.context() == &() {
            panic!("in its middle");
        }
        Ok(())
    });
    let panic = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(work)).await;
    assert!(panic.is_err());
    assert!(names(&db).await.is_empty());
}
