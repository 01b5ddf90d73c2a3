//! Load balancers, target groups, listeners and rules over the wire, against an AWS that we did not write.
//!
//! Needs a running moto: `HOLDFAST_TEST_MOTO=http://127.0.0.1:5000 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x
//! AWS_EC2_METADATA_DISABLED=true cargo test -p holdfast-kinds --test moto_elb`. The whole way through the product is
//! tested in the member `tests`; these are the kinds with core's plan alone.
#![cfg(feature = "aws")]

use aws_sdk_elasticloadbalancingv2::types as wire;
use holdfast_core::cloud::{AccountAccess, CallOutcome, Cloud, Meter};
use holdfast_core::kind::Registry;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::observe::{Wanted, WantedResource};
use holdfast_core::plan::{Desired, Fate, Input, Memory, Plan, Settings, plan};
use holdfast_core::policy::Policy;
use holdfast_core::reference::{Worth, fill};
use holdfast_kinds::aws::{AwsCloud, AwsOptions};
use serde_json::{Value, json};
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

/// Each run has a stack of its own, so that what an earlier one left behind is somebody else's.
fn stack() -> String {
    format!("elb{}", std::process::id())
}

struct Bench {
    cloud: AwsCloud,
    meter: Arc<Counter>,
    registry: Registry,
    scope: Scope,
    /// Somebody else, with clients that are not ours.
    other: aws_sdk_elasticloadbalancingv2::Client,
    ec2: aws_sdk_ec2::Client,
    desired: Vec<Arc<Desired>>,
    memory: BTreeMap<ResourceKey, Memory>,
}

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
        Self {
            cloud,
            meter,
            registry: holdfast_kinds::registry(),
            scope: Scope::new("default", "eu-west-1"),
            other: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            ec2: aws_sdk_ec2::Client::new(&config),
            desired: Vec::new(),
            memory: BTreeMap::new(),
        }
    }

    fn declare(&mut self, kind: &str, name: &str, spec: Value) {
        let key = ResourceKey::new(stack(), kind, name);
        self.desired.retain(|d| d.key != key);
        self.desired.push(Arc::new(Desired {
            uid: format!("{kind}-{name}-{}", std::process::id()),
            key,
            generation: 1,
            scope: self.scope.clone(),
            spec: Arc::new(spec),
            stack_tags: BTreeMap::from([("env".to_owned(), "test".to_owned())]),
            policy: Policy::default(),
            fate: Fate::Keep,
            hold: None,
        }));
    }

    fn filled(&self, value: &Value) -> Value {
        let mut value = value.clone();
        fill(&mut value, &mut |reference| {
            let worth = reference
                .target(&stack())
                .and_then(|(key, output)| self.memory.get(&key)?.outputs.get(output).cloned());
            worth.map_or(Worth::Open, Worth::Value)
        });
        value
    }

    async fn plan(&self) -> Plan {
        let mut wanted: BTreeMap<&'static str, Wanted> = BTreeMap::new();
        for d in &self.desired {
            let kind = self.registry.get(&d.key.kind).expect("the kind is listed");
            let mut spec = self.filled(&d.spec);
            kind.canonical(&mut spec);
            let id = self.memory.get(&d.key).and_then(|m| m.id.clone());
            let resource = WantedResource { key: d.key.clone(), uid: d.uid.clone(), id, spec: Arc::new(spec) };
            wanted.entry(kind.name()).or_default().resources.push(resource);
        }
        let snapshot = self.cloud.sweep(&self.scope, &wanted).await;
        for (kind, reading) in &snapshot.kinds {
            assert_eq!(reading.gaps, [], "{kind}");
        }
        plan(&Input {
            registry: &self.registry,
            desired: &self.desired,
            snapshot: &snapshot,
            memory: &self.memory,
            elsewhere: &BTreeMap::new(),
            declared_uids: &|uid| self.desired.iter().any(|d| d.uid == uid),
            settings: &Settings::default(),
            deletes_left: 10,
            now: jiff::Timestamp::UNIX_EPOCH,
        })
    }

    /// Sweeps, plans, acts. Returns what differed and what was done, as text.
    async fn pass(&mut self) -> (Vec<String>, Vec<String>) {
        let plan = self.plan().await;
        let mut found = Vec::new();
        for verdict in &plan.verdicts {
            found.extend(verdict.diffs.iter().map(|d| format!("{} {:?} {}", verdict.key.name, d.change, d.path)));
            let memory = self.memory.entry(verdict.key.clone()).or_default();
            if let Some(id) = &verdict.id {
                memory.id = Some(id.clone());
                memory.outputs = verdict.outputs.clone();
            }
        }
        let mut done = Vec::new();
        for step in &plan.steps {
            let action = self.filled(&step.action);
            let kind = self.registry.get(&step.key.kind).expect("the kind is listed").name();
            let applied = self.cloud.apply(&self.scope, kind, &action, "token").await;
            let applied = applied.unwrap_or_else(|e| panic!("{}: {e}", step.text));
            let memory = self.memory.entry(step.key.clone()).or_default();
            memory.id = applied.id.or(memory.id.take());
            memory.outputs.extend(applied.outputs);
            done.push(format!("{} {}: {}", step.verb.sign(), step.key.name, step.text));
        }
        for verdict in plan.verdicts {
            let memory = self.memory.entry(verdict.key).or_default();
            memory.last_written = verdict.resolved.or(memory.last_written.take());
        }
        (found, done)
    }

    async fn quiet(&mut self) {
        let (found, done) = self.pass().await;
        assert_eq!((found, done), (vec![], vec![]));
    }

    fn id(&self, kind: &str, name: &str) -> String {
        self.memory[&ResourceKey::new(stack(), kind, name)].id.clone().expect("it was made")
    }

    fn fate(&mut self, fate: Fate) {
        for d in &mut self.desired {
            Arc::make_mut(d).fate = fate;
        }
    }
}

