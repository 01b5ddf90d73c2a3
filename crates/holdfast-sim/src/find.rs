//! Finds, with no knowledge of the kind, what an action acts on and what it is called.

use crate::world::{ScopeWorld, Serial};
use holdfast_core::kind::AnyKind;
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::operation::{self, reads};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// The strings of a value by depth, in document order within one.
fn levels(value: &Value) -> Vec<Vec<&str>> {
    let (mut found, mut level) = (Vec::new(), vec![value]);
    while !level.is_empty() {
        let (mut here, mut below) = (Vec::new(), Vec::new());
        for value in level {
            match value {
                Value::String(s) => here.push(s.as_str()),
                Value::Array(items) => below.extend(items),
                Value::Object(map) => below.extend(map.values()),
                _ => {}
            }
        }
        found.push(here);
        level = below;
    }
    found
}

/// All strings of a value, the shallowest first.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    levels(value).into_iter().flatten().collect()
}

/// The thing of `kind` whose id stands in the action.
pub(crate) fn named_by_id(world: &ScopeWorld, kind: KindName, action: &Value, now: Timestamp) -> Option<Serial> {
    strings(action).into_iter().find_map(|s| world.by_id(kind, s, now))
}

/// The thing of `kind` that knows most strings of the action, the shallow ones counting first.
pub(crate) fn named_otherwise(world: &ScopeWorld, kind: KindName, action: &Value, now: Timestamp) -> Option<Serial> {
    let levels = levels(action);
    let score = |thing: &Observation| -> Vec<usize> {
        let known = words_of(thing);
        levels.iter().map(|words| words.iter().filter(|w| known.contains(*w)).count()).collect()
    };
    let things = world.all(now).filter(|(_, k, _)| *k == kind).map(|(serial, _, o)| (score(o), serial));
    let best =
        things.filter(|(score, _)| score.iter().any(|n| *n > 0)).max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    best.map(|(_, serial)| serial)
}

/// What a thing may be called by in an action of its own kind.
fn words_of(thing: &Observation) -> BTreeSet<&str> {
    let fields = thing.fields.as_object().into_iter().flat_map(|map| map.values());
    let texts = thing.outputs.values().chain(fields).filter_map(Value::as_str);
    texts.chain(strings(&thing.private)).chain([thing.id.as_str(), thing.identity.as_str()]).collect()
}

/// The operation that lists things of the kind: the one that says so, or else the first that reads. What AWS asks another
/// service for on the kind's behalf lists nothing of it.
pub(crate) fn read_operation(kind: &dyn AnyKind) -> &'static str {
    let service = |p: &str| p.split(':').next().unwrap_or_default().to_owned();
    let all = || kind.permissions().iter().copied();
    let written: BTreeSet<String> = all().filter(|p| !reads(p)).map(service).collect();
    let own = all().find(|p| reads(p) && p.contains(kind.name()));
    let first = all().find(|p| reads(p) && written.contains(&service(p)));
    own.or(first).or_else(|| all().find(|p| reads(p))).unwrap_or("sim:Describe")
}

/// The AWS operation that an action most likely is; a name of our own where no permission of the kind fits.
pub(crate) fn operation(kind: &dyn AnyKind, action: &Value) -> String {
    let known = operation::of(kind, action).map(str::to_owned);
    known.unwrap_or_else(|| format!("{}:{}", kind.name(), operation::variant(action)))
}

/// The name of the enum variant that an action is, in whatever way serde wrote it.
pub fn action_name(action: &Value) -> String {
    operation::variant(action)
}
