//! What a scope as a whole suffers from: said once of the scope, and not once of each of its resources.
//!
//! A clock gone wrong, credentials that expired or a region that does not answer make every read fail. Then every
//! resource is unknown, and nothing is written; that is one fact, and its cause is one text.

use crate::error::PassError;
use holdfast_core::name::{KindName, Scope};
use holdfast_core::observe::{Gap, Reading, Snapshot, Wanted};
use holdfast_core::status::Phase;
use holdfast_store::{Event, EventType, ScopeStatus, Store, StoreError};
use jiff::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What the log was last told of a scope, to tell of changes only.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Why the last pass did not go through, or saw nothing.
    pub(crate) error: Option<String>,
    /// Kinds with gaps, as of the last pass that saw anything.
    gaps: BTreeSet<String>,
    /// Kinds of which the last pass saw nothing at all.
    blind: BTreeSet<String>,
}

impl Told {
    /// What was told before this process started.
    pub(crate) fn load(store: &Store, scope: &Scope) -> Result<Self, StoreError> {
        let status = store.scope_statuses()?.into_iter().find(|s| s.scope == *scope);
        let mut told = Self::default();
        if let Some(status) = status {
            let lost = |gaps: &[Gap]| status.error.is_some() || gaps.iter().any(|gap| gap.of.is_empty());
            let blind = status.gaps.iter().filter(|(_, gaps)| lost(gaps)).map(|(kind, _)| kind.clone()).collect();
            told.now(&status, blind);
        }
        Ok(told)
    }

    /// Remembers what is being told, and the kinds of which nothing was seen.
    pub(crate) fn now(&mut self, status: &ScopeStatus, blind: BTreeSet<String>) {
        self.error.clone_from(&status.error);
        self.blind = blind;
        // A scope of which nothing is seen says nothing of its kinds.
        if status.error.is_none() {
            self.gaps = status.gaps.keys().cloned().collect();
        }
    }

    /// What has changed about the scope itself.
    pub(crate) fn news(&self, status: &ScopeStatus, now: Timestamp) -> Vec<Event> {
        let scope = &status.scope;
        let event = |reason: &str, message: String| Event::new(now, EventType::Service, reason, message);
        let mut events = Vec::new();
        match (&self.error, &status.error) {
            (Some(_), None) => {
                let recovered = event("ScopeRecovered", format!("Passes over {scope} go through again."));
                events.push(recovered.with(json!({ "scope": scope })));
            }
            (None, Some(error)) => {
                events.push(event("ScopeFailed", format!("{scope}: {error}")).with(json!({ "scope": scope })));
            }
            _ => {}
        }
        if status.error.is_some() {
            return events;
        }
        for (kind, gaps) in status.gaps.iter().filter(|(kind, _)| !self.gaps.contains(*kind)) {
            let message = format!("{kind} in {scope} could not be read: {}", gap_text(gaps));
            let data = json!({ "scope": scope, "kind": kind, "gaps": gaps });
            events.push(event("SweepGap", message).with(data));
        }
        for kind in self.gaps.iter().filter(|kind| !status.gaps.contains_key(*kind)) {
            let message = format!("{kind} in {scope} can be read again.");
            events.push(event("SweepWhole", message).with(json!({ "scope": scope, "kind": kind })));
        }
        events
    }

    /// True if a resource's way between two phases is no news: its kind, or the whole scope, was lost from sight or is
    /// seen again, and that is told already. `blind` are the kinds of which nothing is seen now.
    pub(crate) fn covers(&self, blind: &BTreeSet<String>, kind: &str, from: Phase, to: Phase) -> bool {
        let lost = to == Phase::Unknown && blind.contains(kind);
        let found = from == Phase::Unknown && to == Phase::InSync && self.blind.contains(kind);
        lost || found
    }
}

/// The kinds of which nothing was seen, because it could not be.
pub(crate) fn blind(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot.kinds.iter().filter(|(_, reading)| is_blind(reading)).map(|(kind, _)| (*kind).to_owned()).collect()
}

fn is_blind(reading: &Reading) -> bool {
    reading.observations.is_empty() && !reading.gaps.is_empty()
}

