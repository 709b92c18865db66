//! `upsert`.

use kysera::{Conflict, Error, Repository};
use kysera_tests::Fixture;
use sqlx::types::Uuid;

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn a_row_whose_key_is_free_is_created() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let ada = users.upsert(user("ada@x", "Ada"), User::EMAIL).await.unwrap();
    assert_eq!((ada.name.as_str(), ada.role, ada.visits), ("Ada", 7, 0));
    assert_eq!(users.find_all().await.unwrap(), [ada]);
}

#[tokio::test]
async fn a_row_whose_key_is_taken_updates_what_the_new_row_gives() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let new = NewUser { bio: Some("first".into()), role: Some(1), ..user("ada@x", "Ada") };
    let first = users.create(new).await.unwrap();
    let other = users.create(user("grace@x", "Grace")).await.unwrap();
    let second = users.upsert(user("ada@x", "Ada L."), User::EMAIL).await.unwrap();
    // The role was left to the database, so it is left alone; the bio was given, as NULL.
    assert_eq!(second, User { name: "Ada L.".into(), bio: None, ..first });
    assert_eq!(users.get(second.id).await.unwrap(), second);
    assert_eq!(users.get(other.id).await.unwrap(), other);
    assert_eq!(users.count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_row_whose_key_is_taken_can_be_kept() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let first = users.create(user("ada@x", "Ada")).await.unwrap();
    let new = NewUser { bio: Some("b".into()), role: Some(1), ..user("ada@x", "other") };
    let kept = users.upsert(new.clone(), Conflict::on(User::EMAIL).keep()).await.unwrap();
    assert_eq!(kept, first);
    assert_eq!(users.get(first.id).await.unwrap(), first);
    let made = users.upsert(NewUser { email: "b@x".into(), ..new }, Conflict::on(User::EMAIL).keep()).await;
    assert_eq!(made.unwrap().role, 1);
}

#[tokio::test]
async fn only_the_columns_that_are_named_are_updated() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let first = users.create(user("ada@x", "Ada")).await.unwrap();
    let new = NewUser { bio: Some("b".into()), role: Some(1), ..user("ada@x", "other") };
    let conflict = Conflict::on(User::EMAIL).update((User::BIO, User::ROLE));
    let updated = users.upsert(new.clone(), conflict.clone()).await.unwrap();
    assert_eq!(updated, User { bio: Some("b".into()), role: 1, ..first });
    // A named column that the new row leaves to the database stays as it is.
    let again = users.upsert(NewUser { role: None, bio: None, ..new }, conflict).await.unwrap();
    assert_eq!(again, User { bio: None, ..updated });
}

