//! Relations to other entities.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;

use super::types::without_self;
use super::{Column, constant};
use crate::attr::relation::{ColumnPath, Kind, RelationAttr};
use crate::diag::{Diag, did_you_mean, listing};

/// A relation.
pub(crate) struct Relation {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Its constant on the struct.
    pub(crate) constant: Ident,
    /// The index of the column of this entity.
    pub(crate) key: usize,
    pub(crate) target: Target,
    pub(crate) through: Option<(Target, Target)>,
}

/// A column of another entity, as it can be written anywhere.
pub(crate) struct Target {
    pub(crate) column: TokenStream,
    pub(crate) owner: TokenStream,
}

impl Target {
    fn new(path: &ColumnPath, ident: &Ident) -> Self {
        Self {
            column: without_self(path.column.to_token_stream(), ident),
            owner: without_self(path.owner.to_token_stream(), ident),
        }
    }
}

/// Checks what is declared: on the struct, and on the fields (with their indexes).
pub(super) fn relations(
    declared: &[RelationAttr],
    on_fields: &[(usize, RelationAttr)],
    columns: &[Column],
    id: &[usize],
    ident: &Ident,
    diag: &Diag,
) -> Vec<Relation> {
    let mut relations: Vec<Relation> = vec![];
    let declared = declared.iter().map(|attr| (None, attr));
    let all = declared.chain(on_fields.iter().map(|(index, attr)| (Some(*index), attr)));
    for (field, attr) in all {
        let key = match (field, &attr.key) {
            (Some(index), _) => Some(index),
            (None, Some(key)) => field_named(key, columns, diag),
            (None, None) => the_id(attr, columns, id, ident, diag),
        };
        let constant = constant(&attr.name);
        if let Some(column) = columns.iter().find(|column| column.constant.as_ref() == Some(&constant)) {
            diag.at(
                &attr.name,
                format!(
                    "the constant of this relation would be a second `{constant}`: that of the field `{}` is one already",
                    column.field
                ),
            );
            continue;
        }
        if relations.iter().any(|other| other.constant == constant) {
            let message = format!("the constant of this relation would be a second `{constant}`");
            diag.at(&attr.name, format!("{message}: another relation has that name"));
            continue;
        }
        let Some(key) = key else { continue };
        relations.push(Relation {
            kind: attr.kind,
            name: attr.plain_name(),
            constant,
            key,
            target: Target::new(&attr.target, ident),
            through: attr
                .through
                .as_ref()
                .map(|(parent, target)| (Target::new(parent, ident), Target::new(target, ident))),
        });
    }
    relations
}

fn field_named(key: &Ident, columns: &[Column], diag: &Diag) -> Option<usize> {
    let index = columns.iter().position(|column| column.field.unraw() == key.unraw());
    if index.is_none() {
        let names: Vec<String> = columns.iter().map(|column| column.field.unraw().to_string()).collect();
        let hint = did_you_mean(&key.to_string(), names.iter().map(String::as_str));
        let known = listing(names.iter().map(String::as_str));
        diag.at(key, format!("there is no column `{key}`{hint}\nthe columns are {known}"));
    }
    index
}

/// The column of a key that has one only.
fn the_id(
    attr: &RelationAttr,
    columns: &[Column],
    id: &[usize],
    ident: &Ident,
    diag: &Diag,
) -> Option<usize> {
    if let [index] = id {
        return Some(*index);
    }
    if id.len() > 1 {
        let example = id.first().and_then(|index| columns.get(*index)).map(|column| column.field.to_string());
        diag.at(
            &attr.name,
            format!(
                "`{ident}` has a key of several columns: say which one the other entity has, as in `key = {}`",
                example.unwrap_or_default()
            ),
        );
    }
    None
}
