//! What an entity must be.

use std::collections::HashSet;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Fields, LitStr};

use super::{Column, Model, Skipped, Unique};
use crate::attr::container::UniqueKey;
use crate::diag::{Diag, did_you_mean, listing};

/// The most columns of an entity: `kysera::entity::Mask::MAX`.
const MAX_COLUMNS: usize = 256;
/// The most columns of a key: longer tuples cannot be compared.
const MAX_KEY: usize = 12;

/// The fields of a struct that can be an entity.
pub(super) fn named_fields<'a>(input: &'a DeriveInput, diag: &Diag) -> Option<Vec<&'a syn::Field>> {
    const WHAT: &str = "only a struct with named fields can be the row of a table";
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            diag.at(data.enum_token, format!("`{}` is an enum: {WHAT}", input.ident));
            return None;
        }
        Data::Union(data) => {
            diag.at(data.union_token, format!("`{}` is a union: {WHAT}", input.ident));
            return None;
        }
    };
    let lifetimes = input.generics.lifetimes().count();
    if lifetimes > 0 {
        diag.at(
            &input.generics,
            format!("`{}` has a lifetime: a row owns its values; use `String` for `&str`", input.ident),
        );
    }
    if lifetimes < input.generics.params.len() || input.generics.where_clause.is_some() {
        let at = match &input.generics.where_clause {
            Some(clause) if input.generics.params.is_empty() => clause.to_token_stream(),
            _ => input.generics.to_token_stream(),
        };
        if lifetimes == 0 {
            diag.at(
                at,
                format!(
                    "`{}` is generic: a table has columns of fixed types; write one struct per table",
                    input.ident
                ),
            );
        }
    }
    match fields {
        Fields::Named(fields) => Some(fields.named.iter().collect()),
        Fields::Unnamed(fields) => {
            diag.at(fields, format!("the fields of `{}` have no names: {WHAT}", input.ident));
            None
        }
        Fields::Unit => {
            diag.at(&input.ident, format!("`{}` has no fields: {WHAT}", input.ident));
            None
        }
    }
}

/// The key: there is one, and it is not too long.
pub(super) fn key(columns: &[Column], id: &mut Vec<usize>, key_meant: bool, ident: &Ident, diag: &Diag) {
    // A key that was taken back after a mistake has been reported.
    if id.is_empty() && !key_meant && !columns.is_empty() {
        diag.at(
            ident,
            format!("`{ident}` has no key: put `#[kysera(id)]` on the field of the primary key, or on each field of it"),
        );
    }
    if let Some(&index) = id.get(MAX_KEY) {
        diag.at(
            &columns[index].field,
            format!("a key has at most {MAX_KEY} columns, this one has {}", id.len()),
        );
        id.truncate(MAX_KEY);
    }
}

/// The columns: there are some and not too many, and no two are the same.
pub(super) fn columns(columns: &mut [Column], skipped: &[Skipped], ident: &Ident, diag: &Diag) {
    if columns.is_empty() {
        let message = if skipped.is_empty() {
            format!("`{ident}` has no fields: a table needs at least its key")
        } else {
            format!("every field of `{ident}` is skipped: a table needs at least its key")
        };
        diag.at(ident, message);
        return;
    }
    if let Some(column) = columns.get(MAX_COLUMNS) {
        let found = columns.len();
        diag.at(&column.field, format!("an entity has at most {MAX_COLUMNS} columns, this one has {found}"));
    }
    let mut constants = HashSet::new();
    for index in 0..columns.len() {
        let (before, rest) = columns.split_at_mut(index);
        let Some(column) = rest.first_mut() else { continue };
        if let Some(other) = before.iter().find(|other| other.name == column.name) {
            diag.at(
                &column.field,
                format!(
                    "`{}` and `{}` are both the column `{}`: a column has one field",
                    other.field, column.field, column.name
                ),
            );
        }
        let Some(constant) = column.constant.clone() else { continue };
        if !constants.insert(constant.to_string()) {
            diag.at(
                &column.field,
                format!(
                    "the constant of this column would be a second `{constant}`: rename the field and keep the column's \
                     name with `#[kysera(rename = \"{}\")]`",
                    column.name
                ),
            );
            column.constant = None;
        }
    }
}

/// Adds the key that `unique(..)` on the struct declares.
pub(super) fn unique_key(
    key: &UniqueKey,
    columns: &[Column],
    skipped: &[Skipped],
    unique: &mut Vec<Unique>,
    diag: &Diag,
) {
    let mut indexes = vec![];
    for field in &key.fields {
        match columns.iter().position(|column| column.field.unraw() == field.unraw()) {
            Some(index) => indexes.push(index),
            None if skipped.iter().any(|other| other.field.unraw() == field.unraw()) => {
                diag.at(field, format!("`{field}` is skipped, hence no column"));
            }
            None => {
                let names: Vec<String> =
                    columns.iter().map(|column| column.field.unraw().to_string()).collect();
                let hint = did_you_mean(&field.to_string(), names.iter().map(String::as_str));
                let known = listing(names.iter().map(String::as_str));
                diag.at(field, format!("there is no field `{field}`{hint}\nthe fields are {known}"));
            }
        }
    }
    if indexes.len() == key.fields.len() && !indexes.is_empty() {
        add_unique(indexes, &key.tokens, key.name.as_ref(), unique, diag);
    }
}

/// Adds a unique key, unless it is there already.
pub(super) fn add_unique(
    columns: Vec<usize>,
    at: &impl ToTokens,
    name: Option<&LitStr>,
    unique: &mut Vec<Unique>,
    diag: &Diag,
) {
    let same = |other: &Unique| {
        other.columns.len() == columns.len() && other.columns.iter().all(|column| columns.contains(column))
    };
    if unique.iter().any(same) {
        diag.at(at, "this unique key is given twice");
        return;
    }
    if let Some(name) = name
        && unique.iter().any(|other| other.name.as_ref() == Some(&name.value()))
    {
        diag.at(
            name,
            format!("the constraint `{}` is given twice: a name stands for one unique key", name.value()),
        );
        return;
    }
    unique.push(Unique { name: name.map(LitStr::value), columns });
}

/// The type of `columns = ..`: not one that is there in any case.
pub(super) fn columns_type(model: &mut Model, diag: &Diag) {
    let Some(ident) = &model.columns_type else { return };
    let taken = [model.ident.clone(), model.new_type(), model.patch_type(), model.repository_type()];
    if taken.contains(ident) {
        diag.at(
            ident,
            format!("`columns` declares a type, and there is a `{ident}` already: choose a name such as `{}Columns`", model.ident),
        );
        model.columns_type = None;
    }
}
