//! Inserting rows or, where their key is taken, updating the ones that are there.

use std::collections::HashSet;

use super::create::{NewRow, batch_size, batches, insert_batch, insert_one, most_read_back, read_numbered};
use super::sql::{bind, insert_rows, insert_text, refuse_unreadable_key, returning};
use super::{Placed, upsert_locked};
use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, Mask, On, SoftDeleted, Values};
use crate::error::{Error, Result};
use crate::expr::{Col, Column, Columns, Deleted, Meta, Sql};
use crate::query::{decode_all, decode_first};
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, Which, columns, given, logs_at_once, next_version, refuse_same_key, to_live, unit_of,
};

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
    fn restores_alone(&self, mask: Mask) -> bool {
        self.restore && self.keeps_live(mask)
    }

    /// Which rows with the key can be updated.
    pub(super) fn updatable(&self) -> Deleted {
        if self.restore { Deleted::Shown } else { Deleted::Hidden }
    }

    /// The column that is set to make a row live, and what it is set to.
    pub(super) fn restored(&self) -> Option<crate::write::Assignment<'static>> {
        let soft_delete = E::META.plug.soft_delete.as_ref().filter(|_| self.restore)?;
        let col = &E::META.columns[soft_delete.column];
        Some(crate::write::Assignment { col, to: to_live(soft_delete.mark) })
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
    fn clause(&self, sql: &mut Sql<'_>, mask: Mask) {
        let updated = self.updated(mask);
        match sql.dialect() {
            Dialect::MySql => self.duplicate_key_clause(sql, &updated),
            Dialect::Postgres | Dialect::Sqlite => {
                self.conflict_clause(sql, &updated);
                sql.visible(E::META, self.updatable(), " WHERE ");
            }
        }
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

/// MySQL's "subquery returns more than 1 row", which the guard raises, has this SQLSTATE, and so has PostgreSQL's
/// "cannot affect row a second time".
const CARDINALITY_VIOLATION: &str = "21000";

pub(super) fn is_cardinality_violation(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some(CARDINALITY_VIOLATION))
}

/// How an upsert goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `INSERT .. ON CONFLICT ..`
    OneStatement,
    /// PostgreSQL: the same with its log.
    WithLog,
    /// Row by row: it is created, or the one that is there is locked and updated.
    Locked,
}

fn way<E: Entity>(dialect: Dialect, conflict: &Conflict<E>, mask: Mask) -> Way {
    let plug = E::META.plug;
    let hides = plug.soft_delete.is_some() || !E::META.has_fixed_scope();
    match &plug.audit {
        _ if E::CUSTOM.after_write => Way::Locked, // which has to be told what was done
        _ if conflict.restores_alone(mask) => Way::Locked,
        Some(audit) if logs_at_once(dialect, audit) => Way::WithLog,
        Some(_) => Way::Locked,
        // Assignments follow each other there: a condition would see what the ones before it have set.
        None if hides && dialect == Dialect::MySql => Way::Locked,
        None => Way::OneStatement,
    }
}

fn unit<E: Entity>(dialect: Dialect, conflict: &Conflict<E>, mask: Mask) -> Unit {
    match way(dialect, conflict, mask) {
        Way::Locked => Unit::Atomic,
        Way::OneStatement | Way::WithLog => unit_of::<E>(dialect, Answer::Rows),
    }
}

/// One row.
pub(super) struct Upsert<E: Entity> {
    pub(super) new: NewRow<E>,
    pub(super) conflict: Conflict<E>,
}

impl<DB: Backend, E: On<DB>> Op<DB> for Upsert<E> {
    type Out = E;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self) -> Unit {
        unit(DB::DIALECT, &self.conflict, given(E::META, &self.new))
    }

    async fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<E> {
        upsert_one::<DB, E>(conn, cx, &self.new, &self.conflict).await
    }
}

