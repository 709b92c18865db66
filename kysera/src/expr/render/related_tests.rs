//! What relations look like in each dialect. No database is asked.

use super::super::{Col, Fill, Meta, Order, Rel, RelatedRows, Scope, Term, Via};
use super::super::{Column, Filter};
use super::{AnyValue, Bind, Codec, Join, JsonKeys, LoadKeys, PluginContext, Sql};
use crate::__private::codec;
use crate::backend::Dialect;
use crate::expr::filter::Node;

struct Post;

const fn col(table: &'static str, index: usize, name: &'static str, codec: &'static Codec) -> Col {
    Col { table, name, index, codec, fill: Fill::Client, guard: None }
}

static USERS: Meta = Meta {
    entity: "User",
    table: "users",
    columns: &[col("users", 0, "id", codec!(i64)), col("users", 1, "boss", codec!(Option<i64>))],
    id: &[0],
    ..Meta::PLAIN
};

static POSTS: Meta = Meta {
    entity: "Post",
    table: "posts",
    columns: &[col("posts", 0, "id", codec!(i64)), col("posts", 1, "author", codec!(i64))],
    id: &[0],
    ..Meta::PLAIN
};

static LINKS: Meta = Meta {
    entity: "Like",
    schema: Some("app"),
    table: "likes",
    columns: &[col("likes", 0, "user", codec!(i64)), col("likes", 1, "post", codec!(i64))],
    id: &[0, 1],
    ..Meta::PLAIN
};

static SECRETS: Meta = Meta {
    entity: "Secret",
    table: "secrets",
    columns: &[col("secrets", 0, "id", codec!(i64)), col("secrets", 1, "owner", codec!(i64))],
    id: &[0],
    scope: Some(Scope::of::<u8, u16>),
    ..Meta::PLAIN
};

/// The posts of a user.
const WROTE: Rel =
    Rel { name: "posts", parent: &USERS.columns[0], meta: &POSTS, key: &POSTS.columns[1], via: None };
/// The user that wrote a post.
const AUTHOR: Rel =
    Rel { name: "author", parent: &POSTS.columns[1], meta: &USERS, key: &USERS.columns[0], via: None };
const BOSS: Rel =
    Rel { name: "boss", parent: &USERS.columns[1], meta: &USERS, key: &USERS.columns[0], via: None };
const SECRET: Rel =
    Rel { name: "secrets", parent: &USERS.columns[0], meta: &SECRETS, key: &SECRETS.columns[1], via: None };
/// The posts that a user likes.
const LIKES: Rel = Rel {
    name: "likes",
    parent: &USERS.columns[0],
    meta: &POSTS,
    key: &POSTS.columns[0],
    via: Some(Via { meta: &LINKS, parent: &LINKS.columns[0], target: &LINKS.columns[1] }),
};

const POST_ID: Column<Post, i64> = Column::new(&POSTS.columns[0]);

fn some(rel: Rel, filter: Filter<Post>) -> RelatedRows {
    RelatedRows { filters: vec![filter.node], ..RelatedRows::all(rel) }
}

fn exists(rows: RelatedRows) -> Node {
    Node::Related { rows: Box::new(rows), negated: false }
}

/// The text in PostgreSQL's spelling, which is that of the others but for quotes and arguments, and for a limit of what
/// exists.
#[track_caller]
fn assert_text(node: &Node, text: &str) {
    for dialect in [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql] {
        let mut sql = Sql::new(dialect);
        sql.filter(node);
        assert!(sql.refused.is_none());
        let limit = if dialect == Dialect::Sqlite { " LIMIT 1" } else { "" };
        let text = text.replace("<limit>", limit);
        let text = match dialect {
            Dialect::Postgres => text,
            _ => text.replace("$1", "?").replace('"', "`"),
        };
        assert_eq!(sql.text, text, "{dialect:?}");
    }
}

