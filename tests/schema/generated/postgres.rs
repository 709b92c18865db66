// Made of the tables of a database by `kysera::schema::generate`.
// `keyless` is left out: it is a table without a key, and an entity has a key
// `paid_orders` is left out: it is a view, and an entity has a key
// `orders.place` is left out: there is no type for `point`
// `spans.length` is left out: there is no type for `interval`, and rows cannot be made without it
// `item_notes`: there is no relation over the several columns `order_id`, `line`

use kysera::prelude::*;
use sqlx::types::Decimal;
use sqlx::types::JsonValue;
use sqlx::types::Uuid;
use sqlx::types::chrono::DateTime;
use sqlx::types::chrono::NaiveDate;
use sqlx::types::chrono::Utc;

/// The enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "mood")]
pub enum Mood {
    /// `glad`
    #[sqlx(rename = "glad")]
    Glad,
    /// `so so`
    #[sqlx(rename = "so so")]
    SoSo,
    /// `it's bad`
    #[sqlx(rename = "it's bad")]
    ItSBad,
}

/// The table `item_notes`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "item_notes", schema_file = "schema/shop.postgres.json")]
pub struct ItemNote {
    /// `bigint`
    #[kysera(id)]
    pub id: i64,
    /// `integer`
    pub order_id: i32,
    /// `integer`
    pub line: i32,
    /// `text`
    pub text: String,
}

/// The table `new_users`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "new_users", schema_file = "schema/shop.postgres.json")]
pub struct NewUserRow {
    /// `uuid`, `gen_random_uuid()` by default
    #[kysera(id)]
    pub id: Uuid,
    /// `bigint`
    #[kysera(rename = "userId", unique = "new_users_userId_key", belongs_to(user = User::ID))]
    pub user_id: Option<i64>,
}

/// The table `odd table`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "odd table", schema_file = "schema/shop.postgres.json")]
pub struct OddTable {
    /// `integer`
    #[kysera(id, assigned, rename = "1st")]
    pub _1st: i32,
    /// `text`
    #[kysera(rename = "SELECT")]
    pub select: Option<String>,
    /// `text`
    #[kysera(rename = "a-b")]
    pub a_b: Option<String>,
}

/// The table `order_items`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "order_items", schema_file = "schema/shop.postgres.json")]
pub struct OrderItem {
    /// `integer`
    #[kysera(id, belongs_to(order = Order::ID))]
    pub order_id: i32,
    /// `integer`
    #[kysera(id)]
    pub line: i32,
    /// `text`
    #[kysera(rename = "Größe")]
    pub größe: Option<String>,
}

/// The table `orders`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "orders",
    schema_file = "schema/shop.postgres.json",
    unique(user_id, number, name = "orders_user_number_key"),
    has_many(order_items = OrderItem::ORDER_ID),
)]
pub struct Order {
    /// `integer`
    #[kysera(id)]
    pub id: i32,
    /// `bigint`
    #[kysera(belongs_to(user = User::ID))]
    pub user_id: i64,
    /// `bigint`
    #[kysera(belongs_to(billed_to_user = User::ID))]
    pub billed_to: Option<i64>,
    /// `character varying(20)`
    pub number: String,
    /// `numeric(12,2)`
    pub net: Decimal,
    /// `numeric(12,2)`, `0` by default
    #[kysera(default)]
    pub tax: Decimal,
    /// `numeric(12,2)`
    #[kysera(read_only)]
    pub gross: Option<Decimal>,
    /// `date`
    pub placed_on: NaiveDate,
    /// `jsonb`
    pub note: Option<JsonValue>,
    /// `boolean`, `false` by default
    #[kysera(default)]
    pub paid: bool,
    /// `bytea`
    pub digest: Option<Vec<u8>>,
    /// `double precision`
    pub weight: Option<f64>,
    /// `uuid`
    pub reference: Option<Uuid>,
    /// `text[]`, `'{}'::text[]` by default
    #[kysera(default)]
    pub tags: Vec<String>,
    /// `mood[]`
    pub moods: Option<Vec<Mood>>,
    // `place`: there is no type for `point`.
}

/// The table `spans`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "spans", schema_file = "schema/shop.postgres.json", partial)]
pub struct Span {
    /// `integer`
    #[kysera(id, assigned)]
    pub id: i32,
    // `length`: there is no type for `interval`.
}

/// The table `users`.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "users",
    schema_file = "schema/shop.postgres.json",
    has_one(new_user_row = NewUserRow::USER_ID),
    has_many(orders_by_billed_to = Order::BILLED_TO),
    has_many(orders_by_user = Order::USER_ID),
    has_many(users_by_invited_by = User::INVITED_BY),
)]
#[kysera::plugin(soft_delete, timestamps, version)]
pub struct User {
    /// `bigint`
    #[kysera(id)]
    pub id: i64,
    /// `email`
    #[kysera(unique = "users_email_key")]
    pub email: String,
    /// `character varying(100)`
    pub name: String,
    /// `mood`, `'glad'::mood` by default
    #[kysera(default)]
    pub mood: Mood,
    /// `bigint`
    #[kysera(belongs_to(invited_by_user = User::ID))]
    pub invited_by: Option<i64>,
    /// `text`
    #[kysera(rename = "first name")]
    pub first_name: Option<String>,
    /// `smallint`, `0` by default
    #[kysera(default)]
    pub r#type: i16,
    /// `integer`
    pub version: i32,
    /// `timestamp with time zone`
    pub created_at: DateTime<Utc>,
    /// `timestamp with time zone`
    pub updated_at: DateTime<Utc>,
    /// `timestamp with time zone`
    pub deleted_at: Option<DateTime<Utc>>,
}
