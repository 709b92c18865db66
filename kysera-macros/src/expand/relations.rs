//! One constant per relation: `User::POSTS`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, doc, located};
use crate::attr::item::tidy;
use crate::attr::relation::Kind;
use crate::model::Model;

pub(super) fn constants(model: &Model) -> Option<TokenStream> {
    let Model { ident, vis, krate, .. } = model;
    let owner = model.columns_type.as_ref().unwrap_or(ident);
    if model.relations.is_empty() {
        return None;
    }
    let constants = model.relations.iter().filter_map(|relation| {
        let column = model.columns.get(relation.key)?;
        let (constant, name, index) = (&relation.constant, &relation.name, relation.key);
        // What does not fit is reported at the column that was named, another constant of this name at the relation's.
        let span = at(&relation.target.column);
        let (here, vis) = (at(constant), located(vis, at(constant)));
        let entity_of = |owner: &TokenStream| {
            let owner = located(owner.clone(), at(owner));
            quote_spanned!(at(&owner)=> <#owner as #krate::__private::ColumnsOf>::Entity)
        };
        let target = entity_of(&relation.target.owner);
        let ty = located(&column.ty, span);
        let krate_there = located(krate, span);
        let own = quote_spanned! {span=>
            #krate_there::Column::<#ident, #ty>::new(&__KYSERA_META.columns[#index])
        };
        let there = &relation.target.column;
        let kind = match relation.kind {
            _ if relation.through.is_some() => quote_spanned!(span=> ManyToMany),
            Kind::HasMany => quote_spanned!(span=> HasMany),
            Kind::HasOne => quote_spanned!(span=> HasOne),
            Kind::BelongsTo => quote_spanned!(span=> BelongsTo),
        };
        let (ty, value) = match &relation.through {
            None => (
                quote!(#krate::relation::#kind<#ident, #target>),
                quote_spanned!(span=> #krate_there::relation::#kind::new(#name, #own, #there)),
            ),
            Some((parent, link_target)) => {
                let link = entity_of(&parent.owner);
                let (parent, link_target) = (&parent.column, &link_target.column);
                (
                    quote!(#krate::relation::#kind<#ident, #link, #target>),
                    quote_spanned! {span=>
                        #krate_there::relation::#kind::new(#name, #own, (#parent, #link_target), #there)
                    },
                )
            }
        };
        let doc = doc(format!("The relation to `{}` by `{}`.", tidy(&relation.target.owner), column.field));
        let constant = quote_spanned!(here=> #vis const #constant);
        Some(quote! {
            #doc
            #constant: #ty = #value;
        })
    });
    let constants: Vec<_> = constants.collect();
    Some(quote! {
        impl #owner {
            #(#constants)*
        }
    })
}

/// Tells whose columns are constants of the type that `columns = ..` makes, so that a relation needs to name a column
/// only. Entities tell it by themselves.
pub(super) fn columns_of(model: &Model) -> Option<TokenStream> {
    let Model { ident, krate, .. } = model;
    let columns_type = model.columns_type.as_ref()?;
    Some(quote! {
        #[automatically_derived]
        impl #krate::__private::ColumnsOf for #columns_type {
            type Entity = #ident;
        }
    })
}
