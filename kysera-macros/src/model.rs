//! The entity: validated, and without any database's spelling.

use std::collections::HashSet;

use heck::ToSnakeCase as _;
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Fields, Path, Visibility};

use crate::attr::Features;
use crate::attr::container::{Container, UniqueKey};
use crate::attr::field::{FieldAttrs, docs};
use crate::attr::item::tidy;
use crate::attr::rename::RenameAll;
use crate::attr::rules::{FieldRules, Rules};
use crate::diag::{Diag, did_you_mean, listing};

/// The most columns of an entity: `kysera::entity::Mask::MAX`.
const MAX_COLUMNS: usize = 256;
/// The most columns of a key: longer tuples cannot be compared.
const MAX_KEY: usize = 12;

/// An entity.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    /// The path to kysera.
    pub(crate) krate: TokenStream,
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    pub(crate) columns: Vec<Column>,
    /// Fields that are no columns.
    pub(crate) skipped: Vec<Skipped>,
    /// Indexes of the key's columns. Empty only after a mistake.
    pub(crate) id: Vec<usize>,
    pub(crate) unique: Vec<Unique>,
    /// The type that takes the constants, if not the struct itself.
    pub(crate) columns_type: Option<Ident>,
    /// Empty means every database that the types fit.
    pub(crate) backends: Vec<Ident>,
    pub(crate) new_derives: Vec<Path>,
    pub(crate) patch_derives: Vec<Path>,
    pub(crate) rules: Rules,
    pub(crate) has_plugins: bool,
    /// Whether it can be built of its fields; not so after a mistake like deriving on an enum.
    pub(crate) buildable: bool,
    pub(crate) names: Names,
}

/// A column and its field.
pub(crate) struct Column {
    pub(crate) field: Ident,
    pub(crate) vis: Visibility,
    pub(crate) ty: TokenStream,
    /// The type in words, for docs.
    pub(crate) type_name: String,
    pub(crate) docs: TokenStream,
    pub(crate) name: String,
    /// `None` only after a mistake.
    pub(crate) constant: Option<Ident>,
    pub(crate) fill: Fill,
    pub(crate) is_id: bool,
    pub(crate) in_patch: bool,
    pub(crate) rules: FieldRules,
}

/// A field that is no column.
pub(crate) struct Skipped {
    pub(crate) field: Ident,
    pub(crate) ty: TokenStream,
}

/// Who fills a column when a row is made; decides how it stands in `NewX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// A plain field.
    Client,
    /// An `Option`.
    Default,
    /// No field.
    Database,
}

/// A unique key.
pub(crate) struct Unique {
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<usize>,
}

/// Names of generic parameters that are not names of the user's.
pub(crate) struct Names {
    pub(crate) source: Ident,
    pub(crate) context: Ident,
    pub(crate) database: Ident,
}

impl Model {
    pub(crate) fn new(input: &DeriveInput, features: Features, diag: &Diag) -> Self {
        let container = Container::parse(&input.attrs, diag);
        let entity = input.ident.unraw().to_string();

        let fields = named_fields(input, diag);
        let buildable = fields.is_some();
        let mut columns = vec![];
        let mut skipped = vec![];
        let mut attrs = vec![];
        let mut key_meant = false;
        for field in fields.into_iter().flatten() {
            let Some(ident) = &field.ident else { continue };
            let parsed = FieldAttrs::parse(&field.attrs, diag);
            key_meant |= parsed.key_meant;
            let ty = without_self(field.ty.to_token_stream(), &input.ident);
            if parsed.skip.is_some() {
                skipped.push(Skipped { field: ident.clone(), ty });
                continue;
            }
            columns.push(Column {
                field: ident.clone(),
                vis: field.vis.clone(),
                type_name: tidy(&ty),
                ty,
                docs: docs(&field.attrs),
                name: column_name(ident, &parsed, container.rename_all, diag),
                constant: Some(constant(ident)),
                fill: Fill::Client,
                is_id: parsed.id.is_some(),
                in_patch: false,
                rules: FieldRules::parse(&field.attrs, diag),
            });
            attrs.push(parsed);
        }

        let mut id: Vec<usize> = (0..columns.len()).filter(|&index| columns[index].is_id).collect();
        for (column, attrs) in columns.iter_mut().zip(&attrs) {
            column.fill = fill(attrs, id.len());
            column.in_patch = attrs.id.is_none() && attrs.read_only.is_none();
        }
        if buildable {
            check_columns(&mut columns, &skipped, &input.ident, diag);
            check_key(&columns, &mut id, key_meant, &input.ident, diag);
        }

        let mut unique = vec![];
        for (index, attrs) in attrs.iter().enumerate() {
            if let Some(key) = &attrs.unique {
                let name = key.name.as_ref().map(syn::LitStr::value);
                unique.push(Unique { name, columns: vec![index] });
            }
        }
        for key in &container.unique {
            unique.extend(unique_key(key, &columns, &skipped, diag));
        }

        let rules = Rules::new(&input.attrs, &container, &mut columns, features, diag);
        Self {
            vis: input.vis.clone(),
            krate: container.krate.as_ref().map_or_else(|| quote!(::kysera), ToTokens::to_token_stream),
            schema: container.schema.as_ref().map(syn::LitStr::value),
            table: container.table.as_ref().map_or_else(|| entity.to_snake_case(), syn::LitStr::value),
            columns,
            skipped,
            id,
            unique,
            columns_type: container.columns,
            backends: container.backends,
            new_derives: container.new_derives,
            patch_derives: container.patch_derives,
            rules,
            has_plugins: container.plugins.declared,
            buildable,
            names: Names::free_in(input),
            ident: input.ident.clone(),
        }
    }

