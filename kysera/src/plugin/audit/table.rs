//! The tables of an audit log.

use std::borrow::Cow;
use std::sync::Arc;

use crate::backend::{Backend, Dialect};
use crate::entity::{Audited, Entity};
use crate::error::{Error, Result};
use crate::expr::{Hooks, PluginContext, Sql, Standing, dynamic};
use crate::query::{Find, Log, OtherTable, RowOf};
use crate::source::{Cx, Db, Source, System};

use super::AuditEntry;

/// The table of an audit log, and the one of its chain: to create them, to read all entries, to remove old ones and to check
/// the chain.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::plugin::AuditTable;
/// use kysera::prelude::*;
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// AuditTable::default().create(&db).await?;
/// assert_eq!(AuditTable::default().entries(&db).count().await?, 0);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
#[derive(Debug, Clone)]
pub struct AuditTable {
    pub(super) schema: Option<Cow<'static, str>>,
    pub(super) name: Cow<'static, str>,
    pub(super) chained: bool,
    /// Who sees all of it.
    standing: fn(&PluginContext<'_>) -> Standing,
}

impl PartialEq for AuditTable {
    fn eq(&self, other: &Self) -> bool {
        (&self.schema, &self.name, self.chained) == (&other.schema, &other.name, other.chained)
    }
}

impl Eq for AuditTable {}

/// A log as such is for sources that ask on behalf of nobody.
fn of_nobody(cx: &PluginContext<'_>) -> Standing {
    if cx.context::<()>().is_some() { Standing::System } else { Standing::of::<Nobody, System>(cx) }
}

/// No context is of this type.
enum Nobody {}

/// Who sees all entries, where not everyone does.
struct Everything(fn(&PluginContext<'_>) -> Standing);

impl RowOf for Everything {
    fn write<'q>(&'q self, sql: &mut Sql<'q>) {
        if (self.0)(&sql.cx()) != Standing::System {
            sql.refuse(Error::Protected { entity: AuditEntry::META.entity });
        }
        sql.push("TRUE");
    }
}

impl Default for AuditTable {
    /// `audit_logs`, in the schema of the source, without a chain.
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

/// The table that [`AuditEntry`] names.
const DEFAULT: &str = "audit_logs";

/// What PostgreSQL tells apart of a name, less `_chain`.
const NAME_BYTES: usize = 57;

impl AuditTable {
    /// A table of this name, as in `#[kysera::plugin(audit(table = "..")]`, in the schema of the source.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { schema: None, name: name.into(), chained: false, standing: of_nobody }
    }

    /// The table that an entity's log is in, as its `#[kysera::plugin(audit(..))]` says.
    pub fn of<E: Audited>() -> Self {
        match &E::META.plug.audit {
            Some(audit) => Self {
                schema: audit.schema.map(Cow::Borrowed),
                name: audit.table.into(),
                chained: audit.chain,
                standing: E::META.policy.map_or(of_nobody, |policy| policy.standing),
            },
            None => Self::default(),
        }
    }

    /// The same in a schema (on MySQL, a database), as in `audit(schema = "..")`.
    #[must_use]
    pub fn in_schema(mut self, schema: impl Into<Cow<'static, str>>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The same with a chain, as in `audit(chain)`: a second table, `<name>_chain`, keeps its head.
    #[must_use]
    pub fn chained(mut self) -> Self {
        self.chained = true;
        self
    }

    /// The statements that create the tables, for a migration: [`create`](Self::create) runs the same ones. They do nothing
    /// where the tables are. The [module](super) shows them.
    pub fn ddl(&self, dialect: Dialect) -> String {
        self.statements(dialect, None).join(";\n\n") + ";\n"
    }

    /// Creates the tables where they are not there yet, also if several processes do that at the same time. Tables that are
    /// there are left as they are.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if the name has more than 57 bytes; those of the database.
    #[track_caller]
    pub fn create<DB: Backend, C: Send + Sync + 'static>(
        &self,
        db: &Db<DB, C>,
    ) -> impl Future<Output = Result<()>> + Send {
        let begin = db.begin();
        async move {
            if self.name.is_empty() || self.name.len() > NAME_BYTES {
                let text = format!(
                    "the name of an audit table has 1 to {NAME_BYTES} bytes, `{}` has {}",
                    self.name,
                    self.name.len()
                );
                return Err(Error::BadRequest(text.into()));
            }
            let statements = self.statements(DB::DIALECT, Cx::of(db, "install").schema()).join(";\n");
            match DB::DIALECT {
                // Every statement there is a transaction of its own, and IF NOT EXISTS knows no races.
                Dialect::MySql => db.raw_sql(sqlx::AssertSqlSafe(statements)).await,
                Dialect::Postgres | Dialect::Sqlite => {
                    begin
                        .run(|tx| async move {
                            let mut conn = tx.connection().await?;
                            if DB::DIALECT == Dialect::Postgres {
                                // IF NOT EXISTS does not keep two transactions from creating the same.
                                DB::raw(&mut conn, dynamic(format!("SELECT pg_advisory_xact_lock({LOCK})")))
                                    .await?;
                            }
                            Ok(DB::raw(&mut conn, dynamic(statements)).await?)
                        })
                        .await
                }
            }
        }
    }

    /// All entries of the log, about whatever table: a query.
    ///
    /// That is for sources without a context and for [unrestricted](crate::Db::unrestricted) ones; where the entity of
    /// [`of`](Self::of) has a [policy](crate::rls), for these alone. Others are told [`Error::Protected`].
    #[track_caller]
    pub fn entries<'s, S: Source>(&self, source: &'s S) -> Find<'s, AuditEntry, S> {
        self.find(source, &Hooks::NONE, Some(Arc::new(Everything(self.standing))))
    }

