//! What is the same and what is not, and what is done about it.

use super::*;
use crate::ecs::testing::{check_diffs, check_mistakes, created, line, mint, steps};
use observed::revision;
use serde_json::json;
use std::sync::Arc;

fn live(mut wire: Value) -> Observation {
    wire["taskDefinitionArn"] = json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7");
    wire["revision"] = json!(7);
    wire["status"] = json!("ACTIVE");
    wire["compatibilities"] = json!(["EC2", "FARGATE"]);
    revision(&wire, Arc::default(), &[], None)
}

/// A declaration of one container with these members.
fn with(container: Value) -> Value {
    let mut one = json!({ "name": "web", "image": "nginx:1", "memory": 128 });
    one.as_object_mut().expect("an object").extend(container.as_object().expect("an object").clone());
    json!({ "family": "web", "containerDefinitions": [one] })
}

fn task(fields: Value) -> Value {
    let mut task = with(json!({}));
    task.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    task
}

/// Sources: the API reference of RegisterTaskDefinition and ContainerDefinition for AWS; what moto 5.2 and ministack 1.5
/// answered for the others.
#[test]
fn what_aws_and_its_imitations_add_reorder_and_respell_is_no_difference() {
    let port = |declared: Value| with(json!({ "portMappings": [declared] }));
    for (what, declared, answered) in [
        (
            "AWS's defaults of a container",
            with(json!({})),
            with(json!({ "cpu": 0, "essential": true, "environment": [], "mountPoints": [], "volumesFrom": [],
                         "portMappings": [], "systemControls": [], "links": [], "privileged": false })),
        ),
        (
            "an imitation that adds nothing",
            with(json!({ "cpu": 0, "essential": true, "environment": [] })),
            with(json!({})),
        ),
        (
            "empty role ARNs and lists (ministack)",
            task(json!({})),
            task(json!({ "taskRoleArn": "", "executionRoleArn": "", "volumes": [], "placementConstraints": [] })),
        ),
        (
            "cpu and memory as numbers",
            task(json!({ "cpu": 256, "memory": 512 })),
            task(json!({ "cpu": "256", "memory": "512" })),
        ),
        (
            "cpu and memory in units",
            task(json!({ "cpu": ".25 vCPU", "memory": "0.5GB" })),
            task(json!({ "cpu": "256", "memory": "512" })),
        ),
        ("bridge is the default", task(json!({})), task(json!({ "networkMode": "bridge" }))),
        (
            "environment in another order, a number for its text",
            with(
                json!({ "environment": [{ "name": "A", "value": "1" }, { "name": "B", "value": 2 }, { "name": "C", "value": "" }] }),
            ),
            with(
                json!({ "environment": [{ "name": "C" }, { "name": "B", "value": "2" }, { "name": "A", "value": "1" }] }),
            ),
        ),
        (
            "secrets, limits and dependencies in another order",
            with(json!({ "secrets": [{ "name": "A", "valueFrom": "arn:a" }, { "name": "B", "valueFrom": "arn:b" }],
                         "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }, { "name": "core", "softLimit": 0, "hardLimit": 0 }] })),
            with(json!({ "secrets": [{ "name": "B", "valueFrom": "arn:b" }, { "name": "A", "valueFrom": "arn:a" }],
                         "ulimits": [{ "name": "core", "softLimit": 0, "hardLimit": 0 }, { "name": "nofile", "softLimit": 1, "hardLimit": 2 }] })),
        ),
        (
            "tcp and a free host port on a bridge",
            port(json!({ "containerPort": 80 })),
            port(json!({ "containerPort": 80, "hostPort": 0, "protocol": "tcp" })),
        ),
        (
            "no protocol or host port (moto)",
            port(json!({ "containerPort": 80, "hostPort": 0, "protocol": "tcp" })),
            port(json!({ "containerPort": 80 })),
        ),
    ] {
        check_diffs::<TaskDefinition>(what, &declared, &live(answered), &[]);
    }
}

#[test]
fn what_aws_adds_to_nested_parts_is_no_difference() {
    for (what, declared, answered) in [
        (
            "health check defaults",
            with(json!({ "healthCheck": { "command": ["CMD-SHELL", "true"] } })),
            with(
                json!({ "healthCheck": { "command": ["CMD-SHELL", "true"], "interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0 } }),
            ),
        ),
        (
            "volumes",
            task(
                json!({ "volumes": [{ "name": "data", "efsVolumeConfiguration": { "fileSystemId": "fs-1" } }, { "name": "tmp" }] }),
            ),
            task(json!({ "volumes": [{ "name": "tmp", "host": {} },
                { "name": "data", "efsVolumeConfiguration": { "fileSystemId": "fs-1", "rootDirectory": "/", "transitEncryption": "DISABLED" } }] })),
        ),
        (
            "capabilities and devices",
            with(
                json!({ "linuxParameters": { "capabilities": { "drop": ["ALL"] }, "devices": [{ "hostPath": "/dev/fuse" }] } }),
            ),
            with(json!({ "linuxParameters": { "capabilities": { "add": [], "drop": ["ALL"] },
                "devices": [{ "hostPath": "/dev/fuse", "permissions": ["mknod", "read", "write"] }], "initProcessEnabled": false, "tmpfs": [] } })),
        ),
        ("Linux on x86", task(json!({ "runtimePlatform": { "cpuArchitecture": "X86_64" } })), task(json!({}))),
        ("a member we do not know yet", with(json!({})), with(json!({ "inventedLater": { "by": "AWS" } }))),
    ] {
        check_diffs::<TaskDefinition>(what, &declared, &live(answered), &[]);
    }
}

#[test]
fn the_host_port_that_awsvpc_implies_is_no_difference_and_another_is() {
    let port = |port: Value| {
        let mut spec = with(json!({ "portMappings": [port] }));
        spec["networkMode"] = json!("awsvpc");
        spec
    };
    let answered = live(port(json!({ "containerPort": 80, "hostPort": 80, "protocol": "tcp" })));
    check_diffs::<TaskDefinition>("implied", &port(json!({ "containerPort": 80 })), &answered, &[]);
    let udp = port(json!({ "containerPort": 80, "protocol": "udp" }));
    check_diffs::<TaskDefinition>(
        "udp",
        &udp,
        &answered,
        &["/containerDefinitions/0/portMappings/0 removed", "/containerDefinitions/0/portMappings/1 added"],
    );
    let bridge = live(with(json!({ "portMappings": [{ "containerPort": 80, "hostPort": 8080 }] })));
    let free = with(json!({ "portMappings": [{ "containerPort": 80 }] }));
    check_diffs::<TaskDefinition>("bridge", &free, &bridge, &["/containerDefinitions/0/portMappings/0/hostPort added"]);
}

#[test]
fn what_a_container_says_more_less_or_otherwise_is_a_difference() {
    let declared = with(json!({ "command": ["a", "b"], "environment": [{ "name": "A", "value": "1" }] }));
    for (what, answered, expected) in [
        (
            "image",
            with(json!({ "image": "nginx:2", "command": ["a", "b"], "environment": [{ "name": "A", "value": "1" }] })),
            vec!["/containerDefinitions/0/image changed"],
        ),
        (
            "order of a command",
            with(json!({ "command": ["b", "a"], "environment": [{ "name": "A", "value": "1" }] })),
            vec!["/containerDefinitions/0/command changed"],
        ),
        (
            "one variable more",
            with(json!({ "command": ["a", "b"], "environment": [{ "name": "B" }, { "name": "A", "value": "1" }] })),
            vec!["/containerDefinitions/0/environment/1 added"],
        ),
        (
            "privileged",
            with(json!({ "command": ["a", "b"], "environment": [{ "name": "A", "value": "1" }], "privileged": true })),
            vec!["/containerDefinitions/0/privileged added"],
        ),
    ] {
        check_diffs::<TaskDefinition>(what, &declared, &live(answered), &expected);
    }
}

#[test]
fn a_role_given_by_name_is_the_role_of_that_arn() {
    let declared = task(json!({ "taskRoleArn": "web", "executionRoleArn": "service/exec" }));
    let mut wire = declared.clone();
    wire["taskDefinitionArn"] = json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7");
    wire["taskRoleArn"] = json!("arn:aws:iam::123456789012:role/web");
    wire["executionRoleArn"] = json!("arn:aws:iam::123456789012:role/service/other");
    let live = revision(&wire, Arc::default(), &[], Some(&declared));
    check_diffs::<TaskDefinition>("roles", &declared, &live, &["/executionRoleArn changed"]);
}

#[test]
fn any_number_of_differences_is_one_registration() {
    let live = live(task(json!({ "cpu": "256" })));
    let declared = task(json!({ "cpu": 512, "pidMode": "task" }));
    assert_eq!(steps::<TaskDefinition>(&declared, &live, None), ["register a revision of web | /cpu, /pidMode"]);
    assert!(steps::<TaskDefinition>(&task(json!({ "cpu": 256 })), &live, None).is_empty());
}

#[test]
fn a_field_that_was_declared_and_is_gone_makes_a_revision_without_it() {
    let with_role =
        task(json!({ "taskRoleArn": "arn:aws:iam::1:role/web", "runtimePlatform": { "cpuArchitecture": "ARM64" } }));
    let live = live(with_role.clone());
    assert!(steps::<TaskDefinition>(&task(json!({})), &live, None).is_empty(), "undeclared is unmanaged");
    assert_eq!(
        steps::<TaskDefinition>(&task(json!({ "runtimePlatform": {} })), &live, Some(&with_role)),
        ["register a revision of web | /runtimePlatform/cpuArchitecture, /taskRoleArn"],
    );
}

#[test]
fn the_newest_ten_revisions_stay() {
    let arns: Vec<String> = (1..=12).rev().map(|n| format!("arn:aws:ecs:r:1:task-definition/web:{n}")).collect();
    let mut wire = task(json!({}));
    wire["taskDefinitionArn"] = json!("arn:aws:ecs:r:1:task-definition/web:13");
    let live = revision(&wire, Arc::default(), &arns, None);
    let kept = "only the newest 10 revisions are kept active";
    assert_eq!(
        steps::<TaskDefinition>(&task(json!({})), &live, None),
        [format!("deregister web revision 3, 2, 1 | {kept}")]
    );
    let all = TaskDefinition::delete(&live);
    assert_eq!(
        all.iter().map(line).collect::<Vec<_>>(),
        ["deregister web revision 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1"]
    );
    assert_eq!(TaskDefinition::predict(Some(&live), &all[0].action, &mut mint()), Ok(None));
}

#[test]
fn every_registration_counts_up_and_keeps_the_old_revision() {
    let first = created::<TaskDefinition>(&task(json!({})));
    assert_eq!(first.outputs["arn"], "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1");
    let again = Action::Register { spec: task(json!({ "cpu": "512" })), tags: BTreeMap::new() };
    let second = TaskDefinition::predict(Some(&first), &again, &mut mint()).expect("taken").expect("there");
    assert_eq!(second.outputs["revision"], 2);
    assert_eq!(second.private, json!({ "older": [first.id] }));
}

#[test]
fn mistakes_have_their_pointer() {
    let one = "/containerDefinitions/0";
    let twice = json!([{ "name": "web", "image": "a", "memory": 64 }, { "name": "web", "image": "b", "memory": 64 }]);
    for (what, spec, pointer, code) in [
        ("family", task(json!({ "family": "a b" })), "/family".to_owned(), "invalid-name"),
        (
            "memory",
            json!({ "family": "f", "containerDefinitions": [{ "name": "a", "image": "i" }] }),
            one.to_owned(),
            "missing-field",
        ),
        (
            "two of a name",
            task(json!({ "containerDefinitions": twice })),
            "/containerDefinitions/1/name".to_owned(),
            "duplicate",
        ),
        ("nothing essential", with(json!({ "essential": false })), "/containerDefinitions".to_owned(), "invalid-value"),
        ("reservation", with(json!({ "memoryReservation": 256 })), format!("{one}/memoryReservation"), "invalid-value"),
        (
            "variable twice",
            with(json!({ "environment": [{ "name": "A" }, { "name": "A" }] })),
            format!("{one}/environment/1/name"),
            "duplicate",
        ),
        (
            "a secret's value",
            with(json!({ "secrets": [{ "name": "A", "valueFrom": "p@ss word!" }] })),
            format!("{one}/secrets/0/valueFrom"),
            "not-a-reference",
        ),
        (
            "unknown volume",
            with(json!({ "mountPoints": [{ "sourceVolume": "x", "containerPath": "/x" }] })),
            format!("{one}/mountPoints/0/sourceVolume"),
            "unknown-volume",
        ),
        (
            "unknown container",
            with(json!({ "dependsOn": [{ "containerName": "wab", "condition": "START" }] })),
            format!("{one}/dependsOn/0/containerName"),
            "unknown-container",
        ),
        (
            "port twice",
            with(json!({ "portMappings": [{ "containerPort": 80 }, { "containerPort": 80, "protocol": "tcp" }] })),
            format!("{one}/portMappings/1"),
            "duplicate",
        ),
        (
            "range",
            with(json!({ "portMappings": [{ "containerPortRange": "9-1" }] })),
            format!("{one}/portMappings/0/containerPortRange"),
            "invalid-port",
        ),
        (
            "health check",
            with(json!({ "healthCheck": { "command": ["true"] } })),
            format!("{one}/healthCheck/command"),
            "invalid-value",
        ),
        (
            "two volumes in one",
            task(json!({ "volumes": [{ "name": "v", "host": { "sourcePath": "/v" }, "configuredAtLaunch": true }] })),
            "/volumes/0".to_owned(),
            "conflict",
        ),
    ] {
        check_mistakes::<TaskDefinition>(what, spec, &[(&pointer, code)]);
    }
}

#[test]
fn fargate_has_rules_of_its_own() {
    let fargate = |fields: Value| {
        let mut all =
            json!({ "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": 256, "memory": 512 });
        all.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        task(all)
    };
    for (what, spec, pointer, code) in [
        ("Fargate's network", fargate(json!({ "networkMode": "bridge" })), "/networkMode".to_owned(), "invalid-value"),
        ("Fargate's cpu", fargate(json!({ "cpu": 300 })), "/cpu".to_owned(), "invalid-value"),
        ("Fargate's pairs", fargate(json!({ "memory": 4096 })), "/memory".to_owned(), "invalid-value"),
        ("Fargate's odd pair", fargate(json!({ "memory": 1536 })), "/memory".to_owned(), "invalid-value"),
    ] {
        check_mistakes::<TaskDefinition>(what, spec, &[(&pointer, code)]);
    }
    check_mistakes::<TaskDefinition>("Fargate", fargate(json!({ "cpu": "1 vCPU", "memory": "2 GB" })), &[]);
    check_mistakes::<TaskDefinition>(
        "open references",
        fargate(json!({ "cpu": "${var.cpu}", "family": "${var.f}-x" })),
        &[],
    );
}

#[test]
fn whatever_is_declared_it_is_in_sync_as_soon_as_it_is_made() {
    crate::ecs::testing::check_everything::<TaskDefinition>();
}

#[test]
fn the_table_of_cases_holds() {
    crate::cases::check("TaskDefinition", &|wire, declared, tags| revision(wire, tags.into(), &[], Some(declared)));
}
