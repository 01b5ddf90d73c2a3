//! The store as the check of documents sees it.

use crate::http::problem::Problem;
use crate::state::ApiState;
use holdfast_core::document::AccountSpec;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::{Desired, Fate};
use holdfast_core::validate::{Stored, StoredResource, StoredStack, identity};
use holdfast_store::{Filter, ResourceRecord, StoreError};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Look-ups that keep their first error for afterwards.
pub(crate) struct StoreView<'a> {
    state: &'a ApiState,
    error: RefCell<Option<StoreError>>,
}

impl<'a> StoreView<'a> {
    /// A view of the store as it is now.
    pub(crate) fn new(state: &'a ApiState) -> Self {
        Self { state, error: RefCell::new(None) }
    }

    /// The first error that a look-up met. With one, what the check said is worth nothing.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        self.error.into_inner().map_or(Ok(()), |error| Err(error.into()))
    }

    fn keep<T: Default>(&self, found: Result<T, StoreError>) -> T {
        found.unwrap_or_else(|error| {
            self.error.borrow_mut().get_or_insert(error);
            T::default()
        })
    }

    fn resources(&self, filter: &Filter) -> Vec<StoredResource> {
        self.keep(self.state.store().resources(filter, usize::MAX, None)).into_iter().map(stored).collect()
    }
}

fn stored(record: ResourceRecord) -> StoredResource {
    StoredResource {
        key: record.key,
        scope: record.scope,
        document_spec: record.document_spec.value(),
        spec: record.spec.value(),
        policy: record.policy_own,
        labels: record.labels,
        deleting: record.fate != Fate::Keep,
    }
}

/// Who of a declared list declares which live thing of a kind.
fn claimed(kind: &dyn AnyKind, list: &[Arc<Desired>]) -> Vec<(String, ResourceKey)> {
    let own = list.iter().filter(|d| d.key.kind == kind.name());
    own.filter_map(|d| Some((identity(kind, &d.spec.value(), &d.key.stack)?, d.key.clone()))).collect()
}

/// Reads what the check of a document asks about a declared list, unless that is known.
pub(crate) fn claim_all(state: &ApiState, scope: &Scope, list: &[Arc<Desired>]) {
    let kinds: BTreeSet<&str> = list.iter().map(|d| d.key.kind.as_str()).collect();
    for kind in kinds.into_iter().filter_map(|name| state.registry().get(name)) {
        state.claims().fill(kind.name(), scope, || claimed(kind, list));
    }
}

impl Stored for StoreView<'_> {
    fn stack(&self, name: &str) -> Option<StoredStack> {
        self.keep(self.state.store().stack(name)).map(|s| StoredStack { labels: s.labels, spec: s.spec })
    }
    fn stacks(&self) -> Vec<String> {
        self.keep(self.state.store().stacks()).into_iter().map(|s| s.name).collect()
    }
    fn resource(&self, key: &ResourceKey) -> Option<StoredResource> {
        self.keep(self.state.store().resource(key)).map(stored)
    }
    fn resources_of(&self, stack: &str) -> Vec<StoredResource> {
        self.resources(&Filter { stack: Some(stack.to_owned()), ..Filter::default() })
    }
    fn claimants(&self, kind: &dyn AnyKind, scope: &Scope, own: &str) -> Vec<ResourceKey> {
        let all = || Ok(claimed(kind, &self.state.store().desired(scope, self.state.now())?));
        self.keep(self.state.claims().of(kind.name(), scope, own, all))
    }
    fn account(&self, name: &str) -> Option<AccountSpec> {
        self.keep(self.state.store().account(name)).map(|a| a.spec)
    }
    fn accounts(&self) -> Vec<String> {
        self.keep(self.state.store().accounts()).into_iter().map(|a| a.name).collect()
    }
    fn scopes(&self) -> Vec<Scope> {
        self.keep(self.state.store().scopes())
    }
}
