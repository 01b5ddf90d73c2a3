//! Status: what is said of a resource, in the words of the API.

use crate::facts::Severity;
use crate::outputs::Outputs;
use crate::ownership::Owned;
use crate::policy::jiff_timestamp::Until as Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Where a resource stands between declared and live. It speaks of sync alone, never of health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Not looked at yet.
    #[default]
    Pending,
    /// Steps of ours are under way, or AWS holds it in a state that forbids writes.
    Progressing,
    /// Live equals declared.
    InSync,
    /// Live differs, and policy only reports it or the heal is still to come.
    Drifted,
    /// Something must come first: a reference, a policy, a person.
    Blocked,
    /// AWS refused what has to be done.
    Failed,
    /// Held by a person.
    Paused,
    /// Being deleted.
    Deleting,
    /// It could not be read.
    Unknown,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// A condition, as Kubernetes writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Synced`, `Ready`, `ReferencesResolved`, `Owned` or `Stuck`.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// `True`, `False` or `Unknown`.
    pub status: Truth,
    /// One CamelCase word.
    pub reason: String,
    /// A sentence: what, and what to do; empty when there is nothing to say.
    pub message: String,
    /// Since when it has this status. Kept by [`merge_since`] over passes.
    #[schemars(with = "Time")]
    pub since: jiff::Timestamp,
}

/// The conditions of a resource, in the order of [`ConditionType`]. Shared: of most resources the same is said, and whoever
/// says something else of one says it of that one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conditions(Arc<[Condition]>);

impl Conditions {
    /// Takes `others` if they are the same.
    pub fn share(&mut self, others: &Self) {
        if self == others {
            self.clone_from(others);
        }
    }
}

impl From<Vec<Condition>> for Conditions {
    fn from(conditions: Vec<Condition>) -> Self {
        Self(conditions.into())
    }
}

impl Deref for Conditions {
    type Target = [Condition];

    fn deref(&self) -> &[Condition] {
        &self.0
    }
}

impl DerefMut for Conditions {
    fn deref_mut(&mut self) -> &mut [Condition] {
        Arc::make_mut(&mut self.0)
    }
}

/// The reason of `Ready` where nothing is live.
pub const MISSING: &str = "Missing";

/// The conditions that every resource has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ConditionType {
    /// Live equals declared.
    Synced,
    /// The thing itself is healthy.
    Ready,
    /// Every reference has a value.
    ReferencesResolved,
    /// The live thing is ours.
    Owned,
    /// Fixes did not take, and Holdfast has stopped trying.
    Stuck,
}

/// Three-valued truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Truth {
    /// Yes.
    True,
    /// No.
    False,
    /// Not known.
    Unknown,
}

/// One difference between declared and live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldDiff {
    /// JSON Pointer into the spec.
    pub path: String,
    /// In which way.
    pub change: Change,
    /// The declared value; null if none.
    pub desired: Value,
    /// The live value; null if none.
    pub live: Value,
    /// What we last wrote there; null if nothing.
    #[serde(default)]
    pub last_written: Value,
    /// How much it matters.
    pub severity: Severity,
    /// What is done about it: a verb such as `revoke`, `authorize`, `update`, `create`, `report`, `none`.
    #[serde(default)]
    pub decision: String,
}

/// In which way live differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Live has what the declaration has not.
    Added,
    /// The declaration has what live has not.
    Removed,
    /// Both have it, differently.
    Changed,
    /// The whole thing is not there.
    Missing,
    /// A field nobody declared has changed since we last saw the thing in sync.
    Undeclared,
}

/// The drift of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Since when.
    #[schemars(with = "Time")]
    pub since: jiff::Timestamp,
    /// What the loop does: `healing`, `reporting`, `held`, `waiting`.
    pub action: String,
    /// Field by field.
    pub fields: Vec<FieldDiff>,
}

/// The status of a resource, as the API shows it and the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Where it stands.
    pub phase: Phase,
    /// The generation that the last full plan took into account; 0 before the first.
    pub observed_generation: u64,
    /// What references take.
    #[serde(default)]
    pub outputs: Outputs,
    /// The conditions, in the order of [`ConditionType`].
    #[serde(default)]
    #[schemars(with = "Vec<Condition>")]
    pub conditions: Conditions,
    /// How live differs; `None` when it does not.
    pub drift: Option<Drift>,
    /// Declared fields that somebody else sets, such as an autoscaler; a difference there is no drift while it is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<Owned>,
    /// When it was last seen, or last seen to be absent.
    #[schemars(with = "Option<Time>")]
    pub last_observed_at: Option<jiff::Timestamp>,
}

impl Status {
    /// The condition of a type.
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }
}

/// Carries `since` over from the old conditions where the status has not changed. Where nothing else has either, the old
/// ones are shared.
pub fn merge_since(new: &mut Conditions, old: &Conditions) {
    let same = |(a, b): (&Condition, &Condition)| {
        a.kind == b.kind && a.status == b.status && a.reason == b.reason && a.message == b.message
    };
    if new.len() == old.len() && new.iter().zip(old.iter()).all(same) {
        new.clone_from(old);
        return;
    }
    let kept = |c: &Condition| Some(old.iter().find(|o| o.kind == c.kind && o.status == c.status)?.since);
    if new.iter().any(|c| kept(c).is_some_and(|since| since != c.since)) {
        for c in new.iter_mut() {
            c.since = kept(c).unwrap_or(c.since);
        }
    }
}
