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
use serde_json::{Value, json};
use std::borrow::Cow;

/// What differs and is not left to anybody.
pub(super) struct Open {
    /// What steps are to heal.
    pub(super) heal: Vec<FieldDiff>,
    /// Drift that policy only reports, beside what the generation brings.
    pub(super) left: Vec<FieldDiff>,
    /// Pointers of what the generation brings, healed or not.
    pub(super) news: Vec<String>,
}

impl Open {
    /// What is to be healed of `heals`, or of everything: what the generation brings, and what somebody else has changed.
    pub(super) fn sorted(&self, heals: Option<&[String]>) -> (Vec<&FieldDiff>, Vec<&FieldDiff>) {
        let of = self.heal.iter().filter(|d| heals.is_none_or(|heals| heals.contains(&d.path)));
        of.partition(|d| self.news.contains(&d.path))
    }

    /// True if there is something to heal, and the generation brings none of it.
    pub(super) fn is_all_drift(&self) -> bool {
        let (news, drift) = self.sorted(None);
        news.is_empty() && !drift.is_empty()
    }

    /// A spec in which stands live what is left: a call that takes several fields must not write it. Tags have calls of
    /// their own.
    pub(super) fn leave<'s>(&self, mut spec: Cow<'s, Value>, live: &Value) -> Cow<'s, Value> {
        for at in self.left.iter().map(|d| field(&d.path)).filter(|at| !at.starts_with("/tags")) {
            put(spec.to_mut(), at, live.pointer(at));
        }
        spec
    }
}

impl Case<'_> {
    /// Sorts what is to be healed. `news` are pointers of what the generation brings.
    pub(super) fn open(&self, mut heal: Vec<FieldDiff>, news: Vec<String>) -> Open {
        let mut left = Vec::new();
        let brings = heal.iter().any(|d| news.contains(&d.path));
        if brings && self.desired.policy.drift == Some(DriftPolicy::Report) {
            (heal, left) = heal.into_iter().partition(|d| news.contains(&d.path));
        }
        Open { heal, left, news }
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
    use Decision::{Adopt, Create, Delete, Replace};
    let settled = settled(memory)?;
    if matches!(verdict.decision, Create | Replace | Adopt | Delete) {
        return Some(json!({}).into());
    }
    // While the generation is the one that was in sync, nothing of it is new.
    if verdict.live.is_none() || verdict.behind || verdict.generation == memory.baseline_generation {
        return memory.settled.clone();
    }
    let settled = settled.value();
    // While a reference waits, what is declared cannot be told; steps may run all the same.
    let mut now = verdict.resolved.as_ref().map_or_else(|| settled.clone(), Kept::value);
    let counted = || verdict.diffs.iter().filter(|d| d.change != Change::Undeclared);
    let acts = counted().any(|d| !["none", "report"].contains(&d.decision.as_str()));
    let open = counted().map(|d| (field(&d.path), !acts || verdict.is_drift_at(d)));
    // What its owner has not let go of yet, and what was not read, is no more live than it was.
    let owned = verdict.owned.iter().filter(|o| o.left && o.declared != o.live).map(|o| field(&o.path));
    let unread = verdict.unread.iter().map(|at| field(at));
    for (at, stays) in open.chain(owned.chain(unread).map(|at| (at, true))) {
        put(&mut now, at, settled.pointer(at).filter(|_| stays));
    }
    Some(now.into())
}

/// Puts what there is, or nothing, into its place.
fn put(spec: &mut Value, at: &str, value: Option<&Value>) {
    match value {
        Some(value) => _ = pointer::set(spec, at, value.clone()),
        None => _ = pointer::remove(spec, at),
    }
}

/// The field that a pointer leads into: as far as the first list. A tag's key may be a number.
fn field(path: &str) -> &str {
    if path.starts_with("/tags/") {
        return path;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_field() {
        assert_eq!(field("/ingress/0/description"), "/ingress");
        assert_eq!(field("/tags/team"), "/tags/team");
        assert_eq!(field("/a/b"), "/a/b");
        assert_eq!(field("/tags/123"), "/tags/123");
        assert_eq!((field(""), field("/0")), ("", ""));
    }

    #[test]
    fn what_is_left_stands_live_in_what_a_kind_is_given_and_tags_do_not() {
        let left = ["/net/subnets/1", "/gone", "/tags/team"].map(|path| {
            let diff = json!({ "path": path, "change": "changed", "desired": 0, "live": 9, "severity": "functional" });
            serde_json::from_value(diff).expect("a difference")
        });
        let open = Open { heal: Vec::new(), left: left.to_vec(), news: Vec::new() };
        let spec = json!({ "net": { "subnets": ["a"], "public": true }, "gone": 1 });
        let live = json!({ "net": { "subnets": ["a", "b"], "public": false }, "tags": { "team": "t" } });
        let kept = open.leave(Cow::Borrowed(&spec), &live).into_owned();
        assert_eq!(kept, json!({ "net": { "subnets": ["a", "b"], "public": true } }));
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
        let verdict = |decision: &str, generation: u64| -> Verdict {
            let done = if decision == "update" { "update" } else { "none" };
            let diff = |path: &str| json!({ "path": path, "change": "changed", "desired": 0, "live": 9, "severity": "functional", "decision": done });
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
        let changed = |change: fn(&mut Verdict)| {
            let mut verdict = verdict("update", 2);
            change(&mut verdict);
            settled_before_steps(&memory, &verdict).map(|kept| kept.value())
        };
        let waits = changed(|v| v.resolved = None);
        assert_eq!(waits, Some(json!({ "size": 1, "weight": 1 })), "steps run while a reference waits");
        let theirs = changed(|v| {
            let owned = json!({ "path": "/weight", "owner": "o", "declared": 2, "live": 1, "left": true, "why": "w" });
            v.owned = vec![serde_json::from_value(owned).expect("an owner")];
        });
        assert_eq!(theirs, Some(json!({ "size": 1, "weight": 1, "new": 1 })), "its owner has not let go of it");
        for decision in ["create", "replace", "adopt", "delete"] {
            assert_eq!(after(decision, 1), Some(json!({})), "{decision}");
        }
        let never = Memory { baseline: None, ..memory.clone() };
        assert_eq!(settled_before_steps(&never, &verdict("update", 2)), None);
    }
}
