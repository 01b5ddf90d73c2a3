//! Incidents that other tools had with what is a difference and what is none, told as plans.

use crate::cases::{Told, planned};
use crate::common::{Tags, settled};
use crate::registry;
use crate::task_definition::TaskDefinition;
use holdfast_core::kind::{Context, Kind, Mint};
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::Observation;
use holdfast_core::plan::{Decision, Memory, Plan, Verdict};
use holdfast_core::pointer;
use serde_json::{Value, json};

/// A task definition of one container, as people write it.
fn task(name: &str) -> Value {
    json!({ "family": name, "cpu": 256, "memory": 512, "networkMode": "awsvpc", "containerDefinitions": [{
        "name": "web", "image": "nginx:1", "portMappings": [{ "containerPort": 80 }, { "containerPort": 443 }],
        "environment": [{ "name": "B", "value": 2 }, { "name": "A", "value": "1" }] }] })
}

/// What stands in AWS after it was registered, with these fields besides.
fn registered(spec: &Value, more: &[(&str, Value)]) -> Observation {
    let mut spec = spec.clone();
    TaskDefinition::canonical(&mut spec);
    let (key, tags) = (ResourceKey::new("s", "TaskDefinition", "it"), Tags::new());
    let first = TaskDefinition::create(&spec, &Context { key: &key, tags: &tags }).remove(0);
    let mut mint = Mint { account_id: "123456789012".to_owned(), region: "eu-west-1".to_owned(), next: 0 };
    let mut live = TaskDefinition::predict(None, &first.action, &mut mint).expect("it is taken").expect("it is there");
    for (at, value) in more {
        assert!(pointer::set(&mut live.fields, at, value.clone()), "there is no way to {at}");
    }
    TaskDefinition::canonical(&mut live.fields);
    live
}

/// Remembered as in sync when this was live.
fn in_sync(kind: &str, spec: &Value, live: &Observation) -> Memory {
    let mut written = spec.clone();
    registry().get(kind).expect("the kind is listed").canonical(&mut written);
    Memory {
        last_written: Some(written.into()),
        baseline: Some(live.fields.clone().into()),
        baseline_generation: 1,
        ..Memory::default()
    }
}

