//! What is done about a service.

use super::facts::table;
use super::observed::REDEPLOY_TAG;
use crate::common::{Retag, Tags, heals, text};
use crate::ecs;
use holdfast_core::facts::{Facts, Scene};
use holdfast_core::kind::{Context, Converge, Draft};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// What can be done to a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub(crate) enum Action {
    /// CreateService.
    Create {
        /// The declared spec.
        spec: Value,
        /// All tags.
        tags: Tags,
    },
    /// UpdateService, once.
    Update {
        /// The cluster's name.
        cluster: String,
        /// The service's name.
        service: String,
        /// The members that change, whole.
        fields: Map<String, Value>,
        /// Whether a new deployment starts even if nothing else would start one.
        force: bool,
        /// The tags that remember `redeployOn`, if they change.
        remember: Option<Retag>,
    },
    /// TagResource and UntagResource.
    Tag(Retag),
    /// DeleteService.
    Delete {
        /// The cluster's name.
        cluster: String,
        /// The service's name.
        service: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Create { spec, .. } => {
                let name = text(spec, "serviceName").unwrap_or("?");
                write!(f, "create service {name} in cluster {}", text(spec, "cluster").unwrap_or("default"))
            }
            Action::Update { fields, force, .. } => {
                let said = fields.iter().map(|(name, value)| match value {
                    Value::String(_) | Value::Number(_) | Value::Bool(_) => format!("{name} {}", plain(value)),
                    _ => name.clone(),
                });
                let said: Vec<String> = said.collect();
                match (said.is_empty(), force) {
                    (true, _) => write!(f, "force a new deployment"),
                    (false, true) => write!(f, "update {}, forcing a new deployment", said.join(", ")),
                    (false, false) => write!(f, "update {}", said.join(", ")),
                }
            }
            Action::Tag(tags) => write!(f, "{tags}"),
            Action::Delete { cluster, service } => write!(f, "delete service {service} of cluster {cluster}"),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let mut spec = spec.clone();
    crate::common::drop_nulls(&mut spec);
    let mut tags = context.tags.clone();
    if let Value::Object(map) = &mut spec {
        map.shift_remove("tags");
        tags.extend(redeploy_tags(map.shift_remove("redeployOn").as_ref()));
        // AWS wants a count for REPLICA. Who declares none starts with one task and leaves it to others from then on.
        if map.get("schedulingStrategy").and_then(Value::as_str) != Some("DAEMON") {
            map.entry("desiredCount").or_insert(json!(1));
        }
    }
    vec![Draft::because(Action::Create { spec, tags }, "create", "")]
}

/// The tags that remember `redeployOn`.
fn redeploy_tags(redeploy_on: Option<&Value>) -> Tags {
    let values = redeploy_on.and_then(Value::as_object).into_iter().flatten();
    values.filter(|(_, v)| !v.is_null()).map(|(k, v)| (format!("{REDEPLOY_TAG}{k}"), plain(v))).collect()
}

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action> {
    if diffs.is_empty() {
        return Converge::Change(Vec::new());
    }
    let mut changed = ecs::changed_fields(diffs);
    let redeploys = changed.iter().any(|f| f == "redeployOn");
    changed.retain(|f| f != "redeployOn");
    // AWS uses another strategy only for tasks it starts from then on.
    let force = redeploys || changed.iter().any(|f| f == "capacityProviderStrategy");
    let (cluster, service) = names(live);
    let action = Action::Update {
        cluster,
        service,
        fields: changed.iter().map(|f| (f.clone(), wanted(spec, live, f))).collect(),
        force,
        remember: redeploys.then(|| remember(spec, live)),
    };
    Converge::Change(vec![Draft::heal(action, "update", heals(diffs, ""))])
}

/// A field as UpdateService takes it: whole, with what is live where nothing is declared.
fn wanted(spec: &Value, live: &Observation, field: &str) -> Value {
    let scene = Scene { desired: spec, live: &live.fields, facts: table() };
    let facts = scene.facts.child(field);
    let declared = spec.get(field).unwrap_or(&Value::Null);
    or_default(ecs::overlay(live.fields.get(field), &or_default(declared.clone(), facts, &scene)), facts, &scene)
}

/// Nulls as AWS's defaults: that is how it is told to unset something.
fn or_default(value: Value, facts: &Facts, scene: &Scene<'_>) -> Value {
    match value {
        Value::Null => facts.default_in(scene).cloned().unwrap_or(Value::Null),
        Value::Object(map) => {
            map.into_iter().map(|(key, inner)| (key.clone(), or_default(inner, facts.child(&key), scene))).collect()
        }
        other => other,
    }
}

fn remember(spec: &Value, live: &Observation) -> Retag {
    let set = redeploy_tags(spec.get("redeployOn"));
    let stale = |key: &&String| key.starts_with(REDEPLOY_TAG) && !set.contains_key(*key);
    let remove: BTreeSet<String> = live.tags.keys().filter(stale).cloned().collect();
    Retag { id: live.id.clone(), set, remove }
}

/// Cluster and service, by name.
fn names(live: &Observation) -> (String, String) {
    let (cluster, service) = live.identity.split_once('/').unwrap_or(("default", &live.identity));
    (cluster.to_owned(), service.to_owned())
}

pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    let (cluster, service) = names(live);
    let mut steps = Vec::new();
    let tasks = live.fields.get("desiredCount").and_then(Value::as_i64).unwrap_or(0);
    if tasks > 0 && text(&live.fields, "schedulingStrategy") != Some("DAEMON") {
        let scale = Action::Update {
            cluster: cluster.clone(),
            service: service.clone(),
            fields: Map::from_iter([("desiredCount".to_owned(), json!(0))]),
            force: false,
            remember: None,
        };
        steps.push(Draft::because(scale, "delete", "its tasks stop before it goes"));
    }
    steps.push(Draft::because(Action::Delete { cluster, service }, "delete", ""));
    steps
}
