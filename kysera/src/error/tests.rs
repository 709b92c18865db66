//! Errors as programs and people see them; no server needed.

use std::error::Error as StdError;
use std::fmt;

use serde_json::json;

use super::server::{Open, Told};
use super::*;
use crate::expr::{Codec, Col, Column, Fill, Meta, Unique};

static TEXT: &Codec = crate::__codec!(String);

const fn col(name: &'static str, index: usize) -> Col {
    Col { table: "od.d t", name, index, codec: TEXT, fill: Fill::Client, guard: None }
}

static META: Meta = Meta {
    entity: "Odd",
    schema: None,
    table: "od.d t",
    columns: &[
        col("id", 0),
        col("email", 1),
        col("c, x", 2),
        col("y.z", 3),
        col("slug", 4),
        col("slug_2", 5),
    ],
    id: &[0, 1],
    unique: &[
        Unique { name: None, columns: &[1] },
        Unique { name: Some("odd_cy"), columns: &[2, 3] },
        Unique { name: Some("a.b"), columns: &[4] },
        Unique { name: None, columns: &[4] },
        Unique { name: None, columns: &[5] },
    ],
    ..Meta::PLAIN
};

struct Odd;
const EMAIL: Column<Odd, String> = Column::new(&META.columns[1]);
const C_X: Column<Odd, String> = Column::new(&META.columns[2]);
const Y_Z: Column<Odd, String> = Column::new(&META.columns[3]);

fn violation(told: Told) -> Error {
    Error::Violation(Box::new(Violation::new(told, Driver(secret_driver()))))
}

fn completed(told: Told) -> Violation {
    match violation(told).in_entity(&META) {
        Error::Violation(violation) => *violation,
        other => panic!("{other}"),
    }
}

const SECRET: &str = "s3cr3t";

/// What a driver may make of a value that does not fit.
fn secret_driver() -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: "\"email\"".into(), source: format!("invalid value {SECRET}").into() }
}

/// An error of a database that kysera does not know.
#[derive(Debug)]
struct Foreign;

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECRET)
    }
}

impl StdError for Foreign {}

