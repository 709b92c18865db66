//! The entity: validated, and without any database's spelling.

mod check;
mod guard;
mod plugins;
mod relation;
mod rls;
pub(crate) mod types;

use std::collections::HashSet;

use heck::ToSnakeCase as _;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Path, Visibility};

pub(crate) use guard::Guard;
use guard::{Asked, guards};
use plugins::Found;
pub(crate) use plugins::{Cascade, Plugins};
pub(crate) use relation::Relation;
pub(crate) use rls::{Claim, Rls, Tenant};

use crate::attr::Features;
use crate::attr::container::Container;
use crate::attr::field::{FieldAttrs, Outside, docs};
use crate::attr::item::tidy;
use crate::attr::rename::RenameAll;
use crate::attr::rules::{FieldRules, Rules};
use crate::diag::Diag;
use crate::schema::{self, Backend, Schemas, Subject};

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
    pub(crate) relations: Vec<Relation>,
    /// The type that takes the constants, if not the struct itself.
    pub(crate) columns_type: Option<Ident>,
    /// Empty means every database that the types fit.
    pub(crate) backends: Vec<Ident>,
    pub(crate) new_derives: Vec<Path>,
    pub(crate) patch_derives: Vec<Path>,
    pub(crate) rules: Rules,
    /// The context that a source needs to reach it.
    pub(crate) context: Option<TokenStream>,
    pub(crate) plugins: Plugins,
    /// What is known of its table.
    pub(crate) schemas: Schemas,
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
    /// The plugin whose column it is.
    pub(crate) plugin: Option<&'static str>,
    /// Who may read and write it, where that are not all.
    pub(crate) guard: Option<Guard>,
    /// What the world outside calls it, where it may filter or sort by it.
    pub(crate) filterable: Option<String>,
    pub(crate) sortable: Option<String>,
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
    /// No field: a plugin gives the value.
    Plugin,
}

impl Fill {
    /// Whether `NewX` has a field for it.
    pub(crate) fn is_in_new(self) -> bool {
        matches!(self, Self::Client | Self::Default)
    }
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
        let container = Container::parse(&input.attrs, features, diag);
        let entity = input.ident.unraw().to_string();

        let fields = check::named_fields(input, diag);
        let buildable = fields.is_some();
        let mut columns = vec![];
        let mut skipped = vec![];
        let mut attrs = vec![];
        let mut key_meant = false;
        let mut declared = HashSet::new();
        let (mut filterable, mut sortable) = (HashSet::new(), HashSet::new());
        for field in fields.into_iter().flatten() {
            let Some(ident) = &field.ident else { continue };
            // A field that is declared twice is reported by rustc.
            if !declared.insert(ident.unraw()) {
                continue;
            }
            let parsed = FieldAttrs::parse(&field.attrs, diag);
            key_meant |= parsed.key_meant;
            let ty = types::portable(&field.ty, &input.ident);
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
                plugin: None,
                guard: None,
                filterable: outside_name(ident, parsed.filterable.as_ref(), &mut filterable, diag),
                sortable: outside_name(ident, parsed.sortable.as_ref(), &mut sortable, diag),
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
            check::columns(&mut columns, &skipped, &input.ident, diag);
            check::key(&columns, &mut id, key_meant, &input.ident, diag);
        }

        let mut unique = vec![];
        for (index, attrs) in attrs.iter().enumerate() {
            if let Some(key) = &attrs.unique {
                check::add_unique(vec![index], &key.key, key.name.as_ref(), &mut unique, diag);
            }
        }
        for key in &container.unique {
            check::unique_key(key, &columns, &skipped, &mut unique, diag);
        }

