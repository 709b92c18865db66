//! A small world of related entities.

use kysera::Repository;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Uuid;

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "users",
    has_many(posts = Post::AUTHOR_ID),
    has_many(edited = Post::EDITOR_ID),
    has_many(mails = Mail::RECEIVER, key = email),
    has_many(secrets = Secret::OWNER_ID),
    has_one(profile = Profile::USER_ID)
)]
pub struct User {
    #[kysera(id, assigned)]
    pub id: i64,
    pub name: String,
    pub email: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "profiles")]
pub struct Profile {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(user = User::ID))]
    pub user_id: Option<i64>,
    pub city: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "posts",
    has_many(comments = Comment::POST_ID),
    has_many(tags = Tag::ID, through(PostTag::POST_ID, PostTag::TAG_ID))
)]
pub struct Post {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(author = User::ID))]
    pub author_id: i64,
    #[kysera(belongs_to(editor = User::ID))]
    pub editor_id: Option<i64>,
    pub title: String,
    pub views: i64,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "comments")]
pub struct Comment {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(post = Post::ID))]
    pub post_id: i64,
    pub body: String,
}

/// A key of bytes.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "tags", has_many(posts = Post::ID, through(PostTag::TAG_ID, PostTag::POST_ID)))]
pub struct Tag {
    #[kysera(id, assigned)]
    pub id: Uuid,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "post_tags")]
pub struct PostTag {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(post = Post::ID))]
    pub post_id: i64,
    #[kysera(belongs_to(tag = Tag::ID))]
    pub tag_id: Uuid,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "employees", columns = EmployeeColumns, has_many(reports = EmployeeColumns::MANAGER_ID))]
pub struct Employee {
    #[kysera(id, assigned)]
    pub id: i32,
    pub name: String,
    #[kysera(belongs_to(manager = EmployeeColumns::ID))]
    pub manager_id: Option<i32>,
}

/// Letters in upper and lower case are the same where the database says so.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "mails")]
pub struct Mail {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(user = User::EMAIL))]
    pub receiver: String,
}

/// Who asks.
#[derive(Debug)]
pub struct Principal;

/// Reached on behalf of somebody alone.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "secrets", context = Principal)]
pub struct Secret {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(owner = User::ID))]
    pub owner_id: i64,
    pub text: String,
}

pub const WORLD: Ddl = Ddl {
    postgres: "CREATE TABLE users (id BIGINT PRIMARY KEY, name TEXT NOT NULL, email TEXT);
        CREATE TABLE profiles (id BIGINT PRIMARY KEY, user_id BIGINT, city TEXT);
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, editor_id BIGINT, title TEXT NOT NULL,
            views BIGINT NOT NULL);
        CREATE TABLE comments (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, body TEXT NOT NULL);
        CREATE TABLE tags (id UUID PRIMARY KEY, label TEXT NOT NULL);
        CREATE TABLE post_tags (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, tag_id UUID NOT NULL);
        CREATE TABLE employees (id INT PRIMARY KEY, name TEXT NOT NULL, manager_id INT);
        CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE mails (id BIGINT PRIMARY KEY, receiver TEXT COLLATE ci NOT NULL);
        CREATE TABLE secrets (id BIGINT PRIMARY KEY, owner_id BIGINT NOT NULL, text TEXT NOT NULL)",
    mysql: "CREATE TABLE users (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL, email VARCHAR(50))
            DEFAULT CHARSET utf8mb4;
        CREATE TABLE profiles (id BIGINT PRIMARY KEY, user_id BIGINT, city VARCHAR(50));
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, editor_id BIGINT, title VARCHAR(50) NOT NULL,
            views BIGINT NOT NULL);
        CREATE TABLE comments (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, body VARCHAR(50) NOT NULL);
        CREATE TABLE tags (id BINARY(16) PRIMARY KEY, label VARCHAR(50) NOT NULL);
        CREATE TABLE post_tags (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, tag_id BINARY(16) NOT NULL);
        CREATE TABLE employees (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, manager_id INT);
        CREATE TABLE mails (id BIGINT PRIMARY KEY, receiver VARCHAR(50) COLLATE utf8mb4_general_ci NOT NULL)
            DEFAULT CHARSET utf8mb4;
        CREATE TABLE secrets (id BIGINT PRIMARY KEY, owner_id BIGINT NOT NULL, text VARCHAR(50) NOT NULL)",
    sqlite: "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT);
        CREATE TABLE profiles (id INTEGER PRIMARY KEY, user_id INTEGER, city TEXT);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, editor_id INTEGER, title TEXT NOT NULL,
            views INTEGER NOT NULL);
        CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, body TEXT NOT NULL);
        CREATE TABLE tags (id BLOB NOT NULL PRIMARY KEY, label TEXT NOT NULL);
        CREATE TABLE post_tags (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, tag_id BLOB NOT NULL);
        CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT NOT NULL, manager_id INTEGER);
        CREATE TABLE mails (id INTEGER PRIMARY KEY, receiver TEXT COLLATE NOCASE NOT NULL);
        CREATE TABLE secrets (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL, text TEXT NOT NULL)",
};

