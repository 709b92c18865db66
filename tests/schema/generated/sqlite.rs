// Made of the tables of a database by `kysera::schema::generate`.
// `keyless` is left out: it is a table without a key, and an entity has a key
// `paid_orders` is left out: it is a view, and an entity has a key
// `orders.place` is left out: there is no type for `NUMERIC(4, 1)`
// `spans.length` is left out: there is no type for `NUMERIC`, and rows cannot be made without it
// `item_notes`: there is no relation over the several columns `order_id`, `line`

use kysera::prelude::*;
use sqlx::types::JsonValue;
use sqlx::types::Uuid;
use sqlx::types::chrono::DateTime;
use sqlx::types::chrono::NaiveDate;
use sqlx::types::chrono::Utc;

/// The table `item_notes`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "item_notes", schema_file = "schema/shop.sqlite.json")]
pub struct ItemNote {
    /// `INTEGER`
    #[kysera(id)]
    pub id: i64,
    /// `INT`
    pub order_id: i64,
    /// `INT`
    pub line: i64,
    /// `TEXT`
    pub text: String,
}

/// The table `new_users`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "new_users", schema_file = "schema/shop.sqlite.json")]
pub struct NewUserRow {
    /// `BLOB`, `randomblob(16)` by default
    #[kysera(id)]
    pub id: Vec<u8>,
    /// `INTEGER`
    #[kysera(rename = "userId", unique, belongs_to(user = User::ID))]
    pub user_id: Option<i64>,
}

/// The table `odd table`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "odd table", schema_file = "schema/shop.sqlite.json")]
pub struct OddTable {
    /// `INT`
    #[kysera(id, assigned, rename = "1st")]
    pub _1st: i64,
    /// `TEXT`
    #[kysera(rename = "SELECT")]
    pub select: Option<String>,
    /// `TEXT`
    #[kysera(rename = "a-b")]
    pub a_b: Option<String>,
}

/// The table `order_items`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "order_items", schema_file = "schema/shop.sqlite.json")]
pub struct OrderItem {
    /// `INT`
    #[kysera(id, belongs_to(order = Order::ID))]
    pub order_id: i64,
    /// `INT`
    #[kysera(id)]
    pub line: i64,
    /// `TEXT`
    #[kysera(rename = "Größe")]
    pub größe: Option<String>,
}

/// The table `orders`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "orders",
    schema_file = "schema/shop.sqlite.json",
    unique(user_id, number, name = "orders_user_number_key"),
    has_many(order_items = OrderItem::ORDER_ID),
)]
pub struct Order {
    /// `INTEGER`
    #[kysera(id)]
    pub id: i64,
    /// `INTEGER`
    #[kysera(belongs_to(user = User::ID))]
    pub user_id: i64,
    /// `INTEGER`
    #[kysera(belongs_to(billed_to_user = User::ID))]
    pub billed_to: Option<i64>,
    /// `TEXT`
    pub number: String,
    /// `REAL`
    pub net: f64,
    /// `REAL`, `0` by default
    #[kysera(default)]
    pub tax: f64,
    /// `REAL`
    #[kysera(read_only)]
    pub gross: Option<f64>,
    /// `DATE`
    pub placed_on: NaiveDate,
    /// `JSON`
    pub note: Option<JsonValue>,
    /// `BOOLEAN`, `FALSE` by default
    #[kysera(default)]
    pub paid: bool,
    /// `BLOB`
    pub digest: Option<Vec<u8>>,
    /// `UUID`
    pub reference: Option<Uuid>,
    // `place`: there is no type for `NUMERIC(4, 1)`.
}

/// The table `spans`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "spans", schema_file = "schema/shop.sqlite.json", partial)]
pub struct Span {
    /// `INT`
    #[kysera(id, assigned)]
    pub id: i64,
    // `length`: there is no type for `NUMERIC`.
}

/// The table `users`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "users",
    schema_file = "schema/shop.sqlite.json",
    has_one(new_user_row = NewUserRow::USER_ID),
    has_many(orders_by_billed_to = Order::BILLED_TO),
    has_many(orders_by_user = Order::USER_ID),
    has_many(users_by_invited_by = User::INVITED_BY),
)]
#[kysera::plugin(soft_delete, timestamps, version)]
pub struct User {
    /// `INTEGER`
    #[kysera(id)]
    pub id: i64,
    /// `TEXT`
    #[kysera(unique = "users_email_key")]
    pub email: String,
    /// `TEXT`
    pub name: String,
    /// `TEXT`, `'glad'` by default
    #[kysera(default)]
    pub mood: String,
    /// `INTEGER`
    #[kysera(belongs_to(invited_by_user = User::ID))]
    pub invited_by: Option<i64>,
    /// `TEXT`
    #[kysera(rename = "first name")]
    pub first_name: Option<String>,
    /// `SMALLINT`, `0` by default
    #[kysera(default)]
    pub r#type: i64,
    /// `INTEGER`
    pub version: i64,
    /// `DATETIME`
    pub created_at: DateTime<Utc>,
    /// `DATETIME`
    pub updated_at: DateTime<Utc>,
    /// `DATETIME`
    pub deleted_at: Option<DateTime<Utc>>,
}
