//! Finds the live thing of a declared resource.

use super::sought::Sought;
use super::{Desired, Input, Memory};
use crate::compare::compare;
use crate::handle::Stem;
use crate::kind::AnyKind;
use crate::name::KindName;
use crate::observe::{Gap, LiveState, Observation, Reading};
use serde_json::Value;
use std::cell::{LazyCell, OnceCell};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was found of a declared resource.
#[derive(Clone, Debug)]
pub(super) enum Match<'a> {
    /// It is ours.
    Owned(&'a Arc<Observation>),
    /// Something of its identity that belongs to nobody we know; policy may allow to take it.
    Adoptable(&'a Arc<Observation>),
    /// Something of its identity that is not ours, and whose.
    Foreign(&'a Arc<Observation>, String),
    /// Something of its identity, and policy names another thing to adopt.
    NotNamed(&'a Arc<Observation>),
    /// The name is still taken by something on its way out.
    Leaving(&'a Arc<Observation>),
    /// It is certainly not there.
    Absent,
    /// It could not be read.
    Unknown(String),
}

impl<'a> Match<'a> {
    pub(super) fn live(&self) -> Option<&'a Arc<Observation>> {
        match self {
            Match::Owned(o) => Some(o),
            _ => None,
        }
    }
}

/// The observations of one kind, by every way they are looked for.
struct Index<'a> {
    by_uid: Lookup<'a>,
    by_resource: Lookup<'a>,
    by_id: Lookup<'a>,
    by_identity: Lookup<'a>,
    gaps: &'a [Gap],
}

impl<'a> Index<'a> {
    fn new(reading: &'a Reading) -> Self {
        let all = &reading.observations;
        Self {
            by_uid: Lookup::new(all, |o| o.owner_uid()),
            by_resource: Lookup::new(all, |o| o.owner_resource()),
            by_id: Lookup::new(all, |o| Some(&o.id)),
            by_identity: Lookup::new(all, |o| Some(&o.identity)),
            gaps: &reading.gaps,
        }
    }
}

/// Observations by one of their texts. Made when it is first asked: most things are found in the first way.
struct Lookup<'a> {
    all: &'a [Arc<Observation>],
    text: fn(&Observation) -> Option<&str>,
    sought: OnceCell<Sought<&'a str, &'a Arc<Observation>>>,
}

impl<'a> Lookup<'a> {
    fn new(all: &'a [Arc<Observation>], text: fn(&Observation) -> Option<&str>) -> Self {
        Self { all, text, sought: OnceCell::new() }
    }

    /// All of that text, in the order they were read.
    fn get<'s>(&'s self, text: &'s str) -> impl Iterator<Item = &'a Arc<Observation>> + use<'a, 's> {
        let all = || self.all.iter().filter_map(|o| Some(((self.text)(o)?, o))).collect();
        self.sought.get_or_init(all).get(text)
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

    /// Looks by owner tag, then by the handle we remember, then by `stack/Kind/name`, then by identity. `spec` is filled
    /// in only where it is asked for.
    pub(super) fn find<'s>(
        &self,
        desired: &Desired,
        memory: Option<&Memory>,
        spec: impl FnOnce() -> &'s Value,
        kind: &dyn AnyKind,
    ) -> Match<'a> {
        let Some(index) = self.kinds.get(desired.key.kind.as_str()) else {
            return Match::Unknown(format!("{} was not part of this sweep", desired.key.kind));
        };
        let known_id = memory.and_then(|m| m.id.as_deref());
        let spec = LazyCell::new(spec);
        let identity = LazyCell::new(|| kind.identity(*spec));
        let fits = |o: &Observation| match identity.as_deref() {
            Some(identity) => o.identity == identity,
            None => made_as_declared(kind, *spec, o),
        };
        if kind.lookup() {
            return answered(index, identity.as_deref(), known_id);
        }
        if let Some(own) = tagged(index, desired, memory, kind.stem(), fits) {
            // A predecessor that was read says nothing of its successor that was not.
            let is_it = Some(own.id.as_str()) == known_id || index.gaps.is_empty();
            if !is_it && let Some(gap) = hidden(index.gaps, known_id, identity.as_deref(), own) {
                return Match::Unknown(format!("{} could not be read: {}", gap.operation, gap.reason));
            }
            return owned_or_leaving(own);
        }
        if let Some(own) = memory.and_then(|memory| remembered(index, memory, kind, fits)) {
            // A handle that follows from the name proves nothing once the tags are gone: somebody may have made
            // another thing under that name.
            if own.owner_uid().is_none() && (!kind.id_is_name() || own.owner_resource().is_some()) {
                return owned_or_leaving(own);
            }
        }
        let path = desired.key.to_string();
        if let Some(own) = best(index.by_resource.get(&path).filter(|o| !self.is_taken(o)), known_id) {
            return owned_or_leaving(own);
        }
        let identity = identity.as_deref();
        let named = desired.policy.adopt_id.as_deref().and_then(kind.handle().read);
        let handle = known_id.or(named.as_deref());
        // What has neither a name nor a handle that we know may be any of those that could not be read; what may have been
        // made under another name is looked for under that one too.
        let any = handle.is_none() && identity.is_none();
        let made_as = memory.and_then(|m| m.made_as.as_deref());
        if let Some(gap) = index.gaps.iter().find(|g| any || g.hides(handle, identity) || g.hides(None, made_as)) {
            return Match::Unknown(format!("{} could not be read: {}", gap.operation, gap.reason));
        }
        match named {
            Some(named) => self.by_name_of_aws(index, &named, identity),
            None => self.by_identity(index, identity),
        }
    }

    /// The other live things with the owner tag of a resource of which `found` is the one; where AWS takes no tags, those
    /// that are remembered as replaced.
    pub(super) fn beside(
        &self,
        desired: &Desired,
        memory: Option<&Memory>,
        found: &Match<'a>,
        kind: &dyn AnyKind,
    ) -> Vec<&'a Arc<Observation>> {
        let (Some(live), Some(index)) = (found.live(), self.kinds.get(desired.key.kind.as_str())) else {
            return Vec::new();
        };
        let stays = |o: &&Arc<Observation>| o.id != live.id && !matches!(o.state, LiveState::Deleting(_));
        if !kind.tagged() {
            let known = memory.into_iter().flat_map(|m| m.retiring.iter().chain(&m.id));
            return known.filter_map(|id| index.by_id.get(id).last()).filter(stays).collect();
        }
        index.by_uid.get(&desired.uid).filter(stays).collect()
    }

    fn is_taken(&self, o: &Observation) -> bool {
        o.owner_uid().is_some_and(|uid| (self.declared_uids)(uid))
    }

    /// What policy names to be adopted; nothing else will do.
    fn by_name_of_aws(&self, index: &Index<'a>, named: &str, identity: Option<&str>) -> Match<'a> {
        if let Some(found) = index.by_id.get(named).last() {
            return self.not_ours_yet(found);
        }
        match self.by_identity(index, identity) {
            Match::Adoptable(other) => Match::NotNamed(other),
            other => other,
        }
    }

    fn by_identity(&self, index: &Index<'a>, identity: Option<&str>) -> Match<'a> {
        let found = identity.and_then(|i| best(index.by_identity.get(i), None));
        found.map_or(Match::Absent, |found| self.not_ours_yet(found))
    }

    fn not_ours_yet(&self, found: &'a Arc<Observation>) -> Match<'a> {
        if matches!(found.state, LiveState::Deleting(_)) {
            return Match::Leaving(found);
        }
        if self.is_taken(found) {
            let whose = found.owner_resource().unwrap_or("another resource").to_owned();
            return Match::Foreign(found, whose);
        }
        Match::Adoptable(found)
    }
}

/// The thing with the owner tag of a resource. Of several, one that fits the declaration: a replacement stands beside the
/// old one for a while.
fn tagged<'a>(
    index: &Index<'a>,
    desired: &Desired,
    memory: Option<&Memory>,
    stem: Stem,
    fits: impl Fn(&Observation) -> bool,
) -> Option<&'a Arc<Observation>> {
    let all: Vec<&'a Arc<Observation>> = index.by_uid.get(&desired.uid).collect();
    if let [] | [_] = all.as_slice() {
        return all.into_iter().next();
    }
    let known_id = memory.and_then(|m| m.id.as_deref());
    let replaced = |o: &&Arc<Observation>| memory.is_some_and(|m| m.has_replaced(&o.id, stem));
    let fitting = best(all.iter().copied().filter(|o| fits(o)), known_id);
    let staying = || best(all.iter().copied().filter(|o| !replaced(o)), known_id);
    fitting.or_else(staying).or_else(|| best(all.iter().copied(), known_id))
}

