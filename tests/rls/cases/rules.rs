//! What rules say, and which one is in the way.

use kysera::prelude::*;
use kysera::rls::{Action, Effect, policy_table};
use kysera::{Conflict, Error};

use super::world::*;

fn denied_by(error: Error) -> Option<String> {
    match error {
        Error::Denied { rule, .. } => rule.map(Into::into),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_tenant_is_filled_in_and_everyone_else_is_kept_out() {
    let fixture = world().await;
    let (ada, eve) = (of(&fixture, Principal::new(1, 10)), of(&fixture, Principal::new(2, 10)));
    let doc = Doc::repo(&ada).create(new_doc(1, 10)).await.unwrap();
    assert_eq!(doc.tenant_id, 1);
    assert_eq!(Doc::repo(&ada).find_by_id(1).await.unwrap().unwrap(), doc);
    // The same user in another tenant.
    assert_eq!(Doc::repo(&eve).find_by_id(1).await.unwrap(), None);
    assert!(matches!(Doc::repo(&eve).get(1).await, Err(Error::NotFound { .. })));
    assert_eq!(Doc::repo(&eve).count().await.unwrap(), 0);
    assert!(!Doc::repo(&eve).exists(1).await.unwrap());
}

#[tokio::test]
async fn without_a_tenant_nothing_is_seen_and_nothing_is_written() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    Doc::repo(&ada).create(new_doc(1, 10)).await.unwrap();
    let nobody = of(&fixture, Principal { tenant_id: None, ..Principal::new(1, 10).admin() });
    let docs = Doc::repo(&nobody);
    assert_eq!(docs.count().await.unwrap(), 0);
    assert_eq!(docs.find().filter(!Doc::TENANT_ID.eq(Principal::TENANT_ID)).count().await.unwrap(), 0);
    assert_eq!(denied_by(docs.create(new_doc(2, 10)).await.unwrap_err()).as_deref(), Some("tenant"));
    assert!(!docs.delete(1).await.unwrap());
    // A column that may be NULL is no exception.
    let comments = Comment::repo(&nobody);
    fixture.execute("INSERT INTO comments (tenant_id, doc_id, body) VALUES (NULL, 1, 'whose?')").await;
    assert_eq!(comments.find_all().await.unwrap(), []);
    assert_eq!(Comment::repo(&ada).find_all().await.unwrap(), []);
}

#[tokio::test]
async fn what_one_may_see_and_not_change_is_denied_by_name() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let bob = of(&fixture, Principal::new(1, 11).in_teams([5]));
    let docs = Doc::repo(&ada);
    docs.create(NewDoc { team_id: Some(5), ..new_doc(1, 10) }).await.unwrap();
    docs.create(NewDoc { status: "paid".into(), ..new_doc(2, 10) }).await.unwrap();
    docs.create(new_doc(3, 10)).await.unwrap();

    let theirs = Doc::repo(&bob);
    assert_eq!(theirs.find().select(Doc::ID).all().await.unwrap(), [1]);
    let amount = || DocPatch::new().amount(1);
    assert_eq!(denied_by(theirs.update(1, amount()).await.unwrap_err()), None);
    assert_eq!(denied_by(theirs.delete(1).await.unwrap_err()), None);
    assert_eq!(denied_by(theirs.touch(1).await.unwrap_err()), None);
    assert!(matches!(theirs.update(3, amount()).await, Err(Error::NotFound { .. })));
    assert!(!theirs.delete(3).await.unwrap());

    let error = docs.update(2, amount()).await.unwrap_err();
    assert!(
        matches!(error, Error::Denied { entity: "Doc", action: Action::Update, column: None, .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the caller may not update this Doc: the rule `frozen states` is in the way"
    );
    assert_eq!(denied_by(docs.delete(2).await.unwrap_err()).as_deref(), Some("frozen states"));
    assert_eq!(
        denied_by(docs.update(3, DocPatch::new().amount(5000)).await.unwrap_err()).as_deref(),
        Some("limit")
    );
    let large = NewDoc { amount: 5000, ..new_doc(4, 10) };
    assert_eq!(denied_by(docs.create(large).await.unwrap_err()).as_deref(), Some("limit"));
    assert_eq!(docs.count().await.unwrap(), 3);
}

#[tokio::test]
async fn nobody_can_give_away_what_is_theirs_or_create_what_is_not() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let docs = Doc::repo(&ada);
    docs.create(new_doc(1, 10)).await.unwrap();
    assert_eq!(denied_by(docs.create(new_doc(2, 11)).await.unwrap_err()), None);
    assert_eq!(denied_by(docs.update(1, DocPatch::new().owner_id(11)).await.unwrap_err()), None);
    assert_eq!(docs.get(1).await.unwrap().owner_id, 10);
    // An admin may, and so may the rule that looks at what was: a paid document is final, and becomes one.
    let admin = of(&fixture, Principal::new(1, 1).admin());
    let admins = Doc::repo(&admin);
    admins.update(1, DocPatch::new().owner_id(11).status("paid")).await.unwrap();
    assert_eq!(
        denied_by(admins.update(1, DocPatch::new().status("draft")).await.unwrap_err()).as_deref(),
        Some("frozen states")
    );
}

#[tokio::test]
async fn an_upsert_is_judged_in_both_arms() {
    let fixture = world().await;
    let (ada, bob) = (of(&fixture, Principal::new(1, 10)), of(&fixture, Principal::new(1, 11).in_teams([5])));
    let eve = of(&fixture, Principal::new(2, 10));
    let (docs, theirs) = (Doc::repo(&ada), Doc::repo(&bob));
    let slug =
        |id, owner, amount| NewDoc { slug: "x".into(), team_id: Some(5), amount, ..new_doc(id, owner) };
    let on_slug = || Conflict::on(Doc::SLUG).update((Doc::AMOUNT, Doc::OWNER_ID));
    docs.upsert(slug(1, 10, 1), on_slug()).await.unwrap();
    assert_eq!(docs.upsert(slug(1, 10, 2), on_slug()).await.unwrap().amount, 2);
    // The new row is refused.
    assert_eq!(
        denied_by(docs.upsert(slug(1, 10, 5000), on_slug()).await.unwrap_err()).as_deref(),
        Some("limit")
    );
    assert_eq!(denied_by(docs.upsert(slug(1, 11, 3), on_slug()).await.unwrap_err()), None);
    // The row that is there may be read, and not changed.
    assert_eq!(denied_by(theirs.upsert(slug(2, 11, 3), on_slug()).await.unwrap_err()), None);
    // It may not even be read: all that is told is that the key is taken.
    assert_eq!(denied_by(Doc::repo(&eve).upsert(slug(3, 10, 3), on_slug()).await.unwrap_err()), None);
    assert_eq!(docs.get(1).await.unwrap().amount, 2);
    let many = docs
        .upsert_many([slug(1, 10, 4), NewDoc { slug: "y".into(), ..new_doc(7, 10) }], on_slug())
        .await
        .unwrap();
    assert_eq!(many.len(), 2);
    let refused =
        docs.upsert_many([slug(1, 10, 5), NewDoc { slug: "z".into(), ..new_doc(8, 11) }], on_slug()).await;
    assert_eq!(denied_by(refused.unwrap_err()), None);
    assert_eq!(docs.get(1).await.unwrap().amount, 4);
}

#[tokio::test]
async fn the_rule_that_decides_is_named() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    let bob = of(&fixture, Principal::new(1, 11).in_teams([5]));
    Doc::repo(&ada)
        .create(NewDoc { team_id: Some(5), status: "paid".into(), ..new_doc(1, 10) })
        .await
        .unwrap();
    Doc::repo(&ada).create(new_doc(2, 10)).await.unwrap();

    let access = Doc::repo(&ada).explain_access(1).await.unwrap().unwrap();
    let read = access.decision(Action::Read).unwrap();
    assert!(read.allowed);
    assert_eq!((read.rule.as_deref(), read.effect), (Some("owner"), Some(Effect::Allow)));
    let update = access.decision(Action::Update).unwrap();
    assert!(!update.allowed);
    assert_eq!((update.rule.as_deref(), update.effect), (Some("frozen states"), Some(Effect::Deny)));

    let docs = Doc::repo(&bob);
    let access = docs.explain_access(1).await.unwrap().unwrap();
    assert_eq!(access.decision(Action::Read).unwrap().rule.as_deref(), Some("team"));
    assert!(access.allows(Action::Read) && !access.allows(Action::Delete));
    assert_eq!(docs.explain_access(2).await.unwrap(), None);
    assert!(docs.can(Action::Read, 1).await.unwrap());
    assert!(!docs.can(Action::Update, 1).await.unwrap());
    assert!(!docs.can(Action::Read, 2).await.unwrap());
    assert!(Doc::repo(&ada).can(Action::Delete, 2).await.unwrap());
    assert!(Doc::repo(&ada).can_create(new_doc(9, 10)).await.unwrap());
    assert!(!Doc::repo(&ada).can_create(new_doc(9, 11)).await.unwrap());

    // Whoever is not concerned may ask for others.
    let system = db(&fixture).unrestricted("support");
    let access = Doc::repo(&system).explain_access_of(bob.context(), 2).await.unwrap().unwrap();
    assert!(!access.allows(Action::Read));
    assert_eq!(access.decision(Action::Read).unwrap().rule, None);
    let eve = Principal::new(2, 10);
    let access = Doc::repo(&system).explain_access_of(&eve, 2).await.unwrap().unwrap();
    assert_eq!(access.decision(Action::Read).unwrap().rule.as_deref(), Some("tenant"));
    assert_eq!(
        access.to_string(),
        "Doc: read denied by `tenant`; create denied by `tenant`; update denied by `tenant`; delete denied by `tenant`"
    );
}