async fn upsert_one<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    new: &NewRow<E>,
    conflict: &Conflict<E>,
) -> Result<E> {
    let mask = given(E::META, new);
    if conflict.cannot_be_taken(new) {
        return insert_one(conn, cx, new).await;
    }
    match way(DB::DIALECT, conflict, mask) {
        Way::OneStatement => {}
        Way::WithLog => return upsert_locked::with_log_one(conn, cx, mask, new, conflict).await,
        Way::Locked => return upsert_locked::upsert(conn, cx, mask, new, conflict).await,
    }
    for _ in 0..upsert_locked::TRIES {
        let mut sql = cx.sql::<DB>();
        insert_rows(&mut sql, E::META, mask, &[new]);
        conflict.clause(&mut sql, mask);
        returning(&mut sql, E::META);
        if !DB::DIALECT.has_returning() {
            return upsert_and_read_back(conn, cx, new, mask, conflict, sql).await;
        }
        if let Some(row) = decode_first(conn, sql.finish()?).await? {
            return Ok(row);
        }
        match refused::<DB, E>(conn, cx, conflict, &[new]).await? {
            // A deleted row had the key, and was restored or purged just then.
            Error::NotStored { .. } if E::META.plug.soft_delete.is_some() => {}
            error => return Err(error),
        }
    }
    Err(Error::NotStored { entity: E::META.entity })
}

/// MySQL.
async fn upsert_and_read_back<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    new: &NewRow<E>,
    mask: Mask,
    conflict: &Conflict<E>,
    sql: Sql<'_>,
) -> Result<E> {
    if let Err(error) = DB::execute(conn, sql.finish()?).await {
        if is_cardinality_violation(&error) {
            // Without the clause MySQL names the key.
            let statement = bind::<DB, E>(insert_text::<DB, E>(cx, mask), mask, Some(new), None)?;
            DB::execute(conn, statement).await?;
        } else {
            return Err(error.into());
        }
    }
    let mut rows = read_numbered::<DB, E, _>(conn, cx, &conflict.target, &[new]).await?;
    rows.pop().ok_or(Error::NotStored { entity: E::META.entity })
}

/// Why a row was neither created nor updated.
pub(super) async fn refused<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    conflict: &Conflict<E>,
    rows: &[&NewRow<E>],
) -> Result<Error> {
    let entity = E::META.entity;
    if E::META.plug.soft_delete.is_some() && !conflict.restore {
        for row in rows.iter().filter(|row| !conflict.cannot_be_taken(**row)) {
            let mut sql = cx.select::<DB, E>();
            let mut which = Which::<E>::filtered(Deleted::Only, &[]);
            which.keys = crate::write::Keys::Like(&conflict.target, *row);
            which.write(&mut sql);
            if DB::fetch_optional(conn, sql.finish()?).await?.is_some() {
                return Ok(Error::Deleted { entity });
            }
        }
    }
    if !E::META.has_fixed_scope() {
        for row in rows.iter().filter(|row| !conflict.cannot_be_taken(**row)) {
            let mut hidden = cx.sql::<DB>();
            hidden.push("SELECT 1 FROM ").table(E::META).push(" WHERE ").equal(&conflict.target, *row);
            let mut seen = cx.select::<DB, E>();
            let mut which = Which::<E>::filtered(Deleted::Shown, &[]);
            which.keys = crate::write::Keys::Like(&conflict.target, *row);
            which.write(&mut seen);
            if DB::fetch_optional(conn, hidden.finish()?).await?.is_some()
                && DB::fetch_optional(conn, seen.finish()?).await?.is_none()
            {
                return Ok(Error::Denied { entity });
            }
        }
    }
    Ok(Error::NotStored { entity })
}

/// Many rows, one statement per shape and batch, all or nothing, answered as stored and in the order of the input.
pub(super) struct UpsertMany<'a, E: Entity> {
    rows: &'a [NewRow<E>],
    conflict: &'a Conflict<E>,
    batches: Vec<(Mask, Vec<usize>)>,
}

impl<'a, E: Entity> UpsertMany<'a, E> {
    pub(super) fn new(dialect: Dialect, rows: &'a [NewRow<E>], conflict: &'a Conflict<E>) -> Self {
        let batches = batches::<E, _>(rows, |mask| batch_size::<E>(dialect, mask, most_read_back(dialect)));
        Self { rows, conflict, batches }
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for UpsertMany<'_, E> {
    type Out = Vec<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self) -> Unit {
        // PostgreSQL refuses two rows with one key by itself; elsewhere it shows afterwards, and must be undone. So must be
        // what is left of a batch of which a row was refused.
        let may_refuse =
            E::META.plug.soft_delete.is_some() || !E::META.has_fixed_scope() || E::META.plug.audit.is_some();
        if self.batches.len() > 1 || DB::DIALECT != Dialect::Postgres || may_refuse {
            Unit::Atomic
        } else {
            unit(DB::DIALECT, self.conflict, self.batches.first().map(|(mask, _)| *mask).unwrap_or_default())
        }
    }

