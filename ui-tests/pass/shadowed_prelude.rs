//! A module in which the prelude's names mean something else.
#![deny(warnings)]

#[allow(dead_code)]
mod shadowed {
    pub struct Option;
    pub struct Result;
    pub struct String;
    pub struct Vec;
    pub struct Box;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub struct Self_;
    pub trait Default {}
    pub trait Clone {}
    pub trait Copy {}
    pub trait Debug {}
    pub trait From {}
    pub trait Into {}
    pub trait Send {}
    pub trait Sync {}
    pub trait Sized {}
    pub trait Entity {}
    pub trait Source {}
    pub trait Backend {}
    pub trait Validate {}
    pub trait IntoColumn {}
    pub mod core {}
    pub mod std {}
    pub mod sqlx {}
    pub mod alloc {}
    pub const META: usize = 2;
    pub const TEXTS: usize = 2;
    pub static CACHE: usize = 2;

    #[derive(kysera::Repository)]
    #[kysera(table = "users")]
    pub struct User {
        #[kysera(id)]
        pub id: i64,
        #[kysera(unique)]
        pub email: ::std::string::String,
        pub bio: ::std::option::Option<::std::string::String>,
        #[kysera(default)]
        pub role: i32,
        #[kysera(skip)]
        pub rest: i32,
    }
}

fn main() {
    use shadowed::{NewUser, User, UserPatch};
    let _ = User::BIO.is_null() & User::EMAIL.eq("x");
    let _ = UserPatch::new().bio(None).role(1);
    let _ = NewUser { email: "x".into(), bio: None, role: None };
}
