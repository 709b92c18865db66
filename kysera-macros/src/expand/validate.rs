//! `impl Validate` for `NewX` and `XPatch`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::at;
use crate::attr::rules::Rules;
use crate::model::Model;

/// What stands on the structs.
pub(super) fn attrs(model: &Model) -> TokenStream {
    match &model.rules {
        Rules::None | Rules::Manual => TokenStream::new(),
        Rules::Garde(context) => quote! {
            #[derive(::garde::Validate)]
            #[garde(allow_unvalidated)]
            #context
        },
        Rules::Validator => quote!(#[derive(::validator::Validate)]),
    }
}

/// The type of a field that gets an `Option`. validator reads the text of types, and reads two `Option`s only where they stand
/// without a path.
pub(super) fn optional(model: &Model, ty: &TokenStream) -> TokenStream {
    match &model.rules {
        Rules::Validator => quote_spanned!(at(ty)=> Option<#ty>),
        _ => quote_spanned!(at(ty)=> ::core::option::Option<#ty>),
    }
}

pub(super) fn impls(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let module = match &model.rules {
        Rules::Manual => return TokenStream::new(),
        Rules::None => None,
        Rules::Garde(_) => Some(quote!(garde)),
        Rules::Validator => Some(quote!(validator)),
    };
    let body = module.map(|module| {
        quote! {
            fn validate(&self) -> ::core::result::Result<(), #krate::error::Invalid> {
                #krate::__private::#module::validate(self)
            }
        }
    });
    let impls = [model.new_type(), model.patch_type()].map(|ident| {
        quote! {
            #[automatically_derived]
            impl #krate::entity::Validate for #ident {
                #body
            }
        }
    });
    quote!(#(#impls)*)
}
