//! Every way to write, against the [model](super::hunter_model).

use kysera::plugin::TimestampMethods;
use kysera::prelude::*;
use kysera::{Conflict, Error};

use super::hunter::Hunter;
use super::hunter_model::*;
use super::world::{Page, *};

/// What is done, each with rows of all tenants.
pub const WRITES: &[&str] = &[
    "create",
    "create many",
    "insert many",
    "update",
    "update many",
    "transition",
    "upsert",
    "upsert many",
    "delete",
    "delete many",
    "restore",
    "restore many",
    "purge",
    "purge many",
    "touch",
    "touch many",
    "update at",
    "save",
    "update where",
    "set where",
    "delete where",
    "restore where",
    "purge where",
    "back in time",
    "comments",
    "sheets' writes",
];

/// Calls with a key; where the caller may not read that row, the same answer is given about a row that never was.
macro_rules! alike {
    ($seen:expr, $id:ident => $call:expr) => {{
        let answer = $call.await;
        if $seen.is_none() {
            let asked = $id;
            let $id = NEVER;
            assert_eq!(shown(&answer, asked), shown(&$call.await, NEVER));
        }
        answer
    }};
}

type Answer<T> = Result<T, &'static str>;

fn said<T>(answer: Result<T, Error>) -> Answer<T> {
    answer.map_err(|error| why(&error))
}

impl Hunter {
    /// What becomes of a document that is there, if the caller may see it, change it, and make that of it.
    fn changed(&self, doc: &Doc, becomes: Doc) -> Answer<Doc> {
        if changes(&self.who, doc) && creates(&self.who, &becomes) { Ok(becomes) } else { Err("Denied") }
    }

    /// The answer is the row as it is stored now.
    async fn settle_row(&mut self, expected: Answer<Doc>, operation: &'static str, answer: Answer<Doc>) {
        let mut model = self.model.clone();
        let mut touched = Vec::new();
        if let Ok(doc) = &expected {
            model.docs.insert(doc.id, doc.clone());
            touched.push((doc.id, operation));
        }
        assert_eq!(answer.as_ref().map(|doc| doc.id), expected.as_ref().map(|doc| doc.id));
        self.settle(model, touched).await;
        if let Ok(doc) = answer {
            assert_eq!(Some(&doc), self.model.docs.get(&doc.id));
        }
    }

