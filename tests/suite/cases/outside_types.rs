//! Filters from outside on columns of each type.

use kysera::expr::Text;
use kysera::{Error, Repository};
use kysera_tests::{Ddl, Fixture};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sqlx::types::time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use sqlx::types::{Json, Uuid};

use crate::DB;

/// A test of a type: `name(type; column types of the databases; a low value and its JSON; a high one and its JSON; what is
/// refused)`.
///
/// Row 1 has the low value and row 2 the high one; row 3 has the low one in the column and NULL in the one that may be NULL.
macro_rules! compares {
    ($(#[$attribute:meta])* $name:ident(
        $type:ty; $postgres:literal, $mysql:literal, $sqlite:literal;
        $low:expr => $low_json:expr, $high:expr => $high_json:expr;
        refused $($wrong:expr),+ $(,)?
    )) => {
        #[tokio::test]
        async fn $name() {
            #[derive(kysera::Repository)]
            #[kysera(table = "cells")]
            $(#[$attribute])*
            #[allow(dead_code, reason = "they are filtered by")]
            struct Cell {
                #[kysera(id, assigned)]
                id: i64,
                #[kysera(filterable)]
                value: $type,
                #[kysera(filterable)]
                opt: Option<$type>,
            }

            const CELLS: kysera_tests::Ddl = kysera_tests::Ddl {
                postgres: concat!("CREATE TABLE cells (id BIGINT PRIMARY KEY, value ", $postgres, " NOT NULL, opt ", $postgres, ")"),
                mysql: concat!("CREATE TABLE cells (id BIGINT PRIMARY KEY, value ", $mysql, " NOT NULL, opt ", $mysql, ")"),
                sqlite: concat!("CREATE TABLE cells (id INTEGER PRIMARY KEY, value ", $sqlite, " NOT NULL, opt ", $sqlite, ")"),
            };

            let db = kysera_tests::Fixture::<$crate::DB>::new(&CELLS).await;
            let cells = Cell::repo(db.source());
            let rows = [
                NewCell { id: 1, value: $low, opt: Some($low) },
                NewCell { id: 2, value: $high, opt: Some($high) },
                NewCell { id: 3, value: $low, opt: None },
            ];
            cells.insert_many(rows).await.unwrap();
            let (low, high) = (serde_json::json!($low_json), serde_json::json!($high_json));
            for (input, expected) in $crate::cases::outside_types::asked(&low, &high) {
                let filter = Cell::query_schema().filter(&input).unwrap_or_else(|error| panic!("{input}: {error}"));
                let rows = cells.find().filter(filter).order_by(Cell::ID.asc()).all().await;
                let rows = rows.unwrap_or_else(|error| panic!("{input}: {error}"));
                assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{input}");
            }
            for wrong in [$(serde_json::json!($wrong)),+] {
                for input in [
                    serde_json::json!({"value": {"$eq": wrong}}),
                    serde_json::json!({"opt": {"$in": [wrong]}}),
                ] {
                    let error = Cell::query_schema().filter(&input).map(|_| ()).unwrap_err();
                    assert!(matches!(error, kysera::Error::Invalid(_)), "{input}: {error}");
                }
            }
        }
    };
}
#[allow(unused_imports, reason = "for types that one database has")]
pub(crate) use compares;

pub(crate) fn asked(low: &Value, high: &Value) -> Vec<(Value, Vec<i64>)> {
    vec![
        (json!({"value": low}), vec![1, 3]),
        (json!({"value": {"$eq": high}}), vec![2]),
        (json!({"value": {"$ne": low}}), vec![2]),
        (json!({"value": {"$gt": low}}), vec![2]),
        (json!({"value": {"$gte": low}}), vec![1, 2, 3]),
        (json!({"value": {"$lt": high}}), vec![1, 3]),
        (json!({"value": {"$lte": low}}), vec![1, 3]),
        (json!({"value": {"$between": [low, high]}}), vec![1, 2, 3]),
        (json!({"value": {"$between": [high, high]}}), vec![2]),
        (json!({"value": {"$in": [high, low]}}), vec![1, 2, 3]),
        (json!({"value": {"$in": [high]}}), vec![2]),
        (json!({"value": {"$nin": [high]}}), vec![1, 3]),
        (json!({"value": {"$not": {"$in": [low]}}}), vec![2]),
        (json!({"opt": low}), vec![1]),
        (json!({"opt": null}), vec![3]),
        (json!({"opt": {"$ne": low}}), vec![2]),
        (json!({"opt": {"$gte": low}}), vec![1, 2]),
        (json!({"opt": {"$in": [null, high]}}), vec![2, 3]),
        (json!({"opt": {"$isNull": true}}), vec![3]),
        (json!({"opt": {"$isNotNull": true}}), vec![1, 2]),
    ]
}

compares!(truths(
    bool; "BOOL", "BOOL", "BOOLEAN"; false => false, true => true; refused 0, 1, "true"
));
compares!(small_integers(
    i16; "SMALLINT", "SMALLINT", "INTEGER"; i16::MIN => i16::MIN, i16::MAX => i16::MAX;
    refused 32_768, -32_769, 1.0, "1", true
));
compares!(large_integers(
    i64; "BIGINT", "BIGINT", "INTEGER"; i64::MIN => i64::MIN, i64::MAX => i64::MAX;
    refused u64::MAX, 1e300, 1.5, "1"
));
// 0.1 and 0.7 are no floats, and those next to them are no doubles next to them.
compares!(floats(
    f32; "REAL", "FLOAT", "REAL"; 0.1 => 0.1, 0.7 => 0.7; refused 1e39, -1e300, "0.1"
));
compares!(doubles(
    f64; "DOUBLE PRECISION", "DOUBLE", "REAL"; 0.1 => 0.1, 1e308 => 1e308; refused "0.1", true
));
compares!(bytes(
    Vec<u8>; "BYTEA", "VARBINARY(100)", "BLOB"; vec![0, 1] => [0, 1], vec![0, 255] => [0, 255];
    refused [256], [-1], ["a"], "AAE=", vec![0; 101]
));
compares!(uuids(
    Uuid; "UUID", "BINARY(16)", "BLOB";
    Uuid::from_u128(1) => "00000000-0000-0000-0000-000000000001",
    Uuid::from_u128(u128::MAX) => "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";
    refused "1", 1, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
));

/// The year 2024, at noon.
fn noon(day: u32) -> NaiveDateTime {
    NaiveDate::from_yo_opt(2024, day).and_then(|day| day.and_hms_micro_opt(12, 0, 0, 500_000)).unwrap()
}

fn clock(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 59, 0).unwrap()
}

