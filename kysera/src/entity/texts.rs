use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::SqlStr;

use crate::backend::Dialect;
use crate::expr::dynamic;

/// Statements of one entity whose text never changes.
#[doc(hidden)]
pub struct Statements {
    /// `SELECT <columns> FROM <table>`
    pub select: &'static str,
    /// `SELECT <columns> FROM <table> WHERE <key> = ..`
    pub find: &'static str,
    /// `SELECT 1 FROM <table> WHERE <key> = ..`
    pub exists: &'static str,
    /// `SELECT COUNT(*) FROM <table>`
    pub count: &'static str,
    /// `INSERT` of all columns that the client fills, those with a default left out; with `RETURNING <columns>` where
    /// the database has it.
    pub insert: &'static str,
    /// `DELETE FROM <table> WHERE <key> = ..`
    pub delete: &'static str,
}

/// The [`Statements`] per dialect.
#[doc(hidden)]
pub struct Texts {
    pub postgres: Statements,
    pub mysql: Statements,
    pub sqlite: Statements,
}

impl Texts {
    /// Those of a dialect.
    pub const fn of(&self, dialect: Dialect) -> &Statements {
        match dialect {
            Dialect::Postgres => &self.postgres,
            Dialect::MySql => &self.mysql,
            Dialect::Sqlite => &self.sqlite,
        }
    }
}

/// A set of columns, by index.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mask([u64; Mask::WORDS]);

impl Mask {
    const WORDS: usize = 4;
    /// The most columns that an entity may have; the derive refuses more.
    pub const MAX: usize = Self::WORDS * 64;

    /// Adds a column.
    pub fn insert(&mut self, column: usize) {
        if let Some(word) = self.0.get_mut(column / 64) {
            *word |= 1 << (column % 64);
        }
    }

    /// Whether a column is in it.
    pub fn contains(&self, column: usize) -> bool {
        self.0.get(column / 64).is_some_and(|word| word & (1 << (column % 64)) != 0)
    }
}

/// Which statement a cached text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextKind {
    Insert,
    Update,
    FindLocked,
    /// Those of the [`Statements`] that have to leave rows out.
    Find,
    Exists,
    Count,
    Select,
}

/// Statements whose text depends on which columns are given. Texts are pure functions of their key: this saves
/// building them again, nothing else.
#[doc(hidden)]
#[derive(Default)]
pub struct TextCache(Mutex<HashMap<(Dialect, TextKind, Mask), Arc<str>>>);

impl TextCache {
    /// More than that are not kept: a client that sends every subset of sixty columns must not fill the memory.
    const MAX: usize = 512;

    /// The text under a key, built if it is not there yet.
    pub(crate) fn get(
        &self,
        dialect: Dialect,
        kind: TextKind,
        mask: Mask,
        build: impl FnOnce() -> String,
    ) -> SqlStr {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts.get(&(dialect, kind, mask)) {
            return dynamic(text.clone());
        }
        let text: Arc<str> = build().into();
        if texts.len() < Self::MAX {
            texts.insert((dialect, kind, mask), text.clone());
        }
        dynamic(text)
    }
}
