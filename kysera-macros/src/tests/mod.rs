//! Tests of the whole way, from a struct's tokens to the code.

mod budget;
mod claims;
mod expansion;
mod mistakes;
mod odd_input;
mod plugins;
mod projection;
mod rls;
mod schema;

use proc_macro2::TokenStream;

use crate::attr::Features;

const ALL: Features =
    Features { audit: true, garde: true, validator: true, postgres: true, mysql: true, sqlite: true };

/// Derives with all features on.
fn derive(item: TokenStream) -> TokenStream {
    crate::expand::derive(item, ALL)
}

/// Derives, and formats what comes out.
fn expand(item: TokenStream) -> String {
    let tokens = derive(item);
    let file = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    prettyplease::unparse(&file)
}

/// The messages of a struct's mistakes.
fn messages(item: TokenStream) -> Vec<String> {
    told(derive(item))
}

/// The messages of an expansion.
fn told(expansion: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(expansion).unwrap();
    let messages = file.items.iter().filter_map(|item| match item {
        syn::Item::Macro(item) if item.mac.path.segments.last()?.ident == "compile_error" => {
            Some(item.mac.parse_body::<syn::LitStr>().unwrap().value())
        }
        _ => None,
    });
    messages.collect()
}
