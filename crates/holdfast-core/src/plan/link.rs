//! Gives the steps their numbers and their order: creates along the references, deletes against them and last.

use super::build::Target;
use super::decide::Decided;
use super::follow::Follows;
use super::unseen::Unseen;
use super::{Decision, Desired, Memory, Plan, RETIRE, Step, Verb, leaving, sequence};
use crate::facts::Severity;
use crate::kind::{AnyAction, AnyKind};
use crate::name::ResourceKey;
use crate::observe::Observation;
use crate::panic::contained;
use crate::reference;
use crate::status::{Change, Phase};
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A decided resource, on its way into the plan.
pub(super) struct Drafted<'a> {
    pub(super) desired: &'a Arc<Desired>,
    pub(super) kind: Option<&'a dyn AnyKind>,
    pub(super) refs: &'a [Target],
    /// What is live of it.
    pub(super) live: Option<&'a Observation>,
    pub(super) memory: &'a Memory,
    /// Other live things with the same owner tag.
    pub(super) beside: &'a [&'a Arc<Observation>],
    pub(super) decided: Box<Decided>,
}

/// Indices in an order that puts the referred before the referring. References through late fields do not
/// count; validation has refused all other circles, and where one stands nevertheless its members keep key order.
pub(super) fn order(desired: &[Arc<Desired>], refs: &[Vec<Target>]) -> Vec<usize> {
    let mut graph: DiGraph<usize, ()> = DiGraph::with_capacity(desired.len(), desired.len());
    // The last added come first out of a depth-first order; adding in reverse key order keeps it by key.
    let mut keys: Vec<usize> = (0..desired.len()).collect();
    keys.sort_by(|a, b| desired[*b].key.cmp(&desired[*a].key));
    let mut node = vec![NodeIndex::end(); desired.len()];
    for i in keys {
        node[i] = graph.add_node(i);
    }
    for (i, list) in refs.iter().enumerate() {
        for target in list.iter().filter(|t| !t.late) {
            if let Some(j) = target.place.filter(|j| *j != i) {
                graph.add_edge(node[j], node[i], ());
            }
        }
    }
    petgraph::algo::tarjan_scc(&graph).into_iter().rev().flatten().map(|n| graph[n]).collect()
}

/// Numbers, links and sorts the steps, and lets go of those whose needs nobody meets. Without a deletion budget, nothing
/// stands in the way of a deletion.
pub(super) fn link(mut entries: Vec<Drafted<'_>>, unseen: &Unseen<'_>, budget: Option<u32>) -> Plan {
    if let Some(budget) = budget {
        leaving::hold(&mut entries, unseen, budget);
    }
    let mut linker = Linker::default();
    for entry in &entries {
        linker.number(entry);
    }
    linker.join_siblings(&entries);
    let follows = Follows::new(&entries);
    linker.need_outputs(&follows);
    linker.need_followed(&entries, &follows);
    linker.delete_in_reverse(&entries, &follows);
    let blocked = linker.drop_unmet();
    let mut verdicts: Vec<_> = entries.into_iter().map(|e| e.decided.verdict).collect();
    for verdict in &mut verdicts {
        if let Some(why) = blocked.get(&verdict.key) {
            let left = linker.steps.iter().any(|s| s.key == verdict.key);
            verdict.reason.clone_from(why);
            if !left {
                verdict.decision = Decision::Blocked;
                verdict.phase = Phase::Blocked;
            }
            for c in
                verdict.conditions.iter_mut().filter(|c| c.kind == crate::status::ConditionType::ReferencesResolved)
            {
                c.status = crate::status::Truth::False;
                "Waiting".clone_into(&mut c.reason);
                c.message.clone_from(why);
            }
        }
    }
    verdicts.sort_by(|a, b| a.key.cmp(&b.key));
    Plan { steps: sequence::sorted(linker.steps, &linker.exposed), verdicts, ..Plan::default() }
}

#[derive(Default)]
struct Linker {
    steps: Vec<Step>,
    /// Which step makes or renews an output.
    makers: BTreeMap<(ResourceKey, Option<String>), u32>,
    /// Steps that close an exposure.
    exposed: BTreeSet<u32>,
    /// The last step of what is replaced: whoever moves over to the new one waits until it is whole.
    replaced: BTreeMap<ResourceKey, u32>,
}

