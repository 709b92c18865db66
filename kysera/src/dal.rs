//! Data access in the functional style: free functions over a source.
//!
//! A query is an `async fn` whose first argument says where it runs. What it may do there is in its bounds, and the
//! compiler holds callers to them:
//!
//! | the function asks for | it may | it is called with |
//! |---|---|---|
//! | `S: Source` | read | anything, [`ReadOnly`](crate::ReadOnly) and [`Replica`](crate::Replica) included |
//! | `S: Writable` | write | anything but those |
//! | `S: Transact` | open a transaction of its own | a [`Db`](crate::Db); a [`Tx`](crate::Tx), where it is a savepoint |
//! | `S: InTransaction` | rely on a transaction around it | a [`Tx`](crate::Tx) |
//! | `S: Concurrent` | run several statements at a time | a [`Db`](crate::Db) or a pool |
//!
//! Everything else is plain Rust.
//!
//! # A query
//!
//! Arguments are arguments, results are results, and errors go through `?`.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! use kysera::Result;
//! use kysera::prelude::*;
//!
//! #[derive(Debug, Repository)]
//! #[kysera(table = "users")]
//! struct User {
//!     #[kysera(id)]
//!     id: i64,
//!     name: String,
//!     age: i32,
//! }
//!
//! async fn adults(db: &impl Source<Database = Sqlite, Context = ()>, at_most: u64) -> Result<Vec<User>> {
//!     User::repo(db).find().filter(User::AGE.ge(18)).order_by(User::NAME.asc()).limit(at_most).all().await
//! }
//!
//! async fn sign_up(db: &(impl Writable<Database = Sqlite, Context = ()>), name: &str, age: i32) -> Result<User> {
//!     User::repo(db).create(NewUser { name: name.into(), age }).await
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL)").await?;
//! sign_up(&db, "Ada", 36).await?;
//! assert_eq!(adults(&db, 10).await?.len(), 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! A trait of your own with a blanket impl shortens bounds that repeat, and is the place for the database and the context
//! of the program. Functions that serve several databases take `S: Source` and say `User: On<S::Database>` instead.
//!
//! ```
//! # #[cfg(feature = "sqlite")] mod doc {
//! # use kysera::prelude::*;
//! trait Reads: Source<Database = Sqlite, Context = ()> {}
//! impl<S: Source<Database = Sqlite, Context = ()>> Reads for S {}
//! # }
//! ```
//!
//! # Context
//!
//! There is no context object beside the source: the source is one. It knows who asks
//! ([`with_context`](crate::Db::with_context)) and where tables are ([`in_schema`](crate::Db::in_schema)), transactions
//! inherit both, and whether it is a transaction is in its type.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! # use kysera::prelude::*;
//! struct Principal {
//!     user: i64,
//! }
//!
//! async fn who(db: &impl Source<Context = Principal>) -> i64 {
//!     db.context().user
//! }
//!
//! let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! let request = db.in_schema("tenant_7")?.with_context(Principal { user: 7 });
//! assert_eq!(who(&request).await, 7);
//! assert_eq!(who(&request.begin().await?).await, 7);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Transactions
//!
//! [`Db::transaction`](crate::Db::transaction) commits what answers `Ok` and rolls back what answers `Err`. Functions do
//! not know whether they run in one, unless they ask: for [`InTransaction`](crate::InTransaction) those that make no sense
//! on their own, for [`Transact`](crate::Transact) those that bring their own. Within a transaction the latter is a
//! savepoint, so its failure undoes its own part alone. [`Db::begin`](crate::Db::begin) sets the isolation level.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! # use kysera::prelude::*;
//! # use kysera::{Error, Result};
//! # #[derive(Debug, Repository)]
//! # #[kysera(table = "accounts")]
//! # struct Account { #[kysera(id, assigned)] id: i64, balance: i64 }
//! /// Half of it must not stay.
//! async fn transfer<S>(tx: &S, from: i64, to: i64, amount: i64) -> Result<()>
//! where
//!     S: InTransaction<Database = Sqlite, Context = ()> + Writable,
//! {
//!     let accounts = Account::repo(tx);
//!     let funded = Account::ID.eq(from) & Account::BALANCE.ge(amount);
//!     let taken = accounts.find().filter(funded).set(Account::BALANCE, Account::BALANCE.minus(amount)).execute().await?;
//!     if taken == 0 {
//!         return Err(Error::other("not enough money"));
//!     }
//!     accounts.find().filter(Account::ID.eq(to)).set(Account::BALANCE, Account::BALANCE.plus(amount)).execute().await?;
//!     Ok(())
//! }
//!
//! /// Complete in itself, alone or as a part of something larger.
//! async fn settle<S>(db: &S) -> Result<()>
//! where
//!     S: Transact<Database = Sqlite, Context = ()>,
//! {
//!     db.transaction(|tx| async move { transfer(&tx, 1, 2, 30).await }).await
//! }
//!
//! # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! # db.raw_sql("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)").await?;
//! # let accounts = Account::repo(&db);
//! # accounts.insert_many([NewAccount { id: 1, balance: 50 }, NewAccount { id: 2, balance: 0 }]).await?;
//! settle(&db).await?;
//! db.transaction(|tx| async move {
//!     assert!(settle(&tx).await.is_err(), "20 are left");
//!     transfer(&tx, 1, 2, 20).await // the transaction goes on
//! })
//! .await?;
//! # assert_eq!(accounts.get(2).await?.balance, 50);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Composition
//!
//! Functions that need each other's results call each other. A chain is a sequence of `let`s, a condition is an `if`, and
//! what becomes of each row is an iterator. Functions that do not need each other run at the same time by [`parallel`].
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kysera::Result<()> {
//! # use kysera::prelude::*;
//! # use kysera::Result;
//! # #[derive(Debug, Repository)]
//! # #[kysera(table = "users")]
//! # struct User { #[kysera(id)] id: i64, name: String }
//! # #[derive(Debug, Repository)]
//! # #[kysera(table = "orders")]
//! # struct Order { #[kysera(id)] id: i64, user_id: i64, total: i64 }
//! # trait Reads: Source<Database = Sqlite, Context = ()> {}
//! # impl<S: Source<Database = Sqlite, Context = ()>> Reads for S {}
//! async fn user_named(db: &impl Reads, name: &str) -> Result<User> {
//!     User::repo(db).find().filter(User::NAME.eq(name)).one().await
//! }
//!
//! async fn orders_of(db: &impl Reads, user: &User) -> Result<Vec<Order>> {
//!     Order::repo(db).find().filter(Order::USER_ID.eq(user.id)).order_by(Order::ID.asc()).all().await
//! }
//!
//! /// One after the other, each with what came before.
//! async fn invoice(db: &impl Reads, name: &str, with_details: bool) -> Result<String> {
//!     let user = user_named(db, name).await?;
//!     let orders = orders_of(db, &user).await?;
//!     let total: i64 = orders.iter().map(|order| order.total).sum();
//!     // Only where it is asked for.
//!     let lines: Vec<String> = if with_details {
//!         orders.iter().enumerate().map(|(i, order)| format!("{}. {}", i + 1, order.total)).collect()
//!     } else {
//!         Vec::new()
//!     };
//!     Ok(format!("{}: {total} {}", user.name, lines.join(", ")))
//! }
//!
//! # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
//! # db.raw_sql(
//! #     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
//! #     CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, total INTEGER NOT NULL);
//! #     INSERT INTO users VALUES (1, 'Ada'); INSERT INTO orders VALUES (1, 1, 30), (2, 1, 12)",
//! # ).await?;
//! assert_eq!(invoice(&db, "Ada", true).await?, "Ada: 42 1. 30, 2. 12");
//! assert_eq!(invoice(&db, "Ada", false).await?, "Ada: 42 ");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```

use std::future::Future;

use futures_core::future::BoxFuture;
use futures_util::future::try_join;

use crate::error::Result;
use crate::source::Concurrent;

/// Runs functions at the same time, each on a connection of its own, and answers all their results.
///
/// The functions come as a tuple of up to six, and each is given the source: plain functions by their name, those with
/// more arguments as closures, in which a repository that is made there needs an `async` block of its own:
/// `|db| async move { User::repo(db).count().await }`. They start in their order. The first error is answered at once, and the functions that are
/// still running are dropped, as [dropped futures](crate::source) always may be.
///
/// Each function sees what is committed when its statements run: for one view of the data run them one after the other
/// in a transaction. In a transaction this does not compile, because a connection runs one statement after the other.
/// With fewer connections than functions the rest wait for their turn.
///
/// # Errors
///
/// The first one of the functions.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::prelude::*;
/// use kysera::{Result, dal};
/// # #[derive(Debug, Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, name: String }
///
/// async fn users(db: &Db<Sqlite>) -> Result<u64> {
///     User::repo(db).count().await
/// }
///
/// async fn named(db: &Db<Sqlite>, name: &str) -> Result<Vec<User>> {
///     User::repo(db).find().filter(User::NAME.eq(name)).all().await
/// }
///
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
/// # User::repo(&db).create(NewUser { name: "Ada".into() }).await?;
/// let (all, adas) = dal::parallel(&db, (users, |db| named(db, "Ada"))).await?;
/// assert_eq!((all, adas.len()), (1, 1));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub fn parallel<'s, S: Concurrent, F: Functions<'s, S>>(
    source: &'s S,
    functions: F,
) -> BoxFuture<'s, Result<F::Out>> {
    functions.start(source)
}

