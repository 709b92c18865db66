//! Bodies of procedures, functions and triggers, in which semicolons end nothing.

use super::lex::{Kind, Token};
use crate::backend::Dialect;

/// What the tokens of a statement tell of its body.
pub(super) struct Body {
    dialect: Dialect,
    nature: Nature,
    /// The word or sign before, in upper case; a semicolon is one as well.
    before: String,
    /// The one before that.
    second: String,
    /// Blocks that are open, of PostgreSQL and MySQL.
    open: Vec<Block>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// Too few words were seen.
    Unknown,
    /// The statement may have a body.
    Compound,
    /// It has none.
    Plain,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Of statements.
    Statements,
    /// A CASE that is a value, in which nothing is a statement.
    Value,
}

impl Body {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            nature: Nature::Unknown,
            before: String::new(),
            second: String::new(),
            open: Vec::new(),
        }
    }

    /// Whether a semicolon that comes now is part of the body.
    pub(super) fn holds_semicolons(&mut self) -> bool {
        let held = self.nature == Nature::Compound
            && match self.dialect {
                // As SQLite itself tells: a trigger ends in `; END ;`, and nothing else of it does.
                Dialect::Sqlite => !(self.before == "END" && self.second == ";"),
                _ => !self.open.is_empty(),
            };
        if held {
            self.push(";");
        }
        held
    }

    pub(super) fn see(&mut self, token: Token<'_>) {
        match token.kind {
            Kind::Word => {
                let word = token.text.to_uppercase();
                // The column of a row: `NEW.end`.
                if self.before != "." {
                    self.word(&word);
                }
                self.push(&word);
            }
            Kind::Name | Kind::Text => self.push("''"),
            _ => self.push(token.text),
        }
    }

    fn push(&mut self, token: &str) {
        self.second = std::mem::replace(&mut self.before, token.to_owned());
    }

    fn word(&mut self, word: &str) {
        match self.nature {
            Nature::Unknown => self.nature = self.judge(word),
            Nature::Compound if self.dialect != Dialect::Sqlite => self.block(word),
            _ => {}
        }
    }

    /// What a statement is that goes on with this word, after such as tell nothing.
    fn judge(&self, word: &str) -> Nature {
        match (self.dialect, word) {
            (Dialect::Postgres, "CREATE" | "OR" | "REPLACE") => Nature::Unknown,
            (Dialect::Postgres, "FUNCTION" | "PROCEDURE") => Nature::Compound,
            (Dialect::Sqlite, "CREATE" | "TEMP" | "TEMPORARY") => Nature::Unknown,
            (Dialect::Sqlite, "TRIGGER") => Nature::Compound,
            (Dialect::MySql, "TABLE" | "VIEW" | "INDEX" | "DATABASE" | "SCHEMA" | "USER" | "ROLE") => {
                Nature::Plain
            }
            (Dialect::MySql, "PROCEDURE" | "FUNCTION" | "TRIGGER" | "EVENT") => Nature::Compound,
            // Whoever defines it has a name of any words.
            (Dialect::MySql, _) if self.before == "=" || self.before == "@" => Nature::Unknown,
            (
                Dialect::MySql,
                "CREATE" | "ALTER" | "OR" | "REPLACE" | "DEFINER" | "AGGREGATE" | "SQL" | "SECURITY",
            ) => Nature::Unknown,
            _ => Nature::Plain,
        }
    }

    /// Counts blocks.
    fn block(&mut self, word: &str) {
        let opened = match (self.dialect, word) {
            (_, "END") => {
                self.open.pop();
                None
            }
            // Other bodies of PostgreSQL stand in quotes.
            (Dialect::Postgres, "ATOMIC") if self.before == "BEGIN" => Some(Block::Statements),
            (Dialect::Postgres, "CASE") if !self.open.is_empty() => Some(Block::Value),
            (Dialect::Postgres, _) => None,
            // END IF, END CASE: the word says what has ended.
            _ if self.before == "END" => None,
            (_, "CASE") if !self.begins_statement() => Some(Block::Value),
            (_, "BEGIN" | "CASE" | "LOOP" | "WHILE") => Some(Block::Statements),
            // These are functions as well.
            (_, "IF" | "REPEAT" | "FOR") if self.begins_statement() => Some(Block::Statements),
            _ => None,
        };
        self.open.extend(opened);
    }

    /// Whether a statement of the body may begin here.
    fn begins_statement(&self) -> bool {
        const BEHIND: [&str; 13] = [
            ";",
            ":",
            ")",
            "BEGIN",
            "THEN",
            "ELSE",
            "DO",
            "LOOP",
            "REPEAT",
            "ROW",
            "DETERMINISTIC",
            "DATA",
            "SQL",
        ];
        self.open.last() != Some(&Block::Value) && BEHIND.contains(&&*self.before)
    }
}
