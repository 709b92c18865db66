//! Violated constraints: the same typed error on every database.

use kysera::backend::{Backend, Dialect};
use kysera::error::{Violation, ViolationKind};
use kysera::{Error, ErrorCode, Repository};
use kysera_tests::{Ddl, Fixture};

use super::entities::*;
use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "orders")]
pub struct Order {
    #[kysera(id, assigned)]
    pub id: i64,
    // NOT NULL in the table, which the struct does not know.
    pub customer: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "lines")]
pub struct Line {
    #[kysera(id)]
    pub id: i64,
    pub order_id: i64,
    pub qty: i32,
}

const ORDERS: Ddl = Ddl {
    postgres: "CREATE TABLE orders (id BIGINT PRIMARY KEY, customer TEXT NOT NULL);
        CREATE TABLE lines (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id BIGINT NOT NULL, qty INT NOT NULL,
            CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES orders (id),
            CONSTRAINT lines_qty CHECK (qty > 0))",
    mysql: "CREATE TABLE orders (id BIGINT PRIMARY KEY, customer VARCHAR(100) NOT NULL);
        CREATE TABLE `lines` (
            id BIGINT AUTO_INCREMENT PRIMARY KEY, order_id BIGINT NOT NULL, qty INT NOT NULL,
            CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES orders (id),
            CONSTRAINT lines_qty CHECK (qty > 0))",
    sqlite: "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL);
        CREATE TABLE lines (
            id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, qty INTEGER NOT NULL,
            CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES orders (id),
            CONSTRAINT lines_qty CHECK (qty > 0))",
};

/// What is the same everywhere: the kind, the code, the entity, the table, and that no value is told.
fn violated<'e, T: std::fmt::Debug>(
    result: &'e Result<T, Error>,
    kind: ViolationKind,
    code: ErrorCode,
    entity: &str,
    table: &str,
    values: &[&str],
) -> &'e Violation {
    let error = result.as_ref().unwrap_err();
    let violation = error.violation().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!((violation.kind(), error.code()), (kind, code), "{error:?}");
    assert_eq!((violation.entity(), violation.table()), (Some(entity), Some(table)), "{error:?}");
    assert!(!error.is_transient());
    let json = serde_json::to_string(error).unwrap();
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}"), json] {
        for value in values {
            assert!(!text.contains(value), "{value} is in {text}");
        }
    }
    violation
}

#[tokio::test]
async fn a_unique_column_is_named() {
    let db = Fixture::<DB>::new(&USERS).await;
    let users = User::repo(db.source());
    for email in ["plain@x", "it's for key 'users.name'", "' for key 'name", "a-b, (c)=(d)", ""] {
        users.create(user(email, "first")).await.unwrap();
        let result = users.create(user(email, "second-value")).await;
        let values = ["second-value", if email.is_empty() { "second-value" } else { email }];
        let (kind, code) = (ViolationKind::Unique, ErrorCode::UniqueViolation);
        let violation = violated(&result, kind, code, "User", "users", &values);
        assert_eq!(violation.columns(), ["email"]);
        let error = result.unwrap_err();
        assert!(error.is_unique_violation_of(User::EMAIL));
        assert!(!error.is_unique_violation_of(User::NAME) && !error.is_unique_violation_of(User::ID));
        assert!(!error.is_unique_violation_of((User::EMAIL, User::NAME)));
    }
    assert_eq!(users.count().await.unwrap(), 5);
}

#[tokio::test]
async fn all_columns_of_a_composite_unique_key_are_named() {
    let db = Fixture::<DB>::new(&SEATS).await;
    let seats = Seat::repo(db.source());
    seats.create(seat(41_999, "row, place", "first-code")).await.unwrap();
    let (kind, code) = (ViolationKind::Unique, ErrorCode::UniqueViolation);
    let values = ["41999", "row, place", "second-code", "first-code"];

    let result = seats.create(seat(41_999, "row, place", "second-code")).await;
    let violation = violated(&result, kind, code, "Seat", "seats", &values);
    assert_eq!(violation.columns(), ["room", "place"]);
    let constraint = (DB::DIALECT != Dialect::Sqlite).then_some("seats_room_place");
    assert_eq!(violation.constraint(), constraint);
    let error = result.unwrap_err();
    assert!(error.is_unique_violation_of((Seat::ROOM, Seat::PLACE)));
    assert!(error.is_unique_violation_of((Seat::PLACE, Seat::ROOM)));
    assert!(!error.is_unique_violation_of(Seat::ROOM) && !error.is_unique_violation_of(Seat::CODE));

    let result = seats.create(seat(1, "other", "first-code")).await;
    assert_eq!(violated(&result, kind, code, "Seat", "seats", &values).columns(), ["code"]);
}

