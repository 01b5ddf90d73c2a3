//! The resources of a body: where they live, and their specs one by one.

use super::around::Places;
use super::stacks::{UNKNOWN_VARIABLE, fill, fill_text};
use super::{Batch, Candidate, StoredResource, validators};
use crate::document::{Document, Read, ResourceDocument, limits};
use crate::name::{ResourceKey, Scope};
use crate::pointer;
use crate::policy::Policy;
use crate::problem::{SpecError, did_you_mean};
use crate::schema::Shape;
use serde_json::Value;

impl Batch<'_> {
    pub(super) fn take_resources(&mut self, documents: Vec<Read>) {
        for read in documents {
            match read.document {
                Document::Stack(stack) => {
                    for (at, resource) in read.members.into_iter().zip(stack.spec.resources) {
                        self.take_resource(at, &stack.metadata.name, resource);
                    }
                }
                Document::Resource(resource) => {
                    let stack = resource.metadata.stack.clone().unwrap_or_default();
                    self.take_resource(read.pointer, &stack, resource);
                }
                Document::Account(_) => {}
            }
        }
        self.check_moves();
        self.take_moved_members();
    }

    fn take_resource(&mut self, pointer: String, stack: &str, resource: ResourceDocument) {
        let Some(scope) = self.scope_of(&pointer, stack, &resource) else { return };
        let key = ResourceKey::new(stack, resource.kind, resource.metadata.name);
        self.push(Candidate {
            kind: self.world.registry.get(&key.kind),
            pointer,
            declared: true,
            key,
            scope,
            spec: resource.spec.clone(),
            document_spec: resource.spec,
            policy_own: resource.policy,
            labels: resource.metadata.labels,
            unusable: None,
        });
    }

    fn push(&mut self, candidate: Candidate<'_>) {
        // The kind is looked up again, because it must live as long as the world.
        let candidate = Candidate { kind: self.world.registry.get(&candidate.key.kind), ..candidate };
        self.index.insert(candidate.key.clone(), self.resources.len());
        self.resources.push(candidate);
    }

    /// Where a resource is to live: its own words over its stack's.
    fn scope_of(&mut self, pointer: &str, stack: &str, resource: &ResourceDocument) -> Option<Scope> {
        let context = self.stacks.get(stack)?;
        let mut errors = Vec::new();
        let at = |field: &str| format!("{pointer}/metadata/{field}");
        let variables = &context.spec.variables;
        let own = |text: &Option<String>, field: &str, errors: &mut Vec<SpecError>| {
            text.as_deref().map(|t| fill_text(t, variables, &at(field), errors))
        };
        let account = own(&resource.metadata.account, "account", &mut errors);
        let region = own(&resource.metadata.region, "region", &mut errors);
        let scope = Scope {
            account: account.clone().flatten().unwrap_or_else(|| context.scope.account.clone()),
            region: region.clone().flatten().unwrap_or_else(|| context.scope.region.clone()),
        };
        errors.retain(|e| self.is_known(stack) || e.code != UNKNOWN_VARIABLE);
        if let Some(Some(name)) = &account {
            self.check_account(Some(name), &at("account"), &mut errors);
        }
        // What the stack's document says of its region is checked there.
        let own_words = region.is_some() || account.is_some() || context.pointer.is_none();
        if own_words && errors.is_empty() {
            let blamed = if region.is_none() && account.is_some() { "account" } else { "region" };
            self.check_region(Some(&scope.account), Some(&scope.region), &at(blamed), &mut errors);
        }
        self.errors.append(&mut errors);
        Some(scope)
    }

    /// A live resource stays where it is.
    fn check_moves(&mut self) {
        let mut by_stack: std::collections::BTreeMap<String, Vec<(ResourceKey, Scope)>> = Default::default();
        for candidate in &self.resources {
            let Some(stored) = self.world.stored.resource(&candidate.key) else { continue };
            if stored.scope == candidate.scope {
                continue;
            }
            let stack_says =
                self.stacks.get(&candidate.key.stack).filter(|s| s.pointer.is_some() && s.scope == candidate.scope);
            if stack_says.is_some() {
                by_stack.entry(candidate.key.stack.clone()).or_default().push((stored.key, stored.scope));
            } else {
                let field = if stored.scope.region == candidate.scope.region { "account" } else { "region" };
                let pointer = format!("{}/metadata/{field}", candidate.pointer);
                self.errors.push(moved(&pointer, &[(stored.key, stored.scope)], &candidate.scope));
            }
        }
        for stack in self.stacks.values() {
            let Some(pointer) = &stack.pointer else { continue };
            let mut stay = by_stack.remove(&stack.name).unwrap_or_default();
            stay.extend(self.left_behind(stack));
            if let Some((_, old)) = stay.first() {
                let field = if old.region == stack.scope.region { "account" } else { "region" };
                self.errors.push(moved(&format!("{pointer}/spec/{field}"), &stay, &stack.scope));
            }
        }
    }

    /// Resources that the body does not name and that live where their stack lived before it moves.
    fn left_behind(&self, stack: &super::stacks::StackContext) -> Vec<(ResourceKey, Scope)> {
        let Some(before) = &stack.before else { return Vec::new() };
        let (old, new) = (&before.spec, &stack.spec);
        if (&old.account, &old.region) == (&new.account, &new.region) && old.variables == new.variables {
            return Vec::new();
        }
        let text =
            |text: &Option<String>| text.as_deref().and_then(|t| fill_text(t, &old.variables, "", &mut Vec::new()));
        let account = text(&old.account).unwrap_or_else(|| super::DEFAULT_ACCOUNT.to_owned());
        let region = text(&old.region).or_else(|| self.world.default_region.map(str::to_owned)).unwrap_or_default();
        let was = Scope { account, region };
        if was == stack.scope {
            return Vec::new();
        }
        let members = self.unnamed(&stack.name).into_iter().filter(|r| r.scope == was);
        members.map(|r| (r.key, r.scope)).collect()
    }

    /// Stored resources of a stack that the body neither names nor takes away.
    fn unnamed(&self, stack: &str) -> Vec<StoredResource> {
        if self.is_pruned(stack) {
            return Vec::new();
        }
        let members = self.world.stored.resources_of(stack).into_iter();
        members.filter(|r| !r.deleting && !self.index.contains_key(&r.key)).collect()
    }

    /// Takes in the resources that change because the variables, tags or policy of their stack do.
    fn take_moved_members(&mut self) {
        let moved = self.stacks.values().filter(|s| s.has_moved());
        let stacks: Vec<(String, String)> = moved.filter_map(|s| Some((s.name.clone(), s.pointer.clone()?))).collect();
        for (stack, pointer) in stacks {
            for stored in self.unnamed(&stack) {
                self.push(Candidate {
                    pointer: pointer.clone(),
                    declared: false,
                    kind: None,
                    key: stored.key,
                    scope: stored.scope,
                    spec: stored.document_spec.clone(),
                    document_spec: stored.document_spec,
                    policy_own: stored.policy,
                    labels: stored.labels,
                    unusable: None,
                });
            }
        }
    }

    /// Fills in variables and holds every spec against its kind.
    pub(super) fn check_specs(&mut self) {
        let mut found = Vec::new();
        for at in 0..self.resources.len() {
            let mut spec = std::mem::take(&mut self.resources[at].spec);
            let (errors, places) = self.check_spec(&self.resources[at], &mut spec);
            let candidate = &mut self.resources[at];
            candidate.spec = spec;
            candidate.unusable = Some(places).filter(|_| !errors.is_empty());
            found.extend(errors.into_iter().map(|e| candidate.blame(e)));
            found.extend(self.check_around(&self.resources[at]));
        }
        self.errors.extend(found);
    }

    /// Mistakes of one spec, relative to it, and the places that cannot be used for them.
    fn check_spec(&self, candidate: &Candidate<'_>, spec: &mut Value) -> (Vec<SpecError>, Places) {
        let mut errors = Vec::new();
        if let Some(stack) = self.stacks.get(&candidate.key.stack) {
            fill(spec, &stack.spec.variables, "", &mut errors);
        }
        let checker = candidate.kind.and_then(|kind| Some((kind, self.world.validators.of(kind)?)));
        let Some((kind, checker)) = checker else { return (errors, Places::default()) };
        let (mut more, places) = validators::spec(kind, checker, spec);
        // What the schema says of a string that could not be filled in is noise.
        more.retain(|m| !errors.iter().any(|e| e.pointer == m.pointer));
        errors.extend(more);
        errors.retain(|e| self.is_known(&candidate.key.stack) || e.code != UNKNOWN_VARIABLE);
        (errors, places)
    }

    /// Mistakes around one spec that hang on its kind: ignored paths, tags together with the stack's.
    fn check_around(&self, candidate: &Candidate<'_>) -> Vec<SpecError> {
        let mut errors = Vec::new();
        let Some(checker) = candidate.kind.and_then(|k| self.world.validators.of(k)) else { return errors };
        let shape = checker.shape();
        if candidate.declared {
            ignored_paths(&candidate.policy_own, &shape, &candidate.pointer, &mut errors);
        }
        let Some(stack) = self.stacks.get(&candidate.key.stack) else { return errors };
        if !shape.child("tags").is_free_key("any") {
            return errors;
        }
        let own = candidate.spec.get("tags").and_then(Value::as_object);
        let more = own.into_iter().flat_map(|t| t.keys()).filter(|k| !stack.tags.contains_key(*k)).count();
        let count = stack.tags.len() + more;
        // A side that is too large by itself is reported there.
        if count > limits::MOST_TAGS && more > 0 && more <= limits::MOST_TAGS && stack.tags.len() <= limits::MOST_TAGS {
            errors.push(candidate.blame(limits::too_many_tags(count, "/tags")));
        }
        errors
    }
}

