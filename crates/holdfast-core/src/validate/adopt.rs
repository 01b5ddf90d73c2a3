//! What a resource names to be adopted.

use super::{Batch, Candidate};
use crate::handle::Arn;
use crate::policy::AdoptPolicy;
use crate::problem::{SpecError, clip};
use std::collections::BTreeMap;

impl Batch<'_> {
    /// Refuses an `adoptId` that names nothing of its kind, or where nothing is adopted.
    pub(super) fn check_adoptions(&mut self) {
        let mut errors: Vec<SpecError> = Vec::new();
        for stack in self.stacks.values() {
            if let (Some(pointer), Some(_)) = (&stack.pointer, &stack.spec.policy.adopt_id) {
                let message = "adoptId names one AWS thing, so it belongs into the policy of one resource.";
                errors.push(SpecError::new(format!("{pointer}/spec/policy/adoptId"), "not-here", message));
            }
        }
        let mut seen: BTreeMap<(&str, &str), &Candidate<'_>> = BTreeMap::new();
        for candidate in self.resources.iter().filter(|c| c.declared) {
            let Some(id) = &candidate.policy_own.adopt_id else { continue };
            let pointer = format!("{}/policy/adoptId", candidate.pointer);
            if let Some((code, message)) = self.wrong(candidate, id) {
                errors.push(SpecError::new(pointer, code, message));
            } else if let Some(twin) = seen.insert((&candidate.key.kind, id), candidate) {
                let message = format!("{} adopts {id} too. Only one resource can own it.", twin.key);
                errors.push(SpecError::new(pointer, "duplicate-identity", message));
            }
        }
        self.errors.extend(errors);
    }

    fn wrong(&self, candidate: &Candidate<'_>, id: &str) -> Option<(&'static str, String)> {
        let stack = self.stacks.get(&candidate.key.stack);
        let adopt = candidate.policy_own.adopt.or_else(|| stack?.spec.policy.adopt).unwrap_or_default();
        let is_said = candidate.policy_own.adopt.is_some() || self.is_known(&candidate.key.stack);
        if adopt == AdoptPolicy::Never && is_said {
            let message = "adoptId takes over nothing without policy.adopt: write \"required\", or \"ifExists\" to have it made \
                           where it does not exist.";
            return Some(("missing-field", message.to_owned()));
        }
        let kind = candidate.kind?;
        let shown = clip(id, 100);
        if (kind.handle().read)(id).is_none() {
            let message = format!("\"{shown}\" names no {}: adoptId takes {}.", kind.name(), kind.handle().form);
            return Some(("bad-pattern", message));
        }
        let region = Arn::parse(id).map(|a| a.region).filter(|r| !r.is_empty() && *r != candidate.scope.region)?;
        let message = format!("{shown} is in {region}, and {} lives in {}.", candidate.key, candidate.scope);
        Some(("wrong-region", message))
    }
}
