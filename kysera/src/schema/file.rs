//! Snapshots in files: one line for each column and each constraint, so that a difference between two versions can be read.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::model::{
    Check, Column, EnumType, ForeignKey, Index, PrimaryKey, Schema, SchemaBackend, Table, TableKind,
    UniqueKey,
};

/// The version of the format. The derive reads this one alone.
const VERSION: u32 = 1;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaFileError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no snapshot.
    #[error("{}: this is no snapshot of a schema: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        source: serde_json::Error,
    },
    /// A newer kysera wrote it.
    #[error("{}: a snapshot in version {found} of the format, of which this kysera knows {VERSION}: use the kysera that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

#[derive(Deserialize)]
struct Versioned {
    kysera: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSchema {
    #[serde(rename = "kysera")]
    _version: u32,
    backend: SchemaBackend,
    tables: Vec<StoredTable>,
    #[serde(default)]
    enums: Vec<EnumType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTable {
    name: String,
    kind: TableKind,
    columns: Vec<Column>,
    #[serde(default)]
    primary_key: Option<PrimaryKey>,
    #[serde(default)]
    unique: Vec<UniqueKey>,
    #[serde(default)]
    foreign_keys: Vec<ForeignKey>,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    indexes: Vec<Index>,
}

impl Schema {
    /// Reads a snapshot.
    ///
    /// # Errors
    ///
    /// [`SchemaFileError`]: there is no such file, or it is none of these, or one of a newer kysera.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, SchemaFileError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| io_error(path, source))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SchemaFileError> {
        let format = |source| SchemaFileError::Format { path: path.to_owned(), source };
        let Versioned { kysera } = serde_json::from_str(text).map_err(format)?;
        if kysera != VERSION {
            return Err(SchemaFileError::Version { path: path.to_owned(), found: kysera });
        }
        let stored: StoredSchema = serde_json::from_str(text).map_err(format)?;
        let tables = stored.tables.into_iter().map(|table| Table {
            name: table.name,
            kind: table.kind,
            columns: table.columns,
            primary_key: table.primary_key,
            unique: table.unique,
            foreign_keys: table.foreign_keys,
            checks: table.checks,
            indexes: table.indexes,
        });
        let mut schema = Self { backend: stored.backend, tables: tables.collect(), enums: stored.enums };
        schema.sort();
        Ok(schema)
    }

    /// Writes a snapshot: the same file for the same schema, always. A file that says the same already is left as it is, and what
    /// is there is replaced as a whole or not at all.
    ///
    /// The derive looks for `kysera.schema.json`, or `kysera.schema.postgres.json` and so on where there are several databases, beside
    /// the `Cargo.toml` of the crate with the entities.
    ///
    /// ```
    /// use kysera::schema::{Schema, SchemaBackend};
    ///
    /// let path = std::env::temp_dir().join("kysera.schema.doctest.json");
    /// let schema = Schema::new(SchemaBackend::Sqlite);
    /// schema.write(&path)?;
    /// assert_eq!(Schema::read(&path)?, schema);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), kysera::schema::SchemaFileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SchemaFileError::Io`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), SchemaFileError> {
        let path = path.as_ref();
        let text = self.to_text();
        if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        // Beside the file, so that it can be moved there at once. The process's number keeps two of them apart.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let written = fs::File::create(&temporary).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        });
        written.map_err(|source| {
            drop(fs::remove_file(&temporary));
            io_error(path, source)
        })
    }

    /// What stands in a file.
    pub fn to_text(&self) -> String {
        let mut sorted = self.clone();
        sorted.sort();
        let mut text = String::new();
        let _ = writeln!(text, "{{\n  \"kysera\": {VERSION},\n  \"backend\": {},", line(&self.backend));
        text.push_str("  \"tables\": [");
        for (at, table) in sorted.tables.iter().enumerate() {
            text.push_str(if at == 0 { "\n    {\n" } else { ",\n    {\n" });
            let _ =
                write!(text, "      \"name\": {},\n      \"kind\": {}", line(&table.name), line(&table.kind));
            list(&mut text, 6, "columns", &table.columns);
            if let Some(key) = &table.primary_key {
                let _ = write!(text, ",\n      \"primary_key\": {}", line(key));
            }
            list(&mut text, 6, "unique", &table.unique);
            list(&mut text, 6, "foreign_keys", &table.foreign_keys);
            list(&mut text, 6, "checks", &table.checks);
            list(&mut text, 6, "indexes", &table.indexes);
            text.push_str("\n    }");
        }
        text.push_str(if sorted.tables.is_empty() { "]" } else { "\n  ]" });
        list(&mut text, 2, "enums", &sorted.enums);
        text.push_str("\n}\n");
        text
    }
}

/// Items, each on a line; nothing where there are none.
fn list<T: Serialize>(text: &mut String, indent: usize, name: &str, items: &[T]) {
    if items.is_empty() {
        return;
    }
    let _ = write!(text, ",\n{:indent$}\"{name}\": [", "");
    for (at, item) in items.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n{:1$}{2}", "", indent + 2, line(item));
    }
    let _ = write!(text, "\n{:indent$}]", "");
}

/// JSON on one line, with spaces where people put them.
fn line(item: &impl Serialize) -> String {
    struct Spaced;
    impl serde_json::ser::Formatter for Spaced {
        fn begin_array_value<W: ?Sized + io::Write>(
            &mut self,
            writer: &mut W,
            first: bool,
        ) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
            writer.write_all(b": ")
        }
    }
    let mut text = Vec::new();
    // Texts and lists of texts: there is nothing in them that could not be written.
    let _ = item.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Spaced));
    String::from_utf8(text).unwrap_or_default()
}

fn io_error(path: &Path, source: io::Error) -> SchemaFileError {
    SchemaFileError::Io { path: path.to_owned(), source }
}
