//! Updates with expressions.

use futures_core::future::BoxFuture;

use super::find::Find;
use super::statement::Query;
use crate::backend::{Backend, Dialect};
use crate::entity::{Draft, Entity, On, Operation, Patch, Values};
use crate::error::Result;
use crate::expr::{AnyValue, Col, Column, Deleted, IntoOperand, Meta, Node, Term, operand_term};
use crate::observe::Wire;
use crate::source::{Cx, Op, Source, Unit, Writable, run};
use crate::write::{
    Answer, Assignment, Prepare, To, Which, change, next_version, of_values, readers_first, refuse_fixed,
    set_twice, unit_of_several, validate,
};

impl<'s, E, S> Find<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// Begins an update of all rows that the filters keep, in which a column is set to a value or to an expression over the
    /// row as it was. [`execute`](Update::execute) sends it.
    ///
    /// What the database computes from the row is never computed from a row that someone has changed meanwhile:
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod doc {
    /// # use kysera::prelude::*;
    /// # #[derive(Repository)]
    /// # #[kysera(table = "users")]
    /// # struct User { #[kysera(id)] id: i64, name: String, logins: i64, last_seen: Option<i64> }
    /// async fn log_in(users: &UserRepository<Db<Sqlite>>, id: i64, now: i64) -> kysera::Result<bool> {
    ///     let logged_in = users
    ///         .find()
    ///         .filter(User::ID.eq(id))
    ///         .set(User::LOGINS, User::LOGINS.plus(1))
    ///         .set(User::LAST_SEEN, now)
    ///         .execute()
    ///         .await?;
    ///     Ok(logged_in == 1)
    /// }
    /// # }
    /// ```
    pub fn set<T: Send + Sync + 'static, M>(
        self,
        column: Column<E, T>,
        value: impl Assign<E, T, M>,
    ) -> Update<'s, E, S> {
        Update { find: self, terms: Vec::new(), patches: Vec::new() }.set(column, value)
    }

    /// Begins an update of all rows that the filters keep with the columns of a patch, to which expressions can be added;
    /// [`update`](Find::update) is the short form of one without.
    pub fn patch(self, patch: E::Patch) -> Update<'s, E, S> {
        Update { find: self, terms: Vec::new(), patches: vec![patch] }
    }
}

/// What a column of type `T` can be set to: whatever [`IntoColumn`](crate::IntoColumn) accepts, and columns and expressions
/// of the same entity. `M` is always inferred.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` cannot be set to `{Self}`",
    label = "expected a value of type `{T}`, or a column or expression of the same entity and type"
)]
pub trait Assign<E, T, M>: IntoOperand<E, T, M> {}

#[diagnostic::do_not_recommend]
impl<E, T, M, V: IntoOperand<E, T, M>> Assign<E, T, M> for V {}

/// An update of the rows of a query, made by [`Find::set`] and [`Find::patch`].
#[must_use = "an update does nothing until `execute` is awaited"]
pub struct Update<'s, E: Entity, S> {
    find: Find<'s, E, S>,
    terms: Vec<(&'static Col, Term)>,
    patches: Vec<E::Patch>,
}

impl<'s, E, S> Update<'s, E, S>
where
    S: Source,
    E: On<S::Database>,
{
    /// Sets one more column: to a value, or to a column or expression of the entity. Expressions see the row as it was
    /// before the update.
    pub fn set<T: Send + Sync + 'static, M>(
        mut self,
        column: Column<E, T>,
        value: impl Assign<E, T, M>,
    ) -> Self {
        self.terms.push((column.col(), operand_term(&column, value.into_operand())));
        self
    }

    /// Sets what a patch sets as well.
    pub fn patch(mut self, patch: E::Patch) -> Self {
        self.patches.push(patch);
        self
    }

    /// Changes the rows, in one statement, and answers how many there were. Where nothing is set, nothing is sent and the
    /// answer is 0.
    ///
    /// `UPDATE <table> SET <column> = <value>, .. WHERE <filters>`. MySQL assigns one column after the other and shows the
    /// new values to what follows; assignments are put into an order in which that is not seen.
    ///
    /// # Errors
    ///
    /// Before anything is sent: [`Error::Invalid`](crate::Error::Invalid) if a patch breaks a rule; [`Error::BadRequest`](crate::Error::BadRequest) if a column is set twice,
    /// is part of the key or `read_only`, or if the query has an order, a limit or an offset; [`Error::Unsupported`](crate::Error::Unsupported) on
    /// MySQL if each of several columns is set to an expression of the next one, such as two that are swapped.
    /// [`Error::Violation`](crate::Error::Violation) for constraints.
    pub fn execute(self) -> BoxFuture<'s, Result<u64>>
    where
        S: Writable,
    {
        Box::pin(async move {
            for patch in &self.patches {
                validate::<E>(patch)?;
            }
            self.find.refuse_order("set(..)")?;
            let Self { find, terms, patches } = self;
            let cx = find.writing("find.set");
            let op = UpdateRows::<E>::new(terms, patches, find.query, cx)?;
            if op.is_empty() {
                return Ok(0);
            }
            run(find.source, cx, op).await
        })
    }
}

