//! `#[derive(Projection)]`

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::{Data, DeriveInput, Fields, Path, Type};

use crate::attr::item::{Item, Keys, items};
use crate::diag::Diag;
use crate::expand::{at, located, quiet};
use crate::model::{Names, constant, types};

const KEYS: &[&str] = &["of", "columns", "crate"];
const FIELD_KEYS: &[&str] = &["from", "expr"];

/// What the struct's attributes say.
#[derive(Default)]
struct Container {
    /// The entity.
    of: Option<Type>,
    /// The type that has its constants, where that is another one.
    columns: Option<Type>,
    krate: Option<Path>,
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let diag = Diag::default();
    let container = container(&input, &diag);
    let krate = container.krate.as_ref().map_or_else(|| quote!(::kysera), |path| path.to_token_stream());
    let body = body(&input, &container, &krate, &diag);
    // After a mistake as well, for any entity, so that no second error follows.
    let item = match body {
        Some(body) if diag.is_empty() => body,
        _ => fallback(&input, &krate),
    };
    let errors = diag.into_tokens();
    let quiet = quiet();
    quote! {
        #errors
        #quiet
        const _: () = { #item };
    }
}

fn container(input: &DeriveInput, diag: &Diag) -> Container {
    let mut container = Container::default();
    let mut keys = Keys {
        of: "a projection",
        valid: KEYS,
        elsewhere: (FIELD_KEYS, "a field"),
        repeatable: &[],
        diag,
        seen: vec![],
    };
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("kysera")) {
        for item in items(attr, diag).iter().filter(|item| keys.accept(item)) {
            match item.name().as_str() {
                "of" => container.of = item.parsed("an entity, as in `of = User`", diag),
                "columns" => {
                    let what = "the type that has the entity's constants, as in `columns = UserColumns`";
                    container.columns = item.parsed(what, diag);
                }
                _ => {
                    let what = "a path to kysera, as in `crate = my_crate::kysera`";
                    container.krate = item.parsed_with(Path::parse_mod_style, what, diag);
                }
            }
        }
    }
    if !keys.seen.iter().any(|key| key == "of") {
        diag.at(
            &input.ident,
            format!("`{}` does not say what it is selected from: add `#[kysera(of = User)]`", input.ident),
        );
    }
    container
}

/// The fields of a struct that can be a projection.
fn fields<'a>(input: &'a DeriveInput, diag: &Diag) -> Option<Vec<&'a syn::Field>> {
    const WHAT: &str = "only a struct with named fields can be a projection";
    let ident = &input.ident;
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            diag.at(data.enum_token, format!("`{ident}` is an enum: {WHAT}"));
            return None;
        }
        Data::Union(data) => {
            diag.at(data.union_token, format!("`{ident}` is a union: {WHAT}"));
            return None;
        }
    };
    if !input.generics.params.is_empty() {
        let text = format!("`{ident}` is generic: a projection owns its values, and their types are fixed");
        diag.at(&input.generics, text);
    }
    match fields {
        Fields::Named(fields) if !fields.named.is_empty() => return Some(fields.named.iter().collect()),
        Fields::Unnamed(fields) => {
            let text = format!(
                "the fields of `{ident}` have no names: {WHAT}; `select((User::ID, User::NAME))` answers tuples"
            );
            diag.at(fields, text);
        }
        Fields::Named(_) | Fields::Unit => {
            diag.at(ident, format!("`{ident}` has no fields: there is nothing to select"));
        }
    }
    None
}