impl Linker {
    fn number(&mut self, entry: &Drafted<'_>) {
        let mut previous: Option<u32> = None;
        let verdict = &entry.decided.verdict;
        let retired = verdict.fingerprint.as_deref().and_then(|f| f.strip_prefix(RETIRE));
        let target = retired.map(str::to_owned).or_else(|| verdict.id.clone());
        for (verb, draft) in &entry.decided.drafts {
            let id = self.steps.len() as u32 + 1;
            let key = entry.desired.key.clone();
            if *verb == Verb::Create && previous.is_none() {
                self.makers.insert((key.clone(), None), id);
            }
            for output in draft.renews {
                self.makers.insert((key.clone(), Some((*output).to_owned())), id);
            }
            // A thing that is missing has one difference, and its create heals it.
            let whole = verdict.diffs.iter().any(|d| d.change == Change::Missing) && previous.is_none();
            let heals = if whole && draft.heals.is_empty() { vec![String::new()] } else { draft.heals.clone() };
            if verdict.diffs.iter().any(|d| d.severity == Severity::Exposure && heals.contains(&d.path)) {
                self.exposed.insert(id);
            }
            self.steps.push(Step {
                id,
                key,
                generation: entry.desired.generation,
                verb: if *verb == Verb::Create && previous.is_some() { Verb::Update } else { *verb },
                action: draft.action.json.clone(),
                text: draft.action.text.clone(),
                because: if draft.because.is_empty() {
                    "it was just created".to_owned()
                } else {
                    draft.because.clone()
                },
                heals,
                renews: draft.renews.iter().map(|s| (*s).to_owned()).collect(),
                needs: previous.into_iter().collect(),
                after: Vec::new(),
                target: target.clone().filter(|_| *verb != Verb::Create),
            });
            previous = Some(id);
        }
        if let (Decision::Replace, Some(last)) = (verdict.decision, previous) {
            self.replaced.insert(entry.desired.key.clone(), last);
        }
    }

