//! Inserting rows or, where their key is taken, updating the ones that are there.

use super::conflict::Conflict;
use super::create::{NewRow, batch_size, batches, insert_batch, insert_one, most_read_back, read_numbered};
use super::placed::Placed;
use super::sql::{bind, insert_if, insert_rows, insert_text, refuse_unreadable_key, returning};
use super::upsert_locked;
use crate::backend::{Backend, Dialect};
use crate::entity::{Entity, Mask, On, Values};
use crate::error::{Error, Result};
use crate::expr::{Action, Col, Deleted, Meta, Sql};
use crate::observe::Wire;
use crate::query::{decode_all, decode_first};
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, Assignment, Keys, To, Which, create_refusal, created, denied, given, is_late, is_unguarded,
    locks_first, logs_at_once, refusal, refuse_same_key, unit_of,
};

/// MySQL's "subquery returns more than 1 row", which the guard raises, has this SQLSTATE, and so has PostgreSQL's
/// "cannot affect row a second time".
const CARDINALITY_VIOLATION: &str = "21000";

pub(super) fn is_cardinality_violation(error: Option<&sqlx::Error>) -> bool {
    matches!(error, Some(sqlx::Error::Database(error)) if error.code().as_deref() == Some(CARDINALITY_VIOLATION))
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

fn way<E: Entity>(dialect: Dialect, conflict: &Conflict<E>, mask: Mask, created: Judged) -> Way {
    let plug = E::META.plug;
    let hides = plug.soft_delete.is_some() || !E::META.has_fixed_scope();
    match &plug.audit {
        // Of several rows, a condition of the statement would not tell which one was refused.
        _ if created == Judged::Apart => Way::Locked,
        _ if E::CUSTOM.after_write => Way::Locked, // which has to be told what was done
        _ if conflict.restores_alone(mask) => Way::Locked,
        Some(audit) if logs_at_once(dialect, audit) => Way::WithLog,
        Some(_) => Way::Locked,
        // Assignments follow each other there: a condition would see what the ones before it have set.
        None if hides && dialect == Dialect::MySql => Way::Locked,
        None => Way::OneStatement,
    }
}

/// How new rows are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// By the statement that inserts them, if at all.
    Within,
    /// One by one, or once they are stored.
    Apart,
}

impl Judged {
    fn of<E: Entity>(dialect: Dialect, cx: Cx<'_>, mask: Mask, rows: &[&NewRow<E>]) -> Self {
        if locks_first::<E>(dialect, cx, Action::Update) {
            return Self::Apart;
        }
        let late = |new: &&NewRow<E>| {
            let demands = created::<E>(&cx.plugins(), mask, Some(*new));
            (rows.len() > 1 && !demands.is_empty()) || is_late(E::META, &demands, mask)
        };
        if rows.iter().any(late) { Self::Apart } else { Self::Within }
    }
}

