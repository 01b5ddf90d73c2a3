//! What the tests of the ECS kinds share: the compare as core does it, told as text.

use holdfast_core::compare::compare;
use holdfast_core::facts::Facts;
use holdfast_core::kind::{Context, Converge, Draft, Kind, Mint};
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde_json::Value;
use std::collections::BTreeMap;

/// The differences of a declaration from a live thing.
pub(crate) fn diffs<K: Kind>(declared: &Value, live: &Observation, last: Option<&Value>) -> Vec<FieldDiff> {
    let mut declared = declared.clone();
    K::canonical(&mut declared);
    compare(&declared, &live.fields, last, None, &live.unread, &Facts::new(K::FIELDS))
}

/// Checks that a declaration differs from a live thing at these paths, in this way.
pub(crate) fn check_diffs<K: Kind>(what: &str, declared: &Value, live: &Observation, expected: &[&str]) {
    let told: Vec<String> =
        diffs::<K>(declared, live, None).iter().map(|d| format!("{} {:?}", d.path, d.change).to_lowercase()).collect();
    let expected: Vec<String> = expected.iter().map(|e| e.to_lowercase()).collect();
    assert_eq!(told, expected, "{what}");
}

/// The steps from a live thing to a declaration, one line each.
pub(crate) fn steps<K: Kind>(declared: &Value, live: &Observation, last: Option<&Value>) -> Vec<String> {
    let mut spec = declared.clone();
    K::canonical(&mut spec);
    let (key, tags) = (ResourceKey::new("s", K::NAME, "it"), BTreeMap::new());
    match K::converge(&spec, live, &diffs::<K>(declared, live, last), &Context { key: &key, tags: &tags }) {
        Converge::Change(steps) => steps.iter().map(line).collect(),
        Converge::Replace(fields) => vec![format!("replace because of {}", fields.join(", "))],
        Converge::Wait(why) => vec![format!("wait: {why}")],
    }
}

/// A step as a line of text.
pub(crate) fn line<A: std::fmt::Display>(step: &Draft<A>) -> String {
    let why = if step.because.is_empty() { step.heals.join(", ") } else { step.because.clone() };
    if why.is_empty() { step.action.to_string() } else { format!("{} | {why}", step.action) }
}

/// What a create leaves, in an AWS that does as the kind predicts.
pub(crate) fn created<K: Kind>(declared: &Value) -> Observation {
    let mut spec = declared.clone();
    K::canonical(&mut spec);
    let (key, tags) = (ResourceKey::new("s", K::NAME, "it"), BTreeMap::new());
    let first = K::create(&spec, &Context { key: &key, tags: &tags }).remove(0);
    K::predict(None, &first.action, &mut mint()).expect("a create is taken").expect("it leaves something")
}

/// The same ids in every test.
pub(crate) fn mint() -> Mint {
    Mint { account_id: "123456789012".to_owned(), region: "eu-west-1".to_owned(), next: 0 }
}

/// Checks the mistakes of a document: pointer and code.
pub(crate) fn check_mistakes<K: Kind>(what: &str, spec: Value, expected: &[(&str, &str)]) {
    let spec: K::Spec = serde_json::from_value(spec).unwrap_or_else(|e| panic!("{what}: {e}"));
    let found = K::validate(&spec);
    let told: Vec<(&str, &str)> = found.iter().map(|e| (e.pointer.as_str(), e.code.as_str())).collect();
    assert_eq!(told, expected, "{what}");
    assert!(found.iter().all(|e| !e.message.is_empty()), "{what}: a mistake without words");
}

/// A spec that says something in every member that the schema has.
pub(crate) fn everything<K: Kind>() -> Value {
    let root = schemars::schema_for!(K::Spec).to_value();
    let mut all = something(&root, &root);
    if let Value::Object(map) = &mut all {
        map.shift_remove("tags");
    }
    all
}

/// Some value that a schema allows.
fn something(schema: &Value, root: &Value) -> Value {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        return something(root.pointer(path.trim_start_matches('#')).expect("references lead somewhere"), root);
    }
    if let Some(first) = schema.get("anyOf").and_then(|o| o.get(0)) {
        return something(first, root);
    }
    if let Some(word) = schema.pointer("/enum/0") {
        return word.clone();
    }
    let kind = schema.get("type").map(|t| t.get(0).unwrap_or(t)).and_then(Value::as_str);
    match kind {
        Some("object") => {
            match (schema.get("properties").and_then(Value::as_object), schema.get("additionalProperties")) {
                (Some(members), _) => members.iter().map(|(k, s)| (k.clone(), something(s, root))).collect(),
                (None, values) => serde_json::json!({ "k": values.map(|s| something(s, root)) }),
            }
        }
        Some("array") => Value::Array(vec![something(schema.get("items").expect("lists say of what"), root)]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => true.into(),
        _ => "x".into(),
    }
}

/// Checks that a thing is in sync as soon as it is made, whatever is declared of it.
pub(crate) fn check_everything<K: Kind>() {
    let all = everything::<K>();
    serde_json::from_value::<K::Spec>(all.clone()).expect("the schema allows it");
    check_diffs::<K>("everything", &all, &created::<K>(&all), &[]);
    let said = leaves(&all);
    assert!(said > 10, "{said} leaves are not everything");
}

/// How many scalars a value holds.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(map) => map.values().map(leaves).sum(),
        _ => 1,
    }
}
