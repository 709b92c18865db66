//! The audit log: which entries are written, and what is in them.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kysera::plugin::{AuditEntry, AuditTable, Operation};
use kysera::prelude::*;
use kysera::{Actor, Clock, Conflict, Error, ErrorCode};
use kysera_tests::{Ddl, Fixture};
use serde_json::{Value, json};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "members")]
#[kysera::plugin(soft_delete, timestamps, version, audit)]
pub struct Member {
    #[kysera(id)]
    pub id: i64,
    #[kysera(unique)]
    pub email: String,
    #[kysera(sensitive)]
    pub password: String,
    pub bio: Option<String>,
    pub version: i32,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
}

pub const MEMBERS: Ddl = Ddl {
    postgres: "CREATE TABLE members (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email TEXT NOT NULL UNIQUE CHECK (email <> 'forbidden'),
        password TEXT NOT NULL, bio TEXT, version INTEGER NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
        deleted_at BIGINT)",
    mysql: "CREATE TABLE members (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE CHECK (email <> 'forbidden'),
        password VARCHAR(100) NOT NULL, bio TEXT, version INTEGER NOT NULL, created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL, deleted_at BIGINT)",
    sqlite: "CREATE TABLE members (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE CHECK (email <> 'forbidden'), password TEXT NOT NULL, bio TEXT,
        version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, deleted_at INTEGER)",
};

pub fn member(name: &str) -> NewMember {
    NewMember { email: format!("{name}@x"), password: format!("secret of {name}"), bio: None }
}

/// Who acts, and in which request.
#[derive(Debug, Clone)]
pub struct Principal(pub &'static str, pub i64);

impl Actor for Principal {
    fn actor(&self) -> Option<Cow<'_, str>> {
        Some(self.0.into())
    }

    fn metadata(&self) -> Option<Value> {
        Some(json!({ "request": self.1, "a": [1.5, null, "ä"] }))
    }
}

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The database at a time.
pub fn source_at(db: &Fixture<DB>, seconds: u64) -> Db<DB> {
    db.source().clone().with_clock(Clock::fixed(at(seconds)))
}

pub async fn fixture() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    AuditTable::of::<Member>().create(db.source()).await.unwrap();
    db
}

/// All entries, the oldest first.
pub async fn entries(db: &Fixture<DB>) -> Vec<AuditEntry> {
    AuditTable::of::<Member>().entries(db.source()).order_by(AuditEntry::ID.asc()).all().await.unwrap()
}

/// What was added since there were so many.
pub async fn since(db: &Fixture<DB>, seen: &mut usize) -> Vec<AuditEntry> {
    let mut all = entries(db).await;
    let new = all.split_off(*seen);
    *seen += new.len();
    new
}

/// How a row of `members` looks in the log.
fn values(member: &Member) -> Value {
    json!({
        "id": member.id, "email": member.email, "password": "***", "bio": member.bio, "version": member.version,
        "created_at": member.created_at, "updated_at": member.updated_at, "deleted_at": member.deleted_at,
    })
}

/// What an entry says: operation, key, both sides, what changed.
type Line = (Operation, String, Option<Value>, Option<Value>, Option<Vec<String>>);

fn line(entry: &AuditEntry) -> Line {
    let AuditEntry { operation, entity_id, old_values, new_values, changed_columns, .. } = entry.clone();
    (operation, entity_id, old_values.map(|v| v.0), new_values.map(|v| v.0), changed_columns.map(|v| v.0))
}

fn created(row: &Member) -> Line {
    (Operation::Create, row.id.to_string(), None, Some(values(row)), None)
}

fn changed(operation: Operation, old: &Member, new: &Member, columns: &[&str]) -> Line {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    (operation, old.id.to_string(), Some(values(old)), Some(values(new)), Some(columns))
}

fn removed(operation: Operation, row: &Member) -> Line {
    (operation, row.id.to_string(), Some(values(row)), None, None)
}

fn lines(entries: &[AuditEntry]) -> Vec<Line> {
    entries.iter().map(line).collect()
}

const UPDATED: &[&str] = &["bio", "updated_at", "version"];