impl sqlx::error::DatabaseError for Foreign {
    fn message(&self) -> &str {
        SECRET
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}

fn all_words(error: &Error) -> String {
    let mut words = format!("{error} {error:?} {error:#?} {}", serde_json::to_string(error).unwrap());
    let mut next = error.source();
    while let Some(source) = next {
        words.push_str(&format!(" {source} {source:?}"));
        next = source.source();
    }
    words
}

#[test]
fn no_variant_shows_a_value() {
    let drivers = || {
        [
            sqlx::Error::Database(Box::new(Foreign)),
            sqlx::Error::InvalidArgument(SECRET.into()),
            sqlx::Error::Protocol(SECRET.into()),
            secret_driver(),
            sqlx::Error::Decode(SECRET.into()),
            sqlx::Error::Encode(SECRET.into()),
            sqlx::Error::AnyDriverError(SECRET.into()),
            sqlx::Error::Decode(Box::new(serde_json::from_str::<u8>(&format!("\"{SECRET}\"")).unwrap_err())),
            sqlx::Error::Decode(Box::new(
                String::from_utf8([SECRET.as_bytes(), &[0xff]].concat()).unwrap_err(),
            )),
            // Almost what sqlx says of a wrong type.
            sqlx::Error::Decode(format!("mismatched types; Rust type `i32` {SECRET}").into()),
        ]
    };
    let mut errors: Vec<Error> = drivers().map(Error::from).into();
    errors.extend(drivers().map(Error::other));
    errors.extend(drivers().map(|error| Error::from(error).in_entity(&META)));
    errors.extend(drivers().map(|error| Error::Decode {
        entity: "User",
        column: "email",
        driver: Driver(error),
    }));
    errors.extend(
        drivers().map(|error| Error::Transaction(TransactionError::OutcomeUnknown { driver: Driver(error) })),
    );
    errors.push(violation(Told::new(ViolationKind::Unique)));
    for error in &errors {
        assert!(!all_words(error).contains(SECRET), "{}", all_words(error));
        if !matches!(error, Error::Violation(_)) {
            let driver = error.as_sqlx().unwrap();
            let driver = format!("{driver} {driver:?}");
            assert!(
                driver.contains(SECRET) || driver.contains("115, 51"),
                "the driver's error is kept: {driver}"
            );
        }
    }

    // The keys are the caller's own, for the caller's own use.
    let missing = Missing { entity: "User", asked: 2, positions: vec![1], ids: vec![SECRET.into()] };
    let missing = Error::Missing(Box::new(missing));
    assert!(!format!("{missing} {missing:?} {missing:#?}").contains(SECRET));
    assert_eq!(missing.to_string(), "1 of 2 User rows not found, at position 1");
}

#[test]
fn drivers_say_what_is_safe() {
    let said = |error: sqlx::Error| Driver(error).to_string();
    assert_eq!(
        said(sqlx::Error::ColumnDecode {
            index: "0".into(),
            source: Box::new(sqlx::error::UnexpectedNullError)
        }),
        "decoding column 0: unexpected null; try decoding as an `Option`"
    );
    let mismatch =
        "mismatched types; Rust type `i64` (as SQL type `INTEGER`) is not compatible with SQL type `TEXT`";
    assert_eq!(said(sqlx::Error::Decode(mismatch.into())), format!("decoding: {mismatch}"));
    let mismatch = crate::backend::TypeMismatch { found: "INT4".into(), needed: "TEXT".into() };
    assert_eq!(
        said(sqlx::Error::ColumnDecode { index: "0".into(), source: mismatch.into() }),
        "decoding column 0: the column is `INT4`, the field needs `TEXT`"
    );
    let digit = "x".parse::<i32>().unwrap_err();
    assert_eq!(said(sqlx::Error::Decode(digit.into())), "decoding: invalid digit found in string");
    assert_eq!(
        said(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())),
        "error communicating with database: connection reset"
    );
    assert_eq!(said(sqlx::Error::ColumnNotFound("x".into())), "no column found for name: x");
    assert_eq!(
        format!("{:?}", Driver(sqlx::Error::WorkerCrashed)),
        "Driver(attempted to communicate with a crashed background worker)"
    );
}

#[test]
fn driver_errors_that_are_no_reports() {
    let code = |error: sqlx::Error| Error::from(error).code();
    assert_eq!(code(sqlx::Error::RowNotFound), ErrorCode::NotFound);
    assert_eq!(code(sqlx::Error::PoolTimedOut), ErrorCode::PoolExhausted);
    assert_eq!(code(sqlx::Error::PoolClosed), ErrorCode::ConnectionFailed);
    assert_eq!(code(sqlx::Error::Encode("x".into())), ErrorCode::InvalidType);
    assert_eq!(code(secret_driver()), ErrorCode::QueryFailed);
    assert_eq!(code(sqlx::Error::Io(std::io::ErrorKind::BrokenPipe.into())), ErrorCode::ConnectionFailed);
    assert_eq!(code(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())), ErrorCode::Timeout);
    assert_eq!(code(sqlx::Error::BeginFailed), ErrorCode::TransactionFailed);
    assert_eq!(code(sqlx::Error::AnyDriverError("x".into())), ErrorCode::Unknown);

    let error = Error::from(sqlx::Error::RowNotFound);
    assert!(error.is_not_found());
    assert_eq!(error.to_string(), "row not found");
    assert_eq!(error.in_entity(&META).to_string(), "Odd not found");
    let named = Error::NotFound { entity: "User" }.in_entity(&META);
    assert_eq!(named.to_string(), "User not found");
}

