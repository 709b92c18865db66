//! What plugins make of each write, computed in Rust: the row that has to be stored, the answer, and what the log has to say.

use std::collections::{BTreeMap, HashSet};

use kysera::Error;
use kysera::plugin::Operation;
use serde_json::{Value, json};

/// Which plugins an entity has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plugins {
    pub soft_delete: bool,
    pub timestamps: bool,
    pub version: bool,
    pub audit: bool,
}

/// A row; columns that the entity lacks are `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    pub id: i64,
    pub name: String,
    pub amount: i64,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub version: Option<i32>,
    pub deleted_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct New {
    pub id: i64,
    pub name: &'static str,
    pub amount: i64,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    pub name: Option<&'static str>,
    pub amount: Option<i64>,
}

impl Patch {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.amount.is_none()
    }
}

/// What an upsert does where the name is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum How {
    Update,
    Keep,
    Restore,
    RestoreAndKeep,
}

/// Which rows a query shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Show {
    Live,
    All,
    Deleted,
}

/// A write. Filters are `amount >= ..`.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Create(New),
    CreateMany(Vec<New>),
    InsertMany(Vec<New>),
    Update(i64, Patch),
    UpdateMany(Vec<(i64, Patch)>),
    /// By so many versions off the right one.
    UpdateAt(i64, i32, Patch),
    /// The row as it is, with another amount, by so many versions off.
    Save(i64, i32, i64),
    Transition(i64, i64, i64, Patch),
    Touch(i64),
    TouchMany(Vec<i64>),
    UpdateWhere(Show, i64, Patch),
    AddWhere(Show, i64, i64),
    Upsert(New, How),
    UpsertMany(Vec<New>, How),
    Delete(i64),
    DeleteMany(Vec<i64>),
    DeleteWhere(i64),
    Restore(i64),
    RestoreMany(Vec<i64>),
    RestoreWhere(i64),
    Purge(i64),
    PurgeMany(Vec<i64>),
    PurgeWhere(Show, i64),
}

impl Op {
    /// Whether an entity with these plugins has the method.
    pub fn fits(&self, plugins: Plugins) -> bool {
        match self {
            Self::UpdateAt(..) | Self::Save(..) => plugins.version,
            Self::Touch(_) | Self::TouchMany(_) => plugins.timestamps,
            Self::Restore(_) | Self::RestoreMany(_) | Self::RestoreWhere(_) => plugins.soft_delete,
            Self::Purge(_) | Self::PurgeMany(_) | Self::PurgeWhere(..) => plugins.soft_delete,
            Self::UpdateWhere(show, ..) | Self::AddWhere(show, ..) => {
                plugins.soft_delete || *show == Show::Live
            }
            Self::Upsert(_, how) | Self::UpsertMany(_, how) => {
                plugins.soft_delete || matches!(how, How::Update | How::Keep)
            }
            _ => true,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Rows(Vec<Row>),
    /// `transition` may answer none.
    Maybe(Option<Row>),
    Count(u64),
    Found(bool),
    Refused(Refusal),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    NotFound,
    /// The positions of the keys without a row.
    Missing(Vec<usize>),
    SameKey,
    Stale,
    NotDeleted,
    Deleted,
    Unique,
}

impl From<kysera::Result<Answer>> for Answer {
    fn from(answer: kysera::Result<Answer>) -> Self {
        let refusal = match answer {
            Ok(answer) => return answer,
            Err(Error::NotFound { .. }) => Refusal::NotFound,
            Err(Error::Missing(missing)) => Refusal::Missing(missing.positions),
            Err(Error::SameKey { .. }) => Refusal::SameKey,
            Err(Error::Stale { .. }) => Refusal::Stale,
            Err(Error::NotDeleted { .. }) => Refusal::NotDeleted,
            Err(Error::Deleted { .. }) => Refusal::Deleted,
            Err(error) if error.code() == kysera::ErrorCode::UniqueViolation => Refusal::Unique,
            Err(error) => panic!("{error:?}"),
        };
        Answer::Refused(refusal)
    }
}

/// What the log says of one row, without its number and its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub operation: Operation,
    pub id: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
    pub changed: Option<Vec<String>>,
}

/// A table as it has to be.
#[derive(Debug, Clone)]
pub struct Model {
    plugins: Plugins,
    pub rows: BTreeMap<i64, Row>,
    now: i64,
    log: Vec<Entry>,
}

type Outcome<T> = Result<T, Refusal>;

impl Model {
    pub fn new(plugins: Plugins) -> Self {
        Self { plugins, rows: BTreeMap::new(), now: 0, log: Vec::new() }
    }

