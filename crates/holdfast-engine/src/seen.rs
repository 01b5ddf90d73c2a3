//! What a pass that follows another need not look at again.
//!
//! After a fix, or while AWS is at work on something, the next pass comes soon, and most of a scope cannot have anything
//! to do with it: only what has not come to rest is read, the rest is as the last whole look saw it. That goes by kind,
//! and where a kind is read by name, by resource: one rollout among two thousand services is one call and not two hundred.
//! That look is at most [`FRESH`] old; whoever asks, declares something or waits for the next sweep gets a whole one.

use crate::book::DesiredList;
use holdfast_core::cloud::Memo;
use holdfast_core::kind::{AnyKind, Registry};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::observe::{Reading, Snapshot, Wanted};
use holdfast_core::plan::{Decision, Memory, Plan, Verdict};
use holdfast_core::status::{ConditionType, Phase, Truth};
use holdfast_store::ScopeStatus;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long what a whole look saw may stand in for another look.
pub(crate) const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// What is remembered of each resource.
type Memories = BTreeMap<ResourceKey, Memory>;

/// How much of a scope a pass looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of it.
    Whole,
    /// What has not come to rest since the pass before it.
    Following,
}

/// What the last look has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastLook {
    /// How long the last whole one took, and how long ago it ended.
    pub(crate) whole: Duration,
    pub(crate) since: Duration,
    /// How long the one after it took that read less.
    pub(crate) narrow: Option<Duration>,
    /// Nothing stands against reading less the next time.
    pub(crate) may_follow: bool,
}

impl LastLook {
    /// How long a scope is left alone at least whose next pass would come after `wait`: a large one must not be swept all
    /// the time because a single resource in it wants to be looked at. What follows a whole look at once reads little.
    pub(crate) fn rest(self, wait: Duration) -> Duration {
        if self.may_follow && self.since + wait < FRESH.unsigned_abs() {
            return self.narrow.unwrap_or_default().saturating_mul(2);
        }
        self.whole.saturating_mul(2).saturating_sub(self.since)
    }
}

/// What of a look the next pass need not look at again.
#[derive(Debug, Default)]
pub(crate) struct Resting {
    /// Kinds of which everything is at rest.
    kinds: BTreeSet<KindName>,
    /// Of other kinds that are read by name, who is, and the id of what is live of it.
    keys: BTreeMap<KindName, BTreeMap<ResourceKey, String>>,
}

impl Resting {
    /// What a plan found at rest.
    pub(crate) fn of(registry: &Registry, snapshot: &Snapshot, plan: &Plan, memories: &Memories) -> Self {
        let of_moving = plan.verdicts.iter().filter(|v| !is_at_rest(v)).map(|v| v.key.kind.as_str());
        let moving: BTreeSet<&str> = of_moving.collect();
        let read = snapshot.kinds.iter().filter(|(_, reading)| reading.gaps.is_empty()).map(|(kind, _)| *kind);
        let (moving, kinds): (BTreeSet<KindName>, BTreeSet<KindName>) = read.partition(|kind| moving.contains(kind));
        let by_name = moving.into_iter().filter(|kind| registry.get(kind).is_some_and(AnyKind::by_name));
        let keys = by_name.map(|kind| (kind, alone(kind, &snapshot.kinds[kind], plan, memories)));
        Self { kinds, keys: keys.collect() }
    }

    /// True if it was at rest.
    pub(crate) fn has(&self, key: &ResourceKey) -> bool {
        self.kinds.contains(&*key.kind) || self.keys.get(&*key.kind).is_some_and(|keys| keys.contains_key(key))
    }

    /// True if all that a look read is at rest.
    pub(crate) fn is_all(&self, snapshot: &Snapshot) -> bool {
        snapshot.kinds.keys().all(|kind| self.kinds.contains(kind))
    }