#[tokio::test]
async fn composite_unique_keys_are_keys_of_an_upsert() {
    let db = Fixture::<DB>::new(&SEATS).await;
    let seats = Seat::repo(db.source());
    let first = seats.create(seat(1, "a", "c1")).await.unwrap();
    let new = NewSeat { guest: Some("Ada".into()), ..seat(1, "a", "c1") };
    let updated = seats.upsert(new, (Seat::ROOM, Seat::PLACE)).await.unwrap();
    assert_eq!(updated, Seat { guest: Some("Ada".into()), ..first });
    // The order of the columns does not matter.
    let new = NewSeat { guest: Some("Grace".into()), ..seat(1, "a", "c2") };
    let updated = seats.upsert(new, (Seat::PLACE, Seat::ROOM)).await.unwrap();
    assert_eq!((updated.code.as_str(), updated.guest.as_deref()), ("c2", Some("Grace")));
    assert_eq!(seats.upsert(seat(1, "b", "c3"), (Seat::ROOM, Seat::PLACE)).await.unwrap().code, "c3");
    assert_eq!(seats.count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_null_in_the_key_is_never_taken() {
    let db = Fixture::<DB>::new(&SEATS).await;
    let seats = Seat::repo(db.source());
    let nowhere = |code: &str| NewSeat { place: None, ..seat(1, "", code) };
    let a = seats.upsert(nowhere("a"), (Seat::ROOM, Seat::PLACE)).await.unwrap();
    let b = seats.upsert(nowhere("b"), (Seat::ROOM, Seat::PLACE)).await.unwrap();
    assert_ne!(a.id, b.id);
    let error = seats.upsert(nowhere("a"), (Seat::ROOM, Seat::PLACE)).await.unwrap_err();
    assert!(error.is_unique_violation_of(Seat::CODE), "{error:?}");
    let rows = [nowhere("c"), seat(1, "x", "d"), nowhere("e")];
    let made = seats.upsert_many(rows, (Seat::ROOM, Seat::PLACE)).await.unwrap();
    assert_eq!(made.iter().map(|row| row.code.as_str()).collect::<Vec<_>>(), ["c", "d", "e"]);
    assert_eq!(seats.count().await.unwrap(), 5);
}

#[tokio::test]
async fn primary_keys_of_the_client_are_keys_of_an_upsert() {
    let db = Fixture::<DB>::new(&ACCOUNTS).await;
    let accounts = Account::repo(db.source());
    let new = |owner: &str| NewAccount { id: Uuid::from_u128(1), owner: owner.into(), balance: None };
    accounts.upsert(new("Ada"), Account::ID).await.unwrap();
    let updated = accounts.upsert(new("Grace"), Account::ID).await.unwrap();
    assert_eq!((updated.owner.as_str(), updated.balance), ("Grace", 100));
    assert_eq!(accounts.count().await.unwrap(), 1);

    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    members.upsert(member(1, "a", 1), (Member::ORG, Member::USER)).await.unwrap();
    members.upsert(member(1, "a", 2), (Member::ORG, Member::USER)).await.unwrap();
    members.upsert(member(2, "a", 3), (Member::ORG, Member::USER)).await.unwrap();
    assert_eq!(members.get((1, "a".to_string())).await.unwrap().level, 2);
    assert_eq!(members.count().await.unwrap(), 2);
}

#[tokio::test]
async fn columns_that_are_not_declared_as_a_key_are_refused() {
    let db = Fixture::<DB>::new(&SEATS).await;
    let seats = Seat::repo(db.source());
    let conflicts = [
        (Conflict::on(Seat::ROOM), "`room`"),
        (Conflict::on((Seat::ROOM, Seat::CODE)), "`room`, `code`"),
        (Conflict::on((Seat::ROOM, Seat::PLACE, Seat::CODE)), "`room`, `place`, `code`"),
    ];
    for (conflict, columns) in conflicts {
        for error in [
            seats.upsert(seat(1, "a", "a"), conflict.clone()).await.unwrap_err(),
            seats.upsert_many([seat(1, "a", "a")], conflict).await.unwrap_err(),
        ] {
            let Error::BadRequest(text) = &error else { panic!("{error:?}") };
            assert!(text.contains(columns) && text.contains("Seat"), "{text}");
        }
    }
    assert_eq!(seats.count().await.unwrap(), 0);
}

#[tokio::test]
async fn another_unique_key_that_is_taken_is_a_violation_that_names_it() {
    let db = Fixture::<DB>::new(&SEATS).await;
    let seats = Seat::repo(db.source());
    let a = seats.create(seat(1, "a", "code-a")).await.unwrap();
    let b = seats.create(seat(1, "b", "code-b")).await.unwrap();

    // Free by place, taken by code; taken by place and by another row's code.
    for new in [seat(2, "z", "code-a"), seat(1, "b", "code-a")] {
        for conflict in [
            Conflict::on((Seat::ROOM, Seat::PLACE)),
            Conflict::on((Seat::ROOM, Seat::PLACE)).update(Seat::CODE),
        ] {
            let error = seats.upsert(new.clone(), conflict).await.unwrap_err();
            assert!(error.is_unique_violation_of(Seat::CODE), "{error:?}");
            let violation = error.violation().unwrap();
            assert_eq!((violation.entity(), violation.table()), (Some("Seat"), Some("seats")));
            assert_eq!(violation.columns(), ["code"]);
        }
    }
    let error = seats.upsert(seat(1, "a", "code-z"), Seat::CODE).await.unwrap_err();
    assert!(error.is_unique_violation_of((Seat::ROOM, Seat::PLACE)), "{error:?}");

    assert_eq!(seats.get(a.id).await.unwrap(), a);
    assert_eq!(seats.get(b.id).await.unwrap(), b);
    assert_eq!(seats.count().await.unwrap(), 2);
}
