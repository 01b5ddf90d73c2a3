//! What goes wrong, by rule and by seed.

use holdfast_core::cloud::ErrorClass;
use holdfast_core::name::Scope;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that may go wrong in a simulated AWS. The default is a world where nothing does.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Rules, tried in order; the first that applies to a call decides.
    pub rules: Vec<FaultRule>,
    /// Sweeps show the world as it was so long ago.
    pub stale: SignedDuration,
    /// Beyond that, each list shows each thing as it was at some moment of the last so long: what was made comes and
    /// goes, and what was deleted comes back, until all copies of the list agree.
    pub jitter: SignedDuration,
    /// What was created is shown by no sweep for so long.
    pub unseen: SignedDuration,
    /// States in which things stay for a while after a write.
    pub settle: Vec<Settle>,
    /// How long every call takes, on tokio's clock: half before it has its effect, half after.
    pub latency: Duration,
    /// The quotas of every account, by AWS's service and name, such as `rds:DBInstances`. They are told, not enforced.
    pub quotas: BTreeMap<String, u64>,
    /// Scopes whose endpoint takes calls and answers none, and how long their callers wait, on tokio's clock.
    pub hangs: BTreeMap<Scope, Duration>,
    /// What AWS grants of some operations; calls beyond it are throttled, before any rule applies.
    pub allowances: Vec<Allowance>,
}

/// A bucket of calls, as AWS keeps them per account and region.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Operations whose name contains this, case ignored.
    operation: String,
    size: f64,
    refill: f64,
    filled: BTreeMap<Scope, (f64, Timestamp)>,
}

impl Allowance {
    /// `size` calls at once of the operations whose name contains `part`, and `refill` a second in the long run.
    pub fn new(part: &str, size: u32, refill: f64) -> Self {
        Self { operation: part.to_lowercase(), size: f64::from(size), refill, filled: BTreeMap::new() }
    }

    /// Takes a call, if it concerns this bucket; false if there is none left.
    fn take(&mut self, scope: &Scope, operation: &str, now: Timestamp) -> bool {
        if !operation.to_lowercase().contains(&self.operation) {
            return true;
        }
        let (left, at) = self.filled.entry(scope.clone()).or_insert((self.size, now));
        let passed = now.duration_since(*at).as_secs_f64().max(0.0);
        *left = (*left + passed * self.refill).min(self.size);
        *at = now;
        let taken = *left >= 1.0;
        *left -= f64::from(u8::from(taken));
        taken
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// In this scope only.
    pub scope: Option<Scope>,
    /// For this kind only.
    pub kind: Option<String>,
    /// For operations whose name contains this, case ignored.
    pub operation: Option<String>,
    /// What happens.
    pub fault: Fault,
    /// How often, per thousand calls.
    pub per_mille: u32,
    /// How many times at most; `None` means without end.
    pub times: Option<u32>,
    /// From when to when.
    pub between: Option<(Timestamp, Timestamp)>,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A write is refused before it has any effect.
    Fail {
        /// What the engine is to do about it.
        class: ErrorClass,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// A write has its effect, and nobody hears of it.
    LoseAnswer,
    /// A write that changes something does so in part, as where an action takes several calls of AWS and one of them is
    /// refused; so is what makes or deletes, before it has any effect.
    Half(ErrorClass),
    /// A write is told to slow down; a sweep of the kind becomes a gap.
    Throttle,
    /// A sweep of the kind leaves something out and says so.
    Gap(Hidden),
    /// AWS takes no call: the caller's clock is wrong.
    WrongClock,
    /// The account cannot be entered, for this reason: AWS takes no call.
    NoEntry(String),
    /// The call panics, as a faulty kind would.
    Panic,
}

/// What a gap leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// Everything of the kind.
    All,
    /// So many of a thousand things, each named in the gap.
    PerMille(u32),
}

/// A state that lasts for a while after a write.
#[derive(Clone, Debug)]
pub struct Settle {
    /// For this kind only; `None` means all.
    pub kind: Option<String>,
    /// How long.
    pub lasts: SignedDuration,
    /// AWS's word for the state, such as `provisioning`.
    pub state: String,
    /// What writes get meanwhile.
    pub writes: WhileBusy,
}

/// What a write to a busy thing gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileBusy {
    /// It is done.
    Accepted,
    /// It is refused as a conflict.
    Refused,
}

impl FaultRule {
    /// A rule that always applies.
    pub fn always(fault: Fault) -> Self {
        Self { scope: None, kind: None, operation: None, fault, per_mille: 1000, times: None, between: None }
    }
    /// For one kind only.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }
    /// For operations whose name contains `part`.
    #[must_use]
    pub fn operation(mut self, part: &str) -> Self {
        self.operation = Some(part.to_owned());
        self
    }
    /// In one scope only.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }
    /// At most so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
    /// For so many of a thousand calls.
    #[must_use]
    pub fn per_mille(mut self, chance: u32) -> Self {
        self.per_mille = chance;
        self
    }

    fn concerns(&self, scope: &Scope, kind: &str, operation: &str, now: Timestamp) -> bool {
        self.times != Some(0)
            && self.scope.as_ref().is_none_or(|s| s == scope)
            && self.kind.as_ref().is_none_or(|k| k == kind)
            && self.between.is_none_or(|(from, to)| from <= now && now < to)
            && self.operation.as_ref().is_none_or(|o| operation.to_lowercase().contains(&o.to_lowercase()))
    }
}

impl Fault {
    fn strikes(&self, write: bool) -> bool {
        match self {
            Fault::Fail { .. } | Fault::LoseAnswer | Fault::Half(_) => write,
            Fault::Gap(_) => !write,
            Fault::Throttle | Fault::WrongClock | Fault::NoEntry(_) | Fault::Panic => true,
        }
    }
}

impl Faults {
    /// The fault that strikes a call, if any.
    pub(crate) fn strike(
        &mut self,
        scope: &Scope,
        kind: &str,
        operation: &str,
        write: bool,
        now: Timestamp,
        dice: &mut Dice,
    ) -> Option<Fault> {
        let mut granted = true;
        for allowance in &mut self.allowances {
            granted &= allowance.take(scope, operation, now);
        }
        if !granted {
            return Some(Fault::Throttle);
        }
        for rule in &mut self.rules {
            let concerned = rule.fault.strikes(write) && rule.concerns(scope, kind, operation, now);
            if concerned && dice.per_mille() < rule.per_mille {
                if let Some(times) = &mut rule.times {
                    *times -= 1;
                }
                return Some(rule.fault.clone());
            }
        }
        None
    }

    /// The state that a write of a kind leaves it in for a while.
    pub(crate) fn settle_of(&self, kind: &str) -> Option<&Settle> {
        self.settle.iter().find(|s| s.kind.as_ref().is_none_or(|k| k == kind))
    }
}

/// Chance from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same throws for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// A throw with 2^64 sides.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// A throw with a thousand sides, from 0.
    pub fn per_mille(&mut self) -> u32 {
        (self.roll() % 1000) as u32
    }
    /// A throw with `n` sides, from 0; 0 if there are none.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.roll() % n as u64) as usize }
    }
    /// One of a list; none of an empty one.
    pub fn of<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        let place = self.below(list.len());
        list.get(place)
    }
}
