use kysera::prelude::*;

#[derive(Repository)]
struct User {
    #[kysera(id)]
    id: i64,
    tags: Vec<String>,
}

#[derive(Projection)]
#[kysera(of = User)]
struct Card {
    tags: Vec<String>,
}

async fn cards<S: Source<Database = Sqlite>>(find: kysera::query::Find<'_, User, S>) -> kysera::Result<Vec<Card>> {
    find.select_as::<Card>().all().await
}

fn main() {}
