//! The types of fields, as they can be written anywhere.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{GenericArgument, Lifetime, PathArguments, Type};

/// A field's type without what means something else, or nothing, outside the struct: `Self` becomes the struct's name,
/// and a lifetime that is left out, which rustc reports once for the struct, becomes `'static`.
pub(crate) fn portable(ty: &Type, ident: &Ident) -> TokenStream {
    let mut ty = ty.clone();
    name_lifetimes(&mut ty);
    without_self(ty.into_token_stream(), ident)
}

fn name_lifetimes(ty: &mut Type) {
    match ty {
        Type::Array(ty) => name_lifetimes(&mut ty.elem),
        Type::Group(ty) => name_lifetimes(&mut ty.elem),
        Type::Paren(ty) => name_lifetimes(&mut ty.elem),
        Type::Path(ty) => {
            for segment in &mut ty.path.segments {
                let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
                for argument in &mut arguments.args {
                    match argument {
                        GenericArgument::Lifetime(lifetime) if lifetime.ident == "_" => {
                            *lifetime = Lifetime::new("'static", lifetime.span());
                        }
                        GenericArgument::Type(ty) => name_lifetimes(ty),
                        _ => {}
                    }
                }
            }
        }
        Type::Reference(ty) => {
            ty.lifetime.get_or_insert_with(|| Lifetime::new("'static", Span::call_site()));
            name_lifetimes(&mut ty.elem);
        }
        Type::Slice(ty) => name_lifetimes(&mut ty.elem),
        Type::Tuple(ty) => ty.elems.iter_mut().for_each(name_lifetimes),
        _ => {}
    }
}

pub(super) fn without_self(ty: TokenStream, ident: &Ident) -> TokenStream {
    ty.into_iter()
        .map(|token| match token {
            TokenTree::Ident(word) if word == "Self" => {
                let mut ident = ident.clone();
                ident.set_span(word.span());
                TokenTree::Ident(ident)
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_self(group.stream(), ident));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        })
        .collect()
}
