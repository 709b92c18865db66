//! Relations: how rows of one entity lead to rows of another, to be loaded, asked for and joined.
//!
//! The derive makes a constant of each relation that a struct declares:
//!
//! | attribute | constant | leads to |
//! |---|---|---|
//! | `has_many(posts = Post::AUTHOR_ID)` on `User` | `User::POSTS` | [`HasMany`] |
//! | `has_one(profile = Profile::USER_ID)` on `User` | `User::PROFILE` | [`HasOne`] |
//! | `belongs_to(author = User::ID)` on `Post`'s field `author_id` | `Post::AUTHOR` | [`BelongsTo`] |
//! | `has_many(tags = Tag::ID, through(PostTag::POST_ID, PostTag::TAG_ID))` on `Post` | `Post::TAGS` | [`ManyToMany`] |
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::prelude::*;
//!
//! #[derive(Debug, Repository)]
//! #[kysera(table = "users", has_many(posts = Post::AUTHOR_ID))]
//! struct User {
//!     #[kysera(id)]
//!     id: i64,
//!     name: String,
//! }
//!
//! #[derive(Debug, Repository)]
//! #[kysera(table = "posts")]
//! struct Post {
//!     #[kysera(id)]
//!     id: i64,
//!     #[kysera(belongs_to(author = User::ID))]
//!     author_id: i64,
//!     title: String,
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql(
//!     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
//!      CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users, title TEXT NOT NULL);
//!      INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
//!      INSERT INTO posts VALUES (1, 1, 'Engines'), (2, 1, 'Notes')",
//! )
//! .await?;
//!
//! // Loaded for all rows at once: two statements, however many users there are.
//! let (users, posts) = (User::repo(&db), Post::repo(&db));
//! let loaded: Vec<(User, Vec<Post>)> = users.find().with(User::POSTS).all().await?;
//! assert_eq!(loaded.iter().map(|(_, posts)| posts.len()).sum::<usize>(), 2);
//!
//! // In filters and orders.
//! let writers = users.find().filter(User::POSTS.any(Post::TITLE.starts_with("E")));
//! assert_eq!(writers.one().await?.name, "Ada");
//! let busy = users.find().order_by(User::POSTS.count().desc()).first().await?;
//! assert_eq!(busy.map(|user| user.name).as_deref(), Some("Ada"));
//!
//! // Joined, for relations that lead to one row.
//! let joined = posts.find().join(Post::AUTHOR).filter(Post::AUTHOR.get(User::NAME).eq("Ada"));
//! let joined: Vec<(Post, User)> = joined.all().await?;
//! assert_eq!(joined.len(), 2);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # What is where
//!
//! | for | look at |
//! |---|---|
//! | rows with what belongs to them | [`Find::with`](crate::query::Find::with), which makes a [`FindWith`]; [`load_many`] for rows at hand |
//! | some related rows, in an order, so many for each | [`HasMany::filter`], [`HasMany::order_by`], [`HasMany::limit`] |
//! | what belongs to related rows | [`HasMany::with`] |
//! | whether there are such rows, and how many | [`HasMany::any`], [`HasMany::none`], [`HasMany::count`] |
//! | columns of the one row at the other end | [`BelongsTo::get`] |
//! | joins | [`Find::join`](crate::query::Find::join), [`Find::left_join`](crate::query::Find::left_join) |
//!
//! The other kinds of relations have the same methods where they make sense.

mod find_with;
mod join;
mod key;
mod load;

use std::marker::PhantomData;

pub use find_with::{FindWith, WholeRows};
pub use join::{AddJoin, Inner, Joined, JoinedRow, Left, ToOne};
pub use key::JoinKey;
#[doc(hidden)]
pub use key::Matching;
pub(crate) use load::attach;
pub use load::{Load, load_many};

use crate::entity::Entity;
use crate::expr::{
    Column, Deleted, Expr, Expression, Filter, Node, Nullable, Order, OrderKey, Rel, RelatedRows, Term, Via,
    nullable,
};

/// How rows of one entity lead to rows of another: [`HasMany`], [`HasOne`], [`BelongsTo`] or [`ManyToMany`].
///
/// The trait is sealed: the derive makes the constants.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no relation",
    label = "expected a relation such as `User::POSTS`"
)]
pub trait Relation: Copy + Send + Sync + sealed::Sealed + 'static {
    /// Where it begins.
    type Parent: Entity;
    /// Where it leads.
    type Target: Entity;
    /// What is loaded for each row: a `Vec`, or an `Option` where there is one row at most.
    type Rows<T: Send>: Send;

    #[doc(hidden)]
    fn way(&self) -> Way;

    #[doc(hidden)]
    fn gather<T: Send>(rows: Vec<T>) -> Self::Rows<T>;
}