    /// A query of the log's entries.
    #[track_caller]
    pub(super) fn find<'s, S: Source>(
        &self,
        source: &'s S,
        hooks: &'static Hooks,
        row: Option<Arc<dyn RowOf>>,
    ) -> Find<'s, AuditEntry, S> {
        let mut find = Find::new(source, hooks);
        let is_default = self.schema.is_none() && self.name == DEFAULT;
        let table =
            (!is_default).then(|| OtherTable { schema: self.schema.clone(), table: self.name.clone() });
        find.query.log = Some(Log { table, row });
        find
    }

    /// Writes the name of the table with its schema.
    pub(super) fn write(&self, sql: &mut Sql<'_>, suffix: &str) {
        sql.schema_of(self.schema.as_deref()).ident(&format!("{}{suffix}", self.name));
    }

    fn statements(&self, dialect: Dialect, schema: Option<&str>) -> Vec<String> {
        let name = |suffix: &str| {
            let mut sql = Sql::new(dialect).at(schema, crate::expr::PluginContext::NONE);
            self.write(&mut sql, suffix);
            sql.into_text()
        };
        let columns = |columns: &[(&str, &str)]| {
            let quote = dialect.quote();
            let columns: Vec<_> =
                columns.iter().map(|(name, ty)| format!("    {quote}{name}{quote} {ty}")).collect();
            columns.join(",\n")
        };
        let table = name("");
        let mut statements = match dialect {
            Dialect::Postgres => {
                vec![format!("CREATE TABLE IF NOT EXISTS {table} (\n{}\n)", columns(&POSTGRES))]
            }
            // Texts rather than JSON: MySQL's documents have no numbers more exact than doubles.
            Dialect::MySql => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (\n{},\n    INDEX `audit_row` (`table_name`, `entity_id`, `id`),\n    \
                 INDEX `audit_actor` (`actor`, `id`),\n    INDEX `audit_time` (`changed_at`)\n) \
                 ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                columns(&MYSQL)
            )],
            Dialect::Sqlite => vec![format!("CREATE TABLE IF NOT EXISTS {table} (\n{}\n)", columns(&SQLITE))],
        };
        if dialect != Dialect::MySql {
            for (suffix, columns) in INDEXES {
                let index = self.index_name(suffix);
                let mut sql = Sql::new(dialect).at(schema, crate::expr::PluginContext::NONE);
                sql.push("CREATE INDEX IF NOT EXISTS ");
                // PostgreSQL puts an index where its table is; SQLite wants the schema in front of the index.
                if dialect == Dialect::Sqlite {
                    sql.schema_of(self.schema.as_deref()).ident(&index).push(" ON ").ident(&self.name);
                } else {
                    sql.ident(&index).push(" ON ");
                    self.write(&mut sql, "");
                }
                sql.push(" (").list(columns.iter().copied(), ", ", |sql, column| {
                    sql.ident(column);
                });
                sql.push(")");
                statements.push(sql.into_text());
            }
        }
        if self.chained {
            let chain = name("_chain");
            let number = if dialect == Dialect::Sqlite { "INTEGER" } else { "BIGINT" };
            let hash = if dialect == Dialect::MySql { "VARCHAR(64)" } else { "TEXT" };
            let [hash, number] = [hash, number].map(|ty| format!("{ty} NOT NULL"));
            let head = columns(&[
                ("id", "INTEGER NOT NULL PRIMARY KEY CHECK (id = 1)"),
                ("hash", &hash),
                ("entries", &number),
                ("anchor", &hash),
                ("pruned", &number),
            ]);
            let engine = if dialect == Dialect::MySql {
                " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            } else {
                ""
            };
            statements.push(format!("CREATE TABLE IF NOT EXISTS {chain} (\n{head}\n){engine}"));
            let (insert, conflict) = match dialect {
                Dialect::MySql => ("INSERT IGNORE", ""),
                _ => ("INSERT", " ON CONFLICT DO NOTHING"),
            };
            statements.push(format!("{insert} INTO {chain} VALUES (1, '', 0, '', 0){conflict}"));
        }
        statements
    }

    /// The name of an index: PostgreSQL tells 63 bytes apart.
    fn index_name(&self, suffix: &str) -> String {
        let mut end = self.name.len().min(48);
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}_{suffix}", &self.name[..end])
    }
}

