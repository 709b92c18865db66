//! Loading: one statement per relation, whatever the number of parents.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::Location;

use futures_core::future::BoxFuture;
use futures_util::TryStreamExt;

use super::key::{KeyIndex, Matching};
use super::{BelongsTo, HasMany, HasOne, ManyToMany, Related, Relation, With};
use crate::backend::{Backend, Dialect, Statement};
use crate::entity::{Cells, Entity, Guard, On, Values};
use crate::error::Result;
use crate::expr::{AnyValue, Codec, LoadKeys, Meta, OrderKey, Rel, RelatedRows, Sql, Term};
use crate::observe::Wire;
use crate::query::{Rows, Shape};
use crate::source::{Cx, Op, Source, run};

/// Where the load was asked for.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    at: &'static Location<'static>,
    /// Whether it is part of a query or of another load, and not asked for by itself.
    is_part: bool,
}

impl Caller {
    /// For what belongs to the rows that are loaded there.
    fn part(self) -> Self {
        Self { is_part: true, ..self }
    }
}

/// Something that can be loaded for rows of `P` on a source: a relation, some of its rows ([`Related`]), one with
/// relations of its own ([`With`]), or a tuple of up to six of these.
///
/// Each relation takes one statement, whatever the number of rows. (MySQL takes 65 535 arguments in a statement: beyond
/// that many keys there is another one for as many.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be loaded for rows of `{P}`",
    label = "expected a relation of `{P}`, or a tuple of relations"
)]
pub trait Load<P, S: Source>: Send + Sync {
    /// What is loaded for each row.
    type Out: Send;

    /// Loads it, one for each of the rows and in their order.
    #[doc(hidden)]
    fn load<'a>(
        &'a self,
        source: &'a S,
        caller: Caller,
        parents: &'a [&'a P],
    ) -> BoxFuture<'a, Result<Vec<Self::Out>>>
    where
        P: 'a;
}

/// Loads something for rows at hand; answers one element for each of them, in their order.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod doc {
/// # use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "users", has_many(posts = Post::AUTHOR_ID))]
/// # struct User { #[kysera(id)] id: i64 }
/// # #[derive(Repository)]
/// # #[kysera(table = "posts")]
/// # struct Post { #[kysera(id)] id: i64, author_id: i64 }
/// use kysera::relation::load_many;
///
/// async fn posts(db: &Db<Sqlite>, users: &[User]) -> kysera::Result<Vec<Vec<Post>>> {
///     load_many(db, users, User::POSTS).await
/// }
/// # }
/// ```
///
/// # Errors
///
/// Those of the database; [`Error::Decode`](crate::Error::Decode) if a row does not fit its struct;
/// [`Error::Protected`](crate::Error::Protected) if a filter reaches an
/// entity that the source's context may not.
#[track_caller]
pub fn load_many<'a, P, S, L>(source: &'a S, rows: &'a [P], load: L) -> BoxFuture<'a, Result<Vec<L::Out>>>
where
    P: Entity,
    S: Source,
    L: Load<P, S> + 'a,
{
    let caller = Caller { at: Location::caller(), is_part: false };
    Box::pin(async move {
        let parents: Vec<&P> = rows.iter().collect();
        load.load(source, caller, &parents).await
    })
}

/// Pairs rows with what is loaded for them, or for a part of each.
pub(crate) async fn attach<P, S, L, R>(
    source: &S,
    caller: &'static Location<'static>,
    rows: Vec<R>,
    load: &L,
    part: fn(&R) -> &P,
) -> Result<Vec<(R, L::Out)>>
where
    P: Entity,
    S: Source,
    L: Load<P, S> + ?Sized,
{
    let parents: Vec<&P> = rows.iter().map(part).collect();
    let caller = Caller { at: caller, is_part: true };
    let out = load.load(source, caller, &parents).await?;
    Ok(rows.into_iter().zip(out).collect())
}

/// How rows of a load are read.
trait Reader<DB: Backend>: 'static {
    /// The entity with the key of the parent.
    type Keyed: On<DB>;
    type Target: On<DB>;
    type Row: Send;

    fn read(row: &DB::Row, check: bool) -> Result<Self::Row>;
    /// The target alone, once more.
    fn target_again(row: &DB::Row) -> Result<Self::Target>;
    fn keyed(row: &Self::Row) -> &Self::Keyed;
    fn target(row: Self::Row) -> Self::Target;
}

