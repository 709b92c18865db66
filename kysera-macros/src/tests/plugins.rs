//! `#[kysera::plugin(..)]`: what it adds, what it leaves alone, and mistakes.

use proc_macro2::TokenStream;
use quote::quote;

use super::expansion::part;
use super::{ALL, expand, messages};
use crate::attr::Features;

/// A struct with all of kysera's own plugins.
fn audited() -> TokenStream {
    quote! {
        #[kysera(table = "users", has_many(posts = Post::USER_ID), has_one(profile = Profile::USER_ID))]
        #[kysera(has_many(children = User::PARENT_ID))]
        #[kysera::plugin(soft_delete(cascade = [User::POSTS, Self::PROFILE, User::CHILDREN]), timestamps)]
        #[kysera::plugin(version, audit(schema = "logs", chain))]
        pub struct User {
            #[kysera(id)]
            pub id: i64,
            pub parent_id: Option<i64>,
            #[kysera(sensitive)]
            pub password: String,
            #[kysera(filterable)]
            pub version: i32,
            pub created_at: DateTime<Utc>,
            pub updated_at: DateTime<Utc>,
            pub deleted_at: Option<DateTime<Utc>>,
        }
    }
}

#[test]
fn all_of_kyseras_own() {
    insta::assert_snapshot!(expand(audited()));
}

#[test]
fn plugins_of_ones_own() {
    let code = expand(quote! {
        #[kysera::plugin(Quiet, version, Slug(from = Self::TITLE, to = Post::SLUG), plugins::Limit::<3>::new(3))]
        struct Post {
            #[kysera(id)]
            id: i64,
            title: String,
            #[kysera(default)]
            slug: String,
            version: i64,
        }
    });
    for wanted in ["__kysera_plugin", "const CUSTOM"] {
        insta::assert_snapshot!(part(&code, wanted));
    }
    let code = expand(quote! {
        #[kysera(backend(Postgres, Sqlite), context = Principal, crate = my::kysera)]
        #[my::kysera::plugin(Quiet)]
        struct Post {
            #[kysera(id)]
            id: i64,
        }
    });
    insta::assert_snapshot!(part(&code, "__kysera_plugin"));
}

#[test]
fn contexts_of_audited_entities() {
    let code = expand(quote! {
        #[kysera(context = Principal)]
        #[kysera::plugin(audit)]
        struct Invoice {
            #[kysera(id)]
            id: i64,
        }
    });
    insta::assert_snapshot!(part(&code, "Guard<"));
    assert!(code.contains("table: \"audit_logs\""), "{code}");
}

/// `NewX`, `XPatch`, and the plugins' part of the metadata.
fn shape(item: TokenStream) -> String {
    let code = expand(item);
    assert!(!code.contains("compile_error"), "{code}");
    let meta = part(&code, "static __KYSERA_META");
    let (_, plug) = meta.split_once("plug: ").unwrap();
    format!("{}\n{}\n{plug}", part(&code, "struct New"), part(&code, "Patch {\n"))
}

#[test]
fn columns_with_other_names_and_on_one_side() {
    insta::assert_snapshot!(shape(quote! {
        #[kysera(rename_all = "camelCase")]
        #[kysera::plugin(soft_delete(deleted_at = r#gone), timestamps(updated_at = r#type, update_only))]
        #[kysera::plugin(version(column = r#struct))]
        struct Note {
            #[kysera(id)]
            id: i64,
            r#struct: u16,
            gone: bool,
            created_at: i64,
            r#type: i64,
        }
    }));
}

#[test]
fn explicit_times_are_optional_for_the_client() {
    let item = quote! {
        #[kysera::plugin(timestamps(explicit), version)]
        struct Note {
            #[kysera(id)]
            id: i64,
            /// When it was made.
            created_at: i64,
            updated_at: i64,
            version: i16,
        }
    };
    insta::assert_snapshot!(shape(item.clone()));
    // A row that is saved gets a new time.
    let code = expand(item);
    let versioned = part(&code, "Versioned for Note");
    assert!(versioned.contains("updated_at: ::core::option::Option::None"), "{versioned}");
    assert!(versioned.contains("created_at: ::core::option::Option::Some"), "{versioned}");
}

/// The text of the `INSERT` for PostgreSQL.
fn insert(item: TokenStream) -> String {
    let code = expand(item);
    let (_, text) = code.split_once("insert: \"").unwrap();
    let (text, _) = text.split_once(" RETURNING").unwrap();
    text.replace("\\\"", "")
}