    async fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<Vec<E>> {
        for (mask, _) in &self.batches {
            refuse_unreadable_key::<E>(DB::DIALECT, *mask)?;
        }
        let mut out = Placed::new(self.rows.len());
        for (mask, batch) in self.batches {
            let news: Vec<&NewRow<E>> = batch.iter().map(|at| &self.rows[*at]).collect();
            let stored = upsert_batch::<DB, E>(conn, cx, mask, &news, self.conflict).await?;
            out.place(batch.into_iter().zip(stored));
        }
        let stored = out.finish().map_err(|_| Error::NotStored { entity: E::META.entity })?;
        // Seen here and not per batch: rows of different shapes are in different ones.
        let ids: Vec<E::Id> = stored.iter().map(E::id).collect();
        refuse_same_key::<E>(&ids)?;
        Ok(stored)
    }
}

async fn upsert_batch<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
    conflict: &Conflict<E>,
) -> Result<Vec<E>> {
    let way = way(DB::DIALECT, conflict, mask);
    if way == Way::Locked {
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            stored.push(upsert_one::<DB, E>(conn, cx, row, conflict).await?);
        }
        return Ok(stored);
    }
    if !DB::DIALECT.has_returning() {
        return upsert_batch_mysql::<DB, E>(conn, cx, mask, rows, conflict).await;
    }
    if conflict.target.iter().any(|col| !mask.contains(col.index)) {
        return insert_batch::<DB, E>(conn, cx, mask, rows).await; // the database fills the key
    }
    let statement = if way == Way::WithLog {
        upsert_locked::with_log::<DB, E>(cx, mask, rows, conflict)?
    } else {
        let mut sql = cx.sql::<DB>();
        insert_rows(&mut sql, E::META, mask, rows);
        conflict.clause(&mut sql, mask);
        returning(&mut sql, E::META);
        sql.finish()?
    };
    let stored: Vec<E> = match decode_all(conn, statement).await {
        Err(Error::Database(failure)) if is_cardinality_violation(failure.as_sqlx()) => {
            // The driver's error goes along: it tells the transaction that PostgreSQL has aborted it.
            return Err(Error::SameKey {
                entity: E::META.entity,
                positions: None,
                driver: Some(failure.into_driver()),
            });
        }
        stored => stored?,
    };
    if stored.len() == rows.len() {
        return Ok(stored);
    }
    Err(match refused::<DB, E>(conn, cx, conflict, rows).await? {
        // A row that someone else created meanwhile, which the log has not seen, or one that was deleted just then and is live
        // by now. The caller tries again.
        Error::NotStored { entity } if way == Way::WithLog || E::META.plug.soft_delete.is_some() => {
            Error::Stale { entity }
        }
        error => error,
    })
}

async fn upsert_batch_mysql<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
    conflict: &Conflict<E>,
) -> Result<Vec<E>> {
    let (fresh, keyed): (Vec<usize>, Vec<usize>) =
        (0..rows.len()).partition(|at| conflict.cannot_be_taken(rows[*at]));
    let pick = |which: &[usize]| which.iter().map(|at| rows[*at]).collect::<Vec<_>>();
    let mut out = Placed::new(rows.len());
    if !fresh.is_empty() {
        let stored = insert_batch::<DB, E>(conn, cx, mask, &pick(&fresh)).await?;
        out.place(fresh.into_iter().zip(stored));
    }
    if !keyed.is_empty() {
        let news = pick(&keyed);
        let mut sql = cx.sql::<DB>();
        insert_rows(&mut sql, E::META, mask, &news);
        conflict.clause(&mut sql, mask);
        match DB::execute(conn, sql.finish()?).await {
            Ok(_) => {
                let stored = read_numbered::<DB, E, _>(conn, cx, &conflict.target, &news).await;
                let stored = stored.map_err(|error| match error {
                    Error::NotStored { entity } => Error::SameKey { entity, positions: None, driver: None },
                    error => error,
                });
                out.place(keyed.into_iter().zip(stored?));
            }
            // One by one, so that MySQL names the other key.
            Err(error) if is_cardinality_violation(&error) => {
                for (at, new) in keyed.into_iter().zip(news) {
                    out.place([(at, upsert_one::<DB, E>(conn, cx, new, conflict).await?)]);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    out.finish().map_err(|_| Error::NotStored { entity: E::META.entity })
}
