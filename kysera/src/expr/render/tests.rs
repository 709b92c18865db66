//! What filters, orders and limits look like in each dialect. No database is asked.

mod terms;

use super::super::{Col, Column, Fill, Filter, Meta, Order};
use super::{Bind, Deleted, Sql};
use crate::__private::codec;
use crate::backend::Dialect;

struct User;

const fn col(index: usize, name: &'static str, codec: &'static super::Codec) -> Col {
    Col { table: "users", name, index, codec, fill: Fill::Client, guard: None }
}

static META: Meta = Meta {
    entity: "User",
    schema: None,
    table: "users",
    columns: &[
        col(0, "id", codec!(i64)),
        col(1, "name", codec!(String)),
        col(2, "bio", codec!(Option<String>)),
        col(3, "we\"ird`s", codec!(i64)),
    ],
    id: &[0],
    unique: &[],
    ..Meta::PLAIN
};

static IN_SCHEMA: Meta = Meta {
    entity: "User",
    schema: Some("my \"schema\""),
    table: "us`ers",
    columns: &[],
    id: &[0],
    unique: &[],
    ..Meta::PLAIN
};

const ID: Column<User, i64> = Column::new(&META.columns[0]);
const NAME: Column<User, String> = Column::new(&META.columns[1]);
const BIO: Column<User, Option<String>> = Column::new(&META.columns[2]);
const WEIRD: Column<User, i64> = Column::new(&META.columns[3]);

const ALL: [Dialect; 3] = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite];

/// An argument, as far as it has a text.
fn show(bind: &Bind<'_>) -> String {
    match bind {
        Bind::Value(_, value) => value_text(*value),
        Bind::Array(_, values) => {
            format!("[{}]", values.iter().map(|value| value_text(*value)).collect::<Vec<_>>().join(", "))
        }
        Bind::Shared(_, value) => value_text(&**value),
        Bind::SharedArray(_, values) => {
            format!("[{}]", values.iter().map(|value| value_text(&**value)).collect::<Vec<_>>().join(", "))
        }
        Bind::Text(text) => format!("{text:?}"),
        Bind::Integer(number) => number.to_string(),
        Bind::Elsewhere => "elsewhere".into(),
    }
}

fn value_text(value: &super::AnyValue) -> String {
    if let Some(number) = value.downcast_ref::<i64>() {
        number.to_string()
    } else if let Some(text) = value.downcast_ref::<String>() {
        format!("{text:?}")
    } else {
        format!("{:?}", value.downcast_ref::<Option<String>>())
    }
}

/// SQLite's arguments have no numbers, and its names are in backticks.
fn sqlite_of(text: &str) -> String {
    let text = if text.contains('`') { text.to_owned() } else { text.replace('"', "`") };
    (1..=9).fold(text, |text, n| text.replace(&format!("${n}"), "?"))
}

/// Asserts the text of a filter per dialect.
#[track_caller]
fn assert_texts(of: Filter<User>, postgres: &str, mysql: &str, sqlite: &str) {
    let sqlite = &sqlite_of(sqlite);
    for (dialect, text) in ALL.into_iter().zip([postgres, mysql, sqlite]) {
        assert_eq!(text_of(dialect, &of), text, "{dialect:?}");
    }
}

fn text_of(dialect: Dialect, of: &Filter<User>) -> String {
    let mut sql = Sql::new(dialect);
    sql.filter(&of.node);
    sql.text
}

#[track_caller]
fn assert_binds(dialect: Dialect, of: Filter<User>, binds: &[&str]) {
    let mut sql = Sql::new(dialect);
    sql.filter(&of.node);
    assert_eq!(sql.binds.iter().map(show).collect::<Vec<_>>(), binds, "{dialect:?}");
}

#[test]
fn comparisons() {
    for (of, op) in [
        (ID.eq(1), "="),
        (ID.ne(1), "<>"),
        (ID.gt(1), ">"),
        (ID.ge(1), ">="),
        (ID.lt(1), "<"),
        (ID.le(1), "<="),
    ] {
        let standard = format!("\"users\".\"id\" {op} $1");
        assert_texts(of, &standard, &format!("`users`.`id` {op} ?"), &standard);
    }
    assert_binds(Dialect::Postgres, ID.eq(7), &["7"]);
    assert_texts(
        ID.between(1, 2),
        r#"("users"."id" >= $1 AND "users"."id" <= $2)"#,
        "(`users`.`id` >= ? AND `users`.`id` <= ?)",
        r#"("users"."id" >= $1 AND "users"."id" <= $2)"#,
    );
    assert_binds(Dialect::MySql, ID.between(1, 2), &["1", "2"]);
}

