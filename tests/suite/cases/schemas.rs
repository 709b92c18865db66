//! `in_schema`: the same tables once per tenant. Where sources stand otherwise there are none, so a statement that forgets
//! its schema fails (on SQLite it goes to the first tenant).

use futures_util::TryStreamExt;
use kysera::backend::{Backend, Dialect};
use kysera::prelude::*;
use kysera::{Conflict, Error, ErrorCode, ReadOnly};
use kysera_tests::{Ddl, Fixture};

use super::entities::*;
use crate::DB;

pub(super) struct Tenants {
    pub(super) db: Fixture<DB>,
    pub(super) names: [String; 2],
    // Dropped with what is in them.
    _places: Vec<Fixture<DB>>,
}

impl Tenants {
    /// An empty place to connect to, and two others with the tables.
    pub(super) async fn new(tables: &[&Ddl]) -> Self {
        let db = Fixture::<DB>::new(&Ddl::NONE).await;
        let mut places = Vec::new();
        let mut names = Vec::new();
        for tenant in ["tenant_a", "tenant_b"] {
            if DB::DIALECT == Dialect::Sqlite {
                db.execute(&format!("ATTACH ':memory:' AS {tenant}")).await;
                for ddl in tables {
                    db.execute(&ddl.sqlite.replace("CREATE TABLE ", &format!("CREATE TABLE {tenant}.")))
                        .await;
                }
                names.push(tenant.to_owned());
                continue;
            }
            let place = Fixture::<DB>::new(&Ddl::NONE).await;
            for ddl in tables {
                place.execute(<DB as kysera_tests::TestBackend>::pick(ddl)).await;
            }
            let which = match DB::DIALECT {
                Dialect::MySql => "SELECT DATABASE()",
                _ => "SELECT current_schema()::text",
            };
            names.push(place.scalar::<String>(which).await);
            places.push(place);
        }
        Self { db, names: names.try_into().unwrap(), _places: places }
    }

    pub(super) fn each(&self) -> [Db<DB>; 2] {
        self.names.each_ref().map(|name| self.db.source().in_schema(name).unwrap())
    }
}

