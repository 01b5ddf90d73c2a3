//! ECS: JSON calls.

use super::region::{Refusal, Region, Thing, need, overlay, page, page_size, refusal, tag_list, tags_of};
use super::wire::{text, texts};
use serde_json::{Value, json};

/// The JSON of the answer to a call.
pub(crate) fn answer(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    match action {
        "CreateCluster" => create_cluster(region, input),
        "DescribeClusters" => Ok(describe_clusters(region, input)),
        "RegisterTaskDefinition" => register(region, input),
        "DescribeTaskDefinition" => describe_definition(region, input),
        "ListTaskDefinitions" => Ok(list_definitions(region, input)),
        "CreateService" => create_service(region, input),
        "UpdateService" => update_service(region, input),
        "DescribeServices" => describe_services(region, input),
        "ListServices" => list_services(region, input),
        "ListTagsForResource" => list_tags(region, input),
        "TagResource" | "UntagResource" => retag(region, action, input),
        _ => Err(refusal("InvalidParameterException", format!("The stand-in does not know the action {action}"))),
    }
}

fn tag(input: &Value) -> std::collections::BTreeMap<String, String> {
    tags_of(input.get("tags"), "key", "value")
}

/// A description with its tags inside.
fn write(thing: &Thing) -> String {
    let mut doc = thing.doc.clone();
    doc["tags"] = tag_list(&thing.tags, "key", "value");
    doc.to_string()
}

/// A revision: its tags stand beside it.
fn write_revision(thing: &Thing) -> String {
    json!({ "taskDefinition": thing.doc, "tags": tag_list(&thing.tags, "key", "value") }).to_string()
}

/// The part of an ARN that its owner gave, or the name that it is already.
fn name(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn create_cluster(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let name = need(input, "clusterName")?;
    let mut doc = json!({ "clusterArn": region.arn("ecs", &format!("cluster/{name}")), "clusterName": name, "status": "ACTIVE",
        "registeredContainerInstancesCount": 0, "runningTasksCount": 0, "pendingTasksCount": 0, "activeServicesCount": 0, "statistics": [],
        "settings": [{ "name": "containerInsights", "value": "disabled" }], "capacityProviders": [], "defaultCapacityProviderStrategy": [] });
    overlay(
        &mut doc,
        given(input, &["settings", "configuration", "capacityProviders", "defaultCapacityProviderStrategy"]),
    );
    region.put("cluster", name, Thing { doc, tags: tag(input), ..Thing::default() }, write);
    Ok(format!("{{\"cluster\":{}}}", region.find("cluster", name, "ClusterNotFoundException")?.sent))
}

/// The members of an input that are there.
fn given(input: &Value, members: &[&str]) -> Value {
    let found = members.iter().filter_map(|m| Some(((*m).to_owned(), input.get(*m)?.clone())));
    Value::Object(found.collect())
}

/// Descriptions that are written already, in a list.
fn joined<'t>(sent: impl Iterator<Item = &'t Thing>) -> String {
    sent.map(|t| t.sent.as_str()).collect::<Vec<_>>().join(",")
}

fn describe_clusters(region: &mut Region, input: &Value) -> String {
    let names = texts(input, "clusters");
    let missing =
        |n: &String| json!({ "arn": region.arn("ecs", &format!("cluster/{}", name(n))), "reason": "MISSING" });
    let failures: Vec<Value> = names.iter().map(missing).collect();
    let table = region.table("cluster");
    let (found, lost): (Vec<usize>, Vec<usize>) = (0..names.len()).partition(|i| table.contains_key(name(&names[*i])));
    let failures: Value = lost.iter().map(|i| failures[*i].clone()).collect();
    let found = found.iter().filter_map(|i| table.get(name(&names[*i])));
    format!("{{\"clusters\":[{}],\"failures\":{failures}}}", joined(found))
}

/// What ECS adds to a container that does not say it.
fn container(container: &mut Value) {
    let defaults = [("cpu", json!(0)), ("essential", json!(true))];
    let lists = ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"];
    if let Some(members) = container.as_object_mut() {
        for (member, value) in defaults.into_iter().chain(lists.map(|l| (l, json!([])))) {
            members.entry(member).or_insert(value);
        }
    }
}

