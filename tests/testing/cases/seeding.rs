//! Rows to begin with.

use kysera::prelude::*;
use kysera::testing::Seeds;
use kysera::{Error, Result, Tx};

use super::{Author, Book, NewAuthor, NewBook, names, tables};
use crate::{DB, URL};

async fn authors(tx: Tx<DB>) -> Result<()> {
    Author::repo(&tx).create(NewAuthor { name: "Ada".into() }).await.map(drop)
}

async fn books(tx: Tx<DB>) -> Result<()> {
    let author_id = Author::repo(&tx).find().filter(Author::NAME.eq("Ada")).first().await?.unwrap().id;
    Book::repo(&tx).create(NewBook { author_id, title: "Notes".into() }).await.map(drop)
}

async fn fails(_: Tx<DB>) -> Result<()> {
    Err(Error::BadRequest("no".into()))
}

#[kysera::test(setup = tables, url = URL)]
async fn what_is_needed_comes_first(db: Db<DB>) {
    let library = Seeds::new().part("books", &["authors"], books);
    let seeds = library.and(Seeds::new().part("authors", &[], authors));
    assert_eq!(seeds.order().unwrap(), ["authors", "books"]);
    seeds.run(&db).await.unwrap();
    assert_eq!(names(&db).await, ["Ada"]);
    kysera::assert_row!(&db, Book::AUTHOR_ID.gt(0), title: "Notes");
}

#[kysera::test(setup = tables, url = URL)]
async fn one_that_fails_leaves_nothing(db: Db<DB>) {
    let seeds = Seeds::new().part("authors", &[], authors).part("broken", &["authors"], fails);
    let error = seeds.run(&db).await.unwrap_err();
    assert_eq!(error.to_string(), "the seed `broken`: no");
    assert!(names(&db).await.is_empty());
}

#[kysera::test(setup = tables, url = URL)]
async fn nonsense_is_refused_before_anything_is_written(db: Db<DB>) {
    let parts = |needs: [&'static [&'static str]; 3]| {
        let [a, b, c] = needs;
        Seeds::new().part("a", a, authors).part("b", b, authors).part("c", c, authors)
    };
    let refused = async |seeds: Seeds<DB>| {
        let error = seeds.run(&db).await.unwrap_err();
        assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
        error.to_string()
    };
    assert_eq!(refused(parts([&["b"], &["c"], &["a"]])).await, "seeds need each other: a -> b -> c -> a");
    assert_eq!(refused(parts([&[], &["b"], &[]])).await, "seeds need each other: b -> b");
    assert_eq!(refused(parts([&[], &[], &["d"]])).await, "the seed `c` needs `d`, which is not there");
    assert_eq!(refused(parts([&[], &[], &[]]).part("a", &[], authors)).await, "two seeds are called `a`");
    assert!(names(&db).await.is_empty());
    assert_eq!(parts([&["c"], &["c"], &[]]).order().unwrap(), ["c", "a", "b"]);
    Seeds::new().run(&db).await.unwrap();
}