fn gap_text(gaps: &[Gap]) -> String {
    gaps.first().map(|g| format!("{}: {}", g.operation, g.reason)).unwrap_or_default()
}

/// Why nothing at all of a scope was seen; none if anything was.
pub(crate) fn of(snapshot: &Snapshot) -> Option<String> {
    let first = snapshot.kinds.values().find_map(|reading| reading.gaps.first())?;
    let nothing = snapshot.kinds.values().all(is_blind);
    nothing.then(|| format!("nothing can be read, so nothing is written: {}", first.reason))
}

/// What is seen of a scope whose account is not known for certain: nothing.
pub(crate) fn unread(
    scope: &Scope,
    wanted: &BTreeMap<KindName, Wanted>,
    why: &PassError,
    taken_at: Timestamp,
) -> Snapshot {
    let gap = Gap::new("sts:GetCallerIdentity", Vec::new(), why.to_string());
    let reading = Reading { gaps: vec![gap], ..Reading::default() };
    Snapshot { scope: scope.clone(), taken_at, kinds: wanted.keys().map(|kind| (*kind, reading.clone())).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_store::{Location, PassRecord};

    fn status(error: Option<&str>, gaps: &[(&str, &[&str])]) -> ScopeStatus {
        let gap = |of: &[&str]| Gap::new("ec2:DescribeVpcs", of.iter().map(|o| (*o).to_owned()).collect(), "denied");
        ScopeStatus {
            error: error.map(str::to_owned),
            gaps: gaps.iter().map(|(kind, of)| ((*kind).to_owned(), vec![gap(of)])).collect(),
            ..ScopeStatus::of(Scope::new("default", "here"))
        }
    }

    fn loaded(status: &ScopeStatus) -> Told {
        let store = Store::open(&Location::Memory).expect("a store");
        let (now, scope_status) = (Timestamp::UNIX_EPOCH, status.clone());
        let record = PassRecord { now, changed: Vec::new(), gone: Vec::new(), events: Vec::new(), scope_status };
        store.record(&record).expect("it is written");
        Told::load(&store, &status.scope).expect("it is read")
    }

    #[test]
    fn another_process_knows_what_was_told_of_a_scope() {
        let told = loaded(&status(None, &[("Subnet", &["subnet-1"]), ("Vpc", &[])]));
        assert_eq!((told.error.clone(), told.gaps.len()), (None, 2));
        assert_eq!(told.blind, BTreeSet::from(["Vpc".to_owned()]), "of the other some is seen");
        let news = |status: &ScopeStatus| -> Vec<String> {
            told.news(status, Timestamp::UNIX_EPOCH).into_iter().map(|e| e.reason).collect()
        };
        assert_eq!(news(&status(None, &[("Subnet", &["subnet-1"]), ("Vpc", &[])])), [""; 0], "it is told already");
        assert_eq!(news(&status(Some("no credentials"), &[])), ["ScopeFailed"]);
        let lost = loaded(&status(Some("no credentials"), &[("Subnet", &["subnet-1"])]));
        assert_eq!(
            (lost.gaps.len(), lost.blind.len()),
            (0, 1),
            "a scope of which nothing is seen says nothing of kinds"
        );
    }

    #[test]
    fn the_way_of_a_resource_is_no_news_where_its_kind_is_lost_or_found() {
        let told = loaded(&status(None, &[("Vpc", &[])]));
        let now = BTreeSet::from(["Subnet".to_owned()]);
        assert!(told.covers(&now, "Subnet", Phase::InSync, Phase::Unknown), "it is lost with its kind");
        assert!(told.covers(&now, "Vpc", Phase::Unknown, Phase::InSync), "it is found with its kind");
        assert!(!told.covers(&now, "Vpc", Phase::InSync, Phase::Unknown), "its kind can be read");
        assert!(!told.covers(&now, "Vpc", Phase::Unknown, Phase::Drifted), "it has drifted meanwhile");
        assert!(!told.covers(&now, "Subnet", Phase::Unknown, Phase::InSync), "its kind was not lost before");
    }
}
