//! What the ECS kinds share. ECS speaks JSON whose members are those of our specs, so a spec is sent as it stands and
//! an answer is read as it comes; what differs is said here once.

#[cfg(feature = "aws")]
pub(crate) mod aws;
pub(crate) mod check;
pub(crate) mod shapes;
#[cfg(test)]
pub(crate) mod testing;

use holdfast_core::outputs::Outputs;
use serde_json::{Value, json};

/// The part of an ARN after the last `/`; a plain name is its own.
pub(crate) fn name_of(arn_or_name: &str) -> &str {
    match arn_or_name.rsplit_once('/') {
        Some((front, name)) if front.starts_with("arn:") => name,
        _ => arn_or_name,
    }
}

/// Replaces the ARN at `key` by its name. Text with open references stays.
pub(crate) fn shorten(spec: &mut Value, key: &str) {
    if let Some(Value::String(text)) = spec.get_mut(key)
        && !holdfast_core::reference::is_open(text)
    {
        *text = name_of(text).to_owned();
    }
}

/// Writes a live role as the declaration does: AWS takes a role's name and answers with its ARN.
pub(crate) fn respell_role(live: &mut Value, declared: Option<&Value>, key: &str) {
    let Some(name) = declared.and_then(|d| crate::common::closed(d, key)) else { return };
    let Some(Value::String(arn)) = live.get_mut(key) else { return };
    if !name.starts_with("arn:") && arn.split_once(":role/").is_some_and(|(_, path)| path == name) {
        *arn = name.to_owned();
    }
}

/// Writes a live Cloud Map namespace as the declaration does where only that gives it by name: AWS answers with an ARN
/// that holds an id, so the two cannot be compared.
pub(crate) fn respell_namespace(live: Option<&mut Value>, declared: Option<&Value>) {
    let name = declared.and_then(|d| crate::common::closed(d, "namespace")).filter(|n| !n.starts_with("arn:"));
    if let (Some(name), Some(Value::String(arn))) = (name, live.and_then(|l| l.get_mut("namespace")))
        && arn.starts_with("arn:")
    {
        *arn = name.to_owned();
    }
}

/// Applies `change` to the value at `pointer`, if there is one; `*` visits every item of a list.
pub(crate) fn each_at(value: &mut Value, pointer: &str, change: &mut dyn FnMut(&mut Value)) {
    let Some(rest) = pointer.strip_prefix('/') else {
        return change(value);
    };
    let (segment, rest) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    match value {
        Value::Array(items) if segment == "*" => items.iter_mut().for_each(|item| each_at(item, rest, change)),
        Value::Object(map) => {
            if let Some(inner) = map.get_mut(segment) {
                each_at(inner, rest, change);
            }
        }
        _ => {}
    }
}

/// Leaves of a live value only what a spec of this JSON Schema can say. A member that AWS invents later is then no
/// drift, and what AWS adds for reading alone (status, dates) is not compared.
pub(crate) fn keep_known(value: &mut Value, schema: &Value, root: &Value) {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(path) => root.pointer(path.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    };
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        // `Option<T>` is written as "T or null".
        let real = options.iter().find(|o| o.get("type").and_then(Value::as_str) != Some("null"));
        return real.into_iter().for_each(|option| keep_known(value, option, root));
    }
    match value {
        Value::Object(map) => {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                map.retain(|key, _| properties.contains_key(key));
                map.iter_mut().for_each(|(key, inner)| keep_known(inner, &properties[key], root));
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| keep_known(item, schema, root));
            }
        }
        _ => {}
    }
}

/// Drops what says nothing: nulls, empty texts, lists and objects. AWS and those who imitate it differ in which of
/// them they send. Items of lists stay, because a place in a list says something.
pub(crate) fn drop_empty(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(drop_empty);
            map.retain(|_, v| match v {
                Value::Null => false,
                Value::String(s) => !s.is_empty(),
                Value::Array(items) => !items.is_empty(),
                Value::Object(inner) => !inner.is_empty(),
                _ => true,
            });
        }
        Value::Array(items) => items.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

/// `declared` over `live`: what is not declared keeps its live value, because a modify call of ECS replaces a
/// structure whole. A null takes the value away.
pub(crate) fn overlay(live: Option<&Value>, declared: &Value) -> Value {
    match (live, declared) {
        (Some(Value::Object(live)), Value::Object(declared)) => {
            let mut merged = live.clone();
            for (key, value) in declared {
                let value = overlay(live.get(key), value);
                merged.insert(key.clone(), value);
            }
            merged.retain(|_, v| !v.is_null());
            Value::Object(merged)
        }
        _ => declared.clone(),
    }
}

/// The names of the top-level fields that differ, each once, in the order of the differences.
pub(crate) fn changed_fields(diffs: &[holdfast_core::status::FieldDiff]) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for diff in diffs {
        let field = holdfast_core::pointer::segments(&diff.path).next().unwrap_or_default();
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields
}

/// The outputs `id` and `arn`, and others by name.
pub(crate) fn outputs(id: &str, arn: &str, others: &[(&str, Value)]) -> Outputs {
    let both = [("id", json!(id)), ("arn", json!(arn))];
    both.into_iter().chain(others.iter().cloned()).collect()
}

/// 32 hexadecimal digits that stand for a text, the same on every machine: two FNV-1a hashes with different seeds. It
/// guards against mistakes, not against people.
pub(crate) fn fingerprint(text: &str) -> String {
    let hash = |seed: u64| text.bytes().fold(seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3));
    format!("{:016x}{:016x}", hash(0xCBF2_9CE4_8422_2325), hash(0x8422_2325_CBF2_9CE4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_keeps_what_nobody_declared_and_null_takes_away() {
        let live = json!({ "a": { "b": 1, "c": 2 }, "list": [1, 2], "gone": 3 });
        let declared = json!({ "a": { "b": 5 }, "list": [3], "gone": null });
        assert_eq!(overlay(Some(&live), &declared), json!({ "a": { "b": 5, "c": 2 }, "list": [3] }));
    }

    #[test]
    fn what_the_schema_does_not_know_is_left_out_also_behind_references_and_options() {
        let root = json!({
            "properties": { "a": { "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "null" }] }, "free": { "type": "object" } },
            "$defs": { "A": { "properties": { "items": { "type": "array", "items": { "$ref": "#/$defs/B" } } } },
                       "B": { "properties": { "x": {} } } } });
        let mut live =
            json!({ "a": { "items": [{ "x": 1, "y": 2 }], "z": 0 }, "status": "ACTIVE", "free": { "k": "v" } });
        keep_known(&mut live, &root, &root);
        assert_eq!(live, json!({ "a": { "items": [{ "x": 1 }] }, "free": { "k": "v" } }));
    }

    #[test]
    fn names_are_read_from_arns_and_plain_names_stay() {
        for (given, name) in [
            ("arn:aws:ecs:eu-west-1:1:cluster/main", "main"),
            ("arn:aws:ecs:eu-west-1:1:task-definition/web:7", "web:7"),
            ("web:7", "web:7"),
            ("a/b", "a/b"),
        ] {
            assert_eq!(name_of(given), name);
        }
    }
}
