//! Unchanged resources cost a hash: what looks as it did when a plan found nothing to say of it needs no compare.

use super::{Desired, Fate, Memory};
use crate::observe::{LiveState, Observation};
use serde_json::{Map, Value};

/// What a resource and its live thing looked like when a plan had nothing to say: a hash over the generation, the
/// values of its references and all of the observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet([u8; 16]);

impl Quiet {
    /// Of a resource whose references are worth `worths`, in order of appearance.
    pub(super) fn of<'a>(
        desired: &Desired,
        worths: impl Iterator<Item = &'a Value>,
        live: &Observation,
        buffer: &mut Vec<u8>,
    ) -> Option<Self> {
        buffer.clear();
        buffer.extend_from_slice(&desired.generation.to_le_bytes());
        for worth in worths {
            put(buffer, worth)?;
        }
        put_live(buffer, live)?;
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::hash(buffer).as_bytes()[..16]);
        Some(Self(short))
    }
}

/// Puts down an observation, whole: a field that is added to it must be added here.
fn put_live(buffer: &mut Vec<u8>, live: &Observation) -> Option<()> {
    let Observation { id, identity, tags, fields, unread, outputs, state, health, private, ownership } = live;
    put_text(buffer, id);
    put_text(buffer, identity);
    put_count(buffer, tags.len());
    for (key, value) in tags.iter() {
        put_text(buffer, key);
        put_text(buffer, value);
    }
    fields.put(&mut *buffer).ok()?;
    put_count(buffer, unread.len());
    unread.iter().for_each(|pointer| put_text(buffer, pointer));
    serde_json::to_writer(&mut *buffer, outputs).ok()?;
    private.put(&mut *buffer).ok()?;
    serde_json::to_writer(&mut *buffer, &(state, health)).ok()?;
    if ownership.is_empty() { Some(()) } else { serde_json::to_writer(buffer, ownership).ok() }
}

/// Puts down a value so that no two values look the same: what it is, how long it is, and what is in it. It is never
/// read again, so this costs less than JSON, which has to look at each character.
fn put(buffer: &mut Vec<u8>, value: &Value) -> Option<()> {
    match value {
        Value::Null => buffer.push(0),
        Value::Bool(no) if !no => buffer.push(1),
        Value::Bool(_) => buffer.push(2),
        Value::Number(number) => {
            buffer.push(3);
            serde_json::to_writer(&mut *buffer, number).ok()?;
            buffer.push(0);
        }
        Value::String(text) => {
            buffer.push(4);
            put_text(buffer, text);
        }
        Value::Array(items) => {
            buffer.push(5);
            put_count(buffer, items.len());
            for item in items {
                put(buffer, item)?;
            }
        }
        Value::Object(map) => {
            buffer.push(6);
            put_map(buffer, map)?;
        }
    }
    Some(())
}

fn put_map(buffer: &mut Vec<u8>, map: &Map<String, Value>) -> Option<()> {
    put_count(buffer, map.len());
    for (key, value) in map {
        put_text(buffer, key);
        put(buffer, value)?;
    }
    Some(())
}

fn put_text(buffer: &mut Vec<u8>, text: &str) {
    put_count(buffer, text.len());
    buffer.extend_from_slice(text.as_bytes());
}

fn put_count(buffer: &mut Vec<u8>, count: usize) {
    buffer.extend_from_slice(&count.to_le_bytes());
}

/// True if nothing but the looks of a resource decides what is said of it: it is to be, nobody holds it, no time
/// runs on it, and the memory is of this generation.
pub(super) fn may_be_quiet(desired: &Desired, memory: &Memory, live: &Observation) -> bool {
    let timed = desired.policy.ignore.iter().flatten().any(|i| i.until.is_some());
    desired.fate == Fate::Keep
        && desired.hold.is_none()
        && desired.instead.is_none()
        && !timed
        && memory.baseline_generation == desired.generation
        && memory.rolled_back.is_none()
        // A predecessor that one sweep does not show may still have to go.
        && memory.retiring.is_empty()
        && live.state == LiveState::Settled
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_two_values_look_the_same() {
        let values = [
            json!(null),
            json!(false),
            json!(true),
            json!(0),
            json!(1),
            json!(1.5),
            json!(""),
            json!("1"),
            json!([]),
            json!([1]),
            json!([[1], 2]),
            json!([[1, 2]]),
            json!([1, 2]),
            json!({}),
            json!({ "a": 1 }),
            json!({ "a": "1" }),
            json!({ "a": [1] }),
            json!({ "a": 1, "b": 2 }),
            json!({ "ab": 1 }),
            json!(["a", "b"]),
            json!(["ab"]),
            json!(["", "ab"]),
            json!("a\u{0}b"),
        ];
        let looks = |value: &Value| {
            let mut buffer = Vec::new();
            put(&mut buffer, value).expect("it can be put down");
            buffer
        };
        let all: std::collections::BTreeSet<Vec<u8>> = values.iter().map(looks).collect();
        assert_eq!(all.len(), values.len());
    }
}
