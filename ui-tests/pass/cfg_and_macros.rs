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
    ($table:literal, $schema:expr, $name:ident { $($field:ident: $type:ty),* }) => {
        #[derive(Repository)]
        #[kysera(table = $table, schema = $schema, unique($($field),*))]
        pub struct $name {
            #[kysera(id)]
            pub id: i64,
            $(pub $field: $type,)*
        }
    };
}

entity!("made_by_macro", "app", Made { name: String, bio: Option<String>, bytes: Vec<u8> });

fn main() {
    let _ = NewConfigured { there: "x".into(), filled: None };
    let _ = NewMade { name: "x".into(), bio: None, bytes: vec![] };
    let _ = MadePatch::new().bio("x").name("y");
    let meta = <Made as Entity>::META;
    assert_eq!((meta.schema, meta.table, meta.columns.len()), (Some("app"), "made_by_macro", 4));
    let _ = Made::BIO.is_null() & Made::ID.eq(1);
}
