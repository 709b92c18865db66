//! How long entries are kept, and whether they are still what was written.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use super::values::json_text;
use super::{AuditEntry, AuditTable};
use crate::__private::codec;
use crate::backend::{Backend, Dialect};
use crate::entity::{Cells, Entity, On};
use crate::error::{AuditError, Error, Result};
use crate::expr::{Meta, Sql, Value};
use crate::observe::Wire;
use crate::source::{Cx, Db, Op, Unit, run};
use crate::write::{Linked, next_hash};

/// What [`AuditTable::verify_chain`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainReport {
    /// How many entries fit, from the beginning of the log on.
    pub entries: u64,
    /// How many were pruned before them.
    pub pruned: u64,
    /// Where the chain breaks, if it does.
    pub broken: Option<ChainBreak>,
}

impl ChainReport {
    /// Whether all entries are there and as they were written.
    pub fn is_intact(&self) -> bool {
        self.broken.is_none()
    }
}

/// Where a chain breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainBreak {
    /// At this entry: it was changed or added, or one before it was removed, or they changed places.
    Entry {
        /// Its number.
        id: i64,
    },
    /// At the end: the last entries were removed, or the head of the chain was changed.
    End,
}

impl AuditTable {
    /// Computes all hashes of the chain anew and compares them with those that were written.
    ///
    /// Entries are read one by one, in one statement, so that others may go on writing. Whoever can write both tables can
    /// compute a chain that holds: against them, keep the last hash and the number of entries somewhere else.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`] if the table has no chain; those of the database.
    #[track_caller]
    pub fn verify_chain<DB: Backend, C: Send + Sync + 'static>(
        &self,
        db: &Db<DB, C>,
    ) -> impl Future<Output = Result<ChainReport>> + Send
    where
        AuditEntry: On<DB>,
    {
        let cx = Cx::of(db, "verify_chain");
        async move {
            let op = Verify { table: self, before: None };
            let Walk { head, fitting, last, broken } = run(db, cx, op).await?;
            let ends =
                last == head.hash && i64::try_from(fitting).ok() == head.entries.checked_sub(head.pruned);
            let broken = match broken {
                Some(id) => Some(ChainBreak::Entry { id }),
                None => (!ends).then_some(ChainBreak::End),
            };
            Ok(ChainReport { entries: fitting, pruned: head.pruned.unsigned_abs(), broken })
        }
    }

    /// Removes entries that are older than a time, and answers how many there were. What rows were before the entries that are
    /// left is not known any more: [`state_at`](super::AuditMethods::state_at) says so.
    ///
    /// Of a chain, only entries that nothing newer stands before: those until the first one that is not older. They are
    /// checked before they are removed, and the hash of the last one is kept, so that the rest can be verified all the same.
    ///
    /// # Errors
    ///
    /// [`Error::Audit`] if the chain of what would be removed is broken, if the table has none, and if it has one which `self` does
    /// not know of; those of the database.
    #[track_caller]
    pub fn prune_older_than<DB: Backend, C: Send + Sync + 'static>(
        &self,
        db: &Db<DB, C>,
        time: impl Into<SystemTime>,
    ) -> impl Future<Output = Result<u64>> + Send
    where
        AuditEntry: On<DB>,
    {
        let time: Value = std::sync::Arc::new(DateTime::<Utc>::from(time.into()));
        let cx = Cx::of(db, "prune_older_than").to_write();
        async move { self.prune(db, cx, time).await }
    }

    async fn prune<DB: Backend, C: Send + Sync + 'static>(
        &self,
        db: &Db<DB, C>,
        cx: Cx<'_>,
        time: Value,
    ) -> Result<u64>
    where
        AuditEntry: On<DB>,
    {
        let plain = run(db, cx, Prune { table: self, time: time.clone() }).await?;
        if !self.chained {
            return Ok(plain);
        }
        // Nothing but another prune changes what is that old: then it is looked at once more.
        loop {
            let boundary = run(db, cx, Boundary { table: self, time: time.clone() }).await?;
            let walk = run(db, cx, Verify { table: self, before: Some(boundary) }).await?;
            if walk.broken.is_some() {
                return Err(self.broken());
            }
            if let Some(pruned) = run(db, cx, PruneChain { table: self, boundary, walk }).await? {
                return Ok(plain + pruned);
            }
        }
    }

    fn broken(&self) -> Error {
        Error::Audit(AuditError::Broken { table: self.name.to_string() })
    }

    fn no_chain(&self) -> Error {
        Error::Audit(AuditError::NoChain { table: self.name.to_string() })
    }
}

/// The one row of a chain's table.
#[derive(PartialEq)]
struct Head {
    hash: String,
    entries: i64,
    /// The hash of the last entry that was pruned.
    anchor: String,
    pruned: i64,
}

