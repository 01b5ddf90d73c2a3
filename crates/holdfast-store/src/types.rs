//! What goes into the store and what comes out of it: declarations, records, filters.

use holdfast_core::document::{AccountSpec, StackSpec};
use holdfast_core::kept::Kept;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Fate, Hold};
use holdfast_core::policy::Policy;
use holdfast_core::status::{Phase, Status};
use holdfast_core::validate::{AcceptedAccount, AcceptedResource, AcceptedStack};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a store lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file, with SQLite's log beside it and a `.lock` file that keeps a second process out.
    File(PathBuf),
    /// In memory only: gone with the last clone of the [`Store`](crate::Store).
    Memory,
}

/// One thing that is declared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A stack, by name.
    Stack(String),
    /// A resource.
    Resource(ResourceKey),
    /// An account, by name.
    Account(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack(name) => write!(f, "stack {name}"),
            Self::Resource(key) => write!(f, "{key}"),
            Self::Account(name) => write!(f, "account {name}"),
        }
    }
}

/// What must hold for a change to be made at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// It is there, at this version.
    IfVersion(Target, u64),
    /// It is not there.
    MustNotExist(Target),
}

/// A change of what is declared: one transaction, all or nothing. Applied in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// When it is made; every timestamp that it leaves is this one.
    pub now: Timestamp,
    /// Checked first.
    pub preconditions: Vec<Precondition>,
    /// Accounts declared.
    pub accounts: Vec<AccountChange>,
    /// Stacks declared. One that was being deleted is declared again.
    pub stacks: Vec<StackChange>,
    /// Resources declared. Their stack is in the store or in `stacks`.
    pub resources: Vec<ResourceChange>,
    /// Declarations taken away.
    pub removals: Vec<Removal>,
    /// Stacks taken away: each row goes with its last resource, at once if there is none.
    pub removed_stacks: Vec<String>,
}

impl Change {
    /// A change that does nothing yet.
    pub fn at(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }
}

/// A stack as declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackChange {
    /// Its name.
    pub name: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec. `resources` is not looked at: they come as [`Change::resources`].
    pub spec: StackSpec,
}

/// An account as declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountChange {
    /// Its name.
    pub name: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec.
    pub spec: AccountSpec,
}

/// A resource as declared.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceChange {
    /// Whose.
    pub key: ResourceKey,
    /// Where it lives.
    pub scope: Scope,
    /// The spec as written, variables and references standing.
    pub document_spec: Value,
    /// The spec with variables filled in; references still stand.
    pub spec: Value,
    /// The policy written on the resource itself.
    pub policy_own: Policy,
    /// The resource's policy over its stack's.
    pub policy_effective: Policy,
    /// The stack's tags.
    pub stack_tags: BTreeMap<String, String>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The uid that it gets if it is new.
    pub new_uid: String,
}

impl From<AcceptedStack> for StackChange {
    fn from(stack: AcceptedStack) -> Self {
        Self { name: stack.name, labels: stack.labels, spec: stack.spec }
    }
}

impl From<AcceptedAccount> for AccountChange {
    fn from(account: AcceptedAccount) -> Self {
        Self { name: account.name, labels: account.labels, spec: account.spec }
    }
}

impl ResourceChange {
    /// What validation took; it gets `new_uid` if it is new.
    pub fn of(resource: AcceptedResource, new_uid: String) -> Self {
        Self {
            key: resource.key,
            scope: resource.scope,
            document_spec: resource.document_spec,
            spec: resource.spec,
            policy_own: resource.policy_own,
            policy_effective: resource.policy_effective,
            stack_tags: resource.stack_tags,
            labels: resource.labels,
            new_uid,
        }
    }
}

/// A declaration taken away. One that is not there is [`What::Unchanged`].
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// Whose.
    pub key: ResourceKey,
    /// `None` (and `Keep`) retains: the row goes at once and the live thing stays. Otherwise the row stays until a pass
    /// reports the live thing gone. A deletion that a person named is never weakened to one by policy.
    pub fate: Option<Fate>,
}

