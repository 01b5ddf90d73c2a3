//! The ordinary life of resources.

use crate::bench::{Bench, bench, stack};
use holdfast_core::name::ResourceKey;
use holdfast_core::plan::{Decision, Fate, Hold};
use holdfast_core::status::{ConditionType, Phase, Truth};
use holdfast_engine::{Overlay, PassError};
use holdfast_sim::{Effect, Fault, FaultRule, SimCloud, Tamper};
use holdfast_store::{AccountChange, Change, Event, EventType, Location, Store};
use serde_json::json;
use std::sync::Arc;

/// A group with rules, a machine in it with two parts, and a recipe that the machine uses.
fn small() -> serde_json::Value {
    stack(
        "small",
        &[
            ("Part", "one", json!({ "machine": "${Machine/m.id}", "slot": 1, "colour": "red" })),
            ("Part", "two", json!({ "machine": "${Machine/m.id}", "slot": 2 })),
            ("Machine", "m", json!({ "name": "m", "size": 1, "group": "${Group/g.id}", "recipe": "${Recipe/r.arn}" })),
            ("Group", "g", json!({ "groupName": "g", "rules": ["http", "ssh"] })),
            ("Recipe", "r", json!({ "family": "r", "image": "1" })),
        ],
    )
}

async fn settled() -> Bench {
    let b = bench();
    b.declare(&small());
    b.settle().await;
    b.all_in_sync();
    b
}

#[tokio::test]
async fn from_nothing_to_in_sync_in_one_pass_of_writes_and_silence_after_that() {
    let b = bench();
    b.declare(&small());
    let first = b.pass().await;
    assert_eq!((first.planned, first.succeeded, first.failed), (6, 6, 0));
    b.pass().await;
    b.all_in_sync();
    assert_eq!(b.status("small/Machine/m").outputs["id"], b.live("Machine", "m").id.as_str());
    assert_eq!(b.live("Machine", "m").fields["group"], b.live("Group", "g").id.as_str());
    assert_eq!(b.live("Group", "g").tags["env"], "test");
    b.settle().await;
    b.stays_silent().await;
    b.lawful();
    assert_eq!(b.count_events("Created"), 11, "a stack, five declarations, five things: {:#?}", b.events());
}

#[tokio::test]
async fn drift_is_in_the_store_before_it_is_healed_and_healed_in_one_pass() {
    let b = settled().await;
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules/-".to_owned(), json!("everything"))).expect("it is there");
    let plan = b.engine.plan_now(&b.scope, &Overlay::default()).await.expect("it can be planned");
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(b.status("small/Group/g").phase, Phase::InSync, "a plan records nothing");

    let report = b.pass().await;
    assert_eq!((report.succeeded, report.failed), (1, 0));
    let drift = b.status("small/Group/g").drift.expect("what was found stays until the next pass has looked");
    assert_eq!((drift.action.as_str(), drift.fields[0].path.as_str()), ("healing", "/rules/2"));
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["http", "ssh"]));
    b.pass().await;
    b.all_in_sync();
    assert_eq!((b.count_events("DriftDetected"), b.count_events("DriftHealed")), (1, 1));
    b.stays_silent().await;
}

#[tokio::test]
async fn a_thing_deleted_behind_our_back_is_made_again_with_what_hangs_on_it() {
    let b = settled().await;
    b.sim.tamper(&b.scope, "Machine", "m", Tamper::Delete).expect("it is there");
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.count_events("DriftHealed"), 3, "the machine and its two parts");
    b.lawful();
    b.stays_silent().await;
}

#[tokio::test]
async fn a_new_revision_reaches_whoever_refers_to_it_in_the_same_pass() {
    let b = settled().await;
    let mut next = small();
    next["spec"]["resources"][4]["spec"]["image"] = json!("2");
    b.declare(&next);
    let report = b.pass().await;
    assert_eq!((report.succeeded, report.failed), (2, 0));
    assert_eq!(b.live("Machine", "m").fields["recipe"], "arn:toy:r:2");
    b.pass().await;
    b.all_in_sync();
    assert_eq!(b.status("small/Recipe/r").observed_generation, 2);
}

