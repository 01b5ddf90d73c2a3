//! V9: what must happen before what.

use super::Violation;
use crate::log::{Call, Effect};
use crate::world::LiveThing;
use holdfast_core::observe::{Health, LiveState};
use serde_json::Value;
use std::collections::BTreeSet;

/// A thing that a call of ours deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// AWS's handle.
    pub id: String,
    /// The uid in its owner tag.
    pub owner: String,
}

impl Gone {
    /// What a call deletes of ours.
    pub fn of(call: &Call) -> Vec<Self> {
        let deleted = call.effects.iter().filter_map(|effect| match effect {
            Effect::Deleted { id, owner: Some(owner) } => Some(Self { id: id.clone(), owner: owner.clone() }),
            _ => None,
        });
        deleted.collect()
    }
}

/// V9: what is deleted is named by nothing of ours that stays. `live` is the world just before the call, `ours` the uids
/// of all that was ever declared; what the same call deletes as well, and what is on its way out, goes with it.
pub fn deleted_in_order(gone: &[Gone], live: &[LiveThing], ours: &BTreeSet<String>) -> Vec<Violation> {
    let mut found = Vec::new();
    for one in gone {
        let stays = live.iter().filter(|t| {
            let observation = &t.observation;
            observation.owner_uid().is_some_and(|uid| ours.contains(uid) && uid != one.owner)
                && !matches!(observation.state, LiveState::Deleting(_))
                && !gone.iter().any(|g| g.id == observation.id)
        });
        // A thing that is called as the other one was does not name it.
        let other = |t: &&LiveThing| t.observation.id != one.id && t.observation.identity != one.id;
        let holders = stays.filter(other).filter(|t| mentions(&t.observation.fields, &one.id));
        found.extend(holders.map(|t| {
            let what = format!("{} was deleted while {} {} names it", one.id, t.kind, t.observation.id);
            Violation::new("V9", what)
        }));
    }
    found
}

/// V9: nothing that is to stay goes before the thing in its place works. `staying` are the uids of what is declared.
pub fn replaced_before_gone(gone: &[Gone], live: &[LiveThing], staying: &BTreeSet<String>) -> Vec<Violation> {
    let mut found = Vec::new();
    for one in gone.iter().filter(|g| staying.contains(&g.owner)) {
        let another = live.iter().any(|t| {
            let observation = &t.observation;
            let works = !matches!(observation.health, Health::Degraded(_));
            observation.owner_uid() == Some(&one.owner)
                && observation.id != one.id
                && observation.state == LiveState::Settled
                && works
        });
        if !another {
            let what = format!("{} of {} was deleted, and nothing that works is in its place", one.id, one.owner);
            found.push(Violation::new("V9", what));
        }
    }
    found
}

fn mentions(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => text == id,
        Value::Array(items) => items.iter().any(|item| mentions(item, id)),
        Value::Object(map) => map.values().any(|item| mentions(item, id)),
        _ => false,
    }
}
