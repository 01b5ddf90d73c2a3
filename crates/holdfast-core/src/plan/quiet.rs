//! Unchanged resources cost a hash: what looks as it did when a plan found nothing to say of it needs no compare.

use super::{Desired, Fate, Memory};
use crate::observe::{LiveState, Observation};
use serde_json::Value;

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
            serde_json::to_writer(&mut *buffer, worth).ok()?;
            buffer.push(0);
        }
        serde_json::to_writer(&mut *buffer, live).ok()?;
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::hash(buffer).as_bytes()[..16]);
        Some(Self(short))
    }
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
