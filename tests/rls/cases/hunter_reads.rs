//! Every way to read, against the [model](super::hunter_model).

use std::time::SystemTime;

use futures_util::TryStreamExt;
use kysera::Error;
use kysera::backend::{Backend, Dialect};
use kysera::dal;
use kysera::expr::count;
use kysera::plugin::AuditEntry;
use kysera::prelude::*;
use kysera::rls::Action;

use super::hunter::Hunter;
use super::hunter_model::*;
use super::world::{Page, *};
use crate::DB;

#[derive(Debug, PartialEq, Projection)]
#[kysera(of = Doc)]
struct Card {
    id: i64,
    slug: String,
}

/// What is asked, each about rows of all tenants.
pub const READS: &[&str] = &[
    "by key",
    "by keys",
    "all rows",
    "rows",
    "stream",
    "counts",
    "only row",
    "pages",
    "walk",
    "selection",
    "groups",
    "joins",
    "loads",
    "loads of comments",
    "asked comments",
    "asked documents",
    "asked teams",
    "plans",
    "locks",
    "log",
    "past",
    "decisions",
    "parallel",
    "comments",
    "sheets",
];

type Meaning<'m> = Box<dyn Fn(&Doc) -> bool + 'm>;
type Probe = Meaning<'static>;

impl Hunter {
    /// A condition, such as someone might probe with, and what it means.
    pub fn probe(&mut self) -> (Filter<Doc>, Probe) {
        let random = &mut self.random;
        let (x, amount) = (random.id(4), random.id(2000));
        match random.next(7) {
            0 => (Filter::all([]), Box::new(|_| true)),
            1 => (Doc::AMOUNT.gt(amount), Box::new(move |doc| doc.amount > amount)),
            2 => (!Doc::AMOUNT.gt(amount), Box::new(move |doc| doc.amount <= amount)),
            3 => (!Doc::TENANT_ID.eq(x), Box::new(move |doc| doc.tenant_id != x)),
            4 => (Doc::TENANT_ID.eq(x), Box::new(move |doc| doc.tenant_id == x)),
            5 => (Doc::OWNER_ID.ne(x) | Doc::TEAM_ID.is_null(), {
                Box::new(move |doc| doc.owner_id != x || doc.team_id.is_none())
            }),
            _ => (Doc::SLUG.contains("1"), Box::new(|doc| doc.slug.contains('1'))),
        }
    }

