//! Clusters, task definitions and services.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_ecs::Client;
use holdfast_core::plan::Decision;
use serde_json::{Value, json};

/// Somebody else.
fn other(bench: &Bench) -> Client {
    Client::new(&bench.aws.others)
}

async fn steps(bench: &mut Bench) -> Vec<String> {
    bench.pass().await.steps.iter().map(|s| format!("{} {}", s.key.kind, s.text)).collect()
}

async fn check_quiet(bench: &mut Bench, when: &str) {
    bench.aws.meter.take();
    let quiet = bench.pass().await;
    let told: Vec<String> = quiet.steps.iter().map(|s| format!("{} {} {:?}", s.key, s.text, s.heals)).collect();
    assert!(told.is_empty(), "{when}: {told:?}");
    let unquiet: Vec<_> = quiet.verdicts.iter().filter(|v| v.decision != Decision::InSync).collect();
    assert!(unquiet.is_empty(), "{when}: {unquiet:?}");
}

/// A subnet and a security group of the default VPC.
async fn network(aws: &Emulator) -> (String, String) {
    let ec2 = aws_sdk_ec2::Client::new(&aws.others);
    let subnets = ec2.describe_subnets().send().await.expect("there is a default VPC");
    let groups = ec2.describe_security_groups().send().await.expect("it has a group");
    let subnet = subnets.subnets().iter().find_map(|s| s.subnet_id()).expect("it has subnets");
    let group = groups.security_groups().iter().find_map(|g| g.group_id()).expect("it has a group");
    (subnet.to_owned(), group.to_owned())
}

fn task(image: &str) -> Value {
    json!({
        "family": "held-web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": 256, "memory": "512",
        "volumes": [{ "name": "data", "efsVolumeConfiguration": { "fileSystemId": "fs-12345678", "transitEncryption": "ENABLED" } }],
        "containerDefinitions": [
            { "name": "web", "image": image, "portMappings": [{ "containerPort": 80, "name": "http" }],
              "environment": [{ "name": "B", "value": 2 }, { "name": "A", "value": "1" }],
              "mountPoints": [{ "sourceVolume": "data", "containerPath": "/data" }],
              "healthCheck": { "command": ["CMD-SHELL", "true"] },
              "dependsOn": [{ "containerName": "side", "condition": "START" }] },
            { "name": "side", "image": "side:1", "essential": false }
        ],
        "tags": { "tier": "web" }
    })
}

