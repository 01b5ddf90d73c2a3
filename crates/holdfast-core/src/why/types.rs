//! What an explanation is made of; its JSON is public.

use crate::facts::Severity;
use crate::ownership::Bounds;
use crate::plan::Decision;
use crate::policy::jiff_timestamp::Until as Time;
use crate::status::{Change, Condition, Conditions, Phase};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a resource stands where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Why")]
pub struct Explanation {
    /// Its stack.
    pub stack: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The generation that is declared.
    pub generation: u64,
    /// The generation that the last full plan took into account.
    pub observed_generation: u64,
    /// When its live state was last seen; null if never.
    #[schemars(with = "Option<Time>")]
    pub seen_at: Option<Timestamp>,
    /// Where it stands.
    pub phase: Phase,
    /// What the last pass decided; null if this process has not planned it since it started.
    #[schemars(with = "Option<String>")]
    pub decision: Option<Decision>,
    /// One CamelCase word: why it is in that phase.
    pub reason: String,
    /// The reason as a sentence.
    pub message: String,
    /// All conditions.
    #[schemars(with = "Vec<Condition>")]
    pub conditions: Conditions,
    /// What it waits for; empty if it waits for nothing.
    pub waits_for: Vec<Wait>,
    /// The smallest edit that brings it in sync without a change in AWS; null if it is in sync, or if no edit of this
    /// resource can.
    pub edit: Option<Edit>,
    /// The field that was asked for, or each field there is something to say of.
    pub fields: Vec<FieldWhy>,
}

/// Why one field is as it is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldWhy {
    /// JSON Pointer into the spec; empty for the whole thing.
    pub path: String,
    /// What is declared; null if nobody declares it.
    pub declared: Option<Declared>,
    /// What is live, as far as the last pass knows.
    pub live: Live,
    /// The value that AWS fills in where nothing is declared; null if none is known.
    pub default: Option<AwsDefault>,
    /// What Holdfast last wrote there or last found in sync, references filled in; null if nothing.
    pub last_written: Value,
    /// Whose the field is.
    pub owner: Owner,
    /// Which rule decided.
    pub rule: Rule,
    /// The rule as a sentence.
    pub rule_text: String,
    /// In which way live differs; null if it does not.
    pub change: Option<Change>,
    /// How much a difference here matters.
    pub severity: Severity,
    /// What is done about it: `none`, or the verb of the drift report, such as `update`, `revoke`, `report`.
    pub decision: String,
    /// What this field waits for.
    pub waits_for: Vec<Wait>,
    /// The smallest edit that brings this field in sync without a change in AWS.
    pub edit: Option<Edit>,
    /// AWS cannot change it in place.
    pub create_only: bool,
}

/// A declared value.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Declared {
    /// With variables filled in; references stand.
    pub value: Value,
    /// With references filled in as well; null where one has no value yet, or it was never in sync.
    pub resolved: Value,
    /// The generation that declared this value first.
    pub generation: u64,
    /// The stack's tags declare it, not the resource.
    pub by_stack: bool,
}

/// A live value.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// The value; null if it is not there, or not known.
    pub value: Value,
    /// False if it is not known: never seen, not read, or a secret.
    pub known: bool,
}

/// AWS's default.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AwsDefault {
    /// The value.
    pub value: Value,
    /// Where AWS documents it.
    pub source: String,
}

/// Whose a field is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Owner {
    /// What sort of owner.
    pub who: Who,
    /// Its name; empty for nobody.
    pub name: String,
    /// Why it is the owner.
    pub reason: String,
    /// What it keeps the field between; null if there are no bounds.
    pub bounds: Option<Bounds>,
    /// When that ends by itself; null if it does not.
    #[schemars(with = "Option<Time>")]
    pub until: Option<Timestamp>,
}

/// What sort of owner a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    /// The declaration owns it, and Holdfast keeps it.
    Holdfast,
    /// Something live in AWS owns it, such as an autoscaler or a deployment.
    Live,
    /// Nobody declares it.
    Nobody,
    /// Policy takes it out of Holdfast's sight.
    Ignored,
}

