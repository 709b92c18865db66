//! `UserPatch`: what an update changes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;
use syn::ext::IdentExt as _;

use super::{doc, quiet, validate};
use crate::attr::container::{derives_named, is_std};
use crate::attr::item::tidy;
use crate::model::{Column, Model};

pub(super) fn item(model: &Model) -> TokenStream {
    let Model { vis, .. } = model;
    let patch = model.patch_type();
    let doc = doc(format!("What an update of a row of {} changes. `None` keeps a value.", model.link()));
    let keep = more_docs("`None` keeps the value.");
    let stamped = more_docs("`None` is the time of the operation.");
    let derives = derives(&model.patch_derives, &["Clone", "Debug", "Default"]);
    let attrs = validate::attrs(model);
    let quiet = quiet();

    let deserialize = derives_named(&model.patch_derives, "Deserialize");
    let serialize = derives_named(&model.patch_derives, "Serialize");
    let on_struct = deserialize.then(|| quote!(#[serde(default)]));
    // Absent is `None`, NULL is `Some(None)`: without it serde would read both as `None`.
    let present = format!("{}::__private::present", tidy(&model.krate));
    let on_field = [
        deserialize.then(|| quote!(#[serde(deserialize_with = #present)])),
        serialize.then(|| quote!(#[serde(skip_serializing_if = "::core::option::Option::is_none")])),
    ];
    let on_field = quote!(#(#on_field)*);

    let updated_at = model.plugins.updated_at();
    let fields = model.patch_columns().map(|(index, column)| {
        let Column { field, vis, ty, .. } = column;
        let keep = if updated_at == Some(index) { &stamped } else { &keep };
        let docs = field_docs(model, column);
        let rules = &column.rules.patch;
        let ty = validate::optional(model, ty);
        quote! {
            #docs
            #keep
            #on_field
            #rules
            #vis #field: #ty,
        }
    });
    quote! {
        #doc
        #quiet
        #[derive(::core::clone::Clone, ::core::fmt::Debug #derives)]
        #on_struct
        #attrs
        #vis struct #patch {
            #(#fields)*
        }
    }
}

pub(super) fn impls(model: &Model) -> TokenStream {
    let Model { ident, krate, vis, .. } = model;
    let patch = model.patch_type();
    let fields: Vec<_> = model.patch_columns().map(|(_, column)| &column.field).collect();
    // Where a column is called `new`, its setter has the name; `default()` remains.
    let constructor = (!fields.iter().any(|field| field.unraw() == "new")).then(|| {
        quote! {
            /// A patch that changes nothing yet.
            #vis fn new() -> Self {
                <Self as ::core::default::Default>::default()
            }
        }
    });
    let setters = model.patch_columns().map(|(_, column)| {
        let Column { field, ty, .. } = column;
        let doc = doc(format!("Sets `{}`.", field.unraw()));
        quote! {
            #doc
            #[must_use]
            #vis fn #field(mut self, value: impl #krate::IntoColumn<#ty>) -> Self {
                self.#field = ::core::option::Option::Some(#krate::IntoColumn::into_column(value));
                self
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl #krate::entity::Patch for #patch {
            type Entity = #ident;
            fn is_empty(&self) -> ::core::primitive::bool {
                ::core::matches!(self, #patch { #(#fields: ::core::option::Option::None),* })
            }
        }
        #[automatically_derived]
        impl ::core::default::Default for #patch {
            fn default() -> Self {
                Self { #(#fields: ::core::option::Option::None),* }
            }
        }
        impl #patch {
            #constructor
            #(#setters)*
        }
    }
}

/// The user's derives, each after a comma, without those that are there in any case.
pub(super) fn derives(paths: &[Path], given: &[&str]) -> TokenStream {
    let paths = paths.iter().filter(|path| {
        let name = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        !(is_std(path) && given.contains(&name.as_str()))
    });
    quote!(#(, #paths)*)
}

/// The docs of the row's field, or its column.
pub(super) fn field_docs(model: &Model, column: &Column) -> TokenStream {
    if !column.docs.is_empty() {
        return column.docs.clone();
    }
    doc(format!("The column `{}.{}`.", model.table, column.name))
}

/// A paragraph after a field's own docs.
pub(super) fn more_docs(text: &str) -> TokenStream {
    let doc = doc(text);
    quote!(#[doc = ""] #doc)
}