/// The target has the key.
struct Direct<C>(PhantomData<fn() -> C>);

impl<DB: Backend, C: On<DB>> Reader<DB> for Direct<C> {
    type Keyed = C;
    type Target = C;
    type Row = C;

    fn read(row: &DB::Row, check: bool) -> Result<C> {
        C::decode(&mut Cells::new(row, C::META, 0, check))
    }

    fn target_again(row: &DB::Row) -> Result<C> {
        C::decode(&mut Cells::new(row, C::META, 0, false))
    }

    fn keyed(row: &C) -> &C {
        row
    }

    fn target(row: C) -> C {
        row
    }
}

/// The link has the key; its columns come first.
struct Linked<L, C>(PhantomData<fn() -> (L, C)>);

impl<DB: Backend, L: On<DB>, C: On<DB>> Reader<DB> for Linked<L, C> {
    type Keyed = L;
    type Target = C;
    type Row = (L, C);

    fn read(row: &DB::Row, check: bool) -> Result<(L, C)> {
        let link = L::decode(&mut Cells::new(row, L::META, 0, check)).map_err(|e| e.in_entity(L::META))?;
        Ok((link, C::decode(&mut Cells::new(row, C::META, L::META.columns.len(), check))?))
    }

    fn target_again(row: &DB::Row) -> Result<C> {
        C::decode(&mut Cells::new(row, C::META, L::META.columns.len(), false))
    }

    fn keyed(row: &(L, C)) -> &L {
        &row.0
    }

    fn target(row: (L, C)) -> C {
        row.1
    }
}

/// The rows that belong to each parent.
fn rows_of<'a, P, S, R>(
    source: &'a S,
    caller: Caller,
    parents: &'a [&'a P],
    matching: Matching,
    mut rows: RelatedRows,
) -> BoxFuture<'a, Result<Vec<Vec<R::Target>>>>
where
    P: Entity,
    S: Source,
    R: Reader<S::Database>,
{
    Box::pin(async move {
        let parent = rows.rel.parent;
        let values: Vec<Option<&AnyValue>> = parents
            .iter()
            .map(|row| row.value(parent.index).filter(|value| !(parent.codec.is_null)(*value)))
            .collect();
        let index = (matching.parents)(&values);
        drop(values);
        if index.keys.is_empty() {
            return Ok(parents.iter().map(|_| Vec::new()).collect());
        }
        break_ties(&mut rows);
        let cx = Cx::called(source, "load", caller.at);
        let cx = if caller.is_part { cx.as_part() } else { cx };
        let chunks = chunks::<S::Database>(&index, &rows, cx)?;
        let load = Loading::<R> {
            index: &index,
            matching,
            rel: rows.rel,
            parents: parents.len(),
            ask: may_be_equal(<S::Database as Backend>::DIALECT, parent.codec, &index.keys),
            reader: PhantomData,
        };
        run(source, cx, LoadRelated { chunks, load }).await
    })
}

/// The primary key is the last thing that is ordered by, unless there is one row for each key anyway.
fn break_ties(rows: &mut RelatedRows) {
    let meta = rows.rel.meta;
    let one_each = rows.rel.via.is_none() && meta.id == [rows.rel.key.index];
    if one_each && rows.limit.is_none() {
        return;
    }
    let id = meta.id.iter().filter_map(|index| meta.columns.get(*index));
    rows.order.extend(id.map(|col| OrderKey { term: Term::Column(col), descending: false, nulls: None }));
}

/// Whether the database may take two of the keys for equal, so that a row with one of them belongs to both.
fn may_be_equal(dialect: Dialect, codec: &Codec, keys: &[&AnyValue]) -> bool {
    let mysql = dialect == Dialect::MySql;
    if keys.len() < 2 || !(codec.text || mysql && codec.is_mysql_text()) {
        return false;
    }
    let mut seen = HashSet::with_capacity(keys.len());
    for key in keys {
        let text = match (key.downcast_ref::<String>(), key.downcast_ref::<Option<String>>()) {
            (Some(text), _) | (None, Some(Some(text))) => text,
            // A type that cannot be looked into. MySQL's collations ignore a lot by default, those of others nothing.
            _ => return mysql,
        };
        // What is an accent is for the collation to say.
        if mysql && !text.is_ascii() {
            return true;
        }
        let plain: String = text.chars().filter(|char| !char.is_whitespace() && !char.is_control()).collect();
        if !seen.insert(plain.to_lowercase()) {
            return true;
        }
    }
    false
}