/// What those wait for who create tables on PostgreSQL: a number that nobody else takes.
const LOCK: i64 = i64::from_be_bytes(*b"kysera\0a");

const INDEXES: [(&str, &[&str]); 3] =
    [("row", &["table_name", "entity_id", "id"]), ("actor", &["actor", "id"]), ("time", &["changed_at"])];

const POSTGRES: [(&str, &str); 11] = [
    ("id", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("table_name", "TEXT NOT NULL"),
    ("entity_id", "TEXT NOT NULL"),
    ("operation", "TEXT NOT NULL"),
    ("old_values", "JSONB"),
    ("new_values", "JSONB"),
    ("changed_columns", "JSONB"),
    ("actor", "TEXT"),
    ("metadata", "JSONB"),
    ("changed_at", "TIMESTAMPTZ NOT NULL"),
    ("hash", "TEXT"),
];

const MYSQL: [(&str, &str); 11] = [
    ("id", "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"),
    ("table_name", "VARCHAR(128) NOT NULL"),
    ("entity_id", "VARCHAR(512) NOT NULL"),
    ("operation", "VARCHAR(16) NOT NULL"),
    ("old_values", "LONGTEXT CHECK (JSON_VALID(`old_values`))"),
    ("new_values", "LONGTEXT CHECK (JSON_VALID(`new_values`))"),
    ("changed_columns", "LONGTEXT CHECK (JSON_VALID(`changed_columns`))"),
    ("actor", "VARCHAR(512)"),
    ("metadata", "LONGTEXT CHECK (JSON_VALID(`metadata`))"),
    ("changed_at", "DATETIME(6) NOT NULL"),
    ("hash", "VARCHAR(64)"),
];

const SQLITE: [(&str, &str); 11] = [
    ("id", "INTEGER PRIMARY KEY AUTOINCREMENT"),
    ("table_name", "TEXT NOT NULL"),
    ("entity_id", "TEXT NOT NULL"),
    ("operation", "TEXT NOT NULL"),
    ("old_values", "TEXT"),
    ("new_values", "TEXT"),
    ("changed_columns", "TEXT"),
    ("actor", "TEXT"),
    ("metadata", "TEXT"),
    ("changed_at", "TEXT NOT NULL"),
    ("hash", "TEXT"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_shows_the_statements() {
        let table = AuditTable::default().chained();
        let text = |dialect: Dialect| format!("{}:\n\n```sql\n{}```\n", dialect.name(), table.ddl(dialect));
        let all = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite].map(text).join("\n");
        let shown = include_str!("ddl.md");
        assert_eq!(shown, all, "\n{all}");
    }

    #[test]
    fn names_are_quoted_and_shortened() {
        let table = AuditTable::new(format!("a\"`{}", "ä".repeat(27))).in_schema("s\"`");
        let postgres = table.ddl(Dialect::Postgres);
        assert!(
            postgres
                .contains(&format!("CREATE TABLE IF NOT EXISTS \"s\"\"`\".\"a\"\"`{}\" (", "ä".repeat(27)))
        );
        // 48 bytes of it at most: PostgreSQL would cut the ends off, where they differ.
        assert!(postgres.contains(&format!(
            "CREATE INDEX IF NOT EXISTS \"a\"\"`{}_actor\" ON \"s\"\"`\".",
            "ä".repeat(22)
        )));
        let sqlite = table.ddl(Dialect::Sqlite);
        assert!(sqlite.contains(&format!(
            "CREATE INDEX IF NOT EXISTS `s\"```.`a\"``{}_row` ON `a\"``",
            "ä".repeat(22)
        )));
        assert!(table.ddl(Dialect::MySql).starts_with("CREATE TABLE IF NOT EXISTS `s\"```.`a\"``"));
    }
}
