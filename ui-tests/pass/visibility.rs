//! Everything has the struct's visibility, and the fields have their own.
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations)]

use kysera::prelude::*;

/// Private, and hardly used.
#[derive(Debug, Repository)]
struct Private {
    #[kysera(id)]
    id: i64,
    name: String,
}

mod inner {
    use kysera::prelude::*;

    #[derive(Debug, Repository)]
    pub(crate) struct Crate {
        #[kysera(id)]
        pub(crate) id: i64,
        pub(crate) name: String,
    }

    #[derive(Debug, Repository)]
    pub(super) struct Super {
        #[kysera(id, assigned)]
        pub(super) id: i64,
        pub(in crate::inner) hidden: String,
    }

    #[derive(Debug, Repository)]
    #[allow(dead_code)]
    pub(self) struct Own {
        #[kysera(id)]
        id: i64,
        name: String,
    }

    pub(super) fn row() -> Super {
        Super { id: 1, hidden: "x".into() }
    }

    pub(super) fn make() -> NewSuper {
        let _ = OwnPatch::new().name("x");
        let _ = Own::NAME.eq("x");
        NewSuper { id: 1, hidden: "x".into() }
    }
}

/// Public, with a private type in a private field.
#[derive(Debug, Repository)]
pub struct Public {
    /// The key.
    #[kysera(id)]
    pub id: i64,
    secret: Secret,
}

#[derive(Debug, Clone, sqlx::Type)]
#[sqlx(transparent)]
struct Secret(String);

fn main() {
    let _ = inner::NewCrate { name: "x".into() };
    let _ = inner::Crate::ID.eq(1) & inner::Crate::NAME.eq("x");
    let _ = inner::CratePatch::new().name("x").name;
    let _ = inner::make().id;
    let _ = inner::Super::HIDDEN.eq("x");
    let private = Private { id: 1, name: String::new() };
    assert_eq!((private.id(), private.name.as_str()), (1, ""));
    let public = Public { id: 1, secret: Secret(String::new()) };
    assert_eq!(public.secret.0, "");
    let row = inner::Crate { id: 1, name: String::new() };
    assert_eq!((row.id, row.name.as_str()), (1, ""));
    assert_eq!(inner::row().id, 1);
}
