//! Values of what the audit log wrote down of them.

use std::borrow::Cow;
use std::sync::Arc;

use super::Sql;
use crate::__private::codec;
use crate::backend::Dialect;
use crate::error::{AuditError, Error};
use crate::expr::meta::{Col, Meta};

/// What a JSON text is.
enum Kind<'j> {
    Null,
    Truth(bool),
    Number(&'j str),
    Text(String),
    /// An array or an object.
    Other,
}

fn kind(json: &str) -> Option<Kind<'_>> {
    Some(match json.trim() {
        "null" => Kind::Null,
        "true" => Kind::Truth(true),
        "false" => Kind::Truth(false),
        text if text.starts_with('"') => Kind::Text(serde_json::from_str(text).ok()?),
        other if other.starts_with(['{', '[']) => Kind::Other,
        number => Kind::Number(number),
    })
}

impl Sql<'_> {
    /// Writes the value that a column had, of its JSON.
    pub(crate) fn logged(&mut self, meta: &'static Meta, col: &Col, json: &str) -> &mut Self {
        // The log may be older than the mark.
        self.covering(
            || col.codec.sensitive,
            |sql| {
                sql.logged_plainly(meta, col, json);
            },
        )
    }

    fn logged_plainly(&mut self, meta: &'static Meta, col: &Col, json: &str) -> &mut Self {
        if self.dialect != Dialect::Postgres {
            return self.logged_as(meta, col, json, false);
        }
        if is_document_null(col, json) {
            return self.push("'null'");
        }
        // As the type of the column, whatever that is.
        let name = serde_json::Value::from(col.name);
        self.push("(SELECT \"kysera_r\".").ident(col.name).push(" FROM ");
        self.record_of(meta, format!("{{{name}:{json}}}")).push(" AS \"kysera_r\")")
    }

    /// PostgreSQL: writes a row of a table, of a JSON object.
    pub(crate) fn record_of(&mut self, meta: &Meta, object: String) -> &mut Self {
        // The row type of the table, by no name that another type might have.
        self.push("JSONB_POPULATE_RECORD((SELECT \"kysera_t\" FROM ").table(meta);
        self.push(" AS \"kysera_t\" WHERE FALSE), CAST(").text_value(object).push(" AS JSONB))")
    }

    /// Elsewhere: writes a value with the type of the column, to be selected.
    pub(crate) fn logged_cell(&mut self, meta: &Meta, col: &Col, json: &str) -> &mut Self {
        self.covering(
            || col.codec.sensitive,
            |sql| {
                sql.logged_as(meta, col, json, true);
            },
        )
    }

    fn logged_as(&mut self, meta: &Meta, col: &Col, json: &str, select: bool) -> &mut Self {
        let Some(kind) = kind(json) else { return self.misfit(meta, col) };
        if col.codec.document {
            return match (kind, self.dialect) {
                (Kind::Null, Dialect::MySql) if select && col.codec.nullable => {
                    self.push("CAST(NULL AS CHAR)")
                }
                (Kind::Null, _) if col.codec.nullable => self.push("NULL"),
                _ => self.text_value(json.to_owned()),
            };
        }
        match (kind, self.dialect) {
            (Kind::Null, Dialect::MySql) if select => self.mysql_cell(col, None),
            (Kind::Null, _) => self.push("NULL"),
            (kind, Dialect::MySql) => self.logged_mysql(meta, col, kind, select),
            (kind, _) => self.logged_sqlite(meta, col, kind),
        }
    }

    fn logged_sqlite(&mut self, meta: &Meta, col: &Col, kind: Kind<'_>) -> &mut Self {
        let real = col.codec.sqlite_type_is("REAL");
        match kind {
            Kind::Truth(truth) => self.integer(i64::from(truth)),
            Kind::Number(number) => match (number.parse::<i64>(), number.parse::<f64>()) {
                (Ok(integer), _) if !real => self.integer(integer),
                (_, Ok(float)) => self.shared(codec!(f64), &(Arc::new(float) as _)),
                _ => self.misfit(meta, col),
            },
            Kind::Text(text) if real => match &*text {
                "Infinity" => self.push("9e999"),
                "-Infinity" => self.push("-9e999"),
                _ => self.text_value(text),
            },
            Kind::Text(text) if col.codec.sqlite_type_is("BLOB") => match bytes(&text) {
                Some(bytes) => self.shared(codec!(Vec<u8>), &(Arc::new(bytes) as _)),
                None => self.misfit(meta, col),
            },
            Kind::Text(text) => self.text_value(text),
            Kind::Null | Kind::Other => self.misfit(meta, col),
        }
    }

    fn logged_mysql(&mut self, meta: &Meta, col: &Col, kind: Kind<'_>, select: bool) -> &mut Self {
        let text = match kind {
            Kind::Truth(truth) => i64::from(truth).to_string(),
            Kind::Number(number) => number.to_owned(),
            Kind::Text(text) => text,
            Kind::Null | Kind::Other => return self.misfit(meta, col),
        };
        if select {
            return self.mysql_cell(col, Some(text));
        }
        if col.codec.is_mysql_binary() {
            return self.push("UNHEX(").text_value(text).push(")");
        }
        if col.codec.is_mysql_integer() {
            // As a number, so that it is compared as one.
            let ty = if text.starts_with('-') { " AS SIGNED)" } else { " AS UNSIGNED)" };
            return self.push("CAST(").text_value(text).push(ty);
        }
        self.text_value(text)
    }

    /// A value, which may be NULL, as the type that the field is read from.
    fn mysql_cell(&mut self, col: &Col, text: Option<String>) -> &mut Self {
        let is = |names| col.codec.mysql_type_is(names);
        let digits =
            text.as_deref().and_then(|text| text.split_once('.')).map_or(0, |(_, digits)| digits.len());
        let (before, after): (&str, Cow<'_, str>) = if col.codec.is_mysql_binary() {
            ("UNHEX(", ")".into())
        } else if is(&["FLOAT", "DOUBLE"]) {
            ("(", " * 1E0)".into())
        } else {
            let ty = match () {
                () if is(UNSIGNED) => "UNSIGNED".into(),
                () if col.codec.is_mysql_integer() || is(&["BOOLEAN"]) => "SIGNED".into(),
                () if is(&["DECIMAL"]) => format!("DECIMAL(65, {})", digits.min(30)).into(),
                () if is(&["DATE"]) => "DATE".into(),
                () if is(&["TIME"]) => "TIME(6)".into(),
                () if is(&["DATETIME", "TIMESTAMP"]) => "DATETIME(6)".into(),
                () => Cow::from("CHAR"),
            };
            ("CAST(", format!(" AS {ty})").into())
        };
        self.push(before);
        match text {
            Some(text) => self.text_value(text),
            None => self.push("NULL"),
        }
        .push(&after)
    }

    fn misfit(&mut self, meta: &Meta, col: &Col) -> &mut Self {
        let column = meta.columns.get(col.index).map_or("?", |col| col.name);
        self.refuse(Error::Audit(AuditError::Misfit { entity: meta.entity, column }));
        self
    }
}

/// Whether a document that cannot be NULL is the one that says `null`.
fn is_document_null(col: &Col, json: &str) -> bool {
    col.codec.document && !col.codec.nullable && json.trim() == "null"
}

/// What MySQL calls integers without a sign.
const UNSIGNED: &[&str] =
    &["TINYINT UNSIGNED", "SMALLINT UNSIGNED", "MEDIUMINT UNSIGNED", "INT UNSIGNED", "BIGINT UNSIGNED"];

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}