/// Ignored paths that are no field of the kind.
fn ignored_paths(policy: &Policy, shape: &Shape<'_>, pointer: &str, errors: &mut Vec<SpecError>) {
    let paths = policy.ignore.iter().flatten().enumerate().filter(|(_, i)| limits::is_pointer(&i.path).is_ok());
    for (index, ignore) in paths {
        if let Some(message) = unknown_field(shape, &ignore.path) {
            errors.push(SpecError::new(format!("{pointer}/policy/ignore/{index}/path"), "unknown-field", message));
        }
    }
}

/// What is wrong with a path that is no field of the kind.
pub(super) fn unknown_field(shape: &Shape<'_>, path: &str) -> Option<String> {
    let mut here = shape.clone();
    for segment in pointer::segments(path) {
        let fields = here.fields();
        if segment != "*" && !fields.is_empty() && !fields.contains(segment.as_str()) && !here.is_free_key(&segment) {
            let near = did_you_mean(&segment, fields);
            return Some(format!("The kind has no field {path}: \"{segment}\" is unknown.{near}"));
        }
        here = here.child(&segment);
    }
    None
}

fn moved(pointer: &str, resources: &[(ResourceKey, Scope)], to: &Scope) -> SpecError {
    let shown: Vec<String> = resources.iter().take(5).map(|(key, old)| format!("{key} (in {old})")).collect();
    let more = if resources.len() > 5 { format!(" and {} more", resources.len() - 5) } else { String::new() };
    let message = format!(
        "A live resource cannot move, and this would move {}{more} to {to}. Delete it first, or declare it under another name.",
        shown.join(", ")
    );
    SpecError::new(pointer, "moved-resource", message)
}
