use kysera::prelude::*;

#[derive(Repository)]
#[kysera(has_many(posts = Post::AUTHOR, thruogh(Link::A, Link::B)))]
#[kysera(has_mny(posts = Post::AUTHOR))]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(belong_to(boss = User::ID))]
    boss_id: i64,
    #[kysera(has_one(boss = User::ID))]
    other_id: i64,
}

fn main() {}