/// Every method of a repository and every end of a query. `tag` tells the tenants' rows apart.
async fn everything<S: Writable<Database = DB, Context = ()>>(source: &S, tag: &str) {
    let users = User::repo(source);
    let email = |name: &str| format!("{name}@{tag}");

    let ada = users.create(user(email("ada"), "Ada")).await.unwrap();
    let grace = users.create(NewUser { role: Some(1), ..user(email("grace"), "Grace") }).await.unwrap();
    let many = users
        .create_many([
            user(email("c"), "C"),
            NewUser { role: Some(2), ..user(email("d"), "D") },
            user(email("e"), "E"),
        ])
        .await
        .unwrap();
    assert_eq!(many.iter().map(|user| user.role).collect::<Vec<_>>(), [7, 2, 7]);
    assert_eq!(users.insert_many([user(email("f"), "F"), user(email("g"), "G")]).await.unwrap(), 2);

    assert_eq!(users.find_by_id(ada.id).await.unwrap().as_ref(), Some(&ada));
    assert_eq!(users.get(grace.id).await.unwrap(), grace);
    assert_eq!(users.find_by_ids([grace.id, ada.id]).await.unwrap(), [grace.clone(), ada.clone()]);
    assert!(users.exists(ada.id).await.unwrap());
    assert_eq!(users.count().await.unwrap(), 7);
    let all = users.find_all().await.unwrap();
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|user| user.email.ends_with(tag)));

    assert_eq!(
        users.update(ada.id, UserPatch::new().bio("Countess")).await.unwrap().bio.as_deref(),
        Some("Countess")
    );
    assert_eq!(users.update(grace.id, UserPatch::new()).await.unwrap(), grace);
    let patches = [
        (ada.id, UserPatch::new().name("Ada L.")),
        (many[0].id, UserPatch::new().name("C C")),
        (many[1].id, UserPatch::new().role(5)),
        (many[2].id, UserPatch::new()),
    ];
    let updated = users.update_many(patches).await.unwrap();
    assert_eq!(
        updated.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(),
        ["Ada L.", "C C", "D", "E"]
    );
    let missing =
        users.update_many([(ada.id, UserPatch::new().role(1)), (-1, UserPatch::new().role(1))]).await;
    assert!(missing.unwrap_err().is_not_found());

    assert_eq!(users.upsert(user(email("ada"), "upserted"), User::EMAIL).await.unwrap().id, ada.id);
    let kept = users.upsert(user(email("ada"), "kept"), Conflict::on(User::EMAIL).keep()).await.unwrap();
    assert_eq!(kept.name, "upserted");
    let upserted =
        users.upsert_many([user(email("ada"), "again"), user(email("h"), "H")], User::EMAIL).await.unwrap();
    assert_eq!((upserted[0].id, upserted[1].name.as_str()), (ada.id, "H"));

    let patch = || UserPatch::new().bio(None);
    let moved = users.transition(ada.id, User::ROLE, 7, 8, patch()).await.unwrap().unwrap();
    assert_eq!((moved.role, moved.bio), (8, None));
    assert_eq!(users.transition(ada.id, User::ROLE, 7, 8, patch()).await.unwrap(), None);

    let named = |name: &str| users.find().filter(User::NAME.eq(name));
    assert_eq!(named("again").all().await.unwrap().len(), 1);
    assert_eq!(named("again").first().await.unwrap().unwrap().id, ada.id);
    assert_eq!(named("again").one().await.unwrap().id, ada.id);
    let streamed: Vec<User> = users.find().order_by(User::ID.asc()).stream().try_collect().await.unwrap();
    assert_eq!(streamed.len(), 8);
    assert_eq!(
        users.find().filter(User::ROLE.gt(1)).order_by(User::ID.desc()).limit(2).all().await.unwrap().len(),
        2
    );
    assert_eq!(named("again").count().await.unwrap(), 1);
    assert!(named("again").exists().await.unwrap());
    assert_eq!(named("G").update(UserPatch::new().role(9)).await.unwrap(), 1);
    assert_eq!(named("G").set(User::ROLE, User::ROLE.plus(1)).patch(patch()).execute().await.unwrap(), 1);
    assert_eq!(named("G").one().await.unwrap().role, 10);
    assert_eq!(named("F").delete().await.unwrap(), 1);
}

/// Keys of several columns, given ones, and unique keys of several columns.
async fn other_keys<S: Writable<Database = DB, Context = ()>>(source: &S) {
    let members = Member::repo(source);
    members.create_many([member(1, "a", 1), member(1, "b", 2)]).await.unwrap();
    let ids = [(1, "b".to_owned()), (1, "a".to_owned())];
    assert_eq!(members.find_by_ids(ids.clone()).await.unwrap().len(), 2);
    let patches = ids.clone().map(|id| (id, MemberPatch::new().level(5)));
    assert_eq!(members.update_many(patches).await.unwrap().len(), 2);
    let again = members.upsert(member(1, "a", 9), (Member::ORG, Member::USER)).await.unwrap();
    assert_eq!(again.level, 9);
    assert_eq!(members.delete_many(ids).await.unwrap(), 2);

    let tags = Tag::repo(source);
    tags.create(tag("rust", "Rust")).await.unwrap();
    // Found by another spelling of its key where the collation says so, which takes a statement more.
    let found = tags.find_by_ids(["rust", "RUST"]).await.unwrap();
    assert_eq!(found.first().map(|tag| tag.label.as_str()), Some("Rust"));
    assert_eq!(tags.upsert_many([tag("rust", "R"), tag("go", "Go")], Tag::SLUG).await.unwrap().len(), 2);
    assert!(tags.delete("go").await.unwrap());

    let seats = Seat::repo(source);
    seats.create(seat(1, "a", "c1")).await.unwrap();
}

