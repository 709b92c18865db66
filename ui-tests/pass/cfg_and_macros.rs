//! Fields that are configured away are no fields; structs that a macro writes are structs.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Repository)]
pub struct Configured {
    #[kysera(id)]
    pub id: i64,
    #[cfg(any())]
    pub gone: NoSuchType,
    #[cfg(all())]
    pub there: String,
    #[cfg_attr(all(), kysera(default))]
    pub filled: i32,
}

macro_rules! entity {
    ($name:ident { $($field:ident: $type:ty),* }) => {
        #[derive(Repository)]
        pub struct $name {
            #[kysera(id)]
            pub id: i64,
            $(pub $field: $type,)*
        }
    };
}

entity!(Made { name: String, bio: Option<String>, bytes: Vec<u8> });

fn main() {
    let _ = NewConfigured { there: "x".into(), filled: None };
    let _ = NewMade { name: "x".into(), bio: None, bytes: vec![] };
    let _ = MadePatch::new().bio("x").name("y");
    let _ = Made::BIO.is_null() & Made::ID.eq(1);
}
