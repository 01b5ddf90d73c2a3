//! What is read: the shapes of the answers, and how they come from what is stored.

use crate::http::conditional::Tag;
use crate::load::Load;
use holdfast_core::document::{API_VERSION, AccountSpec, StackSpec};
use holdfast_core::kept::Kept;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Fate, Hold};
use holdfast_core::policy::Policy;
use holdfast_core::policy::jiff_timestamp::Until as Time;
use holdfast_core::status::{ConditionType, Status, Truth};
use holdfast_store::{
    AccountRecord, Phases, ResourceRecord, ScopeHold, ScopeStatus, StackRecord, Store, StoreError, in_force,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    /// The items of this page.
    pub(crate) items: Vec<T>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A list that is one page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

/// A resource, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(crate) struct Ref {
    /// Its stack.
    pub(crate) stack: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
}

impl From<&ResourceKey> for Ref {
    fn from(key: &ResourceKey) -> Self {
        Self { stack: key.stack.clone(), kind: key.kind.clone(), name: key.name.clone() }
    }
}

/// Metadata of a resource as read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceMetadata {
    /// Its stack.
    stack: String,
    /// Its name; unique for its kind in its stack.
    name: String,
    /// The account that it lives in.
    account: String,
    /// The region that it lives in.
    region: String,
    /// The uid in the owner tag.
    uid: String,
    /// Counts the changes of the declaration, from 1.
    generation: u64,
    /// When it was first declared.
    #[schemars(with = "Time")]
    created_at: Timestamp,
    /// Free labels.
    labels: BTreeMap<String, String>,
}

/// A resource as read; it can be sent back as it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Resource")]
pub(crate) struct ResourceView {
    /// Always `holdfast.dev/v1`.
    api_version: &'static str,
    /// Its kind.
    kind: String,
    /// What it is called and where it lives.
    metadata: ResourceMetadata,
    /// The policy written on the resource itself.
    policy: Policy,
    /// Its spec as written, variables and references standing.
    #[schemars(with = "Map<String, Value>")]
    spec: Arc<Kept>,
    /// Where it stands.
    status: Status,
}

impl From<ResourceRecord> for ResourceView {
    fn from(r: ResourceRecord) -> Self {
        Self {
            api_version: API_VERSION,
            kind: r.key.kind.clone(),
            metadata: ResourceMetadata {
                stack: r.key.stack.clone(),
                name: r.key.name.clone(),
                account: r.scope.account,
                region: r.scope.region,
                uid: r.uid,
                generation: r.generation,
                created_at: r.created_at,
                labels: r.labels,
            },
            policy: r.policy_own,
            spec: r.document_spec,
            status: r.status,
        }
    }
}

/// The tag of a resource: what a write could change, and the row.
pub(crate) fn resource_tag(r: &ResourceRecord) -> Tag {
    let declaration = (&r.uid, r.generation, r.fate, &*r.document_spec, &r.policy_own, &r.labels);
    // The sweep moves the time of the last look without writing the row.
    Tag::of(&declaration, &(r.version, r.status.last_observed_at))
}

/// A resource with what is around it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceDetail {
    /// The resource.
    #[serde(flatten)]
    pub(crate) resource: ResourceView,
    /// When those of its fields were last read that AWS gives only one thing a call (attributes), which is done in
    /// rounds; absent if all of it is read in every sweep, or nothing was read yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Time>")]
    pub(crate) details_read_at: Option<Timestamp>,
    /// Its policy over its stack's.
    pub(crate) effective_policy: Policy,
    /// The pause that holds it, its stack's and wider ones included; null if none does.
    pub(crate) paused: Option<Paused>,
    /// The plan that carries its newest generation out once it is approved; absent if none awaits approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) awaiting_approval: Option<String>,
    /// What its references name.
    pub(crate) depends_on: Vec<Ref>,
    /// What names it in a reference.
    pub(crate) used_by: Vec<Ref>,
    /// Declared, live and last written, field by field.
    pub(crate) fields: Vec<crate::fields::FieldRow>,
}

/// A resource, in the list of its stack.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceLine {
    kind: String,
    name: String,
    account: String,
    region: String,
    #[schemars(with = "String")]
    phase: holdfast_core::status::Phase,
    /// Whether the thing itself is healthy.
    #[schemars(with = "String")]
    ready: Truth,
    /// One word: why it is in that phase.
    reason: String,
    /// What there is to say of it; empty if nothing.
    message: String,
    generation: u64,
    observed_generation: u64,
    /// What its references name.
    depends_on: Vec<Ref>,
}

