//! Rows that lead to each other in every way, and what filters on them are in Rust.

use kysera::expr::Expression;
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use proptest::prelude::*;

use super::properties::{Op, compare, compared, every, some, terms};
use crate::DB;

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "users",
    has_many(posts = Post::AUTHOR_ID),
    has_many(edited = Post::EDITOR_ID),
    has_many(reports = User::MANAGER_ID)
)]
pub struct User {
    #[kysera(id, assigned)]
    pub id: i64,
    pub name: String,
    pub age: Option<i64>,
    #[kysera(belongs_to(manager = User::ID))]
    pub manager_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "posts",
    has_many(comments = Comment::POST_ID),
    has_many(tags = Tag::ID, through(Link::POST_ID, Link::TAG_ID))
)]
pub struct Post {
    #[kysera(id, assigned)]
    pub id: i64,
    #[kysera(belongs_to(author = User::ID))]
    pub author_id: i64,
    #[kysera(belongs_to(editor = User::ID))]
    pub editor_id: Option<i64>,
    pub title: String,
    pub note: Option<String>,
    pub views: Option<i64>,
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

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "tags")]
pub struct Tag {
    #[kysera(id, assigned)]
    pub id: i64,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "links")]
pub struct Link {
    #[kysera(id, assigned)]
    pub id: i64,
    pub post_id: i64,
    pub tag_id: i64,
}

const TABLES: Ddl = Ddl {
    postgres: "CREATE TABLE users (id BIGINT PRIMARY KEY, name TEXT NOT NULL, age BIGINT, manager_id BIGINT);
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, editor_id BIGINT, title TEXT NOT NULL,
            note TEXT, views BIGINT);
        CREATE TABLE comments (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, body TEXT NOT NULL);
        CREATE TABLE tags (id BIGINT PRIMARY KEY, label TEXT NOT NULL);
        CREATE TABLE links (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, tag_id BIGINT NOT NULL)",
    mysql: "CREATE TABLE users (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL, age BIGINT, manager_id BIGINT);
        CREATE TABLE posts (id BIGINT PRIMARY KEY, author_id BIGINT NOT NULL, editor_id BIGINT,
            title VARCHAR(20) NOT NULL, note VARCHAR(20), views BIGINT);
        CREATE TABLE comments (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, body VARCHAR(20) NOT NULL);
        CREATE TABLE tags (id BIGINT PRIMARY KEY, label VARCHAR(20) NOT NULL);
        CREATE TABLE links (id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, tag_id BIGINT NOT NULL)",
    sqlite: "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, manager_id INTEGER);
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, editor_id INTEGER,
            title TEXT NOT NULL, note TEXT, views INTEGER);
        CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, body TEXT NOT NULL);
        CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT NOT NULL);
        CREATE TABLE links (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, tag_id INTEGER NOT NULL)",
};

/// All rows.
pub struct World {
    pub users: Vec<User>,
    pub posts: Vec<Post>,
    comments: Vec<Comment>,
    tags: Vec<Tag>,
    links: Vec<Link>,
}

/// Texts that every collation puts into the same order.
const TEXTS: [&str; 5] = ["", "a", "ab", "b", "ba"];

fn text(n: i64) -> String {
    TEXTS[n as usize % 5].into()
}

/// NULLs, ties, rows that lead to nobody, and links that are there twice.
pub async fn world() -> (Fixture<DB>, World) {
    let db = Fixture::<DB>::new(&TABLES).await;
    let source = db.source();
    let users = (1..10).map(|id| NewUser {
        id,
        name: text(id * 3),
        age: (id % 4 != 0).then_some(id % 3),
        manager_id: (id % 3 != 0).then_some(id / 2 + id % 2 * 4),
    });
    let posts = (1..22).map(|id| NewPost {
        id,
        author_id: id * id % 11,
        editor_id: (id % 3 != 1).then_some(id * 5 % 7 + 3),
        title: text(id * 2 + id / 7),
        note: (id % 4 != 2).then(|| text(id / 2)),
        views: (id % 5 != 0).then_some(id % 4 - 1),
    });
    let comments = (1..30).map(|id| NewComment { id, post_id: id * id % 23, body: text(id) });
    let tags = (1..5).map(|id| NewTag { id, label: text(id + 1) });
    let links = (1..28).map(|id| NewLink { id, post_id: id * 7 % 17, tag_id: id * id % 6 });
    let world = World {
        users: User::repo(source).create_many(users).await.unwrap(),
        posts: Post::repo(source).create_many(posts).await.unwrap(),
        comments: Comment::repo(source).create_many(comments).await.unwrap(),
        tags: Tag::repo(source).create_many(tags).await.unwrap(),
        links: Link::repo(source).create_many(links).await.unwrap(),
    };
    (db, world)
}