/// Some of the keys, and the statement that loads their rows.
type Chunk<DB> = (Range<usize>, Statement<DB>);

/// One, unless the database limits the arguments.
fn chunks<'a, DB: Backend>(
    index: &'a KeyIndex<'a>,
    rows: &'a RelatedRows,
    cx: Cx<'a>,
) -> Result<Vec<Chunk<DB>>> {
    let codec = rows.rel.parent.codec;
    let keys = &index.keys[..];
    let json = DB::json_keys(codec, keys);
    let as_one = json.is_some() || cx.sql::<DB>().has_array(codec);
    if as_one {
        let mut sql = cx.sql::<DB>();
        sql.load(rows, LoadKeys { codec, values: keys, json });
        return Ok(vec![(0..keys.len(), sql.finish()?)]);
    }
    // What filters and limits need comes on top of the keys.
    let mut others = cx.sql::<DB>();
    others.load(rows, LoadKeys { codec, values: &[], json: None });
    let most = DB::DIALECT.max_binds().saturating_sub(others.binds()).max(1);
    let mut chunks = Vec::new();
    for start in (0..keys.len()).step_by(most) {
        let range = start..keys.len().min(start + most);
        let values = keys.get(range.clone()).unwrap_or_default();
        // Lists of similar length share a text, so that they do not drive each other out of the statement cache.
        let length = values.len().next_power_of_two().min(most);
        let last = values.last().copied();
        let padded: Vec<&AnyValue> =
            values.iter().copied().chain(last.into_iter().cycle()).take(length).collect();
        let mut sql = cx.sql::<DB>();
        sql.load(rows, LoadKeys { codec, values: &padded, json: None });
        chunks.push((range, sql.finish()?));
    }
    Ok(chunks)
}

struct LoadRelated<'a, DB: Backend, R> {
    chunks: Vec<Chunk<DB>>,
    load: Loading<'a, R>,
}

/// What is known of a load besides its statements.
struct Loading<'a, R> {
    index: &'a KeyIndex<'a>,
    matching: Matching,
    rel: Rel,
    parents: usize,
    /// Whether the database says which row belongs to which key, and not the keys themselves.
    ask: bool,
    reader: PhantomData<fn() -> R>,
}

/// A row for a parent, and its place in the result.
struct Found<C> {
    at: usize,
    parent: usize,
    row: C,
}

/// A row whose key equals that of a parent to the database alone.
struct Stray<DB: Backend, T> {
    at: usize,
    raw: DB::Row,
    row: T,
}

impl<DB: Backend, R: Reader<DB>> Op<DB> for LoadRelated<'_, DB, R> {
    type Out = Vec<Vec<R::Target>>;

    fn meta(&self) -> &'static Meta {
        self.load.rel.meta
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<Self::Out> {
        let Self { chunks, load } = self;
        let mut found = Vec::new();
        let mut at = 0;
        let mut strayed = false;
        for (range, statement) in chunks {
            let mut strays = Vec::new();
            let mut check = true;
            let mut raws = wire.fetch(statement);
            while let Some(raw) = raws.try_next().await? {
                let row = R::read(&raw, check).map_err(|error| raws.failed(error))?;
                check = false;
                at += 1;
                let key =
                    if load.ask { None } else { load.key_of(&row).and_then(|key| load.index.find(key)) };
                match key {
                    Some(key) if range.contains(&key) => load.hand_out(key, at, &raw, row, &mut found)?,
                    // It comes with the chunk of its key as well.
                    Some(_) => {}
                    None => strays.push(Stray { at, raw, row }),
                }
            }
            drop(raws);
            if !strays.is_empty() {
                strayed = true;
                load.bring_home(wire, cx, range, strays, &mut found).await?;
            }
        }
        if strayed {
            found.sort_by_key(|found| found.at);
        }
        let mut out: Vec<Vec<R::Target>> = (0..load.parents).map(|_| Vec::new()).collect();
        for Found { parent, row, .. } in found {
            if let Some(rows) = out.get_mut(parent) {
                rows.push(row);
            }
        }
        Ok(out)
    }
}

