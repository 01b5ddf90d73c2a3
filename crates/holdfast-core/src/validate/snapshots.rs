//! Final snapshots, asked of what has none.

use super::Batch;
use crate::policy::DeletionPolicy;
use crate::problem::SpecError;

impl Batch<'_> {
    /// Refuses `deletion: snapshot` on a resource of a kind that has no snapshots. On a stack it means those that have.
    pub(super) fn check_snapshots(&mut self) {
        let asks =
            self.resources.iter().filter(|c| c.declared && c.policy_own.deletion == Some(DeletionPolicy::Snapshot));
        let errors: Vec<SpecError> = asks
            .filter_map(|candidate| {
                let kind = candidate.kind.filter(|kind| !kind.snapshots())?;
                let message = format!(
                    "AWS takes no final snapshot of a {}. Write \"delete\" to have it deleted when its declaration goes, or \
                     \"retain\" to keep it.",
                    kind.name()
                );
                Some(SpecError::new(format!("{}/policy/deletion", candidate.pointer), "no-snapshots", message))
            })
            .collect();
        self.errors.extend(errors);
    }
}
