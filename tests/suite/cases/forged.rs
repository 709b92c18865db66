//! Cursors and page requests that somebody made up: errors, never a panic and never a wrong statement.

use axum::extract::Query;
use axum::http::Uri;
use kysera::expr::Order;
use kysera::prelude::*;
use kysera::{Error, ErrorCode};
use kysera_tests::Fixture;
use serde_json::{Value, json};

use super::entities::*;
use crate::DB;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn decode(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut number) = (Vec::new(), 0, 0_u32);
    for digit in text.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit).unwrap();
        number = number << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((number >> bits) as u8);
        }
    }
    bytes
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, i| number << 8 | u32::from(*three.get(i).unwrap_or(&0)));
        for digit in 0..=three.len() {
            text.push(char::from(DIGITS[(number >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}

/// The cursor with other values, and a checksum that fits them.
fn forge(cursor: &Cursor, values: &str) -> String {
    let bytes = decode(cursor.as_ref());
    assert_eq!(encode(&bytes), cursor.as_ref());
    // Version and kind; length; checksum; the two fingerprints and the side.
    let content = [&bytes[12..29], values.as_bytes()].concat();
    let sum = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let length = (content.len() + 8) as u16;
    encode(&[&bytes[..2], &length.to_be_bytes(), &sum.to_be_bytes(), &content].concat())
}

#[tokio::test]
async fn a_plain_cursor_with_other_values_and_a_valid_checksum() {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let items = Item::repo(db.source());
    let rows =
        (1..=3).map(|id| NewItem { qty: (id != 2).then_some(id as i32), code: Some("c".into()), ..item(id) });
    items.create_many(rows).await.unwrap();
    type MakeOrder = fn() -> Order<Item>;
    let orders: [(MakeOrder, &str); 7] = [
        (|| Item::ID.asc(), "[2]"),
        (|| Item::NAME.asc(), r#"["~", 1]"#),
        (|| Item::CODE.desc().nulls_last(), r#"["a", 1]"#),
        (|| Item::QTY.asc().nulls_first(), "[5, 1]"),
        // Each database has its own form of these.
        (|| Item::ACTIVE.desc(), ""),
        (|| Item::MADE.desc(), ""),
        (|| Item::WEIGHT.asc(), ""),
    ];
    let mut values: Vec<Value> = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("0"),
        json!("\u{0}"),
        json!("' OR 1=1 --"),
        json!("NaN"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"$gt": 1}),
        json!({"secs": 1}),
        json!("2020-02-30"),
    ];
    values.push((0..60).fold(json!(1), |inner, _| json!([inner])));
    values.push(Value::Array(vec![json!(1); 2000]));
    values.push(json!("x".repeat(4000)));
    for (order, good) in orders {
        let find = || items.find().order_by(order());
        let cursor = find().keyset(Keyset::first(1)).await.unwrap().next.unwrap();
        let ask = async |values: &str| -> Result<usize, Error> {
            let text = forge(&cursor, values);
            let after = find().keyset(Keyset::first(9).after(text.as_str())).await?;
            find().keyset(Keyset::last(9).before(text)).await?;
            Ok(after.items.len())
        };
        if !good.is_empty() {
            ask(good).await.unwrap();
        }
        for value in &values {
            for values in [
                json!([value]),
                json!([value, 1]),
                json!([value, value]),
                json!([1, value]),
                json!(["x", value]),
                json!([value, 1, 1]),
                value.clone(),
            ] {
                // Where the types fit by chance it is a place like any other.
                if let Err(error) = ask(&values.to_string()).await {
                    assert!(matches!(error.code(), ErrorCode::BadRequest), "{values:.200}: {error:?}");
                }
            }
        }
        let deep = "[".repeat(3000);
        for text in [
            "",
            "[",
            "null",
            "[1",
            "[1,]",
            "[01]",
            "[1e999]",
            "[\"\\ud800\"]",
            "[NaN]",
            "\u{feff}[1]",
            deep.as_str(),
        ] {
            let error = ask(text).await.unwrap_err();
            assert!(matches!(error, Error::Cursor(_)), "{text:.50}: {error:?}");
        }
        assert_eq!(items.count().await.unwrap(), 3);
    }
}

#[tokio::test]
async fn page_requests_of_hostile_query_strings() {
    let read = |query: &str| {
        let uri: Uri = format!("/?{query}").parse().unwrap();
        Query::<PageRequest>::try_from_uri(&uri).map(|Query(request)| request)
    };
    for query in [
        "page=-1",
        "per_page=-20",
        "page=1.5",
        "page=1e30",
        "per_page=1e3",
        "page=99999999999999999999999999",
        "page=18446744073709551616",
        "page=",
        "page=%00",
        "page=1%20",
        "page=0x10",
        "page=NaN",
        "page=null",
        "page=%2B",
        "page=1&page=2",
        "page=%5B1%5D",
        "per_page=true",
        "per_page=%D9%A1",
    ] {
        assert!(read(query).is_err(), "{query}");
    }
    assert_eq!(read("page[]=3&page[x]=4&max=5&max_per_page=9").unwrap(), PageRequest::default());
    let db = Fixture::<DB>::new(&ITEMS).await;
    let items = Item::repo(db.source());
    items.create_many((1..=3).map(item)).await.unwrap();
    for (query, number) in [
        ("page=0", 3),
        ("", 3),
        ("page=2&per_page=2", 1),
        ("per_page=0", 0),
        ("page=18446744073709551615&per_page=18446744073709551615", 0),
        ("page=18446744073709551615&per_page=1", 0),
        ("page=9223372036854775808&per_page=1000", 0),
        ("page=1&per_page=18446744073709551615", 3),
    ] {
        let request = read(query).unwrap();
        let page = items.find().page(request).await.unwrap();
        assert_eq!((page.items.len(), page.total), (number, 3), "{query}");
        let page = items.find().distinct().page(request.max_per_page(u64::MAX)).await.unwrap();
        assert_eq!((page.items.len(), page.total), (number, 3), "{query}");
    }
    for text in [
        "[]",
        "[1, 2]",
        r#"{"page": -1}"#,
        r#"{"page": 1.0}"#,
        r#"{"page": "1"}"#,
        r#"{"page": null}"#,
        "1",
        "null",
    ] {
        // A list of the two is what serde makes of a struct as well.
        let request = serde_json::from_str::<PageRequest>(text);
        assert!(request.is_err() || text.starts_with('['), "{text}: {request:?}");
    }
}
