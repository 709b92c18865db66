//! What would run, and how the database would go about it.

use std::fmt;
use std::future::Future;

use futures_util::TryStreamExt;

use super::find::Find;
use super::shape::Shape;
use crate::backend::{Backend, Statement};
use crate::entity::On;
use crate::error::Result;
use crate::expr::{Meta, dynamic};
use crate::observe::Wire;
use crate::source::{Cx, Op, Source, run};

/// How the database would run a query: what it says itself, line by line.
///
/// PostgreSQL's is the text of `EXPLAIN`, MySQL's the document of `EXPLAIN FORMAT=JSON`, SQLite's the tree of
/// `EXPLAIN QUERY PLAN`, indented. It is meant for people: databases change its wording from version to version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    lines: Vec<String>,
}

impl Plan {
    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.lines.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line)?;
        }
        Ok(())
    }
}

/// Asks for the plan of a statement, which does not run.
pub(crate) struct Explain<DB: Backend> {
    pub(crate) meta: &'static Meta,
    pub(crate) statement: Statement<DB>,
}

impl<DB: Backend> Op<DB> for Explain<DB> {
    type Out = Plan;

    fn meta(&self) -> &'static Meta {
        self.meta
    }

    async fn run(self, wire: &mut Wire<'_, DB>, _: Cx<'_>) -> Result<Plan> {
        let Statement { sql, args, shown, .. } = self.statement;
        let sql = dynamic(format!("{}{}", DB::EXPLAIN, sql.as_str()));
        let rows: Vec<DB::Row> =
            wire.fetch(Statement { sql, args, persistent: false, shown }).try_collect().await?;
        Ok(Plan { lines: DB::plan(&rows)? })
    }
}

/// The text of a statement.
pub(crate) fn text<DB: Backend>(statement: &Statement<DB>) -> String {
    statement.sql.as_str().into()
}

impl<'s, E, S, X> Find<'s, E, S, X>
where
    S: Source,
    E: On<S::Database>,
    X: Shape<S::Database>,
{
    /// The statement that [`all`](Find::all) would send to this source, with placeholders for its values. Nothing is sent.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kysera::Result<()> {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String }
    /// # let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
    /// let sql = User::repo(&db).find().filter(User::NAME.eq("Ada")).limit(1).to_sql()?;
    /// assert_eq!(sql, "SELECT `id`, `name` FROM `users` WHERE `users`.`name` = ? LIMIT ?");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// What [`all`](Find::all) would refuse before it sends anything.
    pub fn to_sql(&self) -> Result<String> {
        Ok(text(&self.statement(self.query.limit)?))
    }

    /// How the database would run what [`all`](Find::all) sends. The query itself does not run.
    ///
    /// `EXPLAIN ..` on PostgreSQL, `EXPLAIN FORMAT=JSON ..` on MySQL, `EXPLAIN QUERY PLAN ..` on SQLite, with the values of
    /// the query.
    ///
    /// # Errors
    ///
    /// As [`all`](Find::all).
    pub fn explain(self) -> impl Future<Output = Result<Plan>> + Send + use<'s, E, S, X> {
        async move {
            let statement = self.statement(self.query.limit)?;
            run(self.source, self.cx("find.explain"), Explain { meta: E::META, statement }).await
        }
    }
}