impl<R> Loading<'_, R> {
    fn key_of<'r, DB: Backend>(&self, row: &'r R::Row) -> Option<&'r AnyValue>
    where
        R: Reader<DB>,
    {
        R::keyed(row).value(self.rel.keyed().1.index)
    }

    /// Gives a row to each parent with this key: the first gets it as it is, further ones have it read again.
    fn hand_out<DB: Backend>(
        &self,
        key: usize,
        at: usize,
        raw: &DB::Row,
        row: R::Row,
        found: &mut Vec<Found<R::Target>>,
    ) -> Result<()>
    where
        R: Reader<DB>,
    {
        let mut row = Some(R::target(row));
        for parent in self.index.rows(key) {
            let row = match row.take() {
                Some(row) => row,
                None => R::target_again(raw)?,
            };
            found.push(Found { at, parent, row });
        }
        Ok(())
    }

    /// A database may take for equal what differs: letters in upper and lower case, spaces at the end. It is asked which
    /// keys it meant.
    #[cold]
    async fn bring_home<DB: Backend>(
        &self,
        wire: &mut Wire<'_, DB>,
        cx: Cx<'_>,
        range: Range<usize>,
        strays: Vec<Stray<DB, R::Row>>,
        found: &mut Vec<Found<R::Target>>,
    ) -> Result<()>
    where
        R: Reader<DB>,
    {
        // The most arms of a union on SQLite are 500.
        const ARMS: usize = 400;
        let codec = self.rel.parent.codec;
        let stored_codec = self.rel.keyed().1.codec;
        let values: Vec<Option<&AnyValue>> = strays.iter().map(|stray| self.key_of(&stray.row)).collect();
        let stored = (self.matching.children)(&values);
        let mut pairs: HashSet<(usize, usize)> = HashSet::new();

        let as_one = |codec: &Codec, json: bool| json || Sql::new(DB::DIALECT).has_array(codec);
        let keys = self.index.keys.get(range.clone()).unwrap_or_default();
        let keys_at_once =
            if as_one(codec, DB::json_keys(codec, keys).is_some()) { usize::MAX } else { ARMS };
        let stored_json = DB::json_keys(stored_codec, &stored.keys).is_some();
        let stored_at_once =
            if as_one(stored_codec, stored_json) { usize::MAX } else { DB::DIALECT.max_binds() - ARMS };
        for (part, keys) in keys.chunks(keys_at_once).enumerate() {
            for stored_part in stored.keys.chunks(stored_at_once) {
                let mut sql = cx.sql::<DB>();
                let keys = LoadKeys { codec, values: keys, json: DB::json_keys(codec, keys) };
                let json = DB::json_keys(stored_codec, stored_part);
                let stored_keys = LoadKeys { codec: stored_codec, values: stored_part, json };
                sql.load_pairs(&self.rel, keys, stored_keys);
                let statement = sql.finish()?;
                let meta = self.rel.keyed().0;
                let mut raws = wire.fetch(statement);
                while let Some(raw) = raws.try_next().await? {
                    let row: R::Keyed = Rows::new().read(&raw, 0, true)?;
                    let place = DB::integer(&raw, meta.columns.len())?;
                    let key = usize::try_from(place - 1).unwrap_or_default();
                    let child = row.value(self.rel.keyed().1.index).and_then(|value| stored.find(value));
                    if let Some(child) = child {
                        pairs.insert((child, range.start + part.saturating_mul(ARMS) + key));
                    }
                }
            }
        }

        let mut keys_of: Vec<Vec<usize>> = (0..strays.len()).map(|_| Vec::new()).collect();
        for (child, key) in pairs {
            for stray in stored.rows(child) {
                if let Some(keys) = keys_of.get_mut(stray) {
                    keys.push(key);
                }
            }
        }
        drop(stored);
        for (Stray { at, raw, .. }, mut keys) in strays.into_iter().zip(keys_of) {
            keys.sort_unstable();
            for parent in keys.into_iter().flat_map(|key| self.index.rows(key)) {
                found.push(Found { at, parent, row: R::target_again(&raw)? });
            }
        }
        Ok(())
    }
}

