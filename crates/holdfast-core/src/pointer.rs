//! JSON Pointers (RFC 6901): the one way a place inside a document is named.

use serde_json::Value;

/// Escapes one segment: `~` and `/`.
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// Undoes [`escape`].
pub fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// `base` with one more segment, escaped.
pub fn join(base: &str, segment: &str) -> String {
    format!("{base}/{}", escape(segment))
}

/// The segments of a pointer, unescaped.
pub fn segments(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(unescape)
}

/// True if `pattern` (whose `*` segments match any one segment) matches `pointer` or a parent of it.
pub fn covers(pattern: &str, pointer: &str) -> bool {
    let mut have = pointer.split('/').skip(1);
    pattern.split('/').skip(1).all(|p| have.next().is_some_and(|h| p == "*" || p == h))
}

/// Sets the value at `pointer`, making objects on the way; arrays are indexed, and `-` or an index at the end
/// appends. Returns false if the way is barred by a scalar or an index out of range.
pub fn set(root: &mut Value, pointer: &str, value: Value) -> bool {
    let mut here = root;
    let path: Vec<String> = segments(pointer).collect();
    for segment in &path {
        if here.is_null() {
            *here = Value::Object(serde_json::Map::new());
        }
        here = match here {
            Value::Object(map) => map.entry(segment.clone()).or_insert(Value::Null),
            Value::Array(items) => {
                let at = if segment == "-" { items.len() } else { segment.parse().unwrap_or(usize::MAX) };
                if at == items.len() {
                    items.push(Value::Null);
                }
                match items.get_mut(at) {
                    Some(item) => item,
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    *here = value;
    true
}

/// Removes what is at `pointer` and returns it; `None` if nothing was there.
pub fn remove(root: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    let last = unescape(last);
    match root.pointer_mut(parent)? {
        Value::Object(map) => map.shift_remove(&last),
        Value::Array(items) => {
            let at: usize = last.parse().ok()?;
            (at < items.len()).then(|| items.remove(at))
        }
        _ => None,
    }
}
