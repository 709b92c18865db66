//! Values within JSON documents.

use super::Sql;
use crate::backend::Dialect;
use crate::expr::term::{Json, JsonKey, Term};

impl<'v> Sql<'v> {
    /// Writes what is at a path of a document: NULL unless it is of the kind that is asked for.
    pub(super) fn json(&mut self, what: Json, document: &Term, path: &[JsonKey]) -> &mut Self {
        match self.dialect {
            Dialect::Postgres => self.json_postgres(what, document, path),
            Dialect::MySql => self.json_mysql(what, document, path),
            Dialect::Sqlite => self.json_sqlite(what, document, path),
        }
    }

    /// Step by step, because a whole path (`#>`) takes digits for the place of an element and for a member's name alike.
    fn json_postgres(&mut self, what: Json, document: &Term, path: &[JsonKey]) -> &mut Self {
        self.refuse_names(path, |name| name.contains('\0'), "the name of a JSON member with a NUL in a path");
        let at = |sql: &mut Self, path: &[JsonKey], as_text: bool| {
            sql.push("CAST(").term(document).push(" AS JSONB)");
            for (i, key) in path.iter().enumerate() {
                sql.push(if as_text && i + 1 == path.len() { " ->> " } else { " -> " });
                match key {
                    JsonKey::Member(name) => sql.text_value(name.clone()),
                    JsonKey::Element(index) => sql.push(&place(*index).to_string()),
                };
            }
            if as_text && path.is_empty() {
                sql.push(" #>> '{}'");
            }
        };
        let arrays = |sql: &mut Self| {
            for parent in first_of(path) {
                sql.push(" AND JSONB_TYPEOF(");
                at(sql, parent, false);
                sql.push(") = 'array'");
            }
        };
        let kind = match what {
            Json::Exists => {
                self.push("(");
                at(self, path, false);
                self.push(") IS NOT NULL");
                arrays(self);
                return self;
            }
            Json::Text => "string",
            Json::Number => "number",
            Json::Bool => "boolean",
        };
        self.push("CASE WHEN JSONB_TYPEOF(");
        at(self, path, false);
        self.push(") = '").push(kind).push("'");
        arrays(self);
        self.push(" THEN ");
        if what == Json::Number {
            // Casts of what is beyond a double are errors, and of what is closer to zero than any as well.
            let size = |sql: &mut Self| {
                sql.push("ABS(CAST((");
                at(sql, path, false);
                sql.push(") AS NUMERIC))");
            };
            self.push("CAST(CASE WHEN ");
            size(self);
            self.push(" BETWEEN 4.9e-324 AND 1.7976931348623158e308 THEN CAST((");
            at(self, path, false);
            self.push(") AS NUMERIC) WHEN ");
            size(self);
            return self.push(" < 1 THEN 0 END AS DOUBLE PRECISION) END");
        }
        let (before, after) = if what == Json::Bool { ("CAST(", " AS BOOLEAN)") } else { ("", "") };
        self.push(before).push("(");
        at(self, path, true);
        self.push(")").push(after).push(" END")
    }

    fn json_mysql(&mut self, what: Json, document: &Term, path: &[JsonKey]) -> &mut Self {
        // MariaDB takes such a name for a place from the end, and finds nothing.
        self.refuse_names(
            path,
            |name| name.starts_with('-'),
            "the name of a JSON member that starts with `-` in a path",
        );
        let text = self.json_path(path);
        let at = |sql: &mut Self, path: &str| {
            sql.push("JSON_EXTRACT(").term(document).push(", ").text_value(path.into()).push(")");
        };
        let arrays = |sql: &mut Self| {
            for parent in first_of(path) {
                let parent = sql.json_path(parent);
                sql.push(" AND JSON_TYPE(");
                at(sql, &parent);
                sql.push(") = 'ARRAY'");
            }
        };
        let (kinds, before, after) = match what {
            Json::Exists => {
                self.push("COALESCE(JSON_CONTAINS_PATH(").term(document);
                self.push(", 'one', ").text_value(text).push(")");
                arrays(self);
                return self.push(", FALSE)");
            }
            Json::Text => ("'STRING'", "JSON_UNQUOTE(", ")"),
            Json::Number => ("'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL'", "(", " + 0e0)"),
            Json::Bool => ("'BOOLEAN'", "(JSON_UNQUOTE(", ") = 'true')"),
        };
        self.push("CASE WHEN JSON_TYPE(");
        at(self, &text);
        self.push(") IN (").push(kinds).push(")");
        arrays(self);
        self.push(" THEN ").push(before);
        at(self, &text);
        self.push(after).push(" END")
    }

    fn json_sqlite(&mut self, what: Json, document: &Term, path: &[JsonKey]) -> &mut Self {
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
        // SQLite knows no escapes here, and the two servers disagree on theirs.
        let what = "the name of a JSON member with a quote, a backslash or a NUL in a path";
        self.refuse_names(path, |name| name.contains(['"', '\\', '\0']), what);
        let mut text = String::from("$");
        for key in path {
            let _ = match key {
                JsonKey::Member(name) => write!(text, ".\"{name}\""),
                JsonKey::Element(index) => write!(text, "[{}]", place(*index)),
            }; // a String takes everything
        }
        text
    }

    fn refuse_names(&mut self, path: &[JsonKey], is_wrong: impl Fn(&str) -> bool, what: &'static str) {
        if path.iter().any(|key| matches!(key, JsonKey::Member(name) if is_wrong(name))) {
            self.unsupported(what);
        }
    }
}

/// The place of an element. No array is longer, and databases take what they cannot count for another place.
fn place(index: usize) -> usize {
    index.min(i32::MAX as usize)
}

/// Whatever a path takes the first element of. PostgreSQL and MySQL take what is no array for an array of itself alone, and
/// must be asked whether it is one.
fn first_of(path: &[JsonKey]) -> impl Iterator<Item = &[JsonKey]> {
    let firsts = path.iter().enumerate().filter(|(_, key)| **key == JsonKey::Element(0));
    firsts.filter_map(|(at, _)| path.get(..at))
}