const HEAD: [&str; 4] = ["hash", "entries", "anchor", "pruned"];

impl Head {
    fn read<DB: Backend>(row: &DB::Row, at: usize) -> Result<Self> {
        let text = |at| DB::text(row, at).map(Option::unwrap_or_default);
        Ok(Self {
            hash: text(at)?,
            entries: DB::integer(row, at + 1)?,
            anchor: text(at + 2)?,
            pruned: DB::integer(row, at + 3)?,
        })
    }
}

/// How far a chain holds.
struct Walk {
    head: Head,
    fitting: u64,
    /// The hash of the last entry that fits.
    last: String,
    /// The first one that does not.
    broken: Option<i64>,
}

/// Walks along a chain, to its end or to some entry.
struct Verify<'t> {
    table: &'t AuditTable,
    before: Option<i64>,
}

impl<DB: Backend> Op<DB> for Verify<'_>
where
    AuditEntry: On<DB>,
{
    type Out = Walk;

    fn meta(&self) -> &'static Meta {
        AuditEntry::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Walk> {
        loop {
            if let Some(walk) = self.walk::<DB>(wire, cx).await? {
                return Ok(walk);
            }
            // There are no entries. The first one may come just now.
            let mut sql = cx.sql::<DB>();
            sql.push("SELECT ").list(HEAD, ", ", |sql, column| {
                sql.ident(column);
            });
            sql.push(", (SELECT COUNT(*) FROM ");
            self.table.write(&mut sql, "");
            self.conditions(&mut sql);
            sql.push(") FROM ");
            self.table.write(&mut sql, "_chain");
            sql.push(" WHERE ").ident("id").push(" = 1");
            let row = wire.fetch_optional(sql.finish()?).await?.ok_or_else(|| self.table.no_chain())?;
            if DB::integer(&row, 4)? == 0 {
                let head = Head::read::<DB>(&row, 0)?;
                return Ok(Walk { last: head.anchor.clone(), head, fitting: 0, broken: None });
            }
        }
    }
}

impl Verify<'_> {
    fn conditions(&self, sql: &mut Sql<'_>) {
        sql.push(" WHERE ").ident("hash").push(" IS NOT NULL");
        if let Some(before) = self.before {
            sql.push(" AND ").ident("id").push(" < ").integer(before);
        }
    }

    /// One statement, so that the head and the entries are of one moment. `None` if there are no entries.
    async fn walk<DB: Backend>(&self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Option<Walk>>
    where
        AuditEntry: On<DB>,
    {
        const TEXTS: [&str; 4] = ["old_values", "new_values", "changed_columns", "metadata"];
        let width = AuditEntry::META.columns.len();
        let mut sql = cx.sql::<DB>();
        sql.push("SELECT ").names(AuditEntry::META.columns);
        for column in TEXTS {
            sql.push(", ");
            json_text(&mut sql, column);
        }
        for column in HEAD {
            sql.push(", (SELECT ").ident(column).push(" FROM ");
            self.table.write(&mut sql, "_chain");
            sql.push(" WHERE ").ident("id").push(" = 1)");
        }
        sql.push(" FROM ");
        self.table.write(&mut sql, "");
        self.conditions(&mut sql);
        sql.push(" ORDER BY ").ident("id");

        let mut rows = wire.fetch(sql.finish()?);
        let mut walk: Option<Walk> = None;
        while let Some(row) = rows.try_next().await? {
            let walk = match &mut walk {
                Some(walk) => walk,
                None => {
                    if DB::is_null(&row, width + TEXTS.len())? {
                        return Err(self.table.no_chain());
                    }
                    let head = Head::read::<DB>(&row, width + TEXTS.len())?;
                    walk.insert(Walk { last: head.anchor.clone(), head, fitting: 0, broken: None })
                }
            };
            if walk.broken.is_some() {
                continue; // read to its end, for the next statement
            }
            let mut texts = Vec::with_capacity(TEXTS.len());
            for at in 0..TEXTS.len() {
                texts.push(DB::text(&row, width + at)?);
            }
            // What cannot even be read was not written so.
            let entry = AuditEntry::decode(&mut Cells::new(&row, AuditEntry::META, 0, true)).ok();
            let hash = entry.as_ref().and_then(|entry| hash_of(&walk.last, entry, &texts));
            match (entry, hash) {
                (Some(entry), Some(hash)) if entry.hash.as_ref() == Some(&hash) => {
                    walk.last = hash;
                    walk.fitting += 1;
                }
                _ => walk.broken = Some(DB::integer(&row, 0)?),
            }
        }
        Ok(walk)
    }
}

