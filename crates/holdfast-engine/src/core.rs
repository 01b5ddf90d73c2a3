//! What all passes share.

use crate::book::Book;
use crate::load::LastLook;
use crate::meter::Budgets;
use crate::options::{Boundaries, Clock, EngineOptions, EngineSettings};
use holdfast_core::cloud::Cloud;
use holdfast_core::kind::Registry;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::why::Sight;
use holdfast_store::Store;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What all passes share.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) settings: EngineSettings,
    pub(crate) process: String,
    pub(crate) boundaries: Arc<dyn Boundaries>,
    /// No step is begun any more once this is cancelled.
    pub(crate) stop: CancellationToken,
    scopes: Mutex<BTreeMap<Scope, Arc<ScopeState>>>,
    intents: AtomicU64,
}

/// One scope, for as long as the process runs.
#[derive(Debug, Default)]
pub(crate) struct ScopeState {
    /// Whoever holds it is the scope's only pass.
    pub(crate) book: tokio::sync::Mutex<Book>,
    pub(crate) running: AtomicBool,
    /// Sweeps that ended.
    pub(crate) sweeps: AtomicU64,
    /// How long they took together, in milliseconds.
    pub(crate) sweep_ms: AtomicU64,
    /// Calls by bucket of the last look.
    pub(crate) last_look: LastLook,
    /// The resources of other scopes that it refers to, as of its last pass.
    pub(crate) abroad: Mutex<Arc<BTreeSet<ResourceKey>>>,
    /// When the last whole look began.
    looked: Mutex<Option<Instant>>,
    /// What the last pass saw of the resources that it did not leave simply in sync.
    sights: Mutex<BTreeMap<ResourceKey, Arc<Sight>>>,
    /// Stacks whose failures are forgotten in the next pass, because a person asked for it.
    forgiven: Mutex<BTreeSet<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(crate) fn new(options: EngineOptions) -> Self {
        Self {
            store: options.store,
            cloud: options.cloud,
            registry: options.registry,
            clock: options.clock,
            budgets: options.budgets,
            settings: options.settings,
            process: options.process,
            boundaries: options.boundaries,
            stop: CancellationToken::new(),
            scopes: Mutex::default(),
            intents: AtomicU64::new(0),
        }
    }

    /// The number of the next intent of this process.
    pub(crate) fn number(&self) -> u64 {
        self.intents.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn scope(&self, scope: &Scope) -> Arc<ScopeState> {
        let mut scopes = lock(&self.scopes);
        Arc::clone(scopes.entry(scope.clone()).or_default())
    }

    /// The scopes that had a pass in this process.
    pub(crate) fn known(&self) -> Vec<(Scope, Arc<ScopeState>)> {
        lock(&self.scopes).iter().map(|(scope, state)| (scope.clone(), Arc::clone(state))).collect()
    }

    /// What the last pass over a scope saw of a resource that it did not leave simply in sync.
    pub(crate) fn sight(&self, scope: &Scope, key: &ResourceKey) -> Option<Arc<Sight>> {
        let state = lock(&self.scopes).get(scope).cloned();
        state?.sight(key)
    }

    /// True while a pass over the scope is under way.
    pub(crate) fn is_running(&self, scope: &Scope) -> bool {
        lock(&self.scopes).get(scope).is_some_and(|s| s.running.load(Ordering::Relaxed))
    }

    /// The other scopes that refer to one of these resources.
    pub(crate) fn referring(&self, to: &BTreeSet<ResourceKey>) -> Vec<Scope> {
        let scopes = lock(&self.scopes);
        let refers = scopes.iter().filter(|(_, state)| !lock(&state.abroad).is_disjoint(to));
        refers.map(|(scope, _)| scope.clone()).collect()
    }

    /// How long the `times`th fix for the same differences is given to show.
    pub(crate) fn patience(&self, times: u32) -> SignedDuration {
        SignedDuration::try_from(self.settings.retry.again.delay(times)).unwrap_or(SignedDuration::MAX)
    }
}

impl ScopeState {
    /// Tries again what failed or was given up in a stack.
    pub(crate) fn forgive(&self, stack: &str) {
        lock(&self.forgiven).insert(stack.to_owned());
    }

    /// When the last whole look began, after a pass that began at `begun` and was one or not.
    pub(crate) fn whole_since(&self, begun: Instant, whole: bool) -> Instant {
        let mut looked = lock(&self.looked);
        if whole {
            *looked = Some(begun);
        }
        looked.unwrap_or(begun)
    }

    /// The stacks that were forgiven since the last pass.
    pub(crate) fn take_forgiven(&self) -> BTreeSet<String> {
        std::mem::take(&mut lock(&self.forgiven))
    }

    /// Keeps what a pass saw, in the place of what the pass before it saw.
    pub(crate) fn saw(&self, sights: BTreeMap<ResourceKey, Arc<Sight>>) {
        *lock(&self.sights) = sights;
    }

    /// What the last pass saw of a resource that it did not leave simply in sync.
    pub(crate) fn sight(&self, key: &ResourceKey) -> Option<Arc<Sight>> {
        lock(&self.sights).get(key).cloned()
    }

    pub(crate) fn refers_to(&self, abroad: &Arc<BTreeSet<ResourceKey>>) {
        *lock(&self.abroad) = Arc::clone(abroad);
    }
}

/// Runs work that blocks for a moment (the store's disk, a large plan) without holding up the other tasks of the
/// thread, where the runtime has more than one.
pub(crate) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|h| h.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
