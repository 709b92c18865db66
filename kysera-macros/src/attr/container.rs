//! `#[kysera(..)]` on the struct.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Path, Token};

use super::item::{Item, Keys, items, split, tidy};
use super::plugins::{self, Plugins};
use super::relation::{Kind, RelationAttr, relation};
use super::rename::{RenameAll, SPELLINGS};
use super::{Features, field};
use crate::diag::{Diag, did_you_mean, listing};

pub(crate) const KEYS: &[&str] = &[
    "table",
    "schema",
    "rename_all",
    "columns",
    "unique",
    "backend",
    "crate",
    "new",
    "patch",
    "validate",
    "context",
    "schema_file",
    "partial",
    "has_many",
    "has_one",
];

/// The databases that `backend(..)` may name.
pub(crate) const BACKENDS: [&str; 3] = ["Postgres", "MySql", "Sqlite"];

/// What the struct's attributes say.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) table: Option<LitStr>,
    pub(crate) schema: Option<LitStr>,
    pub(crate) rename_all: Option<RenameAll>,
    pub(crate) columns: Option<Ident>,
    pub(crate) unique: Vec<UniqueKey>,
    pub(crate) backends: Vec<Ident>,
    pub(crate) krate: Option<Path>,
    pub(crate) new_derives: Vec<Path>,
    pub(crate) patch_derives: Vec<Path>,
    pub(crate) validate: bool,
    pub(crate) context: Option<TokenStream>,
    /// Whether `context` stands there, even if it could not be read.
    pub(crate) context_meant: bool,
    pub(crate) schema_file: SchemaFile,
    /// Whether rows are made elsewhere, with columns that the struct does not have.
    pub(crate) partial: bool,
    pub(crate) relations: Vec<RelationAttr>,
    pub(crate) plugins: Plugins,
}

/// Where the snapshot of the schema is.
#[derive(Default)]
pub(crate) enum SchemaFile {
    /// Beside `Cargo.toml`, if there is one.
    #[default]
    Default,
    /// `schema_file = ".."`
    Given(LitStr),
    /// `schema_file = off`
    Off,
}

/// `unique(a, b, name = "..")`
pub(crate) struct UniqueKey {
    /// All of it, for spans.
    pub(crate) tokens: TokenStream,
    pub(crate) fields: Vec<Ident>,
    pub(crate) name: Option<LitStr>,
}

impl Container {
    pub(crate) fn parse(attrs: &[Attribute], features: Features, diag: &Diag) -> Self {
        let mut container = Self::default();
        let mut keys = Keys {
            of: "a struct",
            valid: KEYS,
            elsewhere: (field::KEYS, "a field"),
            repeatable: &["unique", "has_many", "has_one"],
            diag,
            seen: vec![],
        };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("kysera")) {
            for item in items(attr, diag) {
                // What `#[kysera::plugin(..)]` in front of the derive turns into.
                if item.key == "plugin" {
                    container.plugins.item(&item, features, diag);
                } else if keys.accept(&item) {
                    container.item(&item, features, diag);
                }
            }
        }
        for attr in attrs.iter().filter(|attr| plugins::is_plugin(attr.path(), container.krate.as_ref())) {
            container.plugins.attribute(attr, features, diag);
        }
        container
    }

    fn item(&mut self, item: &Item, features: Features, diag: &Diag) {
        match item.name().as_str() {
            "table" => self.table = item.string("users", diag),
            "schema" => self.schema = item.string("public", diag),
            "rename_all" => self.rename_all = rename_all(item, diag),
            "columns" => {
                let what = "the name of a type to make, as in `columns = UserColumns`";
                self.columns = item.parsed(what, diag);
            }
            "unique" => self.unique.extend(unique(item, diag)),
            "has_many" => self.relations.extend(relation(Kind::HasMany, item, diag)),
            "has_one" => self.relations.extend(relation(Kind::HasOne, item, diag)),
            "backend" => self.backends = backends(item, features, diag),
            "crate" => {
                let what = "a path to kysera, as in `crate = my_crate::kysera`";
                self.krate = item.parsed_with(Path::parse_mod_style, what, diag);
            }
            "context" => {
                self.context_meant = true;
                let what = "the type of a context, as in `context = Principal`";
                self.context = item.parsed::<syn::Type>(what, diag).map(|ty| ty.to_token_stream());
            }
            "schema_file" => self.schema_file = schema_file(item, diag),
            "partial" => {
                item.flag(diag);
                self.partial = true;
            }
            "new" => self.new_derives = derives(item, diag),
            "patch" => self.patch_derives = derives(item, diag),
            "validate" => {
                item.flag(diag);
                self.validate = true;
            }
            _ => {}
        }
    }
}

fn schema_file(item: &Item, diag: &Diag) -> SchemaFile {
    let off = |input: syn::parse::ParseStream<'_>| {
        let word: Ident = input.parse()?;
        if word == "off" { Ok(()) } else { Err(input.error("not `off`")) }
    };
    // Both readings are tried without a word, so that there is one message for both.
    let silent = Diag::default();
    if item.parsed_with(off, "", &silent).is_some() {
        return SchemaFile::Off;
    }
    let what = "a file, relative to Cargo.toml, as in `schema_file = \"kysera.schema.json\"`, or `off`";
    let file = item.parsed::<LitStr>(what, diag).and_then(|_| item.string("kysera.schema.json", diag));
    // After a mistake nothing is held against anything.
    file.map_or(SchemaFile::Off, SchemaFile::Given)
}

