//! What statements are told besides what they are about.

use std::sync::Arc;

use super::deadline::Deadline;
use crate::backend::PgBouncer;
use crate::clock::Clock;
use crate::cursor::CursorSecret;
use crate::error::{Error, Result};
use crate::expr::ClaimMeta;
use crate::observe::{Observer, Observers};

/// Who asks, and how a source was set up. Cheap to clone.
pub(super) struct Session<C> {
    pub(super) context: Arc<C>,
    pub(super) settings: Arc<Settings>,
}

impl<C> Clone for Session<C> {
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), settings: self.settings.clone() }
    }
}

/// How a source was set up.
#[doc(hidden)]
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Settings {
    /// Where tables are whose struct names no schema; `None` leaves it to the connection.
    pub(crate) schema: Option<Arc<str>>,
    /// What cursors are signed or sealed with.
    pub(crate) cursor_secret: Option<CursorSecret>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// What transactions tell PostgreSQL of who asks: claims of this very context.
    pub(crate) claims: Option<&'static [&'static ClaimMeta]>,
    /// Until when everything must have ended.
    pub(crate) deadline: Option<Deadline>,
    /// Of which kind a pooler before the server is.
    pub(crate) pooler: Option<PgBouncer>,
    /// Who is told of statements.
    pub(crate) observers: Observers,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("schema", &self.schema)
            .field("clock", &self.clock)
            .field("deadline", &self.deadline)
            .field("pooler", &self.pooler)
            .finish_non_exhaustive()
    }
}

impl<C> Session<C> {
    /// The same on behalf of someone else.
    pub(super) fn with_context<D>(self, context: D) -> Session<D> {
        let settings = match self.settings.claims {
            // They are those of the context that was.
            Some(_) => Arc::new(Settings { claims: None, ..(*self.settings).clone() }),
            None => self.settings,
        };
        Session { context: Arc::new(context), settings }
    }

    /// The same with claims that PostgreSQL is told.
    #[cfg(feature = "postgres")]
    pub(super) fn with_claims(&self) -> Self
    where
        C: crate::expr::Claims,
    {
        let settings = Settings { claims: Some(C::CLAIMS), ..(*self.settings).clone() };
        Self { context: self.context.clone(), settings: Arc::new(settings) }
    }

    /// The same with one more who is told of statements.
    pub(super) fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        let observers = self.settings.observers.and(observer);
        let settings = Settings { observers, ..(*self.settings).clone() };
        Self { context: self.context.clone(), settings: Arc::new(settings) }
    }

    /// The same with tables in a schema.
    pub(super) fn in_schema(&self, name: &str) -> Result<Self> {
        let settings = Settings { schema: Some(schema_name(name)?), ..(*self.settings).clone() };
        Ok(Self { context: self.context.clone(), settings: Arc::new(settings) })
    }
}

/// Names of schemas often come from a request, so they are plain ones only. Quoting alone would keep them from being
/// SQL, but not from being `pg_catalog ` with a blank, or longer than what PostgreSQL tells apart.
fn schema_name(name: &str) -> Result<Arc<str>> {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let plain = name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '$'));
    if starts && plain && name.len() <= SCHEMA_BYTES {
        return Ok(name.into());
    }
    Err(Error::BadRequest(
        "the name of a schema is a letter or `_`, then letters, digits, `_` and `$`, of 63 bytes at most"
            .into(),
    ))
}

/// What PostgreSQL tells apart; MySQL takes one more.
const SCHEMA_BYTES: usize = 63;

impl Settings {
    /// Of sources that have nothing to say.
    pub(crate) const NONE: &'static Settings = &Settings {
        schema: None,
        cursor_secret: None,
        clock: Clock::SYSTEM,
        claims: None,
        deadline: None,
        pooler: None,
        observers: Observers::NONE,
    };
}
