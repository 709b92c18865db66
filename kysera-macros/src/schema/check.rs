//! What an entity and its table must have in common. The types of fields are checked by the compiler, with code of
//! `expand/schema.rs`.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::LitStr;
use syn::ext::IdentExt as _;

use super::file::{Backend, Column as Stored, Identity, Table};
use super::{Found, Held, Schemas, find};
use crate::attr::container::Container;
use crate::attr::field::FieldAttrs;
use crate::diag::{Diag, did_you_mean, listing};
use crate::model::{Column, Fill};

/// What is known of the entity.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) table: &'a str,
    pub(crate) container: &'a Container,
    pub(crate) columns: &'a [Column],
    /// Beside the columns.
    pub(crate) attrs: &'a [FieldAttrs],
    pub(crate) id: &'a [usize],
}

/// Holds an entity against every snapshot that there is.
pub(crate) fn hold(subject: Subject<'_>, diag: &Diag) -> Schemas {
    let mut schemas = Schemas::default();
    let at = |message: &str| diag.at(subject.ident, message);
    let found = find(&subject.container.schema_file, &at, &mut schemas.files, diag);
    // Snapshots are of the schema that connections use.
    if subject.container.schema.is_some() {
        return schemas;
    }
    let lives_there = |backend: Backend| {
        let backends = &subject.container.backends;
        backends.is_empty() || backends.iter().any(|name| name == backend.ident())
    };
    let mut told = vec![];
    for Found { file, snapshot } in found {
        if !lives_there(snapshot.backend) {
            continue;
        }
        let Some(table) = snapshot.table(subject.table) else {
            let tables: Vec<&str> = snapshot.tables.iter().map(|table| &*table.name).collect();
            subject.unknown_table(&file, &tables, diag);
            continue;
        };
        let mut held = Held { file, snapshot, table, columns: vec![] };
        held.columns = subject.columns_in(&held, &mut told, diag);
        subject.check(&held, diag);
        schemas.held.push(held);
    }
    schemas
}

