//! Replacements of the real kinds, in the example `es` and in a network: make before break, one thing in the end.

use crate::bench::{Bench, bench_of, stack};
use holdfast_core::status::Phase;
use holdfast_engine::Undisturbed;
use serde_json::{Value, json};
use std::sync::Arc;

/// The example, with replacement allowed.
fn es() -> Value {
    let text = include_str!("../../../../examples/es/stack.json");
    let mut document: Value = serde_json::from_str(text).expect("it is JSON");
    document["spec"]["policy"]["replace"] = json!("allow");
    document
}

/// The spec of a resource in a stack.
fn spec<'d>(document: &'d mut Value, kind: &str, name: &str) -> &'d mut Value {
    let all = document["spec"]["resources"].as_array_mut().expect("a stack has resources");
    let one = all.iter_mut().find(|r| r["kind"] == kind && r["metadata"]["name"] == name);
    &mut one.expect("it is declared")["spec"]
}

/// A target group on another port under another name, which is what AWS asks for.
fn with_other_group() -> Value {
    let mut next = es();
    let group = spec(&mut next, "TargetGroup", "client-web-ui");
    (group["port"], group["name"]) = (json!(3100), json!("client-web-ui-3100-tg"));
    next
}

async fn settled(document: &Value) -> Bench {
    let b = bench_of(holdfast_kinds::registry(), document["spec"]["region"].as_str().unwrap_or("eu-west-1"));
    b.declare(document);
    b.settle().await;
    b.all_in_sync();
    b
}

/// The same, with a budget for replacements that a change of mind does not use up.
async fn generous(document: &Value) -> Bench {
    let mut b = settled(document).await;
    b.options.settings.max_replacements_per_hour = 20;
    b.restart("generous", Arc::new(Undisturbed));
    b
}

/// What was written since `from`, as operations without their service.
fn written(b: &Bench, from: usize) -> Vec<String> {
    b.writes()[from..].iter().map(|c| c.operation.split(':').next_back().unwrap_or_default().to_owned()).collect()
}

fn place(written: &[String], operation: &str) -> usize {
    written.iter().position(|w| w == operation).unwrap_or_else(|| panic!("no {operation} in {written:?}"))
}

#[tokio::test]
async fn a_target_group_on_another_port_takes_over_its_rule_and_its_service_before_the_old_one_goes() {
    let b = settled(&es()).await;
    let (things, from) = (b.sim.live(&b.scope).len(), b.writes().len());
    b.declare(&with_other_group());
    b.settle().await;
    b.all_in_sync();
    let written = written(&b, from);
    let (made, moved) = (place(&written, "CreateTargetGroup"), place(&written, "ModifyRule"));
    let (rolled, gone) = (place(&written, "UpdateService"), place(&written, "DeleteTargetGroup"));
    assert!(made < moved && moved < rolled && rolled < gone, "{written:?}");
    assert!(b.sim.find(&b.scope, "TargetGroup", "client-web-ui-tg").is_none());
    assert_eq!(b.sim.live(&b.scope).len(), things);
    b.stays_silent().await;
    b.lawful();
}

