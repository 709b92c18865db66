//! `#[derive(Claims)]`

use proc_macro2::TokenStream;
use quote::quote;

fn expand(item: TokenStream) -> String {
    let tokens = crate::claims::derive(item);
    let file = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    prettyplease::unparse(&file)
}

/// The messages of a struct's mistakes.
fn messages(item: TokenStream) -> String {
    super::told(crate::claims::derive(item)).join("\n")
}

#[test]
fn a_context() {
    insta::assert_snapshot!(expand(quote! {
        pub struct Principal {
            pub user_id: i64,
            /// Where they work.
            pub(crate) tenant_id: Option<i64>,
            team_ids: ::std::vec::Vec<i64>,
            roles: std::option::Option<Vec<String>>,
            r#type: Option<Vec<u8>>,
            boss: Boxed<Self>,
            #[kysera(skip)]
            pub session: Rc<Session>,
        }
    }));
}

#[test]
fn names_elsewhere() {
    insta::assert_snapshot!(expand(quote! {
        #[kysera(prefix = "shop", crate = app::db)]
        struct Principal {
            user_id: i64,
            #[kysera(setting = "jwt.sub")]
            subject: String,
        }
    }));
}

/// As macros write them.
#[test]
fn types_in_invisible_parentheses() {
    let ty = proc_macro2::Group::new(proc_macro2::Delimiter::None, quote!(Option<Vec<i64>>));
    let code = expand(quote!(struct Principal { teams: #ty }));
    assert!(code.contains("ClaimList<Principal, i64>"), "{code}");
}

#[test]
fn nothing_to_ask_for() {
    insta::assert_snapshot!(expand(quote!(
        struct Nobody {}
    )));
}

#[test]
fn what_remains_after_a_mistake() {
    insta::assert_snapshot!(expand(quote!(
        struct Principal<'a, T: Clone = i64>
        where
            T: Copy,
        {
            id: &'a T,
        }
    )));
    insta::assert_snapshot!(expand(quote!(
        struct Principal(i64);
    )));
    let code = expand(quote!(
        struct Principal {
            #[kysera(setting = "no dot")]
            user_id: i64,
            #[kysera(setting = "app.user_id", skip)]
            other_id: i64,
        }
    ));
    assert!(code.contains("const USER_ID"), "{code}");
}

#[test]
fn mistakes() {
    let of_struct = [
        quote!(
            struct Principal;
        ),
        quote!(
            struct Principal(i64);
        ),
        quote!(
            enum Principal {
                Nobody,
            }
        ),
        quote!(union Principal { id: i64 }),
        quote!(
            struct Principal<T> {
                id: T,
            }
        ),
        quote!(
            struct Principal<'a> {
                id: &'a str,
            }
        ),
        quote!(
            struct Principal {
                id: i64,
                ID: i64,
            }
        ),
        quote!(
            struct Principal {
                tenant_id: i64,
                #[kysera(setting = "APP.tenant_id")]
                tenant: i64,
            }
        ),
        quote!(
            #[kysera(prefix = "a.b")]
            #[kysera(setting = "x.y", prefx = "a")]
            struct Principal {
                id: i64,
            }
        ),
    ];
    let of_field = [
        quote!(#[kysera(setting)]),
        quote!(#[kysera(setting = app)]),
        quote!(#[kysera(setting = "app")]),
        quote!(#[kysera(setting = "app.1")]),
        quote!(#[kysera(setting = "app.a.b")]),
        quote!(#[kysera(setting = "app.a b")]),
        quote!(#[kysera(setting = "app.a", setting = "app.b")]),
        quote!(#[kysera(skip, setting = "app.a")]),
        quote!(#[kysera(skip = true)]),
        quote!(#[kysera(prefix = "app")]),
        quote!(#[kysera(seting = "app.a")]),
    ];
    let of_field = of_field.map(|attr| quote!(struct Principal { #attr id: i64 }));
    let found: Vec<_> = of_struct.into_iter().chain(of_field).map(messages).collect();
    insta::assert_snapshot!(found.join("\n"));
}
