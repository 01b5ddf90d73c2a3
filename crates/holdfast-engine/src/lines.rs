//! The steps of a plan that may begin, in a line for each of AWS's buckets: no bucket's line holds up another's, and
//! who goes first is decided when the bucket has room.

use crate::meter::limits;
use holdfast_core::facts::Severity;
use holdfast_core::kind::Registry;
use holdfast_core::operation;
use holdfast_core::plan::{Plan, Step, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// What a line is called: the narrowest bucket that its steps draw on, or the kind where that cannot be told.
pub(crate) type LineName = &'static str;

/// How much a step matters: the first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Somebody may get in who should not.
    Exposed,
    /// A person has just changed the declaration.
    Declared,
    /// It is on its way: an earlier pass has begun with it.
    Moving,
    /// All else.
    Rest,
}

impl Rank {
    /// Of a resource. `begun` says whether an earlier pass wrote for the very same differences.
    pub(crate) fn of(verdict: Option<&Verdict>, begun: bool) -> Self {
        match verdict {
            Some(verdict) if is_exposed(verdict) => Self::Exposed,
            Some(verdict) if !verdict.is_drift || !verdict.news.is_empty() => Self::Declared,
            _ if begun => Self::Moving,
            _ => Self::Rest,
        }
    }
}

/// True if the drift of a resource may let somebody in who should not.
pub(crate) fn is_exposed(verdict: &Verdict) -> bool {
    verdict.is_drift && verdict.diffs.iter().any(|d| d.severity == Severity::Exposure && verdict.is_drift_at(d))
}

/// All lines of a plan.
#[derive(Debug, Default)]
pub(crate) struct Lines<'a> {
    lines: BTreeMap<LineName, Line<'a>>,
}

#[derive(Debug, Default)]
struct Line<'a> {
    /// An operation that draws on the bucket; none if that cannot be told, and then nobody paces the line.
    operation: Option<&'static str>,
    free: BTreeMap<(Rank, &'a str), BTreeSet<usize>>,
    /// How many of each stack have gone already.
    gone: BTreeMap<&'a str, usize>,
    running: usize,
    waiting: bool,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stand {
    pub(crate) line: LineName,
    operation: Option<&'static str>,
    rank: Rank,
}

impl Stand {
    /// Of a step of a rank.
    pub(crate) fn of(registry: &Registry, step: &Step, rank: Rank) -> Self {
        let kind = registry.get(&step.key.kind);
        let operation = kind.and_then(|kind| operation::of(kind, &step.action));
        let bucket = operation.and_then(|o| o.split_once(':')).and_then(|(s, o)| limits(s, o).last().map(|l| l.name));
        let line = bucket.or(kind.map(|kind| kind.name())).unwrap_or_default();
        Self { line, operation, rank }
    }
}

impl<'a> Lines<'a> {
    /// A step may begin.
    pub(crate) fn free(&mut self, plan: &'a Plan, i: usize, stand: Stand) {
        let line = self.lines.entry(stand.line).or_default();
        line.operation = line.operation.or(stand.operation);
        line.free.entry((stand.rank, plan.steps[i].key.stack.as_str())).or_default().insert(i);
    }

    /// The lines in which somebody waits, nobody stands at the head yet and fewer than `most` steps are under way,
    /// each with an operation of its bucket. From now on somebody stands at their heads.
    pub(crate) fn ask(&mut self, most: usize) -> Vec<(LineName, Option<&'static str>)> {
        let open = |line: &Line<'_>| !line.waiting && !line.free.is_empty() && line.running < most.max(1);
        let lines = self.lines.iter_mut().filter(|(_, line)| open(line));
        let waiting = lines.map(|(name, line)| {
            line.waiting = true;
            (line.free.values().flatten().min().copied(), *name, line.operation)
        });
        // Where nothing has to wait, the steps go in the order of the plan.
        let mut ask: Vec<_> = waiting.collect();
        ask.sort_unstable();
        ask.into_iter().map(|(_, name, operation)| (name, operation)).collect()
    }

    /// The bucket of a line has room: nobody stands at its head any more.
    pub(crate) fn turn(&mut self, name: LineName) {
        if let Some(line) = self.lines.get_mut(name) {
            line.waiting = false;
        }
    }

    /// Takes the step of a line that goes next: what matters most, then of the stack of which the fewest have gone.
    pub(crate) fn next(&mut self, name: LineName) -> Option<usize> {
        let line = self.lines.get_mut(name)?;
        let gone = |stack: &str| line.gone.get(stack).copied().unwrap_or(0);
        let first = line.free.keys().min_by_key(|(rank, stack)| (*rank, gone(stack), *stack)).copied()?;
        let steps = line.free.get_mut(&first)?;
        let i = steps.pop_first();
        if steps.is_empty() {
            line.free.remove(&first);
        }
        *line.gone.entry(first.1).or_default() += 1;
        i
    }

    /// A step of a line is under way.
    pub(crate) fn begun(&mut self, name: LineName) {
        if let Some(line) = self.lines.get_mut(name) {
            line.running += 1;
        }
    }

    /// A step of a line has ended.
    pub(crate) fn ended(&mut self, name: LineName) {
        if let Some(line) = self.lines.get_mut(name) {
            line.running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn verdict(is_drift: bool, severity: &str) -> Verdict {
        let diff = json!({ "path": "/x", "change": "changed", "desired": 1, "live": 2, "severity": severity });
        let told = json!({
            "key": { "stack": "s", "kind": "Box", "name": "a" }, "generation": 1, "decision": "update", "reason": "so",
            "phase": "Progressing", "conditions": [], "diffs": [diff], "outputs": {}, "id": null, "observed": true,
            "owned": [], "rolledBack": null, "fingerprint": null, "isDrift": is_drift, "resolved": null, "live": null,
            "unread": [],
        });
        from_value(told).expect("it is a verdict")
    }

    #[test]
    fn a_way_in_is_closed_first_and_a_persons_change_goes_before_what_is_on_its_way() {
        assert_eq!(Rank::of(Some(&verdict(true, "exposure")), true), Rank::Exposed);
        assert_eq!(Rank::of(Some(&verdict(false, "exposure")), true), Rank::Declared, "a person has declared it so");
        assert_eq!(Rank::of(Some(&verdict(false, "functional")), false), Rank::Declared);
        assert_eq!(Rank::of(Some(&verdict(true, "functional")), true), Rank::Moving);
        assert_eq!(Rank::of(Some(&verdict(true, "functional")), false), Rank::Rest);
        assert_eq!(Rank::of(None, true), Rank::Moving);
        assert!(Rank::Exposed < Rank::Declared && Rank::Declared < Rank::Moving && Rank::Moving < Rank::Rest);
    }
}