#[tokio::test]
async fn a_replaced_target_group_is_one_in_the_end_wherever_the_process_died() {
    for number in (0..).step_by(3) {
        let mut b = generous(&es()).await;
        let things = b.sim.live(&b.scope).len();
        b.declare(&with_other_group());
        let died = b.dies("first", number, 8).await;
        b.restart("after", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        assert_eq!(b.sim.live(&b.scope).len(), things, "something is left after a death at {number}");
        b.lawful();
        if !died {
            return;
        }
    }
}

#[tokio::test]
async fn a_security_group_described_anew_is_in_every_rule_and_service_before_the_old_one_goes() {
    let b = settled(&es()).await;
    let things = b.sim.live(&b.scope).len();
    let old = b
        .sim
        .live(&b.scope)
        .into_iter()
        .find(|t| t.observation.outputs["id"].is_string() && t.observation.identity.ends_with("/prod-es-alb"));
    let old = old.expect("it is live").observation.id.clone();
    let mut next = es();
    let group = spec(&mut next, "SecurityGroup", "alb");
    (group["description"], group["groupName"]) = (json!("The way in"), json!("prod-es-way-in"));
    b.declare(&next);
    b.settle().await;
    b.all_in_sync();
    let live = b.sim.live(&b.scope);
    assert_eq!(live.len(), things);
    let still = live.iter().find(|t| t.observation.fields.to_string().contains(&old));
    assert!(still.is_none(), "{still:?}");
    b.stays_silent().await;
    b.lawful();
}

#[tokio::test]
async fn a_load_balancer_made_internal_is_refused_without_allow_and_takes_listeners_and_rules_along_with_it() {
    let b = settled(&es()).await;
    let things = b.sim.live(&b.scope).len();
    let mut next = es();
    let balancer = spec(&mut next, "LoadBalancer", "public");
    (balancer["scheme"], balancer["name"]) = (json!("internal"), json!("es-inside"));
    let mut refused = next.clone();
    refused["spec"]["policy"]["replace"] = json!("never");
    let before = b.writes().len();
    b.declare(&refused);
    b.settle().await;
    assert_eq!(b.status("es/LoadBalancer/public").phase, Phase::Blocked);
    assert_eq!(b.writes().len(), before, "nothing is written while it is refused");

    b.declare(&next);
    b.settle().await;
    b.all_in_sync();
    let balancers: Vec<_> = b.sim.live(&b.scope).into_iter().filter(|t| t.kind == "LoadBalancer").collect();
    assert_eq!(balancers.len(), 1);
    assert_eq!(balancers[0].observation.fields["scheme"], "internal");
    assert_eq!(b.sim.live(&b.scope).len(), things);
    b.stays_silent().await;
    b.lawful();
}

/// A network with a group in it; neither has a name that AWS knows.
fn network(cidr: &str) -> Value {
    let group = json!({ "groupName": "in", "description": "in", "vpcId": "${Vpc/main.id}" });
    let mut document = stack("net", &[("Vpc", "main", json!({ "cidrBlock": cidr })), ("SecurityGroup", "in", group)]);
    document["spec"]["policy"] = json!({ "replace": "allow" });
    document
}

#[tokio::test]
async fn what_has_no_name_is_told_from_its_replacement_by_what_it_was_made_as() {
    for number in 0.. {
        let mut b = generous(&network("10.0.0.0/16")).await;
        b.declare(&network("10.1.0.0/16"));
        let died = b.dies("first", number, 8).await;
        b.restart("after", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        let live = b.sim.live(&b.scope);
        assert_eq!(live.len(), 2, "something is left after a death at {number}");
        let vpc = live.iter().find(|t| t.kind == "Vpc").expect("it is live");
        assert_eq!(vpc.observation.fields["cidrBlock"], "10.1.0.0/16");
        b.lawful();
        if !died {
            break;
        }
    }
}

#[tokio::test]
async fn a_replacement_of_what_has_no_name_that_is_taken_back_halfway_leaves_the_old_one_alone() {
    let b = generous(&network("10.0.0.0/16")).await;
    let first = b.sim.live(&b.scope).into_iter().find(|t| t.kind == "Vpc").expect("it is live").observation.id.clone();
    b.declare(&network("10.1.0.0/16"));
    b.pass().await;
    assert_eq!(b.sim.live(&b.scope).iter().filter(|t| t.kind == "Vpc").count(), 2);
    b.declare(&network("10.0.0.0/16"));
    b.settle().await;
    b.clock.advance(jiff::SignedDuration::from_secs(400));
    b.settle().await;
    b.all_in_sync();
    let live = b.sim.live(&b.scope);
    assert_eq!(live.len(), 2);
    assert!(live.iter().any(|t| t.observation.id == first), "the first one stays");
    b.lawful();
}
