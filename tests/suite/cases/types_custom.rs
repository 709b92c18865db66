//! Types of the user's own, JSON, decimals; and those that one database has.

use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::types_engine::{Group, group, round_trip, upserts};
use crate::DB;

/// An integer in the database.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[repr(i32)]
pub(crate) enum Level {
    Low = -1,
    High = 2_000_000_000,
}

/// A type of its own on PostgreSQL, an ENUM on MySQL, text on SQLite.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "snake_case")]
pub(crate) enum Mood {
    VerySad,
    Happy,
}

/// Text everywhere.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub(crate) enum Role {
    Admin,
    Guest,
}

#[derive(Debug, Clone, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Cents(i64);

const CHOICES: Ddl = Ddl {
    postgres: "CREATE TYPE mood AS ENUM ('very_sad', 'happy');
        CREATE TABLE choices (id BIGINT PRIMARY KEY, level INTEGER NOT NULL, mood mood NOT NULL, role TEXT NOT NULL,
            email TEXT NOT NULL, cents BIGINT NOT NULL,
            opt_level INTEGER, opt_mood mood, opt_role TEXT, opt_email TEXT, opt_cents BIGINT)",
    mysql: "CREATE TABLE choices (id BIGINT PRIMARY KEY, level INTEGER NOT NULL, mood ENUM('very_sad', 'happy') NOT NULL,
            role VARCHAR(20) NOT NULL, email VARCHAR(255) NOT NULL, cents BIGINT NOT NULL,
            opt_level INTEGER, opt_mood ENUM('very_sad', 'happy'), opt_role VARCHAR(20), opt_email VARCHAR(255),
            opt_cents BIGINT)",
    sqlite: "CREATE TABLE choices (id INTEGER PRIMARY KEY, level INTEGER NOT NULL, mood TEXT NOT NULL, role TEXT NOT NULL,
            email TEXT NOT NULL, cents INTEGER NOT NULL,
            opt_level INTEGER, opt_mood TEXT, opt_role TEXT, opt_email TEXT, opt_cents INTEGER)",
};

group! {
    Choices NewChoices ChoicesPatch "choices" {
        level LEVEL: Level,
        mood MOOD: Mood,
        role ROLE: Role,
        email EMAIL: Email,
        cents CENTS: Cents,
        opt_level OPT_LEVEL: Option<Level>,
        opt_mood OPT_MOOD: Option<Mood>,
        opt_role OPT_ROLE: Option<Role>,
        opt_email OPT_EMAIL: Option<Email>,
        opt_cents OPT_CENTS: Option<Cents>,
    }
}

fn choices(id: i64, level: Level, mood: Mood, role: Role, email: &str, cents: i64) -> Choices {
    Choices {
        id,
        level,
        mood,
        role,
        email: Email(email.to_owned()),
        cents: Cents(cents),
        opt_level: Some(level),
        opt_mood: Some(mood),
        opt_role: Some(role),
        opt_email: Some(Email(email.to_owned())),
        opt_cents: Some(Cents(cents)),
    }
}

#[tokio::test]
async fn enums_and_newtypes_come_back_as_they_were() {
    let db = Fixture::<DB>::new(&CHOICES).await;
    let repo = Choices::repo(db.source());
    let rows = [
        Choices {
            opt_level: None,
            opt_mood: None,
            opt_role: None,
            opt_email: None,
            opt_cents: None,
            ..choices(1, Level::Low, Mood::Happy, Role::Guest, "none@x.org", 0)
        },
        choices(2, Level::High, Mood::VerySad, Role::Admin, "ada@x.org", i64::MAX),
        choices(3, Level::Low, Mood::Happy, Role::Admin, "", i64::MIN),
    ];
    round_trip(&repo, &rows, Choices::COLUMNS).await;
    upserts(&repo, &rows, Choices::ID).await;
}

