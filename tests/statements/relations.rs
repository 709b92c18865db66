//! How many statements loads send. Recording is global to a process, hence a binary of its own.

use kysera::backend::Dialect;
use kysera::entity::On;
use kysera::prelude::*;
use kysera::relation::load_many;
use kysera_tests::recorder::record;
use kysera_tests::{Ddl, Fixture, TestBackend};

const TABLES: Ddl = Ddl {
    postgres: "CREATE TABLE users (id BIGINT PRIMARY KEY, code TEXT);
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT, title TEXT NOT NULL);
        CREATE TABLE likes (user_id BIGINT NOT NULL, post_id BIGINT NOT NULL, PRIMARY KEY (user_id, post_id));
        CREATE INDEX ON posts (author_id)",
    mysql: "CREATE TABLE users (id BIGINT PRIMARY KEY, code VARCHAR(20));
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT, title VARCHAR(20) NOT NULL, INDEX (author_id));
        CREATE TABLE likes (user_id BIGINT NOT NULL, post_id BIGINT NOT NULL, PRIMARY KEY (user_id, post_id))",
    sqlite: "CREATE TABLE users (id INTEGER PRIMARY KEY, code TEXT);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER, title TEXT NOT NULL);
        CREATE TABLE likes (user_id INTEGER NOT NULL, post_id INTEGER NOT NULL, PRIMARY KEY (user_id, post_id));
        CREATE INDEX posts_author ON posts (author_id)",
};

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "users",
    has_many(posts = Post::AUTHOR_ID),
    has_many(likes = Post::ID, through(Like::USER_ID, Like::POST_ID)),
    has_many(titled = Post::TITLE, key = code)
)]
struct User {
    #[kysera(id, assigned)]
    id: i64,
    code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "posts")]
struct Post {
    #[kysera(id, assigned)]
    id: i64,
    #[kysera(belongs_to(author = User::ID))]
    author_id: Option<i64>,
    title: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "likes")]
struct Like {
    #[kysera(id)]
    user_id: i64,
    #[kysera(id)]
    post_id: i64,
}

/// Users 0 to n, each with two posts (but for every tenth one) and one that they like.
async fn crowd<DB: TestBackend>(n: i64) -> Fixture<DB>
where
    User: On<DB>,
    Post: On<DB>,
    Like: On<DB>,
{
    let db = Fixture::<DB>::new(&TABLES).await;
    let users = (0..n).map(|id| NewUser { id, code: Some(format!("t{}", id * 2)) });
    User::repo(db.source()).insert_many(users).await.unwrap();
    let posts = (0..2 * n).filter(|id| id / 2 % 10 != 9).map(|id| NewPost {
        id,
        author_id: Some(id / 2),
        title: format!("t{id}"),
    });
    Post::repo(db.source()).insert_many(posts).await.unwrap();
    let likes = (0..n).map(|user_id| NewLike { user_id, post_id: user_id / 20 * 20 });
    Like::repo(db.source()).insert_many(likes).await.unwrap();
    db
}

async fn one_each<DB: TestBackend>(n: i64)
where
    User: On<DB>,
    Post: On<DB>,
    Like: On<DB>,
{
    let db = crowd::<DB>(n).await;
    let users = User::repo(db.source());
    let load = (
        User::POSTS.with(Post::AUTHOR),
        User::LIKES,
        User::TITLED,
        User::POSTS.order_by(Post::ID.desc()).limit(1),
        User::LIKES.limit(1).with(Post::AUTHOR.with(User::POSTS)),
    );
    let (found, texts) = record(users.find().order_by(User::ID.asc()).with(load).all()).await;
    let found = found.unwrap();
    assert_eq!(texts.len(), 1 + 8, "{} {n}", DB::NAME);
    assert_eq!(found.len() as i64, n);
    for (user, (posts, likes, titled, last, first_like)) in &found {
        let writes = user.id % 10 != 9;
        let ids: Vec<_> = posts.iter().map(|(post, _)| post.id).collect();
        assert_eq!(ids, if writes { vec![2 * user.id, 2 * user.id + 1] } else { vec![] });
        assert!(posts.iter().all(|(_, author)| author.as_ref() == Some(user)));
        let liked = user.id / 20 * 20;
        assert_eq!(likes.iter().map(|post| post.id).collect::<Vec<_>>(), [liked]);
        assert_eq!(titled.len(), usize::from(writes));
        assert_eq!(last.iter().map(|post| post.id).collect::<Vec<_>>(), ids.last().copied().as_slice());
        let (post, author) = &first_like[0];
        let (author, posts) = author.as_ref().unwrap();
        assert_eq!((post.id, author.id, posts.len()), (liked, liked / 2, 2));
    }

    let rows: Vec<User> = found.into_iter().map(|(user, _)| user).collect();
    let (posts, texts) = record(users.load_many(&rows, User::POSTS)).await;
    assert_eq!((posts.unwrap().len() as i64, texts.len()), (n, 1));
}

