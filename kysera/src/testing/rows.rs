use crate::entity::{Entity, Guard, On};
use crate::error::Result;
use crate::expr::Filter;
use crate::query::Find;
use crate::source::Source;

/// How many rows of an entity a filter keeps, of those that the source may see.
///
/// `SELECT COUNT(*) FROM <table> WHERE ..`
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::prelude::*;
/// # #[derive(Debug, Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, name: String }
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
/// use kysera::testing::count_rows;
///
/// assert_eq!(count_rows(&db, User::NAME.eq("Ada")).await?, 0);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// # Errors
///
/// Those of the database.
pub async fn count_rows<E, S>(source: &S, filter: Filter<E>) -> Result<u64>
where
    S: Source,
    E: On<S::Database> + Guard<S::Context>,
{
    Find::new(source, E::HOOKS).filter(filter).count().await
}

/// For `assert_row!`: the rows that a filter keeps.
#[doc(hidden)]
pub async fn rows<E, S>(source: &S, filter: Filter<E>) -> Result<Vec<E>>
where
    S: Source,
    E: Entity + On<S::Database> + Guard<S::Context>,
{
    Find::new(source, E::HOOKS).filter(filter).all().await
}

/// Asserts that a filter keeps one row, and what is in it; answers the row. It has to be awaited in an `async` block or function, and
/// fails as `assert_eq!` does.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::prelude::*;
/// # #[derive(Debug, Repository)]
/// # #[kysera(table = "users")]
/// # struct User { #[kysera(id)] id: i64, name: String, age: i32 }
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL)").await?;
/// use kysera::assert_row;
///
/// let ada = User::repo(&db).create(NewUser { name: "Ada".into(), age: 36 }).await?;
/// let row = assert_row!(&db, User::ID.eq(ada.id), name: "Ada", age: 36);
/// assert_eq!(row.id, ada.id);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! assert_row {
    ($source:expr, $filter:expr $(, $field:ident : $expected:expr)* $(,)?) => {
        match $crate::testing::rows($source, $filter).await {
            ::core::result::Result::Ok(mut rows) if rows.len() == 1 => {
                let row = rows.remove(0);
                $(::core::assert_eq!(
                    row.$field, $expected,
                    "`{}` of the row with {}", ::core::stringify!($field), ::core::stringify!($filter)
                );)*
                row
            }
            ::core::result::Result::Ok(rows) => ::core::panic!(
                "{} rows with {}, where one was expected: {:#?}", rows.len(), ::core::stringify!($filter), rows
            ),
            ::core::result::Result::Err(error) => {
                ::core::panic!("the rows with {} cannot be read: {error}", ::core::stringify!($filter))
            }
        }
    };
}
