//! The schemas as they are served: one a kind, and one of everything for editors.

use super::envelope::{self, Standing};
use super::{facts, open, strict, visit};
use crate::kind::{AnyKind, Registry};
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// `/schemas/{Kind}.json`: the document of one resource, by itself.
pub fn resource(kind: &dyn AnyKind) -> Value {
    let (spec, definitions) = spec(kind);
    let mut document = envelope::resource(Standing::Alone, kind_is(kind.name()), spec);
    document["description"] = json!(kind.summary());
    titled(kind.name(), document, definitions)
}

/// `/schemas/Stack.json`.
pub fn stack(registry: &Registry) -> Value {
    let items = json!({ "type": "array", "items": { "$ref": "#/$defs/Member" }, "description": "Its resources." });
    titled("Stack", envelope::stack(items), members(registry))
}

/// `/schemas/Account.json`.
pub fn account() -> Value {
    titled("Account", envelope::account(), Map::new())
}

/// `/schemas/List.json`.
pub fn list(registry: &Registry) -> Value {
    titled("List", envelope::list(&json!({ "$ref": "#/$defs/Document" })), documents(registry))
}

/// `/schemas/v1.json`: any document. It asks for the kind first, so that an editor shows the mistakes of that kind
/// alone.
pub fn whole(registry: &Registry) -> Value {
    let document = json!({ "allOf": [{ "$ref": "#/$defs/Document" }, { "required": ["apiVersion"] }] });
    titled("Holdfast documents", document, documents(registry))
}

/// The schema of a name under `/schemas/`: a kind, `Stack`, `Account`, `List` or `v1`.
pub fn named(name: &str, registry: &Registry) -> Option<Value> {
    Some(match name {
        "Stack" => stack(registry),
        "Account" => account(),
        "List" => list(registry),
        "v1" => whole(registry),
        kind => resource(registry.get(kind)?),
    })
}

/// The spec of a kind, and the definitions that it refers to.
fn spec(kind: &dyn AnyKind) -> (Value, Map<String, Value>) {
    let mut spec = strict::strict(kind.schema());
    // The defaults of our own types are no defaults of AWS: a field that is absent is not managed.
    visit::everywhere(&mut spec, &mut |map| _ = map.shift_remove("default"));
    facts::annotate(&mut spec, kind.fields());
    open::open(&mut spec);
    let mut definitions = Map::new();
    if let Value::Object(map) = &mut spec {
        if let Some(Value::Object(own)) = map.shift_remove("$defs") {
            definitions = own;
        }
        map.shift_remove("$schema");
        map.shift_remove("title");
    }
    drop_unused(&spec, &mut definitions);
    (spec, definitions)
}

/// Takes out the definitions that nothing refers to any more.
fn drop_unused(spec: &Value, definitions: &mut Map<String, Value>) {
    loop {
        let text = format!("{spec}{}", json!(definitions));
        let before = definitions.len();
        definitions.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
        if definitions.len() == before {
            return;
        }
    }
}

fn kind_is(name: &str) -> Value {
    json!({ "const": name, "description": format!("Always \"{name}\".") })
}

fn titled(title: &str, document: Value, definitions: Map<String, Value>) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!(DIALECT));
    schema.insert("title".to_owned(), json!(title));
    if let Value::Object(document) = document {
        schema.extend(document);
    }
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    Value::Object(schema)
}

/// Every kind as a definition, and `Member`: any resource in its stack.
fn members(registry: &Registry) -> Map<String, Value> {
    let mut definitions = Map::new();
    for kind in registry.iter() {
        let (spec, own) = spec(kind);
        let mut document = envelope::resource(Standing::InStack, kind_is(kind.name()), spec);
        document["description"] = json!(kind.summary());
        if !own.is_empty() {
            document["$defs"] = Value::Object(own);
        }
        visit::move_refs(&mut document, "#/$defs/", &format!("#/$defs/{}/$defs/", kind.name()));
        definitions.insert(kind.name().to_owned(), document);
    }
    let then = registry.names().map(|name| (name, json!({ "$ref": format!("#/$defs/{name}") })));
    definitions.insert("Member".to_owned(), by_kind(then.collect()));
    definitions
}

/// The same with the other documents, and `Document`: any of them, by itself.
fn documents(registry: &Registry) -> Map<String, Value> {
    let mut definitions = members(registry);
    let items = json!({ "type": "array", "items": { "$ref": "#/$defs/Member" }, "description": "Its resources." });
    definitions.insert("Stack".to_owned(), envelope::stack(items));
    definitions.insert("Account".to_owned(), envelope::account());
    definitions.insert("List".to_owned(), envelope::list(&json!({ "$ref": "#/$defs/Document" })));
    let others = ["Stack", "Account", "List"].map(|name| (name, json!({ "$ref": format!("#/$defs/{name}") })));
    let resources = registry.names().map(|name| {
        let says_its_stack = json!({ "properties": { "metadata": { "required": ["stack"] } } });
        (name, json!({ "allOf": [{ "$ref": format!("#/$defs/{name}") }, says_its_stack] }))
    });
    let document = by_kind(others.into_iter().chain(resources).collect());
    definitions.insert("Document".to_owned(), document);
    definitions
}

fn by_kind(then: Vec<(&str, Value)>) -> Value {
    let names: Vec<&str> = then.iter().map(|(name, _)| *name).collect();
    let branches = then.iter().map(|(name, then)| {
        json!({ "if": { "properties": { "kind": { "const": name } }, "required": ["kind"] }, "then": then })
    });
    json!({
        "type": "object",
        "properties": { "kind": { "enum": names, "description": "What the document is about." } },
        "required": ["kind"],
        "allOf": branches.collect::<Vec<_>>(),
    })
}
