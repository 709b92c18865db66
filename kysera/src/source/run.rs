//! The one place where operations meet sources.

use std::future::Future;
use std::pin::pin;

use super::{Bracket, Cx, Deadline, Source, SourceGuard, Unit, verdict, within};
use crate::backend::{Backend, TxOptions};
use crate::error::{DeadlineStage, Error, Result};
use crate::expr::{Meta, dynamic};

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

    fn run(self, conn: &mut DB::Connection, cx: Cx<'_>) -> impl Future<Output = Result<Self::Out>> + Send;
}

/// Acquires, brackets, runs, settles.
pub(crate) fn run<S: Source, O: Op<S::Database>>(
    source: &S,
    op: O,
) -> impl Future<Output = Result<O::Out>> + Send {
    run_in(source, Cx::of(source), op)
}

/// The same where more is known of the source, or for it.
#[allow(clippy::manual_async_fn, reason = "`Send` is part of the promise")]
pub(crate) fn run_in<'s, S: Source, O: Op<S::Database>>(
    source: &'s S,
    cx: Cx<'s>,
    op: O,
) -> impl Future<Output = Result<O::Out>> + Send {
    async move {
        let meta = op.meta();
        let mut guard = source.acquire().await.map_err(|error| match error {
            Error::Deadline(_) => error.in_entity(meta),
            _ => error,
        })?;
        let unit = match op.unit(cx) {
            Unit::Statement if cx.tells_claims() => Unit::Transaction,
            unit => unit,
        };
        let bracket = match unit {
            Unit::Statement => Bracket::None,
            _ => guard.open_unit(unit),
        };
        let ended = match bracket {
            Bracket::None => within(cx.deadline(), pin!(op.run(&mut guard, cx))).await,
            bracket => bracketed(&mut guard, unit, bracket, op, cx).await,
        };
        settle::<S::Database, _, _>(&mut guard, ended).map_err(|error| error.in_entity(meta))
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

async fn bracketed<DB: Backend, G: SourceGuard<DB>, O: Op<DB>>(
    guard: &mut G,
    unit: Unit,
    bracket: Bracket,
    op: O,
    cx: Cx<'_>,
) -> Result<Result<O::Out>, Deadline> {
    let deadline = cx.deadline();
    let opened = within(deadline, pin!(open::<DB>(guard, bracket, cx))).await?;
    if let Err(error) = opened {
        return Ok(Err(error));
    }
    let result = within(deadline, pin!(op.run(guard, cx))).await?;
    let result = match result {
        Ok(out) => {
            // Everything was read, so RELEASE is certainly sent when its future is first polled: the books go first, and
            // who cuts it finds them right. (COMMIT is no different, but a ROLLBACK behind it does no harm.)
            let savepoint = matches!(bracket, Bracket::Savepoint(_));
            if savepoint {
                guard.close_unit();
            }
            let closed =
                within(deadline.filter(|_| savepoint), pin!(close::<DB>(guard, bracket, cx))).await?;
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
            let undone = within(deadline, pin!(undo::<DB>(guard, bracket))).await?;
            if undone.is_ok() {
                guard.close_unit();
            }
            Err(error)
        }
    };
    Ok(result)
}

async fn open<DB: Backend>(conn: &mut DB::Connection, bracket: Bracket, cx: Cx<'_>) -> Result<()> {
    match bracket {
        Bracket::None => {}
        Bracket::Transaction => {
            DB::begin(conn, TxOptions::default()).await?;
            cx.tell_claims::<DB>(conn).await?;
        }
        Bracket::Savepoint(n) => DB::raw(conn, dynamic(format!("SAVEPOINT kysera_{n}"))).await?,
    }
    Ok(())
}

async fn close<DB: Backend>(conn: &mut DB::Connection, bracket: Bracket, cx: Cx<'_>) -> Result<()> {
    match bracket {
        Bracket::None => {}
        Bracket::Transaction => verdict::commit::<DB>(conn, cx.deadline()).await?,
        Bracket::Savepoint(n) => DB::raw(conn, dynamic(format!("RELEASE SAVEPOINT kysera_{n}"))).await?,
    }
    Ok(())
}

async fn undo<DB: Backend>(conn: &mut DB::Connection, bracket: Bracket) -> Result<()> {
    match bracket {
        Bracket::None => {}
        Bracket::Transaction => DB::rollback(conn).await?,
        Bracket::Savepoint(n) => {
            let sql = format!("ROLLBACK TO SAVEPOINT kysera_{n}; RELEASE SAVEPOINT kysera_{n}");
            DB::raw(conn, dynamic(sql)).await?;
        }
    }
    Ok(())
}
