//! Booleans, numbers, texts, bytes, UUIDs.

use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Uuid;

use super::types_engine::{Group, group, round_trip, upserts};
use crate::DB;

const NUMBERS: Ddl = Ddl {
    postgres: "CREATE TABLE numbers (id BIGINT PRIMARY KEY, flag BOOLEAN NOT NULL, small SMALLINT NOT NULL,
        int INTEGER NOT NULL, big BIGINT NOT NULL, single REAL NOT NULL, double DOUBLE PRECISION NOT NULL,
        opt_flag BOOLEAN, opt_small SMALLINT, opt_int INTEGER, opt_big BIGINT, opt_single REAL,
        opt_double DOUBLE PRECISION)",
    mysql: "CREATE TABLE numbers (id BIGINT PRIMARY KEY, flag BOOLEAN NOT NULL, small SMALLINT NOT NULL,
        `int` INTEGER NOT NULL, big BIGINT NOT NULL, single FLOAT NOT NULL, `double` DOUBLE NOT NULL,
        opt_flag BOOLEAN, opt_small SMALLINT, opt_int INTEGER, opt_big BIGINT, opt_single FLOAT,
        opt_double DOUBLE)",
    sqlite: "CREATE TABLE numbers (id INTEGER PRIMARY KEY, flag BOOLEAN NOT NULL, small INTEGER NOT NULL,
        int INTEGER NOT NULL, big INTEGER NOT NULL, single REAL NOT NULL, double REAL NOT NULL,
        opt_flag BOOLEAN, opt_small INTEGER, opt_int INTEGER, opt_big INTEGER, opt_single REAL,
        opt_double REAL)",
};

group! {
    Numbers NewNumbers NumbersPatch "numbers" {
        flag FLAG: bool,
        small SMALL: i16,
        int INT: i32,
        big BIG: i64,
        single SINGLE: f32,
        double DOUBLE: f64,
        opt_flag OPT_FLAG: Option<bool>,
        opt_small OPT_SMALL: Option<i16>,
        opt_int OPT_INT: Option<i32>,
        opt_big OPT_BIG: Option<i64>,
        opt_single OPT_SINGLE: Option<f32>,
        opt_double OPT_DOUBLE: Option<f64>,
    }
}

fn numbers(id: i64, flag: bool, small: i16, int: i32, big: i64, single: f32, double: f64) -> Numbers {
    Numbers {
        id,
        flag,
        small,
        int,
        big,
        single,
        double,
        opt_flag: Some(flag),
        opt_small: Some(small),
        opt_int: Some(int),
        opt_big: Some(big),
        opt_single: Some(single),
        opt_double: Some(double),
    }
}

fn without_options(row: Numbers) -> Numbers {
    Numbers {
        opt_flag: None,
        opt_small: None,
        opt_int: None,
        opt_big: None,
        opt_single: None,
        opt_double: None,
        ..row
    }
}

#[tokio::test]
async fn numbers_come_back_as_they_were() {
    let db = Fixture::<DB>::new(&NUMBERS).await;
    let mut rows = vec![
        // First, so that a batch begins with NULLs whose type nothing tells.
        without_options(numbers(1, false, 7, 7, 7, 0.5, 0.25)),
        numbers(2, false, i16::MIN, i32::MIN, i64::MIN, f32::MIN, f64::MIN),
        numbers(3, true, i16::MAX, i32::MAX, i64::MAX, f32::MAX, f64::MAX),
        numbers(4, true, 0, 0, 0, f32::MIN_POSITIVE, f64::MIN_POSITIVE),
        // What has no short decimal form, and integers that a double cannot hold.
        numbers(5, false, -1, -1, (1 << 53) + 1, 0.1, 0.1 + 0.2),
        numbers(6, false, 1, 1, -(1 << 53) - 1, 16_777_217.0, 1.0 / 3.0),
        numbers(10, false, 9, 9, 9, f32::from_bits(1), f64::from_bits(1)), // the smallest there are
    ];
    if DB::DIALECT != Dialect::MySql {
        rows.push(numbers(7, true, 2, 2, 2, f32::INFINITY, f64::INFINITY));
        rows.push(numbers(8, true, 3, 3, 3, f32::NEG_INFINITY, f64::NEG_INFINITY));
    }
    if DB::DIALECT == Dialect::Postgres {
        rows.push(numbers(9, true, 4, 4, 4, f32::NAN, f64::NAN)); // equal to itself there
    }
    let repo = Numbers::repo(db.source());
    round_trip(&repo, &rows, Numbers::COLUMNS).await;
    upserts(&repo, &rows, Numbers::ID).await;
}

