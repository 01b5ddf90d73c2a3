//! Which resources come after which without a reference that says so: what the kinds say of themselves.

use super::build::Target;
use super::link::Drafted;
use crate::kind::Follow;
use crate::name::ResourceKey;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// All resources of a plan with what they refer to and come after.
pub(super) struct Follows<'a> {
    refs: BTreeMap<&'a ResourceKey, &'a [Target]>,
    /// Who leads by a rule, by what is shared; found when the rule is first asked for.
    led: RefCell<BTreeMap<Follow, Leaders<'a>>>,
}

/// Resources by each that they refer to.
type Leaders<'a> = BTreeMap<&'a ResourceKey, Vec<&'a ResourceKey>>;

impl<'a> Follows<'a> {
    pub(super) fn new(entries: &[Drafted<'a>]) -> Self {
        Self { refs: entries.iter().map(|e| (&e.desired.key, e.refs)).collect(), led: RefCell::default() }
    }

    /// What a resource refers to.
    pub(super) fn refs(&self, key: &ResourceKey) -> &'a [Target] {
        self.refs.get(key).copied().unwrap_or_default()
    }

    /// The resources of the same stack that `key` comes after by a rule of its kind.
    pub(super) fn leaders(&self, key: &ResourceKey, rules: &[Follow]) -> Vec<&'a ResourceKey> {
        rules.iter().flat_map(|rule| self.by_rule(key, rule)).collect()
    }

    fn by_rule(&self, key: &ResourceKey, rule: &Follow) -> BTreeSet<&'a ResourceKey> {
        let shared = self.reached(rule.sharing, self.refs(key));
        if shared.is_empty() {
            return BTreeSet::new();
        }
        let mut led = self.led.borrow_mut();
        let led = led.entry(*rule).or_insert_with(|| self.all_led(rule));
        let kin = |other: &&ResourceKey| other.stack == key.stack && *other != key;
        shared.iter().filter_map(|shared| led.get(shared)).flatten().copied().filter(kin).collect()
    }

    fn all_led(&self, rule: &Follow) -> Leaders<'a> {
        let mut led = Leaders::new();
        for (key, refs) in self.refs.iter().filter(|(key, _)| rule.kinds.contains(&key.kind.as_str())) {
            for shared in self.reached(rule.sharing, refs) {
                led.entry(shared).or_default().push(*key);
            }
        }
        led
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
