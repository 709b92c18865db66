//! Rules of garde, forwarded to what makes and what changes a row.
#![cfg(all(feature = "sqlite", feature = "garde"))]
#![allow(missing_docs)]

use kysera::error::FieldError;
use kysera::prelude::*;

#[derive(Debug, Clone, PartialEq, garde::Validate, Repository)]
#[garde(allow_unvalidated)]
#[kysera(table = "accounts")]
pub struct Account {
    #[kysera(id)]
    #[garde(skip)]
    pub id: i64,
    #[garde(email)]
    pub email: String,
    #[garde(length(min = 2), custom(lower_case))]
    pub name: String,
    #[garde(matches(name))]
    pub again: String,
    #[garde(length(min = 3), custom(no_x))]
    pub bio: Option<String>,
    #[garde(required, ascii)]
    pub nick: Option<String>,
    #[kysera(default)]
    #[garde(range(min = 1, max = 3), custom(|level: &i32, _: &()| if *level == 2 { Err(garde::Error::new("not two")) } else { Ok(()) }))]
    pub level: i32,
    #[garde(length(min = 2))]
    pub r#type: String,
    #[kysera(read_only)]
    #[garde(range(min = 1))]
    pub visits: i64,
}

fn lower_case(value: &str, _: &()) -> garde::Result {
    if value == value.to_lowercase() { Ok(()) } else { Err(garde::Error::new("must be in lower case")) }
}

fn no_x(value: &Option<String>, _: &()) -> garde::Result {
    match value {
        Some(value) if value.contains('x') => Err(garde::Error::new("no x")),
        _ => Ok(()),
    }
}

fn valid() -> NewAccount {
    NewAccount {
        email: "a@b.org".into(),
        name: "ada".into(),
        again: "ada".into(),
        bio: None,
        nick: Some("a".into()),
        level: None,
        r#type: "ab".into(),
    }
}

fn paths(result: Result<(), Invalid>) -> Vec<String> {
    result
        .err()
        .map(|invalid| invalid.errors.into_iter().map(|error| error.path).collect())
        .unwrap_or_default()
}

#[test]
fn rows_to_make() {
    assert_eq!(Validate::validate(&valid()), Ok(()));
    let new = NewAccount {
        email: "nowhere".into(),
        name: "ADA".into(),
        again: "eve".into(),
        bio: Some("xx".into()),
        nick: None,
        level: Some(2),
        r#type: String::new(),
    };
    let invalid = Validate::validate(&new).unwrap_err();
    assert_eq!(
        paths(Err(invalid.clone())),
        ["again", "bio", "bio", "email", "level", "name", "nick", "type"]
    );
    assert!(invalid.errors.contains(&FieldError::new("name", "must be in lower case")));
    assert!(invalid.errors.is_sorted());
}

#[test]
fn patches() {
    // What is absent breaks no rule.
    assert_eq!(Validate::validate(&AccountPatch::new()), Ok(()));
    assert_eq!(Validate::validate(&AccountPatch::new().name("eve").bio(None).level(3).nick("b")), Ok(()));
    let patch = AccountPatch::new().email("x").name("A").bio("x").level(2).nick(None).r#type("t");
    assert_eq!(
        paths(Validate::validate(&patch)),
        ["bio", "bio", "email", "level", "name", "name", "nick", "type"]
    );
    // `matches` has nothing to compare with where only one of the two changes.
    assert_eq!(Validate::validate(&AccountPatch::new().again("other")), Ok(()));
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Limits;

#[derive(Debug, Clone, Repository)]
#[garde(context(Limits as ctx))]
pub struct Limited {
    #[kysera(id)]
    pub id: i64,
    #[garde(custom(short(*ctx)))]
    pub text: String,
}

fn short(_: Limits) -> impl FnOnce(&String, &Limits) -> garde::Result {
    |text, _| if text.len() < 3 { Ok(()) } else { Err(garde::Error::new("too long")) }
}

#[test]
fn contexts_are_made_by_default() {
    assert_eq!(Validate::validate(&NewLimited { text: "a".into() }), Ok(()));
    assert_eq!(paths(Validate::validate(&LimitedPatch::new().text("abcd"))), ["text"]);
}

#[derive(Debug, Clone, PartialEq, Eq, garde::Validate, sqlx::Type)]
#[sqlx(transparent)]
pub struct Street(#[garde(length(min = 3))] String);

#[derive(Debug, Clone, Repository)]
pub struct Address {
    #[kysera(id)]
    pub id: i64,
    #[garde(dive)]
    pub street: Street,
    #[garde(dive)]
    pub other: Option<Street>,
}

#[test]
fn nested_rules() {
    let short = Street("x".into());
    let new = NewAddress { street: short.clone(), other: Some(short.clone()) };
    assert_eq!(paths(Validate::validate(&new)), ["other[0]", "street[0]"]);
    let patch = AddressPatch::new().street(short.clone()).other(short);
    assert_eq!(paths(Validate::validate(&patch)), ["other[0]", "street[0]"]);
}
