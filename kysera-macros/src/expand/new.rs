//! `NewUser`: what it takes to create a row.

use proc_macro2::TokenStream;
use quote::quote;

use super::{doc, patch, quiet, validate};
use crate::model::{Column, Fill, Model};

pub(super) fn item(model: &Model) -> TokenStream {
    let Model { vis, .. } = model;
    let new = model.new_type();
    let doc = doc(format!("What it takes to create a row of {}.", model.link()));
    let default = patch::more_docs("`None` leaves it to the database's default.");
    let stamped = patch::more_docs("`None` is the time of the operation.");
    let derives = patch::derives(&model.new_derives, &["Clone", "Debug"]);
    let attrs = validate::attrs(model);
    let quiet = quiet();
    let fields = model.new_columns().map(|(_, column)| {
        let Column { field, vis, ty, .. } = column;
        let docs = patch::field_docs(model, column);
        let rules = &column.rules.new;
        if column.fill == Fill::Default {
            let ty = validate::optional(model, ty);
            let default = if column.plugin.is_some() { &stamped } else { &default };
            quote! {
                #docs
                #default
                #rules
                #vis #field: #ty,
            }
        } else {
            quote!(#docs #rules #vis #field: #ty,)
        }
    });
    quote! {
        #doc
        #quiet
        #[derive(::core::clone::Clone, ::core::fmt::Debug #derives)]
        #attrs
        #vis struct #new {
            #(#fields)*
        }
    }
}

pub(super) fn impls(model: &Model) -> TokenStream {
    let Model { ident, krate, .. } = model;
    let new = model.new_type();
    quote! {
        #[automatically_derived]
        impl #krate::entity::New for #new {
            type Entity = #ident;
        }
    }
}