/// What is behind the other two: names of tables and columns.
async fn violations<S: Writable<Database = DB, Context = ()>>(source: &S, tag: &str) {
    let users = User::repo(source);
    let taken = users.create(user(format!("ada@{tag}"), "x")).await.unwrap_err();
    let violation = taken.violation().unwrap();
    assert_eq!((violation.entity(), violation.table()), (Some("User"), Some("users")));
    assert_eq!(violation.columns(), ["email"]);
    assert!(taken.is_unique_violation_of(User::EMAIL));

    let seats = Seat::repo(source);
    let clash = seats.upsert(seat(2, "b", "c1"), (Seat::ROOM, Seat::PLACE)).await.unwrap_err();
    assert!(clash.is_unique_violation_of(Seat::CODE), "{clash:?}");
    let clash = seats.upsert_many([seat(2, "b", "c1"), seat(3, "b", "c3")], (Seat::ROOM, Seat::PLACE)).await;
    assert!(clash.unwrap_err().is_unique_violation_of(Seat::CODE));
}

const ALL: [&Ddl; 4] = [&USERS, &MEMBERS, &TAGS, &SEATS];

#[tokio::test]
async fn tenants_do_not_meet() {
    let tenants = Tenants::new(&ALL).await;
    let [a, b] = tenants.each();
    everything(&a, "a").await;
    other_keys(&a).await;
    violations(&a, "a").await;
    assert_eq!(User::repo(&b).count().await.unwrap(), 0);
    everything(&b, "b").await;
    other_keys(&b).await;
    violations(&b, "b").await;
    for (source, tag) in [(&a, "@a"), (&b, "@b")] {
        let all = User::repo(source).find_all().await.unwrap();
        assert_eq!(all.len(), 7);
        assert!(all.iter().all(|user| user.email.ends_with(tag)), "{all:?}");
    }
    // The source that they were made of stays as it was, and has no tables. (SQLite looks into what is attached.)
    let plain = User::repo(tenants.db.source()).count().await;
    assert_eq!(plain.is_ok(), DB::DIALECT == Dialect::Sqlite);

    let id = User::repo(&a).find().first().await.unwrap().unwrap().id;
    assert!(User::repo(&a).delete(id).await.unwrap());
    assert_eq!(User::repo(&a).count().await.unwrap(), 6);
    assert_eq!(User::repo(&b).count().await.unwrap(), 7);
}

#[tokio::test]
async fn transactions_and_connections_inherit_the_schema() {
    let tenants = Tenants::new(&ALL).await;
    let [a, b] = tenants.each();
    let tx = a.begin().await.unwrap();
    everything(&tx, "a").await;
    other_keys(&tx).await;
    // The other tenant in the same transaction.
    let other = tx.in_schema(&tenants.names[1]).unwrap();
    assert_eq!(User::repo(&other).count().await.unwrap(), 0);
    User::repo(&other).create(user("x@b", "X")).await.unwrap();
    drop(other);
    assert_eq!(User::repo(&tx).count().await.unwrap(), 7);
    tx.commit().await.unwrap();
    assert_eq!(User::repo(&b).find_all().await.unwrap()[0].email, "x@b");

    let tx = a.begin().await.unwrap();
    let savepoint = tx
        .transaction(|tx| async move {
            User::repo(&tx).create(user("y@a", "Y")).await?;
            Err::<(), _>(Error::other("no"))
        })
        .await;
    assert!(savepoint.is_err());
    assert_eq!(User::repo(&tx).count().await.unwrap(), 7);
    // Dropped while another handle lives: it is rolled back with the last one.
    let other = tx.in_schema(&tenants.names[1]).unwrap();
    User::repo(&tx).create(user("z@a", "Z")).await.unwrap();
    drop(tx);
    User::repo(&other).create(user("z@b", "Z")).await.unwrap();
    drop(other);
    assert_eq!(User::repo(&a).count().await.unwrap(), 7);
    assert_eq!(User::repo(&b).count().await.unwrap(), 1);

    let conn = b.acquire().await.unwrap();
    User::repo(&conn).delete_many([1]).await.unwrap();
    everything(&conn, "b").await;
    drop(conn);
    let replica = ReadOnly::new(b.clone());
    assert_eq!(User::repo(&replica).find_all().await.unwrap().len(), 7);
    assert_eq!(User::repo(&replica.clone()).find().filter(User::EMAIL.eq("ada@b")).count().await.unwrap(), 1);
    let with_context = b.clone().with_context("someone");
    assert_eq!(User::repo(&with_context).count().await.unwrap(), 7);
}

