//! Column types that MySQL alone has: integers without a sign.

use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::chrono::{DateTime, NaiveTime, Utc};

use crate::DB;
use crate::cases::outside_types::compares;
use crate::cases::types_engine::{Group, group, round_trip, upserts};

const COUNTS: Ddl = Ddl {
    mysql: "CREATE TABLE counts (id BIGINT PRIMARY KEY, tiny TINYINT UNSIGNED NOT NULL, small SMALLINT UNSIGNED NOT NULL,
        medium INTEGER UNSIGNED NOT NULL, big BIGINT UNSIGNED NOT NULL, signed_tiny TINYINT NOT NULL,
        opt_tiny TINYINT UNSIGNED, opt_small SMALLINT UNSIGNED, opt_medium INTEGER UNSIGNED, opt_big BIGINT UNSIGNED)",
    ..Ddl::NONE
};

group! {
    #[kysera(backend(MySql))]
    Counts NewCounts CountsPatch "counts" {
        tiny TINY: u8,
        small SMALL: u16,
        medium MEDIUM: u32,
        big BIG: u64,
        signed_tiny SIGNED_TINY: i8,
        opt_tiny OPT_TINY: Option<u8>,
        opt_small OPT_SMALL: Option<u16>,
        opt_medium OPT_MEDIUM: Option<u32>,
        opt_big OPT_BIG: Option<u64>,
    }
}

fn counts(id: i64, tiny: u8, small: u16, medium: u32, big: u64, signed_tiny: i8) -> Counts {
    Counts {
        id,
        tiny,
        small,
        medium,
        big,
        signed_tiny,
        opt_tiny: Some(tiny),
        opt_small: Some(small),
        opt_medium: Some(medium),
        opt_big: Some(big),
    }
}

#[tokio::test]
async fn unsigned_integers_come_back_as_they_were() {
    let db = Fixture::<DB>::new(&COUNTS).await;
    let repo = Counts::repo(db.source());
    let rows = [
        Counts {
            opt_tiny: None,
            opt_small: None,
            opt_medium: None,
            opt_big: None,
            ..counts(1, 1, 1, 1, 1, 1)
        },
        counts(2, 0, 0, 0, 0, i8::MIN),
        counts(3, u8::MAX, u16::MAX, u32::MAX, u64::MAX, i8::MAX),
        counts(4, 128, 1 << 15, 1 << 31, 1 << 63, -1),
    ];
    round_trip(&repo, &rows, Counts::COLUMNS).await;
    upserts(&repo, &rows, Counts::ID).await;
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "tickets", backend(MySql))]
pub(crate) struct Ticket {
    #[kysera(id)]
    pub(crate) id: u64,
    pub(crate) name: String,
}

#[tokio::test]
async fn a_generated_key_without_a_sign_passes_the_middle_of_its_range() {
    let ddl = Ddl {
        mysql:
            "CREATE TABLE tickets (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL)
            AUTO_INCREMENT = 9223372036854775807",
        ..Ddl::NONE
    };
    let db = Fixture::<DB>::new(&ddl).await;
    let repo = Ticket::repo(db.source());
    let new = |name: &str| NewTicket { name: name.into() };
    let middle = i64::MAX as u64;
    assert_eq!(repo.create(new("a")).await.unwrap(), Ticket { id: middle, name: "a".into() });
    assert_eq!(repo.create(new("b")).await.unwrap().id, middle + 1);
    let rows = repo.create_many([new("c"), new("d")]).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.id, &*row.name)).collect::<Vec<_>>(),
        [(middle + 2, "c"), (middle + 3, "d")]
    );
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "moments", backend(MySql))]
pub(crate) struct Moment {
    #[kysera(id, assigned)]
    id: i64,
    /// DATETIME
    at: Option<DateTime<Utc>>,
    /// TIMESTAMP
    stamp: Option<DateTime<Utc>>,
}

const MOMENTS: Ddl = Ddl {
    mysql: "CREATE TABLE moments (id BIGINT PRIMARY KEY, at DATETIME(6) NULL, stamp TIMESTAMP(6) NULL)",
    ..Ddl::NONE
};

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_moment_outside_of_1970_to_2038_is_stored_or_refused_but_never_lost() {
    let db = Fixture::<DB>::new(&MOMENTS).await;
    let moments = Moment::repo(db.source());
    let inside = Some(moment("2024-05-01T12:00:00.123456Z"));
    let both = NewMoment { id: 0, at: inside, stamp: inside };
    assert_eq!(moments.create(both).await.unwrap(), Moment { id: 0, at: inside, stamp: inside });
    for (id, text) in [(1, "0001-01-01T00:00:00Z"), (2, "1969-12-31T23:59:59Z"), (3, "9999-12-31T23:59:59Z")]
    {
        let at = Some(moment(text));
        assert_eq!(moments.create(NewMoment { id, at, stamp: None }).await.unwrap().at, at);
        assert_eq!(moments.find().filter(Moment::AT.eq(at)).all().await.unwrap().len(), 1, "{text}");
        let error = moments.update(id, MomentPatch::new().stamp(at)).await.unwrap_err();
        assert!(matches!(error, kysera::Error::Database(_)), "{text}: {error:?}");
        assert_eq!(moments.get(id).await.unwrap().stamp, None);
    }
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "moments", backend(MySql))]
pub(crate) struct Required {
    #[kysera(id, assigned)]
    id: i64,
    at: DateTime<Utc>,
}

