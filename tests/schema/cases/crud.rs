//! The entities that were generated, at work; and what the snapshot adds to them.

use kysera::Error;
use kysera::error::ViolationKind;
use kysera::prelude::*;
use kysera_tests::Fixture;

use super::shop::SHOP;
use crate::entities::{
    ItemNote, NewItemNote, NewOddTable, NewOrderItem, NewUser, NewUserRow, NewUserRowFinders, OddTable,
    OddTablePatch, Order, OrderConstraint, OrderFinders, OrderItem, OrderItemConstraint, Span, User,
    UserConstraint, UserFinders, UserPatch,
};
use crate::{DB, NAME, order};

fn user(name: &str) -> NewUser {
    NewUser {
        email: format!("{name}@example.org"),
        name: name.into(),
        mood: None,
        invited_by: None,
        first_name: None,
        r#type: Some(3),
    }
}

#[tokio::test]
async fn rows_come_and_go() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let users = User::repo(db.source());
    let ada = users.create(user("ada")).await.unwrap();
    assert_eq!((ada.version, ada.r#type, ada.deleted_at), (1, 3, None));
    let ada = users.update(ada.id, UserPatch::new().first_name("A").r#type(4)).await.unwrap();
    assert_eq!((ada.version, ada.first_name.as_deref(), ada.r#type), (2, Some("A"), 4));

    let orders = Order::repo(db.source());
    let first = orders.create(order(ada.id, "1", 7)).await.unwrap();
    assert_eq!(first.gross, Some(7.into()), "the database makes it");
    assert_eq!(orders.get(first.id).await.unwrap(), first);
    let buyers = users.find().filter(User::ORDERS_BY_USER.any(Order::NUMBER.eq("1"))).all().await.unwrap();
    assert_eq!(buyers, std::slice::from_ref(&ada));
    let payers =
        users.find().filter(User::ORDERS_BY_BILLED_TO.any(Order::NUMBER.eq("1"))).all().await.unwrap();
    assert_eq!(payers, []);

    let items = OrderItem::repo(db.source());
    let item =
        items.create(NewOrderItem { order_id: first.id, line: 1, größe: Some("L".into()) }).await.unwrap();
    assert_eq!(items.get((first.id, 1)).await.unwrap(), item);
    let notes = ItemNote::repo(db.source());
    notes.create(NewItemNote { order_id: first.id, line: 1, text: "soft".into() }).await.unwrap();

    let odd = OddTable::repo(db.source());
    let row = odd.create(NewOddTable { _1st: 1, select: Some("x".into()), a_b: None }).await.unwrap();
    let row = odd.update(row._1st, OddTablePatch::new().a_b("y")).await.unwrap();
    assert_eq!((row.select.as_deref(), row.a_b.as_deref()), (Some("x"), Some("y")));
    assert!(odd.delete(1).await.unwrap());
    assert_eq!(Span::repo(db.source()).find().count().await.unwrap(), 0);
}

#[tokio::test]
async fn rows_are_found_by_their_keys() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let users = User::repo(db.source());
    let ada = users.create(user("ada")).await.unwrap();
    assert_eq!(users.find_by_email("ada@example.org").await.unwrap(), Some(ada.clone()));
    assert_eq!(users.find_by_email("bob@example.org").await.unwrap(), None);
    let orders = Order::repo(db.source());
    let first = orders.create(order(ada.id, "1", 7)).await.unwrap();
    assert_eq!(orders.find_by_user_id_and_number(ada.id, "1").await.unwrap(), Some(first));
    assert_eq!(orders.find_by_user_id_and_number(ada.id, "2").await.unwrap(), None);
    // What is deleted is found by nobody.
    users.delete(ada.id).await.unwrap();
    assert_eq!(users.find_by_email("ada@example.org").await.unwrap(), None);
    users.restore(ada.id).await.unwrap();
    assert!(users.find_by_email("ada@example.org").await.unwrap().is_some());

    // NULL is not a key, although there may be rows with it.
    let rows = NewUserRow::repo(db.source());
    for (id, user) in [("1", "NULL"), ("2", "NULL"), ("3", &*ada.id.to_string())] {
        let id = match NAME {
            "postgres" => format!("'0000000{id}-0000-0000-0000-000000000000'"),
            _ => format!("X'0000000{id}000000000000000000000000'"),
        };
        let quoted = if NAME == "postgres" { "\"userId\"" } else { "`userId`" };
        db.execute(&format!("INSERT INTO new_users (id, {quoted}) VALUES ({id}, {user})")).await;
    }
    assert!(rows.find_by_user_id(ada.id).await.unwrap().is_some());
    assert_eq!(rows.find_by_user_id(None).await.unwrap(), None);
}

/// Which constraint it was.
#[tokio::test]
async fn constraints_have_names() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let users = User::repo(db.source());
    let ada = users.create(user("ada")).await.unwrap();
    let told = |error: Error| error.violated::<UserConstraint>();

    let taken = users.create(NewUser { name: "other".into(), ..user("ada") }).await.unwrap_err();
    assert_eq!(taken.violated::<OrderConstraint>(), None, "of another table");
    assert_eq!(told(taken), Some(UserConstraint::EmailKey));
    assert_eq!(UserConstraint::EmailKey.name(), Some("users_email_key"));
    assert_eq!(UserConstraint::EmailKey.columns(), ["email"]);
    assert_eq!(UserConstraint::EmailKey.kind(), ViolationKind::Unique);
    let range = users.create(NewUser { r#type: Some(11), ..user("bob") }).await.unwrap_err();
    assert_eq!(told(range), Some(UserConstraint::TypeRange));
    let missing = users.get(-1).await.unwrap_err();
    assert_eq!(told(missing), None);

    let orders = Order::repo(db.source());
    let told = |error: Error| error.violated::<OrderConstraint>();
    orders.create(order(ada.id, "1", 7)).await.unwrap();
    let twice = orders.create(order(ada.id, "1", 8)).await.unwrap_err();
    assert_eq!(told(twice), Some(OrderConstraint::UserNumberKey));
    let negative = orders.create(order(ada.id, "2", -1)).await.unwrap_err();
    assert_eq!(told(negative), Some(OrderConstraint::NetPositive));
    let nobody = orders.create(order(-1, "3", 1)).await.unwrap_err();
    // SQLite tells nothing of a foreign key, and nothing is guessed.
    let expected = if NAME == "sqlite" { None } else { Some(OrderConstraint::UserIdFkey) };
    assert_eq!(told(nobody), expected);

    let items = OrderItem::repo(db.source());
    let new = NewOrderItem { order_id: 1, line: 1, größe: None };
    items.create(new.clone()).await.unwrap();
    let twice = items.create(new).await.unwrap_err();
    assert_eq!(twice.violated::<OrderItemConstraint>(), Some(OrderItemConstraint::PrimaryKey));
}
