//! Tells drift from rollout, field by field: what somebody else has changed, and what the declared generation brings.
//!
//! A field that was live as it is declared, and is not any more, has drifted. What has been live as declared is the
//! *settled* spec: it follows live field by field while a generation is carried out, and what steps of ours are about to
//! change is taken out of it before they run. A list is declared whole, and so it is one field.

use super::decide::Case;
use super::{Decision, Memory, Verdict};
use crate::compare::{Known, compare_known};
use crate::kept::Kept;
use crate::pointer::{self, covers};
use crate::policy::DriftPolicy;
use crate::status::{Change, FieldDiff};
use serde_json::json;

/// What differs and is to be healed, by whose doing it is.
pub(super) struct Open {
    /// What the generation brings.
    pub(super) news: Vec<FieldDiff>,
    /// What somebody else has changed.
    pub(super) drift: Vec<FieldDiff>,
    /// Drift that policy only reports, beside what the generation brings.
    pub(super) left: Vec<FieldDiff>,
}

impl Open {
    /// All that steps are to heal.
    pub(super) fn heal(&self) -> Vec<&FieldDiff> {
        self.drift.iter().chain(&self.news).collect()
    }

    /// True if there is something to heal, and the generation brings none of it.
    pub(super) fn is_all_drift(&self) -> bool {
        self.news.is_empty() && !self.drift.is_empty()
    }
}

impl Case<'_> {
    /// Sorts what is to be healed. `news` are pointers of what the generation brings.
    pub(super) fn open(&self, heal: Vec<FieldDiff>, news: &[String]) -> Open {
        let (news, drift): (Vec<_>, Vec<_>) = heal.into_iter().partition(|d| news.contains(&d.path));
        match self.desired.policy.drift {
            Some(DriftPolicy::Report) if !news.is_empty() => Open { news, drift: Vec::new(), left: drift },
            _ => Open { news, drift, left: Vec::new() },
        }
    }

    /// The pointers of those differences that the generation brings.
    pub(super) fn declared_anew(&self, diffs: &[FieldDiff]) -> Vec<String> {
        let mut differs = diffs.iter().filter(|d| d.change != Change::Undeclared).peekable();
        if differs.peek().is_none() || self.was_in_sync() || self.is_unconfirmed() {
            return Vec::new();
        }
        let Some(settled) = settled(self.memory).map(Kept::value) else {
            return differs.map(|d| d.path.clone()).collect();
        };
        // Of tags, those go that were declared, also where none is declared any more.
        let tags = self.tags.cloned().unwrap_or_default();
        let known = Known { last: Some(&settled), ..Known::default() };
        let moved = compare_known(&self.whole(self.spec, Some(&tags)), &settled, &known, self.kind.facts());
        let is_news = |diff: &&FieldDiff| {
            let at = field(&diff.path);
            // What is as it is where nothing is declared, such as a default, is no difference to the settled spec.
            settled.pointer(at).is_none()
                || moved.iter().map(|m| field(&m.path)).any(|m| covers(m, at) || covers(at, m))
        };
        differs.filter(is_news).map(|d| d.path.clone()).collect()
    }
}

/// What was live as declared when it was last looked at, less what steps of ours may have changed since; `None` if it has
/// not been in sync since it was made.
fn settled(memory: &Memory) -> Option<&Kept> {
    let was_in_sync = memory.baseline.is_some() && memory.baseline_generation != 0;
    memory.settled.as_ref().or(memory.last_written.as_ref()).filter(|_| was_in_sync)
}