/// The hash that an entry ought to have.
fn hash_of(previous: &str, entry: &AuditEntry, texts: &[Option<String>]) -> Option<String> {
    let [old, new, changed, metadata] = texts else { return None };
    let linked = Linked {
        table: &entry.table_name,
        entity_id: &entry.entity_id,
        operation: entry.operation.as_str(),
        old: old.as_deref(),
        new: new.as_deref(),
        changed: changed.as_deref(),
        actor: entry.actor.as_deref(),
        metadata: metadata.as_deref(),
        micros: entry.changed_at.timestamp_micros(),
    };
    next_hash(previous, &linked).ok()
}

/// Removes old entries that are in no chain: one table may have both.
struct Prune<'t> {
    table: &'t AuditTable,
    time: Value,
}

impl<DB: Backend> Op<DB> for Prune<'_> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        AuditEntry::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<u64> {
        if !self.table.chained {
            let mut sql = cx.sql::<DB>();
            sql.push("SELECT 1 FROM ");
            self.table.write(&mut sql, "");
            sql.push(" WHERE ").ident("changed_at").push(" < ").shared(codec!(DateTime<Utc>), &self.time);
            sql.push(" AND ").ident("hash").push(" IS NOT NULL LIMIT 1");
            if wire.fetch_optional(sql.finish()?).await?.is_some() {
                return Err(Error::Audit(AuditError::Chained { table: self.table.name.to_string() }));
            }
        }
        let mut sql = cx.sql::<DB>();
        sql.push("DELETE FROM ");
        self.table.write(&mut sql, "");
        sql.push(" WHERE ").ident("changed_at").push(" < ").shared(codec!(DateTime<Utc>), &self.time);
        sql.push(" AND ").ident("hash").push(" IS NULL");
        Ok(wire.execute(sql.finish()?).await?.rows)
    }
}

/// The first entry of a chain that is not too old, or the number behind all.
struct Boundary<'t> {
    table: &'t AuditTable,
    time: Value,
}

impl<DB: Backend> Op<DB> for Boundary<'_> {
    type Out = i64;

    fn meta(&self) -> &'static Meta {
        AuditEntry::META
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<i64> {
        let mut sql = cx.sql::<DB>();
        sql.push("SELECT COALESCE(MIN(CASE WHEN ").ident("changed_at").push(" >= ");
        sql.shared(codec!(DateTime<Utc>), &self.time)
            .push(" THEN ")
            .ident("id")
            .push(" END), MAX(")
            .ident("id");
        sql.push(") + 1, 0) FROM ");
        self.table.write(&mut sql, "");
        sql.push(" WHERE ").ident("hash").push(" IS NOT NULL");
        match wire.fetch_optional(sql.finish()?).await? {
            Some(row) => Ok(DB::integer(&row, 0)?),
            None => Ok(0),
        }
    }
}

/// Removes the beginning of a chain, which was walked along. `None` if someone else did meanwhile.
struct PruneChain<'t> {
    table: &'t AuditTable,
    boundary: i64,
    walk: Walk,
}

impl<DB: Backend> Op<DB> for PruneChain<'_> {
    type Out = Option<u64>;

    fn meta(&self) -> &'static Meta {
        AuditEntry::META
    }

    fn unit(&self, _: Cx<'_>) -> Unit {
        Unit::Atomic
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Option<u64>> {
        let Self { table, boundary, walk } = self;
        let mut sql = cx.sql::<DB>();
        sql.push("SELECT ").list(HEAD, ", ", |sql, column| {
            sql.ident(column);
        });
        sql.push(" FROM ");
        table.write(&mut sql, "_chain");
        sql.push(" WHERE ").ident("id").push(" = 1");
        sql.push(if DB::DIALECT == Dialect::Sqlite { "" } else { " FOR UPDATE" });
        let row = wire.fetch_optional(sql.finish()?).await?.ok_or_else(|| table.no_chain())?;
        let head = Head::read::<DB>(&row, 0)?;
        if (&head.anchor, head.pruned) != (&walk.head.anchor, walk.head.pruned) {
            return Ok(None);
        }
        let mut sql = cx.sql::<DB>();
        sql.push("DELETE FROM ");
        table.write(&mut sql, "");
        sql.push(" WHERE ").ident("hash").push(" IS NOT NULL AND ").ident("id").push(" < ").integer(boundary);
        let pruned = wire.execute(sql.finish()?).await?.rows;
        if pruned != walk.fitting {
            return Err(table.broken());
        }
        let mut sql = cx.sql::<DB>();
        sql.push("UPDATE ");
        table.write(&mut sql, "_chain");
        sql.push(" SET ")
            .ident("anchor")
            .push(" = ")
            .text_value(walk.last)
            .push(", ")
            .ident("pruned")
            .push(" = ");
        sql.ident("pruned").push(" + ").integer(pruned.try_into().unwrap_or(i64::MAX));
        sql.push(" WHERE ").ident("id").push(" = 1");
        wire.execute(sql.finish()?).await?;
        Ok(Some(pruned))
    }
}
