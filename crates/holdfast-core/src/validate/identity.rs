//! Two declarations of one live thing.

use super::{Batch, Candidate};
use crate::kind::AnyKind;
use crate::name::{ResourceKey, Scope};
use crate::problem::SpecError;
use crate::reference::{self, Reference, Worth};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The identity of the live thing that a spec declares. A reference stands for a value of its own: two specs that
/// refer to the same output at the same place declare the same value there.
pub fn identity(kind: &dyn AnyKind, spec: &Value, stack: &str) -> Option<String> {
    let mut spec = spec.clone();
    reference::fill(&mut spec, &mut |reference: &Reference| match reference.target(stack) {
        Some((key, output)) => {
            // Hexadecimal digits, so that no kind takes the value apart.
            let hash = blake3::hash(format!("{key}.{output}").as_bytes()).to_hex();
            Worth::Value(json!(format!("ref-{}", &hash[..32])))
        }
        None => Worth::Open,
    });
    kind.canonical(&mut spec);
    kind.identity(&spec)
}

impl Batch<'_> {
    /// Refuses a second declaration of the same live thing, in the body or beside it.
    pub(super) fn check_identities(&mut self) {
        let mut errors = Vec::new();
        let mut seen: BTreeMap<(&str, &Scope, String), &ResourceKey> = BTreeMap::new();
        for candidate in &self.resources {
            let (Some(kind), None) = (candidate.kind, &candidate.unusable) else { continue };
            let Some(own) = identity(kind, &candidate.spec, &candidate.key.stack) else { continue };
            let (name, scope) = (kind.name(), &candidate.scope);
            let twin = seen.get(&(name, scope, own.clone())).map(|k| (*k).clone());
            match twin.or_else(|| self.twin_beside(kind, scope, &own)) {
                Some(twin) => errors.push(duplicate(candidate, &twin, &own)),
                None => {
                    seen.insert((name, scope, own), &candidate.key);
                }
            }
        }
        self.errors.extend(errors);
    }

    /// What is stored beside the body, stays as it is, and is that same live thing.
    fn twin_beside(&self, kind: &dyn AnyKind, scope: &Scope, own: &str) -> Option<ResourceKey> {
        let claimants = self.world.stored.claimants(kind, scope, own).into_iter();
        let mut others = claimants.filter(|key| !self.index.contains_key(key) && !self.is_pruned(&key.stack));
        others.find(|key| {
            let stored = self.world.stored.resource(key).filter(|r| !r.deleting && r.scope == *scope);
            stored.and_then(|r| identity(kind, &r.spec, &key.stack)).is_some_and(|theirs| theirs == own)
        })
    }
}

fn duplicate(candidate: &Candidate<'_>, twin: &ResourceKey, identity: &str) -> SpecError {
    // An identity that hangs on a reference is of no use to a reader.
    let of = if identity.contains("ref-") { String::new() } else { format!(" (\"{identity}\")") };
    let message = format!(
        "{} and {twin} declare the same thing in {}{of}. Only one resource can own it: remove one, or give one another name.",
        candidate.key, candidate.scope
    );
    SpecError::new(&candidate.pointer, "duplicate-identity", message)
}
