//! Finds the live thing of a declared resource.

use super::{Desired, Input, Memory};
use crate::name::KindName;
use crate::observe::{Gap, LiveState, Observation, Reading};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was found of a declared resource.
#[derive(Clone, Debug)]
pub(super) enum Match {
    /// It is ours.
    Owned(Arc<Observation>),
    /// Something of its identity that belongs to nobody we know; policy may allow to take it.
    Adoptable(Arc<Observation>),
    /// Something of its identity that is not ours, and whose.
    Foreign(Arc<Observation>, String),
    /// The name is still taken by something on its way out.
    Leaving(Arc<Observation>),
    /// It is certainly not there.
    Absent,
    /// It could not be read.
    Unknown(String),
}

impl Match {
    pub(super) fn live(&self) -> Option<&Arc<Observation>> {
        match self {
            Match::Owned(o) => Some(o),
            _ => None,
        }
    }
}

/// The observations of one kind, by every way they are looked for.
struct Index<'a> {
    by_uid: BTreeMap<&'a str, Vec<&'a Arc<Observation>>>,
    by_resource: BTreeMap<&'a str, Vec<&'a Arc<Observation>>>,
    by_id: BTreeMap<&'a str, &'a Arc<Observation>>,
    by_identity: BTreeMap<&'a str, Vec<&'a Arc<Observation>>>,
    gaps: &'a [Gap],
}

impl<'a> Index<'a> {
    fn new(reading: &'a Reading) -> Self {
        let mut index = Self {
            by_uid: BTreeMap::new(),
            by_resource: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            gaps: &reading.gaps,
        };
        for o in &reading.observations {
            if let Some(uid) = o.owner_uid() {
                index.by_uid.entry(uid).or_default().push(o);
            }
            if let Some(resource) = o.owner_resource() {
                index.by_resource.entry(resource).or_default().push(o);
            }
            index.by_id.insert(&o.id, o);
            index.by_identity.entry(&o.identity).or_default().push(o);
        }
        index
    }
}

/// Finds live things, kind by kind.
pub(super) struct Matcher<'a> {
    kinds: BTreeMap<KindName, Index<'a>>,
    declared_uids: &'a dyn Fn(&str) -> bool,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(input: &Input<'a>) -> Self {
        let kinds = input.snapshot.kinds.iter().map(|(k, r)| (*k, Index::new(r))).collect();
        Self { kinds, declared_uids: input.declared_uids }
    }

    /// Looks by owner tag, then by the handle we remember, then by `stack/Kind/name`, then by identity.
    pub(super) fn find(
        &self,
        desired: &Desired,
        memory: Option<&Memory>,
        identity: Option<&str>,
        id_is_name: bool,
    ) -> Match {
        let Some(index) = self.kinds.get(desired.key.kind.as_str()) else {
            return Match::Unknown(format!("{} was not part of this sweep", desired.key.kind));
        };
        let known_id = memory.and_then(|m| m.id.as_deref());
        if let Some(own) = index.by_uid.get(desired.uid.as_str()).and_then(|l| best_of(l, identity, known_id)) {
            return owned_or_leaving(own);
        }
        if let Some(own) = known_id.and_then(|id| index.by_id.get(id)) {
            // A handle that follows from the name proves nothing once the tags are gone: somebody may have made
            // another thing under that name.
            if own.owner_uid().is_none() && (!id_is_name || own.owner_resource().is_some()) {
                return owned_or_leaving(own);
            }
        }
        let path = desired.key.to_string();
        if let Some(own) = index.by_resource.get(path.as_str()).and_then(|l| {
            let free: Vec<_> = l.iter().copied().filter(|o| !self.is_taken(o)).collect();
            best(&free, known_id)
        }) {
            return owned_or_leaving(own);
        }
        if let Some(gap) = index.gaps.iter().find(|g| g.hides(known_id, identity)) {
            return Match::Unknown(format!("{} could not be read: {}", gap.operation, gap.reason));
        }
        self.by_identity(index, identity)
    }

    /// The other live things with the owner tag of a resource of which `found` is the one.
    pub(super) fn beside(&self, desired: &Desired, found: &Match) -> Vec<Arc<Observation>> {
        let Some(live) = found.live() else { return Vec::new() };
        let same = self.kinds.get(desired.key.kind.as_str()).and_then(|i| i.by_uid.get(desired.uid.as_str()));
        let stays = |o: &&&Arc<Observation>| o.id != live.id && !matches!(o.state, LiveState::Deleting(_));
        same.into_iter().flatten().filter(stays).map(|o| Arc::clone(o)).collect()
    }

    fn is_taken(&self, o: &Observation) -> bool {
        o.owner_uid().is_some_and(|uid| (self.declared_uids)(uid))
    }

    fn by_identity(&self, index: &Index<'_>, identity: Option<&str>) -> Match {
        let Some(found) = identity.and_then(|i| index.by_identity.get(i)).and_then(|l| best(l, None)) else {
            return Match::Absent;
        };
        if matches!(found.state, LiveState::Deleting(_)) {
            return Match::Leaving(Arc::clone(found));
        }
        if self.is_taken(found) {
            let whose = found.owner_resource().unwrap_or("another resource").to_owned();
            return Match::Foreign(Arc::clone(found), whose);
        }
        Match::Adoptable(Arc::clone(found))
    }
}

fn owned_or_leaving(own: &Arc<Observation>) -> Match {
    match own.state {
        LiveState::Deleting(_) => Match::Leaving(Arc::clone(own)),
        _ => Match::Owned(Arc::clone(own)),
    }
}

/// Of several with one owner tag, the one that is as declared: a replacement stands beside the old one for a while.
fn best_of<'a>(
    list: &[&'a Arc<Observation>],
    identity: Option<&str>,
    known_id: Option<&str>,
) -> Option<&'a Arc<Observation>> {
    let alike: Vec<_> = list.iter().copied().filter(|o| Some(o.identity.as_str()) == identity).collect();
    best(if alike.is_empty() { list } else { &alike }, known_id)
}

/// Of several, the one we remember, else one that stays, else the first by id.
fn best<'a>(list: &[&'a Arc<Observation>], known_id: Option<&str>) -> Option<&'a Arc<Observation>> {
    list.iter()
        .copied()
        .min_by_key(|o| (Some(o.id.as_str()) != known_id, matches!(o.state, LiveState::Deleting(_)), o.id.as_str()))
}
