//! The invariants of a run, checked over plain data: the call log, what is live, and what the store says.
//!
//! The numbers are those of the project's list of faults, and each check names the law that it holds to: V1 at most one
//! live thing a declared resource, V2 nothing unowned is changed, V3 what is declared is reached, V4 the fixed point is
//! silent, V5 no accepted document is lost, V6 no orphan, V7 writes and intents match, V8 nothing is written for an old
//! plan or by an old process, V9 order, V10 no secret, V11 patience, V12 an honest status, V13 deletions within their
//! budget and none while paused, V14 the same seed leaves the same trace.

mod order;
mod told;

#[cfg(test)]
mod tests;

pub use order::{Gone, deleted_in_order, replaced_before_gone};
pub use told::{
    Deletion, Document, Sent, Told, Try, accepted, current, honest, patient, reached, same_trace, secret,
    silent_while_paused, within_budget,
};

use crate::log::{Call, Effect, Ending};
use crate::world::LiveThing;
use holdfast_core::observe::LiveState;
use std::collections::{BTreeMap, BTreeSet};

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its number, such as `V1`.
    pub law: &'static str,
    /// What happened, in a sentence.
    pub what: String,
}

impl Violation {
    /// Puts a violation together.
    pub fn new(law: &'static str, what: impl Into<String>) -> Self {
        Self { law, what: what.into() }
    }
}

/// One intent of the store's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// What the write call carried.
    pub token: String,
    /// True if an outcome stands beside it.
    pub ended: bool,
}

/// V1: at most one live thing bears a given uid. Those on their way out do not count, and neither do those of
/// `retiring`, which the store remembers as replaced.
pub fn at_most_one(live: &[LiveThing], retiring: &BTreeSet<String>) -> Vec<Violation> {
    let mut by_owner: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let going = |t: &LiveThing| matches!(t.observation.state, LiveState::Deleting(_));
    for thing in live.iter().filter(|t| !going(t) && !retiring.contains(&t.observation.id)) {
        if let Some(uid) = thing.observation.owner_uid() {
            by_owner.entry(uid).or_default().push(&thing.observation.id);
        }
    }
    let several = by_owner.into_iter().filter(|(_, ids)| ids.len() > 1);
    several.map(|(uid, ids)| Violation::new("V1", format!("{uid} owns {}", ids.join(" and ")))).collect()
}

/// V2: no write of ours changed or deleted a thing without an owner tag of ours. `adopted` are the ids that a person
/// asked to take over. What bears no tags is ours if a call of ours made it.
pub fn unowned_untouched(calls: &[Call], ours: &BTreeSet<String>, adopted: &BTreeSet<String>) -> Vec<Violation> {
    let (mut found, mut made) = (Vec::new(), BTreeSet::new());
    for call in calls.iter().filter(|c| c.write) {
        for effect in &call.effects {
            if let Effect::Created { id, owner: None } = effect {
                made.insert(id);
            }
            let (Effect::Updated { id, owner } | Effect::Deleted { id, owner }) = effect else { continue };
            let is_ours = match owner {
                Some(owner) => ours.contains(owner),
                None => made.contains(id),
            } || adopted.contains(id);
            if !is_ours {
                found.push(Violation::new("V2", format!("{} changed {id}, which is not ours", call.operation)));
            }
        }
    }
    found
}

/// V4: no write call after call number `since`.
pub fn silent(calls: &[Call], since: u64) -> Vec<Violation> {
    let loud = calls.iter().filter(|c| c.write && c.number > since);
    loud.map(|c| Violation::new("V4", format!("{} of {} at the fixed point", c.operation, c.kind))).collect()
}

/// V6: every live thing with an owner tag belongs to a uid that the store knows.
pub fn no_orphan(live: &[LiveThing], known: &BTreeSet<String>) -> Vec<Violation> {
    let owned = live.iter().filter_map(|t| Some((t, t.observation.owner_uid()?)));
    let lost = owned.filter(|(_, uid)| !known.contains(*uid));
    lost.map(|(t, uid)| Violation::new("V6", format!("{} {} belongs to unknown {uid}", t.kind, t.observation.id)))
        .collect()
}

/// V7: every write call has an intent of its own, and every intent has an outcome.
pub fn journalled(calls: &[Call], journal: &[Intent]) -> Vec<Violation> {
    let mut found = intended(calls, journal);
    let open = journal.iter().filter(|i| !i.ended);
    found.extend(open.map(|i| Violation::new("V7", format!("the intent {} has no outcome", i.token))));
    found
}

/// V7 while a process runs: every write call has an intent of its own, whose outcome may be still to come.
pub fn intended(calls: &[Call], journal: &[Intent]) -> Vec<Violation> {
    let mut found = Vec::new();
    let known: BTreeSet<&str> = journal.iter().map(|i| i.token.as_str()).collect();
    let mut used = BTreeSet::new();
    for call in calls.iter().filter(|c| c.write) {
        if !known.contains(call.token.as_str()) {
            found.push(Violation::new("V7", format!("{} has no intent in the journal", call.operation)));
        }
        if !used.insert(call.token.as_str()) {
            found.push(Violation::new("V7", format!("{} repeats the intent {}", call.operation, call.token)));
        }
    }
    found
}

/// How many writes reached AWS, and how many of them had an effect or were answered.
pub fn write_calls(calls: &[Call]) -> (usize, usize) {
    let writes = calls.iter().filter(|c| c.write);
    let (mut all, mut taken) = (0, 0);
    for call in writes {
        all += 1;
        taken += usize::from(!matches!(call.ending, Ending::Refused(_)));
    }
    (all, taken)
}
