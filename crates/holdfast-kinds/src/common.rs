//! What kinds share and core has no use for: small readers of JSON, tags, predictions.

use holdfast_core::cloud::ErrorClass;
use holdfast_core::kept::Folded;
use holdfast_core::kind::Refusal;
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::{Health, LiveState, Observation};
use holdfast_core::outputs::Outputs;
use holdfast_core::ownership::Ownership;
use holdfast_core::reference;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Tags, key to value.
pub(crate) type Tags = BTreeMap<String, String>;

/// The text at `key`, references included.
pub(crate) fn text<'a>(spec: &'a Value, key: &str) -> Option<&'a str> {
    spec.get(key).and_then(Value::as_str)
}

/// The text at `key`; `None` while it holds an open reference.
pub(crate) fn closed<'a>(spec: &'a Value, key: &str) -> Option<&'a str> {
    text(spec, key).filter(|t| !reference::is_open(t))
}

/// The resource of `kind` that a text refers to, seen from `stack`.
pub(crate) fn referred(words: &str, stack: &str, kind: &str) -> Option<ResourceKey> {
    let pieces = reference::pieces(words).ok()?.into_iter();
    let references = pieces.filter_map(|piece| match piece {
        reference::Piece::Reference(reference, _) => reference.target(stack).map(|(key, _)| key),
        reference::Piece::Text(_) => None,
    });
    references.into_iter().find(|key| key.kind == kind)
}

/// Turns a text of digits into the number it says.
pub(crate) fn to_number(value: &mut Value) {
    if let Some(number) = value.as_str().and_then(|t| t.trim().parse::<i64>().ok()) {
        *value = number.into();
    }
}

/// Turns a number or a truth value into its text.
pub(crate) fn to_text(value: &mut Value) {
    if value.is_number() || value.is_boolean() {
        *value = Value::String(value.to_string());
    }
}

/// Puts `changes` over `fields`; a null takes the field away.
pub(crate) fn overlay(fields: &mut Value, changes: &Map<String, Value>) {
    let Some(map) = fields.as_object_mut() else { return };
    for (key, value) in changes {
        match value {
            Value::Null => map.shift_remove(key),
            value => map.insert(key.clone(), value.clone()),
        };
    }
}

/// Removes keys whose value is null, at this level only.
pub(crate) fn without_nulls(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, v| !v.is_null());
    }
}

/// Removes keys whose value is null, at every level.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Paths of the differences at or under `pointer`: what a step that writes that field heals.
pub(crate) fn heals(diffs: &[FieldDiff], pointer: &str) -> Vec<String> {
    diffs.iter().filter(|d| holdfast_core::pointer::covers(pointer, &d.path)).map(|d| d.path.clone()).collect()
}

/// The action that sets and removes tags; the same for every kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retag {
    /// What is tagged: the observation's id.
    pub(crate) id: String,
    /// Tags to set.
    pub(crate) set: Tags,
    /// Keys to remove.
    pub(crate) remove: BTreeSet<String>,
}

impl Retag {
    /// The step for `live`.
    pub(crate) fn of(live: &Observation, set: Tags, remove: BTreeSet<String>) -> Self {
        Self { id: live.id.clone(), set, remove }
    }

    /// What is there afterwards.
    pub(crate) fn predict(&self, before: Option<&Observation>) -> Result<Option<Observation>, Refusal> {
        let mut after = existing(before, &self.id)?.clone();
        self.apply(after.tags_mut());
        Ok(Some(after))
    }

    /// Does it to tags.
    pub(crate) fn apply(&self, tags: &mut Tags) {
        tags.retain(|key, _| !self.remove.contains(key));
        tags.extend(self.set.clone());
    }
}

impl fmt::Display for Retag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.set.is_empty() && self.remove.is_empty() {
            // Only what AWS takes no tags for comes here, when it is adopted.
            return write!(f, "take over {} as it is", one_line(&self.id));
        }
        let set = self.set.iter().map(|(k, v)| one_line(&format!("{k}={v}")));
        let parts: Vec<String> = set.chain(self.remove.iter().map(|k| one_line(&format!("-{k}")))).collect();
        write!(f, "tag {}", parts.join(" "))
    }
}

/// The same words on one line: control characters become spaces.
pub(crate) fn one_line(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A text that users may also write as a number, as in `"cpu": 256`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            other => Err(serde::de::Error::custom(format!("expected a text or a number, found {other}"))),
        }
    }
}

impl schemars::JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number"] })
    }
}

/// The schema of a text that is one of some words. It stands inline, so that a mistake is reported at the field and
/// lists the words.
macro_rules! one_of {
    ($name:ident: $($word:literal),+) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($word),+] })
            }
        }
    };
}
pub(crate) use one_of;

/// A thing that is settled and healthy; `id` is also its output `id`.
pub(crate) fn settled(id: String, identity: String, tags: Tags, fields: Value) -> Observation {
    let outputs = Outputs::from_iter([("id", Value::String(id.clone()))]);
    Observation {
        id,
        identity,
        tags: tags.into(),
        fields: fields.into(),
        unread: Vec::new(),
        outputs,
        state: LiveState::Settled,
        health: Health::Healthy,
        private: Folded::default(),
        ownership: Ownership::default(),
    }
}

/// The thing that an action works on; refused in AWS's manner if it is not there.
pub(crate) fn existing<'a>(before: Option<&'a Observation>, id: &str) -> Result<&'a Observation, Refusal> {
    before.ok_or_else(|| refusal(ErrorClass::Conflict, "NotFound", format!("{id} does not exist")))
}

/// A refusal.
pub(crate) fn refusal(class: ErrorClass, code: &str, message: impl Into<String>) -> Refusal {
    Refusal { class, code: code.to_owned(), message: message.into() }
}
