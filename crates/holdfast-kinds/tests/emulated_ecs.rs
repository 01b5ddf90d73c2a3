//! Clusters, task definitions and services over the wire, against an AWS that we did not write.
//!
//! Needs a running moto or ministack: `HOLDFAST_TEST_ECS=http://127.0.0.1:5000 AWS_ACCESS_KEY_ID=x
//! AWS_SECRET_ACCESS_KEY=x AWS_EC2_METADATA_DISABLED=true cargo test -p holdfast-kinds --test emulated_ecs`. The whole way
//! through the product is tested in the member `tests`; these are the kinds under core's own plan.
#![cfg(feature = "aws")]

use holdfast_core::cloud::{AccountAccess, CallOutcome, Cloud, Meter};
use holdfast_core::kind::Registry;
use holdfast_core::name::{KindName, ResourceKey, Scope};
use holdfast_core::observe::{Snapshot, Wanted, WantedResource};
use holdfast_core::plan::{Decision, Desired, Fate, Input, Memory, Plan, Settings, plan};
use holdfast_core::policy::Policy;
use holdfast_core::reference::{Worth, fill};
use holdfast_kinds::aws::{AwsCloud, AwsOptions};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Counter(Mutex<Vec<&'static str>>);

impl Counter {
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().expect("no test panics with it held"))
    }
}

#[async_trait::async_trait]
impl Meter for Counter {
    async fn acquire(&self, _: &Scope, _: &'static str, operation: &'static str) {
        self.0.lock().expect("no test panics with it held").push(operation);
    }
    fn finished(&self, _: &Scope, _: &'static str, _: &'static str, _: CallOutcome) {}
}

/// The loop of the engine in small: look, plan, act, remember.
struct Bench {
    cloud: AwsCloud,
    meter: Arc<Counter>,
    registry: Registry,
    scope: Scope,
    desired: BTreeMap<ResourceKey, Arc<Desired>>,
    memory: BTreeMap<ResourceKey, Memory>,
    outputs: BTreeMap<ResourceKey, Map<String, Value>>,
    /// Somebody else, with a client that is not ours.
    other: aws_sdk_ecs::Client,
    subnet: String,
    group: String,
}

const KINDS: [KindName; 3] = ["Cluster", "Service", "TaskDefinition"];

impl Bench {
    async fn new(endpoint: &str) -> Self {
        let meter = Arc::new(Counter::default());
        let cloud = AwsCloud::new(meter.clone(), AwsOptions::default());
        let access = AccountAccess { endpoint_url: Some(endpoint.to_owned()), ..AccountAccess::default() };
        cloud.set_accounts(BTreeMap::from([("default".to_owned(), access)]));
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .endpoint_url(endpoint)
            .load()
            .await;
        let network = aws_sdk_ec2::Client::new(&config);
        let subnets = network.describe_subnets().send().await.expect("there is a default VPC");
        let groups = network.describe_security_groups().send().await.expect("it has a group");
        Self {
            subnet: subnets.subnets().iter().find_map(|s| s.subnet_id()).expect("it has subnets").to_owned(),
            group: groups.security_groups().iter().find_map(|g| g.group_id()).expect("it has a group").to_owned(),
            cloud,
            meter,
            registry: holdfast_kinds::registry(),
            scope: Scope::new("default", "eu-west-1"),
            desired: BTreeMap::new(),
            memory: BTreeMap::new(),
            outputs: BTreeMap::new(),
            other: aws_sdk_ecs::Client::new(&config),
        }
    }

    fn declare(&mut self, kind: &str, name: &str, spec: Value) {
        let key = ResourceKey::new("it", kind, name);
        let generation = self.desired.get(&key).map_or(1, |d| d.generation + 1);
        let desired = Desired {
            uid: format!("uid-{kind}-{name}"),
            generation,
            scope: self.scope.clone(),
            spec: Arc::new(spec),
            stack_tags: BTreeMap::from([("env".to_owned(), "test".to_owned())]),
            policy: Policy::default(),
            fate: Fate::Keep,
            hold: None,
            key: key.clone(),
        };
        self.desired.insert(key, Arc::new(desired));
    }

    fn condemn(&mut self) {
        for desired in self.desired.values_mut() {
            *desired = Arc::new(Desired { fate: Fate::DeleteByName, ..Desired::clone(desired) });
        }
    }

    fn filled(&self, value: &Value) -> Value {
        let mut value = value.clone();
        fill(&mut value, &mut |reference| {
            let worth = reference.target("it").and_then(|(key, output)| self.outputs.get(&key)?.get(output).cloned());
            worth.map_or(Worth::Open, Worth::Value)
        });
        value
    }

    async fn look(&self) -> Snapshot {
        let mut wanted: BTreeMap<KindName, Wanted> = KINDS.iter().map(|k| (*k, Wanted::default())).collect();
        for (key, desired) in &self.desired {
            let kind = KINDS.iter().find(|k| **k == key.kind).expect("one of ours");
            let mut spec = self.filled(&desired.spec);
            self.registry.get(kind).expect("it is listed").canonical(&mut spec);
            let id = self.memory.get(key).and_then(|m| m.id.clone());
            let resource = WantedResource { key: key.clone(), uid: desired.uid.clone(), id, spec: Arc::new(spec) };
            wanted.get_mut(kind).expect("it is there").resources.push(resource);
        }
        self.cloud.sweep(&self.scope, &wanted).await
    }

