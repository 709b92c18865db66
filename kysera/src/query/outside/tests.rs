//! What is refused and how, and that nothing gets past. No database is asked.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use serde_json::{Value as Json, json};

use super::parse::Parser;
use super::schema::{Bounds, QuerySchema};
use super::{sort, strict};
use crate::__private::codec;
use crate::backend::Dialect;
use crate::error::{Error, Result};
use crate::expr::{Codec, Col, Fill, Meta, Node, Sql, Term};

const fn col(index: usize, name: &'static str, codec: &'static Codec) -> Col {
    Col { table: "t", name, index, codec, fill: Fill::Client, guard: None }
}

static META: Meta = Meta {
    entity: "T",
    table: "t",
    columns: &[
        col(0, "hidden_id", codec!(i64)),
        col(1, "name", codec!(String)),
        col(2, "bio", codec!(Option<String>)),
        col(3, "age", codec!(Option<i32>)),
        col(4, "hidden_secret", codec!(String)),
        col(5, "active", codec!(bool)),
        col(6, "score", codec!(f64)),
        col(7, "small", codec!(f32)),
        col(8, "big", codec!(u64)),
    ],
    id: &[0],
    filterable: &[
        (1, "name"),
        (2, "about"),
        (3, "age"),
        (5, "active"),
        (6, "score"),
        (7, "small"),
        (8, "big"),
    ],
    sortable: &[(1, "name"), (3, "theAge")],
    ..Meta::PLAIN
};

const BOUNDS: Bounds = Bounds { depth: 4, conditions: 10, list: 5, text: 20, sort_keys: 3 };

fn parse(input: &Json) -> Result<Node> {
    Parser::new(&META, BOUNDS).parse(input)
}

fn text(node: &Node, dialect: Dialect) -> String {
    let mut sql = Sql::new(dialect);
    sql.filter(node);
    sql.into_text()
}