    /// All of these documents were changed, or there was an error and none was.
    async fn settle_rows(&mut self, expected: Answer<Vec<(Doc, &'static str)>>, count: Answer<u64>) {
        let mut model = self.model.clone();
        let mut touched = Vec::new();
        assert_eq!(count, expected.as_ref().map(|docs| docs.len() as u64).map_err(|why| *why));
        for (doc, operation) in expected.unwrap_or_default() {
            touched.push((doc.id, operation));
            if operation == "purge" {
                model.docs.remove(&doc.id);
            } else {
                model.docs.insert(doc.id, doc);
            }
        }
        self.settle(model, touched).await;
    }

    /// What becomes of each of several documents: those with these keys that the caller sees, or those it may change.
    fn each(
        &self,
        docs: Vec<Doc>,
        operation: &'static str,
        becomes: impl Fn(&Doc) -> Doc,
    ) -> Answer<Vec<(Doc, &'static str)>> {
        let judge = |doc: Doc| {
            let next = becomes(&doc);
            let is_fine = matches!(operation, "delete" | "purge") || creates(&self.who, &next);
            if changes(&self.who, &doc) && is_fine { Ok((next, operation)) } else { Err("Denied") }
        };
        docs.into_iter().map(judge).collect()
    }

    pub async fn write(&mut self, what: &str) {
        let who = self.who.clone();
        let session = self.session();
        let docs = Doc::repo(&session);
        let id = self.any_doc();
        let set = Set::any(&mut self.random);
        let show = Show::any(&mut self.random);
        let (filter, keeps) = self.probe();
        let find = || match show {
            Show::Live => docs.find().filter(filter.clone()),
            Show::All => docs.find().filter(filter.clone()).with_deleted(),
            Show::Deleted => docs.find().filter(filter.clone()).only_deleted(),
        };
        let live = self.model.doc_of(&who, id, Show::Live);
        let here = self.model.doc_of(&who, id, Show::All);
        // What filters find to be written.
        let writable = |model: &Model, show| -> Vec<Doc> {
            let found = model.docs_of(&who, show).into_iter();
            found.filter(|doc| keeps(doc) && changes(&who, doc)).collect()
        };
        let marked = |doc: &Doc| Doc { deleted_at: Some(0), version: doc.version + 1, ..doc.clone() };
        let restored = |doc: &Doc| Doc { deleted_at: None, version: doc.version + 1, ..doc.clone() };
        let ids = self.any_docs();
        let seen: Vec<Doc> = ids.iter().filter_map(|id| self.model.doc_of(&who, *id, Show::All)).collect();
        let of =
            |show: Show| seen.iter().filter(move |doc| show.has(doc.deleted_at)).cloned().collect::<Vec<_>>();
        match what {
            "create" => {
                self.note(&["Repository::create"]);
                let mut new = self.new_doc();
                let is_taken = self.random.chance(10);
                if is_taken && let Some(taken) = self.model.docs.keys().next() {
                    new.id = *taken; // what is one's own may be taken by others
                }
                let row = stored(&who, &new);
                let expected = match creates(&who, &row) {
                    true if self.model.docs.contains_key(&new.id) => Err("Violation"),
                    true => Ok(row),
                    false => Err("Denied"),
                };
                let answer = said(docs.create(new).await);
                self.settle_row(expected, "create", answer).await;
            }
            "create many" | "insert many" => {
                let news: Vec<NewDoc> = (0..1 + self.random.next(3)).map(|_| self.new_doc()).collect();
                let rows = news.iter().map(|new| stored(&who, new));
                let judged =
                    rows.map(|row| if creates(&who, &row) { Ok((row, "create")) } else { Err("Denied") });
                let expected: Answer<Vec<_>> = judged.collect();
                let count = if what == "create many" {
                    self.note(&["Repository::create_many"]);
                    let asked: Vec<i64> = news.iter().map(|new| new.id).collect();
                    said(docs.create_many(news).await.inspect(|rows| {
                        assert_eq!(rows.iter().map(|doc| doc.id).collect::<Vec<_>>(), asked);
                    }))
                    .map(|rows| rows.len() as u64)
                } else {
                    self.note(&["Repository::insert_many"]);
                    said(docs.insert_many(news).await)
                };
                self.settle_rows(expected, count).await;
            }
            "update" => {
                self.note(&["Repository::update"]);
                let answer = said(alike!(here, id => docs.update(id, set.patch())));
                if set.is_empty() {
                    assert_eq!(answer, live.ok_or("NotFound"));
                    return;
                }
                let expected = live.as_ref().map_or(Err("NotFound"), |doc| self.changed(doc, set.of(doc)));
                self.settle_row(expected, "update", answer).await;
            }
            "update many" => {
                self.note(&["Repository::update_many"]);
                let sets: Vec<(i64, Set)> = ids.iter().map(|id| (*id, Set::any(&mut self.random))).collect();
                let mut expected = Vec::new();
                let mut errors = Vec::new();
                let mut missing = Vec::new();
                for (at, (id, set)) in sets.iter().enumerate() {
                    match self.model.doc_of(&who, *id, Show::Live) {
                        None => {
                            errors.push("Missing");
                            missing.push(at);
                        }
                        Some(_) if set.is_empty() => {}
                        Some(doc) => match self.changed(&doc, set.of(&doc)) {
                            Ok(doc) => expected.push((doc, "update")),
                            Err(error) => errors.push(error),
                        },
                    }
                }
                let answer = docs.update_many(sets.iter().map(|(id, set)| (*id, set.patch()))).await;
                match answer {
                    Ok(rows) => {
                        assert_eq!(errors, Vec::<&str>::new());
                        assert_eq!(rows.iter().map(|doc| doc.id).collect::<Vec<_>>(), ids);
                        let count = expected.len() as u64;
                        self.settle_rows(Ok(expected), Ok(count)).await;
                        assert!(rows.iter().all(|doc| self.model.docs.get(&doc.id) == Some(doc)));
                    }
                    Err(error) => {
                        assert!(errors.contains(&why(&error)), "{error:?} {errors:?}");
                        if let Error::Missing(told) = &error {
                            assert_eq!(told.positions, missing);
                        }
                        self.settle_rows(Err(why(&error)), Err(why(&error))).await;
                    }
                }
            }
            "transition" => {
                self.note(&["Repository::transition"]);
                let (from, to) = (self.random.state(), self.random.state());
                let set = Set { status: None, ..set };
                let call = |id: i64| docs.transition(id, Doc::STATUS, from, to, set.patch());
                let answer = said(alike!(here, id => call(id)));
                match live.filter(|doc| doc.status == from) {
                    None => assert_eq!(answer, Ok(None)),
                    Some(doc) => {
                        let expected = self.changed(&doc, Doc { status: to.into(), ..set.of(&doc) });
                        self.settle_row(expected, "update", answer.map(|row| row.unwrap())).await;
                    }
                }
            }
            "upsert" => {
                self.note(&["Repository::upsert"]);
                let mut new = self.new_doc();
                let by_id = self.random.chance(30);
                let taken = self.model.docs.get(&id).cloned();
                if let Some(taken) = &taken {
                    if by_id {
                        new.id = id;
                    } else {
                        new.slug = taken.slug.clone();
                    }
                }
                let on = || if by_id { Conflict::on(Doc::ID) } else { Conflict::on(Doc::SLUG) };
                let way = self.random.next(4);
                let conflict = match way {
                    0 => on().update((Doc::AMOUNT, Doc::OWNER_ID)),
                    1 => on().keep(),
                    2 => on().update((Doc::AMOUNT, Doc::OWNER_ID)).restore(),
                    _ => on().keep().restore(),
                };
                let (keeps, restores) = (way % 2 == 1, way >= 2);
                let row = stored(&who, &new);
                let answer = said(docs.upsert(twin(&new), conflict).await);
                let Some(taken) = taken else {
                    let expected = if creates(&who, &row) { Ok(row) } else { Err("Denied") };
                    return self.settle_row(expected, "create", answer).await;
                };
                let operation = if taken.deleted_at.is_some() { "restore" } else { "update" };
                let becomes = match keeps {
                    true => restored(&taken),
                    false => Doc { owner_id: new.owner_id, amount: new.amount, ..restored(&taken) },
                };
                if !creates(&who, &row) || !sees(&who, &taken) {
                    self.settle_row(Err("Denied"), "", answer).await;
                } else if taken.deleted_at.is_some() && !restores {
                    self.settle_row(Err("Deleted"), "", answer).await;
                } else if taken.deleted_at.is_none() && keeps {
                    assert_eq!(answer, Ok(taken));
                    self.settle(self.model.clone(), Vec::new()).await;
                } else {
                    let expected = self.changed(&taken, becomes);
                    self.settle_row(expected, operation, answer).await;
                }
            }
            "upsert many" => {
                self.note(&["Repository::upsert_many"]);
                let mut news = Vec::new();
                let mut expected = Vec::new();
                let mut errors = Vec::new();
                for id in &ids {
                    let mut new = self.new_doc();
                    let taken = self.model.docs.get(id).cloned();
                    if let Some(taken) = &taken {
                        new.slug = taken.slug.clone();
                    }
                    let row = stored(&who, &new);
                    match taken {
                        _ if !creates(&who, &row) => errors.push("Denied"),
                        None => expected.push((row, "create")),
                        Some(taken) if !sees(&who, &taken) => errors.push("Denied"),
                        Some(taken) if taken.deleted_at.is_some() => errors.push("Deleted"),
                        Some(taken) => {
                            let next =
                                Doc { amount: new.amount, version: taken.version + 1, ..taken.clone() };
                            match self.changed(&taken, next) {
                                Ok(next) => expected.push((next, "update")),
                                Err(error) => errors.push(error),
                            }
                        }
                    }
                    news.push(new);
                }
                let answer = docs.upsert_many(news, Conflict::on(Doc::SLUG).update(Doc::AMOUNT)).await;
                let expected = if errors.is_empty() { Ok(expected) } else { Err(errors[0]) };
                let answer = said(answer).map(|rows| rows.len() as u64);
                self.settle_rows(expected, answer).await;
            }
            "delete" => {
                self.note(&["Repository::delete"]);
                let answer = said(alike!(here, id => docs.delete(id)));
                let expected = self.each(live.into_iter().collect(), "delete", marked);
                self.settle_rows(expected, answer.map(u64::from)).await;
            }
            "delete many" => {
                self.note(&["Repository::delete_many"]);
                let answer = said(docs.delete_many(ids.clone()).await);
                self.settle_rows(self.each(of(Show::Live), "delete", marked), answer).await;
            }
            "restore" => {
                self.note(&["SoftDeleteMethods::restore"]);
                let answer = said(alike!(here, id => docs.restore(id)));
                let expected = match &here {
                    None => Err("NotFound"),
                    Some(doc) if doc.deleted_at.is_none() => Err("NotDeleted"),
                    Some(doc) => self.changed(doc, restored(doc)),
                };
                self.settle_row(expected, "restore", answer).await;
            }
            "restore many" => {
                self.note(&["SoftDeleteMethods::restore_many"]);
                let answer = said(docs.restore_many(ids.clone()).await);
                self.settle_rows(self.each(of(Show::Deleted), "restore", restored), answer).await;
            }
            "purge" => {
                self.note(&["SoftDeleteMethods::purge"]);
                if self.random.chance(50) {
                    return; // enough shall be left
                }
                let answer = said(alike!(here, id => docs.purge(id)));
                let expected = self.each(here.into_iter().collect(), "purge", Doc::clone);
                self.settle_rows(expected, answer.map(u64::from)).await;
            }
            "purge many" => {
                self.note(&["SoftDeleteMethods::purge_many"]);
                let answer = said(docs.purge_many(ids.clone()).await);
                self.settle_rows(self.each(of(Show::All), "purge", Doc::clone), answer).await;
            }
            "touch" => {
                self.note(&["TimestampMethods::touch"]);
                let answer = said(alike!(here, id => docs.touch(id)));
                let next = |doc: &Doc| self.changed(doc, Set::default().of(doc));
                let expected = live.as_ref().map_or(Err("NotFound"), next);
                self.settle_row(expected, "update", answer).await;
            }
            "touch many" => {
                self.note(&["TimestampMethods::touch_many"]);
                let answer = said(docs.touch_many(ids.clone()).await);
                let expected = self.each(of(Show::Live), "update", |doc| Set::default().of(doc));
                self.settle_rows(expected, answer).await;
            }
            "update at" | "save" => {
                let off = i32::from(self.random.chance(20));
                let version = self.model.docs.get(&id).map_or(1, |doc| doc.version) + off;
                let (set, answer) = if what == "update at" {
                    self.note(&["VersionMethods::update_at"]);
                    let answer = alike!(here, id => docs.update_at(id, version, set.patch()));
                    (set, answer)
                } else {
                    self.note(&["VersionMethods::save"]);
                    // As it would be if one had read it, also what one cannot read.
                    let Some(doc) = self.model.docs.get(&id).cloned() else { return };
                    let save = |id: i64| {
                        let row = Doc { id, version, ..set.of(&doc) };
                        let docs = &docs;
                        async move { docs.save(&row).await }
                    };
                    (set.clone(), alike!(here, id => save(id)))
                };
                let answer = said(answer);
                let Some(doc) = live else {
                    assert_eq!(answer, Err("NotFound"));
                    return self.settle(self.model.clone(), Vec::new()).await;
                };
                if set.is_empty() && what == "update at" {
                    assert_eq!(answer, if off == 0 { Ok(doc) } else { Err("Stale") });
                    return;
                }
                // Whoever sees the row may be told either.
                let expected = match self.changed(&doc, set.of(&doc)) {
                    Ok(_) if off > 0 => Err("Stale"),
                    Err(_) if off > 0 && answer == Err("Stale") => Err("Stale"),
                    expected => expected,
                };
                self.settle_row(expected, "update", answer).await;
            }
            "update where" => {
                self.note(&["Find::update"]);
                let answer = said(find().update(set.patch()).await);
                let found = if set.is_empty() { Vec::new() } else { writable(&self.model, show) };
                self.settle_rows(self.each(found, "update", |doc| set.of(doc)), answer).await;
            }
            "set where" => {
                self.note(&["Find::set", "Find::patch", "Update::set", "Update::patch", "Update::execute"]);
                let (more, team) = (self.random.id(300), self.random.id(5));
                let set = Set { amount: None, team: None, ..set };
                let update = if self.random.chance(50) {
                    find()
                        .set(Doc::AMOUNT, Doc::AMOUNT.plus(more))
                        .patch(set.patch())
                        .set(Doc::TEAM_ID, Some(team))
                } else {
                    find()
                        .patch(set.patch())
                        .set(Doc::AMOUNT, Doc::AMOUNT.plus(more))
                        .set(Doc::TEAM_ID, Some(team))
                };
                let answer = said(update.execute().await);
                let becomes =
                    |doc: &Doc| Doc { amount: doc.amount + more, team_id: Some(team), ..set.of(doc) };
                let expected = self.each(writable(&self.model, show), "update", becomes);
                self.settle_rows(expected, answer).await;
            }
            "delete where" => {
                self.note(&["Find::delete"]);
                if show == Show::Deleted {
                    return;
                }
                let answer = said(find().filter(Doc::ID.in_(ids.clone())).delete().await);
                let mut found = writable(&self.model, Show::Live);
                found.retain(|doc| ids.contains(&doc.id));
                self.settle_rows(self.each(found, "delete", marked), answer).await;
            }
            "restore where" => {
                self.note(&["Find::restore"]);
                let answer = said(find().restore().await);
                let found = writable(&self.model, Show::Deleted);
                self.settle_rows(self.each(found, "restore", restored), answer).await;
            }
            "purge where" => {
                self.note(&["Find::purge"]);
                let answer = said(find().filter(Doc::ID.in_(ids.clone())).purge().await);
                let mut found = writable(&self.model, show);
                found.retain(|doc| ids.contains(&doc.id));
                self.settle_rows(self.each(found, "purge", Doc::clone), answer).await;
            }
            "back in time" => self.back_in_time().await,
            "comments" => self.write_comments().await,
            "sheets' writes" => self.write_pages().await,
            other => panic!("{other}"),
        }
    }

    /// An entry is taken back. Of entries about rows that the caller does not see there are none.
    async fn back_in_time(&mut self) {
        self.note(&["AuditMethods::restore_from_audit"]);
        let (session, entry) = (self.session(), self.any_entry());
        let docs = Doc::repo(&session);
        let Some(about) = self.model.log.iter().find(|one| one.id == entry).map(|entry| entry.doc) else {
            return;
        };
        let before = self.model.docs.get(&about).cloned();
        let answer = docs.restore_from_audit(entry).await;
        if before.as_ref().is_some_and(|doc| !sees(&self.who, doc)) {
            assert_eq!(shown(&answer, entry), shown(&docs.restore_from_audit(NEVER).await, NEVER));
        }
        let Ok(row) = answer else {
            return self.settle(self.model.clone(), Vec::new()).await;
        };
        let stored = Model::stored(&self.fixture).await;
        assert_eq!(Some(&row), stored.docs.get(&about));
        assert!(before.as_ref().is_none_or(|doc| changes(&self.who, doc)), "{before:?}");
        assert!(creates(&self.who, &row), "{row:?}");
        let mut expected = self.model.clone();
        let is_new = before.is_none();
        expected.docs.insert(about, row);
        let operation = stored.log.last().unwrap().operation;
        assert_eq!(operation == "create", is_new);
        self.settle(expected, vec![(about, operation)]).await;
    }

    /// Rows with a tenant and no other rule, and no log.
    async fn write_comments(&mut self) {
        let who = self.who.clone();
        let session = self.session();
        let comments = Comment::repo(&session);
        let id = self.random.id(30);
        let number = self.fresh();
        let mut next = self.model.clone();
        let live = self.model.comments_of(&who, Show::Live);
        let seen = self.model.comments.get(&id).filter(|comment| sees_comment(&who, comment)).cloned();
        let here = seen.clone().filter(|comment| comment.deleted_at.is_none());
        let new = |doc_id: i64| NewComment { doc_id, body: format!("new {number} {doc_id}") };
        let patch = || CommentPatch::new().doc_id(number);
        match self.random.next(9) {
            0 => match said(comments.create(new(1)).await) {
                Ok(comment) => {
                    assert_eq!(comment.tenant_id, who.tenant_id);
                    next.comments.insert(comment.id, comment);
                }
                Err(error) => assert_eq!((error, who.tenant_id), ("Denied", None)),
            },
            1 => match said(comments.create_many([new(1), new(2)]).await) {
                Ok(rows) => {
                    assert!(rows.iter().all(|comment| comment.tenant_id == who.tenant_id));
                    next.comments.extend(rows.into_iter().map(|comment| (comment.id, comment)));
                }
                Err(error) => assert_eq!((error, who.tenant_id), ("Denied", None)),
            },
            2 => {
                let answer = said(alike!(seen, id => comments.update(id, patch())));
                let expected = here.map(|comment| Comment { doc_id: number, ..comment });
                next.comments.extend(expected.clone().map(|comment| (id, comment)));
                assert_eq!(answer, expected.ok_or("NotFound"));
            }
            3 => {
                assert_eq!(said(comments.find().update(patch()).await), Ok(live.len() as u64));
                let changed = |comment: Comment| (comment.id, Comment { doc_id: number, ..comment });
                next.comments.extend(live.into_iter().map(changed));
            }
            4 => {
                let deleted = said(alike!(seen, id => comments.delete(id)));
                assert_eq!(deleted, Ok(here.is_some()));
                let stored =
                    Model::stored(&self.fixture).await.comments.get(&id).and_then(|one| one.deleted_at);
                if let Some(comment) = here {
                    assert!(stored.is_some());
                    next.comments.insert(id, Comment { deleted_at: stored, ..comment });
                }
            }
            5 => {
                let answer = said(alike!(seen, id => comments.restore(id)));
                let expected = match seen {
                    None => Err("NotFound"),
                    Some(comment) if comment.deleted_at.is_none() => Err("NotDeleted"),
                    Some(comment) => Ok(Comment { deleted_at: None, ..comment }),
                };
                next.comments.extend(expected.clone().map(|comment| (id, comment)));
                assert_eq!(answer, expected);
            }
            6 => {
                let purged = said(alike!(seen, id => comments.purge(id)));
                assert_eq!(purged, Ok(seen.is_some()));
                if seen.is_some() {
                    next.comments.remove(&id);
                }
            }
            7 => {
                let Some(taken) = self.model.comments.get(&id).cloned() else { return };
                let new = NewComment { doc_id: number, body: taken.body.clone() };
                let answer = said(comments.upsert(new, Comment::BODY).await);
                let expected = match &taken {
                    taken if !sees_comment(&who, taken) => Err("Denied"),
                    taken if taken.deleted_at.is_some() => Err("Deleted"),
                    taken => Ok(Comment { doc_id: number, ..taken.clone() }),
                };
                next.comments.extend(expected.clone().map(|comment| (id, comment)));
                assert_eq!(answer, expected);
            }
            _ => {
                let all = [id, id + 1, id + 2];
                let found: Vec<Comment> =
                    live.into_iter().filter(|comment| all.contains(&comment.id)).collect();
                let patches = all.map(|id| (id, patch()));
                match comments.update_many(patches).await {
                    Ok(rows) => {
                        assert_eq!(found.len(), 3);
                        next.comments.extend(rows.into_iter().map(|comment| (comment.id, comment)));
                        assert!(all.iter().all(|id| next.comments[id].doc_id == number));
                    }
                    Err(Error::Missing(missing)) => assert_eq!(missing.positions.len(), 3 - found.len()),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
        self.settle(next, Vec::new()).await;
    }

    /// Rows whose rule asks for other tables, and no tenant.
    async fn write_pages(&mut self) {
        let who = self.who.clone();
        let session = self.session();
        let pages = Page::repo(&session);
        let (id, team, number) = (self.random.id(11), self.random.id(6), self.fresh());
        let mut next = self.model.clone();
        let seen = self.model.pages_of(&who).into_iter().find(|page| page.id == id);
        let edits = |team| self.model.edits(&who, team);
        let text = format!("text {number}");
        let new = |id| NewPage { id, team_id: team, text: text.clone() };
        let judge = |before: Option<&Page>, becomes: Page| match before {
            Some(page) if !edits(page.team_id) => Err("Denied"),
            _ if !edits(becomes.team_id) => Err("Denied"),
            _ => Ok(becomes),
        };
        let fresh = Page { id: number, team_id: team, text: text.clone() };
        let expected = match self.random.next(7) {
            0 => {
                let expected = judge(None, fresh);
                assert_eq!(said(pages.create(new(number)).await), expected);
                expected.into_iter().collect()
            }
            1 => {
                let (one, two) = (
                    judge(None, fresh),
                    judge(None, Page { id: number + 1, team_id: team, text: text.clone() }),
                );
                self.next_id += 1;
                let expected = one.and_then(|one| Ok(vec![one, two?]));
                assert_eq!(said(pages.create_many([new(number), new(number + 1)]).await), expected);
                expected.unwrap_or_default()
            }
            2 => {
                let patch = || PagePatch::new().team_id(team);
                let answer = said(alike!(seen, id => pages.update(id, patch())));
                let change = |page: Page| judge(Some(&page), Page { team_id: team, ..page.clone() });
                let expected = seen.map_or(Err("NotFound"), change);
                assert_eq!(answer, expected);
                expected.into_iter().collect()
            }
            3 => {
                let answer = said(pages.find().update(PagePatch::new().text(&*text)).await);
                let mine = self.model.pages_of(&who).into_iter().filter(|page| edits(page.team_id));
                let expected: Vec<Page> = mine.map(|page| Page { text: text.clone(), ..page }).collect();
                assert_eq!(answer, Ok(expected.len() as u64));
                expected
            }
            4 => {
                let answer = said(pages.find().update(PagePatch::new().team_id(team)).await);
                let mine = self.model.pages_of(&who).into_iter().filter(|page| edits(page.team_id));
                let changed = mine.map(|page| judge(Some(&page), Page { team_id: team, ..page.clone() }));
                let expected: Answer<Vec<Page>> = changed.collect();
                assert_eq!(answer, expected.as_ref().map(|pages| pages.len() as u64).map_err(|why| *why));
                expected.unwrap_or_default()
            }
            5 => {
                let answer = said(pages.upsert(new(id), Page::ID).await);
                let expected = match self.model.pages.get(&id) {
                    _ if !edits(team) => Err("Denied"),
                    Some(page) if !edits(page.team_id) => Err("Denied"),
                    _ => Ok(Page { id, team_id: team, text: text.clone() }),
                };
                assert_eq!(answer, expected);
                expected.into_iter().collect()
            }
            _ => {
                let answer = said(alike!(seen, id => pages.delete(id)));
                let expected = seen
                    .as_ref()
                    .map_or(Ok(false), |page| if edits(page.team_id) { Ok(true) } else { Err("Denied") });
                assert_eq!(answer, expected);
                if expected == Ok(true) {
                    next.pages.remove(&id);
                }
                Vec::new()
            }
        };
        next.pages.extend(expected.into_iter().map(|page: Page| (page.id, page)));
        self.settle(next, Vec::new()).await;
    }
}