    /// What an operation at this time, in seconds, has to answer and to log. A refusal changes nothing.
    pub fn apply(&mut self, op: &Op, now: i64) -> (Answer, Vec<Entry>) {
        let mut next = Self { now, log: Vec::new(), ..self.clone() };
        match next.run(op) {
            Ok(answer) => {
                let log = std::mem::take(&mut next.log);
                *self = next;
                (answer, if self.plugins.audit { log } else { Vec::new() })
            }
            Err(refusal) => (Answer::Refused(refusal), Vec::new()),
        }
    }

    fn run(&mut self, op: &Op) -> Outcome<Answer> {
        Ok(match op {
            Op::Create(new) => Answer::Rows(vec![self.create(new)?]),
            Op::CreateMany(rows) => Answer::Rows(self.each(rows, Self::create)?),
            Op::InsertMany(rows) => Answer::Count(self.each(rows, Self::create)?.len() as u64),
            Op::Update(id, patch) => Answer::Rows(vec![self.update(*id, patch)?]),
            Op::UpdateMany(patches) => Answer::Rows(self.update_many(patches)?),
            Op::UpdateAt(id, off, patch) => {
                let id = self.live(*id)?;
                if *off != 0 {
                    return Err(Refusal::Stale);
                }
                Answer::Rows(vec![self.update(id, patch)?])
            }
            Op::Save(id, off, amount) => {
                let id = self.live(*id)?;
                if *off != 0 {
                    return Err(Refusal::Stale);
                }
                Answer::Rows(vec![self.update(id, &Patch { amount: Some(*amount), name: None })?])
            }
            Op::Transition(id, from, to, patch) => match self.live(*id) {
                Ok(id) if self.rows[&id].amount == *from => {
                    Answer::Maybe(Some(self.update(id, &Patch { amount: Some(*to), ..patch.clone() })?))
                }
                _ => Answer::Maybe(None),
            },
            Op::Touch(id) => {
                let id = self.live(*id)?;
                Answer::Rows(vec![self.change(id, Operation::Update, true, |_| {})])
            }
            Op::TouchMany(ids) => {
                let ids = self.those(ids, Show::Live);
                Answer::Count(self.change_all(ids, Operation::Update, true, |_| {}))
            }
            Op::UpdateWhere(_, _, patch) if patch.is_empty() => Answer::Count(0),
            Op::UpdateWhere(show, from, patch) => {
                let ids = self.filtered(*show, *from);
                Answer::Count(self.change_all(ids, Operation::Update, true, |row| {
                    row.amount = patch.amount.unwrap_or(row.amount);
                }))
            }
            Op::AddWhere(show, from, more) => {
                let ids = self.filtered(*show, *from);
                Answer::Count(self.change_all(ids, Operation::Update, true, |row| row.amount += more))
            }
            Op::Upsert(new, how) => Answer::Rows(vec![self.upsert(new, *how)?]),
            Op::UpsertMany(rows, how) => Answer::Rows(self.each(rows, |model, new| model.upsert(new, *how))?),
            Op::Delete(id) => Answer::Found(self.delete(self.those(&[*id], Show::Live)) == 1),
            Op::DeleteMany(ids) => Answer::Count(self.delete(self.those(ids, Show::Live))),
            Op::DeleteWhere(from) => Answer::Count(self.delete(self.filtered(Show::Live, *from))),
            Op::Restore(id) => match self.rows.get(id) {
                None => return Err(Refusal::NotFound),
                Some(row) if row.deleted_at.is_none() => return Err(Refusal::NotDeleted),
                Some(_) => Answer::Rows(vec![self.restore(*id)]),
            },
            Op::RestoreMany(ids) => Answer::Count(self.restore_all(self.those(ids, Show::Deleted))),
            Op::RestoreWhere(from) => Answer::Count(self.restore_all(self.filtered(Show::Deleted, *from))),
            Op::Purge(id) => Answer::Found(self.remove(self.those(&[*id], Show::All), Operation::Purge) == 1),
            Op::PurgeMany(ids) => Answer::Count(self.remove(self.those(ids, Show::All), Operation::Purge)),
            Op::PurgeWhere(show, from) => {
                Answer::Count(self.remove(self.filtered(*show, *from), Operation::Purge))
            }
        })
    }

