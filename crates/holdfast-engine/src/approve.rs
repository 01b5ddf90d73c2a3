//! Approvals in a pass: what its plan must know of them, and what the plan releases and leaves waiting.

use crate::book::{Book, DesiredSlice};
use crate::core::{Core, blocking};
use holdfast_core::name::Scope;
use holdfast_core::plan::{Approvals, Plan};
use holdfast_store::{Event, EventType, StoreError};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// What a plan must know of approvals.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) approvals: Approvals,
    /// Approvals given later are for the next plan: this one may have looked at the world before they were given.
    until: Timestamp,
}

/// Reads what a plan must know of approvals, for a pass that began at `until`.
pub(crate) fn known(
    core: &Core,
    scope: &Scope,
    desired: DesiredSlice<'_>,
    until: Timestamp,
) -> Result<Known, StoreError> {
    let held = desired.iter().any(|d| d.instead.is_some());
    let approvals = if held { blocking(|| core.store.approvals(scope, until))? } else { Approvals::default() };
    Ok(Known { approvals, until })
}

/// Writes down what the plan releases and what awaits approval, before any step is begun. Costs nothing while
/// neither has moved.
pub(crate) fn settle(
    core: &Core,
    scope: &Scope,
    book: &mut Book,
    plan: &Plan,
    known: &Known,
) -> Result<(), StoreError> {
    let before = match book.awaiting.take() {
        Some(before) => before,
        None => blocking(|| core.store.awaiting_in(scope))?,
    };
    let mut after = BTreeMap::new();
    for part in plan.awaiting.iter().filter(|p| !p.approved) {
        // Of what could not be read nobody can say that it has moved.
        let hash = if part.unread { before.get(&part.stack) } else { Some(&part.hash) };
        after.extend(hash.map(|hash| (part.stack.clone(), hash.clone())));
    }
    if before != after || !plan.released.is_empty() || !known.approvals.given.is_empty() {
        let now = core.clock.now();
        let overtaken = |stack: &str, hash: &str| {
            let message = format!("The approved plan {hash} was overtaken before its turn; nothing of it was done.");
            Event::new(now, EventType::Decided, "PlanOvertaken", message).of_stack(stack).with(json!({ "plan": hash }))
        };
        let times = (known.until, now);
        blocking(|| core.store.record_awaiting(scope, &plan.awaiting, &plan.released, times, &overtaken))?;
    }
    book.awaiting = Some(after);
    Ok(())
}
