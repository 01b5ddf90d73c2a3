//! The quirks of the five systems, each its own assertion, and their plans as text.

use crate::bench::{Bench, bench_of};
use crate::examples::{System, settled, systems};
use holdfast_core::plan::Fate;
use holdfast_core::status::Phase;
use holdfast_core::validate::check_alone;
use holdfast_engine::Overlay;
use holdfast_sim::{LiveThing, Tamper};
use serde_json::{Value, json};
use std::fmt::Write;

fn system(name: &str) -> System {
    systems().into_iter().find(|s| s.name == name).expect("there is such an example")
}

/// The spec of a resource in any of a system's stacks.
fn spec<'d>(system: &'d mut System, key: &str) -> &'d mut Value {
    let parts: Vec<&str> = key.split('/').collect();
    let stacks = system.document["items"].as_array_mut().expect("a list");
    let stack = stacks.iter_mut().find(|s| s["metadata"]["name"] == parts[0]).expect("the stack is there");
    let all = stack["spec"]["resources"].as_array_mut().expect("a stack has resources");
    let one = all.iter_mut().find(|r| r["kind"] == parts[1] && r["metadata"]["name"] == parts[2]);
    &mut one.expect("it is declared")["spec"]
}

/// The live thing of a resource.
fn live(b: &Bench, key: &str) -> LiveThing {
    let all = b.sim.live(&b.scope);
    all.into_iter().find(|t| t.observation.owner_resource() == Some(key)).unwrap_or_else(|| panic!("{key} is live"))
}

fn id(b: &Bench, key: &str) -> String {
    live(b, key).observation.outputs["id"].as_str().expect("a text").to_owned()
}

