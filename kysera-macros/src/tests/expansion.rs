//! The code of interesting shapes, as a whole or the part in question.

use quote::quote;

use super::expand;

/// The parts of an expansion that contain a text: items, and those inside `const _`.
pub(super) fn part(code: &str, with: &str) -> String {
    let file: syn::File = syn::parse_str(code).unwrap();
    let inner = file.items.iter().filter_map(|item| match item {
        syn::Item::Const(item) => match &*item.expr {
            syn::Expr::Block(block) => Some(&block.block.stmts),
            _ => None,
        },
        _ => None,
    });
    let inner = inner.flatten().filter_map(|stmt| match stmt {
        syn::Stmt::Item(item) => Some(item),
        _ => None,
    });
    let outer = file.items.iter().filter(|item| !matches!(item, syn::Item::Const(_)));
    let parts = outer.chain(inner).map(|item| {
        let items = vec![item.clone()];
        prettyplease::unparse(&syn::File { shebang: None, frontmatter: None, attrs: vec![], items })
    });
    parts.filter(|part| part.contains(with)).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_entity() {
    insta::assert_snapshot!(expand(quote! {
        /// A user.
        #[kysera(table = "users")]
        pub struct User {
            #[kysera(id)]
            pub id: i64,
            /// Where to write to.
            #[kysera(unique)]
            pub email: String,
            pub bio: Option<String>,
            #[kysera(default)]
            pub role: i32,
            #[kysera(read_only)]
            pub visits: i64,
            #[kysera(skip)]
            pub cache: Cache,
        }
    }));
}

#[test]
fn composite_keys() {
    let code = expand(quote! {
        #[kysera(schema = "app", unique(nick, org, name = "nicks"))]
        struct Member {
            #[kysera(id)]
            org: i64,
            #[kysera(id)]
            person: Box<str>,
            #[kysera(id, default)]
            r#type: i32,
            nick: Option<String>,
        }
    });
    insta::assert_snapshot!(part(&code, "Entity for Member"));
    insta::assert_snapshot!(part(&code, "static __KYSERA_META"));
    insta::assert_snapshot!(part(&code, "struct NewMember"));
}

#[test]
fn chosen_databases() {
    let code = expand(quote! {
        #[kysera(backend(Postgres, Sqlite), crate = my::kysera)]
        struct Post {
            #[kysera(id)]
            id: i64,
            tags: Vec<String>,
            #[kysera(skip)]
            cache: Cache,
        }
    });
    insta::assert_snapshot!(part(&code, "entity::On<"));
}

#[test]
fn constants_elsewhere() {
    let code = expand(quote! {
        #[kysera(columns = UserColumns, rename_all = "camelCase")]
        pub(crate) struct User {
            #[kysera(id)]
            user_id: i64,
            first_name: String,
        }
    });
    insta::assert_snapshot!(part(&code, "UserColumns"));
}

#[test]
fn garde() {
    let code = expand(quote! {
        #[garde(context(Limits as ctx))]
        #[garde(allow_unvalidated)]
        struct Account {
            #[kysera(id)]
            #[garde(skip)]
            id: i64,
            #[garde(email, custom(|v, _| check(v)), inner(ascii), required, matches(again))]
            email: String,
            again: String,
            #[garde(dive)]
            #[garde(code("x"))]
            address: Address,
            #[kysera(default)]
            #[garde(custom(check), matches(again), range(min = 1))]
            level: i32,
        }
    });
    insta::assert_snapshot!(part(&code, "garde"));
}

#[test]
fn validator() {
    let code = expand(quote! {
        struct Account {
            #[kysera(id)]
            id: i64,
            #[validate(email(message = "odd"), required, must_match(other = "again"))]
            email: Option<String>,
            again: String,
            #[kysera(default)]
            #[validate(required, must_match(other = again), range(min = 1), nested)]
            level: Option<i32>,
        }
    });
    insta::assert_snapshot!(part(&code, "valida"));
}

#[test]
fn serde_on_patches() {
    let code = expand(quote! {
        #[kysera(crate = my::kysera, new(derive(serde::Deserialize, Clone)), patch(derive(::serde::Deserialize, serde::Serialize, Default)))]
        struct Note {
            #[kysera(id)]
            id: i64,
            text: Option<String>,
        }
    });
    insta::assert_snapshot!(part(&code, "serde"));
}

#[test]
fn a_column_called_new() {
    let code = expand(quote! {
        struct Odd {
            #[kysera(id)]
            id: i64,
            new: bool,
        }
    });
    insta::assert_snapshot!(part(&code, "impl OddPatch"));
}

#[test]
fn marks_for_filters_and_orders_from_outside() {
    let code = expand(quote! {
        pub(crate) struct User {
            #[kysera(id, sortable)]
            id: i64,
            #[kysera(filterable = "createdAt", sortable)]
            created_at: DateTime<Utc>,
            secret: String,
        }
    });
    insta::assert_snapshot!(part(&code, "query_schema"));
    assert!(code.contains("filterable: &[(1usize, \"createdAt\")]"));
    assert!(code.contains("sortable: &[(0usize, \"id\"), (1usize, \"created_at\")]"));
}

#[test]
fn what_remains_after_a_mistake() {
    insta::assert_snapshot!(expand(quote! {
        enum User {
            A,
        }
    }));
    insta::assert_snapshot!(expand(quote! {
        #[kysera::plugin()]
        pub struct User<'a, T: Clone> where T: 'a {
            #[kysera(id)]
            id: i64,
            name: &'a T,
        }
    }));
}

#[test]
fn relations() {
    let code = expand(quote! {
        #[kysera(has_many(posts = Post::AUTHOR_ID), has_one(r#type = crate::kind::Kind::OWNER, key = email))]
        #[kysera(has_many(tags = Tag::ID, through(UserTag::USER_ID, UserTag::TAG_ID)))]
        pub struct User {
            #[kysera(id)]
            id: i64,
            email: String,
            #[kysera(belongs_to(boss = Self::ID), belongs_to(company = companies::Columns::ID))]
            boss_id: Option<i64>,
        }
    });
    insta::assert_snapshot!(part(&code, "relation::"));
    let code = expand(quote! {
        #[kysera(columns = UserColumns, has_many(posts = Post::AUTHOR_ID))]
        struct User {
            #[kysera(id)]
            id: i64,
        }
    });
    insta::assert_snapshot!(part(&code, "relation::"));
    insta::assert_snapshot!(part(&code, "ColumnsOf for"));
}
