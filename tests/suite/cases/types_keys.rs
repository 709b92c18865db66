//! Keys that are not integers, and keys of several columns.

use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};
use sqlx::types::Uuid;

use crate::DB;

#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Code(String);

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "files")]
pub(crate) struct File {
    #[kysera(id, assigned)]
    id: Uuid,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "countries")]
pub(crate) struct Country {
    #[kysera(id, assigned)]
    code: Code,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "seats")]
pub(crate) struct Seat {
    #[kysera(id, assigned)]
    room: Code,
    #[kysera(id, assigned)]
    number: i32,
    name: String,
}

const TABLES: Ddl = Ddl {
    postgres: "CREATE TABLE files (id UUID PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE seats (room TEXT, number INTEGER, name TEXT NOT NULL, PRIMARY KEY (room, number))",
    mysql: "CREATE TABLE files (id BINARY(16) PRIMARY KEY, name VARCHAR(50) NOT NULL);
        CREATE TABLE countries (code VARCHAR(50) PRIMARY KEY, name VARCHAR(50) NOT NULL);
        CREATE TABLE seats (room VARCHAR(50), number INTEGER, name VARCHAR(50) NOT NULL, PRIMARY KEY (room, number))",
    sqlite: "CREATE TABLE files (id BLOB PRIMARY KEY NOT NULL, name TEXT NOT NULL);
        CREATE TABLE countries (code TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL);
        CREATE TABLE seats (room TEXT, number INTEGER, name TEXT NOT NULL, PRIMARY KEY (room, number))",
};

/// Every operation that takes a key, with one of this type.
macro_rules! through_every_operation {
    ($repo:expr, $keys:expr, $new:expr, $patch:expr, $conflict:expr) => {{
        let (repo, new, patch, conflict) = ($repo, $new, $patch, $conflict);
        let [a, b, c] = $keys;
        let created = repo.create_many([new(&b, "b"), new(&a, "a")]).await.unwrap();
        assert_eq!(created.iter().map(Entity::id).collect::<Vec<_>>(), [b.clone(), a.clone()]);
        assert_eq!(repo.create(new(&c, "c")).await.unwrap().id(), c);
        assert_eq!(repo.get(a.clone()).await.unwrap().name, "a");
        assert!(repo.exists(b.clone()).await.unwrap());
        let rows = repo.find_by_ids([c.clone(), a.clone(), c.clone()]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["c", "a"]);
        assert_eq!(repo.update(b.clone(), patch("b1")).await.unwrap().name, "b1");
        let rows = repo.update_many([(c.clone(), patch("c2")), (a.clone(), patch("a2"))]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["c2", "a2"]);
        assert_eq!(rows.iter().map(Entity::id).collect::<Vec<_>>(), [c.clone(), a.clone()]);
        assert_eq!(repo.upsert(new(&b, "b3"), conflict).await.unwrap().name, "b3");
        let rows = repo.upsert_many([new(&c, "c4"), new(&b, "b4")], conflict).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["c4", "b4"]);
        assert!(repo.delete(a.clone()).await.unwrap());
        assert!(!repo.delete(a.clone()).await.unwrap());
        assert_eq!(repo.delete_many([a, b, c]).await.unwrap(), 2);
        assert_eq!(repo.count().await.unwrap(), 0);
    }};
}

#[tokio::test]
async fn a_uuid_is_a_key() {
    let db = Fixture::<DB>::new(&TABLES).await;
    let new = |id: &Uuid, name: &str| NewFile { id: *id, name: name.into() };
    let keys = [Uuid::from_u128(1 << 120), Uuid::nil(), Uuid::max()];
    let patch = |name: &str| FilePatch::new().name(name);
    through_every_operation!(File::repo(db.source()), keys, new, patch, File::ID);
}

#[tokio::test]
async fn a_newtype_is_a_key() {
    let db = Fixture::<DB>::new(&TABLES).await;
    let new = |code: &Code, name: &str| NewCountry { code: code.clone(), name: name.into() };
    let keys = ["de", "ä'\"", "zz"].map(|code| Code(code.into()));
    let patch = |name: &str| CountryPatch::new().name(name);
    through_every_operation!(Country::repo(db.source()), keys, new, patch, Country::CODE);
}

#[tokio::test]
async fn two_columns_are_a_key() {
    let db = Fixture::<DB>::new(&TABLES).await;
    let new = |(room, number): &(Code, i32), name: &str| NewSeat {
        room: room.clone(),
        number: *number,
        name: name.into(),
    };
    let keys = [("x", 2), ("y", 1), ("x", 1)].map(|(room, number)| (Code(room.into()), number));
    let patch = |name: &str| SeatPatch::new().name(name);
    through_every_operation!(Seat::repo(db.source()), keys, new, patch, (Seat::ROOM, Seat::NUMBER));
}