#[tokio::test]
async fn more_rows_than_a_statement_takes_stay_in_their_schema() {
    let tenants = Tenants::new(&[&USERS]).await;
    let [a, b] = tenants.each();
    let users = User::repo(&a);
    let created = users.create_many(crowd(1500)).await.unwrap();
    assert_eq!(users.find_by_ids(created.iter().map(|user| user.id)).await.unwrap(), created);
    let patches = created.iter().map(|user| (user.id, UserPatch::new().name("x")));
    assert_eq!(users.update_many(patches).await.unwrap().len(), 1500);
    assert_eq!(users.delete_many(created.iter().map(|user| user.id)).await.unwrap(), 1500);
    assert_eq!(users.insert_many(crowd(1500)).await.unwrap(), 1500);
    assert_eq!(User::repo(&b).count().await.unwrap(), 0);
}

/// There is such a table on both servers.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(schema = "information_schema", table = "schemata")]
struct Schema {
    #[kysera(id, assigned, rename = "schema_name")]
    name: String,
}

#[tokio::test]
async fn a_struct_with_a_schema_of_its_own_stays_there() {
    let tenants = Tenants::new(&[&USERS]).await;
    if DB::DIALECT == Dialect::Sqlite {
        tenants
            .db
            .execute(
                "ATTACH ':memory:' AS information_schema; CREATE TABLE information_schema.schemata (schema_name TEXT);
                INSERT INTO information_schema.schemata VALUES ('tenant_a'), ('tenant_b')",
            )
            .await;
    }
    let [a, _] = tenants.each();
    let schemas = Schema::repo(&a);
    for name in &tenants.names {
        assert_eq!(schemas.get(name).await.unwrap().name, *name);
        assert_eq!(schemas.find().filter(Schema::NAME.eq(name)).count().await.unwrap(), 1);
    }
    assert!(schemas.count().await.unwrap() >= 2);
    assert_eq!(schemas.find_by_ids(&tenants.names).await.unwrap().len(), 2);
}

#[tokio::test]
async fn names_that_are_no_names_are_refused() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let long = "a".repeat(64);
    for name in [
        "",
        " ",
        "a b",
        "a.b",
        "a\"b",
        "a`b",
        "a'b",
        "a;b",
        "a\0b",
        "a-b",
        "7a",
        "$a",
        "ä",
        "a\n",
        "a/*",
        &long,
        "public\" CASCADE; --",
    ] {
        let error = db.source().in_schema(name).unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequest, "{name:?}");
        assert!(
            name.is_empty() || name == " " || name == "$a" || !error.to_string().contains(name),
            "{error}"
        );
    }
    for name in ["a", "_", "A_b$9", "tenant_7", &long[1..]] {
        assert!(db.source().in_schema(name).is_ok(), "{name:?}");
    }
    let tx = db.source().begin().await.unwrap();
    assert_eq!(tx.in_schema("a b").unwrap_err().code(), ErrorCode::BadRequest);
    // A schema that is not there is seen by the first statement.
    let nowhere = db.source().in_schema("kysera_no_such_schema").unwrap();
    drop(tx);
    assert!(User::repo(&nowhere).count().await.is_err());
}
