//! What PostgreSQL tells. Its words are translated into the server's language, so only codes, fields and punctuation
//! are read.

use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};

use super::server::Told;
use super::{ErrorCode, ViolationKind};

#[derive(Default)]
pub(super) struct Report<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) detail: Option<&'a str>,
    pub(super) table: Option<&'a str>,
    pub(super) column: Option<&'a str>,
    pub(super) constraint: Option<&'a str>,
    /// The function of the server that raised it.
    pub(super) routine: Option<&'a str>,
    /// It points into the text of the statement: raised when that was parsed, before any value was looked at.
    pub(super) in_text: bool,
    /// It ended the connection.
    pub(super) fatal: bool,
}

impl<'a> Report<'a> {
    pub(super) fn of(error: &'a PgDatabaseError) -> Self {
        Report {
            code: error.code(),
            message: error.message(),
            detail: error.detail(),
            table: error.table(),
            column: error.column(),
            constraint: error.constraint(),
            routine: error.routine(),
            in_text: matches!(error.position(), Some(PgErrorPosition::Original(_))),
            fatal: matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic),
        }
    }

    pub(super) fn violation(&self) -> Option<Told> {
        let mut told = Told::new(match self.code {
            "23505" => ViolationKind::Unique,
            // 23001 is what ON DELETE RESTRICT raises from version 18 on.
            "23503" | "23001" => ViolationKind::ForeignKey,
            "23502" => ViolationKind::NotNull,
            "23514" => ViolationKind::Check,
            "23P01" => ViolationKind::Exclusion,
            _ => return None,
        });
        told.table = self.table.map(Into::into);
        told.constraint = self.constraint.map(Into::into);
        match told.kind {
            ViolationKind::Unique | ViolationKind::Exclusion => {
                told.columns = self.detail.and_then(key_columns).unwrap_or_default();
            }
            ViolationKind::NotNull => told.columns = self.column.map(Into::into).into_iter().collect(),
            ViolationKind::ForeignKey => {
                (told.columns, told.referenced_table) = self.foreign_key().unwrap_or_default();
            }
            ViolationKind::Check => {}
        }
        Some(told)
    }

    /// The columns of a foreign key and the table it refers to.
    ///
    /// The report's table is always the one that has the key. The message names it, the key, and a third name if it
    /// was the other table that changed; then DETAIL names columns of that other table. Otherwise DETAIL names the
    /// key's columns and ends in the name of the other table.
    fn foreign_key(&self) -> Option<(Vec<String>, Option<String>)> {
        let mut names = quoted_names(self.message)?;
        for known in [self.table?, self.constraint?] {
            let at = names.iter().position(|&name| name == known)?;
            names.remove(at);
        }
        match *names {
            [] => {
                let detail = self.detail?;
                // Values end in the last parenthesis, whatever they contain.
                let tail = detail.rfind(')').map_or(detail, |at| &detail[at + 1..]);
                let referenced = match quoted_names(tail).as_deref() {
                    Some(&[table]) => Some(table.into()),
                    _ => None,
                };
                Some((plain_columns(detail).unwrap_or_default(), referenced))
            }
            [parent] => Some((Vec::new(), Some(parent.into()))),
            _ => None,
        }
    }

    pub(super) fn is_transient(&self) -> bool {
        match self.code {
            // serialization failure, deadlock, lock not available, too many connections
            "40001" | "40P01" | "55P03" | "53300" => true,
            // shutdown, crash of another session, starting up, idle session
            "57P01" | "57P02" | "57P03" | "57P05" => true,
            code => code.starts_with("08"),
        }
    }

    pub(super) fn error_code(&self) -> ErrorCode {
        match self.code {
            "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "3D000" => ErrorCode::ConnectionFailed,
            // cancelled by a timeout, lock not available, idle in a transaction, transaction too long
            "57014" | "55P03" | "25P03" | "25P04" => ErrorCode::Timeout,
            // too long, out of range, bad date, bad text, bad encoding
            "22001" | "22003" | "22007" | "22008" | "22021" | "22P02" | "22P03" | "22P05" => {
                ErrorCode::InvalidInput
            }
            code => match code.get(..2) {
                Some("08" | "28") => ErrorCode::ConnectionFailed,
                Some("25" | "40") => ErrorCode::TransactionFailed,
                _ => ErrorCode::QueryFailed,
            },
        }
    }

    /// The message, where it is made of names and settings alone.
    ///
    /// Class 42 and 0A are raised for values as well (a `tsquery` that does not parse, a name cast to `regclass`):
    /// those do not point into the statement's text, which holds no values.
    pub(super) fn safe_message(&self) -> Option<&'a str> {
        // `RAISE` and its kin in other languages say what their author likes, under any code.
        let raised = self.routine.is_some_and(|routine| {
            ["exec_stmt_", "PLy_", "plperl", "pltcl"].iter().any(|prefix| routine.starts_with(prefix))
        });
        let safe = !raised
            && match (self.code.get(..2)?, self.code) {
                ("08" | "25" | "28" | "40" | "53" | "55" | "57", _) => true,
                ("3D", _) => self.fatal,
                // no privilege; table, object or column exists already
                ("42", "42501" | "42P07" | "42710" | "42701") => true,
                ("0A", _) if self.routine == Some("RevalidateCachedQuery") => true,
                ("0A" | "42", _) => self.in_text,
                _ => false,
            };
        safe.then_some(self.message)
    }
}

/// The columns of `.. (a, "b c")=(..) ..`; `None` if there are none or one is an expression.
fn key_columns(detail: &str) -> Option<Vec<String>> {
    let text = &detail[detail.find('(')? + 1..];
    let mut columns = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            // A doubled quote closes and opens again, which comes to the same.
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth > 0 => depth -= 1,
            (None, ',') if depth == 0 => {
                columns.push(identifier(&text[start..at])?);
                start = at + 1;
            }
            (None, ')') => {
                columns.push(identifier(&text[start..at])?);
                return text[at..].starts_with(")=(").then_some(columns);
            }
            _ => {}
        }
    }
    None
}

fn identifier(text: &str) -> Option<String> {
    let text = text.trim_start_matches(' ');
    if let Some(quoted) = text.strip_prefix('"') {
        let name = quoted.strip_suffix('"')?.replace("\"\"", "\u{0}");
        return (!name.contains('"')).then(|| name.replace('\u{0}', "\""));
    }
    let plain = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (plain && !text.is_empty()).then(|| text.into())
}

/// The columns of a foreign key's DETAIL, where the server does not quote them.
fn plain_columns(detail: &str) -> Option<Vec<String>> {
    let start = detail.find('(')? + 1;
    let end = start + detail[start..].find(")=(")?;
    Some(detail[start..end].split(", ").map(Into::into).collect())
}

/// What stands in quotation marks, which differ by language. `None` if they do not pair up.
fn quoted_names(text: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '«', '»', '„', '“', '”']) {
        let open = rest[at..].chars().next()?;
        let inside = &rest[at + open.len_utf8()..];
        let closers: &[char] = match open {
            '"' => &['"'],
            '«' => &['»'],
            '»' => &['«', '»'],
            _ => &['“', '”'],
        };
        let end = inside.find(closers)?;
        names.push(inside[..end].trim_matches([' ', '\u{a0}', '\u{202f}']));
        rest = &inside[end + inside[end..].chars().next()?.len_utf8()..];
    }
    Some(names)
}
