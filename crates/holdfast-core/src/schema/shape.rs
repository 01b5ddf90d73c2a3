//! Finding one's way in a JSON Schema by the way through a document.

use crate::pointer;
use serde_json::{Map, Number, Value};
use std::collections::BTreeSet;

/// All that a schema says of one place in a document: the alternatives of `anyOf`, `oneOf` and `allOf` laid side
/// by side, references followed. Empty where the schema says nothing.
#[derive(Clone, Debug)]
pub(crate) struct Shape<'a> {
    root: &'a Value,
    parts: Vec<&'a Map<String, Value>>,
    description: Option<&'a str>,
}

/// More alternatives than this are not looked at; no schema of ours comes near.
const MOST_PARTS: usize = 128;

impl<'a> Shape<'a> {
    /// The shape of a whole document.
    pub(crate) fn of(root: &'a Value) -> Self {
        Self::from(root, root.as_object())
    }

    fn from(root: &'a Value, schemas: impl IntoIterator<Item = &'a Map<String, Value>>) -> Self {
        let mut parts = Vec::new();
        let mut description = None;
        for schema in schemas {
            description = description.or_else(|| schema.get("description").and_then(Value::as_str));
            flatten(root, schema, 0, &mut parts);
        }
        Self { root, parts, description }
    }

    /// The shape at a pointer into the document.
    pub(crate) fn at(&self, pointer: &str) -> Self {
        pointer::segments(pointer).fold(self.clone(), |shape, segment| shape.child(&segment))
    }

    /// The shape of a member or an item.
    pub(crate) fn child(&self, segment: &str) -> Self {
        let schemas = self.parts.iter().filter_map(|part| {
            let named = part.get("properties").and_then(|p| p.get(segment));
            named.or_else(|| part.get("additionalProperties")).or_else(|| item(part, segment))?.as_object()
        });
        Self::from(self.root, schemas.collect::<Vec<_>>())
    }

    /// True if `key` is a free key of a map rather than a field with a name.
    pub(crate) fn is_free_key(&self, key: &str) -> bool {
        let named = |part: &&Map<String, Value>| part.get("properties").is_some_and(|p| p.get(key).is_some());
        !self.parts.iter().any(named)
            && self.parts.iter().any(|part| part.get("additionalProperties").is_some_and(Value::is_object))
    }

    /// The types allowed here; empty means any.
    pub(crate) fn types(&self) -> BTreeSet<&'a str> {
        let mut types = BTreeSet::new();
        for part in &self.parts {
            if !types_of(part, &mut types) {
                return BTreeSet::new();
            }
        }
        types
    }

    /// True if any string is taken here, so that one with a reference in it is as well.
    pub(crate) fn takes_any_string(&self) -> bool {
        self.parts.is_empty()
            || self.parts.iter().any(|part| {
                let mut types = BTreeSet::new();
                let any = !types_of(part, &mut types);
                (any || types.contains("string")) && !part.contains_key("enum") && !part.contains_key("const")
            })
    }

    /// The words to choose from, where every alternative is one of some.
    pub(crate) fn words(&self) -> Vec<&'a str> {
        let of = |part: &&'a Map<String, Value>| -> Vec<&'a str> {
            let one = part.get("const").into_iter();
            one.chain(part.get("enum").and_then(Value::as_array).into_iter().flatten())
                .filter_map(Value::as_str)
                .collect()
        };
        self.parts.iter().flat_map(of).collect()
    }

    /// The named fields.
    pub(crate) fn fields(&self) -> BTreeSet<&'a str> {
        let named = self.parts.iter().filter_map(|part| part.get("properties")?.as_object());
        named.flat_map(Map::keys).map(String::as_str).collect()
    }

    /// True if some alternative requires the field.
    pub(crate) fn requires(&self, field: &str) -> bool {
        let lists = self.parts.iter().filter_map(|part| part.get("required")?.as_array());
        lists.flatten().any(|name| name == field)
    }

    /// The first sentence of the description, if there is one.
    pub(crate) fn description(&self) -> Option<&'a str> {
        let text = self.description?;
        let end = text.find(". ").map_or(text.len(), |at| at + 1);
        Some(text[..end].trim_end()).filter(|t| !t.is_empty())
    }
}

