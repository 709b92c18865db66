use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// What part of a pause is waited for, so that callers that failed together do not come back together.
#[derive(Clone)]
pub struct Jitter(Kind);

#[derive(Clone)]
enum Kind {
    Full,
    None,
    Function(Arc<dyn Fn(Duration) -> Duration + Send + Sync>),
}

impl Jitter {
    /// Any part of it, from nothing to all, each as likely as the other.
    pub const fn full() -> Self {
        Self(Kind::Full)
    }

    /// All of it: the same in every run.
    pub const fn none() -> Self {
        Self(Kind::None)
    }

    /// What a function makes of it; more than all of it is not waited for.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use kysera::infra::{Jitter, Retry};
    ///
    /// let half = Retry::new().jitter(Jitter::from_fn(|pause| pause / 2));
    /// ```
    pub fn from_fn(part: impl Fn(Duration) -> Duration + Send + Sync + 'static) -> Self {
        Self(Kind::Function(Arc::new(part)))
    }

    pub(super) fn of(&self, pause: Duration) -> Duration {
        match &self.0 {
            Kind::Full => pause.mul_f64(random()),
            Kind::None => pause,
            Kind::Function(part) => part(pause).min(pause),
        }
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Full => "Jitter::full()",
            Kind::None => "Jitter::none()",
            Kind::Function(_) => "Jitter::from_fn(..)",
        })
    }
}

/// From 0 to below 1. The standard library seeds its hash maps well enough for this.
pub(crate) fn random() -> f64 {
    const BITS: u32 = f64::MANTISSA_DIGITS;
    let bits = std::hash::RandomState::new().build_hasher().finish() >> (u64::BITS - BITS);
    bits as f64 / (1_u64 << BITS) as f64
}
