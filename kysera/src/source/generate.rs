//! A stream from an async block: one box, no macro, no unsafe. Unlike other generators it lets `?` end the inner block
//! alone, so that the outer one can settle its guard.
#![cfg_attr(not(test), allow(dead_code, reason = "streams of queries are built on it"))]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::error::Result;

/// Hands items over to the stream.
pub(crate) struct Yielder<T>(Slot<T>);

type Slot<T> = Arc<Mutex<Option<T>>>;

impl<T> Yielder<T> {
    /// Hands one item over; resolves when the next one is asked for.
    pub(crate) fn send(&self, item: T) -> impl Future<Output = ()> + use<T> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
        let mut handed_over = false;
        poll_fn(move |_| {
            if handed_over {
                return Poll::Ready(());
            }
            handed_over = true;
            Poll::Pending // the stream sees the item and wakes nobody: whoever wants more polls
        })
    }
}

/// The stream: the items that `body` sends, then its error if it ends with one.
#[must_use = "streams do nothing until polled"]
pub(crate) struct Generator<'s, T> {
    slot: Slot<T>,
    body: Option<BoxFuture<'s, Result<()>>>,
}

/// Lazy: `body` starts when the stream is first polled, and is dropped as soon as it ends.
pub(crate) fn generate<'s, T, Fut>(body: impl FnOnce(Yielder<T>) -> Fut) -> Generator<'s, T>
where
    T: Send,
    Fut: Future<Output = Result<()>> + Send + 's,
{
    let slot = Slot::default();
    Generator { body: Some(Box::pin(body(Yielder(slot.clone())))), slot }
}

impl<T> Unpin for Generator<'_, T> {}

impl<T> Stream for Generator<'_, T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match body.as_mut().poll(cx) {
            Poll::Ready(end) => {
                this.body = None;
                Poll::Ready(end.err().map(Err))
            }
            Poll::Pending => match this.slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(item) => Poll::Ready(Some(Ok(item))),
                None => Poll::Pending,
            },
        }
    }
}
