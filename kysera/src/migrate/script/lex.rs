//! What stands in a script: enough of each database's lexical rules to know where a statement ends.

use crate::backend::Dialect;

/// A piece of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    /// Where it begins, in bytes.
    pub(super) at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space, or a comment that says nothing to the database.
    Nothing,
    /// A keyword, a name without quotes, a number.
    Word,
    /// A name in quotes.
    Name,
    /// A text in quotes, of any kind.
    Text,
    /// `;`
    Semicolon,
    /// Any other character, or a comment that MySQL executes.
    Other,
}

/// Reads a script from its beginning to its end, whatever it is. What is not closed goes on to the end.
pub(super) struct Lexer<'s> {
    dialect: Dialect,
    sql: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(dialect: Dialect, sql: &'s str) -> Self {
        Self { dialect, sql, at: 0 }
    }

    /// How long the next token is, and what it is. `rest` is not empty.
    fn measure(&self, rest: &str, first: char) -> (Kind, usize) {
        let mysql = self.dialect == Dialect::MySql;
        let postgres = self.dialect == Dialect::Postgres;
        match first {
            ';' => (Kind::Semicolon, 1),
            _ if first.is_whitespace() => {
                (Kind::Nothing, rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()))
            }
            '-' if rest.starts_with("--") && (!mysql || is_mysql_comment(rest)) => {
                (Kind::Nothing, line_end(rest))
            }
            '#' if mysql => (Kind::Nothing, line_end(rest)),
            '/' if rest.starts_with("/*") => {
                let executed = mysql && (rest.starts_with("/*!") || rest.starts_with("/*M!"));
                (if executed { Kind::Other } else { Kind::Nothing }, comment_end(rest, postgres))
            }
            '\'' => (Kind::Text, quote_end(rest, 1, '\'', mysql)),
            'e' | 'E' if postgres && rest[1..].starts_with('\'') => {
                (Kind::Text, quote_end(rest, 2, '\'', true))
            }
            '"' if mysql => (Kind::Text, quote_end(rest, 1, '"', true)),
            '"' => (Kind::Name, quote_end(rest, 1, '"', false)),
            '`' if !postgres => (Kind::Name, quote_end(rest, 1, '`', false)),
            '[' if self.dialect == Dialect::Sqlite => (Kind::Name, quote_end(rest, 1, ']', false)),
            '$' if postgres => match dollar_end(rest) {
                Some(end) => (Kind::Text, end),
                None => (Kind::Other, 1),
            },
            _ if is_word(first) => {
                (Kind::Word, rest.find(|c: char| !is_word(c) && c != '$').unwrap_or(rest.len()))
            }
            _ => (Kind::Other, first.len_utf8()),
        }
    }
}

impl<'s> Iterator for Lexer<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        let rest = &self.sql[self.at..];
        let first = rest.chars().next()?;
        let (kind, len) = self.measure(rest, first);
        let token = Token { kind, text: &rest[..len], at: self.at };
        self.at += len;
        Some(token)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// MySQL takes `--` for a comment only before white space: `5--1` is a subtraction.
fn is_mysql_comment(rest: &str) -> bool {
    rest[2..].chars().next().is_none_or(|c| c.is_whitespace() || c.is_control())
}

fn line_end(rest: &str) -> usize {
    rest.find('\n').map_or(rest.len(), |at| at + 1)
}

/// Behind a comment, which PostgreSQL lets stand within another one.
fn comment_end(rest: &str, nested: bool) -> usize {
    let (mut depth, mut at) = (1, 2);
    while let Some(found) = rest[at..].find(['*', '/']) {
        at += found;
        if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else if nested && rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Behind the closing quote. A doubled one closes and opens again, which comes to the same.
fn quote_end(rest: &str, from: usize, quote: char, escapes: bool) -> usize {
    let mut chars = rest[from..].char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote {
            return from + at + 1;
        }
    }
    rest.len()
}

/// Behind `$tag$ .. $tag$`.
fn dollar_end(rest: &str) -> Option<usize> {
    let tag_end = 1 + rest[1..].find(|c: char| !is_word(c))?;
    if !rest[tag_end..].starts_with('$') || rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let tag = &rest[..=tag_end];
    Some(rest[tag.len()..].find(tag).map_or(rest.len(), |at| tag.len() + at + tag.len()))
}
