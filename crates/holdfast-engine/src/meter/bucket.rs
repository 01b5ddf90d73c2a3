//! A bucket, and the calls that wait for it.

use super::tables::{Class, Limit};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The smallest share of a rate that refusals lead to.
const LEAST_SHARE: f64 = 0.05;
/// What an answer adds to the share.
const RECOVERY: f64 = 0.02;
/// By how many seconds calls may overtake each other on their way: what comes back to a bucket in that time is left in it,
/// or a call that is early would be refused.
const JITTER: f64 = 0.25;
/// The same for reads, of which up to sixteen of an operation wait for the machine itself in each scope that is swept.
const JITTER_OF_READS: f64 = 0.75;
/// The largest part of a bucket that is left in it for that.
const LEFT: f64 = 0.15;
/// The part of a bucket for both that reads leave to writes.
const RESERVE: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) limit: Limit,
    pub(super) tokens: f64,
    filled_at: Instant,
    /// The share of the documented rate that AWS grants, as far as its refusals tell.
    pub(super) share: f64,
    pub(super) waiting_writes: u32,
    /// Calls that drew on it, ever.
    pub(super) taken: u64,
    /// Calls that were refused, ever.
    pub(super) refused: u64,
}

impl Bucket {
    fn new(limit: Limit, now: Instant) -> Self {
        let (share, waiting_writes, taken, refused) = (1.0, 0, 0, 0);
        Self { limit, tokens: room(limit), filled_at: now, share, waiting_writes, taken, refused }
    }

    /// How many come back a second, as far as is known.
    pub(super) fn rate(&self) -> f64 {
        self.limit.refill * self.share
    }

    pub(super) fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate()).min(room(self.limit));
        self.filled_at = now;
    }

    /// How long until a call of this class may go; zero means now.
    fn wait(&self, class: Class) -> Duration {
        let kept = if class == Class::Read { self.kept_for_writes() } else { 0.0 };
        let lacking = 1.0 + kept - self.tokens;
        // A refill that is a rounding error short would never be reached.
        if lacking <= 1e-9 { Duration::ZERO } else { Duration::from_secs_f64((lacking / self.rate()).max(0.001)) }
    }

    /// What reads leave to writes: for those that wait, and where both draw on it, for one that may come. Never more
    /// than half, or many writes that wait for another bucket would end all reading.
    fn kept_for_writes(&self) -> f64 {
        let reserve = if self.limit.class.is_none() { self.limit.size * RESERVE } else { 0.0 };
        f64::from(self.waiting_writes).max(reserve).min(self.limit.size / 2.0)
    }

    /// AWS took a call.
    pub(super) fn answered(&mut self) {
        self.share = (self.share + RECOVERY).min(1.0);
    }

    /// AWS said to slow down.
    pub(super) fn throttled(&mut self) {
        self.refused += 1;
        self.share = (self.share / 2.0).max(LEAST_SHARE);
        self.tokens = self.tokens.min(0.0);
    }

    /// How long so many calls take that find it full.
    pub(super) fn time_for(&self, calls: f64) -> Duration {
        let lacking = (calls - room(self.limit)).max(0.0);
        Duration::from_secs_f64(lacking / self.rate())
    }
}

/// How much of a bucket is used: at least most of it, and of the slow ones all but a little.
fn room(limit: Limit) -> f64 {
    let jitter = if limit.class == Some(Class::Read) { JITTER_OF_READS } else { JITTER };
    limit.size - (limit.refill * jitter).max(0.5).min(limit.size * LEFT)
}

/// All buckets of a scope.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<&'static str, Bucket>);

impl Buckets {
    pub(super) fn of(&mut self, limit: Limit, now: Instant) -> &mut Bucket {
        self.0.entry(limit.name).or_insert_with(|| Bucket::new(limit, now))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bucket> {
        self.0.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Bucket> {
        self.0.values_mut()
    }

    /// Takes a token from each bucket, or from none and says how long to wait.
    pub(super) fn take(&mut self, limits: &[Limit], class: Class, now: Instant) -> Result<(), Duration> {
        let mut longest = Duration::ZERO;
        for limit in limits {
            let bucket = self.of(*limit, now);
            bucket.fill(now);
            longest = longest.max(bucket.wait(class));
        }
        if longest > Duration::ZERO {
            return Err(longest);
        }
        for limit in limits {
            let bucket = self.of(*limit, now);
            bucket.tokens -= 1.0;
            bucket.taken += 1;
        }
        Ok(())
    }

    /// Puts back what was taken for a call that was not made.
    pub(super) fn put_back(&mut self, limits: &[Limit], now: Instant) {
        for limit in limits {
            let bucket = self.of(*limit, now);
            bucket.tokens += 1.0;
            bucket.taken = bucket.taken.saturating_sub(1);
        }
    }
}
