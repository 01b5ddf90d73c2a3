//! The same schemas for tools that stopped at draft-07.

use super::visit;
use serde_json::{Map, Value, json};

/// A 2020-12 schema of this module in draft-07.
pub fn draft7(schema: &Value) -> Value {
    let mut schema = schema.clone();
    visit::everywhere(&mut schema, &mut rewrite);
    if let Value::Object(map) = &mut schema {
        map.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    }
    schema
}

fn rewrite(map: &mut Map<String, Value>) {
    if let Some(definitions) = map.shift_remove("$defs") {
        map.insert("definitions".to_owned(), definitions);
    }
    // Draft-07 has no word for what the combined schemas leave over; the server still refuses it.
    map.shift_remove("unevaluatedProperties");
    map.shift_remove("unevaluatedItems");
    if let Some(first) = map.shift_remove("prefixItems") {
        if let Some(rest) = map.shift_remove("items") {
            map.insert("additionalItems".to_owned(), rest);
        }
        map.insert("items".to_owned(), first);
    }
    if let Some(Value::String(target)) = map.get_mut("$ref") {
        *target = target.replace("/$defs/", "/definitions/");
        // Whatever stands beside a reference is not looked at in draft-07.
        if map.len() > 1
            && let Some(reference) = map.shift_remove("$ref")
        {
            let mut parts = vec![json!({ "$ref": reference })];
            if let Some(Value::Array(more)) = map.shift_remove("allOf") {
                parts.extend(more);
            }
            map.insert("allOf".to_owned(), Value::Array(parts));
        }
    }
}
