//! The one place where operations meet sources.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use super::{Bracket, Cx, Deadline, Source, SourceGuard, Unit, verdict, within};
use crate::backend::{Backend, TxOptions};
use crate::error::{DeadlineStage, Error, Result};
use crate::expr::Meta;
use crate::observe::{Watch, Wire};

/// The body of an operation: generic over backend and entity, never over the source, so that it is compiled once per
/// backend and entity.
pub(crate) trait Op<DB: Backend>: Send {
    type Out: Send;

    /// Whose statements these are.
    fn meta(&self) -> &'static Meta;

    /// What its statements need.
    fn unit(&self, _: Cx<'_>) -> Unit {
        Unit::Statement
    }

    fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> impl Future<Output = Result<Self::Out>> + Send;
}

/// Acquires, brackets, runs, settles.
#[allow(clippy::manual_async_fn, reason = "`Send` is part of the promise")]
pub(crate) fn run<'s, S: Source, O: Op<S::Database>>(
    source: &'s S,
    cx: Cx<'s>,
    op: O,
) -> impl Future<Output = Result<O::Out>> + Send {
    async move {
        let meta = op.meta();
        let unit = match op.unit(cx) {
            Unit::Statement if cx.needs_transactions() => Unit::Transaction,
            unit => unit,
        };
        let cx = if unit == Unit::Statement { cx } else { cx.to_write() };
        let (mut guard, watch, waited) = acquire(source, cx, meta).await?;
        let bracket = match unit {
            Unit::Statement => Bracket::None,
            _ => guard.open_unit(unit),
        };
        let end = match bracket {
            Bracket::None => {
                let mut wire = Wire::new(&mut *guard, watch, waited).behind(cx.pooler());
                within(cx.deadline(), pin!(op.run(&mut wire, cx))).await
            }
            bracket => bracketed(&mut guard, (unit, bracket), op, cx, (watch, waited)).await,
        };
        settle::<S::Database, _, _>(&mut guard, end).map_err(|error| error.in_entity(meta))
    }
}

/// Gives the connection back, whether the operation came to its end or to its deadline.
pub(crate) fn settle<DB: Backend, G: SourceGuard<DB>, T>(
    guard: &mut G,
    end: Result<Result<T>, Deadline>,
) -> Result<T> {
    match end {
        Ok(result) => {
            guard.settle(result.as_ref().map(drop));
            result
        }
        Err(deadline) => {
            guard.give_up();
            Err(deadline.error(DeadlineStage::Running))
        }
    }
}

/// What is lent for an operation, who watches it, and how long it waited.
pub(crate) async fn acquire<'s, S: Source>(
    source: &'s S,
    cx: Cx<'s>,
    meta: &'static Meta,
) -> Result<(S::Guard<'s>, Option<Watch<'s>>, Duration)> {
    let watch = cx.watch::<S::Database>(meta);
    let lent = async {
        let lent = if cx.writes() { source.acquire_to_write().await } else { source.acquire().await };
        lent.map_err(|error| late_for(error, meta))
    };
    let (guard, waited) = waited_for(watch, lent).await?;
    Ok((guard, watch, waited))
}

/// What is lent, and how long that took if anyone watches. Who watches is told if there is nothing.
pub(super) async fn waited_for<G>(
    watch: Option<Watch<'_>>,
    lent: impl Future<Output = Result<G>>,
) -> Result<(G, Duration)> {
    let Some(watch) = watch else { return Ok((lent.await?, Duration::ZERO)) };
    let asked = Instant::now();
    match lent.await {
        Ok(guard) => Ok((guard, asked.elapsed())),
        Err(error) => {
            watch.unsent(asked.elapsed(), &error);
            Err(error)
        }
    }
}

/// A deadline names what it was passed by. A connection that cannot be had is nobody's.
fn late_for(error: Error, meta: &'static Meta) -> Error {
    match error {
        Error::Deadline(_) => error.in_entity(meta),
        _ => error,
    }
}

async fn bracketed<DB: Backend, G: SourceGuard<DB>, O: Op<DB>>(
    guard: &mut G,
    (unit, bracket): (Unit, Bracket),
    op: O,
    cx: Cx<'_>,
    (watch, waited): (Option<Watch<'_>>, Duration),
) -> Result<Result<O::Out>, Deadline> {
    let deadline = cx.deadline();
    let mut wire = Wire::new(&mut **guard, watch, waited).behind(cx.pooler());
    let opened = within(deadline, pin!(open_bracket::<DB>(&mut wire, bracket, cx))).await?;
    if let Err(error) = opened {
        return Ok(Err(error));
    }
    let result = within(deadline, pin!(op.run(&mut wire, cx))).await?;
    let result = match result {
        Ok(out) => {
            // Everything was read, so RELEASE is certainly sent when its future is first polled: the books go first, and
            // who cuts it finds them right. (COMMIT is no different, but a ROLLBACK behind it does no harm.)
            let savepoint = matches!(bracket, Bracket::Savepoint(_));
            if savepoint {
                guard.close_unit();
            }
            let mut wire = Wire::new(&mut **guard, watch, Duration::ZERO);
            let own = deadline.filter(|_| savepoint); // COMMIT has more time
            let closed = within(own, pin!(close_bracket::<DB>(&mut wire, bracket, cx))).await?;
            match (&closed, savepoint) {
                (Ok(()), false) => guard.close_unit(),
                // Still there, for the source to clean up.
                (Err(_), true) => {
                    guard.open_unit(unit);
                }
                _ => {}
            }
            closed.map(|()| out)
        }
        Err(error) => {
            // The error that came first wins; a failure to undo leaves the unit open, for the source to clean up.
            let mut wire = Wire::new(&mut **guard, watch, Duration::ZERO);
            let undone = within(deadline, pin!(undo_bracket::<DB>(&mut wire, bracket))).await?;
            if undone.is_ok() {
                guard.close_unit();
            }
            Err(error)
        }
    };
    Ok(result)
}

pub(crate) async fn open_bracket<DB: Backend>(
    wire: &mut Wire<'_, DB>,
    bracket: Bracket,
    cx: Cx<'_>,
) -> Result<()> {
    match bracket {
        Bracket::None => {}
        Bracket::Transaction => {
            wire.begin(TxOptions::default()).await?;
            cx.tell_claims::<DB>(wire).await?;
        }
        Bracket::Savepoint(n) => wire.savepoint(n).await?,
    }
    Ok(())
}

pub(crate) async fn close_bracket<DB: Backend>(
    wire: &mut Wire<'_, DB>,
    bracket: Bracket,
    cx: Cx<'_>,
) -> Result<()> {
    match bracket {
        Bracket::None => Ok(()),
        Bracket::Transaction => {
            let commit = async |conn: &mut DB::Connection| verdict::commit::<DB>(conn, cx.deadline()).await;
            wire.commit(commit).await
        }
        Bracket::Savepoint(n) => wire.release(n).await,
    }
}

pub(crate) async fn undo_bracket<DB: Backend>(wire: &mut Wire<'_, DB>, bracket: Bracket) -> Result<()> {
    match bracket {
        Bracket::None => Ok(()),
        Bracket::Transaction => wire.rollback().await,
        Bracket::Savepoint(n) => wire.rollback_to(n).await,
    }
}
