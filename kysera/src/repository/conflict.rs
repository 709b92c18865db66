//! What an upsert does when its key is taken.

use std::collections::HashSet;

use crate::backend::Dialect;
use crate::entity::{Entity, Mask, SoftDeleted, Values};
use crate::error::{Error, Result};
use crate::expr::{Action, Becomes, Col, Column, Columns, Deleted, Sql};
use crate::write::{Assignment, columns, in_upsert, next_version, to_live, writes};

/// What an upsert does when its key is taken: which unique key is meant, and what is updated.
///
/// Columns say the first and stand for the rest: `User::EMAIL`, or `(Member::ORG, Member::USER)` for a key of several
/// columns. By default every column that `NewX` gives is updated, except those of the key and of the primary key.
///
/// With the plugin `soft_delete`, a key that a deleted row has is [`Error::Deleted`], unless [`restore`](Self::restore) says
/// otherwise, and unless the key is unique among live rows alone (`CREATE UNIQUE INDEX .. WHERE deleted_at IS NULL`): then
/// there is a new row beside the deleted one. `timestamps` and `version` do on an update what they do on any.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, #[kysera(unique)] email: String, name: String, bio: Option<String> }
/// use kysera::Conflict;
///
/// async fn sign_in(users: &UserRepository<Db<Sqlite>>, new: NewUser) -> kysera::Result<User> {
///     users.upsert(new, Conflict::on(User::EMAIL).update(User::NAME)).await
/// }
/// # }
/// ```
pub struct Conflict<E> {
    target: Vec<&'static Col>,
    update: Option<Vec<&'static Col>>,
    restore: bool,
    entity: std::marker::PhantomData<fn() -> E>,
}

impl<E> Conflict<E> {
    /// The unique key that may be taken. It must be declared on the struct: the primary key or `#[kysera(unique)]`.
    pub fn on(columns: impl Columns<E>) -> Self {
        Self { target: columns.cols(), update: None, restore: false, entity: std::marker::PhantomData }
    }

    /// Updates these columns alone (those of them that `NewX` gives).
    #[must_use]
    pub fn update(mut self, columns: impl Columns<E>) -> Self {
        self.update = Some(columns.cols());
        self
    }

    /// Updates nothing: the row that is there is answered as it is.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.update = Some(Vec::new());
        self
    }

    /// A row with this key that is marked as deleted is restored, and updated as any other. With [`keep`](Self::keep) it is
    /// restored and nothing else, and a live row is answered as it is.
    ///
    /// Of a key that is unique among live rows alone the database sees no deleted row: then there is a new one. What was deleted
    /// along with the row by `cascade` stays deleted.
    #[must_use]
    pub fn restore(mut self) -> Self
    where
        E: SoftDeleted,
    {
        self.restore = true;
        self
    }
}

impl<E> Clone for Conflict<E> {
    fn clone(&self) -> Self {
        Self {
            target: self.target.clone(),
            update: self.update.clone(),
            restore: self.restore,
            entity: self.entity,
        }
    }
}

impl<E, T> From<Column<E, T>> for Conflict<E> {
    fn from(column: Column<E, T>) -> Self {
        Self::on(column)
    }
}

macro_rules! from_tuple {
    ($($T:ident),+) => {
        impl<E, $($T),+> From<($(Column<E, $T>,)+)> for Conflict<E> {
            fn from(columns: ($(Column<E, $T>,)+)) -> Self {
                Self::on(columns)
            }
        }
    };
}
from_tuple!(A, B);
from_tuple!(A, B, C);
from_tuple!(A, B, C, D);

impl<E: Entity> Conflict<E> {
    /// Refuses what is no unique key, before the database answers in its own words (or, on MySQL, not at all).
    pub(super) fn check(&self) -> Result<()> {
        let meta = E::META;
        let target: HashSet<usize> = self.target.iter().map(|col| col.index).collect();
        let is_target = |columns: &[usize]| columns.iter().copied().collect::<HashSet<_>>() == target;
        if is_target(meta.id) || meta.unique.iter().any(|key| is_target(key.columns)) {
            return Ok(());
        }
        let names: Vec<_> = self.target.iter().map(|col| col.name).collect();
        let text = format!(
            "an upsert of {} needs a unique key, and `{}` is not declared as one: add `#[kysera(unique)]`",
            meta.entity,
            names.join("`, `")
        );
        Err(Error::BadRequest(text.into()))
    }

    /// The columns of the key.
    pub(super) fn target(&self) -> &[&'static Col] {
        &self.target
    }

    /// Whether a live row that is there stays as it is.
    pub(super) fn keeps_live(&self, mask: Mask) -> bool {
        let stamp = E::META.plug.updated_at.as_ref().filter(|_| self.restore).map(|stamp| stamp.column);
        self.updated(mask).iter().all(|col| Some(col.index) == stamp)
    }

    /// Whether what becomes of a row depends on whether it is deleted: it is restored and nothing else, and left alone if it is
    /// live.
    pub(super) fn restores_alone(&self, mask: Mask) -> bool {
        self.restore && self.keeps_live(mask)
    }

    /// Which rows with the key can be updated.
    pub(super) fn updatable(&self) -> Deleted {
        if self.restore { Deleted::Shown } else { Deleted::Hidden }
    }

