//! Finds the live thing of a declared resource.

use super::{Desired, Input, Memory};
use crate::kind::AnyKind;
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
    /// Something of its identity, and policy names another thing to adopt.
    NotNamed(Arc<Observation>),
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
        kind: &dyn AnyKind,
    ) -> Match {
        let Some(index) = self.kinds.get(desired.key.kind.as_str()) else {
            return Match::Unknown(format!("{} was not part of this sweep", desired.key.kind));
        };
        let known_id = memory.and_then(|m| m.id.as_deref());
        if let Some(own) = index.by_uid.get(desired.uid.as_str()).and_then(|l| best(l, known_id)) {
            return owned_or_leaving(own);
        }
        if let Some(own) = known_id.and_then(|id| index.by_id.get(id)) {
            // A handle that follows from the name proves nothing once the tags are gone: somebody may have made
            // another thing under that name.
            if own.owner_uid().is_none() && (!kind.id_is_name() || own.owner_resource().is_some()) {
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
        let named = desired.policy.adopt_id.as_deref().and_then(kind.handle().read);
        if let Some(gap) = index.gaps.iter().find(|g| g.hides(known_id.or(named.as_deref()), identity)) {
            return Match::Unknown(format!("{} could not be read: {}", gap.operation, gap.reason));
        }
        match named {
            Some(named) => self.by_name_of_aws(index, &named, identity),
            None => self.by_identity(index, identity),
        }
    }

    fn is_taken(&self, o: &Observation) -> bool {
        o.owner_uid().is_some_and(|uid| (self.declared_uids)(uid))
    }

    /// What policy names to be adopted; nothing else will do.
    fn by_name_of_aws(&self, index: &Index<'_>, named: &str, identity: Option<&str>) -> Match {
        if let Some(found) = index.by_id.get(named).copied() {
            return self.not_ours_yet(found);
        }
        match self.by_identity(index, identity) {
            Match::Adoptable(other) => Match::NotNamed(other),
            match_ => match_,
        }
    }

    fn by_identity(&self, index: &Index<'_>, identity: Option<&str>) -> Match {
        let found = identity.and_then(|i| index.by_identity.get(i)).and_then(|l| best(l, None));
        found.map_or(Match::Absent, |found| self.not_ours_yet(found))
    }

    fn not_ours_yet(&self, found: &Arc<Observation>) -> Match {
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

/// Of several, the one we remember, else one that stays, else the first by id.
fn best<'a>(list: &[&'a Arc<Observation>], known_id: Option<&str>) -> Option<&'a Arc<Observation>> {
    list.iter()
        .copied()
        .min_by_key(|o| (Some(o.id.as_str()) != known_id, matches!(o.state, LiveState::Deleting(_)), o.id.as_str()))
}
