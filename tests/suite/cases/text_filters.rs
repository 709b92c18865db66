//! Filters on text: what is searched for stands for itself, whatever it contains.

use kysera::backend::{Backend, Dialect};
use kysera::{Error, Filter, Repository};
use kysera_tests::{Ddl, Fixture, TestSource};

use super::entities::*;
use crate::DB;

/// Everything that means something to LIKE, GLOB or a literal on any of the databases.
const ODD: [&str; 26] = [
    "%", "_", "\\", "!", "[", "]", "*", "?", "'", "''", "\"", "`", "^", "-", "#", "{}", "$1", ":a", "@a",
    "%%", "\\%", "!%", "[a-z]", "ünï", "日本", "🦀",
];

async fn named(names: impl IntoIterator<Item = String>) -> Fixture<DB> {
    let db = Fixture::<DB>::new(&ITEMS).await;
    let rows = (0..).zip(names).map(|(id, name)| NewItem { code: Some(name.clone()), name, ..item(id) });
    Item::repo(db.source()).create_many(rows).await.unwrap();
    db
}

async fn kept(source: &TestSource<DB>, filter: Filter<Item>) -> Vec<String> {
    let rows = Item::repo(source).find().filter(filter).order_by(Item::ID.asc()).all().await.unwrap();
    rows.into_iter().map(|item| item.name).collect()
}

#[tokio::test]
async fn what_is_searched_for_is_no_pattern() {
    let texts: Vec<String> =
        ODD.iter().map(|odd| format!("<{odd}>")).chain(["<ab>".into(), "ab".into()]).collect();
    let db = named(texts.clone()).await;
    for odd in ODD {
        let expect = |test: &dyn Fn(&str) -> bool| -> Vec<String> {
            texts.iter().filter(|text| test(text)).cloned().collect()
        };
        let (start, end) = (format!("<{odd}"), format!("{odd}>"));
        let found = [
            kept(db.source(), Item::NAME.contains(odd)).await,
            kept(db.source(), Item::NAME.starts_with(&start)).await,
            kept(db.source(), Item::NAME.ends_with(&end)).await,
            kept(db.source(), Item::CODE.contains(odd)).await,
            kept(db.source(), Item::NAME.eq(format!("<{odd}>"))).await,
        ];
        let expected = [
            expect(&|text| text.contains(odd)),
            expect(&|text| text.starts_with(&start)),
            expect(&|text| text.ends_with(&end)),
            expect(&|text| text.contains(odd)),
            vec![format!("<{odd}>")],
        ];
        assert_eq!(found, expected, "{odd}");
    }
}

#[tokio::test]
async fn every_text_contains_the_empty_one_and_null_does_not() {
    let db = named(["".into(), "a".into(), "%".into()]).await;
    let items = Item::repo(db.source());
    items.create(NewItem { code: None, ..item(9) }).await.unwrap();
    for filter in [Item::CODE.contains(""), Item::CODE.starts_with(""), Item::CODE.ends_with("")] {
        assert_eq!(kept(db.source(), filter).await, ["", "a", "%"]);
    }
    for filter in [!Item::CODE.contains("a"), !Item::CODE.starts_with("a"), !Item::CODE.ends_with("a")] {
        assert_eq!(kept(db.source(), filter).await, ["", "%"]);
    }
}

#[tokio::test]
async fn case_counts_where_the_column_compares_by_bytes() {
    let db = named(["Straße".into(), "STRASSE".into(), "abc".into(), "ABC".into()]).await;
    assert_eq!(kept(db.source(), Item::NAME.contains("b")).await, ["abc"]);
    assert_eq!(kept(db.source(), Item::NAME.contains("B")).await, ["ABC"]);
    assert_eq!(kept(db.source(), Item::NAME.starts_with("Str")).await, ["Straße"]);
    assert_eq!(kept(db.source(), Item::NAME.ends_with("E")).await, ["STRASSE"]);
    assert_eq!(kept(db.source(), Item::NAME.starts_with("aB")).await, [""; 0]);
}

#[tokio::test]
async fn on_mysql_the_collation_decides_about_case() {
    let db = Fixture::<DB>::new(&Ddl {
        mysql: "CREATE TABLE tags (slug VARCHAR(50) COLLATE utf8mb4_general_ci PRIMARY KEY,
                label VARCHAR(100) COLLATE utf8mb4_general_ci NOT NULL, uses INT)",
        ..TAGS
    })
    .await;
    let tags = Tag::repo(db.source());
    tags.create(tag("a", "Rust 100%")).await.unwrap();
    let ignores_case = DB::DIALECT == Dialect::MySql;
    for filter in [Tag::LABEL.contains("RUST"), Tag::LABEL.starts_with("rUST"), Tag::LABEL.eq("RUST 100%")] {
        assert_eq!(tags.find().filter(filter).exists().await.unwrap(), ignores_case);
    }
    assert!(tags.find().filter(Tag::LABEL.ends_with("0%")).exists().await.unwrap());
}