    /// Lets each kind widen its actions by one another; every step stays a step of its own resource.
    fn join_siblings(&mut self, entries: &[Drafted<'_>]) {
        let kinds: BTreeMap<&str, &dyn AnyKind> =
            entries.iter().filter_map(|e| Some((e.kind?.name(), e.kind?))).collect();
        for (name, kind) in kinds {
            let mut siblings: Vec<&mut Step> = self.steps.iter_mut().filter(|s| s.key.kind == name).collect();
            if siblings.len() < 2 {
                continue;
            }
            let pair = |s: &&mut Step| AnyAction { json: s.action.clone(), text: s.text.clone() };
            let mut actions: Vec<AnyAction> = siblings.iter().map(pair).collect();
            // Where that panics, all stay as they are.
            let before = actions.clone();
            if contained(|| kind.together(&mut actions)).is_err() {
                actions = before;
            }
            for (step, action) in siblings.iter_mut().zip(actions) {
                (step.action, step.text) = (action.json, action.text);
            }
        }
    }

    /// The step that `step` waits for because it takes an output.
    fn maker(&self, step: &Step, key: &ResourceKey, output: &str) -> Option<u32> {
        // What is made now need not wait for the other to be whole, and two that are made now might for each other.
        let moves = step.verb == Verb::Update && !self.makers.contains_key(&(step.key.clone(), None));
        if let Some(last) = self.replaced.get(key).filter(|_| moves) {
            return Some(*last);
        }
        let renewed = self.makers.get(&(key.clone(), Some(output.to_owned())));
        renewed.or_else(|| self.makers.get(&(key.clone(), None))).copied()
    }

    /// A step that still holds references needs the steps that make them.
    fn need_outputs(&mut self, follows: &Follows<'_>) {
        for i in 0..self.steps.len() {
            let declared = follows.refs(&self.steps[i].key);
            let mut needs = self.steps[i].needs.clone();
            reference::each(
                &self.steps[i].action,
                "",
                &mut |_, r| {
                    let Some((key, output)) = r.target(&self.steps[i].key.stack) else { return };
                    // A literal that only looks like a reference was never declared as one.
                    let own = key == self.steps[i].key;
                    if own || declared.iter().any(|t| t.key == key) {
                        needs.push(self.maker(&self.steps[i], &key, output).unwrap_or(UNMET));
                    }
                },
                &mut Vec::new(),
            );
            needs.retain(|n| *n != self.steps[i].id);
            needs.sort_unstable();
            needs.dedup();
            self.steps[i].needs = needs;
        }
    }

    /// What is made comes after all steps that make what it follows, and what moves to something that is made in this
    /// plan comes after the moves of what it follows.
    fn need_followed(&mut self, entries: &[Drafted<'_>], follows: &Follows<'_>) {
        let mut made: BTreeMap<ResourceKey, u32> = BTreeMap::new();
        let mut moved: BTreeMap<ResourceKey, u32> = BTreeMap::new();
        for step in &self.steps {
            if step.verb == Verb::Create || made.contains_key(&step.key) {
                made.insert(step.key.clone(), step.id);
            } else if moves(step) {
                moved.insert(step.key.clone(), step.id);
            }
        }
        for entry in entries {
            let (key, rules) = (&entry.desired.key, entry.kind.map_or(&[][..], AnyKind::follows));
            let (is_made, is_moved) = (made.contains_key(key), moved.contains_key(key));
            if rules.is_empty() || !(is_made || is_moved) {
                continue;
            }
            let leaders = follows.leaders(key, rules);
            let before = |led: bool, steps: &BTreeMap<ResourceKey, u32>| -> Vec<u32> {
                leaders.iter().filter(|_| led).filter_map(|k| steps.get(*k).copied()).collect()
            };
            let (create, update) = (before(is_made, &made), before(is_moved, &moved));
            if create.is_empty() && update.is_empty() {
                continue;
            }
            for step in self.steps.iter_mut().filter(|s| s.key == *key) {
                match step.verb {
                    Verb::Create => step.needs.extend(&create),
                    _ if moves(step) => step.needs.extend(&update),
                    _ => continue,
                }
                step.needs.sort_unstable();
                step.needs.dedup();
            }
        }
    }

    /// What refers goes before what it refers to; through a late field, only its stripping must go before.
    fn delete_in_reverse(&mut self, entries: &[Drafted<'_>], follows: &Follows<'_>) {
        let mut chains: BTreeMap<&ResourceKey, Vec<u32>> = BTreeMap::new();
        for entry in entries {
            let mine = |s: &&Step| s.verb == Verb::Delete && s.key == entry.desired.key;
            if entry.decided.verdict.decision == Decision::Delete {
                chains.insert(&entry.desired.key, self.steps.iter().filter(mine).map(|s| s.id).collect());
            }
        }
        if chains.is_empty() {
            return;
        }
        let mut edges: Vec<(u32, u32)> = Vec::new();
        for entry in entries {
            let key = &entry.desired.key;
            let Some(own) = chains.get(key) else { continue };
            for target in entry.refs {
                // A chain that strips nothing holds nothing through a late field any more: two that refer to each other
                // would wait for each other for ever if an earlier pass had stripped them already.
                let before = if target.late { own.iter().rev().nth(1) } else { own.last() };
                let Some(before) = before.copied() else { continue };
                if let Some(last) = chains.get(&target.key).filter(|_| target.key != *key).and_then(|c| c.last()) {
                    edges.push((before, *last));
                }
            }
            for leader in follows.leaders(key, entry.kind.map_or(&[][..], AnyKind::follows)) {
                if let (Some(first), Some(last)) = (chains.get(leader).and_then(|c| c.first()), own.last()) {
                    edges.push((*last, *first));
                }
            }
        }
        let deletes: BTreeSet<u32> = chains.into_values().flatten().collect();
        for (before, then) in edges {
            let step = &mut self.steps[then as usize - 1];
            step.needs.push(before);
            step.needs.sort_unstable();
            step.needs.dedup();
        }
        let makes: Vec<(String, u32)> =
            self.steps.iter().filter(|s| !deletes.contains(&s.id)).map(|s| (s.key.stack.clone(), s.id)).collect();
        for step in self.steps.iter_mut().filter(|s| deletes.contains(&s.id) && s.needs.is_empty()) {
            step.after = makes.iter().filter(|(stack, _)| *stack == step.key.stack).map(|(_, id)| *id).collect();
        }
    }

    /// Drops steps that need what nobody makes, and what needs them; says why.
    fn drop_unmet(&mut self) -> BTreeMap<ResourceKey, String> {
        let mut why = BTreeMap::new();
        let mut dead: BTreeSet<u32> = BTreeSet::from([UNMET]);
        loop {
            let more: Vec<u32> = self
                .steps
                .iter()
                .filter(|s| !dead.contains(&s.id) && s.needs.iter().any(|n| dead.contains(n)))
                .map(|s| s.id)
                .collect();
            if more.is_empty() {
                break;
            }
            for id in more {
                let step = &self.steps[id as usize - 1];
                why.entry(step.key.clone()).or_insert_with(|| {
                    format!("\"{}\" waits: it refers to something that is not made in this pass.", step.text)
                });
                dead.insert(id);
            }
        }
        self.steps.retain(|s| !dead.contains(&s.id));
        for step in &mut self.steps {
            step.after.retain(|a| !dead.contains(a));
        }
        why
    }
}

/// A need that no step meets.
const UNMET: u32 = 0;

/// True if a step changes something so that it refers to what another step makes.
fn moves(step: &Step) -> bool {
    step.verb == Verb::Update && !step.needs.is_empty()
}
