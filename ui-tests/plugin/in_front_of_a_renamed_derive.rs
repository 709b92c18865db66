use kysera::Repository as Entity;

#[kysera::plugin(audit)]
#[derive(Entity)]
struct User {
    #[kysera(id)]
    id: i64,
}

fn main() {}
