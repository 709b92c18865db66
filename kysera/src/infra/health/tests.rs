//! What needs no database.

use super::*;

const POOL: PoolFigures = PoolFigures { size: 3, max: 10, idle: 1, in_use: 2, waiting: 0 };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn the_status_follows_the_latency() {
    let status = |latency| HealthCheck::new().judge(Ok(Vitals::default()), ms(latency), POOL).status;
    assert_eq!(status(0), Status::Healthy);
    assert_eq!(status(99), Status::Healthy);
    assert_eq!(status(100), Status::Degraded);
    assert_eq!(status(499), Status::Degraded);
    assert_eq!(status(500), Status::Unhealthy);

    let strict = HealthCheck::new().thresholds(ms(5), ms(5)).unwrap();
    assert_eq!(strict.status(ms(4)), Status::Healthy);
    assert_eq!(strict.status(ms(5)), Status::Unhealthy);
}

#[test]
fn an_error_is_unhealthy_however_quick() {
    let refused = sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into());
    let health = HealthCheck::new().judge(Err(refused.into()), ms(1), POOL);
    assert_eq!(health.status, Status::Unhealthy);
    assert_eq!(health.errors, ["error communicating with database: connection refused"]);
    // Drivers know more than may be told.
    let secret = HealthCheck::new().judge(Err(sqlx::Error::Protocol("s3cr3t".into()).into()), ms(1), POOL);
    assert_eq!(secret.errors, ["unexpected data on the connection"]);
}

#[test]
fn json() {
    let vitals = Vitals {
        version: Some("15.6".into()),
        database: Some("shop".into()),
        replica: Some(Some(Duration::from_millis(1500))),
    };
    let health = HealthCheck::new().judge(Ok(vitals), Duration::from_micros(250), POOL);
    assert_eq!(
        serde_json::to_value(&health).unwrap(),
        serde_json::json!({
            "status": "healthy", "latency_ms": 0.25,
            "pool": { "size": 3, "max": 10, "idle": 1, "in_use": 2, "waiting": 0 },
            "version": "15.6", "database": "shop", "replica": { "lag_ms": 1500.0 }, "errors": [],
        })
    );
    let silent = Vitals { replica: Some(None), ..Vitals::default() };
    let health = serde_json::to_value(HealthCheck::new().judge(Ok(silent), ms(0), POOL)).unwrap();
    assert!(health["replica"]["lag_ms"].is_null() && health["version"].is_null());
}

#[test]
fn nonsense_is_refused() {
    assert!(HealthCheck::new().thresholds(ms(2), ms(1)).is_err());
    assert!(HealthCheck::new().timeout(Duration::ZERO).is_err());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_monitor_needs_an_interval() {
    let db = Db::<sqlx::Sqlite>::connect("sqlite::memory:").await.unwrap();
    let refused = HealthMonitor::start(&db, HealthCheck::new(), Duration::ZERO).unwrap_err();
    assert!(refused.to_string().contains("give a health monitor some seconds"));
}

/// Neither of them panics, and the check is no error.
#[cfg(feature = "sqlite")]
#[test]
fn without_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let db = runtime.block_on(Db::<sqlx::Sqlite>::connect("sqlite::memory:")).unwrap();
    let health = futures_util::future::FutureExt::now_or_never(db.health()).unwrap();
    assert_eq!(health.errors, ["`Db` works within a tokio runtime, and there is none here"]);
    assert!(HealthMonitor::start(&db, HealthCheck::new(), ms(1)).is_err());
}
