//! Looks at what an earlier process, or a pass that was cut off, left without an outcome.
//!
//! The plan compares anew, so an open change needs nothing. An open create does: while AWS may not show yet what it
//! made, it must not be made once more.

use crate::book::Book;
use crate::core::Core;
use crate::step::{deletes, presumed};
use holdfast_core::observe::{Observation, Snapshot};
use holdfast_core::plan::{Memory, Verb};
use holdfast_store::{IntentOutcome, IntentRecord, IntentResult, StoreError};
use jiff::Timestamp;

/// Gives every open intent its outcome, by what the sweep shows.
pub(crate) fn look(
    core: &Core,
    open: &[IntentRecord],
    snapshot: &Snapshot,
    book: &mut Book,
    now: Timestamp,
) -> Result<(), StoreError> {
    for record in open {
        let (key, uid) = (&record.intent.key, &record.intent.uid);
        let ours = book.desired(key).is_some_and(|d| d.uid == *uid);
        let mut memory = book.memories.get(key).cloned().unwrap_or_default();
        let presumed = presumed(&core.registry, &key.kind, &record.intent.action);
        let found = look_at(record, snapshot, presumed, &mut memory, now);
        let outcome = IntentOutcome { at: now, result: IntentResult::Looked(found) };
        core.store.outcome(record.id, &outcome, ours.then_some((key, &memory)))?;
        if ours {
            book.memories.insert(key.clone(), memory);
        }
    }
    Ok(())
}

/// What has become of an intent, in a sentence.
fn look_at(
    record: &IntentRecord,
    snapshot: &Snapshot,
    presumed: Option<String>,
    memory: &mut Memory,
    now: Timestamp,
) -> String {
    let intent = &record.intent;
    if deletes(intent.verb, intent.target.as_ref(), memory) {
        memory.unmade();
    }
    if intent.verb == Verb::Adopt {
        memory.may_be_hidden(now, intent.identity.as_ref());
    }
    if intent.verb != Verb::Create {
        return "the next plan compares anew".to_owned();
    }
    let reading = snapshot.kinds.get(intent.key.kind.as_str());
    // What was known before the create is what it was to replace.
    let new = |o: &Observation| o.owner_uid() == Some(&intent.uid) && memory.id.as_ref() != Some(&o.id);
    let made = reading.and_then(|r| r.observations.iter().find(|o| new(o) || presumed.as_ref() == Some(&o.id)));
    if presumed.is_some() {
        memory.id = presumed;
    }
    if let Some(made) = made {
        memory.may_be_hidden(intent.at, intent.identity.as_ref());
        return format!("it was found as {}", made.id);
    }
    memory.made(now, intent.identity.as_ref());
    "it was not seen; before it is made once more, AWS is given the time to show it".to_owned()
}
