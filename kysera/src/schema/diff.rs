//! What is different between two snapshots.

use std::fmt;

use super::model::{
    Action, Column, EnumType, Generated, Identity, Index, Schema, SchemaBackend, Table, UniqueKey,
};

/// Something in which two snapshots differ. As text it is one sentence, about what the second one has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// They are not of the same kind of database. Nothing else is compared then.
    Backend {
        /// Of the first one.
        from: SchemaBackend,
        /// Of the second one.
        to: SchemaBackend,
    },
    /// A table or view that the first one does not have.
    TableAdded(String),
    /// A table or view that the second one does not have.
    TableRemoved(String),
    /// A table that is a view, or a view that is a table.
    KindChanged(String),
    /// A column that the first one does not have.
    ColumnAdded {
        /// Its table.
        table: String,
        /// It.
        column: Box<Column>,
    },
    /// A column that the second one does not have.
    ColumnRemoved {
        /// Its table.
        table: String,
        /// Its name.
        column: String,
    },
    /// A column that is another.
    ColumnChanged {
        /// Its table.
        table: String,
        /// In the first one.
        from: Box<Column>,
        /// In the second one.
        to: Box<Column>,
    },
    /// A key, a check or an index that the first one does not have. One that is changed is removed and added.
    ConstraintAdded {
        /// Its table.
        table: String,
        /// What it is.
        what: String,
    },
    /// A key, a check or an index that the second one does not have.
    ConstraintRemoved {
        /// Its table.
        table: String,
        /// What it is.
        what: String,
    },
    /// An enum type that the first one does not have.
    EnumAdded(EnumType),
    /// An enum type that the second one does not have.
    EnumRemoved(String),
    /// An enum type with other labels.
    EnumChanged {
        /// In the first one.
        from: EnumType,
        /// In the second one.
        to: EnumType,
    },
}

impl Schema {
    /// What another one has differently. The order of columns is no difference: nothing depends on it.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// use kysera::schema;
    /// # use kysera::{Db, Sqlite};
    ///
    /// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)").await?;
    /// let before = schema::capture(&db).await?;
    /// db.raw_sql("ALTER TABLE users ADD COLUMN bio TEXT").await?;
    /// let after = schema::capture(&db).await?;
    ///
    /// let differences: Vec<String> = before.diff(&after).iter().map(ToString::to_string).collect();
    /// assert_eq!(differences, ["users: there is a column `bio`: TEXT"]);
    /// assert!(after.diff(&after).is_empty());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    pub fn diff(&self, other: &Schema) -> Vec<Difference> {
        if self.backend != other.backend {
            return vec![Difference::Backend { from: self.backend, to: other.backend }];
        }
        let mut differences = Vec::new();
        for table in &self.tables {
            match other.table(&table.name) {
                Some(same) => tables(table, same, &mut differences),
                None => differences.push(Difference::TableRemoved(table.name.clone())),
            }
        }
        let added = other.tables.iter().filter(|table| self.table(&table.name).is_none());
        differences.extend(added.map(|table| Difference::TableAdded(table.name.clone())));
        for from in &self.enums {
            match other.enum_type(&from.name) {
                Some(to) if to == from => {}
                Some(to) => differences.push(Difference::EnumChanged { from: from.clone(), to: to.clone() }),
                None => differences.push(Difference::EnumRemoved(from.name.clone())),
            }
        }
        let added = other.enums.iter().filter(|one| self.enum_type(&one.name).is_none());
        differences.extend(added.cloned().map(Difference::EnumAdded));
        differences
    }
}

fn tables(from: &Table, to: &Table, differences: &mut Vec<Difference>) {
    let table = || from.name.clone();
    if from.kind != to.kind {
        differences.push(Difference::KindChanged(table()));
    }
    for column in &from.columns {
        match to.column(&column.name) {
            Some(same) if same == column => {}
            Some(same) => {
                let (from, to) = (Box::new(column.clone()), Box::new(same.clone()));
                differences.push(Difference::ColumnChanged { table: table(), from, to });
            }
            None => {
                differences.push(Difference::ColumnRemoved { table: table(), column: column.name.clone() })
            }
        }
    }
    for column in to.columns.iter().filter(|column| from.column(&column.name).is_none()) {
        differences.push(Difference::ColumnAdded { table: table(), column: Box::new(column.clone()) });
    }
    let (mut before, mut after) = (constraints(from), constraints(to));
    before.retain(|what| match after.iter().position(|other| other == what) {
        Some(at) => {
            after.remove(at);
            false
        }
        None => true,
    });
    differences.extend(before.into_iter().map(|what| Difference::ConstraintRemoved { table: table(), what }));
    differences.extend(after.into_iter().map(|what| Difference::ConstraintAdded { table: table(), what }));
}

