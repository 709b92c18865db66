//! A plugin of the user's own.

use proc_macro2::{Group, TokenStream};
use quote::{ToTokens as _, quote};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprAssign, Path, Token};

use super::tidy;
use crate::diag::Diag;

/// A plugin of the user's own, as an expression.
pub(crate) struct Custom {
    pub(crate) path: Path,
    pub(crate) value: TokenStream,
}

impl Custom {
    /// `Slug` is a value, `Slug(from = Post::TITLE)` a struct with fields, `Slug::new(Post::TITLE)` a call.
    pub(super) fn new(path: Path, options: Option<Group>, diag: &Diag) -> Option<Self> {
        let Some(options) = options else {
            return Some(Self { value: path.to_token_stream(), path });
        };
        // With its parentheses, so that what ends too early is reported at the second.
        let parser = |input: syn::parse::ParseStream<'_>| {
            let list;
            syn::parenthesized!(list in input);
            Punctuated::<Expr, Token![,]>::parse_terminated(&list)
        };
        let arguments = match parser.parse2(options.to_token_stream()) {
            Ok(arguments) => arguments,
            Err(error) => {
                diag.push(error);
                return None;
            }
        };
        let by_name = arguments.first().is_some_and(|first| field(first).is_some());
        if let Some(other) = arguments.iter().find(|argument| field(argument).is_some() != by_name) {
            let name = tidy(&path);
            diag.at(
                other,
                format!(
                    "options with names and options without do not go together: `{name}(field = ..)` is a struct with fields, \
                     `{name}(..)` a call"
                ),
            );
            return None;
        }
        let value = if by_name {
            let fields = arguments.iter().filter_map(field).map(|(name, value)| quote!(#name: #value));
            quote!(#path { #(#fields),* })
        } else {
            quote!(#path #options)
        };
        Some(Self { path, value })
    }
}

/// `field = value`
fn field(argument: &Expr) -> Option<(&syn::Ident, &Expr)> {
    let Expr::Assign(ExprAssign { left, right, .. }) = argument else { return None };
    let Expr::Path(left) = &**left else { return None };
    left.path.get_ident().map(|name| (name, &**right))
}