fn item<'a>(part: &'a Map<String, Value>, segment: &str) -> Option<&'a Value> {
    let index: usize = segment.parse().ok()?;
    part.get("prefixItems").and_then(|p| p.get(index)).or_else(|| part.get("items"))
}

/// Adds the types that one part allows; false if it allows any.
fn types_of<'a>(part: &'a Map<String, Value>, types: &mut BTreeSet<&'a str>) -> bool {
    match part.get("type") {
        Some(Value::String(one)) => {
            types.insert(one);
        }
        Some(Value::Array(several)) => types.extend(several.iter().filter_map(Value::as_str)),
        _ => match (part.get("const"), part.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => {
                types.insert(type_name(value));
            }
            (None, Some(values)) => values.iter().for_each(|v| _ = types.insert(type_name(v))),
            (None, None) if part.contains_key("properties") => {
                types.insert("object");
            }
            (None, None) if part.contains_key("items") => {
                types.insert("array");
            }
            (None, None) => return false,
        },
    }
    true
}

/// Keywords that make a schema say something by itself, apart from the schemas it combines.
const OWN: &[&str] =
    &["type", "properties", "items", "prefixItems", "additionalProperties", "enum", "const", "required"];

fn flatten<'a>(root: &'a Value, schema: &'a Map<String, Value>, depth: usize, out: &mut Vec<&'a Map<String, Value>>) {
    if depth > 16 || out.len() >= MOST_PARTS {
        return;
    }
    let combined = ["anyOf", "oneOf", "allOf"].iter().filter_map(|k| schema.get(*k)?.as_array()).flatten();
    let referred = schema.get("$ref").and_then(Value::as_str).and_then(|r| root.pointer(r.strip_prefix('#')?));
    let combined: Vec<_> = combined.chain(referred).filter_map(Value::as_object).collect();
    // A schema that only combines others says nothing of the type by itself.
    if OWN.iter().any(|key| schema.contains_key(*key)) || combined.is_empty() {
        out.push(schema);
    }
    for part in combined {
        flatten(root, part, depth + 1, out);
    }
}

/// The type of a value, in the words of JSON Schema.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Brings scalars to the type that the schema wants where nothing is lost by it: `256` where AWS wants a number in
/// a string, `"80"` where it wants a number, `80.0` for `80`, and `true` among the free keys of a map of strings.
pub(crate) fn normalise(value: &mut Value, shape: &Shape<'_>) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                let child = shape.child(key);
                if let (Value::Bool(b), true) = (&*item, shape.is_free_key(key)) {
                    let types = child.types();
                    if types.contains("string") && !types.contains("boolean") {
                        *item = Value::String(b.to_string());
                    }
                }
                normalise(item, &child);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                normalise(item, &shape.child(&index.to_string()));
            }
        }
        Value::Number(number) => {
            let types = shape.types();
            let whole = as_whole(number);
            if types.contains("string") && !types.contains("number") && !types.contains("integer") {
                *value = Value::String(whole.map_or_else(|| number.to_string(), |n| n.to_string()));
            } else if let (true, false, Some(n)) = (types.contains("integer"), types.contains("number"), whole) {
                *value = n.into();
            }
        }
        Value::String(text) => {
            let types = shape.types();
            let wants_number = types.contains("integer") || types.contains("number");
            if let (true, false, Ok(n)) = (wants_number, types.contains("string"), text.parse::<i64>()) {
                // Only the one way to write a number: "+80" and "080" are somebody's text.
                if n.to_string() == *text {
                    *value = n.into();
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// The number as an integer, if it is one.
fn as_whole(number: &Number) -> Option<i64> {
    // 2^53: below it every whole f64 is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.as_i64().or_else(|| {
        let n = number.as_f64().filter(|n| number.is_f64() && n.fract() == 0.0 && n.abs() < EXACT)?;
        format!("{n:.0}").parse().ok()
    })
}
