//! References between resources: dangling ones, circles, and rules across resources.

use super::{Batch, Candidate, Sight};
use crate::kind::AnyKind;
use crate::name::ResourceKey;
use crate::problem::{SpecError, did_you_mean};
use crate::reference::{self, Reference};
use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where a reference stands in a spec, and what it names.
type Link = (String, ResourceKey, String);

/// All references of a spec to outputs. Malformed ones have been reported when variables were filled in.
fn links(spec: &Value, stack: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut visit = |at: &str, reference: &Reference| {
        if let Some((key, output)) = reference.target(stack) {
            links.push((at.to_owned(), key, output.to_owned()));
        }
    };
    reference::each(spec, "", &mut visit, &mut Vec::new());
    links
}

impl Batch<'_> {
    pub(super) fn check_references(&mut self) {
        let mut found = Vec::new();
        for candidate in self.resources.iter().filter(|c| c.declared) {
            for (at, key, output) in links(&candidate.document_spec, &candidate.key.stack) {
                if let Some((code, message)) = self.is_wrong(&candidate.key, &key, &output) {
                    found.push(candidate.blame(SpecError::new(at, code, message)));
                }
            }
            found.extend(self.check_beside(candidate).into_iter().map(|e| candidate.blame(e)));
        }
        self.errors.extend(found);
        self.errors.extend(self.circles());
    }

    /// What is wrong with a spec beside others.
    fn check_beside(&self, candidate: &Candidate<'_>) -> Vec<SpecError> {
        let Some(kind) = candidate.kind else { return Vec::new() };
        let rules = |spec: &Value| kind.validate_with(spec, &|key| self.spec_of(key), &candidate.key.stack);
        match (&candidate.unusable, self.world.validators.of(kind)) {
            (Some(places), Some(checker)) => places.around(&candidate.spec, &checker.shape(), rules),
            _ => rules(&candidate.spec),
        }
    }

    /// What is wrong with a reference to an output.
    fn is_wrong(&self, from: &ResourceKey, to: &ResourceKey, output: &str) -> Option<(&'static str, String)> {
        let Some(kind) = self.world.registry.get(&to.kind) else {
            let near = did_you_mean(&to.kind, self.world.registry.names());
            return Some((
                "unknown-kind",
                format!("The reference names the kind \"{}\", which there is not.{near}", to.kind),
            ));
        };
        if !self.index.contains_key(to) && self.stored(to).is_none() {
            return self.dangles(from, to);
        }
        let outputs = || kind.outputs().iter().map(|o| o.name);
        if outputs().any(|o| o == output) {
            let why = kind.withholds(&self.spec_of(to)?, output)?;
            return Some((
                "withheld-output",
                format!("{}/{} never has the output \"{output}\": {why}.", to.kind, to.name),
            ));
        }
        let near = did_you_mean(output, outputs());
        let list = outputs().collect::<Vec<_>>().join(", ");
        Some(("unknown-output", format!("{} has no output \"{output}\".{near} There are: {list}.", to.kind)))
    }

    fn dangles(&self, from: &ResourceKey, to: &ResourceKey) -> Option<(&'static str, String)> {
        let declared_here = self.stacks.get(&to.stack).is_some_and(|s| s.pointer.is_some());
        if self.sight == Sight::Part || self.sight == Sight::Body && !declared_here {
            return None;
        }
        let mut stacks = self.world.stored.stacks();
        stacks.extend(self.stacks.keys().cloned());
        if !stacks.contains(&to.stack) {
            let near = did_you_mean(&to.stack, stacks.iter().map(String::as_str));
            return Some((
                "unknown-stack",
                format!("There is no stack \"{}\".{near} Apply that stack first.", to.stack),
            ));
        }
        let going = self.world.stored.resource(to).is_some();
        if going {
            return Some((
                "dangling-reference",
                format!("{to} is going away, so it cannot be referred to. Declare it, or take the reference out."),
            ));
        }
        let known = self.declared_in(&to.stack);
        let alike: Vec<&str> = known.iter().filter(|k| k.kind == to.kind).map(|k| k.name.as_str()).collect();
        let near = did_you_mean(&to.name, alike.iter().copied());
        let hint = if !near.is_empty() {
            near
        } else if let Some(other) = known.iter().find(|k| k.name == to.name && *k != from) {
            format!(" Did you mean \"{}/{}\"?", other.kind, other.name)
        } else if alike.is_empty() {
            format!(" The stack declares no {}.", to.kind)
        } else {
            let more = if alike.len() > 10 { ", …" } else { "" };
            format!(" It declares: {}{more}.", alike.into_iter().take(10).collect::<Vec<_>>().join(", "))
        };
        let message = format!("The stack \"{}\" declares no {}/{}.{hint}", to.stack, to.kind, to.name);
        Some(("dangling-reference", message))
    }

    /// The keys that a stack declares once the body is stored.
    fn declared_in(&self, stack: &str) -> BTreeSet<ResourceKey> {
        let mut keys: BTreeSet<ResourceKey> = self.index.keys().filter(|k| k.stack == stack).cloned().collect();
        if !self.is_pruned(stack) {
            let stored = self.world.stored.resources_of(stack).into_iter();
            keys.extend(stored.filter(|r| !r.deleting).map(|r| r.key));
        }
        keys
    }

    /// Circles of references that cannot be made, because none of them runs through a field that can be filled in
    /// after the create. One error a circle, at one of its references in the body.
    fn circles(&self) -> Vec<SpecError> {
        let needs = Needs::of(self);
        let mut errors = Vec::new();
        for group in petgraph::algo::kosaraju_scc(&needs.graph) {
            if let [one] = group.as_slice()
                && !needs.graph.contains_edge(*one, *one)
            {
                continue;
            }
            let own = group.iter().filter_map(|n| Some((self.index.get(&needs.graph[*n])?, *n)));
            let Some((at, start)) = own.filter(|(at, _)| self.resources[**at].declared).min() else { continue };
            let Some(circle) = needs.circle(start) else { continue };
            let names: Vec<String> =
                circle.iter().map(|n| self.name_in(&self.resources[*at].key, &needs.graph[*n])).collect();
            let Some(edge) = circle.get(1).and_then(|next| needs.graph.find_edge(start, *next)) else { continue };
            let message = if circle.len() == 2 {
                format!("{} refers to itself, so it could never be made. Take the reference out.", names[0])
            } else {
                format!(
                    "These need each other to be made first: {}. Take one of the references out, or move it to a field \
                     that can be filled in later.",
                    names.join(" → ")
                )
            };
            let error = SpecError::new(needs.graph[edge].clone(), "reference-cycle", message);
            errors.push(self.resources[*at].blame(error));
        }
        errors
    }

    fn name_in(&self, from: &ResourceKey, key: &ResourceKey) -> String {
        if from.stack == key.stack {
            format!("{}/{}", key.kind, key.name)
        } else {
            format!("{}:{}/{}", key.stack, key.kind, key.name)
        }
    }
}