#[tokio::test]
async fn every_operation_on_one_row_is_written_down() {
    let db = fixture().await;
    let mut seen = 0;
    let members = |seconds| Member::repo(source_at(&db, seconds).with_context(Principal("ada", 7)));

    let one = members(100).create(member("one")).await.unwrap();
    let entry = since(&db, &mut seen).await.remove(0);
    assert_eq!(line(&entry), created(&one));
    assert_eq!(entry.table_name, "members");
    assert_eq!(entry.actor.as_deref(), Some("ada"));
    assert_eq!(entry.metadata.map(|json| json.0), Principal("ada", 7).metadata());
    assert_eq!(SystemTime::from(entry.changed_at), at(100));
    assert_eq!(entry.hash, None);

    let two = members(200).update(one.id, MemberPatch::new().bio("b")).await.unwrap();
    let entry = since(&db, &mut seen).await.remove(0);
    assert_eq!(line(&entry), changed(Operation::Update, &one, &two, UPDATED));
    assert_eq!(SystemTime::from(entry.changed_at), at(200));

    // The password is covered, but that it changed is known.
    let three = members(300).update_at(one.id, 2, MemberPatch::new().password("other")).await.unwrap();
    let line = |entries: Vec<AuditEntry>| lines(&entries);
    assert_eq!(
        line(since(&db, &mut seen).await),
        [changed(Operation::Update, &two, &three, &["password", "updated_at", "version"])]
    );

    let four =
        members(400).transition(one.id, Member::BIO, "b", "c", MemberPatch::new()).await.unwrap().unwrap();
    assert_eq!(line(since(&db, &mut seen).await), [changed(Operation::Update, &three, &four, UPDATED)]);

    let mut mine = four.clone();
    mine.bio = None;
    let five = members(500).save(&mine).await.unwrap();
    assert_eq!(line(since(&db, &mut seen).await), [changed(Operation::Update, &four, &five, UPDATED)]);

    let six = members(600).touch(one.id).await.unwrap();
    assert_eq!(
        line(since(&db, &mut seen).await),
        [changed(Operation::Update, &five, &six, &["updated_at", "version"])]
    );

    let new = NewMember { bio: Some("u".into()), ..member("one") };
    let mut seven = members(700).upsert(new, Conflict::on(Member::EMAIL).update(Member::BIO)).await.unwrap();
    let upserted = line(since(&db, &mut seen).await);
    assert_eq!(upserted, [changed(Operation::Update, &six, &seven, UPDATED)]);

    let new = NewMember { bio: Some("new".into()), ..member("upserted") };
    let other = members(710).upsert(new, Member::EMAIL).await.unwrap();
    assert_eq!(line(since(&db, &mut seen).await), [created(&other)]);

    assert!(members(800).delete(one.id).await.unwrap());
    let eight = members(800).find().with_deleted().filter(Member::ID.eq(one.id)).one().await.unwrap();
    assert_eq!(eight.deleted_at, Some(800));
    assert_eq!(
        line(since(&db, &mut seen).await),
        [changed(Operation::Delete, &seven, &eight, &["deleted_at", "version"])]
    );

    seven = members(900).restore(one.id).await.unwrap();
    assert_eq!(
        line(since(&db, &mut seen).await),
        [changed(Operation::Restore, &eight, &seven, &["deleted_at", "updated_at", "version"])]
    );

    assert!(members(1000).purge(one.id).await.unwrap());
    assert_eq!(line(since(&db, &mut seen).await), [removed(Operation::Purge, &seven)]);
}

