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
