//! What goes into a plan and what comes out of it.

use super::approve::{Instead, Part, Pending, Release};
use super::quiet::Quiet;
use crate::cloud::ApplyError;
use crate::handle::Stem;
use crate::kept::Kept;
use crate::kind::{AnyKind, Registry};
use crate::name::{ResourceKey, Scope};
use crate::observe::{Observation, Snapshot};
use crate::outputs::Outputs;
use crate::ownership::Owned;
use crate::policy::Policy;
use crate::spec::Spec;
use crate::status::{Change, Conditions, FieldDiff, Phase};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One declared resource, as the plan takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    /// Whose.
    pub key: ResourceKey,
    /// The uid in the owner tag.
    pub uid: String,
    /// Counts the changes of spec, policy and tags, from 1.
    pub generation: u64,
    /// Where it lives.
    pub scope: Scope,
    /// As declared, variables filled in; references still stand.
    pub spec: Arc<Spec>,
    /// The stack's tags, which go on every taggable resource; a resource's own win.
    pub stack_tags: Arc<BTreeMap<String, String>>,
    /// The effective policy: the resource's over the stack's.
    pub policy: Policy,
    /// Whether it is to be or to go.
    pub fate: Fate,
    /// A pause in force, of the resource or its stack.
    pub hold: Option<Hold>,
    /// What is carried out while this generation awaits approval; none if this one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Arc<Instead>>,
}

/// Whether a resource is to be or to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// Declared.
    Keep,
    /// The declaration went and its policy says delete: within the deletion budget.
    DeleteByPolicy,
    /// A person named it: deleted in order, without a budget.
    DeleteByName,
    /// The same, and whatever policy says, its data is kept in a final snapshot where the kind has one.
    DeleteWithSnapshot,
}

impl Fate {
    /// True if a person asked for the deletion by name.
    pub fn is_by_name(self) -> bool {
        matches!(self, Fate::DeleteByName | Fate::DeleteWithSnapshot)
    }
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Why, in the words of whoever paused.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// What is remembered of a resource from pass to pass. Losing it costs look-ups, never correctness.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// AWS's handle as last known.
    pub id: Option<String>,
    /// The last known outputs.
    pub outputs: Outputs,
    /// The spec, references filled in, as we last wrote it or last found it in sync.
    pub last_written: Option<Kept>,
    /// The live fields when it was last found in sync after a change of ours: what `undeclared` is held against.
    pub baseline: Option<Kept>,
    /// The generation `baseline` belongs to.
    pub baseline_generation: u64,
    /// The spec that `baseline` was found in sync with, where another has been written since: what it declares is no
    /// addition of AWS's. Losing it may excuse what was declared once and did not go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_as: Option<Kept>,
    /// The spec as far as it was live as declared when it was last looked at, less what steps have been planned for since;
    /// none while that is `last_written`. What is declared as it stands there, and is not live, is drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Kept>,
    /// The generation that took over what existed, until it is in sync or somebody declares or confirms something; 0
    /// otherwise. Losing it makes the differences of an unconfirmed adoption a rollout.
    pub adopted_generation: u64,
    /// What it looked like when a plan last found nothing to say of it. Not stored: another build may judge otherwise.
    #[serde(skip)]
    pub quiet: Option<Quiet>,
    /// When we created it, until a sweep has shown it.
    pub created_unseen: Option<Timestamp>,
    /// When we created it, or may have, also after a sweep has shown it: lists that disagree may hide it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The identity it was created with, or may have been, where the kind has one: under another one, the same call
    /// makes a second thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_as: Option<String>,
    /// Fingerprint of the differences that the last steps were to heal.
    pub fingerprint: Option<String>,
    /// How many times steps for that fingerprint succeeded without making it go away.
    pub futile: u32,
    /// The last failure, until something succeeds or inputs move.
    pub failure: Option<Box<Failure>>,
    /// Since when it drifts.
    pub drift_since: Option<Timestamp>,
    /// A fix that took, for as long as somebody may still reverse it.
    pub contest: Option<Box<Contest>>,
    /// Live things of ours that another one of the same resource has taken the place of, by id.
    pub retiring: Vec<String>,
    /// The declared value that AWS took back, until it is live after all or the declaration moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<Box<RolledBack>>,
}

