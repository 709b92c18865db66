//! `#[derive(Projection)]`

use proc_macro2::TokenStream;
use quote::quote;

use super::budget::count;

fn expand(item: TokenStream) -> String {
    let tokens = crate::projection::derive(item);
    let file = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    prettyplease::unparse(&file)
}

/// The messages of a struct's mistakes.
fn messages(item: TokenStream) -> String {
    let code = expand(item);
    let file: syn::File = syn::parse_str(&code).unwrap();
    let messages = file.items.iter().filter_map(|item| match item {
        syn::Item::Macro(item) if item.mac.path.segments.last()?.ident == "compile_error" => {
            Some(item.mac.parse_body::<syn::LitStr>().unwrap().value())
        }
        _ => None,
    });
    messages.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_projection() {
    insta::assert_snapshot!(expand(quote! {
        #[kysera(of = User)]
        pub struct Card {
            pub id: i64,
            pub r#type: Option<String>,
            #[kysera(from = User::EMAIL)]
            address: String,
            #[kysera(expr = User::NAME.lower())]
            name: String,
        }
    }));
}

#[test]
fn names_elsewhere() {
    insta::assert_snapshot!(expand(quote! {
        #[kysera(of = app::User, columns = app::UserColumns, crate = app::db)]
        struct Card {
            id: DB,
        }
    }));
}

#[test]
fn what_remains_after_a_mistake() {
    insta::assert_snapshot!(expand(quote! {
        #[kysera(of = User)]
        struct Card<'a, T: Clone = i64> where T: Copy {
            id: &'a T,
        }
    }));
}

#[test]
fn mistakes() {
    let of_struct = [
        quote!(
            struct Card {
                id: i64,
            }
        ),
        quote!(
            #[kysera(of)]
            struct Card {
                id: i64,
            }
        ),
        quote!(
            #[kysera(of = User, table = "users", from = X)]
            struct Card {
                id: i64,
            }
        ),
        quote!(
            #[kysera(of = User)]
            struct Card(i64);
        ),
        quote!(
            #[kysera(of = User)]
            struct Card;
        ),
        quote!(
            #[kysera(of = User)]
            struct Card {}
        ),
        quote!(
            #[kysera(of = User)]
            enum Card {
                A,
            }
        ),
        quote!(#[kysera(of = User)] union Card { a: i64 }),
        quote!(
            #[kysera(of = User)]
            struct Card<T> {
                id: T,
            }
        ),
        quote!(
            #[kysera(of = User, of = Post)]
            struct Card {
                id: i64,
            }
        ),
    ];
    let of_field = [
        quote!(#[kysera(from)]),
        quote!(#[kysera(from = 3)]),
        quote!(#[kysera(expr = )]),
        quote!(#[kysera(expr = User::NAME.)]),
        quote!(#[kysera(from = User::A, expr = User::B)]),
        quote!(#[kysera(of = User)]),
        quote!(#[kysera(rename = "x")]),
    ];
    let of_field = of_field.map(|attr| quote!(#[kysera(of = User)] struct Card { #attr id: i64 }));
    let found: Vec<_> = of_struct.into_iter().chain(of_field).map(messages).collect();
    insta::assert_snapshot!(found.join("\n"));
}

/// A field costs little more than its line.
#[test]
fn ten_fields() {
    let fields = |n: usize| {
        let names = (0..n).map(|n| quote::format_ident!("field{n}"));
        count(crate::projection::derive(quote!(#[kysera(of = User)] struct Card { #(#names: i64),* })))
    };
    let each = (fields(20) - fields(10)) / 10;
    assert!(each <= 30, "{each} tokens for a field");
    assert!(fields(10) <= 520, "{}", fields(10));
}
