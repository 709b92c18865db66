//! `delete`, `delete_many` and writing by filter.

use kysera::{Error, Filter, Repository};
use kysera_tests::Fixture;

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn delete_answers_whether_there_was_a_row() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(2)).await.unwrap();
    assert!(users.delete(made[0].id).await.unwrap());
    assert!(!users.delete(made[0].id).await.unwrap());
    assert!(!users.delete(-1).await.unwrap());
    assert_eq!(users.find_all().await.unwrap(), [made[1].clone()]);
}

#[tokio::test]
async fn delete_many_answers_how_many_rows_there_were() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(5)).await.unwrap();
    let ids = [made[0].id, -1, made[3].id, made[0].id];
    assert_eq!(users.delete_many(&ids).await.unwrap(), 2);
    assert_eq!(users.delete_many(ids).await.unwrap(), 0);
    assert_eq!(users.count().await.unwrap(), 3);
}

#[tokio::test]
async fn rows_with_composite_keys_are_deleted_and_not_the_mixtures_of_their_parts() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    let rows = [(1, "a"), (1, "b"), (2, "a"), (2, "b")].map(|(org, user)| member(org, user, 0));
    members.create_many(rows).await.unwrap();
    let id = |org, user: &str| (org, user.to_string());
    assert!(members.delete(id(1, "a")).await.unwrap());
    assert_eq!(members.delete_many([id(2, "a"), id(1, "b"), id(1, "a")]).await.unwrap(), 2);
    let left = members.find().one().await.unwrap();
    assert_eq!((left.org, left.user.as_str()), (2, "b"));
}

#[tokio::test]
async fn more_rows_than_a_statement_takes_are_deleted() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(3000)).await.unwrap();
    let ids = (0..40_000).map(|i| made[0].id + i);
    assert_eq!(users.delete_many(ids).await.unwrap(), 3000);
    assert_eq!(users.count().await.unwrap(), 0);
}

#[tokio::test]
async fn delete_many_deletes_nothing_when_a_row_of_a_later_statement_is_referred_to() {
    let db = Fixture::<DB>::new(&USERS).await;
    let sql = match <DB as kysera::Backend>::DIALECT {
        kysera::backend::Dialect::Sqlite => {
            "CREATE TABLE posts (author INTEGER NOT NULL REFERENCES users (id))"
        }
        _ => "CREATE TABLE posts (author BIGINT NOT NULL, FOREIGN KEY (author) REFERENCES users (id))",
    };
    db.execute(sql).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(5000)).await.unwrap();
    db.execute(&format!("INSERT INTO posts VALUES ({})", made[4999].id)).await;
    let error = users.delete_many(made.iter().map(|user| user.id)).await.unwrap_err();
    assert_eq!(error.code(), kysera::ErrorCode::ForeignKeyViolation, "{error:?}");
    assert_eq!(users.count().await.unwrap(), 5000);
}

#[tokio::test]
async fn a_filter_says_which_rows_are_updated() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    users.create_many(crowd(10)).await.unwrap();
    let some = User::EMAIL.in_(["u1@x", "u2@x", "nobody@x"]);
    assert_eq!(users.find().filter(some.clone()).update(UserPatch::new().bio("b").role(1)).await.unwrap(), 2);
    assert_eq!(users.find().filter(User::BIO.eq("b") & User::ROLE.eq(1)).count().await.unwrap(), 2);
    // Rows count that the filter keeps, whether or not they change.
    assert_eq!(users.find().filter(some.clone()).update(UserPatch::new().role(1)).await.unwrap(), 2);
    assert_eq!(users.find().filter(some.clone()).update(UserPatch::new()).await.unwrap(), 0);
    assert_eq!(users.find().filter(some).update(UserPatch::new().bio(None)).await.unwrap(), 2);
    assert_eq!(users.find().filter(User::BIO.is_null()).count().await.unwrap(), 10);
    assert_eq!(users.find().update(UserPatch::new().role(2)).await.unwrap(), 10);
    assert_eq!(users.find().filter(Filter::any([])).update(UserPatch::new().role(3)).await.unwrap(), 0);
    assert_eq!(users.find().filter(User::ROLE.eq(2)).count().await.unwrap(), 10);
}

#[tokio::test]
async fn a_filter_says_which_rows_are_deleted() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    users.create_many(crowd(10)).await.unwrap();
    assert_eq!(users.find().filter(User::EMAIL.eq("nobody@x")).delete().await.unwrap(), 0);
    assert_eq!(
        users.find().filter(User::EMAIL.lt("u3@x")).filter(User::ROLE.eq(7)).delete().await.unwrap(),
        3
    );
    assert_eq!(users.find().filter(Filter::any([])).delete().await.unwrap(), 0);
    assert_eq!(users.count().await.unwrap(), 7);
    assert_eq!(users.find().delete().await.unwrap(), 7);
    assert_eq!(users.count().await.unwrap(), 0);
}

#[tokio::test]
async fn writing_by_filter_takes_no_order_limit_or_offset() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    users.create_many(crowd(3)).await.unwrap();
    let queries = [users.find().order_by(User::ID.asc()), users.find().limit(1), users.find().offset(1)];
    for query in queries {
        let update = query.clone().update(UserPatch::new().role(1)).await.unwrap_err();
        let delete = query.delete().await.unwrap_err();
        for (error, what) in [(update, "update"), (delete, "delete")] {
            let Error::BadRequest(text) = &error else { panic!("{error:?}") };
            assert!(text.contains(what) && text.contains("limit"), "{text}");
        }
    }
    assert_eq!(users.find().filter(User::ROLE.eq(7)).count().await.unwrap(), 3);
}