async fn subnets(bench: &Bench) -> (String, Vec<String>) {
    let answer = bench.ec2.describe_subnets().send().await.expect("moto answers");
    let ids = answer.subnets().iter().filter_map(|s| s.subnet_id()).map(str::to_owned).take(3).collect();
    let vpc = answer.subnets().first().and_then(|s| s.vpc_id()).expect("moto has a default VPC");
    (vpc.to_owned(), ids)
}

async fn declare_all(bench: &mut Bench, run: &str) {
    let (vpc, subnets) = subnets(bench).await;
    let balancer = json!({
        "name": format!("lb-{run}"), "subnets": subnets[..2], "tags": { "team": "media" },
        "attributes": { "idle_timeout.timeout_seconds": 120, "deletion_protection.enabled": "false" },
    });
    bench.declare("LoadBalancer", "lb", balancer);
    for name in ["blue", "green"] {
        let group = json!({
            "name": format!("{name}-{run}"), "protocol": "HTTP", "port": 8080, "vpcId": vpc, "targetType": "ip",
            "healthCheckPath": "/healthz", "matcher": { "httpCode": "200-299" }, "healthCheckTimeoutSeconds": 5,
            "attributes": { "deregistration_delay.timeout_seconds": 30 },
        });
        bench.declare("TargetGroup", name, group);
    }
    let listener = json!({
        "loadBalancerArn": "${LoadBalancer/lb.arn}", "port": 80, "protocol": "HTTP",
        "defaultActions": [{ "type": "forward", "targetGroupArn": "${TargetGroup/blue.arn}" }],
    });
    bench.declare("Listener", "http", listener);
    let weighted = json!([{ "type": "forward", "forwardConfig": { "targetGroups": [
        { "targetGroupArn": "${TargetGroup/green.arn}", "weight": 9 }, { "targetGroupArn": "${TargetGroup/blue.arn}" } ] } }]);
    let rule = |priority: u32, conditions: Value, actions: Value| json!({ "listenerArn": "${Listener/http.arn}", "priority": priority, "conditions": conditions, "actions": actions });
    let to_green = json!([{ "type": "forward", "targetGroupArn": "${TargetGroup/green.arn}" }]);
    let paths = json!([{ "field": "path-pattern", "values": ["/a/*"] }, { "field": "source-ip", "sourceIpConfig": { "values": ["10.0.0.0/8"] } }]);
    let hosts = json!([{ "field": "host-header", "hostHeaderConfig": { "values": ["WWW.example.com", "b.example.com"] } },
        { "field": "query-string", "queryStringConfig": { "values": [{ "key": "v", "value": 1 }] } }]);
    bench.declare("ListenerRule", "paths", rule(10, paths, to_green));
    bench.declare("ListenerRule", "hosts", rule(20, hosts, weighted));
    let header = json!([{ "field": "http-header", "httpHeaderConfig": { "httpHeaderName": "X-Env", "values": ["a"] } },
        { "field": "http-request-method", "httpRequestMethodConfig": { "values": ["GET"] } }]);
    let redirect = json!([{ "type": "redirect", "redirectConfig": { "protocol": "HTTPS", "port": 443, "statusCode": "HTTP_301" } }]);
    bench.declare("ListenerRule", "redirect", rule(30, header, redirect));
    let fixed =
        json!([{ "type": "fixed-response", "fixedResponseConfig": { "statusCode": 404, "messageBody": "no" } }]);
    bench.declare("ListenerRule", "fixed", rule(40, json!([{ "field": "path-pattern", "values": ["/x"] }]), fixed));
}