#[test]
fn inserts_have_what_plugins_write_but_no_marks_of_deletion() {
    let fields = quote!({
        #[kysera(id)]
        id: i64,
        created_at: i64,
        version: i32,
        name: String,
        updated_at: i64,
        deleted: bool,
        #[kysera(default)]
        role: i32,
    });
    let with = |plugins: TokenStream| insert(quote!(#[kysera::plugin(#plugins)] struct User #fields));
    assert_eq!(
        with(quote!()),
        "INSERT INTO user (created_at, version, name, updated_at, deleted) VALUES ($1, $2, $3, $4, $5)"
    );
    assert_eq!(
        with(quote!(soft_delete, timestamps, version)),
        "INSERT INTO user (created_at, version, name, updated_at) VALUES ($1, $2, $3, $4)"
    );
    assert_eq!(
        with(quote!(timestamps(explicit))),
        "INSERT INTO user (version, name, deleted) VALUES ($1, $2, $3)"
    );
}

#[test]
fn a_flag_is_not_the_mark_where_there_is_a_time() {
    let fields = quote!(#[kysera(id)] id: i64, deleted: bool);
    let one = expand(quote!(#[kysera::plugin(soft_delete)] struct User { #fields }));
    assert!(one.contains("owned: &[(1usize, \"soft_delete\")]"), "{one}");
    let both =
        expand(quote!(#[kysera::plugin(soft_delete)] struct User { #fields, deleted_at: Option<i64> }));
    assert!(both.contains("owned: &[(2usize, \"soft_delete\")]"), "{both}");
}

#[test]
fn without_plugins_nothing_changes() {
    let fields = quote!({
        #[kysera(id)]
        id: i64,
        version: i32,
        created_at: DateTime<Utc>,
        deleted_at: Option<DateTime<Utc>>,
    });
    let plain = expand(quote!(struct User #fields));
    let empty = expand(quote!(#[kysera::plugin()] struct User #fields));
    let mark = "    #[automatically_derived]\n    impl ::kysera::__private::Plugged for User {}\n";
    assert_eq!(empty.replace(mark, ""), plain);
    assert!(!plain.to_lowercase().contains("plug"), "{plain}");
}

#[test]
fn rules_of_columns_that_plugins_write_do_not_count() {
    let item = quote! {
        #[kysera::plugin(version)]
        struct Account {
            #[kysera(id)]
            id: i64,
            #[garde(range(min = 1))]
            version: i32,
        }
    };
    let code = crate::expand::derive(item, Features { garde: false, ..ALL }).to_string();
    assert!(!code.contains("compile_error") && !code.contains("garde"), "{code}");
}

#[test]
fn audit_needs_its_feature() {
    let item = quote! {
        #[kysera::plugin(audit)]
        struct User {
            #[kysera(id)]
            id: i64,
        }
    };
    let code = crate::expand::derive(item, Features { audit: false, ..ALL }).to_string();
    let message = "kysera was built without its feature `audit`, which brings the plugin `audit`: switch it on in Cargo.toml";
    assert!(code.contains(message), "{code}");
}

/// What a struct with some columns and these plugins is told.
fn told(plugins: &str) -> String {
    let plugins: TokenStream = plugins.parse().unwrap();
    let found = messages(quote! {
        #[kysera(has_many(posts = Post::USER_ID), has_many(tags = Tag::ID, through(A::B, A::C)))]
        #[kysera::plugin(#plugins)]
        struct User {
            #[kysera(id)]
            id: i64,
            #[kysera(belongs_to(boss = User::ID))]
            boss_id: i64,
            created_at: i64,
            deleted: bool,
            version: i32,
            #[kysera(skip)]
            cache: i64,
        }
    });
    format!("{plugins}\n    {}\n", found.join("\n").replace('\n', "\n    "))
}

#[test]
fn mistakes() {
    let found = [
        "timestamps",
        "timestamps(create_only)",
        "timestamps(update_only)",
        "timestamps(update_only, created_at = created_at)",
        "timestamps(create_only, update_only)",
        "timestamps(create_only, create_only)",
        "timestamps(create_only = true, created_at)",
        "timestamps(created_at = created, updated_at = cache)",
        "timestamps(created_at = deleted, updated_at = deleted)",
        "timestamps(create_only, created_at = id)",
        "version(column = id)",
        "version, soft_delete(deleted_at = version)",
        "version(version)",
        "version = version",
        "version, version",
        "softDelete",
        "Version, version",
        "time_stamps, Rls, rls, own",
        "soft_delete(deleted)",
        "soft_delete(cascade = [User::POST, User::TAGS, User::BOSS, User::POSTS, User::POSTS, POSTS])",
        "soft_delete(cascade = [])",
        "soft_delete(cascade(User::POSTS))",
        "soft_delete(cascade = User::POSTS)",
        "audit(tabel = \"logs\", table = logs, schema)",
        "audit(created_at = created_at)",
        "A, B, C, D, E, F, G, H, I",
        "A, A(3), A::b, A::b()",
        "A(b = 1, 2), C(1, b = 2)",
        "A(b = ), C(1 2), D(,)",
        "A {}, B[], C = 3, D + 1, <E>::F, g::H",
        ", A, ,",
    ]
    .map(told);
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn what_remains_after_a_mistake() {
    let code = expand(quote! {
        #[kysera::plugin(soft_delete, timestamps, version, audit, A(b c))]
        struct User {
            #[kysera(id)]
            id: i64,
        }
    });
    // Methods of the plugins, and their types, are there.
    for marker in ["SoftDeleted", "Timestamped", "Versioned", "Audited"] {
        assert!(code.contains(&format!("impl ::kysera::entity::{marker} for User")), "{marker}: {code}");
    }
}
