//! Attributes: free keys of AWS with text values, of which a declaration owns those it names.

use super::types::Text;
use crate::common::to_text;
use holdfast_core::facts::Scene;
use holdfast_core::kind::Draft;
use holdfast_core::problem::{SpecError, did_you_mean};
use holdfast_core::status::FieldDiff;
use serde_json::Value;
use std::collections::BTreeMap;

/// Attributes, key to value.
pub(crate) type Attributes = BTreeMap<String, String>;

/// Values become texts, as AWS has them. A null stays: it asks for AWS's default.
pub(crate) fn canonical(spec: &mut Value) {
    if let Some(map) = spec.get_mut("attributes").and_then(Value::as_object_mut) {
        map.values_mut().for_each(to_text);
    }
}

/// The step after a create that sets the declared attributes, if there are any.
pub(crate) fn after_create<A>(spec: &Value, action: impl FnOnce(Attributes) -> A) -> Option<Draft<A>> {
    let map = spec.get("attributes").and_then(Value::as_object);
    let declared = map.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())));
    let set: Attributes = declared.collect();
    (!set.is_empty()).then(|| Draft::because(action(set), "create", "the create call takes no attributes"))
}

/// What must be written to heal `diffs`, and their paths: the declared value, or AWS's default for a key that is
/// declared no more. AWS cannot unset an attribute; a key without a known default is set to nothing, and AWS says
/// whether it takes that.
pub(crate) fn changes(diffs: &[FieldDiff], scene: &Scene<'_>) -> Option<(Attributes, Vec<String>)> {
    let mut set = Attributes::new();
    let mut heals = Vec::new();
    for diff in diffs {
        let mut segments = holdfast_core::pointer::segments(&diff.path);
        if segments.next().as_deref() != Some("attributes") {
            continue;
        }
        heals.push(diff.path.clone());
        match (segments.next(), &diff.desired) {
            (Some(key), Value::String(value)) => {
                set.insert(key, value.clone());
            }
            (Some(key), _) => {
                let value = default_of(scene, &key);
                set.insert(key, value);
            }
            // The whole map is one difference when live has none of it.
            (None, Value::Object(map)) => {
                set.extend(map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))));
            }
            (None, _) => {}
        }
    }
    (!set.is_empty()).then_some((set, heals))
}

/// The step that writes attributes, if any differ.
pub(crate) fn draft<A>(
    diffs: &[FieldDiff],
    scene: &Scene<'_>,
    action: impl FnOnce(Attributes) -> A,
) -> Option<Draft<A>> {
    changes(diffs, scene).map(|(set, heals)| Draft::heal(action(set), "update", heals))
}

fn default_of(scene: &Scene<'_>, key: &str) -> String {
    let default = scene.facts.at("/attributes").child(key).default_in(scene);
    default.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The attributes after a write.
pub(crate) fn overlay(fields: &mut Value, set: &Attributes) {
    let Some(fields) = fields.as_object_mut() else { return };
    let live = fields.entry("attributes").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if let Some(map) = live.as_object_mut() {
        map.extend(set.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))));
    }
}

/// `idle_timeout.timeout_seconds=60` for the line of a plan.
pub(crate) fn words(set: &Attributes) -> String {
    set.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
}

/// A field fact of an attribute's default: one for all, or one for some types or protocols and another for the rest.
macro_rules! attribute {
    ($key:literal, $default:literal, $source:expr) => {
        Field::scalar(concat!("/attributes/", $key)).default(concat!("\"", $default, "\""), $source)
    };
    ($key:literal, $default:literal, $given:expr, $source:expr) => {
        attribute!($key, $default, $source).given($given)
    };
}
pub(crate) use attribute;

/// The rules of declared attributes: numbers within their ranges, and values out of their lists.
pub(crate) fn validate(
    attributes: Option<&BTreeMap<String, Option<Text>>>,
    ranges: &[(&str, i64, i64)],
    values: &[(&str, &[&str])],
    errors: &mut Vec<SpecError>,
) {
    for (key, value) in attributes.into_iter().flatten() {
        let Some(value) = value.as_ref().and_then(Text::known) else { continue };
        let at = holdfast_core::pointer::join("/attributes", key);
        if let Some((_, low, high)) = ranges.iter().find(|r| r.0 == key)
            && !value.parse::<i64>().is_ok_and(|n| (*low..=*high).contains(&n))
        {
            let words = format!("\"{value}\" is not a number from {low} to {high}, which is what {key} takes");
            errors.push(SpecError::new(&at, "out-of-range", words));
        }
        if let Some((_, list)) = values.iter().find(|v| v.0 == key)
            && !list.contains(&value)
        {
            let hint = did_you_mean(value, list.iter().copied());
            let words = format!("\"{value}\" is none of the values of {key}: {}.{hint}", list.join(", "));
            errors.push(SpecError::new(&at, "invalid-value", words));
        }
    }
}
