// What `#[derive(Repository)]` emits for this struct (hand-expanded; the names inside `const _` are free).
//
// #[derive(Repository)]
// #[kysera(table = "users")]
// pub struct User {
//     #[kysera(id)] pub id: i64,
//     #[kysera(unique)] pub email: String,
//     pub name: String,
//     pub bio: Option<String>,
//     #[kysera(default)] pub role: i32,
//     #[kysera(read_only)] pub visits: i64,
// }
#![allow(missing_docs)]
#[derive(Debug)]
pub struct User {
    pub id: i64,
    pub email: String,
    pub name: String,
    pub bio: Option<String>,
    pub role: i32,
    pub visits: i64,
}

/// What it takes to create a [`User`].   (docs on each field = the row field's docs)
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct NewUser {
    pub email: String,
    pub name: String,
    pub bio: Option<String>,
    /// (doc) `None` leaves it to the database's default.
    pub role: ::core::option::Option<i32>,
}

/// What an update of a [`User`] changes. ..
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct UserPatch {
    pub email: ::core::option::Option<String>,
    pub name: ::core::option::Option<String>,
    pub bio: ::core::option::Option<Option<String>>,
    pub role: ::core::option::Option<i32>,
}

/// The repository of [`User`].
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct UserRepository<S> {
    source: S,
}