fn register(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let family = need(input, "family")?;
    let newest = region.table("family").entry(family.to_owned()).or_default();
    let revision = newest.doc.as_u64().unwrap_or(0) + 1;
    newest.doc = revision.into();
    let arn = region.arn("ecs", &format!("task-definition/{family}:{revision}"));
    let mut doc = input.clone();
    if let Some(members) = doc.as_object_mut() {
        members.remove("tags");
    }
    doc["containerDefinitions"].as_array_mut().into_iter().flatten().for_each(container);
    let attributes = json!([{ "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" }, { "name": "ecs.capability.task-eni" }]);
    overlay(
        &mut doc,
        json!({ "taskDefinitionArn": arn, "revision": revision, "status": "ACTIVE", "requiresAttributes": attributes,
            "compatibilities": ["EC2", "FARGATE"], "registeredAt": 1_767_225_600.5, "registeredBy": region.arn("iam", "user/bench") }),
    );
    for list in ["volumes", "placementConstraints"] {
        if doc.get(list).is_none() {
            doc[list] = json!([]);
        }
    }
    region.put("definition", &arn, Thing { doc, tags: tag(input), ..Thing::default() }, write_revision);
    Ok(region.find("definition", &arn, "ClientException")?.sent.clone())
}

fn describe_definition(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let asked = need(input, "taskDefinition")?;
    let mut arn = match asked.starts_with("arn:") {
        true => asked.to_owned(),
        false => region.arn("ecs", &format!("task-definition/{asked}")),
    };
    if !name(&arn).contains(':') {
        let newest = region.table("family").get(name(asked)).and_then(|f| f.doc.as_u64()).unwrap_or(0);
        arn = format!("{arn}:{newest}");
    }
    let found = region.table("definition").get(&arn);
    found.map(|t| t.sent.clone()).ok_or_else(|| refusal("ClientException", "Unable to describe task definition."))
}

fn list_definitions(region: &mut Region, input: &Value) -> String {
    let (size, family) = (page_size(input, "maxResults", 100), text(input, "familyPrefix").map(str::to_owned));
    let wanted = |thing: &Thing| family.as_deref().is_none_or(|f| thing.doc["family"] == f);
    let (items, token) = page(region.table("definition"), text(input, "nextToken"), size, |_, thing| wanted(thing));
    let arns: Vec<&str> = items.iter().map(|(arn, _)| *arn).collect();
    json!({ "taskDefinitionArns": arns, "nextToken": token }).to_string()
}

const NO_CLUSTER: &str = "ClusterNotFoundException";

/// The name of the cluster that a call is about, which must be there.
fn cluster(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let asked = name(text(input, "cluster").unwrap_or("default")).to_owned();
    region.find("cluster", &asked, NO_CLUSTER)?;
    Ok(asked)
}

fn create_service(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (cluster, name) = (cluster(region, input)?, need(input, "serviceName")?.to_owned());
    let key = format!("{cluster}/{name}");
    if region.table("service").contains_key(&key) {
        return Err(refusal("InvalidParameterException", "Creation of service was not idempotent."));
    }
    let mut doc = json!({ "serviceArn": region.arn("ecs", &format!("service/{key}")), "serviceName": name,
        "clusterArn": region.arn("ecs", &format!("cluster/{cluster}")), "loadBalancers": [], "serviceRegistries": [], "status": "ACTIVE",
        "pendingCount": 0, "platformVersion": "LATEST", "platformFamily": "Linux", "placementConstraints": [], "placementStrategy": [],
        "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": false, "rollback": false }, "maximumPercent": 200,
            "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0 },
        "roleArn": "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "events": [{ "id": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "createdAt": 1_767_225_600.5, "message": "(service app) has reached a steady state." }],
        "createdAt": 1_767_225_600.5, "schedulingStrategy": "REPLICA", "deploymentController": { "type": "ECS" },
        "createdBy": region.arn("iam", "user/bench"), "enableECSManagedTags": false, "propagateTags": "NONE", "enableExecuteCommand": false,
        "availabilityZoneRebalancing": "ENABLED" });
    let members = [
        "loadBalancers",
        "serviceRegistries",
        "desiredCount",
        "launchType",
        "taskDefinition",
        "networkConfiguration",
        "healthCheckGracePeriodSeconds",
        "deploymentConfiguration",
        "enableExecuteCommand",
        "propagateTags",
        "availabilityZoneRebalancing",
    ];
    overlay(&mut doc, given(input, &members));
    deploy(&mut doc);
    region.put("service", &key, Thing { doc, tags: tag(input), ..Thing::default() }, write);
    Ok(format!("{{\"service\":{}}}", region.find("service", &key, NO_SERVICE)?.sent))
}

