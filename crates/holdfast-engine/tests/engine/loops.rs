//! The engine on its own: sweeps, nudges, shutdown, on paused time.

use crate::bench::{bench, stack};
use holdfast_core::status::Phase;
use holdfast_sim::{Fault, FaultRule, Tamper};
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_declaration_is_carried_out_without_anybody_nudging_and_drift_is_found_by_the_next_sweep() {
    let b = bench();
    let engine = b.started();
    b.declare(&stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": ["http"] }))]));
    b.wait(3).await;
    b.all_in_sync();
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Remove("/rules/0".to_owned())).expect("it is there");
    b.wait(70).await;
    b.all_in_sync();
    assert_eq!(b.count_events("DriftHealed"), 1);
    let scopes = engine.scopes().expect("the store reads");
    assert_eq!(scopes.len(), 1);
    assert!(scopes[0].status.swept_at.is_some() && scopes[0].next_in.is_some() && !scopes[0].running);
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_panics_or_hangs_does_not_hold_up_the_others() {
    let b = bench();
    let bad = holdfast_core::name::Scope::new("default", "eu-west-2");
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Panic).scope(bad.clone())]);
    let mut far = stack("far", &[("Group", "g", json!({ "groupName": "g" }))]);
    far["spec"]["region"] = json!("eu-west-2");
    b.declare(&far);
    b.declare(&stack("s", &[("Group", "g", json!({ "groupName": "g" }))]));
    let engine = b.started();
    b.wait(130).await;
    assert_eq!(b.status("s/Group/g").phase, Phase::InSync);
    assert_eq!(b.status("far/Group/g").phase, Phase::Unknown);
    b.sim.change_faults(|f| f.rules.clear());
    b.wait(70).await;
    b.all_in_sync();
    assert_eq!((b.count_events("ScopeFailed"), b.count_events("ScopeRecovered")), (1, 1));
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}

#[tokio::test(start_paused = true)]
async fn shutdown_finishes_the_step_under_way_begins_none_and_ends_in_time() {
    let b = bench();
    b.sim.change_faults(|f| f.latency = Duration::from_secs(10));
    let rules = json!({ "groupName": "g", "rules": ["http"] });
    b.declare(&stack("s", &[("Group", "g", rules)]));
    let engine = b.started();
    // The sweep takes 10 s, then the create 10 s.
    tokio::time::sleep(Duration::from_secs(13)).await;
    assert!(engine.shutdown(Duration::from_secs(20)).await);
    let live = b.live("Group", "g");
    assert_eq!(live.fields.get("rules"), None, "the second step was begun");
    let memory = b.store.memories(&b.scope).expect("reads")[&b.key("s/Group/g")].clone();
    assert_eq!(memory.id.as_deref(), Some(live.id.as_str()), "the outcome was not journalled");
    b.lawful();
}
