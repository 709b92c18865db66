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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn told(number: u16, message: &str) -> Told {
        Report { number, state: Some("23000"), message }.violation().unwrap()
    }

    #[test]
    fn unique_keys() {
        let cases = [
            ("Duplicate entry 'a@x.org' for key 'email'", None, "email"),
            ("Duplicate entry 'a@x.org' for key 'users.email'", Some("users"), "email"),
            ("Duplicate entry '1-2' for key 'pa.PRIMARY'", Some("pa"), "PRIMARY"),
            // Values may be anything.
            ("Duplicate entry 'x' for key 'evil' for key 'PRIMARY'", None, "PRIMARY"),
            ("Duplicate entry ' for key '' for key 'k'", None, "k"),
            ("Duplicate entry 'a\nb'', (\"c\")' for key 'k'", None, "k"),
            // So may names.
            ("Duplicate entry '1' for key 'it's'", None, "it's"),
            ("Duplicate entry '1' for key 'my key, (2)'", None, "my key, (2)"),
            ("Duplicate entry '1' for key 'a.b.c'", None, "a.b.c"),
            // Other languages
            ("Doppelter Eintrag 'x' für Schlüssel 'email'", None, "email"),
            ("Doppelter Eintrag 'x' for key 'evil' für Schlüssel 'pa.email'", Some("pa"), "email"),
            ("'x' は索引 'email' で重複しています。", None, "email"),
        ];
        for (message, table, constraint) in cases {
            let told = told(1062, message);
            assert_eq!(told.kind, ViolationKind::Unique);
            assert_eq!(told.table.as_deref(), table, "{message}");
            assert_eq!(told.constraint.as_deref(), Some(constraint), "{message}");
            assert!(told.columns.is_empty());
            assert!(matches!(told.open, Open::Key(_)));
        }
        for message in ["", "'", "Duplicate entry 'x' for key 'cut sho", "Doppelter Eintrag 'it's'"] {
            let told = told(1062, message);
            assert_eq!((told.table, told.constraint), (None, None), "{message}");
        }
    }

    #[test]
    fn foreign_keys() {
        let child = "Cannot add or update a child row: a foreign key constraint fails (`ck`.`ch`, CONSTRAINT \
                     `ch_p_fk` FOREIGN KEY (`pid`) REFERENCES `pa` (`id`))";
        let parent = "Cannot delete or update a parent row: a foreign key constraint fails (`ck`.`ch`, CONSTRAINT \
                      `ch_p_fk` FOREIGN KEY (`pid`) REFERENCES `pa` (`id`) ON DELETE NO ACTION)";
        let german = "Kann Kind-Zeile nicht ändern: eine Fremdschlüssel-Beschränkung schlägt fehl (`ck`.`ch`, \
                      CONSTRAINT `ch_p_fk` FOREIGN KEY (`pid`) REFERENCES `other`.`pa` (`id`))";
        for (number, message) in [(1452, child), (1451, parent), (1452, german)] {
            let told = told(number, message);
            assert_eq!(told.kind, ViolationKind::ForeignKey);
            assert_eq!(told.table.as_deref(), Some("ch"));
            assert_eq!(told.constraint.as_deref(), Some("ch_p_fk"));
            assert_eq!(told.columns, ["pid"]);
            assert_eq!(told.referenced_table.as_deref(), Some("pa"));
            assert_eq!(told.open, Open::Nothing);
        }
        let odd = told(
            1452,
            "Cannot add (`d`.`t.x y`, CONSTRAINT `a``b` FOREIGN KEY (`c, d`, `e)`) REFERENCES `p (q)` (`x`, `y`))",
        );
        assert_eq!(odd.table.as_deref(), Some("t.x y"));
        assert_eq!(odd.constraint.as_deref(), Some("a`b"));
        assert_eq!(odd.columns, ["c, d", "e)"]);
        assert_eq!(odd.referenced_table.as_deref(), Some("p (q)"));
    }

    #[test]
    fn foreign_keys_that_are_not_told() {
        let short = "Cannot add or update a child row: a foreign key constraint fails";
        assert_eq!(told(1216, short), Told { open: Open::Table, ..Told::new(ViolationKind::ForeignKey) });
        let short = "Cannot delete or update a parent row: a foreign key constraint fails";
        assert_eq!(told(1217, short), Told::new(ViolationKind::ForeignKey));
        let cut = "Cannot add or update a child row: a foreign key constraint fails (`ck`.`ch`, CONSTRAINT `ch_p_fk` \
                   FOREIGN KEY (`pid`, `q";
        for message in [short, cut, "", "(`", "(`a`.`b`"] {
            assert_eq!(told(1452, message), Told::new(ViolationKind::ForeignKey), "{message}");
        }
    }

    #[test]
    fn not_null() {
        let cases = [
            (1048, "Column 'e' cannot be null", "e"),
            (1048, "Column 'it's' cannot be null", "it's"),
            (1048, "Feld 'e' darf nicht NULL sein", "e"),
            (1364, "Field 'e' doesn't have a default value", "e"),
            (1364, "Field 'a, (b)' doesn't have a default value", "a, (b)"),
            (1364, "Feld 'e' hat keinen Vorgabewert", "e"),
        ];
        for (number, message, column) in cases {
            let told = told(number, message);
            assert_eq!((told.kind, told.open), (ViolationKind::NotNull, Open::Table));
            assert_eq!(told.columns, [column], "{message}");
        }
        assert!(told(1048, "Le champ 'it's' ne peut être vide").columns.is_empty(), "ambiguous");
        assert!(told(1048, "").columns.is_empty());
    }

    #[test]
    fn checks() {
        let mysql = told(3819, "Check constraint 'pa_chk_1' is violated.");
        assert_eq!((mysql.kind, mysql.open), (ViolationKind::Check, Open::Table));
        assert_eq!(mysql.constraint.as_deref(), Some("pa_chk_1"));
        let table = told(4025, "CONSTRAINT `x``y` failed for `ck`.`pa`");
        assert_eq!((table.constraint.as_deref(), table.table.as_deref()), (Some("x`y"), Some("pa")));
        assert!(table.columns.is_empty());
        let column = told(4025, "CONSTRAINT `pa.n` fehlgeschlagen: `ck`.`pa`");
        assert_eq!((column.constraint.as_deref(), column.table.as_deref()), (Some("n"), Some("pa")));
        assert_eq!(column.columns, ["n"]);
        assert_eq!(
            told(4025, "CONSTRAINT `cut"),
            Told { open: Open::Table, ..Told::new(ViolationKind::Check) }
        );
        // MySQL's own 4025 is about the size of a file.
        assert!(Report { number: 4025, state: Some("HY000"), message: "" }.violation().is_none());
    }

    #[test]
    fn codes() {
        let of = |number| Report { number, state: Some("HY000"), message: "m" };
        for number in [1205, 1213, 1040, 2006, 2013, 4031, 1020, 1927, 3572] {
            assert!(of(number).is_transient(), "{number}");
            assert!(of(number).violation().is_none(), "{number}");
        }
        for number in [1062, 1064, 1406, 1317] {
            assert!(!of(number).is_transient(), "{number}");
        }
        let codes = [
            (1045, ErrorCode::ConnectionFailed),
            (1205, ErrorCode::Timeout),
            (1213, ErrorCode::TransactionFailed),
            (1406, ErrorCode::InvalidInput),
            (1146, ErrorCode::QueryFailed),
        ];
        for (number, code) in codes {
            assert_eq!(of(number).error_code(), code, "{number}");
        }
        for number in [1045, 1046, 1049, 1051, 1054, 1064, 1146, 1205, 1213] {
            assert_eq!(of(number).safe_message(), Some("m"), "{number}");
        }
        for number in [1062, 1264, 1292, 1366, 1406, 1644, 1048, 3140] {
            assert_eq!(of(number).safe_message(), None, "{number}");
        }
        // SIGNAL with a borrowed number
        let raised = Report { number: 1213, state: Some("45000"), message: "m" };
        assert_eq!((raised.is_transient(), raised.safe_message()), (false, None));
        assert_eq!(raised.error_code(), ErrorCode::QueryFailed);
    }
}