const _: () = {
    static META: ::kysera::__private::Meta = ::kysera::__private::Meta {
        entity: "User",
        schema: ::core::option::Option::None,
        table: "users",
        columns: &[
            ::kysera::__private::Col {
                table: "users",
                name: "id",
                index: 0,
                codec: ::kysera::__private::codec!(i64),
                fill: ::kysera::__private::Fill::Database,
            },
            ::kysera::__private::Col {
                table: "users",
                name: "email",
                index: 1,
                codec: ::kysera::__private::codec!(String),
                fill: ::kysera::__private::Fill::Client,
            },
            ::kysera::__private::Col {
                table: "users",
                name: "name",
                index: 2,
                codec: ::kysera::__private::codec!(String),
                fill: ::kysera::__private::Fill::Client,
            },
            ::kysera::__private::Col {
                table: "users",
                name: "bio",
                index: 3,
                codec: ::kysera::__private::codec!(Option<String>),
                fill: ::kysera::__private::Fill::Client,
            },
            ::kysera::__private::Col {
                table: "users",
                name: "role",
                index: 4,
                codec: ::kysera::__private::codec!(i32),
                fill: ::kysera::__private::Fill::Default,
            },
            ::kysera::__private::Col {
                table: "users",
                name: "visits",
                index: 5,
                codec: ::kysera::__private::codec!(i64),
                fill: ::kysera::__private::Fill::Database,
            },
        ],
        id: &[0],
        unique: &[::kysera::__private::Unique { name: ::core::option::Option::None, columns: &[1] }],
    };
    static TEXTS: ::kysera::__private::Texts = ::kysera::__private::Texts {
        standard: ::kysera::__private::Statements {
            select: "SELECT \"id\", \"email\", \"name\", \"bio\", \"role\", \"visits\" FROM \"users\"",
            find: "SELECT \"id\", \"email\", \"name\", \"bio\", \"role\", \"visits\" FROM \"users\" WHERE \"id\" = $1",
            exists: "SELECT 1 FROM \"users\" WHERE \"id\" = $1",
            count: "SELECT COUNT(*) FROM \"users\"",
            insert: "INSERT INTO \"users\" (\"email\", \"name\", \"bio\") VALUES ($1, $2, $3) RETURNING \"id\", \"email\", \"name\", \"bio\", \"role\", \"visits\"",
            delete: "DELETE FROM \"users\" WHERE \"id\" = $1",
        },
        mysql: ::kysera::__private::Statements {
            select: "SELECT `id`, `email`, `name`, `bio`, `role`, `visits` FROM `users`",
            find: "SELECT `id`, `email`, `name`, `bio`, `role`, `visits` FROM `users` WHERE `id` = ?",
            exists: "SELECT 1 FROM `users` WHERE `id` = ?",
            count: "SELECT COUNT(*) FROM `users`",
            insert: "INSERT INTO `users` (`email`, `name`, `bio`) VALUES (?, ?, ?)",
            delete: "DELETE FROM `users` WHERE `id` = ?",
        },
    };

    impl User {
        /// `users.id`
        pub const ID: ::kysera::Column<User, i64> = ::kysera::Column::new(&META.columns[0]);
        pub const EMAIL: ::kysera::Column<User, String> = ::kysera::Column::new(&META.columns[1]);
        pub const NAME: ::kysera::Column<User, String> = ::kysera::Column::new(&META.columns[2]);
        pub const BIO: ::kysera::Column<User, Option<String>> = ::kysera::Column::new(&META.columns[3]);
        pub const ROLE: ::kysera::Column<User, i32> = ::kysera::Column::new(&META.columns[4]);
        pub const VISITS: ::kysera::Column<User, i64> = ::kysera::Column::new(&META.columns[5]);

        /// The repository of users over a source: ..
        pub fn repo<S: ::kysera::Source>(source: S) -> UserRepository<S>
        where
            User: ::kysera::entity::Guard<S::Context>,
        {
            UserRepository { source }
        }
    }

    #[automatically_derived]
    impl<S: ::kysera::Source> ::kysera::Repository for UserRepository<S>
    where
        User: ::kysera::entity::On<S::Database>,
    {
        type Entity = User;
        type Source = S;
        fn source(&self) -> &S {
            &self.source
        }
    }

    #[automatically_derived]
    impl ::kysera::Entity for User {
        type Id = i64; // a tuple for composite keys: (i64, String)
        type New = NewUser;
        type Patch = UserPatch;
        const META: &'static ::kysera::__private::Meta = &META;
        const TEXTS: &'static ::kysera::__private::Texts = &TEXTS;
        fn id(&self) -> i64 {
            ::core::clone::Clone::clone(&self.id)
        }
        fn id_value(id: &i64, part: usize) -> &::kysera::__private::AnyValue {
            let _ = part;
            id
        }
        // composite: match part { 0 => &id.0, _ => &id.1 }
        fn text_cache() -> &'static ::kysera::__private::TextCache {
            static CACHE: ::std::sync::LazyLock<::kysera::__private::TextCache> =
                ::std::sync::LazyLock::new(::core::default::Default::default);
            &CACHE
        }
    }

    #[automatically_derived]
    impl<C> ::kysera::entity::Guard<C> for User {}

    // without `backend(..)`: one impl, bounded by each distinct field type
    #[automatically_derived]
    impl<DB: ::kysera::Backend> ::kysera::entity::On<DB> for User
    where
        i64: ::kysera::backend::Scalar<DB>,
        String: ::kysera::backend::Scalar<DB>,
        Option<String>: ::kysera::backend::Scalar<DB>,
        i32: ::kysera::backend::Scalar<DB>,
    {
        fn decode(cells: &mut ::kysera::__private::Cells<'_, DB>) -> ::kysera::Result<Self> {
            ::core::result::Result::Ok(User {
                id: cells.next()?,
                email: cells.next()?,
                name: cells.next()?,
                bio: cells.next()?,
                role: cells.next()?,
                visits: cells.next()?,
            })
        }
    }

    #[automatically_derived]
    impl ::kysera::__private::Values for User {
        fn value(&self, column: usize) -> ::core::option::Option<&::kysera::__private::AnyValue> {
            match column {
                0 => ::core::option::Option::Some(&self.id),
                1 => ::core::option::Option::Some(&self.email),
                2 => ::core::option::Option::Some(&self.name),
                3 => ::core::option::Option::Some(&self.bio),
                4 => ::core::option::Option::Some(&self.role),
                5 => ::core::option::Option::Some(&self.visits),
                _ => ::core::option::Option::None,
            }
        }
    }
    #[automatically_derived]
    impl ::kysera::__private::Values for NewUser {
        fn value(&self, column: usize) -> ::core::option::Option<&::kysera::__private::AnyValue> {
            match column {
                1 => ::core::option::Option::Some(&self.email),
                2 => ::core::option::Option::Some(&self.name),
                3 => ::core::option::Option::Some(&self.bio),
                4 => ::kysera::__private::given(&self.role), // fn given<T>(v: &Option<T>) -> Option<&AnyValue>
                _ => ::core::option::Option::None,
            }
        }
    }
    #[automatically_derived]
    impl ::kysera::__private::Values for UserPatch {
        fn value(&self, column: usize) -> ::core::option::Option<&::kysera::__private::AnyValue> {
            match column {
                1 => ::kysera::__private::given(&self.email),
                2 => ::kysera::__private::given(&self.name),
                3 => ::kysera::__private::given(&self.bio),
                4 => ::kysera::__private::given(&self.role),
                _ => ::core::option::Option::None,
            }
        }
    }
    #[automatically_derived]
    impl ::kysera::entity::New for NewUser {
        type Entity = User;
    }
    #[automatically_derived]
    impl ::kysera::entity::Validate for NewUser {}
    #[automatically_derived]
    impl ::kysera::entity::Patch for UserPatch {
        type Entity = User;
        fn is_empty(&self) -> bool {
            ::core::matches!(
                self,
                UserPatch {
                    email: ::core::option::Option::None,
                    name: ::core::option::Option::None,
                    bio: ::core::option::Option::None,
                    role: ::core::option::Option::None
                }
            )
        }
    }
    #[automatically_derived]
    impl ::kysera::entity::Validate for UserPatch {}
    #[automatically_derived]
    impl ::core::default::Default for UserPatch {
        fn default() -> Self {
            Self {
                email: ::core::option::Option::None,
                name: ::core::option::Option::None,
                bio: ::core::option::Option::None,
                role: ::core::option::Option::None,
            }
        }
    }
    impl UserPatch {
        /// A patch that changes nothing yet.
        pub fn new() -> Self {
            <Self as ::core::default::Default>::default()
        } // left out if a column is called `new`
        /// Sets `email`.
        #[must_use]
        pub fn email(mut self, value: impl ::kysera::IntoColumn<String>) -> Self {
            self.email = ::core::option::Option::Some(::kysera::IntoColumn::into_column(value));
            self
        }
        #[must_use]
        pub fn name(mut self, value: impl ::kysera::IntoColumn<String>) -> Self {
            self.name = ::core::option::Option::Some(::kysera::IntoColumn::into_column(value));
            self
        }
        #[must_use]
        pub fn bio(mut self, value: impl ::kysera::IntoColumn<Option<String>>) -> Self {
            self.bio = ::core::option::Option::Some(::kysera::IntoColumn::into_column(value));
            self
        }
        #[must_use]
        pub fn role(mut self, value: impl ::kysera::IntoColumn<i32>) -> Self {
            self.role = ::core::option::Option::Some(::kysera::IntoColumn::into_column(value));
            self
        }
    }
};