#[test]
fn transient() {
    use std::io::ErrorKind;
    let io = |kind: ErrorKind| Error::from(sqlx::Error::Io(kind.into()));
    for kind in [ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused, ErrorKind::TimedOut] {
        assert!(io(kind).is_transient(), "{kind}");
    }
    for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied] {
        assert!(!io(kind).is_transient(), "{kind}");
    }
    assert!(Error::from(sqlx::Error::PoolTimedOut).is_transient());
    assert!(!Error::from(sqlx::Error::PoolClosed).is_transient());
    assert!(!Error::from(sqlx::Error::RowNotFound).is_transient());
    assert!(!violation(Told::new(ViolationKind::Unique)).is_transient());

    let broken = || sqlx::Error::Io(ErrorKind::ConnectionReset.into());
    let unknown = Error::Transaction(TransactionError::OutcomeUnknown { driver: Driver(broken()) });
    assert!(!unknown.is_transient());

    #[derive(Debug, thiserror::Error)]
    #[error("cannot ship")]
    struct Shipping(#[source] Error);
    assert!(Error::other(Shipping(broken().into())).is_transient());
    assert!(!Error::other(Shipping(unknown)).is_transient());
    assert!(!Error::other("sold out").is_transient());
}

#[test]
fn errors_of_ones_own() {
    let error = Error::other(fmt::Error);
    assert_eq!(error.downcast_ref::<fmt::Error>(), Some(&fmt::Error));
    assert!(error.downcast_ref::<std::io::Error>().is_none());
    assert_eq!(error.code(), ErrorCode::Unknown);
    assert!(matches!(Error::other(Error::NotFound { entity: "User" }), Error::NotFound { entity: "User" }));
    assert!(matches!(Error::other(sqlx::Error::PoolClosed), Error::Pool(PoolError::Closed)));
}

#[test]
fn the_entity_completes_unique_keys_of_mysql() {
    let key = |text: &str, split: Option<(&str, &str)>| {
        completed(Told {
            table: split.map(|(table, _)| table.into()),
            constraint: Some(split.map_or(text, |(_, key)| key).into()),
            open: Open::Key(text.into()),
            ..Told::new(ViolationKind::Unique)
        })
    };
    // MariaDB, MySQL, and their automatic names.
    let cases: [(&str, &str, &[&str]); 8] = [
        ("PRIMARY", "PRIMARY", &["id", "email"]),
        ("od.d t.PRIMARY", "PRIMARY", &["id", "email"]),
        ("odd_cy", "odd_cy", &["c, x", "y.z"]),
        ("od.d t.odd_cy", "odd_cy", &["c, x", "y.z"]),
        ("a.b", "a.b", &["slug"]),
        ("od.d t.email_2", "email_2", &["email"]),
        ("slug", "slug", &["slug"]),
        // Of `slug_2`, or the second one of `slug`.
        ("slug_2", "slug_2", &[]),
    ];
    for (text, name, columns) in cases {
        let violation = key(text, None);
        assert_eq!(violation.entity(), Some("Odd"));
        assert_eq!(violation.table(), Some("od.d t"), "{text}");
        assert_eq!(violation.constraint(), Some(name), "{text}");
        assert_eq!(violation.columns(), columns, "{text}");
    }
    // Of other keys and tables nothing is known.
    for name in ["email_", "email_1", "email_x", "mail", "emails"] {
        assert!(key(name, None).columns().is_empty(), "{name}");
    }
    let other = key("posts.email", Some(("posts", "email")));
    assert_eq!((other.table(), other.constraint()), (Some("posts"), Some("email")));
    assert!(other.columns().is_empty());
    let unclear = key("x.y.email", None);
    assert_eq!((unclear.table(), unclear.constraint()), (None, Some("x.y.email")));
}

