//! Streams out of async blocks: a hand-written generator, one box per stream.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::error::Result;

type Slot<T> = Arc<Mutex<Option<T>>>;

/// Hands items over from the body of a [`Generator`].
pub(crate) struct Yielder<T>(Slot<T>);

impl<T> Yielder<T> {
    /// Hands one item over; resolves when the consumer asks for the next.
    pub(crate) fn send(&self, item: T) -> impl Future<Output = ()> + use<T> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
        let mut handed_over = false;
        std::future::poll_fn(move |_| {
            if std::mem::replace(&mut handed_over, true) { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

/// A stream made by [`generate`].
pub(crate) struct Generator<'s, T> {
    slot: Slot<T>,
    body: Option<BoxFuture<'s, Result<()>>>,
}

/// A stream whose items the body sends. Lazy: the body first runs when the stream is polled. An error that it answers is
/// the last item.
pub(crate) fn generate<'s, T: Send, F: Future<Output = Result<()>> + Send + 's>(
    body: impl FnOnce(Yielder<T>) -> F,
) -> Generator<'s, T> {
    let slot = Slot::default();
    Generator { body: Some(Box::pin(body(Yielder(slot.clone())))), slot }
}

impl<T> Unpin for Generator<'_, T> {}

impl<T> Stream for Generator<'_, T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match body.as_mut().poll(cx) {
            Poll::Ready(end) => {
                this.body = None;
                Poll::Ready(end.err().map(Err))
            }
            Poll::Pending => {
                let item = this.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                item.map_or(Poll::Pending, |item| Poll::Ready(Some(Ok(item))))
            }
        }
    }
}