#[test]
fn none_is_null() {
    for (of, text) in [
        (BIO.eq(None), r#""users"."bio" IS NULL"#),
        (BIO.ne(None), r#""users"."bio" IS NOT NULL"#),
        (BIO.is_null(), r#""users"."bio" IS NULL"#),
        (BIO.is_not_null(), r#""users"."bio" IS NOT NULL"#),
        (BIO.gt(None), "NULL"),
        (BIO.ge(None), "NULL"),
        (BIO.lt(None), "NULL"),
        (BIO.le(None), "NULL"),
        (BIO.eq("x"), r#""users"."bio" = $1"#),
    ] {
        let binds: &[&str] = if text.contains('$') { &[r#"Some(Some("x"))"#] } else { &[] };
        assert_binds(Dialect::Sqlite, of.clone(), binds);
        assert_texts(of, text, &text.replace('"', "`").replace("$1", "?"), text);
    }
}

#[test]
#[cfg(feature = "postgres")]
fn lists_are_one_array_on_postgres() {
    for (of, text, binds) in [
        (ID.in_([1, 2, 3]), r#""users"."id" = ANY($1)"#, "[1, 2, 3]"),
        (ID.not_in([1, 2, 3]), r#""users"."id" <> ALL($1)"#, "[1, 2, 3]"),
        (
            BIO.in_([Some("x".to_owned()), None]),
            r#"("users"."bio" IS NULL OR "users"."bio" = ANY($1))"#,
            r#"[Some(Some("x"))]"#,
        ),
        (
            BIO.not_in([Some("x".to_owned()), None]),
            r#"("users"."bio" IS NOT NULL AND "users"."bio" <> ALL($1))"#,
            r#"[Some(Some("x"))]"#,
        ),
    ] {
        assert_eq!(text_of(Dialect::Postgres, &of), text);
        assert_binds(Dialect::Postgres, of, &[binds]);
    }
}

#[test]
fn lists_are_padded_where_there_are_no_arrays() {
    assert_eq!(text_of(Dialect::MySql, &ID.in_([1])), "`users`.`id` IN (?)");
    assert_eq!(text_of(Dialect::MySql, &ID.in_([1, 2, 3])), "`users`.`id` IN (?, ?, ?, ?)");
    assert_eq!(text_of(Dialect::Sqlite, &ID.not_in([1, 2])), "`users`.`id` NOT IN (?, ?)");
    assert_binds(Dialect::Sqlite, ID.in_([1, 2, 3]), &["1", "2", "3", "3"]);
    // Beyond 64 the list is too long to be padded.
    for (len, padded) in [(33, 64), (64, 64), (65, 65), (100, 100)] {
        let text = text_of(Dialect::MySql, &ID.in_(0..len));
        assert_eq!(text.matches('?').count(), padded, "{len}");
    }
    assert_eq!(
        text_of(Dialect::MySql, &BIO.not_in([Some("x".to_owned()), None])),
        "(`users`.`bio` IS NOT NULL AND `users`.`bio` NOT IN (?))"
    );
}

#[test]
fn empty_lists() {
    let none = Vec::<i64>::new;
    assert_texts(ID.in_(none()), "FALSE", "FALSE", "FALSE");
    assert_texts(ID.not_in(none()), "TRUE", "TRUE", "TRUE");
    assert_texts(Filter::all([]), "TRUE", "TRUE", "TRUE");
    assert_texts(Filter::any([]), "FALSE", "FALSE", "FALSE");
    let null = r#""users"."bio" IS NULL"#;
    assert_texts(BIO.in_([None::<String>]), null, "`users`.`bio` IS NULL", null);
    let not_null = r#""users"."bio" IS NOT NULL"#;
    assert_texts(BIO.not_in([None::<String>]), not_null, "`users`.`bio` IS NOT NULL", not_null);
}

#[test]
fn texts() {
    let standard = r#""users"."name" LIKE $1 ESCAPE '!'"#;
    let mysql = "`users`.`name` LIKE ? ESCAPE '!'";
    let (prefix, suffix) = (NAME.starts_with("a*[?"), NAME.ends_with("a*[?"));
    assert_texts(NAME.contains("x"), standard, mysql, r#"instr("users"."name", $1) > 0"#);
    assert_texts(prefix.clone(), standard, mysql, r#""users"."name" GLOB $1"#);
    assert_texts(
        suffix.clone(),
        standard,
        mysql,
        r#"substr(CAST("users"."name" || 'x' AS BLOB), -length(CAST($1 AS BLOB))) = CAST($2 AS BLOB)"#,
    );
    assert_binds(Dialect::Sqlite, prefix, &[r#""a[*][[][?]*""#]);
    assert_binds(Dialect::Sqlite, suffix, &[r#""a*[?x""#, r#""a*[?x""#]);
    for dialect in [Dialect::Postgres, Dialect::MySql] {
        assert_binds(dialect, NAME.contains("50%_!\\"), &[r#""%50!%!_!!\\%""#]);
        assert_binds(dialect, NAME.starts_with("a%"), &[r#""a!%%""#]);
        assert_binds(dialect, NAME.ends_with("a_"), &[r#""%a!_""#]);
    }
    assert_binds(Dialect::Sqlite, NAME.contains("50%_!\\"), &[r#""50%_!\\""#]);
    let like = r#""users"."name" LIKE $1"#;
    assert_texts(NAME.like("a%"), like, "`users`.`name` LIKE ?", &format!("{like} ESCAPE '\\'"));
    let not_like = r#""users"."name" NOT LIKE $1"#;
    assert_texts(
        NAME.not_like("a%"),
        not_like,
        "`users`.`name` NOT LIKE ?",
        &format!("{not_like} ESCAPE '\\'"),
    );
    assert_binds(Dialect::MySql, NAME.like("a%"), &[r#""a%""#]);
}

#[test]
fn nul_and_long_texts_to_search_on_sqlite() {
    let text = |of: Filter<User>| text_of(Dialect::Sqlite, &of);
    assert_eq!(text(NAME.starts_with("a\0")), "instr(`users`.`name`, ?) = 1");
    assert_eq!(text(NAME.starts_with("a".repeat(16_000))), "instr(`users`.`name`, ?) = 1");
    let of = NAME.like("a\0%");
    let mut sql = Sql::new(Dialect::Sqlite);
    sql.filter(&of.node);
    assert!(sql.refused.is_some());
}

#[test]
fn combinations_keep_their_brackets() {
    let (a, b, c) = (|| ID.eq(1), || ID.eq(2), || ID.eq(3));
    for (of, text) in [
        (a() & b() & c(), "(a AND b AND c)"),
        (a() | b() | c(), "(a OR b OR c)"),
        (a() & (b() | c()), "(a AND (b OR c))"),
        ((a() & b()) | c(), "((a AND b) OR c)"),
        (!(a() | b()) & c(), "(NOT ((a OR b)) AND c)"),
        (!!a(), "NOT (NOT (a))"),
        (Filter::all([]) & a(), "(TRUE AND a)"),
        (Filter::any([]) | a(), "(FALSE OR a)"),
        (Filter::all([a(), b()]), "(a AND b)"),
        (Filter::any([a()]), "(a)"),
    ] {
        let id = "`users`.`id` = ?";
        let expected = text.replace(['a', 'b', 'c'], id);
        assert_eq!(text_of(Dialect::MySql, &of), expected, "{text}");
    }
    assert_binds(Dialect::Postgres, a() & (b() | !c()), &["1", "2", "3"]);
    assert_eq!(
        text_of(Dialect::Postgres, &(a() & (b() | !c()))),
        r#"("users"."id" = $1 AND ("users"."id" = $2 OR NOT ("users"."id" = $3)))"#
    );
}

#[test]
fn several_filters_are_all_to_hold() {
    let filters = [ID.eq(1).node, (ID.eq(2) | ID.eq(3)).node];
    let mut sql = Sql::new(Dialect::Postgres);
    sql.start("SELECT 1");
    sql.conditions(&Meta::PLAIN, Deleted::Hidden, &[crate::expr::Action::Read], &filters);
    assert_eq!(sql.text, r#"SELECT 1 WHERE "users"."id" = $1 AND ("users"."id" = $2 OR "users"."id" = $3)"#);
    let mut sql = Sql::new(Dialect::Postgres);
    sql.start("SELECT 1");
    sql.conditions(&Meta::PLAIN, Deleted::Hidden, &[crate::expr::Action::Read], &[]);
    assert_eq!(sql.text, "SELECT 1");
}

#[test]
fn identifiers_cannot_break_out() {
    assert_texts(
        WEIRD.eq(1),
        r#""users"."we""ird`s" = $1"#,
        r#"`users`.`we"ird``s` = ?"#,
        r#"`users`.`we"ird``s` = ?"#,
    );
    let table = |dialect| {
        let mut sql = Sql::new(dialect);
        sql.table(&IN_SCHEMA);
        sql.text
    };
    assert_eq!(table(Dialect::Postgres), r#""my ""schema"""."us`ers""#);
    assert_eq!(table(Dialect::MySql), r#"`my "schema"`.`us``ers`"#);
    assert_eq!(table(Dialect::Sqlite), r#"`my "schema"`.`us``ers`"#);
}

#[test]
fn orders() {
    let text = |dialect, orders: &[Order<User>]| {
        let keys: Vec<_> = orders.iter().map(|order| order.key.clone()).collect();
        let mut sql = Sql::new(dialect);
        sql.order(&keys);
        sql.text
    };
    let (up, down) = (BIO.asc(), BIO.desc());
    for dialect in ALL {
        assert_eq!(text(dialect, &[]), "");
    }
    assert_eq!(
        text(Dialect::Postgres, &[up.clone(), ID.desc()]),
        r#" ORDER BY "users"."bio" ASC, "users"."id" DESC"#
    );
    assert_eq!(
        text(Dialect::MySql, &[up.clone(), ID.desc()]),
        " ORDER BY `users`.`bio` ASC, `users`.`id` DESC"
    );
    // In so many words only where it is not what the database does by itself.
    for (order, postgres, sqlite, mysql) in [
        (up.clone().nulls_first(), " ASC NULLS FIRST", " ASC", "`users`.`bio` ASC"),
        (
            up.clone().nulls_last(),
            " ASC",
            " ASC NULLS LAST",
            "(`users`.`bio` IS NULL) ASC, `users`.`bio` ASC",
        ),
        (
            down.clone().nulls_first(),
            " DESC",
            " DESC NULLS FIRST",
            "(`users`.`bio` IS NULL) DESC, `users`.`bio` DESC",
        ),
        (down.clone().nulls_last(), " DESC NULLS LAST", " DESC", "`users`.`bio` DESC"),
    ] {
        assert_eq!(
            text(Dialect::Postgres, std::slice::from_ref(&order)),
            format!(r#" ORDER BY "users"."bio"{postgres}"#)
        );
        assert_eq!(
            text(Dialect::Sqlite, std::slice::from_ref(&order)),
            format!(" ORDER BY `users`.`bio`{sqlite}")
        );
        assert_eq!(text(Dialect::MySql, std::slice::from_ref(&order)), format!(" ORDER BY {mysql}"));
    }
}

#[test]
fn limits() {
    let rendered = |dialect, limit, offset| {
        let mut sql = Sql::new(dialect);
        sql.limit(limit, offset);
        (sql.text, sql.binds.iter().map(show).collect::<Vec<_>>().join(" "))
    };
    let both = |text: &str, binds: &str| (text.to_owned(), binds.to_owned());
    for dialect in ALL {
        assert_eq!(rendered(dialect, None, None), both("", ""));
    }
    for (dialect, text) in
        [(Dialect::Postgres, " LIMIT $1 OFFSET $2"), (Dialect::Sqlite, " LIMIT ? OFFSET ?")]
    {
        let limit = text.split(" OFFSET").next().expect("a text");
        assert_eq!(rendered(dialect, Some(3), None), both(limit, "3"));
        assert_eq!(rendered(dialect, Some(3), Some(4)), both(text, "3 4"));
    }
    assert_eq!(rendered(Dialect::MySql, Some(3), Some(4)), both(" LIMIT ? OFFSET ?", "3 4"));
    // MySQL and SQLite have no OFFSET without LIMIT.
    assert_eq!(rendered(Dialect::Postgres, None, Some(4)), both(" OFFSET $1", "4"));
    assert_eq!(rendered(Dialect::Sqlite, None, Some(4)), both(" LIMIT -1 OFFSET ?", "4"));
    assert_eq!(rendered(Dialect::MySql, None, Some(4)), both(" LIMIT 18446744073709551615 OFFSET ?", "4"));
    // No database takes more than an i64; no table has more rows either.
    assert_eq!(rendered(Dialect::Postgres, Some(u64::MAX), None).1, i64::MAX.to_string());
}

#[test]
#[cfg(feature = "sqlite")]
fn too_many_arguments_are_refused_before_anything_is_sent() {
    let of = ID.in_(0..32_767);
    let mut sql = Sql::new(Dialect::Sqlite);
    sql.filter(&of.node);
    let error = sql.finish::<sqlx::Sqlite>().err().expect("SQLite takes 32766");
    assert_eq!(error.to_string(), "32767 values in one statement, SQLite takes at most 32766");
    let of = ID.in_(0..32_766);
    let mut sql = Sql::new(Dialect::Sqlite);
    sql.filter(&of.node);
    assert!(sql.finish::<sqlx::Sqlite>().is_ok());
}
