use std::collections::HashMap;
use std::fmt;

use futures_util::future::BoxFuture;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::source::{Db, Tx};

/// Rows that tests or a developer's database begin with, in parts that build on each other.
///
/// Each part has a name, what it needs, and a function that writes it. They run in an order in which everything is there that a
/// part needs, and otherwise in that in which they were added, all in one transaction.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// use kysera::prelude::*;
/// use kysera::testing::Seeds;
/// use kysera::{Result, Tx};
///
/// #[derive(Repository)]
/// #[kysera(table = "users")]
/// struct User {
///     #[kysera(id)]
///     id: i64,
///     name: String,
/// }
///
/// async fn users(tx: Tx<Sqlite>) -> Result<()> {
///     User::repo(&tx).create(NewUser { name: "Ada".into() }).await.map(drop)
/// }
///
/// async fn friends(tx: Tx<Sqlite>) -> Result<()> {
///     assert_eq!(User::repo(&tx).count().await?, 1);
///     User::repo(&tx).create(NewUser { name: "Grace".into() }).await.map(drop)
/// }
///
/// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// # db.raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
/// let seeds = Seeds::new().part("friends", &["users"], friends).part("users", &[], users);
/// assert_eq!(seeds.order()?, ["users", "friends"]);
/// seeds.run(&db).await?;
/// assert_eq!(User::repo(&db).count().await?, 2);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub struct Seeds<DB: Backend> {
    parts: Vec<Part<DB>>,
}

type Write<DB> = Box<dyn Fn(Tx<DB>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

struct Part<DB: Backend> {
    name: &'static str,
    needs: &'static [&'static str],
    write: Write<DB>,
}

impl<DB: Backend> Seeds<DB> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { parts: Vec::new() }
    }

    /// Adds a part. What it needs is named, and may be added later.
    #[must_use]
    pub fn part<F>(
        mut self,
        name: &'static str,
        needs: &'static [&'static str],
        write: impl Fn(Tx<DB>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.parts.push(Part { name, needs, write: Box::new(move |tx| Box::pin(write(tx))) });
        self
    }

    /// Adds all parts of others.
    #[must_use]
    pub fn and(mut self, others: Seeds<DB>) -> Self {
        self.parts.extend(others.parts);
        self
    }

    /// The names in the order in which they run.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if two parts have one name, if a part needs one that is not there, or in the end itself.
    pub fn order(&self) -> Result<Vec<&'static str>> {
        Ok(self.sorted()?.into_iter().map(|part| self.parts[part].name).collect())
    }

    fn sorted(&self) -> Result<Vec<usize>> {
        let mut places = HashMap::new();
        for (place, part) in self.parts.iter().enumerate() {
            if places.insert(part.name, place).is_some() {
                return Err(bad(format!("two seeds are called `{}`", part.name)));
            }
        }
        let mut sort = Sort {
            parts: &self.parts,
            places,
            state: vec![State::Unseen; self.parts.len()],
            order: Vec::new(),
        };
        for place in 0..self.parts.len() {
            sort.visit(place, &mut Vec::new())?;
        }
        Ok(sort.order)
    }

    /// Writes all of them, or none, in one transaction.
    ///
    /// # Errors
    ///
    /// Those of [`order`](Self::order), of which nothing is written, and those of the parts, with the name of the part.
    pub async fn run(&self, db: &Db<DB>) -> Result<()> {
        let order = self.sorted()?;
        db.transaction(async |tx| {
            for place in order {
                let Part { name, write, .. } = &self.parts[place];
                let written = tx.transaction(write).await;
                written.map_err(|error| Error::other(SeedError { seed: name, error: Box::new(error) }))?;
            }
            Ok(())
        })
        .await
    }
}

impl<DB: Backend> Default for Seeds<DB> {
    fn default() -> Self {
        Self::new()
    }
}

impl<DB: Backend> fmt::Debug for Seeds<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.parts.iter().map(|part| (part.name, part.needs))).finish()
    }
}

/// A seed could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the seed `{seed}`: {error}")]
struct SeedError {
    seed: &'static str,
    #[source]
    error: Box<Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    /// What it needs is being looked at.
    Open,
    Done,
}

struct Sort<'a, DB: Backend> {
    parts: &'a [Part<DB>],
    places: HashMap<&'static str, usize>,
    state: Vec<State>,
    order: Vec<usize>,
}

impl<DB: Backend> Sort<'_, DB> {
    fn visit(&mut self, place: usize, way: &mut Vec<&'static str>) -> Result<()> {
        let Part { name, needs, .. } = &self.parts[place];
        way.push(name);
        match self.state[place] {
            State::Done => {}
            State::Open => return Err(bad(format!("seeds need each other: {}", way.join(" -> ")))),
            State::Unseen => {
                self.state[place] = State::Open;
                for need in *needs {
                    let Some(place) = self.places.get(need).copied() else {
                        return Err(bad(format!("the seed `{name}` needs `{need}`, which is not there")));
                    };
                    self.visit(place, way)?;
                }
                self.state[place] = State::Done;
                self.order.push(place);
            }
        }
        way.pop();
        Ok(())
    }
}

fn bad(text: String) -> Error {
    Error::BadRequest(text.into())
}
