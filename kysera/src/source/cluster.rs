use std::sync::Arc;
use std::time::Duration;

use super::builder::{DbBuilder, refuse_pooler};
use super::db::Db;
use super::node::{Entrance, Node, Terms};
use super::replicas::Replicas;
use crate::backend::{Backend, ConnectOptionsOf, SessionLimits};
use crate::error::Result;

/// Configures a [`Db`] with replicas; made by [`DbBuilder::primary`].
///
/// | setting | default | reason |
/// |---|---|---|
/// | pools of replicas | as the primary's, each of its own: the settings that were made before [`primary`](DbBuilder::primary), or [`replica_settings`](Self::replica_settings) | |
/// | [`fall_back_to_primary`](Self::fall_back_to_primary) | off | a primary that suddenly gets all the reads may be the next one to go |
/// | [`pause`](Self::pause) | 1 s | a restart takes some; one connection per second is nothing |
/// | [`max_lag`](Self::max_lag) | none | only the program knows how old is too old |
/// | [`wait_for_position`](Self::wait_for_position) | 250 ms | a little more than PostgreSQL's `wal_writer_delay` |
///
/// An address is one server: what is found out about a replica is held to be true of all connections to it.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// # #[derive(Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, name: String }
/// # let folder = std::env::temp_dir().join(format!("kysera_cluster_{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).map_err(kysera::Error::other)?;
/// # let [primary, first, second] = ["a.db", "a.db", "a.db"].map(|name| format!("sqlite://{}", folder.join(name).display()));
///
/// let db = Db::<Sqlite>::builder()
///     .max_connections(4) // for each of them
///     .primary(&primary)
///     .replica(&first)
///     .replica(&second)
///     .fall_back_to_primary()
///     .connect()
///     .await?;
/// # db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
/// User::repo(&db).create(NewUser { name: "Ada".into() }).await?; // the primary
/// let users = User::repo(&db.replica()).count().await?; // a replica
/// # assert_eq!(users, 1);
/// # db.close().await;
/// # std::fs::remove_dir_all(&folder).map_err(kysera::Error::other)
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// # By database
///
/// * PostgreSQL: streaming replicas. Statements that stand in the way of what is to be repeated are cancelled there after
///   `max_standby_streaming_delay`; the error is [transient](crate::Error::is_transient).
/// * MySQL, MariaDB: how far a replica is behind takes privileges to ask (`SHOW REPLICA STATUS`), and is not asked: have what balances the
///   load, or makes the configuration, leave out what is late.
/// * SQLite: other files, which are not created where they are missing. Whatever copies them says how old they are. `?mode=ro` opens them
///   read-only. A file that is renamed over one that is open is not seen by the connections that there are, which go on reading
///   the one that was: write into the file (SQLite's backup does), or connect anew.
#[derive(Debug)]
#[must_use = "`connect` makes the database"]
pub struct ClusterBuilder<DB: Backend> {
    settings: DbBuilder<DB>,
    replica_settings: Option<DbBuilder<DB>>,
    primary: Address<DB>,
    replicas: Vec<Address<DB>>,
    terms: Terms,
    fall_back: bool,
    wait: Duration,
}

enum Address<DB: Backend> {
    Url(String),
    Options(Box<ConnectOptionsOf<DB>>),
}

/// Without the password that may be in it.
impl<DB: Backend> std::fmt::Debug for Address<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

impl<DB: Backend> Address<DB> {
    /// Those that a session was made with, by which a pooler is noticed.
    fn limits(&self, settings: &DbBuilder<DB>) -> Option<SessionLimits> {
        match self {
            Address::Url(_) => settings.limits().cloned(),
            Address::Options(_) => None,
        }
    }

    fn options(self, settings: &DbBuilder<DB>) -> Result<ConnectOptionsOf<DB>> {
        match self {
            Address::Url(url) => settings.options(&url),
            Address::Options(options) => Ok(*options),
        }
    }
}

impl<DB: Backend> DbBuilder<DB> {
    /// Where is written, and then the [replicas](ClusterBuilder::replica), from which is read. The settings that were made before
    /// hold for all of them.
    pub fn primary(self, url: &str) -> ClusterBuilder<DB> {
        ClusterBuilder::new(self, Address::Url(url.into()))
    }