impl World {
    pub fn user(&self, id: Option<i64>) -> Option<&User> {
        self.users.iter().find(|user| Some(user.id) == id)
    }

    pub fn author(&self, post: &Post) -> Option<&User> {
        self.user(Some(post.author_id))
    }

    pub fn editor(&self, post: &Post) -> Option<&User> {
        self.user(post.editor_id)
    }

    pub fn manager(&self, user: &User) -> Option<&User> {
        self.user(user.manager_id)
    }

    pub fn posts_of(&self, user: &User) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(|post| post.author_id == user.id)
    }

    pub fn edited_by(&self, user: &User) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(|post| post.editor_id == Some(user.id))
    }

    pub fn reports_of(&self, user: &User) -> impl Iterator<Item = &User> {
        self.users.iter().filter(|report| report.manager_id == Some(user.id))
    }

    pub fn comments_on(&self, post: &Post) -> impl Iterator<Item = &Comment> {
        self.comments.iter().filter(|comment| comment.post_id == post.id)
    }

    /// Once for each link.
    pub fn tags_of(&self, post: &Post) -> impl Iterator<Item = &Tag> {
        let links = self.links.iter().filter(|link| link.post_id == post.id);
        links.filter_map(|link| self.tags.iter().find(|tag| tag.id == link.tag_id))
    }
}

