//! What an operation is told of the source that it runs on.

use std::panic::Location;

use sqlx::SqlStr;

use super::Source;
use super::deadline::Deadline;
use super::session::Settings;
use crate::backend::{Backend, PgBouncer};
use crate::entity::Entity;
use crate::error::Result;
use crate::expr::{Acting, Hooks, Meta, PluginContext, Sql, dynamic, qualified};
use crate::observe::{Operation, Watch, Wire};

/// How the source was set up, and who asks.
#[derive(Clone, Copy)]
pub(crate) struct Cx<'s> {
    settings: &'s Settings,
    plugins: PluginContext<'s>,
    hooks: &'static Hooks,
    /// The method that was called.
    method: &'static str,
    /// Where.
    caller: &'static Location<'static>,
    /// Whether it belongs to another operation, which was called.
    is_part: bool,
    writes: bool,
}

impl<'s> Cx<'s> {
    /// For a method that is being called; those that a user calls are `#[track_caller]`.
    #[track_caller]
    pub(crate) fn of<S: Source>(source: &'s S, method: &'static str) -> Self {
        Self::called(source, method, Location::caller())
    }

    /// For a method that was called elsewhere.
    pub(crate) fn called<S: Source>(
        source: &'s S,
        method: &'static str,
        caller: &'static Location<'static>,
    ) -> Self {
        let settings = source.settings();
        let plugins = PluginContext { context: source.context(), clock: &settings.clock, instant: None };
        Self { settings, plugins, hooks: &Hooks::NONE, method, caller, is_part: false, writes: false }
    }

    /// For what another operation does besides its own statements.
    pub(crate) fn as_part(self) -> Self {
        Self { is_part: true, ..self }
    }

    /// For an operation that writes.
    pub(crate) fn to_write(self) -> Self {
        Self { writes: true, ..self }
    }

    pub(super) fn writes(self) -> bool {
        self.writes
    }

    /// Whether someone asks for the values of statements.
    pub(crate) fn shows_values(self) -> bool {
        self.settings.observers.want_values()
    }

    /// Who watches what belongs to no entity.
    pub(crate) fn watch_plain<DB: Backend>(self) -> Option<Watch<'s>> {
        self.settings.observers.watch(Operation::plain(self.method), DB::DIALECT, self.caller)
    }

    /// Who watches its statements.
    pub(crate) fn watch<DB: Backend>(self, meta: &'static Meta) -> Option<Watch<'s>> {
        let operation = Operation { table: Some(meta.table), entity: Some(meta.entity), method: self.method };
        let watch = self.settings.observers.watch(operation, DB::DIALECT, self.caller)?;
        Some(if self.is_part { watch.as_part() } else { watch })
    }

    /// The same for a repository that has found out about its context.
    pub(crate) fn with(self, hooks: &'static Hooks) -> Self {
        Self { hooks, ..self }
    }

    /// The same at a fixed time, for all that an operation writes.
    pub(crate) fn at_one_time(mut self) -> Self {
        self.plugins.instant = Some(self.plugins.now());
        self
    }

    /// What plugins are told.
    pub(crate) fn plugins(self) -> PluginContext<'s> {
        self.plugins
    }

    /// Who acts.
    pub(crate) fn acting(self) -> Acting {
        (self.hooks.acting)(self.plugins.context)
    }

    /// Tells PostgreSQL who asks, in a transaction that has just begun.
    pub(crate) async fn tell_claims<DB: Backend>(self, wire: &mut Wire<'_, DB>) -> Result<()> {
        let Some(claims) = self.settings.claims.filter(|claims| !claims.is_empty()) else { return Ok(()) };
        let mut sql = self.sql::<DB>();
        sql.set_claims(claims);
        wire.plain("set_claims").execute(sql.finish()?).await?;
        Ok(())
    }

    /// Until when the operation must have ended.
    pub(crate) fn deadline(self) -> Option<Deadline> {
        self.settings.deadline
    }

    /// Whether each statement needs a transaction.
    pub(crate) fn needs_transactions(self) -> bool {
        self.tells_claims() || self.settings.pooler.is_some_and(PgBouncer::needs_transactions)
    }

    /// Of which kind a pooler before the server is.
    pub(crate) fn pooler(self) -> Option<PgBouncer> {
        self.settings.pooler
    }

    /// Whether PostgreSQL is told, so that each statement needs a transaction.
    pub(crate) fn tells_claims(self) -> bool {
        self.settings.claims.is_some()
    }

    pub(crate) fn schema(self) -> Option<&'s str> {
        self.settings.schema.as_deref()
    }

    /// Begins a statement.
    pub(crate) fn sql<DB: Backend>(self) -> Sql<'s> {
        Sql::new(DB::DIALECT).at(self.schema(), self.plugins).showing(self.shows_values())
    }

    /// Begins a statement with `SELECT <columns> FROM <table>`.
    pub(crate) fn select<DB: Backend, E: Entity>(self) -> Sql<'s> {
        let mut sql = self.sql::<DB>();
        if E::META.hides_columns() {
            sql.push("SELECT ").readable_columns(E::META, false).push(" FROM ").table(E::META);
            return sql;
        }
        let text = E::TEXTS.of(DB::DIALECT).select;
        if sql.is_elsewhere(E::META) {
            sql.push(self.text::<DB>(E::META, SqlStr::from_static(text)).as_str());
        } else {
            sql.start(text);
        }
        sql
    }

    /// A fixed text on an entity's table: as it is, unless the source puts the table somewhere else.
    pub(crate) fn text<DB: Backend>(self, meta: &Meta, text: SqlStr) -> SqlStr {
        match self.schema() {
            Some(schema) if meta.schema.is_none() => dynamic(qualified(text.as_str(), DB::DIALECT, schema)),
            _ => text,
        }
    }
}
