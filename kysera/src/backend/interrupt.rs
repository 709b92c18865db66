use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The way to a statement that runs, from outside of its connection.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub enum Interrupt {
    /// Another connection names the session to the server.
    Session(i64),
    /// The database's own thread looks at a flag now and then.
    Flag(Arc<AtomicBool>),
}
