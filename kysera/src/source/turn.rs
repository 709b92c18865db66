use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{Either, select};
use tokio::sync::{Mutex, MutexGuard, Notify};

use crate::error::{Error, Result, TransactionError};

/// Whose turn it is on one connection: statements wait for each other, an open stream refuses them at once.
pub(super) struct Turn<T> {
    value: Mutex<T>,
    streaming: AtomicBool,
    opened: Notify,
}

pub(super) struct TurnGuard<'a, T> {
    value: MutexGuard<'a, T>,
    turn: &'a Turn<T>,
    streaming: bool,
}

impl<T: Send> Turn<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), streaming: AtomicBool::new(false), opened: Notify::new() }
    }

    pub(super) async fn take(&self) -> Result<TurnGuard<'_, T>> {
        // Made before the look at the flag, so that a stream that opens in between is not missed.
        let opened = pin!(self.opened.notified());
        if self.streaming.load(Ordering::SeqCst) {
            return Err(Error::Transaction(TransactionError::StreamOpen));
        }
        match select(pin!(self.value.lock()), opened).await {
            Either::Left((value, _)) => Ok(TurnGuard { value, turn: self, streaming: false }),
            Either::Right(_) => Err(Error::Transaction(TransactionError::StreamOpen)),
        }
    }

    /// Only if nobody has it.
    pub(super) fn try_take(&self) -> Option<TurnGuard<'_, T>> {
        let value = self.value.try_lock().ok()?;
        Some(TurnGuard { value, turn: self, streaming: false })
    }

    pub(super) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T> TurnGuard<'_, T> {
    /// From now on others are refused instead of queued, and those in the queue too.
    pub(super) fn stream(&mut self) {
        self.streaming = true;
        self.turn.streaming.store(true, Ordering::SeqCst);
        self.turn.opened.notify_waiters();
    }
}

impl<T> Drop for TurnGuard<'_, T> {
    fn drop(&mut self) {
        if self.streaming {
            self.turn.streaming.store(false, Ordering::SeqCst); // before the lock goes
        }
    }
}

impl<T> Deref for TurnGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for TurnGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