fn unit<E: Entity>(dialect: Dialect, conflict: &Conflict<E>, mask: Mask, created: Judged) -> Unit {
    match way(dialect, conflict, mask, created) {
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

    fn unit(&self, cx: Cx<'_>) -> Unit {
        let mask = given(E::META, &self.new);
        unit(DB::DIALECT, &self.conflict, mask, Judged::of::<E>(DB::DIALECT, cx, mask, &[&self.new]))
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<E> {
        upsert_one::<DB, E>(wire, cx, &self.new, &self.conflict).await
    }
}

async fn upsert_one<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    new: &NewRow<E>,
    conflict: &Conflict<E>,
) -> Result<E> {
    let mask = given(E::META, new);
    if conflict.cannot_be_taken(new) {
        return insert_one(wire, cx, new).await;
    }
    match way(DB::DIALECT, conflict, mask, Judged::of::<E>(DB::DIALECT, cx, mask, &[new])) {
        Way::OneStatement => {}
        Way::WithLog => return upsert_locked::with_log_one(wire, cx, mask, new, conflict).await,
        Way::Locked => return upsert_locked::upsert(wire, cx, mask, new, conflict).await,
    }
    for _ in 0..upsert_locked::TRIES {
        let mut sql = cx.sql::<DB>();
        insert_if(&mut sql, E::META, mask, new, &created::<E>(&cx.plugins(), mask, Some(new)));
        conflict.clause(&mut sql, mask);
        returning(&mut sql, E::META);
        if !DB::DIALECT.has_returning() {
            return upsert_and_read_back(wire, cx, new, mask, conflict, sql).await;
        }
        if let Some(row) = decode_first(wire, sql.finish()?).await? {
            return Ok(row);
        }
        match refused::<DB, E>(wire, cx, conflict, &[new]).await? {
            // A deleted row had the key, and was restored or purged just then.
            Error::NotStored { .. } if E::META.plug.soft_delete.is_some() => {}
            error => return Err(error),
        }
    }
    Err(Error::NotStored { entity: E::META.entity })
}

/// MySQL.
async fn upsert_and_read_back<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    new: &NewRow<E>,
    mask: Mask,
    conflict: &Conflict<E>,
    sql: Sql<'_>,
) -> Result<E> {
    if let Err(error) = wire.execute(sql.finish()?).await {
        if is_cardinality_violation(error.as_sqlx()) {
            // Without the clause MySQL names the key.
            let statement = bind::<DB, E>(cx, insert_text::<DB, E>(cx, mask), mask, Some(new), None)?;
            wire.execute(statement).await?;
        } else {
            return Err(error);
        }
    }
    let mut rows = read_numbered::<DB, E, _>(wire, cx, conflict.target(), &[new]).await?;
    rows.pop().ok_or(Error::NotStored { entity: E::META.entity })
}

