//! A small world of entities whose deleted rows stay, and a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kysera::{Clock, Db, Repository};
use kysera_tests::Ddl;
use sqlx::types::chrono::{DateTime, Utc};

use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete)]
#[kysera(
    table = "authors",
    has_many(posts = Post::AUTHOR_ID),
    has_many(edited = Post::EDITOR_ID),
    has_one(profile = Profile::AUTHOR_ID)
)]
pub struct Author {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(unique)]
    pub name: String,
    pub age: Option<i64>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The mark has a name of its own.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete(deleted_at = gone))]
#[kysera(
    table = "posts",
    has_many(comments = Comment::POST_ID),
    has_many(links = PostTag::POST_ID),
    has_many(tags = Tag::ID, through(PostTag::POST_ID, PostTag::TAG_ID))
)]
pub struct Post {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(author = Author::ID))]
    pub author_id: i64,
    #[kysera(belongs_to(editor = Author::ID))]
    pub editor_id: Option<i64>,
    pub title: String,
    pub views: i64,
    #[kysera(rename = "gone_at")]
    pub gone: Option<i64>,
}

/// A flag instead of a time.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete)]
#[kysera(table = "profiles")]
pub struct Profile {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(author = Author::ID))]
    pub author_id: Option<i64>,
    pub city: Option<String>,
    pub deleted: bool,
}

/// Without the plugin.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "comments")]
pub struct Comment {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(post = Post::ID))]
    pub post_id: i64,
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete)]
#[kysera(table = "tags", has_many(posts = Post::ID, through(PostTag::TAG_ID, PostTag::POST_ID)))]
pub struct Tag {
    #[kysera(id, assigned)]
    pub id: i64,
    pub label: String,
    pub deleted_at: Option<i64>,
}

/// A link that can be deleted as well, with a key of two columns.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete)]
#[kysera(table = "post_tags")]
pub struct PostTag {
    #[kysera(id)]
    #[kysera(belongs_to(post = Post::ID))]
    pub post_id: i64,
    #[kysera(id)]
    #[kysera(belongs_to(tag = Tag::ID))]
    pub tag_id: i64,
    pub note: Option<String>,
    pub deleted: bool,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete)]
#[kysera(table = "employees", columns = EmployeeColumns, has_many(reports = EmployeeColumns::MANAGER_ID))]
pub struct Employee {
    #[kysera(id, assigned)]
    pub id: i64,
    pub name: String,
    #[kysera(belongs_to(manager = EmployeeColumns::ID))]
    pub manager_id: Option<i64>,
    pub deleted_at: Option<i64>,
}

pub const WORLD: Ddl = Ddl {
    postgres: "CREATE TABLE authors (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, age BIGINT, deleted_at TIMESTAMPTZ);
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, editor_id BIGINT, title TEXT NOT NULL,
            views BIGINT NOT NULL, gone_at BIGINT);
        CREATE TABLE profiles (id BIGINT PRIMARY KEY, author_id BIGINT, city TEXT, deleted BOOLEAN NOT NULL);
        CREATE TABLE comments (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, body TEXT NOT NULL);
        CREATE TABLE tags (id BIGINT PRIMARY KEY, label TEXT NOT NULL, deleted_at BIGINT);
        CREATE TABLE post_tags (post_id BIGINT NOT NULL, tag_id BIGINT NOT NULL, note TEXT, deleted BOOLEAN NOT NULL,
            PRIMARY KEY (post_id, tag_id));
        CREATE TABLE employees (id BIGINT PRIMARY KEY, name TEXT NOT NULL, manager_id BIGINT, deleted_at BIGINT)",
    mysql: "CREATE TABLE authors (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE, age BIGINT, deleted_at DATETIME(6));
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, editor_id BIGINT, title VARCHAR(50) NOT NULL,
            views BIGINT NOT NULL, gone_at BIGINT);
        CREATE TABLE profiles (id BIGINT PRIMARY KEY, author_id BIGINT, city VARCHAR(50), deleted BOOLEAN NOT NULL);
        CREATE TABLE comments (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, body VARCHAR(50) NOT NULL);
        CREATE TABLE tags (id BIGINT PRIMARY KEY, label VARCHAR(50) NOT NULL, deleted_at BIGINT);
        CREATE TABLE post_tags (post_id BIGINT NOT NULL, tag_id BIGINT NOT NULL, note VARCHAR(50), deleted BOOLEAN NOT NULL,
            PRIMARY KEY (post_id, tag_id));
        CREATE TABLE employees (id BIGINT PRIMARY KEY, name VARCHAR(50) NOT NULL, manager_id BIGINT, deleted_at BIGINT)",
    sqlite: "CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER, deleted_at DATETIME);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, editor_id INTEGER, title TEXT NOT NULL,
            views INTEGER NOT NULL, gone_at INTEGER);
        CREATE TABLE profiles (id INTEGER PRIMARY KEY, author_id INTEGER, city TEXT, deleted BOOLEAN NOT NULL);
        CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, body TEXT NOT NULL);
        CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT NOT NULL, deleted_at INTEGER);
        CREATE TABLE post_tags (post_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, note TEXT, deleted BOOLEAN NOT NULL,
            PRIMARY KEY (post_id, tag_id));
        CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT NOT NULL, manager_id INTEGER, deleted_at INTEGER)",
};

