//! Which resources come after which without a reference that says so: what the kinds say of themselves.

use super::build::Target;
use super::link::Drafted;
use crate::kind::{AnyKind, Follow};
use crate::name::ResourceKey;
use std::collections::{BTreeMap, BTreeSet};

/// All resources of a plan with what they refer to and come after.
pub(super) struct Follows<'a> {
    refs: BTreeMap<&'a ResourceKey, &'a [Target]>,
    rules: Vec<(&'a ResourceKey, &'static [Follow])>,
}

impl<'a> Follows<'a> {
    pub(super) fn new(entries: &[Drafted<'a>]) -> Self {
        Self {
            refs: entries.iter().map(|e| (&e.desired.key, e.refs)).collect(),
            rules: entries.iter().map(|e| (&e.desired.key, e.kind.map_or(&[][..], AnyKind::follows))).collect(),
        }
    }

    /// What a resource refers to.
    pub(super) fn refs(&self, key: &ResourceKey) -> &'a [Target] {
        self.refs.get(key).copied().unwrap_or_default()
    }

    /// The resources of the same stack that `key` comes after by a rule of its kind.
    pub(super) fn leaders(&self, key: &ResourceKey, rules: &[Follow]) -> Vec<&'a ResourceKey> {
        rules.iter().flat_map(|rule| self.by_rule(key, rule)).collect()
    }

    fn by_rule(&self, key: &ResourceKey, rule: &Follow) -> Vec<&'a ResourceKey> {
        let shared = self.reached(rule.sharing, self.refs(key));
        if shared.is_empty() {
            return Vec::new();
        }
        let leads = |other: &&ResourceKey| {
            let kin = other.stack == key.stack && *other != key && rule.kinds.contains(&other.kind.as_str());
            kin && !shared.is_disjoint(&self.reached(rule.sharing, self.refs(other)))
        };
        self.rules.iter().map(|(other, _)| *other).filter(leads).collect()
    }

    /// The resources of `kind` that something refers to: itself or, where it names none, through what it refers to.
    fn reached(&self, kind: &str, refs: &'a [Target]) -> BTreeSet<&'a ResourceKey> {
        let (mut level, mut seen) = (vec![refs], BTreeSet::new());
        loop {
            let here = || level.iter().flat_map(|refs| refs.iter()).map(|target| &target.key);
            let found: BTreeSet<&ResourceKey> = here().filter(|key| key.kind == kind).collect();
            let next: Vec<&[Target]> = here().filter(|key| seen.insert(*key)).map(|key| self.refs(key)).collect();
            if !found.is_empty() || next.is_empty() {
                return found;
            }
            level = next;
        }
    }
}
