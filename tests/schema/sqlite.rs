//! Snapshots of schemas, on SQLite.

pub type DB = sqlx::Sqlite;

/// What stands in the names of the files of this backend.
pub const NAME: &str = "sqlite";

/// What was generated of the shop's tables.
#[rustfmt::skip]
#[path = "generated/sqlite.rs"]
pub mod entities;
mod cases;

/// A new order; the columns are not the same everywhere.
pub fn order(user_id: i64, number: &str, net: i32) -> entities::NewOrder {
    entities::NewOrder {
        user_id,
        billed_to: None,
        number: number.into(),
        net: net.into(),
        tax: None,
        placed_on: sqlx::types::chrono::NaiveDate::default(),
        note: None,
        paid: None,
        digest: None,
        reference: None,
    }
}

/// The macro, as programs use it.
async fn shop() -> kysera::Db<DB> {
    let db = kysera::Db::<DB>::connect("sqlite::memory:").await.unwrap();
    db.raw_sql(cases::shop::SHOP.sqlite).await.unwrap();
    db
}

kysera::schema_test!(shop().await, "schema/shop.sqlite.json");

/// SQLite calls a check without a name by what it asks for.
#[tokio::test]
async fn a_check_without_a_name() {
    use entities::{NewUser, User, UserConstraint};
    use kysera::prelude::*;

    let new = NewUser {
        email: "ada@example.org".into(),
        name: "Ada".into(),
        mood: Some("angry".into()),
        invited_by: None,
        first_name: None,
        r#type: None,
    };
    let error = User::repo(shop().await).create(new).await.unwrap_err();
    let found = error.violated::<UserConstraint>().unwrap();
    assert_eq!((found, found.name()), (UserConstraint::MoodCheck, None));
}