async fn declare_all(bench: &mut Bench, image: &str) {
    let (subnet, group) = network(&bench.aws).await;
    bench.declare(
        "Cluster",
        "main",
        json!({
        "clusterName": "held-main", "settings": [{ "name": "containerInsights", "value": "enabled" }],
        "capacityProviders": ["FARGATE"] }),
    );
    bench.declare("TaskDefinition", "web", task(image));
    bench.declare(
        "Service",
        "web",
        json!({
        "cluster": "${Cluster/main.arn}", "serviceName": "held-web", "taskDefinition": "${TaskDefinition/web.arn}",
        "desiredCount": 2, "launchType": "FARGATE", "redeployOn": { "config": "v1" },
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": [subnet], "securityGroups": [group] } } }),
    );
}

fn count(calls: &[&'static str], operation: &str) -> usize {
    calls.iter().filter(|c| **c == operation).count()
}

#[tokio::test]
async fn a_service_with_its_cluster_and_definition_is_made_held_and_removed() {
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_ECS").await, "it");
    declare_all(&mut bench, "nginx:1").await;
    assert_eq!(
        steps(&mut bench).await,
        [
            "Cluster create cluster held-main",
            "TaskDefinition register a revision of held-web",
            "Service create service held-web in cluster ${Cluster/main.arn}",
        ]
    );
    check_quiet(&mut bench, "after the create").await;
    check_quiet(&mut bench, "again").await;
    let calls = bench.aws.meter.take_sorted();
    // What a revision says is read once; tags come with the feed and the describes; who scales a count that is as
    // declared is not asked again so soon.
    let expected = ["DescribeClusters", "DescribeServices", "GetResources", "ListTaskDefinitions"];
    assert_eq!(calls, expected);

    declare_all(&mut bench, "nginx:2").await;
    bench.aws.meter.take();
    assert_eq!(steps(&mut bench).await.len(), 2);
    let calls = bench.aws.meter.take();
    assert_eq!((count(&calls, "RegisterTaskDefinition"), count(&calls, "UpdateService")), (1, 1), "{calls:?}");
    check_quiet(&mut bench, "after another image").await;

    foreign_revision(&mut bench).await;
    lost_tags(&mut bench).await;
    cluster_changes(&mut bench).await;
    redeploys(&mut bench).await;

    bench.condemn();
    for _ in 0..4 {
        bench.pass().await;
    }
    let gone = bench.pass().await;
    assert!(gone.verdicts.iter().all(|v| v.decision == Decision::Gone), "{:?}", gone.verdicts);
}

/// Rolled out by hand, with another count: healed without a registration.
async fn foreign_revision(bench: &mut Bench) {
    let container = aws_sdk_ecs::types::ContainerDefinition::builder().name("x").image("x:1").memory(64).build();
    let other = other(bench);
    let made = other.register_task_definition().family("held-web").container_definitions(container).send().await;
    let foreign =
        made.expect("it is taken").task_definition.and_then(|t| t.task_definition_arn).expect("it has an ARN");
    let update = other.update_service().cluster("held-main").service("held-web");
    update.task_definition(&foreign).desired_count(7).send().await.expect("it is taken");
    assert_eq!(steps(bench).await.len(), 1, "the service alone");
    check_quiet(bench, "after a foreign revision and count").await;
}

async fn lost_tags(bench: &mut Bench) {
    let other = other(bench);
    let untag = |arn: String, key: &str| other.untag_resource().resource_arn(arn).tag_keys(key).send();
    untag(bench.id("TaskDefinition", "web"), "tier").await.expect("it is taken");
    untag(bench.id("Service", "web"), "env").await.expect("it is taken");
    let mut done = steps(bench).await;
    done.sort();
    assert_eq!(done, ["Service tag env=test", "TaskDefinition tag tier=web"]);
    check_quiet(bench, "after tags were taken away").await;
}

async fn cluster_changes(bench: &mut Bench) {
    bench.declare(
        "Cluster",
        "main",
        json!({
        "clusterName": "held-main", "settings": [{ "name": "containerInsights", "value": "disabled" }],
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1 }] }),
    );
    assert_eq!(
        steps(bench).await,
        ["Cluster update settings of cluster held-main", "Cluster put capacity providers of cluster held-main",]
    );
    check_quiet(bench, "after the cluster was changed").await;
}

async fn redeploys(bench: &mut Bench) {
    let mut spec = bench.spec("Service", "web");
    spec["redeployOn"] = json!({ "config": "v2" });
    bench.declare("Service", "web", spec);
    assert_eq!(steps(bench).await, ["Service force a new deployment"]);
    check_quiet(bench, "after a redeploy").await;
}

#[tokio::test]
async fn a_capacity_provider_is_made_held_and_removed() {
    let run = std::process::id();
    let mut bench = Bench::new(Emulator::named_by("HOLDFAST_TEST_ECS").await, &format!("cp{run}"));
    let arn = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/machines";
    let declared = json!({ "name": format!("machines-{run}"), "autoScalingGroupProvider": {
        "autoScalingGroupArn": arn, "managedScaling": { "status": "ENABLED", "targetCapacity": 90 } }, "tags": { "tier": "web" } });
    bench.declare("CapacityProvider", "machines", declared);
    assert_eq!(steps(&mut bench).await.len(), 1);
    check_quiet(&mut bench, "after the create").await;
    check_quiet(&mut bench, "again").await;
    assert_eq!(bench.aws.meter.take(), ["DescribeCapacityProviders"]);

    let (other, name) = (other(&bench), format!("machines-{run}"));
    let scaling = aws_sdk_ecs::types::ManagedScaling::builder().target_capacity(50).build();
    let change = aws_sdk_ecs::types::AutoScalingGroupProviderUpdate::builder().managed_scaling(scaling).build();
    let update = other.update_capacity_provider().name(&name).auto_scaling_group_provider(change);
    update.send().await.expect("a provider is changed behind our back");
    let done = steps(&mut bench).await;
    assert!(done.len() == 1 && done[0].contains("\"targetCapacity\":90"), "{done:?}");
    check_quiet(&mut bench, "after a disturbance").await;

    bench.memory.clear();
    check_quiet(&mut bench, "with nothing remembered").await;
    let group = aws_sdk_ecs::types::AutoScalingGroupProvider::builder().auto_scaling_group_arn(arn).build();
    let bystander = other.create_capacity_provider().name(format!("by-{run}"));
    let bystander = bystander.auto_scaling_group_provider(group.expect("it is whole")).send().await;
    bystander.expect("moto makes it");
    bench.condemn();
    assert_eq!(steps(&mut bench).await.len(), 1);
    let gone = bench.pass().await;
    assert!(gone.verdicts.iter().all(|v| v.decision == Decision::Gone), "{:?}", gone.verdicts);
    let left = other.describe_capacity_providers().capacity_providers(format!("by-{run}")).send().await;
    assert_eq!(left.expect("moto answers").capacity_providers().len(), 1, "what is not ours stays");
}
