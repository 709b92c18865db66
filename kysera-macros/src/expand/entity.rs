//! `impl Entity`, and who may reach it.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Generics, Index};

use super::{at, plugins};
use crate::model::{Model, Names};

pub(super) fn impls(model: &Model) -> TokenStream {
    let Model { ident, krate, .. } = model;
    let (new, patch) = (model.new_type(), model.patch_type());
    let plugged = plugged(model, &Generics::default());
    let key: Vec<_> = model.id.iter().filter_map(|&index| model.columns.get(index)).collect();
    let types = key.iter().map(|column| &column.ty);
    let fields = key.iter().map(|column| &column.field);
    let (id_type, id, id_value);
    if let [column] = key.as_slice() {
        let (ty, field) = (&column.ty, &column.field);
        id_type = quote!(#ty);
        id = quote!(::core::clone::Clone::clone(&self.#field));
        id_value = quote! {
            let _ = part;
            id
        };
    } else {
        let mut tuple = Group::new(Delimiter::Parenthesis, quote!(#(#types),*));
        if let Some(column) = key.first() {
            tuple.set_span(at(&column.ty));
        }
        id_type = quote!(#tuple);
        id = quote!((#(::core::clone::Clone::clone(&self.#fields)),*));
        let last = key.len().saturating_sub(1);
        let arms = (0..last).map(|part| {
            let index = Index::from(part);
            quote!(#part => &id.#index,)
        });
        let rest = if key.is_empty() {
            quote!(id)
        } else {
            let index = Index::from(last);
            quote!(&id.#index)
        };
        id_value = quote! {
            match part {
                #(#arms)*
                _ => #rest,
            }
        };
    }
    let guard = guard(model);
    let custom = plugins::hooks(model);
    // What is wrong with a key is reported at its field's type.
    let span = key.first().map_or_else(Span::call_site, |column| at(&column.ty));
    let assoc = quote_spanned!(span=> type Id = #id_type;);
    quote! {
        #[automatically_derived]
        impl #krate::Entity for #ident {
            #assoc
            type New = #new;
            type Patch = #patch;
            const META: &'static #krate::__private::Meta = &__KYSERA_META;
            const TEXTS: &'static #krate::__private::Texts = &__KYSERA_TEXTS;
            fn id(&self) -> #id_type {
                #id
            }
            fn id_value(id: &#id_type, part: ::core::primitive::usize) -> &#krate::__private::AnyValue {
                #id_value
            }
            fn text_cache() -> &'static #krate::__private::TextCache {
                static CACHE: ::std::sync::LazyLock<#krate::__private::TextCache> =
                    ::std::sync::LazyLock::new(::core::default::Default::default);
                &CACHE
            }
            #custom
        }

        #guard

        #plugged
    }
}

/// Which contexts reach it, and what writes need to know of them.
fn guard(model: &Model) -> TokenStream {
    let Model { ident, krate, names: Names { context: any, .. }, .. } = model;
    let hooks = |context: &TokenStream| {
        model.plugins.has_hooks().then(|| {
            quote! {
                const HOOKS: &'static #krate::__private::Hooks = &#krate::__private::Hooks::audited::<#context>();
            }
        })
    };
    let Some(context) = &model.context else {
        let hooks = hooks(&quote!(#any));
        let bound = hooks.is_some().then(|| quote!(: #krate::Actor));
        return quote! {
            #[automatically_derived]
            impl<#any #bound> #krate::entity::Guard<#any> for #ident { #hooks }
        };
    };
    let system = quote!(#krate::System);
    let (own_hooks, system_hooks) = (hooks(context), hooks(&system));
    quote! {
        #[automatically_derived]
        impl #krate::entity::Guard<#context> for #ident { #own_hooks }
        #[automatically_derived]
        impl #krate::entity::Guard<#system> for #ident { #system_hooks }
    }
}

/// Tells `#[kysera::plugin(..)]` that the derive has seen it.
pub(super) fn plugged(model: &Model, generics: &Generics) -> Option<TokenStream> {
    let Model { ident, krate, .. } = model;
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    model.plugins.declared.then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #krate::__private::Plugged for #ident #ty_generics #where_clause {}
        }
    })
}
