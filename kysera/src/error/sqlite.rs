//! What SQLite tells. Its words are never translated.

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;

use super::server::{Open, Told};
use super::{ErrorCode, ViolationKind};

pub(super) struct Report<'a> {
    /// The extended result code; its lowest byte is the primary one.
    pub(super) code: i32,
    pub(super) message: &'a str,
}

const FOREIGN_KEY: &str = "FOREIGN KEY constraint failed";

impl<'a> Report<'a> {
    pub(super) fn of(error: &'a SqliteError) -> Self {
        let code = error.code().and_then(|code| code.parse().ok()).unwrap_or(1);
        Report { code, message: error.message() }
    }

    pub(super) fn violation(&self) -> Option<Told> {
        let told = match self.code {
            // unique key, primary key, rowid
            2067 | 1555 | 2579 => unique(self.message),
            787 => Told { open: Open::Table, ..Told::new(ViolationKind::ForeignKey) },
            // ON DELETE RESTRICT is made of a trigger.
            1811 if self.message == FOREIGN_KEY => {
                Told { open: Open::Table, ..Told::new(ViolationKind::ForeignKey) }
            }
            1299 => not_null(self.message),
            275 => Told {
                constraint: self.message.strip_prefix("CHECK constraint failed: ").map(Into::into),
                open: Open::Table,
                ..Told::new(ViolationKind::Check)
            },
            _ => return None,
        };
        Some(told)
    }

    fn primary(&self) -> i32 {
        self.code & 0xff
    }

    pub(super) fn is_transient(&self) -> bool {
        // BUSY and LOCKED in all their forms, and PROTOCOL: a race for the lock of the log that gave up.
        matches!(self.primary(), 5 | 6 | 15)
    }

    pub(super) fn error_code(&self) -> ErrorCode {
        match self.code {
            3091 => return ErrorCode::InvalidInput, // wrong type for a STRICT table
            517 => return ErrorCode::TransactionFailed, // the snapshot is stale
            _ => {}
        }
        match self.primary() {
            5 | 6 | 9 | 15 => ErrorCode::Timeout,
            // I/O, corrupt, full, cannot open, not a database
            10 | 11 | 13 | 14 | 26 => ErrorCode::ConnectionFailed,
            // too big, wrong type
            18 | 20 => ErrorCode::InvalidInput,
            _ => ErrorCode::QueryFailed,
        }
    }

    /// The message, where it is made of names and the statement's text alone, which holds no values.
    pub(super) fn safe_message(&self) -> Option<&'a str> {
        // Functions report bad arguments under the generic code, with the argument in the text ("bad JSON path",
        // "fts5: syntax error near"), so only what is said of statements is let through.
        const STATEMENT: [&str; 11] = [
            "no such table: ",
            "no such column: ",
            "no such function: ",
            "no such index: ",
            "no such collation sequence: ",
            "no such savepoint: ",
            "ambiguous column name: ",
            "near \"",
            "table ",
            "wrong number of arguments to function ",
            "too many SQL variables",
        ];
        const TRANSACTION: [&str; 3] = [
            "cannot start a transaction within a transaction",
            "cannot commit - no transaction is active",
            "cannot rollback - no transaction is active",
        ];
        let safe = match (self.primary(), self.code) {
            (1, _) => {
                STATEMENT.iter().any(|start| self.message.starts_with(start))
                    || TRANSACTION.contains(&self.message)
            }
            // These have one text each, or name a type and a column.
            (5..=11 | 13..=15 | 17 | 18 | 20..=23 | 25 | 26, _) | (_, 3091) => true,
            _ => false,
        };
        safe.then_some(self.message)
    }
}

fn unique(message: &str) -> Told {
    let mut told = Told::new(ViolationKind::Unique);
    let Some(text) = message.strip_prefix("UNIQUE constraint failed: ") else {
        return Told { open: Open::Table, ..told };
    };
    // An index over expressions.
    if let Some(index) = text.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\'')) {
        return Told { constraint: Some(index.into()), open: Open::Table, ..told };
    }
    if let Some((table, columns)) = simple(text) {
        told.table = Some(table.into());
        told.columns = columns;
    }
    Told { open: Open::Columns(text.into()), ..told }
}

/// `t.a, t.b`, if it can be read in one way only: no name has a dot, and all tables are the same.
fn simple(text: &str) -> Option<(&str, Vec<String>)> {
    let mut table = None;
    let mut columns = Vec::new();
    for part in text.split(", ") {
        let (of, column) = part.split_once('.')?;
        if column.contains('.') || *table.get_or_insert(of) != of {
            return None;
        }
        columns.push(column.into());
    }
    Some((table?, columns))
}

