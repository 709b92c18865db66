//! Pages by number.

use kysera::prelude::*;
use kysera::{Error, ErrorCode, Page, PageRequest};
use kysera_tests::Fixture;

use super::entities::*;
use crate::DB;

/// Items 1 to 7, with quantities that are tied.
async fn items() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = (1..).zip([Some(3), None, Some(1), Some(3), None, Some(1), Some(3)]);
    let rows = rows.map(|(id, qty)| NewItem { qty, active: id % 2 == 1, ..item(id) });
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

async fn page(db: &Fixture<DB>, page: u64, per_page: u64) -> Page<i64> {
    let items = Item::repo(db.source());
    let find = items.find().order_by(Item::QTY.desc().nulls_last());
    find.page(PageRequest::new(page, per_page)).await.unwrap().map(|item| item.id)
}

#[tokio::test]
async fn pages_follow_each_other_and_know_the_total() {
    let db = items().await;
    // Ties are broken by the key, in the direction of the last one.
    let first = page(&db, 1, 3).await;
    let expected = Page {
        items: vec![7, 4, 1],
        page: 1,
        per_page: 3,
        total: 7,
        total_pages: 3,
        has_next: true,
        has_prev: false,
    };
    assert_eq!(first, expected);
    let second = Page { items: vec![6, 3, 5], page: 2, has_prev: true, ..expected.clone() };
    assert_eq!(page(&db, 2, 3).await, second);
    let third = Page { items: vec![2], page: 3, has_prev: true, has_next: false, ..expected.clone() };
    assert_eq!(page(&db, 3, 3).await, third);
    let behind = Page { items: vec![], page: 4, has_prev: true, has_next: false, ..expected };
    assert_eq!(page(&db, 4, 3).await, behind);
}

#[tokio::test]
async fn edges() {
    let db = items().await;
    assert_eq!(page(&db, 0, 3).await, page(&db, 1, 3).await);
    assert_eq!(page(&db, 1, 7).await.items, [7, 4, 1, 6, 3, 5, 2]);
    assert!(!page(&db, 1, 7).await.has_next);
    let all = page(&db, 1, u64::MAX).await;
    assert_eq!((all.items.len(), all.per_page, all.total_pages), (7, 1000, 1));
    for (number, per_page) in
        [(u64::MAX, 3), (u64::MAX, u64::MAX), (i64::MAX as u64, 1), (u64::MAX / 3 + 2, 3)]
    {
        let far = page(&db, number, per_page).await;
        assert_eq!((far.items.len(), far.total, far.page), (0, 7, number));
        assert!(far.has_prev && !far.has_next);
    }
    let none = page(&db, 1, 0).await;
    assert_eq!((none.items.len(), none.total, none.total_pages), (0, 7, 0));
    assert!(!none.has_prev && !none.has_next);

    let few = PageRequest::new(2, 50).max_per_page(2);
    let few = Item::repo(db.source()).find().page(few).await.unwrap();
    assert_eq!((few.per_page, few.total_pages), (2, 4));
    assert_eq!(few.items.iter().map(|item| item.id).collect::<Vec<_>>(), [3, 4]);

    let items = Item::repo(db.source());
    let filtered = items.find().filter(Item::ACTIVE.eq(true)).page(PageRequest::new(2, 3));
    let filtered = filtered.await.unwrap().map(|item| item.id);
    assert_eq!((filtered.items, filtered.total, filtered.has_next), (vec![7], 4, false));
}

#[tokio::test]
async fn an_empty_table_has_no_pages() {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let empty = page(&db, 1, 20).await;
    let expected = Page {
        items: vec![],
        page: 1,
        per_page: 20,
        total: 0,
        total_pages: 0,
        has_next: false,
        has_prev: false,
    };
    assert_eq!(empty, expected);
    assert!(!page(&db, 3, 20).await.has_prev);
}

#[tokio::test]
async fn whole_rows_come_through_unharmed() {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let items = Item::repo(db.source());
    let full = NewItem {
        name: "naïve 🦀".into(),
        code: Some(String::new()),
        qty: Some(i32::MIN),
        weight: -0.0,
        active: true,
        made: sqlx::types::chrono::NaiveDate::from_ymd_opt(2024, 2, 29),
        owner: Some(sqlx::types::Uuid::from_u128(7)),
        ..item(1)
    };
    let stored = items.create_many([full, item(2)]).await.unwrap();
    let page = items.find().order_by(Item::NAME.lower().desc()).page(PageRequest::default()).await.unwrap();
    assert_eq!(page.items, stored);
    let json = serde_json::to_string(&page.map(|item| item.id)).unwrap();
    assert_eq!(
        json,
        r#"{"items":[1,2],"page":1,"per_page":20,"total":2,"total_pages":1,"has_next":false,"has_prev":false}"#
    );
}

