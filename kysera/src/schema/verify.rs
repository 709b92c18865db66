//! Whether a snapshot still says what the database has.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};

use super::capture::capture;
use super::diff::Difference;
use super::model::Schema;
use crate::error::{Error, Result};
use crate::source::Source;

/// What a database should have: a snapshot, or the file of one.
#[derive(Debug)]
pub enum Expected<'a> {
    /// A file.
    File(PathBuf),
    /// A snapshot.
    Schema(&'a Schema),
}

impl From<&str> for Expected<'_> {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

impl From<&Path> for Expected<'_> {
    fn from(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl From<PathBuf> for Expected<'_> {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl<'a> From<&'a Schema> for Expected<'a> {
    fn from(schema: &'a Schema) -> Self {
        Self::Schema(schema)
    }
}

/// What [`verify`] found. As text it says all of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct SchemaReport {
    /// What the database has differently.
    pub differences: Vec<Difference>,
    /// What the database has.
    pub found: Schema,
    /// The file of the snapshot, if it is in one.
    pub file: Option<PathBuf>,
}

impl SchemaReport {
    /// Whether there is no difference.
    pub fn is_current(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            self.file.as_deref().map_or_else(|| "the snapshot".into(), |file| file.display().to_string());
        if self.is_current() {
            return write!(f, "the database is as {name} says");
        }
        write!(f, "the database is not as {name} says:")?;
        for difference in &self.differences {
            write!(f, "\n  {difference}")?;
        }
        Ok(())
    }
}

/// Compares a database with a snapshot.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::schema;
/// # use kysera::{Db, Sqlite};
///
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)").await?;
/// let snapshot = schema::capture(&db).await?;
/// assert!(schema::verify(&db, &snapshot).await?.is_current());
///
/// db.raw_sql("DROP TABLE users").await?;
/// let report = schema::verify(&db, &snapshot).await?;
/// assert_eq!(report.to_string(), "the database is not as the snapshot says:\n  there is no table `users`");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// SQL: that of [`capture`].
///
/// # Errors
///
/// Those of the database; a [`SchemaFileError`](super::SchemaFileError), which [`Error::downcast_ref`] finds, if the file cannot be
/// read.
#[track_caller]
pub fn verify<'a, S: Source>(
    source: &'a S,
    expected: impl Into<Expected<'a>>,
) -> impl Future<Output = Result<SchemaReport>> + Send {
    let expected = expected.into();
    let found = capture(source);
    async move {
        let (differences, found, file) = match expected {
            Expected::Schema(schema) => {
                let found = found.await?;
                (schema.diff(&found), found, None)
            }
            Expected::File(path) => {
                let schema = Schema::read(&path).map_err(Error::other)?;
                let found = found.await?;
                (schema.diff(&found), found, Some(path))
            }
        };
        Ok(SchemaReport { differences, found, file })
    }
}

/// The environment variable with which [`schema_test!`](crate::schema_test) writes the file instead of complaining.
#[doc(hidden)]
pub const WRITE: &str = "KYSERA_SCHEMA";

/// The body of [`schema_test!`](crate::schema_test): what is wrong, and how to put it right.
#[doc(hidden)]
pub async fn test<S: Source>(source: &S, file: &str, write: bool) -> Result<(), String> {
    if write {
        let found = capture(source).await.map_err(|error| error.to_string())?;
        return found.write(file).map_err(|error| error.to_string());
    }
    let renew = format!("write it anew with `{WRITE}=write cargo test`, look at what changed, and commit it");
    match verify(source, file).await {
        Ok(report) if report.is_current() => Ok(()),
        Ok(report) => Err(format!("{report}\n{renew}")),
        Err(error) => Err(format!("{error}\n{renew}")),
    }
}

/// A test that fails when a snapshot is out of date, with what is different and how to write it anew.
///
/// The first argument makes a source, such as a [`Db`](crate::Db) after the migrations; it may `.await`. The second one is the file,
/// relative to the `Cargo.toml` of the crate, by default `kysera.schema.json`. It makes a `#[tokio::test]` of the name
/// `the_schema_snapshot_is_current`; a third argument gives another name.
///
/// `KYSERA_SCHEMA=write cargo test` writes the file instead.
///
/// ```no_run
/// # #[cfg(feature = "sqlite")] mod doc {
/// use kysera::{Db, Sqlite};
///
/// async fn migrated() -> Db<Sqlite> {
///     let db = Db::connect("sqlite::memory:").await.unwrap();
///     db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY)").await.unwrap(); // your migrations
///     db
/// }
///
/// kysera::schema_test!(migrated().await);
/// # }
/// ```
#[macro_export]
macro_rules! schema_test {
    ($source:expr $(,)?) => {
        $crate::schema_test!($source, "kysera.schema.json");
    };
    ($source:expr, $file:expr $(,)?) => {
        $crate::schema_test!($source, $file, the_schema_snapshot_is_current);
    };
    ($source:expr, $file:expr, $name:ident $(,)?) => {
        #[::tokio::test]
        async fn $name() {
            let source = $source;
            let file = ::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", $file);
            let write = ::std::env::var_os($crate::schema::WRITE).is_some_and(|value| value == "write");
            if let Err(what) = $crate::schema::test(&source, file, write).await {
                ::core::panic!("{}", what);
            }
        }
    };
}
