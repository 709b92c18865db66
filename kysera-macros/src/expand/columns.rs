//! One constant per column: `User::EMAIL`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, doc, located, quiet};
use crate::model::Model;

/// The type that takes the constants, where `columns = UserColumns` asks for one.
pub(super) fn item(model: &Model) -> TokenStream {
    let Some(ident) = &model.columns_type else { return TokenStream::new() };
    let Model { vis, .. } = model;
    let doc = doc(format!("The columns of {}.", model.link()));
    let quiet = quiet();
    quote! {
        #doc
        #quiet
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #ident;
    }
}

pub(super) fn constants(model: &Model) -> TokenStream {
    let Model { ident, vis, krate, .. } = model;
    let owner = model.columns_type.as_ref().unwrap_or(ident);
    let constants = model.columns.iter().enumerate().filter_map(|(index, column)| {
        let constant = column.constant.as_ref()?;
        let ty = &column.ty;
        let doc = doc(format!("The column `{}.{}`: `{}`.", model.table, column.name, column.type_name));
        // Another constant with this name is reported at the field.
        let span = at(&column.field);
        let vis = located(vis, span);
        let constant = quote_spanned! {span=>
            #vis const #constant: #krate::Column<#ident, #ty> = #krate::Column::new(&__KYSERA_META.columns[#index]);
        };
        Some(quote! {
            #doc
            #constant
        })
    });
    quote! {
        impl #owner {
            #(#constants)*
        }
    }
}
