//! Walks in a kind's JSON Schema.

use holdfast_core::pointer::{join, segments};
use serde_json::Value;

/// The alternatives of a schema: itself, what it refers to, and the branches of its combinations.
fn branches<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    let mut out = vec![schema];
    if let Some(target) =
        schema.get("$ref").and_then(Value::as_str).and_then(|r| root.pointer(r.trim_start_matches('#')))
    {
        out.extend(branches(root, target));
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        for branch in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            out.extend(branches(root, branch));
        }
    }
    out
}

/// The schemas at a field fact's path; `*` is an item or any key. `None` if there are none.
pub(super) fn at<'s>(root: &'s Value, path: &str) -> Option<Vec<&'s Value>> {
    let mut here = vec![root];
    for segment in segments(path) {
        here = here
            .iter()
            .flat_map(|schema| branches(root, schema))
            .filter_map(|schema| {
                let named = schema.get("properties").and_then(|p| p.get(&segment));
                let any = || schema.get("items").or_else(|| schema.get("additionalProperties"));
                // A key of a free map may have facts of its own.
                let free = || schema.get("additionalProperties").filter(|s| s.is_object());
                named.or_else(|| if segment == "*" { any() } else { free() })
            })
            .collect();
    }
    (!here.is_empty()).then_some(here)
}

/// True if one of the schemas allows the JSON type.
pub(super) fn is_a(root: &Value, schemas: &[&Value], wanted: &str) -> bool {
    schemas.iter().flat_map(|s| branches(root, s)).any(|schema| match schema.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(some)) => some.iter().any(|s| s == wanted),
        _ => false,
    })
}

/// The words that the schema lists for a field, and both truth values where it takes one.
pub(super) fn words(root: &Value, path: &str) -> Vec<Value> {
    let here = at(root, path).unwrap_or_default();
    let all: Vec<&Value> = here.iter().flat_map(|schema| branches(root, schema)).collect();
    let listed = all.iter().filter_map(|s| s.get("enum").and_then(Value::as_array)).flatten().cloned();
    let flags = is_a(root, &here, "boolean").then_some([true.into(), false.into()]).into_iter().flatten();
    listed.chain(flags).collect()
}

/// Top-level fields that need not be declared.
pub(super) fn optional(root: &Value) -> Vec<String> {
    let required: Vec<&str> =
        root.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let all = root.get("properties").and_then(Value::as_object);
    all.into_iter().flatten().map(|(k, _)| k.clone()).filter(|k| !required.contains(&k.as_str())).collect()
}

/// Properties without a description: the docs page would have a hole there.
pub(super) fn undescribed(root: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let named = root.get("$defs").and_then(Value::as_object);
    let definitions = named.into_iter().flatten().map(|(name, schema)| (format!("/$defs/{name}"), schema));
    for (at, schema) in std::iter::once((String::new(), root)).chain(definitions) {
        for branch in branches(root, schema) {
            for (name, property) in branch.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if property.get("description").is_none() {
                    out.push(join(&at, name));
                }
            }
        }
    }
    out.sort();
    out.dedup();
    out
}
