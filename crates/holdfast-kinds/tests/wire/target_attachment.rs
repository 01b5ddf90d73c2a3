//! Targets that are registered by hand.

use crate::bench::Bench;
use crate::emulator::Emulator;
use aws_sdk_elasticloadbalancingv2::{Client, types as wire};
use holdfast_core::cloud::Cloud;
use holdfast_core::plan::{Decision, Fate};
use holdfast_core::policy::ReplacePolicy;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Somebody else.
fn other(bench: &Bench) -> Client {
    Client::new(&bench.aws.others)
}

fn target(id: &str, port: i32) -> wire::TargetDescription {
    wire::TargetDescription::builder().id(id).port(port).build()
}

async fn registered(bench: &Bench) -> BTreeSet<String> {
    let call = other(bench).describe_target_health().target_group_arn(bench.id("TargetGroup", "web"));
    let answer = call.send().await.expect("moto answers");
    let targets = answer.target_health_descriptions().iter().filter_map(|d| d.target());
    targets.map(|t| format!("{}:{}", t.id().unwrap_or_default(), t.port().unwrap_or_default())).collect()
}

async fn done(bench: &mut Bench) -> Vec<String> {
    let plan = bench.pass().await;
    plan.steps.iter().map(|s| format!("{} {}", s.verb.sign(), s.key.name)).collect()
}

async fn check_quiet(bench: &mut Bench) {
    assert_eq!(done(bench).await, [""; 0]);
}

/// Two targets of ours, one of them on the group's port, and one of somebody else's.
async fn declared(run: &str) -> Bench {
    declared_on(Emulator::named_by("HOLDFAST_TEST_MOTO").await, run).await
}

async fn declared_on(emulator: Emulator, run: &str) -> Bench {
    let mut bench = Bench::new(emulator, &format!("target{run}"));
    let ec2 = aws_sdk_ec2::Client::new(&bench.aws.others);
    let vpcs = ec2.describe_vpcs().send().await.expect("moto answers");
    let vpc = vpcs.vpcs().first().and_then(|v| v.vpc_id()).expect("moto has a default VPC");
    let group =
        json!({ "name": format!("at-{run}"), "protocol": "HTTP", "port": 8080, "vpcId": vpc, "targetType": "ip" });
    bench.declare("TargetGroup", "web", group);
    let one = json!({ "targetGroupArn": "${TargetGroup/web.arn}", "targetId": "10.0.0.1", "port": 9090 });
    bench.declare("TargetAttachment", "one", one);
    bench.declare(
        "TargetAttachment",
        "two",
        json!({ "targetGroupArn": "${TargetGroup/web.arn}", "targetId": "10.0.0.2", "availabilityZone": "all" }),
    );
    bench
}

#[tokio::test]
async fn targets_by_hand_live_and_go_and_those_of_others_stay() {
    let run = std::process::id().to_string();
    let mut bench = declared(&run).await;
    assert_eq!(done(&mut bench).await, ["+ web", "+ one", "+ two"]);
    check_quiet(&mut bench).await;
    let ours = ["10.0.0.1:9090".to_owned(), "10.0.0.2:8080".to_owned()];
    assert_eq!(registered(&bench).await, BTreeSet::from(ours.clone()));
    bench.aws.meter.take();
    check_quiet(&mut bench).await;
    let calls = bench.aws.meter.take_sorted();
    let of_targets: Vec<&str> = calls.iter().copied().filter(|c| c.contains("Target")).collect();
    // The listing of groups is that of their own kind: the port of this one is known.
    assert_eq!(of_targets, ["DescribeTargetGroups", "DescribeTargetHealth"], "{calls:?}");

    // Somebody deregisters one of ours and registers another.
    let group = bench.id("TargetGroup", "web");
    let call = other(&bench).deregister_targets().target_group_arn(&group).targets(target("10.0.0.2", 8080));
    call.send().await.expect("a target is deregistered behind our back");
    let call = other(&bench).register_targets().target_group_arn(&group).targets(target("10.0.0.9", 8080));
    call.send().await.expect("somebody registers a target");
    assert_eq!(done(&mut bench).await, ["+ two"]);
    check_quiet(&mut bench).await;

    // Declaring what somebody else has registered does not make it ours.
    let theirs = json!({ "targetGroupArn": "${TargetGroup/web.arn}", "targetId": "10.0.0.9" });
    bench.declare("TargetAttachment", "theirs", theirs);
    let plan = bench.pass().await;
    let blocked: Vec<_> = plan.verdicts.iter().filter(|v| v.decision == Decision::Blocked).collect();
    assert_eq!((blocked.len(), blocked[0].key.name.as_str(), plan.steps.len()), (1, "theirs", 0));

    for (key, desired) in &mut bench.desired {
        if key.kind == "TargetAttachment" {
            Arc::make_mut(desired).fate = Fate::DeleteByName;
        }
    }
    assert_eq!(done(&mut bench).await, ["- one", "- two"]);
    assert_eq!(registered(&bench).await, BTreeSet::from(["10.0.0.9:8080".to_owned()]), "what is not ours stays");
    bench.condemn();
    assert_eq!(done(&mut bench).await, ["- web"]);
    check_quiet(&mut bench).await;
}

