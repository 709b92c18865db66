//! Filters and orders that come from outside.

use kysera::Repository;
use kysera_tests::{Ddl, Fixture};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use serde_json::{Value as Json, json};
use sqlx::types::Uuid;
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::DB;

/// A column of each kind, and one that is nobody's business.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "products")]
pub(super) struct Product {
    #[kysera(id, assigned, sortable)]
    id: i64,
    #[kysera(filterable, sortable)]
    name: String,
    #[kysera(filterable = "sku", sortable = "sku")]
    code: Option<String>,
    #[kysera(filterable, sortable = "quantity")]
    qty: Option<i32>,
    #[kysera(filterable)]
    weight: f64,
    #[kysera(filterable)]
    ratio: Option<f32>,
    #[kysera(filterable)]
    active: bool,
    #[kysera(filterable)]
    made: Option<NaiveDate>,
    #[kysera(filterable)]
    wall: Option<NaiveDateTime>,
    #[kysera(filterable)]
    at: Option<DateTime<Utc>>,
    #[kysera(filterable)]
    owner: Option<Uuid>,
    #[kysera(filterable)]
    big: i64,
    secret: String,
}

const PRODUCTS: Ddl = Ddl {
    postgres: r#"CREATE TABLE products (
        id BIGINT PRIMARY KEY, name TEXT COLLATE "C" NOT NULL, code TEXT COLLATE "C", qty INT,
        weight DOUBLE PRECISION NOT NULL, ratio REAL, active BOOL NOT NULL, made DATE, wall TIMESTAMP, at TIMESTAMPTZ,
        owner UUID, big BIGINT NOT NULL, secret TEXT NOT NULL)"#,
    mysql: "CREATE TABLE products (
        id BIGINT PRIMARY KEY, name VARCHAR(200) COLLATE utf8mb4_bin NOT NULL, code VARCHAR(200) COLLATE utf8mb4_bin,
        qty INT, weight DOUBLE NOT NULL, ratio FLOAT, active BOOL NOT NULL, made DATE, wall DATETIME(6), at DATETIME(6),
        owner BINARY(16), big BIGINT NOT NULL, secret VARCHAR(200) NOT NULL)",
    sqlite: "CREATE TABLE products (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, code TEXT, qty INTEGER, weight REAL NOT NULL, ratio REAL,
        active BOOLEAN NOT NULL, made TEXT, wall TEXT, at TEXT, owner BLOB, big INTEGER NOT NULL, secret TEXT NOT NULL)",
};

fn product(id: i64, name: &str) -> NewProduct {
    NewProduct {
        id,
        name: name.into(),
        code: None,
        qty: None,
        weight: id as f64 + 0.5,
        ratio: None,
        active: id % 2 == 0,
        made: None,
        wall: None,
        at: None,
        owner: None,
        big: i64::MAX - id,
        secret: format!("secret {id}"),
    }
}

/// 1 to 5; the last one is all NULL where it can be.
fn products() -> Vec<NewProduct> {
    let day = |day| NaiveDate::from_ymd_opt(2024, 12, day);
    let one = |id: i64, name: &str, code: &str, qty: i32| NewProduct {
        code: Some(code.into()),
        qty: Some(qty),
        ratio: Some(qty as f32 / 2.0),
        made: day(qty as u32),
        wall: day(qty as u32).and_then(|day| day.and_hms_opt(12, 0, 0)),
        at: day(qty as u32).and_then(|day| day.and_hms_opt(12, 0, 0)).map(|at| at.and_utc()),
        owner: Some(Uuid::from_u128(id as u128)),
        ..product(id, name)
    };
    vec![
        one(1, "Apple", "a%1", 10),
        one(2, "apple pie", "a_2", 20),
        one(3, "Pear", "a\\3", 30),
        one(4, "pineapple", "b4", 20),
        product(5, ""),
    ]
}

async fn filled() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&PRODUCTS).await;
    Product::repo(db.source()).create_many(products()).await.unwrap();
    db
}

async fn kept(db: &Fixture<DB>, input: &Json) -> Vec<i64> {
    let filter = Product::query_schema().filter(input).unwrap_or_else(|error| panic!("{input}: {error}"));
    let rows = Product::repo(db.source()).find().filter(filter).order_by(Product::ID.asc()).all().await;
    let rows = rows.unwrap_or_else(|error| panic!("{input}: {error}"));
    rows.into_iter().map(|product| product.id).collect()
}