/// What became of one part of a change, in the order of the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which part.
    pub target: Target,
    /// What became of it.
    pub what: What,
    /// Its generation after the change; its last one if it was removed, 0 if it never was.
    pub generation: u64,
    /// Its version after the change; its last one if it was removed, 0 if it never was.
    pub version: u64,
}

/// What became of a part of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// It was not there.
    Created,
    /// It was there, and something of it differs now.
    Updated,
    /// Nothing of it differs.
    Unchanged,
    /// Its declaration is gone, and it goes when its live things are gone.
    Deleting,
    /// It is gone from the store.
    Removed,
}

/// A stack as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StackRecord {
    /// Its name.
    pub name: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec, with `resources` empty.
    pub spec: StackSpec,
    /// Counts the changes of its spec, from 1.
    pub generation: u64,
    /// Moves on any change of its row; never comes back.
    pub version: u64,
    /// A pause; over when its `until` has passed, see [`in_force`].
    pub hold: Option<Hold>,
    /// Being deleted: the row goes with its last resource.
    pub deleting: bool,
    /// When it was first declared.
    pub created_at: Timestamp,
    /// When its row last changed.
    pub updated_at: Timestamp,
}

/// A resource as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceRecord {
    /// Whose.
    pub key: ResourceKey,
    /// The uid in the owner tag.
    pub uid: String,
    /// Where it lives.
    pub scope: Scope,
    /// Counts the changes of spec, effective policy, stack tags, scope and revival, from 1.
    pub generation: u64,
    /// Moves on any change of its row, status included; never comes back.
    pub version: u64,
    /// Whether it is to be or to go.
    pub fate: Fate,
    /// Its stack's pause; over when its `until` has passed, see [`in_force`].
    pub hold: Option<Hold>,
    /// The spec as written.
    pub document_spec: Arc<Kept>,
    /// The spec with variables filled in; shared with `document_spec` if it has none.
    pub spec: Arc<Kept>,
    /// The policy written on the resource itself.
    pub policy_own: Policy,
    /// The resource's policy over its stack's.
    pub policy_effective: Policy,
    /// The stack's tags.
    pub stack_tags: BTreeMap<String, String>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// What is said of it. `last_observed_at` follows the scope's last sweep, though a pass that finds
    /// nothing new does not write the row.
    pub status: Status,
    /// When it was first declared.
    pub created_at: Timestamp,
    /// When its row last changed.
    pub updated_at: Timestamp,
}

/// An account as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRecord {
    /// Its name.
    pub name: String,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec.
    pub spec: AccountSpec,
    /// Counts the changes of its spec, from 1.
    pub generation: u64,
    /// Moves on any change of its row; never comes back.
    pub version: u64,
    /// When it was first declared.
    pub created_at: Timestamp,
    /// When its row last changed.
    pub updated_at: Timestamp,
}

/// True if `hold` is a pause that still holds at `now`.
pub fn in_force(hold: &Hold, now: Timestamp) -> bool {
    hold.until.is_none_or(|until| until > now)
}

/// Which resources; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this stack.
    pub stack: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this account.
    pub account: Option<String>,
    /// In this region.
    pub region: Option<String>,
    /// In this phase.
    pub phase: Option<Phase>,
    /// With this text somewhere in `stack/Kind/name`, whatever the case of ASCII letters.
    pub q: Option<String>,
}

/// How many resources are in which phase.
pub type Phases = BTreeMap<Phase, u64>;

/// Counts of the resources that a filter lets through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All of them.
    pub resources: u64,
    /// By phase.
    pub phases: Phases,
    /// By stack and phase.
    pub stacks: BTreeMap<String, Phases>,
    /// By account and phase.
    pub accounts: BTreeMap<String, Phases>,
    /// By region and phase.
    pub regions: BTreeMap<String, Phases>,
    /// By kind and phase.
    pub kinds: BTreeMap<String, Phases>,
    /// How many have a difference to report, undeclared ones included.
    pub with_drift: u64,
    /// The one that has had it for longest.
    pub oldest_drift: Option<(ResourceKey, Timestamp)>,
}
