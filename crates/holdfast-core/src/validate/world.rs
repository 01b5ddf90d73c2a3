//! What a body is checked against, and what comes out of the check.

use super::Validators;
use crate::document::{AccountSpec, StackSpec};
use crate::kind::{AnyKind, Registry};
use crate::name::{ResourceKey, Scope};
use crate::policy::Policy;
use serde_json::Value;
use std::collections::BTreeMap;

/// The account that exists without a document: the process's own credentials.
pub const DEFAULT_ACCOUNT: &str = "default";

/// Everything that a body is checked against.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The kinds.
    pub registry: &'a Registry,
    /// Their compiled schemas.
    pub validators: &'a Validators,
    /// What is declared already.
    pub stored: &'a dyn Stored,
    /// The region of a stack that names none; `None` makes every stack name one.
    pub default_region: Option<&'a str>,
    /// Declarations of a stack that its document no longer has go.
    pub prune: bool,
}

/// Look-ups in what is declared already. They do not fail: an adapter to a store keeps its error aside, answers
/// with nothing, and looks at the error after the check.
pub trait Stored {
    /// A stack.
    fn stack(&self, name: &str) -> Option<StoredStack>;
    /// The names of all stacks.
    fn stacks(&self) -> Vec<String>;
    /// A resource, also one that is being deleted.
    fn resource(&self, key: &ResourceKey) -> Option<StoredResource>;
    /// The resources of a stack.
    fn resources_of(&self, stack: &str) -> Vec<StoredResource>;
    /// Those of a kind in a scope, of all stacks, that may be the live thing of that identity. More than these is no
    /// harm, fewer is.
    fn claimants(&self, kind: &dyn AnyKind, scope: &Scope, identity: &str) -> Vec<ResourceKey>;
    /// An account that has a document.
    fn account(&self, name: &str) -> Option<AccountSpec>;
    /// The names of all accounts that have a document.
    fn accounts(&self) -> Vec<String>;
    /// The scopes that have resources.
    fn scopes(&self) -> Vec<Scope>;
}

/// A store with nothing in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Stored for Nothing {
    fn stack(&self, _: &str) -> Option<StoredStack> {
        None
    }
    fn stacks(&self) -> Vec<String> {
        Vec::new()
    }
    fn resource(&self, _: &ResourceKey) -> Option<StoredResource> {
        None
    }
    fn resources_of(&self, _: &str) -> Vec<StoredResource> {
        Vec::new()
    }
    fn claimants(&self, _: &dyn AnyKind, _: &Scope, _: &str) -> Vec<ResourceKey> {
        Vec::new()
    }
    fn account(&self, _: &str) -> Option<AccountSpec> {
        None
    }
    fn accounts(&self) -> Vec<String> {
        Vec::new()
    }
    fn scopes(&self) -> Vec<Scope> {
        Vec::new()
    }
}

/// A stack as it is declared now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredStack {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec as written, without resources.
    pub spec: StackSpec,
}

/// A resource as it is declared now.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredResource {
    /// Whose.
    pub key: ResourceKey,
    /// Where it lives.
    pub scope: Scope,
    /// Its spec as written.
    pub document_spec: Value,
    /// Its spec with variables filled in.
    pub spec: Value,
    /// Its own policy.
    pub policy: Policy,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It is on its way out.
    pub deleting: bool,
}

/// A body that may be stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accepted {
    /// Its accounts.
    pub accounts: Vec<AcceptedAccount>,
    /// Its stacks, and those that only lone resources name and that do not exist yet.
    pub stacks: Vec<AcceptedStack>,
    /// Its resources, in the order of the body, and then those that the body changes without naming them.
    pub resources: Vec<AcceptedResource>,
    /// With [`World::prune`]: resources of its stacks that it no longer declares and that are not on their way out.
    pub absent: Vec<ResourceKey>,
}

/// An account that may be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedAccount {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec.
    pub spec: AccountSpec,
}

/// A stack that may be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedStack {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec as written, without resources.
    pub spec: StackSpec,
    /// Where its resources live if they say nothing else.
    pub scope: Scope,
    /// Its tags with variables filled in.
    pub tags: BTreeMap<String, String>,
    /// No document declares it, only a lone resource names it.
    pub implied: bool,
}

/// A resource that may be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedResource {
    /// Whose.
    pub key: ResourceKey,
    /// Where it is to live.
    pub scope: Scope,
    /// Its spec as written.
    pub document_spec: Value,
    /// Its spec with variables filled in and scalars in the types of the schema; references still stand.
    pub spec: Value,
    /// Its own policy.
    pub policy_own: Policy,
    /// Its own policy over its stack's.
    pub policy_effective: Policy,
    /// The stack's tags with variables filled in.
    pub stack_tags: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The body declares it. If not, it changes because the variables, tags or policy of its stack do.
    pub declared: bool,
}
