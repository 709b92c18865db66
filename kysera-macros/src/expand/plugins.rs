//! What plugins add to the entity.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use super::{at, located, rls};
use crate::model::{Cascade, Fill, Model, Plugins};

/// `Meta::plug`
pub(super) fn plug(model: &Model) -> Option<TokenStream> {
    let Model { krate, plugins, .. } = model;
    if !plugins.writes() {
        return None;
    }
    let ty = |column: usize| &model.columns[column].ty;
    let some = |tokens| quote!(::core::option::Option::Some(#krate::__private::#tokens));
    let soft_delete = plugins.soft_delete.as_ref().and_then(|plugin| {
        let (column, cascade) = (plugin.column?, !plugin.cascade.is_empty());
        let ty = ty(column);
        let value = some(quote! {
            SoftDelete {
                column: #column,
                mark: <#ty as #krate::__private::DeletedAt>::MARK,
                cascade: #cascade,
            }
        });
        Some(quote!(soft_delete: #value,))
    });
    let stamp = |column: usize, explicit: bool| {
        let ty = ty(column);
        some(quote!(Stamp { column: #column, at: #krate::__private::stamp::<#ty>, explicit: #explicit }))
    };
    let timestamps = plugins.timestamps.as_ref().map(|plugin| {
        let created_at = plugin.created_at.map(|column| stamp(column, plugin.explicit));
        let updated_at = plugin.updated_at.map(|column| stamp(column, plugin.explicit));
        let created_at = created_at.map(|stamp| quote!(created_at: #stamp,));
        let updated_at = updated_at.map(|stamp| quote!(updated_at: #stamp,));
        quote!(#created_at #updated_at)
    });
    let version = plugins.version.as_ref().and_then(|plugin| {
        let column = plugin.column?;
        let ty = ty(column);
        let value = some(quote!(Counter { column: #column, first: #krate::__private::first_version::<#ty> }));
        Some(quote!(version: #value,))
    });
    let audit = plugins.audit.as_ref().map(|plugin| {
        let (table, sensitive, chain) = (&plugin.table, &plugins.sensitive, plugin.chain);
        let schema = super::meta::option(plugin.schema.as_deref());
        let value = some(quote! {
            Audit { schema: #schema, table: #table, sensitive: &[#(#sensitive),*], chain: #chain }
        });
        quote!(audit: #value,)
    });
    let owned = model.columns.iter().enumerate().filter_map(|(index, column)| {
        let plugin = column.plugin.filter(|_| column.fill == Fill::Plugin)?;
        Some(quote!((#index, #plugin)))
    });
    Some(quote! {
        plug: &#krate::__private::Plug {
            #soft_delete
            #timestamps
            #version
            #audit
            owned: &[#(#owned),*],
            ..#krate::__private::Plug::NONE
        },
    })
}

/// `Meta::scope`
pub(super) fn scope(model: &Model) -> Option<TokenStream> {
    let Model { ident, krate, plugins, .. } = model;
    let scope = match &context(model) {
        None if plugins.custom.is_empty() => return None,
        None => quote!(#krate::__private::scope_of::<#ident, _>(__kysera_plugins, __kysera_scope)),
        Some(_) if !plugins.custom.is_empty() => quote!(::core::option::Option::Some(__kysera_scope)),
        Some(context) => {
            quote!(::core::option::Option::Some(#krate::__private::Scope::of::<#context, #krate::System>))
        }
    };
    Some(quote!(scope: #scope,))
}

/// The context without which nothing is seen. With `rls` that is the policy's affair.
fn context(model: &Model) -> Option<&TokenStream> {
    model.context.as_ref().filter(|_| model.plugins.rls.is_none())
}

/// What `impl Entity` says of the user's own plugins.
pub(super) fn hooks(model: &Model) -> Option<TokenStream> {
    let Model { krate, plugins: Plugins { custom, .. }, .. } = model;
    if custom.is_empty() {
        return None;
    }
    let hooks = ["before_create", "before_update"].map(|hook| {
        let hook = format_ident!("{hook}");
        quote! {
            fn #hook(
                changes: &mut #krate::__private::Changes<'_, Self>,
                cx: &#krate::__private::PluginContext<'_>,
            ) -> #krate::Result<()> {
                #krate::__private::PluginSet::#hook(&__kysera_plugins(), changes, cx)
            }
        }
    });
    Some(quote! {
        #(#hooks)*
        const CUSTOM: #krate::__private::Custom = #krate::__private::Custom {
            any: true,
            after_write: #krate::__private::after_write_of::<Self, _>(__kysera_plugins),
        };
    })
}

/// What `impl On<DB>` says of other rows that are deleted along.
pub(super) fn cascade(model: &Model, database: &TokenStream) -> Option<TokenStream> {
    let Model { krate, plugins, .. } = model;
    let along = plugins.cascade().iter().map(|Cascade { relation, .. }| {
        // An entity without `soft_delete` is reported at the relation that leads to it.
        let span = at(relation);
        let krate = located(krate, span);
        quote_spanned!(span=> #krate::__private::along(&mut cascade, #relation);)
    });
    let along = along.collect::<Vec<_>>();
    (!along.is_empty()).then(|| {
        quote! {
            fn cascade(mut cascade: #krate::__private::Cascade<'_, #database, Self>) {
                #(#along)*
            }
        }
    })
}

/// What it asks of a database in general: that it has the tables of those rows. The struct's own it has.
pub(super) fn cascade_bounds(model: &Model) -> TokenStream {
    let Model { krate, plugins, names, .. } = model;
    let database = &names.database;
    let mut seen = HashSet::new();
    let targets = plugins.cascade().iter().filter_map(|cascade| cascade.target.as_ref());
    let targets = targets.filter(|target| seen.insert(target.to_string()));
    let bounds = targets.map(
        |target| quote!(<#target as #krate::__private::ColumnsOf>::Entity: #krate::entity::On<#database>,),
    );
    bounds.collect()
}

/// What `impl On<DB>` says of the user's own plugins.
pub(super) fn after_write(model: &Model, database: &TokenStream) -> Option<TokenStream> {
    let Model { krate, plugins: Plugins { custom, .. }, .. } = model;
    (!custom.is_empty()).then(|| {
        quote! {
            fn after_write<'a>(
                written: #krate::__private::Written<'a, Self>,
                wire: #krate::__private::Wire<'a, #database>,
                schema: ::core::option::Option<&'a ::core::primitive::str>,
                cx: #krate::__private::PluginContext<'a>,
            ) -> impl ::core::future::Future<Output = #krate::Result<()>> + ::core::marker::Send + 'a {
                #krate::__private::after_write::<Self, #database, _>(__kysera_plugins, written, wire, schema, cx)
            }
        }
    })
}

/// Items beside the entity.
pub(super) fn items(model: &Model) -> TokenStream {
    let markers = markers(model);
    let custom = custom(model);
    let rls = rls::items(model);
    quote!(#markers #custom #rls)
}

/// The user's own plugins, and whether they fit each other.
fn custom(model: &Model) -> Option<TokenStream> {
    let Model { ident, krate, plugins, .. } = model;
    if plugins.custom.is_empty() {
        return None;
    }
    // Each has a function of its own, so that one which is no plugin is reported where it is named.
    let names: Vec<_> =
        (0..plugins.custom.len()).map(|index| format_ident!("__kysera_plugin_{index}")).collect();
    let each = plugins.custom.iter().zip(&names).map(|(plugin, name)| {
        let span = at(&plugin.path);
        let (krate, value) = (located(krate, span), &plugin.value);
        quote_spanned!(span=> const fn #name() -> impl #krate::plugin::Plugin<#ident> { #value })
    });
    let builtin = plugins.builtin();
    let checks = plugins.custom.iter().enumerate().map(|(index, plugin)| {
        let span = at(&plugin.path);
        let krate = located(krate, span);
        quote_spanned! {span=>
            const _: () = #krate::__private::check(
                #krate::__private::facts_of::<#ident, _>(__kysera_plugins),
                &[#(#builtin),*],
                #index,
            );
        }
    });
    let open = match context(model) {
        None => quote!(#krate::__private::Scope::Open),
        Some(context) => quote!(#krate::__private::Scope::of::<#context, #krate::System>(cx)),
    };
    Some(quote! {
        #(#each)*
        const fn __kysera_plugins() -> impl #krate::__private::PluginSet<#ident> {
            (#(#names(),)*)
        }
        fn __kysera_scope(cx: &#krate::__private::PluginContext<'_>) -> #krate::__private::Scope {
            #open.and(|| #krate::__private::PluginSet::<#ident>::scope(&__kysera_plugins(), cx))
        }
        #(#checks)*
    })
}

/// Says which plugins there are, to methods that need one.
fn markers(model: &Model) -> TokenStream {
    let Model { ident, krate, plugins, .. } = model;
    let marker = |name: &str| {
        let name = format_ident!("{name}");
        quote! {
            #[automatically_derived]
            impl #krate::entity::#name for #ident {}
        }
    };
    let soft_deleted = plugins.soft_delete.as_ref().map(|plugin| {
        let column = plugin.column.and_then(|column| model.columns.get(column));
        // A flag, after a mistake.
        let ty = column.map_or_else(|| quote!(::core::primitive::bool), |column| column.ty.clone());
        quote! {
            #[automatically_derived]
            impl #krate::entity::SoftDeleted for #ident {
                type Mark = #ty;
            }
        }
    });
    let timestamped =
        plugins.timestamps.as_ref().is_some_and(|plugin| plugin.updates).then(|| marker("Timestamped"));
    let audited = plugins.audit.is_some().then(|| marker("Audited"));
    let versioned = plugins.version.as_ref().map(|plugin| {
        let (ty, version) = match plugin.column.and_then(|column| model.columns.get(column)) {
            Some(column) => {
                let (ty, field) = (&column.ty, &column.field);
                (quote!(#ty), quote!(::core::clone::Clone::clone(&self.#field)))
            }
            // After a mistake.
            None => (quote!(::core::primitive::i32), quote!(::core::unreachable!())),
        };
        let patch = model.patch_type();
        let fields = model.patch_columns().map(|(index, column)| {
            let field = &column.field;
            // Even where the client may give it: the time in the row is that of the update before.
            if plugins.updated_at() == Some(index) {
                return quote!(#field: ::core::option::Option::None);
            }
            quote!(#field: ::core::option::Option::Some(::core::clone::Clone::clone(&self.#field)))
        });
        quote! {
            #[automatically_derived]
            impl #krate::entity::Versioned for #ident {
                type Version = #ty;
                fn version(&self) -> #ty {
                    #version
                }
                fn to_patch(&self) -> #patch {
                    #patch { #(#fields),* }
                }
            }
        }
    });
    quote!(#soft_deleted #timestamped #versioned #audited)
}
