//! Types that PostgreSQL has no array of: operations on many rows then send one argument per value, as on the others.

use std::collections::HashSet;

use kysera::expr::Text;
use kysera::{Error, Filter, Repository};
use kysera_tests::{Ddl, Fixture};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent, no_pg_array)]
pub struct Isbn(String);

#[derive(Debug, Clone, PartialEq, sqlx::Type)]
#[sqlx(transparent, no_pg_array)]
pub struct Title(String);

impl Text for Title {}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "books")]
pub struct Book {
    #[kysera(id, assigned)]
    pub isbn: Isbn,
    pub title: Option<Title>,
    pub pages: i32,
}

const BOOKS: Ddl = Ddl {
    postgres: "CREATE TABLE books (isbn TEXT PRIMARY KEY, title TEXT, pages INT NOT NULL)",
    mysql: "CREATE TABLE books (isbn VARCHAR(50) PRIMARY KEY, title VARCHAR(100), pages INT NOT NULL)",
    sqlite: "CREATE TABLE books (isbn TEXT NOT NULL PRIMARY KEY, title TEXT, pages INTEGER NOT NULL)",
};

fn isbn(i: usize) -> Isbn {
    Isbn(format!("isbn {i}"))
}

fn book(i: usize) -> NewBook {
    NewBook {
        isbn: isbn(i),
        title: i.is_multiple_of(2).then(|| Title(format!("title {i}"))),
        pages: i as i32,
    }
}

#[tokio::test]
async fn many_rows_are_created_found_updated_and_deleted() {
    let db = Fixture::<DB>::new(&BOOKS).await;
    let books = Book::repo(db.source());
    let made = books.create_many((0..3000).map(book)).await.unwrap();
    assert!(made.iter().enumerate().all(|(i, row)| row.isbn == isbn(i) && row.pages == i as i32));
    assert_eq!(books.insert_many((3000..6000).map(book)).await.unwrap(), 3000);

    let found = books.find_by_ids((0..6000).rev().step_by(3).map(isbn)).await.unwrap();
    assert!(found.iter().map(|row| row.pages).eq((0..6000).rev().step_by(3)));

    let title = |i| (i % 3 == 0).then(|| Title(format!("new {i}")));
    let patches = (0..6000).map(|i| (isbn(i), BookPatch::new().title(title(i)).pages(-(i as i32))));
    let updated = books.update_many(patches).await.unwrap();
    assert!(updated.iter().enumerate().all(|(i, row)| row.title == title(i) && row.pages == -(i as i32)));

    let rows = (5990..6010).map(|i| NewBook { pages: 1, ..book(i) });
    let upserted = books.upsert_many(rows, Book::ISBN).await.unwrap();
    assert!(upserted.iter().zip(5990..).all(|(row, i)| row.isbn == isbn(i) && row.pages == 1));
    assert_eq!(books.delete_many((0..5990).map(isbn)).await.unwrap(), 5990);
    assert_eq!(books.count().await.unwrap(), 20);
}

#[tokio::test]
async fn missing_rows_and_duplicates_are_refused() {
    let db = Fixture::<DB>::new(&BOOKS).await;
    let books = Book::repo(db.source());
    let made = books.create_many((0..3).map(book)).await.unwrap();
    let patches = [0, 7, 2].map(|i| (isbn(i), BookPatch::new().title(None).pages(9)));
    let error = books.update_many(patches).await.unwrap_err();
    let Error::Missing(missing) = error else { panic!("{error:?}") };
    assert_eq!(missing.positions, [1]);
    let error = books.upsert_many([0, 4, 0].map(book), Book::ISBN).await.unwrap_err();
    assert!(matches!(error, Error::SameKey { entity: "Book", .. }), "{error:?}");
    assert_eq!(books.find_by_ids((0..9).map(isbn)).await.unwrap(), made);
}

#[tokio::test]
async fn lists_in_filters_hold() {
    let db = Fixture::<DB>::new(&BOOKS).await;
    let books = Book::repo(db.source());
    books.create_many((0..10).map(book)).await.unwrap();
    let pages = async |filter: Filter<Book>| -> HashSet<i32> {
        let rows = books.find().filter(filter).all().await.unwrap();
        rows.into_iter().map(|row| row.pages).collect()
    };
    let titles = || [Some(Title("title 4".into())), None];
    assert_eq!(pages(Book::ISBN.in_([isbn(1), isbn(5), isbn(99)])).await, [1, 5].into());
    assert_eq!(pages(Book::ISBN.not_in((2..20).map(isbn))).await, [0, 1].into());
    assert_eq!(pages(Book::TITLE.in_(titles())).await, [1, 3, 4, 5, 7, 9].into());
    assert_eq!(pages(Book::TITLE.not_in(titles())).await, [0, 2, 6, 8].into());
    assert_eq!(pages(Book::TITLE.ends_with("e 6")).await, [6].into());
}
