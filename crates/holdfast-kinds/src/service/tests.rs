//! What is the same and what is not, and what is done about it.

use super::*;
use crate::ecs::testing::{check_diffs, check_mistakes, created, line, mint, steps};
use holdfast_core::observe::{Health, LiveState};
use serde_json::json;

const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:service/main/web";

/// AWS's answer for a plain service, with these members besides.
pub(super) fn answer(fields: Value) -> Value {
    let mut wire = json!({
        "serviceArn": ARN, "serviceName": "web", "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
        "status": "ACTIVE", "desiredCount": 2, "runningCount": 2, "pendingCount": 0, "launchType": "FARGATE",
        "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
        "loadBalancers": [], "serviceRegistries": [], "placementConstraints": [], "placementStrategy": [],
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": { "enable": false, "rollback": false },
            "alarms": { "alarmNames": [], "enable": false, "rollback": false },
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0 },
        "deployments": [{ "id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "COMPLETED",
                          "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7" }],
        "roleArn": "arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "schedulingStrategy": "REPLICA", "deploymentController": { "type": "ECS" }, "platformVersion": "LATEST",
        "enableECSManagedTags": false, "enableExecuteCommand": false, "propagateTags": "NONE", "events": [] });
    wire.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    wire
}

fn live(fields: Value) -> Observation {
    observed::service(&answer(fields), BTreeMap::new(), None).expect("it is live")
}

pub(super) fn spec(fields: Value) -> Value {
    let mut spec = json!({ "cluster": "main", "serviceName": "web", "taskDefinition": "web:7" });
    spec.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    spec
}

