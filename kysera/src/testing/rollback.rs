use std::future::Future;
use std::sync::OnceLock;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::source::{Begin, Tx};

/// Runs `f` in a transaction that is rolled back whatever happens, and answers what `f` did: the test sees its own writes, and
/// nobody else does.
///
/// Takes a [`Db`](crate::Db), or what [`Db::begin`](crate::Db::begin) makes of it, with an isolation level. What `f` commits by itself,
/// with [`Tx::commit`], stays.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::{Isolation, testing};
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
/// db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
///
/// let created = testing::rollback(&db, |tx| async move {
///     User::repo(&tx).create(NewUser { name: "Ada".into() }).await?;
///     User::repo(&tx).count().await
/// });
/// assert_eq!(created.await?, 1);
/// assert_eq!(User::repo(&db).count().await?, 0);
///
/// let serializable = db.begin().isolation(Isolation::Serializable);
/// testing::rollback(serializable, |tx| async move { User::repo(&tx).count().await }).await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// # Errors
///
/// Those of `f` and of BEGIN.
pub fn rollback<'d, DB, C, T, F, Fut>(
    begin: impl Into<Begin<'d, DB, C>>,
    f: F,
) -> impl Future<Output = Result<T>> + Send
where
    DB: Backend,
    C: Send + Sync + 'static,
    T: Send + Sync,
    F: FnOnce(Tx<DB, C>) -> Fut + Send,
    Fut: Future<Output = Result<T>> + Send,
{
    let begin = begin.into();
    async move {
        let out = OnceLock::new();
        // What is answered with an error is rolled back.
        let end = begin.run(|tx| {
            let work = f(tx);
            let out = &out;
            async move {
                let _ = out.set(work.await?);
                Err::<(), _>(Error::BadRequest("a test's transaction is rolled back".into()))
            }
        });
        let end = end.await;
        match (out.into_inner(), end) {
            (Some(out), _) => Ok(out),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(Error::BadRequest("the transaction ended without an answer".into())),
        }
    }
}
