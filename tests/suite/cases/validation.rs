//! Rules: checked before any SQL runs.

use std::sync::atomic::{AtomicUsize, Ordering};

use kysera::error::{FieldError, Invalid};
use kysera::{Error, ErrorCode, Repository, Validate};
use kysera_tests::{Ddl, Fixture};
use serde::{Deserialize, Serialize};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::types::Json;
use sqlx::{Database, Decode, Encode, Type};

use crate::DB;

/// Stored as JSON, with rules of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, garde::Validate, validator::Validate)]
pub struct Address {
    #[garde(length(min = 2))]
    #[validate(length(min = 2))]
    pub street: String,
    #[garde(skip)]
    pub city: String,
}

impl<D: Database> Type<D> for Address
where
    Json<Self>: Type<D>,
{
    fn type_info() -> D::TypeInfo {
        Json::<Self>::type_info()
    }

    fn compatible(ty: &D::TypeInfo) -> bool {
        Json::<Self>::compatible(ty)
    }
}

impl<'q, D: Database> Encode<'q, D> for Address
where
    Json<Self>: Encode<'q, D>,
{
    fn encode_by_ref(&self, buf: &mut D::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Json(self.clone()).encode(buf)
    }
}

impl<'r, D: Database> Decode<'r, D> for Address
where
    Json<Self>: Decode<'r, D>,
{
    fn decode(value: D::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Json::decode(value).map(|Json(address)| address)
    }
}

fn address(street: &str) -> Address {
    Address { street: street.into(), city: "x".into() }
}

const PEOPLE: Ddl = Ddl {
    postgres: "CREATE TABLE people (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        bio TEXT, level INT NOT NULL DEFAULT 1, address JSONB)",
    mysql: "CREATE TABLE people (
        id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE, name VARCHAR(100) NOT NULL,
        bio TEXT, level INT NOT NULL DEFAULT 1, address JSON)",
    sqlite: "CREATE TABLE people (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        bio TEXT, level INTEGER NOT NULL DEFAULT 1, address TEXT)",
};