/// The rule that decided about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// What is declared counts.
    DeclaredWins,
    /// It was declared and is no longer: it goes.
    DeclaredNoMore,
    /// Nobody declares it and it is as AWS makes it.
    DefaultIsSilence,
    /// Nobody declares it, it has moved, and that is told and not healed.
    UndeclaredReported,
    /// Nobody declares it: it is left as it is.
    UndeclaredIsLeft,
    /// A live owner keeps it.
    OwnedBy,
    /// AWS took the declared value back, and it is not tried again.
    RolledBack,
    /// Policy ignores it.
    Ignored,
    /// It could not be read: unknown, and never drift.
    UnreadIsAGap,
    /// AWS cannot change it in place.
    CreateOnly,
    /// An instruction or a secret: not compared.
    WriteOnly,
    /// The declared value hangs on a reference that has no value yet.
    ReferenceWaits,
    /// The declared value is of a generation that awaits approval.
    AwaitsApproval,
    /// The thing does not exist, and is made whole.
    MissingIsMade,
}

/// One thing that is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// What sort of thing.
    pub what: WaitsFor,
    /// A sentence: what, and what ends it.
    pub message: String,
    /// The resource that is waited for; null if it is none.
    pub on: Option<Named>,
    /// Where the chain of waiting begins, if it is not `on` itself.
    pub cause: Option<Cause>,
    /// When it ends by itself, or is tried again; null if that is not known.
    #[schemars(with = "Option<Time>")]
    pub until: Option<Timestamp>,
}

/// What sort of thing is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WaitsFor {
    /// The next pass.
    Pass,
    /// An output of another resource.
    Reference,
    /// The end of a pause.
    Pause,
    /// The next try after a refusal.
    Retry,
    /// AWS, to finish something.
    Aws,
    /// Somebody to approve a new generation.
    Approval,
    /// Policy, protection or a budget.
    Policy,
    /// Somebody to do something.
    Person,
    /// A read that failed.
    Read,
}

/// A resource, and the output of it that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Named {
    /// Its stack.
    pub stack: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The output.
    pub output: String,
}

/// Where a chain of waiting begins.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Cause {
    /// The resource that everything behind it waits for.
    pub on: Named,
    /// Where that stands; null if nobody declares it.
    pub phase: Option<Phase>,
    /// What is said of it.
    pub message: String,
    /// The resources between, in the order of waiting.
    pub via: Vec<Named>,
}

/// An edit of the declaration.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Edit {
    /// What it does, in words.
    pub says: String,
    /// JSON Patch (RFC 6902) on the resource's document as it is read and put.
    pub patch: Vec<PatchOp>,
}

/// One operation of a JSON Patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatchOp {
    /// `add`, `remove` or `replace`.
    pub op: Op,
    /// JSON Pointer into the resource's document, such as `/spec/desiredCount`.
    pub path: String,
    /// The value; absent for `remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// An operation of a JSON Patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Sets a member that is there.
    Replace,
    /// Takes something away.
    Remove,
    /// Adds a member or an item.
    Add,
}

impl Rule {
    /// The rule as a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Rule::DeclaredWins => "What is declared counts: a live value that differs is put back.",
            Rule::DeclaredNoMore => {
                "It was declared before and is not any more, so what Holdfast wrote there is removed."
            }
            Rule::DefaultIsSilence => {
                "Nobody declares it, and it is unset or as AWS makes it, so there is nothing to say."
            }
            Rule::UndeclaredReported => {
                "Nobody declares it and it has changed since it was last in sync: that is reported, and never put back."
            }
            Rule::UndeclaredIsLeft => "Nobody declares it, so it is left as it is.",
            Rule::OwnedBy => "A live owner keeps it, and within that owner's bounds it is no drift.",
            Rule::RolledBack => {
                "AWS took the declared value back by itself, so it is not tried again until something else is declared."
            }
            Rule::Ignored => "policy.ignore covers it, so it is neither reported nor put back.",
            Rule::UnreadIsAGap => {
                "It has not been read. Unknown is neither drift nor in sync, and nothing is done about it."
            }
            Rule::CreateOnly => {
                "AWS cannot change it in place, so only a replacement or another declaration settles it."
            }
            Rule::WriteOnly => "It is an instruction or a secret: sent when something is written, and never compared.",
            Rule::ReferenceWaits => "Its declared value hangs on a reference that has no value yet.",
            Rule::AwaitsApproval => {
                "A new generation awaits approval (policy.rollout); until then the one that was approved before is kept."
            }
            Rule::MissingIsMade => "The whole thing is not there; it is made from its declaration.",
        }
    }
}
