//! Creating rows, one or many.

use std::collections::BTreeMap;
use std::iter::Peekable;

use super::sql::{
    bind, columns, find_locked_text, given, has_arrays, insert_rows, insert_text, key_columns,
    refuse_unreadable_key, returning, rows_per_statement, unit_of_one_row,
};
use super::{Placed, validate_at};
use crate::backend::{Backend, Dialect};
use futures_util::TryStreamExt;

use crate::entity::{Cells, Entity, Mask, On, Values};
use crate::error::{Error, Result};
use crate::expr::{Col, Meta};
use crate::query::{decode_all, decode_first};
use crate::source::{Cx, Op, Unit};

/// The most rows of one multi-row INSERT.
const MOST_ROWS: usize = 1024;

/// `INSERT` of one row, answered as stored.
pub(super) struct Create<E: Entity> {
    pub(super) new: E::New,
}

impl<DB: Backend, E: On<DB>> Op<DB> for Create<E> {
    type Out = E;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self) -> Unit {
        unit_of_one_row(DB::DIALECT)
    }

    async fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<E> {
        insert_one::<DB, E>(conn, cx, &self.new).await
    }
}

/// Inserts one row and answers it as stored.
pub(super) async fn insert_one<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    new: &E::New,
) -> Result<E> {
    let mask = given(E::META, new);
    refuse_unreadable_key::<E>(DB::DIALECT, mask)?;
    let statement = bind::<DB, E>(insert_text::<DB, E>(cx, mask), mask, Some(new), None)?;
    let row = if DB::DIALECT.has_returning() {
        decode_first(conn, statement).await?
    } else {
        let done = DB::execute(conn, statement).await?;
        read_back::<DB, E>(conn, cx, new, mask, done.last_insert_id).await?
    };
    row.ok_or(Error::NotStored { entity: E::META.entity })
}

/// The row that was just inserted, found by the key that the client gave or MySQL generated.
async fn read_back<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    new: &E::New,
    mask: Mask,
    last_insert_id: u64,
) -> Result<Option<E>> {
    let mut args = DB::Arguments::default();
    for col in key_columns(E::META) {
        let bound = match new.value(col.index).filter(|_| mask.contains(col.index)) {
            Some(value) => DB::bind(col.codec, value, &mut args),
            None => DB::bind(crate::__private::codec!(u64), &last_insert_id, &mut args),
        };
        bound.map_err(crate::expr::encode)?;
    }
    let sql = find_locked_text::<DB, E>(cx);
    decode_first(conn, crate::backend::Statement { sql, args, persistent: true }).await
}

/// Several `INSERT`s, all or nothing, answered as stored and in the order of the input.
pub(super) struct CreateMany<E: Entity> {
    rows: Vec<E::New>,
    batches: Vec<(Mask, Vec<usize>)>,
}

impl<E: Entity> CreateMany<E> {
    pub(super) fn new(dialect: Dialect, rows: Vec<E::New>) -> Self {
        let batches = batches::<E, _>(&rows, |mask| batch_size::<E>(dialect, mask, most_read_back(dialect)));
        Self { rows, batches }
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for CreateMany<E> {
    type Out = Vec<E>;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self) -> Unit {
        if self.batches.len() > 1 { Unit::Atomic } else { unit_of_one_row(DB::DIALECT) }
    }

    async fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<Vec<E>> {
        for (mask, _) in &self.batches {
            refuse_unreadable_key::<E>(DB::DIALECT, *mask)?;
        }
        let mut out = Placed::new(self.rows.len());
        for (mask, batch) in self.batches {
            let news: Vec<&E::New> = batch.iter().map(|at| &self.rows[*at]).collect();
            let stored = insert_batch::<DB, E>(conn, cx, mask, &news).await?;
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

pub(super) async fn insert_batch<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&E::New],
) -> Result<Vec<E>> {
    let stored = if !DB::DIALECT.has_returning() {
        let last_insert_id = execute_batch::<DB, E>(conn, cx, mask, rows).await?.last_insert_id;
        read_back_batch::<DB, E>(conn, cx, mask, rows, last_insert_id).await?
    } else if mask == Mask::default() {
        decode_all(conn, bind::<DB, E>(insert_text::<DB, E>(cx, mask), mask, None, None)?).await?
    } else {
        let mut sql = cx.sql::<DB>();
        insert_rows(&mut sql, E::META, mask, rows);
        returning(&mut sql, E::META);
        decode_all(conn, sql.finish()?).await?
    };
    if stored.len() == rows.len() { Ok(stored) } else { Err(Error::NotStored { entity: E::META.entity }) }
}

async fn execute_batch<DB: Backend, E: Entity>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&E::New],
) -> Result<crate::backend::Done> {
    let statement = if mask == Mask::default() && !DB::DIALECT.has_empty_rows() {
        let mut sql = cx.sql::<DB>();
        super::sql::insert_head(&mut sql, E::META, mask);
        sql.push(" DEFAULT VALUES");
        sql.finish()?
    } else {
        let mut sql = cx.sql::<DB>();
        insert_rows(&mut sql, E::META, mask, rows);
        sql.finish()?
    };
    Ok(DB::execute(conn, statement).await?)
}

