//! Unchanged resources cost a hash: what looks as it did when a plan found nothing to say of it needs no compare.

use super::{Desired, Fate, Memory};
use crate::observe::{LiveState, Observation};
use highway::{HighwayHash, HighwayHasher, Key};

/// What a resource and its live thing looked like when a plan had nothing to say: a hash over the generation, the
/// values of its references and all of the observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet([u64; 2]);

impl Quiet {
    /// Of a resource whose references are worth `worths`, in order of appearance, each a text of JSON.
    pub(super) fn of<'a>(
        desired: &Desired,
        worths: impl Iterator<Item = &'a str>,
        live: &Observation,
        key: [u64; 4],
        buffer: &mut Vec<u8>,
    ) -> Option<Self> {
        buffer.clear();
        buffer.extend_from_slice(&desired.generation.to_le_bytes());
        worths.for_each(|worth| put_text(buffer, worth));
        put_live(buffer, live)?;
        Some(Self(HighwayHasher::new(Key(key)).hash128(buffer)))
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