/// The thing with the handle that we remember. Where AWS takes no tags, the handles of what was replaced are ours as well:
/// one that is declared again is the thing.
fn remembered<'a>(
    index: &Index<'a>,
    memory: &Memory,
    kind: &dyn AnyKind,
    fits: impl Fn(&Observation) -> bool,
) -> Option<&'a Arc<Observation>> {
    let of = |id: &String| index.by_id.get(id).last();
    let known = memory.id.as_ref().and_then(of);
    if kind.tagged() || known.is_some_and(|o| fits(o)) {
        return known;
    }
    memory.retiring.iter().filter_map(of).find(|o| fits(o)).or(known)
}

/// What hides the thing that is remembered, or the one that is declared, where `own` is neither.
fn hidden<'a>(gaps: &'a [Gap], known_id: Option<&str>, identity: Option<&str>, own: &Observation) -> Option<&'a Gap> {
    let other = identity != Some(own.identity.as_str()) && (known_id.is_some() || identity.is_some());
    gaps.iter().find(|gap| other && gap.hides(known_id, identity))
}

/// True if nothing would have to be made anew for what is declared. It tells things apart that have no name.
fn made_as_declared(kind: &dyn AnyKind, spec: &Value, live: &Observation) -> bool {
    let facts = kind.facts();
    let diffs = compare(spec, &live.fields, None, None, &live.unread, facts);
    !diffs.iter().any(|d| facts.any_above(&d.path, |field| field.create_only))
}

/// AWS's answer to a look-up: nobody owns it, and everybody may have it.
fn answered<'a>(index: &Index<'a>, identity: Option<&str>, known_id: Option<&str>) -> Match<'a> {
    if let Some(gap) = index.gaps.iter().find(|g| g.hides(known_id, identity)) {
        return Match::Unknown(format!("{} could not be read: {}", gap.operation, gap.reason));
    }
    identity.and_then(|i| best(index.by_identity.get(i), known_id)).map_or(Match::Absent, Match::Owned)
}

fn owned_or_leaving(own: &Arc<Observation>) -> Match<'_> {
    match own.state {
        LiveState::Deleting(_) => Match::Leaving(own),
        _ => Match::Owned(own),
    }
}

/// Of several, the one we remember, else one that stays, else the first by id.
fn best<'a>(list: impl Iterator<Item = &'a Arc<Observation>>, known_id: Option<&str>) -> Option<&'a Arc<Observation>> {
    list.min_by_key(|o| (Some(o.id.as_str()) != known_id, matches!(o.state, LiveState::Deleting(_)), o.id.as_str()))
}
