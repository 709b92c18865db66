//! Trying a policy out.

use std::fmt;
use std::future::Future;
use std::panic::Location;

use super::decide::{Access, Can, Explain};
use crate::backend::Backend;
use crate::entity::{On, Policed};
use crate::error::{Error, Result};
use crate::expr::Action;
use crate::source::{Cx, Db, run};

/// Asks the database whether a policy says what a table says that it should: for each caller, action and row, whether it is
/// allowed. For tests; the rows are those that are there.
///
/// [`Action::Create`] asks whether a row like the one that is there may be created. What updates make of rows is not asked.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kysera::Result<()> {
/// # use kysera::prelude::*;
/// # use kysera::rls::{Claims, Policy, Rules};
/// # #[derive(Claims)]
/// # struct Principal { user_id: i64 }
/// # #[derive(Repository)]
/// # #[kysera::plugin(rls(context = Principal))]
/// # #[kysera(table = "notes")]
/// # struct Note { #[kysera(id)] id: i64, author_id: i64, public: bool }
/// # impl Policy<Principal> for Note {
/// #     fn rules() -> Rules<Self, Principal> {
/// #         Rules::new().owner(Note::AUTHOR_ID, Principal::USER_ID).allow("public", Action::Read, Note::PUBLIC.eq(true))
/// #     }
/// # }
/// use kysera::rls::{Action, policy_table};
///
/// let db = Db::<Sqlite>::connect("sqlite::memory:").await?;
/// db.raw_sql(
///     "CREATE TABLE notes (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, public BOOLEAN NOT NULL);
///      INSERT INTO notes VALUES (1, 7, FALSE), (2, 7, TRUE)",
/// )
/// .await?;
/// let (ada, bob) = (Principal { user_id: 7 }, Principal { user_id: 8 });
/// let report = policy_table::<Note, _, _>(
///     &db,
///     [
///         (&ada, Action::Update, 1, true),
///         (&bob, Action::Read, 1, false),
///         (&bob, Action::Read, 2, true),
///         (&bob, Action::Update, 2, false),
///     ],
/// )
/// .await?;
/// assert!(report.is_as_expected(), "{report}");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// # Errors
///
/// [`Error::NotFound`] if there is no such row, and those of the database.
#[track_caller]
pub fn policy_table<'w, E, DB, C>(
    db: &Db<DB, C>,
    expected: impl IntoIterator<Item = (&'w E::Context, Action, E::Id, bool)>,
) -> impl Future<Output = Result<PolicyReport>>
where
    E: Policed + On<DB>,
    DB: Backend,
    C: Send + Sync + 'static,
{
    let caller = Location::caller();
    async move { ask::<E, DB, C>(db, caller, expected).await }
}

async fn ask<'w, E, DB, C>(
    db: &Db<DB, C>,
    caller: &'static Location<'static>,
    expected: impl IntoIterator<Item = (&'w E::Context, Action, E::Id, bool)>,
) -> Result<PolicyReport>
where
    E: Policed + On<DB>,
    DB: Backend,
    C: Send + Sync + 'static,
{
    let system = db.unrestricted("policy_table");
    let cx = Cx::called(&system, "policy_table", caller);
    let mut report = PolicyReport { asked: 0, surprises: Vec::new() };
    for (place, (who, action, id, expected)) in expected.into_iter().enumerate() {
        report.asked += 1;
        let row = format!("{id:?}");
        let access = run(&system, cx, Explain::<E> { id: id.clone(), who: Some(who) }).await?;
        let access = access.ok_or(Error::NotFound { entity: E::META.entity })?;
        // What the statement itself finds, and not only what the rules say one by one.
        let found = run(&system, cx, Can::<E> { action, id, who: Some(who) }).await?;
        if found != expected || access.allows(action) != found {
            report.surprises.push(Surprise { place, row, action, expected, found, access });
        }
    }
    Ok(report)
}

/// What [`policy_table`] has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyReport {
    /// How many lines the table had.
    pub asked: usize,
    /// Those in which the policy says something else.
    pub surprises: Vec<Surprise>,
}

/// A line of the table that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Surprise {
    /// Its place in the table, from 0.
    pub place: usize,
    /// The key of the row.
    pub row: String,
    /// What was to be done.
    pub action: Action,
    /// What the table says.
    pub expected: bool,
    /// What the statement says.
    pub found: bool,
    /// What the rules say.
    pub access: Access,
}

impl PolicyReport {
    /// Whether the policy says what the table says.
    pub fn is_as_expected(&self) -> bool {
        self.surprises.is_empty()
    }
}

impl fmt::Display for PolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} lines are not as expected", self.surprises.len(), self.asked)?;
        for surprise in &self.surprises {
            let Surprise { place, row, action, expected, found, access } = surprise;
            let word = |allowed: &bool| if *allowed { "allowed" } else { "denied" };
            let (expected, found) = (word(expected), word(found));
            writeln!(f, "line {place}: {action} of row {row} is {found}, expected {expected} ({access})")?;
        }
        Ok(())
    }
}
