//! `#[derive(Factory)]`

use std::collections::HashMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Expr, ExprLit, Field, Lit, Path};

use crate::attr::Features;
use crate::attr::item::{Item, Keys, items};
use crate::diag::Diag;
use crate::expand::{at, doc, quiet};
use crate::model::{Column, Fill, Model};

const KEYS: &[&str] = &["value", "sequence", "fake", "parent"];

/// What a field is filled with if nobody says.
enum Source {
    Value(Expr),
    /// A function of the number of the row.
    Sequence(Expr),
    /// A faker of the crate `fake`.
    Fake(Expr),
    /// A column of a row that is created: `User::ID`.
    Parent(Path),
}

pub(crate) fn derive(input: TokenStream, features: Features) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    // What is wrong with the entity is told by its own derive.
    let model = Model::new(&input, features, &Diag::default());
    let diag = Diag::default();
    if !is_entity(&input) {
        diag.at(&input.ident, "a factory makes rows of an entity: `#[derive(Repository, Factory)]`");
        return diag.into_tokens();
    }
    let sources = sources(&input, &model, &diag);
    // The type is there after a mistake as well, so that no second error follows.
    let items = expand(&model, &sources);
    let errors = diag.into_tokens();
    quote!(#errors #items)
}

/// Whether it has what the other derive needs; that one cannot be seen from here.
fn is_entity(input: &DeriveInput) -> bool {
    matches!(input.data, Data::Struct(_)) && input.generics.params.is_empty()
}

fn sources(input: &DeriveInput, model: &Model, diag: &Diag) -> HashMap<Ident, Source> {
    let Data::Struct(data) = &input.data else { return HashMap::new() };
    let mut sources = HashMap::new();
    for field in &data.fields {
        let Some(ident) = &field.ident else { continue };
        if let Some(source) = source(field, model, diag) {
            let in_new = model.new_columns().any(|(_, column)| column.field == *ident);
            if in_new {
                sources.insert(ident.clone(), source);
            } else {
                let new = model.new_type();
                diag.at(
                    ident,
                    format!("`{new}` has no `{ident}`, so that a factory has nothing to put there"),
                );
            }
        }
    }
    sources
}

fn source(field: &Field, model: &Model, diag: &Diag) -> Option<Source> {
    let mut keys = Keys {
        of: "`#[factory(..)]`",
        valid: KEYS,
        elsewhere: (&[], ""),
        repeatable: &[],
        diag,
        seen: Vec::new(),
    };
    let mut found = None;
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("factory")) {
        for item in items(attr, diag) {
            if !keys.accept(&item) {
                continue;
            }
            if found.is_some() {
                diag.at(
                    &item.key,
                    "a field is filled in one way: one of `value`, `sequence`, `fake` and `parent`",
                );
                continue;
            }
            found = read(&item, model, diag);
        }
    }
    found
}

fn read(item: &Item, model: &Model, diag: &Diag) -> Option<Source> {
    match item.name().as_str() {
        "value" => item.parsed("an expression, as in `value = 7`", diag).map(Source::Value),
        "sequence" => {
            let what = "a function of a number, as in `sequence = |n| format!(\"user{n}@example.org\")`";
            item.parsed(what, diag).map(Source::Sequence)
        }
        "fake" if cfg!(feature = "fake") => {
            item.parsed("a faker, as in `fake = fake::faker::name::en::Name()`", diag).map(Source::Fake)
        }
        "fake" => {
            diag.at(&item.key, "switch on the feature `fake` of kysera");
            None
        }
        _ => {
            let path: Path = item.parsed("the column that it refers to, as in `parent = User::ID`", diag)?;
            let owner = path.segments.iter().rev().nth(1).map(|segment| segment.ident.clone());
            match owner {
                None => diag.at(&path, "expected the column that it refers to, as in `parent = User::ID`"),
                Some(owner) if owner == model.ident || owner == "Self" => diag.at(
                    &path,
                    "a row that needs another one of its own table has no first one: leave this to whoever uses the factory, \
                     or make it an `Option`",
                ),
                Some(_) => return Some(Source::Parent(path)),
            }
            None
        }
    }
}