/// The groups that the ingress of a group names.
fn named_by(b: &Bench, key: &str) -> Vec<String> {
    let rules = live(b, key).observation.fields["ingress"].as_array().expect("rules").clone();
    rules.iter().filter_map(|r| r["referencedGroupId"].as_str()).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_first_plan_of_every_system_is_as_reviewed() {
    for system in systems() {
        let b = bench_of(holdfast_kinds::registry(), &system.region);
        b.declare(&system.document);
        let plan = b.engine.plan_now(&b.scope, &Overlay::default()).await.expect("it can be planned");
        let mut text = String::new();
        for step in &plan.steps {
            let _ = writeln!(
                text,
                "{:>3} {} {}/{}: {}",
                step.id,
                step.verb.sign(),
                step.key.kind,
                step.key.name,
                step.text
            );
        }
        insta::assert_snapshot!(format!("{}_{}", system.name, system.region), text);
    }
}

#[tokio::test]
async fn the_groups_of_the_hazelcast_cluster_name_each_other_and_both_rules_come_back() {
    let b = settled(&system("accurate-video")).await;
    let (adapter, jobs) = ("av-infrastructure/SecurityGroup/adapter", "av-infrastructure/SecurityGroup/jobs");
    let circle = |b: &Bench| named_by(b, adapter).contains(&id(b, jobs)) && named_by(b, jobs).contains(&id(b, adapter));
    assert!(circle(&b));
    for key in [adapter, jobs] {
        b.sim
            .tamper(&b.scope, "SecurityGroup", &id(&b, key), Tamper::Set("/ingress".to_owned(), json!([])))
            .expect("it is live");
    }
    b.settle().await;
    b.all_in_sync();
    assert!(circle(&b));
    b.lawful();
}

#[tokio::test]
async fn the_instances_and_the_database_of_es_name_each_other_and_go_together() {
    let b = settled(&system("es")).await;
    let names = |one: &str, other: &str| live(&b, one).observation.fields.to_string().contains(&id(&b, other));
    let (instances, database) = ("es/SecurityGroup/ec2-rds", "es/SecurityGroup/rds-ec2");
    assert!(names(instances, database) && names(database, instances), "egress on one side, ingress on the other");
    b.remove("es", Fate::DeleteByName);
    b.settle().await;
    assert!(b.sim.live(&b.scope).iter().all(|t| !t.observation.owner_resource().is_some_and(|r| r.starts_with("es/"))));
}

#[tokio::test]
async fn the_nat_instance_forwards_and_its_route_follows_it_to_its_next_interface() {
    let b = settled(&system("gifmachine")).await;
    let (nat, table) = ("gifmachine-eu-west-1/Instance/nat", "gifmachine-eu-west-1/RouteTable/private");
    assert_eq!(live(&b, nat).observation.fields["sourceDestCheck"], false);
    let interface = |b: &Bench| live(b, nat).observation.outputs["networkInterfaceId"].clone();
    let first = interface(&b);
    assert_eq!(live(&b, table).observation.fields["routes"][0]["networkInterfaceId"], first);
    b.sim.tamper(&b.scope, "Instance", &id(&b, nat), Tamper::Delete).expect("it is live");
    b.settle().await;
    b.all_in_sync();
    assert_ne!(interface(&b), first, "another instance has another interface");
    assert_eq!(live(&b, table).observation.fields["routes"][0]["networkInterfaceId"], interface(&b));
}

#[tokio::test]
async fn a_network_load_balancer_does_not_become_an_application_load_balancer_in_silence() {
    let mut system = system("gifmachine");
    let b = settled(&system).await;
    let key = "gifmachine-eu-west-1/LoadBalancer/public";
    let before = b.writes().len();
    spec(&mut system, key)["type"] = json!("application");
    spec(&mut system, key)["attributes"] = json!({});
    for listener in ["public", "test"] {
        spec(&mut system, &format!("gifmachine-eu-west-1/Listener/{listener}"))["protocol"] = json!("HTTP");
    }
    for group in ["blue", "green"] {
        let group = spec(&mut system, &format!("gifmachine-eu-west-1/TargetGroup/{group}"));
        group["protocol"] = json!("HTTP");
        group.as_object_mut().expect("a spec").remove("healthCheckProtocol");
    }
    b.declare(&system.document);
    b.settle().await;
    let status = b.status(key);
    assert_eq!(status.phase, Phase::Blocked);
    assert!(status.conditions[0].message.contains("policy.replace is \"never\""), "{}", status.conditions[0].message);
    let gone = b.writes()[before..].iter().filter(|c| c.operation.contains("Delete")).count();
    assert_eq!(gone, 0, "nothing of it is deleted");
    assert_eq!(live(&b, key).observation.fields["type"], "network");
}

#[tokio::test]
async fn names_that_grow_beyond_32_characters_are_refused_before_anything_is_made() {
    let mut system = system("gifmachine");
    let registry = holdfast_kinds::registry();
    system.document["items"][0]["spec"]["variables"]["company"] = json!("a-company-of-some-length");
    let refused = check_alone(&system.document, &registry, "eu-west-1").expect_err("the names are too long");
    let at = |kind: &str| {
        let all = system.document["items"][0]["spec"]["resources"].as_array().expect("resources");
        all.iter().position(|r| r["kind"] == kind).map(|n| format!("/items/0/spec/resources/{n}/spec/name"))
    };
    for kind in ["TargetGroup", "LoadBalancer"] {
        let pointer = at(kind).expect("it is declared");
        let said = refused.iter().find(|e| e.pointer == pointer).unwrap_or_else(|| panic!("{kind}: {refused:?}"));
        assert!(said.message.contains("1 to 32"), "{}", said.message);
    }
}

#[tokio::test]
async fn the_database_of_datavault_outlives_even_an_order_to_delete_it() {
    let b = settled(&system("datavault")).await;
    let key = "datavault/DBInstance/main";
    let deletes = |b: &Bench| b.writes().iter().filter(|c| c.operation == "rds:DeleteDBInstance").count();
    b.remove("datavault", Fate::DeleteByName);
    for _ in 0..60 {
        b.pass().await;
        b.clock.advance(jiff::SignedDuration::from_secs(30));
    }
    assert_eq!(live(&b, key).observation.outputs["id"], "rdss-datavault");
    assert_eq!(deletes(&b), 0, "not even asked");
    let why = &b.status(key).conditions[0];
    assert!(why.message.contains("protect"), "{}", why.message);
}