        let on_fields: Vec<_> = attrs
            .iter_mut()
            .enumerate()
            .flat_map(|(index, attrs)| {
                std::mem::take(&mut attrs.belongs_to).into_iter().map(move |attr| (index, attr))
            })
            .collect();
        let relations =
            relation::relations(&container.relations, &on_fields, &columns, &id, &input.ident, diag);
        let krate = container.krate.as_ref().map_or_else(|| quote!(::kysera), ToTokens::to_token_stream);
        let found = Found {
            has_fields: buildable,
            relations: &relations,
            all_relations: relations.len() == container.relations.len() + on_fields.len(),
            attrs: &attrs,
            skipped: &skipped,
            ident: &input.ident,
            krate: &krate,
            columns_type: container.columns.as_ref(),
            diag,
        };
        let plugins = plugins::plugins(&container.plugins, &mut columns, found);
        let context = rls::context(&container, plugins.rls.as_ref(), diag);
        let asked = match &context {
            Some(_) => Asked::Context,
            None if plugins.rls.is_none() && !container.context_meant => Asked::Nobody,
            None => Asked::Unknown,
        };
        guards(&mut columns, &attrs, asked, &input.ident, diag);

        let table = container.table.as_ref().map_or_else(|| entity.to_snake_case(), syn::LitStr::value);
        let schemas = match buildable {
            true => {
                let subject = Subject {
                    ident: &input.ident,
                    table: &table,
                    container: &container,
                    columns: &columns,
                    attrs: &attrs,
                    id: &id,
                };
                schema::hold(subject, diag)
            }
            false => Schemas::default(),
        };
        name_keys(&mut unique, &columns, &schemas);

        let rules = Rules::new(&input.attrs, &container, &mut columns, features, diag);
        let mut model = Self {
            vis: input.vis.clone(),
            krate,
            schema: container.schema.as_ref().map(syn::LitStr::value),
            table,
            columns,
            skipped,
            id,
            unique,
            relations,
            columns_type: container.columns,
            backends: container.backends,
            new_derives: container.new_derives,
            patch_derives: container.patch_derives,
            rules,
            context,
            plugins,
            schemas,
            buildable,
            names: Names::free_in(input),
            ident: input.ident.clone(),
        };
        check::columns_type(&mut model, diag);
        model
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
        self.columns.iter().enumerate().filter(|(_, column)| column.fill.is_in_new())
    }

    /// The columns of `XPatch`.
    pub(crate) fn patch_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.in_patch)
    }
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

/// What the world outside calls a field. No other field may have the name.
fn outside_name(
    field: &Ident,
    outside: Option<&Outside>,
    taken: &mut HashSet<String>,
    diag: &Diag,
) -> Option<String> {
    let Outside { key, name } = outside?;
    let (name, at) = match name {
        Some(name) => (name.value(), name.to_token_stream()),
        None => (field.unraw().to_string(), key.to_token_stream()),
    };
    if name.is_empty() || name.starts_with(['$', '-', '+']) || name.contains([',', ' ']) {
        let why = "cannot be told from the rest of a filter or an order";
        diag.at(at, format!("the name `{name}` {why}: it must not be empty, start with `$`, `-` or `+`, or have commas or spaces"));
        return None;
    }
    if !taken.insert(name.clone()) {
        diag.at(at, format!("another `{key}` field is called `{name}` already"));
        return None;
    }
    Some(name)
}

/// `created_at` -> `CREATED_AT`
pub(crate) fn constant(field: &Ident) -> Ident {
    let name = field.unraw().to_string();
    let upper = name.to_uppercase();
    // Capitals of a few letters are no identifier; those names stay as they are.
    if syn::parse_str::<Ident>(&upper).is_ok() { Ident::new(&upper, field.span()) } else { field.clone() }
}

/// MySQL tells the name of a violated key and nothing of its columns: where the struct does not give the name, the snapshot does.
fn name_keys(unique: &mut [Unique], columns: &[Column], schemas: &Schemas) {
    let Some(held) = schemas.held.iter().find(|held| held.backend() == Backend::MySql) else { return };
    for key in unique.iter_mut().filter(|key| key.name.is_none()) {
        let names: Vec<&str> = key.columns.iter().map(|index| columns[*index].name.as_str()).collect();
        let own = held.table().unique.iter().find(|own| own.is_over(Backend::MySql, &names));
        key.name = own.and_then(|own| own.name.clone());
    }
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

impl Names {
    /// `S`, `C` and `DB`, unless a type in sight has that name.
    pub(crate) fn free_in(input: &DeriveInput) -> Self {
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