mod sealed {
    pub trait Sealed {}
}

/// A relation without types.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Way {
    pub(crate) rel: Rel,
    matching: Matching,
}

/// Some of the rows that a relation leads to: `User::POSTS.filter(..).order_by(..).limit(3)`.
///
/// It can be loaded with [`with`](crate::query::Find::with), counted, and asked for.
pub struct Related<R> {
    relation: R,
    filters: Vec<Node>,
    order: Vec<OrderKey>,
    limit: Option<u64>,
    pub(crate) deleted: Deleted,
}

impl<R: Clone> Clone for Related<R> {
    fn clone(&self) -> Self {
        Self {
            relation: self.relation.clone(),
            filters: self.filters.clone(),
            order: self.order.clone(),
            limit: self.limit,
            deleted: self.deleted,
        }
    }
}

impl<R: Relation> Related<R> {
    pub(crate) fn all(relation: R) -> Self {
        Self { relation, filters: Vec::new(), order: Vec::new(), limit: None, deleted: Deleted::Hidden }
    }

    fn rows(&self) -> RelatedRows {
        RelatedRows {
            rel: self.relation.way().rel,
            filters: self.filters.clone(),
            order: self.order.clone(),
            limit: self.limit,
            deleted: self.deleted,
        }
    }

    /// Keeps the rows for which the filter holds. Several calls keep those for which all of them hold.
    #[must_use]
    pub fn filter(mut self, filter: Filter<R::Target>) -> Self {
        self.filters.push(filter.node);
        self
    }

    /// Orders the rows of each parent. Later calls break the ties of earlier ones, and the primary key breaks the rest.
    #[must_use]
    pub fn order_by(mut self, order: Order<R::Target>) -> Self {
        self.order.push(order.key);
        self
    }

    /// At most so many rows for each parent, in the order given.
    ///
    /// PostgreSQL reads them with `CROSS JOIN LATERAL (.. LIMIT $n)`, the others number the rows with `ROW_NUMBER()`.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Whether there is such a row; order and limit do not matter. `EXISTS (SELECT 1 FROM ..)`
    pub fn any(&self) -> Filter<R::Parent> {
        Filter::of(Node::Related { rows: Box::new(self.rows()), negated: false })
    }

    /// Whether there is no such row; order and limit do not matter. `NOT EXISTS (SELECT 1 FROM ..)`
    pub fn none(&self) -> Filter<R::Parent> {
        Filter::of(Node::Related { rows: Box::new(self.rows()), negated: true })
    }

    /// How many such rows there are; order and limit do not matter. `(SELECT COUNT(*) FROM ..)`
    pub fn count(&self) -> Expr<R::Parent, i64> {
        Expr::typed(Term::CountRelated(Box::new(self.rows())), crate::__private::codec!(i64))
    }

    /// Loads something for each of these rows as well: `User::POSTS.with(Post::COMMENTS)`.
    pub fn with<L>(self, load: L) -> With<R, L> {
        With { related: self, load }
    }
}

impl<R: Relation> std::fmt::Debug for Related<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Related<{}>", self.relation.way().rel.name)
    }
}

/// A relation, and what is loaded for each row that it leads to: `User::POSTS.with(Post::COMMENTS)`.
pub struct With<R, L> {
    related: Related<R>,
    load: L,
}

impl<R: Clone, L: Clone> Clone for With<R, L> {
    fn clone(&self) -> Self {
        Self { related: self.related.clone(), load: self.load.clone() }
    }
}

impl<R: Relation, L> std::fmt::Debug for With<R, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}.with(..)", self.related)
    }
}

