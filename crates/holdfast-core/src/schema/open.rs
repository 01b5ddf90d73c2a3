//! Opening a kind's schema to what a spec may hold besides values: null, references, numbers as text.

use serde_json::{Map, Value, json};

/// A string that is one reference.
const REFERENCE: &str = r"^\$\{[^}]+\}$";
/// A string that is one reference or a whole number.
const REFERENCE_OR_NUMBER: &str = r"^(\$\{[^}]+\}|-?[0-9]+)$";
/// A string with a reference in it.
const WITH_REFERENCE: &str = r"\$\{[^}]+\}";

/// Opens every field and item inside `schema`, and leaves its own type alone.
pub(super) fn open(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    let required: Vec<String> = map
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    super::visit::children(map, &mut |keyword, inner| {
        open(inner);
        if matches!(keyword, "items" | "prefixItems" | "additionalProperties") {
            loosen(inner, Null::Refused);
        }
    });
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        for (name, property) in properties {
            loosen(property, if required.contains(name) { Null::Refused } else { Null::Unset });
        }
    }
}

/// Whether null says "must be unset" here.
#[derive(Clone, Copy, PartialEq)]
enum Null {
    Unset,
    Refused,
}

fn loosen(schema: &mut Value, null: Null) {
    let Value::Object(map) = schema else { return };
    // A constant tells the forms of a value apart; if it could be anything, so could they.
    if map.is_empty() || map.contains_key("const") || !says_something(map) {
        return;
    }
    if flat(map, null) {
        return;
    }
    let mut choices = match map.shift_remove("anyOf") {
        Some(Value::Array(branches)) if !says_something(map) => branches,
        taken => {
            let mut inner = Map::new();
            for (keyword, value) in std::mem::take(map) {
                let outside = matches!(keyword.as_str(), "description" | "title" | "x-holdfast" | "default");
                if outside {
                    map.insert(keyword, value)
                } else {
                    inner.insert(keyword, value)
                };
            }
            inner.extend(taken.map(|branches| ("anyOf".to_owned(), branches)));
            vec![Value::Object(inner)]
        }
    };
    choices.push(json!({ "type": "string", "pattern": WITH_REFERENCE }));
    if null == Null::Unset && !choices.contains(&json!({ "type": "null" })) {
        choices.push(json!({ "type": "null" }));
    }
    map.insert("anyOf".to_owned(), Value::Array(choices));
}

fn says_something(map: &Map<String, Value>) -> bool {
    ["type", "enum", "$ref", "anyOf", "oneOf", "allOf", "properties", "items"].iter().any(|k| map.contains_key(*k))
}

/// Opens a schema by its keywords alone, which keeps it readable; false if that cannot be.
fn flat(map: &mut Map<String, Value>, null: Null) -> bool {
    let combined = ["enum", "$ref", "anyOf", "oneOf", "allOf", "minLength", "maxLength", "format"];
    let numeric = |f: &Value| {
        f.as_str().is_some_and(|f| f.starts_with("int") || f.starts_with("uint") || f == "double" || f == "float")
    };
    if combined.iter().any(|k| map.get(*k).is_some_and(|v| *k != "format" || !numeric(v))) {
        return false;
    }
    let mut types: Vec<String> = match map.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => return false,
    };
    let has = |name: &str| types.iter().any(|t| t == name);
    let mut add = Vec::new();
    if has("string") {
        if let Some(Value::String(pattern)) = map.get_mut("pattern") {
            *pattern = format!("({pattern})|{WITH_REFERENCE}");
        }
        if !has("number") && !has("integer") {
            add.push("number");
        }
    } else if has("integer") || has("number") {
        add.push("string");
        map.insert("pattern".to_owned(), json!(REFERENCE_OR_NUMBER));
    } else {
        add.push("string");
        map.insert("pattern".to_owned(), json!(REFERENCE));
    }
    if null == Null::Unset && !has("null") {
        add.push("null");
    }
    types.extend(add.into_iter().map(str::to_owned));
    map.insert("type".to_owned(), json!(types));
    true
}