#[tokio::test]
async fn operations_on_many_rows_are_written_down_row_by_row() {
    let db = fixture().await;
    let mut seen = 0;
    let members = |seconds| Member::repo(source_at(&db, seconds).with_context(Principal("ada", 7)));
    let all = || async {
        let repo = Member::repo(db.source());
        repo.find().with_deleted().order_by(Member::ID.asc()).all().await.unwrap()
    };
    let sorted = |entries: Vec<AuditEntry>| {
        let mut entries = lines(&entries);
        entries.sort_by_key(|line| line.1.parse::<i64>().unwrap());
        entries
    };

    let rows = members(1).create_many([member("a"), member("b"), member("c")]).await.unwrap();
    assert_eq!(lines(&since(&db, &mut seen).await), rows.iter().map(created).collect::<Vec<_>>());
    members(2).insert_many([member("d"), member("e")]).await.unwrap();
    let rows = all().await;
    assert_eq!(sorted(since(&db, &mut seen).await), rows[3..].iter().map(created).collect::<Vec<_>>());

    let both = |operation, old: &[Member], new: &[Member], columns: &[&str]| -> Vec<Line> {
        old.iter().zip(new).map(|(old, new)| changed(operation, old, new, columns)).collect()
    };
    let patches = rows[..2].iter().map(|row| (row.id, MemberPatch::new().bio(format!("bio {}", row.id))));
    members(3).update_many(patches.collect::<Vec<_>>()).await.unwrap();
    let now = all().await;
    assert_eq!(sorted(since(&db, &mut seen).await), both(Operation::Update, &rows[..2], &now[..2], UPDATED));

    let rows = now;
    assert_eq!(
        members(4)
            .find()
            .filter(Member::ID.ge(rows[2].id))
            .update(MemberPatch::new().bio("x"))
            .await
            .unwrap(),
        3
    );
    let now = all().await;
    assert_eq!(sorted(since(&db, &mut seen).await), both(Operation::Update, &rows[2..], &now[2..], UPDATED));

    let rows = now;
    let set =
        members(5).find().filter(Member::BIO.eq("x")).set(Member::BIO, Member::EMAIL.upper()).execute().await;
    assert_eq!(set.unwrap(), 3);
    let now = all().await;
    assert_eq!(now[4].bio.as_deref(), Some("E@X"));
    assert_eq!(sorted(since(&db, &mut seen).await), both(Operation::Update, &rows[2..], &now[2..], UPDATED));

    let rows = now;
    members(6)
        .upsert_many([member("e"), member("f"), member("a")], Conflict::on(Member::EMAIL).update(Member::BIO))
        .await
        .unwrap();
    let now = all().await;
    assert_eq!(
        sorted(since(&db, &mut seen).await),
        [
            changed(Operation::Update, &rows[0], &now[0], UPDATED),
            changed(Operation::Update, &rows[4], &now[4], UPDATED),
            created(&now[5]),
        ]
    );

    let rows = now;
    assert_eq!(members(7).delete_many([rows[0].id, rows[1].id, 999]).await.unwrap(), 2);
    assert_eq!(members(7).find().filter(Member::ID.eq(rows[2].id)).delete().await.unwrap(), 1);
    let now = all().await;
    let marked = &["deleted_at", "version"];
    assert_eq!(sorted(since(&db, &mut seen).await), both(Operation::Delete, &rows[..3], &now[..3], marked));

    let rows = now;
    assert_eq!(members(8).restore_many([rows[0].id, rows[3].id]).await.unwrap(), 1);
    assert_eq!(
        members(8).find().only_deleted().filter(Member::ID.eq(rows[1].id)).restore().await.unwrap(),
        1
    );
    let now = all().await;
    let live = &["deleted_at", "updated_at", "version"];
    assert_eq!(sorted(since(&db, &mut seen).await), both(Operation::Restore, &rows[..2], &now[..2], live));

    let rows = now;
    assert_eq!(members(9).purge_many([rows[0].id, rows[2].id, 999]).await.unwrap(), 2);
    assert_eq!(members(9).find().filter(Member::ID.eq(rows[1].id)).purge().await.unwrap(), 1);
    let gone: Vec<_> = rows[..3].iter().map(|row| removed(Operation::Purge, row)).collect();
    assert_eq!(sorted(since(&db, &mut seen).await), gone);
    assert_eq!(seen, 3 + 2 + 2 + 3 + 3 + 3 + 3 + 2 + 3);
}