fn told(kind: &'static str, declared: Value, live: Observation, memory: Memory) -> Told<'static> {
    Told { kind, declared, live, memory }
}

/// The plan for one resource.
fn plan_of(kind: &'static str, declared: Value, live: Observation, memory: Memory) -> Plan {
    planned(vec![told(kind, declared, live, memory)])
}

fn check_silent(plan: &Plan) {
    let loud: Vec<&Verdict> =
        plan.verdicts.iter().filter(|v| v.decision != Decision::InSync || !v.diffs.is_empty()).collect();
    assert!(loud.is_empty() && plan.steps.is_empty(), "{loud:#?}\n{:#?}", plan.steps);
}

fn paths(verdict: &Verdict) -> Vec<String> {
    verdict.diffs.iter().map(|d| format!("{:?} {}", d.change, d.path)).collect()
}

/// TFP#10387, TFP#14052, TFP#23726, UPJ#825, UPJ#1519, ACK#2361: task definitions were registered anew at every run
/// because the answer had another order, or members that nobody had declared.
#[test]
fn i05_a_task_definition_is_not_registered_again_over_order_and_defaults() {
    let declared = task("web");
    let more = [
        ("/containerDefinitions/0/environment", json!([{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }])),
        (
            "/containerDefinitions/0/portMappings",
            json!([
            { "containerPort": 443, "hostPort": 443, "protocol": "tcp" }, { "containerPort": 80, "protocol": "tcp" }]),
        ),
        ("/containerDefinitions/0/mountPoints", json!([])),
        ("/containerDefinitions/0/volumesFrom", json!([])),
        ("/containerDefinitions/0/essential", json!(true)),
        ("/containerDefinitions/0/cpu", json!(0)),
        ("/volumes", json!([])),
        ("/placementConstraints", json!([])),
    ];
    let live = registered(&declared, &more);
    check_silent(&plan_of("TaskDefinition", declared.clone(), live.clone(), Memory::default()));
    let memory = in_sync("TaskDefinition", &declared, &live);
    check_silent(&plan_of("TaskDefinition", declared, live, memory));
}

/// ACK#2361, UPJ#825: a service rolled for ever because `family:revision` and the ARN of the same revision were not
/// taken for the same, nor the cluster's name and its ARN.
#[test]
fn i05_a_service_does_not_roll_because_a_revision_is_named_in_another_way() {
    let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7";
    let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/main";
    let mut fields = json!({ "cluster": cluster, "serviceName": "web", "taskDefinition": arn });
    let registry = registry();
    let kind = registry.get("Service").expect("the kind is listed");
    kind.canonical(&mut fields);
    let live = settled("arn:web".to_owned(), "main/web".to_owned(), Tags::new(), fields);
    for (cluster, revision) in [("main", "web:7"), (cluster, arn), ("main", arn), (cluster, "web:7")] {
        let declared = json!({ "cluster": cluster, "serviceName": "web", "taskDefinition": revision });
        check_silent(&plan_of("Service", declared, live.clone(), Memory::default()));
    }
    let declared = json!({ "cluster": "main", "serviceName": "web", "taskDefinition": "web:8" });
    let plan = plan_of("Service", declared, live, Memory::default());
    assert_eq!(plan.steps.len(), 1, "another revision does roll it");
}

/// TFP#10387 and its like, one generation later: AWS begins to answer a member of containers that no table knows. It
/// must not be registered away for ever.
#[test]
fn i05_what_aws_insists_on_in_a_container_is_not_registered_away_for_ever() {
    let declared = task("web");
    let before = registered(&declared, &[]);
    let live = registered(&declared, &[("/containerDefinitions/0/startTimeout", json!(120))]);
    let mut memory = in_sync("TaskDefinition", &declared, &before);
    for taken in 0..2 {
        memory.futile = taken;
        let plan = plan_of("TaskDefinition", declared.clone(), live.clone(), memory.clone());
        assert_eq!(paths(&plan.verdicts[0]), ["Added /containerDefinitions/0/startTimeout"]);
        assert_eq!(plan.steps.len(), 1, "one difference may be somebody's doing and is put back");
        memory.fingerprint = plan.verdicts[0].fingerprint.clone();
    }
    memory.futile = 2;
    let plan = plan_of("TaskDefinition", declared.clone(), live.clone(), memory);
    check_silent(&plan);
    let proposed: Vec<(&str, &Value)> = plan.proposals.iter().map(|p| (p.path.as_str(), &p.value)).collect();
    assert_eq!(proposed, [("/containerDefinitions/*/startTimeout", &json!(120))]);
    check_silent(&plan_of(
        "TaskDefinition",
        declared.clone(),
        live.clone(),
        in_sync("TaskDefinition", &declared, &live),
    ));
}

/// The same at the first sight of what was just created: AWS has put it there.
#[test]
fn i05_what_aws_adds_to_a_container_when_it_is_made_is_no_difference() {
    let declared = task("web");
    let live = registered(&declared, &[("/containerDefinitions/0/startTimeout", json!(120))]);
    let created_unseen = Some("2026-01-01T00:00:00Z".parse().expect("a time"));
    let memory = Memory { created_unseen, baseline: None, ..in_sync("TaskDefinition", &declared, &live) };
    check_silent(&plan_of("TaskDefinition", declared, live, Memory { baseline_generation: 0, ..memory }));
}

/// CFN#1259, CFN#2153, CFN#1283, CFN#1198, mitodl#5628: fields that were not read, or that AWS had filled in, were told
/// as drift until people switched the telling off.
#[test]
fn i10_what_was_not_read_is_unknown_and_never_drift() {
    let declared = json!({ "name": "web", "protocol": "HTTP", "port": 80, "vpcId": "vpc-1",
        "attributes": { "deregistration_delay.timeout_seconds": "30" } });
    let registry = registry();
    let kind = registry.get("TargetGroup").expect("the kind is listed");
    let mut fields = json!({ "name": "web", "protocol": "HTTP", "port": 80, "vpcId": "vpc-1" });
    kind.canonical(&mut fields);
    let mut live = settled("arn:web".to_owned(), "web".to_owned(), Tags::new(), fields);
    live.unread = vec!["/attributes".to_owned()];
    let memory = in_sync("TargetGroup", &declared, &live);
    check_silent(&plan_of("TargetGroup", declared.clone(), live.clone(), memory.clone()));
    live.unread.clear();
    let plan = plan_of("TargetGroup", declared, live, memory);
    assert_eq!(paths(&plan.verdicts[0]), ["Removed /attributes/deregistration_delay.timeout_seconds"]);
}

/// The same for all that AWS fills in and nobody declares, kind by kind, when it is first seen and when it moves away
/// from nothing; the tables of cases hold hundreds more.
#[test]
fn i10_what_aws_fills_in_and_nobody_declares_is_silence() {
    let groups = ["a", "b", "c", "d"].map(|name| {
        let declared = json!({ "name": name, "protocol": "HTTP", "port": 80, "vpcId": "vpc-1" });
        let filled = json!({ "name": name, "protocol": "HTTP", "port": 80, "vpcId": "vpc-1", "targetType": "instance",
            "protocolVersion": "HTTP1", "healthCheckTimeoutSeconds": 5, "matcher": { "httpCode": "200" } });
        let bare = settled(name.to_owned(), name.to_owned(), Tags::new(), declared.clone());
        let memory = in_sync("TargetGroup", &declared, &bare);
        told("TargetGroup", declared, Observation { fields: filled.into(), ..bare }, memory)
    });
    check_silent(&planned(groups.into()));
}

/// mitodl#5628: one new field of AWS's made 37 of 38 resources drift in one night.
#[test]
fn i10_a_field_that_aws_begins_to_show_everywhere_is_proposed_once_and_is_nobodys_drift() {
    let shown = ("/containerDefinitions/0/startTimeout", json!(120));
    let grown = |n: usize, at: &(&str, Value)| -> Vec<Told<'static>> {
        let one = |i: usize| {
            let declared = task(&format!("web-{i}"));
            let before = registered(&declared, &[]);
            let memory = in_sync("TaskDefinition", &declared, &before);
            told("TaskDefinition", declared.clone(), registered(&declared, std::slice::from_ref(at)), memory)
        };
        (0..n).map(one).collect()
    };
    let plan = planned(grown(38, &shown));
    check_silent(&plan);
    assert_eq!(plan.proposals.len(), 1, "{:#?}", plan.proposals);
    let proposal = &plan.proposals[0];
    assert_eq!((proposal.path.as_str(), proposal.resources.len()), ("/containerDefinitions/*/startTimeout", 38));
    assert!(proposal.to_string().contains("new default"), "{proposal}");
    assert!(plan.verdicts.iter().all(|v| v.live.is_some() && v.learned.len() == 1), "it is learned");

    let mut but_one = grown(38, &shown);
    but_one[7].live = registered(&task("web-7"), &[]);
    assert_eq!(planned(but_one).steps.len(), 37, "37 of 38 are not all");
    assert_eq!(planned(grown(2, &shown)).steps.len(), 2, "two are too few to tell");
    let mut adopted = grown(38, &shown);
    adopted.iter_mut().for_each(|t| t.memory = Memory::default());
    assert_eq!(planned(adopted).steps.len(), 38, "what was never in sync has not appeared, it was there");
    let privileged = ("/containerDefinitions/0/privileged", json!(true));
    assert_eq!(planned(grown(38, &privileged)).steps.len(), 38, "an exposure is never a new default");
}

