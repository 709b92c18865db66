//! Whether there were too many failures.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Trip;
use crate::error::{Error, Result};

#[derive(Debug)]
pub(super) enum Count {
    Consecutive { failures: usize, most: usize },
    OfCalls { failed: VecDeque<bool>, failures: usize, most: usize, calls: usize },
    Within { failures: VecDeque<Instant>, most: usize, period: Duration },
}

impl Count {
    pub(super) fn new(trip: Trip) -> Result<Self> {
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let refused = |why: &'static str| Err(Error::BadRequest(why.into()));
        match trip {
            Trip::Consecutive(0) | Trip::OfCalls { failures: 0, .. } | Trip::Within { failures: 0, .. } => {
                refused(
                    "a circuit breaker that opens after no failure is never closed: let it open after 1 or more",
                )
            }
            Trip::OfCalls { failures, calls } if failures > calls => refused(
                "a circuit breaker cannot see more failures than calls: let it open after fewer, or of more calls",
            ),
            Trip::Within { period: Duration::ZERO, .. } => {
                refused("a circuit breaker sees no failures in a period of zero: give it some seconds")
            }
            Trip::Consecutive(most) => Ok(Count::Consecutive { failures: 0, most: size(most) }),
            Trip::OfCalls { failures, calls } => Ok(Count::OfCalls {
                failed: VecDeque::new(),
                failures: 0,
                most: size(failures),
                calls: size(calls),
            }),
            Trip::Within { failures, period } => {
                Ok(Count::Within { failures: VecDeque::new(), most: size(failures), period })
            }
        }
    }

    /// Counts one call. Whether there are too many failures now.
    pub(super) fn trips(&mut self, failed: bool, now: Instant) -> bool {
        match self {
            Count::Consecutive { failures, most } => {
                *failures = if failed { *failures + 1 } else { 0 };
                *failures >= *most
            }
            Count::OfCalls { failed: seen, failures, most, calls } => {
                if seen.len() == *calls && seen.pop_front() == Some(true) {
                    *failures -= 1;
                }
                seen.push_back(failed);
                *failures += usize::from(failed);
                *failures >= *most
            }
            Count::Within { failures, most, period } => {
                if !failed {
                    return false;
                }
                failures.push_back(now);
                while failures.front().is_some_and(|first| now.saturating_duration_since(*first) >= *period) {
                    failures.pop_front();
                }
                failures.len() >= *most
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Count::Consecutive { failures, .. } => *failures = 0,
            Count::OfCalls { failed, failures, .. } => {
                failed.clear();
                *failures = 0;
            }
            Count::Within { failures, .. } => failures.clear(),
        }
    }
}
