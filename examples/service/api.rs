//! From requests to the database, and what is told of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use kysera::error::BreakerError;
use kysera::infra::{self, Breaker, HealthCheck, HealthMonitor, Retry, RetryBudget, Status, Trip};
use kysera::prelude::*;
use kysera::{Error, ErrorCode, Result};
use serde::Serialize;

#[derive(Debug, Serialize, Repository)]
#[kysera(table = "visits")]
pub struct Visits {
    #[kysera(id, assigned)]
    pub page: String,
    pub count: i64,
}

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    db: Db<Sqlite>,
    retry: Retry,
    pub breaker: Breaker,
    monitor: Arc<HealthMonitor>,
    ending: Arc<AtomicBool>,
}

impl Service {
    pub fn new(db: Db<Sqlite>) -> Result<Self> {
        let monitor = HealthMonitor::start(&db, HealthCheck::new(), Duration::from_secs(5))?;
        Ok(Self {
            db,
            // One repetition for ten successes of all requests together: a database in distress is not asked three times as much.
            retry: Retry::new().budget(&RetryBudget::new(10, 10)?),
            breaker: Breaker::new(Trip::Consecutive(5), Duration::from_secs(10))?,
            monitor: Arc::new(monitor),
            ending: Arc::default(),
        })
    }

    /// `/ready` says no from now on.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

pub fn router(service: Service) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/visits/{page}", get(visits).post(visit))
        .with_state(service)
}

/// For people, dashboards and alarms. Not for a probe that restarts this program: that mends no database.
async fn health(State(service): State<Service>) -> Response {
    let health = match service.monitor.latest() {
        Some(health) => health,
        None => service.db.health().await,
    };
    let status = match health.status {
        // What is merely slow, or has lost a replica, goes on.
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health)).into_response()
}

/// For whoever sends requests: whether they would be answered here.
async fn ready(State(service): State<Service>) -> (StatusCode, &'static str) {
    let unhealthy = service.monitor.latest().is_some_and(|health| health.status == Status::Unhealthy);
    if service.ending.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "ending")
    } else if service.breaker.state() == infra::State::Open {
        (StatusCode::SERVICE_UNAVAILABLE, "the circuit breaker is open")
    } else if unhealthy {
        (StatusCode::SERVICE_UNAVAILABLE, "the database is unhealthy")
    } else {
        (StatusCode::OK, "ready")
    }
}

/// A replica answers, which may be a moment behind.
async fn visits(
    State(service): State<Service>,
    Path(page): Path<String>,
) -> Result<Json<Option<Visits>>, Failure> {
    let replica = service.db.replica();
    Ok(Json(service.breaker.run(|| async { Visits::repo(&replica).find_by_id(page).await }).await?))
}

/// The whole transaction is repeated where it meets another one, and all its attempts are one call for the breaker.
async fn visit(State(service): State<Service>, Path(page): Path<String>) -> Result<Json<Visits>, Failure> {
    let count = || {
        service.retry.transaction(&service.db, |tx| {
            let page = page.clone();
            async move {
                let visits = Visits::repo(&tx);
                match visits.find_by_id(page.clone()).await? {
                    Some(so_far) => visits.update(page, VisitsPatch::new().count(so_far.count + 1)).await,
                    None => visits.create(NewVisits { page, count: 1 }).await,
                }
            }
        })
    };
    Ok(Json(service.breaker.run(count).await?))
}

/// An error of kysera's as an answer, with the time after which to come again where that is known.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.code() {
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::Unavailable | ErrorCode::ConnectionFailed | ErrorCode::PoolExhausted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let retry_after = match &self.0 {
            Error::Breaker(BreakerError::Open { retry_after }) => Some(retry_after.as_secs() + 1),
            _ => None,
        };
        let mut response = (status, Json(self.0)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
