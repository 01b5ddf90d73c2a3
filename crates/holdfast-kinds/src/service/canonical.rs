//! One form for the many ways to write the same service.

use crate::common::{text, to_text};
use crate::ecs::{self, each_at, shorten};
use holdfast_core::reference::is_open;
use serde_json::Value;

/// Brings a declared or observed service to canonical form, in place.
pub(super) fn canonical(spec: &mut Value) {
    shorten(spec, "cluster");
    // `family:revision` and its ARN are the same thing within an account and region.
    shorten(spec, "taskDefinition");
    each_at(spec, "/capacityProviderStrategy/*", &mut |item| shorten(item, "capacityProvider"));
    each_at(spec, "/placementStrategy/*", &mut placement);
    each_at(spec, "/serviceConnectConfiguration/services/*", &mut |service| {
        drop_repeated(service, "discoveryName", "portName")
    });
    each_at(spec, "/serviceConnectConfiguration/logConfiguration/options", &mut |options| {
        options.as_object_mut().into_iter().flat_map(|o| o.values_mut()).for_each(to_text);
    });
    each_at(spec, "/redeployOn", &mut |values| {
        values.as_object_mut().into_iter().flat_map(|o| o.values_mut()).for_each(as_tag_value);
    });
    if let Value::Object(map) = spec {
        // A count cannot be unset; who says so leaves it to others.
        if map.get("desiredCount").is_some_and(Value::is_null) {
            map.shift_remove("desiredCount");
        }
    }
}

/// AWS takes `host` for `instanceId`, and any case.
fn placement(item: &mut Value) {
    let is_binpack = text(item, "type") == Some("binpack");
    if let Some(Value::String(field)) = item.get_mut("field") {
        let lower = field.to_ascii_lowercase();
        if matches!(lower.as_str(), "host" | "instanceid") {
            *field = "instanceId".to_owned();
        } else if is_binpack {
            *field = lower;
        }
    }
}

fn drop_repeated(item: &mut Value, key: &str, of: &str) {
    if item.get(key).is_some()
        && item.get(key) == item.get(of)
        && let Value::Object(map) = item
    {
        map.shift_remove(key);
    }
}

/// The value is kept live in a tag, so one that a tag cannot hold is told apart by its fingerprint.
fn as_tag_value(value: &mut Value) {
    to_text(value);
    if let Value::String(words) = value {
        let plain = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
        let fits = words.chars().count() <= 256 && words.chars().all(plain) && words.trim() == words;
        if !fits && !is_open(words) {
            *words = format!("fingerprint {}", ecs::fingerprint(words));
        }
    }
}
