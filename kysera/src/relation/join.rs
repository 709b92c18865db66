//! Joins of relations that lead to one row.

use std::marker::PhantomData;

use super::{BelongsTo, HasOne, Relation};
use crate::backend::Backend;
use crate::entity::{Cells, Entity, Guard, On};
use crate::error::Result;
use crate::expr::{Join, Meta};
use crate::query::{Find, Rows, Shape, SqlBox};
use crate::source::Source;

/// A relation that leads to one row at most, and can be joined: [`BelongsTo`] and [`HasOne`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` leads to many rows, hence cannot be joined",
    label = "not a relation to one row",
    note = "load them with `find().with(..)`, or ask for them in a filter with `any(..)`, `none(..)` and `count()`"
)]
pub trait ToOne: Relation {}

impl<P: Entity, C: Entity> ToOne for BelongsTo<P, C> {}
impl<P: Entity, C: Entity> ToOne for HasOne<P, C> {}

/// A joined row of `C`.
pub struct Inner<C>(PhantomData<fn() -> C>);

/// A joined row of `C`, where there is one; the column is the one that was joined by, which is NULL where there is none.
pub struct Left<C> {
    key: usize,
    entity: PhantomData<fn() -> C>,
}

impl<C> Clone for Inner<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Inner<C> {}

impl<C> Clone for Left<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Left<C> {}

/// How a joined row is read: [`Inner`] or [`Left`].
pub trait JoinedRow<DB: Backend>: Send + Sync + 'static {
    /// What it becomes.
    type Out: Send + 'static;

    #[doc(hidden)]
    fn meta(&self) -> &'static Meta;

    #[doc(hidden)]
    fn read(&self, row: &DB::Row, start: usize, check: bool) -> Result<Self::Out>;
}

impl<DB: Backend, C: On<DB>> JoinedRow<DB> for Inner<C> {
    type Out = C;

    fn meta(&self) -> &'static Meta {
        C::META
    }

    fn read(&self, row: &DB::Row, start: usize, check: bool) -> Result<C> {
        C::decode(&mut Cells::new(row, C::META, start, check))
    }
}

impl<DB: Backend, C: On<DB>> JoinedRow<DB> for Left<C> {
    type Out = Option<C>;

    fn meta(&self) -> &'static Meta {
        C::META
    }

    fn read(&self, row: &DB::Row, start: usize, _: bool) -> Result<Option<C>> {
        if DB::is_null(row, start + self.key)? {
            return Ok(None);
        }
        // The first row may have had nothing whose types could be looked at.
        C::decode(&mut Cells::new(row, C::META, start, true)).map(Some)
    }
}

/// Rows of `E` with rows that are joined to them: the [`Shape`] of a query with [`join`](Find::join) and
/// [`left_join`](Find::left_join).
pub struct Joined<E, J> {
    rows: J,
    entity: PhantomData<fn() -> E>,
}

impl<E, J: Clone> Clone for Joined<E, J> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), entity: PhantomData }
    }
}

impl<E: Entity, J> std::fmt::Debug for Joined<E, J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Joined<{}>", E::META.entity)
    }
}

/// What a query becomes by one more join: whole rows, or rows with up to three others joined to them already.
#[diagnostic::on_unimplemented(
    message = "there is no room for another join in `{Self}`",
    label = "a query of whole rows takes up to four joins"
)]
pub trait AddJoin<E, R>: Sized {
    /// The shape then.
    type Joined;

    #[doc(hidden)]
    fn add(self, row: R) -> Self::Joined;
}

impl<E, R> AddJoin<E, R> for Rows<E> {
    type Joined = Joined<E, (R,)>;

    fn add(self, row: R) -> Self::Joined {
        Joined { rows: (row,), entity: PhantomData }
    }
}

macro_rules! joins {
    ($($J:ident $i:tt),+) => {
        impl<E, R, $($J),+> AddJoin<E, R> for Joined<E, ($($J,)+)> {
            type Joined = Joined<E, ($($J,)+ R)>;

            fn add(self, row: R) -> Self::Joined {
                Joined { rows: ($(self.rows.$i,)+ row), entity: PhantomData }
            }
        }
    };
}
joins!(A 0);
joins!(A 0, B 1);
joins!(A 0, B 1, C 2);

