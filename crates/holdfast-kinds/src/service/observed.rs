//! A service as AWS describes it, in the shape of the spec.

use super::canonical::canonical;
use super::health::health;
use super::owners;
use super::spec::Spec;
use crate::common::{Tags, closed, text};
use crate::ecs;
use holdfast_core::kept::Folded;
use holdfast_core::observe::{LiveState, Observation};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// Prefix of the tags in which the values of `redeployOn` are kept with the service itself, so that they outlive
/// every store.
pub(super) const REDEPLOY_TAG: &str = "holdfast:redeploy:";

/// Fields that AWS answers with the primary deployment and not with the service.
const OF_DEPLOYMENT: [&str; 3] = ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];

/// How a service is found again: `cluster-name/serviceName`.
pub(super) fn identity(spec: &Value) -> Option<String> {
    let cluster = match spec.get("cluster") {
        None | Some(Value::Null) => "default",
        Some(_) => ecs::name_of(closed(spec, "cluster")?),
    };
    Some(format!("{cluster}/{}", closed(spec, "serviceName")?))
}

/// A service that AWS described; `None` if it is gone. `wire` is AWS's `Service`, `declared` the spec that wants it,
/// if one does.
pub(super) fn service(wire: &Value, tags: Tags, declared: Option<&Value>) -> Option<Observation> {
    let status = text(wire, "status").unwrap_or("ACTIVE");
    if status == "INACTIVE" {
        return None;
    }
    let (name, arn) = (text(wire, "serviceName")?, text(wire, "serviceArn")?);
    let cluster = ecs::name_of(text(wire, "clusterArn")?);
    let primary = primary_deployment(wire);
    let mut fields = fields(wire, cluster, primary, &tags);
    respell(&mut fields, declared);
    let outputs = [("serviceName", json!(name)), ("clusterName", json!(cluster))];
    Some(Observation {
        id: arn.to_owned(),
        identity: format!("{cluster}/{name}"),
        ownership: owners::infer(wire, primary, &fields),
        unread: Vec::new(),
        fields: fields.into(),
        tags: tags.into(),
        outputs: ecs::outputs(arn, arn, &outputs),
        state: match status {
            "ACTIVE" => LiveState::Settled,
            "DRAINING" => LiveState::Deleting(status.to_owned()),
            other => LiveState::Busy(other.to_owned()),
        },
        health: health(wire, primary),
        private: Folded::default(),
    })
}

/// The deployment that is to stay.
fn primary_deployment(wire: &Value) -> Option<&Value> {
    deployments(wire).find(|d| text(d, "status") == Some("PRIMARY"))
}

pub(super) fn deployments(wire: &Value) -> impl Iterator<Item = &Value> {
    wire.get("deployments").and_then(Value::as_array).into_iter().flatten()
}

fn fields(wire: &Value, cluster: &str, primary: Option<&Value>, tags: &Tags) -> Value {
    // Deployments and events are most of the answer and none of the spec.
    let known = schema().get("properties").and_then(Value::as_object);
    let mut fields: Map<String, Value> = wire
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| known.is_some_and(|k| k.contains_key(*key)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    fields.remove("tags");
    fields.insert("cluster".to_owned(), json!(cluster));
    if let Some(role) = wire.get("roleArn") {
        fields.insert("role".to_owned(), role.clone());
    }
    for field in OF_DEPLOYMENT {
        if let Some(value) = primary.and_then(|d| d.get(field)) {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    let kept = tags.iter().filter_map(|(k, v)| Some((k.strip_prefix(REDEPLOY_TAG)?.to_owned(), json!(v))));
    fields.insert("redeployOn".to_owned(), Value::Object(kept.collect()));
    let mut fields = Value::Object(fields);
    ecs::keep_known(&mut fields, schema(), schema());
    ecs::drop_empty(&mut fields);
    canonical(&mut fields);
    fields
}

/// Writes live values as the declaration does where both mean the same.
fn respell(fields: &mut Value, declared: Option<&Value>) {
    ecs::respell_role(fields, declared, "role");
    ecs::respell_namespace(
        fields.get_mut("serviceConnectConfiguration"),
        declared.and_then(|d| d.get("serviceConnectConfiguration")),
    );
    // A family without a revision means its newest, and any revision of it will do.
    let wanted = declared.and_then(|d| closed(d, "taskDefinition")).map(ecs::name_of).filter(|w| !w.contains(':'));
    if let (Some(family), Some(Value::String(live))) = (wanted, fields.get_mut("taskDefinition"))
        && live.split(':').next() == Some(family)
    {
        *live = family.to_owned();
    }
}

/// The JSON Schema of the spec.
fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(Spec).to_value())
}
