//! What a pass that follows another need not look at again.
//!
//! After a fix, or while AWS is at work on something, the next pass comes soon, and most of a scope cannot have anything
//! to do with it: only what has not come to rest is read, the rest is as the last whole look saw it. That goes by kind,
//! and where a kind is read by name, by resource: one rollout among two thousand services is one call and not two hundred.
//! That look is at most [`FRESH`] old; whoever asks, declares something or waits for the next sweep gets a whole one.

use crate::book::DesiredList;
use holdfast_core::kind::{AnyKind, Registry};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::observe::{Reading, Snapshot, Wanted};
use holdfast_core::plan::{Decision, Plan, Verdict};
use holdfast_core::status::{ConditionType, Phase, Truth};
use holdfast_store::ScopeStatus;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long what a whole look saw may stand in for another look.
pub(crate) const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// How much of a scope a pass looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of it.
    Whole,
    /// What has not come to rest since the pass before it.
    Following,
}

/// What of a look the next pass need not look at again.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    /// Kinds of which everything is at rest.
    kinds: BTreeSet<KindName>,
    /// Of other kinds that are read by name, who is.
    keys: BTreeMap<KindName, BTreeSet<ResourceKey>>,
}

impl Resting {
    /// What a plan found at rest.
    pub(crate) fn of(registry: &Registry, snapshot: &Snapshot, plan: &Plan) -> Self {
        let of_moving = plan.verdicts.iter().filter(|v| !is_at_rest(v)).map(|v| v.key.kind.as_str());
        let moving: BTreeSet<&str> = of_moving.collect();
        let read = snapshot.kinds.iter().filter(|(_, reading)| reading.gaps.is_empty()).map(|(kind, _)| *kind);
        let (moving, kinds): (BTreeSet<KindName>, BTreeSet<KindName>) = read.partition(|kind| moving.contains(kind));
        let by_name = moving.into_iter().filter(|kind| registry.get(kind).is_some_and(AnyKind::by_name));
        let keys_of = |kind: KindName| {
            let resting = plan.verdicts.iter().filter(|v| v.key.kind == kind && is_at_rest(v));
            (kind, resting.map(|v| v.key.clone()).collect())
        };
        Self { kinds, keys: by_name.map(keys_of).collect() }
    }

    /// True if it was at rest.
    pub(crate) fn has(&self, key: &ResourceKey) -> bool {
        self.kinds.contains(&*key.kind) || self.keys.get(&*key.kind).is_some_and(|keys| keys.contains(key))
    }

    /// Leaves of a look what is at rest.
    pub(crate) fn keep(&self, snapshot: &mut Snapshot) {
        snapshot.kinds.retain(|kind, reading| match self.keys.get(kind) {
            Some(keys) => {
                let rests = |key: ResourceKey| keys.contains(&key);
                reading.observations.retain(|o| o.owner_resource().and_then(ResourceKey::parse).is_some_and(rests));
                true
            }
            None => self.kinds.contains(kind),
        });
    }
}

/// What the last whole look saw of what is at rest.
#[derive(Debug)]
pub(crate) struct Seen {
    kinds: BTreeMap<KindName, Reading>,
    resting: Resting,
    /// When that look began.
    pub(crate) taken_at: Timestamp,
    /// How that look is told.
    pub(crate) status: ScopeStatus,
    /// What was declared then.
    list: DesiredList,
}

impl Seen {
    /// Keeps what was left of a look. `status` tells of the whole of it.
    pub(crate) fn of(snapshot: Snapshot, resting: Resting, status: &ScopeStatus, list: &DesiredList) -> Self {
        let Snapshot { kinds, taken_at, .. } = snapshot;
        Self { kinds, resting, taken_at, status: status.clone(), list: Arc::clone(list) }
    }

    /// True if a pass over that list may still go by it.
    pub(crate) fn holds(&self, list: &DesiredList, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.list, list) && self.status.swept_at.is_some_and(|at| now.duration_since(at) < FRESH)
    }

    /// What is left to be read.
    pub(crate) fn unread(&self, wanted: &BTreeMap<KindName, Wanted>) -> BTreeMap<KindName, Wanted> {
        let left = wanted.iter().filter(|(kind, _)| !self.resting.kinds.contains(*kind));
        left.map(|(kind, wanted)| (*kind, self.unread_of(kind, wanted))).collect()
    }

    fn unread_of(&self, kind: KindName, wanted: &Wanted) -> Wanted {
        let Some(keys) = self.resting.keys.get(kind) else { return wanted.clone() };
        Wanted { resources: wanted.resources.iter().filter(|r| !keys.contains(&r.key)).cloned().collect() }
    }

    /// Puts what was seen before beside what was read now, and says what it was; the whole is as old as its oldest part.
    pub(crate) fn complete(self, snapshot: &mut Snapshot) -> Resting {
        for (kind, before) in self.kinds {
            let reading = snapshot.kinds.entry(kind).or_default();
            let read: BTreeSet<String> = reading.observations.iter().map(|o| o.id.clone()).collect();
            reading.observations.extend(before.observations.into_iter().filter(|o| !read.contains(&o.id)));
        }
        snapshot.taken_at = snapshot.taken_at.min(self.taken_at);
        self.resting
    }
}

fn is_at_rest(verdict: &Verdict) -> bool {
    let ready = verdict.conditions.iter().find(|c| c.kind == ConditionType::Ready);
    let works = ready.is_some_and(|ready| ready.status == Truth::True);
    verdict.decision == Decision::InSync && verdict.phase == Phase::InSync && works && verdict.pending.is_none()
}
