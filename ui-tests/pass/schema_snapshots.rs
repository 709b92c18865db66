//! Structs that fit their tables.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use kysera::prelude::*;

#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(type_name = "role", rename_all = "lowercase")]
enum Role {
    User,
    Admin,
}

#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(transparent)]
struct Place(String);

#[derive(Repository)]
#[kysera(table = "users", schema_file = "schema/postgres.json")]
struct User {
    #[kysera(id)]
    id: i64,
    #[kysera(unique = "users_email_key")]
    email: Box<str>,
    name: String,
    bio: Option<String>,
    age: Option<i32>,
    #[kysera(default)]
    role: Role,
}

#[derive(Repository)]
#[kysera(table = "kinds", schema_file = "schema/postgres.json")]
struct Kinds {
    #[kysera(id, assigned)]
    id: i64,
    small: i16,
    number: i32,
    big: i64,
    real: f32,
    flag: bool,
    bytes: Vec<u8>,
    day: NaiveDate,
    moment: DateTime<Utc>,
    local: NaiveDateTime,
    document: sqlx::types::Json<Vec<i32>>,
    tags: Vec<String>,
    maybe: Option<Vec<i64>>,
    role: Role,
    place: Place,
}

#[derive(Repository)]
#[kysera(table = "always", schema_file = "schema/postgres.json")]
struct Always {
    #[kysera(id)]
    id: i64,
    net: i32,
    #[kysera(read_only)]
    gross: i32,
}

#[derive(Repository)]
#[kysera(table = "members", schema_file = "schema/postgres.json", unique(nick, org))]
struct Member {
    #[kysera(id)]
    person: i64,
    #[kysera(id)]
    org: i64,
    nick: Option<String>,
}

/// A view has no keys, and nobody knows what of it may be NULL.
#[derive(Repository)]
#[kysera(table = "totals", schema_file = "schema/postgres.json")]
struct Total {
    #[kysera(id)]
    id: i64,
    total: Option<i64>,
}

/// Read only: an `Option` does no harm.
#[derive(Repository)]
#[kysera(table = "codes", schema_file = "schema/postgres.json", partial)]
struct Code {
    #[kysera(id, assigned)]
    code: String,
    #[kysera(read_only)]
    label: Option<String>,
}

#[derive(Repository)]
#[kysera(table = "kinds", schema_file = "schema/mysql.json", partial)]
struct Mine {
    #[kysera(id)]
    id: i64,
    flag: bool,
    count: u32,
    role: String,
    moment: DateTime<Utc>,
    #[kysera(unique)]
    label: Option<String>,
}

#[derive(Repository)]
#[kysera(table = "KINDS", schema_file = "schema/sqlite.json")]
struct Small {
    #[kysera(id)]
    id: i64,
    number: u16,
    #[kysera(rename = "LABEL", unique = "some_name")]
    label: String,
    real: f64,
    bytes: Vec<u8>,
    moment: Option<NaiveDateTime>,
}

/// There is no such table anywhere.
#[derive(Repository)]
#[kysera(table = "nowhere", schema_file = off)]
struct Nowhere {
    #[kysera(id)]
    id: i64,
}

impl<S: Source<Database = Postgres>> MemberRepository<S> {
    /// It is this one that is called.
    async fn find_by_org_and_nick(&self, _: i64, _: &str) -> Option<u8> {
        None
    }
}

async fn found(db: &Db<Postgres>) -> kysera::Result<()> {
    let _: Option<User> = User::repo(db).find_by_email(Box::<str>::from("ada@example.org")).await?;
    let _: Option<u8> = Member::repo(db).find_by_org_and_nick(1, "ada").await;
    let _: Option<Member> = MemberFinders::find_by_org_and_nick(&Member::repo(db), 1, Some("ada".to_owned())).await?;
    Ok(())
}

fn told(error: &kysera::Error) -> Option<&'static str> {
    match error.violated::<UserConstraint>()? {
        UserConstraint::PrimaryKey => None,
        UserConstraint::EmailKey => UserConstraint::EmailKey.name(),
        UserConstraint::AgeCheck => Some("too young"),
    }
}

fn main() {
    assert_eq!(UserConstraint::EmailKey.columns(), ["email"]);
    assert_eq!(SmallConstraint::LabelKey.name(), None);
    assert_eq!(MineConstraint::ALL, [MineConstraint::PrimaryKey, MineConstraint::Label]);
    let _ = (found, told);
}
