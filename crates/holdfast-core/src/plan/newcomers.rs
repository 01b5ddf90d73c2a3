//! Fields that AWS has begun to show of every thing of a kind at once: new defaults, and nobody's drift.
//!
//! When AWS gives a kind a new member, every live thing of that kind has it from one sweep to the next, with one value.
//! That is told once, as a proposal for the table of defaults, and becomes part of what each thing is held against.
//! What one person changes on one thing never looks like that. Tags, exposures, values that changed and fields whose
//! default is known are left out: nothing of AWS's growing looks like them.

use super::{Input, Memory, Plan, Proposal, Verdict};
use crate::compare::is_extra_member;
use crate::facts::Severity;
use crate::kept::Kept;
use crate::kind::AnyKind;
use crate::name::ResourceKey;
use crate::pointer::segments;
use crate::status::{Change, FieldDiff};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// So many things of a kind must begin to show it at once, and none of the others may be without it.
const ENOUGH: usize = 3;

/// New fields by kind, place and value.
#[derive(Debug, Default)]
pub(super) struct Newcomers(BTreeSet<(String, String, String)>);

impl Newcomers {
    /// True if a difference is one of them.
    pub(super) fn has(&self, kind: &str, diff: &FieldDiff) -> bool {
        !self.0.is_empty()
            && is_newcomer(diff)
            && self.0.contains(&(kind.to_owned(), place(&diff.path), diff.live.to_string()))
    }

    /// True if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Finds them in what was decided of all resources.
pub(super) fn find(input: &Input<'_>, verdicts: &[Verdict]) -> Newcomers {
    let mut showing: BTreeMap<(&str, String, String), BTreeSet<&ResourceKey>> = BTreeMap::new();
    // Only where it is known what was there before can a field have appeared.
    let was_in_sync = |v: &&Verdict| input.memory.get(&v.key).is_some_and(|m| m.baseline.is_some());
    for verdict in verdicts.iter().filter(|v| is_seen(v)).filter(was_in_sync) {
        for diff in verdict.diffs.iter().filter(|d| is_newcomer(d)) {
            let what = (verdict.key.kind.as_str(), place(&diff.path), diff.live.to_string());
            showing.entry(what).or_default().insert(&verdict.key);
        }
    }
    let found = showing.into_iter().filter(|((kind, place, value), shown)| {
        let facts = input.registry.get(kind).map(AnyKind::facts);
        let has_no_default = facts.is_some_and(|f| f.at(place).field().is_none_or(|f| !f.has_default()));
        let mut others = verdicts.iter().filter(|v| v.key.kind == *kind && is_seen(v) && !shown.contains(&v.key));
        shown.len() >= ENOUGH && has_no_default && others.all(|v| !lacks(input.memory.get(&v.key), place, value))
    });
    Newcomers(found.map(|((kind, place, value), _)| (kind.to_owned(), place, value)).collect())
}

fn is_seen(verdict: &Verdict) -> bool {
    verdict.observed && verdict.id.is_some()
}

/// True if a thing is known to have room for the field and does not have it. One that was never in sync says nothing.
fn lacks(memory: Option<&Memory>, place: &str, value: &str) -> bool {
    let Some(baseline) = memory.and_then(|m| m.baseline.as_ref()).map(Kept::value) else { return false };
    let Some((front, key)) = place.rsplit_once('/') else { return false };
    let (key, value) = (crate::pointer::unescape(key), serde_json::from_str::<Value>(value).unwrap_or_default());
    let mut homes = vec![&baseline];
    for segment in segments(front) {
        homes = homes.into_iter().flat_map(|home| inside(home, &segment)).collect();
    }
    !homes.is_empty() && !homes.iter().any(|home| home.get(&key).is_some_and(|v| *v == value))
}

fn inside<'v>(home: &'v Value, segment: &str) -> Vec<&'v Value> {
    match home {
        Value::Array(items) if segment == "*" => items.iter().collect(),
        other => other.get(segment).into_iter().collect(),
    }
}

/// The proposals that a plan's verdicts amount to.
pub(super) fn propose(mut plan: Plan) -> Plan {
    let mut proposals: BTreeMap<(&str, String, String), Proposal> = BTreeMap::new();
    for verdict in &plan.verdicts {
        for diff in &verdict.learned {
            let (kind, path) = (verdict.key.kind.as_str(), place(&diff.path));
            let proposal = proposals.entry((kind, path.clone(), diff.live.to_string())).or_insert_with(|| Proposal {
                kind: kind.to_owned(),
                path,
                value: diff.live.clone(),
                resources: Vec::new(),
            });
            if proposal.resources.last() != Some(&verdict.key) {
                proposal.resources.push(verdict.key.clone());
            }
        }
    }
    plan.proposals = proposals.into_values().collect();
    plan
}

fn is_newcomer(diff: &FieldDiff) -> bool {
    let appeared = diff.change == Change::Undeclared && diff.last_written.is_null() && diff.live != Value::Null;
    (appeared || is_extra_member(diff)) && diff.severity != Severity::Exposure && !diff.path.starts_with("/tags")
}

/// A path with `*` for every place in a list.
fn place(path: &str) -> String {
    let star = |s: String| if s.bytes().all(|b| b.is_ascii_digit()) { "*".to_owned() } else { s };
    segments(path).map(|s| format!("/{}", crate::pointer::escape(&star(s)))).collect()
}
