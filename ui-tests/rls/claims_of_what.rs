use kysera::Claims;

#[derive(Claims)]
enum Role {
    Admin,
}

#[derive(Claims)]
struct Pair(i64, i64);

#[derive(Claims)]
struct Nobody;

#[derive(Claims)]
union Either {
    id: i64,
}

#[derive(Claims)]
struct Generic<T> {
    id: T,
}

#[derive(Claims)]
struct Borrowed<'a> {
    name: &'a str,
}

fn is_context<C: Claims>() {}

fn main() {
    is_context::<Role>();
    is_context::<Pair>();
    is_context::<Nobody>();
}
