//! What is kept in memory because every pass wants it and it rarely moves: desired lists, uids and scopes.
//!
//! Entries are filled by readers and made untrue by writers after their commit. Each write that made something untrue
//! has a number. A reader takes the newest number before it reads; what it fills in is true as of that number at the
//! least, and what was written since is read again.

use holdfast_core::name::{ResourceKey, Scope};
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
    pub(crate) seals: Arc<[Seal]>,
    /// In how many of them something else is carried out than is declared, or nothing, until somebody approves.
    pub(crate) held: usize,
    /// True from here on, if a pause had already ended.
    pub(crate) from: Option<Timestamp>,
    /// True until here, if a pause will end.
    pub(crate) until: Option<Timestamp>,
}

/// A list with what has been written since it was read.
#[derive(Default)]
struct Place {
    /// None until somebody who is reading it is done.
    entry: Option<DesiredEntry>,
    /// The number up to which it is true.
    read_at: u64,
    /// The rows that were written since, and by which write.
    moved: BTreeMap<ResourceKey, u64>,
    /// Something was written since that may concern every row.
    outdated: bool,
    /// Whoever reads the list has it: those who want it meanwhile wait, and then it is there.
    turn: Arc<Mutex<()>>,
}

impl DesiredEntry {
    fn is_in_time(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    fn by_seal(&self) -> HashMap<Seal, Arc<Desired>> {
        self.seals.iter().copied().zip(self.list.iter().cloned()).collect()
    }
}

impl Place {
    fn known(&self, now: Timestamp) -> Known {
        let Some(entry) = &self.entry else { return Known::Nothing };
        // With an end of a pause in it, when the whole list is true hangs on every row.
        let timed = entry.from.is_some() || entry.until.is_some();
        if self.outdated || !entry.is_in_time(now) || timed && !self.moved.is_empty() {
            Known::BySeal(entry.by_seal())
        } else if self.moved.is_empty() {
            Known::All(entry.clone())
        } else {
            Known::But(entry.clone(), self.moved.keys().cloned().collect())
        }
    }
}

/// How a list is to be had.
pub(crate) enum Known {
    /// This one is true.
    All(DesiredEntry),
    /// This one is true but for the rows of these keys.
    But(DesiredEntry, Vec<ResourceKey>),
    /// A row with one of these seals declares this, if nobody holds it.
    BySeal(HashMap<Seal, Arc<Desired>>),
    /// By reading all of it.
    Nothing,
}

#[derive(Default)]
struct Kept {
    /// The number of the newest write that made something untrue.
    newest: u64,
    /// That of the newest one after which other resources are declared, or elsewhere.
    membership: u64,
    /// That of the newest one that may concern every row.
    everything: u64,
    desired: BTreeMap<Scope, Place>,
    uids: Option<Arc<BTreeSet<String>>>,
    scopes: Option<Arc<[Scope]>>,
}

#[derive(Default)]
pub(crate) struct Cache(Mutex<Kept>);

/// What a write made untrue.
#[derive(Default)]
pub(crate) struct Touched {
    rows: BTreeMap<Scope, BTreeSet<ResourceKey>>,
    membership: bool,
    everything: bool,
}

impl Touched {
    /// What is declared of a resource, which is still declared there.
    pub(crate) fn row(&mut self, scope: Scope, key: &ResourceKey) {
        self.rows.entry(scope).or_default().insert(key.clone());
    }

    /// That a resource is declared in a scope, or is not.
    pub(crate) fn member(&mut self, scope: Scope, key: &ResourceKey) {
        self.row(scope, key);
        self.membership = true;
    }

    /// All lists.
    pub(crate) fn everything(&mut self) {
        self.everything = true;
    }
}

impl Cache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number to fill in under; taken before reading.
    pub(crate) fn newest(&self) -> u64 {
        self.kept().newest
    }

    /// How to get the list of a scope, and the number to fill it in under.
    pub(crate) fn desired(&self, scope: &Scope, now: Timestamp) -> (Known, u64) {
        let mut kept = self.kept();
        let newest = kept.newest;
        // Also where nothing is kept yet: what is written while it is read leaves its mark there.
        let place = kept.desired.entry(scope.clone()).or_default();
        (place.known(now), newest)
    }

    /// Taken by whoever reads the list of a scope.
    pub(crate) fn turn(&self, scope: &Scope) -> Arc<Mutex<()>> {
        Arc::clone(&self.kept().desired.entry(scope.clone()).or_default().turn)
    }

    pub(crate) fn fill_desired(&self, read_at: u64, scope: &Scope, entry: DesiredEntry) {
        let mut kept = self.kept();
        if kept.everything > read_at {
            return;
        }
        // Unless somebody who began to read later was faster.
        if let Some(place) = kept.desired.get_mut(scope).filter(|place| place.read_at <= read_at) {
            place.moved.retain(|_, at| *at > read_at);
            (place.entry, place.read_at, place.outdated) = (Some(entry), read_at, false);
        }
    }

    pub(crate) fn uids(&self) -> Option<Arc<BTreeSet<String>>> {
        self.kept().uids.clone()
    }

    pub(crate) fn fill_uids(&self, read_at: u64, uids: Arc<BTreeSet<String>>) {
        let mut kept = self.kept();
        if kept.membership <= read_at {
            kept.uids = Some(uids);
        }
    }

    pub(crate) fn scopes(&self) -> Option<Arc<[Scope]>> {
        self.kept().scopes.clone()
    }

    pub(crate) fn fill_scopes(&self, read_at: u64, scopes: Arc<[Scope]>) {
        let mut kept = self.kept();
        if kept.membership <= read_at {
            kept.scopes = Some(scopes);
        }
    }

    pub(crate) fn drop_touched(&self, touched: Touched) {
        if touched.rows.is_empty() && !touched.everything {
            return;
        }
        let mut kept = self.kept();
        kept.newest += 1;
        let newest = kept.newest;
        if touched.everything {
            kept.everything = newest;
            kept.desired.values_mut().for_each(|place| place.outdated = true);
        }
        for (scope, keys) in touched.rows {
            if let Some(place) = kept.desired.get_mut(&scope) {
                place.moved.extend(keys.into_iter().map(|key| (key, newest)));
            }
        }
        if touched.membership {
            kept.membership = newest;
            (kept.uids, kept.scopes) = (None, None);
        }
    }
}
