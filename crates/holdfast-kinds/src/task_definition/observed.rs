//! A revision as AWS describes it, in the shape of the spec.

use super::canonical::canonical;
use super::spec::Spec;
use crate::common::{Tags, text};
use crate::ecs;
use holdfast_core::observe::{Health, LiveState, Observation};
use holdfast_core::ownership::Ownership;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// A revision that AWS described.
///
/// `wire` is AWS's `taskDefinition`; `older` are the ARNs of our older active revisions, newest first; `declared` is
/// the spec that wants it, if one does.
pub(super) fn revision(wire: &Value, tags: Arc<Tags>, older: &[String], declared: Option<&Value>) -> Observation {
    let arn = text(wire, "taskDefinitionArn").unwrap_or_default();
    let family = text(wire, "family").unwrap_or_default();
    let mut fields = wire.clone();
    ecs::keep_known(&mut fields, schema(), schema());
    ecs::drop_empty(&mut fields);
    canonical(&mut fields);
    for role in ["taskRoleArn", "executionRoleArn"] {
        ecs::respell_role(&mut fields, declared, role);
    }
    let number = wire.get("revision").cloned().unwrap_or_default();
    Observation {
        id: arn.to_owned(),
        identity: family.to_owned(),
        tags,
        outputs: ecs::outputs(arn, arn, &[("family", json!(family)), ("revision", number)]),
        fields: fields.into(),
        unread: Vec::new(),
        state: LiveState::Settled,
        health: Health::Healthy,
        private: json!({ "older": older }).into(),
        ownership: Ownership::default(),
    }
}

/// Our older active revisions, newest first.
pub(super) fn older(live: &Observation) -> Vec<String> {
    let list = live.private.get("older").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The JSON Schema of the spec.
fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(Spec).to_value())
}
