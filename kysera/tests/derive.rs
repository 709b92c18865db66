//! The derive, through what it makes.
#![cfg(feature = "sqlite")]
#![deny(warnings)]
#![allow(missing_docs)]

use kysera::prelude::*;

/// A user.
#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(table = "users")]
pub struct User {
    /// The key.
    #[kysera(id)]
    pub id: i64,
    /// Where to write to.
    #[kysera(unique)]
    pub email: String,
    pub name: String,
    pub bio: Option<String>,
    #[kysera(default)]
    pub role: i32,
    #[kysera(read_only)]
    pub visits: i64,
}

#[test]
fn constants_and_patches() {
    let _ = User::EMAIL.eq("x") & User::BIO.is_null() & User::ID.in_([1, 2]);
    let patch = UserPatch::new().name("x").bio(None).role(3);
    assert_eq!(patch.bio, Some(None));
    assert_eq!(patch.email, None);
    let new = NewUser { email: "x".into(), name: "y".into(), bio: None, role: None };
    assert_eq!(new.role, None);
}

#[derive(Debug, Clone, PartialEq, Repository)]
#[kysera(
    table = "notes",
    new(derive(serde::Deserialize, PartialEq)),
    patch(derive(serde::Deserialize, serde::Serialize, PartialEq))
)]
pub struct Note {
    #[kysera(id)]
    pub id: i64,
    pub title: String,
    pub text: Option<String>,
    #[kysera(default)]
    pub r#type: i32,
}

#[test]
fn absent_null_and_value_stay_apart_in_json() {
    let read = |json: &str| serde_json::from_str::<NotePatch>(json);
    assert_eq!(read("{}").unwrap(), NotePatch::new());
    assert_eq!(read(r#"{"text": null}"#).unwrap(), NotePatch::new().text(None));
    assert_eq!(read(r#"{"text": "x", "type": 3}"#).unwrap(), NotePatch::new().text("x").r#type(3));
    let error = read(r#"{"title": null}"#).unwrap_err().to_string();
    assert!(error.starts_with("invalid type: null, expected a string"), "{error}");
    for patch in [NotePatch::new(), NotePatch::new().text(None), NotePatch::new().title("x").text("y")] {
        let json = serde_json::to_string(&patch).unwrap();
        assert_eq!(read(&json).unwrap(), patch, "{json}");
    }
    assert_eq!(serde_json::to_string(&NotePatch::new().text(None)).unwrap(), r#"{"text":null}"#);

    let new: NewNote = serde_json::from_str(r#"{"title": "x"}"#).unwrap();
    assert_eq!(new, NewNote { title: "x".into(), text: None, r#type: None });
}
