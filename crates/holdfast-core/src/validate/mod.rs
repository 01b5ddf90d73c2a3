//! Validation of whole documents: every mistake at once, each with its JSON Pointer.
//!
//! [`check_body`] is the one way in: it reads a body, fills in variables, holds every spec against its kind's schema
//! and rules, follows the references, and compares with what is declared already. What it gives back is all that a
//! store needs to keep the documents.

mod adopt;
mod around;
mod identity;
mod members;
mod references;
mod scopes;
mod snapshots;
mod stacks;
mod validators;
mod world;

pub use identity::identity;
pub use validators::Validators;
pub use world::{
    Accepted, AcceptedAccount, AcceptedResource, AcceptedStack, DEFAULT_ACCOUNT, Nothing, Stored, StoredResource,
    StoredStack, World,
};

use crate::document::{self, Document, Parsed, Read};
use crate::kind::{AnyKind, Registry};
use crate::name::{ResourceKey, Scope};
use crate::pointer;
use crate::policy::Policy;
use crate::problem::{SpecError, tidy};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads a body and checks it against the world.
pub fn check_body(body: &Value, world: &World<'_>) -> Result<Accepted, Vec<SpecError>> {
    run(document::read(body, world.registry), world)
}

/// Checks documents that [`document::parse`] gave, with their pointers.
pub fn check(documents: &[(String, Document)], world: &World<'_>) -> Result<Accepted, Vec<SpecError>> {
    let read = |(pointer, document): &(String, Document)| {
        let members = match document {
            Document::Stack(stack) => {
                (0..stack.spec.resources.len()).map(|i| format!("{pointer}/spec/resources/{i}")).collect()
            }
            Document::Resource(_) | Document::Account(_) => Vec::new(),
        };
        Read { pointer: pointer.clone(), document: document.clone(), members }
    };
    run(Parsed { documents: documents.iter().map(read).collect(), ..Parsed::default() }, world)
}

/// Checks a body as far as that is possible with no server at hand: accounts and stacks that the body does not
/// declare may exist. Gives the number of its resources.
pub fn offline(body: &Value, registry: &Registry) -> Result<usize, Vec<SpecError>> {
    let validators = Validators::new(registry);
    // Any region will do: which one the server has is its own affair.
    let world =
        World { registry, validators: &validators, stored: &Nothing, default_region: Some("us-east-1"), prune: false };
    let accepted = look(document::read(body, registry), &world, Sight::Body)?;
    Ok(accepted.resources.len())
}

/// Checks a body as if nothing were stored yet.
pub fn check_alone(body: &Value, registry: &Registry, default_region: &str) -> Result<Accepted, Vec<SpecError>> {
    let validators = Validators::new(registry);
    let default_region = Some(default_region);
    check_body(body, &World { registry, validators: &validators, stored: &Nothing, default_region, prune: false })
}

fn run(parsed: Parsed, world: &World<'_>) -> Result<Accepted, Vec<SpecError>> {
    look(parsed, world, Sight::Whole)
}

/// How much is known of what is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// All of it.
    Whole,
    /// All of the body, and nothing beside it.
    Body,
    /// Some of the body could not be read, so what seems to be missing may be there.
    Part,
}

fn look(parsed: Parsed, world: &World<'_>, sight: Sight) -> Result<Accepted, Vec<SpecError>> {
    let mut batch = Batch {
        world,
        sight: if parsed.partial { Sight::Part } else { sight },
        errors: parsed.errors,
        accounts: Vec::new(),
        stacks: BTreeMap::new(),
        resources: Vec::new(),
        index: BTreeMap::new(),
    };
    batch.take_accounts(&parsed.documents);
    batch.take_stacks(&parsed.documents);
    batch.take_resources(parsed.documents);
    batch.check_specs();
    batch.check_references();
    batch.check_adoptions();
    batch.check_snapshots();
    batch.check_identities();
    if batch.errors.is_empty() { Ok(batch.accepted()) } else { Err(tidy(batch.errors)) }
}

impl Batch<'_> {
    /// True if what a stack says is known: nobody has to say it in the body where a server knows it.
    fn is_known(&self, stack: &str) -> bool {
        self.sight == Sight::Whole || self.stacks.get(stack).is_some_and(|s| s.pointer.is_some())
    }
}

