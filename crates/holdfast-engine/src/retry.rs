//! How long to wait before what failed is tried again.
//!
//! The one place that knows the `backoff` crate. Its own jitter cannot be replayed, so it is left out and ours
//! comes from the resource and the attempt; its time limit is left out too, because nothing here is given up.

use crate::token::fnv;
use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use holdfast_core::cloud::ErrorClass;
use std::time::Duration;

/// Delays that grow from `first` by `factor` up to `most`, and stay there for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// The first delay.
    pub first: Duration,
    /// What each further one is multiplied by.
    pub factor: f64,
    /// The longest.
    pub most: Duration,
}

/// The delays of each sort of failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Throttled, transient: AWS will soon be able to.
    pub soon: Growth,
    /// Conflict, lost: the world has to be looked at, or something else has to go first.
    pub look: Growth,
    /// Denied, quota: a person has to do something.
    pub slow: Growth,
    /// Rejected: the declaration or the world has to move, which is tried at once; this is for what cannot be seen, such as
    /// a role that AWS has made and does not know everywhere yet.
    pub rare: Growth,
    /// Before the same fix is made again that AWS took and does not show: reads may lag behind writes.
    pub again: Growth,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let growth =
            |first, factor, most| Growth { first: Duration::from_secs(first), factor, most: Duration::from_secs(most) };
        Self {
            soon: growth(1, 2.0, 60),
            look: growth(1, 2.0, 60),
            slow: growth(60, 2.0, 900),
            rare: growth(20, 3.0, 3600),
            again: growth(5, 4.0, 300),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after the `times`th failure in a row (from 1) of what `of` names. The same for the same
    /// arguments; different things are spread by up to a fifth, so that they do not come back together.
    pub fn delay(&self, class: ErrorClass, of: &str, times: u32) -> Duration {
        let growth = match class {
            ErrorClass::Throttled | ErrorClass::Transient | ErrorClass::Unsigned => &self.soon,
            ErrorClass::Conflict | ErrorClass::Lost => &self.look,
            ErrorClass::Denied | ErrorClass::Quota => &self.slow,
            ErrorClass::Rejected => &self.rare,
        };
        let share = fnv(&[of.as_bytes(), &times.to_le_bytes()]) % 1000;
        growth.delay(times).mul_f64(0.9 + 0.2 * share as f64 / 1000.0)
    }
}

impl Growth {
    /// The `times`th delay, from 1.
    pub fn delay(&self, times: u32) -> Duration {
        let mut backoff: ExponentialBackoff = ExponentialBackoffBuilder::new()
            .with_initial_interval(self.first)
            .with_multiplier(self.factor)
            .with_max_interval(self.most)
            .with_randomization_factor(0.0)
            .with_max_elapsed_time(None)
            .build();
        // After so many steps of any growth the longest delay is reached.
        let steps = times.clamp(1, 64);
        (0..steps).filter_map(|_| backoff.next_backoff()).last().unwrap_or(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_longest_and_are_the_same_each_time() {
        let policy = RetryPolicy::default();
        let seconds = |n| policy.soon.delay(n).as_secs();
        assert_eq!([1, 2, 3, 7, 8, 1000].map(seconds), [1, 2, 4, 60, 60, 60]);
        let delay = || policy.delay(ErrorClass::Conflict, "es/Service/web", 3);
        assert_eq!(delay(), delay());
        assert_ne!(delay(), policy.delay(ErrorClass::Conflict, "es/Service/api", 3));
        assert!(policy.delay(ErrorClass::Denied, "x", 1) > Duration::from_secs(50));
    }
}