compares!(dates_of_chrono(
    NaiveDate; "DATE", "DATE", "DATE"; noon(1).date() => "2024-01-01", noon(366).date() => "2024-12-31";
    refused "2024-02-30", "2024-01-01T00:00:00", "+10000-01-01", 20240101, [2024, 1]
));
compares!(times_of_chrono(
    NaiveTime; "TIME", "TIME(6)", "TIME"; clock(0) => "00:59:00", clock(23) => "23:59:00";
    refused "24:00:00", "2024-01-01", [0, 59, 0, 0]
));
compares!(dates_and_times_of_chrono(
    NaiveDateTime; "TIMESTAMP", "DATETIME(6)", "DATETIME";
    noon(1) => "2024-01-01T12:00:00.5", noon(366) => "2024-12-31T12:00:00.500";
    refused "2024-01-01", "2024-01-01T12:00:00Z", "-0001-01-01T12:00:00", 0
));
compares!(moments_of_chrono(
    DateTime<Utc>; "TIMESTAMPTZ", "DATETIME(6)", "DATETIME";
    noon(1).and_utc() => "2024-01-01T13:00:00.5+01:00", noon(366).and_utc() => "2024-12-31T12:00:00.5Z";
    refused "2024-01-01", "2024-01-01T12:00:00", "+10000-01-01T00:00:00Z", 0
));

fn of_time(day: u16) -> PrimitiveDateTime {
    let time = Time::from_hms_micro(12, 0, 0, 500_000).unwrap();
    PrimitiveDateTime::new(Date::from_ordinal_date(2024, day).unwrap(), time)
}

fn clock_of_time(hour: u8) -> Time {
    Time::from_hms(hour, 59, 0).unwrap()
}

compares!(dates_of_time(
    Date; "DATE", "DATE", "DATE"; of_time(1).date() => "2024-01-01", of_time(366).date() => "2024-12-31";
    refused "2024-02-30", "2024-01-01T00:00:00", "+10000-01-01", "-001-01-01", "24-01-01", [2024, 1], ""
));
compares!(times_of_time(
    Time; "TIME", "TIME(6)", "TIME"; clock_of_time(0) => "00:59:00", clock_of_time(23) => "23:59:00.000";
    refused "24:00:00", "12", "12:00:00Z", "12:00:00+01:00", "2024-01-01", [0, 59, 0, 0]
));
compares!(dates_and_times_of_time(
    PrimitiveDateTime; "TIMESTAMP", "DATETIME(6)", "DATETIME";
    of_time(1) => "2024-01-01T12:00:00.5", of_time(366) => "2024-12-31T12:00:00.500";
    refused "2024-01-01", "2024-01-01T12:00:00Z", "2024-01-01T12:00:00+01:00", "-0001-01-01T12:00:00",
        [2024, 1, 12, 0, 0, 0]
));
compares!(moments_of_time(
    OffsetDateTime; "TIMESTAMPTZ", "DATETIME(6)", "DATETIME";
    of_time(1).assume_offset(UtcOffset::UTC) => "2024-01-01T13:00:00.5+01:00",
    of_time(366).assume_offset(UtcOffset::UTC) => "2024-12-31T12:00:00.5Z";
    refused "2024-01-01", "2024-01-01T12:00:00", "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        [2024, 1, 12, 0, 0, 0, 0, 0, 0]
));

