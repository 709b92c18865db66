//! Pages of what is no whole row.

use sqlx::Sqlite;

use super::{Page, PageRequest};
use crate::expr::{Expression, Sql, Term, count};
use crate::prelude::*;
use crate::query::{Find, Shape, SqlBox};
use crate::{Backend, Db, Error};

#[derive(Debug, Repository)]
#[kysera(table = "words", crate = crate)]
struct Word {
    #[kysera(id, assigned)]
    id: i64,
    text: String,
    size: i64,
}

/// Numbers.
#[derive(Clone)]
struct Items(Vec<Term>);

impl Shape<Sqlite> for Items {
    type Out = Vec<i64>;

    fn width(&self) -> usize {
        self.0.len()
    }

    fn write<'v>(&'v self, sql: &mut SqlBox<'_, 'v>, names: bool) {
        let write = |sql: &mut Sql<'v>, (i, term): (usize, &'v Term)| {
            sql.term(term);
            if names {
                sql.push(" AS ").ident(&format!("x{i}"));
            }
        };
        sql.0.list(self.0.iter().enumerate(), ", ", write);
    }

    fn read(&self, row: &<Sqlite as sqlx::Database>::Row, start: usize, _: bool) -> crate::Result<Vec<i64>> {
        let cells = (start..start + self.0.len()).map(|at| Ok(Sqlite::integer(row, at)?));
        cells.collect()
    }
}

fn term(of: impl Expression<Entity = Word>) -> Term {
    of.as_term().0
}

async fn words() -> Db<Sqlite> {
    let db = Db::<Sqlite>::connect("sqlite::memory:").await.unwrap();
    db.raw_sql("CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL, size INTEGER NOT NULL)")
        .await
        .unwrap();
    let rows = (0..7).map(|id| NewWord { id, text: format!("{}", 9 - id), size: id % 3 });
    Word::repo(&db).insert_many(rows).await.unwrap();
    db
}

fn select<S>(find: Find<'_, Word, S>, terms: Vec<Term>) -> Find<'_, Word, S, Items> {
    find.reshape(Items(terms))
}

fn items(page: Page<Vec<i64>>) -> (Vec<Vec<i64>>, u64, u64) {
    (page.items, page.total, page.total_pages)
}

#[tokio::test]
async fn items_are_ordered_by_what_is_not_selected() {
    let db = words().await;
    let words = Word::repo(&db);
    let find = || select(words.find().order_by(Word::TEXT.asc()), vec![term(Word::SIZE), term(Word::ID)]);
    let page = find().page(PageRequest::new(2, 3)).await.unwrap();
    assert_eq!(items(page), (vec![vec![0, 3], vec![2, 2], vec![1, 1]], 7, 3));
    let ties = select(words.find().order_by(Word::SIZE.desc()), vec![term(Word::ID)]);
    let page = ties.clone().page(PageRequest::new(1, 4)).await.unwrap();
    assert_eq!(items(page), (vec![vec![5], vec![2], vec![4], vec![1]], 7, 2));
    assert_eq!(items(ties.page(PageRequest::new(9, 4)).await.unwrap()), (vec![], 7, 2));
    let by_value = select(words.find().order_by(Word::SIZE.minus(1).desc()), vec![term(Word::ID)]);
    assert_eq!(by_value.limit(1).find_and_count().await.unwrap(), (vec![vec![5]], 7));
}

#[tokio::test]
async fn distinct_rows_are_counted_and_ordered_by_what_is_selected() {
    let db = words().await;
    let words = Word::repo(&db);
    let distinct = |order| {
        let mut find = select(words.find().order_by(order), vec![term(Word::SIZE), term(Word::SIZE.plus(0))]);
        find.query.distinct = true;
        find
    };
    let page = distinct(Word::SIZE.desc()).page(PageRequest::new(1, 2)).await.unwrap();
    assert_eq!(items(page), (vec![vec![2, 2], vec![1, 1]], 3, 2));
    for order in [Word::ID.asc(), Word::TEXT.asc(), Word::SIZE.plus(0).asc()] {
        let error = distinct(order).page(PageRequest::new(1, 2)).await.unwrap_err();
        assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
    }
}

#[tokio::test]
async fn groups_are_counted_and_ordered_by_aggregates() {
    let db = words().await;
    let words = Word::repo(&db);
    let find = words.find().order_by(count().desc()).order_by(Word::SIZE.desc());
    let mut find = select(find, vec![term(Word::SIZE), term(count::<Word>())]);
    find.query.group = vec![term(Word::SIZE)];
    let page = find.clone().page(PageRequest::new(1, 2)).await.unwrap();
    assert_eq!(items(page), (vec![vec![0, 3], vec![2, 2]], 3, 2));
    find.query.having = vec![count::<Word>().lt(3).node];
    assert_eq!(items(find.page(PageRequest::default()).await.unwrap()), (vec![vec![2, 2], vec![1, 2]], 2, 1));
}