/// The same for a field that nobody declares: not `undeclared` on every resource.
#[test]
fn i10_an_undeclared_field_that_appears_everywhere_is_not_told_a_resource_at_a_time() {
    let groups = |n: usize, value: fn(usize) -> &'static str| -> Plan {
        let one = |i: usize| {
            let declared = json!({ "name": format!("g{i}"), "protocol": "HTTP", "port": 80, "vpcId": "vpc-1",
                "attributes": { "stickiness.enabled": "false" } });
            let before = settled(format!("arn:{i}"), format!("g{i}"), Tags::new(), declared.clone());
            let mut live = before.clone();
            live.fields["attributes"]["of.tomorrow.enabled"] = json!(value(i));
            let memory = in_sync("TargetGroup", &declared, &before);
            told("TargetGroup", declared, live, memory)
        };
        planned((0..n).map(one).collect())
    };
    let plan = groups(5, |_| "true");
    check_silent(&plan);
    assert_eq!(plan.proposals.len(), 1);
    let plan = groups(5, |i| if i == 3 { "false" } else { "true" });
    let told: Vec<Vec<String>> = plan.verdicts.iter().map(paths).collect();
    assert_eq!(
        told,
        vec![vec!["Undeclared /attributes/of.tomorrow.enabled".to_owned()]; 5],
        "values that differ are people's"
    );
    assert!(plan.steps.is_empty() && plan.proposals.is_empty());
}

