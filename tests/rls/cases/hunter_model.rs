//! What the [leak hunter](super::hunter) knows: all rows, who may do what with them, and how calls are thrown together.
//!
//! The rules are written a second time here, as plain functions of rows and of who asks.

use std::collections::BTreeMap;

use kysera::Error;
use kysera::plugin::AuditTable;
use kysera::prelude::*;
use kysera_tests::Fixture;

use super::world::{Page, *};
use crate::DB;

/// A key that no row ever has.
pub const NEVER: i64 = 9_876_543;

pub const STATES: [&str; 3] = ["draft", "paid", "sent"];

pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    pub fn id(&mut self, most: u64) -> i64 {
        1 + self.next(most) as i64
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.next(100) < percent
    }

    pub fn state(&mut self) -> &'static str {
        STATES[self.next(3) as usize]
    }

    pub fn maybe<T>(&mut self, percent: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(percent).then(|| make(self))
    }

    /// One of three tenants, or none; one of four users; rarely an admin.
    pub fn principal(&mut self) -> Principal {
        let teams = (1..=4).filter(|_| self.chance(35)).collect();
        Principal {
            tenant_id: self.maybe(93, |random| random.id(3)),
            user_id: self.id(4),
            team_ids: teams,
            is_admin: self.chance(25),
            limit: [400, 1000, 5000][self.next(3) as usize],
        }
    }
}

/// What a query shows of rows that are marked as deleted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Show {
    Live,
    All,
    Deleted,
}

impl Show {
    pub fn any(random: &mut Random) -> Self {
        [Self::Live, Self::All, Self::Deleted][random.next(3) as usize]
    }

    pub fn has(self, deleted_at: Option<i64>) -> bool {
        match self {
            Self::Live => deleted_at.is_none(),
            Self::All => true,
            Self::Deleted => deleted_at.is_some(),
        }
    }
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: i64,
    pub doc: i64,
    pub operation: &'static str,
    pub actor: Option<String>,
}

/// All rows of all tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub docs: BTreeMap<i64, Doc>,
    pub comments: BTreeMap<i64, Comment>,
    pub pages: BTreeMap<i64, Page>,
    pub teams: BTreeMap<i64, Team>,
    pub members: Vec<Member>,
    pub log: Vec<Entry>,
}

impl Model {
    /// As stored, whoever asks.
    pub async fn stored(fixture: &Fixture<DB>) -> Self {
        let system = db(fixture).unrestricted("what is stored");
        let docs = Doc::repo(&system).find().with_deleted().all().await.unwrap();
        let comments = Comment::repo(&system).find().with_deleted().all().await.unwrap();
        let pages = Page::repo(&system).find_all().await.unwrap();
        let table = AuditTable::of::<Doc>();
        let entries =
            table.entries(&system).order_by(kysera::plugin::AuditEntry::ID.asc()).all().await.unwrap();
        let log = entries.into_iter().map(|entry| Entry {
            id: entry.id,
            doc: entry.entity_id.parse().unwrap(),
            operation: entry.operation.as_str(),
            actor: entry.actor,
        });
        Self {
            docs: docs.into_iter().map(|doc| (doc.id, doc)).collect(),
            comments: comments.into_iter().map(|comment| (comment.id, comment)).collect(),
            pages: pages.into_iter().map(|page| (page.id, page)).collect(),
            teams: Team::repo(&system)
                .find_all()
                .await
                .unwrap()
                .into_iter()
                .map(|team| (team.id, team))
                .collect(),
            members: Member::repo(&system).find_all().await.unwrap(),
            log: log.collect(),
        }
    }

    fn is_member(&self, team: i64, user: i64, role: &str) -> bool {
        self.members
            .iter()
            .any(|member| (member.team_id, member.user_id, &*member.role) == (team, user, role))
    }

