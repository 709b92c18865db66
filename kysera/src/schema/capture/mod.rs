//! Reading a schema from a database: what is asked and how the answers are read, one file per database.

mod mysql;
mod postgres;
mod sqlite;
mod sqlite_ddl;

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use sqlx::{Row as _, SqlSafeStr as _};

use super::model::{Action, Schema, SchemaBackend, Table, TableKind};
use crate::backend::{Backend, Dialect, Statement};
use crate::error::Result;
use crate::observe::Wire;
use crate::source::{Cx, Source, settle, within};

/// Reads what tables there are, from the database's own books.
///
/// Of PostgreSQL those of the first schema in the search path, of MySQL those of the current database, of SQLite those of the main
/// file. Left out are the books of migrations (`_sqlx_migrations` and what begins with `_kysera_`), what belongs to an extension, and
/// what SQLite makes for itself.
///
/// SQL: four or five statements that read the catalog, however many tables there are; on one connection, not in a transaction.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::schema::{self, TypeClass};
/// use kysera::{Db, Sqlite};
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, born DATE)").await?;
///
/// let schema = schema::capture(&db).await?;
/// let users = schema.table("users").unwrap();
/// assert_eq!(users.unique[0].columns, ["email"]);
/// let born = users.column("born").unwrap();
/// assert!(born.nullable && born.class == TypeClass::Date);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// # Errors
///
/// Those of the database. PostgreSQL shows its catalog to everyone; MySQL shows what the account has some privilege for.
#[track_caller]
pub fn capture<S: Source>(source: &S) -> impl Future<Output = Result<Schema>> + Send {
    let cx = Cx::of(source, "schema.capture");
    async move {
        let watch = cx.watch_plain::<S::Database>();
        let asked = Instant::now();
        let mut guard = source.acquire().await?;
        let waited = asked.elapsed();
        let end = {
            let wire = Wire::<S::Database>::new(&mut guard, watch, waited).behind(cx.pooler());
            let mut catalog = Catalog { wire };
            within(cx.deadline(), pin!(read(&mut catalog))).await
        };
        settle::<S::Database, _, _>(&mut guard, end)
    }
}

async fn read<DB: Backend>(catalog: &mut Catalog<'_, DB>) -> Result<Schema> {
    let mut schema = match DB::DIALECT {
        Dialect::Postgres => postgres::read(catalog).await?,
        Dialect::MySql => mysql::read(catalog).await?,
        Dialect::Sqlite => sqlite::read(catalog).await?,
    };
    schema.sort();
    Ok(schema)
}

/// The database's books.
struct Catalog<'w, DB: Backend> {
    wire: Wire<'w, DB>,
}

impl<DB: Backend> Catalog<'_, DB> {
    /// The answer to a question, all of it as text.
    async fn rows(&mut self, sql: &'static str) -> Result<Vec<Answer>> {
        let statement =
            Statement { sql: sql.into_sql_str(), args: Default::default(), persistent: false, shown: None };
        let mut rows = self.wire.fetch(statement);
        let mut answers = Vec::new();
        while let Some(row) = rows.try_next().await? {
            let cells: Result<Vec<_>, _> = (0..row.len()).map(|index| DB::text(&row, index)).collect();
            answers.push(Answer(cells?));
        }
        Ok(answers)
    }
}

/// A row of an answer.
struct Answer(Vec<Option<String>>);

impl Answer {
    /// A cell, which can be taken once; NULL is nothing.
    fn maybe(&mut self, index: usize) -> Option<String> {
        self.0.get_mut(index)?.take()
    }

    /// A cell, which can be taken once; NULL is empty.
    fn text(&mut self, index: usize) -> String {
        self.maybe(index).unwrap_or_default()
    }

    /// A cell as a number; anything else is 0.
    fn number(&mut self, index: usize) -> i64 {
        self.text(index).parse().unwrap_or_default()
    }

    /// A cell that says yes: `1` or `true`.
    fn flag(&mut self, index: usize) -> bool {
        matches!(self.text(index).as_str(), "1" | "t" | "true" | "YES")
    }

    /// A JSON array of names.
    fn names(&mut self, index: usize) -> Vec<String> {
        serde_json::from_str(&self.text(index)).unwrap_or_default()
    }
}

/// Tables by name, while they are put together.
#[derive(Default)]
struct Tables(BTreeMap<String, Table>);

impl Tables {
    /// A table that is there, or an empty one.
    fn entry(&mut self, name: String, kind: TableKind) -> &mut Table {
        self.0.entry(name.clone()).or_insert_with(|| Table::new(name, kind))
    }

    /// A table that is there; what is told of others, such as those made in between, is passed over.
    fn get(&mut self, name: &str) -> Option<&mut Table> {
        self.0.get_mut(name)
    }

    fn into_schema(self, backend: SchemaBackend) -> Schema {
        let mut tables = self.0;
        // What MySQL says of the defaults of a view's columns is made up.
        for view in tables.values_mut().filter(|table| table.kind == TableKind::View) {
            view.columns.iter_mut().for_each(|column| column.default = None);
        }
        let tables = tables.into_values().filter(|table| !is_book(&table.name));
        Schema { backend, tables: tables.collect(), enums: Vec::new() }
    }
}

/// Whether a table holds what was done to the others.
fn is_book(name: &str) -> bool {
    name == "_sqlx_migrations" || name.starts_with("_kysera_")
}

/// `SET NULL`, or the letter of PostgreSQL.
fn action(text: &str) -> Action {
    match text {
        "r" | "RESTRICT" => Action::Restrict,
        "c" | "CASCADE" => Action::Cascade,
        "n" | "SET NULL" => Action::SetNull,
        "d" | "SET DEFAULT" => Action::SetDefault,
        _ => Action::NoAction,
    }
}