/// What is to be remembered as settled before the steps of a verdict run that finds a resource not in sync.
pub fn settled_before_steps(memory: &Memory, verdict: &Verdict) -> Option<Kept> {
    use Decision::{Adopt, Create, Delete, Replace, Update};
    let settled = settled(memory)?;
    if matches!(verdict.decision, Create | Replace | Adopt | Delete) {
        return Some(json!({}).into());
    }
    // While the generation is the one that was in sync, nothing of it is new.
    let seen = verdict.live.is_some() && !verdict.behind && verdict.generation != memory.baseline_generation;
    let Some(declared) = verdict.resolved.as_ref().filter(|_| seen) else { return memory.settled.clone() };
    let (settled, mut now) = (settled.value(), declared.value());
    let acts = verdict.decision == Update;
    let differs = verdict.diffs.iter().filter(|d| d.change != Change::Undeclared);
    let moving = |d: &FieldDiff| acts && !verdict.is_drift_at(d);
    let open = differs.map(|d| (field(&d.path), !moving(d)));
    for (at, stays) in open.chain(verdict.unread.iter().map(|at| (field(at), true))) {
        match settled.pointer(at).filter(|_| stays) {
            Some(value) => _ = pointer::set(&mut now, at, value.clone()),
            None => _ = pointer::remove(&mut now, at),
        }
    }
    Some(now.into())
}

/// The field that a pointer leads into: as far as the first list.
fn field(path: &str) -> &str {
    let is_index = |segment: &str| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
    let mut end = 0;
    for segment in path.split('/').skip(1) {
        if is_index(segment) {
            break;
        }
        end += 1 + segment.len();
    }
    &path[..end]
}

/// True for what can be put into a spec as it is live: within lists, places move, and tags are none of a spec's.
pub(super) fn is_plain(diff: &&FieldDiff) -> bool {
    field(&diff.path) == diff.path && !diff.path.starts_with("/tags/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_field() {
        assert_eq!(field("/ingress/0/description"), "/ingress");
        assert_eq!(field("/tags/team"), "/tags/team");
        assert_eq!(field("/a/b"), "/a/b");
        assert_eq!((field(""), field("/0")), ("", ""));
    }

    #[test]
    fn what_is_settled_follows_live_and_what_steps_may_change_is_not() {
        let settled = json!({ "size": 1, "length": 1, "weight": 1, "friends": ["x"] });
        let memory = Memory {
            baseline: Some(settled.clone().into()),
            baseline_generation: 1,
            last_written: Some(settled.into()),
            ..Memory::default()
        };
        let declared = json!({ "size": 1, "length": 2, "weight": 2, "friends": ["y"], "new": 1, "unread": 1 });
        let diff = |path: &str| json!({ "path": path, "change": "changed", "desired": 0, "live": 9, "severity": "functional" });
        let verdict = |decision: &str, generation: u64| -> Verdict {
            serde_json::from_value(json!({
                "key": crate::name::ResourceKey::new("s", "Box", "a"), "generation": generation, "decision": decision,
                "reason": "so", "phase": "Progressing", "conditions": [], "outputs": {}, "id": "a", "observed": true,
                "owned": [], "rolledBack": null, "fingerprint": null, "isDrift": true, "news": ["/length", "/friends/0"],
                "diffs": [diff("/size"), diff("/length"), diff("/friends/0")],
                "resolved": declared.clone(), "live": {}, "unread": ["/unread"],
            }))
            .expect("a verdict")
        };
        let after = |decision: &str, generation: u64| {
            settled_before_steps(&memory, &verdict(decision, generation)).map(|kept| kept.value())
        };
        let acted = json!({ "size": 1, "weight": 2, "new": 1 });
        assert_eq!(after("update", 2), Some(acted));
        let held = json!({ "size": 1, "length": 1, "weight": 2, "friends": ["x"], "new": 1 });
        assert_eq!(after("blocked", 2), Some(held));
        assert_eq!(after("update", 1), None, "drift of what was in sync");
        for decision in ["create", "replace", "adopt", "delete"] {
            assert_eq!(after(decision, 1), Some(json!({})), "{decision}");
        }
        let never = Memory { baseline: None, ..memory.clone() };
        assert_eq!(settled_before_steps(&never, &verdict("update", 2)), None);
    }
}
