//! From a verdict to what is said and remembered of a resource.

use holdfast_core::handle::Stem;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::outputs::Outputs;
use holdfast_core::plan::{Contest, Decision, Memory, Plan, Proposal, Step, Verdict, settled_before_steps};
use holdfast_core::pointer::{covers, set};
use holdfast_core::status::{Change, Drift, FieldDiff, Phase, Status, merge_since};
use holdfast_store::{Event, EventType};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Puts a value into its place; answers whether it is another one.
fn put<T: PartialEq>(place: &mut T, value: T) -> bool {
    let moved = *place != value;
    if moved {
        *place = value;
    }
    moved
}

/// What of a memory has moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Anything at all.
    pub(crate) any: bool,
    /// The id or an output: what others look at.
    pub(crate) outputs: bool,
}

/// Brings the memory up to what was seen. Takes `resolved` and `live` out of a verdict that is in sync. `settle` is
/// how long AWS may take to show what was just created, `stem` what revisions of one thing share of their handles.
pub(crate) fn remember(
    memory: &mut Memory,
    verdict: &mut Verdict,
    now: Timestamp,
    settle: SignedDuration,
    stem: Stem,
) -> Moved {
    if !verdict.observed {
        return Moved::default();
    }
    // Reads may go back in time: the predecessor of what was just made is no sight of it.
    let young = memory.created_unseen.is_some_and(|at| now.duration_since(at) < settle);
    let mut any = !verdict.behind && remember_replaced(memory, verdict, young, stem);
    let outputs = !verdict.behind && remember_live(memory, verdict);
    any |= outputs;
    let print = verdict.fingerprint.as_deref();
    if verdict.decision == Decision::InSync {
        any |= remember_fix(memory, verdict.generation, now);
    }
    if print.is_none() {
        any |= put(&mut memory.fingerprint, None) | put(&mut memory.futile, 0);
    }
    // Inputs or the world have moved: what failed before is tried again at once.
    let settled = verdict.decision == Decision::InSync || held_in_sync(verdict);
    if memory.failure.as_ref().is_some_and(|f| settled || f.fingerprint != print.unwrap_or_default()) {
        memory.failure = None;
        any = true;
    }
    let adopted = adopted(memory.adopted_generation, verdict);
    any |= put(&mut memory.adopted_generation, adopted);
    any |= put(&mut memory.rolled_back, verdict.rolled_back.take());
    memory.quiet = verdict.quiet;
    let since = is_drift(verdict).then(|| memory.drift_since.unwrap_or(now));
    any |= put(&mut memory.drift_since, since);
    any |= learn(memory, verdict);
    if verdict.phase == Phase::InSync || held_in_sync(verdict) {
        any |= remember_sync(memory, verdict);
    } else {
        let settled = settled_before_steps(memory, verdict);
        any |= put(&mut memory.settled, settled);
    }
    Moved { any, outputs }
}

/// The generation whose differences wait for a person: written down before anything is taken over.
fn adopted(before: u64, verdict: &Verdict) -> u64 {
    match verdict.decision {
        Decision::Adopt => verdict.generation,
        Decision::Create => 0,
        _ if verdict.phase == Phase::InSync => 0,
        _ => before,
    }
}

/// Which live things another has taken, or is about to take, the place of; answers whether that has moved. It is known
/// before the other is made, so that no crash leaves one behind that nobody knows.
fn remember_replaced(memory: &mut Memory, verdict: &Verdict, young: bool, stem: Stem) -> bool {
    const MOST: usize = 8;
    let retired = match verdict.decision {
        // A read may be older than the last update, which may have moved the handle.
        Decision::Replace => [verdict.id.clone(), memory.id.clone()],
        // What is made again because it is missing may only have been hidden.
        Decision::Create => [memory.id.clone(), None],
        _ => [memory.id.clone().filter(|old| verdict.beside.contains(old)), None],
    };
    let known = memory.retiring.len();
    // While what takes its place may not be shown yet, it only seems to be the one again.
    if verdict.decision != Decision::Replace && !young {
        memory.keeps(verdict.id.as_deref(), stem);
    }
    let mut moved = memory.retiring.len() != known;
    if moved {
        // It was to be replaced and stays: what stands beside it was made in its place, and its answer was lost.
        memory
            .retiring
            .extend(verdict.beside.iter().filter(|b| !memory.retiring.contains(b)).cloned().collect::<Vec<_>>());
    }
    for retired in retired.into_iter().flatten() {
        if !memory.retiring.contains(&retired) {
            memory.retiring.push(retired);
            moved = true;
        }
    }
    let surplus = memory.retiring.len().saturating_sub(MOST);
    memory.retiring.drain(..surplus);
    moved
}

