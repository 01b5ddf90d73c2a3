//! `rollout: approve`: what is held, what goes on meanwhile, and what an approval sets free.

use crate::bench::{Bench, bench, stack};
use async_trait::async_trait;
use holdfast_core::name::Scope;
use holdfast_core::plan::Fate;
use holdfast_core::status::{ConditionType, Phase};
use holdfast_engine::{Boundaries, Boundary, Overlay, Undisturbed};
use holdfast_sim::{SimClock, Tamper};
use holdfast_store::{Awaiting, Change, Consent, Event, EventType, PlanEnd, Removal};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

/// A stack under `rollout: approve` with one group.
fn gated(rules: &[&str]) -> Value {
    under_approval(stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": rules }))]))
}

fn under_approval(mut stack: Value) -> Value {
    stack["spec"]["policy"] = json!({ "rollout": "approve" });
    stack
}

impl Bench {
    fn awaiting(&self) -> Awaiting {
        self.store.awaiting("s").expect("the store reads").expect("something awaits approval")
    }

    /// Approves what awaits approval now; answers its hash.
    fn approve(&self) -> String {
        let Awaiting { plan, parts } = self.awaiting();
        let now = self.clock.now();
        let consent = Consent { at: now, by: "ann".to_owned(), reason: None };
        let event = Event::new(now, EventType::Operated, "Approved", "by hand").of_stack("s");
        self.store.approve(&plan, &parts, &consent, &[event]).expect("the store takes it");
        plan
    }

    fn outcome(&self, plan: &str) -> Option<PlanEnd> {
        self.store.plan(plan).expect("the store reads").expect("it is kept").outcome.map(|o| o.end)
    }

    fn synced(&self, key: &str) -> (String, String) {
        let status = self.status(key);
        let synced = status.condition(ConditionType::Synced).expect("it has one");
        (synced.reason.clone(), synced.message.clone())
    }

    fn rules(&self) -> Value {
        self.live("Group", "g").fields["rules"].clone()
    }
}

/// A group that is live with its first generation, approved, and in sync.
async fn approved(rules: &[&str]) -> Bench {
    let b = bench();
    b.declare(&gated(rules));
    b.pass().await;
    b.approve();
    b.settle().await;
    b.all_in_sync();
    b
}

#[tokio::test]
async fn nothing_is_created_before_its_plan_is_approved_and_then_it_is() {
    let b = bench();
    b.declare(&gated(&["http"]));
    b.settle().await;
    assert_eq!(b.sim.live(&b.scope), []);
    let status = b.status("s/Group/g");
    assert_eq!((status.phase, status.observed_generation), (Phase::Blocked, 1));
    let (reason, message) = b.synced("s/Group/g");
    let plan = b.awaiting().plan;
    assert_eq!(reason, "AwaitingApproval");
    assert!(message.contains(&format!("holdfast approve {plan}")), "{message}");
    b.stays_silent().await;

    assert_eq!(b.approve(), plan);
    let report = b.pass().await;
    assert_eq!((report.succeeded, report.failed), (2, 0), "the group and its rule");
    assert_eq!(b.outcome(&plan), Some(PlanEnd::CarriedOut));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.store.awaiting("s").expect("the store reads"), None);
    b.stays_silent().await;
    b.lawful();
}

#[tokio::test]
async fn drift_of_the_approved_generation_heals_while_the_next_one_is_held() {
    let b = approved(&["http"]).await;
    b.declare(&gated(&["http", "ssh"]));
    b.settle().await;
    assert_eq!(b.rules(), json!(["http"]));
    assert_eq!(b.status("s/Group/g").phase, Phase::Blocked);
    assert_eq!(b.status("s/Group/g").drift, None, "what is held is no drift");
    let plan = b.awaiting().plan;

    b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules/-".to_owned(), json!("everything"))).expect("it is there");
    let report = b.pass().await;
    assert_eq!((report.succeeded, report.failed), (1, 0));
    assert_eq!(b.rules(), json!(["http"]), "back to what was approved, and no further");
    let drift = b.status("s/Group/g").drift.expect("it is seen");
    assert_eq!((drift.action.as_str(), drift.fields[0].path.as_str()), ("healing", "/rules/1"));
    assert!(b.synced("s/Group/g").1.contains("awaits approval"));
    b.settle().await;
    assert_eq!(b.awaiting().plan, plan, "the same world and declarations, the same hash");

    b.approve();
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.rules(), json!(["http", "ssh"]));
    assert_eq!(b.status("s/Group/g").observed_generation, 2);
    b.stays_silent().await;
}

