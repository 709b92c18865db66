//! `#[derive(Claims)]`

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Fields, LitStr, Path, Visibility};

use crate::attr::field::docs;
use crate::attr::item::{Item, Keys, items, tidy};
use crate::diag::Diag;
use crate::expand::{at, doc, located, quiet};
use crate::model::constant;
use crate::model::types::{Shape, portable, shape};

const KEYS: &[&str] = &["prefix", "crate"];
const FIELD_KEYS: &[&str] = &["setting", "skip"];

/// What the struct's attributes say.
#[derive(Default)]
struct Container {
    prefix: Option<LitStr>,
    krate: Option<Path>,
}

/// A field that becomes a constant.
struct Claim {
    field: Ident,
    vis: Visibility,
    constant: Ident,
    docs: TokenStream,
    setting: String,
    /// Of one value.
    ty: TokenStream,
    list: bool,
    optional: bool,
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let diag = Diag::default();
    let container = container(&input, &diag);
    let krate = container.krate.as_ref().map_or_else(|| quote!(::kysera), |path| path.to_token_stream());
    let fields = fields(&input, &diag).unwrap_or_default();
    // After a mistake as well: the constants that the rest of the program names are there, so no second error follows.
    let claims = claims(&fields, &container, &input.ident, &diag);
    let item = if input.generics.params.is_empty() {
        body(&input.ident, &claims, &krate)
    } else {
        generic(&input, &krate)
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
        of: "a context",
        valid: KEYS,
        elsewhere: (FIELD_KEYS, "a field"),
        repeatable: &[],
        diag,
        seen: vec![],
    };
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("kysera")) {
        for item in items(attr, diag).iter().filter(|item| keys.accept(item)) {
            if item.name() == "prefix" {
                container.prefix = prefix(item, diag);
            } else {
                let what = "a path to kysera, as in `crate = my_crate::kysera`";
                container.krate = item.parsed_with(Path::parse_mod_style, what, diag);
            }
        }
    }
    container
}

fn prefix(item: &Item, diag: &Diag) -> Option<LitStr> {
    let text = item.string("my", diag)?;
    let value = text.value();
    if !is_word(&value) {
        let rest = "it is a word of letters, digits and `_`, which starts with no digit";
        diag.at(&text, format!("`{value}` cannot stand before the dot of a setting: {rest}"));
        return None;
    }
    Some(text)
}

/// The fields of a struct that can have claims.
fn fields<'a>(input: &'a DeriveInput, diag: &Diag) -> Option<Vec<&'a syn::Field>> {
    const WHAT: &str = "only a struct with named fields has something that policies can name";
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
    let generics = &input.generics;
    if generics.lifetimes().count() > 0 {
        let text = format!("`{ident}` has a lifetime: a context owns its values; use `String` for `&str`");
        diag.at(generics, text);
    } else if !generics.params.is_empty() {
        let text = format!("`{ident}` is generic: a context has fields of fixed types");
        diag.at(generics, text);
    }
    match fields {
        Fields::Named(fields) => Some(fields.named.iter().collect()),
        Fields::Unnamed(fields) => {
            diag.at(fields, format!("the fields of `{ident}` have no names: {WHAT}"));
            None
        }
        Fields::Unit => {
            diag.at(ident, format!("`{ident}` has no fields: {WHAT}"));
            None
        }
    }
}

fn claims(fields: &[&syn::Field], container: &Container, ident: &Ident, diag: &Diag) -> Vec<Claim> {
    let mut claims: Vec<Claim> = vec![];
    let mut constants = HashSet::new();
    // PostgreSQL takes no notice of the case of settings.
    let mut settings: Vec<(String, &Ident)> = vec![];
    for field in fields {
        let Some(name) = &field.ident else { continue };
        let Given { setting, skip } = Given::parse(field, diag);
        if skip {
            continue;
        }
        let plain = name.unraw().to_string();
        let (setting, place) = match setting {
            Some(given) => (given.value(), given.to_token_stream()),
            None => {
                let prefix = container.prefix.as_ref().map_or_else(|| "app".to_owned(), LitStr::value);
                (format!("{prefix}.{plain}"), name.to_token_stream())
            }
        };
        let folded = setting.to_ascii_lowercase();
        // A field that is declared twice is reported by rustc.
        if claims.iter().any(|claim| claim.field.unraw() == name.unraw()) {
            continue;
        }
        let constant = constant(name);
        if !constants.insert(constant.to_string()) {
            let what = "rename the field, or leave it out: `#[kysera(skip)]`";
            diag.at(name, format!("the constant of this field would be a second `{constant}`: {what}"));
            continue;
        }
        if let Some((_, other)) = settings.iter().find(|(known, _)| *known == folded) {
            let what = "give one of them another name: `#[kysera(setting = \"..\")]`";
            diag.at(place, format!("`{setting}` is the setting of `{}` already: {what}", other.unraw()));
        }
        settings.push((folded, name));
        let Shape { ty, list, optional } = shape(&field.ty);
        claims.push(Claim {
            field: name.clone(),
            vis: field.vis.clone(),
            constant,
            docs: docs(&field.attrs),
            setting,
            ty: portable(&ty, ident),
            list,
            optional,
        });
    }
    claims
}

