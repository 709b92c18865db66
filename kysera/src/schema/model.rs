//! What a snapshot holds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::class::TypeClass;
use crate::backend::Dialect;

/// The tables of a database as they were at one moment.
///
/// Everything is in a fixed order, whatever the database answers: tables, constraints and enums by name, columns as in the
/// table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// Whose they are.
    pub backend: SchemaBackend,
    /// Tables and views, by name.
    pub tables: Vec<Table>,
    /// The enum types, by name. MySQL has none by name: those of its columns are called `table_column`.
    pub enums: Vec<EnumType>,
}

impl Schema {
    /// An empty one.
    ///
    /// ```
    /// use kysera::schema::{Schema, SchemaBackend};
    ///
    /// let schema = Schema::new(SchemaBackend::Sqlite);
    /// assert!(schema.table("users").is_none());
    /// ```
    pub fn new(backend: SchemaBackend) -> Self {
        Self { backend, tables: Vec::new(), enums: Vec::new() }
    }

    /// The table or view of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The enum type of this name.
    pub fn enum_type(&self, name: &str) -> Option<&EnumType> {
        self.enums.iter().find(|one| one.name == name)
    }

    /// Puts everything into its order.
    pub(super) fn sort(&mut self) {
        self.tables.sort_by(|a, b| a.name.cmp(&b.name));
        self.enums.sort_by(|a, b| a.name.cmp(&b.name));
        for table in &mut self.tables {
            table.unique.sort();
            table.foreign_keys.sort();
            table.checks.sort();
            table.indexes.sort();
        }
    }
}

/// The databases that snapshots are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SchemaBackend {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

impl SchemaBackend {
    /// As it stands in files and in their names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }

    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::Postgres => Dialect::Postgres,
            Self::MySql => Dialect::MySql,
            Self::Sqlite => Dialect::Sqlite,
        }
    }
}

impl fmt::Display for SchemaBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dialect().name())
    }
}

/// A table or a view.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Which of the two.
    pub kind: TableKind,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Its primary key.
    pub primary_key: Option<PrimaryKey>,
    /// Its other unique keys, be they constraints or indexes.
    pub unique: Vec<UniqueKey>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its CHECK constraints, apart from NOT NULL.
    pub checks: Vec<Check>,
    /// Its indexes that are not unique.
    pub indexes: Vec<Index>,
}

impl Table {
    pub(super) fn new(name: String, kind: TableKind) -> Self {
        Self {
            name,
            kind,
            columns: Vec::new(),
            primary_key: None,
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
        }
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// What rows are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    /// A table.
    Table,
    /// A view, a materialized view, or a virtual table of SQLite: nothing is known of its keys, nor of what may be NULL.
    View,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database spells it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What kind of type that is.
    pub class: TypeClass,
    /// Whether it may be NULL. Not those of a primary key, even where SQLite would let them.
    pub nullable: bool,
    /// Its default, as the database spells it. Not that of an identity, nor the expression of a generated column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether the database counts it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Whether it is computed from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
}

impl Column {
    /// Whether a row can be made without a value for it.
    pub fn is_optional(&self) -> bool {
        self.nullable || self.default.is_some() || self.identity.is_some() || self.generated.is_some()
    }
}

/// A column that the database counts up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// `GENERATED ALWAYS AS IDENTITY` (PostgreSQL): no value may be given.
    Always,
    /// Where no value is given: `GENERATED BY DEFAULT AS IDENTITY`, `serial`, `AUTO_INCREMENT`, `INTEGER PRIMARY KEY`.
    ByDefault,
}

/// A column that is computed from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generated {
    /// When a row is written.
    Stored,
    /// When a row is read.
    Virtual,
}

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PrimaryKey {
    /// The constraint's name. SQLite has none, that of MySQL is always `PRIMARY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its columns, in the order of the key.
    pub columns: Vec<String>,
}

/// A unique key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UniqueKey {
    /// The name of the constraint or of the index, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its plain columns, in the order of the key.
    pub columns: Vec<String>,
    /// What else it consists of: `lower(email)`, or `name(10)` for a prefix on MySQL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expressions: Vec<String>,
    /// The rows among which it is unique: the WHERE of a partial index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
}

impl UniqueKey {
    /// Whether no two rows of the table have the same values in its columns: it has neither expressions nor a predicate.
    pub fn is_plain(&self) -> bool {
        self.expressions.is_empty() && self.predicate.is_none()
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ForeignKey {
    /// The constraint's name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that it leads to; with its schema and a dot in front if it is another one.
    pub table: String,
    /// The columns there.
    pub references: Vec<String>,
    /// What becomes of it when that row is deleted.
    #[serde(default, skip_serializing_if = "Action::is_none")]
    pub on_delete: Action,
    /// What becomes of it when that row's key is changed.
    #[serde(default, skip_serializing_if = "Action::is_none")]
    pub on_update: Action,
}

/// What a foreign key does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It refuses. On MySQL `RESTRICT` is the same.
    #[default]
    NoAction,
    /// It refuses at once.
    Restrict,
    /// It follows.
    Cascade,
    /// It becomes NULL.
    SetNull,
    /// It becomes its default.
    SetDefault,
}

impl Action {
    fn is_none(&self) -> bool {
        *self == Self::NoAction
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        })
    }
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Check {
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it asks for, as the database spells it.
    pub expression: String,
}

/// An index that is not unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its columns and expressions, with ` DESC` behind those that go down.
    pub columns: Vec<String>,
    /// The rows that it has: the WHERE of a partial index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// How it is made, if not as a B-tree: `gin`, `fulltext`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// A type of a few names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EnumType {
    /// Its name.
    pub name: String,
    /// The names, in the order of the type.
    pub labels: Vec<String>,
}