impl Subject<'_> {
    fn unknown_table(&self, file: &str, tables: &[&str], diag: &Diag) {
        let name = self.table;
        let hint = did_you_mean(name, tables.iter().copied());
        let message = match &self.container.table {
            Some(_) => format!("there is no table `{name}` in {file}{hint}"),
            None => format!(
                "there is no table `{name}` in {file}{hint}\nname the table with `#[kysera(table = \"..\")]`, or say `#[kysera(schema_file = off)]` if it is in another database"
            ),
        };
        match &self.container.table {
            Some(table) => diag.at(table, message),
            None => diag.at(self.ident, message),
        }
    }

    /// Finds the columns. What is unknown in several snapshots is told once.
    fn columns_in(&self, held: &Held, told: &mut Vec<usize>, diag: &Diag) -> Vec<Option<usize>> {
        let table = held.table();
        let place = |name: &str| {
            let exact = table.columns.iter().position(|column| column.name == name);
            exact.or_else(|| {
                table.columns.iter().position(|column| held.backend().same_name(&column.name, name))
            })
        };
        let places: Vec<Option<usize>> = self.columns.iter().map(|column| place(&column.name)).collect();
        for (index, column) in self.columns.iter().enumerate() {
            if places[index].is_some() || told.contains(&index) {
                continue;
            }
            told.push(index);
            let free = table.columns.iter().enumerate().filter(|(place, _)| !places.contains(&Some(*place)));
            let free: Vec<&str> = free.map(|(_, column)| &*column.name).collect();
            let hint = did_you_mean(&column.name, free.iter().copied());
            let known = match free.as_slice() {
                [] => format!("all columns of `{}` are fields of `{}` already", table.name, self.ident),
                free if free.len() <= 12 => format!("no field has {}", listing(free.iter().copied())),
                free => format!("it has {} columns that no field has", free.len()),
            };
            let message = format!(
                "the table `{}` has no column `{}` ({}){hint}\n{known}",
                table.name, column.name, held.file
            );
            diag.at(self.name_of(index), message);
        }
        places
    }

    /// Where a column is named: by its field, or by `rename`.
    fn name_of(&self, index: usize) -> TokenStream {
        match self.attrs.get(index).and_then(|attrs| attrs.rename.as_ref()) {
            Some((_, name)) => name.to_token_stream(),
            None => self.columns[index].field.to_token_stream(),
        }
    }

    fn check(&self, held: &Held, diag: &Diag) {
        if held.table().is_view {
            return;
        }
        for (index, column) in self.columns.iter().enumerate() {
            if let (Some(stored), Some(attrs)) = (held.column(index), self.attrs.get(index)) {
                self.filled(column, attrs, stored, held, diag);
            }
        }
        self.key(held, diag);
        self.unique_keys(held, diag);
        self.required(held, diag);
    }

    /// Who fills a column.
    fn filled(&self, column: &Column, attrs: &FieldAttrs, stored: &Stored, held: &Held, diag: &Diag) {
        let (file, field) = (&held.file, &column.field);
        let name = format!("`{}.{}`", held.table().name, stored.name);
        let is_written = column.fill != Fill::Database || column.in_patch;
        if stored.generated && is_written {
            diag.at(
                field,
                format!("{name} is generated ({file}), and no value can be written to it: add `#[kysera(read_only)]`"),
            );
        } else if stored.identity == Some(Identity::Always) && is_written {
            let what = match &attrs.assigned {
                Some(_) => "take `assigned` away",
                None if column.is_id => "take `default` away",
                None => "add `#[kysera(read_only)]`",
            };
            let at = attrs.assigned.as_ref().unwrap_or(field);
            diag.at(at, format!("{name} is GENERATED ALWAYS AS IDENTITY ({file}), and no value can be written to it: {what}"));
        } else if let (Fill::Default, Some(default)) = (column.fill, &attrs.default)
            && !stored.is_optional()
        {
            diag.at(
                default,
                format!("`default` leaves {name} to the database, which has no default for it ({file}): take `default` away"),
            );
        } else if let (Fill::Database, Some(id)) = (column.fill, &attrs.id)
            && !stored.is_filled()
        {
            diag.at(
                id,
                format!(
                    "{name} is left to the database, which makes no value for it ({file}): write `#[kysera(id, assigned)]` if the client gives it, or give the column an identity or a default"
                ),
            );
        } else if column.plugin == Some("soft_delete") && !stored.is_optional() {
            diag.at(
                field,
                format!("the plugin `soft_delete` leaves {name} out when a row is made, and it is NOT NULL without a default ({file})"),
            );
        }
    }

    /// The key is one of the table's.
    fn key(&self, held: &Held, diag: &Diag) {
        let table = held.table();
        let names: Option<Vec<&str>> =
            self.id.iter().map(|index| held.column(*index).map(|column| &*column.name)).collect();
        let (Some(names), Some(first)) = (names, self.id.first()) else { return };
        if is_key(table, held.backend(), &names) {
            return;
        }
        let at = self.attrs.get(*first).and_then(|attrs| attrs.id.as_ref()).unwrap_or(self.ident);
        let what = match &table.primary_key {
            Some(key) => {
                let columns = listing(key.columns.iter().map(String::as_str));
                format!("its primary key is {columns}")
            }
            None => "it has no primary key".to_owned(),
        };
        let is = if names.len() == 1 { "is" } else { "together are" };
        let names = listing(names);
        let message = format!(
            "{names} {is} no key of `{}`: several rows may have the same ({}); {what}",
            table.name, held.file
        );
        diag.at(at, message);
    }

    fn unique_keys(&self, held: &Held, diag: &Diag) {
        for (index, attrs) in self.attrs.iter().enumerate() {
            if let Some(key) = &attrs.unique {
                self.unique(&[index], &key.key.to_token_stream(), key.name.as_ref(), held, diag);
            }
        }
        for key in &self.container.unique {
            let position =
                |field: &Ident| self.columns.iter().position(|column| column.field.unraw() == field.unraw());
            let indexes: Option<Vec<usize>> = key.fields.iter().map(position).collect();
            if let Some(indexes) = indexes {
                self.unique(&indexes, &key.tokens, key.name.as_ref(), held, diag);
            }
        }
    }

    /// A unique key is one of the table's, and has its name. One that is unique among some rows alone will do: among those that
    /// are not deleted, for instance.
    fn unique(&self, indexes: &[usize], at: &TokenStream, name: Option<&LitStr>, held: &Held, diag: &Diag) {
        let (table, file) = (held.table(), &held.file);
        let names: Option<Vec<&str>> =
            indexes.iter().map(|index| held.column(*index).map(|column| &*column.name)).collect();
        let Some(names) = names else { return };
        let keys = table.primary_key.iter().chain(&table.unique);
        let keys: Vec<_> = keys.filter(|key| key.is_over(held.backend(), &names)).collect();
        let listed = listing(names);
        if keys.is_empty() {
            diag.at(at, format!("the table `{}` has no unique key over {listed} ({file})", table.name));
        } else if let Some(name) = name
            && !keys.iter().any(|key| key.name.as_ref().is_none_or(|own| *own == name.value()))
        {
            let own = listing(keys.iter().filter_map(|key| key.name.as_deref()));
            diag.at(
                name,
                format!("the unique key over {listed} is called {own} ({file}), not `{}`", name.value()),
            );
        }
    }

    /// A row can be made of what the struct has.
    fn required(&self, held: &Held, diag: &Diag) {
        let table = held.table();
        let missing: Vec<&Stored> = table
            .columns
            .iter()
            .enumerate()
            .filter(|(place, column)| !held.columns.contains(&Some(*place)) && !column.is_optional())
            .map(|(_, column)| column)
            .collect();
        // An unknown column is likely to be one of those.
        if missing.is_empty() || self.container.partial || held.columns.contains(&None) {
            return;
        }
        let columns: Vec<String> =
            missing.iter().map(|column| format!("`{}` ({})", column.name, column.shown())).collect();
        let (it, has) =
            if missing.len() == 1 { ("a column", "has no default") } else { ("columns", "have no default") };
        let message = format!(
            "a row of `{}` needs {it} that `{}` does not have: {} {has} ({})\nadd what is missing, or say `#[kysera(partial)]` if rows are made elsewhere",
            table.name,
            self.ident,
            columns.join(", "),
            held.file
        );
        diag.at(self.ident, message);
    }
}

/// Whether no two rows have the same values in these columns.
fn is_key(table: &Table, backend: Backend, names: &[&str]) -> bool {
    let keys = table.primary_key.iter().chain(&table.unique);
    keys.filter(|key| key.predicate.is_none()).any(|key| key.is_over(backend, names))
}
