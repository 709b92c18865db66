//! Creating rows, one or many.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;

use super::placed::Placed;
use super::sql::{
    bind, find_locked_text, has_arrays, insert_if, insert_rows, insert_text, refuse_unreadable_key, returning,
};
use crate::backend::{Backend, Dialect, Done, Statement};
use crate::entity::{Cells, Draft, Entity, Mask, On, Operation, Values};
use crate::error::{Error, Result};
use crate::expr::{Action, AnyValue, Col, Meta};
use crate::observe::Wire;
use crate::query::{decode_all, decode_first};
use crate::source::{Cx, Op, Unit};
use crate::write::{
    Answer, NEW, columns, create_refusal, created, given, is_late, is_unguarded, judge, key_columns,
    log_created, logged_insert, logs_at_once, row_lock, rows_per_statement, show, take_turn, unit_of,
};

/// The most rows of one multi-row INSERT.
const MOST_ROWS: usize = 1024;

/// A new row, with what plugins add to it.
pub(super) type NewRow<E> = Draft<<E as Entity>::New>;

/// `INSERT` of one row, answered as stored.
pub(super) struct Create<E: Entity> {
    pub(super) new: NewRow<E>,
}

impl<DB: Backend, E: On<DB>> Op<DB> for Create<E> {
    type Out = E;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        let mask = given(E::META, &self.new);
        if is_late(E::META, &created::<E>(&cx.plugins(), mask, Some(&self.new)), mask) {
            return Unit::Atomic; // it is judged when it is stored
        }
        unit_of::<E>(DB::DIALECT, Answer::Rows)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<E> {
        insert_one::<DB, E>(wire, cx, &self.new).await
    }
}

/// Inserts one row and answers it as stored.
pub(super) async fn insert_one<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    new: &NewRow<E>,
) -> Result<E> {
    let mask = given(E::META, new);
    refuse_unreadable_key::<E>(DB::DIALECT, mask)?;
    let demands = created::<E>(&cx.plugins(), mask, Some(new));
    let late = is_late(E::META, &demands, mask);
    let now = if late { &[] } else { &demands[..] };
    let at_once = E::META.plug.audit.as_ref().filter(|audit| logs_at_once(DB::DIALECT, audit));
    let row: Option<E> = if let Some(audit) = at_once {
        let mut sql = cx.sql::<DB>();
        sql.push("WITH ").ident(NEW).push(" AS (");
        insert_if(&mut sql, E::META, mask, new, now);
        logged_insert(&mut sql, E::META, audit, cx, Answer::Rows);
        decode_first(wire, sql.finish()?).await?
    } else {
        take_turn::<DB>(wire, cx, E::META).await?;
        let statement = if now.is_empty() && !E::META.hides_columns() {
            bind::<DB, E>(cx, insert_text::<DB, E>(cx, mask), mask, Some(new), None)?
        } else {
            let mut sql = cx.sql::<DB>();
            insert_if(&mut sql, E::META, mask, new, now);
            returning(&mut sql, E::META);
            sql.finish()?
        };
        if DB::DIALECT.has_returning() {
            decode_first(wire, statement).await?
        } else {
            let done = wire.execute(statement).await?;
            match done.rows {
                0 => None,
                _ => read_back::<DB, E>(wire, cx, new, mask, done.last_insert_id).await?,
            }
        }
    };
    let Some(row) = row else {
        let refused = create_refusal::<DB, E>(wire, cx, mask, new, now).await?;
        return Err(refused.unwrap_or(Error::NotStored { entity: E::META.entity }));
    };
    let rows = std::slice::from_ref(&row);
    if late {
        judge::<DB, E>(wire, cx, Action::Create, &[row.id()], &demands).await?;
    }
    if at_once.is_none() {
        log_created::<DB, E>(wire, cx, rows).await?;
    }
    show(wire, cx, Operation::Create, rows).await?;
    Ok(row)
}

