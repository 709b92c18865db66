//! `impl Values` for the row, `NewX` and `XPatch`: the value of a column by its index.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::{Fill, Model};

pub(super) fn impls(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let row = model.columns.iter().enumerate().map(|(index, column)| {
        let field = &column.field;
        quote!(#index => ::core::option::Option::Some(&self.#field),)
    });
    let new = model.new_columns().map(|(index, column)| {
        let field = &column.field;
        match column.fill {
            Fill::Default => quote!(#index => #krate::__private::given(&self.#field),),
            _ => quote!(#index => ::core::option::Option::Some(&self.#field),),
        }
    });
    let patch = model.patch_columns().map(|(index, column)| {
        let field = &column.field;
        quote!(#index => #krate::__private::given(&self.#field),)
    });
    let row = values(model, &model.ident, row.collect());
    let new = values(model, &model.new_type(), new.collect());
    let patch = values(model, &model.patch_type(), patch.collect());
    quote!(#row #new #patch)
}

fn values(model: &Model, ident: &Ident, arms: TokenStream) -> TokenStream {
    let krate = &model.krate;
    quote! {
        #[automatically_derived]
        impl #krate::__private::Values for #ident {
            fn value(&self, column: ::core::primitive::usize) -> ::core::option::Option<&#krate::__private::AnyValue> {
                match column {
                    #arms
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}
