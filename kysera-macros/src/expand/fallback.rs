//! What remains of a generic struct, which cannot be an entity: the names that the rest of the program uses.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Generics;

use super::{entity, new, patch, repository};
use crate::model::{Model, Names, Plugins};

pub(super) fn generic(mut model: Model, generics: &Generics) -> TokenStream {
    // The fields' types may name the parameters.
    model.columns.clear();
    model.plugins = Plugins { declared: model.plugins.declared, ..Plugins::default() };
    let Model { ident, vis, krate, names: Names { source, .. }, .. } = &model;
    let repository = model.repository_type();
    let types = [repository::item(&model), new::item(&model), patch::item(&model)];
    let plugged = entity::plugged(&model, generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #(#types)*
        #[allow(dead_code)]
        impl #impl_generics #ident #ty_generics #where_clause {
            /// The repository.
            #vis fn repo<#source: #krate::Source>(source: #source) -> #repository<#source> {
                #repository { source }
            }
        }
        #plugged
    }
}
