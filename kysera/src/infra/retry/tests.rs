//! No database is needed to fail.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;

use super::*;
use crate::error::{Driver, ErrorCode, PoolError, TransactionError};

fn transient() -> Error {
    sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()).into()
}

fn unknown() -> Error {
    let broken = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
    Error::Transaction(TransactionError::OutcomeUnknown { driver: Driver(broken) })
}

fn plain() -> Retry {
    Retry::new().jitter(Jitter::none())
}

/// Fails so often with what `error` makes, then succeeds. Answers what came of it, how often it ran, and how long it took.
async fn failing(
    retry: &Retry,
    times: u32,
    error: impl Fn() -> Error + Send + Sync,
) -> (Result<u32>, u32, Duration) {
    let (runs, start) = (AtomicU32::new(0), Instant::now());
    let result = retry
        .run_with(|attempt| {
            let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
            assert_eq!(run, attempt);
            let result = if run <= times { Err(error()) } else { Ok(attempt) };
            async move { result }
        })
        .await;
    (result, runs.into_inner(), start.elapsed())
}

fn gave_up(result: Result<u32>) -> (u32, bool) {
    match result.unwrap_err() {
        Error::GaveUp { attempts, out_of_budget, .. } => (attempts, out_of_budget),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_double_up_to_the_longest() {
    let ms = Duration::from_millis;
    let (result, runs, took) = failing(&plain(), 2, transient).await;
    assert_eq!((result.unwrap(), runs, took), (3, 3, ms(100 + 200)));

    let retry = plain().attempts(6).unwrap().delays(ms(100), ms(300)).unwrap();
    let (result, runs, took) = failing(&retry, 6, transient).await;
    assert_eq!((gave_up(result), runs, took), ((6, false), 6, ms(100 + 200 + 300 + 300 + 300)));

    // Beyond any number of doublings.
    assert_eq!(plain().delay(31), Duration::from_secs(2));
    assert_eq!(plain().delay(33), Duration::from_secs(2));
    assert_eq!(plain().delay(u32::MAX), Duration::from_secs(2));
    let endless = plain().delays(Duration::from_secs(1), Duration::MAX).unwrap();
    assert_eq!(endless.delay(34), Duration::from_secs(u32::MAX.into()));

    let at_once = plain().attempts(50).unwrap().delays(Duration::ZERO, Duration::ZERO).unwrap();
    let (result, _, took) = failing(&at_once, 49, transient).await;
    assert_eq!((result.unwrap(), took), (50, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn jitter_takes_a_part() {
    let ms = Duration::from_millis;
    let half = Retry::new().jitter(Jitter::from_fn(|pause| pause / 2));
    assert_eq!(failing(&half, 2, transient).await.2, ms(50 + 100));
    let greedy = Retry::new().jitter(Jitter::from_fn(|pause| pause * 10));
    assert_eq!(failing(&greedy, 2, transient).await.2, ms(100 + 200));

    let parts: Vec<_> = (0..200).map(|_| Jitter::full().of(ms(1000))).collect();
    assert!(parts.iter().all(|part| *part < ms(1000)));
    assert!(parts.iter().any(|part| *part < ms(250)) && parts.iter().any(|part| *part > ms(750)));
    assert_eq!(Jitter::full().of(Duration::ZERO), Duration::ZERO);
    assert!(Jitter::full().of(Duration::MAX) < Duration::MAX);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_transient_is_tried_again() {
    for error in [unknown, || Error::NotFound { entity: "User" }, || PoolError::Closed.into_error()] {
        let (result, runs, took) = failing(&plain(), 1, error).await;
        let result = result.unwrap_err();
        assert_eq!((runs, took), (1, Duration::ZERO), "{result}");
        assert_eq!(result.to_string(), error().to_string(), "as it is");
    }
    // Also when it comes late.
    let late = |retry: Retry| async move {
        retry
            .run_with(|attempt| async move {
                Err::<u32, _>(if attempt == 1 { transient() } else { Error::NotFound { entity: "User" } })
            })
            .await
    };
    assert!(matches!(late(plain()).await, Err(Error::NotFound { entity: "User" })));
}

#[tokio::test(start_paused = true)]
async fn the_last_error_says_how_often() {
    let error = failing(&plain(), 9, transient).await.0.unwrap_err();
    assert_eq!(
        error.to_string(),
        "gave up after 3 attempts: error communicating with database: connection reset"
    );
    assert_eq!(error.code(), ErrorCode::ConnectionFailed);
    assert!(error.as_sqlx().is_some() && error.is_transient());
    assert_eq!(serde_json::to_value(&error).unwrap()["attempts"], 3);
    let once = failing(&plain().attempts(1).unwrap(), 9, transient).await.0.unwrap_err();
    assert!(once.to_string().starts_with("gave up after 1 attempt: "), "{once}");

    #[derive(Debug, thiserror::Error)]
    #[error("cannot ship")]
    struct Shipping(#[source] Error);
    let error = failing(&plain(), 9, || Error::other(Shipping(transient()))).await.0.unwrap_err();
    assert!(error.downcast_ref::<Shipping>().is_some());
    let error = error.downcast::<std::fmt::Error>().unwrap_err();
    assert!(matches!(error, Error::GaveUp { attempts: 3, .. }));
    assert!(error.downcast::<Shipping>().is_ok());
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_refused() {
    let said = |refused: Result<Retry>| match refused {
        Err(Error::BadRequest(text)) => text.into_owned(),
        other => panic!("{other:?}"),
    };
    let (short, long) = (Duration::from_millis(1), Duration::from_secs(1));
    assert!(said(Retry::new().attempts(0)).contains("at least one attempt"));
    assert!(said(Retry::new().delays(long, short)).contains("1s, is longer than the longest one, 1ms"));
    assert!(said(Retry::new().delays(Duration::ZERO, long)).contains("a pause of zero"));
    assert!(Retry::new().delays(long, long).is_ok());
    assert!(RetryBudget::new(0, 1).is_err() && RetryBudget::new(1, 0).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_shared_and_refilled() {
    let budget = RetryBudget::new(3, 2).unwrap();
    let first = plain().budget(&budget);
    let second = plain().attempts(9).unwrap().budget(&budget);

    // Two retries of the first, the third token is the second's.
    assert_eq!(gave_up(failing(&first, 9, transient).await.0), (3, false));
    assert_eq!(budget.tokens(), 1);
    let (result, runs, _) = failing(&second, 9, transient).await;
    let error = result.unwrap_err();
    assert!(error.to_string().starts_with("gave up after 2 attempts, for the budget of retries is spent: "));
    assert!(matches!(error, Error::GaveUp { attempts: 2, out_of_budget: true, .. }));
    assert_eq!((runs, budget.tokens()), (2, 0));
    assert_eq!(gave_up(failing(&first.clone(), 9, transient).await.0), (1, true));

    // Two successes bring one back; failures of the caller's none.
    assert!(failing(&first, 1, || Error::NotFound { entity: "User" }).await.0.is_err());
    assert!(failing(&first, 0, transient).await.0.is_ok());
    assert_eq!(budget.tokens(), 0);
    assert!(failing(&second, 0, transient).await.0.is_ok());
    assert_eq!(budget.tokens(), 1);
    assert_eq!(failing(&first, 1, transient).await.0.unwrap(), 2);
    assert_eq!(budget.tokens(), 0);

    // Never more than there were.
    for _ in 0..20 {
        assert!(failing(&first, 0, transient).await.0.is_ok());
    }
    assert_eq!(budget.tokens(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_pause_may_be_dropped() {
    let retry = plain();
    let runs = AtomicU32::new(0);
    let work = retry.run(|| async {
        runs.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(transient())
    });
    assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
    assert_eq!(runs.into_inner(), 1);
}

/// What is spawned must be `Send`, whatever the closure borrows.
#[tokio::test(start_paused = true)]
async fn futures_are_send() {
    let retry = plain();
    let names = vec!["ada".to_owned()];
    let task = tokio::spawn(async move {
        let names = &names;
        retry.run(|| async move { Ok(names.len()) }).await
    });
    assert_eq!(task.await.unwrap().unwrap(), 1);
}

impl PoolError {
    fn into_error(self) -> Error {
        Error::Pool(self)
    }
}
