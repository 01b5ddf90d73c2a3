//! What is kept of a scope from sweep to sweep. Losing it costs calls, never correctness.

use super::lock;
use crate::common::Tags;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Three kinds of memory: what never changes, what is read in turns, and the tags last known for certain.
#[derive(Default)]
pub(crate) struct Cache {
    immutable: Mutex<BTreeMap<String, Arc<Value>>>,
    pub(super) attributes: Mutex<Attributes>,
    pub(super) tags: Mutex<BTreeMap<String, Arc<Tags>>>,
}

/// Attributes by ARN, each with the number of the audit that read it.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) by_arn: BTreeMap<String, (u64, Arc<Value>)>,
    pub(super) audits: u64,
}

impl Cache {
    /// What was kept for ever under `key`.
    pub(crate) fn immutable(&self, key: &str) -> Option<Arc<Value>> {
        lock(&self.immutable).get(key).cloned()
    }

    /// Keeps for ever what can never change: a task definition's revision.
    pub(crate) fn keep_immutable(&self, key: &str, value: Value) -> Arc<Value> {
        lock(&self.immutable).entry(key.to_owned()).or_insert_with(|| Arc::new(value)).clone()
    }

    /// Forgets the attributes and tags of a thing that was just written: they are read again in the next sweep.
    pub(crate) fn forget(&self, arn: &str) {
        lock(&self.attributes).by_arn.remove(arn);
        // An empty entry differs from whatever the feed says, so the next sweep asks the service itself.
        lock(&self.tags).insert(arn.to_owned(), Arc::default());
    }
}
