//! Filters on arrays, which PostgreSQL alone has.

use kysera::{Filter, Repository};
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Uuid;

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "bags", backend(Postgres))]
struct Bag {
    #[kysera(id, assigned)]
    id: i64,
    tags: Vec<String>,
    numbers: Vec<i32>,
    owners: Vec<Uuid>,
    opt: Option<Vec<String>>,
    gaps: Vec<Option<i64>>,
}

const BAGS: Ddl = Ddl {
    postgres: "CREATE TABLE bags (id BIGINT PRIMARY KEY, tags TEXT[] NOT NULL, numbers INT[] NOT NULL,
        owners UUID[] NOT NULL, opt TEXT[], gaps BIGINT[] NOT NULL)",
    ..Ddl::NONE
};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).into()).collect()
}

async fn filled() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&BAGS).await;
    let bag = |id: i64, tags: &[&str], numbers: &[i32], opt: Option<&[&str]>| NewBag {
        id,
        tags: texts(tags),
        numbers: numbers.to_vec(),
        owners: numbers.iter().map(|number| Uuid::from_u128(*number as u128)).collect(),
        opt: opt.map(texts),
        gaps: numbers.iter().map(|number| (*number > 1).then_some(i64::from(*number))).collect(),
    };
    let rows = [
        bag(1, &["a", "b"], &[1, 2], Some(&["x"])),
        bag(2, &["b"], &[2], None),
        bag(3, &[], &[], Some(&[])),
        bag(4, &["NULL", "{\"}", "a,b", "'", ""], &[3, 3], Some(&["x", "y"])),
    ];
    for row in rows {
        Bag::repo(db.source()).create(row).await.unwrap();
    }
    db
}

async fn kept(db: &Fixture<DB>, filter: Filter<Bag>) -> Vec<i64> {
    let rows = Bag::repo(db.source()).find().filter(filter).order_by(Bag::ID.asc()).all().await.unwrap();
    rows.into_iter().map(|bag| bag.id).collect()
}

#[tokio::test]
async fn arrays_contain_are_contained_and_overlap() {
    let db = filled().await;
    let owners = |ids: &[u128]| ids.iter().map(|id| Uuid::from_u128(*id)).collect::<Vec<_>>();
    for (filter, expected) in [
        (Bag::TAGS.contains_all(texts(&["b"])), vec![1, 2]),
        (Bag::TAGS.contains_all(texts(&["b", "a"])), vec![1]),
        (Bag::TAGS.contains_all(texts(&["b", "b"])), vec![1, 2]),
        (Bag::TAGS.contains_all(texts(&[])), vec![1, 2, 3, 4]),
        (Bag::TAGS.contains_all(texts(&["NULL"])), vec![4]),
        (Bag::TAGS.contains_all(texts(&["{\"}", "a,b", "'", ""])), vec![4]),
        (Bag::TAGS.contains_all(texts(&["a"])), vec![1]),
        (Bag::TAGS.contained_in(texts(&["a", "b", "c"])), vec![1, 2, 3]),
        (Bag::TAGS.contained_in(texts(&[])), vec![3]),
        (Bag::TAGS.overlaps(texts(&["a", "'"])), vec![1, 4]),
        (Bag::TAGS.overlaps(texts(&[])), vec![]),
        (!Bag::TAGS.overlaps(texts(&["a", "'"])), vec![2, 3]),
        (Bag::TAGS.eq(texts(&["a", "b"])), vec![1]),
        (Bag::TAGS.ne(texts(&[])), vec![1, 2, 4]),
        (Bag::TAGS.in_([texts(&["b"]), texts(&[])]), vec![2, 3]),
        (Bag::NUMBERS.contains_all(vec![2]), vec![1, 2]),
        (Bag::NUMBERS.contained_in(vec![1, 2, 3]), vec![1, 2, 3, 4]),
        (Bag::NUMBERS.overlaps(vec![3, i32::MAX]), vec![4]),
        (Bag::OWNERS.contains_all(owners(&[1, 2])), vec![1]),
        (Bag::OWNERS.contained_in(owners(&[2])), vec![2, 3]),
        (Bag::OWNERS.overlaps(owners(&[1, 3])), vec![1, 4]),
        (Bag::GAPS.contains_all(vec![Some(2)]), vec![1, 2]),
        // A NULL is in no array.
        (Bag::GAPS.contains_all(vec![None]), vec![]),
        (Bag::GAPS.overlaps(vec![None, Some(3)]), vec![4]),
        (Bag::TAGS.overlaps(texts(&["a"])) | Bag::NUMBERS.contains_all(vec![3]), vec![1, 4]),
    ] {
        assert_eq!(kept(&db, filter).await, expected);
    }
}

#[tokio::test]
async fn a_null_instead_of_an_array_is_neither_nor() {
    let db = filled().await;
    for (filter, expected) in [
        (Bag::OPT.contains_all(texts(&["x"])), vec![1, 4]),
        (!Bag::OPT.contains_all(texts(&["x"])), vec![3]),
        (Bag::OPT.contains_all(Some(texts(&["x", "y"]))), vec![4]),
        (Bag::OPT.contained_in(texts(&["x"])), vec![1, 3]),
        (Bag::OPT.overlaps(texts(&["y"])), vec![4]),
        (Bag::OPT.contains_all(None), vec![]),
        (!Bag::OPT.overlaps(None), vec![]),
        (Bag::OPT.is_null(), vec![2]),
    ] {
        assert_eq!(kept(&db, filter).await, expected);
    }
}
