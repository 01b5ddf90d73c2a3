//! What a scope costs and what is left of its budgets, for people.

use crate::core::{Core, ScopeState};
use crate::meter::{Drawn, Usage};
use holdfast_core::cloud::Rounds;
use holdfast_core::name::Scope;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a scope costs and what is left of its budgets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Calls by operation, and its buckets.
    pub usage: Usage,
    /// How long a look at all that is read in batches takes if the buckets are full.
    pub look_takes: Duration,
    /// How often it could be made with a quarter of what AWS grants.
    pub look_every: Duration,
    /// How far the reading of what AWS gives only one thing a call has come.
    pub rounds: Rounds,
}

/// The part of what AWS grants that is taken for looking; the rest is for writes and for other tools.
const SHARE: f64 = 0.25;

/// Calls by bucket of the last look at a scope.
#[derive(Debug, Default)]
pub(crate) struct LastLook(Mutex<Drawn>);

impl LastLook {
    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was drawn between two readings.
    pub(crate) fn was(&self, before: &Drawn, after: Drawn) {
        let since = |(name, n): (&'static str, u64)| (name, n - before.get(name).copied().unwrap_or(0).min(n));
        *self.drawn() = after.into_iter().map(since).filter(|(_, n)| *n > 0).collect();
    }
}

/// The load of a scope.
pub(crate) fn of(core: &Core, scope: &Scope, state: &ScopeState) -> Load {
    let drawn = state.last_look.drawn();
    Load {
        usage: core.budgets.usage(scope),
        look_takes: core.budgets.time_for(scope, &drawn),
        look_every: core.budgets.period_of(scope, &drawn).div_f64(SHARE),
        rounds: core.cloud.rounds(scope),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_draws_what_was_drawn_since_it_began_and_buckets_that_it_left_alone_are_not_named() {
        let look = LastLook::default();
        let drawn = |all: &[(&'static str, u64)]| all.iter().copied().collect::<Drawn>();
        look.was(&drawn(&[("a", 3), ("b", 5)]), drawn(&[("a", 10), ("b", 5), ("c", 2)]));
        assert_eq!(*look.drawn(), drawn(&[("a", 7), ("c", 2)]));
        look.was(&drawn(&[("a", 9)]), drawn(&[("a", 4)]));
        assert_eq!(*look.drawn(), drawn(&[]), "counts that began anew are no calls");
    }
}
