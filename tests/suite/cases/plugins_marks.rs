//! Every type of time that plugins write, in columns with names of their own, and in other schemas.

use kysera::backend::{Backend, Dialect};
use kysera::plugin::{SoftDeleteMethods, TimestampMethods};
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::chrono::{DateTime, NaiveDateTime, Utc};
use sqlx::types::time::{OffsetDateTime, PrimitiveDateTime};

use super::plugins_entities::{Hands, at, seconds, utc};
use crate::DB;

/// A tree whose rows are deleted with their parents, with times of one type.
macro_rules! times {
    ($($name:ident: $ty:ty, $ddl:expr, $at:expr;)*) => { $(
        mod $name {
            use super::*;

            #[derive(Debug, Clone, PartialEq, Repository)]
            #[kysera::plugin(timestamps(created_at = made, updated_at = changed), soft_delete(deleted_at = gone, cascade = [Self::CHILDREN]))]
            #[kysera(table = "nodes", has_many(children = Node::PARENT))]
            struct Node {
                #[kysera(id, assigned)]
                id: i64,
                parent: Option<i64>,
                #[kysera(rename = "made on")]
                made: $ty,
                changed: Option<$ty>,
                #[kysera(rename = "Gone")]
                gone: Option<$ty>,
            }

            async fn tree() -> (Fixture<DB>, Db<DB>, Hands) {
                let db = Fixture::<DB>::new(&$ddl).await;
                let hands = Hands::new();
                let source = hands.of(db.source());
                let nodes = Node::repo(&source);
                let node = |id, parent| NewNode { id, parent };
                nodes.create(node(1, None)).await.unwrap();
                nodes.create_many([node(2, Some(1)), node(3, Some(2)), node(4, None)]).await.unwrap();
                (db, source, hands)
            }

            #[tokio::test]
            async fn they_are_written_and_read() {
                let (_db, source, hands) = tree().await;
                let nodes = Node::repo(&source);
                let time: fn(u64) -> $ty = $at;
                let first = hands.now();
                let created = nodes.create(NewNode { id: 5, parent: None }).await.unwrap();
                assert_eq!(created, Node { id: 5, parent: None, made: time(first), changed: Some(time(first)), gone: None });
                assert_eq!(nodes.get(5).await.unwrap(), created);
                assert_eq!(nodes.find().filter(Node::MADE.eq(time(first))).count().await.unwrap(), 5);
                assert_eq!(nodes.find().filter(Node::MADE.gt(time(first))).count().await.unwrap(), 0);

                let second = hands.forward();
                let touched = nodes.touch(5).await.unwrap();
                assert_eq!(touched, Node { changed: Some(time(second)), ..created.clone() });
                let updated = nodes.update(5, NodePatch::new().parent(None)).await.unwrap();
                assert_eq!(updated, touched);
                assert_eq!(nodes.get(5).await.unwrap(), touched);
                assert_eq!(nodes.find().filter(Node::CHANGED.gt(time(first))).one().await.unwrap(), touched);

                let third = hands.forward();
                assert!(nodes.delete(5).await.unwrap());
                let trash = nodes.find().only_deleted();
                let deleted = trash.clone().one().await.unwrap();
                assert_eq!(deleted, Node { gone: Some(time(third)), ..touched.clone() });
                assert_eq!(trash.clone().filter(Node::GONE.eq(time(third))).count().await.unwrap(), 1);
                assert_eq!(trash.clone().filter(Node::GONE.le(time(second))).count().await.unwrap(), 0);
                assert_eq!(trash.filter(Node::GONE.ge(time(third))).purge().await.unwrap(), 1);
            }

            /// The time that a row has is the time that its children have, as the database compares them.
            #[tokio::test]
            async fn what_shares_one_is_restored_together() {
                let (_db, source, hands) = tree().await;
                let nodes = Node::repo(&source);
                let time: fn(u64) -> $ty = $at;
                hands.forward();
                assert!(nodes.delete(3).await.unwrap());
                let when = hands.forward();
                assert!(nodes.delete(1).await.unwrap());
                assert_eq!(nodes.find().only_deleted().filter(Node::GONE.eq(time(when))).count().await.unwrap(), 2);
                let now = hands.forward();
                assert_eq!(nodes.restore(1).await.unwrap().changed, Some(time(now)));
                let live = nodes.find().order_by(Node::ID.asc()).all().await.unwrap();
                let live: Vec<_> = live.iter().map(|node| (node.id, node.changed.clone() == Some(time(now)))).collect();
                assert_eq!(live, [(1, true), (2, true), (4, false)]);
                assert_eq!(nodes.restore(3).await.unwrap().gone, None);
            }
        }
    )* };
}

