//! What row-level security is known to leak, or to say and not to do, each with the case that shows otherwise.

use futures_util::TryStreamExt;
use kysera::prelude::*;
use kysera::rls::Action;
use kysera::{Conflict, Error};

use super::world::{Page, *};

/// A row of each of two tenants, and one that is marked as deleted.
async fn two_tenants() -> kysera_tests::Fixture<crate::DB> {
    let fixture = world().await;
    for (tenant, id) in [(1, 1), (2, 2), (2, 3)] {
        let session = of(&fixture, Principal::new(tenant, 10));
        Doc::repo(&session).create(new_doc(id, 10)).await.unwrap();
        Comment::repo(&session).create(NewComment { doc_id: id, body: format!("on {id}") }).await.unwrap();
    }
    Doc::repo(of(&fixture, Principal::new(2, 10))).delete(3).await.unwrap();
    fixture
}

/// 23: a tenant that is not set is no filter.
#[tokio::test]
async fn an_unset_tenant_sees_nothing() {
    let fixture = two_tenants().await;
    let nobody = of(&fixture, Principal { tenant_id: None, ..Principal::new(1, 10) });
    assert_eq!(Doc::repo(&nobody).find().with_deleted().count().await.unwrap(), 0);
    assert_eq!(Comment::repo(&nobody).count().await.unwrap(), 0);
}

/// 23: aliased and joined tables, and sub-queries, are not filtered.
#[tokio::test]
async fn tables_are_narrowed_wherever_they_stand() {
    let fixture = two_tenants().await;
    // A comment of one's own on a document of somebody else's.
    fixture.execute("INSERT INTO comments (tenant_id, doc_id, body) VALUES (1, 2, 'across')").await;
    let ada = of(&fixture, Principal::new(1, 10));
    let (docs, comments) = (Doc::repo(&ada), Comment::repo(&ada));
    let joined = comments.find().join(Comment::DOC).order_by(Comment::ID.asc()).all().await.unwrap();
    assert_eq!(joined.iter().map(|(_, doc)| doc.id).collect::<Vec<_>>(), [1]);
    let left = comments.find().left_join(Comment::DOC).order_by(Comment::ID.asc()).all().await.unwrap();
    assert_eq!(
        left.iter().map(|(_, doc)| doc.as_ref().map(|doc| doc.id)).collect::<Vec<_>>(),
        [Some(1), None]
    );
    let loaded = comments.find().with(Comment::DOC).order_by(Comment::ID.asc()).all().await.unwrap();
    assert_eq!(
        loaded.iter().map(|(_, doc)| doc.as_ref().map(|doc| doc.id)).collect::<Vec<_>>(),
        [Some(1), None]
    );
    assert_eq!(comments.find().filter(Comment::DOC.exists()).count().await.unwrap(), 1);
    assert_eq!(comments.find().filter(Comment::DOC.is_empty()).count().await.unwrap(), 1);
    assert_eq!(comments.find().filter(Comment::DOC.get(Doc::SLUG).eq("doc-2")).count().await.unwrap(), 0);
    let counted = docs.find().select((Doc::ID, Doc::COMMENTS.count())).all().await.unwrap();
    assert_eq!(counted, [(1, 1)]);
    assert_eq!(docs.find().filter(Filter::raw("1 = 1 OR {} = 2", [Doc::ID])).count().await.unwrap(), 1);
}

/// 23: bulk methods are not policed.
#[tokio::test]
async fn bulk_methods_are_policed() {
    let fixture = two_tenants().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let docs = Doc::repo(&ada);
    let amount = || DocPatch::new().amount(7);
    assert!(matches!(docs.create_many([new_doc(8, 10), new_doc(9, 11)]).await, Err(Error::Denied { .. })));
    assert!(matches!(docs.insert_many([new_doc(8, 10), new_doc(9, 11)]).await, Err(Error::Denied { .. })));
    assert!(matches!(docs.update_many([(1, amount()), (2, amount())]).await, Err(Error::Missing(_))));
    assert_eq!(docs.delete_many([2]).await.unwrap(), 0);
    assert_eq!(docs.find().filter(Doc::ID.gt(0)).update(amount()).await.unwrap(), 1);
    assert_eq!(docs.find().filter(Doc::ID.gt(1)).delete().await.unwrap(), 0);
    let taken = docs.upsert(NewDoc { slug: "doc-2".into(), ..new_doc(8, 10) }, Conflict::on(Doc::SLUG)).await;
    assert!(matches!(taken, Err(Error::Denied { .. })));
    assert_eq!(fixture.column::<i64>("SELECT amount FROM docs ORDER BY id").await, [7, 100, 100]);
}

/// 23: other plugins' methods go past it.
#[tokio::test]
async fn the_methods_of_other_plugins_are_policed() {
    let fixture = two_tenants().await;
    let ada = of(&fixture, Principal::new(1, 10).admin());
    let docs = Doc::repo(&ada);
    assert_eq!(docs.find().with_deleted().select(Doc::ID).all().await.unwrap(), [1]);
    assert_eq!(docs.find().only_deleted().count().await.unwrap(), 0);
    assert!(matches!(docs.restore(3).await, Err(Error::NotFound { .. })));
    assert_eq!(docs.restore_many([3]).await.unwrap(), 0);
    assert!(!docs.purge(2).await.unwrap());
    assert_eq!(docs.find().with_deleted().filter(Doc::ID.gt(1)).purge().await.unwrap(), 0);
    assert!(matches!(docs.touch(2).await, Err(Error::NotFound { .. })));
    assert_eq!(docs.touch_many([2]).await.unwrap(), 0);
    assert_eq!(docs.history(2).all().await.unwrap(), []);
    assert!(docs.audit_log().all().await.unwrap().iter().all(|entry| entry.entity_id == "1"));
    assert_eq!(docs.values_at(2, std::time::SystemTime::now()).await.unwrap(), None);
    assert_eq!(docs.state_at(2, std::time::SystemTime::now()).await.unwrap(), None);
    let foreign = fixture.scalar::<i64>("SELECT MAX(id) FROM audit_logs WHERE entity_id = '3'").await;
    assert_eq!(docs.audit_entry(foreign).await.unwrap(), None);
    assert!(matches!(docs.restore_from_audit(foreign).await, Err(Error::NotFound { .. })));
    assert_eq!(fixture.scalar::<i64>("SELECT COUNT(*) FROM docs WHERE version > 1 AND id <> 3").await, 0);
}

