use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::pin;

use futures_util::future::BoxFuture;

use super::Cx;
use super::db::Db;
use super::deadline::{Deadline, within};
use super::read_only::ReadOnly;
use super::replica::Replica;
use super::run::waited_for;
use super::tx::Tx;
use crate::backend::{Backend, Dialect, Isolation, TxOptions};
use crate::error::{DeadlineStage, Result};
use crate::observe::Wire;

impl<'d, DB: Backend, C: Send + Sync + 'static> From<&'d Db<DB, C>> for Begin<'d, DB, C> {
    /// As [`Db::begin`].
    #[track_caller]
    fn from(db: &'d Db<DB, C>) -> Self {
        Begin::new(db)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Whether a transaction may write; decides which handle it gets.
pub trait Mode<DB: Backend, C>: sealed::Sealed + Send + 'static {
    /// [`Tx`] or [`ReadOnly<Tx>`](ReadOnly).
    type Handle: Send;

    #[doc(hidden)]
    fn handle(tx: Tx<DB, C>) -> Self::Handle;
}

/// The transaction may write.
#[derive(Debug)]
pub struct Write;

/// The transaction only reads.
#[derive(Debug)]
pub struct Read;

impl sealed::Sealed for Write {}
impl sealed::Sealed for Read {}

impl<DB: Backend, C: Send + Sync + 'static> Mode<DB, C> for Write {
    type Handle = Tx<DB, C>;

    fn handle(tx: Tx<DB, C>) -> Self::Handle {
        tx
    }
}

impl<DB: Backend, C: Send + Sync + 'static> Mode<DB, C> for Read {
    type Handle = ReadOnly<Tx<DB, C>>;

    fn handle(tx: Tx<DB, C>) -> Self::Handle {
        ReadOnly::new(tx)
    }
}

/// A transaction that is about to begin; made by [`Db::begin`] and [`Replica::begin`].
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use sqlx::Sqlite;
/// use kysera::{Db, Isolation};
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// let n = db.begin().isolation(Isolation::Serializable).run(|_tx| async move { Ok(1) }).await?;
/// assert_eq!(n, 1);
///
/// let tx = db.begin().await?; // by hand
/// tx.rollback().await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[must_use = "nothing begins until it is awaited or `run`"]
pub struct Begin<'d, DB: Backend, C = (), M = Write> {
    db: &'d Db<DB, C>,
    replica: Option<&'d Replica<DB, C>>,
    options: TxOptions,
    caller: &'static Location<'static>,
    mode: PhantomData<fn() -> M>,
}

impl<'d, DB: Backend, C: Send + Sync + 'static> Begin<'d, DB, C> {
    #[track_caller]
    pub(super) fn new(db: &'d Db<DB, C>) -> Self {
        Self {
            db,
            replica: None,
            options: TxOptions::default(),
            caller: Location::caller(),
            mode: PhantomData,
        }
    }

    /// Nothing will be written: the handle becomes [`ReadOnly`], through which writes do not compile, and PostgreSQL and
    /// MySQL refuse them too. On SQLite it takes no lock (`BEGIN DEFERRED`).
    pub fn read_only(self) -> Begin<'d, DB, C, Read> {
        let options = TxOptions { read_only: true, ..self.options };
        let Self { db, replica, caller, .. } = self;
        Begin { db, replica, options, caller, mode: PhantomData }
    }
}

impl<'d, DB: Backend, C: Send + Sync + 'static> Begin<'d, DB, C, Read> {
    #[track_caller]
    pub(super) fn on_replica(db: &'d Db<DB, C>, replica: &'d Replica<DB, C>) -> Self {
        Begin { replica: Some(replica), ..Begin::new(db).read_only() }
    }

    /// PostgreSQL: waits for a snapshot with which a serializable transaction can neither fail nor make others fail
    /// (`ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE`), for long reports. Elsewhere serializable alone: MySQL and
    /// SQLite have nothing of the kind.
    pub fn deferrable(mut self) -> Self {
        self.options.deferrable = true;
        self.options.isolation = Some(Isolation::Serializable);
        self
    }
}

impl<'d, DB: Backend, C: Send + Sync + 'static, M: Mode<DB, C>> Begin<'d, DB, C, M> {
    /// The isolation level; the database's default otherwise. SQLite is always serializable.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.options.isolation = Some(isolation);
        self
    }

    /// Runs `f` in the transaction; see [`Db::transaction`].
    ///
    /// # Errors
    ///
    /// Those of [`Db::transaction`].
    pub fn run<T, F, Fut>(self, f: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnOnce(M::Handle) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        async move {
            let tx = self.start().await?;
            let scope = tx.scope();
            let result = f(M::handle(tx)).await;
            scope.conclude(result).await
        }
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.db.deadline()
    }

    async fn start(&self) -> Result<Tx<DB, C>> {
        let cx = Cx::called(self.db, "begin", self.caller);
        let watch = cx.watch_plain::<DB>();
        let lent = async {
            match self.replica {
                Some(replica) => replica.lease().await,
                None if self.options.read_only => self.db.lease().await,
                None => self.db.lease_to_write().await,
            }
        };
        let (mut lease, waited) = waited_for(watch, lent).await?;
        lease.mark_begun();
        let begun = {
            let begin = pin!(async {
                let mut wire = Wire::new(&mut *lease, watch, waited).behind(cx.pooler());
                wire.begin(self.options).await?;
                cx.tell_claims::<DB>(&mut wire).await
            });
            within(self.deadline(), begin).await
        };
        let begun = begun.map_err(|deadline| deadline.error(DeadlineStage::Running))?;
        if let Err(error) = lease.finish(begun) {
            if DB::DIALECT == Dialect::MySql && self.options.isolation.is_some() {
                lease.condemn(); // the level may be waiting there for the next transaction
            }
            return Err(error);
        }
        lease.count_transaction();
        Ok(Tx::new(lease, self.db.session(), self.caller))
    }
}

impl<'d, DB: Backend, C: Send + Sync + 'static, M: Mode<DB, C>> IntoFuture for Begin<'d, DB, C, M> {
    type Output = Result<M::Handle>;
    type IntoFuture = BoxFuture<'d, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(M::handle(self.start().await?)) })
    }
}

impl<DB: Backend, C, M> Clone for Begin<'_, DB, C, M> {
    fn clone(&self) -> Self {
        let Self { db, replica, options, caller, .. } = *self;
        Self { db, replica, options, caller, mode: PhantomData }
    }
}

impl<DB: Backend, C, M> std::fmt::Debug for Begin<'_, DB, C, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begin").field("options", &self.options).finish_non_exhaustive()
    }
}