/// `path code`, for each mistake.
fn mistakes<T>(result: Result<T>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(Error::Invalid(invalid)) => {
            let show = |error: &crate::error::FieldError| {
                format!("{} {}", error.path, error.code.as_deref().unwrap_or("no code"))
            };
            invalid.errors.iter().map(show).collect()
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_defaults_are_those_of_the_docs() {
    let debug = format!("{:?}", QuerySchema::<()>::new().bounds());
    assert_eq!(debug, "Bounds { depth: 8, conditions: 100, list: 100, text: 1000, sort_keys: 8 }");
    let set =
        QuerySchema::<()>::new().max_depth(1).max_conditions(2).max_list(3).max_text(4).max_sort_keys(5);
    let debug = format!("{:?}", set.bounds());
    assert_eq!(debug, "Bounds { depth: 1, conditions: 2, list: 3, text: 4, sort_keys: 5 }");
}

#[test]
fn filters_become_conditions() {
    for (input, expected) in [
        (json!({}), "TRUE"),
        (json!({"name": "a"}), r#""t"."name" = $1"#),
        (json!({"name": {"$eq": "a"}}), r#""t"."name" = $1"#),
        (json!({"about": null}), r#""t"."bio" IS NULL"#),
        (json!({"about": {"$eq": null}}), r#""t"."bio" IS NULL"#),
        (json!({"about": {"$ne": null}}), r#""t"."bio" IS NOT NULL"#),
        (json!({"about": {"$isNull": true}}), r#""t"."bio" IS NULL"#),
        (json!({"about": {"$isNull": false}}), r#""t"."bio" IS NOT NULL"#),
        (json!({"about": {"$isNotNull": true}}), r#""t"."bio" IS NOT NULL"#),
        (json!({"about": {"$isNotNull": false}}), r#""t"."bio" IS NULL"#),
        (json!({"age": {"$gt": 1, "$lte": 2}}), r#"("t"."age" > $1 AND "t"."age" <= $2)"#),
        (json!({"age": {"$between": [1, 2]}}), r#"("t"."age" >= $1 AND "t"."age" <= $2)"#),
        (json!({"age": 1, "name": "a"}), r#"("t"."age" = $1 AND "t"."name" = $2)"#),
        (json!({"age": {"$in": []}}), "FALSE"),
        (json!({"age": {"$nin": []}}), "TRUE"),
        (json!({"age": {"$in": [null]}}), r#""t"."age" IS NULL"#),
        (json!({"age": {"$not": {"$gt": 1}}}), r#"NOT ("t"."age" > $1)"#),
        (json!({"age": {"$not": 1}}), r#"NOT ("t"."age" = $1)"#),
        (json!({"$not": {"age": 1}}), r#"NOT ("t"."age" = $1)"#),
        (json!({"$or": [{"age": 1}, {"name": "a"}]}), r#"("t"."age" = $1 OR "t"."name" = $2)"#),
        (json!({"$and": [{"age": 1}, {"age": 2}]}), r#"("t"."age" = $1 AND "t"."age" = $2)"#),
        (json!({"name": {"$like": "a%"}}), r#""t"."name" LIKE $1"#),
        (json!({"name": {"$ilike": "a%"}}), r#""t"."name" ILIKE $1"#),
        (json!({"name": {"$startsWith": "a"}}), r#""t"."name" LIKE $1 ESCAPE '!'"#),
        (json!({"score": 1}), r#""t"."score" = $1"#),
        (json!({"big": u64::MAX}), r#""t"."big" = $1"#),
    ] {
        let node = parse(&input).unwrap_or_else(|error| panic!("{input}: {error}"));
        assert_eq!(text(&node, Dialect::Postgres), expected, "{input}");
    }
}

#[test]
fn refusals_say_where() {
    for (input, expected) in [
        (json!(null), "filter wrong_shape"),
        (json!([]), "filter wrong_shape"),
        (json!("x"), "filter wrong_shape"),
        (json!([{"age": 1}]), "filter wrong_shape"),
        (json!({"hidden_secret": "x"}), "hidden_secret unknown_field"),
        (json!({"nothing": "x"}), "nothing unknown_field"),
        (json!({"bio": "x"}), "bio unknown_field"),
        (json!({"__proto__": {"$ne": 1}}), "__proto__ unknown_field"),
        (json!({"": 1}), "filter unknown_field"),
        (json!({"$where": "1"}), "$where unknown_operator"),
        (json!({"$eq": 1}), "$eq unknown_operator"),
        (json!({"age": {}}), "age wrong_shape"),
        (json!({"age": {"gt": 1}}), "age.gt unknown_operator"),
        (json!({"age": {"$regex": "x"}}), "age.$regex unknown_operator"),
        (json!({"age": {"$or": [1]}}), "age.$or unknown_operator"),
        (json!({"age": "18"}), "age wrong_value"),
        (json!({"age": 18.5}), "age wrong_value"),
        (json!({"age": 18.0}), "age wrong_value"),
        (json!({"age": i64::MAX}), "age wrong_value"),
        (json!({"age": u64::MAX}), "age wrong_value"),
        (json!({"age": true}), "age wrong_value"),
        (json!({"age": [1]}), "age wrong_value"),
        (json!({"big": -1}), "big wrong_value"),
        (json!({"name": 1}), "name wrong_value"),
        (json!({"name": null}), "name wrong_value"),
        (json!({"name": {"$ne": null}}), "name.$ne wrong_value"),
        (json!({"name": {"$isNull": true}}), "name.$isNull wrong_value"),
        (json!({"name": {"$in": ["a", null]}}), "name.$in[1] wrong_value"),
        (json!({"name": "a\0"}), "name wrong_value"),
        (json!({"name": {"$contains": "\0"}}), "name.$contains wrong_value"),
        (json!({"active": 1}), "active wrong_value"),
        (json!({"small": 1e300}), "small wrong_value"),
        (json!({"age": {"$gt": null}}), "age.$gt wrong_value"),
        (json!({"age": {"$in": 1}}), "age.$in wrong_shape"),
        (json!({"age": {"$in": [1, "x"]}}), "age.$in[1] wrong_value"),
        (json!({"age": {"$in": [1, 2, 3, 4, 5, 6]}}), "age.$in limit"),
        (json!({"age": {"$between": [1]}}), "age.$between wrong_shape"),
        (json!({"age": {"$between": [1, 2, 3]}}), "age.$between wrong_shape"),
        (json!({"age": {"$between": [1, null]}}), "age.$between[1] wrong_value"),
        (json!({"about": {"$isNull": 1}}), "about.$isNull wrong_value"),
        (json!({"age": {"$contains": "1"}}), "age.$contains wrong_value"),
        (json!({"name": {"$contains": 1}}), "name.$contains wrong_value"),
        (json!({"name": {"$like": "a\\"}}), "name.$like wrong_value"),
        (json!({"name": {"$like": "\\\\\\"}}), "name.$like wrong_value"),
        (json!({"name": "a".repeat(21)}), "name limit"),
        (json!({"name": {"$contains": "é".repeat(21)}}), "name.$contains limit"),
        (json!({"$or": []}), "$or wrong_shape"),
        (json!({"$and": {}}), "$and wrong_shape"),
        (json!({"$or": [{}]}), "$or[0] wrong_shape"),
        (json!({"$or": [{"age": 1}, 2]}), "$or[1] wrong_shape"),
        (json!({"$not": {}}), "$not wrong_shape"),
        (json!({"$not": []}), "$not wrong_shape"),
        (json!({"$or": [{"name": "a"}, {"age": {"$gte": "x"}}]}), "$or[1].age.$gte wrong_value"),
        (json!({"$not": {"$not": {"$not": {"$not": {"age": 1}}}}}), "$not.$not.$not.$not limit"),
        (json!({"$not": {"$not": {"$not": {"age": {"$not": 1}}}}}), "$not.$not.$not.age.$not limit"),
    ] {
        assert_eq!(mistakes(parse(&input)), [expected], "{input}");
    }
    for input in [
        json!({"name": "é".repeat(20)}),
        json!({"name": {"$like": "a\\\\"}}),
        json!({"age": {"$in": [1, 2, 3, 4, 5]}}),
        json!({"$not": {"$not": {"$not": {"age": 1}}}}),
    ] {
        assert_eq!(mistakes(parse(&input)), [""; 0], "{input}");
    }
}

#[test]
fn all_mistakes_are_reported_together_up_to_a_bound() {
    let input = json!({"age": "x", "nope": 1, "$or": [{"age": {"$gt": null, "$lt": "y"}}, {"name": 1}]});
    let expected = [
        "$or[0].age.$gt wrong_value",
        "$or[0].age.$lt wrong_value",
        "$or[1].name wrong_value",
        "age wrong_value",
        "nope unknown_field",
    ];
    assert_eq!(mistakes(parse(&input)), expected);

    let many: serde_json::Map<String, Json> = (0..1000).map(|i| (format!("x{i}"), json!(1))).collect();
    assert_eq!(mistakes(parse(&Json::Object(many))).len(), 20);

    let conditions = |n: usize| json!({"$and": vec![json!({"age": 1}); n]});
    assert_eq!(mistakes(parse(&conditions(10))), [""; 0]);
    assert_eq!(mistakes(parse(&conditions(11))), ["filter limit"]);
    assert_eq!(mistakes(parse(&conditions(100_000))), ["filter limit"]);
}

#[test]
fn messages_help_and_tell_nothing() {
    let not_marked = message(parse(&json!({"hidden_secret": "v4lue"})));
    assert_eq!(not_marked, "the input is not valid: hidden_secret: there is no field `hidden_secret` here");
    // A name that is close to one of the hidden ones gets no hint of it.
    let close = message(parse(&json!({"hidden_secre": 1})));
    assert_eq!(close, "the input is not valid: hidden_secre: there is no field `hidden_secre` here");
    let hint = message(parse(&json!({"nam": 1})));
    assert_eq!(hint, "the input is not valid: nam: there is no field `nam` here; did you mean `name`?");
    let hint = message(parse(&json!({"age": {"gte": 1}})));
    assert!(hint.ends_with("did you mean `$gte`?"), "{hint}");
    let kind = message(parse(&json!({"age": "v4lue"})));
    assert_eq!(kind, "the input is not valid: age: takes an integer from -2147483648 to 2147483647");

    let long = message(parse(&json!({"x".repeat(100_000): 1})));
    assert!(long.len() < 200, "{long}");
    let control = message(parse(&json!({"a\nb\u{1b}[31m": 1})));
    assert!(!control.contains(['\n', '\u{1b}']), "{control:?}");
    let deep = message(parse(&json!({"$or": [{"y".repeat(1000): {"$z".repeat(1000): 1}}]})));
    assert!(deep.len() < 300, "{deep}");
}

#[test]
fn texts_must_be_json_whose_names_are_unique() {
    let parse = |text: &str| strict::parse(text).and_then(|input| parse(&input));
    assert_eq!(mistakes(parse(r#"{"age": 1}"#)), [""; 0]);
    for text in
        ["", "{", "nope", r#"{"age": 1e999}"#, r#"{"name": "\ud800"}"#, r#"{"age": 1} x"#, r#"{"age": NaN}"#]
    {
        assert_eq!(mistakes(parse(text)), ["filter syntax"], "{text}");
    }
    let deep = format!("{}{}", r#"{"$not":"#.repeat(100_000), "}".repeat(100_000));
    assert_eq!(mistakes(parse(&deep)), ["filter syntax"]);
    let fits = format!("{}1{}", r#"{"$not":"#.repeat(120), "}".repeat(120));
    assert_eq!(mistakes(parse(&fits)).len(), 1);
    for text in [
        r#"{"age": 1, "age": 2}"#,
        r#"{"age": {"$gt": 1, "$gt": 2}}"#,
        r#"{"$or": [{"age": 1, "name": "a", "age": null}]}"#,
        r#"{"age": 1, "\u0061ge": 2}"#,
    ] {
        assert_eq!(mistakes(parse(text)), ["filter duplicate"], "{text}");
    }
    let secret = message(parse(r#"{"age": v4lue}"#));
    assert!(!secret.contains("v4lue"), "{secret}");
}

#[test]
fn orders() {
    let parse = |text: &str| sort::parse(&META, BOUNDS, text);
    let shown = |text: &str| -> Vec<String> {
        let keys = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let show = |(term, descending): (Term, bool)| {
            let name = term.as_column().map_or("no column", |col| col.name);
            format!("{name} {}", if descending { "desc" } else { "asc" })
        };
        keys.into_iter().map(show).collect()
    };
    assert_eq!(shown(""), [""; 0]);
    assert_eq!(shown("  "), [""; 0]);
    assert_eq!(shown("name"), ["name asc"]);
    assert_eq!(shown("+name"), ["name asc"]);
    assert_eq!(shown(" -theAge , + name "), ["age desc", "name asc"]);
    for (text, expected) in [
        ("age", vec!["sort[0] unknown_field"]),
        ("name,hidden_id", vec!["sort[1] unknown_field"]),
        ("name,-name", vec!["sort[1] duplicate"]),
        (",", vec!["sort[0] wrong_shape", "sort[1] wrong_shape"]),
        ("name,", vec!["sort[1] wrong_shape"]),
        ("-", vec!["sort[0] wrong_shape"]),
        ("--name", vec!["sort[0] unknown_field"]),
        ("name desc", vec!["sort[0] unknown_field"]),
        ("name;DROP TABLE t", vec!["sort[0] unknown_field"]),
        ("NAME", vec!["sort[0] unknown_field"]),
        ("name,theAge,x,y", vec!["sort limit", "sort[2] unknown_field"]),
    ] {
        assert_eq!(mistakes(parse(text)), expected, "{text}");
    }
    assert_eq!(mistakes(parse(&",".repeat(1_000_000))).len(), 4);
}

/// A value that no message may repeat.
const SECRET: &str = "v4lue";

fn shaped() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3_i64..50).prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        prop::sample::select(vec!["", "a", SECRET, "%", "\\", "18"]).prop_map(Json::from),
    ];
    let key = prop::sample::select(vec![
        "name",
        "about",
        "age",
        "active",
        "score",
        "small",
        "big",
        "hidden_id",
        "hidden_secret",
        "bio",
        "nope",
        "$and",
        "$or",
        "$not",
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
        "$isNotNull",
        "$between",
        "$nope",
    ]);
    scalar.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

/// Mostly what is accepted.
fn likely() -> impl Strategy<Value = Json> {
    let field = prop_oneof![
        (
            prop::sample::select(vec!["age", "score"]),
            prop::sample::select(vec!["$eq", "$gt", "$lte"]),
            -3..50
        )
            .prop_map(|(field, op, value)| json!({field: {op: value}})),
        (
            prop::sample::select(vec!["name", "about"]),
            prop::sample::select(vec!["$like", "$contains", "$ne"])
        )
            .prop_map(|(field, op)| json!({field: {op: SECRET}})),
        prop::collection::vec(-3..50, 0..5).prop_map(|list| json!({"age": {"$nin": list}})),
        shaped(),
    ];
    field.prop_recursive(4, 16, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            list().prop_map(|list| json!({"$or": list})),
            list().prop_map(|list| json!({"$and": list, "active": true})),
            inner.clone().prop_map(|inner| json!({"$not": inner})),
        ]
    })
}

fn run<S: Strategy>(
    cases: u32,
    inputs: S,
    test: impl Fn(S::Value) -> std::result::Result<(), TestCaseError>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let result = TestRunner::new_with_rng(config, rng).run(&inputs, test);
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn whatever_comes_only_marked_columns_are_reached() {
    let accepted = std::cell::Cell::new(0);
    run(3000, prop_oneof![shaped(), likely()], |input| {
        match parse(&input) {
            Ok(node) => {
                accepted.set(accepted.get() + 1);
                for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
                    let text = text(&node, dialect);
                    prop_assert!(!text.contains("hidden") && !text.contains(SECRET), "{}", text);
                }
            }
            Err(error) => {
                let text = serde_json::to_string(&error).unwrap_or_default() + &format!("{error} {error:?}");
                prop_assert!(!text.contains(SECRET), "{}", text);
                prop_assert!(
                    matches!(&error, Error::Invalid(invalid) if (1..=20).contains(&invalid.errors.len()))
                );
            }
        }
        Ok(())
    });
    // Else the test would say little.
    assert!(accepted.get() > 300, "{}", accepted.get());
}

#[test]
fn no_text_makes_it_panic() {
    run(2000, any::<String>(), |text| {
        let is_empty = text.trim() == "{}";
        prop_assert!(strict::parse(&text).and_then(|input| parse(&input)).map_or(true, |_| is_empty));
        prop_assert!(sort::parse(&META, BOUNDS, &text).map_or(true, |keys| keys.len() < 3));
        let _ = parse(&json!({ text.clone(): { text.clone(): text.clone() }, "name": text.clone() }));
        Ok(())
    });
    run(2000, "[-+ ,]{0,2}(name|theAge|age|hidden_id)?[-+ ,]{0,2}(name|theAge)?,?", |text| {
        if let Ok(keys) = sort::parse(&META, BOUNDS, &text) {
            for (term, _) in keys {
                let name = term.as_column().map(|col| col.name);
                prop_assert!(matches!(name, Some("name" | "age")));
            }
        }
        Ok(())
    });
}

/// The value that a column of a type is compared with.
#[cfg(any(feature = "chrono", feature = "time", feature = "decimal"))]
fn read<T: Clone + 'static>(codec: &Codec, input: Json) -> Option<T> {
    let value = super::read::value(codec, &input)?;
    Some(value.downcast_ref::<T>().expect("a value of the column's type").clone())
}

#[cfg(feature = "chrono")]
#[test]
fn offsets_become_utc() {
    use chrono::{DateTime, FixedOffset};
    let at: DateTime<FixedOffset> =
        read(codec!(DateTime<FixedOffset>), json!("2024-01-01T00:30:00+01:00")).unwrap();
    assert_eq!(at.to_rfc3339(), "2023-12-31T23:30:00+00:00");
    let at: Option<DateTime<FixedOffset>> =
        read(codec!(Option<DateTime<FixedOffset>>), json!("2024-01-01T00:30:00Z")).unwrap();
    assert_eq!(at.map(|at| at.to_rfc3339()).as_deref(), Some("2024-01-01T00:30:00+00:00"));
    for wrong in ["2024-01-01T00:30:00", "+12024-01-01T00:30:00Z", "2024-01-01", "", "now"] {
        assert!(
            read::<DateTime<FixedOffset>>(codec!(DateTime<FixedOffset>), json!(wrong)).is_none(),
            "{wrong}"
        );
    }
}

#[cfg(feature = "time")]
#[test]
fn types_of_time_are_texts() {
    use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};
    let at: OffsetDateTime = read(codec!(OffsetDateTime), json!("2024-01-01T00:30:00.25+01:00")).unwrap();
    assert_eq!((at.year(), at.hour(), at.millisecond(), at.offset().is_utc()), (2023, 23, 250, true));
    let wall: PrimitiveDateTime = read(codec!(PrimitiveDateTime), json!("0000-02-29T23:59:59")).unwrap();
    assert_eq!((wall.year(), wall.hour()), (0, 23));
    let day: Option<Date> = read(codec!(Option<Date>), json!("9999-12-31")).unwrap();
    assert_eq!(day.map(Date::year), Some(9999));
    let clock: Time = read(codec!(Time), json!("01:02:03.000000001")).unwrap();
    assert_eq!(clock.as_hms_nano(), (1, 2, 3, 1));
    for wrong in [json!("2024-1-1"), json!("2023-02-29"), json!(" 2024-01-01"), json!(2024), json!([2024, 1])]
    {
        assert!(read::<Date>(codec!(Date), wrong.clone()).is_none(), "{wrong}");
    }
    for wrong in ["01:02", "1:02:03", "25:00:00", "01:02:03Z", "T01:02:03", "01:02:03-00:00"] {
        assert!(read::<Time>(codec!(Time), json!(wrong)).is_none(), "{wrong}");
    }
}

#[cfg(feature = "decimal")]
#[test]
fn decimals_are_exact() {
    use rust_decimal::Decimal;
    let exact = |input: Json| read::<Decimal>(codec!(Decimal), input).map(|found| found.to_string());
    for (input, found) in [
        (json!(0.1), "0.1"),
        (json!(-12), "-12"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(1e20), "100000000000000000000"),
        (json!(1e-20), "0.00000000000000000001"),
        (json!("0.10"), "0.10"),
        (json!("79228162514264337593543950335"), "79228162514264337593543950335"),
    ] {
        assert_eq!(exact(input.clone()).as_deref(), Some(found), "{input}");
    }
    for wrong in [
        json!("79228162514264337593543950336"),
        json!("0.00000000000000000000000000001"),
        json!(1e300),
        json!(-1e300),
        json!(5e-324),
        json!("1e5"),
        json!(""),
        json!("NaN"),
        json!(null),
        json!([1]),
    ] {
        assert_eq!(exact(wrong.clone()), None, "{wrong}");
    }
}
