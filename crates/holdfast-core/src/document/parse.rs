//! From JSON to documents, with every mistake of their shape.

use super::{AccountDocument, Document, Metadata, ResourceDocument, StackDocument, limits};
use crate::kind::Registry;
use crate::pointer;
use crate::problem::{SpecError, clip, did_you_mean};
use crate::schema::{Checker, ENVELOPES, Latitude, READ_ONLY_METADATA};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads a Stack, a resource, an Account or a List, checked as far as the documents' own shape goes: fields around
/// the spec, names, labels, tags, policies, duplicates. Each document comes with the pointer to it in `body`.
///
/// `status` and what only the server writes into `metadata` is taken and ignored, so that what was read can be
/// sent back. A resource in a Stack or a List and a document in a List need no `apiVersion` of their own.
pub fn parse(body: &Value, registry: &Registry) -> Result<Vec<(String, Document)>, Vec<SpecError>> {
    let parsed = read(body, registry);
    if parsed.errors.is_empty() {
        Ok(parsed.documents.into_iter().map(|r| (r.pointer, r.document)).collect())
    } else {
        Err(crate::problem::tidy(parsed.errors))
    }
}

/// What could be read of a body, and every mistake found on the way.
#[derive(Default)]
pub(crate) struct Parsed {
    pub(crate) documents: Vec<Read>,
    pub(crate) errors: Vec<SpecError>,
    /// Something was too wrong to be read at all, so what seems to be missing may have been declared.
    pub(crate) partial: bool,
}

/// A document that could be read.
pub(crate) struct Read {
    pub(crate) pointer: String,
    pub(crate) document: Document,
    /// Pointers of a stack's resources, in their order.
    pub(crate) members: Vec<String>,
}

/// Reads what can be read, so that later checks can find their mistakes in it as well.
pub(crate) fn read(body: &Value, registry: &Registry) -> Parsed {
    let mut parser = Parser { registry, parsed: Parsed::default(), seen: BTreeMap::new() };
    parser.document("", body, Outer::Body);
    parser.parsed
}

/// What a document stands in.
#[derive(Clone, Copy, PartialEq)]
enum Outer {
    Body,
    List,
}

struct Parser<'a> {
    registry: &'a Registry,
    parsed: Parsed,
    /// Where each name was declared first.
    seen: BTreeMap<String, String>,
}

