//! Statements: strings made of names, without looking at anything else.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

/// How names and placeholders are spelled in fixed statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `"name"`, `$1`, RETURNING
    Postgres,
    /// `` `name` ``, `?`, no RETURNING
    MySql,
    /// `` `name` ``, because a `"name"` without a column is a text there; `$1`, RETURNING
    Sqlite,
}

/// What the statements are made of.
pub(crate) struct Table<'a> {
    pub(crate) schema: Option<&'a str>,
    pub(crate) name: &'a str,
    /// All columns, in the order of the SELECT list.
    pub(crate) columns: Vec<&'a str>,
    pub(crate) id: Vec<&'a str>,
    /// The columns that a new row always has a value for.
    pub(crate) given: Vec<&'a str>,
}

/// The statements whose text never changes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statements {
    pub(crate) select: String,
    pub(crate) find: String,
    pub(crate) exists: String,
    pub(crate) count: String,
    pub(crate) insert: String,
    pub(crate) delete: String,
}

impl Spelling {
    fn ident(self, name: &str) -> String {
        let quote = match self {
            Self::Postgres => '"',
            Self::MySql | Self::Sqlite => '`',
        };
        let mut text = String::with_capacity(name.len() + 2);
        text.push(quote);
        for char in name.chars() {
            if char == quote {
                text.push(quote);
            }
            text.push(char);
        }
        text.push(quote);
        text
    }

    fn idents(self, names: &[&str]) -> String {
        names.iter().map(|name| self.ident(name)).collect::<Vec<_>>().join(", ")
    }

    /// The placeholder of the argument with this index, from 0.
    fn bind(self, index: usize) -> String {
        match self {
            Self::Postgres | Self::Sqlite => format!("${}", index + 1),
            Self::MySql => "?".to_owned(),
        }
    }
}

impl Statements {
    pub(crate) fn new(table: &Table<'_>, spelling: Spelling) -> Self {
        let mut name = String::new();
        if let Some(schema) = table.schema {
            name = spelling.ident(schema) + ".";
        }
        name += &spelling.ident(table.name);
        let columns = spelling.idents(&table.columns);

        let mut key = String::new();
        for (index, column) in table.id.iter().enumerate() {
            let and = if index == 0 { "" } else { " AND " };
            let _ = write!(key, "{and}{} = {}", spelling.ident(column), spelling.bind(index));
        }

        let mut insert = match (table.given.as_slice(), spelling) {
            ([], Spelling::Postgres | Spelling::Sqlite) => format!("INSERT INTO {name} DEFAULT VALUES"),
            (given, _) => {
                let values =
                    (0..given.len()).map(|index| spelling.bind(index)).collect::<Vec<_>>().join(", ");
                format!("INSERT INTO {name} ({}) VALUES ({values})", spelling.idents(given))
            }
        };
        if spelling != Spelling::MySql {
            let _ = write!(insert, " RETURNING {columns}");
        }

        Self {
            select: format!("SELECT {columns} FROM {name}"),
            find: format!("SELECT {columns} FROM {name} WHERE {key}"),
            exists: format!("SELECT 1 FROM {name} WHERE {key}"),
            count: format!("SELECT COUNT(*) FROM {name}"),
            insert,
            delete: format!("DELETE FROM {name} WHERE {key}"),
        }
    }
}