fn rename_all(item: &Item, diag: &Diag) -> Option<RenameAll> {
    let text = item.string("camelCase", diag)?;
    let value = text.value();
    let rule = RenameAll::parse(&value);
    if rule.is_none() {
        diag.at(
            &text,
            format!(
                "unknown spelling `{value}`{}\nthe spellings are {}",
                did_you_mean(&value, SPELLINGS),
                listing(SPELLINGS)
            ),
        );
    }
    rule
}

fn unique(item: &Item, diag: &Diag) -> Option<UniqueKey> {
    if item.is_word() {
        diag.at(
            &item.key,
            "on a struct, `unique` needs the fields of the key, as in `unique(tenant, email)`; \
             for a single column write `#[kysera(unique)]` on its field",
        );
        return None;
    }
    let what = "the fields of the key, as in `unique(tenant, email)`";
    let mut key = UniqueKey { tokens: item.tokens(), fields: vec![], name: None };
    if item.list(what, diag)?.is_empty() {
        diag.at(item.tokens(), format!("expected {what}"));
    }
    for part in item.items(what, diag)? {
        if part.is_word() {
            if key.fields.iter().any(|field| field.unraw() == part.key.unraw()) {
                diag.at(&part.key, format!("`{}` is given twice", part.key));
            } else {
                key.fields.push(part.key);
            }
        } else if part.key != "name" {
            diag.at(
                part.tokens(),
                format!("expected a field or `name = \"..\"`, found `{}`", tidy(part.tokens())),
            );
        } else if key.name.is_some() {
            diag.at(part.tokens(), "`name` is given twice");
        } else {
            key.name = part.string("users_tenant_email_key", diag);
        }
    }
    Some(key)
}

fn backends(item: &Item, features: Features, diag: &Diag) -> Vec<Ident> {
    let what = "a list of databases, as in `backend(Postgres, Sqlite)`";
    let mut backends: Vec<Ident> = vec![];
    let Some(parts) = item.items(what, diag) else { return backends };
    if parts.is_empty() {
        diag.at(&item.key, format!("expected {what}; the databases are {}", listing(BACKENDS)));
    }
    for part in parts {
        let name = part.key.to_string();
        let (feature, is_on) = match name.as_str() {
            "Postgres" => ("postgres", features.postgres),
            "MySql" => ("mysql", features.mysql),
            "Sqlite" => ("sqlite", features.sqlite),
            _ => {
                let (hint, known) = (did_you_mean(&name, BACKENDS), listing(BACKENDS));
                diag.at(&part.key, format!("unknown database `{name}`{hint}\nthe databases are {known}"));
                continue;
            }
        };
        if backends.contains(&part.key) {
            diag.at(&part.key, format!("`{name}` is given twice"));
        } else if !is_on {
            diag.at(&part.key, Features::missing(feature, "which brings this database"));
        } else {
            part.flag(diag);
            backends.push(part.key);
        }
    }
    backends
}

/// The paths in `new(derive(..))` and `patch(derive(..))`.
fn derives(item: &Item, diag: &Diag) -> Vec<Path> {
    let what = format!("derives to pass through, as in `{}(derive(serde::Deserialize))`", item.key);
    let mut paths: Vec<Path> = vec![];
    for part in item.items(&what, diag).unwrap_or_default() {
        if part.key != "derive" {
            diag.at(&part.key, format!("expected `derive(..)`, found `{}`", part.key));
            continue;
        }
        for tokens in split(part.list(&what, diag).unwrap_or_default()) {
            let tokens: TokenStream = tokens.into_iter().collect();
            match Path::parse_mod_style.parse2(tokens.clone()) {
                Ok(path) if paths.iter().any(|other| tidy(other) == tidy(&path)) => {
                    diag.at(&path, format!("`{}` is given twice", tidy(&path)));
                }
                Ok(path) => paths.push(path),
                Err(_) if tokens.is_empty() => diag.at(&part.key, "there is nothing between two commas"),
                Err(_) => {
                    diag.at(&tokens, format!("expected the path of a derive, found `{}`", tidy(&tokens)));
                }
            }
        }
    }
    paths
}

/// Whether any derive of a list ends in this name.
pub(crate) fn derives_named(paths: &[Path], name: &str) -> bool {
    paths.iter().any(|path| path.segments.last().is_some_and(|last| last.ident == name))
}

/// The paths in the `#[derive(..)]`s of an item; what cannot be read is left to rustc.
pub(crate) fn derived(attr: &Attribute) -> Vec<Path> {
    if !attr.path().is_ident("derive") {
        return vec![];
    }
    let paths = Punctuated::<Path, Token![,]>::parse_terminated;
    attr.parse_args_with(paths).map(|paths| paths.into_iter().collect()).unwrap_or_default()
}

/// Whether a path is a plain identifier or ends a path in `core` or `std`.
pub(crate) fn is_std(path: &Path) -> bool {
    let first = path.segments.first().map(|segment| segment.to_token_stream().to_string());
    path.segments.len() == 1 || matches!(first.as_deref(), Some("core" | "std"))
}
