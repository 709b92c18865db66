//! Values that plugins add to those of a caller.

use std::marker::PhantomData;

use super::{Entity, Values};
use crate::expr::{AnyValue, Column, IntoColumn, Meta, Value};

/// Columns that are set beside those of a [`Draft`], and their values: `None` for expressions.
pub(crate) type Others = Vec<(usize, Option<Value>)>;

/// Values with more on top, which win.
pub(crate) struct Draft<V> {
    pub(crate) base: V,
    more: Vec<(usize, Value)>,
}

impl<V> Draft<V> {
    pub(crate) fn new(base: V) -> Self {
        Self { base, more: Vec::new() }
    }

    /// Sets a column, over what is there.
    pub(crate) fn set(&mut self, column: usize, value: Value) {
        set(&mut self.more, column, value);
    }
}

impl<V: Values> Draft<V> {
    /// Takes back what was set on top of some columns.
    pub(crate) fn drop(&mut self, columns: &[usize]) {
        self.more.retain(|(column, _)| !columns.contains(column));
    }

    /// What a plugin sees of it. `others`: columns that are set by other means.
    pub(crate) fn changes<E: Entity>(&mut self, others: Others) -> Changes<'_, E> {
        Changes { base: &self.base, more: &mut self.more, others, entity: PhantomData }
    }
}

fn set(more: &mut Vec<(usize, Value)>, column: usize, value: Value) {
    match more.iter_mut().find(|(known, _)| *known == column) {
        Some((_, known)) => *known = value,
        None => more.push((column, value)),
    }
}

fn get(more: &[(usize, Value)], column: usize) -> Option<&AnyValue> {
    more.iter().find(|(known, _)| *known == column).map(|(_, value)| &**value)
}

impl<V: Values> Values for Draft<V> {
    fn value(&self, column: usize) -> Option<&AnyValue> {
        get(&self.more, column).or_else(|| self.base.value(column))
    }
}

/// What is about to be written, for [plugins](crate::plugin::Plugin) to look at and add to: a new row, or what an update
/// changes.
pub struct Changes<'a, E> {
    base: &'a dyn Values,
    more: &'a mut Vec<(usize, Value)>,
    others: Others,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> Changes<'_, E> {
    /// The value that a column gets, as far as it is known: `None` where it is left alone or to the database, and where it is
    /// an expression.
    pub fn get<T: 'static>(&self, column: Column<E, T>) -> Option<&T> {
        let index = column.col().index;
        self.value(index)?.downcast_ref()
    }

    /// Whether a column gets a value, be it an expression.
    pub fn has<T>(&self, column: Column<E, T>) -> bool {
        let index = column.col().index;
        self.value(index).is_some() || self.others.iter().any(|(other, _)| *other == index)
    }

    fn value(&self, column: usize) -> Option<&AnyValue> {
        let other = || self.others.iter().find(|(other, _)| *other == column)?.1.as_deref();
        get(self.more, column).or_else(|| self.base.value(column)).or_else(other)
    }

    /// Gives a column a value, whatever the caller gave it.
    ///
    /// Columns of the key are only for new rows; in an update they are left as they are.
    pub fn set<T: Send + Sync + 'static>(&mut self, column: Column<E, T>, value: impl IntoColumn<T>) {
        set(self.more, column.col().index, std::sync::Arc::new(value.into_column()));
    }

    /// What is known of the table.
    pub(crate) fn meta(&self) -> &'static Meta {
        E::META
    }
}

impl<E: Entity> std::fmt::Debug for Changes<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        write!(f, "Changes<{}>", self.meta().entity)
    }
}