#[tokio::test]
async fn a_float_that_the_database_lacks_is_never_another_number() {
    let db = Fixture::<DB>::new(&NUMBERS).await;
    let repo = Numbers::repo(db.source());
    let with = |double| numbers(1, true, 1, 1, 1, 1.0, double);
    match DB::DIALECT {
        Dialect::Postgres => {
            let stored = repo.create(with(f64::NAN).to_new()).await.unwrap();
            assert!(stored.double.is_nan() && stored.opt_double.is_some_and(f64::is_nan));
        }
        // NaN is NULL there: refused by NOT NULL, and stored as such in a nullable column, which the answer shows.
        Dialect::Sqlite => {
            let error = repo.create(with(f64::NAN).to_new()).await.unwrap_err();
            assert_eq!(error.code(), kysera::ErrorCode::NotNullViolation, "{error}");
            let row = Numbers { opt_double: Some(f64::NAN), ..with(1.0) };
            assert_eq!(repo.create(row.to_new()).await.unwrap().opt_double, None);
        }
        _ => {
            for double in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(repo.create(with(double).to_new()).await.is_err(), "{double}");
            }
            assert_eq!(repo.count().await.unwrap(), 0);
        }
    }
}

const TEXTS: Ddl = Ddl {
    postgres: "CREATE TABLE texts (id BIGINT PRIMARY KEY, text TEXT NOT NULL, bytes BYTEA NOT NULL, uuid UUID NOT NULL,
        opt_text TEXT, opt_bytes BYTEA, opt_uuid UUID)",
    mysql: "CREATE TABLE texts (id BIGINT PRIMARY KEY, text LONGTEXT COLLATE utf8mb4_bin NOT NULL,
        bytes LONGBLOB NOT NULL, uuid BINARY(16) NOT NULL,
        opt_text LONGTEXT COLLATE utf8mb4_bin, opt_bytes LONGBLOB, opt_uuid BINARY(16))",
    sqlite: "CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL, bytes BLOB NOT NULL, uuid BLOB NOT NULL,
        opt_text TEXT, opt_bytes BLOB, opt_uuid BLOB)",
};

group! {
    Texts NewTexts TextsPatch "texts" {
        text TEXT: String,
        bytes BYTES: Vec<u8>,
        uuid UUID: Uuid,
        opt_text OPT_TEXT: Option<String>,
        opt_bytes OPT_BYTES: Option<Vec<u8>>,
        opt_uuid OPT_UUID: Option<Uuid>,
    }
}

fn texts(id: i64, text: &str, bytes: &[u8], uuid: Uuid) -> Texts {
    Texts {
        id,
        text: text.to_owned(),
        bytes: bytes.to_owned(),
        uuid,
        opt_text: Some(text.to_owned()),
        opt_bytes: Some(bytes.to_owned()),
        opt_uuid: Some(uuid),
    }
}