#[tokio::test]
async fn the_hash_moves_with_the_declaration_and_the_world_and_with_nothing_else() {
    let b = approved(&["http"]).await;
    b.declare(&gated(&["ssh"]));
    let planned = b.engine.plan_now(&b.scope, &Overlay::default()).await.expect("it plans").awaiting;
    b.pass().await;
    let first = b.awaiting();
    assert_eq!(planned[0].hash, first.parts[0].hash, "a pass and a look agree");
    b.clock.advance(SignedDuration::from_hours(5));
    b.settle().await;
    assert_eq!(b.awaiting().plan, first.plan, "time is no part of it");

    b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules/-".to_owned(), json!("mail"))).expect("it is there");
    b.pass().await;
    assert_ne!(b.awaiting().plan, first.plan, "the world is");
    b.settle().await;
    assert_eq!(b.awaiting().plan, first.plan);
    b.declare(&gated(&["ssh", "dns"]));
    b.pass().await;
    assert_ne!(b.awaiting().plan, first.plan, "the declaration is");
}

#[tokio::test]
async fn a_deletion_that_nobody_named_is_held_and_one_by_name_is_not() {
    let b = approved(&["http"]).await;
    let end = |fate| {
        let mut change = Change::at(b.clock.now());
        change.removals = vec![Removal { key: b.key("s/Group/g"), fate: Some(fate) }];
        b.store.change(&change).expect("the store takes it");
    };
    end(Fate::DeleteByPolicy);
    b.settle().await;
    assert_eq!(b.sim.live(&b.scope).len(), 1);
    assert!(b.synced("s/Group/g").1.contains("Its deletion awaits approval"), "{:?}", b.synced("s/Group/g"));
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules/-".to_owned(), json!("mail"))).expect("it is there");
    b.settle().await;
    assert_eq!(b.rules(), json!(["http"]), "it is kept as it is until then");
    b.approve();
    b.settle().await;
    assert_eq!(b.sim.live(&b.scope), []);

    let b = approved(&["http"]).await;
    b.remove("s", Fate::DeleteByName);
    b.settle().await;
    assert_eq!(b.sim.live(&b.scope), []);
}

#[tokio::test]
async fn what_is_not_under_approval_goes_on_and_what_depends_on_the_held_waits() {
    let b = bench();
    let mut document = stack(
        "s",
        &[
            ("Group", "g", json!({ "groupName": "g" })),
            ("Recipe", "r", json!({ "family": "r", "image": "1" })),
            ("Machine", "m", json!({ "name": "m", "group": "${Group/g.id}" })),
        ],
    );
    document["spec"]["resources"][0]["policy"] = json!({ "rollout": "approve" });
    b.declare(&document);
    b.settle().await;
    assert_eq!(b.status("s/Recipe/r").phase, Phase::InSync);
    assert!(b.sim.find(&b.scope, "Group", "g").is_none());
    assert_eq!(b.status("s/Machine/m").phase, Phase::Blocked);
    let part = b.awaiting().parts.remove(0);
    let steps: Vec<&str> = part.steps.iter().map(|s| s.key.kind.as_str()).collect();
    assert_eq!(steps, ["Group", "Machine"], "the plan shows what follows from it too");
    b.approve();
    b.settle().await;
    b.all_in_sync();
    b.lawful();
}

#[tokio::test]
async fn a_generation_that_changes_nothing_live_needs_no_approval() {
    let b = approved(&["http", "ssh"]).await;
    let mut same = gated(&["ssh", "http"]);
    same["spec"]["policy"]["protect"] = json!(true);
    b.declare(&same);
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.status("s/Group/g").observed_generation, 2);
    b.stays_silent().await;
}