/// The log as such is for whoever asks on behalf of nobody.
#[tokio::test]
async fn the_whole_log_is_closed_to_sessions() {
    use kysera::plugin::audit::{AuditEntry, AuditTable};
    let fixture = two_tenants().await;
    let (plain, ada) = (db(&fixture), of(&fixture, Principal::new(1, 10).admin()));
    let system = plain.unrestricted("a test counts");
    let (docs, named) = (AuditTable::of::<Doc>(), AuditTable::new("audit_logs"));
    for table in [&docs, &named] {
        assert!(matches!(table.entries(&ada).all().await, Err(Error::Protected { .. })));
        assert!(table.entries(&system).count().await.unwrap() > 3);
    }
    assert!(matches!(docs.entries(&plain).count().await, Err(Error::Protected { .. })));
    assert!(named.entries(&plain).count().await.unwrap() > 3);
    assert!(AuditEntry::repo(&system).count().await.unwrap() > 3);
}

/// 23: streams, and what runs within transactions.
#[tokio::test]
async fn streams_and_transactions_are_policed() {
    let fixture = two_tenants().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let ids = ada
        .transaction(|tx| async move {
            let docs = Doc::repo(&tx);
            let streamed: Vec<Doc> = docs.find().stream().try_collect().await?;
            Ok(streamed.into_iter().map(|doc| doc.id).collect::<Vec<_>>())
        })
        .await
        .unwrap();
    assert_eq!(ids, [1]);
}

/// 23: connections and transactions of sqlx's own know nobody.
#[tokio::test]
async fn what_is_borrowed_of_sqlx_asks_on_behalf_of_someone() {
    let fixture = two_tenants().await;
    let mut conn = fixture.connection().await;
    let ada = kysera::on::<crate::DB>(&mut conn).with_context(Principal::new(1, 10));
    assert_eq!(Doc::repo(&ada).find().select(Doc::ID).all().await.unwrap(), [1]);
    assert!(matches!(Doc::repo(&ada).touch(2).await, Err(Error::NotFound { .. })));
    drop(ada);
    let system = kysera::on::<crate::DB>(&mut conn).unrestricted("a test counts");
    assert_eq!(Doc::repo(&system).count().await.unwrap(), 2);
}

/// 25: relationships make SQL that no database takes, and stop after one step.
#[tokio::test]
async fn relationships_reach_through_teams_in_teams() {
    let fixture = world().await;
    fixture
        .execute(
            "INSERT INTO teams VALUES (1, 'all', NULL), (2, 'tech', 1), (3, 'web', 2), (4, 'other', NULL)",
        )
        .await;
    fixture.execute("INSERT INTO members VALUES (1, 10, 'reader'), (3, 11, 'editor')").await;
    fixture.execute("INSERT INTO pages VALUES (1, 1, 'a'), (2, 3, 'b'), (3, 4, 'c')").await;
    let pages = |user| Page::repo(of(&fixture, Principal::new(1, user)));
    let ids = async |user| pages(user).find().select(Page::ID).order_by(Page::ID.asc()).all().await.unwrap();
    assert_eq!(ids(10).await, [1, 2]); // of the team itself, and of one below
    assert_eq!(ids(11).await, [2]);
    assert!(ids(12).await.is_empty());
    let text = || PagePatch::new().text("x");
    assert!(matches!(pages(10).update(2, text()).await, Err(Error::Denied { .. })));
    assert_eq!(pages(11).update(2, text()).await.unwrap().text, "x");
    assert!(matches!(pages(11).update(2, PagePatch::new().team_id(4)).await, Err(Error::Denied { .. })));
    assert!(matches!(
        pages(11).create(NewPage { id: 9, team_id: 1, text: "n".into() }).await,
        Err(Error::Denied { .. })
    ));
    pages(11).create(NewPage { id: 9, team_id: 3, text: "n".into() }).await.unwrap();
    assert!(pages(11).can(Action::Delete, 9).await.unwrap());
    assert!(pages(11).delete(9).await.unwrap());
}

/// 26 is `composition.rs`: conditions are looked at. 24 is what PostgreSQL says of its own policies.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn native_policies_are_statements_that_postgres_takes() {
    use kysera::rls::native::NativePolicies;
    let policies = NativePolicies::of::<Page>();
    for statement in policies.create_sql().unwrap() {
        assert!(
            statement.starts_with("ALTER TABLE \"pages\" ")
                || statement.starts_with("CREATE POLICY \"kysera_"),
            "{statement}"
        );
    }
    // A rule of Rust code has no such form.
    let error = NativePolicies::of::<Doc>().create_sql().unwrap_err();
    assert!(error.to_string().starts_with("the rule `limit` of Doc depends on Rust code"), "{error}");
}