#[tokio::test]
async fn the_columns_of_a_primary_key_are_named() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    members.create(member(717, "secret-name", 1)).await.unwrap();
    let result = members.create(member(717, "secret-name", 2)).await;
    let (kind, code) = (ViolationKind::Unique, ErrorCode::UniqueViolation);
    let violation = violated(&result, kind, code, "Member", "members", &["secret-name", "717"]);
    assert_eq!(violation.columns(), ["org", "user"]);

    let db = Fixture::<DB>::new(&ORDERS).await;
    let orders = Order::repo(db.source());
    orders.create(NewOrder { id: 5, customer: Some("c".into()) }).await.unwrap();
    let error = orders.create(NewOrder { id: 5, customer: Some("d".into()) }).await.unwrap_err();
    assert!(error.is_unique_violation_of(Order::ID), "{error:?}");
}

#[tokio::test]
async fn a_foreign_key_is_violated_from_both_sides() {
    let db = Fixture::<DB>::new(&ORDERS).await;
    let (orders, lines) = (Order::repo(db.source()), Line::repo(db.source()));
    let (kind, code) = (ViolationKind::ForeignKey, ErrorCode::ForeignKeyViolation);
    orders.create(NewOrder { id: 81_818, customer: Some("c".into()) }).await.unwrap();
    let line = lines.create(NewLine { order_id: 81_818, qty: 1 }).await.unwrap();

    let child = [
        lines.create(NewLine { order_id: 92_929, qty: 1 }).await,
        lines.update(line.id, LinePatch::new().order_id(92_929)).await,
    ];
    for result in child {
        let violation = violated(&result, kind, code, "Line", "lines", &["92929"]);
        if DB::DIALECT != Dialect::Sqlite {
            assert_eq!(violation.columns(), ["order_id"]);
            assert_eq!(violation.constraint(), Some("lines_order"));
        }
        if DB::DIALECT == Dialect::MySql {
            assert_eq!(violation.referenced_table(), Some("orders"));
        }
    }

    // SQLite does not tell which table refers to the row.
    let table = if DB::DIALECT == Dialect::Sqlite { "orders" } else { "lines" };
    let result = orders.delete(81_818).await;
    violated(&result, kind, code, "Order", table, &["81818"]);
    let result = orders.delete_many([81_818]).await;
    violated(&result, kind, code, "Order", table, &["81818"]);
    let result = orders.find().delete().await;
    violated(&result, kind, code, "Order", table, &["81818"]);
    assert_eq!((orders.count().await.unwrap(), lines.count().await.unwrap()), (1, 1));
}

#[tokio::test]
async fn not_null_names_its_column() {
    let db = Fixture::<DB>::new(&ORDERS).await;
    let orders = Order::repo(db.source());
    orders.create(NewOrder { id: 61_616, customer: Some("secret".into()) }).await.unwrap();
    let results = [
        orders.create(NewOrder { id: 71_717, customer: None }).await,
        orders.update(61_616, OrderPatch::new().customer(None)).await,
        orders.create_many([NewOrder { id: 71_717, customer: None }]).await.map(|mut rows| rows.remove(0)),
    ];
    for result in results {
        let (kind, code) = (ViolationKind::NotNull, ErrorCode::NotNullViolation);
        let violation = violated(&result, kind, code, "Order", "orders", &["61616", "71717", "secret"]);
        assert_eq!(violation.columns(), ["customer"]);
    }
    assert_eq!(orders.count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_check_names_its_constraint() {
    let db = Fixture::<DB>::new(&ORDERS).await;
    let (orders, lines) = (Order::repo(db.source()), Line::repo(db.source()));
    orders.create(NewOrder { id: 1, customer: Some("c".into()) }).await.unwrap();
    let line = lines.create(NewLine { order_id: 1, qty: 1 }).await.unwrap();
    let results = [
        lines.create(NewLine { order_id: 1, qty: -54_321 }).await,
        lines.update(line.id, LinePatch::new().qty(-54_321)).await,
    ];
    for result in results {
        let (kind, code) = (ViolationKind::Check, ErrorCode::CheckViolation);
        let violation = violated(&result, kind, code, "Line", "lines", &["54321"]);
        assert_eq!(violation.constraint(), Some("lines_qty"));
    }
    assert_eq!(lines.find_all().await.unwrap(), [line]);
}

#[tokio::test]
async fn a_failure_of_any_kind_leaves_the_connection_usable() {
    let db = Fixture::<DB>::new(&ORDERS).await;
    let (orders, lines) = (Order::repo(db.source()), Line::repo(db.source()));
    // The fixture has one connection.
    for id in 1..5 {
        orders.create(NewOrder { id, customer: Some("c".into()) }).await.unwrap();
        orders.create(NewOrder { id, customer: Some("c".into()) }).await.unwrap_err();
        orders.create(NewOrder { id: -id, customer: None }).await.unwrap_err();
        lines.create(NewLine { order_id: -id, qty: 1 }).await.unwrap_err();
        lines.create(NewLine { order_id: id, qty: 0 }).await.unwrap_err();
        lines.create_many([1, 2, 0].map(|qty| NewLine { order_id: id, qty })).await.unwrap_err();
        User::repo(db.source()).find_all().await.unwrap_err();
        assert_eq!(orders.count().await.unwrap(), id as u64);
        assert_eq!(lines.count().await.unwrap(), 0);
    }
}
