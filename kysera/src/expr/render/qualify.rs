//! Fixed texts in another schema.

use crate::backend::Dialect;

/// The text of a statement on one table, with the schema (which is quoted here) in front of it.
///
/// The table is the first identifier behind `FROM`, `INTO` or `UPDATE`. Identifiers are skipped as wholes, so whatever
/// they contain is not taken for SQL.
pub(crate) fn qualified(text: &str, dialect: Dialect, schema: &str) -> String {
    let quote = dialect.quote();
    let mut out = String::with_capacity(text.len() + schema.len() + 3);
    let mut rest = text;
    while let Some(at) = rest.find(quote) {
        let (before, identifier) = rest.split_at(at);
        out.push_str(before);
        if ["FROM ", "INTO ", "UPDATE "].iter().any(|keyword| before.ends_with(keyword)) {
            quote_into(&mut out, quote, schema);
            out.push('.');
            out.push_str(identifier);
            return out;
        }
        let (identifier, after) = identifier.split_at(end_of(identifier, quote));
        out.push_str(identifier);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the identifier that the text begins with ends. A doubled quote is part of it.
fn end_of(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + quote.len_utf8();
        }
    }
    text.len()
}

/// Appends an identifier, quoted.
pub(super) fn quote_into(text: &mut String, quote: char, name: &str) {
    text.push(quote);
    for char in name.chars() {
        if char == quote {
            text.push(quote);
        }
        text.push(char);
    }
    text.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECTS: [Dialect; 3] = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite];

    /// What a name has to contain to be taken for the table by a search for text.
    const HOSTILE: [&str; 15] = [
        "users",
        " FROM ",
        "FROM ",
        ", ",
        "\"",
        "`",
        "\"\"",
        "x\" FROM \"users",
        " FROM \"users\"",
        " FROM `users`",
        "FROM \"",
        "\" FROM ",
        "INTO \"users\" (",
        "UPDATE `users` SET ",
        "ü FROM \"users\" ",
    ];

    fn quoted(dialect: Dialect, name: &str) -> String {
        let mut text = String::new();
        quote_into(&mut text, dialect.quote(), name);
        text
    }

    #[test]
    fn the_table_is_found_among_hostile_names() {
        for dialect in DIALECTS {
            for table in HOSTILE {
                for first in HOSTILE {
                    for second in HOSTILE {
                        let columns = format!("{}, {}", quoted(dialect, first), quoted(dialect, second));
                        let key = quoted(dialect, first);
                        for shape in [
                            format!("SELECT {columns} FROM @"),
                            format!("SELECT {columns} FROM @ WHERE {key} = $1 FOR UPDATE"),
                            format!("SELECT 1 FROM @ WHERE {key} = $1"),
                            "SELECT COUNT(*) FROM @".into(),
                            format!("INSERT INTO @ ({columns}) VALUES ($1, $2) RETURNING {columns}"),
                            format!("INSERT INTO @ DEFAULT VALUES RETURNING {columns}"),
                            format!("UPDATE @ SET {key} = $1 WHERE {key} = $2 RETURNING {columns}"),
                            format!("DELETE FROM @ WHERE {key} = $1"),
                        ] {
                            let table = quoted(dialect, table);
                            let plain = shape.replace('@', &table);
                            let wanted = shape.replace('@', &format!("{}.{table}", quoted(dialect, "t7")));
                            assert_eq!(qualified(&plain, dialect, "t7"), wanted);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_schema_is_quoted() {
        assert_eq!(
            qualified("SELECT COUNT(*) FROM \"users\"", Dialect::Postgres, "a\"b"),
            "SELECT COUNT(*) FROM \"a\"\"b\".\"users\""
        );
        assert_eq!(
            qualified("DELETE FROM `users` WHERE `id` = ?", Dialect::MySql, "a`b"),
            "DELETE FROM `a``b`.`users` WHERE `id` = ?"
        );
    }

    #[test]
    fn a_text_without_a_table_stays_as_it_is() {
        for text in ["", "SELECT 1", "SELECT \"a", "SELECT \"a\"\"", "SELECT \"FROM \", \"x\""] {
            assert_eq!(qualified(text, Dialect::Sqlite, "t7"), text);
        }
    }
}
