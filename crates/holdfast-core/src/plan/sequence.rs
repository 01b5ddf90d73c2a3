//! The order of steps: what must come before comes before; among the free, what closes an exposure comes first.

use super::Step;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// In an order that respects `needs` and `after`, renumbered from 1. Among the free, those come first that close one of
/// the `exposed` differences or that such a step waits for; then by key.
pub(super) fn sorted(steps: Vec<Step>, exposed: &BTreeSet<u32>) -> Vec<Step> {
    let mut waiting: BTreeMap<u32, usize> = BTreeMap::new();
    let mut opens: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for s in &steps {
        waiting.insert(s.id, s.needs.len() + s.after.len());
        for n in s.needs.iter().chain(&s.after) {
            opens.entry(*n).or_default().push(s.id);
        }
    }
    let urgent = with_what_they_wait_for(&steps, exposed);
    let mut by_id: BTreeMap<u32, Step> = steps.into_iter().map(|s| (s.id, s)).collect();
    let free = waiting.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id);
    let (mut first, mut rest): (VecDeque<u32>, VecDeque<u32>) = free.partition(|id| urgent.contains(id));
    let mut out: Vec<Step> = Vec::with_capacity(by_id.len());
    let mut number: BTreeMap<u32, u32> = BTreeMap::new();
    while let Some(id) = first.pop_front().or_else(|| rest.pop_front()) {
        let Some(step) = by_id.remove(&id) else { continue };
        number.insert(id, out.len() as u32 + 1);
        out.push(step);
        for next in opens.remove(&id).into_iter().flatten() {
            if let Some(n) = waiting.get_mut(&next) {
                *n -= 1;
                if *n == 0 {
                    if urgent.contains(&next) { &mut first } else { &mut rest }.push_back(next);
                }
            }
        }
    }
    for step in &mut out {
        let renumber = |list: &Vec<u32>| list.iter().filter_map(|id| number.get(id).copied()).collect();
        (step.needs, step.after) = (renumber(&step.needs), renumber(&step.after));
        step.id = number.get(&step.id).copied().unwrap_or(step.id);
    }
    out
}

fn with_what_they_wait_for(steps: &[Step], exposed: &BTreeSet<u32>) -> BTreeSet<u32> {
    if exposed.is_empty() {
        return BTreeSet::new();
    }
    let before: BTreeMap<u32, &Step> = steps.iter().map(|s| (s.id, s)).collect();
    let (mut found, mut open) = (BTreeSet::new(), exposed.iter().copied().collect::<Vec<_>>());
    while let Some(id) = open.pop() {
        if let Some(step) = before.get(&id).filter(|_| found.insert(id)) {
            open.extend(step.needs.iter().chain(&step.after));
        }
    }
    found
}
