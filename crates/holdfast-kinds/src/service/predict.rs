//! What AWS makes of an action on a service.

use super::observed::service;
use super::plan::Action;
use crate::common::{Retag, Tags, existing, refusal, text};
use crate::ecs;
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{Mint, Refusal};
use holdfast_core::observe::Observation;
use serde_json::{Map, Value, json};

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &Mint,
) -> Result<Option<Observation>, Refusal> {
    match action {
        Action::Create { spec, tags } => created(spec, tags, mint).map(Some),
        Action::Update { service, fields, force, remember, .. } => {
            updated(existing(before, service)?, fields, *force, remember.as_ref())
        }
        Action::Tag(tags) => {
            let before = existing(before, &tags.id)?;
            updated(before, &Map::new(), false, Some(tags))
        }
        Action::Delete { service, .. } => existing(before, service).map(|_| None),
    }
}

fn created(spec: &Value, tags: &Tags, mint: &Mint) -> Result<Observation, Refusal> {
    let cluster = ecs::name_of(text(spec, "cluster").unwrap_or("default")).to_owned();
    let Some(name) = text(spec, "serviceName") else {
        return Err(refusal(ErrorClass::Rejected, "InvalidParameterException", "serviceName must not be empty."));
    };
    let mut wire = spec.as_object().cloned().unwrap_or_default();
    wire.insert("clusterArn".to_owned(), json!(mint.arn("ecs", &format!("cluster/{cluster}"))));
    wire.insert("serviceArn".to_owned(), json!(mint.arn("ecs", &format!("service/{cluster}/{name}"))));
    if let Some(role) = wire.shift_remove("role") {
        wire.insert("roleArn".to_owned(), role);
    }
    for (field, value) in [
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({ "type": "ECS" })),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
        ("propagateTags", json!("NONE")),
    ] {
        wire.entry(field).or_insert(value);
    }
    let words = "the service could not be described";
    steady(wire, tags.clone(), Some(spec)).ok_or_else(|| refusal(ErrorClass::Rejected, "ClientException", words))
}

fn updated(
    before: &Observation,
    fields: &Map<String, Value>,
    force: bool,
    remember: Option<&Retag>,
) -> Result<Option<Observation>, Refusal> {
    let mut wire = before.fields.as_object().cloned().unwrap_or_default();
    wire.extend(fields.clone());
    let cluster = text(&before.fields, "cluster").unwrap_or("default").to_owned();
    wire.insert("clusterArn".to_owned(), json!(cluster));
    wire.insert("serviceArn".to_owned(), json!(before.id));
    if let Some(role) = wire.shift_remove("role") {
        wire.insert("roleArn".to_owned(), role);
    }
    let mut tags = Tags::clone(&before.tags);
    if let Some(retag) = remember {
        retag.apply(&mut tags);
    }
    let mut after = steady(wire, tags, None);
    if let Some(after) = &mut after {
        // What starts no deployment changes nothing of what one owns. An autoscaler stays whatever is written.
        let deploys = force || fields.keys().any(|f| f != "desiredCount");
        let others = before.ownership.owners.iter().filter(|o| o.bounds.is_some());
        match deploys {
            true => after.ownership.owners.extend(others.cloned()),
            false => after.ownership = before.ownership.clone(),
        }
    }
    Ok(after)
}

/// The service once its deployment is done: all tasks run.
fn steady(mut wire: Map<String, Value>, tags: Tags, declared: Option<&Value>) -> Option<Observation> {
    let tasks = wire.get("desiredCount").cloned().unwrap_or(json!(0));
    wire.insert("runningCount".to_owned(), tasks);
    wire.insert("deployments".to_owned(), json!([{ "status": "PRIMARY", "rolloutState": "COMPLETED" }]));
    service(&Value::Object(wire), tags, declared)
}
