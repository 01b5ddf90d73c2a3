//! What is on its way out holds on to what it stands on: AWS refuses to delete that before, or takes it away from under
//! it. So it waits, and goes in a later pass. What goes by policy takes of the deletion budget in the same order.

use super::follow::Follows;
use super::link::Drafted;
use super::say::word;
use super::{Decision, Fate, RETIRE};
use crate::kind::AnyKind;
use crate::name::ResourceKey;
use crate::status::{ConditionType, Phase};
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeMap;

/// Takes back the deletion of what somebody stands on who is not gone yet, or who will not be when his delete call has
/// been answered, and of what goes by policy beyond the budget.
pub(super) fn hold(entries: &mut [Drafted<'_>], budget: u32) {
    keep_replaced(entries);
    if !entries.iter().any(is_deleted) {
        return;
    }
    let grounds = Grounds::new(entries);
    grounds.wait_for((0..entries.len()).filter(|i| stays(&entries[*i])).collect(), entries);
    let beyond = grounds.beyond(budget, entries);
    for &i in &beyond {
        let why = "The deletion budget of this hour ([safety] maxDeletesPerHour) is used up. It is deleted when the budget allows, \
                   or at once by DELETE with ?deletion=delete.";
        put_off(&mut entries[i], Decision::Hold, Phase::Blocked, why.to_owned());
    }
    grounds.wait_for(beyond, entries);
}

/// Takes back the deletion of what was replaced while something could not be read that may still refer to it.
fn keep_replaced(entries: &mut [Drafted<'_>]) {
    let is_retired = |entry: &Drafted<'_>| {
        let print = entry.decided.verdict.fingerprint.as_deref();
        !entry.decided.drafts.is_empty() && print.is_some_and(|print| print.starts_with(RETIRE))
    };
    for i in (0..entries.len()).filter(|i| is_retired(&entries[*i])).collect::<Vec<_>>() {
        let key = &entries[i].desired.key;
        let refers = |entry: &&Drafted<'_>| {
            entry.refs.iter().any(|target| target.key == *key && target.key != entry.desired.key)
        };
        let Some(unread) = entries.iter().filter(|entry| !entry.decided.verdict.observed).find(refers) else {
            continue;
        };
        let why = format!(
            "What it has taken the place of goes when nothing refers to it; {} could not be read.",
            unread.desired.key
        );
        put_off(&mut entries[i], Decision::Wait, Phase::Progressing, why);
    }
}

/// True if this plan deletes it.
fn is_deleted(entry: &Drafted<'_>) -> bool {
    entry.decided.verdict.decision == Decision::Delete
}

/// True if it will still be there when this plan has been carried out, or may be for all that is known: it is not to go,
/// or its deletion awaits approval, or something stands in the way of that.
fn stays(entry: &Drafted<'_>) -> bool {
    match entry.decided.verdict.decision {
        Decision::Gone => false,
        Decision::Delete => entry.kind.is_some_and(AnyKind::lingers),
        _ => true,
    }
}

/// What stands on what.
struct Grounds<'a> {
    follows: Follows<'a>,
    place: BTreeMap<&'a ResourceKey, usize>,
}

impl<'a> Grounds<'a> {
    fn new(entries: &[Drafted<'a>]) -> Self {
        let place = entries.iter().enumerate().map(|(i, entry)| (&entry.desired.key, i)).collect();
        Self { follows: Follows::new(entries), place }
    }

    /// What an entry stands on and what is deleted by this plan. What comes after something goes before it; what stays may
    /// do without.
    fn under(&self, holder: usize, entries: &[Drafted<'a>]) -> Vec<usize> {
        let entry = &entries[holder];
        let rules = entry.kind.filter(|_| entry.desired.fate != Fate::Keep).map_or(&[][..], AnyKind::follows);
        let refers = entry.refs.iter().filter(|target| !target.late).map(|target| &target.key);
        let all = refers.chain(self.follows.leaders(&entry.desired.key, rules));
        let goes = |i: &usize| *i != holder && is_deleted(&entries[*i]);
        all.filter_map(|key| self.place.get(key).copied()).filter(goes).collect()
    }

    /// Lets wait what `holders` stand on, and what that stands on.
    fn wait_for(&self, mut holders: Vec<usize>, entries: &mut [Drafted<'a>]) {
        while let Some(holder) = holders.pop() {
            for held in self.under(holder, entries) {
                let by = &entries[holder].desired;
                let why = match by.fate {
                    Fate::Keep => format!("It stays while {} refers to it.", by.key),
                    _ => format!("It is deleted when {} is gone.", by.key),
                };
                put_off(&mut entries[held], Decision::Wait, Phase::Deleting, why);
                holders.push(held);
            }
        }
    }

    /// What goes by policy and for which nothing of the budget is left, once all that stands on it has had its part.
    fn beyond(&self, budget: u32, entries: &[Drafted<'a>]) -> Vec<usize> {
        let by_policy = |i: &usize| is_deleted(&entries[*i]) && entries[*i].desired.fate == Fate::DeleteByPolicy;
        if (0..entries.len()).filter(by_policy).count() <= budget as usize {
            return Vec::new();
        }
        let goes = (0..entries.len()).filter(|i| is_deleted(&entries[*i]));
        let mut graph: DiGraph<usize, ()> = DiGraph::new();
        let node: BTreeMap<usize, NodeIndex> = goes.map(|i| (i, graph.add_node(i))).collect();
        for (&holder, &from) in &node {
            for held in self.under(holder, entries) {
                if let Some(&ground) = node.get(&held) {
                    graph.add_edge(ground, from, ());
                }
            }
        }
        let in_turn = petgraph::algo::tarjan_scc(&graph).into_iter().flatten().map(|n| graph[n]);
        in_turn.filter(by_policy).skip(budget as usize).collect()
    }
}

/// Does nothing about an entry in this plan, and says why. A failure to delete it earlier is not forgotten.
fn put_off(entry: &mut Drafted<'_>, decision: Decision, phase: Phase, why: String) {
    entry.decided.drafts.clear();
    let verdict = &mut entry.decided.verdict;
    (verdict.decision, verdict.phase) = (decision, phase);
    for synced in verdict.conditions.iter_mut().filter(|c| c.kind == ConditionType::Synced) {
        word(decision).clone_into(&mut synced.reason);
        synced.message.clone_from(&why);
    }
    verdict.reason = why;
}
