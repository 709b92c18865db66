#[kysera::plugin()]
struct User {
    id: i64,
}

fn main() {}
