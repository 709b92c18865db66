//! No database is needed to be down.

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::advance;

use super::*;
use crate::error::{Driver, ErrorCode, PoolError, TransactionError};
use crate::infra::{Jitter, Retry};

const PAUSE: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

fn down() -> Error {
    sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into()).into()
}

fn breaker(trip: Trip) -> Breaker {
    Breaker::new(trip, PAUSE).unwrap()
}

async fn fail(breaker: &Breaker) -> Error {
    breaker.run(|| async { Err::<(), _>(down()) }).await.unwrap_err()
}

async fn succeed(breaker: &Breaker) -> Result<()> {
    breaker.run(|| async { Ok(()) }).await
}

fn refused(result: Result<()>) -> BreakerError {
    match result {
        Err(Error::Breaker(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// One that has just opened.
async fn opened() -> Breaker {
    let breaker = breaker(Trip::Consecutive(1));
    fail(&breaker).await;
    assert_eq!(breaker.state(), State::Open);
    breaker
}

#[tokio::test(start_paused = true)]
async fn opens_after_failures_in_a_row() {
    let breaker = breaker(Trip::Consecutive(3));
    // A success in between begins anew, and so does an answer of a database that is there.
    for _ in 0..3 {
        fail(&breaker).await;
        fail(&breaker).await;
        succeed(&breaker).await.unwrap();
        fail(&breaker).await;
        fail(&breaker).await;
        let answer = breaker.run(|| async { Err::<(), _>(Error::NotFound { entity: "User" }) }).await;
        assert!(matches!(answer, Err(Error::NotFound { .. })));
    }
    assert_eq!(breaker.state(), State::Closed);
    for _ in 0..3 {
        assert!(matches!(fail(&breaker).await, Error::Database(_)), "what fails comes out as it is");
    }
    assert_eq!(breaker.state(), State::Open);

    advance(10 * SECOND).await;
    let called = breaker.run(|| async { panic!("called") }).await;
    let error = refused(called);
    assert_eq!(error, BreakerError::Open { retry_after: 20 * SECOND });
    assert_eq!(error.to_string(), "the database failed too often and is left alone: try again in 20.0 s");
    let error = Error::Breaker(error);
    assert_eq!(serde_json::to_value(&error).unwrap()["retry_after_seconds"], 20.0);
    assert_eq!((error.code(), error.is_transient()), (ErrorCode::Unavailable, false));
}

#[tokio::test(start_paused = true)]
async fn opens_by_the_last_calls() {
    let breaker = breaker(Trip::OfCalls { failures: 3, calls: 5 });
    // Two of any five.
    for _ in 0..4 {
        fail(&breaker).await;
        fail(&breaker).await;
        for _ in 0..3 {
            succeed(&breaker).await.unwrap();
        }
    }
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker).await;
    succeed(&breaker).await.unwrap();
    fail(&breaker).await;
    succeed(&breaker).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker).await;
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn opens_by_the_last_seconds() {
    let breaker = breaker(Trip::Within { failures: 3, period: 10 * SECOND });
    for _ in 0..5 {
        fail(&breaker).await;
        succeed(&breaker).await.unwrap();
        advance(5 * SECOND).await;
    }
    assert_eq!(breaker.state(), State::Closed, "two within any ten seconds");
    fail(&breaker).await;
    advance(SECOND).await;
    fail(&breaker).await;
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn of_many_callers_one_is_the_trial() {
    let breaker = opened().await;
    assert!(matches!(refused(succeed(&breaker).await), BreakerError::Open { .. }));
    advance(PAUSE).await;
    assert_eq!(breaker.state(), State::Open, "nobody has called");

    let (answer, answered) = oneshot::channel::<()>();
    let trial = tokio::spawn({
        let breaker = breaker.clone();
        async move { breaker.run(|| async { answered.await.map_err(Error::other) }).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(breaker.state(), State::HalfOpen);
    let others = join_all((0..20).map(|_| {
        let breaker = breaker.clone();
        tokio::spawn(async move { breaker.run(|| async { panic!("called") }).await })
    }));
    for other in others.await {
        assert_eq!(refused(other.unwrap()), BreakerError::Trial);
    }
    answer.send(()).unwrap();
    trial.await.unwrap().unwrap();
    assert_eq!(breaker.state(), State::Closed);

    // With nothing counted, so that one failure more is the first one.
    fail(&breaker).await;
    assert_eq!(breaker.state(), State::Open);
}

/// On several threads at once, for whatever the order is.
#[test]
fn of_many_threads_one_is_the_trial() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        for _ in 0..50 {
            let breaker = Breaker::new(Trip::Consecutive(1), Duration::from_nanos(1)).unwrap();
            fail(&breaker).await;
            let start = Arc::new(tokio::sync::Barrier::new(8));
            let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
            let tasks = (0..8).map(|_| {
                let (breaker, start, calls) = (breaker.clone(), start.clone(), calls.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    let result = breaker
                        .run(|| async {
                            calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                            // Until all others were refused.
                            start.wait().await;
                            Ok(())
                        })
                        .await;
                    if result.is_err() {
                        start.wait().await;
                    }
                })
            });
            for task in join_all(tasks).await {
                task.unwrap();
            }
            assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
            assert_eq!(breaker.state(), State::Closed);
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_fails_begins_another_pause() {
    let breaker = opened().await;
    advance(PAUSE + SECOND).await;
    assert!(matches!(fail(&breaker).await, Error::Database(_)));
    assert_eq!(refused(succeed(&breaker).await), BreakerError::Open { retry_after: PAUSE });
    advance(PAUSE).await;
    succeed(&breaker).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_dropped_leaves_it_to_the_next() {
    let breaker = opened().await;
    advance(PAUSE).await;
    for _ in 0..3 {
        let mut trial = Box::pin(breaker.run(std::future::pending::<Result<()>>));
        assert!(trial.as_mut().now_or_never().is_none());
        assert_eq!(refused(succeed(&breaker).await), BreakerError::Trial);
        drop(trial);
        assert_eq!(breaker.state(), State::HalfOpen);
    }
    let panicked = tokio::spawn({
        let breaker = breaker.clone();
        async move { breaker.run::<(), _, _>(|| async { panic!("on purpose") }).await }
    });
    assert!(panicked.await.unwrap_err().is_panic());
    succeed(&breaker).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

/// A future that was never polled is no trial.
#[tokio::test(start_paused = true)]
async fn nothing_is_tried_before_it_is_awaited() {
    let breaker = opened().await;
    advance(PAUSE).await;
    let unpolled = breaker.run(|| async { Ok(()) });
    succeed(&breaker).await.unwrap();
    drop(unpolled);
}

#[tokio::test(start_paused = true)]
async fn late_answers_of_earlier_calls_count_as_nothing() {
    let breaker = breaker(Trip::Consecutive(1));
    let slow = |answer: Result<()>| {
        let (send, receive) = oneshot::channel::<()>();
        let breaker = breaker.clone();
        let mut call = async move {
            breaker
                .run(|| async {
                    receive.await.unwrap();
                    answer
                })
                .await
        }
        .boxed();
        assert!((&mut call).now_or_never().is_none());
        async move {
            send.send(()).unwrap();
            call.await
        }
    };
    let (late_failure, late_success) = (slow(Err(down())), slow(Ok(())));
    fail(&breaker).await;
    late_success.await.unwrap();
    assert_eq!(breaker.state(), State::Open);
    advance(PAUSE).await;
    let during_trial = breaker.run(|| async {
        late_failure.await.unwrap_err();
        assert_eq!(breaker.state(), State::HalfOpen);
        Ok(())
    });
    during_trial.await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn by_hand() {
    let breaker = breaker(Trip::Consecutive(2));
    fail(&breaker).await;
    breaker.force_open();
    advance(10 * PAUSE).await;
    let error = refused(succeed(&breaker).await);
    assert_eq!(error, BreakerError::Forced);
    assert_eq!(error.to_string(), "the circuit breaker was opened by hand, and stays open until `reset`");
    breaker.reset();
    fail(&breaker).await;
    assert_eq!(breaker.state(), State::Closed, "what was counted is forgotten");
    fail(&breaker).await;
    assert_eq!(breaker.state(), State::Open);
    breaker.reset();
    succeed(&breaker).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_watches_sees_every_change() {
    let breaker = opened().await;
    let mut states = breaker.watch();
    assert_eq!(*states.borrow_and_update(), State::Open);
    breaker.force_open();
    assert!(!states.has_changed().unwrap());
    breaker.reset();
    assert!(states.has_changed().unwrap());
    assert_eq!(*states.borrow_and_update(), State::Closed);
    fail(&breaker).await;
    assert_eq!(*states.borrow_and_update(), State::Open);
    advance(PAUSE).await;
    breaker
        .run(|| async {
            assert_eq!(*states.borrow_and_update(), State::HalfOpen);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(*states.borrow_and_update(), State::Closed);
    drop(breaker);
    assert!(states.changed().await.is_err(), "nothing more to come");
}

#[tokio::test(start_paused = true)]
async fn retry_outside_counts_attempts_and_ends_when_it_opens() {
    let breaker = breaker(Trip::Consecutive(2));
    let retry = Retry::new().attempts(10).unwrap().jitter(Jitter::none());
    let calls = std::sync::atomic::AtomicU32::new(0);
    let result = retry
        .run(|| {
            breaker.run(|| async {
                calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Err::<(), _>(down())
            })
        })
        .await;
    assert!(matches!(refused(result), BreakerError::Open { .. }));
    assert_eq!(calls.into_inner(), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_inside_counts_calls() {
    let breaker = breaker(Trip::Consecutive(2));
    let retry = Retry::new();
    let call = || breaker.run(|| retry.run(|| async { Err::<(), _>(down()) }));
    assert!(matches!(call().await, Err(Error::GaveUp { attempts: 3, .. })));
    assert_eq!(breaker.state(), State::Closed);
    assert!(matches!(call().await, Err(Error::GaveUp { attempts: 3, .. })));
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_predicate_of_ones_own() {
    let breaker = breaker(Trip::Consecutive(1)).failures(Error::is_not_found);
    fail(&breaker).await;
    assert_eq!(breaker.state(), State::Closed);
    let missing = breaker.run(|| async { Err::<(), _>(Error::NotFound { entity: "User" }) }).await;
    assert!(missing.is_err());
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn what_is_an_outage() {
    let io = |kind: std::io::ErrorKind| sqlx::Error::Io(kind.into());
    #[derive(Debug, thiserror::Error)]
    #[error("cannot ship")]
    struct Shipping(#[source] Error);
    let outages = [
        down(),
        io(std::io::ErrorKind::TimedOut).into(),
        sqlx::Error::WorkerCrashed.into(),
        sqlx::Error::PoolTimedOut.into(),
        Error::Pool(PoolError::TimedOut { after: SECOND, size: 1, max: 1, waiters: 0 }),
        Error::Transaction(TransactionError::OutcomeUnknown {
            driver: Driver(io(std::io::ErrorKind::BrokenPipe)),
        }),
        Error::GaveUp { attempts: 3, out_of_budget: false, source: Box::new(down()) },
        Error::other(Shipping(down())),
    ];
    for error in outages {
        assert!(error.is_outage(), "{error}");
    }
    let answers = [
        Error::NotFound { entity: "User" },
        Error::BadRequest("no".into()),
        Error::Breaker(BreakerError::Trial),
        Error::Transaction(TransactionError::Failed),
        sqlx::Error::Decode("no".into()).into(),
        Error::other("sold out"),
        Error::other(Shipping(Error::NotFound { entity: "User" })),
    ];
    for error in answers {
        assert!(!error.is_outage(), "{error}");
    }
}

#[test]
fn nonsense_is_refused() {
    let said = |trip, pause| match Breaker::new(trip, pause) {
        Err(Error::BadRequest(text)) => text.into_owned(),
        other => panic!("{other:?}"),
    };
    for trip in [
        Trip::Consecutive(0),
        Trip::OfCalls { failures: 0, calls: 5 },
        Trip::Within { failures: 0, period: SECOND },
    ] {
        assert!(said(trip, PAUSE).contains("after no failure"), "{trip:?}");
    }
    assert!(said(Trip::OfCalls { failures: 6, calls: 5 }, PAUSE).contains("more failures than calls"));
    assert!(said(Trip::Within { failures: 1, period: Duration::ZERO }, PAUSE).contains("a period of zero"));
    assert!(said(Trip::Consecutive(1), Duration::ZERO).contains("a pause of zero"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_may_be_for_ever() {
    let breaker = Breaker::new(Trip::Consecutive(1), Duration::MAX).unwrap();
    fail(&breaker).await;
    assert!(matches!(refused(succeed(&breaker).await), BreakerError::Open { .. }));
}
