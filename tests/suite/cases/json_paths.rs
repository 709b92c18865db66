//! Filters on what is within JSON documents.

use kysera::backend::{Backend, Dialect};
use kysera::expr::JsonKey;
use kysera::{Error, Filter, Repository};
use kysera_tests::{Ddl, Fixture};
use serde_json::{Value, json};
use sqlx::types::Json;

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "docs")]
struct Doc {
    #[kysera(id, assigned)]
    id: i64,
    body: Json<Value>,
    opt: Option<Value>,
}

const DOCS: Ddl = Ddl {
    postgres: "CREATE TABLE docs (id BIGINT PRIMARY KEY, body JSONB NOT NULL, opt JSONB)",
    mysql: "CREATE TABLE docs (id BIGINT PRIMARY KEY, body JSON NOT NULL, opt JSON)",
    sqlite: "CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT NOT NULL, opt TEXT)",
};

async fn stored(bodies: &[Value]) -> Fixture<DB> {
    let db = Fixture::<DB>::new(&DOCS).await;
    let rows = (1..).zip(bodies).map(|(id, body)| NewDoc { id, body: Json(body.clone()), opt: None });
    Doc::repo(db.source()).create_many(rows).await.unwrap();
    db
}

async fn kept(db: &Fixture<DB>, filter: Filter<Doc>) -> Vec<i64> {
    let rows = Doc::repo(db.source()).find().filter(filter).order_by(Doc::ID.asc()).all().await.unwrap();
    rows.into_iter().map(|doc| doc.id).collect()
}

const NO_PATH: [&str; 0] = [];

fn bodies() -> Vec<Value> {
    vec![
        json!({"v": "text", "deep": {"er": {"v": "x"}}, "list": ["a", 2, {"v": true}, ["n"]], "0": "zero"}), // 1
        json!({"v": 1.5, "deep": {"er": {"v": 7}}, "list": []}), // 2
        json!({"v": true, "deep": {"er": null}, "list": {"0": "not an element", "-1": "nor this"}}), // 3
        json!({"v": null, "deep": [{"v": 1}], "list": "a"}),     // 4
        json!({"v": false, "deep": "er"}),                       // 5
        json!({"v": {"a": 1}}),                                  // 6
        json!({"v": [1]}),                                       // 7
        json!({}),                                               // 8
        json!(["first", {"v": "text"}]),                         // 9
        json!("text"),                                           // 10
        json!(1.5),                                              // 11
        json!(true),                                             // 12
        json!(null),                                             // 13
        json!({"v": ""}),                                        // 14
        json!({"v": "1.5"}),                                     // 15
        json!({"v": "true"}),                                    // 16
        json!({"v": "null"}),                                    // 17
    ]
}

#[tokio::test]
async fn what_is_of_another_kind_is_null() {
    let db = stored(&bodies()).await;
    let all = |without: &[i64]| (1..=17).filter(|id| !without.contains(id)).collect::<Vec<_>>();
    let (text, number, truth) =
        (|| Doc::BODY.json_text(["v"]), || Doc::BODY.json_number(["v"]), || Doc::BODY.json_bool(["v"]));
    for (filter, expected) in [
        (text().eq("text"), vec![1]),
        (text().eq(""), vec![14]),
        (text().eq("1.5"), vec![15]),
        (text().eq("true"), vec![16]),
        (text().eq("null"), vec![17]),
        (text().is_not_null(), vec![1, 14, 15, 16, 17]),
        (text().is_null(), all(&[1, 14, 15, 16, 17])),
        (text().starts_with("t"), vec![1, 16]),
        (text().in_(["text", "1.5"]), vec![1, 15]),
        (text().contains_ignore_case("U"), vec![16, 17]),
        (text().length().eq(4), vec![1, 16, 17]),
        (text().upper().eq("TEXT"), vec![1]),
        (text().coalesce("x").eq("x"), all(&[1, 14, 15, 16, 17])),
        (number().eq(1.5), vec![2]),
        (number().gt(1.0), vec![2]),
        (number().plus(1.0).eq(2.5), vec![2]),
        (number().is_not_null(), vec![2]),
        (truth().eq(true), vec![3]),
        (truth().eq(false), vec![5]),
        (truth().ne(true), vec![5]),
        (truth().is_not_null(), vec![3, 5]),
        (!truth().eq(true), vec![5]),
        (Doc::BODY.json_has(["v"]), vec![1, 2, 3, 4, 5, 6, 7, 14, 15, 16, 17]),
        (!Doc::BODY.json_has(["v"]), vec![8, 9, 10, 11, 12, 13]),
        (
            Doc::BODY.json_has(["v"]) & text().is_null() & number().is_null() & truth().is_null(),
            vec![4, 6, 7],
        ),
    ] {
        assert_eq!(kept(&db, filter).await, expected);
    }
}

