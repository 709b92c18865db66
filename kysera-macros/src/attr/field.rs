//! `#[kysera(..)]` on a field.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::{Expr, LitStr};

use super::container;
use super::item::{Item, Keys, items};
use super::relation::{Kind, RelationAttr, relation};
use crate::diag::Diag;

pub(crate) const KEYS: &[&str] = &[
    "id",
    "assigned",
    "unique",
    "default",
    "read_only",
    "skip",
    "rename",
    "filterable",
    "sortable",
    "belongs_to",
    "sensitive",
    "read_if",
    "write_if",
    "mask",
];

/// What a field's attributes say. Keys that exclude each other have been reported, and one of them dropped.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) id: Option<Ident>,
    /// Whether `id` stands there, even if something beside it took it back.
    pub(crate) key_meant: bool,
    pub(crate) assigned: Option<Ident>,
    pub(crate) default: Option<Ident>,
    pub(crate) read_only: Option<Ident>,
    pub(crate) skip: Option<Ident>,
    pub(crate) unique: Option<Unique>,
    pub(crate) rename: Option<(Ident, LitStr)>,
    pub(crate) filterable: Option<Outside>,
    pub(crate) sortable: Option<Outside>,
    pub(crate) belongs_to: Vec<RelationAttr>,
    pub(crate) sensitive: Option<Ident>,
    pub(crate) read_if: Option<Expression>,
    pub(crate) write_if: Option<Expression>,
    pub(crate) mask: Option<Expression>,
    /// Whether `mask` stands there, even if it could not be read.
    pub(crate) masked: bool,
}

/// `read_if = User::ID.eq(Principal::USER_ID)`
pub(crate) struct Expression {
    pub(crate) key: Ident,
    pub(crate) value: TokenStream,
}

/// `filterable` or `filterable = "name"`
pub(crate) struct Outside {
    pub(crate) key: Ident,
    pub(crate) name: Option<LitStr>,
}

/// `unique` or `unique = "constraint"`
pub(crate) struct Unique {
    pub(crate) key: Ident,
    pub(crate) name: Option<LitStr>,
}

impl FieldAttrs {
    pub(crate) fn parse(attrs: &[syn::Attribute], diag: &Diag) -> Self {
        let mut field = Self::default();
        let mut keys = Keys {
            of: "a field",
            valid: KEYS,
            elsewhere: (container::KEYS, "the struct"),
            repeatable: &["belongs_to"],
            diag,
            seen: vec![],
        };
        for attr in attrs {
            if attr.path().is_ident("kysera") {
                for item in items(attr, diag).iter().filter(|item| keys.accept(item)) {
                    field.item(item, diag);
                }
            }
        }
        field.key_meant = field.id.is_some();
        field.masked = keys.seen.iter().any(|key| key == "mask");
        if let Some(Expression { key, .. }) = &field.mask
            && !keys.seen.iter().any(|key| key == "read_if")
        {
            let what = "`mask` is what those read who may not read the value, and there is no `read_if` that says who may";
            diag.at(
                key,
                format!("{what}: add it, as in `read_if = Principal::IS_ADMIN.holds()`, or take `mask` away"),
            );
        }
        field.exclude(diag);
        field
    }

    fn item(&mut self, item: &Item, diag: &Diag) {
        let name = item.name();
        let flag = match name.as_str() {
            "id" => &mut self.id,
            "assigned" => &mut self.assigned,
            "default" => &mut self.default,
            "read_only" => &mut self.read_only,
            "skip" => &mut self.skip,
            "sensitive" => &mut self.sensitive,
            "unique" => {
                let name = if item.is_word() { None } else { item.string("users_email_key", diag) };
                self.unique = Some(Unique { key: item.key.clone(), name });
                return;
            }
            "filterable" | "sortable" => {
                let outside = if item.is_word() { None } else { item.string("createdAt", diag) };
                let marked = if name == "filterable" { &mut self.filterable } else { &mut self.sortable };
                *marked = Some(Outside { key: item.key.clone(), name: outside });
                return;
            }
            "read_if" => {
                self.read_if = condition(item, "Principal::IS_ADMIN.holds()", diag);
                return;
            }
            "write_if" => {
                self.write_if = condition(item, "Principal::IS_ADMIN.holds()", diag);
                return;
            }
            "mask" => {
                self.mask = expression(item, "a value of the field's type, as in `mask = \"***\"`", diag);
                return;
            }
            "belongs_to" => {
                self.belongs_to.extend(relation(Kind::BelongsTo, item, diag));
                return;
            }
            _ => {
                self.rename = item.string("e_mail", diag).map(|name| (item.key.clone(), name));
                return;
            }
        };
        item.flag(diag);
        *flag = Some(item.key.clone());
    }

