//! Finds, with no knowledge of the kind, what an action acts on and what it is called.

use crate::world::{ScopeWorld, Serial};
use holdfast_core::kind::AnyKind;
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use jiff::Timestamp;
use serde_json::Value;

/// All strings of a value, the shallowest first, in document order within a depth.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    let (mut found, mut level) = (Vec::new(), vec![value]);
    while !level.is_empty() {
        let mut below = Vec::new();
        for value in level {
            match value {
                Value::String(s) => found.push(s.as_str()),
                Value::Array(items) => below.extend(items),
                Value::Object(map) => below.extend(map.values()),
                _ => {}
            }
        }
        level = below;
    }
    found
}

/// The thing of `kind` whose id stands in the action.
pub(crate) fn named_by_id(world: &ScopeWorld, kind: KindName, action: &Value, now: Timestamp) -> Option<Serial> {
    strings(action).into_iter().find_map(|s| world.by_id(kind, s, now))
}

/// The thing of `kind` whose identity, outputs or private data hold a string of the action.
pub(crate) fn named_otherwise(world: &ScopeWorld, kind: KindName, action: &Value, now: Timestamp) -> Option<Serial> {
    let words = strings(action);
    words.iter().find_map(|s| world.by_identity(kind, s, now)).or_else(|| {
        words.iter().find_map(|word| {
            world.all(now).find(|(_, k, o)| *k == kind && knows(o, word)).map(|(serial, ..)| serial)
        })
    })
}

fn knows(thing: &Observation, word: &str) -> bool {
    thing.outputs.values().any(|v| v == word) || strings(&thing.private).contains(&word)
}

/// What others may call a thing when they refer to it.
pub(crate) fn names(thing: &Observation) -> Vec<&str> {
    let outputs = ["id", "arn", "name"].into_iter().filter_map(|o| thing.outputs.get(o)?.as_str());
    std::iter::once(thing.id.as_str()).chain(outputs).filter(|n| !n.is_empty()).collect()
}

/// The AWS operation that an action most likely is, taken from the kind's permissions.
pub(crate) fn operation(kind: &dyn AnyKind, action: &Value) -> String {
    let variant = variant(action);
    let words = words(&variant);
    let fits = |op: &str| {
        let op = op.to_lowercase();
        words.iter().all(|w| op.contains(w.as_str()))
    };
    kind.permissions()
        .iter()
        .filter(|p| !reads(p))
        .find(|p| fits(p))
        .map_or_else(|| format!("{}:{variant}", kind.name()), |p| (*p).to_owned())
}

/// The operation that lists things of the kind.
pub(crate) fn read_operation(kind: &dyn AnyKind) -> &'static str {
    kind.permissions().iter().copied().find(|p| reads(p)).unwrap_or("sim:Describe")
}

fn reads(permission: &str) -> bool {
    let operation = permission.split_once(':').map_or(permission, |(_, o)| o);
    ["Describe", "List", "Get"].iter().any(|r| operation.starts_with(r))
}

/// The name of the enum variant that an action is, in whatever way serde wrote it.
fn variant(action: &Value) -> String {
    match action {
        Value::String(s) => s.clone(),
        Value::Object(map) if map.len() == 1 => map.keys().next().cloned().unwrap_or_default(),
        Value::Object(map) => ["do", "action", "type", "op", "kind", "is"]
            .iter()
            .find_map(|k| map.get(*k)?.as_str().map(str::to_owned))
            .unwrap_or_else(|| "write".to_owned()),
        _ => "write".to_owned(),
    }
}

/// `authorizeIngress` as `["authorize", "ingress"]`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c.is_uppercase() && words.last().is_some_and(|w| !w.is_empty()) {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words
}