#[tokio::test]
async fn the_old_target_goes_after_the_new_one_works() {
    let run = format!("{}r", std::process::id());
    let mut bench = declared(&run).await;
    done(&mut bench).await;
    check_quiet(&mut bench).await;
    let id = bench.id("TargetAttachment", "one");
    let moved = json!({ "targetGroupArn": "${TargetGroup/web.arn}", "targetId": "10.0.0.3", "port": 9090 });
    bench.declare("TargetAttachment", "one", moved);
    for (key, desired) in &mut bench.desired {
        if key.name == "one" {
            Arc::make_mut(desired).policy.replace = Some(ReplacePolicy::Allow);
        }
    }
    assert_eq!(done(&mut bench).await, ["+ one"]);
    assert!(registered(&bench).await.contains("10.0.0.1:9090"), "the old one stays until the new one works");
    let memory = bench.memory.iter_mut().find(|(key, _)| key.name == "one").expect("it is remembered").1;
    memory.retiring.push(id);
    assert_eq!(done(&mut bench).await, ["- one"]);
    let left = ["10.0.0.2:8080".to_owned(), "10.0.0.3:9090".to_owned()];
    assert_eq!(registered(&bench).await, BTreeSet::from(left));
    bench.condemn();
    done(&mut bench).await;
    check_quiet(&mut bench).await;
}

#[tokio::test]
async fn targets_at_rest_are_read_in_rounds_which_a_hint_and_a_new_target_pull_forward() {
    let mut bench =
        declared_on(Emulator::in_rounds("HOLDFAST_TEST_MOTO").await, &format!("{}i", std::process::id())).await;
    done(&mut bench).await;
    let reads =
        |bench: &Bench| bench.aws.meter.take().into_iter().filter(|call| *call == "DescribeTargetHealth").count();
    check_quiet(&mut bench).await;
    assert_eq!(reads(&bench), 1, "what was just written is read");
    check_quiet(&mut bench).await;
    assert_eq!(reads(&bench), 0, "all are healthy");

    let call = other(&bench).deregister_targets().target_group_arn(bench.id("TargetGroup", "web"));
    call.targets(target("10.0.0.2", 8080)).send().await.expect("a target is deregistered behind our back");
    check_quiet(&mut bench).await;
    assert_eq!(reads(&bench), 0, "it is not their turn");
    bench.aws.cloud.hint(&bench.aws.scope, &[&bench.id("TargetAttachment", "one")]);
    assert_eq!(done(&mut bench).await, ["+ two"], "one read tells of all targets of the group");
    check_quiet(&mut bench).await;
    reads(&bench);

    // Somebody registers what is declared right after: what was read before says nothing of it.
    let call = other(&bench).register_targets().target_group_arn(bench.id("TargetGroup", "web"));
    call.targets(target("10.0.0.9", 8080)).send().await.expect("somebody registers a target");
    let theirs = json!({ "targetGroupArn": "${TargetGroup/web.arn}", "targetId": "10.0.0.9" });
    bench.declare("TargetAttachment", "theirs", theirs);
    for _ in 0..2 {
        let plan = bench.pass().await;
        let blocked: Vec<_> = plan.verdicts.iter().filter(|v| v.decision == Decision::Blocked).collect();
        assert_eq!((blocked.len(), blocked[0].key.name.as_str(), plan.steps.len()), (1, "theirs", 0));
    }
    assert_eq!(reads(&bench), 1, "it was not shown, and now it is");
    bench.condemn();
    while !done(&mut bench).await.is_empty() {}
}
