//! The form of a kind's schema that documents are held against.

use super::visit;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Closes objects that forgot to refuse unknown fields, and gives integers the bounds of their format, so that
/// what the schema lets pass is also taken by the kind's own type.
pub(crate) fn strict(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let mut embedded = BTreeSet::new();
    find_embedded(&schema, &mut embedded);
    close(&mut schema, Place::Alone, &embedded);
    visit::everywhere(&mut schema, &mut bound);
    schema
}

/// Whether a schema describes the whole of a value or, together with others, a part of it.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Alone,
    Part,
}

/// True if a schema has fields of its own beside those of the schemas it combines.
fn combines(map: &Map<String, Value>) -> bool {
    let others = ["allOf", "anyOf", "oneOf", "$ref"].iter().any(|k| map.contains_key(*k));
    map.contains_key("allOf") || others && map.contains_key("properties")
}

/// Definitions that are one part of a larger object somewhere.
fn find_embedded(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if combines(map) {
                let parts = ["allOf", "anyOf", "oneOf"].iter().filter_map(|k| map.get(*k)?.as_array()).flatten();
                let refs = parts.chain([schema]).filter_map(|s| s.get("$ref")?.as_str()?.strip_prefix("#/$defs/"));
                found.extend(refs.map(str::to_owned));
            }
            map.values().for_each(|inner| find_embedded(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| find_embedded(inner, found)),
        _ => {}
    }
}

fn close(schema: &mut Value, place: Place, embedded: &BTreeSet<String>) {
    let Value::Object(map) = schema else { return };
    let whole = combines(map);
    if let Some(Value::Object(definitions)) = map.get_mut("$defs") {
        for (name, definition) in definitions {
            let place = if embedded.contains(name) { Place::Part } else { Place::Alone };
            close(definition, place, embedded);
        }
    }
    visit::children(map, &mut |keyword, inner| match keyword {
        "$defs" => {}
        "allOf" | "anyOf" | "oneOf" if whole => close(inner, Place::Part, embedded),
        "allOf" | "anyOf" | "oneOf" => close(inner, place, embedded),
        "if" | "then" | "else" | "not" => {}
        _ => close(inner, Place::Alone, embedded),
    });
    let says = ["additionalProperties", "unevaluatedProperties"].iter().any(|k| map.contains_key(*k));
    if place == Place::Alone && map.contains_key("properties") && !says {
        let keyword = if whole { "unevaluatedProperties" } else { "additionalProperties" };
        map.insert(keyword.to_owned(), Value::Bool(false));
    }
}

fn bound(map: &mut Map<String, Value>) {
    let (low, high) = match map.get("format").and_then(Value::as_str) {
        Some("int8") => (json!(i8::MIN), json!(i8::MAX)),
        Some("int16") => (json!(i16::MIN), json!(i16::MAX)),
        Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        Some("uint8") => (json!(0), json!(u8::MAX)),
        Some("uint16") => (json!(0), json!(u16::MAX)),
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("uint" | "uint64") => (json!(0), json!(u64::MAX)),
        _ => return,
    };
    map.entry("minimum").or_insert(low);
    map.entry("maximum").or_insert(high);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_combines_others_is_closed_over_all_of_them() {
        let open = json!({ "$defs": { "Size": { "properties": { "size": { "type": "integer", "format": "uint8" } } } },
            "properties": { "name": { "type": "string" } }, "$ref": "#/$defs/Size" });
        let closed = strict(&open);
        assert_eq!(closed["unevaluatedProperties"], json!(false));
        assert_eq!(closed["$defs"]["Size"].get("additionalProperties"), None, "it is one part of a larger object");
        assert_eq!(closed["$defs"]["Size"]["properties"]["size"]["maximum"], json!(255));
        let alone = strict(&json!({ "properties": { "of": { "$ref": "#/$defs/Size" } }, "$defs": open["$defs"] }));
        assert_eq!(alone["additionalProperties"], json!(false));
        assert_eq!(alone["$defs"]["Size"]["additionalProperties"], json!(false), "it stands alone");
    }
}
