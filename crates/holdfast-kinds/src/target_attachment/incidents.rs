//! Whose a registration is, told as plans: AWS keeps no tags of it, so that memory alone says that it is ours.

use super::TargetAttachment;
use crate::registry;
use holdfast_core::kind::Kind;
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Snapshot};
use holdfast_core::plan::{Decision, Desired, Fate, Input, Memory, Plan, Settings, plan};
use holdfast_core::policy::{AdoptPolicy, Policy, ReplacePolicy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn spec(port: u16) -> Value {
    let group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1";
    json!({ "targetGroupArn": group, "targetId": "i-1", "port": port })
}

fn handle(port: u16) -> String {
    TargetAttachment::identity(&spec(port)).expect("nothing is open")
}

fn target(port: u16) -> Observation {
    crate::common::settled(handle(port), handle(port), BTreeMap::new(), spec(port))
}

fn remembered(port: u16, retiring: &[u16]) -> Memory {
    Memory {
        id: Some(handle(port)),
        last_written: Some(spec(port).into()),
        retiring: retiring.iter().map(|port| handle(*port)).collect(),
        ..Memory::default()
    }
}

/// The plan for the target on port 80, in a stack that has tags of its own.
fn planned(fate: Fate, policy: Policy, memory: Memory, live: Vec<Observation>) -> Plan {
    let key = ResourceKey::new("s", TargetAttachment::NAME, "it");
    let scope = Scope::new("default", "eu-west-1");
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let reading = Reading { observations: live.into_iter().map(Arc::new).collect(), ..Reading::default() };
    let desired = Desired {
        key: key.clone(),
        uid: "uid-1".to_owned(),
        generation: 1,
        scope: scope.clone(),
        spec: Arc::new(spec(80).into()),
        stack_tags: Arc::new(BTreeMap::from([("team".to_owned(), "media".to_owned())])),
        policy,
        fate,
        hold: None,
        instead: None,
    };
    plan(&Input {
        registry: &registry(),
        desired: &[Arc::new(desired)],
        snapshot: &Snapshot { scope, taken_at: now, kinds: BTreeMap::from([(TargetAttachment::NAME, reading)]) },
        memory: &BTreeMap::from([(key, memory)]),
        elsewhere: &BTreeMap::new(),
        declared_uids: &|uid| uid == "uid-1",
        settings: &Settings::default(),
        deletes_left: 9,
        replaces_left: 9,
        drift_confirmed: true,
        now,
    })
}

/// What is decided, and how the steps begin.
fn check(plan: &Plan, decision: Decision, steps: &[&str]) {
    let done: Vec<String> = plan.steps.iter().map(|s| format!("{} {}", s.verb.sign(), s.text)).collect();
    let reason = &plan.verdicts[0].reason;
    assert_eq!((plan.verdicts[0].decision, done.len()), (decision, steps.len()), "{done:?} {reason}");
    for (done, step) in done.iter().zip(steps) {
        assert!(done.starts_with(step), "{done}");
    }
}

/// ACK#2372.
#[test]
fn i02_a_target_that_somebody_else_registered_is_neither_taken_nor_deregistered() {
    let plan = planned(Fate::Keep, Policy::default(), Memory::default(), vec![target(80)]);
    check(&plan, Decision::Blocked, &[]);
    assert!(plan.verdicts[0].reason.contains("policy.adopt"), "{}", plan.verdicts[0].reason);
    let plan = planned(Fate::DeleteByName, Policy::default(), Memory::default(), vec![target(80)]);
    check(&plan, Decision::Gone, &[]);
    // Nor one beside that which is ours.
    let plan = planned(Fate::DeleteByName, Policy::default(), remembered(80, &[]), vec![target(80), target(81)]);
    check(&plan, Decision::Delete, &["- delete target attachment"]);
    assert_eq!(plan.steps[0].action["id"], json!(handle(80)));
}

#[test]
fn one_that_is_remembered_is_ours_and_the_tags_of_its_stack_are_no_difference() {
    let plan = planned(Fate::Keep, Policy::default(), remembered(80, &[]), vec![target(80)]);
    check(&plan, Decision::InSync, &[]);
    assert_eq!(plan.verdicts[0].diffs, []);
}

#[test]
fn adopting_it_writes_nothing() {
    let policy = || Policy { adopt: Some(AdoptPolicy::IfExists), ..Policy::default() };
    let plan = planned(Fate::Keep, policy(), Memory::default(), vec![target(80)]);
    check(&plan, Decision::Adopt, &[""]);
    assert_eq!(plan.steps[0].text, format!("take over {} as it is", handle(80)));
    assert_eq!((&plan.steps[0].action["set"], &plan.steps[0].action["remove"]), (&json!({}), &json!([])));
}

#[test]
fn the_old_target_goes_when_the_new_one_is_healthy_and_no_sooner() {
    let policy = || Policy { replace: Some(ReplacePolicy::Allow), ..Policy::default() };
    let plan = planned(Fate::Keep, policy(), remembered(81, &[]), vec![target(81)]);
    check(&plan, Decision::Replace, &["+ create target attachment"]);
    let mut new = target(80);
    new.health = Health::Progressing("its target is initial".to_owned());
    let plan = planned(Fate::Keep, policy(), remembered(80, &[81]), vec![new, target(81)]);
    check(&plan, Decision::Wait, &[]);
    assert!(plan.verdicts[0].reason.contains("its target is initial"), "{}", plan.verdicts[0].reason);
    let plan = planned(Fate::Keep, policy(), remembered(80, &[81]), vec![target(80), target(81)]);
    check(&plan, Decision::Update, &["- delete target attachment"]);
    assert_eq!(plan.steps[0].action["id"], json!(handle(81)));
    // While its connections end, nothing is left to do.
    let mut old = target(81);
    old.state = LiveState::Deleting("draining".to_owned());
    let plan = planned(Fate::Keep, policy(), remembered(80, &[81]), vec![target(80), old]);
    check(&plan, Decision::InSync, &[]);
}