macro_rules! relation {
    ($(#[$doc:meta])* $type:ident<$parent:ident, $target:ident $(, through $link:ident)?>: $rows:ident) => {
        $(#[$doc])*
        pub struct $type<$parent, $($link,)? $target> {
            way: Way,
            types: PhantomData<fn() -> ($parent, $($link,)? $target)>,
        }

        impl<$parent, $($link,)? $target> Clone for $type<$parent, $($link,)? $target> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$parent, $($link,)? $target> Copy for $type<$parent, $($link,)? $target> {}

        impl<$parent, $($link,)? $target> std::fmt::Debug for $type<$parent, $($link,)? $target> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}<{}>", stringify!($type), self.way.rel.name)
            }
        }

        impl<$parent, $($link,)? $target> sealed::Sealed for $type<$parent, $($link,)? $target> {}

        impl<$parent: Entity, $($link: Entity,)? $target: Entity> Relation for $type<$parent, $($link,)? $target> {
            type Parent = $parent;
            type Target = $target;
            type Rows<T: Send> = $rows<T>;

            fn way(&self) -> Way {
                self.way
            }

            fn gather<T: Send>(rows: Vec<T>) -> $rows<T> {
                relation!(@gather $rows rows)
            }
        }

        impl<$parent: Entity, $($link: Entity,)? $target: Entity> $type<$parent, $($link,)? $target> {
            /// Whether there is a related row for which the filter holds.
            ///
            /// `EXISTS (SELECT 1 FROM <target> WHERE <its key> = <key> AND ..)`
            pub fn any(self, filter: Filter<$target>) -> Filter<$parent> {
                self.filter(filter).any()
            }

            /// Whether there is no related row for which the filter holds: also where there is no related row at all.
            ///
            /// `NOT EXISTS (SELECT 1 FROM <target> WHERE <its key> = <key> AND ..)`
            pub fn none(self, filter: Filter<$target>) -> Filter<$parent> {
                self.filter(filter).none()
            }

            /// Whether there is a related row at all.
            ///
            /// `EXISTS (SELECT 1 FROM <target> WHERE <its key> = <key>)`
            pub fn exists(self) -> Filter<$parent> {
                Related::all(self).any()
            }

            /// Whether there is no related row at all.
            ///
            /// `NOT EXISTS (SELECT 1 FROM <target> WHERE <its key> = <key>)`
            pub fn is_empty(self) -> Filter<$parent> {
                Related::all(self).none()
            }

            /// How many related rows there are.
            ///
            /// `(SELECT COUNT(*) FROM <target> WHERE <its key> = <key>)`
            pub fn count(self) -> Expr<$parent, i64> {
                Related::all(self).count()
            }

            /// Only the rows for which the filter holds.
            pub fn filter(self, filter: Filter<$target>) -> Related<Self> {
                Related::all(self).filter(filter)
            }

            /// The rows of each parent in this order; the primary key breaks ties. By default it alone is the order.
            pub fn order_by(self, order: Order<$target>) -> Related<Self> {
                Related::all(self).order_by(order)
            }

            /// At most so many rows for each parent.
            pub fn limit(self, rows: u64) -> Related<Self> {
                Related::all(self).limit(rows)
            }

            /// Loads something for each related row as well: `User::POSTS.with(Post::COMMENTS)`.
            pub fn with<Load>(self, load: Load) -> With<Self, Load> {
                Related::all(self).with(load)
            }
        }
    };
    (@gather Vec $of:ident) => { $of };
    (@gather Option $of:ident) => { $of.into_iter().next() };
}

relation! {
    /// Many rows of `C` have a column with the key of a row of `P`.
    HasMany<P, C>: Vec
}

relation! {
    /// One row of `C`, at most, has a column with the key of a row of `P`. If there are several, the one with the
    /// smallest primary key is loaded, and a join finds them all: a unique key on that column prevents it.
    HasOne<P, C>: Option
}

relation! {
    /// A row of `P` has a column with the key of a row of `C`.
    BelongsTo<P, C>: Option
}

relation! {
    /// Rows of `L` link rows of `P` to rows of `C`. A row that is linked twice is there twice, in what is loaded and in
    /// the count.
    ManyToMany<P, C, through L>: Vec
}