/// What [`parallel`] runs: a tuple of up to six functions of a `&S`, each with a future that answers a [`Result`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tuple of up to six functions",
    label = "expected functions that take the source and answer a future of a `kysera::Result`",
    note = "as in `dal::parallel(&db, (users, |db| orders_of(db, 7)))`; one alone is `(users,)`"
)]
pub trait Functions<'s, S> {
    /// All results.
    type Out;

    #[doc(hidden)]
    fn start(self, source: &'s S) -> BoxFuture<'s, Result<Self::Out>>;
}

macro_rules! functions {
    ($($F:ident $Fut:ident $T:ident $future:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<'s, S: 's, $($F, $Fut, $T),+> Functions<'s, S> for ($($F,)+)
        where
            $($F: FnOnce(&'s S) -> $Fut, $Fut: Future<Output = Result<$T>> + Send + 's, $T: Send + 's,)+
        {
            type Out = ($($T,)+);

            fn start(self, source: &'s S) -> BoxFuture<'s, Result<Self::Out>> {
                #[allow(non_snake_case, reason = "named after their types")]
                let ($($F,)+) = self;
                $(let $future = $F(source);)+
                Box::pin(async move {
                    let nested!($($future)+) = joined!($($future)+).await?;
                    Ok(($($future,)+))
                })
            }
        }
    };
}

/// `try_join` takes two: `a, (b, c)`.
macro_rules! joined {
    ($last:ident) => { $last };
    ($first:ident $($rest:ident)+) => { try_join($first, joined!($($rest)+)) };
}

macro_rules! nested {
    ($last:ident) => { $last };
    ($first:ident $($rest:ident)+) => { ($first, nested!($($rest)+)) };
}

functions!(F1 Fut1 T1 a);
functions!(F1 Fut1 T1 a, F2 Fut2 T2 b);
functions!(F1 Fut1 T1 a, F2 Fut2 T2 b, F3 Fut3 T3 c);
functions!(F1 Fut1 T1 a, F2 Fut2 T2 b, F3 Fut3 T3 c, F4 Fut4 T4 d);
functions!(F1 Fut1 T1 a, F2 Fut2 T2 b, F3 Fut3 T3 c, F4 Fut4 T4 d, F5 Fut5 T5 e);
functions!(F1 Fut1 T1 a, F2 Fut2 T2 b, F3 Fut3 T3 c, F4 Fut4 T4 d, F5 Fut5 T5 e, F6 Fut6 T6 f);
