//! What statements are told besides what they are about.

use std::sync::Arc;

use crate::cursor::CursorSecret;

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
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Settings {
    /// Where tables are whose struct names no schema; `None` leaves it to the connection.
    pub(crate) schema: Option<Arc<str>>,
    /// What cursors are signed or sealed with.
    pub(crate) cursor_secret: Option<CursorSecret>,
}

impl Settings {
    /// Of sources that have nothing to say.
    pub(crate) const NONE: &'static Settings = &Settings { schema: None, cursor_secret: None };
}
