//! Pages by the place where they begin.

use kysera::cursor::CursorError;
use kysera::expr::Order;
use kysera::prelude::*;
use kysera::{Cursor, Error, Keyset, KeysetPage};
use kysera_tests::{Ddl, Fixture};
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::types::{Decimal, Uuid};

use super::entities::*;
use crate::DB;

/// Items 1 to 7, with quantities that are tied.
async fn items() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = (1..).zip([Some(3), None, Some(1), Some(3), None, Some(1), Some(3)]);
    let rows = rows.map(|(id, qty)| NewItem { qty, active: id % 2 == 1, ..item(id) });
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

fn by_qty() -> Order<Item> {
    Item::QTY.desc().nulls_last()
}

async fn fetch(db: &Fixture<DB>, keyset: Keyset) -> KeysetPage<i64> {
    let items = Item::repo(db.source());
    items.find().order_by(by_qty()).keyset(keyset).await.unwrap().map(|item| item.id)
}

#[tokio::test]
async fn pages_are_walked_forward_and_back() {
    let db = items().await;
    let first = fetch(&db, Keyset::first(3)).await;
    assert_eq!(first.items, [7, 4, 1]);
    assert_eq!((first.has_next, first.has_prev, &first.prev, first.total), (true, false, &None, None));
    let second = fetch(&db, Keyset::first(3).after(first.next.clone())).await;
    assert_eq!((&second.items[..], second.has_next, second.has_prev), (&[6, 3, 5][..], true, true));
    let third = fetch(&db, Keyset::first(3).after(&second.next)).await;
    assert_eq!((&third.items[..], third.has_next, third.has_prev), (&[2][..], false, true));
    assert_eq!(third.next, None);

    assert_eq!(fetch(&db, Keyset::last(3).before(third.prev.unwrap())).await, second);
    assert_eq!(fetch(&db, Keyset::last(3).before(second.prev.unwrap().as_ref())).await, first);
    let last = fetch(&db, Keyset::last(3)).await;
    assert_eq!((&last.items[..], last.has_next, last.has_prev), (&[3, 5, 2][..], false, true));
}

#[tokio::test]
async fn the_total_comes_with_the_page_wherever_it_is() {
    let db = items().await;
    let first = fetch(&db, Keyset::first(3).with_total()).await;
    assert_eq!(first.total, Some(7));
    let second = fetch(&db, Keyset::first(9).after(first.next).with_total()).await;
    assert_eq!((second.items.len(), second.total, second.has_prev), (4, Some(7), true));

    let empty = Fixture::<DB>::new(&ITEMS).await;
    for keyset in [Keyset::first(3), Keyset::last(3)] {
        let page = fetch(&empty, keyset.with_total()).await;
        let nothing = KeysetPage {
            items: vec![],
            has_next: false,
            has_prev: false,
            next: None,
            prev: None,
            total: Some(0),
        };
        assert_eq!(page, nothing);
    }
}

#[tokio::test]
async fn both_ends_at_once() {
    let db = items().await;
    // 7 4 1 6 3 5 2
    let two = fetch(&db, Keyset::first(2)).await.next;
    let five = fetch(&db, Keyset::last(2)).await.prev;
    let between = || Keyset::first(9).after(&two).before(&five);
    let page = fetch(&db, between()).await;
    assert_eq!((&page.items[..], page.has_next, page.has_prev), (&[1, 6, 3][..], true, true));
    let page = fetch(&db, Keyset::last(2).after(&two).before(&five).with_total()).await;
    assert_eq!(
        (&page.items[..], page.has_next, page.has_prev, page.total),
        (&[6, 3][..], true, true, Some(7))
    );
    let page = fetch(&db, Keyset::first(2).after(&five).before(&two)).await;
    assert_eq!((page.items.len(), page.has_next, page.has_prev), (0, true, true));
}

