//! The snapshot of the database's tables, where there is one, and what an entity must have in common with its table.

mod check;
mod constraints;
mod file;
mod json;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use check::{Subject, hold};
pub(crate) use constraints::{Constraint, Kind, constraints};
pub(crate) use file::{Backend, Column, Key, Snapshot, Table};

use file::Read;
use syn::LitStr;

use crate::attr::container::SchemaFile;
use crate::diag::Diag;

/// An entity's table in a snapshot.
pub(crate) struct Held {
    /// The file, as it is named in messages.
    pub(crate) file: String,
    snapshot: Arc<Snapshot>,
    table: usize,
    /// For each column of the entity its place in the table.
    columns: Vec<Option<usize>>,
}

impl Held {
    pub(crate) fn backend(&self) -> Backend {
        self.snapshot.backend
    }

    pub(crate) fn table(&self) -> &Table {
        &self.snapshot.tables[self.table]
    }

    /// The table's column for one of the entity's.
    pub(crate) fn column(&self, index: usize) -> Option<&Column> {
        self.table().columns.get((*self.columns.get(index)?)?)
    }

    /// The entity's column for one of the table's.
    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        let place =
            self.table().columns.iter().position(|column| self.backend().same_name(&column.name, name));
        place.and_then(|place| self.columns.iter().position(|column| *column == Some(place)))
    }
}

/// What an entity is held against.
#[derive(Default)]
pub(crate) struct Schemas {
    /// The files, relative to `Cargo.toml`: when one changes, the crate is compiled again.
    pub(crate) files: Vec<String>,
    pub(crate) held: Vec<Held>,
}

/// A snapshot, and the name of its file.
struct Found {
    file: String,
    snapshot: Arc<Snapshot>,
}

/// Reads the snapshots that there are.
fn find(file: &SchemaFile, at: &dyn Fn(&str), files: &mut Vec<String>, diag: &Diag) -> Vec<Found> {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let (names, given): (Vec<String>, Option<&LitStr>) = match file {
        SchemaFile::Off => return vec![],
        SchemaFile::Given(name) => (vec![name.value()], Some(name)),
        SchemaFile::Default => {
            let each = Backend::ALL.map(|backend| format!("kysera.schema.{}.json", backend.key()));
            (std::iter::once("kysera.schema.json".to_owned()).chain(each).collect(), None)
        }
    };
    let mut found = vec![];
    for name in names {
        let path = folder.join(Path::new(&name));
        match (file::read(&path), given) {
            (None, None) => {}
            (None, Some(given)) => {
                let folder = folder.display();
                diag.at(given, format!("there is no file `{name}` in {folder}, where Cargo.toml is"));
            }
            (Some(read), _) => {
                files.push(name.clone());
                match read {
                    Read::Snapshot(snapshot) => found.push(Found { file: name, snapshot }),
                    Read::Broken(why) => at(&format!(
                        "{name} cannot be read as a snapshot of a schema: {why}\nwrite it anew, or say `schema_file = off`"
                    )),
                    Read::BrokenAndTold => {}
                }
            }
        }
    }
    found
}