#[tokio::test]
async fn a_stack_is_deleted_in_reverse_and_ends_at_nothing() {
    let b = settled().await;
    b.remove("small", Fate::DeleteByName);
    b.settle().await;
    assert_eq!(b.sim.live(&b.scope), []);
    assert_eq!(b.phases(), []);
    assert_eq!(b.store.stacks().expect("the store reads"), []);
    let deletes = b.writes().into_iter().filter(|c| c.operation.contains("Delete"));
    let kinds: Vec<&str> = deletes.map(|c| c.kind).collect();
    assert_eq!(kinds[..3], ["Part", "Part", "Machine"]);
    b.lawful();
}

#[tokio::test]
async fn deletions_that_nobody_named_stay_within_the_budget_of_the_hour() {
    let mut b = bench();
    b.options.settings.max_deletes_per_hour = 2;
    b.restart("test-2", Arc::new(holdfast_engine::Undisturbed));
    let groups: Vec<String> = (0..5).map(|n| format!("g{n}")).collect();
    let all: Vec<_> = groups.iter().map(|g| ("Group", g.as_str(), json!({ "groupName": g }))).collect();
    b.declare(&stack("many", &all));
    b.settle().await;
    b.remove("many", Fate::DeleteByPolicy);
    for _ in 0..5 {
        b.pass().await;
    }
    assert_eq!(b.sim.live(&b.scope).len(), 3);
    let held = b.phases();
    assert_eq!(held.len(), 3);
    let why = &b.status(&held[0].0).conditions[0];
    assert!(why.message.contains("budget"), "{why:?}");
    b.clock.advance(jiff::SignedDuration::from_secs(3700));
    b.settle().await;
    assert_eq!(b.sim.live(&b.scope).len(), 1);
}

#[tokio::test]
async fn a_paused_stack_is_looked_at_and_not_written() {
    let b = settled().await;
    let event = Event::new(b.clock.now(), EventType::Operated, "Paused", "by hand").of_stack("small");
    let hold = Hold { reason: "a release".to_owned(), until: None };
    b.store.set_hold("small", Some(&hold), b.clock.now(), &event).expect("the store takes it");
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Remove("/rules/0".to_owned())).expect("it is there");
    let writes = b.writes().len();
    b.settle().await;
    assert_eq!(b.status("small/Group/g").phase, Phase::Paused);
    assert_eq!(b.status("small/Group/g").drift.expect("it is seen").action, "held");
    assert_eq!(b.writes().len(), writes);
    b.store.set_hold("small", None, b.clock.now(), &event).expect("the store takes it");
    b.settle().await;
    b.all_in_sync();
}

#[tokio::test]
async fn a_fix_that_does_not_take_ends_as_stuck_and_reconcile_tries_again() {
    let b = bench();
    // AWS takes the rule and never shows it.
    b.declare(&stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": ["http"] }))]));
    b.settle().await;
    let undo =
        || b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules".to_owned(), json!([]))).expect("it is there");
    undo();
    for _ in 0..40 {
        let report = b.pass().await;
        undo();
        b.clock.advance(jiff::SignedDuration::from_secs(if report.succeeded > 0 { 1 } else { 10 }));
    }
    let status = b.status("s/Group/g");
    assert_eq!(status.condition(ConditionType::Stuck).expect("it has one").status, Truth::True);
    let writes = b.writes().len();
    assert!(writes <= 2 + 5, "{writes} writes");
    b.pass().await;
    assert_eq!(b.writes().len(), writes, "it has stopped");
    b.engine.forgive("s").expect("the store reads");
    b.settle().await;
    assert_eq!(b.writes().len(), writes + 1);
    b.all_in_sync();
}

#[tokio::test]
async fn nothing_is_read_or_written_with_the_credentials_of_another_account() {
    let b = bench();
    b.declare(&small());
    let spec = serde_json::from_value(json!({ "accountId": "999999999999" })).expect("a spec");
    let mut change = Change::at(b.clock.now());
    change.accounts = vec![AccountChange { name: "default".to_owned(), labels: Default::default(), spec }];
    b.store.change(&change).expect("the store takes it");
    for _ in 0..3 {
        let error = b.engine.pass(&b.scope).await.expect_err("it is the wrong account");
        assert!(matches!(error, PassError::WrongAccount { .. }));
    }
    assert_eq!(b.sim.calls(), []);
    assert_eq!(b.count_events("ScopeFailed"), 1, "each fact once");
    assert!(
        b.engine.scopes().expect("the store reads")[0]
            .status
            .error
            .as_ref()
            .is_some_and(|e| e.contains("999999999999"))
    );
    b.sim.set_account_id("default", "999999999999");
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.count_events("ScopeRecovered"), 1);
}

