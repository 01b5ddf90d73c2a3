//! What is held against what the store says: V3, V5, V8, V10 to V14.

use super::Violation;
use crate::log::Call;
use holdfast_core::cloud::ErrorClass;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is said of a declared resource, and what is true of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `stack/Kind/name`.
    pub key: String,
    /// The generation that is declared.
    pub generation: u64,
    /// The generation that its status speaks of.
    pub observed: u64,
    /// True if its status says that live is as declared.
    pub in_sync: bool,
    /// What its status says.
    pub words: String,
    /// How many live things bear its uid.
    pub live: usize,
    /// How what is live differs from what is declared, as an onlooker sees it who cannot be deceived.
    pub differs: Vec<String>,
}

/// V3: all that is declared is live, once, as declared, and said to be.
pub fn reached(told: &[Told]) -> Vec<Violation> {
    let mut found = Vec::new();
    for one in told {
        let mut say = |what: String| found.push(Violation::new("V3", format!("{}: {what}", one.key)));
        if one.live != 1 {
            say(format!("{} things are live of it; {}", one.live, one.words));
        }
        if !one.differs.is_empty() {
            say(format!("live differs in {}; {}", one.differs.join(", "), one.words));
        }
        if !one.in_sync || one.observed != one.generation {
            say(format!("generation {} is {} at {}", one.generation, one.words, one.observed));
        }
    }
    found
}

/// V12: no status speaks of a generation that was never declared, and none says that live is as declared while the
/// generation that it speaks of differs. To be asked where no read was stale and nobody has changed anything since.
pub fn honest(told: &[Told]) -> Vec<Violation> {
    let mut found = Vec::new();
    for one in told {
        if one.observed > one.generation {
            let what = format!("{}: observed {} of {}", one.key, one.observed, one.generation);
            found.push(Violation::new("V12", what));
        }
        let claims = one.in_sync && one.observed == one.generation;
        if claims && (one.live != 1 || !one.differs.is_empty()) {
            let what = format!("{} is called in sync; {} live, differs in {:?}", one.key, one.live, one.differs);
            found.push(Violation::new("V12", what));
        }
    }
    found
}

/// A declaration: its generation and its spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its generation.
    pub generation: u64,
    /// Its spec, variables filled in.
    pub spec: Value,
}

/// V5: what was accepted last is what is stored, under the generation that the answer named, and nothing else is.
pub fn accepted(accepted: &BTreeMap<String, Document>, stored: &BTreeMap<String, Document>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (key, document) in accepted {
        match stored.get(key) {
            None => found.push(Violation::new("V5", format!("{key} was accepted and is lost"))),
            Some(other) if other != document => {
                let what = format!("{key} was accepted as {}, and {} is stored", document.generation, other.generation);
                found.push(Violation::new("V5", what));
            }
            Some(_) => {}
        }
    }
    let unknown = stored.keys().filter(|key| !accepted.contains_key(*key));
    found.extend(unknown.map(|key| Violation::new("V5", format!("{key} is stored and was never accepted"))));
    found
}

/// A write call as it was sent, and what was true at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The intent's token.
    pub token: String,
    /// Whose.
    pub key: String,
    /// The generation that it serves.
    pub generation: u64,
    /// The process that sent it.
    pub process: String,
    /// The process that was the scope's only writer then.
    pub writer: String,
    /// The generation that was declared then; none if nothing was.
    pub declared: Option<u64>,
}

/// V8: one writer a scope, and no write for what is declared no more.
pub fn current(sent: &[Sent]) -> Vec<Violation> {
    let mut found = Vec::new();
    for write in sent {
        if write.process != write.writer {
            let what = format!("{} was written by {} while {} was the writer", write.key, write.process, write.writer);
            found.push(Violation::new("V8", what));
        }
        if write.declared != Some(write.generation) {
            let what = format!("{} was written for generation {} of {:?}", write.key, write.generation, write.declared);
            found.push(Violation::new("V8", what));
        }
    }
    found
}

/// V10: none of `secrets` stands in any of the texts, each with the name of its place.
pub fn secret<'t>(texts: impl IntoIterator<Item = (&'t str, &'t str)>, secrets: &[&str]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (place, text) in texts {
        let told = secrets.iter().any(|s| text.contains(s));
        found.extend(told.then(|| Violation::new("V10", format!("{place} tells a secret"))));
    }
    found
}

/// One try of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// Whose.
    pub key: String,
    /// The step, as a line of text.
    pub step: String,
    /// When.
    pub at: Timestamp,
    /// Why it failed; none if it did not.
    pub failed: Option<ErrorClass>,
    /// True if an input or the world has moved since the try before it, or a person asked for another one.
    pub moved: bool,
}

/// V11: a step that failed is tried once more for each step of its back-off, and not before `least` of that class.
pub fn patient(tries: &[Try], least: impl Fn(ErrorClass) -> SignedDuration) -> Vec<Violation> {
    let mut last: BTreeMap<(&str, &str), &Try> = BTreeMap::new();
    let mut found = Vec::new();
    for one in tries {
        let place = (one.key.as_str(), one.step.as_str());
        if let Some((before, class)) = last.get(&place).and_then(|b| Some((b, b.failed?)))
            && !one.moved
            && one.at.duration_since(before.at) < least(class)
        {
            let what = format!("\"{}\" of {} was tried again at {}, after {}", one.step, one.key, one.at, before.at);
            found.push(Violation::new("V11", what));
        }
        last.insert(place, one);
    }
    found
}

/// A deletion of something live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// `account/region`.
    pub scope: String,
    /// When.
    pub at: Timestamp,
    /// True if nobody named it.
    pub implicit: bool,
}

/// V13: in no hour are more than `most` deletions made in a scope that nobody named.
pub fn within_budget(deletions: &[Deletion], most: usize) -> Vec<Violation> {
    let implicit: Vec<&Deletion> = deletions.iter().filter(|d| d.implicit).collect();
    let mut found = Vec::new();
    for last in &implicit {
        let within = |d: &&&Deletion| {
            let ago = last.at.duration_since(d.at);
            d.scope == last.scope && !ago.is_negative() && ago < SignedDuration::from_hours(1)
        };
        let made = implicit.iter().filter(within).count();
        if made > most {
            found.push(Violation::new(
                "V13",
                format!("{made} deletions in {} in the hour before {}", last.scope, last.at),
            ));
        }
    }
    found
}

/// V13: nothing of a paused resource is written. `paused` are the uids that are paused while `calls` were made.
pub fn silent_while_paused(sent: &[(&Call, &str)], paused: &BTreeSet<String>) -> Vec<Violation> {
    let written = sent.iter().filter(|(_, uid)| paused.contains(*uid));
    written.map(|(call, uid)| Violation::new("V13", format!("{} of {uid}, which is paused", call.operation))).collect()
}

/// V14: the same seed leaves the same trace.
pub fn same_trace(seed: u64, first: u64, second: u64) -> Vec<Violation> {
    let differs = first != second;
    let what = || Violation::new("V14", format!("seed {seed} left {first:016x} and then {second:016x}"));
    differs.then(what).into_iter().collect()
}