#[test]
fn related_rows_exist() {
    let rows = || some(WROTE, POST_ID.gt(7));
    let text =
        r#"EXISTS (SELECT 1 FROM "posts" AS "r1" WHERE "r1"."author" = "users"."id" AND "r1"."id" > $1)"#;
    assert_text(&exists(rows()), &text.replace("$1)", "$1<limit>)"));
    assert_text(&Node::Related { rows: Box::new(rows()), negated: true }, &format!("NOT {text}"));
    assert_text(
        &exists(RelatedRows::all(LIKES)),
        r#"EXISTS (SELECT 1 FROM "app"."likes" AS "r2" JOIN "posts" AS "r1" ON "r1"."id" = "r2"."post" WHERE "r2"."user" = "users"."id"<limit>)"#,
    );
    assert_text(
        &exists(RelatedRows { filters: vec![exists(RelatedRows::all(BOSS))], ..RelatedRows::all(AUTHOR) }),
        r#"EXISTS (SELECT 1 FROM "users" AS "r1" WHERE "r1"."id" = "posts"."author" AND EXISTS (SELECT 1 FROM "users" AS "r2" WHERE "r2"."id" = "r1"."boss"<limit>)<limit>)"#,
    );
}

#[test]
fn related_rows_are_counted_and_read_through() {
    let count = Node::Holds(Term::CountRelated(Box::new(some(WROTE, POST_ID.eq(1)))));
    assert_text(
        &count,
        r#"((SELECT COUNT(*) FROM "posts" AS "r1" WHERE "r1"."author" = "users"."id" AND "r1"."id" = $1))"#,
    );
    let through = |term| Term::Through(BOSS, Box::new(term));
    let grand_boss = through(through(Term::Column(&USERS.columns[0])));
    assert_text(
        &Node::IsNull { term: grand_boss, negated: false },
        r#"(SELECT (SELECT "r2"."id" FROM "users" AS "r2" WHERE "r2"."id" = "r1"."boss" LIMIT 1) FROM "users" AS "r1" WHERE "r1"."id" = "users"."boss" LIMIT 1) IS NULL"#,
    );
}

#[test]
fn joins_have_names_and_are_found() {
    let joins = [Join { rel: AUTHOR, left: false }, Join { rel: BOSS, left: true }];
    let mut sql = Sql::new(Dialect::Sqlite);
    sql.with_joins(&joins).row_and_joined(&POSTS, false).push(" FROM ").table(&POSTS).joins(&joins[..1]);
    let author = Term::Through(AUTHOR, Box::new(Term::Column(&USERS.columns[1])));
    sql.push(" WHERE ").term(&author);
    assert_eq!(
        sql.text,
        r#"SELECT "posts"."id", "posts"."author", "j1"."id", "j1"."boss", "j2"."id", "j2"."boss" FROM "posts" JOIN "users" AS "j1" ON "j1"."id" = "posts"."author" WHERE "j1"."boss""#
            .trim_start_matches("SELECT ")
            .replace('"', "`")
    );
    let mut sql = Sql::new(Dialect::MySql);
    sql.with_joins(&joins[1..]).row_and_joined(&USERS, true).joins(&joins[1..]);
    assert_eq!(
        sql.text,
        "`users`.`id` AS `x0`, `users`.`boss` AS `x1`, `j1`.`id` AS `x2`, `j1`.`boss` AS `x3` \
         LEFT JOIN `users` AS `j1` ON `j1`.`id` = `users`.`boss`"
    );
}

#[test]
fn the_table_that_is_written_is_read_in_disguise() {
    let text = |written: &'static Meta, node: &Node, dialect| {
        let mut sql = Sql::new(dialect).writing(written);
        sql.filter(node);
        sql.text
    };
    let boss = exists(RelatedRows::all(BOSS));
    assert_eq!(
        text(&USERS, &boss, Dialect::MySql),
        "EXISTS (SELECT /*+ NO_MERGE(`r1`) */ 1 FROM (SELECT `id`, `boss` FROM `users`) AS `r1` \
         WHERE `r1`.`id` = `users`.`boss`)"
    );
    let plain = r#"EXISTS (SELECT 1 FROM "users" AS "r1" WHERE "r1"."id" = "users"."boss")"#;
    assert_eq!(text(&USERS, &boss, Dialect::Postgres), plain);
    assert_eq!(
        text(&USERS, &boss, Dialect::Sqlite),
        "EXISTS (SELECT 1 FROM (SELECT `id`, `boss` FROM `users` LIMIT -1) AS `r1` WHERE `r1`.`id` = `users`.`boss` LIMIT 1)"
    );
    let author = exists(RelatedRows::all(AUTHOR));
    assert_eq!(
        text(&POSTS, &author, Dialect::MySql),
        "EXISTS (SELECT 1 FROM `users` AS `r1` WHERE `r1`.`id` = `posts`.`author`)"
    );
    let likes = exists(RelatedRows::all(LIKES));
    assert_eq!(
        text(&LINKS, &likes, Dialect::MySql),
        "EXISTS (SELECT /*+ NO_MERGE(`r2`) */ 1 FROM (SELECT `user`, `post` FROM `app`.`likes`) AS `r2` \
         JOIN `posts` AS `r1` ON `r1`.`id` = `r2`.`post` WHERE `r2`.`user` = `users`.`id`)"
    );
}