#[tokio::test]
async fn a_variant_that_the_enum_lacks_is_an_error() {
    let db = Fixture::<DB>::new(&CHOICES).await;
    let repo = Choices::repo(db.source());
    repo.create(choices(1, Level::Low, Mood::Happy, Role::Guest, "x", 0).to_new()).await.unwrap();
    for (column, update) in [("level", "level = 7"), ("role", "level = -1, role = 'root'")] {
        db.execute(&format!("UPDATE choices SET {update}")).await;
        match repo.get(1).await.unwrap_err() {
            kysera::Error::Decode { entity: "Choices", column: found, .. } => assert_eq!(found, column),
            error => panic!("{error:?}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Address {
    street: String,
    numbers: Vec<i64>,
    note: Option<String>,
}

const DOCUMENTS: Ddl = Ddl {
    postgres: "CREATE TABLE documents (id BIGINT PRIMARY KEY, typed JSONB NOT NULL, value JSONB NOT NULL,
        opt_typed JSONB, opt_value JSONB)",
    mysql: "CREATE TABLE documents (id BIGINT PRIMARY KEY, typed JSON NOT NULL, value JSON NOT NULL,
        opt_typed JSON, opt_value JSON)",
    sqlite: "CREATE TABLE documents (id INTEGER PRIMARY KEY, typed TEXT NOT NULL, value TEXT NOT NULL,
        opt_typed TEXT, opt_value TEXT)",
};

group! {
    Documents NewDocuments DocumentsPatch "documents" {
        typed TYPED: Json<Address>,
        value VALUE: Value,
        opt_typed OPT_TYPED: Option<Json<Address>>,
        opt_value OPT_VALUE: Option<Value>,
    }
}

fn documents(id: i64, street: &str, numbers: &[i64], value: Value) -> Documents {
    let typed = Json(Address { street: street.into(), numbers: numbers.into(), note: None });
    Documents {
        id,
        typed: typed.clone(),
        value: value.clone(),
        opt_typed: Some(typed),
        opt_value: Some(value),
    }
}

#[tokio::test]
async fn json_comes_back_as_it_was() {
    let db = Fixture::<DB>::new(&DOCUMENTS).await;
    let repo = Documents::repo(db.source());
    let rows = [
        Documents { opt_typed: None, opt_value: None, ..documents(1, "x", &[], json!({})) },
        documents(
            2,
            "Straße \"5\" \\ 👩",
            &[i64::MIN, i64::MAX],
            json!([1, -2.5, "ä", true, {"a": {"b": []}}]),
        ),
        documents(3, "", &[0], json!("a text")),
        documents(4, "y", &[1, 2, 3], json!(i64::MAX)),
    ];
    // MySQL compares a JSON column with JSON alone, and an argument is text.
    let filtered = if DB::DIALECT == Dialect::MySql { &[] } else { Documents::COLUMNS };
    round_trip(&repo, &rows, filtered).await;
    upserts(&repo, &rows, Documents::ID).await;
}

#[tokio::test]
async fn the_null_of_json_is_not_the_null_of_sql() {
    let db = Fixture::<DB>::new(&DOCUMENTS).await;
    let repo = Documents::repo(db.source());
    let row = Documents { opt_value: Some(Value::Null), ..documents(1, "x", &[], Value::Null) };
    let stored = repo.create(row.to_new()).await.unwrap();
    assert_eq!((&stored.value, &stored.opt_value), (&Value::Null, &Some(Value::Null)));
    assert_eq!(repo.find().filter(Documents::OPT_VALUE.is_null()).count().await.unwrap(), 0);
    let stored = repo.update(1, DocumentsPatch::new().opt_value(None)).await.unwrap();
    assert_eq!(stored.opt_value, None);
    assert_eq!(repo.find().filter(Documents::OPT_VALUE.is_null()).count().await.unwrap(), 1);
}

#[tokio::test]
async fn json_of_another_shape_is_an_error() {
    let db = Fixture::<DB>::new(&DOCUMENTS).await;
    let repo = Documents::repo(db.source());
    db.execute("INSERT INTO documents (id, typed, value) VALUES (1, '{\"street\": 5}', '{}')").await;
    let error = repo.get(1).await.unwrap_err();
    assert!(matches!(error, kysera::Error::Decode { entity: "Documents", column: "typed", .. }), "{error:?}");
}