#[tokio::test]
async fn texts_and_bytes_come_back_as_they_were() {
    let db = Fixture::<DB>::new(&TEXTS).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let rows = [
        Texts { opt_text: None, opt_bytes: None, opt_uuid: None, ..texts(1, "x", b"x", Uuid::from_u128(1)) },
        texts(2, "", b"", Uuid::nil()),
        texts(3, "'; DROP TABLE texts; -- \" ` \\ % _ ? $1", &every_byte, Uuid::max()),
        texts(
            4,
            "Привет, 世界 👩‍👩‍👧 e\u{301} \u{feff}\u{10ffff}",
            b"\0\0",
            Uuid::from_u128(0x0123_4567_89ab_cdef),
        ),
        texts(5, " \t\r\n trailing ", b" \xff ", Uuid::from_u128(u128::MAX - 1)),
        texts(6, &"ä".repeat(512 * 1024), &vec![0; 1024 * 1024], Uuid::from_u128(7)),
    ];
    let repo = Texts::repo(db.source());
    round_trip(&repo, &rows, Texts::COLUMNS).await;
    upserts(&repo, &rows, Texts::ID).await;
}

#[tokio::test]
async fn nul_in_a_text_is_kept_or_refused() {
    let db = Fixture::<DB>::new(&TEXTS).await;
    let repo = Texts::repo(db.source());
    let row = texts(1, "a\0b", b"", Uuid::nil());
    let created = repo.create(row.to_new()).await;
    if DB::DIALECT == Dialect::Postgres {
        assert!(!created.unwrap_err().to_string().contains("a\0b"));
        assert_eq!(repo.count().await.unwrap(), 0);
        return;
    }
    assert_eq!(created.unwrap().text, "a\0b");
    assert_eq!(repo.find().filter(Texts::TEXT.eq("a\0b")).count().await.unwrap(), 1);
    assert_eq!(repo.find().filter(Texts::TEXT.eq("a")).count().await.unwrap(), 0);
}

const NARROW: Ddl = Ddl {
    postgres: "CREATE TABLE narrow (id BIGINT PRIMARY KEY, code VARCHAR(5) NOT NULL, ratio DOUBLE PRECISION NOT NULL)",
    mysql: "CREATE TABLE narrow (id BIGINT PRIMARY KEY, code VARCHAR(5) NOT NULL, ratio DOUBLE NOT NULL)",
    sqlite: "CREATE TABLE narrow (id INTEGER PRIMARY KEY, code VARCHAR(5) NOT NULL, ratio REAL NOT NULL)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "narrow")]
pub(crate) struct Code {
    #[kysera(id, assigned)]
    id: i64,
    code: String,
    ratio: f64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "narrow")]
pub(crate) struct Ratio {
    #[kysera(id, assigned)]
    id: i64,
    ratio: f32,
}

#[tokio::test]
async fn a_text_too_long_for_its_column_is_refused_and_never_cut() {
    let db = Fixture::<DB>::new(&NARROW).await;
    let codes = Code::repo(db.source());
    let long = || NewCode { id: 1, code: "abcdef".into(), ratio: 0.5 };
    if DB::DIALECT == Dialect::Sqlite {
        // It takes no notice of the length.
        assert_eq!(codes.create(long()).await.unwrap().code, "abcdef");
        return;
    }
    assert!(matches!(codes.create(long()).await.unwrap_err(), kysera::Error::Database(_)));
    let rows = [NewCode { id: 2, code: "abcde".into(), ratio: 0.5 }, long()];
    assert!(matches!(codes.create_many(rows).await.unwrap_err(), kysera::Error::Database(_)));
    assert_eq!(codes.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_double_in_an_f32_is_rounded_or_refused() {
    let db = Fixture::<DB>::new(&NARROW).await;
    db.execute("INSERT INTO narrow (id, code, ratio) VALUES (1, 'x', 0.1)").await;
    assert_eq!(Code::repo(db.source()).get(1).await.unwrap().ratio, 0.1);
    let ratio = Ratio::repo(db.source()).get(1).await;
    if DB::DIALECT == Dialect::Postgres {
        let error = ratio.unwrap_err();
        assert!(matches!(error, kysera::Error::Decode { entity: "Ratio", column: "ratio", .. }), "{error:?}");
    } else {
        // As the database itself would: sqlx takes a DOUBLE for an f32, and SQLite has no other kind of float.
        assert_eq!(ratio.unwrap().ratio, 0.1_f32);
    }
}
