//! Changes behind our back, one field at a time.

use holdfast_core::pointer::{join, remove, set};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Every value at every pointer, changed in every way that fits its type, with what was done in words.
pub(super) fn all(fields: &Value) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for pointer in pointers(fields) {
        let Some(here) = fields.pointer(&pointer) else { continue };
        for (what, value) in others(here) {
            let mut changed = fields.clone();
            set(&mut changed, &pointer, value);
            out.push((format!("{pointer} {what}"), changed));
        }
        let mut without = fields.clone();
        if remove(&mut without, &pointer).is_some() {
            out.push((format!("{pointer} removed"), without));
        }
    }
    out
}

/// Other values of the same type.
fn others(here: &Value) -> Vec<(&'static str, Value)> {
    match here {
        Value::Bool(b) => vec![("turned", json!(!b))],
        Value::Number(n) => vec![("counted up", json!(n.as_i64().unwrap_or_default() + 1))],
        Value::String(s) => vec![("rewritten", json!(other_text(s)))],
        Value::Array(items) => {
            let mut turned = items.clone();
            turned.reverse();
            let mut more = items.clone();
            more.extend(items.last().map(another));
            let mut twice = vec![("reordered", Value::Array(turned)), ("emptied", json!([]))];
            if !items.is_empty() {
                twice.push(("with one more", Value::Array(more)));
            }
            twice
        }
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

/// A text of the same make: the last digit or letter moves on, so that ARNs stay ARNs and numbers numbers.
fn other_text(text: &str) -> String {
    let next = |c: char| match c {
        '0'..='8' | 'a'..='y' | 'A'..='Y' => char::from(c as u8 + 1),
        '9' => '0',
        'z' => 'a',
        'Z' => 'A',
        other => other,
    };
    let mut characters: Vec<char> = text.chars().collect();
    match characters.iter().rposition(|c| c.is_ascii_alphanumeric()) {
        Some(at) => characters[at] = next(characters[at]),
        None => characters.push('x'),
    }
    characters.into_iter().collect()
}

/// Another item like this one: the same, with its first text or number moved on.
fn another(item: &Value) -> Value {
    let mut other = item.clone();
    let Some(first) = pointers(item)
        .into_iter()
        .find(|p| item.pointer(p).is_some_and(|v| v.is_number() || v.as_str().is_some_and(|s| other_text(s) != s)))
    else {
        return other;
    };
    if let Some((_, value)) = item.pointer(&first).and_then(|v| others(v).into_iter().next()) {
        set(&mut other, &first, value);
    }
    other
}

/// All pointers into a value, its own excepted for objects.
pub(super) fn pointers(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

fn walk(value: &Value, at: &str, out: &mut Vec<String>) {
    if !at.is_empty() || !(value.is_object() || value.is_array()) {
        out.push(at.to_owned());
    }
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| walk(v, &join(at, key), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| walk(v, &format!("{at}/{i}"), out)),
        _ => {}
    }
}

/// What users write where something else belongs.
pub(super) fn odd_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000i64..100_000).prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(json!("${SecurityGroup/it.id}")),
        Just(json!("x-${var.env}")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,6}", inner, 0..3)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}