    /// Reports keys that exclude each other, and forgets the second one.
    fn exclude(&mut self, diag: &Diag) {
        if let Some(skip) = &self.skip {
            let others = [&self.id, &self.assigned, &self.default, &self.read_only, &self.sensitive];
            let unique = self.unique.as_ref().map(|unique| &unique.key);
            let rename = self.rename.as_ref().map(|(key, _)| key);
            let outside =
                [&self.filterable, &self.sortable].into_iter().flatten().map(|outside| &outside.key);
            let others =
                others.into_iter().filter_map(Option::as_ref).chain(unique).chain(rename).chain(outside);
            let guards = [&self.read_if, &self.write_if].into_iter().flatten().map(|guard| &guard.key);
            let others = others.chain(guards);
            for other in others {
                diag.at(
                    skip,
                    format!("`skip` and `{other}` exclude each other: a skipped field is no column"),
                );
            }
            for relation in &self.belongs_to {
                diag.at(
                    &relation.name,
                    "`skip` and `belongs_to` exclude each other: a skipped field is no column",
                );
            }
            *self = Self { skip: self.skip.take(), key_meant: self.key_meant, ..Self::default() };
        }
        if self.id.is_some() {
            let why = "`id` and `read_only` exclude each other: a key is never updated, and a single key is made by \
                       the database unless it is `assigned`";
            refuse(&mut self.read_only, why, diag);
            if let Some(unique) = self.unique.take() {
                let why = "`id` and `unique` exclude each other: a key is unique anyway; for one column of a composite \
                           key write `unique(field)` on the struct";
                diag.at(&unique.key, why);
            }
            let why = "`id` and `sensitive` exclude each other: the audit log names a row by its key";
            refuse(&mut self.sensitive, why, diag);
            if let Some(guard) = self.read_if.take() {
                let why = "`id` and `read_if` exclude each other: whoever reads a row knows it by its key; who reads which rows is a \
                           matter of the plugin `rls`";
                diag.at(&guard.key, why);
            }
            if let Some(guard) = self.write_if.take() {
                let why = "`id` and `write_if` exclude each other: nobody writes a key; who creates which rows is a matter of the \
                           plugin `rls`";
                diag.at(&guard.key, why);
            }
            if self.default.is_some() {
                let why = "`assigned` and `default` exclude each other: either the client always gives the key, or it \
                           may leave it to the database";
                refuse(&mut self.assigned, why, diag);
            }
        } else {
            let why = "`assigned` is for keys: write `#[kysera(id, assigned)]`; other columns are the client's anyway";
            refuse(&mut self.assigned, why, diag);
        }
        if self.default.is_some() {
            let why = "`default` and `read_only` exclude each other: what is `read_only` is always left to the \
                       database";
            refuse(&mut self.read_only, why, diag);
        }
        if self.read_only.is_some()
            && let Some(guard) = self.write_if.take()
        {
            let why =
                "`read_only` and `write_if` exclude each other: nobody writes what is left to the database";
            diag.at(&guard.key, why);
        }
    }
}

/// `read_if = filter`
fn condition(item: &Item, example: &str, diag: &Diag) -> Option<Expression> {
    let what = format!("a filter on this struct, as in `{} = {example}`", item.key);
    expression(item, &what, diag)
}

fn expression(item: &Item, what: &str, diag: &Diag) -> Option<Expression> {
    let value = item.parsed_with(Expr::parse_without_eager_brace, what, diag)?;
    Some(Expression { key: item.key.clone(), value: value.into_token_stream() })
}

fn refuse(key: &mut Option<Ident>, why: &str, diag: &Diag) {
    if let Some(key) = key.take() {
        diag.at(&key, why);
    }
}

/// The doc comments among attributes.
pub(crate) fn docs(attrs: &[syn::Attribute]) -> TokenStream {
    let docs = attrs
        .iter()
        .filter(|attr| attr.path().is_ident("doc") && matches!(attr.meta, syn::Meta::NameValue(_)));
    quote::quote!(#(#docs)*)
}