    pub async fn read(&mut self, what: &str) {
        let who = self.who.clone();
        let session = self.session();
        let docs = Doc::repo(&session);
        let show = Show::any(&mut self.random);
        let (filter, keeps) = self.probe();
        let id = self.any_doc();
        let find = || match show {
            Show::Live => docs.find().filter(filter.clone()),
            Show::All => docs.find().filter(filter.clone()).with_deleted(),
            Show::Deleted => docs.find().filter(filter.clone()).only_deleted(),
        };
        let kept: Vec<Doc> = self.model.docs_of(&who, show).into_iter().filter(|doc| keeps(doc)).collect();
        let live = self.model.docs_of(&who, Show::Live);
        let ids = |docs: &[Doc]| docs.iter().map(|doc| doc.id).collect::<Vec<_>>();
        let by_id = || find().order_by(Doc::ID.asc());
        self.note(&[
            "Repository::find",
            "Find::filter",
            "Find::order_by",
            "Find::with_deleted",
            "Find::only_deleted",
        ]);
        match what {
            "by key" => {
                self.note(&["Repository::find_by_id", "Repository::get", "Repository::exists"]);
                let here = self.model.doc_of(&who, id, Show::Live);
                assert_eq!(docs.find_by_id(id).await.unwrap(), here);
                assert_eq!(docs.exists(id).await.unwrap(), here.is_some());
                let got = docs.get(id).await;
                if here.is_none() {
                    assert_eq!(shown(&got, id), shown(&docs.get(NEVER).await, NEVER));
                }
                assert_eq!(got.ok(), here);
            }
            "by keys" => {
                self.note(&["Repository::find_by_ids"]);
                let asked: Vec<i64> = (0..6).map(|_| self.any_doc()).collect();
                let mut seen = std::collections::HashSet::new();
                let once: Vec<i64> = asked.iter().copied().filter(|id| seen.insert(*id)).collect();
                let expected: Vec<Doc> =
                    once.iter().filter_map(|id| self.model.doc_of(&who, *id, Show::Live)).collect();
                assert_eq!(docs.find_by_ids(asked).await.unwrap(), expected);
            }
            "all rows" => {
                self.note(&["Repository::find_all", "Repository::count"]);
                let mut all = docs.find_all().await.unwrap();
                all.sort_by_key(|doc| doc.id);
                assert_eq!(docs.count().await.unwrap(), live.len() as u64);
                assert_eq!(all, live);
            }
            "rows" => {
                self.note(&[
                    "Find::all",
                    "Find::first",
                    "Find::limit",
                    "Find::offset",
                    "Find::order_by_all",
                    "Find::filter_opt",
                ]);
                assert_eq!(by_id().all().await.unwrap(), kept);
                let last = find().order_by_all([Doc::AMOUNT.desc(), Doc::ID.asc()]).first().await.unwrap();
                let most = kept.iter().max_by_key(|doc| (doc.amount, -doc.id)).cloned();
                assert_eq!(last, most);
                let some = by_id().filter_opt(Some(filter.clone())).limit(2).offset(1).all().await.unwrap();
                assert_eq!(some, kept.iter().skip(1).take(2).cloned().collect::<Vec<_>>());
            }
            "stream" => {
                self.note(&["Find::stream"]);
                assert_eq!(by_id().stream().try_collect::<Vec<_>>().await.unwrap(), kept);
            }
            "counts" => {
                self.note(&["Find::count", "Find::exists"]);
                assert_eq!(find().count().await.unwrap(), kept.len() as u64);
                assert_eq!(find().exists().await.unwrap(), !kept.is_empty());
            }
            "only row" => {
                self.note(&["Find::one"]);
                let only = match &kept[..] {
                    [] => Err("NotFound"),
                    [doc] => Ok(doc.clone()),
                    _ => Err("MoreThanOne"),
                };
                assert_eq!(find().one().await.map_err(|error| why(&error)), only);
            }
            "pages" => {
                self.note(&["Find::page", "Find::find_and_count"]);
                let page = by_id().page(PageRequest::new(2, 3)).await.unwrap();
                assert_eq!(
                    (page.total, page.total_pages),
                    (kept.len() as u64, kept.len().div_ceil(3) as u64)
                );
                assert_eq!(page.items, kept.iter().skip(3).take(3).cloned().collect::<Vec<_>>());
                let (rows, total) = by_id().find_and_count().await.unwrap();
                assert_eq!((rows, total), (kept.clone(), kept.len() as u64));
            }
            "walk" => {
                self.note(&["Find::keyset", "KeysetQuery::to_sql", "KeysetQuery::explain"]);
                let mut walked = Vec::new();
                let mut after = None;
                loop {
                    let query = find().keyset(Keyset::first(3).after(after).with_total());
                    assert!(query.to_sql().unwrap().contains("tenant_id"));
                    let page = query.await.unwrap();
                    assert_eq!(page.total, Some(kept.len() as u64));
                    walked.extend(page.items);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(walked, kept);
                assert!(!find().keyset(Keyset::first(3)).explain().await.unwrap().lines().is_empty());
                // A cursor of someone else's leads to nothing of theirs.
                if let (Some(cursor), other) = (self.cursor.clone(), find()) {
                    let page = other.keyset(Keyset::first(100).after(cursor)).await.unwrap();
                    assert!(page.items.iter().all(|doc| kept.contains(doc)));
                }
                if let Some(next) = find().keyset(Keyset::first(1)).await.unwrap().next {
                    self.cursor = Some(next);
                }
            }
            "selection" => {
                self.note(&["Find::select", "Find::select_as", "Find::distinct"]);
                assert_eq!(by_id().select(Doc::ID).all().await.unwrap(), ids(&kept));
                let cards = by_id().select_as::<Card>().all().await.unwrap();
                let expected: Vec<Card> =
                    kept.iter().map(|doc| Card { id: doc.id, slug: doc.slug.clone() }).collect();
                assert_eq!(cards, expected);
                let mut states: Vec<String> = kept.iter().map(|doc| doc.status.clone()).collect();
                states.sort();
                states.dedup();
                let distinct = find().select(Doc::STATUS).distinct().order_by(Doc::STATUS.asc()).all().await;
                assert_eq!(distinct.unwrap(), states);
                let most =
                    find().select((Doc::AMOUNT.max(), Doc::AMOUNT.min(), count())).one().await.unwrap();
                let amounts = || kept.iter().map(|doc| doc.amount);
                assert_eq!(most, (amounts().max(), amounts().min(), kept.len() as i64));
            }
            "groups" => {
                self.note(&["Find::group_by", "Find::having"]);
                let groups = find().select((Doc::STATUS, count(), Doc::AMOUNT.max())).group_by(Doc::STATUS);
                let groups = groups.having(count().gt(1)).order_by(Doc::STATUS.asc());
                let mut expected = Vec::new();
                for state in STATES {
                    let amounts: Vec<i64> =
                        kept.iter().filter(|doc| doc.status == state).map(|doc| doc.amount).collect();
                    if amounts.len() > 1 {
                        expected.push((
                            state.to_owned(),
                            amounts.len() as i64,
                            amounts.iter().max().copied(),
                        ));
                    }
                }
                assert_eq!(groups.all().await.unwrap(), expected);
                let tenants = docs.find().with_deleted().select(Doc::TENANT_ID).group_by(Doc::TENANT_ID);
                assert!(tenants.all().await.unwrap().iter().all(|tenant| Some(*tenant) == who.tenant_id));
            }
            "joins" => {
                self.note(&["Find::join", "Find::left_join", "Relation::get"]);
                let comments = Comment::repo(&session);
                let mine = self.model.comments_of(&who, Show::Live);
                let doc = |comment: &Comment| self.model.doc_of(&who, comment.doc_id, Show::Live);
                let joined =
                    comments.find().join(Comment::DOC).order_by(Comment::ID.asc()).all().await.unwrap();
                let inner: Vec<_> =
                    mine.iter().filter_map(|comment| Some((comment.clone(), doc(comment)?))).collect();
                assert_eq!(joined, inner);
                let joined =
                    comments.find().left_join(Comment::DOC).order_by(Comment::ID.asc()).all().await.unwrap();
                let left: Vec<_> = mine.iter().map(|comment| (comment.clone(), doc(comment))).collect();
                assert_eq!(joined, left);
                assert_eq!(comments.find().join(Comment::DOC).count().await.unwrap(), inner.len() as u64);
                let amount = self.random.id(2000);
                let large =
                    comments.find().filter(Comment::DOC.get(Doc::AMOUNT).gt(amount)).count().await.unwrap();
                assert_eq!(large, inner.iter().filter(|(_, doc)| doc.amount > amount).count() as u64);
                let known =
                    comments.find().filter(Comment::DOC.get(Doc::AMOUNT).is_null()).count().await.unwrap();
                assert_eq!(known, (left.len() - inner.len()) as u64);
            }
            "loads" => {
                self.note(&[
                    "Find::with",
                    "FindWith::all",
                    "FindWith::first",
                    "FindWith::one",
                    "FindWith::count",
                    "FindWith::exists",
                    "FindWith::filter",
                    "FindWith::filter_opt",
                    "FindWith::order_by",
                    "FindWith::order_by_all",
                    "FindWith::limit",
                    "FindWith::offset",
                    "FindWith::page",
                    "FindWith::keyset",
                    "FindWith::to_sql",
                    "FindWith::explain",
                    "Relation::order_by",
                    "Repository::load_many",
                ]);
                let of = |doc: &Doc| -> Vec<Comment> {
                    let mine = self.model.comments_of(&who, Show::Live);
                    mine.into_iter().filter(|comment| comment.doc_id == doc.id).collect()
                };
                let all: Vec<_> = kept.iter().map(|doc| (doc.clone(), of(doc))).collect();
                let with = || find().with(Doc::COMMENTS.order_by(Comment::ID.asc()));
                let ordered = || with().order_by(Doc::ID.asc());
                assert_eq!(ordered().all().await.unwrap(), all);
                assert_eq!(ordered().first().await.unwrap().as_ref(), all.first());
                let (total, one) = (all.len() as u64, ordered().one().await.map_err(|error| why(&error)));
                match &all[..] {
                    [] => assert_eq!(one, Err("NotFound")),
                    [only] => assert_eq!(one.as_ref(), Ok(only)),
                    _ => assert_eq!(one, Err("MoreThanOne")),
                }
                assert_eq!(with().filter(filter.clone()).count().await.unwrap(), total);
                assert_eq!(with().filter_opt(None).exists().await.unwrap(), total > 0);
                let some = with().order_by_all([Doc::ID.asc()]).limit(2).offset(1).all().await.unwrap();
                assert_eq!(some, all.iter().skip(1).take(2).cloned().collect::<Vec<_>>());
                let page = ordered().page(PageRequest::new(1, 2)).await.unwrap();
                assert_eq!((page.total, &page.items[..]), (total, &all[..all.len().min(2)]));
                let page = with().keyset(Keyset::first(2)).await.unwrap();
                assert_eq!(page.items, all[..all.len().min(2)]);
                assert!(with().to_sql().unwrap().contains("tenant_id"));
                assert!(!with().explain().await.unwrap().lines().is_empty());
                // Rows of others at hand, as if someone had made them up.
                let forged: Vec<Doc> = self.model.docs.values().cloned().collect();
                let loaded =
                    docs.load_many(&forged, Doc::COMMENTS.order_by(Comment::ID.asc())).await.unwrap();
                assert_eq!(loaded, forged.iter().map(of).collect::<Vec<_>>());
            }
            "loads of comments" => {
                self.note(&[
                    "Related::with",
                    "Relation::with",
                    "Relation::filter",
                    "Related::filter",
                    "Relation::limit",
                    "Related::limit",
                    "Related::order_by",
                    "Relation::with_deleted",
                    "Relation::only_deleted",
                    "Related::with_deleted",
                    "Related::only_deleted",
                ]);
                let comments = Comment::repo(&session);
                let mine = self.model.comments_of(&who, Show::Live);
                let found = comments
                    .find()
                    .order_by(Comment::ID.asc())
                    .with(Comment::DOC.with(Doc::TEAM))
                    .all()
                    .await;
                let nested = |comment: &Comment| {
                    let doc = self.model.doc_of(&who, comment.doc_id, Show::Live)?;
                    let team = doc.team_id.and_then(|team| self.model.teams.get(&team).cloned());
                    Some((doc, team))
                };
                let expected: Vec<_> =
                    mine.iter().map(|comment| (comment.clone(), nested(comment))).collect();
                assert_eq!(found.unwrap(), expected);
                let around = Doc::COMMENTS.filter(Comment::ID.gt(3)).filter(Comment::ID.lt(20));
                let around = around.order_by(Comment::ID.asc()).limit(2).with(Comment::DOC);
                let found = docs.find().order_by(Doc::ID.asc()).with(around).all().await.unwrap();
                for ((doc, comments), expected) in found.into_iter().zip(&live) {
                    assert_eq!(&doc, expected);
                    let of = mine
                        .iter()
                        .filter(|comment| comment.doc_id == doc.id && (4..20).contains(&comment.id));
                    let of: Vec<_> = of.take(2).map(|comment| (comment.clone(), Some(doc.clone()))).collect();
                    assert_eq!(comments, of);
                }
                for (show, related) in [
                    (Show::All, Doc::COMMENTS.with_deleted()),
                    (Show::Deleted, Doc::COMMENTS.only_deleted()),
                    (Show::All, Doc::COMMENTS.limit(99).with_deleted()),
                    (Show::Deleted, Doc::COMMENTS.order_by(Comment::ID.desc()).only_deleted()),
                ] {
                    let of = self.model.comments_of(&who, show);
                    let count = |doc: &Doc| of.iter().filter(|comment| comment.doc_id == doc.id).count();
                    let found = docs.find().order_by(Doc::ID.asc()).with(related).all().await.unwrap();
                    let found: Vec<_> =
                        found.into_iter().map(|(doc, comments)| (doc.id, comments.len())).collect();
                    assert_eq!(found, live.iter().map(|doc| (doc.id, count(doc))).collect::<Vec<_>>());
                }
            }
            "asked comments" => {
                self.note(&[
                    "Relation::any",
                    "Relation::none",
                    "Relation::exists",
                    "Relation::is_empty",
                    "Relation::count",
                    "Related::any",
                    "Related::none",
                    "Related::count",
                ]);
                let (comment, tenant) = (self.random.id(24), self.random.id(3));
                let mine = self.model.comments_of(&who, Show::Live);
                let asked = || Comment::ID.le(comment);
                let of = |doc: &Doc| mine.iter().filter(|comment| comment.doc_id == doc.id).count();
                let some = |doc: &Doc| mine.iter().any(|one| one.doc_id == doc.id && one.id <= comment);
                let foreign = || Comment::TENANT_ID.ne(tenant);
                let other =
                    |doc: &Doc| mine.iter().any(|one| one.doc_id == doc.id && one.tenant_id != Some(tenant));
                let cases: Vec<(Filter<Doc>, Meaning<'_>)> = vec![
                    (Doc::COMMENTS.any(asked()), Box::new(some)),
                    (Doc::COMMENTS.any(foreign()), Box::new(other)),
                    (!Doc::COMMENTS.any(asked()), Box::new(|doc| !some(doc))),
                    (Doc::COMMENTS.none(asked()), Box::new(|doc| !some(doc))),
                    (Doc::COMMENTS.exists(), Box::new(|doc| of(doc) > 0)),
                    (Doc::COMMENTS.is_empty(), Box::new(|doc| of(doc) == 0)),
                    (Doc::COMMENTS.count().eq(1), Box::new(|doc| of(doc) == 1)),
                    (Doc::COMMENTS.filter(asked()).any(), Box::new(some)),
                    (Doc::COMMENTS.filter(asked()).none(), Box::new(|doc| !some(doc))),
                    (Doc::COMMENTS.filter(asked()).count().ge(1), Box::new(some)),
                ];
                for (filter, holds) in cases {
                    let found = docs.find().filter(filter).order_by(Doc::ID.asc()).all().await.unwrap();
                    assert_eq!(found, live.iter().filter(|doc| holds(doc)).cloned().collect::<Vec<_>>());
                }
                let counted = docs.find().select((Doc::ID, Doc::COMMENTS.count())).order_by(Doc::ID.asc());
                let expected: Vec<_> = live.iter().map(|doc| (doc.id, of(doc) as i64)).collect();
                assert_eq!(counted.all().await.unwrap(), expected);
            }
            "asked documents" => {
                let comments = Comment::repo(&session);
                let mine = self.model.comments_of(&who, Show::Live);
                let doc = |comment: &Comment| self.model.doc_of(&who, comment.doc_id, Show::Live);
                let expected = |holds: &dyn Fn(Option<&Doc>) -> bool| -> Vec<Comment> {
                    mine.iter().filter(|comment| holds(doc(comment).as_ref())).cloned().collect()
                };
                let find = |filter| comments.find().filter(filter).order_by(Comment::ID.asc());
                assert_eq!(
                    find(Comment::DOC.any(filter.clone())).all().await.unwrap(),
                    expected(&|doc| doc.is_some_and(&keeps))
                );
                assert_eq!(
                    find(Comment::DOC.none(filter.clone())).all().await.unwrap(),
                    expected(&|doc| !doc.is_some_and(&keeps))
                );
            }
            "asked teams" => {
                self.note(&["Relation::any_deep"]);
                let pages = Page::repo(&session);
                let mine = self.model.pages_of(&who);
                let deep = || Team::PARENT.any_deep(has_member("reader"));
                let found =
                    pages.find().filter(Page::TEAM.any(deep())).order_by(Page::ID.asc()).all().await.unwrap();
                let above = |page: &&Page| self.model.read_above(page.team_id, who.user_id);
                assert_eq!(found, mine.iter().filter(above).cloned().collect::<Vec<_>>());
                let teams =
                    Team::repo(&session).find().filter(deep()).order_by(Team::ID.asc()).all().await.unwrap();
                let above =
                    self.model.teams.values().filter(|team| self.model.read_above(team.id, who.user_id));
                assert_eq!(teams, above.cloned().collect::<Vec<_>>());
            }
            "plans" => {
                self.note(&["Find::to_sql", "Find::explain"]);
                assert!(find().to_sql().unwrap().contains("tenant_id"));
                assert!(!find().explain().await.unwrap().lines().is_empty());
            }
            "locks" => {
                self.note(&[
                    "Find::for_update",
                    "Find::for_share",
                    "Locked::all",
                    "Locked::first",
                    "Locked::one",
                    "Locked::stream",
                    "Locked::skip_locked",
                    "Locked::no_wait",
                ]);
                let tx = session.begin().await.unwrap();
                let docs = Doc::repo(&tx);
                let find = || docs.find().filter(filter.clone()).order_by(Doc::ID.asc());
                if DB::DIALECT == Dialect::Sqlite {
                    assert!(matches!(find().for_update().all().await, Err(Error::Unsupported { .. })));
                } else {
                    // A lock is asked for as an update is.
                    let kept: Vec<Doc> =
                        live.iter().filter(|doc| keeps(doc) && changes(&who, doc)).cloned().collect();
                    assert_eq!(find().for_update().all().await.unwrap(), kept);
                    assert_eq!(find().for_share().all().await.unwrap(), kept);
                    assert_eq!(
                        find().for_update().skip_locked().first().await.unwrap().as_ref(),
                        kept.first()
                    );
                    assert_eq!(
                        find().for_update().no_wait().one().await.ok().as_ref(),
                        match &kept[..] {
                            [only] => Some(only),
                            _ => None,
                        }
                    );
                    let streamed = find().for_update().stream().try_collect::<Vec<_>>().await.unwrap();
                    assert_eq!(streamed, kept);
                }
                tx.rollback().await.unwrap();
            }
            "log" => {
                self.note(&[
                    "AuditMethods::audit_log",
                    "AuditMethods::history",
                    "AuditMethods::changes_by",
                    "AuditMethods::audit_entry",
                ]);
                let seen = self.model.log_of(&who);
                let log = docs.audit_log().order_by(AuditEntry::ID.asc()).all().await.unwrap();
                assert_eq!(log.iter().map(|entry| entry.id).collect::<Vec<_>>(), seen);
                assert_eq!(docs.audit_log().count().await.unwrap(), seen.len() as u64);
                let about = |id: i64| self.model.log.iter().filter(move |entry| entry.doc == id);
                let mut history: Vec<i64> =
                    about(id).map(|entry| entry.id).filter(|entry| seen.contains(entry)).collect();
                history.reverse();
                assert_eq!(docs.history(id).select(AuditEntry::ID).all().await.unwrap(), history);
                let user = self.random.id(4).to_string();
                let by = self.model.log.iter().filter(|entry| entry.actor.as_ref() == Some(&user));
                let mut by: Vec<i64> =
                    by.map(|entry| entry.id).filter(|entry| seen.contains(entry)).collect();
                by.reverse();
                assert_eq!(docs.changes_by(&*user).select(AuditEntry::ID).all().await.unwrap(), by);
                let entry = self.any_entry();
                let found = docs.audit_entry(entry).await.unwrap();
                assert_eq!(found.map(|entry| entry.id), seen.contains(&entry).then_some(entry));
            }
            "past" => {
                self.note(&["AuditMethods::state_at", "AuditMethods::values_at"]);
                let now = SystemTime::now() + std::time::Duration::from_secs(1);
                let is_logged = self.model.log.iter().any(|entry| entry.doc == id);
                let here = self.model.doc_of(&who, id, Show::Live).filter(|_| is_logged);
                assert_eq!(docs.state_at(id, now).await.unwrap(), here);
                let values = docs.values_at(id, now).await.unwrap();
                assert_eq!(values.map(|values| values["slug"].clone()), here.map(|doc| doc.slug.into()));
                // Before the log, of whose rows one is told that it does not reach back so far.
                if self.model.doc_of(&who, id, Show::All).is_none() {
                    let state = docs.state_at(id, SystemTime::UNIX_EPOCH).await;
                    assert_eq!(
                        shown(&state, id),
                        shown(&docs.state_at(NEVER, SystemTime::UNIX_EPOCH).await, NEVER)
                    );
                    let values = docs.values_at(id, SystemTime::UNIX_EPOCH).await;
                    assert_eq!(shown(&values, id), "Ok(None)");
                }
            }
            "decisions" => {
                self.note(&[
                    "PolicyMethods::can",
                    "PolicyMethods::can_create",
                    "PolicyMethods::explain_access",
                    "PolicyMethods::explain_access_of",
                ]);
                let here = self.model.doc_of(&who, id, Show::Live);
                let access = docs.explain_access(id).await.unwrap();
                assert_eq!(access.is_some(), here.is_some());
                let may = |doc: &Doc, action| match action {
                    Action::Read => sees(&who, doc),
                    Action::Create => creates(&who, doc),
                    Action::Update | Action::Delete => changes(&who, doc),
                };
                for action in Action::ALL {
                    let may_here = here.as_ref().is_some_and(|doc| may(doc, action));
                    assert_eq!(docs.can(action, id).await.unwrap(), may_here, "{action} {id}");
                    assert_eq!(
                        access.as_ref().is_some_and(|access| access.allows(action)),
                        may_here,
                        "{action} {id}"
                    );
                }
                let new = self.new_doc();
                assert_eq!(docs.can_create(twin(&new)).await.unwrap(), creates(&who, &stored(&who, &new)));
                let system = db(&self.fixture).unrestricted("asked for someone");
                let access = Doc::repo(&system).explain_access_of(&who, id).await.unwrap();
                assert_eq!(access.is_some(), self.model.docs.contains_key(&id));
                if let Some(doc) = self.model.docs.get(&id) {
                    for action in Action::ALL {
                        assert_eq!(
                            access.as_ref().unwrap().allows(action),
                            may(doc, action),
                            "{action} {doc:?}"
                        );
                    }
                }
            }
            "parallel" => {
                self.note(&["dal::parallel"]);
                let counted = dal::parallel(
                    &session,
                    (
                        |db| async move { Doc::repo(db).count().await },
                        |db| async move { Comment::repo(db).count().await },
                        |db| async move { Page::repo(db).count().await },
                    ),
                );
                let expected = (
                    live.len(),
                    self.model.comments_of(&who, Show::Live).len(),
                    self.model.pages_of(&who).len(),
                );
                let (docs, comments, pages) = counted.await.unwrap();
                assert_eq!((docs as usize, comments as usize, pages as usize), expected);
            }
            "comments" => {
                let comments = Comment::repo(&session);
                let found = comments.find().with_deleted().order_by(Comment::ID.asc()).all().await.unwrap();
                assert_eq!(found, self.model.comments_of(&who, Show::All));
                let tenant = self.random.id(3);
                let other =
                    comments.find().filter(!Comment::TENANT_ID.eq(Some(tenant))).count().await.unwrap();
                let mine = self.model.comments_of(&who, Show::Live);
                assert_eq!(
                    other,
                    mine.iter().filter(|comment| comment.tenant_id != Some(tenant)).count() as u64
                );
            }
            "sheets" => {
                let pages = Page::repo(&session);
                let mine = self.model.pages_of(&who);
                assert_eq!(pages.find().order_by(Page::ID.asc()).all().await.unwrap(), mine);
                let id = self.random.id(11);
                let one = mine.iter().find(|page| page.id == id);
                assert_eq!(pages.find_by_id(id).await.unwrap().as_ref(), one);
                for action in [Action::Read, Action::Update, Action::Delete, Action::Create] {
                    let may = one
                        .is_some_and(|page| action == Action::Read || self.model.edits(&who, page.team_id));
                    assert_eq!(pages.can(action, id).await.unwrap(), may, "{action} {one:?}");
                }
            }
            other => panic!("{other}"),
        }
    }
}
