//! What was called, and what is left of the budgets.

use super::Budgets;
use super::bucket::Bucket;
use holdfast_core::name::Scope;
use std::collections::BTreeMap;
use std::time::Duration;
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

/// What a scope has called of one operation so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationUse {
    /// All calls.
    pub calls: u64,
    /// Those that were told to slow down.
    pub throttles: u64,
}

/// One of a scope's buckets, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketUse {
    /// Its name.
    pub name: &'static str,
    /// How many calls it holds, as documented.
    pub size: f64,
    /// How many come back a second, as documented.
    pub refill: f64,
    /// How many calls may be made at once now.
    pub headroom: f64,
    /// The share of the documented rate that AWS grants, as far as its refusals tell; 1 is all.
    pub share: f64,
    /// Writes that wait for it.
    pub waiting: u32,
    /// Calls that were refused, ever.
    pub throttles: u64,
}

/// What a scope has called by operation, and what is left of each of its buckets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// By operation, such as `ec2:DescribeVpcs`.
    pub operations: BTreeMap<String, OperationUse>,
    /// Those that were drawn on so far, in the order of their names.
    pub buckets: Vec<BucketUse>,
}

/// Calls by bucket.
pub(crate) type Drawn = BTreeMap<&'static str, u64>;

impl Budgets {
    /// What a scope has called so far.
    pub fn counts(&self, scope: &Scope) -> Counts {
        self.scope(scope).state().counts
    }

    /// What a scope has called so far by operation, and what is left of its buckets.
    pub fn usage(&self, scope: &Scope) -> Usage {
        let (budget, now) = (self.scope(scope), Instant::now());
        let mut state = budget.state();
        state.buckets.iter_mut().for_each(|bucket| bucket.fill(now));
        let named = |((service, operation), used): (&super::Operation, &OperationUse)| {
            (format!("{service}:{operation}"), *used)
        };
        let bucket = |b: &Bucket| BucketUse {
            name: b.limit.name,
            size: b.limit.size,
            refill: b.limit.refill,
            headroom: b.tokens.max(0.0),
            share: b.share,
            waiting: b.waiting_writes,
            throttles: b.refused,
        };
        let operations = state.operations.iter().map(named).collect();
        Usage { operations, buckets: state.buckets.iter().map(bucket).collect() }
    }

    /// How often each bucket of a scope was drawn on so far.
    pub(crate) fn drawn(&self, scope: &Scope) -> Drawn {
        self.scope(scope).state().buckets.iter().map(|b| (b.limit.name, b.taken)).collect()
    }

    /// How long so many calls of each bucket take at the rate that AWS grants, if all buckets are full: the longest of
    /// them.
    pub(crate) fn time_for(&self, scope: &Scope, calls: &Drawn) -> Duration {
        self.longest(scope, calls, Bucket::time_for)
    }

    /// How long it takes until AWS has granted so many calls of each bucket anew: the longest of them.
    pub(crate) fn period_of(&self, scope: &Scope, calls: &Drawn) -> Duration {
        self.longest(scope, calls, |bucket, calls| Duration::from_secs_f64(calls / bucket.rate()))
    }

    fn longest(&self, scope: &Scope, calls: &Drawn, of: impl Fn(&Bucket, f64) -> Duration) -> Duration {
        let budget = self.scope(scope);
        let state = budget.state();
        let of_bucket = |b: &Bucket| of(b, calls.get(b.limit.name).copied().unwrap_or(0) as f64);
        state.buckets.iter().map(of_bucket).max().unwrap_or_default()
    }
}