/// A body on its way through the checks.
struct Batch<'a> {
    world: &'a World<'a>,
    sight: Sight,
    errors: Vec<SpecError>,
    accounts: Vec<AcceptedAccount>,
    stacks: BTreeMap<String, stacks::StackContext>,
    /// Those of the body in its order, then those that it changes without naming them.
    resources: Vec<Candidate<'a>>,
    index: BTreeMap<ResourceKey, usize>,
}

/// A resource on its way through the checks.
struct Candidate<'a> {
    /// In the body: the resource, or its stack if the body does not declare it.
    pointer: String,
    declared: bool,
    key: ResourceKey,
    kind: Option<&'a dyn AnyKind>,
    scope: Scope,
    document_spec: Value,
    spec: Value,
    policy_own: Policy,
    labels: BTreeMap<String, String>,
    /// The places of its spec that cannot be used, if a mistake can be seen from it alone.
    unusable: Option<around::Places>,
}

impl Candidate<'_> {
    /// An error of the spec, as seen in the body.
    fn blame(&self, error: SpecError) -> SpecError {
        if self.declared {
            return anchor(&self.document_spec, error).under(&format!("{}/spec", self.pointer));
        }
        let place = if error.pointer.is_empty() { String::new() } else { format!(" at {}", error.pointer) };
        let message =
            format!("{}, which the body leaves as it is, would get a mistake{place}: {}", self.key, error.message);
        SpecError::new(format!("{}/spec", self.pointer), &error.code, message)
    }
}

/// Moves an error that lies inside the value of a variable to the string that names the variable.
fn anchor(written: &Value, error: SpecError) -> SpecError {
    let mut here = written;
    let mut at = String::new();
    for segment in pointer::segments(&error.pointer) {
        let inner = match here {
            Value::Object(map) => map.get(&segment),
            Value::Array(items) => segment.parse::<usize>().ok().and_then(|i| items.get(i)),
            Value::String(_) => {
                let message = format!("{} (In the variable's value: {}.)", error.message, &error.pointer[at.len()..]);
                return SpecError::new(at, &error.code, message);
            }
            _ => None,
        };
        at = pointer::join(&at, &segment);
        match inner {
            Some(value) => here = value,
            // A field that is missing, or the place in it, which is nowhere in the document.
            None => break,
        }
    }
    error
}

impl<'a> Batch<'a> {
    fn refuse(&mut self, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        self.errors.push(SpecError::new(pointer, code, message));
    }

    /// The spec of a resource that will be declared once the body is stored.
    fn spec_of(&self, key: &ResourceKey) -> Option<Value> {
        match self.index.get(key) {
            Some(at) => Some(self.resources[*at].spec.clone()),
            None => self.stored(key).map(|r| r.spec),
        }
    }

    /// A stored resource that the body does not declare and does not take away.
    fn stored(&self, key: &ResourceKey) -> Option<StoredResource> {
        if self.index.contains_key(key) || self.is_pruned(&key.stack) {
            return None;
        }
        self.world.stored.resource(key).filter(|r| !r.deleting)
    }

    /// True if what the body does not declare of the stack goes.
    fn is_pruned(&self, stack: &str) -> bool {
        self.world.prune && self.stacks.get(stack).is_some_and(|s| s.pointer.is_some())
    }

    fn accepted(self) -> Accepted {
        let gone = |stack: &&stacks::StackContext| self.is_pruned(&stack.name);
        let absent = self.stacks.values().filter(gone).flat_map(|s| self.world.stored.resources_of(&s.name));
        let absent = absent.filter(|r| !r.deleting && !self.index.contains_key(&r.key)).map(|r| r.key).collect();
        let stacks = &self.stacks;
        let resources = self.resources.into_iter().filter_map(|c| {
            let stack = stacks.get(&c.key.stack)?;
            Some(AcceptedResource {
                policy_effective: c.policy_own.over(&stack.spec.policy),
                stack_tags: stack.tags.clone(),
                key: c.key,
                scope: c.scope,
                document_spec: c.document_spec,
                spec: c.spec,
                policy_own: c.policy_own,
                labels: c.labels,
                declared: c.declared,
            })
        });
        Accepted {
            resources: resources.collect(),
            accounts: self.accounts,
            absent,
            stacks: self.stacks.into_values().filter_map(stacks::StackContext::accepted).collect(),
        }
    }
}
