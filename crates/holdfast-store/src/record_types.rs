//! What the engine and the log exchange with the store: passes, intents, events, history.

use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::observe::Gap;
use holdfast_core::plan::{Fate, Memory, Part, Verb};
use holdfast_core::status::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What one pass over a scope leaves behind: one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct PassRecord<'a> {
    /// When.
    pub now: Timestamp,
    /// Resources whose status or memory moved. Leave the others out: they cost a look each.
    pub changed: Vec<Changed<'a>>,
    /// Resources that were to go and are gone.
    pub gone: Vec<Gone>,
    /// What is worth telling.
    pub events: Vec<Event>,
    /// The scope itself; written in every pass.
    pub scope_status: ScopeStatus,
}

/// A resource as a pass found it. `status` counts only if uid, generation and fate are still those that the
/// pass planned with, `memory` if the uid is: what was declared meanwhile is never called in sync.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed<'a> {
    /// Whose.
    pub key: ResourceKey,
    /// The uid that the pass planned with.
    pub uid: String,
    /// The generation that the pass planned with.
    pub generation: u64,
    /// The fate that the pass planned with.
    pub fate: Fate,
    /// What is said of it. A difference in `last_observed_at` alone is not written.
    pub status: Cow<'a, Status>,
    /// What is remembered of it.
    pub memory: Cow<'a, Memory>,
}

/// A resource that was to go and is gone: its row goes, its history stays. Without effect if it was declared
/// again meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Whose.
    pub key: ResourceKey,
    /// The uid that the pass planned with.
    pub uid: String,
    /// The generation that the pass planned with.
    pub generation: u64,
}

/// The last sweep and pass of a scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScopeStatus {
    /// Which scope.
    pub scope: Scope,
    /// The id of the AWS account whose credentials were last found there; `None` before AWS was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// When the last sweep finished; `None` before the first.
    pub swept_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How many AWS calls it made.
    pub api_calls: u64,
    /// How many of them were throttled.
    pub throttles: u64,
    /// Which process looks after it.
    pub leader: Option<String>,
    /// Why the last pass did not go through, or saw nothing.
    pub error: Option<String>,
    /// What could not be read, by kind.
    #[serde(default)]
    pub gaps: BTreeMap<String, Vec<Gap>>,
    /// Why nothing at all is written in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<ScopeHold>,
}

/// So much of a scope has drifted at once that nothing is written in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScopeHold {
    /// Since when.
    pub since: Timestamp,
    /// What is held, why, and what releases it.
    pub reason: String,
    /// Resources that were in sync and are not any more.
    pub drifted: u64,
    /// Resources that were in sync.
    pub of: u64,
}

impl ScopeStatus {
    /// A scope that has not been swept.
    pub fn of(scope: Scope) -> Self {
        Self {
            scope,
            account_id: None,
            swept_at: None,
            duration_ms: 0,
            api_calls: 0,
            throttles: 0,
            leader: None,
            error: None,
            gaps: BTreeMap::new(),
            held: None,
        }
    }
}

/// A write that is about to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub scope: Scope,
    /// Whose.
    pub key: ResourceKey,
    /// Its uid.
    pub uid: String,
    /// Which generation it serves.
    pub generation: u64,
    /// In the signs people know.
    pub verb: Verb,
    /// The kind's action, with every reference filled in.
    pub action: Value,
    /// The action as a line of text.
    pub text: String,
    /// Why: the rest of "because …".
    pub because: String,
    /// The live handle that it acts on; none for a create.
    pub target: Option<String>,
    /// The idempotency token that goes with the call.
    pub token: String,
    /// A deletion that nobody named: it counts against the budget.
    pub implicit_delete: bool,
    /// A create in the place of a live thing: it counts against the budget of replacements.
    #[serde(default)]
    pub replacement: bool,
    /// The identity of what a create makes, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// An intent as journalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntentRecord {
    /// Its number, in the order of journalling.
    pub id: i64,
    /// What was to be done.
    pub intent: Intent,
    /// How it ended; `None` while nobody knows.
    pub outcome: Option<IntentOutcome>,
}

/// How an intent ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntentOutcome {
    /// When.
    pub at: Timestamp,
    /// How.
    pub result: IntentResult,
}

/// How an intent ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IntentResult {
    /// AWS did it.
    Applied(Applied),
    /// AWS did not.
    Failed(ApplyError),
    /// The answer never came; a later look said what had become of it, in this sentence.
    Looked(String),
}

