//! Budgets of AWS calls: token buckets per account, region, service and class of action.
//!
//! # Flow
//! Every call of a sweep and of a write comes through [`Budgets::acquire`], which waits until each bucket that AWS
//! draws the call from has a token. The executor waits for the token of a step before it begins it
//! ([`Budgets::turn`]), in one line for each bucket: no bucket's line holds up another's. When both wait, writes go
//! before reads, and reads leave a reserve where both draw on the same bucket.
//!
//! # Guarantees
//! A refusal halves the rate of its buckets, and answers bring it back step by step: other tools draw on the same
//! buckets, and what AWS documents is not always what it grants.

mod bucket;
mod tables;
mod usage;

use async_trait::async_trait;
use bucket::Buckets;
use holdfast_core::cloud::{CallOutcome, Meter, Turn};
use holdfast_core::name::Scope;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tables::{Class, class};
pub use tables::{Limit, limits};
use tokio::time::Instant;
pub(crate) use usage::Drawn;
pub use usage::{BucketUse, Counts, OperationUse, Usage};

/// All budgets of a process.
#[derive(Debug, Default)]
pub struct Budgets {
    scopes: Mutex<BTreeMap<Scope, Arc<ScopeBudget>>>,
}

/// Whoever holds it is at its head.
type Line = Arc<tokio::sync::Mutex<()>>;

/// An operation of a service.
type Operation = (&'static str, &'static str);

#[derive(Debug, Default)]
struct ScopeBudget {
    state: Mutex<State>,
    /// One at a time waits for a token and the others wait in line behind it, by limit and class.
    lines: Mutex<BTreeMap<(&'static str, Class), Line>>,
}

#[derive(Debug, Default)]
struct State {
    buckets: Buckets,
    /// By the narrowest bucket.
    turns: BTreeMap<&'static str, Turns>,
    counts: Counts,
    operations: BTreeMap<Operation, OperationUse>,
}

/// The turns of a bucket that are held now.
#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    held: u32,
    /// Calls that were paid for and not made yet.
    open: u32,
}

/// Counts a write as waiting for as long as it lives, also when the call is given up.
struct Waiting<'a> {
    scope: &'a ScopeBudget,
    limits: &'a [Limit],
}

impl<'a> Waiting<'a> {
    fn write(scope: &'a ScopeBudget, limits: &'a [Limit]) -> Self {
        let (mut state, now) = (scope.state(), Instant::now());
        for limit in limits {
            state.buckets.of(*limit, now).waiting_writes += 1;
        }
        Self { scope, limits }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (mut state, now) = (self.scope.state(), Instant::now());
        for limit in self.limits {
            state.buckets.of(*limit, now).waiting_writes -= 1;
        }
    }
}

impl ScopeBudget {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, limit: &'static str, class: Class) -> Line {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lines.entry((limit, class)).or_default())
    }

    async fn acquire(&self, limits: &[Limit], class: Class) {
        let Some(narrowest) = limits.last() else { return };
        let line = self.line(narrowest.name, class);
        let _waiting = (class == Class::Write).then(|| Waiting::write(self, limits));
        let _turn = line.lock().await;
        loop {
            let taken = self.state().buckets.take(limits, class, Instant::now());
            match taken {
                Ok(()) => return,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Makes the call that a turn has paid for; false if none has.
    fn use_turn(&self, bucket: &'static str) -> bool {
        let mut state = self.state();
        let Some(turns) = state.turns.get_mut(bucket).filter(|turns| turns.open > 0) else { return false };
        turns.open -= 1;
        true
    }

    fn begin_turn(&self, bucket: &'static str) {
        let mut state = self.state();
        let turns = state.turns.entry(bucket).or_default();
        turns.held += 1;
        turns.open += 1;
    }

    /// A turn is over; what it paid for and nobody called is put back.
    fn end_turn(&self, bucket: &'static str, limits: &[Limit]) {
        let mut state = self.state();
        let Some(turns) = state.turns.get_mut(bucket) else { return };
        turns.held -= 1;
        if turns.open > turns.held {
            turns.open = turns.held;
            state.buckets.put_back(limits, Instant::now());
        }
    }
}

impl Budgets {
    /// Full buckets for every scope.
    pub fn new() -> Self {
        Self::default()
    }

    fn scope(&self, scope: &Scope) -> Arc<ScopeBudget> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = scopes.get(scope) {
            return Arc::clone(found);
        }
        Arc::clone(scopes.entry(scope.clone()).or_default())
    }
}

#[async_trait]
impl Meter for Budgets {
    async fn acquire(&self, scope: &Scope, service: &'static str, operation: &'static str) {
        let (budget, limits, class) = (self.scope(scope), limits(service, operation), class(operation));
        let paid = class == Class::Write && limits.last().is_some_and(|narrowest| budget.use_turn(narrowest.name));
        if !paid {
            budget.acquire(&limits, class).await;
        }
    }

    fn finished(&self, scope: &Scope, service: &'static str, operation: &'static str, outcome: CallOutcome) {
        let budget = self.scope(scope);
        let (mut state, now) = (budget.state(), Instant::now());
        let (write, throttled) = (class(operation) == Class::Write, outcome == CallOutcome::Throttled);
        state.counts.calls += 1;
        state.counts.writes += u64::from(write);
        state.counts.throttles += u64::from(throttled);
        let used = state.operations.entry((service, operation)).or_default();
        used.calls += 1;
        used.throttles += u64::from(throttled);
        for limit in limits(service, operation) {
            let bucket = state.buckets.of(limit, now);
            bucket.fill(now);
            match outcome {
                CallOutcome::Answered => bucket.answered(),
                CallOutcome::Throttled => bucket.throttled(),
                CallOutcome::Failed => {}
            }
        }
    }

    fn granted(&self, scope: &Scope, service: &'static str, operation: &'static str) -> f64 {
        let (budget, now) = (self.scope(scope), Instant::now());
        let mut state = budget.state();
        limits(service, operation).into_iter().map(|limit| state.buckets.of(limit, now).share).fold(1.0, f64::min)
    }

    async fn turn(self: Arc<Self>, scope: &Scope, service: &'static str, operation: &'static str) -> Turn {
        let (budget, limits) = (self.scope(scope), limits(service, operation));
        let Some(narrowest) = limits.last().map(|limit| limit.name) else { return Turn::free() };
        budget.acquire(&limits, class(operation)).await;
        budget.begin_turn(narrowest);
        Turn::held(move || budget.end_turn(narrowest, &limits))
    }
}

#[cfg(test)]
mod tests;
