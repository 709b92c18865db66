//! Newtypes, enums, `Self`, aliases, paths, databases of one's own choice.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct OrgId(i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
pub enum Mood {
    Glad,
    Sad,
}

type Maybe<T> = Option<T>;

#[derive(Debug, Clone, PartialEq, Repository)]
pub struct Org {
    #[kysera(id, assigned)]
    pub id: OrgId,
    pub mood: Mood,
    pub other: Option<Mood>,
    pub alias: Maybe<String>,
    pub bytes: Vec<u8>,
    pub path: std::string::String,
}

/// Arrays live on PostgreSQL alone.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(backend(Postgres))]
pub struct Tagged {
    #[kysera(id)]
    pub id: i64,
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(backend(Postgres, Sqlite))]
pub struct Both {
    #[kysera(id)]
    pub id: i64,
    pub name: String,
}

/// Without `backend(..)`, and yet for PostgreSQL alone.
#[derive(Debug, Clone, PartialEq, Repository)]
pub struct Quiet {
    #[kysera(id)]
    pub id: i64,
    pub tags: Vec<String>,
}

/// A type that depends on the entity.
pub trait Keyed {
    type Key;
}

impl Keyed for Node {
    type Key = i64;
}

type KeyOf<T> = <T as Keyed>::Key;

#[derive(Debug, Clone, Repository)]
pub struct Node {
    #[kysera(id)]
    pub id: KeyOf<Self>,
    pub parent: Option<<Self as Keyed>::Key>,
}

/// Entities with the names of generic parameters.
#[derive(Debug, Clone, Repository)]
pub struct S {
    #[kysera(id)]
    pub id: i64,
}

#[derive(Debug, Clone, Repository)]
pub struct DB {
    #[kysera(id)]
    pub id: i64,
    pub c: C,
}

#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(transparent)]
pub struct C(String);

fn on<DB: kysera::Backend, E: kysera::entity::On<DB>>() {}

fn main() {
    on::<Postgres, Org>();
    on::<Sqlite, Org>();
    on::<Postgres, Tagged>();
    on::<Postgres, Both>();
    on::<Sqlite, Both>();
    on::<Postgres, Quiet>();
    on::<Postgres, Node>();
    on::<Sqlite, S>();
    on::<Sqlite, DB>();
    let _ = Org::MOOD.eq(Mood::Glad) & Org::ID.eq(OrgId(1)) & Org::ALIAS.is_null() & Org::OTHER.eq(Mood::Sad);
    let _ = NodePatch::new().parent(1);
    let _ = NewNode { parent: Some(1) };
}
