//! The service, asked without a network and over one.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use futures_util::FutureExt;
use kysera::{Db, Error, Sqlite};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::api::{self, Service};
use crate::{connect, serve};

/// Two replicas that are the database itself, in a folder that is removed with it.
async fn database() -> (tempfile::TempDir, Db<Sqlite>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("visits.db").display());
    // The file is there before anyone looks for it: a replica that does not find it is left out for a while.
    Db::<Sqlite>::connect(&url).await.unwrap().close().await;
    let db = connect(&url, [&*url, &*url].into_iter()).await.unwrap();
    (folder, db)
}

async fn ask(api: &Router, method: Method, path: &str) -> (StatusCode, Option<String>, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = api.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let retry_after =
        response.headers().get(header::RETRY_AFTER).map(|seconds| seconds.to_str().unwrap().to_owned());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (status, retry_after, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn visits_are_counted_on_the_primary_and_read_from_replicas() {
    let (_folder, db) = database().await;
    let api = api::router(Service::new(db.clone()).unwrap());
    assert_eq!(ask(&api, Method::GET, "/visits/home").await.2, Value::Null);
    for count in 1..=3 {
        let (status, _, visits) = ask(&api, Method::POST, "/visits/home").await;
        assert_eq!((status, &visits["count"]), (StatusCode::OK, &Value::from(count)));
    }
    assert_eq!(ask(&api, Method::GET, "/visits/home").await.2["count"], 3);
    let served: Vec<u64> = db.replicas().iter().map(|replica| replica.served).collect();
    assert_eq!(served, [1, 1]);
}

#[tokio::test]
async fn health_tells_of_the_database_and_its_replicas() {
    let (_folder, db) = database().await;
    let api = api::router(Service::new(db.clone()).unwrap());
    let (status, _, health) = ask(&api, Method::GET, "/health").await;
    assert_eq!((status, health["errors"].as_array().unwrap().len()), (StatusCode::OK, 0));
    assert_eq!(
        (&health["database"], health["replicas"].as_array().unwrap().len()),
        (&Value::from("visits.db"), 2)
    );
    db.close().await;
    let api = api::router(Service::new(db).unwrap());
    let (status, _, health) = ask(&api, Method::GET, "/health").await;
    assert_eq!(
        (status, &health["errors"][0]),
        (StatusCode::SERVICE_UNAVAILABLE, &Value::from("the pool is closed"))
    );
}

#[tokio::test]
async fn readiness_follows_the_breaker_and_the_end() {
    let (_folder, db) = database().await;
    let service = Service::new(db).unwrap();
    let api = api::router(service.clone());
    let ready = async || {
        let (status, _, text) = ask(&api, Method::GET, "/ready").await;
        (status.as_u16(), text.as_str().unwrap().to_owned())
    };
    assert_eq!(ready().await, (200, "ready".into()));
    for _ in 0..5 {
        let outage = || async { Err::<(), _>(Error::other(sqlx::Error::PoolTimedOut)) };
        service.breaker.run(outage).await.unwrap_err();
    }
    assert_eq!(ready().await, (503, "the circuit breaker is open".into()));
    let (status, retry_after, refused) = ask(&api, Method::POST, "/visits/home").await;
    assert_eq!((status.as_u16(), &refused["code"]), (503, &Value::from("DB_UNAVAILABLE")));
    assert!((1..=10).contains(&retry_after.unwrap().parse::<u64>().unwrap()));
    service.breaker.reset();
    assert_eq!(ready().await, (200, "ready".into()));
    service.end();
    assert_eq!(ready().await, (503, "ending".into()));
    assert_eq!(
        ask(&api, Method::POST, "/visits/home").await.0,
        StatusCode::OK,
        "what still comes is answered"
    );
}

async fn over_the_network(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let (_folder, db) = database().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, told) = oneshot::channel();
    let told = told.map(drop);
    let service = tokio::spawn(serve(listener, db.clone(), told, Duration::ZERO));
    let answer = over_the_network(address, "POST /visits/home").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(r#"{"page":"home","count":1}"#),
        "{answer}"
    );
    let answer = over_the_network(address, "GET /ready").await;
    assert!(answer.ends_with("ready"), "{answer}");
    end.send(()).unwrap();
    let report = service.await.unwrap().unwrap();
    assert!(report.is_clean(), "{report}");
    assert!(TcpStream::connect(address).await.is_err());
    assert!(db.acquire().await.is_err() && db.replica().begin().await.is_err());
}