    async fn pass(&mut self) -> Plan {
        let snapshot = self.look().await;
        for (kind, reading) in &snapshot.kinds {
            assert_eq!(reading.gaps, [], "{kind}");
        }
        let desired: Vec<Arc<Desired>> = self.desired.values().cloned().collect();
        let decided = plan(&Input {
            registry: &self.registry,
            desired: &desired,
            snapshot: &snapshot,
            memory: &self.memory,
            elsewhere: &BTreeMap::new(),
            declared_uids: &|uid| desired.iter().any(|d| d.uid == uid),
            settings: &Settings::default(),
            deletes_left: 10,
            now: jiff::Timestamp::now(),
        });
        for verdict in &decided.verdicts {
            if !verdict.outputs.is_empty() {
                self.outputs.insert(verdict.key.clone(), verdict.outputs.clone());
            }
            let memory = self.memory.entry(verdict.key.clone()).or_default();
            memory.id = verdict.id.clone().or(memory.id.take());
            if let Some(resolved) = &verdict.resolved {
                memory.last_written = Some(resolved.clone());
            }
        }
        for step in &decided.steps {
            let kind = KINDS.iter().find(|k| **k == step.key.kind).expect("one of ours");
            let action = self.filled(&step.action);
            let applied = self.cloud.apply(&self.scope, kind, &action, "token").await;
            let applied = applied.unwrap_or_else(|e| panic!("{} {}: {e}", step.key, step.text));
            if applied.id.is_some() {
                self.memory.entry(step.key.clone()).or_default().id = applied.id;
                self.outputs.entry(step.key.clone()).or_default().extend(applied.outputs);
            }
        }
        decided
    }

    async fn steps(&mut self) -> Vec<String> {
        self.pass().await.steps.iter().map(|s| format!("{} {}", s.key.kind, s.text)).collect()
    }

    async fn check_quiet(&mut self, when: &str) {
        self.meter.take();
        let quiet = self.pass().await;
        let told: Vec<String> = quiet.steps.iter().map(|s| format!("{} {} {:?}", s.key, s.text, s.heals)).collect();
        assert!(told.is_empty(), "{when}: {told:?}");
        let unquiet: Vec<_> = quiet.verdicts.iter().filter(|v| v.decision != Decision::InSync).collect();
        assert!(unquiet.is_empty(), "{when}: {unquiet:?}");
    }

    fn id(&self, kind: &str, name: &str) -> String {
        self.memory[&ResourceKey::new("it", kind, name)].id.clone().expect("it is known")
    }
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

fn declare_all(bench: &mut Bench, image: &str) {
    let (subnet, group) = (bench.subnet.clone(), bench.group.clone());
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
    let endpoint = std::env::var("HOLDFAST_TEST_ECS");
    let endpoint = endpoint.expect("HOLDFAST_TEST_ECS names an emulator; `cargo xtask test` starts one");
    let mut bench = Bench::new(&endpoint).await;
    declare_all(&mut bench, "nginx:1");
    assert_eq!(
        bench.steps().await,
        [
            "Cluster create cluster held-main",
            "TaskDefinition register a revision of held-web",
            "Service create service held-web in cluster ${Cluster/main.arn}",
        ]
    );
    bench.check_quiet("after the create").await;
    bench.check_quiet("again").await;
    let mut calls = bench.meter.take();
    calls.sort_unstable();
    // What a revision says is read once; tags come with the feed and the describes.
    assert_eq!(calls, ["DescribeClusters", "DescribeServices", "GetResources", "ListTaskDefinitions"]);

    declare_all(&mut bench, "nginx:2");
    bench.meter.take();
    assert_eq!(bench.steps().await.len(), 2);
    let calls = bench.meter.take();
    assert_eq!((count(&calls, "RegisterTaskDefinition"), count(&calls, "UpdateService")), (1, 1), "{calls:?}");
    bench.check_quiet("after another image").await;

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
    let made = bench.other.register_task_definition().family("held-web").container_definitions(container).send().await;
    let foreign =
        made.expect("it is taken").task_definition.and_then(|t| t.task_definition_arn).expect("it has an ARN");
    let update = bench.other.update_service().cluster("held-main").service("held-web");
    update.task_definition(&foreign).desired_count(7).send().await.expect("it is taken");
    assert_eq!(bench.steps().await.len(), 1, "the service alone");
    bench.check_quiet("after a foreign revision and count").await;
}

async fn lost_tags(bench: &mut Bench) {
    let untag = |arn: String, key: &str| bench.other.untag_resource().resource_arn(arn).tag_keys(key).send();
    untag(bench.id("TaskDefinition", "web"), "tier").await.expect("it is taken");
    untag(bench.id("Service", "web"), "env").await.expect("it is taken");
    let mut steps = bench.steps().await;
    steps.sort();
    assert_eq!(steps, ["Service tag env=test", "TaskDefinition tag tier=web"]);
    bench.check_quiet("after tags were taken away").await;
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
        bench.steps().await,
        ["Cluster update settings of cluster held-main", "Cluster put capacity providers of cluster held-main",]
    );
    bench.check_quiet("after the cluster was changed").await;
}

async fn redeploys(bench: &mut Bench) {
    let key = ResourceKey::new("it", "Service", "web");
    let mut spec = Value::clone(&bench.desired[&key].spec);
    spec["redeployOn"] = json!({ "config": "v2" });
    bench.declare("Service", "web", spec);
    assert_eq!(bench.steps().await, ["Service force a new deployment"]);
    bench.check_quiet("after a redeploy").await;
}