pub fn tag_id(n: u128) -> Uuid {
    Uuid::from_u128(n << 64 | n)
}

/// ```text
/// Ada (1): posts 1 (10 views), 2 (30), 3 (20); profile in London; edited 4
/// Bob (2): post 4 (5 views), profile without a city; edited 2
/// Cid (3): nothing
/// post 1: comments 1, 2, tags rust, sql; post 2: comment 3, tags rust twice; post 4: tag sql
/// Eve (1) manages Fay (2) and Gil (3), Fay manages Hal (4)
/// ```
pub async fn world() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&WORLD).await;
    let source = db.source();
    let users = [(1, "Ada", Some("ada@x")), (2, "Bob", Some("Bob@x")), (3, "Cid", None)];
    let users =
        users.map(|(id, name, email)| NewUser { id, name: name.into(), email: email.map(Into::into) });
    User::repo(source).insert_many(users).await.unwrap();
    let profiles = [(7, Some(1), Some("London")), (8, Some(2), None), (9, None, Some("Nowhere"))];
    let profiles = profiles.map(|(id, user_id, city)| NewProfile { id, user_id, city: city.map(Into::into) });
    Profile::repo(source).insert_many(profiles).await.unwrap();
    let posts = [(1, 1, None, 10), (2, 1, Some(2), 30), (3, 1, None, 20), (4, 2, Some(1), 5)];
    let posts = posts.map(|(id, author_id, editor_id, views)| NewPost {
        id,
        author_id,
        editor_id,
        title: format!("post {id}"),
        views,
    });
    Post::repo(source).insert_many(posts).await.unwrap();
    let comments = [(1, 1), (2, 1), (3, 2)];
    let comments = comments.map(|(id, post_id)| NewComment { id, post_id, body: format!("comment {id}") });
    Comment::repo(source).insert_many(comments).await.unwrap();
    let tags = [(1, "rust"), (2, "sql"), (3, "unused")];
    let tags = tags.map(|(id, label)| NewTag { id: tag_id(id), label: label.into() });
    Tag::repo(source).insert_many(tags).await.unwrap();
    let links = [(1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 1), (5, 4, 2)];
    let links = links.map(|(id, post_id, tag)| NewPostTag { id, post_id, tag_id: tag_id(tag) });
    PostTag::repo(source).insert_many(links).await.unwrap();
    let employees = [(1, "Eve", None), (2, "Fay", Some(1)), (3, "Gil", Some(1)), (4, "Hal", Some(2))];
    let employees = employees.map(|(id, name, manager_id)| NewEmployee { id, name: name.into(), manager_id });
    Employee::repo(source).insert_many(employees).await.unwrap();
    db
}