/// Why a row was neither created nor updated.
pub(super) async fn refused<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    conflict: &Conflict<E>,
    rows: &[&NewRow<E>],
) -> Result<Error> {
    let entity = E::META.entity;
    for row in rows {
        let mask = given(E::META, *row);
        let mut demands = created::<E>(&cx.plugins(), mask, Some(*row));
        if is_late(E::META, &demands, mask) {
            demands.clear(); // they were not asked yet
        }
        if let Some(error) = create_refusal::<DB, E>(wire, cx, mask, *row, &demands).await? {
            return Ok(error);
        }
    }
    if E::META.plug.soft_delete.is_some() && conflict.updatable() == Deleted::Hidden {
        for row in rows.iter().filter(|row| !conflict.cannot_be_taken(**row)) {
            let mut sql = cx.select::<DB, E>();
            let mut which = Which::<E>::filtered(Deleted::Only, &[]);
            which.keys = Keys::Like(conflict.target(), *row);
            which.write(&mut sql);
            if wire.fetch_optional(sql.finish()?).await?.is_some() {
                return Ok(Error::Deleted { entity });
            }
        }
    }
    if !E::META.has_fixed_scope() {
        for row in rows.iter().filter(|row| !conflict.cannot_be_taken(**row)) {
            let mut hidden = cx.sql::<DB>();
            hidden.push("SELECT 1 FROM ").table(E::META).push(" WHERE ").equal(conflict.target(), *row);
            let mut seen = cx.select::<DB, E>();
            let mut which = Which::<E>::filtered(Deleted::Shown, &[]);
            which.keys = Keys::Like(conflict.target(), *row);
            which.write(&mut seen);
            if wire.fetch_optional(hidden.finish()?).await?.is_none() {
                continue;
            }
            if wire.fetch_optional(seen.finish()?).await?.is_none() {
                return Ok(denied(E::META, Action::Update, None, None));
            }
            let mask = given(E::META, *row);
            let value = |col: &&'static Col| Some(Assignment { col, to: To::Value(row.value(col.index)?) });
            let updated = conflict.updated(mask);
            let mut assigns: Vec<_> = updated.iter().filter_map(value).collect();
            assigns.extend(conflict.restored());
            let mut which = Which::<E>::filtered(conflict.updatable(), &[]).to(Action::Update);
            which.keys = Keys::Like(conflict.target(), *row);
            if let Some(error) = refusal::<DB, E>(wire, cx, &which.assigning(&assigns)).await? {
                return Ok(error);
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

    fn unit(&self, _: Cx<'_>) -> Unit {
        // PostgreSQL refuses two rows with one key by itself; elsewhere it shows afterwards, and must be undone. So must be
        // what is left of a batch of which a row was refused.
        let may_refuse =
            E::META.plug.soft_delete.is_some() || !E::META.has_fixed_scope() || E::META.plug.audit.is_some();
        if self.batches.len() > 1 || DB::DIALECT != Dialect::Postgres || may_refuse {
            Unit::Atomic
        } else {
            let mask = self.batches.first().map(|(mask, _)| *mask).unwrap_or_default();
            unit(DB::DIALECT, self.conflict, mask, Judged::Within)
        }
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Vec<E>> {
        for (mask, _) in &self.batches {
            refuse_unreadable_key::<E>(DB::DIALECT, *mask)?;
        }
        let mut out = Placed::new(self.rows.len());
        for (mask, batch) in self.batches {
            let news: Vec<&NewRow<E>> = batch.iter().map(|at| &self.rows[*at]).collect();
            let stored = upsert_batch::<DB, E>(wire, cx, mask, &news, self.conflict).await?;
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
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
    conflict: &Conflict<E>,
) -> Result<Vec<E>> {
    let way = way(DB::DIALECT, conflict, mask, Judged::of::<E>(DB::DIALECT, cx, mask, rows));
    // One row is judged by the statement that writes it.
    let alone = way == Way::OneStatement && rows.len() == 1 && !is_unguarded(E::META);
    if way == Way::Locked || alone {
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            stored.push(upsert_one::<DB, E>(wire, cx, row, conflict).await?);
        }
        return Ok(stored);
    }
    if !DB::DIALECT.has_returning() {
        return upsert_batch_mysql::<DB, E>(wire, cx, mask, rows, conflict).await;
    }
    if conflict.target().iter().any(|col| !mask.contains(col.index)) {
        return insert_batch::<DB, E>(wire, cx, mask, rows).await; // the database fills the key
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
    let stored: Vec<E> = match decode_all(wire, statement).await {
        Err(Error::Database(failure)) if is_cardinality_violation(Some(failure.as_sqlx())) => {
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
    Err(match refused::<DB, E>(wire, cx, conflict, rows).await? {
        // A row that someone else created meanwhile, which the log has not seen, or one that was deleted just then and is live
        // by now. The caller tries again.
        Error::NotStored { entity } if way == Way::WithLog || E::META.plug.soft_delete.is_some() => {
            Error::Stale { entity }
        }
        error => error,
    })
}

async fn upsert_batch_mysql<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
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
        let stored = insert_batch::<DB, E>(wire, cx, mask, &pick(&fresh)).await?;
        out.place(fresh.into_iter().zip(stored));
    }
    if !keyed.is_empty() {
        let news = pick(&keyed);
        let mut sql = cx.sql::<DB>();
        insert_rows(&mut sql, E::META, mask, &news);
        conflict.clause(&mut sql, mask);
        match wire.execute(sql.finish()?).await {
            Ok(_) => {
                let stored = read_numbered::<DB, E, _>(wire, cx, conflict.target(), &news).await;
                let stored = stored.map_err(|error| match error {
                    Error::NotStored { entity } => Error::SameKey { entity, positions: None, driver: None },
                    error => error,
                });
                out.place(keyed.into_iter().zip(stored?));
            }
            // One by one, so that MySQL names the other key.
            Err(error) if is_cardinality_violation(error.as_sqlx()) => {
                for (at, new) in keyed.into_iter().zip(news) {
                    out.place([(at, upsert_one::<DB, E>(wire, cx, new, conflict).await?)]);
                }
            }
            Err(error) => return Err(error),
        }
    }
    out.finish().map_err(|_| Error::NotStored { entity: E::META.entity })
}
