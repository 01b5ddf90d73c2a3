//! What is kept in memory because every pass wants it and it rarely moves: desired lists and uids.
//!
//! Entries are filled by readers and dropped by writers after their commit. A reader that read before a commit
//! must not fill in what it read after it, so each drop moves an epoch and a filling counts only in its own.

use holdfast_core::name::Scope;
use holdfast_core::plan::Desired;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The hash over all that a row declares.
pub(crate) type Seal = [u8; 16];

/// The desired list of a scope, and when it is true: pauses end by themselves.
#[derive(Clone)]
pub(crate) struct DesiredEntry {
    pub(crate) list: Arc<[Arc<Desired>]>,
    /// The seals of their rows, in the same order: with the same seal the same is declared.
    pub(crate) seals: Vec<Seal>,
    /// True from here on, if a pause had already ended.
    pub(crate) from: Option<Timestamp>,
    /// True until here, if a pause will end.
    pub(crate) until: Option<Timestamp>,
}

#[derive(Default)]
struct Kept {
    epoch: u64,
    desired: BTreeMap<Scope, DesiredEntry>,
    /// Lists that something has changed of; most of what is in them is still so.
    outdated: BTreeMap<Scope, DesiredEntry>,
    uids: Option<Arc<BTreeSet<String>>>,
}

#[derive(Default)]
pub(crate) struct Cache(Mutex<Kept>);

/// What a write made untrue.
#[derive(Default)]
pub(crate) enum Touched {
    /// Nothing.
    #[default]
    Nothing,
    /// The lists of these scopes.
    Scopes(BTreeSet<Scope>),
    /// All lists.
    Everything,
}

impl Touched {
    /// Adds a scope.
    pub(crate) fn scope(&mut self, scope: Scope) {
        match self {
            Self::Nothing => *self = Self::Scopes(BTreeSet::from([scope])),
            Self::Scopes(scopes) => _ = scopes.insert(scope),
            Self::Everything => {}
        }
    }
}

impl Cache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The epoch to fill in under; taken before reading.
    pub(crate) fn epoch(&self) -> u64 {
        self.kept().epoch
    }

    pub(crate) fn desired(&self, scope: &Scope, now: Timestamp) -> Option<Arc<[Arc<Desired>]>> {
        let kept = self.kept();
        let entry = kept.desired.get(scope)?;
        let valid = entry.from.is_none_or(|from| from <= now) && entry.until.is_none_or(|until| now < until);
        valid.then(|| entry.list.clone())
    }

    pub(crate) fn fill_desired(&self, epoch: u64, scope: &Scope, entry: DesiredEntry) {
        let mut kept = self.kept();
        if kept.epoch == epoch {
            kept.outdated.remove(scope);
            kept.desired.insert(scope.clone(), entry);
        }
    }

    /// What was last known to be declared in a scope, by seal, whether the list is still true or not.
    pub(crate) fn known(&self, scope: &Scope) -> HashMap<Seal, Arc<Desired>> {
        let kept = self.kept();
        let entry = kept.desired.get(scope).or_else(|| kept.outdated.get(scope));
        entry.map_or_else(HashMap::new, |e| e.seals.iter().copied().zip(e.list.iter().cloned()).collect())
    }

    pub(crate) fn uids(&self) -> Option<Arc<BTreeSet<String>>> {
        self.kept().uids.clone()
    }

    pub(crate) fn fill_uids(&self, epoch: u64, uids: Arc<BTreeSet<String>>) {
        let mut kept = self.kept();
        if kept.epoch == epoch {
            kept.uids = Some(uids);
        }
    }

    pub(crate) fn drop_touched(&self, touched: &Touched) {
        let mut kept = self.kept();
        match touched {
            Touched::Nothing => return,
            Touched::Scopes(scopes) => {
                for scope in scopes {
                    if let Some(entry) = kept.desired.remove(scope) {
                        kept.outdated.insert(scope.clone(), entry);
                    }
                }
            }
            Touched::Everything => {
                let all = std::mem::take(&mut kept.desired);
                kept.outdated.extend(all);
            }
        }
        kept.epoch += 1;
        kept.uids = None;
    }
}
