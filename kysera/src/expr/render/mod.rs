//! Rendering into text and arguments.

mod bind;
mod claim;
mod filter;
mod groups;
#[cfg(feature = "postgres")]
mod inline;
mod json;
mod load;
mod log;
#[cfg(feature = "audit")]
mod logged;
mod policy;
mod qualify;
mod related;
mod scope;
mod term;

pub use load::JsonKeys;
pub(crate) use load::LoadKeys;
pub(crate) use log::MASKED;
pub(crate) use policy::{Becomes, VALUES};

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::{Arguments, AssertSqlSafe, SqlSafeStr, SqlStr};

use bind::Bind;

use super::filter::Node;
use super::meta::{Col, Meta};
use super::order::{Nulls, OrderKey};
use super::plug::{Deleted, PluginContext};
use super::policy::Action;
use super::relation::Rel;
use super::term::{Term, same_value};
use super::value::{AnyValue, COVERED, Codec, Value};
use crate::backend::{Backend, Dialect, Statement};
use crate::entity::Values;
use crate::error::{Driver, Error, Result};

pub(crate) use qualify::qualified;

/// The one place where a text that is not a literal becomes SQL. Whoever calls it has quoted every identifier with
/// [`Sql::ident`] and bound every value.
pub(crate) fn dynamic(text: impl Into<Arc<str>>) -> SqlStr {
    AssertSqlSafe(text.into()).into_sql_str()
}

/// A statement that is being written: text and arguments, in step.
pub(crate) struct Sql<'v> {
    dialect: Dialect,
    text: String,
    binds: Vec<Bind<'v>>,
    /// What cannot be said in this dialect; the first one is reported before anything is sent.
    refused: Option<Error>,
    /// Where tables are whose struct names no schema.
    schema: Option<&'v str>,
    /// Who asks, for the scopes of the tables that the statement reaches.
    cx: PluginContext<'v>,
    /// How many scopes the one that is being written stands in.
    scopes: u32,
    /// Whether the rule of a policy is being written.
    in_rules: bool,
    /// Whether rows that rules ask for are locked.
    locks: bool,
    /// Whether values are written as literals, and claims as settings: for policies of PostgreSQL itself.
    inline: bool,
    /// What the columns of the row at hand are written with.
    level: Level,
    /// How many aliases were given.
    aliases: u32,
    /// Whether rows may be aggregated where the next term stands.
    aggregates: bool,
    /// The table that the statement writes, which a sub-query cannot simply read on MySQL and SQLite.
    writes: Option<&'static Meta>,
    /// Whether it groups rows or leaves out equal ones, so that a repeated expression has to be the same one for the
    /// database too.
    condensed: bool,
    /// What it selects, where that can be told from the outside.
    items: &'v [Term],
    /// What it groups by.
    keys: &'v [Term],
    /// Whether someone asks for the values.
    shows: bool,
    /// Whether what is being written is about a column whose values are for nobody's eyes.
    covers: bool,
    /// Of the arguments those that were given there.
    covered: Vec<bool>,
}

/// The table whose row is at hand, and what is joined to it.
#[derive(Default)]
struct Level {
    /// `None`: the table's own name.
    alias: Option<Alias>,
    joins: Vec<(Join, Alias)>,
    /// Columns that are about to change, where the row is meant as it will be.
    becomes: Vec<(usize, Becomes)>,
}

