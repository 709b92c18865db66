//! What is measured on. Each struct is read by kysera and by sqlx alike.

use kysera::prelude::*;

#[derive(Debug, Clone, sqlx::FromRow, Repository)]
#[kysera(table = "bench_events")]
pub(crate) struct Event {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) kind: i32,
    pub(crate) score: i64,
    pub(crate) rank: Option<i64>,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) price: f64,
    pub(crate) city: Option<String>,
}

#[derive(Debug, Clone, sqlx::FromRow, Repository)]
#[kysera(table = "bench_authors", has_many(posts = Post::AUTHOR_ID))]
pub(crate) struct Author {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
}

#[derive(Debug, Clone, sqlx::FromRow, Repository)]
#[kysera(table = "bench_posts")]
pub(crate) struct Post {
    #[kysera(id, assigned)]
    pub(crate) id: i64,
    pub(crate) author_id: i64,
    pub(crate) title: String,
    pub(crate) views: i64,
}

pub(crate) const EVENTS: i64 = 300_000;
pub(crate) const AUTHORS: i64 = 1000;

pub(crate) fn event(id: i64) -> NewEvent {
    NewEvent {
        id,
        kind: (id % 10) as i32,
        score: id * 7919 % 100_003,
        rank: (id % 10 != 1).then_some(id * 104_729 % 90_001),
        title: format!("Event number {id}"),
        body: format!("{id} is followed by {} and preceded by {}, as far as is known", id + 1, id - 1),
        price: id as f64 / 7.0,
        city: (id % 3 == 0).then(|| format!("City {}", id % 97)),
    }
}

pub(crate) fn author(id: i64) -> NewAuthor {
    NewAuthor { id, name: format!("Author {id}"), email: (id % 2 == 0).then(|| format!("a{id}@example.org")) }
}

/// Five for each author, but not side by side.
pub(crate) fn post(id: i64) -> NewPost {
    NewPost { id, author_id: id % AUTHORS + 1, title: format!("Post number {id}"), views: id * 31 % 1000 }
}
