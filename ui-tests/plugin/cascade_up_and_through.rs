use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(tags = Tag::ID, through(PostTag::POST_ID, PostTag::TAG_ID)))]
#[kysera::plugin(soft_delete(cascade = [Post::AUTHOR, Post::TAGS]))]
struct Post {
    #[kysera(id)]
    id: i64,
    #[kysera(belongs_to(author = User::ID))]
    author_id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct User {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

#[derive(Repository)]
#[kysera::plugin(soft_delete)]
struct Tag {
    #[kysera(id)]
    id: i64,
    deleted: bool,
}

#[derive(Repository)]
struct PostTag {
    #[kysera(id)]
    post_id: i64,
    #[kysera(id)]
    tag_id: i64,
}

fn main() {}
