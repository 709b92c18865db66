//! Expressions.

use super::*;
use crate::expr::{Expression, JsonKey};

#[cfg(feature = "json")]
const DOC: Column<User, serde_json::Value> = Column::new(&DOCS[0]);
#[cfg(feature = "json")]
static DOCS: [Col; 1] = [col(0, "doc", codec!(serde_json::Value))];
const TAGS: Column<User, Vec<String>> = Column::new(&LISTS[0]);
static LISTS: [Col; 1] = [col(0, "tags", codec!(Vec<String>))];

/// Where the three differ in quotes and placeholders alone.
#[track_caller]
fn assert_text(of: Filter<User>, text: &str) {
    let mysql = (1..=9).fold(text.replace('"', "`"), |text, n| text.replace(&format!("${n}"), "?"));
    assert_texts(of, text, &mysql, text);
}

fn refusal(dialect: Dialect, of: &Filter<User>) -> Option<String> {
    let mut sql = Sql::new(dialect);
    sql.filter(&of.node);
    sql.refused.map(|error| error.to_string())
}

#[test]
fn columns_and_expressions_compare() {
    assert_text(NAME.eq(BIO), r#""users"."name" = "users"."bio""#);
    assert_text(BIO.ne(NAME), r#""users"."bio" <> "users"."name""#);
    assert_text(NAME.lower().eq("x"), r#"LOWER("users"."name") = $1"#);
    assert_text(NAME.upper().trim().gt(BIO.lower()), r#"TRIM(UPPER("users"."name")) > LOWER("users"."bio")"#);
    assert_text(BIO.coalesce("x").eq(NAME), r#"COALESCE("users"."bio", $1) = "users"."name""#);
    assert_text(ID.plus(1).times(ID).lt(2), r#"(("users"."id" + $1) * "users"."id") < $2"#);
    assert_text(ID.minus(ID).abs().in_(Vec::<i64>::new()), "FALSE");
    assert_text(
        ID.abs().between(ID.minus(1), 9),
        r#"(ABS("users"."id") >= ("users"."id" - $1) AND ABS("users"."id") <= $2)"#,
    );
    assert_text(Filter::not(ID.eq(1)), r#"NOT ("users"."id" = $1)"#);
    assert_text(BIO.lower().eq(None), r#"LOWER("users"."bio") IS NULL"#);
    assert_texts(
        NAME.length().eq(3),
        r#"CAST(CHAR_LENGTH("users"."name") AS BIGINT) = $1"#,
        "CHAR_LENGTH(`users`.`name`) = ?",
        r#"LENGTH("users"."name") = $1"#,
    );
    assert_texts(
        NAME.cast::<i64>().eq(3),
        r#"CAST("users"."name" AS BIGINT) = $1"#,
        "CAST(`users`.`name` AS SIGNED) = ?",
        r#"CAST("users"."name" AS INTEGER) = $1"#,
    );
    assert_texts(
        ID.cast::<String>().eq("3"),
        r#"CAST("users"."id" AS TEXT) = $1"#,
        "CAST(`users`.`id` AS CHAR) = ?",
        r#"CAST("users"."id" AS TEXT) = $1"#,
    );
}

#[test]
fn case_is_ignored() {
    assert_texts(
        NAME.contains_ignore_case("a%"),
        r#""users"."name" ILIKE $1 ESCAPE '!'"#,
        "LOWER(`users`.`name`) LIKE LOWER(?) ESCAPE '!'",
        r#"instr(LOWER("users"."name"), LOWER($1)) > 0"#,
    );
    assert_binds(Dialect::MySql, NAME.contains_ignore_case("a%"), &[r#""%a!%%""#]);
    assert_binds(Dialect::Sqlite, NAME.contains_ignore_case("a%"), &[r#""a%""#]);
    assert_texts(
        NAME.eq_ignore_case("a"),
        r#"LOWER("users"."name") = LOWER($1)"#,
        "LOWER(`users`.`name`) = LOWER(?)",
        r#"LOWER("users"."name") = LOWER($1)"#,
    );
    assert_texts(
        NAME.ilike("a%"),
        r#""users"."name" ILIKE $1"#,
        "LOWER(`users`.`name`) LIKE LOWER(?)",
        r#""users"."name" LIKE $1 ESCAPE '\'"#,
    );
}

#[test]
fn raw_texts_take_arguments() {
    assert_texts(
        Filter::raw("{} + {} > {}", (ID, 1_i64, ID.abs())),
        r#"("users"."id" + $1/* i64 */ > ABS("users"."id"))"#,
        "(`users`.`id` + ? > ABS(`users`.`id`))",
        r#"("users"."id" + $1 > ABS("users"."id"))"#,
    );
    assert_binds(Dialect::MySql, Filter::raw("{} = {}", (NAME, "' OR 1=1")), &[r#""' OR 1=1""#]);
    assert_texts(
        Filter::raw("'{{}}' = {}", [WEIRD.into_expr()]),
        r#"('{}' = "users"."we""ird`s")"#,
        "('{}' = `users`.`we\"ird``s`)",
        "('{}' = `users`.`we\"ird``s`)",
    );
}

#[test]
fn raw_texts_that_do_not_fit_are_refused() {
    for (of, fits) in [
        (Filter::raw("{}", [ID]), true),
        (Filter::raw("{{ }}", ()), true),
        (Filter::raw("{}", ()), false),
        (Filter::raw("", [ID]), false),
        (Filter::raw("{", ()), false),
        (Filter::raw("}", ()), false),
        (Filter::raw("{0}", [ID]), false),
        (Filter::raw("{é}", [ID]), false),
        (Filter::raw("{}}", [ID]), false),
    ] {
        for dialect in ALL {
            assert_eq!(refusal(dialect, &of).is_none(), fits);
        }
    }
}

#[test]
#[cfg(feature = "json")]
fn paths_into_documents() {
    let path = || [JsonKey::from("a"), JsonKey::from(0)];
    assert_texts(
        DOC.json_text(path()).eq("x"),
        "CASE WHEN JSONB_TYPEOF(CAST(\"users\".\"doc\" AS JSONB) -> $1 -> 0) = 'string' \
         AND JSONB_TYPEOF(CAST(\"users\".\"doc\" AS JSONB) -> $2) = 'array' \
         THEN (CAST(\"users\".\"doc\" AS JSONB) -> $3 ->> 0) END = $4",
        "CASE WHEN JSON_TYPE(JSON_EXTRACT(`users`.`doc`, ?)) IN ('STRING') AND JSON_TYPE(JSON_EXTRACT(`users`.`doc`, ?)) = 'ARRAY' \
         THEN JSON_UNQUOTE(JSON_EXTRACT(`users`.`doc`, ?)) END = ?",
        r#"CASE json_type("users"."doc", $1) WHEN 'text' THEN json_extract("users"."doc", $2) END = $3"#,
    );
    assert_texts(
        DOC.json_has(["a", "b"]),
        r#"((CAST("users"."doc" AS JSONB) -> $1 -> $2) IS NOT NULL)"#,
        "(COALESCE(JSON_CONTAINS_PATH(`users`.`doc`, 'one', ?), FALSE))",
        r#"(json_type("users"."doc", $1) IS NOT NULL)"#,
    );
    assert_binds(Dialect::Postgres, DOC.json_has(["a", "b"]), &[r#""a""#, r#""b""#]);
    assert_binds(Dialect::MySql, DOC.json_has(["a", "b'"]), &[r#""$.\"a\".\"b'\"""#]);
    for (dialect, quote, dash) in
        [(Dialect::Postgres, true, true), (Dialect::MySql, false, false), (Dialect::Sqlite, false, true)]
    {
        assert_eq!(refusal(dialect, &DOC.json_has(["a\"b"])).is_none(), quote);
        assert_eq!(refusal(dialect, &DOC.json_has(["a\\b"])).is_none(), quote);
        assert_eq!(refusal(dialect, &DOC.json_has(["-a"])).is_none(), dash);
        assert!(refusal(dialect, &DOC.json_has(["a\0b"])).is_some());
    }
}

#[test]
fn arrays_are_for_postgres() {
    for (of, op) in
        [(TAGS.contains_all(vec![]), "@>"), (TAGS.contained_in(vec![]), "<@"), (TAGS.overlaps(vec![]), "&&")]
    {
        assert_eq!(text_of(Dialect::Postgres, &of), format!(r#""users"."tags" {op} $1"#));
        assert!(refusal(Dialect::Postgres, &of).is_none());
        assert!(refusal(Dialect::MySql, &of).is_some() && refusal(Dialect::Sqlite, &of).is_some());
    }
}