/// All of a table's, in words.
fn constraints(table: &Table) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(key) = &table.primary_key {
        all.push(format!("primary key{} ({})", named(key.name.as_ref()), key.columns.join(", ")));
    }
    all.extend(table.unique.iter().map(unique));
    for key in &table.foreign_keys {
        let mut text = format!(
            "foreign key{} ({}) to {} ({})",
            named(key.name.as_ref()),
            key.columns.join(", "),
            key.table,
            key.references.join(", ")
        );
        for (when, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
            if action != Action::NoAction {
                text += &format!(" ON {when} {action}");
            }
        }
        all.push(text);
    }
    all.extend(
        table.checks.iter().map(|check| format!("check{} {}", named(check.name.as_ref()), check.expression)),
    );
    all.extend(table.indexes.iter().map(index));
    all
}

fn unique(key: &UniqueKey) -> String {
    let parts: Vec<_> = key.columns.iter().chain(&key.expressions).map(String::as_str).collect();
    let predicate = key.predicate.as_ref().map(|text| format!(" WHERE {text}")).unwrap_or_default();
    format!("unique key{} ({}){predicate}", named(key.name.as_ref()), parts.join(", "))
}

fn index(index: &Index) -> String {
    let method = index.method.as_ref().map(|method| format!("{method} ")).unwrap_or_default();
    let predicate = index.predicate.as_ref().map(|text| format!(" WHERE {text}")).unwrap_or_default();
    format!("{method}index `{}` ({}){predicate}", index.name, index.columns.join(", "))
}

fn named(name: Option<&String>) -> String {
    name.map(|name| format!(" `{name}`")).unwrap_or_default()
}

/// `text NOT NULL DEFAULT 'x'`
fn column(column: &Column) -> String {
    let mut text = column.type_name.clone();
    if !column.nullable {
        text += " NOT NULL";
    }
    if let Some(default) = &column.default {
        text += " DEFAULT ";
        text += default;
    }
    text += match column.identity {
        Some(Identity::Always) => " GENERATED ALWAYS AS IDENTITY",
        Some(Identity::ByDefault) => ", counted up by the database",
        None => "",
    };
    text += match column.generated {
        Some(Generated::Stored) => ", generated and stored",
        Some(Generated::Virtual) => ", generated",
        None => "",
    };
    text
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend { from, to } => write!(f, "the one is of {from}, the other of {to}"),
            Self::TableAdded(table) => write!(f, "there is a table `{table}`"),
            Self::TableRemoved(table) => write!(f, "there is no table `{table}`"),
            Self::KindChanged(table) => {
                write!(f, "{table}: what was a table is a view, or the other way round")
            }
            Self::ColumnAdded { table, column: added } => {
                write!(f, "{table}: there is a column `{}`: {}", added.name, column(added))
            }
            Self::ColumnRemoved { table, column } => write!(f, "{table}: there is no column `{column}`"),
            Self::ColumnChanged { table, from, to } => {
                let (before, after) = (column(from), column(to));
                write!(f, "{table}: the column `{}` is {after}", to.name)?;
                if before == after {
                    write!(f, ", of the class {} instead of {}", to.class, from.class)
                } else {
                    write!(f, " instead of {before}")
                }
            }
            Self::ConstraintAdded { table, what } => write!(f, "{table}: there is a {what}"),
            Self::ConstraintRemoved { table, what } => write!(f, "{table}: there is no {what}"),
            Self::EnumAdded(one) => write!(f, "there is an enum `{}` ({})", one.name, one.labels.join(", ")),
            Self::EnumRemoved(name) => write!(f, "there is no enum `{name}`"),
            Self::EnumChanged { from, to } => write!(
                f,
                "the enum `{}` is ({}) instead of ({})",
                to.name,
                to.labels.join(", "),
                from.labels.join(", ")
            ),
        }
    }
}
