//! How rows are matched to their parents: by the keys' own `Hash` and `Eq`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use crate::expr::AnyValue;

/// A column type whose values can equal those of a column of type `B` at the other end of a relation: the same type,
/// or one of them an `Option` of the other.
#[diagnostic::on_unimplemented(
    message = "a relation cannot lead from a column of type `{Self}` to a column of type `{B}`",
    label = "`{Self}` here, `{B}` there",
    note = "both columns of a relation have the same type, apart from an `Option` around it; keys are compared and hashed, \
            so a type of your own needs `PartialEq`, `Eq` and `Hash`"
)]
pub trait JoinKey<B> {
    #[doc(hidden)]
    const MATCHING: Matching;
}

/// How values of the two columns of a relation are matched, without their types.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Matching {
    /// Of the values of parents.
    pub(super) parents: MakeIndex,
    /// Of the values at the other end.
    pub(super) children: MakeIndex,
}

type MakeIndex = for<'a> fn(&[Option<&'a AnyValue>]) -> KeyIndex<'a>;
/// The place of a key.
type Find<'a> = dyn Fn(&AnyValue) -> Option<usize> + Send + Sync + 'a;
type AsKey<K> = fn(&AnyValue) -> Option<&K>;

impl<T: Eq + Hash + Send + Sync + 'static> JoinKey<T> for T {
    const MATCHING: Matching = Matching {
        parents: |values| index::<T>(values, plain, plain),
        children: |values| index::<T>(values, plain, plain),
    };
}

impl<T: Eq + Hash + Send + Sync + 'static> JoinKey<Option<T>> for T {
    const MATCHING: Matching = Matching {
        parents: |values| index::<T>(values, plain, optional),
        children: |values| index::<T>(values, optional, optional),
    };
}

impl<T: Eq + Hash + Send + Sync + 'static> JoinKey<T> for Option<T> {
    const MATCHING: Matching = Matching {
        parents: |values| index::<T>(values, optional, plain),
        children: |values| index::<T>(values, plain, plain),
    };
}

fn plain<K: 'static>(value: &AnyValue) -> Option<&K> {
    value.downcast_ref()
}

fn optional<K: 'static>(value: &AnyValue) -> Option<&K> {
    value.downcast_ref::<Option<K>>()?.as_ref()
}

/// The different keys of some rows, and which rows have each of them.
pub(super) struct KeyIndex<'a> {
    /// The keys, in the order in which they first came.
    pub(super) keys: Vec<&'a AnyValue>,
    find: Box<Find<'a>>,
    /// The first row of each key.
    first: Vec<usize>,
    /// The next row with the key of this one.
    next: Vec<Option<usize>>,
}

impl KeyIndex<'_> {
    /// Which of the keys a value at the other end is.
    pub(super) fn find(&self, value: &AnyValue) -> Option<usize> {
        (self.find)(value)
    }

    /// The rows that have a key.
    pub(super) fn rows(&self, key: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.first.get(key).copied(), |row| self.next.get(*row).copied().flatten())
    }
}

/// `None` is NULL, which no row has for a key.
fn index<'a, K: Eq + Hash + Send + Sync + 'static>(
    values: &[Option<&'a AnyValue>],
    as_key: AsKey<K>,
    as_other: AsKey<K>,
) -> KeyIndex<'a> {
    let mut places: HashMap<&'a K, usize> = HashMap::with_capacity(values.len());
    let mut keys = Vec::new();
    let mut first = Vec::new();
    let mut next = vec![None; values.len()];
    // From the end, so that each row is put before those behind it.
    for (row, value) in values.iter().enumerate().rev() {
        let Some(value) = *value else { continue };
        let Some(key) = as_key(value) else { continue };
        match places.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(keys.len());
                keys.push(value);
                first.push(row);
            }
            Entry::Occupied(entry) => {
                if let (Some(first), Some(next)) = (first.get_mut(*entry.get()), next.get_mut(row)) {
                    *next = Some(std::mem::replace(first, row));
                }
            }
        }
    }
    KeyIndex { keys, find: Box::new(move |value| places.get(as_other(value)?).copied()), first, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<A: JoinKey<B>, B>(parents: &[Option<&AnyValue>], child: &AnyValue) -> Vec<usize> {
        let index = (A::MATCHING.parents)(parents);
        index.find(child).map(|key| index.rows(key).collect()).unwrap_or_default()
    }

    #[test]
    fn rows_are_found_by_their_keys_whether_an_option_is_around_them_or_not() {
        let plain: [Option<&AnyValue>; 4] = [Some(&7_i64), Some(&8_i64), None, Some(&7_i64)];
        assert_eq!(found::<i64, i64>(&plain, &7_i64), [0, 3]);
        assert_eq!(found::<i64, Option<i64>>(&plain, &Some(8_i64)), [1]);
        assert_eq!(found::<i64, Option<i64>>(&plain, &None::<i64>), [0; 0]);
        assert_eq!(found::<i64, i64>(&plain, &9_i64), [0; 0]);
        let optional: [Option<&AnyValue>; 3] = [Some(&Some(7_i64)), Some(&None::<i64>), Some(&Some(7_i64))];
        assert_eq!(found::<Option<i64>, i64>(&optional, &7_i64), [0, 2]);
        assert_eq!(found::<Option<i64>, Option<i64>>(&optional, &Some(7_i64)), [0, 2]);
    }

    #[test]
    fn keys_are_given_once() {
        let values: [Option<&AnyValue>; 5] = [Some(&1_i64), Some(&2_i64), Some(&1_i64), None, Some(&2_i64)];
        assert_eq!((<i64 as JoinKey<i64>>::MATCHING.parents)(&values).keys.len(), 2);
    }
}
