//! Values within JSON documents.

use super::Sql;
use crate::backend::Dialect;
use crate::error::Error;
use crate::expr::term::{Json, JsonKey, Term};

impl<'v> Sql<'v> {
    /// Writes what is at a path of a document: NULL unless it is of the kind that is asked for.
    pub(super) fn json(&mut self, what: Json, document: &'v Term, path: &'v [JsonKey]) -> &mut Self {
        match self.dialect {
            Dialect::Postgres => self.json_postgres(what, document, path),
            Dialect::MySql => self.json_mysql(what, document, path),
            Dialect::Sqlite => self.json_sqlite(what, document, path),
        }
    }

    fn json_postgres(&mut self, what: Json, document: &'v Term, path: &'v [JsonKey]) -> &mut Self {
        let at = |sql: &mut Self, operator: &str| {
            sql.push("CAST(").term(document).push(" AS JSONB) ").push(operator).push(" CAST(");
            sql.text_value(array_literal(path)).push(" AS TEXT[])");
        };
        let (kind, before, after) = match what {
            Json::Exists => {
                self.push("(");
                at(self, "#>");
                return self.push(") IS NOT NULL");
            }
            Json::Text => ("string", "", ""),
            Json::Number => ("number", "CAST(", " AS DOUBLE PRECISION)"),
            Json::Bool => ("boolean", "CAST(", " AS BOOLEAN)"),
        };
        self.push("CASE JSONB_TYPEOF(");
        at(self, "#>");
        self.push(") WHEN '").push(kind).push("' THEN ").push(before).push("(");
        at(self, "#>>");
        self.push(")").push(after).push(" END")
    }

    fn json_mysql(&mut self, what: Json, document: &'v Term, path: &'v [JsonKey]) -> &mut Self {
        let path = self.json_path(path);
        let at = |sql: &mut Self| {
            sql.push("JSON_EXTRACT(").term(document).push(", ").text_value(path.clone()).push(")");
        };
        let (kinds, before, after) = match what {
            Json::Exists => {
                self.push("JSON_CONTAINS_PATH(").term(document);
                return self.push(", 'one', ").text_value(path).push(")");
            }
            Json::Text => ("'STRING'", "JSON_UNQUOTE(", ")"),
            Json::Number => ("'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL'", "(", " + 0e0)"),
            Json::Bool => ("'BOOLEAN'", "(JSON_UNQUOTE(", ") = 'true')"),
        };
        self.push("CASE WHEN JSON_TYPE(");
        at(self);
        self.push(") IN (").push(kinds).push(") THEN ").push(before);
        at(self);
        self.push(after).push(" END")
    }

    fn json_sqlite(&mut self, what: Json, document: &'v Term, path: &'v [JsonKey]) -> &mut Self {
        let path = self.json_path(path);
        let call = |sql: &mut Self, function: &str| {
            sql.push(function).push("(").term(document).push(", ").text_value(path.clone()).push(")");
        };
        match what {
            Json::Exists => {
                call(self, "json_type");
                self.push(" IS NOT NULL")
            }
            Json::Text => {
                self.push("CASE ");
                call(self, "json_type");
                self.push(" WHEN 'text' THEN ");
                call(self, "json_extract");
                self.push(" END")
            }
            Json::Number => {
                self.push("CASE WHEN ");
                call(self, "json_type");
                self.push(" IN ('integer', 'real') THEN CAST(");
                call(self, "json_extract");
                self.push(" AS REAL) END")
            }
            Json::Bool => {
                self.push("CASE ");
                call(self, "json_type");
                self.push(" WHEN 'true' THEN 1 WHEN 'false' THEN 0 END")
            }
        }
    }

    /// The path as MySQL and SQLite spell it: `$."member"[0]`.
    fn json_path(&mut self, path: &[JsonKey]) -> String {
        use std::fmt::Write as _;
        let mut text = String::from("$");
        for key in path {
            let _ = match key {
                JsonKey::Member(name) => {
                    // SQLite knows no escapes here, and the two servers disagree on theirs.
                    if name.contains(['"', '\\', '\0']) {
                        let what = "the name of a JSON member with a quote, a backslash or a NUL in a path";
                        self.refuse(Error::Unsupported { backend: self.dialect.name(), what: what.into() });
                    }
                    write!(text, ".\"{name}\"")
                }
                JsonKey::Element(index) => write!(text, "[{index}]"),
            }; // a String takes everything
        }
        text
    }
}

/// The path as PostgreSQL spells it, an array of texts: `{"member","0"}`.
fn array_literal(path: &[JsonKey]) -> String {
    let mut text = String::from("{");
    for (i, key) in path.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push('"');
        match key {
            JsonKey::Member(name) => {
                for char in name.chars() {
                    if matches!(char, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(char);
                }
            }
            JsonKey::Element(index) => text.push_str(&index.to_string()),
        }
        text.push('"');
    }
    text.push('}');
    text
}