    /// The struct's name, without `r#`.
    pub(crate) fn entity(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The struct's name in docs, as a link where rustdoc can follow it.
    pub(crate) fn link(&self) -> String {
        let entity = self.entity();
        if self.ident == entity.as_str() { format!("[`{entity}`]") } else { format!("`{entity}`") }
    }

    /// `NewUser`
    pub(crate) fn new_type(&self) -> Ident {
        format_ident!("New{}", self.ident)
    }

    /// `UserPatch`
    pub(crate) fn patch_type(&self) -> Ident {
        format_ident!("{}Patch", self.ident)
    }

    /// `UserRepository`
    pub(crate) fn repository_type(&self) -> Ident {
        format_ident!("{}Repository", self.ident)
    }

    /// The columns of `NewX`.
    pub(crate) fn new_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.fill != Fill::Database)
    }

    /// The columns of `XPatch`.
    pub(crate) fn patch_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.in_patch)
    }
}

/// The fields of a struct that can be an entity.
fn named_fields<'a>(input: &'a DeriveInput, diag: &Diag) -> Option<Vec<&'a syn::Field>> {
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

/// A field's type, with the struct's name for `Self`, which means something else in `NewX` and `XPatch`.
fn without_self(ty: TokenStream, ident: &Ident) -> TokenStream {
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

fn column_name(ident: &Ident, attrs: &FieldAttrs, rename_all: Option<RenameAll>, diag: &Diag) -> String {
    if let Some((_, name)) = &attrs.rename {
        return name.value();
    }
    let field = ident.unraw().to_string();
    let Some(rule) = rename_all else { return field };
    let name = rule.apply(&field);
    if name.is_empty() {
        diag.at(ident, "`rename_all` leaves nothing of this name: add `#[kysera(rename = \"..\")]`");
        return field;
    }
    name
}

/// `created_at` -> `CREATED_AT`
fn constant(field: &Ident) -> Ident {
    let name = field.unraw().to_string();
    let upper = name.to_uppercase();
    // Capitals of a few letters are no identifier; those names stay as they are.
    if syn::parse_str::<Ident>(&upper).is_ok() { Ident::new(&upper, field.span()) } else { field.clone() }
}

fn fill(attrs: &FieldAttrs, key_columns: usize) -> Fill {
    let generated = attrs.id.is_some() && attrs.assigned.is_none() && key_columns == 1;
    if attrs.default.is_some() {
        Fill::Default
    } else if attrs.read_only.is_some() || generated {
        Fill::Database
    } else {
        Fill::Client
    }
}

fn check_key(columns: &[Column], id: &mut Vec<usize>, key_meant: bool, ident: &Ident, diag: &Diag) {
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

fn check_columns(columns: &mut [Column], skipped: &[Skipped], ident: &Ident, diag: &Diag) {
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

fn unique_key(key: &UniqueKey, columns: &[Column], skipped: &[Skipped], diag: &Diag) -> Option<Unique> {
    let mut indexes = vec![];
    let mut complete = true;
    for field in &key.fields {
        let found = columns.iter().position(|column| column.field.unraw() == field.unraw());
        if let Some(index) = found {
            indexes.push(index);
            continue;
        }
        complete = false;
        if skipped.iter().any(|other| other.field.unraw() == field.unraw()) {
            diag.at(field, format!("`{field}` is skipped, hence no column"));
            continue;
        }
        let names: Vec<String> = columns.iter().map(|column| column.field.unraw().to_string()).collect();
        let hint = did_you_mean(&field.to_string(), names.iter().map(String::as_str));
        let known = listing(names.iter().map(String::as_str));
        diag.at(field, format!("there is no field `{field}`{hint}\nthe fields are {known}"));
    }
    (complete && !indexes.is_empty())
        .then(|| Unique { name: key.name.as_ref().map(syn::LitStr::value), columns: indexes })
}

impl Names {
    /// `S`, `C` and `DB`, unless a type in sight has that name.
    fn free_in(input: &DeriveInput) -> Self {
        let mut used = HashSet::new();
        collect_idents(input.to_token_stream(), &mut used);
        let free = |name: &str| {
            let mut name = name.to_owned();
            while used.contains(&name) {
                name.push('_');
            }
            Ident::new(&name, Span::mixed_site())
        };
        Self { source: free("S"), context: free("C"), database: free("DB") }
    }
}

fn collect_idents(tokens: TokenStream, idents: &mut HashSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(idents.insert(ident.to_string())),
            TokenTree::Group(group) => collect_idents(group.stream(), idents),
            _ => {}
        }
    }
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