#[tokio::test]
async fn a_page_whose_rows_are_gone_knows_the_way_back() {
    let db = items().await;
    let first = fetch(&db, Keyset::first(5)).await;
    let repo = Item::repo(db.source());
    repo.find().filter(Item::ID.in_([5_i64, 2])).delete().await.unwrap();
    let page = fetch(&db, Keyset::first(5).after(&first.next).with_total()).await;
    assert_eq!((page.items.len(), page.has_next, page.has_prev, page.total), (0, false, true, Some(5)));
    let back = fetch(&db, Keyset::last(5).before(page.prev)).await;
    assert_eq!((&back.items[..], back.has_next, back.has_prev), (&[7, 4, 1, 6, 3][..], false, false));
    // The row of the cursor itself is gone as well.
    repo.find().delete().await.unwrap();
    let page = fetch(&db, Keyset::first(5).after(&first.next).with_total()).await;
    assert_eq!((page.items.len(), page.has_next, page.has_prev, page.total), (0, false, false, Some(0)));
}

#[tokio::test]
async fn sizes() {
    let db = items().await;
    assert_eq!(fetch(&db, Keyset::first(u64::MAX)).await.items.len(), 7);
    assert_eq!(fetch(&db, Keyset::first(u64::MAX).max_rows(u64::MAX)).await.items.len(), 7);
    assert_eq!(fetch(&db, Keyset::first(7)).await.items.len(), 7);
    let cut = fetch(&db, Keyset::last(5).max_rows(2)).await;
    assert_eq!((&cut.items[..], cut.has_prev), (&[5, 2][..], true));
}

/// No table: nothing may be sent.
async fn refused(keyset: impl Fn(&kysera_tests::TestSource<DB>) -> Result<String, Error>) -> String {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let error = keyset(db.source()).unwrap_err();
    assert_eq!(error.code(), kysera::ErrorCode::BadRequest, "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    refused(|db| Item::repo(db).find().keyset(Keyset::first(0)).to_sql()).await;
    refused(|db| Item::repo(db).find().keyset(Keyset::first(1).max_rows(0)).to_sql()).await;
    refused(|db| Item::repo(db).find().limit(1).keyset(Keyset::first(1)).to_sql()).await;
    refused(|db| Item::repo(db).find().offset(1).keyset(Keyset::first(1)).to_sql()).await;
    let lower = Item::NAME.lower();
    let text =
        refused(|db| Item::repo(db).find().order_by(lower.clone().asc()).keyset(Keyset::first(1)).to_sql())
            .await;
    assert!(text.contains("expression"), "{text}");
    let text =
        refused(|db| Opaque::repo(db).find().order_by(Opaque::CODE.asc()).keyset(Keyset::first(1)).to_sql());
    let text = text.await;
    assert!(text.contains("`code`") && text.contains("Opaque"), "{text}");
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let items = Item::repo(db.source());
    assert!(matches!(items.find().keyset(Keyset::first(0)).await, Err(Error::BadRequest(_))));
    let bad = items.find().keyset(Keyset::first(1).after("nonsense!")).await.unwrap_err();
    assert!(matches!(bad, Error::Cursor(CursorError::Malformed)), "{bad:?}");
}

/// A type that serde does not know.
#[derive(Debug, Clone, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Code(String);

#[derive(Debug, Repository)]
#[kysera(table = "opaques")]
pub struct Opaque {
    #[kysera(id)]
    pub id: i64,
    pub code: Code,
}

/// Every type that a cursor must carry exactly.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "kinds")]
pub struct Kinds {
    #[kysera(id, assigned)]
    pub id: Uuid,
    pub small: i16,
    pub big: i64,
    pub single: f32,
    pub float: f64,
    pub maybe_float: Option<f64>,
    pub text: String,
    pub bytes: Vec<u8>,
    pub yes: bool,
    pub at: DateTime<Utc>,
    pub day: NaiveDate,
    pub hour: Option<NaiveTime>,
}

const KINDS: Ddl = Ddl {
    postgres: r#"CREATE TABLE kinds (id UUID PRIMARY KEY, small INT2 NOT NULL, big INT8 NOT NULL, single REAL NOT NULL,
        "float" DOUBLE PRECISION NOT NULL, maybe_float DOUBLE PRECISION, text TEXT NOT NULL, bytes BYTEA NOT NULL,
        yes BOOL NOT NULL, at TIMESTAMPTZ NOT NULL, day DATE NOT NULL, hour TIME)"#,
    mysql: "CREATE TABLE kinds (id BINARY(16) PRIMARY KEY, small SMALLINT NOT NULL, big BIGINT NOT NULL, single FLOAT NOT NULL,
        `float` DOUBLE NOT NULL, maybe_float DOUBLE, text VARCHAR(100) NOT NULL, bytes VARBINARY(100) NOT NULL,
        yes BOOL NOT NULL, at DATETIME(6) NOT NULL, day DATE NOT NULL, hour TIME(6))",
    sqlite: r#"CREATE TABLE kinds (id BLOB PRIMARY KEY, small INTEGER NOT NULL, big INTEGER NOT NULL, single REAL NOT NULL,
        "float" REAL NOT NULL, maybe_float REAL, text TEXT NOT NULL, bytes BLOB NOT NULL,
        yes BOOLEAN NOT NULL, at TEXT NOT NULL, day TEXT NOT NULL, hour TEXT)"#,
};