/// That live is as declared after a fix of ours: if it is not for long, somebody reverses the fix.
fn remember_fix(memory: &mut Memory, generation: u64, now: Timestamp) -> bool {
    // What a new generation brings is no fix. A thing that was made again has no baseline of its own yet.
    if memory.baseline.is_none() || ![0, generation].contains(&memory.baseline_generation) {
        return false;
    }
    let Some(fingerprint) = memory.fingerprint.clone().filter(|_| memory.futile > 0) else { return false };
    let same = memory.contest.as_ref().filter(|c| c.fingerprint == fingerprint);
    let times = same.filter(|c| now.duration_since(c.at) < Contest::SOON).map_or(0, |c| c.times);
    put(&mut memory.contest, Some(Box::new(Contest { fingerprint, times: times + memory.futile, at: now })))
}

/// True if what is carried out is in sync, and a newer generation awaits approval.
fn held_in_sync(verdict: &Verdict) -> bool {
    verdict.pending.as_ref().is_some_and(|p| p.in_sync)
}

/// What was seen of the thing itself; answers whether its id or outputs have moved.
fn remember_live(memory: &mut Memory, verdict: &Verdict) -> bool {
    if verdict.decision == Decision::Create {
        let blank = memory.id.is_none() && memory.outputs.is_empty() && memory.created_unseen.is_none();
        if !blank {
            (memory.id, memory.created_unseen) = (None, None);
            memory.outputs = Outputs::default();
        }
        return !blank;
    }
    if verdict.decision == Decision::Adopt || verdict.id.is_none() {
        return false;
    }
    let mut moved = put(&mut memory.created_unseen, None);
    if memory.id != verdict.id {
        memory.id.clone_from(&verdict.id);
        moved = true;
    }
    if memory.outputs != verdict.outputs {
        memory.outputs.clone_from(&verdict.outputs);
        memory.outputs.fold();
        moved = true;
    }
    moved
}

fn remember_sync(memory: &mut Memory, verdict: &mut Verdict) -> bool {
    let mut moved = put(&mut memory.settled, None);
    if let Some(resolved) = verdict.resolved.take() {
        moved |= put(&mut memory.last_written, Some(resolved));
    }
    // Undeclared changes are held against the first sight of a generation, not against the last one.
    if memory.baseline_generation != verdict.generation
        && let Some(live) = verdict.live.take()
    {
        memory.baseline = Some(live);
        memory.baseline_generation = verdict.generation;
        memory.settled_as = None;
        moved = true;
    }
    moved
}

/// Makes what AWS has added part of what the resource is held against. Within lists, places move: there the whole field
/// is taken over, once nothing else of it differs.
fn learn(memory: &mut Memory, verdict: &Verdict) -> bool {
    let (Some(kept), Some(live)) = (&memory.baseline, &verdict.live) else { return false };
    if verdict.learned.is_empty() {
        return false;
    }
    let (mut baseline, live) = (kept.value(), live.value());
    for diff in &verdict.learned {
        let top = diff.path.split('/').nth(1).unwrap_or_default();
        let field = format!("/{top}");
        let (at, settled) = match diff.change {
            Change::Undeclared => (diff.path.as_str(), true),
            _ => (field.as_str(), !verdict.diffs.iter().any(|d| covers(&field, &d.path))),
        };
        if let Some(value) = live.pointer(at).filter(|_| settled) {
            set(&mut baseline, at, value.clone());
        }
    }
    put(&mut memory.baseline, Some(baseline.into()))
}

/// True if somebody else has changed something, be it something that nobody declared.
fn is_drift(verdict: &Verdict) -> bool {
    verdict.is_drift || verdict.diffs.iter().any(|d| d.change == Change::Undeclared)
}

/// Takes the differences that somebody else has made out of a verdict.
fn drifted(verdict: &mut Verdict) -> Vec<FieldDiff> {
    let diffs = std::mem::take(&mut verdict.diffs);
    diffs.into_iter().filter(|d| verdict.is_drift_at(d)).collect()
}

/// The resources with steps that hang on a step which failed before and is only tried again.
pub(crate) fn behind_retries(plan: &Plan, memories: &BTreeMap<ResourceKey, Memory>) -> BTreeSet<ResourceKey> {
    let is_retry = |step: &Step| {
        let failed = memories.get(&step.key).and_then(|m| m.failure.as_ref());
        let print = plan.verdict(&step.key).and_then(|v| v.fingerprint.as_deref());
        failed.is_some_and(|f| f.fingerprint == print.unwrap_or_default())
    };
    let mut doubtful = BTreeSet::new();
    let mut behind = BTreeSet::new();
    for step in &plan.steps {
        if step.needs.iter().any(|n| doubtful.contains(n)) {
            doubtful.insert(step.id);
            behind.insert(step.key.clone());
        } else if is_retry(step) {
            doubtful.insert(step.id);
        }
    }
    behind
}

