//! Rows for tests, of which only what matters is said.

mod sample;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;

pub use sample::Sample;

use crate::entity::{Entity, Guard, On};
use crate::error::{Error, Result};
use crate::expr::{Column, Hooks};
use crate::repository::Repository;
use crate::source::{Source, Writable};

/// Numbers for factories: each row gets the next one, so that what must be unique is.
///
/// All factories of a test share one. Clones count on together.
///
/// ```
/// let numbers = kysera::testing::Sequence::new();
/// assert_eq!((numbers.take(), numbers.clone().take(), numbers.take()), (1, 2, 3));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    taken: Arc<AtomicU64>,
}

impl Sequence {
    /// Begins with 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next number.
    pub fn take(&self) -> u64 {
        self.taken.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Makes rows of an entity for tests: the trait of the `XFactory` that [`derive(Factory)`](crate::Factory) makes of a struct `X`.
///
/// It is generic over the source, because what a row refers to is created there as well.
pub trait Factory<S: Source + Writable>: Clone + Send + Sync + Sized {
    /// What it makes rows of.
    type Entity: On<S::Database> + Guard<S::Context>;

    /// One that has been told nothing yet.
    fn new(sequence: &Sequence) -> Self;

    /// What a row is made of. Rows that it refers to are created, unless their keys were given.
    ///
    /// # Errors
    ///
    /// Those of creating these.
    fn build<'a>(&'a self, source: &'a S) -> BoxFuture<'a, Result<<Self::Entity as Entity>::New>>;

    /// Creates a row.
    ///
    /// # Errors
    ///
    /// Those of [`Repository::create`].
    fn create<'a>(&'a self, source: &'a S) -> BoxFuture<'a, Result<Self::Entity>> {
        Box::pin(async move {
            let new = self.build(source).await?;
            Rows::<Self::Entity, S> { source, entity: std::marker::PhantomData }.create(new).await
        })
    }

    /// Creates several rows, each with a number, and with rows to refer to, of its own.
    ///
    /// # Errors
    ///
    /// Those of [`Repository::create`]; rows before the one that fails stay.
    fn create_many<'a>(&'a self, source: &'a S, count: usize) -> BoxFuture<'a, Result<Vec<Self::Entity>>> {
        Box::pin(async move {
            let mut rows = Vec::with_capacity(count);
            for _ in 0..count {
                rows.push(self.create(source).await?);
            }
            Ok(rows)
        })
    }
}

/// A struct that has a factory.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no factory",
    label = "a row of it would have to be created",
    note = "write `#[derive(Factory)]` on it, or give the key of a row that is there"
)]
#[doc(hidden)]
pub trait Manufactured: Entity {
    type Factory: Send + Sync;
}

/// Any repository of the entity.
struct Rows<'s, E, S> {
    source: &'s S,
    entity: std::marker::PhantomData<fn() -> E>,
}

impl<'s, E, S> Repository for Rows<'s, E, S>
where
    S: Source + Writable,
    E: On<S::Database> + Guard<S::Context>,
{
    type Entity = E;
    type Source = &'s S;

    fn source(&self) -> &&'s S {
        &self.source
    }

    fn hooks(&self) -> &'static Hooks {
        E::HOOKS
    }
}

/// The value of a column of a row that others refer to.
#[doc(hidden)]
pub fn value_of<E: Entity, T: Clone + 'static>(row: &E, column: Column<E, T>) -> Result<T> {
    let index = column.col().index;
    let value = row.value(index).and_then(|value| value.downcast_ref::<T>());
    value.cloned().ok_or_else(|| {
        Error::BadRequest(
            format!("`{}` has no value in a column that others refer to", E::META.entity).into(),
        )
    })
}

/// Calls what a field says, with the number of its row.
#[doc(hidden)]
pub fn at<T>(n: u64, value: impl FnOnce(u64) -> T) -> T {
    value(n)
}

/// A value of the crate `fake`. The same for the same number and field.
#[cfg(feature = "fake")]
#[doc(hidden)]
pub fn fake<F, T: fake::Dummy<F>>(faker: &F, n: u64, field: &str) -> T {
    use fake::rand::SeedableRng;

    let salt = field.bytes().fold(n, |salt, byte| salt.wrapping_mul(31).wrapping_add(byte.into()));
    T::dummy_with_rng(faker, &mut fake::rand::rngs::StdRng::seed_from_u64(salt))
}