/// What is stored is the integer, what comes from outside the name.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
#[repr(i32)]
enum Level {
    VeryLow = 1,
    High = 2,
}

#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type, Serialize, Deserialize)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
enum Role {
    #[serde(rename = "the boss")]
    Admin,
    Guest,
}

#[derive(Debug, Clone, PartialEq, sqlx::Type, Serialize, Deserialize)]
#[sqlx(transparent)]
struct Email(String);

impl Text for Email {}

#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type, Serialize, Deserialize)]
#[sqlx(transparent)]
struct Cents(i64);

compares!(enums_of_integers(
    Level; "INT", "INT", "INTEGER"; Level::VeryLow => "VERY-LOW", Level::High => "HIGH";
    refused "VeryLow", "very-low", 1, 3
));
compares!(enums_of_texts(
    Role; "TEXT", "VARCHAR(20)", "TEXT"; Role::Admin => "the boss", Role::Guest => "Guest";
    refused "admin", "Admin", "guest", 0
));
compares!(newtypes_of_texts(
    Email; "TEXT", "VARCHAR(100)", "TEXT"; Email("a@x".into()) => "a@x", Email("b@x".into()) => "b@x";
    refused 1, ["a@x"], "\0"
));
compares!(newtypes_of_integers(
    Cents; "BIGINT", "BIGINT", "INTEGER"; Cents(-1) => -1, Cents(i64::MAX) => i64::MAX; refused "1", 1.5, u64::MAX
));

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Settings {
    theme: String,
}

#[derive(Debug, Repository)]
#[kysera(table = "profiles")]
#[allow(dead_code, reason = "they are filtered by")]
struct Profile {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(filterable)]
    email: Option<Email>,
    #[kysera(filterable)]
    settings: Option<Json<Settings>>,
    #[kysera(filterable)]
    raw: Option<Value>,
    #[kysera(filterable)]
    always: Value,
}

const PROFILES: Ddl = Ddl {
    postgres: "CREATE TABLE profiles (id BIGINT PRIMARY KEY, email TEXT, settings JSONB, raw JSON, always JSONB NOT NULL)",
    mysql: "CREATE TABLE profiles (id BIGINT PRIMARY KEY, email VARCHAR(100), settings JSON, raw JSON, always JSON NOT NULL)",
    sqlite: "CREATE TABLE profiles (id INTEGER PRIMARY KEY, email TEXT, settings TEXT, raw TEXT, always TEXT NOT NULL)",
};

async fn kept(db: &Fixture<DB>, input: &Value) -> Vec<i64> {
    let filter = Profile::query_schema().filter(input).unwrap_or_else(|error| panic!("{input}: {error}"));
    let profiles = Profile::repo(db.source());
    let find = profiles.find().filter(filter).order_by(Profile::ID.asc());
    find.all().await.unwrap().into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn documents_are_asked_for_null_and_nothing_else() {
    let db = Fixture::<DB>::new(&PROFILES).await;
    let settings = || Some(Json(Settings { theme: "dark".into() }));
    let rows = vec![
        NewProfile {
            id: 1,
            email: Some(Email("a@x".into())),
            settings: settings(),
            raw: None,
            always: json!({}),
        },
        NewProfile { id: 2, email: None, settings: None, raw: Some(json!({"a": 1})), always: json!(null) },
    ];
    Profile::repo(db.source()).create_many(rows).await.unwrap();
    for (input, expected) in [
        (json!({"settings": null}), vec![2]),
        (json!({"settings": {"$eq": null}}), vec![2]),
        (json!({"settings": {"$ne": null}}), vec![1]),
        (json!({"settings": {"$isNull": false}}), vec![1]),
        (json!({"raw": {"$isNotNull": true}}), vec![2]),
        (json!({"raw": {"$not": {"$isNull": false}}}), vec![1]),
        (json!({"email": {"$startsWith": "a@"}}), vec![1]),
    ] {
        assert_eq!(kept(&db, &input).await, expected, "{input}");
    }
    for input in [
        json!({"settings": "dark"}),
        json!({"settings": {"theme": "dark"}}),
        json!({"settings": {"$eq": {"theme": "dark"}}}),
        json!({"settings": {"$in": [null]}}),
        json!({"settings": {"$gt": null}}),
        json!({"settings": {"$contains": "dark"}}),
        json!({"raw": {"$ne": {"a": 1}}}),
        json!({"raw": {"$not": 1}}),
        json!({"raw": {"$between": [1, 2]}}),
        json!({"always": {"$isNull": true}}),
        json!({"always": null}),
    ] {
        let error = Profile::query_schema().filter(&input).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{input}: {error}");
    }
}