fn not_null(message: &str) -> Told {
    let mut told = Told::new(ViolationKind::NotNull);
    let Some(text) = message.strip_prefix("NOT NULL constraint failed: ") else {
        return Told { open: Open::Table, ..told };
    };
    if let Some((table, column)) = text.split_once('.')
        && !column.contains('.')
    {
        told.table = Some(table.into());
        told.columns = vec![column.into()];
    }
    Told { open: Open::Columns(text.into()), ..told }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn told(code: i32, message: &str) -> Told {
        Report { code, message }.violation().unwrap()
    }

    #[test]
    fn unique() {
        for code in [2067, 1555, 2579] {
            let told = told(code, "UNIQUE constraint failed: pa.a, pa.b");
            assert_eq!((told.kind, told.table.as_deref()), (ViolationKind::Unique, Some("pa")));
            assert_eq!(told.columns, ["a", "b"]);
        }
        let spaces = told(2067, "UNIQUE constraint failed: my table.my column");
        assert_eq!(spaces.table.as_deref(), Some("my table"));
        assert_eq!(spaces.columns, ["my column"]);
        // Where the table's name ends is not to be seen.
        for text in ["od.d t.c, x, od.d t.y.z", "a.b.c", "a.b, c.d", "a.b, c", "a"] {
            let told = told(2067, &format!("UNIQUE constraint failed: {text}"));
            assert_eq!((told.table, told.columns), (None, vec![]), "{text}");
            assert_eq!(told.open, Open::Columns(text.into()));
        }
        let index = told(2067, "UNIQUE constraint failed: index 'pa_lower'");
        assert_eq!(index.constraint.as_deref(), Some("pa_lower"));
        assert_eq!((index.columns, index.open), (vec![], Open::Table));
    }

    #[test]
    fn the_others() {
        for code in [787, 1811] {
            assert_eq!(
                told(code, "FOREIGN KEY constraint failed"),
                Told { open: Open::Table, ..Told::new(ViolationKind::ForeignKey) }
            );
        }
        let null = told(1299, "NOT NULL constraint failed: pa.e");
        assert_eq!((null.kind, null.table.as_deref()), (ViolationKind::NotNull, Some("pa")));
        assert_eq!(null.columns, ["e"]);
        let unclear = told(1299, "NOT NULL constraint failed: od.d t.y.z");
        assert_eq!((unclear.table, unclear.columns), (None, vec![]));
        for text in ["xy", "n>0", "a IN ('x, y', '(')\n"] {
            let check = told(275, &format!("CHECK constraint failed: {text}"));
            assert_eq!((check.kind, check.open), (ViolationKind::Check, Open::Table));
            assert_eq!(check.constraint.as_deref(), Some(text));
        }
        // What a trigger raises is no violation, whatever it says.
        assert!(Report { code: 1811, message: "CHECK constraint failed: x" }.violation().is_none());
    }

    #[test]
    fn codes() {
        let of = |code| Report { code, message: "s3cr3t" };
        for code in [5, 6, 261, 262, 517, 518, 773] {
            assert!(of(code).is_transient(), "{code}");
            assert!(of(code).safe_message().is_some(), "{code}");
        }
        for code in [1, 11, 19, 787, 1811, 2067] {
            assert!(!of(code).is_transient(), "{code}");
            assert!(code == 11 || of(code).safe_message().is_none(), "{code}");
        }
        let codes = [
            (5, ErrorCode::Timeout),
            (517, ErrorCode::TransactionFailed),
            (14, ErrorCode::ConnectionFailed),
            (20, ErrorCode::InvalidInput),
            (3091, ErrorCode::InvalidInput),
            (1811, ErrorCode::QueryFailed),
        ];
        for (code, expected) in codes {
            assert_eq!(of(code).error_code(), expected, "{code}");
        }
    }

    #[test]
    fn messages_of_the_generic_code() {
        for message in
            ["no such table: users", "near \"SELEC\": syntax error", "table users has no column named x"]
        {
            assert_eq!(Report { code: 1, message }.safe_message(), Some(message));
        }
        for message in ["bad JSON path: 's3cr3t'", "fts5: syntax error near \"s3cr3t\"", "malformed JSON"] {
            assert_eq!(Report { code: 1, message }.safe_message(), None, "{message}");
        }
    }
}