fn expand(model: &Model, sources: &HashMap<Ident, Source>) -> TokenStream {
    let Model { ident, vis, krate, .. } = model;
    let factory = format_ident!("{}Factory", ident.unraw(), span = ident.span());
    let new = model.new_type();
    let source = &model.names.source;
    let columns: Vec<&Column> = model.new_columns().map(|(_, column)| column).collect();
    let names: Vec<&Ident> = columns.iter().map(|column| &column.field).collect();
    // No name of a field is in the way.
    let sequence = format_ident!("__sequence");
    let stored = columns.iter().map(|Column { field, ty, .. }| quote!(#field: ::core::option::Option<#ty>));
    let setters = columns.iter().map(|Column { field, ty, .. }| {
        let doc = doc(format!("Every row gets this `{}`.", field.unraw()));
        quote! {
            #doc
            #[must_use]
            #vis fn #field(mut self, value: impl #krate::IntoColumn<#ty>) -> Self {
                self.#field = ::core::option::Option::Some(#krate::IntoColumn::into_column(value));
                self
            }
        }
    });
    let filled = columns.iter().map(|column| fill(column, sources.get(&column.field), krate));
    let parents = sources.values().filter_map(|source| match source {
        Source::Parent(path) => Some(owner(path)),
        _ => None,
    });
    let bounds = parents.map(|parent| {
        quote_spanned! {at(&parent)=>
            #parent: #krate::testing::Manufactured,
            <#parent as #krate::testing::Manufactured>::Factory: #krate::testing::Factory<#source, Entity = #parent>,
        }
    });
    let docs = doc(format!("Makes rows of {} for tests. What is not said is filled in.", model.link()));
    let start = doc(format!("A factory of `{}`, whose rows are numbered by `sequence`.", model.entity()));
    let quiet = quiet();
    quote! {
        #docs
        #quiet
        #[derive(::core::clone::Clone)]
        #vis struct #factory {
            #sequence: #krate::testing::Sequence,
            #(#stored,)*
        }

        #quiet
        const _: () = {
            impl #ident {
                #start
                #vis fn factory(sequence: &#krate::testing::Sequence) -> #factory {
                    #factory {
                        #sequence: ::core::clone::Clone::clone(sequence),
                        #(#names: ::core::option::Option::None,)*
                    }
                }
            }

            impl #factory {
                #(#setters)*
            }

            #[automatically_derived]
            impl #krate::testing::Manufactured for #ident {
                type Factory = #factory;
            }

            #[automatically_derived]
            impl ::core::fmt::Debug for #factory {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(::core::stringify!(#factory)).finish_non_exhaustive()
                }
            }

            #[automatically_derived]
            impl<#source> #krate::testing::Factory<#source> for #factory
            where
                #source: #krate::Source + #krate::Writable,
                #ident: #krate::entity::On<#source::Database> + #krate::entity::Guard<#source::Context>,
                #(#bounds)*
            {
                type Entity = #ident;

                fn new(sequence: &#krate::testing::Sequence) -> Self {
                    #ident::factory(sequence)
                }

                fn build<'a>(
                    &'a self,
                    source: &'a #source,
                ) -> #krate::__private::BoxFuture<'a, #krate::Result<#new>> {
                    ::std::boxed::Box::pin(async move {
                        let __n = self.#sequence.take();
                        ::core::result::Result::Ok(#new { #(#filled,)* })
                    })
                }
            }
        };
    }
}

/// The entity of a column: `User` of `User::ID`.
fn owner(column: &Path) -> Path {
    let mut owner = column.clone();
    owner.segments.pop();
    owner.segments.pop_punct();
    owner
}

fn fill(column: &Column, source: Option<&Source>, krate: &TokenStream) -> TokenStream {
    let Column { field, ty, fill, .. } = column;
    let name = field.unraw().to_string();
    let value = match source {
        // The database fills it, or a plugin.
        None if *fill == Fill::Default => return quote!(#field: ::core::clone::Clone::clone(&self.#field)),
        None => {
            quote_spanned!(at(ty)=> <#ty as #krate::testing::Sample>::sample(#name, __n))
        }
        Some(Source::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. }))) => {
            quote_spanned!(text.span()=> #krate::IntoColumn::<#ty>::into_column(#text))
        }
        Some(Source::Value(value)) => quote!(#value),
        Some(Source::Sequence(function)) => {
            quote_spanned!(at(function)=> #krate::IntoColumn::<#ty>::into_column(#krate::testing::at(__n, #function)))
        }
        Some(Source::Fake(faker)) => quote_spanned!(at(faker)=> #krate::testing::fake(&(#faker), __n, #name)),
        Some(Source::Parent(path)) => {
            let parent = owner(path);
            quote_spanned! {at(path)=> {
                let parent = <<#parent as #krate::testing::Manufactured>::Factory as #krate::testing::Factory<_>>::create(
                    &<<#parent as #krate::testing::Manufactured>::Factory as #krate::testing::Factory<_>>::new(&self.__sequence),
                    source,
                )
                .await?;
                #krate::IntoColumn::<#ty>::into_column(#krate::testing::value_of(&parent, #path)?)
            }}
        }
    };
    let value = quote! {
        match ::core::clone::Clone::clone(&self.#field) {
            ::core::option::Option::Some(value) => value,
            ::core::option::Option::None => #value,
        }
    };
    match fill {
        Fill::Default => quote!(#field: ::core::option::Option::Some(#value)),
        _ => quote!(#field: #value),
    }
}
