//! Until when everything that a source does must have ended.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::error::{DeadlineError, DeadlineStage, Error, Result};

/// A moment, as a request has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    allowed: Duration,
    /// How much longer a COMMIT is waited for that is on its way; `None` is without end.
    grace: Option<Duration>,
}

impl Deadline {
    /// `None` is so far away that it never passes.
    pub(super) fn after(allowed: Duration, grace: Option<Duration>) -> Option<Self> {
        Some(Self { at: Instant::now().checked_add(allowed)?, allowed, grace })
    }

    pub(super) fn or_sooner(self, other: Option<Self>) -> Self {
        other.filter(|other| other.at < self.at).unwrap_or(self)
    }

    pub(crate) fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }

    /// Whether there is time for a pause.
    pub(crate) fn allows(self, pause: Duration) -> bool {
        Instant::now().checked_add(pause).is_some_and(|end| end < self.at)
    }

    pub(crate) fn error(self, stage: DeadlineStage) -> Error {
        Error::Deadline(DeadlineError { entity: None, allowed: self.allowed, stage })
    }

    /// When to stop waiting for the answer to a COMMIT.
    pub(super) fn of_commit(self) -> Option<Self> {
        Some(Self { at: self.at.checked_add(self.grace?)?, ..self })
    }
}

/// Looks at the clock before something is sent.
pub(crate) fn in_time(deadline: Option<Deadline>) -> Result<()> {
    let Some(deadline) = deadline else { return Ok(()) };
    if Handle::try_current().is_err() {
        return Err(Error::BadRequest(
            "a deadline needs a tokio runtime to be kept, and there is none here".into(),
        ));
    }
    if deadline.has_passed() { Err(deadline.error(DeadlineStage::Before)) } else { Ok(()) }
}

/// Runs until the deadline, which is the error if it passes first. What has ended by then counts, however late anyone looks.
///
/// Borrows the work, whose future may be large, and makes its timer when it first has to wait: without a deadline it costs
/// a branch.
pub(crate) fn within<'w, F: Future + Send>(
    deadline: Option<Deadline>,
    mut work: Pin<&'w mut F>,
) -> impl Future<Output = Result<F::Output, Deadline>> + Send + use<'w, F> {
    let mut alarm = None;
    poll_fn(move |cx| {
        if let Poll::Ready(out) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(out));
        }
        let Some(deadline) = deadline else { return Poll::Pending };
        // Callers have looked for a runtime, with `in_time`.
        if alarm.is_none() && Handle::try_current().is_ok() {
            alarm = Some(Box::pin(sleep_until(deadline.at)));
        }
        match &mut alarm {
            Some(alarm) => alarm.as_mut().poll(cx).map(|()| Err(deadline)),
            None => Poll::Pending,
        }
    })
}
