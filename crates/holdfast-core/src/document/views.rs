//! What a read shows beside a document, which is no part of it.

use serde_json::{Map, Value};

/// What the server writes beside the document of a resource.
const VIEWS: &[&str] =
    &["detailsReadAt", "effectivePolicy", "awaitingApproval", "paused", "dependsOn", "usedBy", "fields"];

/// Documents may be sent back as they were read, with what the server writes beside them.
pub fn without_views(body: &mut Value) {
    let Value::Object(map) = body else { return };
    match map.get("kind").and_then(Value::as_str) {
        Some("List") => {
            if let Some(Value::Array(items)) = map.get_mut("items") {
                items.iter_mut().for_each(without_views);
            }
        }
        Some("Account") => {}
        Some("Stack") => {
            map.shift_remove("awaitingApproval");
            if shows_resources(map) {
                map.shift_remove("resources");
            }
        }
        _ => VIEWS.iter().for_each(|view| drop(map.shift_remove(*view))),
    }
}

/// True if the `resources` beside a stack's spec are the lines that a read shows. Declarations at the wrong place are
/// a mistake to be told, not something to drop.
fn shows_resources(stack: &Map<String, Value>) -> bool {
    let Some(Value::Array(lines)) = stack.get("resources") else { return false };
    stack.contains_key("status") && lines.iter().all(|l| l.get("phase").is_some() && l.get("spec").is_none())
}
