//! Policy: what Holdfast may do on its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Policy as written on a stack or a resource; what is absent is inherited, field by field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// What a live change gets. Default `heal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftPolicy>,
    /// What a new generation gets. Default `auto`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutPolicy>,
    /// What happens live when the declaration goes. Default `retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion: Option<DeletionPolicy>,
    /// Nothing may delete or replace it, not even an explicit delete, until this is lifted. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protect: Option<bool>,
    /// Whether a change that AWS cannot make in place may make a new thing, or stop the live one for a while. Default
    /// `never`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<ReplacePolicy>,
    /// Fields whose live changes are nobody's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Vec<Ignore>>,
    /// Whether an existing unowned AWS resource of the same identity is taken over. Default `never`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<AdoptPolicy>,
    /// AWS's id or ARN of the very thing to take over, where its identity does not say enough. On a resource only, and
    /// together with `adopt`: nothing else is taken over then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt_id: Option<String>,
}

/// What a live change gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DriftPolicy {
    /// Reported and put back.
    #[default]
    Heal,
    /// Reported only.
    Report,
}

/// What a new generation gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RolloutPolicy {
    /// Applied at once.
    #[default]
    Auto,
    /// Held until its plan is approved by hash; drift of what was approved before still heals.
    Approve,
}

/// What happens live when the declaration goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeletionPolicy {
    /// The live thing stays and is no longer looked at.
    #[default]
    Retain,
    /// The live thing is deleted, within the deletion budget, and its data with it.
    Delete,
    /// As `delete`, with a final snapshot of its data where the kind has one. On a resource of a kind that has none it is
    /// refused; on a stack it is as `delete` for those.
    Snapshot,
}

/// Whether a create-only change may make a new thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReplacePolicy {
    /// Refused, with the fields named.
    #[default]
    Never,
    /// Allowed, make before break, within the replacement budget: where the name changes too, so that both can stand
    /// side by side until nothing refers to the old one.
    Allow,
}

/// Whether an unowned thing of the same identity is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AdoptPolicy {
    /// It is a conflict: reported, never touched.
    #[default]
    Never,
    /// Taken over if it exists, created if not.
    IfExists,
    /// Must exist; never created.
    Required,
}

/// One field whose live changes are not reported and not healed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ignore {
    /// JSON Pointer into the spec; `*` matches one segment.
    pub path: String,
    /// Why, for the person who finds it later.
    pub reason: String,
    /// RFC 3339 time after which it no longer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<jiff_timestamp::Until>,
}

/// RFC 3339 timestamps with a JSON Schema.
pub mod jiff_timestamp {
    use super::{Deserialize, JsonSchema, Serialize};

    /// A point in time, RFC 3339 in JSON.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct Until(pub jiff::Timestamp);

    impl JsonSchema for Until {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Timestamp".into()
        }
        fn inline_schema() -> bool {
            true
        }
        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({ "type": "string", "format": "date-time" })
        }
    }
}

impl Policy {
    /// `self` (a resource's) over `base` (its stack's), field by field.
    #[must_use]
    pub fn over(&self, base: &Policy) -> Policy {
        Policy {
            drift: self.drift.or(base.drift),
            rollout: self.rollout.or(base.rollout),
            deletion: self.deletion.or(base.deletion),
            protect: self.protect.or(base.protect),
            replace: self.replace.or(base.replace),
            ignore: self.ignore.clone().or_else(|| base.ignore.clone()),
            adopt: self.adopt.or(base.adopt),
            adopt_id: self.adopt_id.clone(),
        }
    }

    /// The entry that has `pointer` ignored at `now`.
    pub fn ignoring(&self, pointer: &str, now: jiff::Timestamp) -> Option<&Ignore> {
        let mut entries = self.ignore.iter().flatten();
        entries.find(|i| i.until.is_none_or(|u| u.0 > now) && crate::pointer::covers(&i.path, pointer))
    }
}
