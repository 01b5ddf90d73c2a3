//! Deletes with and without a final snapshot.
//!
//! Data goes only where the declaration itself says so: a kind that has snapshots leaves one behind unless the
//! resource's policy is `deletion: delete`, also where a person deletes it by name.

use super::Fate;
use super::decide::Case;
use crate::kind::{AnyAction, Draft};
use crate::observe::Observation;
use crate::policy::DeletionPolicy;

impl Case<'_> {
    /// The steps that delete `live`, and why it is deleted.
    pub(super) fn removal(&self, live: &Observation, fate: Fate) -> (Vec<Draft<AnyAction>>, String) {
        let policy = self.desired.policy.deletion.unwrap_or_default();
        let keeps_data =
            self.kind.snapshots() && (fate == Fate::DeleteWithSnapshot || policy != DeletionPolicy::Delete);
        let mut because = match (fate.is_by_name(), policy) {
            (true, _) => "somebody asked for it by name",
            (false, DeletionPolicy::Snapshot) => "its declaration is gone and policy.deletion is \"snapshot\"",
            (false, _) => "its declaration is gone and policy.deletion is \"delete\"",
        }
        .to_owned();
        if keeps_data {
            because.push_str("; its data stays in a final snapshot");
        }
        let mut drafts = if keeps_data { self.kind.delete_with_snapshot(live) } else { self.kind.delete(live) };
        for draft in drafts.iter_mut().filter(|d| d.because.is_empty()) {
            because.clone_into(&mut draft.because);
        }
        (drafts, because)
    }
}