impl ResourceLine {
    /// The line of a resource whose references name `depends_on`.
    pub(crate) fn new(r: &ResourceRecord, depends_on: Vec<Ref>) -> Self {
        let synced = r.status.condition(ConditionType::Synced);
        let ready = r.status.condition(ConditionType::Ready);
        let telling = synced.filter(|c| c.status != Truth::True && !c.message.is_empty());
        let telling = telling.or_else(|| ready.filter(|c| c.status != Truth::True && !c.message.is_empty()));
        Self {
            kind: r.key.kind.clone(),
            name: r.key.name.clone(),
            account: r.scope.account.clone(),
            region: r.scope.region.clone(),
            phase: r.status.phase,
            ready: ready.map_or(Truth::Unknown, |c| c.status),
            reason: telling.or(synced).map(|c| c.reason.clone()).unwrap_or_default(),
            message: telling.map(|c| c.message.clone()).unwrap_or_default(),
            generation: r.generation,
            observed_generation: r.status.observed_generation,
            depends_on,
        }
    }
}

/// Metadata of a stack or an account as read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartMetadata {
    name: String,
    generation: u64,
    #[schemars(with = "Time")]
    created_at: Timestamp,
    labels: BTreeMap<String, String>,
}

/// A pause.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Paused {
    /// Why, in the words of whoever paused.
    pub(crate) reason: String,
    /// When it ends by itself; null if it does not.
    #[schemars(with = "Option<Time>")]
    pub(crate) until: Option<Timestamp>,
}

impl From<&Hold> for Paused {
    fn from(hold: &Hold) -> Self {
        Self { reason: hold.reason.clone(), until: hold.until }
    }
}

/// Where a stack stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StackStatus {
    /// How many resources it has.
    resources: u64,
    /// How many of them are in which phase.
    #[schemars(with = "BTreeMap<String, u64>")]
    phases: Phases,
    /// The pause in force; null if none is.
    paused: Option<Paused>,
    /// True if it goes with its last resource.
    deleting: bool,
}

/// A stack as read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Stack")]
pub(crate) struct StackView {
    /// Always `holdfast.dev/v1`.
    api_version: &'static str,
    /// Always `Stack`.
    kind: &'static str,
    /// What it is called.
    metadata: PartMetadata,
    /// Its spec without its resources.
    #[schemars(with = "Map<String, Value>")]
    spec: Value,
    /// Where it stands.
    status: StackStatus,
}

impl StackView {
    /// A stack whose resources are in these phases.
    pub(crate) fn new(stack: &StackRecord, phases: Phases, now: Timestamp) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Stack",
            metadata: PartMetadata {
                name: stack.name.clone(),
                generation: stack.generation,
                created_at: stack.created_at,
                labels: stack.labels.clone(),
            },
            spec: shell(&stack.spec),
            status: StackStatus {
                resources: phases.values().sum(),
                phases,
                paused: stack.hold.as_ref().filter(|h| in_force(h, now)).map(Paused::from),
                deleting: stack.deleting,
            },
        }
    }
}

/// The spec of a stack without its resources, which are read beside it.
fn shell(spec: &StackSpec) -> Value {
    // Plain data with string keys; serializing it cannot fail.
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.shift_remove("resources");
    }
    value
}

/// The tag of a stack with its resources.
pub(crate) fn stack_tag(stack: &StackRecord, resources: &[ResourceRecord]) -> Tag {
    let members: Vec<(&ResourceKey, u64, Fate)> = resources.iter().map(|r| (&r.key, r.generation, r.fate)).collect();
    let rows: Vec<u64> = resources.iter().map(|r| r.version).collect();
    Tag::of(&(stack.created_at, stack.generation, &stack.labels, stack.deleting, members), &(stack.version, rows))
}

/// A stack with its resources.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StackDetail {
    /// The stack.
    #[serde(flatten)]
    pub(crate) stack: StackView,
    /// The plan of it that awaits approval; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) awaiting_approval: Option<String>,
    /// Its resources.
    pub(crate) resources: Vec<ResourceLine>,
}

/// An account as read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Account")]
pub(crate) struct AccountView {
    /// Always `holdfast.dev/v1`.
    api_version: &'static str,
    /// Always `Account`.
    kind: &'static str,
    /// What it is called; generation and createdAt are absent for the one that exists without a document.
    metadata: AccountMetadata,
    /// How it is reached; empty for the process's own credentials.
    #[schemars(with = "Map<String, Value>")]
    spec: Value,
}

/// Metadata of an account as read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountMetadata {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Time>")]
    created_at: Option<Timestamp>,
    labels: BTreeMap<String, String>,
}

