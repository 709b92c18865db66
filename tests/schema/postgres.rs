//! Snapshots of schemas, on PostgreSQL.

pub type DB = sqlx::Postgres;

/// What stands in the names of the files of this backend.
pub const NAME: &str = "postgres";

/// What was generated of the shop's tables.
#[rustfmt::skip]
#[path = "generated/postgres.rs"]
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
        tags: Some(vec!["new".into()]),
        moods: Some(vec![entities::Mood::SoSo]),
    }
}
