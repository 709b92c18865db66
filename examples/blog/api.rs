//! From requests to queries.

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use kysera::page::KeysetPage;
use kysera::prelude::*;
use kysera::{Db, Error, Sqlite};
use serde::{Deserialize, Serialize};

use crate::entities::{Author, Comment, NewPost, Post, PostPatch, Status, Tag};
use crate::failure::Failure;

type Answer<T> = Result<Json<T>, Failure>;

pub fn router(db: Db<Sqlite>) -> Router {
    Router::new()
        .route("/posts", get(posts).post(write_post))
        .route("/posts/{id}", get(read_post))
        .route("/posts/{id}/publish", post(publish))
        .route("/authors", get(authors))
        .with_state(db)
}

/// What a client may ask of a list: `?filter={"title":{"$contains":"Rust"}}&sort=-reads&after=..`
#[derive(Deserialize)]
struct ListRequest {
    filter: Option<String>,
    #[serde(default)]
    sort: String,
    after: Option<Cursor>,
    per_page: Option<u64>,
}

#[derive(Serialize)]
struct Card {
    id: i64,
    title: String,
    reads: i64,
    author: Option<String>,
    tags: Vec<String>,
}

/// The published posts, page by page: three statements, whatever is on the page.
async fn posts(State(db): State<Db<Sqlite>>, Query(request): Query<ListRequest>) -> Answer<KeysetPage<Card>> {
    let schema = Post::query_schema();
    let asked = request.filter.as_deref().map(|filter| schema.filter_str(filter)).transpose()?;
    let page = Post::repo(&db)
        .find()
        .filter(Post::STATUS.eq(Status::Published))
        .filter_opt(asked)
        .order_by_all(schema.sort(&request.sort)?)
        .with((Post::AUTHOR, Post::TAGS.order_by(Tag::NAME.asc())))
        .keyset(Keyset::first(request.per_page.unwrap_or(20)).max_rows(100).after(request.after))
        .await?;
    Ok(Json(page.map(|(post, (author, tags))| Card {
        id: post.id,
        title: post.title,
        reads: post.reads,
        author: author.map(|author| author.name),
        tags: tags.into_iter().map(|tag| tag.name).collect(),
    })))
}

#[derive(Serialize)]
struct Article {
    post: Post,
    author: Option<Author>,
    comments: Vec<(Comment, Option<Author>)>,
}

/// A post with its author, its comments, and theirs. Reading counts.
async fn read_post(State(db): State<Db<Sqlite>>, Path(id): Path<i64>) -> Answer<Article> {
    let posts = Post::repo(&db);
    let published = Post::ID.eq(id) & Post::STATUS.eq(Status::Published);
    posts.find().filter(published.clone()).set(Post::READS, Post::READS.plus(1)).execute().await?;
    let load = (Post::AUTHOR, Post::COMMENTS.with(Comment::AUTHOR));
    let (post, (author, comments)) = posts.find().filter(published).with(load).one().await?;
    Ok(Json(Article { post, author, comments }))
}

async fn write_post(State(db): State<Db<Sqlite>>, Json(new): Json<NewPost>) -> Answer<Post> {
    // Whatever the client says: it begins as a draft that nobody has read.
    Ok(Json(Post::repo(&db).create(NewPost { status: None, reads: None, ..new }).await?))
}

/// A draft becomes a published post, once.
async fn publish(State(db): State<Db<Sqlite>>, Path(id): Path<i64>) -> Answer<Post> {
    let posts = Post::repo(&db);
    let published = posts
        .transition(id, Post::STATUS, Status::Draft, Status::Published, PostPatch::new())
        .await?
        .ok_or(Error::NotFound { entity: "Post" })?;
    Ok(Json(published))
}

/// What a list of authors shows.
#[derive(Serialize, Projection)]
#[kysera(of = Author)]
struct Writer {
    handle: String,
    name: String,
    #[kysera(expr = Author::POSTS.filter(Post::STATUS.eq(Status::Published)).count())]
    posts: i64,
}

async fn authors(State(db): State<Db<Sqlite>>, Query(page): Query<PageRequest>) -> Answer<Page<Writer>> {
    let authors = Author::repo(&db);
    let writers = authors.find().select_as::<Writer>().order_by(Author::NAME.asc());
    Ok(Json(writers.page(page.max_per_page(100)).await?))
}
