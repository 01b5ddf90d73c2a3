//! What is done about a cluster, and what AWS makes of it.

use super::observed::cluster;
use crate::common::{Retag, Tags, existing, heals};
use crate::ecs;
use holdfast_core::kind::{Context, Draft, Mint, Refusal};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// What can be done to a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub(crate) enum Action {
    /// CreateCluster.
    Create {
        /// The declared spec.
        spec: Value,
        /// All tags.
        tags: Tags,
    },
    /// UpdateCluster.
    Update {
        /// The cluster's name.
        cluster: String,
        /// The members that change, whole.
        fields: Map<String, Value>,
    },
    /// PutClusterCapacityProviders.
    PutCapacityProviders {
        /// The cluster's name.
        cluster: String,
        /// Both lists, whole.
        fields: Map<String, Value>,
    },
    /// TagResource and UntagResource.
    Tag {
        /// The cluster's name.
        cluster: String,
        /// By ARN.
        tags: Retag,
    },
    /// DeleteCluster.
    Delete {
        /// The cluster's name.
        cluster: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Create { spec, .. } => {
                write!(f, "create cluster {}", spec.get("clusterName").and_then(Value::as_str).unwrap_or("?"))
            }
            Action::Update { cluster, fields } => {
                let names: Vec<&str> = fields.keys().map(String::as_str).collect();
                write!(f, "update {} of cluster {cluster}", names.join(", "))
            }
            Action::PutCapacityProviders { cluster, .. } => write!(f, "put capacity providers of cluster {cluster}"),
            Action::Tag { tags, .. } => write!(f, "{tags}"),
            Action::Delete { cluster } => write!(f, "delete cluster {cluster}"),
        }
    }
}

/// The fields that PutClusterCapacityProviders sets, both at once.
const PROVIDERS: [&str; 2] = ["capacityProviders", "defaultCapacityProviderStrategy"];

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let mut spec = spec.clone();
    if let Value::Object(map) = &mut spec {
        map.shift_remove("tags");
    }
    crate::common::drop_nulls(&mut spec);
    vec![Draft::because(Action::Create { spec, tags: context.tags.clone() }, "create", "")]
}

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Vec<Draft<Action>> {
    let changed = ecs::changed_fields(diffs);
    let (providers, others): (Vec<_>, Vec<_>) = changed.iter().map(String::as_str).partition(|f| PROVIDERS.contains(f));
    let heals_of = |fields: &[&str]| fields.iter().flat_map(|f| heals(diffs, &format!("/{f}"))).collect();
    let whole = |field: &str| ecs::overlay(live.fields.get(field), spec.get(field).unwrap_or(&Value::Null));
    let mut steps = Vec::new();
    if !others.is_empty() {
        let fields = others.iter().map(|f| ((*f).to_owned(), or_reset(f, whole(f)))).collect();
        let update = Action::Update { cluster: live.identity.clone(), fields };
        steps.push(Draft::heal(update, "update", heals_of(&others)));
    }
    if !providers.is_empty() {
        let list = |f: &str| spec.get(f).or(live.fields.get(f)).filter(|v| !v.is_null()).cloned().unwrap_or(json!([]));
        let fields = PROVIDERS.iter().map(|f| ((*f).to_owned(), list(f))).collect();
        let put = Action::PutCapacityProviders { cluster: live.identity.clone(), fields };
        steps.push(Draft::heal(put, "update", heals_of(&providers)));
    }
    steps
}

/// How AWS is told that a field is to be unset.
fn or_reset(field: &str, value: Value) -> Value {
    match (field, &value) {
        ("serviceConnectDefaults", Value::Null) => json!({ "namespace": "" }),
        (_, Value::Null) => json!({}),
        _ => value,
    }
}

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &Mint,
) -> Result<Option<Observation>, Refusal> {
    match action {
        Action::Create { spec, tags } => {
            let mut wire = spec.as_object().cloned().unwrap_or_default();
            let name = crate::common::text(spec, "clusterName").unwrap_or("default").to_owned();
            wire.insert("clusterArn".to_owned(), json!(mint.arn("ecs", &format!("cluster/{name}"))));
            wire.insert("clusterName".to_owned(), json!(name));
            Ok(cluster(&Value::Object(wire), tags.clone(), Some(spec)))
        }
        Action::Update { cluster: name, fields } | Action::PutCapacityProviders { cluster: name, fields } => {
            let before = existing(before, name)?;
            let mut wire = before.fields.as_object().cloned().unwrap_or_default();
            wire.extend(fields.clone());
            wire.insert("clusterArn".to_owned(), json!(super::observed::arn(before)));
            Ok(cluster(&Value::Object(wire), Tags::clone(&before.tags), None))
        }
        Action::Tag { tags, .. } => tags.predict(before),
        Action::Delete { cluster } => existing(before, cluster).map(|_| None),
    }
}
