use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// How many retries many callers may make together, so that retries do not keep a database down that is down because of its load.
///
/// A retry costs a token, and a call that succeeds brings a part of one. When most calls fail, the tokens run out and each call is tried
/// once; when the database is well again, they come back. Cheap to clone; clones are the same budget.
///
/// ```
/// use kysera::infra::{Retry, RetryBudget};
///
/// // A burst of 20 retries, then one for 10 calls that succeed.
/// let budget = RetryBudget::new(20, 10)?;
/// let reads = Retry::new().budget(&budget);
/// let writes = Retry::new().attempts(5)?.budget(&budget);
/// # Ok::<(), kysera::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<Tokens>);

#[derive(Debug)]
struct Tokens {
    /// In parts of a token, so that many small ones add up to whole ones.
    parts: AtomicU64,
    most: u64,
    /// How many parts a token has: what a success brings is one.
    token: u64,
}

impl RetryBudget {
    /// So many tokens, to begin with and at most, and how many calls must succeed to bring one back.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] if either is 0.
    pub fn new(tokens: u32, successes: u32) -> Result<Self> {
        if tokens == 0 || successes == 0 {
            return Err(Error::BadRequest(
                "a budget of retries has at least one token, and at least one success brings a token back: for no \
                 retries at all, set `attempts` to 1"
                    .into(),
            ));
        }
        let token = u64::from(successes);
        let most = u64::from(tokens) * token;
        Ok(Self(Arc::new(Tokens { parts: AtomicU64::new(most), most, token })))
    }

    /// How many retries there may be just now.
    pub fn tokens(&self) -> u32 {
        u32::try_from(self.0.parts.load(Ordering::Relaxed) / self.0.token).unwrap_or(u32::MAX)
    }

    /// Whether there was a token.
    pub(super) fn withdraw(&self) -> bool {
        self.change(|parts| parts.checked_sub(self.0.token))
    }

    pub(super) fn deposit(&self) {
        self.change(|parts| (parts < self.0.most).then_some(parts + 1));
    }

    fn change(&self, change: impl Fn(u64) -> Option<u64>) -> bool {
        self.0.parts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}
