//! Which stored resources may be which live things, so that a declaration need not read all of its kind.

use holdfast_core::name::{ResourceKey, Scope};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By kind and scope, by a hash of the identity. It holds more than is true: who was declared once stays in it, so who
/// asks looks at the few that are named. It must never hold less: what is declared is entered before it is stored.
#[derive(Default)]
pub(crate) struct Claims {
    by_place: Mutex<BTreeMap<(String, Scope), Keys>>,
    hasher: RandomState,
}

type Keys = HashMap<u64, Vec<ResourceKey>>;

fn put(keys: &mut Keys, hash: u64, key: ResourceKey) {
    // Nearly always there is one.
    let known = keys.entry(hash).or_insert_with(|| Vec::with_capacity(1));
    if !known.contains(&key) {
        known.push(key);
    }
}

impl Claims {
    fn places(&self) -> MutexGuard<'_, BTreeMap<(String, Scope), Keys>> {
        self.by_place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that may have the identity; `all` reads everything stored of the kind in the scope, the first time.
    pub(crate) fn of<E>(
        &self,
        kind: &str,
        scope: &Scope,
        identity: &str,
        all: impl FnOnce() -> Result<Vec<(String, ResourceKey)>, E>,
    ) -> Result<Vec<ResourceKey>, E> {
        let (place, hash) = ((kind.to_owned(), scope.clone()), self.hasher.hash_one(identity));
        if let Some(keys) = self.places().get(&place) {
            return Ok(keys.get(&hash).cloned().unwrap_or_default());
        }
        let all = all()?;
        let mut places = self.places();
        // Somebody may have filled it meanwhile, and entered what had not been stored when this was read.
        let keys = places.entry(place).or_default();
        for (identity, key) in all {
            put(keys, self.hasher.hash_one(&identity), key);
        }
        Ok(keys.get(&hash).cloned().unwrap_or_default())
    }

    /// Takes in everything stored of the kind in the scope, unless that is known.
    pub(crate) fn fill(&self, kind: &str, scope: &Scope, all: impl FnOnce() -> Vec<(String, ResourceKey)>) {
        let read = || Ok::<_, Infallible>(all());
        let Ok(_) = self.of(kind, scope, "", read);
    }

    /// Enters what is about to be declared. Where nobody has asked yet, the first who does reads it.
    pub(crate) fn enter(&self, kind: &str, scope: &Scope, identity: &str, key: &ResourceKey) {
        if let Some(keys) = self.places().get_mut(&(kind.to_owned(), scope.clone())) {
            put(keys, self.hasher.hash_one(identity), key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_while_others_read_is_there_and_all_is_read_once() {
        let (claims, scope) = (Claims::default(), Scope::new("default", "eu-west-1"));
        let key = |name: &str| ResourceKey::new("s", "Group", name);
        let ask = |identity: &str, all: &dyn Fn() -> Vec<(String, ResourceKey)>| {
            claims.of::<()>("Group", &scope, identity, || Ok(all())).expect("it reads")
        };
        claims.enter("Group", &scope, "too early", &key("early"));
        let slow = || {
            let stored = vec![("a".to_owned(), key("one"))];
            ask("b", &|| stored.clone());
            claims.enter("Group", &scope, "b", &key("two"));
            stored
        };
        assert_eq!(ask("b", &slow), [key("two")]);
        let never = || unreachable!("it was read");
        assert_eq!((ask("a", &never), ask("too early", &never)), (vec![key("one")], vec![]));
        claims.enter("Group", &scope, "a", &key("three"));
        assert_eq!(ask("a", &never), [key("one"), key("three")]);
        assert!(claims.of("Group", &Scope::new("default", "eu-west-2"), "a", || Err("unreadable")).is_err());
        assert!(claims.of("Group", &Scope::new("default", "eu-west-2"), "a", || Err("unreadable")).is_err());
    }
}
