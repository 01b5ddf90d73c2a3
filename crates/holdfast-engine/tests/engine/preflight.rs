//! What is known before anything is done: what is named and gone, quotas without room, and what AWS does not tell.

use crate::bench::{Bench, bench_of, stack};
use holdfast_core::plan::Fate;
use holdfast_core::preflight::{Finding, Level};
use holdfast_engine::Overlay;
use holdfast_sim::{Fault, FaultRule, Hidden};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn kinds() -> Bench {
    bench_of(holdfast_kinds::registry(), "eu-west-1")
}

fn group(vpc: &str) -> Value {
    json!({ "groupName": "web", "description": "web", "vpcId": vpc })
}

fn targets(name: &str) -> Value {
    json!({ "name": name, "protocol": "HTTP", "port": 80, "vpcId": "vpc-0123456789abcdef0", "targetType": "ip" })
}

/// What a plan of the document would be told, as if it were declared.
async fn checked(b: &Bench, document: &Value) -> Vec<Finding> {
    let accepted = b.accept(document);
    let stacks: BTreeSet<String> = accepted.stacks.iter().map(|s| s.name.clone()).collect();
    let desired = |r: holdfast_core::validate::AcceptedResource| {
        Arc::new(holdfast_core::plan::Desired {
            uid: format!("planned-{}", r.key),
            generation: 1,
            scope: r.scope,
            spec: Arc::new(r.spec.into()),
            stack_tags: r.stack_tags.into(),
            policy: r.policy_effective,
            fate: Fate::Keep,
            hold: None,
            instead: None,
            key: r.key,
        })
    };
    let put = accepted.resources.into_iter().map(desired).collect();
    let overlay = Overlay { put, ..Overlay::default() };
    b.engine.plan_checked(&b.scope, &overlay, &stacks).await.expect("it plans").preflight
}

fn reads(b: &Bench) -> usize {
    b.sim.calls().iter().filter(|c| c.operation.starts_with("sim:Preflight")).count()
}

#[tokio::test]
async fn what_was_deleted_is_found_by_its_id_and_what_is_there_is_not() {
    let b = kinds();
    b.declare(&stack(
        "net",
        &[("Vpc", "old", json!({ "cidrBlock": "10.0.0.0/16" })), ("Vpc", "new", json!({ "cidrBlock": "10.1.0.0/16" }))],
    ));
    b.settle().await;
    let id = |name: &str| b.status(&format!("net/Vpc/{name}")).outputs["id"].as_str().expect("an id").to_owned();
    let (old, new) = (id("old"), id("new"));
    b.sim.tamper(&b.scope, "Vpc", &old, holdfast_sim::Tamper::Delete).expect("it can be deleted");
    assert_eq!(checked(&b, &stack("shop", &[("SecurityGroup", "web", group(&new))])).await, []);
    let found = checked(&b, &stack("shop", &[("SecurityGroup", "web", group(&old))])).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].level, found[0].pointer.as_str()), (Level::Error, "/vpcId"));
    assert_eq!(found[0].key.as_ref().map(ToString::to_string).as_deref(), Some("shop/SecurityGroup/web"));
    let message = format!(
        "there is no VPC {old} in default/eu-west-1, or these credentials may not see it. Correct it, make it first, or \
         declare it and refer to it."
    );
    assert_eq!(found[0].message, message);
}

#[tokio::test]
async fn a_quota_is_told_before_it_is_full_and_when_it_is_too_small() {
    let b = kinds();
    b.sim.change_faults(|f| f.quotas = BTreeMap::from([("elasticloadbalancing:target-groups".to_owned(), 3)]));
    b.declare(&stack("old", &[("TargetGroup", "a", targets("a"))]));
    b.settle().await;
    let of = |names: &[&str]| {
        let resources: Vec<(&str, &str, Value)> = names.iter().map(|n| ("TargetGroup", *n, targets(n))).collect();
        stack("shop", &resources)
    };
    assert_eq!(checked(&b, &of(&["b"])).await, []);
    let full = checked(&b, &of(&["b", "c"])).await;
    assert_eq!((full.len(), full[0].level, &full[0].key), (1, Level::Warning, &None));
    let over = checked(&b, &of(&["b", "c", "d"])).await;
    assert_eq!((over.len(), over[0].level), (1, Level::Error));
    let message = "the quota elasticloadbalancing:target-groups of default/eu-west-1 is too small: 1 of 3 are used, and \
                   shop/TargetGroup/b and 2 more need 3. Ask AWS for more (Service Quotas), or free some.";
    assert_eq!(over[0].message, message);
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_said_once_and_plans_go_on() {
    let b = kinds();
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Gap(Hidden::All)).operation("Preflight")]);
    let document =
        stack("shop", &[("SecurityGroup", "a", group("vpc-0123456789abcdef0")), ("TargetGroup", "b", targets("b"))]);
    let found = checked(&b, &document).await;
    let said: Vec<(Level, bool)> = found.iter().map(|f| (f.level, f.message.contains("InternalError"))).collect();
    assert_eq!(said, [(Level::Unknown, true); 2], "{found:?}");
    assert!(found[0].message.contains("named by shop/SecurityGroup/a and 1 more"), "{found:?}");
    b.declare(&document);
    b.settle().await;
    b.all_in_sync();
}

#[tokio::test]
async fn passes_and_plans_that_name_nothing_ask_nothing() {
    let b = kinds();
    let document = stack("net", &[("Vpc", "a", json!({ "cidrBlock": "10.0.0.0/16" }))]);
    assert_eq!(checked(&b, &document).await, []);
    b.declare(&stack("shop", &[("SecurityGroup", "web", group("vpc-0123456789abcdef0"))]));
    b.settle().await;
    b.engine.plan_now(&b.scope, &Overlay::default()).await.expect("it plans");
    assert_eq!(reads(&b), 0);
    checked(&b, &stack("shop", &[("SecurityGroup", "web", group("vpc-0123456789abcdef0"))])).await;
    assert_eq!(reads(&b), 1);
}
