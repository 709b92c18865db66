//! `soft_delete` that cascades: to others, to itself, with databases in general and chosen ones.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Debug, Repository)]
#[kysera(columns = UserColumns, has_many(posts = Post::USER_ID), has_many(drafts = Post::EDITOR_ID))]
#[kysera(has_one(profile = inner::Profile::USER_ID))]
#[kysera::plugin(soft_delete(cascade = [UserColumns::POSTS, UserColumns::DRAFTS, UserColumns::PROFILE]))]
struct User {
    #[kysera(id)]
    id: i64,
    deleted_at: Option<i64>,
}

#[derive(Debug, Repository)]
#[kysera(has_many(comments = Comment::POST_ID))]
#[kysera::plugin(soft_delete(cascade = [Self::COMMENTS]))]
struct Post {
    #[kysera(id)]
    id: i64,
    user_id: i64,
    editor_id: Option<i64>,
    deleted_at: Option<i64>,
}

#[derive(Debug, Repository)]
#[kysera(has_many(replies = Comment::PARENT_ID))]
#[kysera::plugin(soft_delete(cascade = [crate::Comment::REPLIES]))]
struct Comment {
    #[kysera(id)]
    id: i64,
    post_id: i64,
    parent_id: Option<i64>,
    deleted_at: Option<i64>,
}

mod inner {
    use super::*;

    #[derive(Debug, Repository)]
    #[kysera(backend(Sqlite), has_many(profiles = Self::USER_ID), has_many(circle = Back::USER_ID, key = user_id))]
    #[kysera::plugin(soft_delete(cascade = [Profile::PROFILES, Profile::CIRCLE]))]
    pub struct Profile {
        #[kysera(id)]
        pub id: i64,
        pub user_id: i64,
        pub deleted_at: Option<i64>,
    }

    #[derive(Debug, Repository)]
    #[kysera(has_many(circle = Profile::USER_ID, key = user_id))]
    #[kysera::plugin(soft_delete(cascade = [Back::CIRCLE]))]
    pub struct Back {
        #[kysera(id)]
        pub id: i64,
        pub user_id: i64,
        pub deleted_at: Option<i64>,
    }
}

fn lives<E: kysera::entity::On<Sqlite>>() {}

fn main() {
    lives::<User>();
    lives::<Comment>();
    lives::<inner::Back>();
}