#[tokio::test]
async fn every_operator_keeps_what_it_says() {
    let db = filled().await;
    let uuid = |id: u128| Uuid::from_u128(id).to_string();
    for (input, expected) in [
        (json!({}), vec![1, 2, 3, 4, 5]),
        (json!({"qty": 20}), vec![2, 4]),
        (json!({"qty": null}), vec![5]),
        (json!({"qty": {"$eq": 20}}), vec![2, 4]),
        (json!({"qty": {"$eq": null}}), vec![5]),
        (json!({"qty": {"$ne": 20}}), vec![1, 3]),
        (json!({"qty": {"$ne": null}}), vec![1, 2, 3, 4]),
        (json!({"qty": {"$gt": 20}}), vec![3]),
        (json!({"qty": {"$gte": 20}}), vec![2, 3, 4]),
        (json!({"qty": {"$lt": 20}}), vec![1]),
        (json!({"qty": {"$lte": 20}}), vec![1, 2, 4]),
        (json!({"qty": {"$gt": 10, "$lt": 30}}), vec![2, 4]),
        (json!({"qty": {"$between": [20, 30]}}), vec![2, 3, 4]),
        (json!({"qty": {"$between": [30, 20]}}), vec![]),
        (json!({"qty": {"$in": [10, 30, 99]}}), vec![1, 3]),
        (json!({"qty": {"$in": [10, null]}}), vec![1, 5]),
        (json!({"qty": {"$in": []}}), vec![]),
        (json!({"qty": {"$nin": [10, 30]}}), vec![2, 4]),
        (json!({"qty": {"$nin": [10, null]}}), vec![2, 3, 4]),
        (json!({"qty": {"$nin": []}}), vec![1, 2, 3, 4, 5]),
        (json!({"qty": {"$isNull": true}}), vec![5]),
        (json!({"qty": {"$isNull": false}}), vec![1, 2, 3, 4]),
        (json!({"qty": {"$isNotNull": true}}), vec![1, 2, 3, 4]),
        (json!({"qty": {"$isNotNull": false}}), vec![5]),
        (json!({"qty": {"$not": {"$gt": 10}}}), vec![1]),
        (json!({"qty": {"$not": 20}}), vec![1, 3]),
        (json!({"name": {"$contains": "pp"}}), vec![1, 2, 4]),
        (json!({"name": {"$contains": "App"}}), vec![1]),
        (json!({"name": {"$startsWith": "app"}}), vec![2]),
        (json!({"name": {"$endsWith": "apple"}}), vec![4]),
        (json!({"name": {"$contains": ""}}), vec![1, 2, 3, 4, 5]),
        (json!({"sku": {"$contains": "%"}}), vec![1]),
        (json!({"sku": {"$contains": "_"}}), vec![2]),
        (json!({"sku": {"$contains": "\\"}}), vec![3]),
        (json!({"sku": {"$contains": ""}}), vec![1, 2, 3, 4]),
        (json!({"sku": {"$like": "a%"}}), vec![1, 2, 3]),
        (json!({"sku": {"$like": "b_"}}), vec![4]),
        (json!({"sku": {"$like": "a\\_2"}}), vec![2]),
        (json!({"sku": {"$like": "a\\\\3"}}), vec![3]),
        (json!({"name": {"$ilike": "%APPLE"}}), vec![1, 4]),
        (json!({"sku": {"$ilike": "A\\%_"}}), vec![1]),
        (json!({"active": true}), vec![2, 4]),
        (json!({"active": {"$lt": true}}), vec![1, 3, 5]),
        (json!({"weight": 1.5}), vec![1]),
        (json!({"weight": {"$gt": 4}}), vec![4, 5]),
        (json!({"ratio": 5}), vec![1]),
        (json!({"ratio": {"$gte": 10.0}}), vec![2, 3, 4]),
        (json!({"made": "2024-12-10"}), vec![1]),
        (json!({"made": {"$gt": "2024-12-10"}}), vec![2, 3, 4]),
        (json!({"wall": {"$lte": "2024-12-10T12:00:00"}}), vec![1]),
        (json!({"at": {"$gte": "2024-12-30T13:00:00+01:00"}}), vec![3]),
        (json!({"owner": uuid(3)}), vec![3]),
        (json!({"owner": {"$in": [uuid(1), uuid(4)]}}), vec![1, 4]),
        (json!({"big": i64::MAX - 1}), vec![1]),
        (json!({"big": {"$lt": i64::MAX - 3}}), vec![4, 5]),
        (json!({"qty": 20, "active": true, "name": {"$startsWith": "a"}}), vec![2]),
        (json!({"$or": [{"qty": 10}, {"qty": null}]}), vec![1, 5]),
        (json!({"$or": [{"qty": 20, "name": "pineapple"}, {"made": "2024-12-30"}]}), vec![3, 4]),
        (json!({"$and": [{"qty": {"$gte": 20}}, {"qty": {"$lte": 20}}]}), vec![2, 4]),
        (json!({"$not": {"qty": 20}}), vec![1, 3]),
        (json!({"$not": {"$or": [{"qty": 20}, {"active": true}]}}), vec![1, 3]),
        (json!({"active": false, "$or": [{"qty": 10}, {"qty": 20}]}), vec![1]),
    ] {
        assert_eq!(kept(&db, &input).await, expected, "{input}");
    }
}