    /// The same with options of sqlx's, which are used as [`connect_with`](Self::connect_with) uses them.
    pub fn primary_with(self, options: ConnectOptionsOf<DB>) -> ClusterBuilder<DB> {
        ClusterBuilder::new(self, Address::Options(Box::new(options)))
    }
}

impl<DB: Backend> ClusterBuilder<DB> {
    fn new(settings: DbBuilder<DB>, primary: Address<DB>) -> Self {
        Self {
            settings,
            replica_settings: None,
            primary,
            replicas: Vec::new(),
            terms: Terms { max_lag: None, pause: Duration::from_secs(1) },
            fall_back: false,
            wait: Duration::from_millis(250),
        }
    }

    /// One more replica.
    pub fn replica(mut self, url: &str) -> Self {
        self.replicas.push(Address::Url(url.into()));
        self
    }

    /// One more replica, with options of sqlx's.
    pub fn replica_with(mut self, options: ConnectOptionsOf<DB>) -> Self {
        self.replicas.push(Address::Options(Box::new(options)));
        self
    }

    /// Other settings for the pools of the replicas: `.replica_settings(Db::builder().max_connections(30))`.
    pub fn replica_settings(mut self, settings: DbBuilder<DB>) -> Self {
        self.replica_settings = Some(settings);
        self
    }

    /// Where no replica can be used, or none has come to the [position](Db::replica) that is asked for, the primary is read instead.
    /// Otherwise that is [`PoolError::NoReplica`](crate::error::PoolError::NoReplica) and
    /// [`PoolError::Behind`](crate::error::PoolError::Behind).
    pub fn fall_back_to_primary(mut self) -> Self {
        self.fall_back = true;
        self
    }

    /// For how long a replica that failed, or is too far behind, is left alone before it is looked at again. Default 1 s.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.terms.pause = pause;
        self
    }

    /// Connects.
    ///
    /// A replica that cannot be reached, or stands behind a pooler that does not fit, does not keep the program from starting: it is left
    /// out until it can be used, as [`Db::replicas`] shows and an event of the target `kysera::replica` tells.
    ///
    /// # Errors
    ///
    /// Those of [`DbBuilder::connect`] for the primary, and addresses of replicas that cannot be read.
    pub async fn connect(self) -> Result<Db<DB>> {
        let Self { settings, replica_settings, primary, replicas, terms, fall_back, wait } = self;
        let replica_settings = replica_settings.as_ref().unwrap_or(&settings);
        let mut nodes = Vec::with_capacity(replicas.len());
        for address in replicas {
            let limits = address.limits(replica_settings);
            let entrance = Entrance { pooler: replica_settings.pooler, limits };
            let options = DB::only_read(address.options(replica_settings)?);
            let name = DB::name_of(&options);
            let (db, trust) = replica_settings.clone().lazily(options);
            nodes.push(Arc::new(Node::new(name, db, trust, terms, entrance)));
        }
        let limits = primary.limits(&settings);
        let options = primary.options(&settings)?;
        let db = settings.open(options, Replicas::new(nodes, fall_back, wait)).await?;
        refuse_pooler(&db, limits).await?;
        // Now that the primary is there: a new file of SQLite refuses whoever opens it while its journal is being set up.
        for node in db.nodes() {
            node.suspect();
        }
        for node in db.nodes() {
            node.settled().await;
        }
        Ok(db)
    }
}

#[cfg(feature = "postgres")]
impl ClusterBuilder<sqlx::Postgres> {
    /// Leaves out replicas that are further behind: those whose last repeated transaction was committed longer ago, unless they have
    /// repeated all that they have received. It is measured by the first read after each second, which waits for it, so that what is
    /// read may be a second older.
    ///
    /// A replica that has lost its primary is behind for as long as nothing comes. One whose primary fell silent notices that after
    /// `wal_receiver_timeout`, 60 s by default. One that does not tell, as those that share their primary's storage, is left out.
    pub fn max_lag(mut self, max: Duration) -> Self {
        self.terms.max_lag = Some(max);
        self
    }

    /// How long replicas have to come to the position of [`Replica::at_least`](super::Replica::at_least). Default 250 ms. Zero asks
    /// each of them once.
    pub fn wait_for_position(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}
