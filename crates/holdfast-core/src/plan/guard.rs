//! The guard over a whole plan: when so much of a scope drifts at once that no single change explains it (wrong
//! credentials, an incident at AWS, a bad upgrade), nothing is written there until a person has looked.
//!
//! Only drift counts: what was in sync, is declared as it was then, and is not live any more. A first rollout, what a new
//! generation brings and what policy only reports do not.

use super::{Breaker, Decision, Input, Plan, Verdict};
use crate::status::{Change, ConditionType, Phase};

/// Holds all steps of a plan whose drift is too much to be true.
pub(super) fn guard(plan: &mut Plan, input: &Input<'_>) {
    let drifted = plan.verdicts.iter().filter(|v| is_open(v.decision) && drifts(v)).count();
    if input.drift_confirmed || drifted < input.settings.min_drift {
        return;
    }
    // What a new generation does not find makes no drift, and does not thin it out.
    let was_in_sync = |v: &&Verdict| {
        let settled = input.memory.get(&v.key).map_or(0, |m| m.baseline_generation);
        settled == v.generation || (settled != 0 && v.id.is_some())
    };
    let of = plan.verdicts.iter().filter(was_in_sync).count();
    if drifted * 100 <= of * input.settings.max_drift_share as usize {
        return;
    }
    let reason = format!(
        "{drifted} of {of} resources that were in sync in {} have drifted or gone missing at once, more than {} %: wrong \
         credentials, an incident at AWS or a bad upgrade look like this. Nothing is written in this scope until they are back, or \
         until a person has looked and says so: holdfast reconcile STACK --confirm drift.",
        input.snapshot.scope, input.settings.max_drift_share
    );
    plan.steps.clear();
    for verdict in plan.verdicts.iter_mut().filter(|v| acts(v.decision)) {
        hold(verdict, &reason);
    }
    plan.breaker = Some(Breaker { drifted, of, reason });
}

/// True if somebody else has made a difference that is not only reported.
fn drifts(verdict: &Verdict) -> bool {
    verdict.diffs.iter().any(|d| d.change != Change::Undeclared && d.decision != "report" && verdict.is_drift_at(d))
}

/// Drift that steps would heal, or that something else stands in the way of for the moment.
fn is_open(decision: Decision) -> bool {
    acts(decision) || decision == Decision::Blocked
}

fn acts(decision: Decision) -> bool {
    use Decision::{Adopt, Create, Delete, Replace, Update};
    matches!(decision, Create | Update | Replace | Delete | Adopt)
}

fn hold(verdict: &mut Verdict, why: &str) {
    verdict.phase = match verdict.decision {
        Decision::Delete => Phase::Deleting,
        _ if verdict.is_drift => Phase::Drifted,
        _ => Phase::Blocked,
    };
    verdict.decision = Decision::Hold;
    why.clone_into(&mut verdict.reason);
    for condition in verdict.conditions.iter_mut().filter(|c| c.kind == ConditionType::Synced) {
        "Held".clone_into(&mut condition.reason);
        why.clone_into(&mut condition.message);
    }
    for diff in verdict.diffs.iter_mut().filter(|d| d.decision != "report") {
        "none".clone_into(&mut diff.decision);
    }
}
