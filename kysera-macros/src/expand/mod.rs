//! From the model to code: one file per generated item.

mod columns;
mod entity;
mod fallback;
mod meta;
mod new;
mod on;
mod outside;
mod patch;
mod plugins;
mod relations;
mod repository;
mod rls;
mod schema;
mod validate;
mod values;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::DeriveInput;
use syn::spanned::Spanned as _;

use crate::attr::Features;
use crate::diag::Diag;
use crate::model::Model;

/// `#[derive(Repository)]`
pub(crate) fn derive(input: TokenStream, features: Features) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let diag = Diag::default();
    let model = Model::new(&input, features, &diag);
    // After a mistake as well: what the rest of the program needs is there, so no second error follows.
    let items = if input.generics.params.is_empty() {
        items(&model)
    } else {
        fallback::generic(model, &input.generics)
    };
    let errors = diag.into_tokens();
    quote!(#errors #items)
}

fn items(model: &Model) -> TokenStream {
    let new = new::item(model);
    let patch = patch::item(model);
    let repository = repository::item(model);
    let columns_type = columns::item(model);
    let (constraints, finders) = (schema::constraint_type(model), schema::finders_trait(model));
    let quiet = quiet();
    let hidden = [
        meta::item(model),
        columns::constants(model),
        relations::columns_of(model).unwrap_or_default(),
        relations::constants(model).unwrap_or_default(),
        repository::impls(model),
        entity::impls(model),
        on::impls(model),
        outside::impls(model),
        values::impls(model),
        new::impls(model),
        patch::impls(model),
        validate::impls(model),
        plugins::items(model),
        schema::tracked(model),
        schema::checks(model),
        schema::constraint_impl(model),
        schema::finders_impl(model),
    ];
    quote! {
        #new
        #patch
        #repository
        #columns_type
        #constraints
        #finders
        #quiet
        const _: () = {
            #(#hidden)*
        };
    }
}

/// A doc comment. The space is the one behind `///`, which the docs of the row's fields have as well.
pub(crate) fn doc(text: impl AsRef<str>) -> TokenStream {
    let text = format!(" {}", text.as_ref());
    quote!(#[doc = #text])
}

/// The lints that generated code must not raise in the user's crate.
pub(crate) fn quiet() -> TokenStream {
    quote!(#[allow(dead_code, deprecated, nonstandard_style, private_interfaces, clippy::all, clippy::pedantic)])
}

/// Where some of the user's tokens are, for generated code whose errors belong there.
pub(crate) fn at(tokens: impl ToTokens) -> Span {
    Span::call_site().located_at(tokens.span())
}

/// The same tokens somewhere else.
pub(crate) fn located(tokens: impl ToTokens, span: Span) -> TokenStream {
    let tokens = tokens.into_token_stream().into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &token {
            token = TokenTree::Group(Group::new(group.delimiter(), located(group.stream(), span)));
        }
        token.set_span(span);
        token
    });
    tokens.collect()
}
