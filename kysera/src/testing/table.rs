use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use crate::entity::{Guard, On};
use crate::error::Result;
use crate::expr::Filter;
use crate::query::Find;
use crate::source::Source;

/// What rows of an entity were at a moment, to be compared with what they are later.
///
/// Of those that the source may see, and of their fields what their `Debug` shows.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::testing::TableSnapshot;
///
/// #[derive(Debug, Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
/// }
///
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
/// let users = User::repo(&db);
/// users.create_many(["Ada", "Bob"].map(|name| NewUser { name: name.into() })).await?;
///
/// let before = TableSnapshot::<User>::take(&db).await?;
/// users.update(1, UserPatch::new().name("Ada Lovelace")).await?;
/// users.delete(2).await?;
/// users.create(NewUser { name: "Cleo".into() }).await?;
/// let changes = before.diff(&TableSnapshot::take(&db).await?);
/// assert_eq!(
///     changes.to_string(),
///     r#"User 1
/// -     name: "Ada",
/// +     name: "Ada Lovelace",
/// User 2
/// -     name: "Bob",
/// +     name: "Cleo",
/// "#
/// );
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSnapshot<E> {
    /// By key, in the order of how it shows.
    rows: BTreeMap<String, Vec<String>>,
    entity: &'static str,
    kind: std::marker::PhantomData<fn() -> E>,
}

impl<E: Debug> TableSnapshot<E> {
    /// Takes one of all rows.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn take<S>(source: &S) -> Result<Self>
    where
        S: Source,
        E: On<S::Database> + Guard<S::Context>,
    {
        Self::of(Find::new(source, E::HOOKS).all().await?)
    }

    /// Takes one of the rows that a filter keeps.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn take_of<S>(source: &S, filter: Filter<E>) -> Result<Self>
    where
        S: Source,
        E: On<S::Database> + Guard<S::Context>,
    {
        Self::of(Find::new(source, E::HOOKS).filter(filter).all().await?)
    }

    fn of(rows: Vec<E>) -> Result<Self>
    where
        E: crate::entity::Entity,
    {
        let lines = |row: &E| format!("{row:#?}").lines().map(str::to_owned).collect();
        let rows = rows.iter().map(|row| (format!("{:?}", row.id()), lines(row))).collect();
        Ok(Self { rows, entity: E::META.entity, kind: std::marker::PhantomData })
    }

    /// What has changed between this one and a later one.
    pub fn diff(&self, later: &Self) -> TableDiff {
        let mut changes = Vec::new();
        let keys: std::collections::BTreeSet<&String> = self.rows.keys().chain(later.rows.keys()).collect();
        for key in keys {
            let change = match (self.rows.get(key), later.rows.get(key)) {
                (Some(before), Some(after)) if before == after => continue,
                (Some(before), Some(after)) => Change {
                    gone: before.iter().filter(|line| !after.contains(line)).cloned().collect(),
                    new: after.iter().filter(|line| !before.contains(line)).cloned().collect(),
                },
                (before, after) => Change {
                    gone: before.cloned().unwrap_or_default(),
                    new: after.cloned().unwrap_or_default(),
                },
            };
            changes.push((format!("{} {key}", self.entity), change));
        }
        TableDiff { changes }
    }
}

/// What has changed in a table: empty if nothing has. Its `Display` is a line `-` for what is gone and a line `+` for what is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDiff {
    changes: Vec<(String, Change)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    gone: Vec<String>,
    new: Vec<String>,
}

impl TableDiff {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many rows are new, gone or changed.
    pub fn len(&self) -> usize {
        self.changes.len()
    }
}

impl fmt::Display for TableDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (row, Change { gone, new }) in &self.changes {
            writeln!(f, "{row}")?;
            for line in gone {
                writeln!(f, "- {line}")?;
            }
            for line in new {
                writeln!(f, "+ {line}")?;
            }
        }
        Ok(())
    }
}
