use crate::expr::Nulls;

/// Which SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

impl Dialect {
    /// The database's name, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Dialect::Postgres => "PostgreSQL",
            Dialect::MySql => "MySQL",
            Dialect::Sqlite => "SQLite",
        }
    }

    /// What OpenTelemetry calls it.
    pub(crate) const fn otel_name(self) -> &'static str {
        match self {
            Dialect::Postgres => "postgresql",
            Dialect::MySql => "mysql",
            Dialect::Sqlite => "sqlite",
        }
    }

    /// The character around identifiers. SQLite takes `"name"` for a text where there is no such column, and would answer
    /// it for each row; what stands in backticks is a name or an error.
    pub const fn quote(self) -> char {
        match self {
            Dialect::MySql | Dialect::Sqlite => '`',
            Dialect::Postgres => '"',
        }
    }

    /// Whether a write can answer the rows that it wrote.
    pub const fn has_returning(self) -> bool {
        !matches!(self, Dialect::MySql)
    }

    /// Whether several rows without any value can be inserted at once.
    pub(crate) const fn has_empty_rows(self) -> bool {
        matches!(self, Dialect::MySql)
    }

    /// Where NULLs stand in an order that does not say so.
    pub(crate) const fn native_nulls(self, descending: bool) -> Nulls {
        match (self, descending) {
            (Dialect::Postgres, false) | (Dialect::MySql | Dialect::Sqlite, true) => Nulls::Last,
            (Dialect::Postgres, true) | (Dialect::MySql | Dialect::Sqlite, false) => Nulls::First,
        }
    }

    /// Whether an index serves a comparison of rows of values such as `(a, b) > (1, 2)`.
    pub(crate) const fn has_row_ranges(self) -> bool {
        !matches!(self, Dialect::MySql)
    }

    /// The most arguments that one statement takes.
    pub const fn max_binds(self) -> usize {
        match self {
            Dialect::Postgres | Dialect::MySql => 65_535,
            Dialect::Sqlite => 32_766,
        }
    }
}
