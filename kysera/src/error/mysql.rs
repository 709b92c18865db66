//! What MySQL and MariaDB tell. Words are translated into the server's language, so quotation marks are what is read.

use sqlx::mysql::MySqlDatabaseError;

use super::server::{Open, Told};
use super::{ErrorCode, ViolationKind};

pub(super) struct Report<'a> {
    pub(super) number: u16,
    /// The SQLSTATE.
    pub(super) state: Option<&'a str>,
    pub(super) message: &'a str,
}

impl<'a> Report<'a> {
    pub(super) fn of(error: &'a MySqlDatabaseError) -> Self {
        Report { number: error.number(), state: error.code(), message: error.message() }
    }

    pub(super) fn violation(&self) -> Option<Told> {
        let told = match self.number {
            1062 | 1586 | 1859 => {
                let mut told = Told::new(ViolationKind::Unique);
                if let Some(key) = duplicate_key(self.message) {
                    told.open = Open::Key(key.into());
                    match *key.split('.').collect::<Vec<_>>() {
                        [table, key] => {
                            told.table = Some(table.into());
                            told.constraint = Some(key.into());
                        }
                        _ => told.constraint = Some(key.into()),
                    }
                } else {
                    told.open = Open::Table;
                }
                told
            }
            // These name no key.
            1022 | 1169 => Told { open: Open::Table, ..Told::new(ViolationKind::Unique) },
            // 1216 and 1217 are for those who may not know more: the former is the statement's own table.
            1216 => Told { open: Open::Table, ..Told::new(ViolationKind::ForeignKey) },
            1217 => Told::new(ViolationKind::ForeignKey),
            1451 | 1452 => foreign_key(self.message).unwrap_or(Told::new(ViolationKind::ForeignKey)),
            1048 | 1364 => Told {
                columns: only_name(self.message).map(Into::into).into_iter().collect(),
                open: Open::Table,
                ..Told::new(ViolationKind::NotNull)
            },
            // MySQL
            3819 => Told {
                constraint: only_name(self.message).map(Into::into),
                open: Open::Table,
                ..Told::new(ViolationKind::Check)
            },
            // MariaDB; to MySQL the number means something else.
            4025 if self.state == Some("23000") => check(self.message),
            _ => return None,
        };
        Some(told)
    }

    pub(super) fn is_transient(&self) -> bool {
        // SIGNAL may borrow any number for what its author means.
        self.state != Some("45000")
            && matches!(
                self.number,
                // lock wait, deadlock, NOWAIT, waiting given up for DDL, too many transactions
                1205 | 1213 | 1614 | 3058 | 3572 | 1689 | 1637
                // the row changed since the snapshot (MariaDB), conflict found at COMMIT (group replication)
                | 1020 | 3101
                // the table changed under a statement or transaction
                | 1412 | 1615
                // too many connections, of all and of one user
                | 1040 | 1203
                // shutdown, connection killed (MariaDB), node not ready (Galera)
                | 1053 | 1927 | 1047
                // the connection broke or had been idle for too long
                | 1158..=1161 | 2006 | 2013 | 4031
            )
    }

    pub(super) fn error_code(&self) -> ErrorCode {
        match self.number {
            _ if self.state == Some("45000") => ErrorCode::QueryFailed,
            1040 | 1044 | 1045 | 1047 | 1049 | 1053 | 1158..=1161 | 1203 | 1927 | 2006 | 2013 | 4031 => {
                ErrorCode::ConnectionFailed
            }
            // lock wait, NOWAIT, the limit for one statement (MariaDB and MySQL)
            1205 | 3572 | 1969 | 3024 => ErrorCode::Timeout,
            1020 | 1213 | 1412 | 1614 | 1637 | 1689 | 1792 | 3058 | 3101 => ErrorCode::TransactionFailed,
            // out of range, truncated, bad date, bad text, bad number, too long
            1264 | 1265 | 1292 | 1366 | 1367 | 1406 => ErrorCode::InvalidInput,
            _ => ErrorCode::QueryFailed,
        }
    }

