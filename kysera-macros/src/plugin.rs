//! `#[kysera::plugin(..)]`, the attribute macro.
//!
//! Behind `#[derive(Repository)]` the derive has seen the attribute already, and the item goes back as it came. In
//! front of it the attribute turns into `#[kysera(plugin(..))]` behind the derive: a helper attribute in front of its
//! derive is not allowed.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Attribute, DeriveInput};

use crate::attr::container::derived;
use crate::attr::item::items;
use crate::diag::Diag;

pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> TokenStream {
    let Ok(mut input) = syn::parse2::<DeriveInput>(item.clone()) else {
        let error = syn::Error::new(
            proc_macro2::Span::call_site(),
            "`#[kysera::plugin(..)]` goes on a struct with `#[derive(Repository)]`",
        )
        .to_compile_error();
        return quote!(#error #item);
    };
    if let Some(index) = input.attrs.iter().position(derives_repository) {
        let helper: Attribute = syn::parse_quote!(#[kysera(plugin(#args))]);
        input.attrs.insert(index + 1, helper);
        return input.into_token_stream();
    }
    let check = check(&input);
    quote!(#item #check)
}

fn derives_repository(attr: &Attribute) -> bool {
    derived(attr).iter().any(|path| path.segments.last().is_some_and(|last| last.ident == "Repository"))
}

/// Refuses to compile unless a derive has seen the attribute.
fn check(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    let krate = krate(&input.attrs);
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        const _: () = {
            #[allow(dead_code)]
            fn check #impl_generics () #where_clause {
                #krate::__private::plugged::<#ident #ty_generics>();
            }
        };
    }
}

/// The path to kysera: what `#[kysera(crate = ..)]` says.
fn krate(attrs: &[Attribute]) -> TokenStream {
    let ignored = Diag::default();
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("kysera"))
        .flat_map(|attr| items(attr, &ignored))
        .filter(|item| item.key == "crate")
        .find_map(|item| item.parsed::<syn::Path>("", &ignored))
        .map_or_else(|| quote!(::kysera), |path| path.to_token_stream())
}
