//! kysera under another path.
#![deny(warnings)]

mod vendor {
    pub mod db {
        pub use kysera::*;
    }
}

mod kysera_is_not_here {
    #[allow(unused_imports)]
    use std as kysera;

    #[derive(crate::vendor::db::Repository)]
    #[kysera(crate = crate::vendor::db, backend(Sqlite), table = "users")]
    #[crate::vendor::db::plugin()]
    pub struct User {
        #[kysera(id)]
        pub id: i64,
        pub name: String,
    }

    #[crate::vendor::db::plugin()]
    #[derive(crate::vendor::db::Repository)]
    #[kysera(crate = crate::vendor::db)]
    pub struct Other {
        #[kysera(id)]
        pub id: i64,
    }
}

fn main() {
    let _ = kysera_is_not_here::UserPatch::new().name("x");
    let _ = kysera_is_not_here::Other::ID.eq(1);
}
