//! The API, asked without a network.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use kysera::{Db, Sqlite};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{api, entities};

async fn blog() -> axum::Router {
    let db = Db::<Sqlite>::connect("sqlite::memory:").await.unwrap();
    entities::fill(&db).await.unwrap();
    api::router(db)
}

async fn ask(blog: &axum::Router, method: Method, path: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = blog.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

async fn get(blog: &axum::Router, path: &str) -> (StatusCode, Value) {
    ask(blog, Method::GET, path).await
}

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other() {
    let blog = blog().await;
    let (status, first) = get(&blog, "/posts?sort=-reads,title&per_page=3").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(titles(&first), ["Gardens", "Rust and engines", "More Rust"]);
    assert_eq!(first["items"][1]["author"], "Ada");
    assert_eq!(first["items"][1]["tags"], json!(["rust"]));
    let after = first["next"].as_str().unwrap();
    let (_, second) = get(&blog, &format!("/posts?sort=-reads,title&per_page=3&after={after}")).await;
    assert_eq!(titles(&second), ["Notes"]);
    assert_eq!(second["has_next"], false);

    let (status, refused) = get(&blog, &format!("/posts?sort=title&after={after}")).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("RESOURCE_BAD_REQUEST")));
}

#[tokio::test]
async fn clients_filter_by_what_they_may() {
    let blog = blog().await;
    // {"title":{"$contains":"Rust"}}
    let (_, page) =
        get(&blog, "/posts?sort=id&filter=%7B%22title%22:%7B%22$contains%22:%22Rust%22%7D%7D").await;
    assert_eq!(titles(&page), ["Rust and engines", "More Rust"]);
    // {"body":".."}
    let (status, refused) = get(&blog, "/posts?filter=%7B%22body%22:%22..%22%7D").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(refused["errors"][0]["path"], "body");
}

#[tokio::test]
async fn a_post_comes_with_everything() {
    let blog = blog().await;
    let (_, article) = get(&blog, "/posts/1").await;
    assert_eq!(article["post"]["reads"], 41);
    assert_eq!(article["author"]["name"], "Ada");
    assert_eq!(article["comments"][0][1]["name"], "Bob");
    assert_eq!(article["comments"][1][1], Value::Null);
    assert_eq!(get(&blog, "/posts/4").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_draft_is_published_once() {
    let blog = blog().await;
    let (status, post) = ask(&blog, Method::POST, "/posts/4/publish").await;
    assert_eq!((status, &post["status"]), (StatusCode::OK, &json!("published")));
    assert_eq!(ask(&blog, Method::POST, "/posts/4/publish").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&blog, "/posts/4").await.0, StatusCode::OK);
}

#[tokio::test]
async fn authors_are_counted() {
    let blog = blog().await;
    let (_, page) = get(&blog, "/authors?per_page=2").await;
    assert_eq!(page["total"], 3);
    assert_eq!(
        page["items"],
        json!([
            {"handle": "ada", "name": "Ada", "posts": 2},
            {"handle": "bob", "name": "Bob", "posts": 2},
        ])
    );
}
