//! What a resource waits for, and where the waiting begins.

use super::types::{Cause, Named, Wait, WaitsFor};
use super::{Asked, Peer};
use crate::cloud::ErrorClass;
use crate::name::ResourceKey;
use crate::plan::UNCONFIRMED;
use crate::reference;
use crate::status::{Condition, ConditionType, Phase, Truth};
use serde_json::Value;
use std::collections::BTreeSet;

impl Named {
    pub(super) fn of(key: &ResourceKey, output: &str) -> Self {
        Self { stack: key.stack.clone(), kind: key.kind.clone(), name: key.name.clone(), output: output.to_owned() }
    }
    fn text(&self) -> String {
        format!("{}/{}/{}", self.stack, self.kind, self.name)
    }
}

/// The outputs that the references in `value` name, each once, in order of appearance.
pub(super) fn targets(value: &Value, stack: &str) -> Vec<(ResourceKey, String)> {
    let mut found: Vec<(ResourceKey, String)> = Vec::new();
    // Malformed references were refused when the document came in.
    reference::each(
        value,
        "",
        &mut |_, r| {
            if let Some((key, output)) = r.target(stack)
                && !found.iter().any(|(k, o)| *k == key && o == output)
            {
                found.push((key, output.to_owned()));
            }
        },
        &mut Vec::new(),
    );
    found
}

/// The references in `value` that have no value yet.
pub(super) fn references(asked: &Asked<'_>, value: &Value) -> Vec<Wait> {
    let own = |key: &ResourceKey| key == asked.key;
    let open = targets(value, &asked.key.stack).into_iter().filter(|(key, _)| !own(key)).filter_map(|(key, output)| {
        let peer = (asked.peers)(&key);
        let lacking = peer.as_ref().is_none_or(|p| !p.outputs.contains_key(&output));
        lacking.then(|| waiting_for(asked, &key, &output, peer.as_ref()))
    });
    open.collect()
}

fn waiting_for(asked: &Asked<'_>, key: &ResourceKey, output: &str, peer: Option<&Peer>) -> Wait {
    let on = Named::of(key, output);
    let cause = cause(asked, key, output);
    let message = match (peer, &cause) {
        (None, _) => format!("Waits for {key}, which nobody declares."),
        (Some(_), Some(cause)) => {
            format!("Waits for {key}.{output}; that waits for {}: {}", cause.on.text(), cause.message)
        }
        (Some(peer), None) => format!("Waits for {key}, which has no output \"{output}\" yet: {}", said(peer)),
    };
    Wait { what: WaitsFor::Reference, message, on: Some(on), cause, until: None }
}

fn said(peer: &Peer) -> String {
    if peer.message.is_empty() { format!("it is {}.", peer.phase) } else { peer.message.clone() }
}

/// Follows references that have no value to the first resource that waits for none.
fn cause(asked: &Asked<'_>, key: &ResourceKey, output: &str) -> Option<Cause> {
    let mut seen = BTreeSet::from([asked.key.clone()]);
    let (mut here, mut wanted, mut via) = (key.clone(), output.to_owned(), Vec::new());
    loop {
        if !seen.insert(here.clone()) {
            break;
        }
        let Some(peer) = (asked.peers)(&here) else { break };
        let lacking = targets(&peer.spec, &here.stack)
            .into_iter()
            .find(|(k, o)| *k != here && (asked.peers)(k).is_none_or(|p| !p.outputs.contains_key(o)));
        let Some((next, output)) = lacking else { break };
        via.push(Named::of(&here, &wanted));
        (here, wanted) = (next, output);
    }
    let peer = (asked.peers)(&here);
    let message = peer.as_ref().map_or_else(|| "nobody declares it.".to_owned(), said);
    (!via.is_empty()).then(|| Cause { on: Named::of(&here, &wanted), phase: peer.map(|p| p.phase), message, via })
}

fn simple(what: WaitsFor, message: impl Into<String>) -> Wait {
    Wait { what, message: message.into(), on: None, cause: None, until: None }
}

/// What the resource as a whole waits for.
pub(super) fn of_resource(asked: &Asked<'_>) -> Vec<Wait> {
    let status = asked.status;
    if status.observed_generation != asked.generation {
        return vec![simple(WaitsFor::Pass, format!("Waits for a pass that plans generation {}.", asked.generation))];
    }
    let mut waits = references(asked, asked.spec);
    if let Some(hold) = asked.hold {
        let until = hold.until;
        waits.push(Wait { until, ..simple(WaitsFor::Pause, format!("Paused: {}", hold.reason)) });
    }
    let Some(synced) = status.condition(ConditionType::Synced).filter(|c| c.status != Truth::True) else {
        return waits;
    };
    waits.extend(held(asked, synced, waits.is_empty()));
    waits
}

/// What stands in the way by the verdict's own word.
fn held(asked: &Asked<'_>, synced: &Condition, nothing_else: bool) -> Option<Wait> {
    let message = synced.message.clone();
    if let Some(failure) = asked.failure.filter(|_| matches!(synced.reason.as_str(), "Refused" | "Waiting")) {
        let what = match failure.error.class {
            ErrorClass::Denied | ErrorClass::Rejected | ErrorClass::Quota | ErrorClass::Unsigned => WaitsFor::Person,
            ErrorClass::Throttled | ErrorClass::Transient | ErrorClass::Conflict | ErrorClass::Lost => WaitsFor::Retry,
        };
        return Some(Wait { until: Some(failure.retry_at), ..simple(what, message) });
    }
    let what = match synced.reason.as_str() {
        "Waiting" => WaitsFor::Aws,
        super::AWAITING => WaitsFor::Approval,
        "Held" => WaitsFor::Policy,
        "Stuck" | "RolledBack" | "Drifted" | UNCONFIRMED => WaitsFor::Person,
        "NotRead" => WaitsFor::Read,
        "Blocked" if nothing_else => WaitsFor::Person,
        _ if asked.status.phase == Phase::Pending => WaitsFor::Pass,
        _ => return None,
    };
    Some(simple(what, message))
}