const NO_SERVICE: &str = "ServiceNotFoundException";

/// What is asked for runs at once, in one deployment that is complete.
fn deploy(doc: &mut Value) {
    doc["runningCount"] = doc["desiredCount"].clone();
    let mut deployment = json!({ "id": "ecs-svc/0123456789012345678", "status": "PRIMARY", "pendingCount": 0, "failedTasks": 0,
        "createdAt": 1_767_225_600.5, "updatedAt": 1_767_225_600.5, "rolloutState": "COMPLETED",
        "rolloutStateReason": "ECS deployment ecs-svc/0123456789012345678 completed." });
    let members = [
        "taskDefinition",
        "desiredCount",
        "runningCount",
        "launchType",
        "platformVersion",
        "platformFamily",
        "networkConfiguration",
    ];
    overlay(&mut deployment, given(doc, &members));
    doc["deployments"] = json!([deployment]);
}

fn update_service(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let key = format!("{}/{}", cluster(region, input)?, name(need(input, "service")?));
    let mut set = input.clone();
    if let Some(members) = set.as_object_mut() {
        members.retain(|k, _| !["cluster", "service", "forceNewDeployment"].contains(&k.as_str()));
    }
    let thing = region.change("service", &key, NO_SERVICE, write, |service| {
        overlay(&mut service.doc, set);
        deploy(&mut service.doc);
    })?;
    Ok(format!("{{\"service\":{}}}", thing.sent))
}

fn describe_services(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (cluster, names) = (cluster(region, input)?, texts(input, "services"));
    if names.len() > 10 {
        return Err(refusal("InvalidParameterException", "Services cannot be more than 10."));
    }
    let missing = |n: &String| json!({ "arn": region.arn("ecs", &format!("service/{cluster}/{}", name(n))), "reason": "MISSING" });
    let failures: Vec<Value> = names.iter().map(missing).collect();
    let table = region.table("service");
    let found: Vec<Option<&Thing>> = names.iter().map(|n| table.get(&format!("{cluster}/{}", name(n)))).collect();
    let failures: Value =
        failures.into_iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(failure, _)| failure).collect();
    Ok(format!("{{\"services\":[{}],\"failures\":{failures}}}", joined(found.into_iter().flatten())))
}

fn list_services(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let cluster = format!("{}/", cluster(region, input)?);
    let size = page_size(input, "maxResults", 100);
    let after = text(input, "nextToken").unwrap_or(&cluster).to_owned();
    let (items, token) = page(region.table("service"), Some(&after), size, |key, _| key.starts_with(&cluster));
    let arns: Vec<&Value> = items.iter().map(|(_, thing)| &thing.doc["serviceArn"]).collect();
    Ok(json!({ "serviceArns": arns, "nextToken": token }).to_string())
}

/// The table and key of an ARN.
fn place(arn: &str) -> (&'static str, String, fn(&Thing) -> String) {
    match arn.split_once(":service/").or_else(|| arn.split_once(":cluster/")) {
        Some((_, path)) if path.contains('/') => ("service", path.to_owned(), write),
        Some((_, path)) => ("cluster", path.to_owned(), write),
        None => ("definition", arn.to_owned(), write_revision),
    }
}

fn list_tags(region: &mut Region, input: &Value) -> Result<String, Refusal> {
    let (table, key, _) = place(need(input, "resourceArn")?);
    let tags = tag_list(&region.find(table, &key, "ResourceNotFoundException")?.tags, "key", "value");
    Ok(json!({ "tags": tags }).to_string())
}

fn retag(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    let (table, key, write) = place(need(input, "resourceArn")?);
    let (set, keys) = (tag(input), texts(input, "tagKeys"));
    region.change(table, &key, "ResourceNotFoundException", write, |thing| match action {
        "TagResource" => thing.tags.extend(set),
        _ => thing.tags.retain(|k, _| !keys.contains(k)),
    })?;
    Ok("{}".to_owned())
}
