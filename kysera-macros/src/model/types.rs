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

/// What a type is apart from how often it is there.
pub(crate) struct Shape {
    pub(crate) ty: Type,
    /// Whether it stands in a `Vec`. `Vec<u8>` is a value.
    pub(crate) list: bool,
    /// Whether it stands in an `Option`, with its `Vec`.
    pub(crate) optional: bool,
}

/// Takes `Option` and `Vec` away.
pub(crate) fn shape(ty: &Type) -> Shape {
    let (ty, optional) = match argument(ty, "Option") {
        Some(inner) => (inner, true),
        None => (ty, false),
    };
    match argument(ty, "Vec") {
        Some(inner) if !is_byte(inner) => Shape { ty: inner.clone(), list: true, optional },
        _ => Shape { ty: ty.clone(), list: false, optional },
    }
}

/// The type in an `Option`.
pub(crate) fn optional(ty: &TokenStream) -> Option<TokenStream> {
    let ty: Type = syn::parse2(ty.clone()).ok()?;
    argument(&ty, "Option").map(Type::to_token_stream)
}

/// `T` of `Wrapper<T>`. A type by another name is not seen through.
fn argument<'a>(ty: &'a Type, wrapper: &str) -> Option<&'a Type> {
    match ty {
        // Macros put invisible parentheses around what they were given.
        Type::Group(ty) => argument(&ty.elem, wrapper),
        Type::Paren(ty) => argument(&ty.elem, wrapper),
        Type::Path(ty) if ty.qself.is_none() => {
            let last = ty.path.segments.last().filter(|last| last.ident == wrapper)?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            match (arguments.args.first()?, arguments.args.len()) {
                (GenericArgument::Type(ty), 1) => Some(ty),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_byte(ty: &Type) -> bool {
    match ty {
        Type::Group(ty) => is_byte(&ty.elem),
        Type::Path(ty) => ty.path.segments.last().is_some_and(|last| last.ident == "u8"),
        _ => false,
    }
}

pub(crate) fn without_self(ty: TokenStream, ident: &Ident) -> TokenStream {
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
