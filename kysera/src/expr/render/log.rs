//! What the audit log writes down of rows.

use super::Sql;
use crate::backend::Dialect;
use crate::expr::meta::{Col, Meta};

/// What stands for a value that is not written down.
pub(crate) const MASKED: &str = "***";

impl Sql<'_> {
    /// Writes the key of a row as a text; `part` writes each of its columns.
    pub(crate) fn key_text(
        &mut self,
        meta: &'static Meta,
        part: impl Fn(&mut Self, usize, &'static Col),
    ) -> &mut Self {
        let keys: Vec<&'static Col> = meta.id.iter().map(|index| &meta.columns[*index]).collect();
        if let [col] = keys[..] {
            let (before, after) = match self.dialect {
                Dialect::Postgres => ("CAST(", " AS TEXT)"),
                Dialect::MySql if col.codec.is_mysql_binary() => ("LOWER(HEX(", "))"),
                Dialect::MySql => ("CAST(", " AS CHAR)"),
                // Bytes are none of SQLite's texts.
                Dialect::Sqlite => {
                    self.push("CASE typeof(");
                    part(self, 0, col);
                    self.push(") WHEN 'blob' THEN lower(hex(");
                    part(self, 0, col);
                    self.push(")) ELSE CAST(");
                    part(self, 0, col);
                    return self.push(" AS TEXT) END");
                }
            };
            self.push(before);
            part(self, 0, col);
            return self.push(after);
        }
        let (before, after) = match self.dialect {
            Dialect::Postgres => ("CAST(JSONB_BUILD_ARRAY(", ") AS TEXT)"),
            Dialect::MySql => ("CAST(JSON_ARRAY(", ") AS CHAR)"),
            Dialect::Sqlite => ("json_array(", ")"),
        };
        self.push(before).list(keys.iter().enumerate(), ", ", |sql, (at, col)| {
            sql.json_value(col, |sql| part(sql, at, col));
        });
        self.push(after)
    }

    /// Writes the row at hand as a JSON text: an object of its columns.
    pub(crate) fn row_json(&mut self, meta: &'static Meta) -> &mut Self {
        match self.dialect {
            Dialect::Postgres => {
                self.push("CAST((SELECT TO_JSONB(\"kysera_r\") FROM (SELECT ");
                self.list(meta.columns, ", ", |sql, col| {
                    sql.column(col).push(" AS ").ident(col.name);
                });
                self.push(") AS \"kysera_r\") AS TEXT)")
            }
            Dialect::MySql => {
                self.push("CAST(JSON_OBJECT(").list(meta.columns, ", ", |sql, col| {
                    sql.text_literal(col.name).push(", ").json_value(col, |sql| {
                        sql.column(col);
                    });
                });
                self.push(") AS CHAR)")
            }
            Dialect::Sqlite => {
                self.push("json_object(").list(meta.columns, ", ", |sql, col| {
                    sql.text_literal(col.name).push(", ").json_value(col, |sql| {
                        sql.column(col);
                    });
                });
                self.push(")")
            }
        }
    }

    /// Writes a value as an argument of the functions that make JSON: bytes as hexadecimal digits, documents as they are.
    fn json_value(&mut self, col: &Col, value: impl Fn(&mut Self)) -> &mut Self {
        match self.dialect {
            Dialect::Postgres => {
                value(self);
                self
            }
            Dialect::MySql if col.codec.document => {
                self.push("JSON_EXTRACT(");
                value(self);
                self.push(", '$')")
            }
            Dialect::MySql if col.codec.is_mysql_binary() => {
                self.push("LOWER(HEX(");
                value(self);
                self.push("))")
            }
            Dialect::MySql if col.codec.mysql_type_is(&["FLOAT", "DOUBLE"]) => {
                // A FLOAT would be written with six digits.
                self.push("(");
                value(self);
                self.push(" * 1E0)")
            }
            Dialect::MySql => {
                value(self);
                self
            }
            Dialect::Sqlite if col.codec.sqlite_type_is("REAL") => {
                // SQLite itself writes fifteen digits, of which another number may come, and infinities that are no JSON.
                self.push("CASE typeof(");
                value(self);
                self.push(") WHEN 'real' THEN json(CASE ");
                value(self);
                self.push(
                    " WHEN 9e999 THEN '\"Infinity\"' WHEN -9e999 THEN '\"-Infinity\"' ELSE printf('%!.17g', ",
                );
                value(self);
                self.push(") END) ELSE ");
                value(self);
                self.push(" END")
            }
            Dialect::Sqlite => {
                self.push("CASE typeof(");
                value(self);
                self.push(") WHEN 'blob' THEN lower(hex(");
                value(self);
                self.push(if col.codec.document { ")) ELSE json(" } else { ")) ELSE " });
                value(self);
                self.push(if col.codec.document { ") END" } else { " END" })
            }
        }
    }

    /// Writes a name as a text within the statement. Names are the struct's.
    pub(crate) fn text_literal(&mut self, text: &str) -> &mut Self {
        self.push("'");
        for char in text.chars() {
            match char {
                '\'' => self.push("''"),
                // For MySQL a backslash is the beginning of something.
                '\\' if self.dialect == Dialect::MySql => self.push("\\\\"),
                char => self.push(char.encode_utf8(&mut [0; 4])),
            };
        }
        self.push("'")
    }

    /// PostgreSQL: writes the JSON of a row of a `WITH` query, with the values of some columns covered.
    pub(crate) fn cte_json(&mut self, cte: &str, meta: &'static Meta, covered: &[usize]) -> &mut Self {
        self.push("TO_JSONB(").ident(cte).push(")");
        let names = covered.iter().filter_map(|index| meta.columns.get(*index));
        let mask: serde_json::Map<_, _> = names.map(|col| (col.name.to_owned(), MASKED.into())).collect();
        if !mask.is_empty() {
            let mask = serde_json::Value::Object(mask).to_string();
            self.push(" || CAST(").text_value(mask).push(" AS JSONB)");
        }
        self
    }
}
