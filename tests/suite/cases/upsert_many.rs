//! `upsert_many`.

use kysera::{Conflict, Error, Repository};
use kysera_tests::Fixture;

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn new_rows_and_known_ones_may_be_mixed_and_are_answered_in_order() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create_many([user("b@x", "B"), user("d@x", "D")]).await.unwrap();
    let rows = [user("c@x", "C"), user("d@x", "D2"), user("a@x", "A"), user("b@x", "B2")];
    let stored = users.upsert_many(rows, User::EMAIL).await.unwrap();
    let names: Vec<_> = stored.iter().map(|user| (user.email.as_str(), user.name.as_str())).collect();
    assert_eq!(names, [("c@x", "C"), ("d@x", "D2"), ("a@x", "A"), ("b@x", "B2")]);
    assert_eq!((stored[1].id, stored[3].id), (made[1].id, made[0].id));
    for user in &stored {
        assert_eq!(&users.get(user.id).await.unwrap(), user);
    }
    assert_eq!(users.count().await.unwrap(), 4);
}

#[tokio::test]
async fn rows_of_different_shapes_keep_their_order() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let known = crowd(20).step_by(2).map(|new| NewUser { role: Some(1), ..new });
    users.create_many(known).await.unwrap();
    let rows = crowd(20).enumerate().map(|(i, new)| NewUser {
        name: format!("new {i}"),
        role: (i % 3 == 0).then_some(100),
        ..new
    });
    let stored = users.upsert_many(rows, User::EMAIL).await.unwrap();
    assert_eq!(stored.len(), 20);
    for (i, user) in stored.iter().enumerate() {
        assert_eq!((user.email.as_str(), user.name.as_str()), (&*format!("u{i}@x"), &*format!("new {i}")));
        // Given; left alone; left to the default.
        let role = if i % 3 == 0 {
            100
        } else if i % 2 == 0 {
            1
        } else {
            7
        };
        assert_eq!(user.role, role, "row {i}");
    }
}

#[tokio::test]
async fn what_a_conflict_updates_holds_for_every_row() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    users.create_many(crowd(2)).await.unwrap();
    let rows = || crowd(3).map(|new| NewUser { name: "changed".into(), bio: Some("b".into()), ..new });
    let kept = users.upsert_many(rows(), Conflict::on(User::EMAIL).keep()).await.unwrap();
    let names: Vec<_> = kept.iter().map(|user| (user.name.as_str(), user.bio.as_deref())).collect();
    assert_eq!(names, [("user 0", None), ("user 1", None), ("changed", Some("b"))]);
    let updated = users.upsert_many(rows(), Conflict::on(User::EMAIL).update(User::BIO)).await.unwrap();
    let names: Vec<_> = updated.iter().map(|user| (user.name.as_str(), user.bio.as_deref())).collect();
    assert_eq!(names, [("user 0", Some("b")), ("user 1", Some("b")), ("changed", Some("b"))]);
}

#[tokio::test]
async fn one_key_twice_is_refused_and_nothing_is_written() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let made = users.create(user("known@x", "Known")).await.unwrap();
    let twice = [
        vec![user("new@x", "1"), user("new@x", "2")],
        vec![user("known@x", "1"), user("other@x", "2"), user("known@x", "3")],
        // In two statements, because they are of different shapes.
        vec![user("new@x", "1"), NewUser { role: Some(1), ..user("new@x", "2") }],
        vec![user("known@x", "1"), NewUser { role: Some(1), ..user("known@x", "2") }],
    ];
    for rows in twice {
        for conflict in [Conflict::on(User::EMAIL), Conflict::on(User::EMAIL).keep()] {
            let error = users.upsert_many(rows.clone(), conflict).await.unwrap_err();
            assert!(matches!(error, Error::SameKey { .. }), "{error:?}");
            assert!(error.to_string().contains("User"), "{error}");
            assert_eq!(users.find_all().await.unwrap(), std::slice::from_ref(&made));
        }
    }
}

#[tokio::test]
async fn one_key_twice_in_different_batches_is_refused_and_nothing_is_written() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let error = users.upsert_many(crowd(5000).chain(crowd(1)), User::EMAIL).await.unwrap_err();
    assert!(matches!(error, Error::SameKey { .. }), "{error:?}");
    assert_eq!(users.count().await.unwrap(), 0);
}

#[tokio::test]
async fn another_unique_key_that_is_taken_is_a_violation_and_nothing_is_written() {
    let db = Fixture::<DB>::new(&SEATS).await;
    let seats = Seat::repo(db.source());
    let a = seats.create(seat(1, "a", "code-a")).await.unwrap();
    let rows = [
        NewSeat { guest: Some("Ada".into()), ..seat(1, "a", "code-a") },
        seat(1, "b", "code-b"),
        seat(1, "c", "code-a"),
    ];
    let error = seats.upsert_many(rows, (Seat::ROOM, Seat::PLACE)).await.unwrap_err();
    assert!(error.is_unique_violation_of(Seat::CODE), "{error:?}");
    assert_eq!(seats.find_all().await.unwrap(), [a]);
}

#[tokio::test]
async fn composite_keys_are_keys_of_many_rows() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    members.create_many([member(1, "a", 1), member(2, "b", 1)]).await.unwrap();
    let rows = [member(2, "a", 5), member(2, "b", 6), member(1, "b", 7), member(1, "a", 8)];
    let stored = members.upsert_many(rows, (Member::ORG, Member::USER)).await.unwrap();
    let found: Vec<_> = stored.iter().map(|row| (row.org, row.user.as_str(), row.level)).collect();
    assert_eq!(found, [(2, "a", 5), (2, "b", 6), (1, "b", 7), (1, "a", 8)]);
    assert_eq!(members.count().await.unwrap(), 4);
}

#[tokio::test]
async fn thousands_of_rows_are_answered_in_order() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let known = users.create_many(crowd(3000).step_by(2)).await.unwrap();
    let rows = crowd(3000).map(|new| NewUser { bio: Some("upserted".into()), ..new });
    let stored = users.upsert_many(rows, User::EMAIL).await.unwrap();
    assert!(stored.iter().enumerate().all(|(i, user)| user.email == format!("u{i}@x")));
    assert!(stored.iter().step_by(2).map(|user| user.id).eq(known.iter().map(|user| user.id)));
    assert_eq!(users.find().filter(User::BIO.eq("upserted")).count().await.unwrap(), 3000);
}