fn kinds(i: usize) -> NewKinds {
    fn pick<T: Clone>(values: &[T], i: usize) -> T {
        values[i % values.len()].clone()
    }
    let at = |micros| DateTime::from_timestamp_micros(micros).unwrap();
    NewKinds {
        id: Uuid::from_u128((i as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)),
        small: pick(&[i16::MIN, -1, 0, i16::MAX], i),
        big: pick(&[i64::MIN, i64::MAX, 0, 9_007_199_254_740_993, -9_007_199_254_740_993], i),
        single: pick(&[0.1, f32::MAX, f32::MIN_POSITIVE, -0.0, 16_777_217.0, 1.0 / 3.0], i),
        float: pick(&[0.1, f64::MAX, f64::MIN, -0.0, 1.0 / 3.0, 0.1 + 0.2, 5e-300, 1e16], i),
        maybe_float: pick(&[None, Some(0.3), Some(0.1 + 0.2), Some(-f64::MAX)], i),
        text: pick(&["", "a", "A", "ä", "🦀", "日", "'\"\\", "a b"], i).into(),
        bytes: pick(&[&b""[..], b"\0", b"\xff\xfe", b"abc"], i).into(),
        yes: i.is_multiple_of(2),
        at: pick(&[at(0), at(1), at(1_700_000_000_000_000), at(1_700_000_000_500_000), at(-1_000_001)], i),
        day: NaiveDate::from_ymd_opt(2000 + (i % 3) as i32, 2, 28).unwrap(),
        hour: pick(
            &[None, NaiveTime::from_hms_micro_opt(1, 2, 3, 4), NaiveTime::from_hms_opt(23, 59, 59)],
            i,
        ),
    }
}

#[tokio::test]
async fn values_of_every_type_are_found_again() {
    let db = Fixture::<DB>::new(&KINDS).await;
    let repo = Kinds::repo(db.source());
    repo.create_many((0..24).map(kinds)).await.unwrap();
    let orders: [Order<Kinds>; 12] = [
        Kinds::ID.asc(),
        Kinds::SMALL.asc(),
        Kinds::BIG.desc(),
        Kinds::SINGLE.asc(),
        Kinds::FLOAT.desc(),
        Kinds::MAYBE_FLOAT.asc(),
        Kinds::TEXT.asc(),
        Kinds::BYTES.desc(),
        Kinds::YES.asc(),
        Kinds::AT.desc(),
        Kinds::DAY.asc(),
        Kinds::HOUR.desc(),
    ];
    for (i, order) in orders.into_iter().enumerate() {
        let find = || repo.find().order_by(order.clone());
        let sorted = repo.find().order_by(order.clone()).order_by(tie(i));
        let sorted = sorted.all().await.unwrap();
        let mut walked = Vec::new();
        let mut place = None;
        loop {
            let page = find().keyset(Keyset::first(2).after(place)).await.unwrap();
            walked.extend(page.items);
            place = page.next;
            if place.is_none() || walked.len() > 24 {
                break;
            }
        }
        assert_eq!(walked, sorted, "order {i}");
    }
}

