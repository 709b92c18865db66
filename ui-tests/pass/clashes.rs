//! The ways out where names would clash.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Debug, Repository)]
#[kysera(columns = UserColumns)]
pub struct User {
    #[kysera(id)]
    pub id: i64,
    pub email: String,
}

impl User {
    pub const EMAIL: &str = "mine";
}

/// Methods of one's own beside the generated ones.
impl<S: Source<Database = Sqlite>> UserRepository<S> {
    pub fn mine(&self) -> &S {
        self.source()
    }
}

#[derive(Debug, Repository)]
pub struct Case {
    #[kysera(id)]
    pub id: i64,
    pub a_b: String,
    #[kysera(rename = "A_b")]
    pub other: String,
}

/// Rules by hand.
#[derive(Debug, Repository)]
#[kysera(validate)]
pub struct Ruled {
    #[kysera(id)]
    pub id: i64,
    pub name: String,
}

impl Validate for NewRuled {
    fn validate(&self) -> Result<(), Invalid> {
        if self.name.is_empty() { Err(Invalid::field("name", "must not be empty")) } else { Ok(()) }
    }
}

impl Validate for RuledPatch {}

/// Derives that are there in any case are no mistake.
#[derive(Debug, Repository)]
#[kysera(new(derive(Clone, Debug, PartialEq)), patch(derive(std::clone::Clone, Default, PartialEq, Eq)))]
pub struct Derived {
    #[kysera(id)]
    pub id: i64,
    pub name: String,
}

fn main() {
    let _ = (UserColumns::EMAIL.eq(User::EMAIL), UserColumns::ID.asc(), Case::A_B.desc(), Case::OTHER.asc());
    assert!(Validate::validate(&NewRuled { name: String::new() }).is_err());
    assert_eq!(DerivedPatch::new(), DerivedPatch::default());
}