/// The same rules for each of the crates.
macro_rules! rules {
    ($module:ident, $rule:ident, $nested:ident) => {
        mod $module {
            use super::*;

            // What validator generates for `nested` calls a method of it.
            #[allow(unused_imports)]
            use ::validator::Validate as _;

            #[derive(Debug, Clone, PartialEq, Repository)]
            #[kysera(table = "people")]
            pub struct Person {
                #[kysera(id)]
                pub id: i64,
                #[kysera(unique)]
                #[$rule(email)]
                pub email: String,
                #[$rule(length(min = 2, max = 20))]
                pub name: String,
                #[$rule(length(max = 5))]
                pub bio: Option<String>,
                #[kysera(default)]
                #[$rule(range(min = 1, max = 9))]
                pub level: i32,
                #[$rule($nested)]
                pub address: Option<Address>,
            }

            fn person(n: usize) -> NewPerson {
                NewPerson {
                    email: format!("p{n}@x.org"),
                    name: format!("person {n}"),
                    bio: None,
                    level: None,
                    address: None,
                }
            }

            /// The position at the front of a path, if the call had several rows.
            fn row(path: &str) -> Option<usize> {
                path.strip_prefix('[')?.split(']').next()?.parse().ok()
            }

            /// The paths of an error that came before any SQL.
            fn paths<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
                let error = result.unwrap_err();
                assert_eq!(error.code(), ErrorCode::InvalidInput);
                let text = format!("{error} {error:?}");
                assert!(!text.contains("secret"), "{text}");
                let Error::Invalid(invalid) = error else { panic!("{error:?}") };
                assert_eq!(invalid.entity, Some("Person"));
                assert!(invalid.errors.is_sorted_by_key(|error| (row(&error.path), error.path.clone())));
                invalid.errors.into_iter().map(|error| error.path).collect()
            }

            #[tokio::test]
            async fn what_keeps_the_rules_is_stored() {
                let db = Fixture::<DB>::new(&PEOPLE).await;
                let people = Person::repo(db.source());
                let new = NewPerson {
                    bio: Some("12345".into()),
                    level: Some(9),
                    address: Some(address("abc")),
                    ..person(1)
                };
                let made = people.create(new).await.unwrap();
                assert_eq!((made.level, made.address.clone()), (9, Some(address("abc"))));
                // Absent and NULL break no rule; `level` is left to the database.
                let made = people.create(person(2)).await.unwrap();
                assert_eq!((made.level, made.bio.clone()), (1, None));
                let patch = PersonPatch::new().name("someone else").bio(None).level(2).address(None);
                assert_eq!(people.update(made.id, patch).await.unwrap().level, 2);
            }

            #[tokio::test]
            async fn what_breaks_a_rule_never_reaches_the_database() {
                let db = Fixture::<DB>::new(&PEOPLE).await;
                let people = Person::repo(db.source());
                // The fixture has one connection: with that taken, a statement would fail otherwise.
                let held = db.connection().await;
                let bad = NewPerson {
                    email: "secret".into(),
                    name: "s".into(),
                    bio: Some("secret bio".into()),
                    level: Some(0),
                    ..person(1)
                };
                let all = ["bio", "email", "level", "name"];
                assert_eq!(paths(people.create(bad.clone()).await), all);
                assert_eq!(paths(people.upsert(bad.clone(), Person::EMAIL).await), all);
                let rows = [person(0), bad.clone(), person(2)];
                assert_eq!(
                    paths(people.upsert_many(rows, Person::EMAIL).await),
                    all.map(|path| format!("[1].{path}"))
                );

                let patch = || PersonPatch::new().email("secret").level(10);
                assert_eq!(paths(people.update(1, patch()).await), ["email", "level"]);
                assert_eq!(paths(people.find().update(patch()).await), ["email", "level"]);
                let rows = [(1, PersonPatch::new().name("fine")), (2, PersonPatch::new()), (3, patch())];
                assert_eq!(paths(people.update_many(rows).await), ["[2].email", "[2].level"]);
                drop(held);
                assert_eq!(people.count().await.unwrap(), 0);
            }

            #[tokio::test]
            async fn all_rows_are_checked_before_the_first_is_stored() {
                let db = Fixture::<DB>::new(&PEOPLE).await;
                let people = Person::repo(db.source());
                let held = db.connection().await;
                let mut rows: Vec<NewPerson> = (0..12).map(person).collect();
                rows[3].email = "secret".into();
                rows[11].name = String::new();
                rows[11].bio = Some("secret bio".into());
                assert_eq!(paths(people.create_many(rows).await), ["[3].email", "[11].bio", "[11].name"]);
                drop(held);
                assert_eq!(people.count().await.unwrap(), 0);
            }

            #[tokio::test]
            async fn a_row_of_a_later_batch_that_breaks_a_rule_undoes_the_batches_before_it() {
                let db = Fixture::<DB>::new(&PEOPLE).await;
                let people = Person::repo(db.source());
                let rows = (0..10_000).map(|n| NewPerson { level: (n == 9_876).then_some(0), ..person(n) });
                assert_eq!(paths(people.insert_many(rows).await), ["[9876].level"]);
                assert_eq!(people.count().await.unwrap(), 0);
            }

            #[tokio::test]
            async fn the_path_of_a_nested_rule_leads_to_it() {
                let db = Fixture::<DB>::new(&PEOPLE).await;
                let people = Person::repo(db.source());
                let new = |street: &str| NewPerson { address: Some(address(street)), ..person(1) };
                assert_eq!(paths(people.create(new("s")).await), ["address.street"]);
                assert_eq!(paths(people.create_many([person(0), new("s")]).await), ["[1].address.street"]);
                let made = people.create(new("street")).await.unwrap();
                let patch = PersonPatch::new().address(address("s"));
                assert_eq!(paths(people.update(made.id, patch).await), ["address.street"]);
            }
        }
    };
}

rules!(with_garde, garde, dive);
rules!(with_validator, validate, nested);

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "people", validate)]
pub struct Pair {
    #[kysera(id)]
    pub id: i64,
    pub email: String,
    pub name: String,
}

static CHECKED: AtomicUsize = AtomicUsize::new(0);

/// A rule over two fields.
impl Validate for NewPair {
    fn validate(&self) -> Result<(), Invalid> {
        CHECKED.fetch_add(1, Ordering::SeqCst);
        if self.email.starts_with(&self.name) {
            return Ok(());
        }
        let errors = ["name", "email"].map(|path| FieldError::new(path, "must fit the other").code("pair"));
        Err(Invalid::new(errors))
    }
}

impl Validate for PairPatch {
    fn validate(&self) -> Result<(), Invalid> {
        match &self.name {
            Some(name) if name.is_empty() => Err(Invalid::field("name", "must not be empty")),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn rules_written_by_hand_are_checked() {
    let db = Fixture::<DB>::new(&PEOPLE).await;
    let pairs = Pair::repo(db.source());
    let pair = |email: &str, name: &str| NewPair { email: email.into(), name: name.into() };
    let ada = pairs.create(pair("ada@x", "ada")).await.unwrap();
    let error = pairs.create_many([pair("eve@x", "eve"), pair("bob@x", "rob")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Pair is not valid: [1].email: must fit the other; [1].name: must fit the other"
    );
    let Error::Invalid(invalid) = &error else { panic!("{error:?}") };
    assert_eq!(invalid.errors[0].code.as_deref(), Some("pair"));
    let error = pairs.update(ada.id, PairPatch::new().name("")).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    assert_eq!(pairs.find_all().await.unwrap(), [ada]);
    assert_eq!(CHECKED.load(Ordering::SeqCst), 3, "each row once");
}
