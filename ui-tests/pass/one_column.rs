//! The key alone: nothing to give, nothing to change.
#![deny(warnings)]

use kysera::prelude::*;

#[derive(Debug, Repository)]
struct Tick {
    #[kysera(id)]
    id: i64,
}

#[derive(Debug, Repository)]
struct Given {
    #[kysera(id, assigned)]
    id: String,
}

#[derive(Debug, Repository)]
struct Maybe {
    #[kysera(id, default)]
    id: String,
}

fn main() {
    let _ = (NewTick {}, NewGiven { id: "x".into() }, NewMaybe { id: None });
    assert!(kysera::entity::Patch::is_empty(&TickPatch::new()));
    assert_eq!(<Tick as Entity>::TEXTS.postgres.insert, r#"INSERT INTO "tick" DEFAULT VALUES RETURNING "id""#);
    assert_eq!(<Tick as Entity>::TEXTS.mysql.insert, "INSERT INTO `tick` () VALUES ()");
    assert_eq!(<Given as Entity>::TEXTS.mysql.insert, "INSERT INTO `given` (`id`) VALUES (?)");
    assert_eq!(<Maybe as Entity>::TEXTS.mysql.insert, "INSERT INTO `maybe` () VALUES ()");
    assert_eq!((Tick { id: 1 }.id(), Given { id: "a".into() }.id()), (1, "a".to_string()));
    assert_eq!(Maybe { id: "a".into() }.id(), "a");
}
