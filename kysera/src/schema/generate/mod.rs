//! Entities for the tables of a database.

mod names;
mod plan;
mod types;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use self::names::ident;
use self::plan::{Entity, Enum, Plan};
use super::model::{Column, Schema, SchemaBackend};

/// How entities are [generated](generate).
#[derive(Debug, Clone, Default)]
pub struct Options {
    schema_file: Option<String>,
    types: Vec<(String, String)>,
    derives: Vec<String>,
    files: bool,
}

impl Options {
    /// One file, with the derives `Debug`, `Clone` and `PartialEq`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the snapshot in every struct, for one that is not where the derive looks by itself.
    #[must_use]
    pub fn schema_file(mut self, file: impl Into<String>) -> Self {
        self.schema_file = Some(file.into());
        self
    }

    /// Takes a type of Rust for a type of the database, as that spells it: `("point", "crate::geo::Point")`.
    #[must_use]
    pub fn with_type(mut self, database: impl Into<String>, rust: impl Into<String>) -> Self {
        self.types.push((database.into(), rust.into()));
        self
    }

    /// One more derive for every struct, such as `serde::Serialize`.
    #[must_use]
    pub fn derive(mut self, path: impl Into<String>) -> Self {
        self.derives.push(path.into());
        self
    }

    /// A file for each table, and a `mod.rs`, instead of one `entities.rs`.
    #[must_use]
    pub fn file_per_table(mut self) -> Self {
        self.files = true;
        self
    }
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entities {
    /// The files.
    pub files: Vec<EntityFile>,
    /// What could not be generated, a sentence each. The files say so as well.
    pub notes: Vec<String>,
}

/// A file of Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntityFile {
    /// Its name: `entities.rs`, `mod.rs`, `user.rs`.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// Makes the entities of a schema: a struct for each table with a key, with its relations, its keys, and the plugins that its
/// columns speak of (`deleted_at`, `created_at`, `updated_at`, `version`); an enum for each enum type.
///
/// It is a start: what it makes is yours, and compiles against the snapshot that it was made of. The same schema makes the same
/// text. Times are those of chrono.
///
/// Tables without a key, and views, are left out; columns of types that nobody knows (intervals, ranges, ..) as well, unless
/// [`Options::with_type`] knows them. Foreign keys of several columns are no relations.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::schema::{self, Options};
/// # use kysera::{Db, Sqlite};
///
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, \"E-Mail\" TEXT NOT NULL UNIQUE, type TEXT)").await?;
/// let generated = schema::generate(&schema::capture(&db).await?, &Options::new());
/// let text = &generated.files[0].text;
/// assert!(text.ends_with(
///     r#"
/// /// The table `users`.
/// #[derive(Debug, Clone, PartialEq, Repository)]
/// #[kysera(table = "users")]
/// pub struct User {
///     /// `INTEGER`
///     #[kysera(id)]
///     pub id: i64,
///     /// `TEXT`
///     #[kysera(rename = "E-Mail", unique)]
///     pub e_mail: String,
///     /// `TEXT`
///     pub r#type: Option<String>,
/// }
/// "#
/// ));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
pub fn generate(schema: &Schema, options: &Options) -> Entities {
    let plan = Plan::new(schema, options);
    let enums: Vec<String> = plan.enums.iter().map(|one| enumeration(one, schema.backend)).collect();
    let structs = plan.entities.iter().map(|entity| (entity, structure(entity, options)));
    let mut files = vec![];
    if options.files {
        let mut text = header(&plan.notes);
        for entity in &plan.entities {
            let _ = writeln!(text, "mod {};", ident(&entity.module));
        }
        text.push('\n');
        for entity in &plan.entities {
            let _ = writeln!(text, "pub use {}::*;", ident(&entity.module));
        }
        for one in &enums {
            text.push('\n');
            text.push_str(one);
        }
        files.push(EntityFile { name: "mod.rs".into(), text });
        for (entity, structure) in structs {
            let text =
                format!("{}#[allow(unused_imports)]\nuse super::*;\n\n{structure}", imports(&entity.imports));
            files.push(EntityFile { name: format!("{}.rs", entity.module), text });
        }
    } else {
        let mut text = header(&plan.notes);
        text.push_str(&imports(
            &plan.entities.iter().flat_map(|entity| entity.imports.iter().copied()).collect(),
        ));
        for part in enums.into_iter().chain(structs.map(|(_, text)| text)) {
            text.push('\n');
            text.push_str(&part);
        }
        files.push(EntityFile { name: "entities.rs".into(), text });
    }
    Entities { files, notes: plan.notes }
}