#[tokio::test]
async fn what_did_not_happen_is_not_written_down() {
    let db = fixture().await;
    let members = Member::repo(source_at(&db, 1));
    let one = members.create(member("one")).await.unwrap();
    let two = members.create(member("two")).await.unwrap();
    let mut seen = 0;
    since(&db, &mut seen).await;

    // There is no such row.
    assert!(members.update(99, MemberPatch::new().bio("x")).await.is_err());
    assert!(!members.delete(99).await.unwrap());
    assert!(!members.purge(99).await.unwrap());
    assert!(members.restore(99).await.is_err());
    assert!(members.restore(one.id).await.is_err());
    assert!(members.update_at(one.id, 9, MemberPatch::new().bio("x")).await.is_err());
    assert!(
        members
            .update_many([(one.id, MemberPatch::new().bio("x")), (99, MemberPatch::new().bio("x"))])
            .await
            .is_err()
    );
    assert_eq!(
        members.find().filter(Member::ID.eq(99)).update(MemberPatch::new().bio("x")).await.unwrap(),
        0
    );
    assert!(members.transition(one.id, Member::BIO, "no", "x", MemberPatch::new()).await.unwrap().is_none());
    // Nothing is asked for.
    members.update(one.id, MemberPatch::new()).await.unwrap();
    members.upsert(member("one"), Conflict::on(Member::EMAIL).keep()).await.unwrap();
    members.update_many([(one.id, MemberPatch::new())]).await.unwrap();
    // It is refused.
    assert_eq!(members.create(member("one")).await.unwrap_err().code(), ErrorCode::UniqueViolation);
    let many = members.create_many([member("three"), member("one")]).await;
    assert_eq!(many.unwrap_err().code(), ErrorCode::UniqueViolation);
    let check = members.update(one.id, MemberPatch::new().email("forbidden")).await;
    assert_eq!(check.unwrap_err().code(), ErrorCode::CheckViolation);
    let taken = members.find().filter(Member::ID.eq(two.id)).update(MemberPatch::new().email("one@x")).await;
    assert_eq!(taken.unwrap_err().code(), ErrorCode::UniqueViolation);
    // It is rolled back.
    let rolled_back = source_at(&db, 2)
        .transaction(|tx| async move {
            let members = Member::repo(&tx);
            members.create(member("four")).await?;
            members.update(one.id, MemberPatch::new().bio("x")).await?;
            members.delete(two.id).await?;
            Err::<(), _>(Error::other("no"))
        })
        .await;
    assert!(rolled_back.is_err());
    assert_eq!(since(&db, &mut seen).await, []);

    // A savepoint is undone, what is around it is kept.
    source_at(&db, 3)
        .transaction(|tx| async move {
            Member::repo(&tx).update(one.id, MemberPatch::new().bio("kept")).await?;
            let inner = tx.transaction(|tx| async move {
                Member::repo(&tx).update(one.id, MemberPatch::new().bio("undone")).await?;
                Err::<(), _>(Error::other("no"))
            });
            assert!(inner.await.is_err());
            Member::repo(&tx).update(two.id, MemberPatch::new().bio("kept")).await?;
            Ok(())
        })
        .await
        .unwrap();
    let kept = since(&db, &mut seen).await;
    assert_eq!(
        kept.iter().map(|entry| entry.entity_id.parse().unwrap()).collect::<Vec<i64>>(),
        [one.id, two.id]
    );
    assert!(kept.iter().all(|entry| entry.new_value("bio") == Some(&json!("kept"))));
}

/// Without a version and a time, an update may change nothing.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "tags")]
#[kysera::plugin(audit)]
pub struct Tag {
    #[kysera(id, assigned)]
    pub name: String,
    pub uses: i64,
}

pub const TAGS: Ddl = Ddl {
    postgres: "CREATE TABLE tags (name TEXT PRIMARY KEY, uses BIGINT NOT NULL)",
    mysql: "CREATE TABLE tags (name VARCHAR(100) PRIMARY KEY, uses BIGINT NOT NULL)",
    sqlite: "CREATE TABLE tags (name TEXT PRIMARY KEY, uses INTEGER NOT NULL)",
};

#[tokio::test]
async fn an_update_that_changes_nothing_has_no_entry() {
    let db = Fixture::<DB>::new(&TAGS).await;
    AuditTable::of::<Tag>().create(db.source()).await.unwrap();
    let tags = Tag::repo(db.source());
    let name = "it's \"odd\" \\ % ä 日本";
    tags.create_many([NewTag { name: name.into(), uses: 1 }, NewTag { name: "b".into(), uses: 2 }])
        .await
        .unwrap();
    assert_eq!(tags.update(name, TagPatch::new().uses(1)).await.unwrap().uses, 1);
    // Of several rows, those that it changes have one.
    assert_eq!(tags.find().update(TagPatch::new().uses(2)).await.unwrap(), 2);
    let same = tags.upsert(NewTag { name: "b".into(), uses: 2 }, Tag::NAME).await.unwrap();
    assert_eq!(same.uses, 2);
    let log = entries(&db).await;
    assert_eq!(
        log.iter().map(|entry| entry.operation.as_str()).collect::<Vec<_>>(),
        ["create", "create", "update"]
    );
    assert_eq!((&*log[0].entity_id, &*log[2].entity_id), (name, name));
    assert_eq!(log[0].new_value("name"), Some(&json!(name)));
    assert!(log[2].has_changed("uses") && !log[2].has_changed("name"));

    // Without `soft_delete`, rows are removed.
    assert!(tags.delete(name).await.unwrap());
    let log = entries(&db).await;
    assert_eq!((log[3].operation, &log[3].new_values), (Operation::Delete, &None));
    assert_eq!(log[3].old_value("uses"), Some(&json!(2)));
}