#[tokio::test]
async fn composite_keys_break_ties_with_all_their_columns() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    let rows = [(2, "a"), (1, "b"), (2, "b"), (1, "a")].map(|(org, user)| member(org, user, 1));
    members.create_many(rows).await.unwrap();
    let keys = |page: Page<Member>| page.items.into_iter().map(|row| (row.org, row.user)).collect::<Vec<_>>();
    let find = || members.find().order_by(Member::LEVEL.asc());
    let first = keys(find().page(PageRequest::new(1, 3)).await.unwrap());
    assert_eq!(first, [(1, "a".into()), (1, "b".into()), (2, "a".into())]);
    let down = keys(find().order_by(Member::ORG.desc()).page(PageRequest::new(1, 3)).await.unwrap());
    assert_eq!(down, [(2, "b".into()), (2, "a".into()), (1, "b".into())]);
}

#[tokio::test]
async fn the_total_of_find_and_count_passes_over_limit_and_offset() {
    let db = items().await;
    let items = Item::repo(db.source());
    let find = items.find().filter(Item::ID.gt(1));
    let ids = |rows: Vec<Item>| rows.into_iter().map(|item| item.id).collect::<Vec<_>>();
    let (rows, total) = find.clone().limit(2).offset(3).find_and_count().await.unwrap();
    assert_eq!((ids(rows), total), (vec![5, 6], 6));
    let (rows, total) = find.clone().offset(4).find_and_count().await.unwrap();
    assert_eq!((ids(rows), total), (vec![6, 7], 6));
    let (rows, total) = find.clone().order_by(Item::QTY.asc().nulls_first()).find_and_count().await.unwrap();
    assert_eq!((ids(rows), total), (vec![2, 5, 3, 6, 4, 7], 6));
    let (rows, total) = find.limit(0).find_and_count().await.unwrap();
    assert_eq!((ids(rows), total), (vec![], 6));
    let (rows, total) = items.find().filter(Item::ID.gt(9)).find_and_count().await.unwrap();
    assert_eq!((ids(rows), total), (vec![], 0));
}

#[tokio::test]
async fn a_page_takes_no_limit_or_offset_of_the_query() {
    // No table: nothing may be sent.
    let db = Fixture::<DB>::new(&kysera_tests::Ddl::NONE).await;
    let items = Item::repo(db.source());
    let find = || items.find();
    for find in [find().limit(1), find().offset(0)] {
        let error = find.page(PageRequest::default()).await.unwrap_err();
        assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
        assert_eq!(error.code(), ErrorCode::BadRequest);
    }
}

#[test]
fn requests_are_read_from_what_clients_send() {
    let read = |json: &str| serde_json::from_str::<PageRequest>(json);
    assert_eq!(read("{}").unwrap(), PageRequest::default());
    assert_eq!(read(r#"{"per_page": 5}"#).unwrap(), PageRequest::new(1, 5));
    let greedy = read(r#"{"page": 0, "per_page": 99999, "max": 99999, "max_per_page": 99999}"#).unwrap();
    assert_eq!((greedy.page(), greedy.per_page()), (1, 1000));
    assert!(read(r#"{"page": -1}"#).is_err());
}

#[tokio::test]
async fn a_query_shows_its_text_and_its_plan() {
    let db = items().await;
    let items = Item::repo(db.source());
    let find = items.find().filter(Item::ID.gt(1)).order_by(Item::ID.desc()).limit(2);
    let sql = find.to_sql().unwrap();
    assert!(sql.starts_with("SELECT ") && sql.contains(" ORDER BY ") && sql.contains(" LIMIT "), "{sql}");
    let plan = find.explain().await.unwrap();
    assert!(plan.to_string().contains("items"), "{plan}");
    assert_eq!(plan.to_string().lines().collect::<Vec<_>>(), plan.lines());
    // It does not run: there would be rows.
    assert_eq!(items.count().await.unwrap(), 7);
}