/// The row that was just inserted, found by the key that the client gave or MySQL generated.
async fn read_back<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    new: &NewRow<E>,
    mask: Mask,
    last_insert_id: u64,
) -> Result<Option<E>> {
    if E::META.hides_columns() {
        let mut sql = cx.select::<DB, E>();
        sql.push(" WHERE ").list(key_columns(E::META), " AND ", |sql, col| {
            sql.ident(col.name).push(" = ");
            match new.value(col.index).filter(|_| mask.contains(col.index)) {
                Some(value) => sql.value(col.codec, value),
                None => sql.value(crate::__private::codec!(u64), &last_insert_id),
            };
        });
        sql.push(row_lock(DB::DIALECT));
        return decode_first(wire, sql.finish()?).await;
    }
    let mut args = DB::Arguments::default();
    let mut shown = cx.shows_values().then(Vec::new);
    for col in key_columns(E::META) {
        let (codec, value) = match new.value(col.index).filter(|_| mask.contains(col.index)) {
            Some(value) => (col.codec, value),
            None => (crate::__private::codec!(u64), &last_insert_id as &AnyValue),
        };
        if let Some(shown) = &mut shown {
            shown.push(codec.shown(value));
        }
        DB::bind(codec, value, &mut args).map_err(crate::expr::encode)?;
    }
    let sql = find_locked_text::<DB, E>(cx);
    let shown = shown.map(Vec::into_boxed_slice);
    decode_first(wire, Statement { shown, ..Statement::new(sql, args) }).await
}

/// Several `INSERT`s, all or nothing, answered as stored and in the order of the input.
pub(super) struct CreateMany<E: Entity> {
    rows: Vec<NewRow<E>>,
    batches: Vec<(Mask, Vec<usize>)>,
}