/// MySQL: the rows of a batch, in its order.
async fn read_back_batch<DB: Backend, E: On<DB>>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    mask: Mask,
    rows: &[&E::New],
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
        return decode_all(conn, sql.finish()?).await;
    }
    // The clients' keys. They are compared by the database, whose collation decides, so the rows come back numbered.
    let cols: Vec<_> = key_columns(E::META).collect();
    read_numbered::<DB, E, _>(conn, cx, &cols, rows).await
}

/// As many `INSERT`s as an iterator has batches, all or nothing; answers how many rows. Memory is bounded by the batch.
pub(super) struct InsertMany<E: Entity, I: Iterator<Item = E::New>> {
    first: Vec<E::New>,
    rest: Peekable<I>,
    several: bool,
}

impl<E: Entity, I: Iterator<Item = E::New>> InsertMany<E, I> {
    /// Takes the first batch, so that input of one batch needs no transaction.
    pub(super) fn new(dialect: Dialect, rows: I) -> Self {
        let mut rest = rows.peekable();
        let first = take_batch::<E, I>(dialect, &mut rest);
        let several = rest.peek().is_some();
        Self { first, rest, several }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

/// The next rows of one shape.
fn take_batch<E: Entity, I: Iterator<Item = E::New>>(
    dialect: Dialect,
    rows: &mut Peekable<I>,
) -> Vec<E::New> {
    let Some(first) = rows.next() else { return Vec::new() };
    let mask = given(E::META, &first);
    let size = batch_size::<E>(dialect, mask, MOST_ROWS);
    let mut batch = Vec::with_capacity(size.min(64));
    batch.push(first);
    while batch.len() < size {
        match rows.next_if(|row| given(E::META, row) == mask) {
            Some(row) => batch.push(row),
            None => break,
        }
    }
    batch
}

impl<DB: Backend, E: On<DB>, I: Iterator<Item = E::New> + Send> Op<DB> for InsertMany<E, I> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self) -> Unit {
        if self.several { Unit::Atomic } else { Unit::Statement }
    }

    async fn run(mut self, conn: &mut DB::Connection, cx: Cx<'_>) -> Result<u64> {
        let mut batch = self.first;
        let (mut rows, mut at) = (0, 0);
        while !batch.is_empty() {
            for (i, new) in batch.iter().enumerate() {
                validate_at::<E>(new, at + i)?;
            }
            at += batch.len();
            let mask = given(E::META, &batch[0]);
            let news: Vec<&E::New> = batch.iter().collect();
            rows += execute_batch::<DB, E>(conn, cx, mask, &news).await?.rows;
            batch = take_batch::<E, I>(DB::DIALECT, &mut self.rest);
        }
        Ok(rows)
    }
}

/// MySQL: the rows that have the same values in `cols` as `like`, in its order, locked. The database compares, because
/// its collation decides what is the same.
pub(super) async fn read_numbered<DB: Backend, E: On<DB>, V: Values>(
    conn: &mut DB::Connection,
    cx: Cx<'_>,
    cols: &[&'static Col],
    like: &[&V],
) -> Result<Vec<E>> {
    let mut sql = cx.sql::<DB>();
    sql.push("SELECT CASE").list(like.iter().enumerate(), "", |sql, (number, row)| {
        sql.push(" WHEN ").equal(cols, *row).push(&format!(" THEN {number}"));
    });
    sql.push(" END, ").names(E::META.columns).push(" FROM ").table(E::META).push(" WHERE ");
    sql.list(like, " OR ", |sql, row| {
        sql.push("(").equal(cols, *row).push(")");
    });
    sql.push(" FOR UPDATE");
    let mut out = Placed::new(like.len());
    {
        let mut rows = DB::fetch(conn, sql.finish()?);
        let mut check = true;
        while let Some(row) = rows.try_next().await? {
            let number = usize::try_from(DB::integer(&row, 0)?).unwrap_or(usize::MAX);
            out.place([(number, E::decode(&mut Cells::new(&row, E::META, 1, check))?)]);
            check = false;
        }
    }
    out.finish().map_err(|_| Error::NotStored { entity: E::META.entity })
}
