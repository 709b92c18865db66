//! What locks look like in each dialect. No database is asked.

use super::*;
use crate::__private::codec;
use crate::expr::{Col, Fill, Join, Rel};

static META: Meta = Meta {
    entity: "Job",
    table: "jo\"b`s",
    columns: &[Col {
        table: "jo\"b`s",
        name: "id",
        index: 0,
        codec: codec!(i64),
        fill: Fill::Client,
        guard: None,
    }],
    id: &[0],
    ..Meta::PLAIN
};

const REL: Rel = Rel { name: "x", parent: &META.columns[0], meta: &META, key: &META.columns[0], via: None };

const ALL: [(Strength, Wait); 6] = [
    (Strength::Update, Wait::Forever),
    (Strength::Update, Wait::Skip),
    (Strength::Update, Wait::Fail),
    (Strength::Share, Wait::Forever),
    (Strength::Share, Wait::Skip),
    (Strength::Share, Wait::Fail),
];

fn texts(dialect: Dialect, query: &Query) -> [String; 6] {
    ALL.map(|(strength, wait)| {
        let mut sql = Sql::new(dialect);
        Lock { strength, wait }.write(&mut sql, query, false, &META);
        sql.into_text()
    })
}

#[test]
fn each_dialect_has_its_words() {
    let query = Query::default();
    assert_eq!(
        texts(Dialect::Postgres, &query),
        [
            " FOR UPDATE",
            " FOR UPDATE SKIP LOCKED",
            " FOR UPDATE NOWAIT",
            " FOR SHARE",
            " FOR SHARE SKIP LOCKED",
            " FOR SHARE NOWAIT"
        ]
    );
    let mysql = texts(Dialect::MySql, &query);
    assert_eq!(
        mysql[..4],
        [" FOR UPDATE", " FOR UPDATE SKIP LOCKED", " FOR UPDATE NOWAIT", " LOCK IN SHARE MODE"]
    );
}

#[test]
fn of_a_join_postgres_locks_the_rows_of_the_entity() {
    let query = Query { joins: vec![Join { rel: REL, left: true }], ..Query::default() };
    assert_eq!(texts(Dialect::Postgres, &query)[1], r#" FOR UPDATE OF "jo""b`s" SKIP LOCKED"#);
    assert_eq!(texts(Dialect::Postgres, &query)[3], r#" FOR SHARE OF "jo""b`s""#);
    // MariaDB has no OF.
    assert_eq!(texts(Dialect::MySql, &query)[1], " FOR UPDATE SKIP LOCKED");
}

#[test]
#[cfg(feature = "sqlite")]
fn what_cannot_be_said_is_refused_before_anything_is_sent() {
    let refused = |dialect, query: &Query| {
        ALL.map(|(strength, wait)| {
            let mut sql = Sql::new(dialect);
            Lock { strength, wait }.write(&mut sql, query, false, &META);
            sql.finish::<sqlx::Sqlite>().err().map(|error| error.code())
        })
    };
    use crate::ErrorCode::{BadRequest, Unsupported};
    let query = Query::default();
    assert_eq!(refused(Dialect::Postgres, &query), [None; 6]);
    assert_eq!(
        refused(Dialect::MySql, &query),
        [None, None, None, None, Some(Unsupported), Some(Unsupported)]
    );
    assert_eq!(refused(Dialect::Sqlite, &query), [Some(Unsupported); 6]);
    for query in [
        Query { distinct: true, ..Query::default() },
        Query { group: vec![crate::expr::Term::Column(&META.columns[0])], ..Query::default() },
    ] {
        assert_eq!(refused(Dialect::Postgres, &query), [Some(BadRequest); 6]);
    }
}
