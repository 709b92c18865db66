//! What an operation is told of the source that it runs on.

use sqlx::SqlStr;

use super::Source;
use super::session::Settings;
use crate::backend::Backend;
use crate::entity::Entity;
use crate::expr::{AnyValue, Meta, Sql, dynamic, qualified};

/// How the source was set up, and who asks.
#[derive(Clone, Copy)]
pub(crate) struct Cx<'s> {
    settings: &'s Settings,
    context: &'s AnyValue,
}

impl<'s> Cx<'s> {
    pub(crate) fn of<S: Source>(source: &'s S) -> Self {
        Self { settings: source.settings(), context: source.context() }
    }

    fn schema(self) -> Option<&'s str> {
        self.settings.schema.as_deref()
    }

    /// Begins a statement.
    pub(crate) fn sql<DB: Backend>(self) -> Sql<'s> {
        Sql::new(DB::DIALECT).at(self.schema(), self.context)
    }

    /// Begins a statement with `SELECT <columns> FROM <table>`.
    pub(crate) fn select<DB: Backend, E: Entity>(self) -> Sql<'s> {
        let mut sql = self.sql::<DB>();
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
