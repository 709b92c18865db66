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