/// Brings what is said of a resource up to date; answers what was said before, if that was something else. That it
/// was seen again is no news, that it was seen at all is; nor is that a failure is tried again, be it its own or one
/// that it is `behind`, until it has ended in another way. Takes conditions and differences out of the verdict.
pub(crate) fn restate(
    said: &mut Status,
    verdict: &mut Verdict,
    memory: &Memory,
    seen_at: Timestamp,
    behind: bool,
) -> Option<Status> {
    let declared = verdict.pending.as_ref().map_or(verdict.generation, |p| p.generation);
    let retried = memory.failure.is_some() || (behind && said.phase == Phase::Blocked);
    if retried && acts(verdict.decision) && said.observed_generation == declared {
        return None;
    }
    let mut conditions = std::mem::take(&mut verdict.conditions);
    merge_since(&mut conditions, &said.conditions);
    let drift = is_drift(verdict).then(|| {
        let fields = drifted(verdict);
        let action = drift_action(verdict.decision, &fields).to_owned();
        Drift { since: memory.drift_since.unwrap_or(seen_at), action, fields }
    });
    let observed_generation = if verdict.observed { declared } else { said.observed_generation };
    let last_observed_at = if verdict.observed { Some(seen_at) } else { said.last_observed_at };
    let same = said.phase == verdict.phase
        && said.observed_generation == observed_generation
        && said.last_observed_at.is_some() == last_observed_at.is_some()
        && said.outputs == memory.outputs
        && said.drift == drift
        && said.owned == verdict.owned
        && said.conditions == conditions;
    if same {
        return None;
    }
    let outputs = memory.outputs.clone();
    let owned = std::mem::take(&mut verdict.owned);
    let new = Status { phase: verdict.phase, observed_generation, outputs, conditions, drift, owned, last_observed_at };
    Some(std::mem::replace(said, new))
}

/// True for decisions that steps follow from.
fn acts(decision: Decision) -> bool {
    use Decision::{Adopt, Create, Delete, Replace, Update};
    matches!(decision, Create | Update | Replace | Delete | Adopt)
}

fn drift_action(decision: Decision, fields: &[FieldDiff]) -> &'static str {
    match decision {
        // What the generation brings is carried out beside drift that policy only reports.
        _ if fields.iter().all(|f| f.decision == "report") => "reporting",
        acting if acts(acting) => "healing",
        Decision::InSync | Decision::Report | Decision::Unknown | Decision::Gone => "reporting",
        Decision::Wait => "waiting",
        _ => "held",
    }
}

/// What the log is told of a field that AWS has begun to add.
pub(crate) fn propose(proposal: &Proposal, scope: &Scope, now: Timestamp) -> Event {
    let data = json!({ "scope": scope, "proposal": proposal });
    Event::new(now, EventType::Observed, "DefaultProposed", proposal.to_string()).with(data)
}

/// What the log is told when a status takes the place of another: each fact once.
pub(crate) fn tell(key: &ResourceKey, verdict: &Verdict, old: &Status, new: &Status, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    let mut say = |event_type, reason: &str, message: String, data| {
        let event = Event::new(now, event_type, reason, message).of(key).at_generation(verdict.generation);
        events.push(event.with(data));
    };
    let fields = |s: &Status| s.drift.as_ref().map_or(Vec::new(), |d| d.fields.iter().map(what).collect());
    let (before, after): (Vec<_>, Vec<_>) = (fields(old), fields(new));
    if before != after {
        match &new.drift {
            Some(drift) => {
                let paths: Vec<&str> = drift.fields.iter().map(|f| place(&f.path)).collect();
                let message = format!("Live is not as declared: {}.", paths.join(", "));
                say(EventType::Observed, "DriftDetected", message, json!({ "fields": drift.fields }));
            }
            None if verdict.observed => {
                let healed = old.drift.iter().flat_map(|d| &d.fields);
                let paths: Vec<&str> = healed.clone().map(|f| place(&f.path)).collect();
                let message = format!("Live is as declared again: {}.", paths.join(", "));
                say(EventType::Observed, "DriftHealed", message, json!({ "paths": paths }));
            }
            None => {}
        }
    }
    let word = |s: &Status| s.conditions.first().map(|c| c.reason.clone()).unwrap_or_default();
    let (was, is) = (word(old), word(new));
    if old.phase != new.phase || was != is {
        let data = json!({ "phase": new.phase, "from": old.phase });
        say(EventType::Decided, &is, verdict.reason.clone(), data);
    }
    events
}

fn what(field: &FieldDiff) -> (String, Change, String) {
    (field.path.clone(), field.change, field.live.to_string())
}

fn place(path: &str) -> &str {
    if path.is_empty() { "all of it" } else { path }
}

#[cfg(test)]
mod tests;
