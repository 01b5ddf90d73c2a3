//! The real kinds and the example stack, in the simulated AWS.

use crate::bench::{Bench, bench_of};
use holdfast_core::plan::Fate;
use holdfast_engine::Undisturbed;
use holdfast_sim::{Fault, FaultRule};
use jiff::SignedDuration;
use serde_json::Value;
use std::sync::Arc;

fn es() -> Bench {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-3");
    let text = include_str!("../../../../examples/es/stack.json");
    let document: Value = serde_json::from_str(text).expect("the example is JSON");
    b.declare(&document);
    b
}

#[tokio::test]
async fn the_example_comes_from_nothing_to_in_sync_stays_silent_and_ends_at_nothing() {
    let b = es();
    let passes = b.settle().await;
    b.all_in_sync();
    assert!(passes <= 6, "{passes} passes");
    b.stays_silent().await;
    b.lawful();
    b.remove("es", Fate::DeleteByName);
    b.settle().await;
    assert_eq!(b.phases(), [], "{:#?}", b.events());
    assert!(b.sim.live(&b.scope).is_empty(), "{:#?}", b.sim.live(&b.scope));
    b.lawful();
}

#[tokio::test]
async fn every_answer_of_the_example_may_be_lost() {
    let b = es();
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::LoseAnswer).per_mille(500)]);
    for _ in 0..40 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(5));
    }
    b.sim.change_faults(|f| f.rules.clear());
    b.settle().await;
    b.all_in_sync();
    b.lawful();
}

#[tokio::test]
async fn the_example_survives_a_crash_at_every_boundary() {
    for number in (0..).step_by(if cfg!(debug_assertions) { 5 } else { 1 }) {
        let mut b = es();
        let died = b.dies("first", number, 8).await;
        b.restart("after", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        b.lawful();
        if !died {
            break;
        }
    }
}