    fn each<T, O>(
        &mut self,
        rows: &[T],
        mut run: impl FnMut(&mut Self, &T) -> Outcome<O>,
    ) -> Outcome<Vec<O>> {
        rows.iter().map(|row| run(self, row)).collect()
    }

    fn shows(row: &Row, show: Show) -> bool {
        match show {
            Show::Live => row.deleted_at.is_none(),
            Show::All => true,
            Show::Deleted => row.deleted_at.is_some(),
        }
    }

    fn filtered(&self, show: Show, from: i64) -> Vec<i64> {
        let rows = self.rows.values().filter(|row| Self::shows(row, show) && row.amount >= from);
        rows.map(|row| row.id).collect()
    }

    /// Those of the keys that have such a row, each of them once.
    fn those(&self, ids: &[i64], show: Show) -> Vec<i64> {
        let wanted: HashSet<i64> = ids.iter().copied().collect();
        self.rows
            .values()
            .filter(|row| Self::shows(row, show) && wanted.contains(&row.id))
            .map(|row| row.id)
            .collect()
    }

    fn live(&self, id: i64) -> Outcome<i64> {
        self.those(&[id], Show::Live).pop().ok_or(Refusal::NotFound)
    }

    fn create(&mut self, new: &New) -> Outcome<Row> {
        let taken = self.rows.contains_key(&new.id) || self.rows.values().any(|row| row.name == new.name);
        if taken {
            return Err(Refusal::Unique);
        }
        let row = Row {
            id: new.id,
            name: new.name.into(),
            amount: new.amount,
            created_at: self.plugins.timestamps.then_some(self.now),
            updated_at: self.plugins.timestamps.then_some(self.now),
            version: self.plugins.version.then_some(1),
            deleted_at: None,
        };
        self.log(Operation::Create, None, Some(&row));
        self.rows.insert(row.id, row.clone());
        Ok(row)
    }

    fn update(&mut self, id: i64, patch: &Patch) -> Outcome<Row> {
        let id = self.live(id)?;
        if patch.is_empty() {
            return Ok(self.rows[&id].clone());
        }
        if patch.name.is_some_and(|name| self.rows.values().any(|row| row.id != id && row.name == name)) {
            return Err(Refusal::Unique);
        }
        Ok(self.change(id, Operation::Update, true, |row| {
            row.name = patch.name.map_or(row.name.clone(), Into::into);
            row.amount = patch.amount.unwrap_or(row.amount);
        }))
    }

    fn update_many(&mut self, patches: &[(i64, Patch)]) -> Outcome<Vec<Row>> {
        let ids: HashSet<i64> = patches.iter().map(|(id, _)| *id).collect();
        if ids.len() < patches.len() {
            return Err(Refusal::SameKey);
        }
        let missing: Vec<usize> = (patches.iter().enumerate())
            .filter(|(_, (id, _))| self.live(*id).is_err())
            .map(|(at, _)| at)
            .collect();
        if !missing.is_empty() {
            return Err(Refusal::Missing(missing));
        }
        self.each(patches, |model, (id, patch)| model.update(*id, patch))
    }

