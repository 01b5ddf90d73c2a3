//! Changing a JSON Schema, schema by schema.

use serde_json::{Map, Value};

/// Keywords whose value is one schema.
const ONE: &[&str] = &[
    "items",
    "additionalProperties",
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
    "additionalItems",
];
/// Keywords whose value is a list of schemas.
const LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value is a map of schemas.
const MAP: &[&str] = &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Calls `visit` for every schema directly inside `schema`, with the keyword it stands under.
pub(crate) fn children(schema: &mut Map<String, Value>, visit: &mut dyn FnMut(&str, &mut Value)) {
    for (keyword, value) in schema.iter_mut() {
        let keyword = keyword.as_str();
        match value {
            one @ (Value::Object(_) | Value::Bool(_)) if ONE.contains(&keyword) => visit(keyword, one),
            Value::Array(list) if LIST.contains(&keyword) => list.iter_mut().for_each(|s| visit(keyword, s)),
            Value::Object(map) if MAP.contains(&keyword) => map.values_mut().for_each(|s| visit(keyword, s)),
            _ => {}
        }
    }
}

/// Calls `visit` for `schema` and every schema inside it, inner ones first.
pub(crate) fn everywhere(schema: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    if let Value::Object(map) = schema {
        children(map, &mut |_, inner| everywhere(inner, visit));
        visit(map);
    }
}

/// Rewrites every `$ref` that begins with `from` so that it begins with `to`.
pub(crate) fn move_refs(schema: &mut Value, from: &str, to: &str) {
    everywhere(schema, &mut |map| {
        if let Some(Value::String(target)) = map.get_mut("$ref")
            && let Some(rest) = target.strip_prefix(from)
        {
            *target = format!("{to}{rest}");
        }
    });
}
