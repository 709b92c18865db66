//! A script, told apart into its statements.
//!
//! Each statement is sent by itself, so that an error names it, and so that those that must stand alone, such as `CREATE INDEX
//! CONCURRENTLY`, can stand in a script with others. Nothing is refused here: of what cannot be told apart the database is
//! the judge.

mod body;
mod lex;
#[cfg(test)]
mod tests;

use body::Body;
use lex::{Kind, Lexer};

use crate::backend::Dialect;

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement<'s> {
    /// From its first word to its last, without the semicolon.
    pub(crate) text: &'s str,
    /// The line that it begins in, from 1.
    pub(crate) line: usize,
    /// Its first words, in upper case.
    words: Vec<String>,
}

/// How many words tell what a statement does.
const WORDS: usize = 8;

impl Statement<'_> {
    /// The word at a place; empty behind the end.
    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// Whether it begins or ends a transaction. Savepoints do not.
    pub(crate) fn is_transactional(&self, dialect: Dialect) -> bool {
        let postgres = dialect == Dialect::Postgres;
        match self.word(0) {
            "BEGIN" | "COMMIT" => true,
            "END" => dialect != Dialect::MySql,
            "ROLLBACK" => !self.words.iter().any(|word| word == "TO"),
            "START" => self.word(1) == "TRANSACTION",
            "ABORT" => postgres,
            "PREPARE" => postgres && self.word(1) == "TRANSACTION",
            _ => false,
        }
    }

    /// Whether SQLite refuses it within a transaction, or does not do there what it says.
    pub(crate) fn is_outside_only(&self, dialect: Dialect) -> bool {
        dialect == Dialect::Sqlite
            && match self.word(0) {
                "VACUUM" | "ATTACH" | "DETACH" => true,
                "PRAGMA" => self.words.iter().any(|word| {
                    matches!(&**word, "FOREIGN_KEYS" | "JOURNAL_MODE" | "SYNCHRONOUS" | "WAL_CHECKPOINT")
                }),
                _ => false,
            }
    }

    /// What no server understands, because a client does; and what to do instead.
    pub(crate) fn client_command(&self, dialect: Dialect) -> Option<&'static str> {
        match dialect {
            Dialect::MySql if self.word(0) == "DELIMITER" => Some(
                "DELIMITER is a command of the client `mysql`, which servers do not know: leave it out, and write `;` behind `END`; \
                 kysera knows where the body of a procedure ends",
            ),
            Dialect::Postgres if self.text.starts_with('\\') => Some(
                "commands that begin with a backslash are those of the client `psql`, which servers do not know: leave it out",
            ),
            Dialect::Postgres
                if self.word(0) == "COPY" && self.text.to_ascii_uppercase().contains("STDIN") =>
            {
                Some(
                    "COPY FROM STDIN needs a client that sends the data: write INSERT, or a migration in Rust",
                )
            }
            _ => None,
        }
    }

    /// How it begins, for messages. What stands in quotes may be a secret and is left out.
    pub(crate) fn head(&self, dialect: Dialect) -> String {
        const LONGEST: usize = 60;
        let mut head = String::new();
        for token in Lexer::new(dialect, self.text) {
            match token.kind {
                Kind::Nothing if head.is_empty() || head.ends_with(' ') => {}
                Kind::Nothing => head.push(' '),
                Kind::Text => head.push_str("'..'"),
                // A comment that MySQL executes may hold anything.
                Kind::Other if token.text.len() > 4 => head.push_str("/*!..*/"),
                _ => head.push_str(token.text),
            }
            if head.chars().count() > LONGEST {
                head = head.chars().take(LONGEST).collect::<String>().trim_end().to_owned();
                head.push_str(" ..");
                return head;
            }
        }
        head
    }
}

/// The statements of a script, in their order.
pub(crate) fn split(dialect: Dialect, sql: &str) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut lines = Lines { sql, at: 0, line: 1 };
    let mut open = Open::new(dialect);
    // A mark that editors of Windows leave, which no database likes.
    let skipped = if sql.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    for token in Lexer::new(dialect, &sql[skipped..]) {
        let (start, end) = (skipped + token.at, skipped + token.at + token.text.len());
        if token.kind == Kind::Semicolon && open.depth == 0 && !open.body.holds_semicolons() {
            let done = std::mem::replace(&mut open, Open::new(dialect));
            statements.extend(done.statement(sql, &mut lines));
            continue;
        }
        match token.kind {
            Kind::Nothing => continue,
            Kind::Other if token.text == "(" => open.depth += 1,
            Kind::Other if token.text == ")" => open.depth = open.depth.saturating_sub(1),
            Kind::Word if open.words.len() < WORDS => open.words.push(token.text.to_uppercase()),
            _ => {}
        }
        open.body.see(token);
        open.range = Some((open.range.map_or(start, |(first, _)| first), end));
    }
    statements.extend(open.statement(sql, &mut lines));
    statements
}

/// A statement that has not ended.
struct Open {
    range: Option<(usize, usize)>,
    words: Vec<String>,
    /// Of parentheses.
    depth: usize,
    body: Body,
}

impl Open {
    fn new(dialect: Dialect) -> Self {
        Self { range: None, words: Vec::new(), depth: 0, body: Body::new(dialect) }
    }

    /// `None` where nothing but comments stands.
    fn statement<'s>(self, sql: &'s str, lines: &mut Lines<'s>) -> Option<Statement<'s>> {
        let (start, end) = self.range?;
        Some(Statement { text: &sql[start..end], line: lines.at(start), words: self.words })
    }
}

/// Counts lines as it goes on.
struct Lines<'s> {
    sql: &'s str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, place: usize) -> usize {
        self.line += self.sql[self.at..place].matches('\n').count();
        self.at = place;
        self.line
    }
}