impl<E: Entity> CreateMany<E> {
    pub(super) fn new(dialect: Dialect, rows: Vec<NewRow<E>>) -> Self {
        let batches = batches::<E, _>(&rows, |mask| batch_size::<E>(dialect, mask, most_read_back(dialect)));
        Self { rows, batches }
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for CreateMany<E> {
    type Out = Vec<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        let judged = |(mask, _): &(Mask, _)| !created::<E>(&cx.plugins(), *mask, None).is_empty();
        if self.batches.len() > 1 || self.batches.iter().any(judged) {
            return Unit::Atomic;
        }
        unit_of::<E>(DB::DIALECT, Answer::Rows)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Vec<E>> {
        for (mask, _) in &self.batches {
            refuse_unreadable_key::<E>(DB::DIALECT, *mask)?;
        }
        let mut out = Placed::new(self.rows.len());
        for (mask, batch) in self.batches {
            let news: Vec<&NewRow<E>> = batch.iter().map(|at| &self.rows[*at]).collect();
            let stored = insert_batch::<DB, E>(wire, cx, mask, &news).await?;
            out.place(batch.into_iter().zip(stored));
        }
        out.finish().map_err(|_| Error::NotStored { entity: E::META.entity })
    }
}

/// The positions of rows, grouped by which columns the rows give and cut into statements. The groups stand in the
/// order of their first rows.
pub(super) fn batches<E: Entity, V: Values>(
    rows: &[V],
    size: impl Fn(Mask) -> usize,
) -> Vec<(Mask, Vec<usize>)> {
    let mut groups: Vec<(Mask, Vec<usize>)> = Vec::new();
    let mut known = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let mask = given(E::META, row);
        let group = *known.entry(mask).or_insert_with(|| {
            groups.push((mask, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(at);
    }
    let cut = |(mask, rows): (Mask, Vec<usize>)| {
        let batches: Vec<_> = rows.chunks(size(mask)).map(|batch| (mask, batch.to_vec())).collect();
        batches
    };
    groups.into_iter().flat_map(cut).collect()
}

/// How many rows of a shape one INSERT takes.
pub(super) fn batch_size<E: Entity>(dialect: Dialect, mask: Mask, most: usize) -> usize {
    if mask == Mask::default() && !dialect.has_empty_rows() {
        return 1; // DEFAULT VALUES
    }
    let width = columns(E::META, mask).count();
    rows_per_statement(dialect, has_arrays(dialect, E::META, mask), width, most)
}

/// The most rows whose read-back is still cheap: without RETURNING they may be numbered by a CASE, whose cost is
/// quadratic.
pub(super) fn most_read_back(dialect: Dialect) -> usize {
    if dialect.has_returning() { MOST_ROWS } else { 500 }
}

/// Rows of one shape, which all give a value to the columns of `mask`.
pub(super) async fn insert_batch<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
) -> Result<Vec<E>> {
    let at_once = E::META.plug.audit.as_ref().filter(|audit| logs_at_once(DB::DIALECT, audit));
    take_turn::<DB>(wire, cx, E::META).await?;
    let stored: Vec<E> = if let Some(audit) = at_once {
        let mut sql = cx.sql::<DB>();
        sql.push("WITH ").ident(NEW).push(" AS (");
        insert_rows(&mut sql, E::META, mask, rows);
        logged_insert(&mut sql, E::META, audit, cx, Answer::Rows);
        decode_all(wire, sql.finish()?).await?
    } else if !DB::DIALECT.has_returning() {
        let last_insert_id = execute_batch::<DB, E>(wire, cx, mask, rows).await?.last_insert_id;
        read_back_batch::<DB, E>(wire, cx, mask, rows, last_insert_id).await?
    } else if mask == Mask::default() && !E::META.hides_columns() {
        decode_all(wire, bind::<DB, E>(cx, insert_text::<DB, E>(cx, mask), mask, None, None)?).await?
    } else {
        let mut sql = cx.sql::<DB>();
        insert_rows(&mut sql, E::META, mask, rows);
        returning(&mut sql, E::META);
        decode_all(wire, sql.finish()?).await?
    };
    if stored.len() != rows.len() {
        return Err(Error::NotStored { entity: E::META.entity });
    }
    judge_created::<DB, E>(wire, cx, mask, rows, &stored).await?;
    if at_once.is_none() {
        log_created::<DB, E>(wire, cx, &stored).await?;
    }
    show(wire, cx, Operation::Create, &stored).await?;
    Ok(stored)
}

/// Judges new rows as they are stored. Each may give other columns a value, which not everyone may write.
async fn judge_created<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
    stored: &[E],
) -> Result<()> {
    if is_unguarded(E::META) {
        return Ok(());
    }
    let has_guards = E::META.columns.iter().any(|col| col.guard.is_some_and(|guard| guard.write.is_some()));
    if has_guards {
        for (new, row) in rows.iter().zip(stored) {
            let demands = created::<E>(&cx.plugins(), mask, Some(*new));
            judge::<DB, E>(wire, cx, Action::Create, &[row.id()], &demands).await?;
        }
        return Ok(());
    }
    let ids: Vec<E::Id> = stored.iter().map(E::id).collect();
    judge::<DB, E>(wire, cx, Action::Create, &ids, &created::<E>(&cx.plugins(), mask, None)).await
}

/// The same, without reading them back.
async fn insert_uncounted<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
) -> Result<u64> {
    match &E::META.plug.audit {
        // Who is shown the rows, and what is written down of them, needs what is stored.
        _ if E::CUSTOM.after_write => {}
        // So does who judges them.
        _ if !created::<E>(&cx.plugins(), mask, None).is_empty() => {}
        None => return Ok(execute_batch::<DB, E>(wire, cx, mask, rows).await?.rows),
        Some(audit) if logs_at_once(DB::DIALECT, audit) => {
            let mut sql = cx.sql::<DB>();
            sql.push("WITH ").ident(NEW).push(" AS (");
            insert_rows(&mut sql, E::META, mask, rows);
            logged_insert(&mut sql, E::META, audit, cx, Answer::Count);
            let count = wire.fetch_optional(sql.finish()?).await?;
            let count = count.map(|row| DB::integer(&row, 0)).transpose()?;
            return Ok(count.unwrap_or_default().unsigned_abs());
        }
        Some(_) => {}
    }
    Ok(insert_batch::<DB, E>(wire, cx, mask, rows).await?.len() as u64)
}

async fn execute_batch<DB: Backend, E: Entity>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
) -> Result<Done> {
    let mut sql = cx.sql::<DB>();
    insert_rows(&mut sql, E::META, mask, rows);
    wire.execute(sql.finish()?).await
}

/// MySQL: the rows of a batch, in its order.
async fn read_back_batch<DB: Backend, E: On<DB>>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&NewRow<E>],
    last_insert_id: u64,
) -> Result<Vec<E>> {
    if let Some(col) = key_columns(E::META).find(|col| !mask.contains(col.index)) {
        // Ids of one multi-row INSERT are consecutive, in steps that the session knows.
        // As u64: a key without a sign may be past what an i64 holds.
        let codec = crate::__private::codec!(u64);
        let count = rows.len().try_into().unwrap_or(i64::MAX);
        let mut sql = cx.select::<DB, E>();
        sql.push(" WHERE ").ident(col.name).push(" >= ").value(codec, &last_insert_id).push(" AND ");
        sql.ident(col.name).push(" < ").value(codec, &last_insert_id).push(" + ").integer(count);
        sql.push(" * @@auto_increment_increment ORDER BY ").ident(col.name).push(" FOR UPDATE");
        return decode_all(wire, sql.finish()?).await;
    }
    // The clients' keys. They are compared by the database, whose collation decides, so the rows come back numbered.
    let cols: Vec<_> = key_columns(E::META).collect();
    read_numbered::<DB, E, _>(wire, cx, &cols, rows).await
}

