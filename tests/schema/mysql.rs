//! Snapshots of schemas, on MySQL.

pub type DB = sqlx::MySql;

/// What stands in the names of the files of this backend.
pub const NAME: &str = "mysql";

/// What was generated of the shop's tables.
#[rustfmt::skip]
#[path = "generated/mysql.rs"]
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
        weight: Some(0.5),
        stock: None,
        seen: None,
    }
}
