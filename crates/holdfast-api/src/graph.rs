//! Who names whom in a reference.

use crate::http::problem::Problem;
use crate::state::ApiState;
use crate::views::Ref;
use holdfast_core::name::ResourceKey;
use holdfast_core::reference;
use serde_json::Value;
use std::collections::BTreeSet;

/// The resources that the references in `spec` name, seen from `stack`.
pub(crate) fn named(spec: &Value, stack: &str) -> BTreeSet<ResourceKey> {
    let mut found = BTreeSet::new();
    // Stored documents have passed the check, so there are no malformed references to tell of.
    let mut malformed = Vec::new();
    let mut visit = |_: &str, reference: &reference::Reference| {
        found.extend(reference.target(stack).map(|(key, _)| key));
    };
    reference::each(spec, "", &mut visit, &mut malformed);
    found
}

/// What a resource depends on, without itself.
pub(crate) fn depends_on(key: &ResourceKey, spec: &Value) -> Vec<Ref> {
    named(spec, &key.stack).iter().filter(|k| *k != key).map(Ref::from).collect()
}

/// What depends on a resource, in all stacks. The store keeps what is declared at hand, so this is a walk in memory.
pub(crate) fn used_by(state: &ApiState, key: &ResourceKey) -> Result<Vec<Ref>, Problem> {
    let mut users = BTreeSet::new();
    for scope in state.store().scopes()? {
        for desired in state.store().desired(&scope, state.now())?.iter() {
            let mut named = desired.spec.targets(&desired.key.stack);
            if desired.key != *key && named.any(|(_, named, _)| named == *key) {
                users.insert(desired.key.clone());
            }
        }
    }
    Ok(users.iter().map(Ref::from).collect())
}