use futures_util::TryStreamExt;
use kysera::{Conflict, Error, Filter, Repository, Source, Writable};
async fn crud<S: Writable + Clone>(s: S)
where
    User: kysera::entity::On<S::Database>,
{
    let users = User::repo(&s);
    let n = |e: &str, name: &str| NewUser { email: e.into(), name: name.into(), bio: None, role: None };
    let a = users.create(n("a@x", "A%b")).await.unwrap();
    assert_eq!((a.email.as_str(), a.role, a.visits), ("a@x", 7, 0));
    assert_eq!(users.find_by_id(a.id).await.unwrap().unwrap().name, "A%b");
    assert!(users.find_by_id(99).await.unwrap().is_none());
    let mut b = n("b@x", "B");
    b.role = Some(3);
    b.bio = Some("q".into());
    let many = users.create_many([n("c@x", "C"), b, n("d@x", "D")]).await.unwrap();
    assert_eq!(many.iter().map(|u| &*u.email).collect::<Vec<_>>(), ["c@x", "b@x", "d@x"]);
    assert_eq!(many[1].role, 3);
    let u = users.update(a.id, UserPatch::new().name("Z").bio("hi")).await.unwrap();
    assert_eq!((u.name.as_str(), u.bio.as_deref()), ("Z", Some("hi")));
    assert_eq!(users.update(a.id, UserPatch::new().bio(None)).await.unwrap().bio, None);
    assert!(matches!(
        users.update(99, UserPatch::new().name("q")).await,
        Err(Error::NotFound { entity: "User" })
    ));
    assert!(matches!(users.update(99, UserPatch::new()).await, Err(Error::NotFound { .. })));
    let ids: Vec<i64> = many.iter().map(|u| u.id).collect();
    let r = users
        .update_many([
            (ids[2], UserPatch::new().name("d2")),
            (ids[0], UserPatch::new().name("c2")),
            (ids[1], UserPatch::new().bio(None)),
        ])
        .await
        .unwrap();
    assert_eq!(r.iter().map(|u| &*u.name).collect::<Vec<_>>(), ["d2", "c2", "B"]);
    let e = users
        .update_many([
            (ids[0], UserPatch::new().name("no")),
            (77, UserPatch::new().name("x")),
            (78, UserPatch::new()),
        ])
        .await
        .unwrap_err();
    match e {
        Error::Missing(m) => {
            assert_eq!(m.positions, [1, 2]);
            assert_eq!(m.ids, ["77", "78"]);
        }
        e => panic!("{e:?}"),
    }
    assert_eq!(users.get(ids[0]).await.unwrap().name, "c2");
    let f = users.find_by_ids([ids[2], 99, ids[0], ids[2]]).await.unwrap();
    assert_eq!(f.iter().map(|u| u.id).collect::<Vec<_>>(), [ids[2], ids[0]]);
    let up = users.upsert(n("a@x", "upserted"), User::EMAIL).await.unwrap();
    assert_eq!((up.id, &*up.name), (a.id, "upserted"));
    let up = users.upsert(n("a@x", "again"), Conflict::on(User::EMAIL).keep()).await.unwrap();
    assert_eq!((up.id, &*up.name), (a.id, "upserted"));
    let up = users.upsert(n("e@x", "new"), User::EMAIL).await.unwrap();
    assert_eq!(up.name, "new");
    let up = users.upsert_many([n("f@x", "F"), n("a@x", "A9"), n("g@x", "G")], User::EMAIL).await.unwrap();
    assert_eq!(up.iter().map(|u| &*u.name).collect::<Vec<_>>(), ["F", "A9", "G"]);
    assert_eq!(up[1].id, a.id);
    assert!(matches!(
        users.upsert_many([n("h@x", "1"), n("h@x", "2")], User::EMAIL).await,
        Err(Error::BadRequest(_))
    ));
    assert!(!users.find().filter(User::EMAIL.eq("h@x")).exists().await.unwrap());
    assert_eq!(users.insert_many((0..3000).map(|i| n(&format!("m{i}"), "many"))).await.unwrap(), 3000);
    assert_eq!(users.find().filter(User::NAME.eq("many")).count().await.unwrap(), 3000);
    assert!(
        users
            .insert_many((5000..9000).map(|i| n(&format!("m{}", if i == 8999 { 5 } else { i }), "dup")))
            .await
            .is_err()
    );
    assert_eq!(users.find().filter(User::NAME.eq("dup")).count().await.unwrap(), 0);
    let page = users
        .find()
        .filter(
            User::NAME.eq("many") & !User::EMAIL.ends_with("9") & User::EMAIL.in_(["m1", "m2", "m9", "m3"]),
        )
        .order_by(User::EMAIL.desc())
        .limit(2)
        .offset(1)
        .all()
        .await
        .unwrap();
    assert_eq!(page.iter().map(|u| &*u.email).collect::<Vec<_>>(), ["m2", "m1"]);
    let st: Vec<User> = users.find().stream().try_collect().await.unwrap();
    assert_eq!(st.len() as u64, users.count().await.unwrap());
    assert_eq!(
        users.find().filter(User::NAME.eq("many")).update(UserPatch::new().role(5)).await.unwrap(),
        3000
    );
    assert_eq!(
        users
            .find()
            .filter(User::ROLE.eq(5) & User::BIO.is_null() & User::ROLE.between(5, 9) & User::BIO.eq(None))
            .delete()
            .await
            .unwrap(),
        3000
    );
    assert!(users.delete(ids[0]).await.unwrap());
    assert!(!users.delete(ids[0]).await.unwrap());
    assert_eq!(users.delete_many(&ids).await.unwrap(), 2);
    assert!(users.exists(a.id).await.unwrap());
    assert_eq!(users.find().filter(Filter::any([])).count().await.unwrap(), 0);
    assert!(users.find().filter(Filter::all([])).count().await.unwrap() > 0);
    for (t, hit) in [("100%", true), ("1_0", true), ("a\\b", true), ("!x", true), ("[a]*?", true)] {
        let r = users.create(n(&format!("L{t}"), &format!("<{t}>"))).await.unwrap();
        for f in [
            User::NAME.contains(t),
            User::NAME.starts_with(format!("<{t}")),
            User::NAME.ends_with(format!("{t}>")),
        ] {
            let v = users.find().filter(f).all().await.unwrap();
            assert_eq!(
                v.iter().map(|u| u.id).collect::<Vec<_>>(),
                if hit { vec![r.id] } else { vec![] },
                "{t}"
            );
        }
    }
    assert!(users.find().filter(User::NAME.contains("%0%")).first().await.unwrap().is_none());
}
#[tokio::test]
async fn lite() {
    let p =
        sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, bio TEXT, role INTEGER NOT NULL DEFAULT 7, visits INTEGER NOT NULL DEFAULT 0)").execute(&p).await.unwrap();
    crud(p).await
}
#[tokio::test]
async fn pg() {
    let p = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect("postgres://postgres@127.0.0.1/postgres")
        .await
        .unwrap();
    sqlx::raw_sql("SET search_path TO pg_temp; CREATE TEMP TABLE users (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, bio TEXT, role INT NOT NULL DEFAULT 7, visits BIGINT NOT NULL DEFAULT 0)").execute(&p).await.unwrap();
    crud(p).await
}
#[tokio::test]
async fn my() {
    let p = sqlx::mysql::MySqlPoolOptions::new()
        .max_connections(1)
        .connect("mysql://root@127.0.0.1/test")
        .await
        .unwrap();
    sqlx::raw_sql("DROP TABLE IF EXISTS users; CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE, name VARCHAR(100) NOT NULL, bio TEXT, role INT NOT NULL DEFAULT 7, visits BIGINT NOT NULL DEFAULT 0)").execute(&p).await.unwrap();
    crud(p).await
}
