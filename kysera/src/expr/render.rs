//! Rendering into text and arguments.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::{Arguments, AssertSqlSafe, SqlSafeStr, SqlStr};

use super::filter::{Compare, Node, TextMatch};
use super::meta::{Col, Meta};
use super::order::{Nulls, OrderKey};
use super::value::{AnyValue, Codec};
use crate::backend::{Backend, Dialect, Statement};
use crate::entity::Values;
use crate::error::{Driver, Error, Result};

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
}

enum Bind<'v> {
    Value(&'static Codec, &'v AnyValue),
    Array(&'static Codec, Vec<&'v AnyValue>),
    Text(String),
    Integer(i64),
    /// The text is made for a cache, its arguments come each time anew.
    Elsewhere,
}

impl<'v> Sql<'v> {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, text: String::new(), binds: Vec::new(), refused: None }
    }

    /// Starts with a text that is complete in itself.
    pub(crate) fn starting(dialect: Dialect, text: &str) -> Self {
        let mut sql = Self::new(dialect);
        sql.text.reserve(text.len() + 64);
        sql.text.push_str(text);
        sql
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
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
        let quote = self.dialect.quote();
        self.text.push(quote);
        for char in name.chars() {
            if char == quote {
                self.text.push(quote);
            }
            self.text.push(char);
        }
        self.text.push(quote);
        self
    }

    /// Writes a table with its schema.
    pub(crate) fn table(&mut self, meta: &Meta) -> &mut Self {
        if let Some(schema) = meta.schema {
            self.ident(schema).push(".");
        }
        self.ident(meta.table)
    }

    /// Writes a column with its table.
    pub(crate) fn column(&mut self, col: &Col) -> &mut Self {
        self.ident(col.table).push(".").ident(col.name)
    }

    /// Writes the names of columns.
    pub(crate) fn names(&mut self, cols: impl IntoIterator<Item = &'static Col>) -> &mut Self {
        self.list(cols, ", ", |sql, col| {
            sql.ident(col.name);
        })
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
        self.bind(Bind::Value(codec, value))
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

    /// A number of kysera's own making.
    pub(crate) fn integer(&mut self, number: i64) -> &mut Self {
        self.bind(Bind::Integer(number))
    }

    fn bind(&mut self, bind: Bind<'v>) -> &mut Self {
        self.binds.push(bind);
        match self.dialect {
            Dialect::Postgres => {
                let _ = write!(self.text, "${}", self.binds.len()); // a String takes everything
            }
            // SQLite knows `$1` too, as a name: it looks each one up in a list of all, which is quadratic.
            Dialect::MySql | Dialect::Sqlite => self.text.push('?'),
        }
        self
    }

    /// Writes a filter. Columns carry their table's name.
    pub(crate) fn filter(&mut self, node: &'v Node) -> &mut Self {
        match node {
            Node::Compare { col, op, value } => self.compare(col, *op, &**value),
            Node::In { col, values, negated } => self.in_list(col, values, *negated),
            Node::IsNull { col, negated } => self.column(col).push(null_test(*negated)),
            Node::Text { col, kind, text } => self.text_match(col, *kind, text),
            Node::All(nodes) if nodes.is_empty() => self.push("TRUE"),
            Node::Any(nodes) if nodes.is_empty() => self.push("FALSE"),
            Node::All(nodes) => self
                .push("(")
                .list(nodes, " AND ", |sql, node| {
                    sql.filter(node);
                })
                .push(")"),
            Node::Any(nodes) => self
                .push("(")
                .list(nodes, " OR ", |sql, node| {
                    sql.filter(node);
                })
                .push(")"),
            Node::Not(node) => self.push("NOT (").filter(node).push(")"),
        }
    }

    fn compare(&mut self, col: &'static Col, op: Compare, value: &'v AnyValue) -> &mut Self {
        let op = match op {
            Compare::Eq | Compare::Ne if (col.codec.is_null)(value) => {
                return self.column(col).push(null_test(op == Compare::Ne));
            }
            // Nothing is greater or less than NULL. Said here, so that the negation is NULL too, as it is in SQL.
            _ if (col.codec.is_null)(value) => return self.push("NULL"),
            Compare::Eq => " = ",
            Compare::Ne => " <> ",
            Compare::Gt => " > ",
            Compare::Ge => " >= ",
            Compare::Lt => " < ",
            Compare::Le => " <= ",
        };
        self.column(col).push(op).value(col.codec, value)
    }

    fn in_list(&mut self, col: &'static Col, values: &'v [super::Value], negated: bool) -> &mut Self {
        let some: Vec<&AnyValue> =
            values.iter().map(|value| &**value).filter(|value| !(col.codec.is_null)(*value)).collect();
        let has_null = some.len() < values.len();
        match (some.is_empty(), has_null) {
            (true, true) => self.column(col).push(null_test(negated)),
            (true, false) => self.push(if negated { "TRUE" } else { "FALSE" }),
            (false, true) if negated => {
                self.push("(").column(col).push(" IS NOT NULL AND ");
                self.some_of(col, some, negated).push(")")
            }
            (false, true) => {
                self.push("(").column(col).push(" IS NULL OR ");
                self.some_of(col, some, negated).push(")")
            }
            (false, false) => self.some_of(col, some, negated),
        }
    }

    fn some_of(&mut self, col: &'static Col, values: Vec<&'v AnyValue>, negated: bool) -> &mut Self {
        self.column(col);
        if self.has_array(col.codec) {
            return self
                .push(if negated { " <> ALL(" } else { " = ANY(" })
                .array(col.codec, values)
                .push(")");
        }
        self.push(if negated { " NOT IN (" } else { " IN (" });
        // Lists of similar length share a text, so that they do not drive each other out of the statement cache.
        let padded = values.len().next_power_of_two();
        let padded = if padded <= 64 { padded } else { values.len() };
        let last = values.last().copied();
        let padding = last.into_iter().cycle().take(padded - values.len());
        self.list(values.into_iter().chain(padding), ", ", |sql, value| {
            sql.value(col.codec, value);
        })
        .push(")")
    }

    fn text_match(&mut self, col: &'static Col, kind: TextMatch, text: &str) -> &mut Self {
        match (self.dialect, kind) {
            (Dialect::Sqlite, _) => self.sqlite_text_match(col, kind, text),
            (_, TextMatch::Like) => self.column(col).push(" LIKE ").text_value(text.into()),
            (_, TextMatch::NotLike) => self.column(col).push(" NOT LIKE ").text_value(text.into()),
            _ => self.column(col).push(" LIKE ").text_value(like_pattern(kind, text)).push(" ESCAPE '!'"),
        }
    }

    /// SQLite's LIKE ignores the case of ASCII letters, unlike its `=`; GLOB and `instr` do not. LIKE and GLOB stop at
    /// a NUL in the pattern, which would match too much.
    fn sqlite_text_match(&mut self, col: &'static Col, kind: TextMatch, text: &str) -> &mut Self {
        // Escaped, a pattern is three times as long at most, and SQLite takes 50 000 bytes.
        let fits_glob = text.len() < 16_000 && !text.contains('\0');
        match kind {
            TextMatch::Like | TextMatch::NotLike => {
                if text.contains('\0') {
                    self.refuse(Error::BadRequest("a LIKE pattern cannot contain NUL".into()));
                }
                let op = if kind == TextMatch::Like { " LIKE " } else { " NOT LIKE " };
                self.column(col).push(op).text_value(text.into()).push(" ESCAPE '\\'")
            }
            TextMatch::Contains => {
                self.push("instr(").column(col).push(", ").text_value(text.into()).push(") > 0")
            }
            // An index can serve it.
            TextMatch::StartsWith if fits_glob => {
                self.column(col).push(" GLOB ").text_value(format!("{}*", glob_escape(text)))
            }
            TextMatch::StartsWith => {
                self.push("instr(").column(col).push(", ").text_value(text.into()).push(") = 1")
            }
            // By bytes, because GLOB stops at a NUL in the column too. The letter is there because `substr` of nothing
            // is NULL.
            TextMatch::EndsWith => {
                let text = format!("{text}x");
                self.push("substr(CAST(").column(col).push(" || 'x' AS BLOB), -length(CAST(");
                self.text_value(text.clone()).push(" AS BLOB))) = CAST(").text_value(text).push(" AS BLOB)")
            }
        }
    }

    /// Writes `a = .., b = ..` for the columns that have a value.
    pub(crate) fn assignments(&mut self, meta: &'static Meta, values: &'v dyn Values) -> &mut Self {
        let given = meta.columns.iter().filter_map(|col| Some((col, values.value(col.index)?)));
        self.list(given, ", ", |sql, (col, value)| {
            sql.ident(col.name).push(" = ").value(col.codec, value);
        })
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

    /// Writes ` WHERE ..`, or nothing where there is no filter.
    pub(crate) fn filters(&mut self, filters: &'v [Node]) -> &mut Self {
        if filters.is_empty() {
            return self;
        }
        self.push(" WHERE ").list(filters, " AND ", |sql, node| {
            sql.filter(node);
        })
    }

    /// Writes ` ORDER BY ..`, or nothing. NULLs are placed in so many words only where the database would place them
    /// elsewhere, so that an index can serve the order.
    pub(crate) fn order(&mut self, keys: &[OrderKey]) -> &mut Self {
        if keys.is_empty() {
            return self;
        }
        self.push(" ORDER BY ").list(keys, ", ", |sql, key| {
            let native = match (sql.dialect, key.descending) {
                (Dialect::Postgres, false) | (Dialect::MySql | Dialect::Sqlite, true) => Nulls::Last,
                (Dialect::Postgres, true) | (Dialect::MySql | Dialect::Sqlite, false) => Nulls::First,
            };
            let nulls = key.nulls.filter(|nulls| *nulls != native);
            if let (Dialect::MySql, Some(nulls)) = (sql.dialect, nulls) {
                let direction = if nulls == Nulls::First { " IS NULL) DESC, " } else { " IS NULL) ASC, " };
                sql.push("(").column(key.col).push(direction);
            }
            sql.column(key.col).push(if key.descending { " DESC" } else { " ASC" });
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
            match bind {
                Bind::Value(codec, value) => DB::bind(codec, *value, &mut args),
                Bind::Array(codec, values) => DB::bind_array(codec, values, &mut args),
                Bind::Text(text) => DB::bind(crate::__private::codec!(String), text, &mut args),
                Bind::Elsewhere => Ok(()),
                Bind::Integer(number) => DB::bind(crate::__private::codec!(i64), number, &mut args),
            }
            .map_err(encode)?;
        }
        Ok(Statement { sql: dynamic(self.text), args, persistent: true })
    }
}

/// What a value that cannot be sent is reported as.
pub(crate) fn encode(error: sqlx::error::BoxDynError) -> Error {
    Error::Encode { driver: Driver(sqlx::Error::Encode(error)) }
}

fn null_test(negated: bool) -> &'static str {
    if negated { " IS NOT NULL" } else { " IS NULL" }
}

/// A LIKE pattern whose escape is `!`, which unlike `\` no database treats specially in a literal.
fn like_pattern(kind: TextMatch, text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    if kind != TextMatch::StartsWith {
        pattern.push('%');
    }
    for char in text.chars() {
        if matches!(char, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(char);
    }
    if kind != TextMatch::EndsWith {
        pattern.push('%');
    }
    pattern
}

fn glob_escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '[') {
            pattern.extend(['[', char, ']']);
        } else {
            pattern.push(char);
        }
    }
    pattern
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
