//! Updates with expressions.

use std::sync::Arc;

use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera::{Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};

use super::entities::*;
use crate::DB;

async fn three(db: &Fixture<DB>) -> Vec<User> {
    User::repo(db.source()).create_many(crowd(3)).await.unwrap()
}

#[tokio::test]
async fn values_expressions_and_patches_go_together() {
    let db = Fixture::<DB>::new(&USERS).await;
    let all = three(&db).await;
    let users = User::repo(db.source());
    let changed = users
        .find()
        .filter(User::ID.in_([all[0].id, all[1].id]))
        .set(User::ROLE, User::ROLE.plus(3).times(2))
        .set(User::NAME, User::EMAIL.upper())
        .patch(UserPatch::new().bio("a bio"))
        .execute()
        .await
        .unwrap();
    assert_eq!(changed, 2);
    let after = users.find_by_ids(all.iter().map(|user| user.id)).await.unwrap();
    let wanted = |user: &User, name: &str| User {
        role: 20,
        name: name.into(),
        bio: Some("a bio".into()),
        ..user.clone()
    };
    assert_eq!(after, [wanted(&all[0], "U0@X"), wanted(&all[1], "U1@X"), all[2].clone()]);

    // From a nullable column, to NULL, a value of another spelling, all rows.
    let changed = users
        .find()
        .set(User::NAME, User::BIO.coalesce("none"))
        .set(User::BIO, None)
        .set(User::ROLE, 4)
        .execute()
        .await
        .unwrap();
    assert_eq!(changed, 3);
    let after = users.find().order_by(User::ID.asc()).all().await.unwrap();
    assert_eq!(after.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["a bio", "a bio", "none"]);
    assert!(after.iter().all(|user| user.bio.is_none() && user.role == 4));
    assert_eq!(users.find().filter(User::ID.lt(0)).set(User::ROLE, 1).execute().await.unwrap(), 0);
}

#[tokio::test]
async fn expressions_see_the_row_as_it_was() {
    let db = Fixture::<DB>::new(&SEATS).await;
    let seats = Seat::repo(db.source());
    let new = NewSeat { guest: Some("guest".into()), price: Some(3), ..seat(1, "place", "code") };
    let before = seats.create(new).await.unwrap();
    // In this order MySQL would hand the new values on.
    let changed = seats
        .find()
        .set(Seat::PLACE, "new place")
        .set(Seat::GUEST, Seat::PLACE)
        .set(Seat::CODE, Seat::GUEST.coalesce(""))
        .set(Seat::ROOM, Seat::ROOM.plus(1))
        .execute()
        .await
        .unwrap();
    assert_eq!(changed, 1);
    let after = seats.get(before.id).await.unwrap();
    let wanted = Seat {
        place: Some("new place".into()),
        guest: Some("place".into()),
        code: "guest".into(),
        room: 2,
        ..before.clone()
    };
    assert_eq!(after, wanted);

    let swap = seats.find().set(Seat::PLACE, Seat::GUEST).set(Seat::GUEST, Seat::PLACE).execute().await;
    if DB::DIALECT == Dialect::MySql {
        let error = swap.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.to_string().contains("`place`, `guest`"), "{error}");
        assert_eq!(seats.get(before.id).await.unwrap(), wanted);
    } else {
        assert_eq!(swap.unwrap(), 1);
        let swapped = seats.get(before.id).await.unwrap();
        assert_eq!((swapped.place.as_deref(), swapped.guest.as_deref()), (Some("place"), Some("new place")));
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    // There is no table: a statement would be told so.
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let users = User::repo(db.source());
    let none = UserPatch::new;
    let said = |result: Result<u64, Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequest, "{error:?}");
        error.to_string()
    };
    let key = users.find().set(User::ID, 1).execute().await;
    assert_eq!(said(key), "`id` of User is part of the key, which never changes");
    let read_only = users.find().set(User::VISITS, User::VISITS.plus(1)).execute().await;
    assert_eq!(said(read_only), "`visits` of User is `read_only`: the database alone writes it");
    let twice = "`name` of User is set twice: which value should win?";
    assert_eq!(said(users.find().set(User::NAME, "a").set(User::NAME, "b").execute().await), twice);
    assert_eq!(said(users.find().set(User::NAME, "a").patch(none().name("b")).execute().await), twice);
    assert_eq!(said(users.find().patch(none().name("b")).set(User::NAME, "a").execute().await), twice);
    assert_eq!(said(users.find().patch(none().name("a")).patch(none().name("b")).execute().await), twice);
    let order = "`find().set(..)` concerns all rows of its filters: it takes no order, limit or offset";
    for find in [users.find().limit(1), users.find().offset(1), users.find().order_by(User::ID.asc())] {
        assert!(said(find.set(User::NAME, "a").execute().await).starts_with("`find().set(..)"), "{order}");
    }
    let aggregate = users.find().set(User::NAME, User::NAME.max()).execute().await;
    assert!(said(aggregate).contains("aggregate"));
    // Nothing to do is done at once.
    assert_eq!(users.find().patch(none()).execute().await.unwrap(), 0);
    assert_eq!(users.find().patch(none()).patch(none()).execute().await.unwrap(), 0);
}

#[tokio::test]
async fn rules_and_constraints_hold() {
    let db = Fixture::<DB>::new(&USERS).await;
    let all = three(&db).await;
    let users = User::repo(db.source());
    let taken = users.find().set(User::EMAIL, "same").execute().await.unwrap_err();
    assert!(taken.is_unique_violation_of(User::EMAIL), "{taken:?}");
    // A column that may be NULL given to one that may not.
    let null = users.find().set(User::NAME, User::BIO).execute().await.unwrap_err();
    assert_eq!(null.code(), ErrorCode::NotNullViolation, "{null:?}");
    assert_eq!(users.find().order_by(User::ID.asc()).all().await.unwrap(), all);
}

#[tokio::test]
async fn it_is_rolled_back_with_its_transaction() {
    let db = Fixture::<DB>::new(&USERS).await;
    let all = three(&db).await;
    let tx = db.source().begin().await.unwrap();
    assert_eq!(User::repo(&tx).find().set(User::ROLE, User::ROLE.plus(1)).execute().await.unwrap(), 3);
    tx.rollback().await.unwrap();
    assert_eq!(User::repo(db.source()).find().order_by(User::ID.asc()).all().await.unwrap(), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_between_concurrent_updates() {
    let db = Arc::new(Fixture::<DB>::concurrent(&USERS, 8).await);
    let ada = User::repo(db.source()).create(user("ada@x", "Ada")).await.unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let users = User::repo(db.source());
                let one = users.find().filter(User::ID.eq(ada.id));
                one.set(User::ROLE, User::ROLE.plus(1)).execute().await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), 1);
    }
    assert_eq!(User::repo(db.source()).get(ada.id).await.unwrap().role, ada.role + 100);
}
