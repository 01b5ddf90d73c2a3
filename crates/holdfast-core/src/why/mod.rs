//! Why a resource and each of its fields stand where they stand, from what the last pass knew: no look into AWS.
//!
//! [`explain`] is pure. What live is like is known from three places: the differences that the pass found, what it
//! saw of a resource that it did not leave in sync ([`Sight`]), and, where live is as declared, the declaration itself
//! and what was live when it came in sync.

mod edit;
mod fields;
mod live;
mod types;
mod waits;

pub use live::{overlaid, within};
pub use types::*;

use crate::facts::Facts;
use crate::kept::Kept;
use crate::name::ResourceKey;
use crate::outputs::Outputs;
use crate::plan::{ADOPTABLE, Decision, Failure, Hold, NOTHING_TO_ADOPT, RolledBack, Verdict};
use crate::policy::Policy;
use crate::status::{Change, ConditionType, FieldDiff, Phase, Status, Truth};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reason of `Synced` where a generation awaits approval.
const AWAITING: &str = "AwaitingApproval";

/// What a pass saw of a resource that is not simply in sync.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// The generation that it planned.
    pub generation: u64,
    /// What it decided.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// How live differed, pending changes of a new generation included.
    pub diffs: Vec<FieldDiff>,
    /// The live fields with tags; `None` if it was not seen.
    pub live: Option<Kept>,
    /// Pointers that the sweep did not read.
    pub unread: Vec<String>,
    /// A newer generation than the one that is carried out awaits approval.
    pub awaiting: bool,
}

impl Sight {
    /// What is worth keeping of a verdict; `None` if live is as declared and all of it was read.
    pub fn of(verdict: &Verdict) -> Option<Self> {
        let plain = verdict.decision == Decision::InSync && verdict.diffs.is_empty() && verdict.unread.is_empty();
        // A thing that is missing differs by all of its declaration, which is known without a copy.
        let light = |d: &FieldDiff| match d.change {
            Change::Missing => FieldDiff { desired: Value::Null, last_written: Value::Null, ..d.clone() },
            _ => d.clone(),
        };
        (!plain).then(|| Self {
            generation: verdict.pending.as_ref().map_or(verdict.generation, |p| p.generation),
            decision: verdict.decision,
            reason: verdict.reason.clone(),
            diffs: verdict.diffs.iter().map(light).collect(),
            live: verdict.live.clone(),
            unread: verdict.unread.clone(),
            awaiting: verdict.pending.is_some(),
        })
    }
}

/// Another resource, as far as a chain of waiting goes through it.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Where it stands.
    pub phase: Phase,
    /// What is said of it.
    pub message: String,
    /// Its outputs.
    pub outputs: Outputs,
    /// Its spec, for the references in it.
    pub spec: Arc<Value>,
}

/// An earlier or the present declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Its number.
    pub generation: u64,
    /// The spec with variables filled in.
    pub spec: Value,
    /// The stack's tags.
    pub stack_tags: BTreeMap<String, String>,
}

