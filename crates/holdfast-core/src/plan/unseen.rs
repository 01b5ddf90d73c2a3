//! What is known of declared things that could not be read: what they referred to stays, and what they may set is left
//! as it is.

use super::Memory;
use super::owners::Owner;
use crate::kept::Kept;
use crate::kind::AnyKind;
use crate::name::ResourceKey;
use crate::observe::Observation;
use crate::ownership::FieldOwner;
use crate::uses;
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// The declared things that a sweep could not read. What is remembered of them is opened when somebody asks.
pub(super) struct Unseen<'a> {
    things: Vec<Thing<'a>>,
    doubts: OnceCell<Vec<Doubt>>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Thing<'a> {
    pub(super) key: &'a ResourceKey,
    pub(super) kind: &'a dyn AnyKind,
    pub(super) memory: &'a Memory,
}

/// A field of another thing that one of them may set.
struct Doubt {
    kind: &'static str,
    owner: FieldOwner,
    /// The ARNs that it had; none if nothing is remembered of it.
    arns: Option<BTreeSet<String>>,
}

impl Thing<'_> {
    /// What was last written, and what it looked like when it was in sync.
    fn fields(&self) -> impl Iterator<Item = Value> {
        [&self.memory.last_written, &self.memory.baseline].into_iter().flatten().map(Kept::value)
    }

    fn doubts(&self) -> impl Iterator<Item = Doubt> {
        let mut arns: Option<BTreeSet<String>> = None;
        if !self.kind.claims().is_empty() {
            for fields in self.fields() {
                arns.get_or_insert_default().extend(arns_in(&fields));
            }
        }
        self.kind.claims().iter().map(move |(kind, path)| {
            let why = format!("{} may set it, and could not be read.", self.key);
            let (path, owner) = ((*path).to_owned(), "unread".to_owned());
            let owner = FieldOwner { path, owner, bounds: None, passing: true, why };
            Doubt { kind, owner, arns: arns.clone() }
        })
    }
}

impl<'a> Unseen<'a> {
    pub(super) fn new(things: impl Iterator<Item = Thing<'a>>) -> Self {
        Self { things: things.collect(), doubts: OnceCell::new() }
    }

    /// Those of which nothing is remembered.
    pub(super) fn blank(&self) -> impl Iterator<Item = &'a ResourceKey> {
        let blank = |thing: &&Thing<'_>| thing.memory.last_written.is_none() && thing.memory.baseline.is_none();
        self.things.iter().filter(blank).map(|thing| thing.key)
    }

    /// Visits what is remembered of each.
    pub(super) fn each(&self, mut visit: impl FnMut(&'a ResourceKey, &Value)) {
        for thing in &self.things {
            thing.fields().for_each(|fields| visit(thing.key, &fields));
        }
    }

    /// Who may set fields of a live thing and could not be asked.
    pub(super) fn owners(&self, kind: &str, live: &Observation, memory: &Memory) -> Vec<Owner<'_>> {
        let doubts = self.doubts.get_or_init(|| self.things.iter().flat_map(Thing::doubts).collect());
        let mut doubts = doubts.iter().filter(|doubt| doubt.kind == kind).peekable();
        if doubts.peek().is_none() {
            return Vec::new();
        }
        let mut arns: BTreeSet<String> = arns_in(&live.fields).collect();
        arns.insert(live.id.clone());
        arns.extend(memory.last_written.iter().flat_map(|written| arns_in(&written.value()).collect::<Vec<_>>()));
        let meets = |doubt: &&Doubt| doubt.arns.as_ref().is_none_or(|known| !known.is_disjoint(&arns));
        doubts.filter(meets).map(|doubt| Owner::of(&doubt.owner)).collect()
    }
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
