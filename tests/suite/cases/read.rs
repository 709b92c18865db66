//! Finding rows by their keys, and what concerns whole tables.

use kysera::{Error, Repository};
use kysera_tests::Fixture;
use sqlx::types::Uuid;

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn a_key_finds_its_row_or_nothing() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let ada = users.create(user("ada@x", "Ada")).await.unwrap();
    assert_eq!(users.find_by_id(ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(users.find_by_id(&ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(users.get(ada.id).await.unwrap(), ada);
    assert!(users.exists(ada.id).await.unwrap());
    for missing in [ada.id + 1, 0, -1, i64::MIN, i64::MAX] {
        assert_eq!(users.find_by_id(missing).await.unwrap(), None);
        assert!(!users.exists(missing).await.unwrap());
        let error = users.get(missing).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { entity: "User" }), "{error:?}");
        assert!(error.is_not_found());
        assert_eq!(error.to_string(), "User not found");
    }
}

#[tokio::test]
async fn keys_of_text_bytes_and_several_columns_find_their_rows() {
    let db = Fixture::<DB>::new(&TAGS).await;
    let tags = Tag::repo(db.source());
    for slug in ["", "a'b", "x\"y`z", "ünï", "%", "a\\b"] {
        let made = tags.create(tag(slug, "label")).await.unwrap();
        assert_eq!(tags.find_by_id(slug).await.unwrap(), Some(made));
        assert!(tags.exists(slug).await.unwrap());
    }
    assert_eq!(tags.find_by_id("' OR 1=1 --").await.unwrap(), None);

    let db = Fixture::<DB>::new(&ACCOUNTS).await;
    let accounts = Account::repo(db.source());
    let id = Uuid::from_u128(u128::MAX);
    accounts.create(NewAccount { id, owner: "Ada".into(), balance: Some(1) }).await.unwrap();
    assert_eq!(accounts.get(id).await.unwrap().owner, "Ada");
    assert_eq!(accounts.find_by_id(Uuid::nil()).await.unwrap(), None);

    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    members.create_many([member(1, "a", 1), member(1, "b", 2), member(2, "a", 3)]).await.unwrap();
    assert_eq!(members.get((2, "a".to_string())).await.unwrap().level, 3);
    assert_eq!(members.find_by_id((2, "b".to_string())).await.unwrap(), None);
    assert!(!members.exists((3, "a".to_string())).await.unwrap());
}

#[tokio::test]
async fn many_keys_find_their_rows_in_the_order_of_the_keys() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(10)).await.unwrap();
    let (a, b, c) = (made[7].id, made[2].id, made[9].id);
    let found = users.find_by_ids([a, -5, b, a, i64::MAX, c, b]).await.unwrap();
    assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [a, b, c]);
    let by_reference = users.find_by_ids(&[c, a]).await.unwrap();
    assert_eq!(by_reference.iter().map(|user| user.id).collect::<Vec<_>>(), [c, a]);
    assert_eq!(users.find_by_ids([-1, -2]).await.unwrap(), []);
}

#[tokio::test]
async fn many_composite_keys_find_their_rows_and_not_the_mixtures_of_their_parts() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    let rows = [(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "c")].map(|(org, user)| member(org, user, 0));
    members.create_many(rows).await.unwrap();
    let ids = [(2, "a".to_string()), (9, "a".to_string()), (1, "b".to_string()), (2, "a".to_string())];
    let found = members.find_by_ids(ids).await.unwrap();
    let found: Vec<_> = found.iter().map(|row| (row.org, row.user.as_str())).collect();
    assert_eq!(found, [(2, "a"), (1, "b")]);
}

#[tokio::test]
async fn more_keys_than_a_statement_takes_find_their_rows() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(3000)).await.unwrap();
    let last = made[2999].id;
    // From the last to the first, and 37 000 that are not there between them.
    let ids: Vec<i64> =
        (0..37_000).map(|i| last + 40_000 - i).chain(made.iter().rev().map(|u| u.id)).collect();
    let found = users.find_by_ids(&ids).await.unwrap();
    assert!(found.iter().eq(made.iter().rev()), "{} rows", found.len());
}

#[tokio::test]
async fn more_composite_keys_than_a_statement_takes_find_their_rows() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    let rows: Vec<_> = (0..3000).map(|i| member(i % 7, &format!("m{i}"), i as i32)).collect();
    members.insert_many(rows).await.unwrap();
    let ids = (0..6000).rev().map(|i| (i % 7, format!("m{i}")));
    let found = members.find_by_ids(ids).await.unwrap();
    assert!(found.iter().map(|row| row.level).eq((0..3000).rev()), "{} rows", found.len());
}

#[tokio::test]
async fn all_rows_are_found_and_counted() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    assert_eq!(users.find_all().await.unwrap(), []);
    assert_eq!(users.count().await.unwrap(), 0);
    let mut made = users.create_many(crowd(25)).await.unwrap();
    let mut all = users.find_all().await.unwrap();
    all.sort_by_key(|user| user.id);
    made.sort_by_key(|user| user.id);
    assert_eq!(all, made);
    assert_eq!(users.count().await.unwrap(), 25);
}

#[tokio::test]
async fn a_column_that_does_not_fit_its_field_is_named_and_its_value_is_not() {
    let db = Fixture::<DB>::new(&kysera_tests::Ddl {
        postgres: "CREATE TABLE tags (slug TEXT PRIMARY KEY, label TEXT, uses INT); \
                   INSERT INTO tags VALUES ('secret-slug', NULL, 987654)",
        mysql: "CREATE TABLE tags (slug VARCHAR(50) PRIMARY KEY, label TEXT, uses INT); \
                INSERT INTO tags VALUES ('secret-slug', NULL, 987654)",
        sqlite: "CREATE TABLE tags (slug TEXT PRIMARY KEY, label TEXT, uses INTEGER); \
                 INSERT INTO tags VALUES ('secret-slug', NULL, 987654)",
    })
    .await;
    let tags = Tag::repo(db.source());
    let error = tags.get("secret-slug").await.unwrap_err();
    assert!(matches!(error, Error::Decode { entity: "Tag", column: "label", .. }), "{error:?}");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("secret") && !text.contains("987654"), "{text}");
    }
    assert!(tags.exists("secret-slug").await.unwrap(), "the connection is as good as before");
}