macro_rules! direct {
    ($($type:ident),*) => { $(
        impl<P: Entity, C: Entity> $type<P, C> {
            /// From the column of the row at hand to the column that has the same value.
            #[doc(hidden)]
            pub const fn new<A: JoinKey<B>, B>(
                name: &'static str,
                parent: Column<P, A>,
                key: Column<C, B>,
            ) -> Self {
                let rel = Rel { name, parent: parent.col(), meta: C::META, key: key.col(), via: None };
                Self { way: Way { rel, matching: A::MATCHING }, types: PhantomData }
            }
        }
    )* };
}
direct!(HasMany, HasOne, BelongsTo);

impl<P: Entity, L: Entity, C: Entity> ManyToMany<P, L, C> {
    /// From the column of the row at hand over the two columns of the link to the column at the other end.
    #[doc(hidden)]
    pub const fn new<A: JoinKey<LA>, LA, LB: JoinKey<B>, B>(
        name: &'static str,
        parent: Column<P, A>,
        link: (Column<L, LA>, Column<L, LB>),
        key: Column<C, B>,
    ) -> Self {
        let via = Via { meta: L::META, parent: link.0.col(), target: link.1.col() };
        let rel = Rel { name, parent: parent.col(), meta: C::META, key: key.col(), via: Some(via) };
        Self { way: Way { rel, matching: A::MATCHING }, types: PhantomData }
    }
}

macro_rules! one {
    ($($type:ident),*) => { $(
        impl<P: Entity, C: Entity> $type<P, C> {
            /// A column or expression of the related row, to filter, order and select by; NULL where there is none.
            ///
            /// It reads the joined table where the query [joins](crate::query::Find::join) this relation, and is a
            /// sub-query elsewhere: `(SELECT <column> FROM <target> WHERE <its key> = <key> LIMIT 1)`.
            pub fn get<T: Nullable, X>(self, of: X) -> Expr<P, Option<T::Inner>>
            where
                X: Expression<Entity = C, Out = T>,
            {
                let expr = of.into_expr();
                nullable(Term::Through(self.way.rel, Box::new(expr.term.clone())), expr)
            }
        }
    )* };
}
one!(HasOne, BelongsTo);

macro_rules! deep {
    ($($type:ident),*) => { $(
        impl<E: Entity> $type<E, E> {
            /// Whether the filter holds for a row that is reached by following the relation once or more often: for a parent, or
            /// its parent, and so on. For the row itself as well, add `filter | ..`. Circles do no harm. Rows that are
            /// marked as deleted lead nowhere.
            ///
            /// `<key> IN (WITH RECURSIVE .. SELECT ..)`: the rows that lead there do not depend on the row at hand, and are
            /// found once.
            ///
            /// Where there is no parent the answer is false, and its negation true. MySQL takes as many steps as
            /// `cte_max_recursion_depth` says, 1000 by default, and fails beyond; MariaDB's `max_recursive_iterations` leaves the
            /// rest out without an error: set it higher than hierarchies are deep.
            ///
            /// ```
            /// # #[cfg(feature = "sqlite")]
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> kysera::Result<()> {
            /// use kysera::prelude::*;
            ///
            /// #[derive(Debug, Repository)]
            /// #[kysera(table = "teams")]
            /// struct Team {
            ///     #[kysera(id)]
            ///     id: i64,
            ///     name: String,
            ///     #[kysera(belongs_to(parent = Team::ID))]
            ///     parent_id: Option<i64>,
            /// }
            ///
            /// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
            /// db.raw_sql(
            ///     "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER);
            ///      INSERT INTO teams VALUES (1, 'all', NULL), (2, 'tech', 1), (3, 'web', 2), (4, 'other', NULL)",
            /// )
            /// .await?;
            /// let within = Team::PARENT.any_deep(Team::NAME.eq("all"));
            /// let names = Team::repo(&db).find().filter(within).order_by(Team::ID.asc()).select(Team::NAME).all().await?;
            /// assert_eq!(names, ["tech", "web"]);
            /// # Ok(())
            /// # }
            /// # #[cfg(not(feature = "sqlite"))] fn main() {}
            /// ```
            pub fn any_deep(self, filter: Filter<E>) -> Filter<E> {
                Filter::of(Node::Reachable { rel: self.way.rel, filters: vec![filter.node] })
            }
        }
    )* };
}
deep!(HasMany, HasOne, BelongsTo);
