//! What is live, put together from what is declared and how live differs from it.

use crate::pointer;
use crate::status::{Change, FieldDiff};
use serde_json::Value;

/// The declared value of `path` with the differences that lie in it brought in.
pub fn overlaid(mut value: Value, path: &str, diffs: &[&FieldDiff]) -> Value {
    let (gone, here): (Vec<&FieldDiff>, Vec<&FieldDiff>) = diffs.iter().partition(|d| d.change == Change::Removed);
    for diff in here {
        pointer::set(&mut value, &diff.path[path.len()..], diff.live.clone());
    }
    // Backwards, because removing a list item renumbers those after it.
    for diff in gone.iter().rev() {
        if diff.path == path {
            return Value::Null;
        }
        pointer::remove(&mut value, &diff.path[path.len()..]);
    }
    value
}

/// True if `path` is `outer` or lies inside it.
pub fn within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
