//! How the replicas are.

use kysera::infra::{HealthCheck, Status};

use super::{HOUR, cluster, counters, read, two, until};
use crate::away;

fn patient() -> HealthCheck {
    HealthCheck::new().thresholds(HOUR, HOUR).unwrap().timeout(HOUR).unwrap()
}

#[tokio::test]
async fn all_are_well() {
    let db = counters().await;
    let source = two(&db).await;
    let health = patient().run(&source).await;
    assert_eq!(health.status, Status::Healthy);
    assert_eq!(health.replicas.len(), 2);
    for (node, metrics) in health.replicas.iter().zip(source.replicas()) {
        assert_eq!((&node.name, node.serves, node.health.status), (&metrics.name, true, Status::Healthy));
        assert_eq!(node.health.version, health.version);
        assert!(!node.name.contains('/'), "{}", node.name);
    }
    let served: u64 = source.replicas().iter().map(|replica| replica.served).sum();
    assert_eq!(served, 0, "nobody has read");
    let json = serde_json::to_value(&health).unwrap();
    assert_eq!(json["replicas"][1]["status"], "healthy");
    assert_eq!(json["replicas"][1]["serves"], true);
    let alone = serde_json::to_value(db.source().health().await).unwrap();
    assert!(alone.get("replicas").is_none());
}

#[tokio::test]
async fn one_is_away() {
    let db = counters().await;
    let away = away(&db).await;
    let builder = cluster(&db).replica_with(away.options.clone()).replica_with(db.options());
    let source = builder.pause(HOUR).connect().await.unwrap();
    let health = patient().run(&source).await;
    assert_eq!((health.status, &*health.errors), (Status::Degraded, &[][..]));
    let [gone, there] = &health.replicas[..] else { panic!() };
    assert!(!gone.serves && there.serves);
    assert_eq!((gone.health.status, gone.health.errors.len()), (Status::Unhealthy, 1));
    assert_eq!(there.health.status, Status::Healthy);
}

/// Also where nobody reads.
#[tokio::test]
async fn a_check_finds_out_that_one_is_back() {
    let db = counters().await;
    let away = away(&db).await;
    let builder = cluster(&db).replica_with(away.options.clone()).pause(std::time::Duration::ZERO);
    let source = builder.connect().await.unwrap();
    assert!(!patient().run(&source).await.replicas[0].serves);
    away.come(&db).await;
    until(async || patient().run(&source).await.replicas[0].serves).await;
    assert_eq!(read(&source.replica()).await.unwrap(), 7);
}
