//! The stacks of a body: where they live, their tags, and what is known of them already.

use super::{AcceptedStack, Batch, DEFAULT_ACCOUNT, StoredStack};
use crate::document::{Document, Read, StackSpec, limits};
use crate::name::Scope;
use crate::pointer;
use crate::problem::{SpecError, capital, did_you_mean};
use crate::reference::{self, Reference};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A stack that the body declares or that a resource of the body belongs to.
pub(super) struct StackContext {
    pub(super) name: String,
    /// Where the body declares it.
    pub(super) pointer: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// Without resources.
    pub(super) spec: StackSpec,
    pub(super) scope: Scope,
    /// Variables filled in.
    pub(super) tags: BTreeMap<String, String>,
    pub(super) before: Option<StoredStack>,
}

impl StackContext {
    /// What is to be stored of it, if the body says or implies something new.
    pub(super) fn accepted(self) -> Option<AcceptedStack> {
        let implied = self.pointer.is_none();
        (!implied || self.before.is_none()).then_some(AcceptedStack {
            name: self.name,
            labels: self.labels,
            spec: self.spec,
            scope: self.scope,
            tags: self.tags,
            implied,
        })
    }

    /// Its variables, tags or policy are not those that are stored.
    pub(super) fn has_moved(&self) -> bool {
        self.before.as_ref().is_some_and(|before| {
            let (old, new) = (&before.spec, &self.spec);
            old.variables != new.variables || old.tags != new.tags || old.policy != new.policy
        })
    }
}

impl Batch<'_> {
    pub(super) fn take_stacks(&mut self, documents: &[Read]) {
        for read in documents {
            if let Document::Stack(stack) = &read.document {
                let mut spec = stack.spec.clone();
                spec.resources = Vec::new();
                let name = &stack.metadata.name;
                self.declare_stack(name, Some(&read.pointer), stack.metadata.labels.clone(), spec);
            }
        }
        for read in documents {
            if let Document::Resource(resource) = &read.document {
                let name = resource.metadata.stack.clone().unwrap_or_default();
                if !self.stacks.contains_key(&name) {
                    let StoredStack { labels, spec } = self.world.stored.stack(&name).unwrap_or_default();
                    self.declare_stack(&name, None, labels, spec);
                    // With no region anywhere else, a new stack is where its first resource is.
                    if let (Some(stack), Some(region)) = (self.stacks.get_mut(&name), &resource.metadata.region)
                        && stack.scope.region.is_empty()
                    {
                        stack.scope.region.clone_from(region);
                    }
                }
            }
        }
    }

    fn declare_stack(&mut self, name: &str, pointer: Option<&str>, labels: BTreeMap<String, String>, spec: StackSpec) {
        // The mistakes of a stack that is stored already are not this body's.
        let mut errors = Vec::new();
        let base = pointer.unwrap_or_default();
        let fill = |text: &str, field: &str, errors: &mut Vec<SpecError>| {
            fill_text(text, &spec.variables, &format!("{base}/spec/{field}"), errors)
        };
        let account = spec.account.as_deref().map(|a| fill(a, "account", &mut errors));
        let region = spec.region.as_deref().map(|r| fill(r, "region", &mut errors));
        let mut tags = BTreeMap::new();
        for (key, value) in &spec.tags {
            let at = pointer::join("tags", key);
            tags.insert(key.clone(), fill(value, &at, &mut errors).unwrap_or_default());
        }
        if pointer.is_some() {
            let filled = tags.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect();
            limits::tags(&filled, &format!("{base}/spec/tags"), &mut errors);
            // A variable that is not there has been reported; the default stands in for it.
            let account = account.clone().map(Option::unwrap_or_default).filter(|a| !a.is_empty());
            self.check_account(account.as_deref(), &format!("{base}/spec/account"), &mut errors);
            let region = region.clone().map(Option::unwrap_or_default).filter(|r| !r.is_empty());
            let broken = spec.region.is_some() && region.is_none();
            if !broken {
                let region = region.as_deref().or(self.world.default_region);
                self.check_region(account.as_deref(), region, &format!("{base}/spec/region"), &mut errors);
            }
            self.errors.append(&mut errors);
        }
        let scope = Scope {
            account: account.flatten().unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned()),
            region: region.flatten().or_else(|| self.world.default_region.map(str::to_owned)).unwrap_or_default(),
        };
        let before = self.world.stored.stack(name);
        let pointer = pointer.map(str::to_owned);
        let context = StackContext { name: name.to_owned(), pointer, labels, spec, scope, tags, before };
        self.stacks.insert(name.to_owned(), context);
    }
}

/// The code of a variable that the stack does not have.
pub(super) const UNKNOWN_VARIABLE: &str = "unknown-variable";

/// Fills variables into a text of a stack or of metadata, where no reference to an output can stand.
pub(super) fn fill_text(
    text: &str,
    variables: &Map<String, Value>,
    pointer: &str,
    errors: &mut Vec<SpecError>,
) -> Option<String> {
    let mut value = Value::String(text.to_owned());
    let before = errors.len();
    fill(&mut value, variables, pointer, errors);
    let mut outputs = false;
    reference::each(&value, "", &mut |_, _| outputs = true, &mut Vec::new());
    if errors.len() == before && outputs {
        let message = "Only ${var.name} can stand here: this must be known before anything exists.";
        errors.push(SpecError::new(pointer, "reference-not-allowed", message));
    }
    if errors.len() > before {
        return None;
    }
    // Undoes the escapes, because nobody reads this text again.
    reference::fill(&mut value, &mut |_| reference::Worth::Open);
    match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => {
            errors.push(SpecError::new(pointer, "wrong-type", "The variable must hold a string here."));
            None
        }
    }
}

/// Fills in variables and reports those that do not exist and references that are malformed.
pub(super) fn fill(value: &mut Value, variables: &Map<String, Value>, pointer: &str, errors: &mut Vec<SpecError>) {
    let mut unknown = Vec::new();
    let mut visit = |at: &str, reference: &Reference| {
        if let Reference::Variable(name) = reference
            && !variables.contains_key(name)
        {
            unknown.push((at.to_owned(), name.clone()));
        }
    };
    let mut malformed = Vec::new();
    reference::each(value, pointer, &mut visit, &mut malformed);
    errors.extend(malformed.into_iter().map(|e| SpecError { message: format!("{}.", capital(&e.message)), ..e }));
    for (at, name) in unknown {
        let near = did_you_mean(&name, variables.keys().map(String::as_str));
        let hint = if near.is_empty() { " Add it to the stack's variables." } else { &near };
        errors.push(SpecError::new(at, UNKNOWN_VARIABLE, format!("The stack has no variable \"{name}\".{hint}")));
    }
    reference::fill_variables(value, &mut |name| variables.get(name).cloned());
}