fn group(ingress: Option<Value>) -> Value {
    let mut spec = json!({ "groupName": "web", "description": "Web", "vpcId": "vpc-1" });
    if let Some(rules) = ingress {
        spec["ingress"] = rules;
    }
    spec
}

fn rule(port: u16, peer: &str) -> Value {
    json!({ "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": peer })
}

fn live_group(ingress: &[Value]) -> Observation {
    settled("sg-1".to_owned(), "vpc-1/web".to_owned(), Tags::new(), group(Some(json!(ingress))))
}

/// UPJ#1954: rules that nobody declared were not seen at all.
#[test]
fn i20_extra_rules_are_drift_when_the_list_is_declared_and_left_alone_when_it_is_not() {
    let ssh = rule(22, "0.0.0.0/0");
    let live = live_group(&[rule(80, "10.0.0.0/8"), ssh]);
    let declared = group(Some(json!([rule(80, "10.0.0.0/8")])));
    let memory = in_sync("SecurityGroup", &declared, &live_group(&[rule(80, "10.0.0.0/8")]));
    let plan = plan_of("SecurityGroup", declared, live.clone(), memory);
    assert_eq!(paths(&plan.verdicts[0]), ["Added /ingress/1"]);
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps[0].text.contains("revoke ingress tcp 22 from 0.0.0.0/0"), "{}", plan.steps[0].text);

    let empty = group(Some(json!([])));
    let plan = plan_of("SecurityGroup", empty, live.clone(), Memory::default());
    assert_eq!(plan.verdicts[0].diffs.len(), 2, "an empty list allows nothing");
    let undeclared = group(None);
    let memory = in_sync("SecurityGroup", &undeclared, &live);
    check_silent(&plan_of("SecurityGroup", undeclared, live, memory));
}

/// TFP#32379, TFP#29142: rules declared in the group and rules declared apart overwrote each other at every run. Here
/// a rule apart is refused where the group declares the direction, and what says the same thing twice is refused.
#[test]
fn i20_nothing_can_be_declared_in_two_places_that_overwrite_each_other() {
    let registry = registry();
    let refused = |kind: &str, spec: Value| -> Vec<String> {
        let kind = registry.get(kind).expect("the kind is listed");
        kind.validate(&spec).into_iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    for (container, apart) in [
        ("TargetGroup", "TargetGroupAttachment"),
        ("Cluster", "ClusterCapacityProviders"),
        ("Listener", "ListenerCertificate"),
    ] {
        assert!(registry.get(container).is_some() && registry.get(apart).is_none(), "{apart} is part of {container}");
    }
    let mut apart = rule(22, "10.0.0.0/8");
    (apart["groupId"], apart["isEgress"]) = (json!("${SecurityGroup/web.id}"), json!(false));
    let kind = registry.get("SecurityGroupRule").expect("the kind is listed");
    let beside = |inline: Option<Value>| kind.validate_with(&apart, &|_| Some(group(inline.clone())), "s").len();
    assert_eq!((beside(Some(json!([]))), beside(None)), (1, 0));
    let twice = group(Some(
        json!([rule(80, "10.0.0.0/8"), { "ipProtocol": 6, "fromPort": 80, "toPort": 80, "cidrIpv4": "10.1.2.3/8" }]),
    ));
    assert_eq!(refused("SecurityGroup", twice), ["/ingress/1 duplicate-rule"]);
    let both =
        json!({ "name": "web", "subnets": ["a", "b"], "subnetMappings": [{ "subnetId": "a" }, { "subnetId": "b" }] });
    assert_eq!(refused("LoadBalancer", both), ["/subnetMappings conflicting-fields"]);
    // The same group under two names is the same thing; two resources that declare it are refused together.
    let kind = registry.get("SecurityGroup").expect("the kind is listed");
    assert_eq!(kind.identity(&group(None)), kind.identity(&group(Some(json!([])))));
}