#[tokio::test]
async fn paths_go_through_members_and_elements() {
    let db = stored(&bodies()).await;
    let list = |n: usize| [JsonKey::from("list"), JsonKey::from(n)];
    for (what, filter, expected) in [
        ("nested", Doc::BODY.json_text(["deep", "er", "v"]).eq("x"), vec![1]),
        ("nested number", Doc::BODY.json_number(["deep", "er", "v"]).eq(7.0), vec![2]),
        ("through null", Doc::BODY.json_has(["deep", "er", "v"]), vec![1, 2]),
        ("null is there", Doc::BODY.json_has(["deep", "er"]), vec![1, 2, 3]),
        ("no member of an array", Doc::BODY.json_has(["deep", "v"]), vec![]),
        ("element", Doc::BODY.json_text(list(0)).eq("a"), vec![1]),
        ("element of arrays alone", Doc::BODY.json_has(list(0)), vec![1]),
        ("element number", Doc::BODY.json_number(list(1)).eq(2.0), vec![1]),
        ("far element", Doc::BODY.json_has(list(4)), vec![]),
        ("very far element", Doc::BODY.json_has(list(usize::MAX)), vec![]),
        (
            "in an element",
            Doc::BODY.json_bool(["list".into(), JsonKey::from(2), "v".into()]).eq(true),
            vec![1],
        ),
        (
            "element of an element",
            Doc::BODY.json_text(["list".into(), JsonKey::from(3), 0.into()]).eq("n"),
            vec![1],
        ),
        ("member with a digit", Doc::BODY.json_text(["0"]).eq("zero"), vec![1]),
        ("digits are no element", Doc::BODY.json_has(["list", "0"]), vec![3]),
        ("element of the root", Doc::BODY.json_text([0_usize]).eq("first"), vec![9]),
        ("of the root alone", Doc::BODY.json_has([0_usize]), vec![9]),
        ("member within the root", Doc::BODY.json_text([JsonKey::from(1), "v".into()]).eq("text"), vec![9]),
        ("the root's text", Doc::BODY.json_text(NO_PATH).eq("text"), vec![10]),
        ("the root's number", Doc::BODY.json_number(NO_PATH).eq(1.5), vec![11]),
        ("the root's truth", Doc::BODY.json_bool(NO_PATH).eq(true), vec![12]),
        ("there is a root", !Doc::BODY.json_has(NO_PATH), vec![]),
    ] {
        assert_eq!(kept(&db, filter).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_null_instead_of_a_document_has_nothing() {
    let db = stored(&[json!({}), json!({})]).await;
    let docs = Doc::repo(db.source());
    docs.update(2, DocPatch::new().opt(json!({"v": "x"}))).await.unwrap();
    assert_eq!(kept(&db, Doc::OPT.json_text(["v"]).is_null()).await, [1]);
    assert_eq!(kept(&db, Doc::OPT.json_text(["v"]).eq("x")).await, [2]);
    assert_eq!(kept(&db, Doc::OPT.json_has(["v"])).await, [2]);
    assert_eq!(kept(&db, !Doc::OPT.json_has(["v"])).await, [1]);
    assert_eq!(kept(&db, !Doc::OPT.json_has([0_usize])).await, [1, 2]);
    assert_eq!(kept(&db, Doc::OPT.is_null()).await, [1]);
}

#[tokio::test]
async fn members_may_have_any_name_that_the_database_can_say() {
    let names = [
        "a b", "é", "a.b", "$", "$.v", "[0]", "'", "", "日本", "🦀", "*", "**", "a,b", "{}", "}", "?", "$1",
        "%", "a--", "/*", "a'b", "`", "NULL", "last", "#-1", " ",
    ];
    let body: Value = names.iter().map(|name| ((*name).to_owned(), json!(format!("<{name}>")))).collect();
    let db = stored(&[body, json!({})]).await;
    for name in names {
        assert_eq!(kept(&db, Doc::BODY.json_text([name]).eq(format!("<{name}>"))).await, [1], "{name:?}");
        assert_eq!(kept(&db, !Doc::BODY.json_has([name])).await, [2], "{name:?}");
    }
    assert_eq!(
        kept(&db, Doc::BODY.json_has(["\") OR 1=1 -- "].map(|name| name.replace('"', "'")))).await,
        [0_i64; 0]
    );

    let db = stored(&[json!({"q\"q": 1, "b\\s": {"\"": "x"}}), json!({})]).await;
    for (path, text) in [(vec!["q\"q"], None), (vec!["b\\s", "\""], Some("x"))] {
        let filter = Doc::BODY.json_has(path.clone());
        let found = Doc::repo(db.source()).find().filter(filter).count().await;
        if DB::DIALECT == Dialect::Postgres {
            assert_eq!(found.unwrap(), 1);
            assert_eq!(
                kept(&db, Doc::BODY.json_text(path).eq(text.map(String::from))).await,
                if text.is_some() { vec![1] } else { vec![1, 2] }
            );
        } else {
            assert!(matches!(found, Err(Error::Unsupported { .. })), "{found:?}");
        }
    }
    let nul = Doc::repo(db.source()).find().filter(Doc::BODY.json_has(["a\0b"])).count().await;
    assert!(matches!(nul, Err(Error::Unsupported { .. })), "{nul:?}");
    let dash = Doc::repo(db.source()).find().filter(!Doc::BODY.json_has(["-1"])).count().await;
    match DB::DIALECT {
        Dialect::MySql => assert!(matches!(dash, Err(Error::Unsupported { .. })), "{dash:?}"),
        _ => assert_eq!(dash.unwrap(), 2),
    }
    // Refused or not, the connection is as good as before.
    assert_eq!(Doc::repo(db.source()).count().await.unwrap(), 2);
}

#[tokio::test]
async fn numbers_are_doubles_and_texts_are_whole() {
    let numbers = [
        json!(0),
        json!(-1),
        json!(0.1),
        json!(1e300),
        json!(-1e-300),
        json!(9_007_199_254_740_993_i64),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(5e-324),
        json!(f64::MAX),
    ];
    let bodies: Vec<Value> = numbers.iter().map(|number| json!({"n": number})).collect();
    let db = stored(&bodies).await;
    for (id, number) in (1..).zip(&numbers) {
        let double = number.as_f64().unwrap();
        // SQLite reads decimals to some 15 digits.
        let off = if DB::DIALECT == Dialect::Sqlite { double.abs() * 1e-14 } else { 0.0 };
        let (low, high) = (double - off, (double + off).min(f64::MAX));
        assert_eq!(kept(&db, Doc::BODY.json_number(["n"]).between(low, high)).await, [id], "{number}");
    }
    assert_eq!(kept(&db, Doc::BODY.json_number(["n"]).lt(0.0)).await, [2, 5, 7]);
    assert_eq!(kept(&db, Doc::BODY.json_number(["n"]).eq(0.1)).await, [3]);

    let texts = ["\"", "\\", "a\"b\\c", "\n\t\r", "é日🦀", "\u{1}", "</script>", "'", "\u{2028}", "%_!"];
    let bodies: Vec<Value> = texts.iter().map(|text| json!({"t": text, "n": [text]})).collect();
    let db = stored(&bodies).await;
    for (id, text) in (1..).zip(texts) {
        assert_eq!(kept(&db, Doc::BODY.json_text(["t"]).eq(text)).await, [id], "{text:?}");
        let within = Doc::BODY.json_text([JsonKey::from("n"), JsonKey::from(0)]);
        assert_eq!(kept(&db, within.contains(text) & Doc::ID.eq(id)).await, [id], "{text:?}");
    }
}

#[tokio::test]
async fn numbers_that_no_double_can_hold_are_no_errors() {
    let db = stored(&[json!({"n": 1.5}), json!({"n": "x"})]).await;
    for (id, number) in [(3, "1e-400"), (4, "-4.9e-324"), (5, "1.7976931348623157e308"), (6, "0")] {
        db.execute(&format!("INSERT INTO docs (id, body) VALUES ({id}, '{{\"n\": {number}}}')")).await;
    }
    let number = || Doc::BODY.json_number(["n"]);
    assert_eq!(kept(&db, number().lt(0.5) & number().gt(-0.5)).await, [3, 4, 6]);
    assert_eq!(kept(&db, number().eq(f64::MAX)).await, [5]);
    // Beyond the largest. MySQL does not store those.
    for (id, number) in [(7, "1e400"), (8, "-1e400"), (9, "1.8e308")] {
        db.execute(&format!("INSERT INTO docs (id, body) VALUES ({id}, '{{\"n\": {number}}}')")).await;
    }
    let all = Doc::repo(db.source()).find().order_by(Doc::ID.asc()).select(number()).all().await.unwrap();
    assert_eq!(
        (all[0], all[1], all[2], all[4], all[5]),
        (Some(1.5), None, Some(0.0), Some(f64::MAX), Some(0.0))
    );
    let beyond = match DB::DIALECT {
        Dialect::Postgres => None,
        Dialect::MySql => Some(f64::MAX),
        _ => Some(f64::INFINITY),
    };
    assert_eq!(all[6..], [beyond, beyond.map(|n| -n), beyond]);
    assert_eq!(kept(&db, number().eq(1.5)).await, [1]);
    let largest = Doc::repo(db.source()).find().filter(Doc::ID.le(5)).select(number().max()).one().await;
    assert_eq!(largest.unwrap(), Some(f64::MAX));
}
