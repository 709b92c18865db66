//! `impl Validate` for `NewX` and `XPatch`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attr::rules::Rules;
use crate::model::Model;

/// What stands on the structs.
pub(super) fn attrs(_model: &Model) -> TokenStream {
    TokenStream::new()
}

pub(super) fn impls(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let body = match &model.rules {
        Rules::Manual => return TokenStream::new(),
        Rules::None => TokenStream::new(),
    };
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
