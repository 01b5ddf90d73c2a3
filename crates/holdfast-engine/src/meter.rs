//! Budgets of AWS calls: token buckets per account, region, service and class of action.
//!
//! # Flow
//! Every call of a sweep and of a write comes through [`Budgets::acquire`], which waits until each bucket that AWS
//! draws the call from has a token. When both wait, writes go before reads.
//!
//! # Guarantees
//! A refusal halves the rate of its buckets, and answers bring it back step by step: other tools draw on the same
//! buckets, and what AWS documents is not always what it grants.

mod tables;

use async_trait::async_trait;
use holdfast_core::cloud::{CallOutcome, Meter};
use holdfast_core::name::Scope;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tables::{Class, Limit, class, limits};
use tokio::time::Instant;

/// What a scope has called so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All calls.
    pub calls: u64,
    /// Those that write.
    pub writes: u64,
    /// Those that were told to slow down.
    pub throttles: u64,
}

/// All budgets of a process.
#[derive(Debug, Default)]
pub struct Budgets {
    scopes: Mutex<BTreeMap<Scope, Arc<ScopeBudget>>>,
}

/// Whoever holds it is at its head.
type Line = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug, Default)]
struct ScopeBudget {
    state: Mutex<State>,
    /// One at a time waits for a token and the others wait in line behind it, by limit and class.
    lines: Mutex<BTreeMap<(&'static str, Class), Line>>,
}

#[derive(Debug, Default)]
struct State {
    buckets: BTreeMap<&'static str, Bucket>,
    counts: Counts,
}

#[derive(Debug)]
struct Bucket {
    limit: Limit,
    tokens: f64,
    filled_at: Instant,
    /// The share of the documented rate that AWS grants, as far as its refusals tell.
    share: f64,
    waiting_writes: u32,
}

/// The smallest share of a rate that refusals lead to.
const LEAST_SHARE: f64 = 0.05;
/// What an answer adds to the share.
const RECOVERY: f64 = 0.02;

impl Bucket {
    fn new(limit: Limit, now: Instant) -> Self {
        Self { limit, tokens: limit.size, filled_at: now, share: 1.0, waiting_writes: 0 }
    }

    fn rate(&self) -> f64 {
        self.limit.refill * self.share
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate()).min(self.limit.size);
        self.filled_at = now;
    }

    /// How long until a call of this class may go; zero means now.
    fn wait(&self, class: Class) -> Duration {
        let ahead = if class == Class::Read { f64::from(self.waiting_writes) } else { 0.0 };
        let lacking = 1.0 + ahead - self.tokens;
        // A refill that is a rounding error short would never be reached.
        if lacking <= 1e-9 { Duration::ZERO } else { Duration::from_secs_f64((lacking / self.rate()).max(0.001)) }
    }
}

impl State {
    fn bucket(&mut self, limit: Limit, now: Instant) -> &mut Bucket {
        self.buckets.entry(limit.name).or_insert_with(|| Bucket::new(limit, now))
    }

    /// Takes a token from each bucket, or from none and says how long to wait.
    fn take(&mut self, limits: &[Limit], class: Class, now: Instant) -> Result<(), Duration> {
        let mut longest = Duration::ZERO;
        for limit in limits {
            let bucket = self.bucket(*limit, now);
            bucket.fill(now);
            longest = longest.max(bucket.wait(class));
        }
        if longest > Duration::ZERO {
            return Err(longest);
        }
        for limit in limits {
            self.bucket(*limit, now).tokens -= 1.0;
        }
        Ok(())
    }
}

/// Counts a write as waiting for as long as it lives, also when the call is given up.
struct Waiting<'a> {
    scope: &'a ScopeBudget,
    limits: Vec<Limit>,
}

impl<'a> Waiting<'a> {
    fn write(scope: &'a ScopeBudget, limits: &[Limit]) -> Self {
        let (mut state, now) = (scope.state(), Instant::now());
        for limit in limits {
            state.bucket(*limit, now).waiting_writes += 1;
        }
        Self { scope, limits: limits.to_vec() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (mut state, now) = (self.scope.state(), Instant::now());
        for limit in &self.limits {
            state.bucket(*limit, now).waiting_writes -= 1;
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
            let taken = self.state().take(limits, class, Instant::now());
            match taken {
                Ok(()) => return,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }
}

impl Budgets {
    /// Full buckets for every scope.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a scope has called so far.
    pub fn counts(&self, scope: &Scope) -> Counts {
        self.scope(scope).state().counts
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
        let budget = self.scope(scope);
        budget.acquire(&limits(service, operation), class(operation)).await;
    }

    fn finished(&self, scope: &Scope, service: &'static str, operation: &'static str, outcome: CallOutcome) {
        let budget = self.scope(scope);
        let (mut state, now) = (budget.state(), Instant::now());
        state.counts.calls += 1;
        state.counts.writes += u64::from(class(operation) == Class::Write);
        state.counts.throttles += u64::from(outcome == CallOutcome::Throttled);
        for limit in limits(service, operation) {
            let bucket = state.bucket(limit, now);
            bucket.fill(now);
            match outcome {
                CallOutcome::Answered => bucket.share = (bucket.share + RECOVERY).min(1.0),
                CallOutcome::Throttled => {
                    bucket.share = (bucket.share / 2.0).max(LEAST_SHARE);
                    bucket.tokens = bucket.tokens.min(0.0);
                }
                CallOutcome::Failed => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