#[test]
fn names_arns_and_what_aws_adds_are_no_difference() {
    let targets = json!([{ "targetGroupArn": "tg", "containerName": "web", "containerPort": 80 }]);
    for (what, declared, answered) in [
        ("nothing more", json!({}), json!({})),
        (
            "ARNs for names",
            json!({ "cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
            "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7" }),
            json!({}),
        ),
        ("a short name kept as given (moto)", json!({}), json!({ "taskDefinition": "web:7" })),
        (
            "AWS's defaults",
            json!({ "platformVersion": "LATEST", "propagateTags": "NONE", "enableExecuteCommand": false,
            "loadBalancers": [], "deploymentConfiguration": { "maximumPercent": 200, "minimumHealthyPercent": 100 } }),
            json!({}),
        ),
        (
            "defaults that are dropped (moto)",
            json!({ "deploymentConfiguration": { "maximumPercent": 200,
            "deploymentCircuitBreaker": { "enable": false, "rollback": false } }, "healthCheckGracePeriodSeconds": 0 }),
            json!({ "deploymentConfiguration": {} }),
        ),
        (
            "empty texts (ministack)",
            json!({ "platformVersion": "LATEST" }),
            json!({ "platformVersion": "", "roleArn": "" }),
        ),
        ("target groups", json!({ "loadBalancers": targets }), json!({ "loadBalancers": targets })),
        (
            "subnets in another order",
            json!({ "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["a", "b"] } } }),
            json!({ "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["b", "a"], "securityGroups": [], "assignPublicIp": "DISABLED" } } }),
        ),
        (
            "host is instanceId",
            json!({ "placementStrategy": [{ "type": "spread", "field": "host" }, { "type": "binpack", "field": "MEMORY" }] }),
            json!({ "placementStrategy": [{ "type": "spread", "field": "instanceId" }, { "type": "binpack", "field": "memory" }] }),
        ),
        (
            "Service Connect is answered with the deployment",
            json!({ "serviceConnectConfiguration": { "enabled": true,
            "services": [{ "portName": "http", "discoveryName": "http" }] } }),
            json!({ "deployments": [{ "status": "PRIMARY", "serviceConnectConfiguration": { "enabled": true, "services": [{ "portName": "http" }] } }] }),
        ),
    ] {
        check_diffs::<Service>(what, &spec(declared), &live(answered), &[]);
    }
}

#[test]
fn a_family_alone_is_content_with_any_revision_of_it_and_of_no_other() {
    let declared = spec(json!({ "taskDefinition": "web" }));
    let seen = |arn: &str| {
        observed::service(&answer(json!({ "taskDefinition": arn })), BTreeMap::new(), Some(&declared)).expect("live")
    };
    check_diffs::<Service>("same family", &declared, &seen("arn:aws:ecs:r:1:task-definition/web:9"), &[]);
    check_diffs::<Service>(
        "another",
        &declared,
        &seen("arn:aws:ecs:r:1:task-definition/webber:9"),
        &["/taskDefinition changed"],
    );
}

#[test]
fn all_that_differs_goes_in_one_update_and_what_is_not_declared_is_sent_as_it_is() {
    let live = live(json!({ "networkConfiguration": { "awsvpcConfiguration": {
        "subnets": ["a"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED" } } }));
    let declared = spec(json!({ "taskDefinition": "web:8", "desiredCount": 3,
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["a", "b"] } } }));
    assert_eq!(
        steps::<Service>(&declared, &live, None),
        ["update taskDefinition web:8, desiredCount 3, networkConfiguration | /taskDefinition, /desiredCount, \
         /networkConfiguration/awsvpcConfiguration/subnets/1",]
    );
    let action = update(&declared, &live, None);
    let Action::Update { fields, force: false, .. } = &action else { panic!("it is an unforced update: {action}") };
    let network = &fields["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(*network, json!({ "subnets": ["a", "b"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED" }));
}

fn update(declared: &Value, live: &Observation, last: Option<&Value>) -> Action {
    match plan::converge(declared, live, &crate::ecs::testing::diffs::<Service>(declared, live, last)) {
        Converge::Change(mut steps) if steps.len() == 1 => steps.remove(0).action,
        other => panic!("one step was due, not {other:?}"),
    }
}

#[test]
fn what_must_be_unset_is_set_to_aws_s_default() {
    let live = live(
        json!({ "healthCheckGracePeriodSeconds": 60, "placementConstraints": [{ "type": "distinctInstance" }],
        "deploymentConfiguration": { "maximumPercent": 150, "alarms": { "alarmNames": ["a"], "enable": true, "rollback": false } } }),
    );
    let declared = spec(json!({ "healthCheckGracePeriodSeconds": null, "placementConstraints": null,
        "desiredCount": null, "deploymentConfiguration": { "alarms": null } }));
    let Action::Update { fields, .. } = update(&declared, &live, None) else { panic!("it is an update") };
    assert_eq!(
        Value::Object(fields),
        json!({ "healthCheckGracePeriodSeconds": 0, "placementConstraints": [],
        "deploymentConfiguration": { "maximumPercent": 150, "alarms": { "alarmNames": [], "enable": false, "rollback": false } } })
    );
}

#[test]
fn another_capacity_provider_strategy_forces_a_deployment() {
    let live = live(json!({ "launchType": "EC2" }));
    let declared = spec(json!({ "capacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1 }] }));
    assert!(matches!(update(&declared, &live, None), Action::Update { force: true, .. }));
}

#[test]
fn redeploy_on_is_remembered_in_tags_and_forces_a_deployment_when_it_moves() {
    let declared = |version: Value| spec(json!({ "redeployOn": { "config": version }, "desiredCount": 2 }));
    let first = created::<Service>(&declared(json!("v1")));
    assert_eq!(first.tags["holdfast:redeploy:config"], "v1");
    check_diffs::<Service>("unmoved", &declared(json!("v1")), &first, &[]);
    assert_eq!(steps::<Service>(&declared(json!(2)), &first, None), ["force a new deployment | /redeployOn/config"]);
    let second = Service::predict(Some(&first), &update(&declared(json!("2")), &first, None), &mut mint())
        .expect("taken")
        .expect("there");
    check_diffs::<Service>("moved", &declared(json!(2)), &second, &[]);
    let long = declared(json!("\"quoted\""));
    let third = Service::predict(Some(&second), &update(&canonical(&long), &second, None), &mut mint())
        .expect("taken")
        .expect("there");
    assert!(third.tags["holdfast:redeploy:config"].starts_with("fingerprint "));
    check_diffs::<Service>("no tag can hold it", &long, &third, &[]);
    let none = spec(json!({ "redeployOn": {} }));
    let last = canonical(&declared(json!(2)));
    let Action::Update { remember: Some(tags), .. } = update(&none, &second, Some(&last)) else {
        panic!("tags change")
    };
    assert!(tags.remove.contains("holdfast:redeploy:config"));
}

fn canonical(spec: &Value) -> Value {
    let mut spec = spec.clone();
    Service::canonical(&mut spec);
    spec
}

#[test]
fn without_a_count_it_starts_with_one_task_and_the_count_is_left_alone() {
    let first = created::<Service>(&spec(json!({})));
    assert_eq!(first.fields["desiredCount"], 1);
    check_diffs::<Service>("scaled by others", &spec(json!({})), &live(json!({ "desiredCount": 40 })), &[]);
}

#[test]
fn a_delete_stops_the_tasks_first() {
    let told = |live: &Observation| Service::delete(live).iter().map(line).collect::<Vec<_>>();
    assert_eq!(
        told(&live(json!({}))),
        ["update desiredCount 0 | its tasks stop before it goes", "delete service web of cluster main"]
    );
    assert_eq!(told(&live(json!({ "desiredCount": 0 }))), ["delete service web of cluster main"]);
    assert_eq!(told(&live(json!({ "schedulingStrategy": "DAEMON" }))), ["delete service web of cluster main"]);
}

#[test]
fn draining_is_on_its_way_out_and_inactive_is_gone() {
    assert!(matches!(live(json!({ "status": "DRAINING" })).state, LiveState::Deleting(_)));
    assert_eq!(observed::service(&answer(json!({ "status": "INACTIVE" })), BTreeMap::new(), None), None);
}

#[test]
fn health_speaks_of_tasks_deployments_and_what_ecs_says() {
    let event = json!([{ "message": "(service web) was unable to place a task." }]);
    for (fields, expected) in [
        (json!({}), Health::Healthy),
        (json!({ "desiredCount": 0, "runningCount": 0 }), Health::Healthy),
        (
            json!({ "runningCount": 1, "pendingCount": 1, "events": event, "deployments": [{ "status": "PRIMARY", "rolloutState": "IN_PROGRESS" }] }),
            Health::Progressing(
                "1 of 2 tasks run, 1 are starting; ECS says: (service web) was unable to place a task.".to_owned(),
            ),
        ),
        (
            json!({ "runningCount": 0, "deployments": [{ "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "failedTasks": 4 }] }),
            Health::Degraded("0 of 2 tasks run, 4 failed".to_owned()),
        ),
        (
            json!({ "deployments": [{ "status": "PRIMARY", "rolloutState": "IN_PROGRESS" }] }),
            Health::Progressing("2 of 2 tasks run; the deployment is in progress".to_owned()),
        ),
        (
            json!({ "deployments": [{ "status": "PRIMARY" }, { "status": "ACTIVE" }] }),
            Health::Progressing("2 of 2 tasks run; the deployment is in progress".to_owned()),
        ),
        (
            json!({ "deployments": [], "taskSets": [{ "stabilityStatus": "STABILIZING" }] }),
            Health::Progressing("2 of 2 tasks run; the deployment is in progress".to_owned()),
        ),
        (
            json!({ "deployments": [{ "status": "PRIMARY", "rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start." }] }),
            Health::Degraded("the deployment failed: tasks failed to start.".to_owned()),
        ),
    ] {
        assert_eq!(live(fields.clone()).health, expected, "{fields}");
    }
}

#[test]
fn mistakes_have_their_pointer() {
    let strategy = json!([{ "capacityProvider": "FARGATE", "weight": 1 }]);
    let lb = json!({ "targetGroupArn": "tg", "containerName": "web", "containerPort": 80 });
    for (what, fields, expected) in [
        ("name", json!({ "serviceName": "a b" }), vec![("/serviceName", "invalid-name")]),
        ("no definition", json!({ "taskDefinition": null }), vec![("/taskDefinition", "missing-field")]),
        (
            "both",
            json!({ "launchType": "EC2", "capacityProviderStrategy": strategy }),
            vec![("/launchType", "conflict")],
        ),
        ("daemon", json!({ "schedulingStrategy": "DAEMON", "desiredCount": 1 }), vec![("/desiredCount", "conflict")]),
        ("Fargate", json!({ "launchType": "FARGATE" }), vec![("/networkConfiguration", "missing-field")]),
        ("twice", json!({ "loadBalancers": [lb, lb] }), vec![("/loadBalancers/1", "duplicate")]),
        (
            "nowhere",
            json!({ "loadBalancers": [{ "containerName": "web", "containerPort": 80 }] }),
            vec![("/loadBalancers/0", "missing-field")],
        ),
        (
            "spread over nothing",
            json!({ "placementStrategy": [{ "type": "spread" }] }),
            vec![("/placementStrategy/0/field", "missing-field")],
        ),
        (
            "no way to deploy",
            json!({ "deploymentConfiguration": { "maximumPercent": 100, "minimumHealthyPercent": 100 } }),
            vec![("/deploymentConfiguration/minimumHealthyPercent", "conflict")],
        ),
        (
            "canary",
            json!({ "deploymentConfiguration": { "canaryConfiguration": {} } }),
            vec![("/deploymentConfiguration/canaryConfiguration", "conflict")],
        ),
        ("redeployOn", json!({ "redeployOn": { "a/b": 1 } }), vec![("/redeployOn/a~1b", "invalid-name")]),
    ] {
        check_mistakes::<Service>(what, spec(fields), &expected);
    }
    check_mistakes::<Service>(
        "references",
        spec(json!({ "cluster": "${Cluster/main.arn}", "taskDefinition": "${TaskDefinition/web.arn}" })),
        &[],
    );
}

#[test]
fn what_it_says_of_its_task_definition_must_be_there() {
    let definition = json!({ "family": "web",
        "volumes": [{ "name": "data", "configuredAtLaunch": true }, { "name": "tmp" }],
        "containerDefinitions": [
            { "name": "web", "portMappings": [{ "containerPort": 80, "name": "http" }, { "containerPortRange": "8000-8010" }] },
            { "name": "side" }] });
    let key = ResourceKey::new("it", "TaskDefinition", "web");
    let peers = |asked: &ResourceKey| (*asked == key).then(|| definition.clone());
    let target = |name: &str, port: u16| json!({ "loadBalancers": [{ "targetGroupArn": "tg", "containerName": name, "containerPort": port }] });
    for (fields, expected) in [
        (target("web", 80), vec![]),
        (target("web", 8005), vec![]),
        (target("${var.c}", 1), vec![]),
        (
            target("wab", 80),
            vec![
                "/loadBalancers/0/containerName it/TaskDefinition/web has no container \"wab\". Did you mean \"web\"?",
            ],
        ),
        (
            target("side", 80),
            vec![
                "/loadBalancers/0/containerPort the container \"side\" of it/TaskDefinition/web has no port mapping for 80",
            ],
        ),
        (
            json!({ "serviceConnectConfiguration": { "enabled": true, "services": [{ "portName": "http" }, { "portName": "grpc" }] } }),
            vec![
                "/serviceConnectConfiguration/services/1/portName it/TaskDefinition/web has no port mapping named \"grpc\".",
            ],
        ),
        (
            json!({ "volumeConfigurations": [{ "name": "data" }, { "name": "tmp" }] }),
            vec![
                "/volumeConfigurations/1/name it/TaskDefinition/web has no volume \"tmp\" with configuredAtLaunch: true",
            ],
        ),
    ] {
        let mut declared = spec(fields);
        for (words, expected) in
            [("${TaskDefinition/web.arn}", expected), ("${other:TaskDefinition/web.arn}", vec![]), ("web:7", vec![])]
        {
            declared["taskDefinition"] = json!(words);
            let found = Service::validate_with(&declared, &peers, "it");
            let told: Vec<String> = found.iter().map(|e| format!("{} {}", e.pointer, e.message)).collect();
            assert_eq!(told, expected, "{declared}");
        }
    }
}

#[test]
fn whatever_is_declared_it_is_in_sync_as_soon_as_it_is_made() {
    crate::ecs::testing::check_everything::<Service>();
}

#[test]
fn the_table_of_cases_holds() {
    crate::cases::check("Service", &|wire, declared, tags| {
        observed::service(wire, tags, Some(declared)).expect("it is live")
    });
}