#[test]
fn the_entity_completes_what_sqlite_leaves_unclear() {
    let columns = |kind, text: &str| completed(Told { open: Open::Columns(text.into()), ..Told::new(kind) });
    let unique = columns(ViolationKind::Unique, "od.d t.c, x, od.d t.y.z");
    assert_eq!(unique.table(), Some("od.d t"));
    assert_eq!(unique.columns(), ["c, x", "y.z"]);
    let null = columns(ViolationKind::NotNull, "od.d t.y.z");
    assert_eq!(null.columns(), ["y.z"]);
    let elsewhere = columns(ViolationKind::Unique, "a.b.c");
    assert_eq!((elsewhere.table(), elsewhere.columns()), (None, &[][..]));
}

/// The same through the driver.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn the_entity_completes_errors_of_sqlite() {
    use sqlx::Connection as _;

    let mut conn = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql(
        r#"CREATE TABLE "od.d t" (id INTEGER PRIMARY KEY, email TEXT REFERENCES "od.d t" (slug), "c, x" INT,
               "y.z" INT NOT NULL, slug TEXT UNIQUE CONSTRAINT short CHECK (length(slug) < 10),
               UNIQUE ("c, x", "y.z"));
           INSERT INTO "od.d t" VALUES (1, NULL, 1, 1, 's')"#,
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let cases: [(&str, ViolationKind, &[&str]); 5] = [
        ("2, NULL, 1, 1, 't'", ViolationKind::Unique, &["c, x", "y.z"]),
        ("1, NULL, 2, 2, 't'", ViolationKind::Unique, &["id"]),
        ("2, NULL, 2, NULL, 't'", ViolationKind::NotNull, &["y.z"]),
        ("2, 'nobody', 2, 2, 't'", ViolationKind::ForeignKey, &[]),
        ("2, NULL, 2, 2, 'longer than ten'", ViolationKind::Check, &[]),
    ];
    for (values, kind, columns) in cases {
        let sql = sqlx::AssertSqlSafe(format!("INSERT INTO \"od.d t\" VALUES ({values})"));
        let error = sqlx::query(sql).execute(&mut conn).await.unwrap_err();
        let error = Error::from(error).in_entity(&META);
        let violation = error.violation().unwrap();
        assert_eq!(violation.kind(), kind, "{values}");
        assert_eq!(violation.entity(), Some("Odd"), "{values}");
        assert_eq!(violation.table(), Some("od.d t"), "{values}");
        assert_eq!(violation.columns(), columns, "{values}");
        assert_eq!(error.is_unique_violation_of((C_X, Y_Z)), columns.len() == 2);
    }
}

#[test]
fn the_entity_adds_its_table_only_where_it_is_the_one() {
    let own = completed(Told { open: Open::Table, ..Told::new(ViolationKind::Check) });
    assert_eq!(own.table(), Some("od.d t"));
    let nobody_knows = completed(Told::new(ViolationKind::ForeignKey));
    assert_eq!(nobody_knows.table(), None);
    // A declared name tells the columns that the server kept to itself.
    let named = |table: &str| {
        completed(Told {
            table: Some(table.into()),
            constraint: Some("odd_cy".into()),
            ..Told::new(ViolationKind::Unique)
        })
    };
    assert_eq!(named("od.d t").columns(), ["c, x", "y.z"]);
    assert!(named("other").columns().is_empty());
    // The first entity stays.
    let twice = violation(Told { open: Open::Table, ..Told::new(ViolationKind::Check) });
    let other: &Meta = &OTHER;
    assert_eq!(twice.in_entity(&META).in_entity(other).violation().unwrap().table(), Some("od.d t"));
}

static OTHER: Meta = Meta { entity: "Other", schema: None, table: "others", columns: &[], ..Meta::PLAIN };

