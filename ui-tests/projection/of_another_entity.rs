use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    name: String,
    bio: Option<String>,
    age: i32,
}

#[derive(Repository)]
struct Post {
    #[kysera(id)]
    id: i64,
    title: String,
}

#[derive(Projection)]
#[kysera(of = User)]
struct Card {
    id: i64,
    #[kysera(from = Post::TITLE)]
    title: String,
}

async fn cards(posts: PostRepository<Db<Sqlite>>) -> kysera::Result<Vec<Card>> {
    posts.find().select_as::<Card>().all().await
}

fn main() {}
