pub mod users {
    #[derive(Clone, Debug, PartialEq, Eq, Hash, sqlx::Type)]
    #[sqlx(transparent)]
    struct UserId(i64);

    #[derive(kysera::Repository)]
    pub struct User {
        #[kysera(id)]
        id: UserId,
    }
}

fn main() {}