impl Memory {
    /// When it was created, or may have been.
    pub fn made_at(&self) -> Option<Timestamp> {
        self.created_unseen.max(self.created_at)
    }

    /// It was created at that time with that identity, or may have been.
    pub fn made(&mut self, at: Timestamp, identity: Option<&String>) {
        (self.created_unseen, self.created_at) = (Some(at), Some(at));
        self.made_as = identity.cloned();
    }

    /// It was found or taken over at that time under that identity, or may have been: lists that disagree may hide it.
    pub fn may_be_hidden(&mut self, at: Timestamp, identity: Option<&String>) {
        (self.created_at, self.made_as) = (Some(at), identity.cloned());
    }

    /// What was created is gone: it is not waited for to be shown.
    pub fn unmade(&mut self) {
        (self.created_unseen, self.created_at, self.made_as) = (None, None, None);
    }

    /// True if that is, or is another revision of, what something else has taken the place of.
    pub fn has_replaced(&self, id: &str, stem: Stem) -> bool {
        self.retiring.iter().any(|old| stem(old) == stem(id))
    }

    /// Forgets that it was replaced, whichever revision of it was known.
    pub fn keeps(&mut self, id: Option<&str>, stem: Stem) {
        self.retiring.retain(|old| id.is_none_or(|id| stem(old) != stem(id)));
    }

    /// True if `shown`, with `beside` it, is less than was made a moment ago: reads may go back in time, and then show
    /// what another has taken the place of already. `settle` is how long AWS may take to show what was made.
    pub fn is_ahead_of(
        &self,
        shown: &Observation,
        beside: &[&Arc<Observation>],
        now: Timestamp,
        settle: SignedDuration,
    ) -> bool {
        let young = |at: Option<Timestamp>| at.is_some_and(|at| now.duration_since(at) < settle);
        let is_it = self.made_as.as_ref() == Some(&shown.identity);
        match self.id.as_deref().filter(|id| !self.retiring.iter().any(|old| old == id)) {
            Some(made) => {
                // What has been shown before is hidden again only if what is shown is another by its name too: a
                // handle may move on with an update whose record was lost.
                let hidden = young(self.created_unseen) || (young(self.created_at) && !is_it);
                hidden && made != shown.id && !beside.iter().any(|other| other.id == made)
            }
            // Of a replacement whose answer was lost only what it replaces is known.
            None => {
                let replaced = self.retiring.contains(&shown.id) && !is_it;
                young(self.created_unseen) && replaced && beside.is_empty()
            }
        }
    }
}

/// How the fingerprint of the deletion of what was replaced begins; the rest is its id.
pub const RETIRE: &str = "retire ";

/// A fix that took: live was seen as declared after it. If the same differences come back, somebody reverses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contest {
    /// Fingerprint of the differences that were healed.
    pub fingerprint: String,
    /// How many fixes it took, each soon after the last.
    pub times: u32,
    /// When live was last seen as declared.
    pub at: Timestamp,
}

impl Contest {
    /// Differences that come back later than this are no reversal of the fix.
    pub const SOON: SignedDuration = SignedDuration::from_hours(1);
}

/// A declared value that AWS tried and took back. It is not tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// JSON Pointer into the spec.
    pub path: String,
    /// The declared value.
    pub value: Value,
    /// AWS's words.
    pub why: String,
    /// Fields whose change is no reason to try it again.
    pub beside: Vec<String>,
    /// Fingerprint of the declaration that was tried, without tags and those fields.
    pub declared: String,
    /// When it was first seen.
    pub since: Timestamp,
}

/// A failure that is being waited out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What AWS said.
    pub error: ApplyError,
    /// The step that failed, as text.
    pub step: String,
    /// How many times in a row.
    pub times: u32,
    /// Not tried again before, unless the fingerprint moves.
    pub retry_at: Timestamp,
    /// Fingerprint of the plan that failed.
    pub fingerprint: String,
}

