//! What the blog is made of.

use kysera::prelude::*;
use kysera::{Db, Result, Sqlite};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Repository)]
#[kysera(table = "authors", has_many(posts = Post::AUTHOR_ID))]
pub struct Author {
    #[kysera(id)]
    pub id: i64,
    #[kysera(unique)]
    pub handle: String,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Draft,
    Published,
}

#[derive(Debug, Clone, Serialize, Repository)]
#[kysera(
    table = "posts",
    has_many(comments = Comment::POST_ID),
    has_many(tags = Tag::NAME, through(PostTag::POST_ID, PostTag::TAG)),
    new(derive(Deserialize))
)]
pub struct Post {
    #[kysera(id, sortable)]
    pub id: i64,
    #[kysera(belongs_to(author = Author::ID))]
    pub author_id: i64,
    #[kysera(filterable, sortable)]
    pub title: String,
    pub body: String,
    #[kysera(default)]
    pub status: Status,
    #[kysera(default, filterable, sortable)]
    pub reads: i64,
}

#[derive(Debug, Clone, Serialize, Repository)]
#[kysera(table = "comments")]
pub struct Comment {
    #[kysera(id)]
    pub id: i64,
    pub post_id: i64,
    #[kysera(belongs_to(author = Author::ID))]
    pub author_id: Option<i64>,
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Repository)]
#[kysera(table = "tags")]
pub struct Tag {
    #[kysera(id, assigned)]
    pub name: String,
}

#[derive(Debug, Clone, Repository)]
#[kysera(table = "post_tags")]
pub struct PostTag {
    #[kysera(id)]
    pub post_id: i64,
    #[kysera(id)]
    pub tag: String,
}

const SCHEMA: &str = "
    CREATE TABLE authors (id INTEGER PRIMARY KEY, handle TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
    CREATE TABLE posts (
        id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors, title TEXT NOT NULL, body TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'draft', reads INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX posts_author ON posts (author_id);
    CREATE INDEX posts_reads ON posts (reads, id);
    CREATE TABLE comments (
        id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts, author_id INTEGER REFERENCES authors,
        text TEXT NOT NULL);
    CREATE INDEX comments_post ON comments (post_id);
    CREATE TABLE tags (name TEXT NOT NULL PRIMARY KEY);
    CREATE TABLE post_tags (
        post_id INTEGER NOT NULL REFERENCES posts, tag TEXT NOT NULL REFERENCES tags, PRIMARY KEY (post_id, tag));
";

const ROWS: &str = "
    INSERT INTO authors VALUES (1, 'ada', 'Ada'), (2, 'bob', 'Bob'), (3, 'cleo', 'Cleo');
    INSERT INTO posts (id, author_id, title, body, status, reads) VALUES
        (1, 1, 'Rust and engines', '..', 'published', 40), (2, 1, 'Notes', '..', 'published', 7),
        (3, 2, 'Gardens', '..', 'published', 40), (4, 1, 'Unfinished', '..', 'draft', 0),
        (5, 2, 'More Rust', '..', 'published', 12);
    INSERT INTO comments (post_id, author_id, text) VALUES (1, 2, 'Nice'), (1, NULL, 'Indeed'), (3, 1, 'Green');
    INSERT INTO tags VALUES ('rust'), ('life');
    INSERT INTO post_tags VALUES (1, 'rust'), (5, 'rust'), (2, 'life'), (3, 'life');
";

/// Makes the tables and puts a few posts into them.
pub async fn fill(db: &Db<Sqlite>) -> Result<()> {
    db.raw_sql(SCHEMA).await?;
    db.raw_sql(ROWS).await
}