#[tokio::test]
async fn orders_are_those_of_the_marked_columns() {
    let db = filled().await;
    let products = Product::repo(db.source());
    for (sort, expected) in [
        ("", None),
        ("-id", Some([5, 4, 3, 2, 1])),
        ("name", Some([5, 1, 3, 2, 4])),
        ("-name", Some([4, 2, 3, 1, 5])),
        (" + name , -id", Some([5, 1, 3, 2, 4])),
    ] {
        let order = Product::query_schema().sort(sort).unwrap();
        assert_eq!(order.is_empty(), expected.is_none());
        let rows = products.find().order_by_all(order).all().await.unwrap();
        let ids: Vec<i64> = rows.iter().map(|product| product.id).collect();
        if let Some(expected) = expected {
            assert_eq!(ids, expected, "{sort}");
        }
    }
    let order = Product::query_schema().sort("-quantity,-id").unwrap();
    let some = products.find().filter(Product::QTY.is_not_null()).order_by_all(order).all().await.unwrap();
    assert_eq!(some.iter().map(|product| product.id).collect::<Vec<_>>(), [3, 4, 2, 1]);
    for sort in ["secret", "qty", "code", "id,weight", "id;", "id DESC", "\"id\""] {
        let error = Product::query_schema().sort(sort).map(|order| order.len()).unwrap_err();
        assert!(matches!(error, kysera::Error::Invalid(_)), "{sort}: {error}");
    }
}

#[tokio::test]
async fn what_is_at_the_bounds_runs() {
    let db = filled().await;
    let nested = |depth: usize| (1..depth).fold(json!({"qty": 20}), |inner, _| json!({"$or": [inner]}));
    assert_eq!(kept(&db, &nested(8)).await, [2, 4]);
    let conditions = vec![json!({"qty": {"$in": vec![20; 100]}}); 100];
    assert_eq!(kept(&db, &json!({"$and": conditions})).await, [2, 4]);
    let mixed = |id: usize| json!({"$not": {"name": {"$ilike": format!("{}%", id)}}});
    assert_eq!(kept(&db, &json!({"$or": (0..100).map(mixed).collect::<Vec<_>>()})).await, [1, 2, 3, 4, 5]);
    // Four bytes each, and each is escaped.
    for text in ["🦀", "%", "[", "!", "\\\\", "é"] {
        let text = text.repeat(1000 / text.chars().count());
        for operator in ["$eq", "$contains", "$startsWith", "$endsWith", "$like", "$ilike"] {
            let found = kept(&db, &json!({"name": {operator: text}})).await;
            let all = text.starts_with('%') && operator.ends_with("like");
            assert_eq!(found, if all { vec![1, 2, 3, 4, 5] } else { vec![] }, "{operator} {text}");
        }
    }
    let wide = Product::query_schema().max_list(20_000);
    let list: Vec<i32> = (20..20_000).collect();
    let filter = wide.filter(&json!({"qty": {"$in": list}})).unwrap();
    assert_eq!(Product::repo(db.source()).find().filter(filter).count().await.unwrap(), 3);
}