    fn upsert(&mut self, new: &New, how: How) -> Outcome<Row> {
        let Some(found) = self.rows.values().find(|row| row.name == new.name).cloned() else {
            return self.create(new);
        };
        let restores = matches!(how, How::Restore | How::RestoreAndKeep);
        let keeps = matches!(how, How::Keep | How::RestoreAndKeep);
        match found.deleted_at {
            Some(_) if !restores => return Err(Refusal::Deleted),
            None if keeps => return Ok(found),
            _ => {}
        }
        let operation = if found.deleted_at.is_some() { Operation::Restore } else { Operation::Update };
        Ok(self.change(found.id, operation, true, |row| {
            row.deleted_at = None;
            if !keeps {
                row.amount = new.amount;
            }
        }))
    }

    fn restore(&mut self, id: i64) -> Row {
        self.change(id, Operation::Restore, true, |row| row.deleted_at = None)
    }

    fn restore_all(&mut self, ids: Vec<i64>) -> u64 {
        ids.iter().map(|id| self.restore(*id)).count() as u64
    }

    fn delete(&mut self, ids: Vec<i64>) -> u64 {
        if !self.plugins.soft_delete {
            return self.remove(ids, Operation::Delete);
        }
        let now = self.now;
        self.change_all(ids, Operation::Delete, false, |row| row.deleted_at = Some(now))
    }

    fn remove(&mut self, ids: Vec<i64>, operation: Operation) -> u64 {
        for id in &ids {
            let old = self.rows.remove(id);
            self.log(operation, old.as_ref(), None);
        }
        ids.len() as u64
    }

    fn change_all(
        &mut self,
        ids: Vec<i64>,
        operation: Operation,
        updates: bool,
        mut change: impl FnMut(&mut Row),
    ) -> u64 {
        for id in &ids {
            self.change(*id, operation, updates, &mut change);
        }
        ids.len() as u64
    }

    fn change(&mut self, id: i64, operation: Operation, updates: bool, change: impl FnOnce(&mut Row)) -> Row {
        let old = self.rows[&id].clone();
        let mut new = old.clone();
        change(&mut new);
        if updates && self.plugins.timestamps {
            new.updated_at = Some(self.now);
        }
        new.version = new.version.map(|version| version + 1);
        if new != old {
            self.log(operation, Some(&old), Some(&new));
        }
        self.rows.insert(id, new.clone());
        new
    }

    /// As the log writes it down.
    fn json(&self, row: &Row) -> Value {
        let mut json = json!({ "id": row.id, "name": row.name, "amount": row.amount });
        let Plugins { soft_delete, timestamps, version, .. } = self.plugins;
        for (there, name, value) in [
            (timestamps, "created_at", json!(row.created_at)),
            (timestamps, "updated_at", json!(row.updated_at)),
            (version, "version", json!(row.version)),
            (soft_delete, "deleted_at", json!(row.deleted_at)),
        ] {
            if there {
                json[name] = value;
            }
        }
        json
    }

    fn log(&mut self, operation: Operation, old: Option<&Row>, new: Option<&Row>) {
        let Some(id) = old.or(new).map(|row| row.id.to_string()) else { return };
        let (old, new) = (old.map(|row| self.json(row)), new.map(|row| self.json(row)));
        let changed = old.as_ref().zip(new.as_ref()).map(|(old, new)| {
            let names = new.as_object().unwrap().keys();
            let mut names: Vec<String> = names.filter(|name| old[*name] != new[*name]).cloned().collect();
            names.sort();
            names
        });
        self.log.push(Entry { operation, id, old, new, changed });
    }
}