/// `UPDATE` of all rows that filters keep.
pub(super) struct UpdateRows<E: Entity> {
    terms: Vec<(&'static Col, Term)>,
    values: Draft<Merged<E::Patch>>,
    filters: Vec<Node>,
    deleted: Deleted,
}

impl<E: Entity> UpdateRows<E> {
    pub(super) fn new(
        terms: Vec<(&'static Col, Term)>,
        patches: Vec<E::Patch>,
        query: Query,
        cx: Cx<'_>,
    ) -> Result<Self> {
        let Query { filters, deleted, .. } = query;
        refuse_twice::<E>(&terms, &patches)?;
        let sets_nothing = terms.is_empty() && patches.iter().all(E::Patch::is_empty);
        let values = if sets_nothing {
            Draft::new(Merged(Vec::new()))
        } else {
            let value = |term: &Term| match term {
                Term::Value(_, value) => Some(value.clone()),
                _ => None,
            };
            let others = terms.iter().map(|(col, term)| (col.index, value(term))).collect();
            Prepare::new(E::META, cx.plugins()).update::<E, _>(Merged(patches), others)?
        };
        Ok(Self { terms, values, filters, deleted })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.values.base.0.is_empty()
    }

    /// What is set, in the order in which it is written. What a plugin sets as well as the caller is set to what it says.
    fn assignments(&self, dialect: Dialect) -> Result<Vec<Assignment<'_>>> {
        let terms = self.terms.iter().filter(|(col, _)| self.values.value(col.index).is_none());
        let terms = terms.map(|(col, term)| Assignment { col, to: To::Term(term) });
        let mut assignments: Vec<_> = terms.chain(of_values(E::META, &self.values)).collect();
        if dialect == Dialect::MySql {
            assignments = readers_first(assignments)?;
        }
        assignments.extend(next_version(E::META));
        Ok(assignments)
    }
}

/// Refuses columns that no update may set, and those that are set twice.
fn refuse_twice<E: Entity>(terms: &[(&'static Col, Term)], patches: &[E::Patch]) -> Result<()> {
    let terms = terms.iter().map(|(col, _)| *col);
    let values = patches.iter().flat_map(|patch| of_values(E::META, patch).map(|assignment| assignment.col));
    let mut known: Vec<&Col> = Vec::new();
    for col in terms.chain(values) {
        refuse_fixed(E::META, col)?;
        if known.iter().any(|known| known.index == col.index) {
            return Err(set_twice(E::META, col));
        }
        known.push(col);
    }
    Ok(())
}

/// Several patches as one.
pub(super) struct Merged<P>(Vec<P>);

impl<P: Values> Values for Merged<P> {
    fn value(&self, column: usize) -> Option<&AnyValue> {
        self.0.iter().find_map(|patch| patch.value(column))
    }
}

impl<DB: Backend, E: On<DB>> Op<DB> for UpdateRows<E> {
    type Out = u64;

    fn meta(&self) -> &'static Meta {
        E::META
    }

    fn unit(&self, _: Cx<'_>) -> Unit {
        unit_of_several::<E>(DB::DIALECT, Answer::Count)
    }

    async fn run(self, wire: &mut Wire<'_, DB>, cx: Cx<'_>) -> Result<u64> {
        let assignments = self.assignments(DB::DIALECT)?;
        let which = Which::<E>::filtered(self.deleted, &self.filters);
        let changed = change(wire, cx, Operation::Update, &assignments, &which, Answer::Count).await?;
        Ok(changed.count)
    }
}

impl<E: Entity, S> std::fmt::Debug for Update<'_, E, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Update<{}>", E::META.entity)
    }
}