    /// The message, where it is made of names, settings and the statement's text alone, which holds no values.
    pub(super) fn safe_message(&self) -> Option<&'a str> {
        let safe = self.state != Some("45000")
            && matches!(
                self.number,
                // connections, users, privileges
                1040 | 1044 | 1045 | 1047 | 1053 | 1142 | 1143 | 1158
                    ..=1161 | 1203 | 1226 | 1227 | 1370 | 1927
                | 2006 | 2013 | 4031
                // names that do not exist, or exist already
                | 1046 | 1049 | 1050 | 1051 | 1052 | 1054 | 1060 | 1061 | 1091 | 1109 | 1146 | 1305
                // the statement's text
                | 1064 | 1093 | 1136 | 1235
                // locks, conflicts, limits
                | 1020 | 1205 | 1206 | 1213 | 1290 | 1317 | 1412 | 1614 | 1615 | 1637 | 1689 | 1792 | 1969 | 3024
                | 3058 | 3101 | 3572
            );
        safe.then_some(self.message)
    }
}

/// The key of `Duplicate entry '..' for key '..'`. The entry is a value: it may contain anything, this very text
/// included, but it comes first.
fn duplicate_key(message: &str) -> Option<&str> {
    const KEY: &str = " for key '";
    if message.starts_with("Duplicate entry ") {
        let end = message.strip_suffix('\'')?;
        return Some(&end[end.rfind(KEY)? + KEY.len()..]);
    }
    // Another language: the last name in quotation marks.
    let end = &message[..message.rfind('\'')?];
    let open = end.rfind('\'')?;
    // Within a word it would be part of a name.
    let starts = end[..open].chars().next_back().is_some_and(|before| !before.is_alphanumeric());
    starts.then(|| &end[open + 1..])
}

/// The name of a message that has one name and no values. (English has apostrophes after it.)
fn only_name(message: &str) -> Option<&str> {
    const TAILS: [&str; 3] = ["' cannot be null", "' doesn't have a default value", "' is violated."];
    let inside = &message[message.find('\'')? + 1..];
    if let Some(name) = TAILS.iter().find_map(|tail| inside.strip_suffix(tail)) {
        return Some(name);
    }
    match *inside.split('\'').collect::<Vec<_>>() {
        [name, _] => Some(name),
        _ => None,
    }
}

/// Reads ``.. (`db`.`child`, CONSTRAINT `name` FOREIGN KEY (`a`, `b`) REFERENCES `parent` (`c`, `d`) ..)``. It is SQL
/// in all languages and has no values. A message that was cut short says nothing.
fn foreign_key(message: &str) -> Option<Told> {
    let mut reader = Reader(&message[message.find("(`")? + 1..]);
    let table = reader.qualified()?;
    let constraint = match reader.skip(", CONSTRAINT ") {
        Some(()) => Some(reader.name()?),
        None => {
            reader.skip(",")?;
            None
        }
    };
    reader.skip(" FOREIGN KEY (")?;
    let columns = reader.names()?;
    reader.skip(" REFERENCES ")?;
    let referenced = reader.qualified()?;
    Some(Told {
        table: Some(table),
        constraint,
        columns,
        referenced_table: Some(referenced),
        ..Told::new(ViolationKind::ForeignKey)
    })
}

/// Reads MariaDB's ``CONSTRAINT `name` failed for `db`.`table` ``. The check of a column is named `table.column` there,
/// though the schema knows it by the column's name.
fn check(message: &str) -> Told {
    let mut told = Told { open: Open::Table, ..Told::new(ViolationKind::Check) };
    let read = || {
        let mut reader = Reader(&message[message.find('`')?..]);
        let name = reader.name()?;
        reader.0 = &reader.0[reader.0.find('`')?..];
        Some((name, reader.qualified()?))
    };
    if let Some((name, table)) = read() {
        match name.strip_prefix(&*table).and_then(|rest| rest.strip_prefix('.')) {
            Some(column) => {
                told.constraint = Some(column.into());
                told.columns = vec![column.into()];
            }
            None => told.constraint = Some(name),
        }
        told.table = Some(table);
        told.open = Open::Nothing;
    }
    told
}

/// Reads SQL identifiers in backquotes.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn skip(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn name(&mut self) -> Option<String> {
        self.skip("`")?;
        let mut name = String::new();
        loop {
            let end = self.0.find('`')?;
            name.push_str(&self.0[..end]);
            self.0 = &self.0[end + 1..];
            // A backquote within a name is doubled.
            if self.skip("`").is_none() {
                return Some(name);
            }
            name.push('`');
        }
    }

    /// The last part of a name that may have its database before it.
    fn qualified(&mut self) -> Option<String> {
        let name = self.name()?;
        match self.skip(".") {
            Some(()) => self.name(),
            None => Some(name),
        }
    }

    /// Names up to a closing parenthesis.
    fn names(&mut self) -> Option<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.skip(")").is_none() {
            self.skip(", ")?;
            names.push(self.name()?);
        }
        Some(names)
    }
}
