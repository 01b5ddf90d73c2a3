//! Sweeps that found nothing new: this process knows of them, and the disk hears of the last one with whatever is
//! written next of its scope, or when the process ends.

use crate::record_types::{PassRecord, ScopeStatus};
use holdfast_core::name::Scope;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The status of a scope as it is written, and the one since then that says nothing else.
struct Sweep {
    written: ScopeStatus,
    latest: Option<ScopeStatus>,
}

#[derive(Default)]
pub(crate) struct Sweeps(Mutex<BTreeMap<Scope, Sweep>>);

impl Sweeps {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Scope, Sweep>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a pass with nothing to write but that its scope was looked at again; false if there is more.
    pub(crate) fn take(&self, pass: &PassRecord<'_>) -> bool {
        let silent = pass.changed.is_empty() && pass.gone.is_empty() && pass.events.is_empty();
        let mut all = self.all();
        match all.get_mut(&pass.scope_status.scope).filter(|sweep| silent && sweep.written.says(&pass.scope_status)) {
            Some(sweep) => {
                sweep.latest = Some(pass.scope_status.clone());
                true
            }
            None => false,
        }
    }

    /// A status was written.
    pub(crate) fn written(&self, status: &ScopeStatus) {
        self.all().insert(status.scope.clone(), Sweep { written: status.clone(), latest: None });
    }

    /// Brings what was read from the disk up to what this process knows.
    pub(crate) fn bring_up(&self, statuses: &mut [ScopeStatus]) {
        let all = self.all();
        for status in statuses {
            if let Some(latest) = all.get(&status.scope).and_then(|sweep| sweep.latest.as_ref()) {
                status.clone_from(latest);
            }
        }
    }

    /// What the disk has not heard of yet.
    pub(crate) fn unwritten(&self) -> Vec<ScopeStatus> {
        self.all().values().filter_map(|sweep| sweep.latest.clone()).collect()
    }
}

impl ScopeStatus {
    /// True if another one says nothing that this one does not, but for the last sweep's time and cost.
    fn says(&self, other: &Self) -> bool {
        let (leader, error) = (self.leader == other.leader, self.error == other.error);
        let swept = self.swept_at.is_some() == other.swept_at.is_some();
        leader
            && error
            && swept
            && self.account_id == other.account_id
            && self.gaps == other.gaps
            && self.held == other.held
            && self.throttles == other.throttles
    }
}