    /// Whether a team above this one has the user as a reader.
    pub fn read_above(&self, team: i64, user: i64) -> bool {
        let mut parent = self.teams.get(&team).and_then(|team| team.parent_id);
        while let Some(team) = parent {
            if self.is_member(team, user, "reader") {
                return true;
            }
            parent = self.teams.get(&team).and_then(|team| team.parent_id);
        }
        false
    }

    pub fn edits(&self, who: &Principal, team: i64) -> bool {
        self.teams.contains_key(&team) && self.is_member(team, who.user_id, "editor")
    }

    pub fn sees_page(&self, who: &Principal, page: &Page) -> bool {
        self.teams.contains_key(&page.team_id)
            && (self.is_member(page.team_id, who.user_id, "reader")
                || self.read_above(page.team_id, who.user_id)
                || self.edits(who, page.team_id))
    }

    /// The documents that someone sees, by their keys.
    pub fn docs_of(&self, who: &Principal, show: Show) -> Vec<Doc> {
        self.docs.values().filter(|doc| sees(who, doc) && show.has(doc.deleted_at)).cloned().collect()
    }

    /// A document, if someone sees it.
    pub fn doc_of(&self, who: &Principal, id: i64, show: Show) -> Option<Doc> {
        self.docs.get(&id).filter(|doc| sees(who, doc) && show.has(doc.deleted_at)).cloned()
    }

    pub fn comments_of(&self, who: &Principal, show: Show) -> Vec<Comment> {
        let seen = |comment: &&Comment| sees_comment(who, comment) && show.has(comment.deleted_at);
        self.comments.values().filter(seen).cloned().collect()
    }

    pub fn pages_of(&self, who: &Principal) -> Vec<Page> {
        self.pages.values().filter(|page| self.sees_page(who, page)).cloned().collect()
    }

    /// The log of the documents that someone sees as they are now.
    pub fn log_of(&self, who: &Principal) -> Vec<i64> {
        let seen = |entry: &&Entry| self.doc_of(who, entry.doc, Show::All).is_some();
        self.log.iter().filter(seen).map(|entry| entry.id).collect()
    }
}

pub fn sees_comment(who: &Principal, comment: &Comment) -> bool {
    who.tenant_id.is_some() && who.tenant_id == comment.tenant_id
}

fn owns(who: &Principal, doc: &Doc) -> bool {
    who.is_admin || who.user_id == doc.owner_id
}

pub fn sees(who: &Principal, doc: &Doc) -> bool {
    let in_team = doc.team_id.is_some_and(|team| who.team_ids.contains(&team));
    who.tenant_id == Some(doc.tenant_id) && (owns(who, doc) || in_team)
}

/// Whether a document may be changed or deleted, as it is.
pub fn changes(who: &Principal, doc: &Doc) -> bool {
    sees(who, doc) && owns(who, doc) && doc.status != "paid"
}

/// Whether a document may become this one, or be created so.
pub fn creates(who: &Principal, doc: &Doc) -> bool {
    who.tenant_id == Some(doc.tenant_id) && owns(who, doc) && doc.amount <= who.limit
}

/// What a call sets.
#[derive(Debug, Clone, Default)]
pub struct Set {
    pub owner: Option<i64>,
    pub team: Option<Option<i64>>,
    pub status: Option<&'static str>,
    pub amount: Option<i64>,
}