macro_rules! load {
    ($type:ident<P, C $(, through $link:ident)?> reads $reader:ty) => {
        impl<P: Entity, $($link,)? C, S: Source> Load<P, S> for $type<P, $($link,)? C>
        where
            $($link: On<S::Database> + Guard<S::Context>,)?
            C: On<S::Database> + Guard<S::Context>,
        {
            type Out = <Self as Relation>::Rows<C>;

            fn load<'a>(
                &'a self,
                source: &'a S,
                caller: Caller,
                parents: &'a [&'a P],
            ) -> BoxFuture<'a, Result<Vec<Self::Out>>>
            where
                P: 'a,
            {
                Box::pin(async move {
                    let way = self.way();
                    let rows = RelatedRows::all(way.rel);
                    let rows = rows_of::<P, S, $reader>(source, caller, parents, way.matching, rows).await?;
                    Ok(rows.into_iter().map(<Self as Relation>::gather).collect())
                })
            }
        }

        impl<P: Entity, $($link,)? C, S: Source> Load<P, S> for Related<$type<P, $($link,)? C>>
        where
            $($link: On<S::Database> + Guard<S::Context>,)?
            C: On<S::Database> + Guard<S::Context>,
        {
            type Out = <$type<P, $($link,)? C> as Relation>::Rows<C>;

            fn load<'a>(
                &'a self,
                source: &'a S,
                caller: Caller,
                parents: &'a [&'a P],
            ) -> BoxFuture<'a, Result<Vec<Self::Out>>>
            where
                P: 'a,
            {
                Box::pin(async move {
                    let matching = self.relation.way().matching;
                    let rows = rows_of::<P, S, $reader>(source, caller, parents, matching, self.rows()).await?;
                    Ok(rows.into_iter().map($type::<P, $($link,)? C>::gather).collect())
                })
            }
        }

        impl<P: Entity, $($link,)? C, S: Source, Inner> Load<P, S> for With<$type<P, $($link,)? C>, Inner>
        where
            $($link: On<S::Database> + Guard<S::Context>,)?
            C: On<S::Database> + Guard<S::Context>,
            Inner: Load<C, S>,
        {
            type Out = <$type<P, $($link,)? C> as Relation>::Rows<(C, Inner::Out)>;

            fn load<'a>(
                &'a self,
                source: &'a S,
                caller: Caller,
                parents: &'a [&'a P],
            ) -> BoxFuture<'a, Result<Vec<Self::Out>>>
            where
                P: 'a,
            {
                Box::pin(async move {
                    let matching = self.related.relation.way().matching;
                    let rows =
                        rows_of::<P, S, $reader>(source, caller, parents, matching, self.related.rows()).await?;
                    let inner = {
                        let all: Vec<&C> = rows.iter().flatten().collect();
                        self.load.load(source, caller.part(), &all).await?
                    };
                    let mut inner = inner.into_iter();
                    let pairs = rows.into_iter().map(|rows| rows.into_iter().zip(inner.by_ref()).collect());
                    Ok(pairs.map($type::<P, $($link,)? C>::gather).collect())
                })
            }
        }
    };
}
load!(HasMany<P, C> reads Direct<C>);
load!(HasOne<P, C> reads Direct<C>);
load!(BelongsTo<P, C> reads Direct<C>);
load!(ManyToMany<P, C, through L> reads Linked<L, C>);

macro_rules! tuples {
    ($($L:ident $i:tt),+) => {
        impl<P: Entity, S: Source, $($L: Load<P, S>),+> Load<P, S> for ($($L,)+) {
            type Out = ($($L::Out,)+);

            #[allow(non_snake_case, reason = "named after their types")]
            fn load<'a>(
                &'a self,
                source: &'a S,
                caller: Caller,
                parents: &'a [&'a P],
            ) -> BoxFuture<'a, Result<Vec<Self::Out>>>
            where
                P: 'a,
            {
                Box::pin(async move {
                    $(let mut $L = self.$i.load(source, caller, parents).await?.into_iter();)+
                    // All of them have one element for each parent.
                    Ok(std::iter::from_fn(|| Some(($($L.next()?,)+))).collect())
                })
            }
        }
    };
}
tuples!(L1 0);
tuples!(L1 0, L2 1);
tuples!(L1 0, L2 1, L3 2);
tuples!(L1 0, L2 1, L3 2, L4 3);
tuples!(L1 0, L2 1, L3 2, L4 3, L5 4);
tuples!(L1 0, L2 1, L3 2, L4 3, L5 4, L6 5);
