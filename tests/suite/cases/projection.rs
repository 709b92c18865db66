//! Structs of columns and expressions.

use futures_util::TryStreamExt;
use kysera::expr::count;
use kysera::prelude::*;
use kysera_tests::{Ddl, Fixture};

use super::entities::*;
use crate::DB;

#[derive(Debug, PartialEq, Projection)]
#[kysera(of = User)]
struct Card {
    name: String,
    id: i64,
    #[kysera(from = User::EMAIL)]
    address: String,
    #[kysera(expr = User::BIO.coalesce("nothing to say"))]
    bio: String,
    #[kysera(expr = User::NAME.length())]
    length: i64,
}

#[derive(Debug, PartialEq, Projection)]
#[kysera(of = User)]
struct OfRole {
    role: i32,
    #[kysera(expr = count())]
    users: i64,
    #[kysera(expr = User::ID.max())]
    last: Option<i64>,
}

async fn people() -> Fixture<DB> {
    let db = Fixture::<DB>::new(&USERS).await;
    let rows = [NewUser { bio: Some("Countess".into()), ..user("ada@x", "Ada") }, user("bob@x", "Bob")];
    User::repo(db.source()).create_many(rows).await.unwrap();
    db
}

#[tokio::test]
async fn a_struct_of_columns_and_expressions() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().order_by(User::NAME.desc()).select_as::<Card>();
    let card = |id, name: &str, address: &str, bio: &str| Card {
        name: name.into(),
        id,
        address: address.into(),
        bio: bio.into(),
        length: 3,
    };
    let (ada, bob) = (card(1, "Ada", "ada@x", "Countess"), card(2, "Bob", "bob@x", "nothing to say"));
    assert_eq!(
        find().all().await.unwrap(),
        [card(2, "Bob", "bob@x", "nothing to say"), card(1, "Ada", "ada@x", "Countess")]
    );
    assert_eq!(find().first().await.unwrap(), Some(bob));
    assert_eq!(find().filter(User::ROLE.eq(7)).offset(1).limit(1).one().await.unwrap(), ada);
    assert_eq!(find().stream().try_collect::<Vec<_>>().await.unwrap().len(), 2);
    assert_eq!(find().count().await.unwrap(), 2);
    assert!(find().exists().await.unwrap());
}

#[tokio::test]
async fn a_struct_of_groups() {
    let db = people().await;
    let repo = User::repo(db.source());
    let find = || repo.find().select_as::<OfRole>().group_by(User::ROLE);
    assert_eq!(find().all().await.unwrap(), [OfRole { role: 7, users: 2, last: Some(2) }]);
    assert_eq!(find().having(count().gt(2)).all().await.unwrap(), []);
    assert_eq!(find().count().await.unwrap(), 1);
    assert_eq!(repo.find().select_as::<Card>().distinct().count().await.unwrap(), 2);
}

#[tokio::test]
async fn constants_on_a_type_of_their_own() {
    #[derive(Debug, Repository)]
    #[kysera(table = "tags", columns = LabelColumns)]
    struct Label {
        #[kysera(id, assigned)]
        slug: String,
        label: String,
        uses: Option<i32>,
    }

    #[derive(Debug, PartialEq, Projection)]
    #[kysera(of = Label, columns = LabelColumns)]
    struct Short {
        r#slug: String,
        #[kysera(from = LabelColumns::USES)]
        r#type: Option<i32>,
    }

    let db = Fixture::<DB>::new(&TAGS).await;
    let labels = Label::repo(db.source());
    labels.create(NewLabel { slug: "a".into(), label: "A".into(), uses: Some(3) }).await.unwrap();
    let short = labels.find().select_as::<Short>().one().await.unwrap();
    assert_eq!(short, Short { slug: "a".into(), r#type: Some(3) });
}

macro_rules! wide {
    ($($field:ident)*) => {
        #[derive(Debug, Repository)]
        #[kysera(table = "wide")]
        struct Wide {
            #[kysera(id, assigned)]
            id: i64,
            $($field: Option<i32>,)*
        }

        #[derive(Debug, Projection)]
        #[kysera(of = Wide)]
        struct Most {
            $($field: Option<i32>,)*
        }

        const FIELDS: &[&str] = &[$(stringify!($field)),*];

        impl Most {
            fn values(&self) -> Vec<Option<i32>> {
                vec![$(self.$field),*]
            }
        }
    };
}
wide! {
    a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9
    d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 f0 f1 f2 f3 f4 f5 f6 f7 f8 f9
}

#[tokio::test]
async fn sixty_fields() {
    let db = Fixture::<DB>::new(&Ddl::NONE).await;
    let columns: Vec<_> = FIELDS.iter().map(|field| format!("{field} INT")).collect();
    db.execute(&format!("CREATE TABLE wide (id BIGINT PRIMARY KEY, {})", columns.join(", "))).await;
    let numbers: Vec<_> = (0..FIELDS.len()).map(|n| n.to_string()).collect();
    db.execute(&format!("INSERT INTO wide VALUES (1, {})", numbers.join(", "))).await;
    let most = Wide::repo(db.source()).find().select_as::<Most>().one().await.unwrap();
    assert_eq!(most.values(), (0..60).map(Some).collect::<Vec<_>>());
}