/// All that an explanation looks at.
pub struct Asked<'a> {
    /// What is known of the fields of its kind.
    pub facts: &'a Facts,
    /// Whose.
    pub key: &'a ResourceKey,
    /// The generation that is declared.
    pub generation: u64,
    /// A pause in force.
    pub hold: Option<&'a Hold>,
    /// The spec as written.
    pub document: &'a Value,
    /// The spec with variables filled in.
    pub spec: &'a Value,
    /// The stack's tags.
    pub stack_tags: &'a BTreeMap<String, String>,
    /// The policy written on the resource itself.
    pub policy_own: &'a Policy,
    /// That over its stack's.
    pub policy: &'a Policy,
    /// What is said of it.
    pub status: &'a Status,
    /// The spec as Holdfast last wrote it or found it in sync.
    pub last_written: Option<&'a Value>,
    /// What was live when this generation was first in sync; `None` if it never was.
    pub baseline: Option<&'a Value>,
    /// What AWS took back, and what is not tried again.
    pub rolled_back: Option<&'a RolledBack>,
    /// The failure that is waited out.
    pub failure: Option<&'a Failure>,
    /// What the last pass saw, if it is not simply in sync.
    pub sight: Option<&'a Sight>,
    /// The live fields that it saw.
    pub live: Option<&'a Value>,
    /// All generations, newest first.
    pub generations: &'a [Generation],
    /// Looks up another resource.
    pub peers: &'a dyn Fn(&ResourceKey) -> Option<Peer>,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Asked<'a> {
    /// The last pass planned the generation that is declared.
    fn is_planned(&self) -> bool {
        self.status.observed_generation == self.generation
    }

    /// What was seen, if it was of the generation that is declared.
    fn sight(&self) -> Option<&'a Sight> {
        self.sight.filter(|s| s.generation == self.generation)
    }

    /// What is declared awaits approval, and an earlier generation is carried out meanwhile.
    fn is_awaiting(&self) -> bool {
        let said = self.status.condition(ConditionType::Synced).is_some_and(|c| c.reason == AWAITING);
        said || self.sight().is_some_and(|s| s.awaiting)
    }

    /// How live differs, as far as is known.
    fn diffs(&self) -> &'a [FieldDiff] {
        match self.sight() {
            Some(sight) => &sight.diffs,
            None if self.is_planned() => self.status.drift.as_ref().map_or(&[], |d| &d.fields),
            None => &[],
        }
    }
}

/// Explains a field, or without a path the resource with each field there is something to say of.
pub fn explain(asked: &Asked<'_>, path: Option<&str>) -> Explanation {
    let status = asked.status;
    let synced = status.condition(ConditionType::Synced);
    let sight = asked.sight();
    let waits_for = waits::of_resource(asked);
    let fields = match path {
        Some(path) => vec![fields::field(asked, path, &waits_for)],
        None => fields::noteworthy(asked).iter().map(|path| fields::field(asked, path, &waits_for)).collect(),
    };
    let told = synced.map_or("", |c| c.message.as_str());
    let message = match sight {
        Some(sight) if told.is_empty() => sight.reason.clone(),
        _ if told.is_empty() && status.phase == Phase::InSync => "Live equals declared.".to_owned(),
        _ if told.is_empty() && status.phase == Phase::Pending => "No pass has looked at it yet.".to_owned(),
        _ => told.to_owned(),
    };
    let in_sync = synced.is_some_and(|c| c.status == Truth::True);
    Explanation {
        stack: asked.key.stack.clone(),
        kind: asked.key.kind.clone(),
        name: asked.key.name.clone(),
        generation: asked.generation,
        observed_generation: status.observed_generation,
        seen_at: status.last_observed_at,
        phase: status.phase,
        decision: sight.map(|s| s.decision).or_else(|| in_sync.then_some(Decision::InSync)),
        reason: synced.map_or_else(|| status.phase.to_string(), |c| c.reason.clone()),
        message,
        conditions: status.conditions.clone(),
        edit: whole_edit(asked),
        waits_for,
        fields,
    }
}

/// The edit that makes the declaration say what is live.
fn whole_edit(asked: &Asked<'_>) -> Option<Edit> {
    let owned = asked.status.condition(ConditionType::Owned).map(|c| c.reason.as_str());
    match owned {
        Some(ADOPTABLE) => return edit::adopt(asked.policy_own, "Let Holdfast take the existing thing over."),
        Some(NOTHING_TO_ADOPT) => return edit::adopt(asked.policy_own, "Let Holdfast create it if there is nothing."),
        _ => {}
    }
    let drift: Vec<&FieldDiff> = asked.diffs().iter().filter(|d| d.change != Change::Undeclared).collect();
    let operations: Option<Vec<PatchOp>> = drift.iter().map(|d| fields::operation(asked, d)).collect();
    let patch = edit::together(operations.filter(|o| !o.is_empty())?);
    let says = match drift.as_slice() {
        [only] => format!("Declare what is live at {}.", only.path),
        many => format!("Declare what is live at {} places.", many.len()),
    };
    Some(Edit { says, patch })
}

#[cfg(test)]
mod tests;