#[tokio::test]
async fn a_policy_is_tried_out_in_one_call() {
    let fixture = world().await;
    let ada = of(&fixture, Principal::new(1, 10));
    Doc::repo(&ada).create(NewDoc { team_id: Some(5), ..new_doc(1, 10) }).await.unwrap();
    let (bob, eve, admin) =
        (Principal::new(1, 11).in_teams([5]), Principal::new(2, 10), Principal::new(1, 1).admin());
    let expected = |bob_updates| {
        [
            (ada.context(), Action::Update, 1, true),
            (&bob, Action::Read, 1, true),
            (&bob, Action::Update, 1, bob_updates),
            (&bob, Action::Create, 1, false),
            (&eve, Action::Read, 1, false),
            (&admin, Action::Delete, 1, true),
        ]
    };
    let report = policy_table::<Doc, _, _>(&db(&fixture), expected(false)).await.unwrap();
    assert!(report.is_as_expected(), "{report}");
    let report = policy_table::<Doc, _, _>(&db(&fixture), expected(true)).await.unwrap();
    assert_eq!((report.asked, report.surprises.len()), (6, 1));
    assert_eq!((report.surprises[0].place, report.surprises[0].found), (2, false));
    let missing = policy_table::<Doc, _, _>(&db(&fixture), [(&bob, Action::Read, 99, true)]).await;
    assert!(matches!(missing, Err(Error::NotFound { entity: "Doc" })));
}
