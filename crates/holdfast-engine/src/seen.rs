//! What a pass that follows another need not look at again.
//!
//! After a fix, or while AWS is at work on something, the next pass comes soon, and most of a scope cannot have anything
//! to do with it: only the kinds that have not come to rest are read, the others are as the last whole look saw them.
//! That look is at most [`FRESH`] old; whoever asks, declares something or waits for the next sweep gets a whole one.

use crate::book::DesiredList;
use holdfast_core::name::KindName;
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

/// What the last whole look saw of the kinds that are at rest.
#[derive(Debug)]
pub(crate) struct Seen {
    kinds: BTreeMap<KindName, Reading>,
    /// When that look began.
    pub(crate) taken_at: Timestamp,
    /// How that look is told.
    pub(crate) status: ScopeStatus,
    /// What was declared then.
    list: DesiredList,
}

impl Seen {
    /// Keeps of a look what is at rest. `status` tells of the whole look.
    pub(crate) fn of(snapshot: Snapshot, status: &ScopeStatus, list: &DesiredList) -> Self {
        let Snapshot { kinds, taken_at, .. } = snapshot;
        Self { kinds, taken_at, status: status.clone(), list: Arc::clone(list) }
    }

    /// True if a pass over that list may still go by it.
    pub(crate) fn holds(&self, list: &DesiredList, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.list, list) && self.status.swept_at.is_some_and(|at| now.duration_since(at) < FRESH)
    }

    /// What is left to be read.
    pub(crate) fn unread(&self, wanted: &BTreeMap<KindName, Wanted>) -> BTreeMap<KindName, Wanted> {
        let left = wanted.iter().filter(|(kind, _)| !self.kinds.contains_key(*kind));
        left.map(|(kind, wanted)| (*kind, wanted.clone())).collect()
    }

    /// Puts what was seen before beside what was read now, and says of which kinds; the whole is as old as its oldest
    /// part.
    pub(crate) fn complete(self, snapshot: &mut Snapshot) -> BTreeSet<KindName> {
        let kinds = self.kinds.keys().copied().collect();
        snapshot.kinds.extend(self.kinds);
        snapshot.taken_at = snapshot.taken_at.min(self.taken_at);
        kinds
    }
}

/// The kinds that the pass after this one has to look at again.
pub(crate) fn restless(snapshot: &Snapshot, plan: &Plan) -> BTreeSet<KindName> {
    let moving: BTreeSet<&str> =
        plan.verdicts.iter().filter(|v| !is_at_rest(v)).map(|verdict| verdict.key.kind.as_str()).collect();
    let unread = |kind: &KindName| snapshot.kinds.get(kind).is_some_and(|reading| !reading.gaps.is_empty());
    snapshot.kinds.keys().copied().filter(|kind| moving.contains(kind) || unread(kind)).collect()
}

fn is_at_rest(verdict: &Verdict) -> bool {
    let ready = verdict.conditions.iter().find(|c| c.kind == ConditionType::Ready);
    let works = ready.is_some_and(|ready| ready.status == Truth::True);
    verdict.decision == Decision::InSync && verdict.phase == Phase::InSync && works && verdict.pending.is_none()
}