impl Parser<'_> {
    fn refuse(&mut self, pointer: impl Into<String>, code: &str, message: impl Into<String>) {
        self.parsed.errors.push(SpecError::new(pointer, code, message));
    }

    /// The kind that a document says it is of, if it is an object and says so.
    fn kind_of<'v>(&mut self, pointer: &str, value: &'v Value) -> Option<(&'v Map<String, Value>, &'v str)> {
        let Value::Object(map) = value else {
            self.refuse(
                pointer,
                "wrong-type",
                "A document must be an object with apiVersion, kind, metadata and spec.",
            );
            return None;
        };
        match map.get("kind") {
            Some(Value::String(kind)) => return Some((map, kind)),
            Some(_) => self.refuse(format!("{pointer}/kind"), "wrong-type", "The kind must be a string."),
            None => {
                let message = format!("The field \"kind\" is required. There are: {}.", self.kinds(pointer));
                self.refuse(format!("{pointer}/kind"), "missing-field", message);
            }
        }
        None
    }

    /// What is wrong with a document beside that it does not say its kind.
    fn of_no_kind(&mut self, pointer: &str, value: &Value, envelope: &Checker) {
        self.parsed.partial = true;
        let Value::Object(map) = value else { return };
        let mut shell = map.clone();
        if let Some(Value::Object(spec)) = shell.get_mut("spec") {
            take_list(spec, "resources");
        }
        let mut shell = Value::Object(shell);
        let others = mistakes(envelope, &mut shell).into_iter().filter(|e| e.pointer != "/kind");
        self.parsed.errors.extend(others.map(|e| e.under(pointer)));
    }

    fn kinds(&self, pointer: &str) -> String {
        let own: Vec<&str> = self.registry.names().collect();
        let documents = if pointer.contains("/spec/resources/") { "" } else { "Stack, Account, List, " };
        format!("{documents}{}", own.join(", "))
    }

    fn unknown_kind(&mut self, pointer: &str, kind: &str) {
        let documents = ["Stack", "Account", "List"].into_iter().filter(|_| !pointer.contains("/spec/resources/"));
        let near = did_you_mean(kind, self.registry.names().chain(documents));
        let message = format!("There is no kind \"{}\".{near} There are: {}.", clip(kind, 60), self.kinds(pointer));
        self.refuse(format!("{pointer}/kind"), "unknown-kind", message);
    }

    fn document(&mut self, pointer: &str, value: &Value, outer: Outer) {
        let Some((map, kind)) = self.kind_of(pointer, value) else {
            let is_stack = value.pointer("/spec/resources").is_some();
            let alone = if outer == Outer::List { &ENVELOPES.listed } else { &ENVELOPES.alone };
            self.of_no_kind(pointer, value, if is_stack { &ENVELOPES.stack } else { alone });
            return;
        };
        match kind {
            "List" => self.list(pointer, map),
            "Stack" => self.stack(pointer, map, outer),
            "Account" => self.account(pointer, map, outer),
            _ => self.lone_resource(pointer, value, outer),
        }
    }

    fn list(&mut self, pointer: &str, map: &Map<String, Value>) {
        let mut shell = map.clone();
        let items = take_list(&mut shell, "items");
        self.typed::<Value>(&ENVELOPES.list, pointer, &Value::Object(shell));
        for (index, item) in items.iter().enumerate() {
            self.document(&format!("{pointer}/items/{index}"), item, Outer::List);
        }
    }

    fn account(&mut self, pointer: &str, map: &Map<String, Value>, outer: Outer) {
        let value = with_version(map, outer);
        let Some(account) = self.typed::<AccountDocument>(&ENVELOPES.account, pointer, &value) else { return };
        self.metadata(pointer, &account.metadata);
        if self.first(pointer, format!("Account {}", account.metadata.name), "duplicate-account") {
            self.accept(pointer, Document::Account(account), Vec::new());
        }
    }

    fn stack(&mut self, pointer: &str, map: &Map<String, Value>, outer: Outer) {
        let mut shell = with_version(map, outer);
        let resources = match shell.get_mut("spec") {
            Some(Value::Object(spec)) => take_list(spec, "resources"),
            _ => Vec::new(),
        };
        let stack = self.typed::<StackDocument>(&ENVELOPES.stack, pointer, &shell);
        let (members, resources) = self.members(pointer, &resources, stack.as_ref().map(|s| s.metadata.name.as_str()));
        let Some(mut stack) = stack else { return };
        stack.spec.resources = resources;
        self.metadata(pointer, &stack.metadata);
        let errors = &mut self.parsed.errors;
        limits::variables(&stack.spec.variables, &format!("{pointer}/spec/variables"), errors);
        limits::policy(&stack.spec.policy, &format!("{pointer}/spec/policy"), errors);
        let tags = stack.spec.tags.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect();
        limits::tags(&tags, &format!("{pointer}/spec/tags"), errors);
        if self.first(pointer, format!("Stack {}", stack.metadata.name), "duplicate-stack") {
            self.accept(pointer, Document::Stack(stack), members);
        }
    }

    /// The resources in a stack that can be read, with their pointers; the stack has no name if it cannot be read.
    fn members(
        &mut self,
        pointer: &str,
        values: &[Value],
        stack: Option<&str>,
    ) -> (Vec<String>, Vec<ResourceDocument>) {
        let read = values.iter().enumerate().filter_map(|(index, value)| {
            let at = format!("{pointer}/spec/resources/{index}");
            let resource = self.member(&at, value, stack)?;
            Some((at, resource))
        });
        read.unzip()
    }

    /// A resource in its stack.
    fn member(&mut self, pointer: &str, value: &Value, stack: Option<&str>) -> Option<ResourceDocument> {
        let Some((_, kind)) = self.kind_of(pointer, value) else {
            self.of_no_kind(pointer, value, &ENVELOPES.in_stack);
            return None;
        };
        if let "Stack" | "Account" | "List" = kind {
            let message = format!("A {kind} cannot stand in a Stack. Send it by itself or in a List.");
            self.refuse(format!("{pointer}/kind"), "not-allowed", message);
            return None;
        }
        let resource = self.resource(pointer, value, &ENVELOPES.in_stack)?;
        let stack = stack?;
        if resource.metadata.stack.as_deref().is_some_and(|named| named != stack) {
            let message =
                format!("The resource stands in the stack \"{stack}\". Leave the field out or name that stack.");
            self.refuse(format!("{pointer}/metadata/stack"), "wrong-stack", message);
        }
        self.first_resource(pointer, stack, &resource).then_some(resource)
    }

    fn lone_resource(&mut self, pointer: &str, value: &Value, outer: Outer) {
        let envelope = if outer == Outer::List { &ENVELOPES.listed } else { &ENVELOPES.alone };
        let Some(resource) = self.resource(pointer, value, envelope) else { return };
        let stack = resource.metadata.stack.clone().unwrap_or_default();
        if !stack.is_empty() && self.first_resource(pointer, &stack, &resource) {
            self.accept(pointer, Document::Resource(resource), Vec::new());
        }
    }

    /// What lone resources and those in a stack have in common.
    fn resource(&mut self, pointer: &str, value: &Value, envelope: &Checker) -> Option<ResourceDocument> {
        let resource = self.typed::<ResourceDocument>(envelope, pointer, value);
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if self.registry.get(kind).is_none() {
            self.unknown_kind(pointer, kind);
            self.parsed.partial = true;
            return None;
        }
        let resource = resource?;
        self.metadata(pointer, &resource.metadata);
        limits::policy(&resource.policy, &format!("{pointer}/policy"), &mut self.parsed.errors);
        Some(resource)
    }

    fn metadata(&mut self, pointer: &str, metadata: &Metadata) {
        limits::labels(&metadata.labels, &format!("{pointer}/metadata/labels"), &mut self.parsed.errors);
    }

    fn first_resource(&mut self, pointer: &str, stack: &str, resource: &ResourceDocument) -> bool {
        self.first(pointer, format!("{stack}/{}/{}", resource.kind, resource.metadata.name), "duplicate-resource")
    }

    /// True if nothing of that name was declared before.
    fn first(&mut self, pointer: &str, name: String, code: &str) -> bool {
        if let Some(before) = self.seen.get(&name) {
            let place = if before.is_empty() { "the body itself" } else { before };
            let message = format!("{name} is declared twice; the first one is {place}. Rename one or remove it.");
            self.refuse(pointer, code, message);
            return false;
        }
        self.seen.insert(name, pointer.to_owned());
        true
    }

    fn accept(&mut self, pointer: &str, document: Document, members: Vec<String>) {
        self.parsed.documents.push(Read { pointer: pointer.to_owned(), document, members });
    }

    /// Holds a document against its schema and gives it its type. Fields in the wrong are left out of it, so that
    /// the rest can still be looked at.
    fn typed<T: DeserializeOwned>(&mut self, envelope: &Checker, pointer: &str, value: &Value) -> Option<T> {
        let mut value = value.clone();
        let errors = mistakes(envelope, &mut value);
        // Backwards, because removing a list item renumbers those after it.
        for error in errors.iter().rev() {
            let wrong = match error.code.as_str() {
                // A name of the wrong form is still a name that others refer to.
                "bad-pattern" | "too-long" | "too-short" => continue,
                "missing-field" => error.pointer.rsplit_once('/').map_or("", |(parent, _)| parent),
                _ => error.pointer.as_str(),
            };
            pointer::remove(&mut value, wrong);
        }
        without_read_only(&mut value);
        let typed = serde_json::from_value::<T>(value);
        if let (Err(why), true) = (&typed, errors.is_empty()) {
            self.refuse(pointer, "invalid-value", format!("The document cannot be read: {why}."));
        }
        self.parsed.partial |= typed.is_err();
        self.parsed.errors.extend(errors.into_iter().map(|e| e.under(pointer)));
        typed.ok()
    }
}

/// Brings a value to the form of its schema, and holds it against that.
fn mistakes(envelope: &Checker, value: &mut Value) -> Vec<SpecError> {
    envelope.normalise(value);
    crate::problem::tidy(envelope.errors(value, Latitude::None, &|_| false))
}

/// Takes a list out of an object; what is no list stays, for the schema to refuse.
fn take_list(map: &mut Map<String, Value>, key: &str) -> Vec<Value> {
    match map.get_mut(key) {
        Some(Value::Array(items)) => std::mem::take(items),
        _ => Vec::new(),
    }
}

/// The document with the version of the list that it stands in.
fn with_version(map: &Map<String, Value>, outer: Outer) -> Value {
    let mut map = map.clone();
    if outer == Outer::List && !map.contains_key("apiVersion") {
        map.insert("apiVersion".to_owned(), Value::from(super::API_VERSION));
    }
    Value::Object(map)
}

fn without_read_only(value: &mut Value) {
    if let Value::Object(map) = value {
        map.shift_remove("status");
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            for field in READ_ONLY_METADATA {
                metadata.shift_remove(*field);
            }
        }
    }
}
