//! The macros of [kysera](https://docs.rs/kysera): `#[derive(Repository)]` and `#[kysera::plugin(..)]`.
//!
//! Use them through kysera, which re-exports them and pins this crate's version: generated code calls its private
//! parts.

mod attr;
mod diag;
mod expand;
mod model;
mod plugin;
mod sql;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct the entity of a table.
#[proc_macro_derive(Repository, attributes(kysera, garde, validate))]
pub fn derive_repository(input: TokenStream) -> TokenStream {
    expand::derive(input.into(), attr::Features::of_this_build()).into()
}

/// Declares the plugins of an entity.
#[proc_macro_attribute]
pub fn plugin(args: TokenStream, item: TokenStream) -> TokenStream {
    plugin::attribute(args.into(), item.into()).into()
}
