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
fn identity(kind: &dyn AnyKind, spec: &Value, stack: &str) -> Option<String> {
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
        let mut beside: BTreeMap<(&str, &Scope), BTreeMap<String, ResourceKey>> = BTreeMap::new();
        for candidate in &self.resources {
            let (Some(kind), true) = (candidate.kind, candidate.sound) else { continue };
            let Some(own) = identity(kind, &candidate.spec, &candidate.key.stack) else { continue };
            let (name, scope) = (kind.name(), &candidate.scope);
            let stored = beside.entry((name, scope)).or_insert_with(|| self.identities_beside(kind, scope));
            let twin =
                seen.get(&(name, scope, own.clone())).map(|k| (*k).clone()).or_else(|| stored.get(&own).cloned());
            match twin {
                Some(twin) => errors.push(duplicate(candidate, &twin, &own)),
                None => {
                    seen.insert((name, scope, own), &candidate.key);
                }
            }
        }
        self.errors.extend(errors);
    }

    /// The identities of what is stored of a kind in a scope and stays as it is.
    fn identities_beside(&self, kind: &dyn AnyKind, scope: &Scope) -> BTreeMap<String, ResourceKey> {
        let stored = self.world.stored.resources_like(kind.name(), scope).into_iter();
        stored
            .filter(|r| !r.deleting && !self.index.contains_key(&r.key) && !self.is_pruned(&r.key.stack))
            .filter_map(|r| Some((identity(kind, &r.spec, &r.key.stack)?, r.key)))
            .collect()
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