impl AccountView {
    /// The account that exists without a document.
    pub(crate) fn implied(name: &str) -> Self {
        let metadata =
            AccountMetadata { name: name.to_owned(), generation: None, created_at: None, labels: BTreeMap::new() };
        Self { api_version: API_VERSION, kind: "Account", metadata, spec: Value::Object(Map::new()) }
    }
}

impl From<&AccountRecord> for AccountView {
    fn from(a: &AccountRecord) -> Self {
        let spec: &AccountSpec = &a.spec;
        Self {
            api_version: API_VERSION,
            kind: "Account",
            metadata: AccountMetadata {
                name: a.name.clone(),
                generation: Some(a.generation),
                created_at: Some(a.created_at),
                labels: a.labels.clone(),
            },
            // Plain data with string keys; serializing it cannot fail.
            spec: serde_json::to_value(spec).unwrap_or_default(),
        }
    }
}

/// An account × region with its last sweep.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Scope")]
pub(crate) struct ScopeView {
    account: String,
    region: String,
    /// The id of the AWS account whose credentials were last found there; null before AWS was asked.
    account_id: Option<String>,
    /// When the last sweep finished; null before the first.
    #[schemars(with = "Option<Time>")]
    pub(crate) swept_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// How many AWS calls it made.
    api_calls: u64,
    /// How many of them were throttled.
    throttles: u64,
    /// Which process looks after it; null if none does.
    leader: Option<String>,
    /// Why the last pass did not go through, or saw nothing; null if it did.
    pub(crate) error: Option<String>,
    /// What could not be read, in words; nothing where `error` says it of all.
    gaps: Vec<String>,
    /// Why nothing is written there though nobody paused it: too much of it drifts at once; null if that is not so.
    held: Option<HeldView>,
    /// The pause in force, that of everything included; null if none is.
    pub(crate) paused: Option<Paused>,
    /// What it costs and what is left of its budgets; in `GET /v1/scopes` only, and absent before this process has
    /// looked at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load: Option<Load>,
}

/// So much of a scope has drifted at once that nothing is written in it.
#[derive(Debug, Serialize, JsonSchema)]
struct HeldView {
    /// Since when.
    #[schemars(with = "Time")]
    since: Timestamp,
    /// What is held, why, and what releases it.
    reason: String,
    /// Resources that were in sync and are not any more.
    drifted: u64,
    /// Resources that were in sync.
    of: u64,
}

impl From<&ScopeHold> for HeldView {
    fn from(hold: &ScopeHold) -> Self {
        Self { since: hold.since, reason: hold.reason.clone(), drifted: hold.drifted, of: hold.of }
    }
}

impl From<&ScopeStatus> for ScopeView {
    fn from(s: &ScopeStatus) -> Self {
        let gap = |(kind, gaps): (&String, &Vec<holdfast_core::observe::Gap>)| {
            gaps.iter().map(|g| format!("{kind}: {}: {}", g.operation, g.reason)).collect::<Vec<_>>()
        };
        Self {
            account: s.scope.account.clone(),
            region: s.scope.region.clone(),
            account_id: s.account_id.clone(),
            swept_at: s.swept_at,
            duration_ms: s.duration_ms,
            api_calls: s.api_calls,
            throttles: s.throttles,
            leader: s.leader.clone(),
            error: s.error.clone(),
            // What is wrong with all of it is said once, and not again of each kind.
            gaps: s.gaps.iter().filter(|_| s.error.is_none()).flat_map(gap).collect(),
            held: s.held.as_ref().map(HeldView::from),
            paused: None,
            load: None,
        }
    }
}

impl ScopeView {
    /// Which scope it is.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(&self.account, &self.region)
    }
}

/// Every scope that has resources, with its last sweep if there was one and the pause in force.
pub(crate) fn scopes(store: &Store, now: Timestamp) -> Result<Vec<ScopeView>, StoreError> {
    let (holds, swept) = (store.holds()?, store.scope_statuses()?);
    let mut swept: BTreeMap<Scope, ScopeStatus> = swept.into_iter().map(|s| (s.scope.clone(), s)).collect();
    let view = |scope: Scope| {
        let status = swept.remove(&scope).unwrap_or_else(|| ScopeStatus::of(scope.clone()));
        let hold = holds.all.iter().chain(holds.scopes.get(&scope)).find(|h| in_force(h, now));
        ScopeView { paused: hold.map(Paused::from), ..ScopeView::from(&status) }
    };
    Ok(store.scopes()?.into_iter().map(view).collect())
}
