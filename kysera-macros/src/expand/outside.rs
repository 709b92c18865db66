//! `User::query_schema`: what the world outside may filter and sort by.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, doc, located};
use crate::model::Model;

pub(super) fn impls(model: &Model) -> TokenStream {
    let Model { ident, vis, krate, .. } = model;
    if !model.columns.iter().any(|column| column.filterable.is_some() || column.sortable.is_some()) {
        return TokenStream::new();
    }
    // A type that serde does not know is reported at the field. (References are reported anyway.)
    let is_reference = |ty: &TokenStream| ty.to_string().starts_with('&');
    let filterable = model.columns.iter().filter(|column| column.filterable.is_some());
    let readable = filterable.filter(|column| !is_reference(&column.ty)).map(|column| {
        let (ty, span) = (&column.ty, at(&column.ty));
        quote_spanned!(span=> #krate::__private::from_outside::<#ty>();)
    });
    let doc = doc(format!(
        "Turns filters and orders from outside into those of {}: fields that are marked `filterable` and `sortable`.",
        model.link()
    ));
    // Another function with this name is reported at the struct's.
    let (span, vis) = (at(ident), located(vis, at(ident)));
    let function = quote_spanned! {span=>
        #vis const fn query_schema() -> #krate::QuerySchema<#ident> {
            #krate::QuerySchema::new()
        }
    };
    quote! {
        impl #ident {
            #doc
            #function
        }

        const _: () = {
            #(#readable)*
        };
    }
}