async fn nothing<DB: TestBackend>()
where
    User: On<DB>,
    Post: On<DB>,
    Like: On<DB>,
{
    let db = crowd::<DB>(3).await;
    let posts = Post::repo(db.source());
    posts.find().update(PostPatch::new().author_id(None)).await.unwrap();
    let all = posts.find_all().await.unwrap();
    let (authors, texts) = record(posts.load_many(&all, Post::AUTHOR.with(User::POSTS))).await;
    assert_eq!((authors.unwrap(), texts.len()), (vec![None; 6], 0), "no key, no statement");
    let (loaded, texts) = record(load_many(db.source(), &[], (User::POSTS, User::LIKES))).await;
    assert_eq!((loaded.unwrap().len(), texts.len()), (0, 0), "nobody, no statement");
    let (found, texts) = record(posts.find().filter(Post::ID.eq(99)).with(Post::AUTHOR).all()).await;
    assert_eq!((found.unwrap().len(), texts.len()), (0, 1));
    // A relation that found nothing ends the way.
    let users = User::repo(db.source());
    let (found, texts) = record(users.find().with(User::POSTS.with(Post::AUTHOR)).all()).await;
    assert_eq!((found.unwrap().len(), texts.len()), (3, 2));
}

async fn keys_once<DB: TestBackend>()
where
    User: On<DB>,
    Post: On<DB>,
    Like: On<DB>,
{
    let db = crowd::<DB>(3).await;
    let posts = Post::repo(db.source()).find_all().await.unwrap();
    let (authors, texts) = record(load_many(db.source(), &posts, Post::AUTHOR)).await;
    assert!(
        authors
            .unwrap()
            .iter()
            .zip(&posts)
            .all(|(author, post)| { author.as_ref().map(|author| author.id) == post.author_id })
    );
    let text = match DB::DIALECT {
        Dialect::Postgres => r#"SELECT "id", "code" FROM "users" WHERE "users"."id" = ANY($1)"#,
        // Three keys, padded.
        Dialect::MySql => "SELECT `id`, `code` FROM `users` WHERE `users`.`id` IN (?, ?, ?, ?)",
        _ => "SELECT `id`, `code` FROM `users` WHERE `users`.`id` IN (SELECT value FROM json_each(?))",
    };
    assert_eq!(texts, [text]);
}

macro_rules! on {
    ($backend:ident: $DB:ty, $most:expr) => {
        mod $backend {
            #[tokio::test]
            async fn a_relation_is_one_statement_whatever_the_number_of_parents() {
                for n in [1, 100, 10_000] {
                    super::one_each::<$DB>(n).await;
                }
            }

            #[tokio::test]
            async fn also_beyond_the_limit_of_arguments() {
                if $most > 10_000 {
                    super::one_each::<$DB>($most).await;
                } else {
                    super::chunks::<$DB>().await;
                }
            }

            #[tokio::test]
            async fn nothing_to_load_sends_nothing() {
                super::nothing::<$DB>().await;
            }

            #[tokio::test]
            async fn each_key_is_sent_once() {
                super::keys_once::<$DB>().await;
            }
        }
    };
}
on!(sqlite: sqlx::Sqlite, 40_000);
#[cfg(feature = "postgres")]
on!(postgres: sqlx::Postgres, 40_000);
#[cfg(feature = "mysql")]
on!(mysql: sqlx::MySql, 0);

/// Where keys are arguments, there is a statement for as many as it takes.
async fn chunks<DB: TestBackend>()
where
    User: On<DB>,
    Post: On<DB>,
    Like: On<DB>,
{
    let db = crowd::<DB>(10).await;
    let users: Vec<User> = (0..70_000).map(|id| User { id, code: None }).rev().collect();
    let posts = User::POSTS.filter(Post::TITLE.ne("t0"));
    let (posts, texts) = record(load_many(db.source(), &users, posts)).await;
    assert_eq!(texts.len(), 2);
    let posts = posts.unwrap();
    let ids = |user: usize| posts[69_999 - user].iter().map(|post| post.id).collect::<Vec<_>>();
    assert_eq!((ids(0), ids(8), ids(9), ids(10)), (vec![1], vec![16, 17], vec![], vec![]));
}