#[tokio::test]
async fn who_acts_is_the_context_of_each_source() {
    let db = fixture().await;
    let create = async |source: Db<DB>, name: &str| Member::repo(source).create(member(name)).await.map(drop);
    create(db.source().clone(), "none").await.unwrap();
    Member::repo(db.source().clone().with_context(Principal("ada", 1))).create(member("ada")).await.unwrap();
    let tx = db.source().clone().with_context(Principal("bob", 2)).begin().await.unwrap();
    Member::repo(&tx).find().update(MemberPatch::new().bio("x")).await.unwrap();
    tx.commit().await.unwrap();
    Member::repo(db.source().unrestricted("nightly")).find().delete().await.unwrap();
    let actors: Vec<_> = entries(&db).await.into_iter().map(|entry| entry.actor).collect();
    let [ada, bob] = ["ada", "bob"].map(|name| Some(name.to_owned()));
    assert_eq!(actors, [None, ada, bob.clone(), bob, None, None]);
    let reasons: Vec<_> = entries(&db).await.into_iter().map(|entry| entry.metadata).collect();
    assert_eq!(reasons[0], None);
    assert!(reasons[5].as_ref().unwrap().0.to_string().contains("nightly"), "{reasons:?}");
}

/// Its posts are deleted along, and only they are audited.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "authors", has_many(posts = Post::AUTHOR_ID))]
#[kysera::plugin(soft_delete(cascade = [Author::POSTS]))]
struct Author {
    #[kysera(id)]
    id: i64,
    deleted_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "posts")]
#[kysera::plugin(soft_delete, audit)]
struct Post {
    #[kysera(id)]
    id: i64,
    author_id: i64,
    deleted_at: Option<i64>,
}

const POSTS: Ddl = Ddl {
    postgres: "CREATE TABLE authors (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, deleted_at BIGINT);
        CREATE TABLE posts (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id BIGINT NOT NULL, deleted_at BIGINT)",
    mysql: "CREATE TABLE authors (id BIGINT AUTO_INCREMENT PRIMARY KEY, deleted_at BIGINT);
        CREATE TABLE posts (id BIGINT AUTO_INCREMENT PRIMARY KEY, author_id BIGINT NOT NULL, deleted_at BIGINT)",
    sqlite: "CREATE TABLE authors (id INTEGER PRIMARY KEY, deleted_at INTEGER);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, deleted_at INTEGER)",
};

#[tokio::test]
async fn rows_that_are_deleted_along_are_written_down() {
    let db = Fixture::<DB>::new(&POSTS).await;
    AuditTable::of::<Post>().create(db.source()).await.unwrap();
    let source = source_at(&db, 5).with_context(Principal("ada", 1));
    let author = Author::repo(&source).create(NewAuthor {}).await.unwrap();
    let posts = Post::repo(&source);
    let new = || NewPost { author_id: author.id };
    posts.insert_many([new(), new(), new()]).await.unwrap();
    posts.purge(posts.find().order_by(Post::ID.desc()).first().await.unwrap().unwrap().id).await.unwrap();
    assert!(Author::repo(&source).delete(author.id).await.unwrap());
    Author::repo(&source).restore(author.id).await.unwrap();
    let log = entries(&db).await;
    let operations: Vec<_> = log.iter().map(|entry| entry.operation.as_str()).collect();
    assert_eq!(operations, ["create", "create", "create", "purge", "delete", "delete", "restore", "restore"]);
    assert!(log.iter().all(|entry| entry.actor.as_deref() == Some("ada")));
    assert_eq!(log[4].new_value("deleted_at"), Some(&json!(5)));
    assert_eq!(log[6].new_value("deleted_at"), Some(&Value::Null));
}