/// A name for a table that the statement reaches, with a number unless that is 0.
#[derive(Clone, Copy)]
struct Alias(&'static str, u32);

/// A row of another table beside each row.
#[derive(Clone, Copy)]
pub(crate) struct Join {
    pub(crate) rel: Rel,
    /// Whether rows without one are kept.
    pub(crate) left: bool,
}

impl<'v> Sql<'v> {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: String::new(),
            binds: Vec::new(),
            refused: None,
            schema: None,
            cx: PluginContext::NONE,
            scopes: 0,
            in_rules: false,
            locks: false,
            inline: false,
            level: Level::default(),
            aliases: 0,
            aggregates: false,
            writes: None,
            condensed: false,
            items: &[],
            keys: &[],
            shows: false,
            covers: false,
            covered: Vec::new(),
        }
    }

    /// Where it runs: the schema of tables that name none, and who asks.
    pub(crate) fn at(mut self, schema: Option<&'v str>, cx: PluginContext<'v>) -> Self {
        self.schema = schema;
        self.cx = cx;
        self
    }

    /// Whether someone asks for the values.
    pub(crate) fn showing(mut self, shows: bool) -> Self {
        self.shows = shows;
        self
    }

    /// Writes something whose arguments are for nobody's eyes if `sensitive` says so: a value also tells when it is a pattern, or
    /// stands in an expression.
    pub(crate) fn covering(
        &mut self,
        sensitive: impl FnOnce() -> bool,
        write: impl FnOnce(&mut Self),
    ) -> &mut Self {
        let outer = self.covers;
        self.covers = self.shows && (outer || sensitive());
        write(self);
        self.covers = outer;
        self
    }

    /// The argument at this place is for nobody's eyes.
    fn cover(&mut self, at: usize) {
        self.covered.resize(self.covered.len().max(at + 1), false);
        if let Some(covered) = self.covered.get_mut(at) {
            *covered = true;
        }
    }

    /// The statement deletes rows of this table. SQLite looks for all of them before it deletes the first.
    pub(crate) fn deleting(self, meta: &'static Meta) -> Self {
        if self.dialect == Dialect::Sqlite { self } else { self.writing(meta) }
    }

    /// The statement writes this table.
    pub(crate) fn writing(mut self, meta: &'static Meta) -> Self {
        self.writes = Some(meta);
        self
    }

    /// Starts with a text that is complete in itself.
    pub(crate) fn start(&mut self, text: &str) -> &mut Self {
        self.text.reserve(text.len() + 64);
        self.push(text)
    }

    /// How long the text is so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Who asks.
    pub(crate) fn cx(&self) -> PluginContext<'v> {
        self.cx
    }

    pub(crate) fn refuse(&mut self, error: Error) {
        self.refused.get_or_insert(error);
    }

    /// Writes SQL that contains neither identifiers of users nor values.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Writes each item, with `separator` between them.
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        separator: &str,
        mut each: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.push(separator);
            }
            each(self, item);
        }
        self
    }

    /// Writes an identifier, quoted.
    pub(crate) fn ident(&mut self, name: &str) -> &mut Self {
        qualify::quote_into(&mut self.text, self.dialect.quote(), name);
        self
    }

    /// Writes a table with its schema.
    pub(crate) fn table(&mut self, meta: &Meta) -> &mut Self {
        self.schema_of(meta.schema).ident(meta.table)
    }

    /// Writes the schema of a table that may name one, with a dot behind it.
    pub(crate) fn schema_of(&mut self, schema: Option<&str>) -> &mut Self {
        match schema.or(self.schema) {
            Some(schema) => self.ident(schema).push("."),
            None => self,
        }
    }

    /// Writes a column of the row at hand, with its table.
    pub(crate) fn column(&mut self, col: &Col) -> &mut Self {
        if !self.level.becomes.is_empty() && self.become_column(col) {
            return self;
        }
        match self.level.alias {
            Some(alias) => self.alias(alias),
            None => self.ident(col.table),
        }
        .push(".")
        .ident(col.name)
    }

    fn alias(&mut self, alias: Alias) -> &mut Self {
        let quote = self.dialect.quote();
        let _ = match alias.1 {
            0 => write!(self.text, "{quote}{}{quote}", alias.0),
            number => write!(self.text, "{quote}{}{number}{quote}", alias.0),
        }; // a String takes everything
        self
    }

    /// A new name for a table that is reached from a row of `from`, whose own name it does not take.
    fn new_alias(&mut self, prefix: &'static str, from: &Col) -> Alias {
        loop {
            self.aliases += 1;
            let number = from.table.get(prefix.len()..).and_then(|number| number.parse().ok());
            let named_so =
                from.table.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
            if !named_so || number != Some(self.aliases) {
                return Alias(prefix, self.aliases);
            }
        }
    }

    /// Writes something about another row than the one at hand.
    fn about(&mut self, level: Level, write: impl FnOnce(&mut Self)) -> Level {
        let outer = std::mem::replace(&mut self.level, level);
        write(self);
        std::mem::replace(&mut self.level, outer)
    }

    /// Writes something where rows may be aggregated.
    pub(crate) fn aggregating(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let outer = std::mem::replace(&mut self.aggregates, true);
        write(self);
        self.aggregates = outer;
        self
    }

    /// Writes something about the row of the statement's own table, which it calls by this name.
    pub(crate) fn about_table(&mut self, alias: &'static str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.about(Level { alias: Some(Alias(alias, 0)), ..Level::default() }, write);
        self
    }

    /// Writes something about the columns of a derived table of this name.
    pub(crate) fn about_derived(&mut self, alias: (&'static str, u32), write: impl FnOnce(&mut Self)) {
        self.about(Level { alias: Some(Alias(alias.0, alias.1)), ..Level::default() }, write);
    }

    /// Writes a query of its own within the statement.
    pub(crate) fn nested(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.push("(");
        self.about(Level::default(), write);
        self.push(")")
    }

    /// Writes the name of a derived table, as [`about_derived`](Self::about_derived) does.
    pub(crate) fn derived(&mut self, alias: (&'static str, u32)) -> &mut Self {
        self.alias(Alias(alias.0, alias.1))
    }

    /// Writes the names of columns.
    pub(crate) fn names(&mut self, cols: impl IntoIterator<Item = &'static Col>) -> &mut Self {
        self.list(cols, ", ", |sql, col| {
            sql.ident(col.name);
        })
    }

    /// Writes all columns of the row at hand: by their names alone, unless another table has some as well.
    pub(crate) fn row_columns(&mut self, meta: &'static Meta) -> &mut Self {
        let qualified = self.level.alias.is_some() || !self.level.joins.is_empty();
        self.readable_columns(meta, qualified)
    }

    /// Whether the source puts the table somewhere else than the struct does.
    pub(crate) fn is_elsewhere(&self, meta: &Meta) -> bool {
        meta.schema.is_none() && self.schema.is_some()
    }

    /// Writes a placeholder whose argument is bound elsewhere.
    pub(crate) fn placeholder(&mut self) -> &mut Self {
        self.bind(Bind::Elsewhere)
    }

    /// Several of them.
    pub(crate) fn placeholders(&mut self, n: usize) -> &mut Self {
        self.list(0..n, ", ", |sql, _| {
            sql.placeholder();
        })
    }

    /// Writes the placeholder of an argument and keeps the argument.
    pub(crate) fn value(&mut self, codec: &'static Codec, value: &'v AnyValue) -> &mut Self {
        if self.bound_before(codec, value) { self } else { self.bind(Bind::Value(codec, value)) }
    }

    /// The same of a value that is shared.
    pub(crate) fn shared(&mut self, codec: &'static Codec, value: &Value) -> &mut Self {
        if self.bound_before(codec, &**value) { self } else { self.listed(codec, value) }
    }

    /// For PostgreSQL, two placeholders are two different expressions: where that matters, an equal argument keeps the
    /// placeholder that it has.
    fn bound_before(&mut self, codec: &'static Codec, value: &AnyValue) -> bool {
        if !self.condensed || self.dialect != Dialect::Postgres {
            return false;
        }
        let same = |bind: &Bind<'_>| match bind {
            Bind::Value(_, bound) => same_value(codec, *bound, value),
            Bind::Shared(_, bound) => same_value(codec, &**bound, value),
            _ => false,
        };
        let Some(at) = self.binds.iter().position(same) else { return false };
        let _ = write!(self.text, "${}", at + 1); // a String takes everything
        if self.covers || codec.sensitive {
            self.cover(at);
        }
        true
    }

    /// Writes the placeholder of one of many arguments, which is no expression of its own.
    pub(super) fn listed(&mut self, codec: &'static Codec, value: &Value) -> &mut Self {
        self.bind(Bind::Shared(codec, value.clone()))
    }

    /// Many shared values as one array argument. Only where [`Sql::has_array`] says so.
    pub(super) fn shared_array(&mut self, codec: &'static Codec, values: Arc<[Value]>) -> &mut Self {
        self.bind(Bind::SharedArray(codec, values))
    }

    /// Many values as one array argument. Only where [`Sql::has_array`] says so.
    pub(crate) fn array(&mut self, codec: &'static Codec, values: Vec<&'v AnyValue>) -> &mut Self {
        self.bind(Bind::Array(codec, values))
    }

    /// Whether values of a type can be sent as one array.
    pub(crate) fn has_array(&self, codec: &Codec) -> bool {
        self.dialect == Dialect::Postgres && codec.has_postgres_array()
    }

    /// A text of kysera's own making.
    pub(crate) fn text_value(&mut self, text: String) -> &mut Self {
        self.bind(Bind::Text(text))
    }

    /// A number as a literal, of the type that [`Backend::integer`] reads.
    pub(crate) fn integer_literal(&mut self, number: u8) -> &mut Self {
        let _ = write!(self.text, "{number}"); // a String takes everything
        self.push(if self.dialect == Dialect::Postgres { "::bigint" } else { "" })
    }

    /// A number of kysera's own making.
    pub(crate) fn integer(&mut self, number: i64) -> &mut Self {
        self.bind(Bind::Integer(number))
    }

    fn bind(&mut self, bind: Bind<'v>) -> &mut Self {
        #[cfg(feature = "postgres")]
        if self.inline {
            self.literal(&bind);
            return self;
        }
        self.binds.push(bind);
        if self.covers {
            self.cover(self.binds.len() - 1);
        }
        match self.dialect {
            Dialect::Postgres => {
                let _ = write!(self.text, "${}", self.binds.len()); // a String takes everything
            }
            // SQLite knows `$1` too, as a name: it looks each one up in a list of all, which is quadratic.
            Dialect::MySql | Dialect::Sqlite => self.text.push('?'),
        }
        self
    }

    /// Writes `a = .. AND b = ..` with the values that `like` has for the columns. A NULL equals nothing.
    pub(crate) fn equal(&mut self, cols: &[&'static Col], like: &'v dyn Values) -> &mut Self {
        self.list(cols, " AND ", |sql, col| match like.value(col.index) {
            Some(value) => {
                sql.ident(col.name).push(" = ").value(col.codec, value);
            }
            None => {
                sql.push("FALSE");
            }
        })
    }

    /// Writes ` WHERE ..` with the rows that this may be done with and the filters, or nothing where that is every row.
    pub(crate) fn conditions(
        &mut self,
        meta: &'static Meta,
        deleted: Deleted,
        actions: &[Action],
        filters: &[Node],
    ) -> &mut Self {
        let start = self.text.len();
        self.accessible(meta, deleted, actions, " WHERE ");
        let mut glue = if self.text.len() == start { " WHERE " } else { " AND " };
        for node in filters {
            self.push(glue).asked(meta, node);
            glue = " AND ";
        }
        self
    }

    /// Writes ` WHERE ..` with the filters alone.
    pub(crate) fn filters(&mut self, filters: &[Node]) -> &mut Self {
        let mut glue = " WHERE ";
        for node in filters {
            self.push(glue).filter(node);
            glue = " AND ";
        }
        self
    }

    /// Writes ` ORDER BY ..`, or nothing.
    pub(crate) fn order(&mut self, keys: &'v [OrderKey]) -> &mut Self {
        if keys.is_empty() {
            return self;
        }
        self.push(" ORDER BY ").order_keys(keys)
    }

    /// Writes what is ordered by.
    pub(crate) fn order_keys(&mut self, keys: &'v [OrderKey]) -> &mut Self {
        self.order_terms(keys, |sql, key, _, alone| {
            if !alone || !sql.by_position(&key.term) {
                sql.term(&key.term);
            }
        })
    }

    /// The same with something that stands for each term, which is also told its place and whether it
    /// stands alone, as no part of an expression. NULLs are placed in so many words
    /// only where the database would place them elsewhere, so that an index can serve the order.
    pub(crate) fn order_terms(
        &mut self,
        keys: &'v [OrderKey],
        mut write: impl FnMut(&mut Self, &'v OrderKey, usize, bool),
    ) -> &mut Self {
        self.list(keys.iter().enumerate(), ", ", |sql, (i, key)| {
            let nulls = key.nulls.filter(|nulls| *nulls != sql.dialect.native_nulls(key.descending));
            if let (Dialect::MySql, Some(nulls)) = (sql.dialect, nulls) {
                let direction = if nulls == Nulls::First { " IS NULL) DESC, " } else { " IS NULL) ASC, " };
                sql.push("(");
                write(sql, key, i, false);
                sql.push(direction);
            }
            write(sql, key, i, true);
            sql.push(if key.descending { " DESC" } else { " ASC" });
            match nulls {
                Some(nulls) if sql.dialect != Dialect::MySql => {
                    sql.push(if nulls == Nulls::First { " NULLS FIRST" } else { " NULLS LAST" });
                }
                _ => {}
            }
        })
    }

    /// Writes ` LIMIT .. OFFSET ..`, or nothing.
    pub(crate) fn limit(&mut self, limit: Option<u64>, offset: Option<u64>) -> &mut Self {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        match (limit, offset, self.dialect) {
            (Some(limit), _, _) => {
                self.push(" LIMIT ").integer(number(limit));
            }
            (None, Some(_), Dialect::Sqlite) => {
                self.push(" LIMIT -1");
            }
            (None, Some(_), Dialect::MySql) => {
                self.push(" LIMIT 18446744073709551615");
            }
            (None, _, _) => {}
        }
        if let Some(offset) = offset {
            self.push(" OFFSET ").integer(number(offset));
        }
        self
    }

    /// Whether anything is bound.
    pub(crate) fn has_binds(&self) -> bool {
        !self.binds.is_empty()
    }

    /// The text, unless something of it cannot be said.
    #[cfg(feature = "postgres")]
    pub(crate) fn into_checked_text(self) -> Result<String> {
        self.refused.map_or(Ok(self.text), Err)
    }

    /// The text alone, for statements whose arguments are bound elsewhere.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The statement, ready to be sent.
    pub(crate) fn finish<DB: Backend>(self) -> Result<Statement<DB>> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let max = self.dialect.max_binds();
        if self.binds.len() > max {
            let text =
                format!("{} values in one statement, {} takes at most {max}", self.binds.len(), DB::NAME);
            return Err(Error::BadRequest(text.into()));
        }
        let mut args = DB::Arguments::default();
        args.reserve(self.binds.len(), self.binds.len() * 8);
        for bind in &self.binds {
            bind.add::<DB>(&mut args).map_err(encode)?;
        }
        let is_covered = |at: usize| self.covered.get(at).is_some_and(|covered| *covered);
        let show = |(at, bind): (usize, &Bind<'_>)| match is_covered(at) {
            true => Some(COVERED.to_owned()),
            false => bind.shown(),
        };
        let shown = self.shows.then(|| self.binds.iter().enumerate().filter_map(show).collect());
        Ok(Statement { shown, ..Statement::new(dynamic(self.text), args) })
    }
}

/// What a value that cannot be sent is reported as.
pub(crate) fn encode(error: sqlx::error::BoxDynError) -> Error {
    Error::Encode { driver: Driver(sqlx::Error::Encode(error)) }
}

#[cfg(test)]
mod related_tests;
#[cfg(test)]
mod tests;
