//! `UserRepository`, and `User::repo` that makes one.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{at, doc, located, quiet};
use crate::model::{Model, Names};

pub(super) fn item(model: &Model) -> TokenStream {
    let Model { vis, krate, names: Names { source, .. }, .. } = model;
    let repository = model.repository_type();
    let doc =
        doc(format!("The repository of {}: its methods are those of `kysera::Repository`.", model.link()));
    let quiet = quiet();
    let hooks = model.plugins.has_hooks().then(|| quote!(hooks: &'static #krate::__private::Hooks,));
    quote! {
        #doc
        #quiet
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #repository<#source> {
            source: #source,
            #hooks
        }
    }
}

pub(super) fn impls(model: &Model) -> TokenStream {
    let Model { ident, vis, krate, names: Names { source, .. }, .. } = model;
    let repository = model.repository_type();
    let doc = doc(format!(
        "The repository of `{}` over a source: a pool, a connection, a transaction, or a reference to one.",
        model.entity()
    ));
    // Another function with this name is reported at the struct's.
    let (span, vis) = (at(ident), located(vis, at(ident)));
    let has_hooks = model.plugins.has_hooks();
    let hooks =
        has_hooks.then(|| quote!(, hooks: <#ident as #krate::entity::Guard<#source::Context>>::HOOKS));
    let hooks_method = has_hooks.then(|| {
        quote! {
            fn hooks(&self) -> &'static #krate::__private::Hooks {
                self.hooks
            }
        }
    });
    let repo = quote_spanned! {span=>
        #vis fn repo<#source: #krate::Source>(source: #source) -> #repository<#source>
        where
            #ident: #krate::entity::Guard<#source::Context>,
        {
            #repository { source #hooks }
        }
    };
    quote! {
        impl #ident {
            #doc
            #repo
        }

        #[automatically_derived]
        impl<#source: #krate::Source> #krate::Repository for #repository<#source>
        where
            #ident: #krate::entity::On<#source::Database>,
        {
            type Entity = #ident;
            type Source = #source;
            fn source(&self) -> &#source {
                &self.source
            }
            #hooks_method
        }
    }
}
