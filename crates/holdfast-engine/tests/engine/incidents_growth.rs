//! AWS grows: fields that it begins to show of everything at once, over passes.

use crate::bench::{Bench, bench_of, stack};
use holdfast_core::name::KindName;
use holdfast_sim::Tamper;
use serde_json::{Value, json};

async fn settled() -> Bench {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-3");
    let text = include_str!("../../../../examples/es/stack.json");
    b.declare(&serde_json::from_str::<Value>(text).expect("the example is JSON"));
    b.settle().await;
    b.all_in_sync();
    b
}

/// The ids of all live things of a kind.
fn ids(b: &Bench, kind: KindName) -> Vec<String> {
    let things = b.sim.live(&b.scope).into_iter().filter(|t| t.kind == kind);
    things.map(|t| t.observation.id.clone()).collect()
}

fn set(b: &Bench, kind: &str, id: &str, at: &str, value: Value) {
    b.sim.tamper(&b.scope, kind, id, Tamper::Set(at.to_owned(), value)).expect("it is there");
}

/// mitodl#5628, CFN#1259: a new field of AWS's made everything drift at once, and again every night.
#[tokio::test]
async fn i10_what_aws_begins_to_show_everywhere_is_told_once_learned_and_never_written() {
    let b = settled().await;
    let writes = b.writes().len();
    let tasks = ids(&b, "TaskDefinition");
    assert!(tasks.len() >= 3, "{tasks:?}");
    for id in &tasks {
        set(&b, "TaskDefinition", id, "/containerDefinitions/0/startTimeout", json!(120));
    }
    for id in ids(&b, "TargetGroup") {
        set(&b, "TargetGroup", &id, "/attributes/of.tomorrow.enabled", json!("true"));
    }
    let report = b.pass().await;
    assert_eq!((report.planned, b.count_events("DefaultProposed")), (0, 2), "{:#?}", b.events());
    assert_eq!((b.count_events("DriftDetected"), b.writes().len()), (0, writes));
    b.all_in_sync();
    b.pass().await;
    b.stays_silent().await;
    assert_eq!(b.count_events("DefaultProposed"), 2, "told once");

    // What one of them shows from then on is somebody's doing again; a service follows the revision that heals it.
    set(&b, "TaskDefinition", &tasks[0], "/containerDefinitions/0/startTimeout", json!(300));
    let report = b.pass().await;
    assert_eq!((report.planned, b.count_events("DriftDetected")), (2, 2), "{:#?}", b.events());
    b.settle().await;
    b.all_in_sync();
    b.stays_silent().await;
}

/// CFN#1283: the same on two of many is two people's doing, and is told as such.
#[tokio::test]
async fn i10_what_few_show_is_undeclared_and_left_alone() {
    let b = settled().await;
    let writes = b.writes().len();
    for id in ids(&b, "TargetGroup").iter().take(2) {
        set(&b, "TargetGroup", id, "/attributes/of.tomorrow.enabled", json!("true"));
    }
    b.pass().await;
    assert_eq!((b.count_events("DefaultProposed"), b.count_events("DriftDetected")), (0, 2), "{:#?}", b.events());
    assert_eq!(b.writes().len(), writes);
    b.all_in_sync();
    b.stays_silent().await;
}

/// What was declared in an item and is declared no more is nothing that AWS has added, even if it is there again before
/// anybody has looked.
#[tokio::test]
async fn i10_what_was_declared_in_an_item_before_is_nothing_that_aws_has_added() {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-1");
    let declare = |rule: Option<Value>| {
        let mut spec = json!({ "groupName": "g", "description": "d", "vpcId": "vpc-1" });
        if let Some(rule) = rule {
            spec["egress"] = json!([rule]);
        }
        b.declare(&stack("s", &[("SecurityGroup", "g", spec)]));
    };
    let rule = json!({ "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0" });
    let mut described = rule.clone();
    described["description"] = json!("AWS endpoints");
    let live = || b.live("SecurityGroup", "vpc-1/g").fields["egress"][0]["description"].clone();
    declare(Some(described.clone()));
    b.settle().await;
    b.all_in_sync();
    declare(Some(rule.clone()));
    b.pass().await;
    assert_eq!(live(), Value::Null);
    set(&b, "SecurityGroup", "vpc-1/g", "/egress/0/description", json!("AWS endpoints"));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(live(), Value::Null);
    b.stays_silent().await;

    // Nor is what stood there while nobody declared the rules.
    declare(Some(described));
    b.settle().await;
    declare(None);
    b.settle().await;
    b.all_in_sync();
    assert_eq!(live(), "AWS endpoints");
    declare(Some(rule));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(live(), Value::Null);
    b.stays_silent().await;
}