    /// The column that is set to make a row live, and what it is set to.
    pub(super) fn restored(&self) -> Option<Assignment<'static>> {
        let soft_delete = E::META.plug.soft_delete.as_ref().filter(|_| self.restore)?;
        let col = &E::META.columns[soft_delete.column];
        Some(Assignment { col, to: to_live(soft_delete.mark) })
    }

    /// What is updated in a row whose key is taken, given what the new row gives.
    pub(super) fn updated(&self, mask: Mask) -> Vec<&'static Col> {
        let (meta, plug) = (E::META, E::META.plug);
        let chosen = |col: &Col| match &self.update {
            Some(update) => update.iter().any(|chosen| chosen.index == col.index),
            // When it was created does not change.
            None => plug.created_at.as_ref().is_none_or(|stamp| stamp.column != col.index),
        };
        let is_key = |col: &Col| {
            meta.id.contains(&col.index) || self.target.iter().any(|target| target.index == col.index)
        };
        let mut updated: Vec<_> = columns(meta, mask)
            .filter(|col| plug.owner(col.index).is_none() && chosen(col) && !is_key(col))
            .collect();
        if let Some(stamp) = &plug.updated_at
            && (!updated.is_empty() || self.restore)
            && !updated.iter().any(|col| col.index == stamp.column)
        {
            updated.push(&meta.columns[stamp.column]);
        }
        updated
    }

    /// ` ON CONFLICT ..` or ` ON DUPLICATE KEY UPDATE ..`
    pub(super) fn clause(&self, sql: &mut Sql<'_>, mask: Mask) {
        let updated = self.updated(mask);
        match sql.dialect() {
            Dialect::MySql => self.duplicate_key_clause(sql, &updated),
            Dialect::Postgres | Dialect::Sqlite => {
                self.conflict_clause(sql, &updated);
                self.may_be_updated(sql, &updated, " WHERE ");
            }
        }
    }

    /// Writes what has to hold for the row that has the key so that it may be updated so.
    pub(super) fn may_be_updated(&self, sql: &mut Sql<'_>, updated: &[&'static Col], glue: &str) {
        let meta = E::META;
        let fixed = self.restored();
        let next = next_version(meta);
        sql.locking(|sql| {
            let before = sql.len();
            // What is left as it is has to be readable alone.
            let keeps = updated.is_empty() && fixed.is_none();
            let actions: &[Action] = if keeps { &[Action::Read] } else { &[Action::Read, Action::Update] };
            sql.accessible(meta, self.updatable(), actions, glue);
            if keeps {
                return;
            }
            let mut becomes: Vec<(usize, Becomes)> =
                updated.iter().map(|col| (col.index, Becomes::Excluded)).collect();
            becomes.extend(fixed.iter().chain(&next).map(|assign| (assign.col.index, in_upsert(assign))));
            let columns: Vec<usize> = becomes.iter().map(|(column, _)| *column).collect();
            let cx = sql.cx();
            let mut glue = if sql.len() > before { " AND " } else { glue };
            let writes = writes(meta, &cx, columns.iter().copied());
            if !writes.is_empty() {
                sql.demands(meta, &writes, glue);
                glue = " AND ";
            }
            let demands = crate::write::becomes(meta, &cx, &columns);
            if !demands.is_empty() {
                sql.becoming(becomes, |sql| {
                    sql.demands(meta, &demands, glue);
                });
            }
        });
    }

    /// ` ON CONFLICT (..)`, which finds a unique index of live rows alone as well.
    pub(super) fn conflict_target(&self, sql: &mut Sql<'_>) {
        sql.push(" ON CONFLICT (").names(self.target.iter().copied()).push(")");
        if let Some(soft_delete) = &E::META.plug.soft_delete {
            sql.push(" WHERE ").is_deleted(&E::META.columns[soft_delete.column], soft_delete.mark, false);
        }
    }

    /// ` ON CONFLICT (..) DO UPDATE SET ..`
    pub(super) fn conflict_clause(&self, sql: &mut Sql<'_>, updated: &[&'static Col]) {
        self.conflict_target(sql);
        sql.push(" DO UPDATE SET ");
        if let ([], Some(first)) = (updated, self.target.first()) {
            // DO NOTHING would answer no row, and a read afterwards might miss one that is not yet visible.
            sql.ident(first.name).push(" = ").column(first);
            return;
        }
        let restored = self.restored();
        sql.list(updated, ", ", |sql, col| {
            sql.ident(col.name).push(" = excluded.").ident(col.name);
        });
        for assignment in restored.iter().chain(&next_version(E::META)) {
            sql.push(", ");
            assignment.write(sql);
        }
    }

    /// Writes that the row which has the key is the one that is meant, by its key.
    pub(super) fn same_key(&self, sql: &mut Sql<'_>) {
        sql.list(&self.target, " AND ", |sql, col| {
            sql.column(col).push(" <=> VALUES(").ident(col.name).push(")");
        });
    }

    /// MySQL takes this path for any unique key that is taken, not only the one that is meant. Each assignment is
    /// guarded, and the first one raises error 1242 when it is another key's row.
    fn duplicate_key_clause(&self, sql: &mut Sql<'_>, updated: &[&'static Col]) {
        sql.push(" ON DUPLICATE KEY UPDATE ");
        if let Some(first) = self.target.first() {
            sql.ident(first.name).push(" = IF(");
            self.same_key(sql);
            sql.push(", ").column(first).push(", (SELECT 1 UNION SELECT 2))");
        }
        for col in updated {
            sql.push(", ").ident(col.name).push(" = VALUES(").ident(col.name).push(")");
        }
        if let Some(next) = next_version(E::META).filter(|_| !updated.is_empty()) {
            sql.push(", ");
            next.write(sql);
        }
    }

    /// Whether a row has a NULL in the key, or no value at all: then it cannot be taken.
    pub(super) fn cannot_be_taken(&self, new: &dyn Values) -> bool {
        self.target.iter().any(|col| new.value(col.index).is_none_or(|value| (col.codec.is_null)(value)))
    }
}