macro_rules! shapes {
    ($($J:ident $i:tt),+) => {
        impl<DB: Backend, E: On<DB>, $($J: JoinedRow<DB>),+> Shape<DB> for Joined<E, ($($J,)+)> {
            type Out = (E, $($J::Out,)+);

            fn width(&self) -> usize {
                E::META.columns.len() $(+ self.rows.$i.meta().columns.len())+
            }

            fn write<'v>(&'v self, sql: &mut SqlBox<'_, 'v>, names: bool) {
                sql.0.row_and_joined(E::META, names);
            }

            fn read(&self, row: &DB::Row, start: usize, check: bool) -> Result<Self::Out> {
                let first = E::decode(&mut Cells::new(row, E::META, start, check))?;
                let mut next = start + E::META.columns.len();
                // In the order of the fields, which is that of the cells.
                Ok((first, $({
                    let at = next;
                    next += self.rows.$i.meta().columns.len();
                    let _ = next;
                    self.rows.$i.read(row, at, check)?
                },)+))
            }
        }
    };
}
shapes!(A 0);
shapes!(A 0, B 1);
shapes!(A 0, B 1, C 2);
shapes!(A 0, B 1, C 2, D 3);

impl<'s, E, S, X> Find<'s, E, S, X> {
    /// Joins the row that a relation leads to, and leaves out rows without one: `find().join(Post::AUTHOR)` answers
    /// `(Post, User)`, a second join `(Post, User, ..)`, up to four.
    ///
    /// `SELECT .. FROM <table> JOIN <target> AS j1 ON j1.<its key> = <table>.<key>`
    ///
    /// Columns of the joined row are filtered and ordered by through [`get`](crate::relation::BelongsTo::get).
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String }
    /// #[derive(Repository)]
    /// #[kysera(table = "posts")]
    /// struct Post {
    ///     #[kysera(id)]
    ///     id: i64,
    ///     #[kysera(belongs_to(author = User::ID))]
    ///     author_id: i64,
    ///     #[kysera(belongs_to(editor = User::ID))]
    ///     editor_id: Option<i64>,
    /// }
    ///
    /// async fn by_author(
    ///     posts: &PostRepository<Db<Sqlite>>,
    /// ) -> kysera::Result<Vec<(Post, User, Option<User>)>> {
    ///     let find = posts.find().join(Post::AUTHOR).left_join(Post::EDITOR);
    ///     find.order_by(Post::AUTHOR.get(User::NAME).asc()).all().await
    /// }
    /// # }
    /// ```
    pub fn join<R>(self, relation: R) -> Find<'s, E, S, X::Joined>
    where
        S: Source,
        R: ToOne<Parent = E>,
        R::Target: On<S::Database> + Guard<S::Context>,
        X: AddJoin<E, Inner<R::Target>>,
    {
        self.joined(&relation, false, Inner(PhantomData))
    }

    /// Joins the row that a relation leads to, where there is one: `find().left_join(Post::EDITOR)` answers
    /// `(Post, Option<User>)`. Else as [`join`](Find::join).
    ///
    /// `SELECT .. FROM <table> LEFT JOIN <target> AS j1 ON j1.<its key> = <table>.<key>`
    pub fn left_join<R>(self, relation: R) -> Find<'s, E, S, X::Joined>
    where
        S: Source,
        R: ToOne<Parent = E>,
        R::Target: On<S::Database> + Guard<S::Context>,
        X: AddJoin<E, Left<R::Target>>,
    {
        let key = relation.way().rel.key.index;
        self.joined(&relation, true, Left { key, entity: PhantomData })
    }

    fn joined<R: Relation, J>(mut self, relation: &R, left: bool, row: J) -> Find<'s, E, S, X::Joined>
    where
        X: AddJoin<E, J>,
    {
        self.query.joins.push(Join { rel: relation.way().rel, left });
        self.wrap(|shape| shape.add(row))
    }
}