/// All that a plan of one scope looks at.
pub struct Input<'a> {
    /// The kinds.
    pub registry: &'a Registry,
    /// Everything declared in the scope.
    pub desired: &'a [Arc<Desired>],
    /// What was seen.
    pub snapshot: &'a Snapshot,
    /// What is remembered; absent means nothing.
    pub memory: &'a BTreeMap<ResourceKey, Memory>,
    /// Outputs of resources of other scopes, for references across.
    pub elsewhere: &'a BTreeMap<ResourceKey, Outputs>,
    /// True if a resource of this uid is declared anywhere: its live thing belongs to somebody else of ours.
    pub declared_uids: &'a dyn Fn(&str) -> bool,
    /// Limits.
    pub settings: &'a Settings,
    /// Deletions by policy that the budget of this hour still allows.
    pub deletes_left: u32,
    /// Replacements that the budget of this hour still allows.
    pub replaces_left: u32,
    /// A person has said that the drift of this scope, however much it is, is to be healed.
    pub drift_confirmed: bool,
    /// Now.
    pub now: Timestamp,
}

/// Limits of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// After so many fixes that did not take, a resource is stuck.
    pub max_futile: u32,
    /// After a fix has been reversed so many times, a resource is stuck.
    pub max_reversals: u32,
    /// How long AWS may take to show what was just created: after that it is made once more.
    pub settle: SignedDuration,
    /// More than so many per cent of what was in sync in a scope may not drift at once, or nothing is written there.
    pub max_drift_share: u32,
    /// Unless these are fewer than so many.
    pub min_drift: usize,
    /// What the hashes of live things are made with. Nobody who writes in AWS may know it: who does could make a change look
    /// like none.
    pub looks_key: [u64; 4],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_futile: 3,
            max_reversals: 3,
            settle: SignedDuration::from_secs(330),
            max_drift_share: 50,
            min_drift: 10,
            looks_key: [0; 4],
        }
    }
}

impl Settings {
    /// How long a create is waited for before the same call is made again. Where that makes no second thing, nothing is
    /// risked after a minute; elsewhere AWS may take as long as `settle` to show it.
    pub fn settle_of(&self, kind: Option<&dyn AnyKind>) -> SignedDuration {
        let harmless = kind.is_some_and(AnyKind::repeatable);
        if harmless { self.settle.min(SignedDuration::from_mins(1)) } else { self.settle }
    }
}

/// What to do in one scope, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The steps in an order that respects `needs` and `after`.
    pub steps: Vec<Step>,
    /// One verdict a resource, by key.
    pub verdicts: Vec<Verdict>,
    /// Why nothing at all is written in the scope, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// What must be approved before steps for it come into a plan; approved parts are among `steps`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaiting: Vec<Part>,
    /// Generations that are carried out from this plan on: approved, or without any change to approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<Release>,
    /// What AWS has begun to add by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
}

/// So much of a scope has drifted at once that a person has to look first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// Resources that were in sync and are not any more.
    pub drifted: usize,
    /// Resources that were in sync.
    pub of: usize,
    /// What is held, why, and what releases it.
    pub reason: String,
}

/// A field that AWS has begun to add to what is declared: proposed as a default, and no drift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    /// Of which kind.
    pub kind: String,
    /// Where; `*` stands for any place in a list.
    pub path: String,
    /// The value that AWS shows.
    pub value: Value,
    /// The resources that show it.
    pub resources: Vec<ResourceKey>,
}

impl std::fmt::Display for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, path, value) = (&self.kind, &self.path, &self.value);
        let whose = match self.resources.as_slice() {
            [one] => one.to_string(),
            [first, ..] => format!("{first} and {} more of the kind", self.resources.len() - 1),
            [] => "no resource".to_owned(),
        };
        write!(
            f,
            "AWS shows {path} = {value}, which nobody declared, of {whose}. It is taken for a new default of {kind} and is \
             no drift. Declare the field if it should be another value."
        )
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its number in the plan, from 1.
    pub id: u32,
    /// Whose.
    pub key: ResourceKey,
    /// Which generation it serves.
    pub generation: u64,
    /// In the signs people know.
    pub verb: Verb,
    /// The kind's action; references to outputs that earlier steps renew still stand in it.
    pub action: Value,
    /// The action as a line of text.
    pub text: String,
    /// Why: the rest of "because …".
    pub because: String,
    /// Paths of the differences it heals.
    pub heals: Vec<String>,
    /// Outputs that it renews.
    pub renews: Vec<String>,
    /// Steps that must have succeeded before.
    pub needs: Vec<u32>,
    /// Steps that must have ended before, in whatever way.
    pub after: Vec<u32>,
    /// The live handle that it acts on; none for a create.
    pub target: Option<String>,
}

