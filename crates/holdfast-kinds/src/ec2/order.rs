//! What comes first in a network, and what waits for what on its way out.

use crate::registry;
use holdfast_core::name::{RESOURCE_TAG, ResourceKey, Scope, UID_TAG};
use holdfast_core::observe::{LiveState, Observation, Reading, Snapshot};
use holdfast_core::plan::{Decision, Desired, Fate, Input, Plan, Settings, plan};
use holdfast_core::policy::Policy;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A VPC with a way to the internet and a NAT gateway, which names its VPC only through its subnet.
fn network() -> Vec<(&'static str, Value)> {
    let subnet = json!({ "vpcId": "${Vpc/it.id}", "cidrBlock": "10.0.0.0/24" });
    let nat = json!({ "subnetId": "${Subnet/it.id}", "allocationId": "${ElasticIp/it.allocationId}" });
    vec![
        ("Vpc", json!({ "cidrBlock": "10.0.0.0/16" })),
        ("Subnet", subnet),
        ("ElasticIp", json!({})),
        ("InternetGateway", json!({ "vpcId": "${Vpc/it.id}" })),
        ("NatGateway", nat),
    ]
}

/// The plan for these, with those live.
fn planned(declared: Vec<(&'static str, Value)>, fate: Fate, live: Vec<(&'static str, Observation)>) -> Plan {
    let registry = registry();
    let (now, scope) = ("2026-01-01T00:00:00Z".parse().expect("a time"), Scope::new("default", "eu-west-1"));
    let mut kinds: BTreeMap<_, Reading> = BTreeMap::new();
    let mut desired = Vec::new();
    for (name, spec) in declared {
        let kind = registry.get(name).expect("the kind is listed").name();
        kinds.entry(kind).or_default();
        desired.push(Arc::new(Desired {
            key: ResourceKey::new("s", kind, "it"),
            uid: format!("uid-{kind}"),
            generation: 1,
            scope: scope.clone(),
            spec: Arc::new(spec.into()),
            stack_tags: Arc::default(),
            policy: Policy::default(),
            fate,
            hold: None,
            instead: None,
        }));
    }
    for (kind, observation) in live {
        kinds.entry(kind).or_default().observations.push(Arc::new(observation));
    }
    plan(&Input {
        registry: &registry,
        desired: &desired,
        snapshot: &Snapshot { scope, taken_at: now, kinds },
        memory: &BTreeMap::new(),
        elsewhere: &BTreeMap::new(),
        declared_uids: &|uid| uid.starts_with("uid-"),
        settings: &Settings::default(),
        deletes_left: 0,
        replaces_left: 0,
        drift_confirmed: false,
        now,
    })
}

/// All of it as it is live, the NAT gateway in the given state.
fn live(nat: LiveState) -> Vec<(&'static str, Observation)> {
    let fields = |kind: &str| match kind {
        "Subnet" => json!({ "vpcId": "vpc-it" }),
        "InternetGateway" => json!({ "vpcId": "vpc-it" }),
        "NatGateway" => json!({ "subnetId": "subnet-it", "allocationId": "eipalloc-it" }),
        _ => json!({}),
    };
    let one = |(kind, _): (&'static str, Value)| {
        let tags = [(UID_TAG, format!("uid-{kind}")), (RESOURCE_TAG, format!("s/{kind}/it"))];
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut seen = crate::common::settled(format!("{}-it", kind.to_lowercase()), String::new(), tags, fields(kind));
        if kind == "NatGateway" {
            seen.state = nat.clone();
        }
        (kind, seen)
    };
    network().into_iter().map(one).collect()
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|s| format!("{} {}", s.verb.sign(), s.key.kind)).collect()
}

#[test]
fn what_faces_the_internet_is_made_when_its_vpc_has_a_way_there() {
    let balancer = json!({ "name": "it", "subnets": ["${Subnet/it.id}", "subnet-2"] });
    let declared = network().into_iter().chain([("LoadBalancer", balancer)]).collect();
    let plan = planned(declared, Fate::Keep, Vec::new());
    let of = |kind: &str| plan.steps.iter().filter(|s| s.key.kind == kind).map(|s| s.id).collect::<Vec<_>>();
    let gateway = of("InternetGateway");
    assert_eq!(gateway.len(), 2, "{:#?}", plan.steps);
    for kind in ["NatGateway", "LoadBalancer"] {
        let made = plan.steps.iter().find(|s| s.key.kind == kind).expect("it is planned");
        assert!(made.needs.contains(&gateway[1]), "{kind}: the attachment comes first, not only the gateway");
    }
}

#[test]
fn what_a_nat_gateway_stands_on_is_deleted_in_a_later_pass() {
    let plan = planned(network(), Fate::DeleteByName, live(LiveState::Settled));
    assert_eq!(lines(&plan), ["- NatGateway"]);
    for kind in ["ElasticIp", "Subnet", "InternetGateway", "Vpc"] {
        let verdict = plan.verdict(&ResourceKey::new("s", kind, "it")).expect("it has one");
        assert_eq!(verdict.decision, Decision::Wait, "{kind}");
        assert!(verdict.reason.starts_with("It is deleted when s/"), "{kind}: {}", verdict.reason);
    }
}

#[test]
fn it_waits_for_as_long_as_aws_is_deleting_the_nat_gateway() {
    let plan = planned(network(), Fate::DeleteByName, live(LiveState::Deleting("deleting".to_owned())));
    assert_eq!(lines(&plan), [""; 0]);
    let address = plan.verdict(&ResourceKey::new("s", "ElasticIp", "it")).expect("it has one");
    assert_eq!(address.reason, "It is deleted when s/NatGateway/it is gone.");
    let gone = live(LiveState::Settled).into_iter().filter(|(kind, _)| *kind != "NatGateway").collect();
    let mut rest = lines(&planned(network(), Fate::DeleteByName, gone));
    assert_eq!(rest.pop().as_deref(), Some("- Vpc"), "the VPC is last");
    rest.sort();
    assert_eq!(rest, ["- ElasticIp", "- InternetGateway", "- InternetGateway", "- Subnet"]);
}
