//! `impl On<DB>`: how rows of a database become the struct.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, plugins};
use crate::model::{Model, Names, Skipped};

pub(super) fn impls(model: &Model) -> TokenStream {
    let Model { ident, krate, names: Names { database, .. }, .. } = model;
    let plugins = |database: &TokenStream| {
        [plugins::cascade(model, database), plugins::after_write(model, database)]
            .into_iter()
            .flatten()
            .collect::<TokenStream>()
    };
    if model.backends.is_empty() {
        let mut seen = HashSet::new();
        let types =
            model.columns.iter().filter(|column| seen.insert(&column.type_name)).map(|column| &column.ty);
        let fields = model.columns.iter().map(|column| {
            let field = &column.field;
            quote!(#field: cells.next()?)
        });
        let body = body(model, fields.collect());
        let cascade_bounds = plugins::cascade_bounds(model);
        let plugins = plugins(&quote!(#database));
        return quote! {
            #[automatically_derived]
            impl<#database: #krate::Backend> #krate::entity::On<#database> for #ident
            where
                #(#types: #krate::backend::Scalar<#database>,)*
                #cascade_bounds
            {
                fn decode(cells: &mut #krate::__private::Cells<'_, #database>) -> #krate::Result<Self> {
                    #body
                }
                #plugins
            }
        };
    }
    let impls = model.backends.iter().map(|backend| {
        let fields = model.columns.iter().map(|column| {
            let (field, ty) = (&column.field, &column.ty);
            // The type is named here so that a database that lacks it is reported at the field's type.
            let cell = quote_spanned!(at(ty)=> cells.next::<#ty>());
            quote!(#field: #cell?)
        });
        let body = body(model, fields.collect());
        let plugins = plugins(&quote!(#krate::#backend));
        quote! {
            #[automatically_derived]
            impl #krate::entity::On<#krate::#backend> for #ident {
                fn decode(cells: &mut #krate::__private::Cells<'_, #krate::#backend>) -> #krate::Result<Self> {
                    #body
                }
                #plugins
            }
        }
    });
    quote!(#(#impls)*)
}

fn body(model: &Model, fields: Vec<TokenStream>) -> TokenStream {
    if !model.buildable {
        return quote! {
            let _ = cells;
            ::core::unreachable!()
        };
    }
    let ident = &model.ident;
    let skipped = model.skipped.iter().map(
        |Skipped { field, ty }| quote_spanned!(at(ty)=> #field: <#ty as ::core::default::Default>::default()),
    );
    quote! {
        ::core::result::Result::Ok(#ident {
            #(#fields,)*
            #(#skipped,)*
        })
    }
}