/// Its name is unique among those that are live, where the database has such keys.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera::plugin(soft_delete)]
#[kysera(table = "handles")]
pub struct Handle {
    #[kysera(id)]
    pub id: i64,
    #[kysera(unique = "handles_name")]
    pub name: String,
    pub note: Option<String>,
    pub deleted_at: Option<i64>,
}

pub const PARTIAL: Ddl = Ddl {
    postgres: "CREATE TABLE handles (id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name TEXT NOT NULL, note TEXT,
            deleted_at BIGINT);
        CREATE UNIQUE INDEX handles_name ON handles (name) WHERE deleted_at IS NULL",
    mysql: "CREATE TABLE handles (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL, note VARCHAR(50),
            deleted_at BIGINT, UNIQUE KEY handles_name (name))",
    sqlite: "CREATE TABLE handles (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT, deleted_at INTEGER);
        CREATE UNIQUE INDEX handles_name ON handles (name) WHERE deleted_at IS NULL",
};

/// ```text
/// Ada (1, 36): posts 1 (10 views), 2 (30), 3 (20); profile in London; edited 4
/// Bob (2): post 4 (5 views), profile without a city; edited 2
/// Cid (3, 7): post 5 (50 views), edited 1
/// post 1: comments 1, 2, tags rust, sql; post 2: comment 3, tag rust; post 4: tag sql; post 5: tags rust, sql, web
/// Eve (1) manages Fay (2) and Gil (3), Fay manages Hal (4)
/// ```
pub async fn populate(db: &Db<DB>) {
    let authors = [(1, "Ada", Some(36)), (2, "Bob", None), (3, "Cid", Some(7))];
    let authors = authors.map(|(id, name, age)| NewAuthor { id, name: name.into(), age });
    Author::repo(db).insert_many(authors).await.unwrap();
    let profiles = [(7, Some(1), Some("London")), (8, Some(2), None), (9, None, Some("Nowhere"))];
    let profiles =
        profiles.map(|(id, author_id, city)| NewProfile { id, author_id, city: city.map(Into::into) });
    Profile::repo(db).insert_many(profiles).await.unwrap();
    let posts =
        [(1, 1, Some(3), 10), (2, 1, Some(2), 30), (3, 1, None, 20), (4, 2, Some(1), 5), (5, 3, None, 50)];
    let posts = posts.map(|(id, author_id, editor_id, views)| NewPost {
        id,
        author_id,
        editor_id,
        title: format!("post {}", id % 3),
        views,
    });
    Post::repo(db).insert_many(posts).await.unwrap();
    let comments = [(1, 1), (2, 1), (3, 2)];
    let comments = comments.map(|(id, post_id)| NewComment { id, post_id, body: format!("comment {id}") });
    Comment::repo(db).insert_many(comments).await.unwrap();
    let tags = [(1, "rust"), (2, "sql"), (3, "web")];
    Tag::repo(db).insert_many(tags.map(|(id, label)| NewTag { id, label: label.into() })).await.unwrap();
    let links = [(1, 1), (1, 2), (2, 1), (4, 2), (5, 1), (5, 2), (5, 3)];
    let links = links.map(|(post_id, tag_id)| NewPostTag { post_id, tag_id, note: None });
    PostTag::repo(db).insert_many(links).await.unwrap();
    let employees = [(1, "Eve", None), (2, "Fay", Some(1)), (3, "Gil", Some(1)), (4, "Hal", Some(2))];
    let employees = employees.map(|(id, name, manager_id)| NewEmployee { id, name: name.into(), manager_id });
    Employee::repo(db).insert_many(employees).await.unwrap();
}

/// A clock that moves when a test says so, or by itself, whenever it is asked.
#[derive(Debug, Clone)]
pub struct Hands {
    micros: Arc<AtomicU64>,
    step: u64,
}

/// When the clocks of tests begin: not at a whole second.
pub const START: u64 = 1_700_000_000_123_457;

impl Hands {
    /// Stands still until it is moved.
    pub fn new() -> Self {
        Self { micros: Arc::new(AtomicU64::new(START)), step: 0 }
    }

    /// Tells another time, a second and a microsecond later, whenever it is asked.
    pub fn restless() -> Self {
        Self { step: 1_000_001, ..Self::new() }
    }

    pub fn clock(&self) -> Clock {
        let Self { micros, step } = self.clone();
        Clock::from_fn(move || at(micros.fetch_add(step, Ordering::SeqCst)))
    }

    /// The source with this clock.
    pub fn of(&self, db: &Db<DB>) -> Db<DB> {
        db.clone().with_clock(self.clock())
    }

    pub fn set(&self, micros: u64) {
        self.micros.store(micros, Ordering::SeqCst);
    }

    /// A minute and a microsecond later; answers what time it is then.
    pub fn forward(&self) -> u64 {
        self.micros.fetch_add(60_000_001, Ordering::SeqCst) + 60_000_001
    }

    pub fn now(&self) -> u64 {
        self.micros.load(Ordering::SeqCst)
    }
}

pub fn at(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}

/// As chrono says it.
pub fn utc(micros: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros as i64).unwrap()
}

/// As whole seconds.
pub fn seconds(micros: u64) -> i64 {
    (micros / 1_000_000) as i64
}