#[tokio::test]
async fn hostile_values_are_refused_or_harmless() {
    let db = filled().await;
    for input in [
        json!({"qty": 1e308}),
        json!({"qty": u64::MAX}),
        json!({"big": u64::MAX}),
        json!({"ratio": 1e308}),
        json!({"name": "a\0b"}),
        json!({"name": {"$like": "\0"}}),
        json!({"made": "-0001-01-01"}),
        json!({"made": "+10000-01-01"}),
        json!({"made": "-262143-01-01"}),
        json!({"made": "2024-02-30"}),
        json!({"wall": "+262142-12-31T23:59:59"}),
        json!({"at": "-262143-01-01T00:00:00Z"}),
        json!({"at": "+262142-12-31T23:59:59Z"}),
        json!({"owner": "x"}),
        json!({"name": {"$like": "x\\"}}),
        json!({"__proto__": {"polluted": true}}),
        json!({"constructor": 1}),
        json!({"secret": {"$startsWith": "s"}}),
        json!({"products.secret": "secret 1"}),
        json!({"name\" = '' OR \"1": "1"}),
    ] {
        let error = Product::query_schema().filter(&input).map(|_| ()).unwrap_err();
        assert!(matches!(error, kysera::Error::Invalid(_)), "{input}: {error}");
    }
    for input in [
        json!({"weight": {"$gt": 1e308}}),
        json!({"weight": -0.0}),
        json!({"weight": 5e-324}),
        json!({"ratio": {"$lt": -3.4e38}}),
        json!({"big": i64::MIN}),
        json!({"name": "' OR '1' = '1"}),
        json!({"name": "\\' OR 1=1 -- "}),
        json!({"name": {"$contains": "'; DROP TABLE products; --"}}),
        json!({"name": {"$like": "\\'"}}),
        json!({"name": "\u{feff}\u{202e}\u{fffd}"}),
        json!({"made": "0000-01-01"}),
        json!({"made": {"$gt": "9999-12-31"}}),
        json!({"wall": "0000-01-01T00:00:00"}),
        json!({"wall": "2016-12-31T23:59:60"}),
        json!({"wall": {"$gt": "9999-12-31T23:59:59.999999999"}}),
        json!({"at": {"$lt": "0000-01-01T00:00:00+23:59"}}),
        json!({"at": {"$gt": "9999-12-31T23:59:59.999999999-23:59"}}),
        json!({"at": "2016-12-31T23:59:60Z"}),
    ] {
        match Product::query_schema().filter(&input) {
            Ok(filter) => {
                let found = Product::repo(db.source()).find().filter(filter).count().await;
                assert_eq!(found.unwrap_or_else(|error| panic!("{input}: {error}")), 0, "{input}");
            }
            Err(error) => assert!(matches!(error, kysera::Error::Invalid(_)), "{input}: {error}"),
        }
    }
    assert_eq!(kept(&db, &json!({})).await, [1, 2, 3, 4, 5]);
}

/// Shaped like filters: mostly accepted.
fn inputs() -> impl Strategy<Value = Json> {
    let text = || prop_oneof![any::<String>(), "[a-z%_\\\\'\"\\[\\]*?!-]{0,6}"].prop_map(Json::from);
    let day = || {
        (0..10_000_i32, 1..366_u32).prop_filter_map("a day", |(year, day)| NaiveDate::from_yo_opt(year, day))
    };
    let time = move || {
        (day(), 0..86_400_u32, 0..2_000_000_000_u32).prop_filter_map("a time", |(day, seconds, nanos)| {
            let time = sqlx::types::chrono::NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?;
            Some(day.and_time(time))
        })
    };
    let typed = prop_oneof![
        (prop::sample::select(vec!["name", "sku"]), text()).boxed(),
        (Just("qty"), any::<i32>().prop_map(Json::from)).boxed(),
        (Just("big"), any::<i64>().prop_map(Json::from)).boxed(),
        (Just("weight"), any::<f64>().prop_map(Json::from)).boxed(),
        (Just("ratio"), any::<f32>().prop_map(Json::from)).boxed(),
        (Just("active"), any::<bool>().prop_map(Json::from)).boxed(),
        (Just("made"), day().prop_map(|day| json!(day))).boxed(),
        (Just("wall"), time().prop_map(|time| json!(time))).boxed(),
        (Just("at"), time().prop_map(|time| json!(time.and_utc()))).boxed(),
        (Just("owner"), any::<u128>().prop_map(|id| json!(Uuid::from_u128(id)))).boxed(),
    ];
    let operator = prop::sample::select(vec![
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$like",
        "$ilike",
        "$contains",
        "$startsWith",
        "$endsWith",
        "$isNull",
        "$between",
    ]);
    let field =
        (typed, operator, any::<bool>()).prop_map(|((field, value), operator, flag)| match operator {
            "$in" | "$nin" => {
                json!({field: {operator: if flag { vec![value] } else { vec![value.clone(), value] }}})
            }
            "$between" => json!({field: {operator: [value.clone(), value]}}),
            "$isNull" => json!({field: {operator: flag}}),
            operator => json!({field: {operator: value}}),
        });
    field.prop_recursive(3, 12, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            list().prop_map(|list| json!({"$or": list})),
            list().prop_map(|list| json!({"$and": list})),
            inner.clone().prop_map(|inner| json!({"$not": inner})),
        ]
    })
}

#[test]
fn whatever_is_accepted_runs() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let db = runtime.block_on(filled());
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let accepted = std::cell::Cell::new(0);
    let result = TestRunner::new_with_rng(config, rng).run(&inputs(), |input| {
        let Ok(filter) = Product::query_schema().filter(&input) else { return Ok(()) };
        accepted.set(accepted.get() + 1);
        let found = runtime.block_on(Product::repo(db.source()).find().filter(filter).count());
        prop_assert!(found.is_ok(), "{:?}", found);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    // Else the test would say little.
    assert!(accepted.get() > 100, "{}", accepted.get());
}
