//! What was seen: observations, readings, snapshots. Known, unknown and absent are three things.

use crate::kept::Folded;
use crate::name::{KindName, ResourceKey, Scope};
use crate::outputs::Outputs;
use crate::ownership::Ownership;
use crate::spec::OpenSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One live AWS thing, in the shape of its kind's spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// AWS's own handle, what the kind's actions take: an id (`sg-…`) or an ARN.
    pub id: String,
    /// The canonical identity, in the form that [`Kind::identity`](crate::kind::Kind::identity) gives for a spec.
    pub identity: String,
    /// All live tags, owner tags and `aws:` tags included.
    pub tags: Arc<BTreeMap<String, String>>,
    /// The live fields in canonical form, in the shape of the spec, without `tags`.
    pub fields: Folded,
    /// JSON Pointers of fields that this sweep did not read: unknown, and never drift.
    #[serde(default)]
    pub unread: Vec<String>,
    /// What references can take: `id`, `arn`, and the kind's own.
    pub outputs: Outputs,
    /// Whether AWS lets it be written.
    pub state: LiveState,
    /// Whether it works.
    pub health: Health,
    /// What the kind's actions need and nobody compares (rule ids, revision lists).
    #[serde(default)]
    pub private: Folded,
    /// Which of its fields, and of others', somebody else sets.
    #[serde(default, skip_serializing_if = "Ownership::is_empty")]
    pub ownership: Ownership,
}

/// Whether AWS lets a thing be written now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "why")]
pub enum LiveState {
    /// It can be written.
    Settled,
    /// AWS forbids writes for now (creating, modifying); the text is AWS's state.
    Busy(String),
    /// It is on its way out; not live any more, but its name is still taken.
    Deleting(String),
    /// AWS says it failed.
    Failed(String),
}

/// Whether a thing works, apart from being as declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "why")]
pub enum Health {
    /// It works.
    Healthy,
    /// Not yet, with what is still missing.
    Progressing(String),
    /// It does not, with the reason.
    Degraded(String),
}

/// What a sweep wants of one kind: everything declared of it in the scope.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The declared resources of this kind, those that are being deleted included.
    pub resources: Vec<WantedResource>,
}

/// One declared resource, as far as the sweep may use it to read in batches.
#[derive(Clone, Debug)]
pub struct WantedResource {
    /// Whose.
    pub key: ResourceKey,
    /// Its uid: the value of the owner tag.
    pub uid: String,
    /// AWS's handle as last known, from an earlier observation or a create's answer.
    pub id: Option<String>,
    /// The identity that it may have been created with, while nobody has seen it: by now it may be declared as another.
    pub made_as: Option<String>,
    /// The spec with all references filled in that are known now; the others still stand as `${…}`.
    pub spec: OpenSpec,
}

impl WantedResource {
    /// Wanted under its handle, if one is known, and under what it is declared as.
    pub fn new(key: ResourceKey, uid: String, id: Option<String>, spec: OpenSpec) -> Self {
        Self { key, uid, id, made_as: None, spec }
    }
}

/// What was read of one kind.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The live things found: ours, and others of a wanted identity. Others still may be present.
    pub observations: Vec<Arc<Observation>>,
    /// What could not be read. An empty list means that what is not in `observations` is absent.
    pub gaps: Vec<Gap>,
    /// What could not be read of things that are among `observations`, whose `unread` says which fields those are.
    pub parts: Vec<Gap>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The AWS operation that failed.
    pub operation: String,
    /// The ids or identities concerned; empty means all of the kind.
    pub of: Vec<String>,
    /// Why, in AWS's words, with the request id.
    pub reason: String,
    /// AWS wants patience or did not answer: soon it may be readable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passing: bool,
}

impl Gap {
    /// A gap that stays until somebody does something about it.
    pub fn new(operation: impl Into<String>, of: Vec<String>, reason: impl Into<String>) -> Self {
        Self { operation: operation.into(), of, reason: reason.into(), passing: false }
    }

    /// The same, which may be gone soon.
    #[must_use]
    pub fn passing(self) -> Self {
        Self { passing: true, ..self }
    }
}

/// All that one sweep saw of one scope.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Where.
    pub scope: Scope,
    /// When the sweep began.
    pub taken_at: jiff::Timestamp,
    /// What, by kind. A kind that is not here was not asked for.
    pub kinds: BTreeMap<KindName, Reading>,
}

impl Wanted {
    /// Lets go of the trees of the specs that were looked into.
    pub fn close(&mut self) {
        self.resources.iter_mut().for_each(|one| one.spec.close());
    }
}

impl Observation {
    /// Its tags, to be changed.
    pub fn tags_mut(&mut self) -> &mut BTreeMap<String, String> {
        Arc::make_mut(&mut self.tags)
    }

    /// Keeps the text of what few look into.
    pub fn fold(&mut self) {
        self.fields.fold();
        self.private.fold();
        self.outputs.fold();
    }

    /// The same, [folded](Self::fold).
    #[must_use]
    pub fn folded(mut self) -> Self {
        self.fold();
        self
    }

    /// The uid in the owner tag, if it has one.
    pub fn owner_uid(&self) -> Option<&str> {
        self.tags.get(crate::name::UID_TAG).map(String::as_str)
    }
    /// `stack/Kind/name` in the owner tag, if it has one.
    pub fn owner_resource(&self) -> Option<&str> {
        self.tags.get(crate::name::RESOURCE_TAG).map(String::as_str)
    }
}

impl Gap {
    /// True if this gap leaves `id` or `identity` unknown.
    pub fn hides(&self, id: Option<&str>, identity: Option<&str>) -> bool {
        self.of.is_empty() || self.of.iter().any(|o| Some(o.as_str()) == id || Some(o.as_str()) == identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_hides_what_it_names_and_everything_if_it_names_nothing() {
        let of = |names: &[&str]| Gap::new("Describe", names.iter().map(|n| (*n).to_owned()).collect(), "denied");
        assert!(of(&[]).hides(None, None) && of(&[]).hides(Some("id-1"), Some("web")));
        assert!(of(&["id-1"]).hides(Some("id-1"), None) && of(&["web"]).hides(Some("id-2"), Some("web")));
        assert!(!of(&["id-1", "web"]).hides(Some("id-2"), Some("api")) && !of(&["id-1"]).hides(None, None));
    }
}