fn body(input: &DeriveInput, container: &Container, krate: &TokenStream, diag: &Diag) -> Option<TokenStream> {
    let fields = fields(input, diag)?;
    let sources: Vec<_> = fields.iter().map(|field| source(field, container, diag)).collect();
    let of = container.of.as_ref()?;
    let ident = &input.ident;
    let database = Names::free_in(input).database;

    let names: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let tys: Vec<_> = fields.iter().map(|field| types::portable(&field.ty, ident)).collect();
    let terms = tys.iter().zip(sources).map(|(ty, source)| {
        let source = source?;
        // A wrong type is reported at the field's.
        Some(quote_spanned!(at(ty)=> __projected::<#ty, __Of, _>(#source)))
    });
    let terms = terms.collect::<Option<Vec<_>>>()?;
    let mut distinct: Vec<&TokenStream> = vec![];
    for ty in &tys {
        if !distinct.iter().any(|known| known.to_string() == ty.to_string()) {
            distinct.push(ty);
        }
    }
    Some(quote! {
        use #krate::__private::projected as __projected;
        type __Of = #of;
        #[automatically_derived]
        impl<#database: #krate::Backend> #krate::Projection<#of, #database> for #ident
        where
            #(#distinct: #krate::backend::Scalar<#database>,)*
        {
            fn items() -> #krate::__private::Terms {
                #krate::__private::Terms::from([#(#terms),*])
            }

            fn read(cells: &mut #krate::__private::Cells<'_, #database>) -> #krate::Result<Self> {
                ::core::result::Result::Ok(#ident { #(#names: cells.next()?),* })
            }
        }
    })
}

/// What a field is read from: a constant, or an expression. `None` after a mistake.
fn source(field: &syn::Field, container: &Container, diag: &Diag) -> Option<TokenStream> {
    let mut keys = Keys {
        of: "a projection's field",
        valid: FIELD_KEYS,
        elsewhere: (KEYS, "the struct"),
        repeatable: &[],
        diag,
        seen: vec![],
    };
    let attrs = field.attrs.iter().filter(|attr| attr.path().is_ident("kysera"));
    let given: Vec<Item> = attrs.flat_map(|attr| items(attr, diag)).collect();
    let mut sources = given.iter().filter(|item| keys.accept(item)).map(|item| match item.name().as_str() {
        "from" => {
            let path: Option<syn::ExprPath> = item.parsed("a column, as in `from = User::EMAIL`", diag);
            path.map(|path| path.to_token_stream())
        }
        _ => {
            let what = "an expression, as in `expr = User::NAME.lower()`";
            let expr: Option<syn::Expr> = item.parsed_with(syn::Expr::parse_without_eager_brace, what, diag);
            expr.map(|expr| expr.to_token_stream())
        }
    });
    let first = sources.next();
    if sources.next().is_some() {
        diag.at(&field.ident, "`from` and `expr` exclude each other: a field is a column or an expression");
    }
    match first {
        Some(source) => source,
        None => {
            let owner = container.columns.as_ref().or(container.of.as_ref())?;
            let ident = field.ident.as_ref()?;
            let constant = constant(ident);
            // An unknown column and a wrong type are reported at the field.
            let owner = located(owner, at(ident));
            Some(quote_spanned!(at(ident)=> <#owner>::#constant))
        }
    }
}

fn fallback(input: &DeriveInput, krate: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let database = Names::free_in(input).database;
    let of = format_ident!("__Of");
    let mut generics = input.generics.clone();
    // They have defaults only where the type is declared.
    for param in &mut generics.params {
        if let syn::GenericParam::Type(param) = param {
            param.default = None;
        }
    }
    let params = &generics.params;
    let lifetimes = params.iter().filter(|param| matches!(param, syn::GenericParam::Lifetime(_)));
    let others = params.iter().filter(|param| !matches!(param, syn::GenericParam::Lifetime(_)));
    let (_, arguments, _) = input.generics.split_for_impl();
    let predicates = input.generics.where_clause.as_ref().map(|clause| &clause.predicates);
    quote! {
        impl<#(#lifetimes,)* #(#others,)* #of, #database: #krate::Backend> #krate::Projection<#of, #database>
            for #ident #arguments
        where
            Self: ::core::marker::Sized + ::core::marker::Send + 'static,
            #predicates
        {
            fn items() -> #krate::__private::Terms {
                ::core::unreachable!()
            }

            fn read(_: &mut #krate::__private::Cells<'_, #database>) -> #krate::Result<Self> {
                ::core::unreachable!()
            }
        }
    }
}
