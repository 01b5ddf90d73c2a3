//! What is done about a task definition, and what AWS makes of it.

use super::canonical::shares_hosts_ports;
use super::observed::{older, revision};
use crate::common::{Retag, Tags, existing, heals, refusal};
use crate::ecs;
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{Context, Converge, Draft, Mint, Refusal};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::Arc;

/// Revisions of ours that stay active; older ones are deregistered.
pub(super) const KEPT_REVISIONS: usize = 10;

/// What can be done to a task definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub(crate) enum Action {
    /// RegisterTaskDefinition.
    Register {
        /// The declared spec.
        spec: Value,
        /// All tags of the revision.
        tags: Tags,
    },
    /// DeregisterTaskDefinition, once a revision.
    Deregister {
        /// The family.
        family: String,
        /// ARNs of the revisions.
        revisions: Vec<String>,
    },
    /// TagResource and UntagResource of the newest revision.
    Tag(Retag),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Register { spec, .. } => {
                write!(f, "register a revision of {}", spec.get("family").and_then(Value::as_str).unwrap_or("?"))
            }
            Action::Deregister { family, revisions } => {
                let numbers: Vec<&str> = revisions.iter().map(|arn| revision_number(arn)).collect();
                write!(f, "deregister {family} revision {}", numbers.join(", "))
            }
            Action::Tag(tags) => write!(f, "{tags}"),
        }
    }
}

fn revision_number(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn register(spec: &Value, context: &Context<'_>) -> Action {
    let mut spec = spec.clone();
    if let Value::Object(map) = &mut spec {
        map.shift_remove("tags");
    }
    crate::common::drop_nulls(&mut spec);
    Action::Register { spec, tags: context.tags.clone() }
}

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    vec![Draft::because(register(spec, context), "create", "").renewing(RENEWED)]
}

/// What a new revision changes for those who refer to it.
const RENEWED: &[&str] = &["id", "arn", "revision"];

pub(super) fn converge(
    spec: &Value,
    live: &Observation,
    diffs: &[FieldDiff],
    context: &Context<'_>,
) -> Converge<Action> {
    if !diffs.is_empty() {
        let step = Draft::heal(register(spec, context), "register", heals(diffs, ""));
        return Converge::Change(vec![step.renewing(RENEWED)]);
    }
    let surplus: Vec<String> = older(live).into_iter().skip(KEPT_REVISIONS - 1).collect();
    if surplus.is_empty() {
        return Converge::Change(Vec::new());
    }
    let why = format!("only the newest {KEPT_REVISIONS} revisions are kept active");
    Converge::Change(vec![Draft::because(deregister(live, surplus), "deregister", why)])
}

fn deregister(live: &Observation, revisions: Vec<String>) -> Action {
    Action::Deregister { family: live.identity.clone(), revisions }
}

pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    let mut revisions = vec![live.id.clone()];
    revisions.extend(older(live));
    vec![Draft::because(deregister(live, revisions), "delete", "")]
}

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    match action {
        Action::Register { spec, tags } => registered(before, spec, tags, mint).map(Some),
        Action::Deregister { family, revisions } => {
            let mut after = existing(before, family)?.clone();
            if revisions.contains(&after.id) {
                return Ok(None);
            }
            let left: Vec<String> = older(&after).into_iter().filter(|arn| !revisions.contains(arn)).collect();
            after.private = json!({ "older": left }).into();
            Ok(Some(after))
        }
        Action::Tag(tags) => tags.predict(before),
    }
}

fn registered(before: Option<&Observation>, spec: &Value, tags: &Tags, mint: &Mint) -> Result<Observation, Refusal> {
    let Some(family) = crate::common::text(spec, "family").filter(|f| !f.is_empty()) else {
        return Err(refusal(ErrorClass::Rejected, "ClientException", "Family should not be null or empty."));
    };
    let (mut kept, mut number) = (Vec::new(), 1);
    if let Some(before) = before {
        kept.push(before.id.clone());
        kept.extend(older(before));
        number = revision_number(&before.id).parse::<u64>().unwrap_or(0) + 1;
    }
    let mut wire = as_aws_answers(spec);
    wire.insert("taskDefinitionArn".to_owned(), json!(mint.arn("ecs", &format!("task-definition/{family}:{number}"))));
    wire.insert("revision".to_owned(), json!(number));
    Ok(revision(&Value::Object(wire), Arc::new(tags.clone()), &kept, Some(spec)))
}

/// The spec with all that AWS adds to it.
fn as_aws_answers(spec: &Value) -> Map<String, Value> {
    let mut wire = spec.clone();
    let same_port = shares_hosts_ports(spec);
    for list in ["volumes", "placementConstraints"] {
        fill(&mut wire, list, json!([]));
    }
    ecs::each_at(&mut wire, "/containerDefinitions/*", &mut |container| {
        fill(container, "cpu", json!(0));
        fill(container, "essential", json!(true));
        for list in ["environment", "mountPoints", "portMappings", "volumesFrom", "systemControls"] {
            fill(container, list, json!([]));
        }
    });
    ecs::each_at(&mut wire, "/containerDefinitions/*/portMappings/*", &mut |port| {
        fill(port, "protocol", json!("tcp"));
        let container_port = port.get("containerPort").cloned().unwrap_or_default();
        fill(port, "hostPort", if same_port { container_port } else { json!(0) });
    });
    wire.as_object().cloned().unwrap_or_default()
}

fn fill(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = object {
        map.entry(key.to_owned()).or_insert(value);
    }
}
