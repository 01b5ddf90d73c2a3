//! Which AWS operation an action most likely is, told from the kind's permissions alone.
//!
//! The kinds alone know for certain. This is for whoever has to know before the call is made: the executor, which
//! keeps a line of steps for each of AWS's buckets, and the simulated AWS. A wrong guess costs time, never correctness.

use crate::kind::AnyKind;
use serde_json::Value;

/// The operation that an action of `kind` most likely makes first, such as `ecs:CreateService`; none if no permission
/// of the kind fits its name.
pub fn of(kind: &dyn AnyKind, action: &Value) -> Option<&'static str> {
    let words = words(&variant(action));
    let fits = |permission: &&str| {
        let permission = permission.to_lowercase();
        words.iter().all(|w| permission.contains(w.as_str()))
    };
    kind.permissions().iter().copied().filter(|p| !reads(p)).find(fits)
}

/// True if an operation only reads, by its name, with or without the service in front.
pub fn reads(permission: &str) -> bool {
    let operation = permission.split_once(':').map_or(permission, |(_, o)| o);
    ["Describe", "List", "Get"].iter().any(|r| operation.starts_with(r))
}

/// The name of the enum variant that an action is, in whatever way serde wrote it.
pub fn variant(action: &Value) -> String {
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