const MOMENTS: Ddl = Ddl {
    postgres: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, \"made on\" TIMESTAMPTZ NOT NULL, changed TIMESTAMPTZ,
        \"Gone\" TIMESTAMPTZ)",
    mysql: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, `made on` DATETIME(6) NOT NULL, changed DATETIME(6),
        `Gone` DATETIME(6))",
    sqlite: "CREATE TABLE nodes (id INTEGER PRIMARY KEY, parent INTEGER, \"made on\" DATETIME NOT NULL, changed DATETIME,
        \"Gone\" DATETIME)",
};
const WALLS: Ddl = Ddl {
    postgres: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, \"made on\" TIMESTAMP NOT NULL, changed TIMESTAMP,
        \"Gone\" TIMESTAMP)",
    ..MOMENTS
};
/// Which ends in 2038, and has a zone.
const STAMPS: Ddl = Ddl {
    mysql: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, `made on` TIMESTAMP(6) NULL, changed TIMESTAMP(6) NULL,
        `Gone` TIMESTAMP(6) NULL)",
    ..MOMENTS
};
const SECONDS: Ddl = Ddl {
    postgres: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, \"made on\" BIGINT NOT NULL, changed BIGINT,
        \"Gone\" BIGINT)",
    mysql: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, `made on` BIGINT NOT NULL, changed BIGINT,
        `Gone` BIGINT)",
    sqlite: "CREATE TABLE nodes (id INTEGER PRIMARY KEY, parent INTEGER, \"made on\" INTEGER NOT NULL, changed INTEGER,
        \"Gone\" INTEGER)",
};

fn primitive(micros: u64) -> PrimitiveDateTime {
    let time = OffsetDateTime::from(at(micros));
    PrimitiveDateTime::new(time.date(), time.time())
}

times! {
    unix: i64, SECONDS, seconds;
    chrono_utc: DateTime<Utc>, MOMENTS, utc;
    chrono_stamp: DateTime<Utc>, STAMPS, utc;
    chrono_naive: NaiveDateTime, WALLS, |micros| utc(micros).naive_utc();
    time_offset: OffsetDateTime, MOMENTS, |micros| at(micros).into();
    time_primitive: PrimitiveDateTime, WALLS, primitive;
}

/// A time of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, sqlx::Type)]
#[sqlx(transparent)]
struct Millis(i64);

impl kysera::plugin::Timestamp for Millis {
    fn at(time: std::time::SystemTime) -> Self {
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap();
        Self(since.as_millis() as i64)
    }
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(timestamps(update_only), soft_delete(deleted_at = gone))]
#[kysera(table = "nodes")]
struct Own {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(rename = "changed")]
    updated_at: Option<Millis>,
    #[kysera(rename = "Gone")]
    gone: Option<Millis>,
    #[kysera(rename = "made on")]
    made: i64,
}

#[tokio::test]
async fn a_type_of_ones_own_takes_the_time() {
    let db = Fixture::<DB>::new(&SECONDS).await;
    let hands = Hands::new();
    let source = hands.of(db.source());
    let rows = Own::repo(&source);
    let millis = |micros: u64| Some(Millis((micros / 1000) as i64));
    let row = rows.create(NewOwn { id: 1, made: 3 }).await.unwrap();
    assert_eq!((row.updated_at, row.gone, row.made), (millis(hands.now()), None, 3));
    rows.delete(1).await.unwrap();
    assert_eq!(rows.find().only_deleted().one().await.unwrap().gone, millis(hands.now()));
}

/// A flag: what is marked is restored along, whenever it was marked.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete(deleted_at = hidden, cascade = [Self::CHILDREN]))]
#[kysera(table = "flags", has_many(children = Flag::PARENT))]
struct Flag {
    #[kysera(id, assigned)]
    id: i64,
    parent: Option<i64>,
    hidden: bool,
}

#[tokio::test]
async fn flags_mark_rows_and_are_restored_together() {
    let db = Fixture::<DB>::new(&Ddl {
        postgres: "CREATE TABLE flags (id BIGINT PRIMARY KEY, parent BIGINT, hidden BOOLEAN NOT NULL)",
        mysql: "CREATE TABLE flags (id BIGINT PRIMARY KEY, parent BIGINT, hidden BOOLEAN NOT NULL)",
        sqlite: "CREATE TABLE flags (id INTEGER PRIMARY KEY, parent INTEGER, hidden BOOLEAN NOT NULL)",
    })
    .await;
    let flags = Flag::repo(db.source());
    let flag = |id, parent| NewFlag { id, parent };
    let rows =
        flags.create_many([flag(1, None), flag(2, Some(1)), flag(3, Some(2)), flag(4, None)]).await.unwrap();
    assert!(rows.iter().all(|row| !row.hidden));
    flags.delete(3).await.unwrap();
    flags.delete(1).await.unwrap();
    assert!(flags.find().only_deleted().all().await.unwrap().iter().all(|row| row.hidden));
    assert_eq!(flags.find_all().await.unwrap(), [rows[3].clone()]);
    assert!(!flags.restore(1).await.unwrap().hidden);
    assert_eq!(flags.count().await.unwrap(), 4);
    let flag_is = flags.find().with_deleted().filter(Flag::HIDDEN.eq(true)).count().await.unwrap();
    assert_eq!(flag_is, 0);
}

