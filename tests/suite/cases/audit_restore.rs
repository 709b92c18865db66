//! Reading the audit log, and putting rows back to what it says.

use std::time::SystemTime;

use kysera::error::AuditError;
use kysera::plugin::{AuditEntry, AuditTable, Operation, Plugin, PluginContext};
use kysera::prelude::*;
use kysera::{Error, ErrorCode, Source};
use kysera_tests::{Ddl, Fixture};
use serde_json::{Value, json};

use super::audit::{
    MEMBERS, Member, MemberPatch, MemberRepository, NewTag, TAGS, Tag, TagPatch, TagRepository,
};
use super::audit::{Principal, at, entries, fixture, member, source_at};
use crate::DB;

fn ids(entries: &[AuditEntry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn the_history_of_a_row_is_a_query() {
    let db = fixture().await;
    // All at one time: numbers tell the order.
    let members = Member::repo(source_at(&db, 5));
    let one = members.create(member("one")).await.unwrap();
    let two = members.create(member("two")).await.unwrap();
    for n in 0..5 {
        members.update(one.id, MemberPatch::new().bio(format!("{n}"))).await.unwrap();
    }
    members.update(two.id, MemberPatch::new().bio("x")).await.unwrap();
    members.delete(one.id).await.unwrap();

    let history = members.history(one.id).all().await.unwrap();
    let operations: Vec<_> = history.iter().map(|entry| entry.operation.as_str()).collect();
    assert_eq!(operations, ["delete", "update", "update", "update", "update", "update", "create"]);
    assert!(history.is_sorted_by(|a, b| a.id > b.id));
    assert!(history.iter().all(|entry| SystemTime::from(entry.changed_at) == at(5)));
    let bios: Vec<_> = history[1..6].iter().map(|entry| entry.new_value("bio").unwrap().clone()).collect();
    assert_eq!(bios, [json!("4"), json!("3"), json!("2"), json!("1"), json!("0")]);
    assert_eq!(history[1].old_value("bio"), Some(&json!("3")));
    assert_eq!(history[1].old_value("no such column"), None);

    // What every query can do.
    assert_eq!(members.history(99).count().await.unwrap(), 0);
    assert_eq!(ids(&members.history(one.id).limit(2).all().await.unwrap()), ids(&history)[..2]);
    let updates = members.history(one.id).filter(AuditEntry::OPERATION.eq(Operation::Update));
    assert_eq!(updates.clone().count().await.unwrap(), 5);
    assert!(updates.exists().await.unwrap());
    let page = members.history(one.id).page(PageRequest::new(2, 3)).await.unwrap();
    assert_eq!((page.total, ids(&page.items)), (7, ids(&history)[3..6].to_vec()));

    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let keyset = Keyset::first(3).with_total().after(cursor);
        let page = members.audit_log().order_by(AuditEntry::CHANGED_AT.desc()).keyset(keyset).await.unwrap();
        assert_eq!(page.total, Some(9));
        seen.extend(ids(&page.items));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ids(&entries(&db).await));
    let names = members.audit_log().select(AuditEntry::TABLE_NAME).distinct().all().await.unwrap();
    assert_eq!(names, ["members"]);
}

#[tokio::test]
async fn changes_are_found_by_who_made_them() {
    let db = fixture().await;
    let ada = Member::repo(db.source().clone().with_context(Principal("ada", 1)));
    let bob = Member::repo(db.source().clone().with_context(Principal("bob", 1)));
    let one = ada.create(member("one")).await.unwrap();
    bob.update(one.id, MemberPatch::new().bio("x")).await.unwrap();
    ada.delete(one.id).await.unwrap();
    Member::repo(db.source()).restore(one.id).await.unwrap();
    let members = Member::repo(db.source());
    let by = |actor| members.changes_by(actor).all();
    let found: Vec<_> = by("ada").await.unwrap().iter().map(|entry| entry.operation).collect();
    assert_eq!(found, [Operation::Delete, Operation::Create]);
    assert_eq!(by("bob").await.unwrap().len(), 1);
    assert!(by("nobody").await.unwrap().is_empty());
    let of_request = AuditEntry::METADATA.json_number(["request"]).eq(1.0);
    assert_eq!(ada.audit_log().filter(of_request).count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_log_shows_each_repository_its_own_table() {
    let db = fixture().await;
    db.execute(<DB as kysera_tests::TestBackend>::pick(&TAGS)).await;
    let (members, tags) = (Member::repo(db.source()), Tag::repo(db.source()));
    members.create(member("one")).await.unwrap();
    tags.create(NewTag { name: "1".into(), uses: 0 }).await.unwrap();
    let log = entries(&db).await;
    assert_eq!((members.audit_log().count().await.unwrap(), tags.audit_log().count().await.unwrap()), (1, 1));
    assert_eq!(members.history(1).count().await.unwrap(), 1);
    assert_eq!(members.audit_entry(log[0].id).await.unwrap().as_ref(), Some(&log[0]));
    assert_eq!(members.audit_entry(log[1].id).await.unwrap(), None);
    assert_eq!(tags.audit_entry(99).await.unwrap(), None);
}

#[tokio::test]
async fn entries_are_written_by_kysera_alone() {
    let db = fixture().await;
    let members = Member::repo(db.source());
    members.create(member("one")).await.unwrap();
    let before = entries(&db).await;
    let refused = |error: Error| {
        assert_eq!(error.code(), ErrorCode::BadRequest, "{error}");
        assert!(error.to_string().contains("the audit log is written by kysera alone"), "{error}");
    };
    // The entries of a query are read, and nothing else.
    assert!(matches!(members.audit_log().delete().await, Err(Error::Protected { .. })));
    refused(AuditEntry::repo(db.source().unrestricted("a test")).delete(before[0].id).await.unwrap_err());
    refused(
        AuditEntry::repo(db.source().unrestricted("a test")).delete_many([before[0].id]).await.unwrap_err(),
    );
    refused(AuditEntry::repo(db.source().unrestricted("a test")).find().delete().await.unwrap_err());
    let bob = Some("bob".to_owned());
    let error = members.audit_log().set(AuditEntry::ACTOR, bob).execute().await.unwrap_err();
    assert_eq!(error.to_string(), "`actor` of AuditEntry is `read_only`: the database alone writes it");
    assert_eq!(entries(&db).await, before);
}

fn bio(text: &str) -> MemberPatch {
    MemberPatch::new().bio(text)
}

async fn last(db: &Fixture<DB>) -> AuditEntry {
    entries(db).await.pop().unwrap()
}

#[tokio::test]
async fn an_update_is_taken_back() {
    let db = fixture().await;
    let members = Member::repo(source_at(&db, 1));
    let one = members.create(member("one")).await.unwrap();
    let patch = MemberPatch::new().bio("x").email("other@x").password("new password");
    members.update(one.id, patch).await.unwrap();
    let entry = last(&db).await;
    members.update(one.id, bio("y")).await.unwrap();

    let later = Member::repo(source_at(&db, 9).with_context(Principal("ada", 1)));
    let restored = later.restore_from_audit(entry.id).await.unwrap();
    // What the log does not have stays as it is, and what plugins write goes on.
    let expected = Member { password: "new password".into(), version: 4, updated_at: 9, ..one.clone() };
    assert_eq!(restored, expected);
    assert_eq!(members.get(one.id).await.unwrap(), expected);
    let written = last(&db).await;
    assert_eq!(written.operation, Operation::Update);
    assert_eq!(written.actor.as_deref(), Some("ada"));
    assert_eq!(written.changed_columns.unwrap().0, ["bio", "email", "updated_at", "version"]);
    assert_eq!(written.old_values.unwrap()["bio"], json!("y"));
    assert_eq!(written.new_values.unwrap()["bio"], Value::Null);
}

#[tokio::test]
async fn what_was_deleted_comes_back() {
    let db = fixture().await;
    let members = Member::repo(source_at(&db, 1));
    let one = members.create(member("one")).await.unwrap();
    members.delete(one.id).await.unwrap();
    let deleted = last(&db).await;
    let restored = members.restore_from_audit(deleted.id).await.unwrap();
    assert_eq!(restored, Member { version: 3, ..one.clone() });
    assert_eq!(last(&db).await.operation, Operation::Restore);

    // The row is live: it is put back all the same.
    members.update(one.id, bio("x")).await.unwrap();
    assert_eq!(members.restore_from_audit(deleted.id).await.unwrap(), Member { version: 5, ..one.clone() });
    assert_eq!(last(&db).await.operation, Operation::Update);

    // A restore is taken back: it is deleted again, at the time of then.
    members.delete(one.id).await.unwrap();
    members.restore(one.id).await.unwrap();
    let entry = last(&db).await;
    let again = Member::repo(source_at(&db, 9)).restore_from_audit(entry.id).await.unwrap();
    assert_eq!((again.deleted_at, again.updated_at), (Some(1), 9));
    assert_eq!(last(&db).await.operation, Operation::Delete);
    assert_eq!(members.find_by_id(one.id).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_removed_is_created_again() {
    let db = Fixture::<DB>::new(&TAGS).await;
    AuditTable::of::<Tag>().create(db.source()).await.unwrap();
    let tags = Tag::repo(db.source());
    tags.create(NewTag { name: "a".into(), uses: 3 }).await.unwrap();
    tags.delete("a").await.unwrap();
    let entry = last(&db).await;
    let again = tags.restore_from_audit(entry.id).await.unwrap();
    assert_eq!(again, Tag { name: "a".into(), uses: 3 });
    let written = last(&db).await;
    assert_eq!((written.operation, &*written.entity_id), (Operation::Create, "a"));
    // The key is taken.
    let taken = tags.restore_from_audit(entry.id).await.unwrap_err();
    assert_eq!(taken.code(), ErrorCode::UniqueViolation, "{taken}");
    assert_eq!(last(&db).await, written);
}

/// A key that the database gives, and sensitive columns that a row can do without.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "keys")]
#[kysera::plugin(soft_delete, version, audit)]
struct ApiKey {
    #[kysera(id)]
    id: i64,
    #[kysera(sensitive)]
    token: Option<String>,
    #[kysera(sensitive, default)]
    pin: String,
    version: i64,
    #[kysera(read_only)]
    twice: i64,
    deleted: bool,
}

const KEYS: Ddl = Ddl {
    postgres: "CREATE TABLE keys (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, token TEXT, pin TEXT NOT NULL DEFAULT '0000',
        version BIGINT NOT NULL, twice BIGINT GENERATED ALWAYS AS (version * 2) STORED, deleted BOOLEAN NOT NULL)",
    mysql: "CREATE TABLE `keys` (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, token VARCHAR(20), pin VARCHAR(20) NOT NULL DEFAULT '0000',
        version BIGINT NOT NULL, twice BIGINT GENERATED ALWAYS AS (version * 2) STORED, deleted BOOLEAN NOT NULL)",
    sqlite: "CREATE TABLE keys (
        id INTEGER PRIMARY KEY, token TEXT, pin TEXT NOT NULL DEFAULT '0000',
        version INTEGER NOT NULL, twice INTEGER GENERATED ALWAYS AS (version * 2) STORED, deleted BOOLEAN NOT NULL)",
};

#[tokio::test]
async fn keys_come_back_and_secrets_do_not() {
    let db = Fixture::<DB>::new(&KEYS).await;
    AuditTable::of::<ApiKey>().create(db.source()).await.unwrap();
    let keys = ApiKey::repo(db.source());
    let key = keys.create(NewApiKey { token: Some("t".into()), pin: Some("1234".into()) }).await.unwrap();
    keys.delete(key.id).await.unwrap();
    keys.purge(key.id).await.unwrap();
    let log = entries(&db).await;
    let [_, deleted, purged] = &log[..] else { panic!("{log:?}") };
    assert_eq!(
        (deleted.old_value("token"), deleted.old_value("pin")),
        (Some(&json!("***")), Some(&json!("***")))
    );

    // As it was when it was purged: marked as deleted.
    let again = keys.restore_from_audit(purged.id).await.unwrap();
    let bare = ApiKey { token: None, pin: "0000".into(), version: 3, twice: 6, deleted: true, ..key.clone() };
    assert_eq!(again, bare);
    // And as it was before that.
    let live = keys.restore_from_audit(deleted.id).await.unwrap();
    assert_eq!(live, ApiKey { version: 4, twice: 8, deleted: false, ..bare });
    assert_eq!(last(&db).await.operation, Operation::Restore);
    // A deleted row that was purged meanwhile is created from the entry of either.
    keys.purge(key.id).await.unwrap();
    assert!(!keys.restore_from_audit(deleted.id).await.unwrap().deleted);
    assert!(entries(&db).await.iter().all(|entry| {
        let text = format!("{:?}{:?}", entry.old_values, entry.new_values);
        !text.contains("1234") && !text.contains("0000")
    }));
}

#[tokio::test]
async fn what_cannot_be_put_back_is_said() {
    let db = fixture().await;
    db.execute(<DB as kysera_tests::TestBackend>::pick(&TAGS)).await;
    let (members, tags) = (Member::repo(db.source()), Tag::repo(db.source()));
    tags.create(NewTag { name: "a".into(), uses: 0 }).await.unwrap();
    tags.delete("a").await.unwrap();
    let of_tag = last(&db).await.id;
    let one = members.create(member("one")).await.unwrap();
    let created = last(&db).await.id;
    members.update(one.id, bio("x")).await.unwrap();
    let updated = last(&db).await.id;
    members.update(one.id, MemberPatch::new().email("moved@x")).await.unwrap();
    let moved = last(&db).await.id;
    members.create(member("one")).await.unwrap();
    let before = entries(&db).await;

    let error = async |entry| members.restore_from_audit(entry).await.unwrap_err();
    for missing in [99_999, of_tag] {
        let error = error(missing).await;
        assert!(matches!(error, Error::NotFound { entity: "AuditEntry" }), "{error:?}");
    }
    let first = error(created).await;
    assert!(matches!(first, Error::Audit(AuditError::Created { entity: "Member" })), "{first:?}");
    assert_eq!(first.code(), ErrorCode::BadRequest);
    let taken = error(moved).await;
    assert!(taken.is_unique_violation_of(Member::EMAIL), "{taken:?}");
    assert_eq!(entries(&db).await, before);

    members.delete(one.id).await.unwrap();
    let deleted = error(updated).await;
    assert!(matches!(deleted, Error::Deleted { entity: "Member" }), "{deleted:?}");
    members.purge(one.id).await.unwrap();
    let purged = last(&db).await.id;
    let gone = error(updated).await;
    assert!(matches!(gone, Error::NotFound { entity: "Member" }), "{gone:?}");
    let secret = error(purged).await;
    let Error::Audit(AuditError::Sensitive { entity: "Member", column: "password" }) = secret else {
        panic!("{secret:?}")
    };
    let json = serde_json::to_value(&secret).unwrap();
    assert_eq!((&json["code"], &json["column"]), (&json!("RESOURCE_CONFLICT"), &json!("password")));
    assert_eq!(last(&db).await.id, purged);
}

#[tokio::test]
async fn an_entry_older_than_a_column_says_so() {
    let db = Fixture::<DB>::new(&TAGS).await;
    AuditTable::of::<Tag>().create(db.source()).await.unwrap();
    let tags = Tag::repo(db.source());
    db.execute(
        "INSERT INTO audit_logs (table_name, entity_id, operation, old_values, changed_at) VALUES
            ('tags', 'a', 'delete', '{\"name\": \"a\"}', '2020-01-01 00:00:00'),
            ('tags', 'b', 'delete', '[1]', '2020-01-01 00:00:00'),
            ('tags', 'c', 'delete', NULL, '2020-01-01 00:00:00'),
            ('tags', 'd', 'delete', '{\"name\": \"d\", \"uses\": \"many\", \"old\": 1}', '2020-01-01 00:00:00')",
    )
    .await;
    let ids: Vec<i64> = db.column("SELECT id FROM audit_logs ORDER BY id").await;
    let error = async |at: usize| tags.restore_from_audit(ids[at]).await.unwrap_err();
    assert!(matches!(error(0).await, Error::Audit(AuditError::NoColumn { entity: "Tag", column: "uses" })));
    assert!(matches!(error(1).await, Error::Audit(AuditError::Malformed { entity: "Tag" })));
    assert!(matches!(error(2).await, Error::Audit(AuditError::NoValues { entity: "Tag" })));
    // What is no value of the column, the database says, if it asks.
    if <DB as sqlx::Database>::NAME != "SQLite" {
        let misfit = error(3).await;
        assert!(!misfit.to_string().contains("many"), "{misfit}");
    }
}

#[tokio::test]
async fn a_row_is_what_it_was() {
    let db = Fixture::<DB>::new(&TAGS).await;
    AuditTable::of::<Tag>().create(db.source()).await.unwrap();
    let tags = |seconds| Tag::repo(source_at(&db, seconds));
    let is = async |seconds, uses: Option<i64>| {
        let expected = uses.map(|uses| Tag { name: "a".into(), uses });
        assert_eq!(tags(0).state_at("a", at(seconds)).await.unwrap(), expected, "at {seconds}");
        let values = tags(0).values_at("a", at(seconds)).await.unwrap();
        assert_eq!(values, uses.map(|uses| json!({ "name": "a", "uses": uses })));
    };
    is(1, None).await;
    tags(10).create(NewTag { name: "a".into(), uses: 1 }).await.unwrap();
    tags(20).update("a", TagPatch::new().uses(2)).await.unwrap();
    tags(20).update("a", TagPatch::new().uses(3)).await.unwrap();
    tags(30).delete("a").await.unwrap();
    tags(40).create(NewTag { name: "a".into(), uses: 4 }).await.unwrap();
    for (seconds, uses) in [(9, None), (10, Some(1)), (19, Some(1)), (20, Some(3)), (29, Some(3)), (30, None)]
    {
        is(seconds, uses).await;
    }
    is(39, None).await;
    is(1_000_000, Some(4)).await;
    assert_eq!(tags(0).state_at("b", at(50)).await.unwrap(), None);

    // A row that is older than the log: since when it was what the first entry says, nobody knows.
    db.execute("INSERT INTO tags VALUES ('b', 7)").await;
    tags(50).update("b", TagPatch::new().uses(8)).await.unwrap();
    for error in
        [tags(0).state_at("b", at(1)).await.unwrap_err(), tags(0).values_at("b", at(1)).await.unwrap_err()]
    {
        assert!(matches!(error, Error::Audit(AuditError::TooEarly { entity: "Tag" })), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_marked_as_deleted_was_not_there() {
    let db = Fixture::<DB>::new(&MEMBERS).await;
    AuditTable::of::<Member>().create(db.source()).await.unwrap();
    let members = |seconds| Member::repo(source_at(&db, seconds));
    let one = members(10).create(member("one")).await.unwrap();
    members(20).delete(one.id).await.unwrap();
    members(30).restore(one.id).await.unwrap();
    members(40).purge(one.id).await.unwrap();
    let mut there = Vec::new();
    for seconds in [5, 10, 20, 30, 40] {
        there.push(members(0).values_at(one.id, at(seconds)).await.unwrap().is_some());
    }
    assert_eq!(there, [false, true, false, true, false]);
    let error = members(0).state_at(one.id, at(10)).await.unwrap_err();
    assert!(matches!(error, Error::Audit(AuditError::Sensitive { column: "password", .. })), "{error:?}");
}

/// Tenants see their own rows.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "tags", context = Tenant)]
#[kysera::plugin(audit, OwnRows)]
struct TenantTag {
    #[kysera(id, assigned)]
    name: String,
    uses: i64,
}

struct Tenant(i64);

impl kysera::Actor for Tenant {
    fn actor(&self) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}

struct OwnRows;

impl Plugin<TenantTag> for OwnRows {
    const NAME: &'static str = "own_rows";
    const AFTER_WRITE: bool = false;

    fn scope(&self, cx: &PluginContext<'_>) -> kysera::Result<Option<Filter<TenantTag>>> {
        Ok(cx.context::<Tenant>().map(|tenant| TenantTag::USES.eq(tenant.0)))
    }
}

#[tokio::test]
async fn rows_that_may_not_be_seen_are_neither_put_back_nor_shown() {
    let db = Fixture::<DB>::new(&TAGS).await;
    AuditTable::of::<Tag>().create(db.source()).await.unwrap();
    let system = Tag::repo(source_at(&db, 1));
    system.create(NewTag { name: "a".into(), uses: 1 }).await.unwrap();
    system.update("a", TagPatch::new().uses(2)).await.unwrap();
    let entry = last(&db).await.id;
    let tenant = |tenant| TenantTag::repo(source_at(&db, 2).with_context(Tenant(tenant)));
    let error = tenant(1).restore_from_audit(entry).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { entity: "AuditEntry" }), "{error:?}");
    assert_eq!(tenant(1).state_at("a", at(1)).await.unwrap(), None);
    assert_eq!(tenant(2).state_at("a", at(1)).await.unwrap().unwrap().uses, 2);
    assert_eq!(tenant(2).restore_from_audit(entry).await.unwrap().uses, 1);
}

/// Compiles for every source.
#[allow(dead_code)]
async fn generic<S: Source<Database = DB> + Writable>(members: MemberRepository<S>, tags: TagRepository<S>) {
    let _ = members.audit_entry(1).await;
    let _ = tags.restore_from_audit(1).await;
    let _ = tags.history("a").all().await;
}