#[tokio::test]
async fn like_is_the_pattern_of_the_database() {
    let db =
        named(["abc".into(), "axc".into(), "a%c".into(), "a_c".into(), "abcd".into(), "a\\c".into()]).await;
    let cases: [(&str, &[&str]); 8] = [
        ("a%", &["abc", "axc", "a%c", "a_c", "abcd", "a\\c"]),
        ("a_c", &["abc", "axc", "a%c", "a_c", "a\\c"]),
        ("a\\%c", &["a%c"]),
        ("a\\_c", &["a_c"]),
        ("a\\\\c", &["a\\c"]),
        ("%d", &["abcd"]),
        ("abc", &["abc"]),
        ("", &[]),
    ];
    for (pattern, names) in cases {
        assert_eq!(kept(db.source(), Item::NAME.like(pattern)).await, names, "{pattern}");
        let others = kept(db.source(), Item::NAME.not_like(pattern)).await;
        let negated = kept(db.source(), !Item::NAME.like(pattern)).await;
        assert_eq!(others, negated, "{pattern}");
        assert_eq!(others.len() + names.len(), 6, "{pattern}");
    }
    let items = Item::repo(db.source());
    items.create(item(9)).await.unwrap();
    assert_eq!(kept(db.source(), Item::CODE.like("%")).await.len(), 6);
    assert_eq!(kept(db.source(), Item::CODE.not_like("x")).await.len(), 6, "NULL is neither like nor unlike");
}

#[tokio::test]
async fn a_nul_in_the_text_stands_for_itself_or_is_an_error() {
    if DB::DIALECT == Dialect::Postgres {
        let db = named(["abc".into()]).await;
        let items = Item::repo(db.source());
        for filter in [
            Item::NAME.eq("a\0b"),
            Item::NAME.contains("\0"),
            Item::NAME.starts_with("a\0"),
            Item::NAME.like("\0%"),
            Item::NAME.in_(["a", "\0"]),
        ] {
            let error = items.find().filter(filter).all().await.unwrap_err();
            assert!(matches!(error, Error::Database(_) | Error::Encode { .. }), "{error:?}");
            assert_eq!(items.count().await.unwrap(), 1, "the connection is as good as before");
        }
        return;
    }
    let db = named(["a\0b".into(), "a".into(), "ab".into(), "b".into(), "\0".into()]).await;
    assert_eq!(kept(db.source(), Item::NAME.eq("a\0b")).await, ["a\0b"]);
    assert_eq!(kept(db.source(), Item::NAME.contains("\0")).await, ["a\0b", "\0"]);
    assert_eq!(kept(db.source(), Item::NAME.contains("\0b")).await, ["a\0b"]);
    assert_eq!(kept(db.source(), Item::NAME.starts_with("a\0")).await, ["a\0b"]);
    assert_eq!(kept(db.source(), Item::NAME.starts_with("\0")).await, ["\0"]);
    assert_eq!(kept(db.source(), Item::NAME.ends_with("\0b")).await, ["a\0b"]);
    assert_eq!(kept(db.source(), Item::NAME.ends_with("b")).await, ["a\0b", "ab", "b"]);
    assert_eq!(kept(db.source(), Item::NAME.starts_with("a")).await, ["a\0b", "a", "ab"]);
    let pattern = Item::repo(db.source()).find().filter(Item::NAME.like("a\0%")).all().await;
    match DB::DIALECT {
        Dialect::Sqlite => assert!(matches!(pattern, Err(Error::BadRequest(_))), "{pattern:?}"),
        _ => assert_eq!(pattern.unwrap()[0].name, "a\0b"),
    }
}

#[tokio::test]
async fn long_texts_are_searched_for() {
    let db = named(["x".repeat(100) + "end"]).await;
    for long in [10_000, 200_000] {
        let long = "é%".repeat(long);
        for filter in
            [Item::NAME.contains(&*long), Item::NAME.ends_with(&long), Item::NAME.starts_with(&long)]
        {
            assert_eq!(kept(db.source(), filter).await, [""; 0]);
        }
    }
    assert_eq!(kept(db.source(), Item::NAME.ends_with("xend")).await.len(), 1);
}