/// What sort of thing an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventType {
    /// A declaration came, changed or went. The store writes these itself, in [`Store::change`](crate::Store::change).
    Declared,
    /// What was seen live changed.
    Observed,
    /// What to do about it changed.
    Decided,
    /// Something was done in AWS, or AWS refused.
    Acted,
    /// A person paused, resumed, approved or asked for a pass.
    Operated,
    /// A sweep, a scope or the service itself.
    Service,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its place in the log, from 1, with no way back; 0 before it is written.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// What sort.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// About which stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// About which kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// About which resource or account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// One CamelCase word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// What machines want to know of it; null if nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

impl Event {
    /// An event about nothing in particular.
    pub fn new(at: Timestamp, event_type: EventType, reason: &str, message: impl Into<String>) -> Self {
        Self {
            id: 0,
            at,
            event_type,
            stack: None,
            kind: None,
            name: None,
            generation: None,
            reason: reason.to_owned(),
            message: message.into(),
            data: Value::Null,
        }
    }
    /// About a stack.
    #[must_use]
    pub fn of_stack(mut self, stack: &str) -> Self {
        self.stack = Some(stack.to_owned());
        self
    }
    /// About a resource.
    #[must_use]
    pub fn of(mut self, key: &ResourceKey) -> Self {
        self.stack = Some(key.stack.clone());
        self.kind = Some(key.kind.clone());
        self.name = Some(key.name.clone());
        self
    }
    /// About a generation.
    #[must_use]
    pub fn at_generation(mut self, generation: u64) -> Self {
        self.generation = Some(generation);
        self
    }
    /// With data.
    #[must_use]
    pub fn with(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// Which events; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// About this stack or something in it.
    pub stack: Option<String>,
    /// About this kind.
    pub kind: Option<String>,
    /// About something of this name.
    pub name: Option<String>,
    /// Of this sort.
    pub event_type: Option<EventType>,
}

/// One entry in the history of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What sort.
    #[serde(rename = "type")]
    pub entry_type: HistoryType,
    /// Which generation, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// For a generation `{uid, account, region, spec, documentSpec?, policy, stackTags}`, for an action its
    /// [`IntentRecord`], otherwise the event's data.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// What sort of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HistoryType {
    /// A new generation was declared.
    Generation,
    /// The declaration was taken away.
    Removal,
    /// What was seen live changed.
    Observation,
    /// What to do about it changed.
    Decision,
    /// A write in AWS, with its outcome.
    Action,
    /// A person did something, or the service had something to say.
    Note,
}

/// The answer that was given under an Idempotency-Key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Hash of the request that it answers.
    pub request_hash: String,
    /// The HTTP status.
    pub status: u16,
    /// The body, to the byte.
    pub body: Vec<u8>,
}

/// What became of a change under an Idempotency-Key.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was made, and this answer is kept with it.
    Made(Vec<crate::Outcome>, IdempotencyRecord),
    /// The key was used before: nothing was changed. Compare `request_hash`.
    Repeat(IdempotencyRecord),
}

/// A plan kept for whoever wants to read or approve exactly that plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRecord {
    /// Its hash.
    pub hash: String,
    /// When it was first computed.
    pub created_at: Timestamp,
    /// The plan as it was answered; null for one that can be approved.
    pub body: Value,
    /// What can be approved of it; empty if nothing.
    pub parts: Vec<Part>,
    /// Who approved it.
    pub approval: Option<Consent>,
    /// What became of the approval; `None` until a pass has acted on it.
    pub outcome: Option<PlanOutcome>,
}

/// Who approved a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// When.
    pub at: Timestamp,
    /// Who, as far as the server knows.
    pub by: String,
    /// Why, in that person's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of an approved plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanOutcome {
    /// When.
    pub at: Timestamp,
    /// In which way it ended.
    pub end: PlanEnd,
    /// The plan that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

/// In which way an approved plan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlanEnd {
    /// A pass has released what it names.
    CarriedOut,
    /// The world or the declarations had moved when its turn came; nothing of it was done.
    Overtaken,
}

/// What awaits approval of a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaiting {
    /// The hash of the plan to approve.
    pub plan: String,
    /// Its parts, one a scope.
    pub parts: Vec<Part>,
}

impl Awaiting {
    /// True if approval would change something of a resource.
    pub fn holds(&self, key: &ResourceKey) -> bool {
        self.parts.iter().flat_map(|p| &p.verdicts).any(|v| v.key == *key)
    }
}
