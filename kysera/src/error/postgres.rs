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
            // The connection, except where it is not known whether the transaction was committed.
            code => code.starts_with("08") && code != "08007",
        }
    }

    pub(super) fn error_code(&self) -> ErrorCode {
        match self.code {
            "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "3D000" => ErrorCode::ConnectionFailed,
            // cancelled by a timeout, lock not available, idle in a transaction, transaction too long
            "57014" | "55P03" | "25P03" | "25P04" => ErrorCode::Timeout,
            // A policy of the database's own, not a privilege: the words say which one, and no value.
            "42501" if self.routine == Some("ExecWithCheckOptions") => ErrorCode::Forbidden,
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
                ("08" | "25" | "28" | "40" | "53" | "57", _) => true,
                // Not 55P04, which names a value of an enum.
                ("55", "55000" | "55006" | "55P02" | "55P03") => true,
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn unique(detail: &str) -> Vec<String> {
        let report = Report {
            code: "23505",
            message: "duplicate key value violates unique constraint \"k\"",
            detail: Some(detail),
            table: Some("pa"),
            constraint: Some("k"),
            ..Report::default()
        };
        let told = report.violation().unwrap();
        assert_eq!((told.table.as_deref(), told.constraint.as_deref()), (Some("pa"), Some("k")));
        told.columns
    }

    #[test]
    fn unique_columns_come_from_detail() {
        let cases: [(&str, &[&str]); 14] = [
            ("Key (email)=(a@x.org) already exists.", &["email"]),
            ("Key (a, b)=(1, 2) already exists.", &["a", "b"]),
            // Values may be anything.
            ("Key (e)=(x)=(y) already exists.", &["e"]),
            ("Key (e)=(' for key ') already exists.", &["e"]),
            ("Key (e)=(a\nb, \"c\"), (d)=() already exists.", &["e"]),
            // So may names.
            (r#"Key ("a, b", c)=(1, 2) already exists."#, &["a, b", "c"]),
            (
                r#"Key ("odd "" name", "d.o.t", "x)=(y")=(1, 2, 3) already exists."#,
                &["odd \" name", "d.o.t", "x)=(y"],
            ),
            (r#"Key ("Upper")=(1) already exists."#, &["Upper"]),
            ("Schlüssel »(email)=(x)« existiert bereits.", &["email"]),
            ("La clé « (a, b)=(1, 2) » existe déjà.", &["a", "b"]),
            ("キー(email)=(x)はすでに存在します。", &["email"]),
            // Expressions are no columns.
            ("Key (lower(e))=(x) already exists.", &[]),
            ("Key (((a || ')=('::text) || b), c)=(x) already exists.", &[]),
            ("nothing that is known", &[]),
        ];
        for (detail, columns) in cases {
            assert_eq!(unique(detail), columns, "{detail}");
        }
    }

    #[test]
    fn unique_without_detail() {
        // Who may not read the columns is not told them.
        let report = Report { code: "23505", table: Some("pa"), ..Report::default() };
        assert_eq!(
            report.violation(),
            Some(Told { table: Some("pa".into()), ..Told::new(ViolationKind::Unique) })
        );
    }

    #[test]
    fn exclusion() {
        let report = Report {
            code: "23P01",
            detail: Some(
                "Key (room, during)=(1, [1,5)) conflicts with existing key (room, during)=(1, [2,6)).",
            ),
            ..Report::default()
        };
        let told = report.violation().unwrap();
        assert_eq!(
            (told.kind, told.columns),
            (ViolationKind::Exclusion, vec!["room".into(), "during".into()])
        );
    }

    fn foreign_key(table: &str, message: &str, detail: Option<&str>) -> (Vec<String>, Option<String>) {
        let report = Report {
            code: "23503",
            message,
            detail,
            table: Some(table),
            constraint: Some("fk"),
            ..Report::default()
        };
        let told = report.violation().unwrap();
        assert_eq!((told.kind, told.table.as_deref()), (ViolationKind::ForeignKey, Some(table)));
        assert_eq!(told.constraint.as_deref(), Some("fk"));
        (told.columns, told.referenced_table)
    }

    #[test]
    fn foreign_key_of_the_written_row() {
        let message = r#"insert or update on table "ch" violates foreign key constraint "fk""#;
        let cases: [(&str, &[&str], Option<&str>); 7] = [
            (r#"Key (pid)=(99) is not present in table "pa"."#, &["pid"], Some("pa")),
            (r#"Key (a, b)=(1, 2) is not present in table "pa"."#, &["a", "b"], Some("pa")),
            // The value imitates the rest of the text.
            (
                "Key (pid)=(x) is not present in table \"evil\".\n) is not present in table \"pa\".",
                &["pid"],
                Some("pa"),
            ),
            (r#"Key (pid)=(") is not present in table "pa, (b".)"#, &["pid"], None),
            // Without the privilege to read the columns.
            (r#"Key is not present in table "pa"."#, &[], Some("pa")),
            ("MATCH FULL does not allow mixing of null and nonnull key values.", &[], None),
            // The name has a quotation mark: where it begins nobody can know.
            (r#"Key (pid)=(99) is not present in table "p"a"."#, &["pid"], None),
        ];
        for (detail, columns, table) in cases {
            let (found, referenced) = foreign_key("ch", message, Some(detail));
            assert_eq!((&*found, referenced.as_deref()), (&columns.map_strings()[..], table), "{detail}");
        }
        assert_eq!(foreign_key("ch", message, None), (vec![], None));
    }

    trait MapStrings {
        fn map_strings(&self) -> Vec<String>;
    }

    impl MapStrings for &[&str] {
        fn map_strings(&self) -> Vec<String> {
            self.iter().map(|&text| text.into()).collect()
        }
    }

    #[test]
    fn foreign_key_in_other_languages() {
        let german = foreign_key(
            "ch",
            "Einfügen oder Aktualisieren in Tabelle »ch« verletzt Fremdschlüssel-Constraint »fk«",
            Some("Schlüssel (pid)=(99) ist nicht in Tabelle »pa« vorhanden."),
        );
        assert_eq!(german, (vec!["pid".into()], Some("pa".into())));
        let french = foreign_key(
            "ch",
            "une instruction insert ou update sur la table « ch » viole la contrainte de clé\nétrangère « fk »",
            Some("La clé (pid)=(99) n'est pas présente dans la table « pa »."),
        );
        assert_eq!(french, (vec!["pid".into()], Some("pa".into())));
        let japanese = foreign_key(
            "ch",
            "テーブル\"ch\"への挿入、更新は外部キー制約\"fk\"に違反しています",
            Some("テーブル\"pa\"にキー(pid)=(99)がありません"),
        );
        // The name stands before the values here, so it is not looked for.
        assert_eq!(japanese, (vec!["pid".into()], None));
        let parent = foreign_key(
            "ch",
            "Aktualisieren oder Löschen in Tabelle »pa« verletzt Fremdschlüssel-Constraint »fk« von Tabelle »ch«",
            Some("Auf Schlüssel (id)=(1) wird noch aus Tabelle »ch« verwiesen."),
        );
        assert_eq!(parent, (vec![], Some("pa".into())));
    }

    #[test]
    fn foreign_key_of_the_referenced_row() {
        let message = r#"update or delete on table "pa" violates foreign key constraint "fk" on table "ch""#;
        let detail = r#"Key (id)=(1) is still referenced from table "ch"."#;
        assert_eq!(foreign_key("ch", message, Some(detail)), (vec![], Some("pa".into())));
        // A table that refers to itself: the third name decides.
        let message = r#"update or delete on table "ch" violates foreign key constraint "fk" on table "ch""#;
        assert_eq!(foreign_key("ch", message, Some(detail)), (vec![], Some("ch".into())));
        let message = r#"insert or update on table "ch" violates foreign key constraint "fk""#;
        let detail = r#"Key (pid)=(1) is not present in table "ch"."#;
        assert_eq!(foreign_key("ch", message, Some(detail)), (vec!["pid".into()], Some("ch".into())));
        // Version 18
        let restrict = Report { code: "23001", ..Report::default() };
        assert_eq!(restrict.violation().unwrap().kind, ViolationKind::ForeignKey);
    }

    #[test]
    fn not_null_and_check() {
        let null = Report {
            code: "23502",
            message: "null value in column \"e\" of relation \"pa\" violates not-null constraint",
            detail: Some("Failing row contains (1, null, s3cr3t)."),
            table: Some("pa"),
            column: Some("e"),
            ..Report::default()
        };
        let told = null.violation().unwrap();
        assert_eq!((told.table.as_deref(), told.columns), (Some("pa"), vec!["e".into()]));
        let check = Report {
            code: "23514",
            detail: Some("Failing row contains (1, (a)=(b))."),
            table: Some("pa"),
            constraint: Some("positive"),
            ..Report::default()
        };
        let told = check.violation().unwrap();
        assert_eq!((told.constraint.as_deref(), told.columns), (Some("positive"), vec![]));
    }

    #[test]
    fn codes() {
        let of = |code| Report { code, ..Report::default() };
        for code in ["40001", "40P01", "55P03", "53300", "57P01", "57P02", "57P03", "08006", "08P01"] {
            assert!(of(code).is_transient(), "{code}");
            assert!(of(code).violation().is_none(), "{code}");
        }
        for code in ["23505", "22P02", "42601", "57014", "25P02", "40002", "08007", ""] {
            assert!(!of(code).is_transient(), "{code}");
        }
        let codes = [
            ("08006", ErrorCode::ConnectionFailed),
            ("28P01", ErrorCode::ConnectionFailed),
            ("57014", ErrorCode::Timeout),
            ("55P03", ErrorCode::Timeout),
            ("40001", ErrorCode::TransactionFailed),
            ("25006", ErrorCode::TransactionFailed),
            ("22001", ErrorCode::InvalidInput),
            ("22012", ErrorCode::QueryFailed),
            ("42P01", ErrorCode::QueryFailed),
            ("é", ErrorCode::QueryFailed),
        ];
        for (code, expected) in codes {
            assert_eq!(of(code).error_code(), expected, "{code}");
        }
        let refused = |routine| Report { code: "42501", routine: Some(routine), ..Report::default() };
        assert_eq!(refused("ExecWithCheckOptions").error_code(), ErrorCode::Forbidden);
        assert_eq!(refused("aclcheck_error").error_code(), ErrorCode::QueryFailed);
    }

    #[test]
    fn messages_without_values() {
        let shown = |code, in_text, routine| {
            let report = Report { code, message: "m", in_text, routine, ..Report::default() };
            report.safe_message().is_some()
        };
        for code in ["08006", "25P02", "28P01", "40001", "42501", "42P07", "53300", "55P03", "57014"] {
            assert!(shown(code, false, None), "{code}");
            assert!(!shown(code, true, Some("exec_stmt_raise")), "{code}: raised by a trigger");
        }
        for code in ["42601", "42P01", "42703", "42883", "0A000"] {
            assert!(shown(code, true, Some("scanner_yyerror")), "{code}");
            assert!(!shown(code, false, Some("parse_tsquery")), "{code}: of a value");
        }
        assert!(shown("0A000", false, Some("RevalidateCachedQuery")));
        for code in ["23505", "22P02", "22001", "22003", "55P04", "P0001", "3D000", "XX000", "é", ""] {
            assert!(!shown(code, true, None), "{code}");
        }
        assert!(Report { code: "3D000", fatal: true, ..Report::default() }.safe_message().is_some());
    }
}
