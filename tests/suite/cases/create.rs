//! `create` and `create_many`.

use kysera::backend::{Backend, Dialect};
use kysera::{Error, Repository};
use kysera_tests::Fixture;
use sqlx::types::Uuid;

use super::entities::*;
use crate::DB;

#[tokio::test]
async fn create_answers_the_row_as_stored() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let ada = users.create(user("ada@x", "Ada")).await.unwrap();
    assert_eq!(
        ada,
        User { id: ada.id, email: "ada@x".into(), name: "Ada".into(), bio: None, role: 7, visits: 0 }
    );
    let new = NewUser { bio: Some("Admiral".into()), role: Some(3), ..user("grace@x", "Grace") };
    let grace = users.create(new).await.unwrap();
    assert_eq!((grace.bio.as_deref(), grace.role), (Some("Admiral"), 3));
    assert_ne!(ada.id, grace.id);
    assert_eq!(users.get(ada.id).await.unwrap(), ada);
    assert_eq!(users.get(grace.id).await.unwrap(), grace);
}

#[tokio::test]
async fn a_row_that_leaves_everything_to_the_database_can_be_created() {
    let db = Fixture::<DB>::new(&TICKETS).await;
    let tickets = Ticket::repo(db.source());
    let one = tickets.create(NewTicket { state: None, priority: None }).await.unwrap();
    assert_eq!((one.state.as_str(), one.priority), ("open", 3));
    let many = tickets.create_many((0..5).map(|_| NewTicket { state: None, priority: None })).await.unwrap();
    assert_eq!(many.len(), 5);
    assert!(many.iter().all(|ticket| ticket.state == "open" && ticket.priority == 3));
    assert!(many.iter().all(|ticket| ticket.id != one.id));
    assert_eq!(tickets.count().await.unwrap(), 6);
}

#[tokio::test]
async fn keys_of_the_client_are_stored_as_given() {
    let db = Fixture::<DB>::new(&ACCOUNTS).await;
    let accounts = Account::repo(db.source());
    let id = Uuid::from_u128(0xff00_0000_0000_0000_0000_0000_0000_0001);
    let account = accounts.create(NewAccount { id, owner: "Ada".into(), balance: None }).await.unwrap();
    assert_eq!(account, Account { id, owner: "Ada".into(), balance: 100 });
    let rows = [3_u128, 1, 2].map(|n| NewAccount {
        id: Uuid::from_u128(n),
        owner: format!("owner {n}"),
        balance: (n == 1).then_some(5),
    });
    let made = accounts.create_many(rows).await.unwrap();
    let found: Vec<_> = made.iter().map(|account| (account.id.as_u128(), account.balance)).collect();
    assert_eq!(found, [(3, 100), (1, 5), (2, 100)]);
    assert_eq!(accounts.get(id).await.unwrap(), account);
}

#[tokio::test]
async fn composite_keys_are_stored_and_answered_in_the_order_of_the_input() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    let rows = [member(2, "b", 1), member(1, "z", 2), member(2, "a", 3), member(1, "a", 4)];
    let made = members.create_many(rows).await.unwrap();
    let found: Vec<_> = made.iter().map(|row| (row.org, row.user.as_str(), row.level)).collect();
    assert_eq!(found, [(2, "b", 1), (1, "z", 2), (2, "a", 3), (1, "a", 4)]);
    let error = members.create(member(1, "z", 9)).await.unwrap_err();
    assert!(error.is_unique_violation_of((Member::ORG, Member::USER)), "{error:?}");
    assert_eq!(members.get((1, "z".to_string())).await.unwrap().level, 2);
}

#[tokio::test]
async fn keys_of_the_client_that_the_database_thinks_equal_are_refused() {
    let db = Fixture::<DB>::new(&TAGS).await;
    let tags = Tag::repo(db.source());
    let error = tags.create_many([tag("a", "1"), tag("b", "2"), tag("a", "3")]).await.unwrap_err();
    assert!(error.is_unique_violation_of(Tag::SLUG), "{error:?}");
    assert_eq!(tags.count().await.unwrap(), 0);
}

#[tokio::test]
async fn create_many_keeps_the_order_when_rows_leave_different_columns_to_defaults() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let rows = (0..40).map(|i| NewUser {
        role: (i % 3 == 0).then_some(i),
        bio: (i % 2 == 0).then(|| format!("bio {i}")),
        ..user(format!("u{i}@x"), "someone")
    });
    let made = users.create_many(rows).await.unwrap();
    assert_eq!(made.len(), 40);
    for (i, row) in (0..).zip(&made) {
        assert_eq!(row.email, format!("u{i}@x"));
        assert_eq!(row.role, if i % 3 == 0 { i } else { 7 });
        assert_eq!(row.bio, (i % 2 == 0).then(|| format!("bio {i}")));
        assert_eq!(&users.get(row.id).await.unwrap(), row);
    }
}

#[tokio::test]
async fn create_many_of_thousands_answers_every_row_in_order() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    users.create(user("before@x", "before")).await.unwrap();
    let made = users.create_many(crowd(5000)).await.unwrap();
    assert_eq!(made.len(), 5000);
    assert!(made.iter().enumerate().all(|(i, row)| row.email == format!("u{i}@x")));
    assert!(made.is_sorted_by(|a, b| a.id < b.id), "ids of rows of one shape ascend");
    assert_eq!(users.count().await.unwrap(), 5001);
    assert_eq!(users.get(made[4321].id).await.unwrap(), made[4321]);
}

#[tokio::test]
async fn create_many_writes_nothing_when_a_row_of_a_later_batch_is_refused() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let rows = crowd(4999).chain([user("u17@x", "a second time")]);
    let error = users.create_many(rows).await.unwrap_err();
    assert!(error.is_unique_violation_of(User::EMAIL), "{error:?}");
    assert_eq!(users.count().await.unwrap(), 0);
    assert_eq!(users.create_many(crowd(3)).await.unwrap().len(), 3, "the connection is as good as before");
}

#[tokio::test]
async fn create_many_writes_nothing_when_a_row_of_another_shape_is_refused() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let rows = crowd(10).chain([NewUser { role: Some(1), ..user("u3@x", "a second time") }]);
    let error = users.create_many(rows).await.unwrap_err();
    assert!(error.is_unique_violation_of(User::EMAIL), "{error:?}");
    assert_eq!(users.count().await.unwrap(), 0);
}

#[tokio::test]
async fn create_many_of_nothing_needs_no_connection() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    // The fixture has one connection, which is taken.
    let held = db.connection().await;
    assert_eq!(users.create_many([]).await.unwrap(), []);
    assert_eq!(users.insert_many([]).await.unwrap(), 0);
    assert_eq!(users.update_many::<i64>([]).await.unwrap(), []);
    assert_eq!(users.upsert_many([], User::EMAIL).await.unwrap(), []);
    assert_eq!(users.delete_many::<i64>([]).await.unwrap(), 0);
    assert_eq!(users.find_by_ids::<i64>([]).await.unwrap(), []);
    drop(held);
}

#[tokio::test]
async fn a_value_that_the_database_refuses_is_an_error_and_no_row() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    let nul = users.create(user("nul@x", "a\0b")).await;
    match DB::DIALECT {
        // It has no NUL in text.
        Dialect::Postgres => {
            assert!(matches!(nul, Err(Error::Database(_) | Error::Encode { .. })), "{nul:?}");
            assert_eq!(users.count().await.unwrap(), 0);
        }
        _ => assert_eq!(nul.unwrap().name, "a\0b"),
    }
    let made = users.create(user("next@x", "next")).await.unwrap();
    assert_eq!(made.name, "next");
}
