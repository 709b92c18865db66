//! `update`.

use kysera::{Error, Repository};
use kysera_tests::Fixture;
use sqlx::types::Uuid;

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn absent_and_null_and_a_value_are_three_things() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let ada = users.create(user("ada@x", "Ada")).await.unwrap();

    let with_bio = users.update(ada.id, UserPatch::new().bio("Countess")).await.unwrap();
    assert_eq!(with_bio, User { bio: Some("Countess".into()), ..ada.clone() });
    let renamed = users.update(ada.id, UserPatch::new().name("Ada L.")).await.unwrap();
    assert_eq!(renamed, User { name: "Ada L.".into(), ..with_bio.clone() });
    let without_bio = users.update(ada.id, UserPatch::new().bio(None)).await.unwrap();
    assert_eq!(without_bio, User { bio: None, ..renamed });
    assert_eq!(users.get(ada.id).await.unwrap(), without_bio);
}

#[tokio::test]
async fn every_column_of_a_patch_is_written() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(3)).await.unwrap();
    let patch = UserPatch::new().email("new@x").name("New").bio("b").role(1);
    let updated = users.update(made[1].id, patch).await.unwrap();
    assert_eq!(
        updated,
        User {
            id: made[1].id,
            email: "new@x".into(),
            name: "New".into(),
            bio: Some("b".into()),
            role: 1,
            visits: 0
        }
    );
    assert_eq!(users.get(made[0].id).await.unwrap(), made[0], "the others are left alone");
    assert_eq!(users.get(made[2].id).await.unwrap(), made[2]);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_reads_the_row() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let ada = users.create(user("ada@x", "Ada")).await.unwrap();
    assert_eq!(users.update(ada.id, UserPatch::new()).await.unwrap(), ada);
    assert_eq!(users.update(ada.id, UserPatch::default()).await.unwrap(), ada);
    // The same values again: a row that is found although nothing changes.
    assert_eq!(users.update(ada.id, UserPatch::new().name("Ada")).await.unwrap(), ada);
}

#[tokio::test]
async fn a_row_that_does_not_exist_is_not_found() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    for patch in [UserPatch::new(), UserPatch::new().name("x")] {
        let error = users.update(1, patch).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { entity: "User" }), "{error:?}");
    }
    assert_eq!(users.count().await.unwrap(), 0);
}

#[tokio::test]
async fn rows_with_keys_of_the_client_are_updated() {
    let db = Fixture::<DB>::new(&ACCOUNTS).await;
    let accounts = Account::repo(db.source());
    let id = Uuid::from_u128(7);
    accounts.create(NewAccount { id, owner: "Ada".into(), balance: None }).await.unwrap();
    assert_eq!(accounts.update(id, AccountPatch::new().balance(5)).await.unwrap().balance, 5);

    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    members.create_many([member(1, "a", 1), member(1, "b", 1), member(2, "a", 1)]).await.unwrap();
    let patch = MemberPatch::new().level(9).note("promoted");
    let updated = members.update((1, "b".to_string()), patch).await.unwrap();
    assert_eq!((updated.level, updated.note.as_deref()), (9, Some("promoted")));
    let levels = members.find().order_by(Member::ORG.asc()).order_by(Member::USER.asc()).all().await.unwrap();
    assert_eq!(levels.iter().map(|row| row.level).collect::<Vec<_>>(), [1, 9, 1]);
    let error = members.update((2, "b".to_string()), MemberPatch::new().level(1)).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
}

#[tokio::test]
async fn an_update_that_violates_a_constraint_changes_nothing() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many(crowd(2)).await.unwrap();
    let patch = UserPatch::new().name("changed").email("u1@x");
    let error = users.update(made[0].id, patch).await.unwrap_err();
    assert!(error.is_unique_violation_of(User::EMAIL), "{error:?}");
    assert_eq!(users.get(made[0].id).await.unwrap(), made[0]);
}
