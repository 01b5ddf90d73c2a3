//! A bench whose AWS enforces its request limits, and whose time is tokio's paused one.

use crate::bench::{Bench, bench_with};
use holdfast_core::kind::Registry;
use holdfast_sim::SimClock;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Every call takes `latency`, goes through the budgets, and is refused where AWS documents that it would be.
pub(crate) fn paced(registry: Registry, latency: Duration) -> Bench {
    let start = tokio::time::Instant::now();
    let clock = SimClock::following(move || {
        let passed = SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::MAX);
        Timestamp::constant(1_735_689_600, 0).saturating_add(passed).unwrap_or(Timestamp::MAX)
    });
    let mut b = bench_with(registry, "eu-west-1", clock);
    b.sim.change_faults(|f| f.latency = latency);
    b.sim.limit(|service, operation| {
        let limits = holdfast_engine::limits(service, operation);
        limits.into_iter().map(|limit| (limit.name, limit.size, limit.refill)).collect()
    });
    b.metered();
    b
}