/// What a field's attributes say.
#[derive(Default)]
struct Given {
    setting: Option<LitStr>,
    skip: bool,
}

impl Given {
    fn parse(field: &syn::Field, diag: &Diag) -> Self {
        let mut given = Self::default();
        let mut keys = Keys {
            of: "a context's field",
            valid: FIELD_KEYS,
            elsewhere: (KEYS, "the struct"),
            repeatable: &[],
            diag,
            seen: vec![],
        };
        for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("kysera")) {
            for item in items(attr, diag).iter().filter(|item| keys.accept(item)) {
                if item.name() == "skip" {
                    item.flag(diag);
                    given.skip = true;
                    continue;
                }
                given.setting = item.string("app.tenant_id", diag);
                if let Some(text) = given.setting.take_if(|text| !is_setting(&text.value())) {
                    let value = text.value();
                    let what = "it has two words with a dot between them, as in `app.tenant_id`, of letters, digits and `_`, which \
                                start with no digit";
                    diag.at(&text, format!("`{value}` is no name of a setting: {what}"));
                }
            }
        }
        if given.skip
            && let Some(setting) = given.setting.take()
        {
            diag.at(setting, "`skip` and `setting` exclude each other: a skipped field is no claim");
        }
        given
    }
}

fn is_setting(text: &str) -> bool {
    text.split_once('.').is_some_and(|(first, second)| is_word(first) && is_word(second))
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|char| char.is_alphanumeric() || char == '_')
}

fn body(ident: &Ident, claims: &[Claim], krate: &TokenStream) -> TokenStream {
    let metas = claims.iter().map(|claim| {
        let Claim { field, setting, ty, list, optional, .. } = claim;
        let name = field.unraw().to_string();
        let (function, value) = match (list, optional) {
            (false, false) => ("claim", quote!(::core::option::Option::Some(&who.#field))),
            (false, true) => ("claim", quote!(who.#field.as_ref())),
            (true, false) => ("claims", quote!(::core::option::Option::Some(&who.#field[..]))),
            (true, true) => ("claims", quote!(who.#field.as_deref())),
        };
        let function = format_ident!("{function}");
        // What cannot be a claim is reported at the field's type.
        let span = at(ty);
        let krate_there = located(krate, span);
        let call = quote_spanned!(span=> #krate_there::__private::rls::#function::<#ident, #ty>);
        quote! {
            #krate::__private::rls::ClaimMeta {
                name: #name,
                setting: #setting,
                codec: #krate::__private::codec!(#ty),
                list: #list,
                values: |cx| #call(cx, |who| #value),
            }
        }
    });
    let constants = claims.iter().enumerate().map(|(index, claim)| {
        let Claim { field, vis, constant, docs, ty, list, .. } = claim;
        let kind = format_ident!("{}", if *list { "ClaimList" } else { "Claim" });
        let docs = if docs.is_empty() {
            let several = if *list { "Any number of " } else { "" };
            doc(format!("{several}`{}`: the field `{}` of who asks.", tidy(ty), field.unraw()))
        } else {
            docs.clone()
        };
        // Another constant with this name is reported at the field.
        let span = at(field);
        let vis = located(vis, span);
        let constant = quote_spanned! {span=>
            #vis const #constant: #krate::rls::#kind<#ident, #ty> = #krate::rls::#kind::new(&__KYSERA_CLAIMS[#index]);
        };
        quote!(#docs #constant)
    });
    let (number, indexes) = (claims.len(), 0..claims.len());
    quote! {
        static __KYSERA_CLAIMS: [#krate::__private::rls::ClaimMeta; #number] = [#(#metas),*];
        impl #ident {
            #(#constants)*
        }
        #[automatically_derived]
        impl #krate::rls::Claims for #ident {
            const CLAIMS: &'static [&'static #krate::__private::rls::ClaimMeta] = &[#(&__KYSERA_CLAIMS[#indexes]),*];
        }
    }
}

/// What remains of a generic struct.
fn generic(input: &DeriveInput, krate: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let predicates = where_clause.map(|clause| &clause.predicates);
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::rls::Claims for #ident #ty_generics
        where
            Self: ::core::marker::Send + ::core::marker::Sync + 'static,
            #predicates
        {
            const CLAIMS: &'static [&'static #krate::__private::rls::ClaimMeta] = &[];
        }
    }
}
