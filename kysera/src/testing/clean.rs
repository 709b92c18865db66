use std::borrow::Cow;

use sqlx::SqlStr;

use crate::backend::{Backend, Dialect};
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::expr::dynamic;
use crate::source::Db;

/// Empties tables between tests that share a database.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::testing::Clean;
///
/// #[derive(Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
/// }
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql(
///     "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
///     CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id))",
/// )
/// .await?;
/// User::repo(&db).create(NewUser { name: "Ada".into() }).await?;
///
/// Clean::delete().table("posts")?.entity::<User>().run(&db).await?;
/// assert_eq!(User::repo(&db).count().await?, 0);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is emptied until it is run"]
pub struct Clean {
    how: How,
    tables: Vec<Table>,
}

#[derive(Debug, Clone)]
struct Table {
    schema: Option<Cow<'static, str>>,
    name: Cow<'static, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Delete,
    Truncate,
}

impl Clean {
    /// `DELETE FROM` each table, in the order in which they are named, in one transaction: first those that refer to others. Numbers of
    /// new rows go on where they were.
    pub fn delete() -> Self {
        Self { how: How::Delete, tables: Vec::new() }
    }

    /// Empties all of them at once, whatever refers to what among them, and new rows are numbered from 1 again.
    ///
    /// | | |
    /// |---|---|
    /// | PostgreSQL | `TRUNCATE a, b RESTART IDENTITY` |
    /// | MySQL | `TRUNCATE` each, on a connection of its own without checks of foreign keys, which is closed afterwards. What other tables refer to is not looked at |
    /// | SQLite | `DELETE FROM` each in a transaction whose foreign keys are checked at its end, and from `sqlite_sequence` |
    pub fn truncate() -> Self {
        Self { how: How::Truncate, tables: Vec::new() }
    }

    /// Adds a table, `name` or `schema.name`.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for anything but letters, digits, `_` and `$`, of which no digit is the first.
    pub fn table(mut self, name: &str) -> Result<Self> {
        let (schema, table) = match name.split_once('.') {
            Some((schema, table)) => (Some(plain(name, schema)?), plain(name, table)?),
            None => (None, plain(name, name)?),
        };
        self.tables.push(Table { schema, name: table });
        Ok(self)
    }

    /// Adds the table of an entity.
    pub fn entity<E: Entity>(mut self) -> Self {
        let meta = E::META;
        self.tables.push(Table { schema: meta.schema.map(Cow::Borrowed), name: Cow::Borrowed(meta.table) });
        self
    }

    /// Empties them, all or none (on MySQL as far as `TRUNCATE` came).
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if there is no table; those of the database, such as rows of other tables that refer to these.
    pub async fn run<DB: Backend, C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<()> {
        if self.tables.is_empty() {
            return Err(Error::BadRequest(
                "`Clean` empties the tables that it is told, and was told none".into(),
            ));
        }
        let sql = self.script(DB::DIALECT, self.counts::<DB, C>(db).await?);
        if DB::DIALECT == Dialect::MySql && self.how == How::Truncate {
            // The setting goes with the connection, whatever happens.
            let mut conn = db.acquire().await?.detach().await?;
            return Ok(DB::raw(&mut conn, sql).await?);
        }
        db.transaction(|tx| async move { Ok(DB::raw(&mut *tx.connection().await?, sql).await?) }).await
    }

    /// Whether SQLite has counted any rows.
    async fn counts<DB: Backend, C: Send + Sync + 'static>(&self, db: &Db<DB, C>) -> Result<bool> {
        if DB::DIALECT != Dialect::Sqlite || self.how == How::Delete {
            return Ok(false);
        }
        let sql = "SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'";
        let conn = db.acquire().await?;
        let mut conn = conn.connection().await?;
        let statement = crate::backend::Statement {
            sql: SqlStr::from_static(sql),
            args: Default::default(),
            persistent: false,
            shown: None,
        };
        Ok(DB::fetch_optional(&mut conn, statement).await?.is_some())
    }

    fn script(&self, dialect: Dialect, counted: bool) -> SqlStr {
        let names: Vec<String> = self.tables.iter().map(|table| table.quoted(dialect)).collect();
        let each = |verb: &str| -> String { names.iter().map(|name| format!("{verb} {name};\n")).collect() };
        let sql = match (self.how, dialect) {
            (How::Delete, _) => each("DELETE FROM"),
            (How::Truncate, Dialect::Postgres) => format!("TRUNCATE {} RESTART IDENTITY", names.join(", ")),
            (How::Truncate, Dialect::MySql) => {
                format!("SET SESSION foreign_key_checks = 0;\n{}", each("TRUNCATE TABLE"))
            }
            (How::Truncate, Dialect::Sqlite) => {
                let counts = if counted { self.forget_counts() } else { String::new() };
                format!("PRAGMA defer_foreign_keys = ON;\n{}{counts}", each("DELETE FROM"))
            }
        };
        dynamic(sql)
    }

    fn forget_counts(&self) -> String {
        let names: Vec<String> =
            self.tables.iter().map(|table| format!("'{}'", table.name.replace('\'', "''"))).collect();
        format!("DELETE FROM sqlite_sequence WHERE name IN ({});", names.join(", "))
    }
}

impl Table {
    fn quoted(&self, dialect: Dialect) -> String {
        let quote = dialect.quote();
        let quoted = |name: &str| {
            let doubled: String = [quote, quote].iter().collect();
            format!("{quote}{}{quote}", name.replace(quote, &doubled))
        };
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }
}

fn plain(whole: &str, part: &str) -> Result<Cow<'static, str>> {
    let starts = part.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if starts && part.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '$')) {
        return Ok(Cow::Owned(part.to_owned()));
    }
    Err(Error::BadRequest(
        format!("`{}` is not the name of a table: letters, digits, `_` and `$` are", whole.escape_debug())
            .into(),
    ))
}
