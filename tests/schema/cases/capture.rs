//! What is read from a database.

use kysera::schema::{self, Action, Identity, TableKind, TypeClass};
use kysera_tests::observed::Log;
use kysera_tests::{Ddl, Fixture};

use super::shop::SHOP;
use crate::{DB, NAME};

/// All of it, against what was read when somebody last looked at it. The entities of `generated` are held against these files.
#[tokio::test]
async fn a_schema_of_everything() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let file = format!("{}/schema/shop.{NAME}.json", env!("CARGO_MANIFEST_DIR"));
    let write = std::env::var_os("KYSERA_SCHEMA").is_some_and(|value| value == "write");
    schema::test(db.source(), &file, write).await.unwrap_or_else(|what| panic!("{what}"));
    let schema = schema::capture(db.source()).await.unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), schema.to_text(), "to the letter");
}

#[tokio::test]
async fn what_is_alike_everywhere() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let schema = schema::capture(db.source()).await.unwrap();
    let names: Vec<&str> = schema.tables.iter().map(|table| &*table.name).collect();
    assert_eq!(
        names,
        [
            "item_notes",
            "keyless",
            "new_users",
            "odd table",
            "order_items",
            "orders",
            "paid_orders",
            "spans",
            "users"
        ],
        "the books of migrations are left out"
    );
    let users = schema.table("users").unwrap();
    let id = users.column("id").unwrap();
    assert_eq!((id.identity, id.nullable, &id.default), (Some(Identity::ByDefault), false, &None));
    assert_eq!(id.class, TypeClass::Int64);
    assert!(users.column("deleted_at").unwrap().nullable);
    let email = users.unique.iter().find(|key| key.columns == ["email"]).unwrap();
    assert_eq!(email.name.as_deref(), Some("users_email_key"));
    let inviter = users.foreign_keys.iter().find(|key| key.columns == ["invited_by"]).unwrap();
    assert_eq!((&*inviter.table, &*inviter.references), ("users", &["id".to_owned()][..]));
    assert_eq!((inviter.on_delete, inviter.on_update), (Action::SetNull, Action::NoAction));
    let names: Vec<_> = users.checks.iter().filter_map(|check| check.name.as_deref()).collect();
    assert_eq!(names, ["users_type_range"]);

    let orders = schema.table("orders").unwrap();
    let gross = orders.column("gross").unwrap();
    assert!(gross.generated.is_some() && gross.default.is_none() && gross.is_optional());
    assert_eq!(orders.column("paid").unwrap().class, TypeClass::Bool);
    assert_eq!(orders.column("note").unwrap().class, TypeClass::Json);
    let number = orders.unique.iter().find(|key| key.columns == ["user_id", "number"]).unwrap();
    assert!(number.is_plain() && number.name.as_deref() == Some("orders_user_number_key"));
    let partial: Vec<_> = orders.unique.iter().filter(|key| !key.is_plain()).collect();
    assert_eq!(partial[0].name.as_deref(), Some("orders_reference"));

    let items = schema.table("order_items").unwrap();
    assert_eq!(items.primary_key.as_ref().unwrap().columns, ["order_id", "line"]);
    assert!(items.column("line").unwrap().identity.is_none());
    let notes = &schema.table("item_notes").unwrap().foreign_keys[0];
    assert_eq!(
        (&*notes.columns, &*notes.references),
        (&["order_id".into(), "line".into()][..], &["order_id".into(), "line".into()][..])
    );
    assert_eq!(schema.table("paid_orders").unwrap().kind, TableKind::View);
    assert!(schema.table("keyless").unwrap().primary_key.is_none());
}

#[tokio::test]
async fn an_empty_database() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let schema = schema::capture(db.source()).await.unwrap();
    assert!(schema.tables.is_empty() && schema.enums.is_empty());
    assert_eq!(schema.backend.name(), NAME);
}

/// In a transaction its own tables are seen, where the database has transactions for those.
#[tokio::test]
async fn on_any_source() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let whole = schema::capture(db.source()).await.unwrap();
    let tx = db.source().begin().await.unwrap();
    assert_eq!(schema::capture(&tx).await.unwrap(), whole);
    tx.rollback().await.unwrap();
    let conn = db.source().acquire().await.unwrap();
    assert_eq!(schema::capture(&conn).await.unwrap(), whole);
}

/// However many tables there are.
#[tokio::test]
async fn it_takes_the_same_few_statements() {
    let db = Fixture::<DB>::new(&SHOP).await;
    let log = Log::new();
    let source = db.source().clone().observed_by(log.clone());
    schema::capture(&source).await.unwrap();
    let few = log.take();
    assert!((3..=5).contains(&few.len()), "{}", few.len());
    assert!(few.iter().all(|told| told.name == "schema.capture" && told.outcome == "ok"), "{few:?}");
    for number in 0..20 {
        db.execute(&format!("CREATE TABLE more_{number} (id INT PRIMARY KEY, a INT UNIQUE)")).await;
    }
    assert_eq!(schema::capture(&source).await.unwrap().tables.len(), 29);
    assert_eq!(log.take().len(), few.len());
}
