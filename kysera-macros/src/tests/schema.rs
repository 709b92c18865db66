//! Structs that are held against a snapshot.

use proc_macro2::TokenStream;
use quote::quote;

use super::expansion::part;
use super::{expand, messages};

/// A struct with this snapshot.
fn with(file: &str, item: TokenStream) -> TokenStream {
    let file = format!("src/tests/schema/{file}.json");
    quote!(#[kysera(schema_file = #file)] #item)
}

fn mistakes(item: TokenStream) -> Vec<String> {
    messages(with("postgres", item))
}

#[test]
fn an_entity_with_a_snapshot() {
    let code = expand(with(
        "postgres",
        quote! {
            #[kysera(table = "users")]
            #[kysera::plugin(soft_delete)]
            pub struct User {
                #[kysera(id)]
                id: i64,
                tenant_id: i64,
                #[kysera(unique)]
                email: String,
                phone: Option<String>,
                #[kysera(default)]
                role: Role,
                #[kysera(read_only)]
                length: i32,
                deleted_at: Option<DateTime<Utc>>,
            }
        },
    ));
    for text in ["include_bytes", "__private::fits", "UserConstraint", "UserFinders"] {
        assert!(code.contains(text), "{text}");
    }
    insta::assert_snapshot!(part(&code, "include_bytes"));
    insta::assert_snapshot!(part(&code, "__private::fits"));
    insta::assert_snapshot!(part(&code, "UserConstraint"));
    insta::assert_snapshot!(part(&code, "UserFinders"));
}

#[test]
fn what_is_right_is_no_mistake() {
    let right = [
        quote! {
            #[kysera(table = "users", unique(email, tenant_id, name = "users_tenant_email"))]
            struct User {
                #[kysera(id)]
                id: i64,
                tenant_id: i64,
                #[kysera(unique = "users_email_key")]
                email: String,
            }
        },
        // A key of another kind than the primary one, and rows that are made elsewhere.
        quote! {
            #[kysera(table = "users", partial)]
            struct User { #[kysera(id, assigned)] email: String }
        },
        quote! {
            #[kysera(table = "members", unique(org, nick, name = "nicks"))]
            struct Member { #[kysera(id)] person: i64, #[kysera(id)] org: i64, nick: Option<String> }
        },
        quote! {
            #[kysera(table = "totals")]
            struct Total { #[kysera(id)] id: i64, total: Decimal }
        },
        // Of another schema nothing is known, and none of a database that it does not live on.
        quote! {
            #[kysera(table = "elsewhere", schema = "other")]
            struct Other { #[kysera(id)] id: i64 }
        },
        quote! {
            #[kysera(table = "elsewhere", backend(Sqlite))]
            struct Other { #[kysera(id)] id: i64 }
        },
    ];
    for item in right {
        assert_eq!(mistakes(item.clone()), [""; 0], "{item}");
    }
}

#[test]
fn all_mistakes_of_a_struct() {
    insta::assert_snapshot!(
        mistakes(quote! {
            #[kysera(table = "users", unique(phone, email))]
            struct User {
                #[kysera(id, assigned)]
                id: i64,
                #[kysera(unique = "users_mail")]
                email: String,
                #[kysera(default)]
                tenant_id: i64,
                #[kysera(rename = "phonee")]
                telephone: Option<String>,
                length: i32,
                #[kysera(unique)]
                deleted_at: Option<DateTime<Utc>>,
            }
        })
        .join("\n\n")
    );
    let more = [
        quote! {
            struct User { #[kysera(id)] id: i64 }
        },
        quote! {
            #[kysera(table = "memberz")]
            struct Member { #[kysera(id)] id: i64 }
        },
        quote! {
            #[kysera(table = "users")]
            struct User { #[kysera(id)] id: i64 }
        },
        quote! {
            #[kysera(table = "members")]
            struct Member { #[kysera(id)] org: i64, person: i64 }
        },
        quote! {
            #[kysera(table = "users", partial)]
            struct User { #[kysera(id)] email: String }
        },
    ];
    insta::assert_snapshot!(more.map(|item| mistakes(item).join("\n\n")).join("\n\n"));
}

#[test]
fn files_that_are_none() {
    let item = quote! {
        struct User { #[kysera(id)] id: i64 }
    };
    let broken = messages(with("broken", item.clone()));
    assert!(broken[0].starts_with("src/tests/schema/broken.json cannot be read as a snapshot of a schema: line 4: expected `,` or `}`"), "{broken:?}");
    assert_eq!(messages(with("broken", item.clone())), [""; 0], "it is said once");
    let newer = messages(with("newer", item.clone()));
    assert!(
        newer[0].contains("it is in version 2 of the format, and this kysera reads version 1"),
        "{newer:?}"
    );
    let missing = messages(with("nowhere", item.clone()));
    assert!(missing[0].starts_with("there is no file `src/tests/schema/nowhere.json` in /"), "{missing:?}");
    let values = [
        quote!(schema_file = on),
        quote!(schema_file = "x"suffix),
        quote!(schema_file),
        quote!(schema_file("x")),
    ];
    for value in values {
        let messages = messages(quote!(#[kysera(#value)] #item));
        let expected =
            "expected a file, relative to Cargo.toml, as in `schema_file = \"kysera.schema.json\"`, or `off`";
        assert!(messages[0] == expected || messages[0].starts_with("expected a string"), "{messages:?}");
    }
    assert_eq!(messages(quote!(#[kysera(schema_file = off)] #item)), [""; 0]);
}
