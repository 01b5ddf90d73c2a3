//! What a schema says where it only points elsewhere.

use serde_json::Value;

/// More hops than any schema has; a definition of itself must not go round for ever.
const HOPS: usize = 16;

/// A schema with its references into `root` followed, and of an optional the branch that is not null.
pub fn resolved(schema: &Value, root: &Value) -> Value {
    let mut here = schema;
    for _ in 0..HOPS {
        let definition = here["$ref"].as_str().map(|name| root.pointer(name.trim_start_matches('#')));
        let branch = || here["anyOf"].as_array()?.iter().find(|branch| branch["type"] != "null");
        here = match definition {
            Some(Some(definition)) => definition,
            Some(None) => return Value::Null,
            None => match branch() {
                Some(branch) => branch,
                None => break,
            },
        };
    }
    here.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_optional_reference_leads_to_what_is_defined() {
        let root = json!({ "$defs": { "A": { "$ref": "#/$defs/B" }, "B": { "type": "string" } } });
        let optional = json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/A" }] });
        assert_eq!(resolved(&optional, &root), json!({ "type": "string" }));
        assert_eq!(resolved(&json!({ "type": "array" }), &root), json!({ "type": "array" }));
        assert_eq!(resolved(&json!({ "$ref": "#/$defs/C" }), &root), Value::Null);
    }

    #[test]
    fn a_definition_of_itself_comes_to_an_end() {
        let root = json!({ "$defs": { "A": { "$ref": "#/$defs/A" } } });
        assert_eq!(resolved(&json!({ "$ref": "#/$defs/A" }), &root), json!({ "$ref": "#/$defs/A" }));
    }
}
