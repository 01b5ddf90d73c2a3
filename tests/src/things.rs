//! What AWS really has of the kinds of the example, seen by a client that is not ours: each thing once, tagged, and known.

use crate::scenario::{Life, PATIENCE};
use crate::server::told;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn items(answer: &Value, field: &str) -> Vec<Value> {
    answer[field].as_array().cloned().unwrap_or_default()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn texts(list: &[Value]) -> Vec<String> {
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The uid in a list of tags, whatever the service calls key and value.
fn uid(tags: &Value) -> Option<String> {
    let tags = tags.as_array()?;
    let ours = tags.iter().find(|t| t["Key"] == "holdfast:uid" || t["key"] == "holdfast:uid")?;
    ours["Value"].as_str().or_else(|| ours["value"].as_str()).map(str::to_owned)
}

/// A thing in AWS: its kind, what must be unique about it, its id, and whose it is.
#[derive(Debug)]
pub struct Thing {
    /// Holdfast's word for it.
    pub kind: &'static str,
    /// What must be unique.
    pub name: String,
    /// AWS's handle.
    pub id: String,
    /// The owner tag.
    pub uid: Option<String>,
}

impl Thing {
    fn new(kind: &'static str, name: impl Into<String>, id: &str, tags: &Value) -> Self {
        Self { kind, name: name.into(), id: id.to_owned(), uid: uid(tags) }
    }
}

/// All that AWS has of our kinds, seen by a client that is not ours.
pub fn things(life: &mut Life) -> Result<Vec<Thing>> {
    let mut all = Vec::new();
    let groups = life.outside.call("ec2", "describe_security_groups", json!({}))?;
    for group in items(&groups, "SecurityGroups").iter().filter(|g| g["GroupName"] != "default") {
        all.push(Thing::new("SecurityGroup", text(group, "GroupName"), text(group, "GroupId"), &group["Tags"]));
    }
    balancing(life, &mut all)?;
    containers(life, &mut all)?;
    Ok(all)
}

fn balancing(life: &mut Life, all: &mut Vec<Thing>) -> Result<()> {
    let mut untagged: Vec<(&'static str, String, String)> = Vec::new();
    let groups = life.outside.call("elbv2", "describe_target_groups", json!({}))?;
    for group in items(&groups, "TargetGroups") {
        untagged.push((
            "TargetGroup",
            text(&group, "TargetGroupName").to_owned(),
            text(&group, "TargetGroupArn").to_owned(),
        ));
    }
    let balancers = life.outside.call("elbv2", "describe_load_balancers", json!({}))?;
    for balancer in items(&balancers, "LoadBalancers") {
        let arn = text(&balancer, "LoadBalancerArn").to_owned();
        let listeners = life.outside.call("elbv2", "describe_listeners", json!({ "LoadBalancerArn": arn }))?;
        for listener in items(&listeners, "Listeners") {
            let at = text(&listener, "ListenerArn").to_owned();
            untagged.push(("Listener", listener["Port"].to_string(), at.clone()));
            let rules = life.outside.call("elbv2", "describe_rules", json!({ "ListenerArn": at }))?;
            for rule in items(&rules, "Rules").iter().filter(|r| r["IsDefault"] != true) {
                let path = &rule["Conditions"][0]["PathPatternConfig"]["Values"];
                let path = if path.is_null() { &rule["Conditions"][0]["Values"] } else { path };
                let id = text(rule, "RuleArn").to_owned();
                untagged.push(("ListenerRule", format!("priority {}", text(rule, "Priority")), id.clone()));
                untagged.push(("ListenerRule", format!("path {path}"), id));
            }
        }
        untagged.push(("LoadBalancer", text(&balancer, "LoadBalancerName").to_owned(), arn));
    }
    for (kind, name, arn) in untagged {
        let tags = life.outside.call("elbv2", "describe_tags", json!({ "ResourceArns": [arn] }))?;
        all.push(Thing::new(kind, name, &arn, &tags["TagDescriptions"][0]["Tags"]));
    }
    Ok(())
}

fn containers(life: &mut Life, all: &mut Vec<Thing>) -> Result<()> {
    let clusters = texts(&items(&life.outside.call("ecs", "list_clusters", json!({}))?, "clusterArns"));
    for arn in clusters {
        let told = life.outside.call("ecs", "describe_clusters", json!({ "clusters": [arn], "include": ["TAGS"] }))?;
        let cluster = &told["clusters"][0];
        if cluster["status"] != "ACTIVE" {
            continue;
        }
        all.push(Thing::new("Cluster", text(cluster, "clusterName"), &arn, &cluster["tags"]));
        for service in texts(&items(
            &life.outside.call("ecs", "list_services", json!({ "cluster": arn, "maxResults": 100 }))?,
            "serviceArns",
        )) {
            let arguments = json!({ "cluster": arn, "services": [service], "include": ["TAGS"] });
            let told = life.outside.call("ecs", "describe_services", arguments)?;
            let service = &told["services"][0];
            if service["status"] == "ACTIVE" {
                all.push(Thing::new(
                    "Service",
                    text(service, "serviceName"),
                    text(service, "serviceArn"),
                    &service["tags"],
                ));
            }
        }
    }
    let revisions = life.outside.call("ecs", "list_task_definitions", json!({ "status": "ACTIVE" }))?;
    for arn in texts(&items(&revisions, "taskDefinitionArns")) {
        let told = life.outside.call(
            "ecs",
            "describe_task_definition",
            json!({ "taskDefinition": arn, "include": ["TAGS"] }),
        )?;
        all.push(Thing::new("TaskDefinition", text(&told["taskDefinition"], "family"), &arn, &told["tags"]));
    }
    Ok(())
}

/// What a resource is in AWS by its outputs, and its uid.
fn known_as(resource: &Value) -> Result<(String, String)> {
    let outputs = &resource["status"]["outputs"];
    let id = outputs["arn"].as_str().filter(|_| resource["kind"] != "SecurityGroup").or_else(|| outputs["id"].as_str());
    let id = id.with_context(|| format!("no id among the outputs of {}", told(resource)))?;
    Ok((id.to_owned(), text(&resource["metadata"], "uid").to_owned()))
}

/// Each name once (task definitions: as many revisions as they had contents), all of it ours, known by id and
/// nothing else tagged.
pub fn is_whole(life: &mut Life, contents: &BTreeMap<String, usize>) -> Result<()> {
    let resources = life.server.in_sync("es", PATIENCE)?;
    let known: BTreeMap<String, String> = resources.iter().map(known_as).collect::<Result<_>>()?;
    let uids: BTreeSet<&String> = known.values().collect();
    let things = things(life)?;
    let mut names: BTreeMap<(&str, &str), Vec<&Thing>> = BTreeMap::new();
    for thing in &things {
        names.entry((thing.kind, &thing.name)).or_default().push(thing);
        let uid = thing.uid.as_ref().with_context(|| format!("it lost its tags: {thing:?}"))?;
        ensure!(uids.contains(uid), "nobody knows whose this is: {thing:?}");
        // An older revision is ours without being the one that stands in the status.
        let current = known.get(&thing.id) == Some(uid);
        ensure!(current || thing.kind == "TaskDefinition", "an orphan, {thing:?}, of {known:#?}");
    }
    for ((kind, name), found) in &names {
        let expected = if *kind == "TaskDefinition" { contents.get(*name).copied().unwrap_or(1) } else { 1 };
        ensure!(
            found.len() == expected,
            "{kind} {name} is there {} times, and should be {expected}: {found:#?}",
            found.len()
        );
    }
    let live: BTreeSet<&String> = things.iter().map(|t| &t.id).collect();
    let gone: Vec<&String> = known.keys().filter(|id| !live.contains(id)).collect();
    ensure!(gone.is_empty(), "Holdfast shows what AWS does not have: {gone:?}");
    Ok(())
}

/// Three sweeps more, and nothing written.
pub fn is_silent(life: &Life) -> Result<()> {
    let before = life.proxy.writes();
    life.server.sweeps(3)?;
    let after = life.proxy.writes();
    ensure!(before == after, "at the fixed point nothing is written: {before:?} became {after:?}");
    Ok(())
}

/// The families whose image names the release: each release is one more revision.
pub fn families_with_the_release(stack: &Value) -> Vec<String> {
    let resources = items(&stack["spec"], "resources");
    let named = resources.iter().filter(|r| r["spec"]["containerDefinitions"].to_string().contains("${var.release}"));
    let env = text(&stack["spec"]["variables"], "env");
    named.map(|r| text(&r["spec"], "family").replace("${var.env}", env)).collect()
}
