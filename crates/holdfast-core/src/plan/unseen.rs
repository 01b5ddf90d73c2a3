//! What is known of declared things that could not be read: what they referred to stays, and what they may set is left
//! as it is.

use super::owners::Owner;
use super::{Desired, Memory};
use crate::kept::Kept;
use crate::kind::AnyKind;
use crate::name::{KindName, ResourceKey};
use crate::observe::Observation;
use crate::ownership::FieldOwner;
use crate::uses;
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The declared things that a sweep could not read. What is remembered of them is opened when somebody asks.
pub(super) struct Unseen<'a> {
    things: Vec<Thing<'a>>,
    doubts: OnceCell<Doubts>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Thing<'a> {
    pub(super) desired: &'a Arc<Desired>,
    pub(super) kind: &'a dyn AnyKind,
    pub(super) memory: &'a Memory,
}

/// Fields of other things that some of them may set.
#[derive(Default)]
struct Doubts {
    all: Vec<(KindName, FieldOwner)>,
    /// Their places by what leads to them: ARNs that the thing had, and what it is declared to refer to.
    by_text: BTreeMap<String, Vec<usize>>,
}

impl Thing<'_> {
    /// What was last written, and what it looked like when it was in sync.
    fn fields(&self) -> impl Iterator<Item = Value> {
        [&self.memory.last_written, &self.memory.baseline].into_iter().flatten().map(Kept::value)
    }

    fn doubt(&self, doubts: &mut Doubts) {
        let known: Vec<Value> = self.fields().chain([self.desired.spec.value()]).collect();
        let claims: BTreeSet<_> = known.iter().flat_map(|fields| self.kind.claims(fields)).collect();
        for (kind, path) in claims {
            let why = format!("{} may set it, and could not be read.", self.desired.key);
            let (path, owner) = ((*path).to_owned(), "unread".to_owned());
            let place = doubts.all.len();
            doubts.all.push((kind, FieldOwner { path, owner, bounds: None, passing: true, why }));
            for text in known.iter().flat_map(arns_in).chain(targets_of(self.desired)) {
                doubts.by_text.entry(text).or_default().push(place);
            }
        }
    }
}

impl<'a> Unseen<'a> {
    pub(super) fn new(things: impl Iterator<Item = Thing<'a>>) -> Self {
        Self { things: things.collect(), doubts: OnceCell::new() }
    }

    /// Those of which nothing is remembered.
    pub(super) fn blank(&self) -> impl Iterator<Item = &'a ResourceKey> {
        let blank = |thing: &&Thing<'_>| thing.memory.last_written.is_none() && thing.memory.baseline.is_none();
        self.things.iter().filter(blank).map(|thing| &thing.desired.key)
    }

    /// Visits what is remembered of each.
    pub(super) fn each(&self, mut visit: impl FnMut(&'a ResourceKey, &Value)) {
        for thing in &self.things {
            thing.fields().for_each(|fields| visit(&thing.desired.key, &fields));
        }
    }

    /// Who may set fields of a live thing and could not be asked: it refers to the same, or is referred to.
    pub(super) fn owners(&self, desired: &Desired, live: &Observation, memory: &Memory) -> Vec<Owner<'_>> {
        let doubts = self.doubts.get_or_init(|| {
            let mut doubts = Doubts::default();
            self.things.iter().for_each(|thing| thing.doubt(&mut doubts));
            doubts
        });
        if !doubts.all.iter().any(|(kind, _)| *kind == desired.key.kind) {
            return Vec::new();
        }
        let written = memory.last_written.as_ref().map(Kept::value).unwrap_or_default();
        let own = [live.id.clone(), desired.key.to_string()];
        let texts = arns_in(&live.fields).chain(arns_in(&written)).chain(targets_of(desired)).chain(own);
        let places: BTreeSet<usize> = texts.filter_map(|text| doubts.by_text.get(&text)).flatten().copied().collect();
        let found = places.into_iter().filter_map(|place| doubts.all.get(place));
        found.filter(|(kind, _)| *kind == desired.key.kind).map(|(_, owner)| Owner::of(owner)).collect()
    }
}

/// What a declaration refers to, as texts that are no ARNs.
fn targets_of(desired: &Desired) -> impl Iterator<Item = String> {
    desired.spec.targets(&desired.key.stack).map(|(_, key, _)| key.to_string())
}

fn arns_in(fields: &Value) -> impl Iterator<Item = String> + use<> {
    let mut arns = Vec::new();
    uses::each_text(fields, "", &mut |_, text| {
        if text.starts_with("arn:") {
            arns.push(text.to_owned());
        }
    });
    arns.into_iter()
}