#[test]
fn closed_tables_are_refused_wherever_they_are_reached() {
    let nodes = [
        exists(RelatedRows::all(SECRET)),
        Node::Not(Box::new(exists(RelatedRows::all(SECRET)))),
        Node::Holds(Term::CountRelated(Box::new(RelatedRows::all(SECRET)))),
        Node::Holds(Term::Through(SECRET, Box::new(Term::Null))),
        exists(RelatedRows { filters: vec![exists(RelatedRows::all(SECRET))], ..RelatedRows::all(AUTHOR) }),
    ];
    for node in &nodes {
        for (context, open) in [(&() as &AnyValue, false), (&7_u8, true), (&7_u16, true), (&7_u32, false)] {
            let cx = PluginContext { context, ..PluginContext::NONE };
            let mut sql = Sql::new(Dialect::Sqlite).at(None, cx);
            sql.filter(node);
            assert_eq!(sql.refused.is_none(), open);
        }
    }
    let mut sql = Sql::new(Dialect::Sqlite);
    let join = [Join { rel: SECRET, left: true }];
    sql.with_joins(&join).joins(&join);
    assert!(sql.refused.is_some());
    let rows = RelatedRows::all(SECRET);
    let mut sql = Sql::new(Dialect::Sqlite);
    sql.load(&rows, LoadKeys { codec: codec!(i64), values: &[], json: None });
    assert!(sql.refused.is_some());
}

const KEYS: [&AnyValue; 2] = [&1_i64, &2_i64];

fn load(dialect: Dialect, rows: &RelatedRows) -> (String, usize) {
    let json = (dialect == Dialect::Sqlite).then(|| JsonKeys { text: "[1,2]".into(), hex: false });
    let mut sql = Sql::new(dialect);
    sql.load(rows, LoadKeys { codec: codec!(i64), values: &KEYS, json });
    let arrays = sql.binds.iter().filter(|bind| matches!(bind, Bind::Array(..) | Bind::Text(_))).count();
    (sql.text, arrays)
}

#[test]
fn loads_are_about_all_keys_at_once() {
    let rows = RelatedRows {
        order: vec![Order::<Post>::new(Term::Column(&POSTS.columns[0]), true).key],
        ..some(WROTE, POST_ID.gt(7))
    };
    let select = r#"SELECT "id", "author" FROM "posts" WHERE "posts"."author""#;
    let rest = r#" AND "posts"."id" > ? ORDER BY "posts"."id" DESC"#;
    #[cfg(feature = "postgres")]
    assert_eq!(load(Dialect::Postgres, &rows), (format!("{select} = ANY($1){}", rest.replace('?', "$2")), 1));
    assert_eq!(
        load(Dialect::Sqlite, &rows),
        (format!("{select} IN (SELECT value FROM json_each(?)){rest}").replace('"', "`"), 1)
    );
    let mysql = format!("{select} IN (?, ?){rest}").replace('"', "`");
    assert_eq!(load(Dialect::MySql, &rows), (mysql, 0));

    let likes = RelatedRows::all(LIKES);
    let text = "SELECT `r1`.`user`, `r1`.`post`, `r2`.`id`, `r2`.`author` FROM `app`.`likes` AS `r1` \
                JOIN `posts` AS `r2` ON `r2`.`id` = `r1`.`post` WHERE `r1`.`user` IN (?, ?)";
    assert_eq!(load(Dialect::MySql, &likes), (text.into(), 0));
}

