//! Whether a service works: tasks, deployments, and what ECS says about them.

use super::observed::deployments;
use crate::common::text;
use holdfast_core::observe::Health;
use serde_json::Value;

/// The health of a service that AWS described.
pub(super) fn health(wire: &Value, primary: Option<&Value>) -> Health {
    let count = |of: &Value, key: &str| of.get(key).and_then(Value::as_i64).unwrap_or(0);
    let (running, desired) = (count(wire, "runningCount"), count(wire, "desiredCount"));
    let pending = count(wire, "pendingCount");
    let rollout = primary.and_then(|d| text(d, "rolloutState"));
    let reason = primary.and_then(|d| text(d, "rolloutStateReason")).unwrap_or_default();
    let failed = primary.map_or(0, |d| count(d, "failedTasks"));
    if rollout == Some("FAILED") {
        return Health::Degraded(with_event(wire, format!("the deployment failed: {reason}")));
    }
    if reason.contains("rolling back") {
        return Health::Degraded(with_event(wire, format!("the last deployment was rolled back: {reason}")));
    }
    let short = running < desired;
    if rollout == Some("IN_PROGRESS") || short || (rollout.is_none() && shifts(wire)) {
        let mut words = format!("{running} of {desired} tasks run");
        if pending > 0 {
            words.push_str(&format!(", {pending} are starting"));
        }
        if failed > 0 {
            words.push_str(&format!(", {failed} failed"));
        }
        // Tasks that are missing while nothing is rolled out were lost, and ECS starts others.
        let degraded = short && (failed > 0 || rollout == Some("COMPLETED") && pending == 0);
        let words = if short { with_event(wire, words) } else { format!("{words}; the deployment is in progress") };
        return if degraded { Health::Degraded(words) } else { Health::Progressing(words) };
    }
    Health::Healthy
}

/// True while a deployment runs of which ECS tells no rollout: one with its own traffic shift, or CodeDeploy's.
fn shifts(wire: &Value) -> bool {
    let mut sets = wire.get("taskSets").and_then(Value::as_array).into_iter().flatten();
    deployments(wire).count() > 1 || sets.any(|set| text(set, "stabilityStatus") == Some("STABILIZING"))
}

/// The words and the newest thing ECS said.
fn with_event(wire: &Value, words: String) -> String {
    let newest = wire.pointer("/events/0").and_then(|e| text(e, "message"));
    newest.map_or(words.clone(), |event| format!("{words}; ECS says: {event}"))
}
