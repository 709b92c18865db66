//! The repository: typed CRUD over a source.

use crate::entity::{Entity, On};
use crate::source::Source;

/// Typed access to the rows of one entity.
pub trait Repository: Send + Sync + Sized {
    /// The entity.
    type Entity: On<<Self::Source as Source>::Database>;
    /// Where statements run.
    type Source: Source;

    /// The source.
    fn source(&self) -> &Self::Source;
}

/// The key of a repository's entity.
pub type IdOf<R> = <<R as Repository>::Entity as Entity>::Id;
