//! Who names whom in a reference.

use crate::http::problem::Problem;
use crate::state::ApiState;
use crate::views::Ref;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::Desired;
use holdfast_core::reference;
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// What depends on a resource, in all stacks.
pub(crate) fn used_by(state: &ApiState, key: &ResourceKey) -> Result<Vec<Ref>, Problem> {
    let mut users = BTreeSet::new();
    for scope in state.store().scopes()? {
        let list = state.store().desired(&scope, state.now())?;
        users.extend(state.users().of(&scope, list, key).into_iter().filter(|user| user != key));
    }
    Ok(users.iter().map(Ref::from).collect())
}

/// The declared list of a scope.
type List = Arc<[Arc<Desired>]>;

/// Who refers to whom, by scope, so that nobody has to look through all that is declared.
#[derive(Default)]
pub(crate) struct Users {
    by_scope: Mutex<BTreeMap<Scope, Graph>>,
    hasher: RandomState,
}

/// The references of a list, by a hash of what they name.
#[derive(Default)]
struct Graph {
    of: List,
    by_hash: HashMap<u64, Vec<Arc<Desired>>>,
}

impl Users {
    fn graphs(&self) -> MutexGuard<'_, BTreeMap<Scope, Graph>> {
        self.by_scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks through a list before somebody asks.
    pub(crate) fn follow(&self, scope: &Scope, list: List) {
        self.graphs().entry(scope.clone()).or_default().follow(list, &self.hasher);
    }

    /// Those of a declared list that refer to a resource. The list is one of the scope's newest; what has moved in it
    /// since the last time is looked into, and nothing else.
    pub(crate) fn of(&self, scope: &Scope, list: List, key: &ResourceKey) -> Vec<ResourceKey> {
        let mut all = self.graphs();
        let graph = all.entry(scope.clone()).or_default();
        graph.follow(list, &self.hasher);
        let users = graph.by_hash.get(&self.hasher.hash_one(key)).into_iter().flatten();
        let mut keys: Vec<ResourceKey> = users.filter(|user| refers(user, key)).map(|user| user.key.clone()).collect();
        keys.dedup();
        keys
    }
}

fn refers(user: &Desired, to: &ResourceKey) -> bool {
    user.spec.targets(&user.key.stack).any(|(_, named, _)| named == *to)
}

impl Graph {
    fn follow(&mut self, list: List, hasher: &RandomState) {
        if Arc::ptr_eq(&self.of, &list) {
            return;
        }
        let before = std::mem::replace(&mut self.of, Arc::clone(&list));
        let (mut old, mut new) = (before.iter().peekable(), list.iter().peekable());
        // Both are in the order of keys.
        while let Some(order) = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => Some(if Arc::ptr_eq(a, b) { None } else { Some(a.key.cmp(&b.key)) }),
            (Some(_), None) => Some(Some(Ordering::Less)),
            (None, Some(_)) => Some(Some(Ordering::Greater)),
            (None, None) => None,
        } {
            let gone = old.next_if(|_| order != Some(Ordering::Greater));
            let come = new.next_if(|_| order != Some(Ordering::Less));
            if order.is_some() {
                gone.into_iter().for_each(|desired| self.leave(desired, hasher));
                come.into_iter().for_each(|desired| self.enter(desired, hasher));
            }
        }
    }

    fn enter(&mut self, desired: &Arc<Desired>, hasher: &RandomState) {
        for (_, named, _) in desired.spec.targets(&desired.key.stack) {
            self.by_hash.entry(hasher.hash_one(&named)).or_default().push(Arc::clone(desired));
        }
    }

    fn leave(&mut self, desired: &Arc<Desired>, hasher: &RandomState) {
        for (_, named, _) in desired.spec.targets(&desired.key.stack) {
            if let Entry::Occupied(mut users) = self.by_hash.entry(hasher.hash_one(&named)) {
                users.get_mut().retain(|user| !Arc::ptr_eq(user, desired));
                if users.get().is_empty() {
                    users.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_core::policy::Policy;
    use serde_json::json;

    fn desired(name: &str, to: &[&str]) -> Arc<Desired> {
        let refs: Vec<String> = to.iter().map(|t| format!("${{Group/{t}.id}}")).collect();
        Arc::new(Desired {
            key: ResourceKey::new("s", "Group", name),
            uid: name.to_owned(),
            generation: 1,
            scope: Scope::new("default", "eu-west-1"),
            spec: Arc::new(json!({ "refs": refs }).into()),
            stack_tags: Arc::default(),
            policy: Policy::default(),
            fate: holdfast_core::plan::Fate::Keep,
            hold: None,
            instead: None,
        })
    }

    #[test]
    fn whoever_refers_is_known_as_the_list_moves() {
        let (users, scope) = (Users::default(), Scope::new("default", "eu-west-1"));
        let ask = |list: &[Arc<Desired>], name: &str| -> Vec<String> {
            let keys = users.of(&scope, list.into(), &ResourceKey::new("s", "Group", name));
            keys.into_iter().map(|k| k.name.clone()).collect()
        };
        let (a, b, c) = (desired("a", &["x", "y"]), desired("b", &["x", "x"]), desired("c", &["y"]));
        let first = [Arc::clone(&a), Arc::clone(&c)];
        assert_eq!((ask(&first, "x"), ask(&first, "y")), (vec!["a".to_owned()], vec!["a".to_owned(), "c".to_owned()]));
        let second = [desired("a", &["y"]), b, Arc::clone(&c)];
        assert_eq!((ask(&second, "x"), ask(&second, "z")), (vec!["b".to_owned()], vec![]));
        let third = [c];
        assert_eq!((ask(&third, "x"), ask(&third, "y")), (vec![], vec!["c".to_owned()]));
        let graph = users.by_scope.lock().expect("nobody panics");
        assert_eq!(graph[&scope].by_hash.len(), 1, "what nobody refers to any more is not kept");
    }
}