    /// Leaves of a look what is at rest.
    pub(crate) fn keep(&self, snapshot: &mut Snapshot) {
        snapshot.kinds.retain(|kind, reading| match self.keys.get(kind) {
            Some(keys) => {
                let ids: BTreeSet<&String> = keys.values().collect();
                reading.observations.retain(|o| ids.contains(&o.id));
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
    /// What it read for all kinds at once.
    pub(crate) memo: Memo,
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
    pub(crate) fn of(
        (snapshot, memo): (Snapshot, Memo),
        resting: Resting,
        status: &ScopeStatus,
        list: &DesiredList,
    ) -> Self {
        let Snapshot { kinds, taken_at, .. } = snapshot;
        Self { kinds, memo, resting, taken_at, status: status.clone(), list: Arc::clone(list) }
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
        Wanted { resources: wanted.resources.iter().filter(|r| !keys.contains_key(&r.key)).cloned().collect() }
    }

    /// Puts what was seen before beside what was read now, and says what it was; the whole is as old as its oldest part.
    pub(crate) fn complete(self, snapshot: &mut Snapshot) -> Resting {
        for (kind, before) in self.kinds {
            let reading = snapshot.kinds.entry(kind).or_default();
            let read: BTreeSet<String> = reading.observations.iter().map(|o| o.id.clone()).collect();
            reading.observations.extend(before.observations.into_iter().filter(|o| !read.contains(&o.id)));
            if reading.parts.is_empty() {
                reading.parts = before.parts;
            }
        }
        snapshot.taken_at = snapshot.taken_at.min(self.taken_at);
        self.resting
    }
}

/// Who of a kind is at rest, with nothing beside it and nothing that it has replaced, and with what. What is kept of a look
/// is all that the next pass knows of it: what was live and is not there would be taken for gone.
fn alone(kind: KindName, reading: &Reading, plan: &Plan, memories: &Memories) -> BTreeMap<ResourceKey, String> {
    let seen: BTreeSet<&str> = reading.observations.iter().map(|o| &*o.id).collect();
    let replaces = |key: &ResourceKey| memories.get(key).is_some_and(|memory| !memory.retiring.is_empty());
    let is_alone = |v: &&Verdict| v.beside.is_empty() && !replaces(&v.key);
    let resting = plan.verdicts.iter().filter(|v| v.key.kind == kind && is_at_rest(v)).filter(is_alone);
    let live = |v: &Verdict| Some((v.key.clone(), v.id.clone().filter(|id| seen.contains(&**id))?));
    resting.filter_map(live).collect()
}

fn is_at_rest(verdict: &Verdict) -> bool {
    let ready = verdict.conditions.iter().find(|c| c.kind == ConditionType::Ready);
    let works = ready.is_some_and(|ready| ready.status == Truth::True);
    verdict.decision == Decision::InSync && verdict.phase == Phase::InSync && works && verdict.pending.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_core::name::Scope;
    use holdfast_core::observe::Gap;
    use serde_json::{Value, from_value, json};

    fn verdict(name: &str, more: &[(&str, Value)]) -> Verdict {
        let ready = json!({ "type": "Ready", "status": "True", "reason": "AsDeclared", "message": "", "since": "2026-01-01T00:00:00Z", "observedGeneration": 1 });
        let mut told = json!({
            "key": key(name), "generation": 1, "decision": "inSync", "reason": "so", "phase": "InSync", "conditions": [ready],
            "diffs": [], "outputs": {}, "id": name, "observed": true, "owned": [], "fingerprint": null, "isDrift": false,
            "unread": [],
        });
        for (field, value) in more {
            told[*field] = value.clone();
        }
        from_value(told).expect("it is a verdict")
    }

    fn key(name: &str) -> ResourceKey {
        ResourceKey::new("s", "Service", name)
    }

    #[test]
    fn only_what_reads_little_follows_a_long_look_at_once() {
        let second = Duration::from_secs;
        let whole = LastLook { whole: second(20), since: second(1), narrow: None, may_follow: true };
        let rest = |look: LastLook, wait| look.rest(second(wait)).as_secs();
        assert_eq!((rest(whole, 1), rest(whole, 29)), (0, 39), "later than that, it is whole again");
        assert_eq!(rest(LastLook { may_follow: false, ..whole }, 1), 39, "the next one reads all");
        let narrow = LastLook { narrow: Some(second(3)), since: second(10), ..whole };
        assert_eq!((rest(narrow, 1), rest(LastLook { since: second(35), ..narrow }, 1)), (6, 5));
        assert_eq!(rest(LastLook { since: second(60), ..narrow }, 1), 0, "steps took long enough");
    }

    #[test]
    fn of_a_kind_that_is_read_by_name_only_what_was_seen_at_rest_and_alone_is_not_read_again() {
        let live = |id: &str| {
            let told = json!({ "id": id, "identity": id, "tags": {}, "fields": {}, "outputs": {}, "state": { "is": "settled" }, "health": { "is": "healthy" } });
            Arc::new(from_value(told).expect("it is an observation"))
        };
        let ids = ["rests", "moves", "one", "another", "replaces", "stranger"];
        let parts = vec![Gap::new("ecs:DescribeTasks", vec!["rests".to_owned()], "AccessDenied")];
        let reading = Reading { observations: ids.iter().map(|id| live(id)).collect(), gaps: Vec::new(), parts };
        let scope = Scope::new("default", "eu-west-1");
        let mut snapshot =
            Snapshot { scope, taken_at: Timestamp::UNIX_EPOCH, kinds: BTreeMap::from([("Service", reading)]) };
        let verdicts = vec![
            verdict("rests", &[]),
            verdict("moves", &[("phase", json!("Progressing"))]),
            verdict("one", &[("beside", json!(["another"]))]),
            verdict("replaces", &[]),
            verdict("unseen", &[]),
        ];
        let plan = Plan { verdicts, ..Plan::default() };
        let retiring = Memory { retiring: vec!["before".to_owned()], ..Memory::default() };
        let registry = holdfast_kinds::registry();
        let resting = Resting::of(&registry, &snapshot, &plan, &BTreeMap::from([(key("replaces"), retiring)]));
        let rest: Vec<&str> = plan.verdicts.iter().filter(|v| resting.has(&v.key)).map(|v| &*v.key.name).collect();
        assert_eq!(rest, ["rests"]);
        assert!(!resting.is_all(&snapshot), "one moves");
        let all = Resting { kinds: BTreeSet::from(["Service"]), ..Resting::default() };
        assert!(all.is_all(&snapshot));
        resting.keep(&mut snapshot);
        let kept: Vec<&str> = snapshot.kinds["Service"].observations.iter().map(|o| &*o.id).collect();
        assert_eq!(kept, ["rests"]);
        let list = DesiredList::default();
        let status = ScopeStatus::of(snapshot.scope.clone());
        let mut now = Snapshot { kinds: BTreeMap::new(), ..snapshot.clone() };
        Seen::of((snapshot, Memo::default()), resting, &status, &list).complete(&mut now);
        let whole = &now.kinds["Service"];
        assert_eq!((whole.observations.len(), whole.parts.len()), (1, 1), "what could not be read of it is still told");
    }
}
