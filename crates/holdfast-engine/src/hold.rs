//! That nothing is written in a scope because too much of it drifts at once: in its status and in the log.

use holdfast_core::plan::Plan;
use holdfast_store::{Event, EventType, ScopeHold, ScopeStatus};
use jiff::Timestamp;
use serde_json::json;

/// What the scope's status says of a plan; `before` is what it said last.
pub(crate) fn of(plan: &Plan, before: Option<&ScopeHold>, now: Timestamp) -> Option<ScopeHold> {
    let breaker = plan.breaker.as_ref()?;
    let (drifted, of) = (breaker.drifted as u64, breaker.of as u64);
    Some(ScopeHold { since: before.map_or(now, |b| b.since), reason: breaker.reason.clone(), drifted, of })
}

/// What the log is told: that it began, and that it ended.
pub(crate) fn events(before: Option<&ScopeHold>, status: &ScopeStatus, now: Timestamp) -> Option<Event> {
    let scope = &status.scope;
    let (reason, message) = match (before, &status.held) {
        (None, Some(hold)) => ("ScopeHeld", hold.reason.clone()),
        (Some(_), None) => ("ScopeReleased", format!("Writes in {scope} go on.")),
        _ => return None,
    };
    let data = json!({ "scope": scope, "held": status.held });
    Some(Event::new(now, EventType::Service, reason, message).with(data))
}