/// What a person with a console does.
async fn disturb(bench: &Bench) {
    let (elb, green) = (&bench.other, bench.id("TargetGroup", "green"));
    let health = elb.modify_target_group().target_group_arn(&green).health_check_path("/other");
    health.send().await.expect("a health check is changed behind our back");
    let delay = wire::TargetGroupAttribute::builder().key("deregistration_delay.timeout_seconds").value("5").build();
    let attributes = elb.modify_target_group_attributes().target_group_arn(&green).attributes(delay);
    attributes.send().await.expect("an attribute is changed behind our back");
    let forward = wire::Action::builder().r#type(wire::ActionTypeEnum::Forward).target_group_arn(&green).build();
    let listener = elb.modify_listener().listener_arn(bench.id("Listener", "http")).default_actions(forward);
    listener.send().await.expect("a default action is changed behind our back");
    let pair = wire::RulePriorityPair::builder().rule_arn(bench.id("ListenerRule", "paths")).priority(77).build();
    elb.set_rule_priorities().rule_priorities(pair).send().await.expect("a priority is changed behind our back");
    let untag = elb.remove_tags().resource_arns(bench.id("LoadBalancer", "lb")).tag_keys("team");
    untag.send().await.expect("a tag is removed behind our back");
    elb.delete_rule()
        .rule_arn(bench.id("ListenerRule", "fixed"))
        .send()
        .await
        .expect("a rule is deleted behind our back");
}

async fn whole_life(endpoint: &str) {
    let mut bench = Bench::new(endpoint).await;
    let run = std::process::id().to_string();
    declare_all(&mut bench, &run).await;
    let (_, done) = bench.pass().await;
    assert_eq!(done.len(), 8 + 3, "{done:#?}");
    bench.quiet().await;
    bench.meter.take();
    bench.quiet().await;
    let mut calls = bench.meter.take();
    calls.sort_unstable();
    let attributes =
        ["DescribeLoadBalancerAttributes", "DescribeTargetGroupAttributes", "DescribeTargetGroupAttributes"];
    let listings =
        ["DescribeListeners", "DescribeLoadBalancers", "DescribeRules", "DescribeTargetGroups", "GetResources"];
    // moto's tag feed knows no listeners and rules, so each kind confirms the tags of its own.
    let tags = ["DescribeTags", "DescribeTags"];
    let mut floor: Vec<&str> = attributes.into_iter().chain(listings).chain(tags).collect();
    floor.sort_unstable();
    assert_eq!(calls, floor, "a steady sweep is one call a kind, the feed, and the audit of attributes");

    disturb(&bench).await;
    let (mut found, _) = bench.pass().await;
    found.sort();
    assert_eq!(
        found,
        [
            "fixed Missing ",
            "green Changed /attributes/deregistration_delay.timeout_seconds",
            "green Changed /healthCheckPath",
            "http Changed /defaultActions/0/targetGroupArn",
            "lb Removed /tags/team",
            "paths Changed /priority",
        ]
    );
    bench.quiet().await;
    forgets_everything(&mut bench).await;
    goes(&mut bench, &run).await;
}

/// With no memory of ours everything is found again, by its tags and its names.
async fn forgets_everything(bench: &mut Bench) {
    bench.memory.clear();
    bench.cloud.set_accounts(BTreeMap::new());
    let fresh = Bench::new(&std::env::var("HOLDFAST_TEST_MOTO").unwrap_or_default()).await;
    (bench.cloud, bench.meter) = (fresh.cloud, fresh.meter);
    bench.quiet().await;
    bench.quiet().await;
}

/// Teardown, in order, with a bystander that stays.
async fn goes(bench: &mut Bench, run: &str) {
    let (vpc, _) = subnets(bench).await;
    let bystander = bench.other.create_target_group().name(format!("by-{run}")).protocol(wire::ProtocolEnum::Http);
    let bystander = bystander.port(1).vpc_id(vpc).send().await.expect("moto makes it");
    bench.fate(Fate::DeleteByName);
    let (_, done) = bench.pass().await;
    assert!(done.iter().all(|line| line.starts_with('-')), "{done:#?}");
    bench.quiet().await;
    let plan = bench.plan().await;
    assert!(plan.verdicts.iter().all(|v| v.id.is_none()), "{:#?}", plan.verdicts);
    let arn = bystander.target_groups().first().and_then(|g| g.target_group_arn()).expect("it has an ARN");
    let left = bench.other.describe_target_groups().target_group_arns(arn).send().await.expect("moto answers");
    assert_eq!(left.target_groups().len(), 1, "what is not ours stays");
}

/// The endpoint of moto. Without one the tests fail: what did not run has not passed.
fn moto() -> String {
    std::env::var("HOLDFAST_TEST_MOTO").expect("HOLDFAST_TEST_MOTO names a moto server; `cargo xtask test` starts one")
}

#[tokio::test]
async fn a_load_balancer_with_groups_listener_and_rules_lives_and_goes() {
    let endpoint = moto();
    whole_life(&endpoint).await;
}