fn header(notes: &[String]) -> String {
    let mut text = "// Made of the tables of a database by `kysera::schema::generate`.\n".to_owned();
    for note in notes {
        let _ = writeln!(text, "// {}", one_line(note));
    }
    text.push('\n');
    text
}

fn imports(paths: &BTreeSet<&'static str>) -> String {
    let mut text = "use kysera::prelude::*;\n".to_owned();
    for path in paths {
        let _ = writeln!(text, "use {path};");
    }
    text
}

fn enumeration(one: &Enum, backend: SchemaBackend) -> String {
    let mut text = format!("/// The enum `{}`.\n", one_line(&one.of));
    text.push_str("#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]\n");
    if backend == SchemaBackend::Postgres {
        let _ = writeln!(text, "#[sqlx(type_name = {:?})]", one.of);
    }
    let _ = writeln!(text, "pub enum {} {{", one.name);
    for (variant, label) in &one.variants {
        let _ = writeln!(text, "    /// `{}`", one_line(label));
        if variant != label {
            let _ = writeln!(text, "    #[sqlx(rename = {label:?})]");
        }
        let _ = writeln!(text, "    {variant},");
    }
    text.push_str("}\n");
    text
}

fn structure(entity: &Entity<'_>, options: &Options) -> String {
    let mut text = format!("/// The table `{}`.\n", one_line(&entity.table.name));
    let derives: String = options.derives.iter().map(|path| format!("{path}, ")).collect();
    let _ = writeln!(text, "#[derive(Debug, Clone, PartialEq, {derives}Repository)]");
    let mut keys = vec![format!("table = {:?}", entity.table.name)];
    keys.extend(options.schema_file.iter().map(|file| format!("schema_file = {file:?}")));
    keys.extend(entity.partial.then(|| "partial".to_owned()));
    keys.extend(entity.keys.iter().cloned());
    attribute(&mut text, "", &keys);
    if !entity.plugins.is_empty() {
        let _ = writeln!(text, "#[kysera::plugin({})]", entity.plugins.join(", "));
    }
    let _ = writeln!(text, "pub struct {} {{", entity.name);
    for field in &entity.fields {
        let _ = writeln!(text, "    /// {}", docs(field.column));
        if !field.attrs.is_empty() {
            attribute(&mut text, "    ", &field.attrs);
        }
        let _ = writeln!(text, "    pub {}: {},", ident(&field.name), field.ty);
    }
    for column in &entity.left_out {
        let _ = writeln!(text, "    // `{}`: there is no type for {}.", one_line(&column.name), docs(column));
    }
    text.push_str("}\n");
    text
}

/// On one line if it fits.
fn attribute(text: &mut String, indent: &str, keys: &[String]) {
    let line = format!("{indent}#[kysera({})]", keys.join(", "));
    if line.len() <= 100 {
        let _ = writeln!(text, "{line}");
        return;
    }
    let _ = writeln!(text, "{indent}#[kysera(");
    for key in keys {
        let _ = writeln!(text, "{indent}    {key},");
    }
    let _ = writeln!(text, "{indent})]");
}

/// The type and the default, as the database spells them.
fn docs(column: &Column) -> String {
    let default = column.default.as_ref().map(|default| format!(", `{}` by default", one_line(default)));
    let ty = if column.type_name.is_empty() { "any".into() } else { one_line(&column.type_name) };
    format!("`{ty}`{}", default.unwrap_or_default())
}

/// What stands in a comment does not end it.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