#[tokio::test]
async fn credentials_that_became_those_of_another_account_read_and_write_nothing_until_a_document_says_so() {
    let mut b = settled().await;
    let (calls, known) = (b.sim.calls().len(), "123456789012");
    b.restart("after", Arc::new(holdfast_engine::Undisturbed));
    b.sim.set_account_id("default", "999999999999");
    let error = b.engine.pass(&b.scope).await.expect_err("it is another account").to_string();
    for said in [known, "999999999999", "accountId"] {
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(b.sim.calls().len(), calls);
    assert!(b.phases().iter().all(|(_, phase)| *phase == Phase::Unknown), "{:?}", b.phases());
    let status = b.engine.scopes().expect("the store reads").remove(0).status;
    assert_eq!(status.account_id.as_deref(), Some(known), "a restart changes nothing about it");
    let spec = serde_json::from_value(json!({ "accountId": "999999999999" })).expect("a spec");
    let mut change = Change::at(b.clock.now());
    change.accounts = vec![AccountChange { name: "default".to_owned(), labels: Default::default(), spec }];
    b.store.change(&change).expect("the store takes it");
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.engine.scopes().expect("the store reads")[0].status.account_id.as_deref(), Some("999999999999"));
}

#[tokio::test(start_paused = true)]
async fn while_aws_does_not_say_whose_the_credentials_are_a_plan_knows_nothing_and_a_teardown_is_not_proven() {
    let b = settled().await;
    let no = Fault::NoEntry("no token can be had".to_owned());
    b.sim.change_faults(|faults| faults.rules = vec![FaultRule::always(no)]);
    let plan = b.engine.plan_now(&b.scope, &Overlay::default()).await.expect("it is told");
    assert!(plan.verdicts.iter().all(|v| v.decision == Decision::Delete || v.decision == Decision::Unknown));
    assert!(plan.verdicts.iter().all(|v| v.reason.contains("no token can be had")), "{:?}", plan.verdicts);
    assert_eq!(plan.steps, []);
    let left = b.engine.leftovers(&b.scope, "small", &[]).await.expect("it is told");
    assert!(left.things.is_empty() && left.unread[0].contains("no token can be had"), "{left:?}");
}

#[tokio::test]
async fn a_reference_into_another_scope_is_filled_and_waited_for() {
    let b = bench();
    let mut far = stack("far", &[("Group", "g", json!({ "groupName": "g" }))]);
    far["spec"]["region"] = json!("eu-west-2");
    b.declare(&far);
    let spec = json!({ "name": "m", "group": "${far:Group/g.id}" });
    declare_with_far(&b, spec);
    b.pass().await;
    assert_eq!(b.status("near/Machine/m").phase, Phase::Blocked);
    let there = holdfast_core::name::Scope::new("default", "eu-west-2");
    for _ in 0..2 {
        b.engine.pass(&there).await.expect("the pass goes through");
    }
    b.settle().await;
    b.all_in_sync();
    let group = b.sim.find(&there, "Group", "g").expect("it is live");
    assert_eq!(b.live("Machine", "m").fields["group"], group.id.as_str());
}

/// Declares a machine whose spec refers to a stack that validation alone does not know.
fn declare_with_far(b: &Bench, spec: serde_json::Value) {
    b.declare(&stack("near", &[("Machine", "m", json!({ "name": "m" }))]));
    let record = b.store.resource(&ResourceKey::new("near", "Machine", "m")).expect("reads").expect("is there");
    let mut change = Change::at(b.clock.now());
    change.resources = vec![holdfast_store::ResourceChange {
        key: record.key,
        scope: record.scope,
        document_spec: spec.clone(),
        spec,
        policy_own: record.policy_own,
        policy_effective: record.policy_effective,
        stack_tags: record.stack_tags,
        labels: record.labels,
        new_uid: record.uid,
    }];
    b.store.change(&change).expect("the store takes it");
}