/// A filter on posts.
#[derive(Debug, Clone)]
pub enum PostAsk {
    Id(Op, i64),
    Views(Op, Option<i64>),
    Note(Op, Option<&'static str>),
    Columns(Op),
    Computed(i64, Op, i64),
    Contains(&'static str),
    Editors(Vec<Option<i64>>, bool),
    Raw(i64),
    CommentCount(&'static str, Op, i64),
    Comments(&'static str, bool),
    TagCount(Op, i64),
    Tags(&'static str, bool),
    TagsAndComments(Op),
    AuthorAge(Op, Option<i64>),
    EditorName(Op, &'static str),
    Ages(Op),
    AuthorPosts(Op, i64),
    AuthorManager(Op, &'static str),
    Author(Box<UserAsk>, bool),
    Editor(Box<UserAsk>, bool),
    /// Within raw SQL.
    RawAuthorAge(i64),
    Not(Box<PostAsk>),
    And(Box<PostAsk>, Box<PostAsk>),
    Or(Box<PostAsk>, Box<PostAsk>),
}

/// A filter on users.
#[derive(Debug, Clone)]
pub enum UserAsk {
    Id(Op, i64),
    Age(Op, Option<i64>),
    Name(Op, &'static str),
    ManagerAge(Op),
    Manager(Box<UserAsk>, bool),
    Reports(Box<UserAsk>, bool),
    ReportCount(Op, i64),
    Posts(Box<PostAsk>, bool),
    Edited(Box<PostAsk>, bool),
    PostCount(Box<PostAsk>, Op, i64),
    PostsAndEdited(Op),
    Grandmanager(Op, i64),
    Not(Box<UserAsk>),
    And(Box<UserAsk>, Box<UserAsk>),
    Or(Box<UserAsk>, Box<UserAsk>),
}

pub fn op() -> impl Strategy<Value = Op> + Clone {
    prop::sample::select(vec![Op::Eq, Op::Ne, Op::Gt, Op::Ge, Op::Lt, Op::Le])
}

pub fn asks() -> (BoxedStrategy<PostAsk>, BoxedStrategy<UserAsk>) {
    let text = || prop::sample::select(TEXTS.to_vec());
    let age = || prop::option::of(-1_i64..3);
    let few = || 0_i64..4;
    let columns = prop_oneof![
        (op(), 0_i64..23).prop_map(|(op, id)| PostAsk::Id(op, id)),
        (op(), age()).prop_map(|(op, views)| PostAsk::Views(op, views)),
        (op(), prop::option::of(text())).prop_map(|(op, note)| PostAsk::Note(op, note)),
        op().prop_map(PostAsk::Columns),
        (few(), op(), 0_i64..23).prop_map(|(or, op, to)| PostAsk::Computed(or, op, to)),
        text().prop_map(PostAsk::Contains),
        (prop::collection::vec(prop::option::of(3_i64..10), 0..4), any::<bool>())
            .prop_map(|(list, not)| PostAsk::Editors(list, not)),
        (0_i64..23).prop_map(PostAsk::Raw),
    ];
    let relations = prop_oneof![
        (text(), op(), few()).prop_map(|(body, op, n)| PostAsk::CommentCount(body, op, n)),
        (text(), any::<bool>()).prop_map(|(body, none)| PostAsk::Comments(body, none)),
        (op(), few()).prop_map(|(op, n)| PostAsk::TagCount(op, n)),
        (text(), any::<bool>()).prop_map(|(label, none)| PostAsk::Tags(label, none)),
        op().prop_map(PostAsk::TagsAndComments),
        (op(), age()).prop_map(|(op, age)| PostAsk::AuthorAge(op, age)),
        (op(), text()).prop_map(|(op, name)| PostAsk::EditorName(op, name)),
        op().prop_map(PostAsk::Ages),
        (op(), few()).prop_map(|(op, n)| PostAsk::AuthorPosts(op, n)),
        (op(), text()).prop_map(|(op, name)| PostAsk::AuthorManager(op, name)),
        few().prop_map(PostAsk::RawAuthorAge),
    ];
    let mut posts = prop_oneof![columns, relations].boxed();
    let mut users = prop_oneof![
        (op(), 0_i64..11).prop_map(|(op, id)| UserAsk::Id(op, id)),
        (op(), age()).prop_map(|(op, age)| UserAsk::Age(op, age)),
        (op(), text()).prop_map(|(op, name)| UserAsk::Name(op, name)),
        op().prop_map(UserAsk::ManagerAge),
        (op(), few()).prop_map(|(op, n)| UserAsk::ReportCount(op, n)),
        op().prop_map(UserAsk::PostsAndEdited),
        (op(), 0_i64..11).prop_map(|(op, id)| UserAsk::Grandmanager(op, id)),
    ]
    .boxed();
    for _ in 0..3 {
        let (post, user) = (posts, users);
        let none = any::<bool>;
        posts = prop_oneof![
            4 => post.clone(),
            1 => (user.clone(), none()).prop_map(|(ask, none)| PostAsk::Author(ask.into(), none)),
            1 => (user.clone(), none()).prop_map(|(ask, none)| PostAsk::Editor(ask.into(), none)),
            1 => post.clone().prop_map(|ask| PostAsk::Not(ask.into())),
            1 => (post.clone(), post.clone()).prop_map(|(a, b)| PostAsk::And(a.into(), b.into())),
            1 => (post.clone(), post.clone()).prop_map(|(a, b)| PostAsk::Or(a.into(), b.into())),
        ]
        .boxed();
        users = prop_oneof![
            4 => user.clone(),
            1 => (user.clone(), none()).prop_map(|(ask, none)| UserAsk::Manager(ask.into(), none)),
            1 => (user.clone(), none()).prop_map(|(ask, none)| UserAsk::Reports(ask.into(), none)),
            1 => (post.clone(), none()).prop_map(|(ask, none)| UserAsk::Posts(ask.into(), none)),
            1 => (post.clone(), none()).prop_map(|(ask, none)| UserAsk::Edited(ask.into(), none)),
            1 => (post.clone(), op(), 0_i64..4).prop_map(|(ask, op, n)| UserAsk::PostCount(ask.into(), op, n)),
            1 => user.clone().prop_map(|ask| UserAsk::Not(ask.into())),
            1 => (user.clone(), user.clone()).prop_map(|(a, b)| UserAsk::And(a.into(), b.into())),
            1 => (user.clone(), user).prop_map(|(a, b)| UserAsk::Or(a.into(), b.into())),
        ]
        .boxed();
    }
    (posts, users)
}

macro_rules! related {
    ($relation:expr, $filter:expr, $none:expr) => {
        if $none { $relation.none($filter) } else { $relation.any($filter) }
    };
}

impl PostAsk {
    pub fn filter(&self) -> Filter<Post> {
        use PostAsk as A;
        match self {
            A::Id(op, id) => compare!(Post::ID, op, *id),
            A::Views(op, views) => compare!(Post::VIEWS, op, *views),
            A::Note(op, note) => compare!(Post::NOTE, op, note.map(String::from)),
            A::Columns(op) => compare!(Post::AUTHOR_ID, op, Post::EDITOR_ID),
            A::Computed(or, op, to) => compare!(Post::VIEWS.coalesce(*or).plus(Post::ID), op, *to),
            A::Contains(part) => Post::TITLE.contains(*part),
            A::Editors(list, false) => Post::EDITOR_ID.in_(list),
            A::Editors(list, true) => Post::EDITOR_ID.not_in(list),
            A::Raw(than) => Filter::raw("{} + {} > {}", (Post::ID, Post::VIEWS, *than)),
            A::CommentCount(body, op, n) => {
                compare!(Post::COMMENTS.filter(Comment::BODY.starts_with(*body)).count(), op, *n)
            }
            A::Comments(body, none) => related!(Post::COMMENTS, Comment::BODY.eq(*body), *none),
            A::TagCount(op, n) => compare!(Post::TAGS.count(), op, *n),
            A::Tags(label, none) => related!(Post::TAGS, Tag::LABEL.eq(*label), *none),
            A::TagsAndComments(op) => compare!(Post::TAGS.count(), op, Post::COMMENTS.count()),
            A::AuthorAge(op, age) => compare!(Post::AUTHOR.get(User::AGE), op, *age),
            A::EditorName(op, name) => compare!(Post::EDITOR.get(User::NAME), op, *name),
            A::Ages(op) => compare!(Post::AUTHOR.get(User::AGE), op, Post::EDITOR.get(User::AGE)),
            A::AuthorPosts(op, n) => compare!(Post::AUTHOR.get(User::POSTS.count()), op, *n),
            A::AuthorManager(op, name) => {
                compare!(Post::AUTHOR.get(User::MANAGER.get(User::NAME.lower())), op, *name)
            }
            A::Author(ask, none) => related!(Post::AUTHOR, ask.filter(), *none),
            A::Editor(ask, none) => related!(Post::EDITOR, ask.filter(), *none),
            A::RawAuthorAge(than) => {
                Filter::raw("{} >= {}", (Post::AUTHOR.get(User::AGE).into_expr(), *than))
            }
            A::Not(ask) => !ask.filter(),
            A::And(a, b) => a.filter() & b.filter(),
            A::Or(a, b) => a.filter() | b.filter(),
        }
    }

    /// True, false or unknown.
    pub fn holds(&self, post: &Post, w: &World) -> Option<bool> {
        use PostAsk as A;
        let age = |user: Option<&User>| user.and_then(|user| user.age);
        match self {
            A::Id(op, id) => compared(Some(&post.id), *op, Some(id)),
            A::Views(op, views) => compared(post.views.as_ref(), *op, views.as_ref()),
            A::Note(op, note) => compared(post.note.as_deref(), *op, *note),
            A::Columns(op) => terms(Some(post.author_id), *op, post.editor_id),
            A::Computed(or, op, to) => terms(Some(post.views.unwrap_or(*or) + post.id), *op, Some(*to)),
            A::Contains(part) => Some(post.title.contains(part)),
            A::Editors(list, not) => match post.editor_id {
                None if !list.is_empty() && !list.contains(&None) => None,
                editor => Some(list.contains(&editor) != *not),
            },
            A::Raw(than) => post.views.map(|views| post.id + views > *than),
            A::CommentCount(body, op, n) => {
                let count = w.comments_on(post).filter(|comment| comment.body.starts_with(body)).count();
                terms(Some(count as i64), *op, Some(*n))
            }
            A::Comments(body, none) => {
                Some(w.comments_on(post).any(|comment| comment.body == *body) != *none)
            }
            A::TagCount(op, n) => terms(Some(w.tags_of(post).count() as i64), *op, Some(*n)),
            A::Tags(label, none) => Some(w.tags_of(post).any(|tag| tag.label == *label) != *none),
            A::TagsAndComments(op) => {
                terms(Some(w.tags_of(post).count()), *op, Some(w.comments_on(post).count()))
            }
            A::AuthorAge(op, to) => compared(age(w.author(post)).as_ref(), *op, to.as_ref()),
            A::EditorName(op, name) => terms(w.editor(post).map(|user| &*user.name), *op, Some(*name)),
            A::Ages(op) => terms(age(w.author(post)), *op, age(w.editor(post))),
            A::AuthorPosts(op, n) => {
                terms(w.author(post).map(|user| w.posts_of(user).count() as i64), *op, Some(*n))
            }
            A::AuthorManager(op, name) => {
                let manager = w.author(post).and_then(|user| w.manager(user));
                terms(manager.map(|user| &*user.name), *op, Some(*name))
            }
            A::Author(ask, none) => {
                Some(w.author(post).is_some_and(|user| ask.holds(user, w) == Some(true)) != *none)
            }
            A::Editor(ask, none) => {
                Some(w.editor(post).is_some_and(|user| ask.holds(user, w) == Some(true)) != *none)
            }
            A::RawAuthorAge(than) => age(w.author(post)).map(|age| age >= *than),
            A::Not(ask) => ask.holds(post, w).map(|held| !held),
            A::And(a, b) => every([a.holds(post, w), b.holds(post, w)]),
            A::Or(a, b) => some([a.holds(post, w), b.holds(post, w)]),
        }
    }
}

impl UserAsk {
    pub fn filter(&self) -> Filter<User> {
        use UserAsk as A;
        match self {
            A::Id(op, id) => compare!(User::ID, op, *id),
            A::Age(op, age) => compare!(User::AGE, op, *age),
            A::Name(op, name) => compare!(User::NAME, op, *name),
            A::ManagerAge(op) => compare!(User::AGE, op, User::MANAGER.get(User::AGE)),
            A::Manager(ask, none) => related!(User::MANAGER, ask.filter(), *none),
            A::Reports(ask, none) => related!(User::REPORTS, ask.filter(), *none),
            A::ReportCount(op, n) => compare!(User::REPORTS.count(), op, *n),
            A::Posts(ask, none) => related!(User::POSTS, ask.filter(), *none),
            A::Edited(ask, none) => related!(User::EDITED, ask.filter(), *none),
            A::PostCount(ask, op, n) => compare!(User::POSTS.filter(ask.filter()).count(), op, *n),
            A::PostsAndEdited(op) => compare!(User::POSTS.count(), op, User::EDITED.count()),
            A::Grandmanager(op, id) => compare!(User::MANAGER.get(User::MANAGER.get(User::ID)), op, *id),
            A::Not(ask) => !ask.filter(),
            A::And(a, b) => a.filter() & b.filter(),
            A::Or(a, b) => a.filter() | b.filter(),
        }
    }

    /// True, false or unknown.
    pub fn holds(&self, user: &User, w: &World) -> Option<bool> {
        use UserAsk as A;
        let of_user = |ask: &UserAsk, user: &User| ask.holds(user, w) == Some(true);
        let of_post = |ask: &PostAsk, post: &Post| ask.holds(post, w) == Some(true);
        match self {
            A::Id(op, id) => compared(Some(&user.id), *op, Some(id)),
            A::Age(op, age) => compared(user.age.as_ref(), *op, age.as_ref()),
            A::Name(op, name) => compared(Some(&*user.name), *op, Some(*name)),
            A::ManagerAge(op) => terms(user.age, *op, w.manager(user).and_then(|manager| manager.age)),
            A::Manager(ask, none) => Some(w.manager(user).is_some_and(|user| of_user(ask, user)) != *none),
            A::Reports(ask, none) => Some(w.reports_of(user).any(|user| of_user(ask, user)) != *none),
            A::ReportCount(op, n) => terms(Some(w.reports_of(user).count() as i64), *op, Some(*n)),
            A::Posts(ask, none) => Some(w.posts_of(user).any(|post| of_post(ask, post)) != *none),
            A::Edited(ask, none) => Some(w.edited_by(user).any(|post| of_post(ask, post)) != *none),
            A::PostCount(ask, op, n) => {
                let count = w.posts_of(user).filter(|post| of_post(ask, post)).count() as i64;
                terms(Some(count), *op, Some(*n))
            }
            A::PostsAndEdited(op) => {
                terms(Some(w.posts_of(user).count()), *op, Some(w.edited_by(user).count()))
            }
            A::Grandmanager(op, id) => {
                let grand = w.manager(user).and_then(|user| w.manager(user)).map(|user| user.id);
                terms(grand, *op, Some(*id))
            }
            A::Not(ask) => ask.holds(user, w).map(|held| !held),
            A::And(a, b) => every([a.holds(user, w), b.holds(user, w)]),
            A::Or(a, b) => some([a.holds(user, w), b.holds(user, w)]),
        }
    }
}
