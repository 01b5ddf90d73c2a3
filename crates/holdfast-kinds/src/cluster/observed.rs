//! A cluster as AWS describes it, in the shape of the spec.

use super::Cluster;
use super::spec::Spec;
use crate::common::{Tags, text};
use crate::ecs;
use holdfast_core::kept::Folded;
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Health, LiveState, Observation};
use holdfast_core::ownership::Ownership;
use holdfast_core::reference::is_open;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// A cluster that AWS described; `None` if it is gone. `wire` is AWS's `Cluster`, `declared` the spec that wants it,
/// if one does.
pub(super) fn cluster(wire: &Value, tags: Tags, declared: Option<&Value>) -> Option<Observation> {
    let status = text(wire, "status").unwrap_or("ACTIVE");
    if status == "INACTIVE" {
        return None;
    }
    let (name, arn) = (text(wire, "clusterName")?, text(wire, "clusterArn")?);
    let mut fields = wire.clone();
    ecs::keep_known(&mut fields, schema(), schema());
    ecs::drop_empty(&mut fields);
    // AWS always answers the settings; an imitation that does not has them at their defaults.
    if let Value::Object(map) = &mut fields {
        map.entry("settings").or_insert_with(|| json!([]));
    }
    ecs::respell_namespace(
        fields.get_mut("serviceConnectDefaults"),
        declared.and_then(|d| d.get("serviceConnectDefaults")),
    );
    Cluster::canonical(&mut fields);
    Some(Observation {
        id: name.to_owned(),
        identity: name.to_owned(),
        tags: tags.into(),
        fields: fields.into(),
        unread: Vec::new(),
        outputs: ecs::outputs(name, arn, &[("clusterName", json!(name))]),
        state: state(status, text(wire, "attachmentsStatus")),
        health: health(status),
        private: Folded::default(),
        ownership: Ownership::default(),
    })
}

fn state(status: &str, attachments: Option<&str>) -> LiveState {
    match (status, attachments) {
        ("DEPROVISIONING", _) => LiveState::Deleting(status.to_owned()),
        ("FAILED", _) => LiveState::Failed("AWS could not make the cluster's capacity providers".to_owned()),
        ("PROVISIONING", _) => LiveState::Busy(status.to_owned()),
        (_, Some("UPDATE_IN_PROGRESS")) => LiveState::Busy("capacity providers UPDATE_IN_PROGRESS".to_owned()),
        _ => LiveState::Settled,
    }
}

fn health(status: &str) -> Health {
    match status {
        "ACTIVE" => Health::Healthy,
        "FAILED" => Health::Degraded("the cluster is FAILED".to_owned()),
        other => Health::Progressing(format!("the cluster is {other}")),
    }
}

/// The ARN of a live cluster.
pub(super) fn arn(live: &Observation) -> String {
    live.outputs.get("arn").and_then(Value::as_str).filter(|arn| !is_open(arn)).unwrap_or(&live.id).to_owned()
}

/// The JSON Schema of the spec.
fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(Spec).to_value())
}
