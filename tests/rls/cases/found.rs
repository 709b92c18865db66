//! What the [hunter](super::hunter) has found, each alone.

use std::time::SystemTime;

use kysera::plugin::AuditEntry;
use kysera::prelude::*;
use kysera::{Conflict, Error};

use super::world::*;

fn is_denied<T: std::fmt::Debug>(answer: Result<T, Error>) {
    assert!(matches!(answer, Err(Error::Denied { .. })), "{answer:?}");
}

#[tokio::test]
async fn where_the_log_ends_is_not_told_of_rows_that_are_not_seen() {
    let fixture = world().await;
    let (ada, eve) = (of(&fixture, Principal::new(1, 10)), of(&fixture, Principal::new(2, 10)));
    fixture.execute("INSERT INTO docs VALUES (1, 1, 10, NULL, 'a', 'draft', 1, 1, 1, 1, NULL)").await;
    Doc::repo(&ada).touch(1).await.unwrap();
    let early = SystemTime::UNIX_EPOCH;
    assert!(matches!(Doc::repo(&ada).state_at(1, early).await, Err(Error::Audit(_))));
    let docs = Doc::repo(&eve);
    assert_eq!(docs.state_at(1, early).await.unwrap(), docs.state_at(99, early).await.unwrap());
    assert_eq!(docs.values_at(1, early).await.unwrap(), None);
}

#[tokio::test]
async fn an_entry_about_a_row_that_is_not_seen_is_none() {
    let fixture = world().await;
    let (ada, eve) = (of(&fixture, Principal::new(1, 10)), of(&fixture, Principal::new(2, 10)));
    let mine = Doc::repo(&ada);
    for id in [1, 2] {
        mine.create(new_doc(id, 10)).await.unwrap();
        mine.delete(id).await.unwrap();
    }
    mine.purge(2).await.unwrap();
    mine.create(NewDoc { slug: "doc-2".into(), ..new_doc(3, 10) }).await.unwrap();
    let docs = Doc::repo(&eve);
    let none = format!("{:?}", docs.restore_from_audit(99).await);
    let before = mine.audit_log().count().await.unwrap();
    // One of them is marked as deleted, one is gone and its slug is taken: an INSERT would violate a key.
    for entry in fixture.column::<i64>("SELECT id FROM audit_logs ORDER BY id").await {
        assert_eq!(format!("{:?}", docs.restore_from_audit(entry).await), none, "{entry}");
    }
    assert_eq!(mine.audit_log().count().await.unwrap(), before);
}

#[tokio::test]
async fn the_history_of_a_row_that_is_gone_is_not_that_of_one_with_its_key() {
    let fixture = world().await;
    let (ada, eve) = (of(&fixture, Principal::new(1, 10)), of(&fixture, Principal::new(2, 10)));
    Doc::repo(&ada).create(NewDoc { amount: 777, ..new_doc(1, 10) }).await.unwrap();
    Doc::repo(&ada).purge(1).await.unwrap();
    let theirs = fixture.column::<i64>("SELECT id FROM audit_logs ORDER BY id").await;
    let gone = SystemTime::now();
    let docs = Doc::repo(&eve);
    docs.create(new_doc(1, 10)).await.unwrap();
    docs.update(1, DocPatch::new().amount(5)).await.unwrap();
    assert_eq!(docs.history(1).count().await.unwrap(), 2);
    assert_eq!(docs.audit_log().count().await.unwrap(), 2);
    let by = docs.changes_by("10").order_by(AuditEntry::ID.asc()).all().await.unwrap();
    assert!(by.iter().all(|entry| !theirs.contains(&entry.id)), "{by:?}");
    for entry in theirs {
        assert_eq!(docs.audit_entry(entry).await.unwrap(), None);
    }
    assert_eq!(docs.state_at(1, gone).await.unwrap(), None);
    assert_eq!(docs.values_at(1, gone).await.unwrap(), None);
    // Whoever is not concerned sees it all.
    let system = db(&fixture).unrestricted("who did that");
    assert_eq!(Doc::repo(&system).history(1).count().await.unwrap(), 4);
}

#[tokio::test]
async fn rows_that_may_not_become_live_stay_deleted_all_of_them() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let docs = Doc::repo(&ada);
    for id in [1, 2] {
        docs.create(new_doc(id, 10)).await.unwrap();
        docs.delete(id).await.unwrap();
    }
    fixture.execute("UPDATE docs SET amount = 5000 WHERE id = 2").await;
    let log = docs.audit_log().count().await.unwrap();
    is_denied(docs.find().restore().await);
    is_denied(docs.restore_many([1_i64, 2]).await);
    is_denied(docs.restore(2).await);
    assert_eq!(docs.count().await.unwrap(), 0);
    assert_eq!(docs.audit_log().count().await.unwrap(), log);
    assert_eq!(docs.restore_many([1_i64]).await.unwrap(), 1);
}

#[tokio::test]
async fn an_upsert_of_a_row_that_may_not_be_created_is_denied_whatever_is_there() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let docs = Doc::repo(&ada);
    docs.create(new_doc(1, 10)).await.unwrap();
    let not_mine = || NewDoc { slug: "doc-1".into(), amount: 7, ..new_doc(2, 11) };
    is_denied(docs.upsert(not_mine(), Conflict::on(Doc::SLUG).keep()).await);
    is_denied(docs.upsert(not_mine(), Conflict::on(Doc::SLUG).update(Doc::AMOUNT)).await);
    let fine = NewDoc { slug: "doc-3".into(), ..new_doc(3, 10) };
    is_denied(docs.upsert_many([fine, not_mine()], Conflict::on(Doc::SLUG).update(Doc::AMOUNT)).await);
    assert_eq!(docs.find_all().await.unwrap().iter().map(|doc| doc.amount).collect::<Vec<_>>(), [100]);
}

#[tokio::test]
async fn update_many_does_not_pass_over_a_row_that_is_frozen() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let docs = Doc::repo(&ada);
    docs.create(new_doc(1, 10)).await.unwrap();
    docs.create(NewDoc { status: "paid".into(), ..new_doc(2, 10) }).await.unwrap();
    is_denied(docs.update_many([1_i64, 2].map(|id| (id, DocPatch::new().amount(1)))).await);
    assert_eq!(docs.find().filter(Doc::AMOUNT.eq(100)).count().await.unwrap(), 2);
    assert_eq!(docs.update_many([(1_i64, DocPatch::new().amount(1))]).await.unwrap()[0].amount, 1);
}