#[tokio::test]
async fn approval_asked_for_with_a_change_holds_that_change_and_lifting_it_lets_it_go() {
    let b = bench();
    let mut auto = gated(&["http"]);
    auto["spec"]["policy"] = json!({});
    b.declare(&auto);
    b.settle().await;
    b.declare(&gated(&["ssh"]));
    b.settle().await;
    assert_eq!(b.rules(), json!(["http"]), "what ran before is what is carried out");
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Delete).expect("it is there");
    b.settle().await;
    assert_eq!(b.rules(), json!(["http"]), "and made again as it was");
    let mut auto = gated(&["ssh"]);
    auto["spec"]["policy"] = json!({});
    b.declare(&auto);
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.rules(), json!(["ssh"]));
    assert_eq!(b.store.awaiting("s").expect("the store reads"), None);
}

#[tokio::test]
async fn wherever_a_pass_dies_an_approved_plan_is_carried_out_once() {
    for number in 0..8 {
        let mut b = bench();
        b.declare(&under_approval(stack(
            "s",
            &[
                ("Group", "g", json!({ "groupName": "g" })),
                ("Machine", "m", json!({ "name": "m", "group": "${Group/g.id}" })),
            ],
        )));
        b.pass().await;
        b.approve();
        b.dies("test-2", number, 1).await;
        b.restart("test-3", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        b.lawful();
        assert_eq!(b.sim.live(&b.scope).len(), 2, "boundary {number}");
    }
}

/// What has happened elsewhere.
mod incidents {
    use super::*;

    /// Lets a pass stall between its plan and the first step.
    struct Stalls(SimClock);

    #[async_trait]
    impl Boundaries for Stalls {
        async fn reached(&self, _: &Scope, at: Boundary) {
            if at == Boundary::Recorded {
                self.0.advance(SignedDuration::from_hours(1));
            }
        }
    }

    /// A cloud's own DNS outage (October 2025): a stale plan was applied late, and clean-up then deleted the live one.
    #[tokio::test]
    async fn i25_a_stale_plan_applied_late_does_nothing() {
        // Approved, and before its turn the declaration moves.
        let mut b = approved(&["http"]).await;
        b.declare(&gated(&["http", "ssh"]));
        b.pass().await;
        let old = b.approve();
        b.declare(&gated(&["http", "dns"]));
        let writes = b.writes().len();
        b.settle().await;
        assert_eq!(b.writes().len(), writes, "nothing of the old plan was done");
        let new = b.awaiting().plan;
        assert_eq!(b.outcome(&old), Some(PlanEnd::Overtaken));
        let (_, message) = b.synced("s/Group/g");
        assert!(message.contains(&old) && message.contains(&format!("holdfast approve {new}")), "{message}");
        assert_eq!(b.count_events("PlanOvertaken"), 1);
        b.stays_silent().await;

        // Approved, and before its turn the world moves: the drift is healed, and nothing else is done.
        let old = b.approve();
        b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules/-".to_owned(), json!("mail"))).expect("it is there");
        b.settle().await;
        assert_eq!(b.rules(), json!(["http"]));
        assert_eq!(b.outcome(&old), Some(PlanEnd::Overtaken));

        // Approved and planned, and then the process stalls for an hour: the steps come too late.
        b.approve();
        b.restart("test-2", Arc::new(Stalls(b.clock.clone())));
        let writes = b.writes().len();
        let report = b.pass().await;
        assert_eq!((report.planned, report.succeeded, report.cancelled.len()), (1, 0, 1), "{:?}", report.cancelled);
        assert!(report.cancelled[0].1.contains("looks again"), "{:?}", report.cancelled);
        assert_eq!(b.writes().len(), writes);

        // The same for a deletion, which is the half of the incident that hurt.
        b.restart("test-3", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        b.restart("test-4", Arc::new(Stalls(b.clock.clone())));
        b.remove("s", Fate::DeleteByName);
        let report = b.pass().await;
        assert_eq!((report.planned, report.succeeded), (1, 0));
        assert_eq!(b.sim.live(&b.scope).len(), 1);
        b.restart("test-5", Arc::new(Undisturbed));
        b.settle().await;
        assert_eq!(b.sim.live(&b.scope), []);
        b.lawful();
    }
}
