//! What is kept of a scope between passes.

use crate::trouble::Told;
use holdfast_core::document::AccountSpec;
use holdfast_core::kind::Registry;
use holdfast_core::name::{KindName, ResourceKey, Scope};
use holdfast_core::observe::{Wanted, WantedResource};
use holdfast_core::plan::{Desired, Memory};
use holdfast_core::policy::ReplacePolicy;
use holdfast_core::reference::{self, Worth};
use holdfast_core::spec::OpenSpec;
use holdfast_core::status::Status;
use holdfast_store::{ScopeHold, Store, StoreError};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The declared list of a scope, as the store hands it out.
pub(crate) type DesiredList = Arc<[Arc<Desired>]>;

/// A declared list, borrowed.
pub(crate) type DesiredSlice<'a> = &'a [Arc<Desired>];

/// Outputs by resource.
pub(crate) type Outputs = BTreeMap<ResourceKey, Map<String, Value>>;

/// What a scope's passes know of it. All of it can be had from the store again; it is kept because a pass that finds
/// nothing new must cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// The declared list that the rest belongs to.
    pub(crate) list: DesiredList,
    /// One for each entry of the list, and no others.
    pub(crate) memories: BTreeMap<ResourceKey, Memory>,
    /// One for each entry of the list, in its order.
    pub(crate) statuses: Vec<Status>,
    /// Resources of other scopes that this one refers to.
    pub(crate) abroad: Arc<BTreeSet<ResourceKey>>,
    /// What the sweep is asked for; none when an id or an output has moved.
    wanted: Option<Arc<BTreeMap<KindName, Wanted>>>,
    /// The document of the account for which the credentials were found to be those of the id that it names.
    pub(crate) verified: Option<AccountSpec>,
    /// True if the last pass came to its end: what is kept here is what is in the store, and no intent is open.
    pub(crate) clean: bool,
    /// Why nothing is written in the scope as a whole, to tell of changes only.
    pub(crate) held: Option<ScopeHold>,
    /// What the log was last told of the scope itself.
    pub(crate) told: Told,
    /// True once that was read from the store.
    begun: bool,
    /// When steps of a resource last succeeded, for fixes that seem not to take.
    pub(crate) acted: BTreeMap<ResourceKey, Timestamp>,
    /// What the store has as awaiting approval: hashes of parts by stack; none if that is not known.
    pub(crate) awaiting: Option<BTreeMap<String, String>>,
    /// Passes in a row that left something open.
    pub(crate) open_passes: u32,
}

impl Book {
    /// Brings the book up to what is declared now. Costs nothing while nothing is declared anew.
    pub(crate) fn refresh(&mut self, store: &Store, scope: &Scope, now: Timestamp) -> Result<(), StoreError> {
        let list = store.desired(scope, now)?;
        if self.clean && Arc::ptr_eq(&list, &self.list) {
            return Ok(());
        }
        if !self.begun {
            self.told = Told::load(store, scope)?;
            self.begun = true;
        }
        let (mut memories, mut statuses) = (store.memories(scope)?, store.statuses(scope)?);
        let memory = |d: &Arc<Desired>| (d.key.clone(), memories.remove(&d.key).unwrap_or_default());
        self.memories = list.iter().map(memory).collect();
        let mut status = |(d, memory): (&Arc<Desired>, &Memory)| {
            let mut status = statuses.remove(&d.key).unwrap_or_default();
            if status.outputs == memory.outputs {
                status.outputs = Arc::clone(&memory.outputs);
            }
            status
        };
        // Both are in the order of keys.
        self.statuses = list.iter().zip(self.memories.values()).map(&mut status).collect();
        self.abroad = Arc::new(abroad(&list));
        self.acted.retain(|key, _| self.memories.contains_key(key));
        let said = store.scope_statuses()?.into_iter().find(|s| s.scope == *scope);
        self.held = said.and_then(|s| s.held);
        self.list = list;
        self.wanted = None;
        Ok(())
    }