/// `0000-00-00`, which old tables use for "none".
#[tokio::test]
async fn a_zero_date_is_null() {
    let db = Fixture::<DB>::new(&MOMENTS).await;
    db.execute("SET SESSION sql_mode = ''; INSERT INTO moments (id, at) VALUES (1, '0000-00-00 00:00:00')")
        .await;
    assert_eq!(Moment::repo(db.source()).get(1).await.unwrap().at, None);
    let error = Required::repo(db.source()).get(1).await.unwrap_err();
    assert!(matches!(error, kysera::Error::Decode { entity: "Required", column: "at", .. }), "{error:?}");
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "shifts", backend(MySql))]
pub(crate) struct Shift {
    #[kysera(id, assigned)]
    id: i64,
    starts: NaiveTime,
}

/// A TIME of MySQL is a span of up to 838 hours, with a sign.
#[tokio::test]
async fn a_span_that_is_no_time_of_day_is_an_error() {
    let ddl =
        Ddl { mysql: "CREATE TABLE shifts (id BIGINT PRIMARY KEY, starts TIME(6) NOT NULL)", ..Ddl::NONE };
    let db = Fixture::<DB>::new(&ddl).await;
    let shifts = Shift::repo(db.source());
    for span in ["24:00:00", "838:59:59", "-01:00:00"] {
        db.execute(&format!("REPLACE INTO shifts (id, starts) VALUES (1, '{span}')")).await;
        match shifts.get(1).await {
            Err(kysera::Error::Decode { entity: "Shift", column: "starts", .. }) => {}
            other => panic!("{span}: {other:?}"),
        }
    }
}

compares!(
    #[kysera(backend(MySql))]
    unsigned_tiny_from_outside(
        u8; "", "TINYINT UNSIGNED", ""; 0 => 0, u8::MAX => u8::MAX; refused 256, -1, 1.5, "1"
    )
);
compares!(
    #[kysera(backend(MySql))]
    unsigned_large_from_outside(
        u64; "", "BIGINT UNSIGNED", ""; 0 => 0, u64::MAX => u64::MAX; refused -1, 1e300, "1"
    )
);
compares!(
    #[kysera(backend(MySql))]
    signed_tiny_from_outside(
        i8; "", "TINYINT", ""; i8::MIN => i8::MIN, i8::MAX => i8::MAX; refused 128, -129, 1.0
    )
);

#[derive(Debug, Clone, Copy, PartialEq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(rename_all = "lowercase")]
enum Size {
    Small,
    Medium,
    Large,
}

#[derive(Debug, Repository)]
#[kysera(table = "shirts")]
struct Shirt {
    #[kysera(id, assigned)]
    id: i64,
    /// ENUM
    size: Size,
    /// ENUM
    text: Option<String>,
    /// VARCHAR
    words: Size,
}

const SHIRTS: Ddl = Ddl {
    mysql: "CREATE TABLE shirts (id BIGINT PRIMARY KEY, size ENUM('small', 'medium', 'large') NOT NULL,
        text ENUM('small', 'medium', 'large'), words VARCHAR(10) COLLATE utf8mb4_bin NOT NULL)",
    ..Ddl::NONE
};

#[tokio::test]
async fn keyset_pages_are_not_ordered_by_an_enum() {
    let db = Fixture::<DB>::new(&SHIRTS).await;
    let shirts = Shirt::repo(db.source());
    // Of no rows there is nothing to refuse.
    let page = shirts.find().order_by(Shirt::SIZE.asc()).keyset(Keyset::first(2)).await.unwrap();
    assert!(page.items.is_empty());
    let sizes = [Size::Small, Size::Medium, Size::Large];
    let rows = (1..).zip(sizes).map(|(id, size)| NewShirt { id, size, text: None, words: size });
    shirts.create_many(rows.collect::<Vec<_>>()).await.unwrap();
    // Also where the page is the last one, and where it is NULL.
    for rows in [1, 3] {
        for order in [Shirt::SIZE.asc(), Shirt::TEXT.desc()] {
            let error = shirts.find().order_by(order).keyset(Keyset::first(rows)).await.unwrap_err();
            assert_eq!(error.code(), kysera::ErrorCode::BadRequest, "{error:?}");
            assert!(error.to_string().contains("make the column a VARCHAR"), "{error}");
        }
    }
    // What counts is the column, not the type.
    let mut place = None;
    let mut found = Vec::new();
    loop {
        let find = shirts.find().order_by(Shirt::WORDS.asc());
        let page = find.keyset(Keyset::first(1).after(place)).await.unwrap();
        found.extend(page.items.iter().map(|shirt| shirt.words));
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    assert_eq!(found, [Size::Large, Size::Medium, Size::Small]);
    let page = shirts.find().order_by(Shirt::SIZE.asc()).page(kysera::PageRequest::new(1, 2)).await.unwrap();
    assert_eq!(page.items.iter().map(|shirt| shirt.size).collect::<Vec<_>>(), sizes[..2]);
}
