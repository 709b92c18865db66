//! The audit log of sources that say where their tables are.

use kysera::plugin::{AuditEntry, AuditTable};
use kysera::prelude::*;

use super::audit::{MEMBERS, Member, MemberPatch, at, member};
use super::audit_stress::{COUNTERS, Chained, ChainedPatch, NewChained};
use super::schemas::Tenants;

/// One member with a history, in a log with its tenant's.
async fn write(source: &Db<crate::DB>, name: &str) -> i64 {
    AuditTable::of::<Member>().create(source).await.unwrap();
    let members = Member::repo(source);
    let one = members.create(member(name)).await.unwrap();
    members.update(one.id, MemberPatch::new().bio(name)).await.unwrap();
    members.update_many([(one.id, MemberPatch::new().email(format!("{name}@new")))]).await.unwrap();
    members.find().set(Member::BIO, Member::EMAIL.upper()).execute().await.unwrap();
    members.upsert(member(name), Member::EMAIL).await.unwrap();
    members.delete(one.id).await.unwrap();
    let deleted = members.history(one.id).first().await.unwrap().unwrap();
    members.restore_from_audit(deleted.id).await.unwrap();
    members.purge(one.id).await.unwrap();
    one.id
}

#[tokio::test]
async fn each_tenant_has_its_own_log() {
    let tenants = Tenants::new(&[&MEMBERS, &COUNTERS]).await;
    let [a, b] = tenants.each();
    let ids = [write(&a, "a").await, write(&b, "b").await];
    for ((source, id), name) in [&a, &b].into_iter().zip(ids).zip(["a", "b"]) {
        let members = Member::repo(source);
        let log =
            AuditTable::of::<Member>().entries(source).order_by(AuditEntry::ID.asc()).all().await.unwrap();
        let operations: Vec<_> = log.iter().map(|entry| entry.operation.as_str()).collect();
        let expected = ["create", "update", "update", "update", "create", "delete", "restore", "purge"];
        assert_eq!(operations, expected);
        assert!(log.iter().all(|entry| entry.table_name == "members"));
        assert!(log.iter().all(|entry| format!("{entry:?}").contains(&format!("{name}@"))), "{log:?}");
        assert_eq!(members.history(id).count().await.unwrap(), 7);
        let page =
            members.audit_log().order_by(AuditEntry::ID.asc()).page(PageRequest::new(2, 5)).await.unwrap();
        assert_eq!((page.total, page.items.len()), (8, 3));
        assert!(members.values_at(id, at(1)).await.unwrap().is_none());
    }
    // Where neither is, there is no log.
    if tenants.db.source().raw_sql("SELECT 1 FROM audit_logs").await.is_ok() {
        // SQLite looks through all of them.
        assert_eq!(<crate::DB as sqlx::Database>::NAME, "SQLite");
    }
}

#[tokio::test]
async fn each_tenant_has_its_own_chain() {
    let tenants = Tenants::new(&[&COUNTERS]).await;
    let table = AuditTable::of::<Chained>();
    for (tenant, source) in (1..).zip(tenants.each()) {
        table.create(&source).await.unwrap();
        let rows = Chained::repo(&source);
        rows.create_many((0..3 * tenant).map(|id| NewChained { id, n: tenant, by: 0 })).await.unwrap();
        rows.update(0, ChainedPatch::new().n(-1)).await.unwrap();
        rows.delete_many([0, 1]).await.unwrap();
        let entry = rows.history(0).first().await.unwrap().unwrap();
        assert_eq!(rows.restore_from_audit(entry.id).await.unwrap().n, -1);
        assert_eq!(rows.state_at(1, std::time::SystemTime::now()).await.unwrap(), None);
    }
    for (tenant, source) in (1..).zip(tenants.each()) {
        let report = table.verify_chain(&source).await.unwrap();
        assert_eq!((report.entries, report.broken), (3 * tenant + 4, None));
        let now = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        assert_eq!(table.prune_older_than(&source, now).await.unwrap(), 3 * tenant + 4);
        assert!(table.verify_chain(&source).await.unwrap().is_intact());
    }
}

#[tokio::test]
async fn a_table_says_where_it_is() {
    let tenants = Tenants::new(&[&COUNTERS]).await;
    // The source says nothing, the table does.
    for name in &tenants.names {
        let table = AuditTable::new("the log").in_schema(name.clone()).chained();
        table.create(tenants.db.source()).await.unwrap();
        table.create(tenants.db.source()).await.unwrap();
        assert_eq!(table.entries(tenants.db.source()).count().await.unwrap(), 0);
        assert!(table.verify_chain(tenants.db.source()).await.unwrap().is_intact());
        assert_eq!(table.prune_older_than(tenants.db.source(), at(0)).await.unwrap(), 0);
    }
}
