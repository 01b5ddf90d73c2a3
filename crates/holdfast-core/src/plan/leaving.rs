//! What is on its way out holds on to what it stands on: AWS refuses to delete that before. So it waits, and goes in a
//! later pass.

use super::Decision;
use super::follow::Follows;
use super::link::Drafted;
use crate::kind::AnyKind;
use crate::name::ResourceKey;
use crate::status::{ConditionType, Phase};
use std::collections::BTreeMap;

/// Takes back the deletion of what somebody stands on who is not gone yet, or who will not be when his delete call has
/// been answered.
pub(super) fn hold(entries: &mut [Drafted<'_>]) {
    let mut holders: Vec<usize> = (0..entries.len()).filter(|i| lingers(&entries[*i])).collect();
    if holders.is_empty() {
        return;
    }
    let follows = Follows::new(entries);
    let place: BTreeMap<&ResourceKey, usize> = entries.iter().enumerate().map(|(i, e)| (&e.desired.key, i)).collect();
    while let Some(holder) = holders.pop() {
        let key = &entries[holder].desired.key;
        let rules = entries[holder].kind.map_or(&[][..], AnyKind::follows);
        let refers = entries[holder].refs.iter().filter(|target| !target.late).map(|target| &target.key);
        for held in refers.chain(follows.leaders(key, rules)) {
            let Some(&held) = place.get(held).filter(|i| **i != holder) else { continue };
            if entries[held].decided.verdict.decision == Decision::Delete {
                wait(&mut entries[held], key);
                holders.push(held);
            }
        }
    }
}

/// True if it is being deleted and will still be there when this plan has been carried out.
fn lingers(entry: &Drafted<'_>) -> bool {
    let verdict = &entry.decided.verdict;
    match verdict.decision {
        Decision::Wait => verdict.phase == Phase::Deleting,
        Decision::Delete => entry.kind.is_some_and(AnyKind::lingers),
        _ => false,
    }
}

fn wait(entry: &mut Drafted<'_>, holder: &ResourceKey) {
    let why = format!("It is deleted when {holder} is gone.");
    entry.decided.drafts.clear();
    let verdict = &mut entry.decided.verdict;
    verdict.decision = Decision::Wait;
    verdict.fingerprint = None;
    for synced in verdict.conditions.iter_mut().filter(|c| c.kind == ConditionType::Synced) {
        "Waiting".clone_into(&mut synced.reason);
        synced.message.clone_from(&why);
    }
    verdict.reason = why;
}
