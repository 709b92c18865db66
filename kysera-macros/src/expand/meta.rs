//! What is known of the table: names, keys, fixed statements.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use super::{plugins, rls};
use crate::model::{Column, Fill, Model};
use crate::sql::{Spelling, Statements, Table};

pub(super) fn item(model: &Model) -> TokenStream {
    let Model { krate, table, .. } = model;
    let entity = model.entity();
    let schema = option(model.schema.as_deref());
    let columns = model.columns.iter().enumerate().map(|(index, column)| {
        let Column { name, ty, .. } = column;
        // No row can hold a reference, which rustc reports; what is asked of its type would be reported again.
        let is_reference =
            matches!(ty.clone().into_iter().next(), Some(TokenTree::Punct(first)) if first.as_char() == '&');
        let ty = if is_reference { &quote!(()) } else { ty };
        let fill = match column.fill {
            Fill::Client => quote!(Client),
            Fill::Default => quote!(Default),
            Fill::Database => quote!(Database),
            Fill::Plugin => quote!(Plugin),
        };
        let guard = rls::guard(model, column);
        let codec = match model.plugins.sensitive.contains(&index) {
            true => quote!(#krate::__private::codec!(#ty, true)),
            false => quote!(#krate::__private::codec!(#ty)),
        };
        quote! {
            #krate::__private::Col {
                table: #table,
                name: #name,
                index: #index,
                codec: #codec,
                fill: #krate::__private::Fill::#fill,
                guard: #guard,
            }
        }
    });
    let id = &model.id;
    let unique = model.unique.iter().map(|key| {
        let name = option(key.name.as_deref());
        let columns = &key.columns;
        quote!(#krate::__private::Unique { name: #name, columns: &[#(#columns),*] })
    });
    let filterable = outside(model, &quote!(filterable), |column| column.filterable.as_ref());
    let sortable = outside(model, &quote!(sortable), |column| column.sortable.as_ref());
    let scope = plugins::scope(model);
    let policy = rls::policy(model);
    let plug = plugins::plug(model);
    let postgres = statements(model, Spelling::Postgres);
    let mysql = statements(model, Spelling::MySql);
    let sqlite = statements(model, Spelling::Sqlite);
    quote! {
        static __KYSERA_META: #krate::__private::Meta = #krate::__private::Meta {
            entity: #entity,
            schema: #schema,
            table: #table,
            columns: &[#(#columns),*],
            id: &[#(#id),*],
            unique: &[#(#unique),*],
            #filterable
            #sortable
            #scope
            #policy
            #plug
            ..#krate::__private::Meta::PLAIN
        };
        static __KYSERA_TEXTS: #krate::__private::Texts =
            #krate::__private::Texts { postgres: #postgres, mysql: #mysql, sqlite: #sqlite };
    }
}

/// Columns that the world outside may use, with their names there.
fn outside(
    model: &Model,
    what: &TokenStream,
    name: impl Fn(&Column) -> Option<&String>,
) -> Option<TokenStream> {
    let columns = model.columns.iter().enumerate();
    let mut named =
        columns.filter_map(|(index, column)| name(column).map(|name| quote!((#index, #name)))).peekable();
    named.peek()?;
    Some(quote!(#what: &[#(#named),*],))
}

pub(super) fn option(value: Option<&str>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn statements(model: &Model, spelling: Spelling) -> TokenStream {
    let names = |wanted: &dyn Fn(&Column) -> bool| {
        model.columns.iter().filter(|column| wanted(column)).map(|column| column.name.as_str()).collect()
    };
    let table = Table {
        schema: model.schema.as_deref(),
        name: &model.table,
        columns: names(&|_| true),
        id: names(&|column| column.is_id),
        // The column of `soft_delete` is left out: it is NULL at first.
        given: names(&|column| match column.fill {
            Fill::Client => true,
            Fill::Plugin => column.plugin != Some("soft_delete"),
            Fill::Default | Fill::Database => false,
        }),
    };
    let Statements { select, find, exists, count, insert, delete } = Statements::new(&table, spelling);
    let krate = &model.krate;
    quote! {
        #krate::__private::Statements {
            select: #select,
            find: #find,
            exists: #exists,
            count: #count,
            insert: #insert,
            delete: #delete,
        }
    }
}