/// Whole seconds are not the least of it: they are compared as they are written.
#[tokio::test]
async fn columns_of_whole_seconds_restore_together_as_well() {
    // MySQL rounds what it stores there; what it answers is what it compares.
    let ddl = Ddl {
        postgres: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, \"made on\" TIMESTAMPTZ(0) NOT NULL,
            changed TIMESTAMPTZ(0), \"Gone\" TIMESTAMPTZ(0))",
        mysql: "CREATE TABLE nodes (id BIGINT PRIMARY KEY, parent BIGINT, `made on` DATETIME NOT NULL, changed DATETIME,
            `Gone` DATETIME)",
        ..MOMENTS
    };
    let db = Fixture::<DB>::new(&ddl).await;
    let hands = Hands::new();
    let source = hands.of(db.source());
    let nodes = Coarse::repo(&source);
    let made = nodes.create(NewCoarse { id: 1, parent: None }).await.unwrap();
    nodes.create(NewCoarse { id: 2, parent: Some(1) }).await.unwrap();
    assert_eq!(nodes.get(1).await.unwrap(), made);
    hands.set(hands.now() + 900_000);
    nodes.delete(1).await.unwrap();
    assert_eq!(nodes.count().await.unwrap(), 0);
    nodes.restore(1).await.unwrap();
    assert_eq!(nodes.count().await.unwrap(), 2);
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(timestamps(created_at = made, updated_at = changed), soft_delete(deleted_at = gone, cascade = [Self::CHILDREN]))]
#[kysera(table = "nodes", has_many(children = Coarse::PARENT))]
struct Coarse {
    #[kysera(id, assigned)]
    id: i64,
    parent: Option<i64>,
    #[kysera(rename = "made on")]
    made: DateTime<Utc>,
    changed: Option<DateTime<Utc>>,
    #[kysera(rename = "Gone")]
    gone: Option<DateTime<Utc>>,
}

/// One database per tenant, each with the same tables.
#[tokio::test]
async fn schemas_have_their_own_deleted_rows() {
    let (db, other) = (Fixture::<DB>::new(&MOMENTS).await, Fixture::<DB>::new(&MOMENTS).await);
    let name: String = match DB::DIALECT {
        Dialect::Postgres => other.scalar("SELECT current_schema()::text").await,
        Dialect::MySql => other.scalar("SELECT DATABASE()").await,
        _ => return, // a file is a database
    };
    let (here, there) = (db.source().clone(), db.source().in_schema(&name).unwrap());
    for source in [&here, &there] {
        let nodes = Coarse::repo(source);
        nodes
            .create_many([(1, None), (2, Some(1)), (3, Some(2))].map(|(id, parent)| NewCoarse { id, parent }))
            .await
            .unwrap();
    }
    let (here, there) = (Coarse::repo(&here), Coarse::repo(&there));
    assert!(there.delete(1).await.unwrap());
    assert_eq!((here.count().await.unwrap(), there.count().await.unwrap()), (3, 0));
    assert_eq!(there.find().filter(Coarse::CHILDREN.exists()).count().await.unwrap(), 0);
    assert_eq!(there.find().with_deleted().with(Coarse::CHILDREN).all().await.unwrap()[0].1, []);
    assert_eq!(there.restore_many([1_i64]).await.unwrap(), 1);
    assert!(here.find().filter(Coarse::ID.eq(2)).delete().await.unwrap() == 1);
    assert_eq!((here.count().await.unwrap(), there.count().await.unwrap()), (1, 3));
    assert!(there.touch(1).await.unwrap().changed > Some(there.get(1).await.unwrap().made));
    assert_eq!(there.upsert(NewCoarse { id: 2, parent: None }, Coarse::ID).await.unwrap().parent, None);
    assert!(matches!(
        here.upsert(NewCoarse { id: 2, parent: None }, Coarse::ID).await,
        Err(kysera::Error::Deleted { .. })
    ));
    assert_eq!(there.purge_many([1_i64, 2, 3]).await.unwrap(), 3);
    assert_eq!(here.find().only_deleted().purge().await.unwrap(), 2);
}