#[test]
fn unique_violation_of_columns() {
    let unique = |table: Option<&str>, columns: &[&str]| {
        violation(Told {
            table: table.map(Into::into),
            columns: columns.iter().map(|&column| column.into()).collect(),
            ..Told::new(ViolationKind::Unique)
        })
    };
    assert!(unique(Some("od.d t"), &["email"]).is_unique_violation_of(EMAIL));
    assert!(unique(None, &["EMAIL"]).is_unique_violation_of(EMAIL));
    assert!(unique(None, &["y.z", "c, x"]).is_unique_violation_of((C_X, Y_Z)));
    assert!(!unique(None, &["c, x"]).is_unique_violation_of((C_X, Y_Z)));
    assert!(!unique(None, &["y.z", "c, x"]).is_unique_violation_of(C_X));
    assert!(!unique(Some("users"), &["email"]).is_unique_violation_of(EMAIL));
    assert!(!unique(Some("od.d t"), &[]).is_unique_violation_of(EMAIL));
    let check = violation(Told { columns: vec!["email".into()], ..Told::new(ViolationKind::Check) });
    assert!(!check.is_unique_violation_of(EMAIL));
    assert!(!Error::NotFound { entity: "Odd" }.is_unique_violation_of(EMAIL));
}

#[test]
fn json() {
    let to_json = |error: Error| serde_json::to_value(error).unwrap();
    let told = Told {
        table: Some("ch".into()),
        constraint: Some("fk".into()),
        columns: vec!["pid".into()],
        referenced_table: Some("pa".into()),
        ..Told::new(ViolationKind::ForeignKey)
    };
    assert_eq!(
        to_json(violation(told).in_entity(&META)),
        json!({
            "code": "VALIDATION_FOREIGN_KEY_VIOLATION",
            "message": "Odd: foreign key `fk` of table `ch` on `pid` violated",
            "kind": "foreign_key", "entity": "Odd", "table": "ch", "constraint": "fk", "columns": ["pid"],
            "referenced_table": "pa",
        })
    );
    let told = Told::new(ViolationKind::Check);
    let Error::Violation(check) = violation(told) else { unreachable!() };
    assert_eq!(serde_json::to_value(check).unwrap(), json!({ "kind": "check" }));

    let rules = [FieldError::new("name", "too long").code("length"), FieldError::new("email", "no email")];
    assert_eq!(
        to_json(Error::Invalid(Invalid::new(rules)).in_entity(&META)),
        json!({
            "code": "VALIDATION_INVALID_INPUT",
            "message": "Odd is not valid: email: no email; name: too long",
            "entity": "Odd",
            "errors": [
                { "path": "email", "code": null, "message": "no email" },
                { "path": "name", "code": "length", "message": "too long" },
            ],
        })
    );
    let missing =
        Missing { entity: "User", asked: 3, positions: vec![0, 2], ids: vec!["7".into(), "9".into()] };
    assert_eq!(
        to_json(Error::Missing(Box::new(missing))),
        json!({
            "code": "RESOURCE_NOT_FOUND",
            "message": "2 of 3 User rows not found, at positions 0, 2",
            "entity": "User", "asked": 3, "positions": [0, 2], "ids": ["7", "9"],
        })
    );
    assert_eq!(
        to_json(Error::Decode { entity: "User", column: "email", driver: Driver(secret_driver()) }),
        json!({
            "code": "DB_QUERY_FAILED",
            "message": "column `email` of User does not fit its field: decoding column \"email\": the value does \
                        not fit (the driver's text may contain it)",
            "entity": "User", "column": "email",
        })
    );
    assert_eq!(
        to_json(Error::Unsupported { backend: "SQLite", what: "no arrays".into() }),
        json!({ "code": "DB_UNSUPPORTED", "message": "SQLite cannot do this: no arrays", "backend": "SQLite" })
    );
    assert_eq!(
        to_json(Error::from(sqlx::Error::WorkerCrashed).in_entity(&META)),
        json!({
            "code": "DB_CONNECTION_FAILED",
            "message": "Odd: attempted to communicate with a crashed background worker",
            "entity": "Odd",
        })
    );
}
