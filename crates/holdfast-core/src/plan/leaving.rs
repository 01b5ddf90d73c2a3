//! What is on its way out holds on to what it stands on: AWS refuses to delete that before, or takes it away from under
//! it. So it waits, and goes in a later pass. What goes by policy takes of the deletion budget in the same order.

use super::follow::Follows;
use super::link::Drafted;
use super::say::{NOT_OURS, word};
use super::unseen::Unseen;
use super::{Decision, Fate, RETIRE};
use crate::cloud::ErrorClass;
use crate::kind::AnyKind;
use crate::name::ResourceKey;
use crate::observe::Observation;
use crate::status::{ConditionType, Phase};
use crate::uses;
use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Takes back the deletion of what somebody stands on who is not gone yet, or who will not be when his delete call has
/// been answered, and of what goes by policy beyond the budget.
pub(super) fn hold(entries: &mut [Drafted<'_>], unseen: &Unseen<'_>, budget: u32) {
    keep_used(entries, unseen);
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

/// Takes back the deletion of what something refers to that is not as declared yet, or did when it was last seen and could
/// not be read now: AWS does not refuse everywhere.
fn keep_used(entries: &mut [Drafted<'_>], unseen: &Unseen<'_>) {
    let going: Vec<usize> = (0..entries.len()).filter(|i| going(&entries[*i]).is_some()).collect();
    if going.is_empty() {
        return;
    }
    let users = Users::new(entries, unseen);
    // What cannot be made may be kept from it by what is to go: the name, the address range, the place is taken.
    let unmade = entries.iter().filter(|entry| cannot_be_made(entry));
    let in_the_way: BTreeSet<String> = unmade.map(|entry| entry.desired.key.kind.clone()).collect();
    for i in going {
        let entry = &mut entries[i];
        let Some((thing, retired)) = self::going(entry) else { continue };
        let own = &entry.desired.key;
        if !retired && in_the_way.contains(own.kind.as_str()) {
            continue;
        }
        let user = entry.kind.and_then(|kind| users.of(kind, thing, own, entry.desired.fate.is_by_name()));
        let Some(user) = user.or_else(|| users.who_may(own).filter(|_| retired)) else { continue };
        let phase = if retired { Phase::Progressing } else { Phase::Deleting };
        let what = if retired { "What it has taken the place of" } else { "It" };
        put_off(entry, Decision::Wait, phase, format!("{what} stays while {user}."));
    }
}

/// True if it is declared and not there, and its place is taken: by a thing of its name, or by what AWS says.
fn cannot_be_made(entry: &Drafted<'_>) -> bool {
    let refused = entry.memory.failure.as_ref().is_some_and(|failure| failure.error.class == ErrorClass::Conflict);
    let taken = refused || entry.decided.verdict.reason.starts_with(NOT_OURS);
    entry.desired.fate == Fate::Keep && entry.live.is_none() && taken
}

/// The live thing that this plan deletes because of an entry, and whether another one has taken its place.
fn going<'a>(entry: &Drafted<'a>) -> Option<(&'a Observation, bool)> {
    let print = entry.decided.verdict.fingerprint.as_deref().filter(|_| !entry.decided.drafts.is_empty());
    match print.and_then(|print| print.strip_prefix(RETIRE)) {
        Some(old) => entry.beside.iter().find(|other| other.id == old).map(|other| (other.as_ref(), true)),
        None => entry.live.filter(|_| is_deleted(entry)).map(|live| (live, false)),
    }
}

/// Who refers to what, where that is about to change or cannot be seen.
struct Users<'a> {
    texts: BTreeMap<String, Vec<Use<'a>>>,
    /// By what they are declared to refer to: those of which nothing else is known.
    blank: BTreeMap<&'a ResourceKey, &'a ResourceKey>,
}

/// A place that bears a text.
struct Use<'a> {
    by: &'a ResourceKey,
    at: String,
    seen: bool,
    /// This plan does something about it.
    moves: bool,
}

impl<'a> Users<'a> {
    fn new(entries: &[Drafted<'a>], unseen: &Unseen<'a>) -> Self {
        let mut users = Self { texts: BTreeMap::new(), blank: BTreeMap::new() };
        let blank: BTreeSet<&ResourceKey> = unseen.blank().collect();
        for entry in entries.iter().filter(|entry| blank.contains(&entry.desired.key)) {
            users.blank.extend(entry.refs.iter().map(|target| (&target.key, &entry.desired.key)));
        }
        unseen.each(|by, fields| users.add(by, fields, (false, false)));
        // What is as declared refers to nothing that anybody would change: AWS says whether that matters.
        let moves = |entry: &&Drafted<'a>| {
            let as_is = matches!(entry.decided.verdict.decision, Decision::InSync | Decision::Report);
            entry.desired.fate == Fate::Keep && !as_is
        };
        for entry in entries.iter().filter(moves) {
            if let Some(live) = entry.live {
                users.add(&entry.desired.key, &live.fields, (true, !entry.decided.drafts.is_empty()));
            }
        }
        users
    }

    fn add(&mut self, by: &'a ResourceKey, fields: &Value, (seen, moves): (bool, bool)) {
        uses::each_text(fields, "", &mut |at, text| {
            self.texts.entry(text.to_owned()).or_default().push(Use { by, at: at.to_owned(), seen, moves });
        });
    }

    /// Who refers to `thing`, which is live of `own` and of kind `of`: in words. Where a person asked `by_name`, only who is on
    /// the way elsewhere, or may be.
    fn of(&self, of: &dyn AnyKind, thing: &Observation, own: &ResourceKey, by_name: bool) -> Option<String> {
        let known = uses::names(Some(of), thing).into_iter().find_map(|name| {
            let counts = |user: &Use<'_>| user.by != own && (user.moves || !user.seen || !by_name);
            let refers = |user: &&Use<'_>| counts(user) && uses::refers(Some(of), name, &user.by.kind, &user.at);
            self.texts.get(name)?.iter().find(refers)
        });
        match known? {
            Use { by, at, seen: true, .. } => Some(format!("{by} refers to it at {at}")),
            Use { by, at, seen: false, .. } => Some(format!("{by}, which referred to it at {at}, cannot be read")),
        }
    }

    /// Who is declared to refer to a resource, while nothing else is known of him: in words.
    fn who_may(&self, own: &ResourceKey) -> Option<String> {
        self.blank.get(own).map(|by| format!("{by}, which may refer to it, cannot be read"))
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