/// As many `INSERT`s as an iterator has batches, all or nothing; answers how many rows. Memory is bounded by the batch.
pub(super) struct InsertMany<E: Entity, I: Iterator> {
    first: Vec<NewRow<E>>,
    rest: std::iter::Peekable<I>,
    several: bool,
}

/// Rows as they come: checked, and with what plugins add.
type Row<E> = Result<NewRow<E>>;

impl<E: Entity, I: Iterator<Item = Row<E>>> InsertMany<E, I> {
    /// Takes the first batch, so that input of one batch needs no transaction.
    pub(super) fn new(dialect: Dialect, rows: I) -> Result<Self> {
        let mut rest = rows.peekable();
        let first = take_batch::<E, I>(dialect, &mut rest)?;
        let several = rest.peek().is_some();
        Ok(Self { first, rest, several })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

/// The next rows of one shape.
fn take_batch<E: Entity, I: Iterator<Item = Row<E>>>(
    dialect: Dialect,
    rows: &mut std::iter::Peekable<I>,
) -> Result<Vec<NewRow<E>>> {
    let Some(first) = rows.next().transpose()? else { return Ok(Vec::new()) };
    let mask = given(E::META, &first);
    let size = batch_size::<E>(dialect, mask, MOST_ROWS);
    let mut batch = Vec::with_capacity(size.min(64));
    batch.push(first);
    while batch.len() < size {
        match rows.next_if(|row| row.as_ref().map_or(true, |row| given(E::META, row) == mask)) {
            Some(row) => batch.push(row?),
            None => break,
        }
    }
    Ok(batch)
}

impl<DB: Backend, E: On<DB>, I: Iterator<Item = Row<E>> + Send> Op<DB> for InsertMany<E, I> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, cx: Cx<'_>) -> Unit {
        let mask = self.first.first().map(|first| given(E::META, first)).unwrap_or_default();
        if self.several || !created::<E>(&cx.plugins(), mask, None).is_empty() {
            return Unit::Atomic;
        }
        unit_of::<E>(DB::DIALECT, Answer::Count)
    }

    async fn run(mut self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<u64> {
        let mut batch = self.first;
        let mut rows = 0;
        while let Some(first) = batch.first() {
            let mask = given(E::META, first);
            let news: Vec<&NewRow<E>> = batch.iter().collect();
            rows += insert_uncounted::<DB, E>(wire, cx, mask, &news).await?;
            batch = take_batch::<E, I>(DB::DIALECT, &mut self.rest)?;
        }
        Ok(rows)
    }
}

/// MySQL: the rows that have the same values in `cols` as `like`, in its order, locked. The database compares, because
/// its collation decides what is the same.
pub(super) async fn read_numbered<DB: Backend, E: On<DB>, V: Values>(
    wire: &mut Wire<'_, DB>,
    cx: Cx<'_>,
    cols: &[&'static Col],
    like: &[&V],
) -> Result<Vec<E>> {
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT CASE").list(like.iter().enumerate(), "", |sql, (number, row)| {
        sql.push(" WHEN ").equal(cols, *row).push(&format!(" THEN {number}"));
    });
    sql.push(" END, ").readable_columns(E::META, false).push(" FROM ").table(E::META).push(" WHERE ");
    sql.list(like, " OR ", |sql, row| {
        sql.push("(").equal(cols, *row).push(")");
    });
    sql.push(" FOR UPDATE");
    let mut out = Placed::new(like.len());
    {
        let mut rows = wire.fetch(sql.finish()?);
        let mut check = true;
        while let Some(row) = rows.try_next().await? {
            let number = usize::try_from(DB::integer(&row, 0)?).unwrap_or(usize::MAX);
            let row = E::decode(&mut Cells::new(&row, E::META, 1, check));
            out.place([(number, row.map_err(|error| rows.failed(error))?)]);
            check = false;
        }
    }
    out.finish().map_err(|_| Error::NotStored { entity: E::META.entity })
}