    /// What is declared of a resource.
    pub(crate) fn desired(&self, key: &ResourceKey) -> Option<&Arc<Desired>> {
        find(&self.list, key)
    }

    /// Says that an id or an output has moved.
    pub(crate) fn wanted_moved(&mut self) {
        self.wanted = None;
    }

    /// Lets go of the trees of the specs that a sweep has looked into.
    pub(crate) fn close_wanted(&mut self) {
        let wanted = self.wanted.as_mut().and_then(Arc::get_mut);
        wanted.into_iter().flat_map(BTreeMap::values_mut).for_each(Wanted::close);
    }

    /// What to ask a sweep for.
    pub(crate) fn wanted(&mut self, registry: &Registry, elsewhere: &Outputs) -> Arc<BTreeMap<KindName, Wanted>> {
        if let Some(wanted) = &self.wanted {
            return Arc::clone(wanted);
        }
        let wanted = Arc::new(wanted(&self.list, &self.memories, registry, elsewhere));
        // What stands abroad may move without this scope hearing of it.
        self.wanted = self.abroad.is_empty().then(|| Arc::clone(&wanted));
        wanted
    }
}

/// The resource of that key in a declared list, which is in the order of keys.
pub(crate) fn find<'a>(list: &'a [Arc<Desired>], key: &ResourceKey) -> Option<&'a Arc<Desired>> {
    list.binary_search_by(|d| d.key.cmp(key)).ok().map(|i| &list[i])
}

/// What a sweep is to be asked for, for a declared list.
pub(crate) fn wanted(
    list: &[Arc<Desired>],
    memories: &BTreeMap<ResourceKey, Memory>,
    registry: &Registry,
    elsewhere: &Outputs,
) -> BTreeMap<KindName, Wanted> {
    let mut wanted: BTreeMap<KindName, Wanted> = BTreeMap::new();
    for desired in list {
        let Some(kind) = registry.get(&desired.key.kind) else { continue };
        let known = memories.get(&desired.key).and_then(|m| m.id.clone());
        let named = || (kind.handle().read)(desired.policy.adopt_id.as_deref()?);
        let (id, kind) = (known.or_else(named), kind.name());
        let spec = filled(desired, memories, elsewhere);
        let resource = WantedResource { key: desired.key.clone(), uid: desired.uid.clone(), id, spec };
        let of_kind = &mut wanted.entry(kind).or_default().resources;
        if desired.policy.replace == Some(ReplacePolicy::Allow) {
            // What it has taken the place of must be seen until it is gone.
            let retiring = memories.get(&desired.key).into_iter().flat_map(|m| &m.retiring);
            of_kind.extend(retiring.map(|old| WantedResource { id: Some(old.clone()), ..resource.clone() }));
        }
        of_kind.push(resource);
    }
    wanted
}

/// The spec with the references filled in that are known; the declared one itself if it has none.
fn filled(desired: &Desired, memories: &BTreeMap<ResourceKey, Memory>, elsewhere: &Outputs) -> OpenSpec {
    if !desired.spec.refers() {
        return Arc::clone(&desired.spec).into();
    }
    let mut spec = desired.spec.value();
    reference::fill(&mut spec, &mut |reference| {
        let Some((key, output)) = reference.target(&desired.key.stack) else { return Worth::Open };
        let here = memories.get(&key).map(|m| &*m.outputs);
        let known = here.or_else(|| elsewhere.get(&key)).and_then(|o| o.get(output));
        known.cloned().map_or(Worth::Open, Worth::Value)
    });
    spec.into()
}

/// What a declared list refers to and does not hold.
pub(crate) fn abroad(list: &[Arc<Desired>]) -> BTreeSet<ResourceKey> {
    let all = list.iter().flat_map(|d| d.spec.targets(&d.key.stack).map(|(_, key, _)| key));
    all.filter(|key| find(list, key).is_none()).collect()
}
