//! Rules of validator, forwarded to what makes and what changes a row.
#![cfg(all(feature = "sqlite", feature = "validator"))]
#![allow(missing_docs)]

use kysera::error::FieldError;
use kysera::prelude::*;
use validator::ValidationError;

#[derive(Debug, Clone, PartialEq, validator::Validate, Repository)]
#[kysera(table = "accounts")]
pub struct Account {
    #[kysera(id)]
    pub id: i64,
    #[validate(email)]
    pub email: String,
    #[validate(length(min = 2), custom(function = "lower_case", message = "must be in lower case"))]
    pub name: String,
    #[validate(must_match(other = "name"))]
    pub again: String,
    #[validate(length(min = 3), custom(function = "lower_case"))]
    pub bio: Option<String>,
    #[validate(required)]
    pub nick: Option<String>,
    #[kysera(default)]
    #[validate(range(min = 1, max = 3), custom(function = "not_two"))]
    pub level: i32,
    #[validate(range(min = 1, max = 3))]
    pub rank: Option<i64>,
}

fn lower_case(value: &str) -> Result<(), ValidationError> {
    if value == value.to_lowercase() { Ok(()) } else { Err(ValidationError::new("lower_case")) }
}

fn not_two(value: i32) -> Result<(), ValidationError> {
    if value == 2 { Err(ValidationError::new("not_two")) } else { Ok(()) }
}

fn found(result: Result<(), Invalid>) -> Vec<(String, String)> {
    let errors = result.err().map(|invalid| invalid.errors).unwrap_or_default();
    errors.into_iter().map(|error| (error.path, error.code.unwrap_or_default())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(path, code)| (path.to_string(), code.to_string())).collect()
}

#[test]
fn rows_to_make() {
    let new = NewAccount {
        email: "secret".into(),
        name: "A".into(),
        again: "eve".into(),
        bio: Some("XX".into()),
        nick: None,
        level: Some(2),
        rank: Some(9),
    };
    let invalid = Validate::validate(&new).unwrap_err();
    assert_eq!(
        found(Err(invalid.clone())),
        pairs(&[
            ("again", "must_match"),
            ("bio", "length"),
            ("bio", "lower_case"),
            ("email", "email"),
            ("level", "not_two"),
            ("name", "length"),
            ("name", "lower_case"),
            ("nick", "required"),
            ("rank", "range"),
        ])
    );
    assert!(invalid.errors.contains(&FieldError::new("name", "must be in lower case").code("lower_case")));
    // validator's own texts have the value in them.
    assert!(!invalid.to_string().contains("secret"), "{invalid}");
    let new = NewAccount {
        email: "a@b.org".into(),
        name: "ada".into(),
        again: "ada".into(),
        bio: None,
        nick: Some("a".into()),
        level: None,
        rank: None,
    };
    assert_eq!(Validate::validate(&new), Ok(()));
}

#[test]
fn patches() {
    assert_eq!(Validate::validate(&AccountPatch::new()), Ok(()));
    assert_eq!(Validate::validate(&AccountPatch::new().bio(None).nick(None).again("eve").rank(None)), Ok(()));
    let patch = AccountPatch::new().email("x").name("A").bio("XX").level(2).rank(9);
    assert_eq!(
        found(Validate::validate(&patch)),
        pairs(&[
            ("bio", "length"),
            ("bio", "lower_case"),
            ("email", "email"),
            ("level", "not_two"),
            ("name", "length"),
            ("name", "lower_case"),
            ("rank", "range"),
        ])
    );
}