impl Set {
    pub fn any(random: &mut Random) -> Self {
        Self {
            owner: random.maybe(25, |random| random.id(4)),
            team: random.maybe(25, |random| random.maybe(70, |random| random.id(5))),
            status: random.maybe(20, Random::state),
            amount: random.maybe(60, |random| random.id(1500)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.owner.is_none() && self.team.is_none() && self.status.is_none() && self.amount.is_none()
    }

    pub fn patch(&self) -> DocPatch {
        let mut patch = DocPatch::new();
        if let Some(owner) = self.owner {
            patch = patch.owner_id(owner);
        }
        if let Some(team) = self.team {
            patch = patch.team_id(team);
        }
        if let Some(status) = self.status {
            patch = patch.status(status);
        }
        if let Some(amount) = self.amount {
            patch = patch.amount(amount);
        }
        patch
    }

    /// What an update makes of a document, but for its times.
    pub fn of(&self, doc: &Doc) -> Doc {
        Doc {
            owner_id: self.owner.unwrap_or(doc.owner_id),
            team_id: self.team.unwrap_or(doc.team_id),
            status: self.status.map_or_else(|| doc.status.clone(), Into::into),
            amount: self.amount.unwrap_or(doc.amount),
            version: doc.version + 1,
            ..doc.clone()
        }
    }
}

/// A new document as it is stored, but for its times.
pub fn stored(who: &Principal, new: &NewDoc) -> Doc {
    Doc {
        id: new.id,
        tenant_id: who.tenant_id.unwrap_or_default(),
        owner_id: new.owner_id,
        team_id: new.team_id,
        slug: new.slug.clone(),
        status: new.status.clone(),
        amount: new.amount,
        version: 1,
        created_at: 0,
        updated_at: 0,
        deleted_at: None,
    }
}

pub fn twin(new: &NewDoc) -> NewDoc {
    NewDoc {
        id: new.id,
        owner_id: new.owner_id,
        team_id: new.team_id,
        slug: new.slug.clone(),
        status: new.status.clone(),
        amount: new.amount,
    }
}

/// The kind of an error.
pub fn why(error: &Error) -> &'static str {
    match error {
        Error::NotFound { .. } => "NotFound",
        Error::Denied { .. } => "Denied",
        Error::Missing(_) => "Missing",
        Error::Violation(_) => "Violation",
        Error::NotDeleted { .. } => "NotDeleted",
        Error::Deleted { .. } => "Deleted",
        Error::Stale { .. } => "Stale",
        Error::MoreThanOne { .. } => "MoreThanOne",
        Error::Audit(_) => "Audit",
        other => panic!("{other:?}"),
    }
}

/// What a call says, without the key that it was asked for.
pub fn shown<T: std::fmt::Debug>(answer: &Result<T, Error>, id: i64) -> String {
    format!("{answer:?}").replace(&id.to_string(), "#")
}

/// Fills the tables: of each kind of row some for each tenant, live and deleted, and references across tenants.
pub async fn fill(fixture: &Fixture<DB>, random: &mut Random) {
    let null = |value: Option<i64>| value.map_or("NULL".to_owned(), |value| value.to_string());
    for id in 1..=5 {
        let parent = random.maybe(60, |random| random.next(id) as i64).filter(|parent| *parent > 0);
        fixture.execute(&format!("INSERT INTO teams VALUES ({id}, 'team {id}', {})", null(parent))).await;
        for user in 1..=4 {
            if random.chance(30) {
                let role = if random.chance(50) { "reader" } else { "editor" };
                fixture.execute(&format!("INSERT INTO members VALUES ({id}, {user}, '{role}')")).await;
            }
        }
    }
    for id in 1..=24 {
        let (tenant, owner) = (random.id(3), random.id(4));
        let team = null(random.maybe(60, |random| random.id(5)));
        let (state, amount) = (random.state(), random.id(2000));
        let deleted = null(random.maybe(30, |_| 5));
        fixture
            .execute(&format!(
                "INSERT INTO docs VALUES ({id}, {tenant}, {owner}, {team}, 'slug {id}', '{state}', {amount}, 1, 1, 1, {deleted})"
            ))
            .await;
    }
    for id in 1..=24 {
        let tenant = null(random.maybe(90, |random| random.id(3)));
        let (doc, deleted) = (random.id(25), null(random.maybe(25, |_| 5)));
        let columns = "(tenant_id, doc_id, body, deleted_at)";
        fixture
            .execute(&format!(
                "INSERT INTO comments {columns} VALUES ({tenant}, {doc}, 'body {id}', {deleted})"
            ))
            .await;
    }
    for id in 1..=10 {
        fixture.execute(&format!("INSERT INTO pages VALUES ({id}, {}, 'page {id}')", random.id(6))).await;
    }
}
