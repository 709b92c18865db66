use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use sqlx::Postgres;

use super::{Db, Source, SourceGuard};
use crate::backend::{Backend, read_lsn};
use crate::error::{Error, Result};

/// How far a database of PostgreSQL had come: a place in its log, for [reads](crate::Replica::at_least) that see what was written
/// before.
///
/// As a text and in JSON it is what PostgreSQL calls a `pg_lsn`, such as `16/B374D848`: short enough for a cookie or a header. It holds
/// no secret, and clients can make one up: one that is too far ahead costs a read the wait, and then what
/// [`at_least`](crate::Replica::at_least) says of it. Positions belong to one server and its replicas; that of another one, or of one
/// from before a failover in which commits were lost, may be ahead in the same way.
///
/// ```
/// use kysera::Position;
///
/// let position: Position = "16/B374D848".parse()?;
/// assert_eq!(position.to_string(), "16/B374D848");
/// assert!(position > "9/FFFFFFFF".parse()?);
/// assert_eq!(serde_json::to_string(&position).map_err(kysera::Error::other)?, r#""16/B374D848""#);
/// # Ok::<(), kysera::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    pub(super) fn log(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

impl FromStr for Position {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::BadRequest`] for what is no position.
    fn from_str(text: &str) -> Result<Self> {
        read_lsn(text).map(Self).ok_or_else(|| Error::BadRequest(NO_POSITION.into()))
    }
}

const NO_POSITION: &str =
    "not a position: those of `Db::position` are two hexadecimal numbers with a `/` between them";

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        read_lsn(&text).map(Self).ok_or_else(|| serde::de::Error::custom(NO_POSITION))
    }
}

impl<C: Send + Sync + 'static> Db<Postgres, C> {
    /// How far the database has come: everything that was committed before is at or before this position, so that a
    /// [replica that has come to it](crate::Replica::at_least) has it as well. Ask after the COMMIT, not within the transaction.
    ///
    /// It is the end of what was written into the log (`pg_current_wal_insert_lsn()`) rather than of what is safe on disk: with
    /// `synchronous_commit = off` that comes later than the answer to COMMIT. It may therefore cover what others are just writing, which
    /// replicas get when that is on disk, after `wal_writer_delay` (200 ms) at the latest where anything is committed.
    ///
    /// SQL: one statement that reads no table, one round trip.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")]
    /// # async fn doc(db: kysera::Db<kysera::Postgres>) -> kysera::Result<()> {
    /// use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String }
    ///
    /// let ada = User::repo(&db).create(NewUser { name: "Ada".into() }).await?;
    /// let position = db.position().await?; // goes to the client, and comes back with its next request
    ///
    /// let replica = db.replica().at_least(position);
    /// assert!(User::repo(&replica).exists(ada.id).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any statement.
    pub async fn position(&self) -> Result<Position> {
        let mut lease = Source::acquire(self).await?;
        let progress = Postgres::progress(&mut lease).await.map_err(Error::from);
        lease.settle(progress.as_ref().map(drop));
        Ok(Position(progress?.position))
    }
}
