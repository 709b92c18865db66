//! Mistakes that need a feature the UI tests do without, and some that are easier to list here.

use quote::quote;

use super::{ALL, expand, messages};
use crate::attr::Features;

#[test]
fn rules_that_cannot_be_forwarded() {
    let found = messages(quote! {
        #[garde(transparent)]
        struct Account {
            #[kysera(id)]
            id: i64,
            #[garde(if(cond = self.id > 3, ascii))]
            a: String,
            #[garde(adapt(my), length(min = 1))]
            b: String,
            #[garde(dive, custom(check))]
            c: String,
            #[garde(custom(equals(&self.a)))]
            d: String,
            #[garde]
            e: String,
        }
    });
    insta::assert_snapshot!(found.join("\n"));
    let found = messages(quote! {
        #[validate(schema(function = "check"))]
        struct Account {
            #[kysera(id)]
            id: i64,
            #[validate(email)]
            a: String,
        }
    });
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn rules_by_hand_are_not_looked_at() {
    let item = quote! {
        #[kysera(validate)]
        #[validate(schema(function = "check"))]
        struct Account {
            #[kysera(id)]
            id: i64,
            #[validate(email)]
            #[garde(if(cond = self.id > 3, ascii))]
            a: String,
        }
    };
    let code = expand(item);
    assert!(!code.contains("compile_error"), "{code}");
    assert!(!code.contains("garde") && !code.contains("impl ::kysera::entity::Validate"), "{code}");
}

#[test]
fn rules_of_fields_that_are_never_written_do_not_count() {
    let item = quote! {
        struct Account {
            #[kysera(id)]
            #[garde(skip)]
            id: i64,
            #[kysera(read_only)]
            #[garde(range(min = 1))]
            visits: i64,
        }
    };
    let code = crate::expand::derive(item, Features { garde: false, validator: false, ..ALL }).to_string();
    assert!(!code.contains("compile_error") && !code.contains("garde"), "{code}");
}

#[test]
fn close_names_are_suggested() {
    for (wrong, right) in [
        ("readOnly", "read_only"),
        ("ID", "id"),
        ("uniq", "unique"),
        ("defualt", "default"),
        ("rename_to", "rename"),
        ("asigned", "assigned"),
    ] {
        let key = quote::format_ident!("{wrong}");
        let found = messages(quote! {
            struct User {
                #[kysera(id)]
                id: i64,
                #[kysera(#key)]
                a: String,
            }
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(&format!("did you mean `{right}`?")), "{found:?}");
    }
}

#[test]
fn rename_all_that_leaves_nothing() {
    let found = messages(quote! {
        #[kysera(rename_all = "PascalCase")]
        struct User {
            #[kysera(id)]
            id: i64,
            __: i64,
        }
    });
    assert_eq!(found, ["`rename_all` leaves nothing of this name: add `#[kysera(rename = \"..\")]`"]);
}

#[test]
fn nul_in_names() {
    let found = messages(quote! {
        #[kysera(table = "a\0b")]
        struct User {
            #[kysera(id)]
            id: i64,
        }
    });
    assert_eq!(found, ["`table` must not contain a NUL character: no database takes it"]);
}

#[test]
fn relations_that_cannot_be() {
    let found = messages(quote! {
        #[kysera(has_many, has_many(), has_many(posts), has_many(posts = 1), has_many(posts = AUTHOR_ID))]
        #[kysera(has_many(posts = Post::AUTHOR_ID, author_id), has_many(posts = Post::AUTHOR_ID, kye = id))]
        #[kysera(has_many(a = Post::AUTHOR_ID, key = emial), has_many(b = Post::AUTHOR_ID, key = id, key = id))]
        #[kysera(has_one(c = Post::ID, through(A::B, A::C)), has_many(d = Tag::ID, through(A::B)))]
        #[kysera(has_many(e = Tag::ID, through(A::B, C::D)), has_many(f = Tag::ID, through(A::B, 1)))]
        #[kysera(has_many(email = Post::ID), has_many(g = Post::ID), has_one(g = Post::ID), belongs_to(h = A::B))]
        struct User {
            #[kysera(id)]
            id: i64,
            #[kysera(belongs_to(i = A::B, key = id), has_many(j = A::B))]
            email: String,
            #[kysera(skip, belongs_to(k = A::B))]
            no_column: i64,
            #[kysera(belongs_to = 1, belongs_to(g = A::B))]
            other: i64,
        }
    });
    insta::assert_snapshot!(found.join("\n"));
    let found = messages(quote! {
        #[kysera(has_many(posts = Post::AUTHOR), has_one(last = Post::AUTHOR, key = user))]
        struct Member {
            #[kysera(id)]
            org: i64,
            #[kysera(id)]
            user: i64,
        }
    });
    insta::assert_snapshot!(found.join("\n"));
}