/// The tie-break that pages add, by the direction of each of the orders above.
fn tie(order: usize) -> Order<Kinds> {
    if matches!(order, 2 | 4 | 7 | 9 | 11) { Kinds::ID.desc() } else { Kinds::ID.asc() }
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "prices")]
pub struct Price {
    #[kysera(id, assigned)]
    pub id: i64,
    pub at: Option<DateTime<Utc>>,
}

const PRICES: Ddl = Ddl {
    postgres: "CREATE TABLE prices (id BIGINT PRIMARY KEY, at TIMESTAMPTZ DEFAULT now())",
    mysql: "CREATE TABLE prices (id BIGINT PRIMARY KEY, at DATETIME DEFAULT CURRENT_TIMESTAMP)",
    sqlite: "CREATE TABLE prices (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP)",
};

#[tokio::test]
async fn what_the_database_wrote_in_its_own_way_is_found_again() {
    let db = Fixture::<DB>::new(&PRICES).await;
    for id in 0..5 {
        db.execute(&format!("INSERT INTO prices (id) VALUES ({id})")).await;
    }
    let prices = Price::repo(db.source());
    // Spelled by the driver, later and at the same moment.
    let first = prices.get(0).await.unwrap();
    prices.create(NewPrice { id: 5, at: first.at }).await.unwrap();
    let mut ids = Vec::new();
    let mut place = None;
    loop {
        let find = prices.find().order_by(Price::AT.desc());
        let page = find.keyset(Keyset::first(1).after(place)).await.unwrap();
        ids.extend(page.items.iter().map(|price| price.id));
        place = page.next;
        if place.is_none() || ids.len() > 6 {
            break;
        }
    }
    let sorted = prices.find().order_by(Price::AT.desc()).order_by(Price::ID.desc()).all().await.unwrap();
    assert_eq!(ids, sorted.iter().map(|price| price.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn composite_keys_and_repeated_columns() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    let rows = (0..12).map(|i| member(i % 3, &format!("{}", i / 3), (i % 2) as i32));
    members.create_many(rows).await.unwrap();
    let orders: [Vec<Order<Member>>; 4] = [
        vec![],
        vec![Member::LEVEL.desc()],
        vec![Member::USER.desc(), Member::LEVEL.asc(), Member::USER.asc()],
        vec![Member::LEVEL.asc(), Member::NOTE.asc(), Member::ORG.desc()],
    ];
    for order in orders {
        let find = || members.find().order_by_all(order.clone());
        let (all, _) = find().find_and_count().await.unwrap();
        let mut walked = Vec::new();
        let mut place: Option<Cursor> = None;
        loop {
            let page = find().keyset(Keyset::first(5).after(place)).await.unwrap();
            walked.extend(page.items);
            place = page.next;
            if place.is_none() || walked.len() > 12 {
                break;
            }
        }
        assert_eq!(walked, all);
    }
}

#[tokio::test]
async fn pages_and_cursors_travel_as_json() {
    let db = items().await;
    let page = fetch(&db, Keyset::first(2).with_total()).await;
    let json = serde_json::to_string(&page).unwrap();
    let read: KeysetPage<i64> = serde_json::from_str(&json).unwrap();
    assert_eq!(read, page);
    let next = page.next.unwrap();
    assert!(json.contains(&format!(r#""next":"{next}""#)), "{json}");
    assert_eq!(next.to_string().parse::<Cursor>().unwrap(), next);
    assert!(next.as_ref().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert!(!format!("{next:?}").contains(next.as_ref()));
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "fees")]
pub struct Fee {
    #[kysera(id, assigned)]
    pub id: i64,
    pub amount: f64,
}

const FEES: Ddl = Ddl {
    postgres: "CREATE TABLE fees (id BIGINT PRIMARY KEY, amount DOUBLE PRECISION NOT NULL)",
    mysql: "CREATE TABLE fees (id BIGINT PRIMARY KEY, amount DOUBLE NOT NULL)",
    sqlite: "CREATE TABLE fees (id INTEGER PRIMARY KEY, amount REAL NOT NULL)",
};

#[tokio::test]
async fn infinities_and_what_is_no_number_are_places_too() {
    let db = Fixture::<DB>::new(&FEES).await;
    let fees = Fee::repo(db.source());
    let mut amounts = vec![f64::MAX, 0.0, f64::MIN];
    match <DB as kysera::Backend>::DIALECT {
        kysera::backend::Dialect::Postgres => {
            amounts.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::NAN])
        }
        kysera::backend::Dialect::Sqlite => amounts.extend([f64::INFINITY, f64::NEG_INFINITY]),
        _ => {}
    }
    let count = amounts.len();
    fees.create_many((0..).zip(amounts).map(|(id, amount)| NewFee { id, amount })).await.unwrap();
    for order in [Fee::AMOUNT.asc(), Fee::AMOUNT.desc()] {
        let find = || fees.find().order_by(order.clone());
        let (all, _) = find().find_and_count().await.unwrap();
        let mut ids = Vec::new();
        let mut place = None;
        loop {
            let page = find().keyset(Keyset::first(1).after(place)).await.unwrap();
            ids.extend(page.items.iter().map(|fee| fee.id));
            place = page.next;
            if place.is_none() || ids.len() > count {
                break;
            }
        }
        assert_eq!(ids, all.iter().map(|fee| fee.id).collect::<Vec<_>>());
    }
}

/// Decimals are no type of SQLite.
#[test]
fn cursors_know_the_types_of_the_features() {
    use kysera::__private::codec;
    for codec in [
        codec!(DateTime<Utc>),
        codec!(Option<NaiveDate>),
        codec!(Uuid),
        codec!(Decimal),
        codec!(time::OffsetDateTime),
        codec!(Option<time::Date>),
    ] {
        assert!(codec.json.is_some(), "{}", (codec.type_name)());
    }
    assert!(codec!(Code).json.is_none());
}

#[tokio::test]
async fn an_index_finds_the_place_of_a_page() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    let members = Member::repo(db.source());
    let rows = (0..5000).map(|i| member(i, &format!("user {i}"), (i * 7 % 50) as i32));
    members.insert_many(rows).await.unwrap();
    db.execute(
        r#"CREATE INDEX members_level ON members (level, org, "user")"#.replace('"', quote()).as_str(),
    )
    .await;
    if <DB as kysera::Backend>::DIALECT == kysera::backend::Dialect::Postgres {
        db.execute("ANALYZE members").await;
    }
    for order in [Member::LEVEL.asc(), Member::LEVEL.desc()] {
        let find = || members.find().order_by(order.clone());
        let mut place: Option<Cursor> = None;
        for _ in 0..20 {
            place = find().keyset(Keyset::first(20).after(place)).await.unwrap().next;
        }
        for keyset in [Keyset::first(20).after(&place), Keyset::last(20).before(&place)] {
            let plan = find().keyset(keyset).explain().await.unwrap().to_string();
            match <DB as kysera::Backend>::DIALECT {
                kysera::backend::Dialect::Postgres => {
                    assert!(plan.contains("Index Cond: (ROW(level, org, "), "{plan}");
                    assert!(!plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
                }
                kysera::backend::Dialect::Sqlite => {
                    assert!(plan.contains("USING INDEX members_level ((level,org,user)"), "{plan}");
                    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN members"), "{plan}");
                }
                _ => {
                    assert!(plan.contains("members_level") && plan.contains("range"), "{plan}");
                    assert!(!plan.contains("filesort"), "{plan}");
                }
            }
        }
    }
}

fn quote() -> &'static str {
    if <DB as kysera::Backend>::DIALECT == kysera::backend::Dialect::Postgres { "\"" } else { "`" }
}