#[tokio::test]
async fn what_is_declared_while_a_pass_writes_stops_the_steps_of_the_old_plan() {
    struct Meanwhile {
        store: Store,
        sim: SimCloud,
    }
    #[async_trait::async_trait]
    impl holdfast_engine::Boundaries for Meanwhile {
        async fn reached(&self, _: &holdfast_core::name::Scope, at: holdfast_engine::Boundary) {
            if at == holdfast_engine::Boundary::Recorded && self.store.stacks().is_ok_and(|s| !s.is_empty()) {
                let mut change = Change::at(self.sim.clock().now());
                let key = |n: &str| ResourceKey::new("s", "Group", n);
                change.removals = vec![holdfast_store::Removal { key: key("a"), fate: None }];
                self.store.change(&change).expect("the store takes it");
            }
        }
    }
    let mut b = bench();
    let meanwhile = Meanwhile { store: b.store.clone(), sim: b.sim.clone() };
    b.restart("test-2", Arc::new(meanwhile));
    let group = |n: &str| json!({ "groupName": n });
    b.declare(&stack("s", &[("Group", "a", group("a")), ("Group", "b", group("b"))]));
    let report = b.pass().await;
    assert_eq!((report.succeeded, report.cancelled.len()), (1, 1));
    assert!(b.sim.find(&b.scope, "Group", "a").is_none());
}

#[tokio::test]
async fn a_lost_store_is_made_good_by_the_documents_and_nothing_is_created_or_deleted() {
    let mut b = settled().await;
    let calls = b.sim.calls().len();
    b.store = Store::open(&Location::Memory).expect("a store in memory opens");
    b.options.store = b.store.clone();
    b.restart("test-2", Arc::new(holdfast_engine::Undisturbed));
    b.declare(&small());
    b.settle().await;
    b.all_in_sync();
    let since = b.sim.calls().split_off(calls);
    let effects: Vec<&Effect> = since.iter().flat_map(|c| &c.effects).collect();
    assert!(effects.iter().all(|e| matches!(e, Effect::Updated { .. })), "{effects:#?}");
    assert_eq!(effects.len(), 5, "each gets its new owner tag, once");
    b.stays_silent().await;
}

#[tokio::test]
async fn an_overlay_is_planned_and_leaves_nothing_anywhere() {
    let b = settled().await;
    let (writes, events) = (b.writes().len(), b.events().len());
    let stored = b.store.desired(&b.scope, b.clock.now()).expect("reads");
    let mut put = (**stored.iter().find(|d| d.key.kind == "Group").expect("there is one")).clone();
    put.generation += 1;
    put.spec = Arc::new(json!({ "groupName": "g", "rules": ["http"] }).into());
    let without = stored.iter().filter(|d| d.key.kind == "Part").map(|d| d.key.clone()).collect();
    let plan = b.engine.plan_now(&b.scope, &Overlay { put: vec![Arc::new(put)], without }).await.expect("it plans");
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.verdicts.len(), 3);
    assert_eq!(plan.verdicts.iter().filter(|v| v.decision == Decision::InSync).count(), 2);
    assert_eq!((b.writes().len(), b.events().len()), (writes, events));
}

#[tokio::test]
async fn what_went_with_its_container_is_not_waited_for() {
    let b = bench();
    b.declare(&small());
    b.pass().await;
    b.pass().await;
    let machine = b.live("Machine", "m").id.clone();
    b.sim.tamper(&b.scope, "Machine", &machine, Tamper::Delete).expect("it is there");
    b.remove("small", Fate::DeleteByName);
    b.pass().await;
    // AWS may show the machine again, for all that it was made a moment ago, and its parts with it; what it uses stays.
    let left: Vec<String> = b.phases().into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, ["small/Group/g", "small/Machine/m", "small/Recipe/r"]);
    b.settle().await;
    assert_eq!(b.phases(), []);
}