#[test]
fn limits_are_those_of_each_key() {
    let limited = |rows: RelatedRows| {
        let key = Order::<Post>::new(Term::Column(&POSTS.columns[0]), false).key;
        RelatedRows { limit: Some(3), order: vec![key], ..rows }
    };
    let wrote = limited(some(WROTE, POST_ID.gt(7)));
    let numbered = r#"SELECT "c0", "c1" FROM (SELECT "r1"."id" AS "c0", "r1"."author" AS "c1", ROW_NUMBER() OVER (PARTITION BY "r1"."author" ORDER BY "r1"."id" ASC) AS "kysera_n" FROM "posts" AS "r1" WHERE "r1"."author" IN (..) AND "r1"."id" > ?) AS "kysera_p" WHERE "kysera_n" <= ? ORDER BY "kysera_n""#;
    let sqlite = numbered.replace("(..)", "(SELECT value FROM json_each(?))").replace('"', "`");
    assert_eq!(load(Dialect::Sqlite, &wrote), (sqlite, 1));
    let mysql = numbered.replace("(..)", "(?, ?)").replace('"', "`");
    assert_eq!(load(Dialect::MySql, &wrote), (mysql, 0));
    #[cfg(feature = "postgres")]
    assert_eq!(
        load(Dialect::Postgres, &limited(RelatedRows::all(LIKES))).0,
        r#"SELECT "c0", "c1", "c2", "c3" FROM UNNEST($1) AS "kysera_k" ("v") CROSS JOIN LATERAL (SELECT "r1"."user" AS "c0", "r1"."post" AS "c1", "r2"."id" AS "c2", "r2"."author" AS "c3", ROW_NUMBER() OVER (ORDER BY "r1"."user" ASC, "r2"."id" ASC) AS "kysera_n" FROM "app"."likes" AS "r1" JOIN "posts" AS "r2" ON "r2"."id" = "r1"."post" WHERE "r1"."user" BETWEEN "kysera_k"."v" AND "kysera_k"."v" ORDER BY "r1"."user" ASC, "r2"."id" ASC LIMIT $2) AS "kysera_p" ORDER BY "kysera_n""#
    );
}

/// The aliases of tables that are called as aliases are.
#[test]
fn aliases_keep_clear_of_the_table_that_they_are_reached_from() {
    static TABLES: [Meta; 2] = [
        Meta {
            table: "R1",
            columns: &[col("R1", 0, "id", codec!(i64)), col("R1", 1, "boss", codec!(i64))],
            ..Meta::PLAIN
        },
        Meta {
            table: "j1",
            columns: &[col("j1", 0, "id", codec!(i64)), col("j1", 1, "boss", codec!(i64))],
            ..Meta::PLAIN
        },
    ];
    let boss = |meta: &'static Meta| Rel { parent: &meta.columns[1], meta, key: &meta.columns[0], ..BOSS };
    let mut sql = Sql::new(Dialect::Postgres);
    let node = exists(RelatedRows::all(boss(&TABLES[0])));
    sql.filter(&node);
    assert_eq!(sql.text, r#"EXISTS (SELECT 1 FROM "R1" AS "r2" WHERE "r2"."id" = "R1"."boss")"#);
    let mut sql = Sql::new(Dialect::Postgres);
    let join = [Join { rel: boss(&TABLES[1]), left: false }];
    sql.with_joins(&join).table(&TABLES[1]).joins(&join);
    assert_eq!(sql.text, r#""j1" JOIN "j1" AS "j2" ON "j2"."id" = "j1"."boss""#);
}

/// What is said of a row that a LEFT JOIN did not find is NULL, as it is where a sub-query finds none.
#[test]
fn nothing_is_said_of_rows_that_are_not_there() {
    let count = Term::Through(AUTHOR, Box::new(Term::CountRelated(Box::new(RelatedRows::all(WROTE)))));
    let name = Term::Through(AUTHOR, Box::new(Term::Column(&USERS.columns[1])));
    let text = |term: &Term, left| {
        let mut sql = Sql::new(Dialect::Postgres);
        sql.with_joins(&[Join { rel: AUTHOR, left }]).term(term);
        sql.into_text()
    };
    let number = r#"(SELECT COUNT(*) FROM "posts" AS "r2" WHERE "r2"."author" = "j1"."id")"#;
    assert_eq!(text(&count, false), number);
    assert_eq!(text(&count, true), format!(r#"CASE WHEN "j1"."id" IS NOT NULL THEN {number} END"#));
    assert_eq!(text(&name, true), r#""j1"."boss""#);
}
