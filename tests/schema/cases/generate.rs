//! Entities that are made of a schema.

use std::collections::HashSet;

use kysera::schema::{self, Options};
use kysera_tests::Fixture;

use super::shop::SHOP;
use crate::{DB, NAME};

/// They are compiled with this binary, against their own snapshot, and used in `crud`.
#[tokio::test]
async fn the_entities_of_this_binary_are_what_is_generated() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let schema = schema::capture(db.source()).await.unwrap();
    let options = Options::new().schema_file(format!("schema/shop.{NAME}.json"));
    let generated = schema::generate(&schema, &options);
    let path = format!("{}/schema/generated/{NAME}.rs", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("KYSERA_SCHEMA").is_some_and(|value| value == "write") {
        std::fs::write(&path, &generated.files[0].text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, generated.files[0].text, "`KYSERA_SCHEMA=write cargo test` writes {path}");
    assert!(
        generated.notes.iter().any(|note| note.starts_with("`keyless` is left out")),
        "{:?}",
        generated.notes
    );
}

#[tokio::test]
async fn a_file_for_each_table() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let schema = schema::capture(db.source()).await.unwrap();
    let options = Options::new().file_per_table().derive("serde::Serialize");
    let files = schema::generate(&schema, &options).files;
    let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
    assert_eq!(
        names,
        [
            "mod.rs",
            "item_note.rs",
            "new_user_row.rs",
            "odd_table.rs",
            "order_item.rs",
            "order.rs",
            "span.rs",
            "user.rs"
        ]
    );
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    for module in ["mod order_item;", "pub use order_item::*;"] {
        assert!(files[0].text.contains(module), "{}", files[0].text);
    }
    assert!(files[5].text.contains("#[derive(Debug, Clone, PartialEq, serde::Serialize, Repository)]"));
    assert_eq!(schema::generate(&schema, &options).files, files, "always the same");
}