/// Who must be made before whom: an edge goes from a resource to what it needs, with the pointer of the reference.
struct Needs {
    graph: DiGraph<ResourceKey, String>,
}

impl Needs {
    /// All that the body's resources need, over as many stored ones as the references run through.
    fn of(batch: &Batch<'_>) -> Self {
        let mut graph = DiGraph::new();
        let mut nodes: BTreeMap<ResourceKey, NodeIndex> = BTreeMap::new();
        let mut open: VecDeque<ResourceKey> = batch.resources.iter().map(|c| c.key.clone()).collect();
        for key in &open {
            nodes.insert(key.clone(), graph.add_node(key.clone()));
        }
        while let Some(key) = open.pop_front() {
            let from = nodes[&key];
            for (at, to) in needed(batch, &key) {
                let node = *nodes.entry(to.clone()).or_insert_with(|| {
                    open.push_back(to.clone());
                    graph.add_node(to)
                });
                if !graph.contains_edge(from, node) {
                    graph.add_edge(from, node, at);
                }
            }
        }
        Self { graph }
    }

    /// The shortest way from a node back to itself, both ends included.
    fn circle(&self, start: NodeIndex) -> Option<Vec<NodeIndex>> {
        let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(node) = open.pop_front() {
            // Neighbours come newest first; sorted, the same body always names the same circle.
            let next: BTreeSet<NodeIndex> = self.graph.neighbors(node).collect();
            for to in next {
                if to == start {
                    let mut way = vec![start, node];
                    while let Some(before) = way.last().filter(|n| **n != start).and_then(|n| came_from.get(n)) {
                        way.push(*before);
                    }
                    way.reverse();
                    return Some(way);
                }
                came_from.entry(to).or_insert_with(|| {
                    open.push_back(to);
                    node
                });
            }
        }
        None
    }
}

/// What a resource needs before it can be made, with the pointer of each reference.
fn needed(batch: &Batch<'_>, key: &ResourceKey) -> Vec<(String, ResourceKey)> {
    let stored;
    let spec = match batch.index.get(key) {
        Some(at) => &batch.resources[*at].document_spec,
        None => match batch.stored(key) {
            Some(found) => {
                stored = found.spec;
                &stored
            }
            None => return Vec::new(),
        },
    };
    let kind: Option<&dyn AnyKind> = batch.world.registry.get(&key.kind);
    let late = |at: &str| kind.is_some_and(|k| k.facts().any_above(at, |f| f.late));
    let links = links(spec, &key.stack).into_iter();
    links.filter(|(at, _, _)| !late(at)).map(|(at, to, _)| (at, to)).collect()
}