/// What kind of write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// `+`
    Create,
    /// `~`
    Update,
    /// `-`
    Delete,
    /// `<` Owner tags are put on an existing thing.
    Adopt,
}

impl Verb {
    /// The sign in front of a plan's line.
    pub fn sign(self) -> &'static str {
        match self {
            Verb::Create => "+",
            Verb::Update => "~",
            Verb::Delete => "-",
            Verb::Adopt => "<",
        }
    }
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
            Verb::Adopt => "adopt",
        }
    }
}

/// What was decided of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whose.
    pub key: ResourceKey,
    /// Its generation; while that awaits approval, the one that is carried out.
    pub generation: u64,
    /// What was decided.
    pub decision: Decision,
    /// Why, in a sentence; never empty.
    pub reason: String,
    /// The phase that it is in because of it.
    pub phase: Phase,
    /// All five conditions; `since` is the plan's now.
    pub conditions: Conditions,
    /// How live differs.
    pub diffs: Vec<FieldDiff>,
    /// Differences that AWS has made by adding fields of its own: neither drift nor undeclared, and part of what the
    /// resource is held against from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<FieldDiff>,
    /// Outputs as seen live; empty if it was not seen.
    pub outputs: Outputs,
    /// The live handle, if one is known to be ours.
    pub id: Option<String>,
    /// Handles of other live things with the same owner tag.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// True if the snapshot said for certain whether it is there.
    pub observed: bool,
    /// True if what was seen is older than what was made a moment ago.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub behind: bool,
    /// Declared fields that somebody else sets.
    pub owned: Vec<Owned>,
    /// What AWS took back, to be remembered; none lets go of what was.
    pub rolled_back: Option<Box<RolledBack>>,
    /// Fingerprint of the differences, for the breaker; none if there are none.
    pub fingerprint: Option<String>,
    /// True if somebody else has made differences: those at no pointer of `news`.
    pub is_drift: bool,
    /// Pointers of the differences that the generation brings, where there is drift beside them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<String>,
    /// The canonical spec with tags and all references filled in. Left out, for the sake of passes that find
    /// nothing, when it is in sync and the memory's baseline is of this generation.
    pub resolved: Option<Kept>,
    /// The live fields with tags; left out likewise, and when it was not seen.
    pub live: Option<Kept>,
    /// Pointers that the sweep did not read.
    pub unread: Vec<String>,
    /// What it looks like, if there is nothing to say of it: the next plan need not compare it again.
    #[serde(skip)]
    pub quiet: Option<Quiet>,
    /// The declared generation, while it awaits approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

impl Verdict {
    /// True if somebody else has made that difference of it, be it at what nobody declares.
    pub fn is_drift_at(&self, diff: &FieldDiff) -> bool {
        diff.change == Change::Undeclared || (self.is_drift && !self.news.contains(&diff.path))
    }
}

/// The possible decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Nothing differs.
    InSync,
    /// Steps create it.
    Create,
    /// Steps change it.
    Update,
    /// Steps make another one, which then takes the place of the live one.
    Replace,
    /// Steps delete it.
    Delete,
    /// Steps put owner tags on it.
    Adopt,
    /// It is to go and is gone.
    Gone,
    /// It differs and policy only reports.
    Report,
    /// AWS, a deployment or a retry delay must be waited for.
    Wait,
    /// A reference, an owner or a refusal stands in the way.
    Blocked,
    /// Policy, protection or budget holds it.
    Hold,
    /// It could not be read.
    Unknown,
    /// Fixes do not take.
    Stuck,
    /// AWS refused, and nothing has moved since.
    Failed,
    /// AWS took it back by itself, and nothing has moved since.
    RolledBack,
    /// A person paused it.
    Paused,
}

impl Plan {
    /// The verdict of a resource.
    pub fn verdict(&self, key: &ResourceKey) -> Option<&Verdict> {
        self.verdicts.binary_search_by(|v| v.key.cmp(key)).ok().map(|i| &self.verdicts[i])
    }
}
