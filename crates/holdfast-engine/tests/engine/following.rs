//! The pass that follows another reads only what has not come to rest; whatever people ask for is looked at whole.

use crate::bench::{Bench, bench, stack};
use holdfast_core::plan::Fate;
use holdfast_core::status::Phase;
use holdfast_sim::{Settle, Tamper, WhileBusy};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const BOTH: &[&str] = &["Group", "Machine"];

fn both(size: u32) -> Value {
    let machine = json!({ "name": "m", "size": size, "group": "${Group/g.id}" });
    stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": ["http"] })), ("Machine", "m", machine)])
}

impl Bench {
    /// Somebody else sets the size of the machine.
    fn resizes(&self, size: u32) {
        self.sim
            .tamper(&self.scope, "Machine", "m", Tamper::Set("/size".to_owned(), json!(size)))
            .expect("it is there");
    }

    /// The kinds that were read since that call.
    fn read_since(&self, number: u64) -> Vec<&'static str> {
        let reads = self.sim.calls_since(number).into_iter().filter(|c| !c.write);
        reads.map(|c| c.kind).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The kinds that the next pass reads; one that follows, if it is to.
    async fn looks_at(&self, follows: bool) -> Vec<&'static str> {
        let before = self.sim.newest_call();
        let pass = if follows { self.engine.follow_up(&self.scope).await } else { self.engine.pass(&self.scope).await };
        let report = pass.expect("it goes through");
        let read = self.read_since(before);
        assert_eq!(report.whole, read == BOTH, "it says how much it looked at: {read:?}");
        read
    }
}

/// Two kinds that are in sync, one of them healed a moment ago.
async fn healed() -> Bench {
    let b = bench();
    b.declare(&both(1));
    b.settle().await;
    b.resizes(9);
    assert_eq!(b.pass().await.succeeded, 1);
    b
}

#[tokio::test]
async fn after_a_fix_only_its_kind_is_read_again_and_then_nothing_is_open() {
    let b = healed().await;
    let whole = b.engine.scopes().expect("the store reads").remove(0).status;
    b.clock.advance(SignedDuration::from_secs(2));
    assert_eq!((b.looks_at(true).await, b.sim.looks_in_a_row()), (vec!["Machine"], 2));
    b.all_in_sync();
    let status = b.engine.scopes().expect("the store reads").remove(0).status;
    assert_eq!(
        (status.swept_at, status.api_calls),
        (whole.swept_at, whole.api_calls),
        "it tells of the last whole look"
    );
    assert_eq!(b.looks_at(true).await, BOTH, "nothing was left open that another one could follow");
    assert_eq!(b.sim.looks_in_a_row(), 1, "and a whole look is reminded of nothing");
}

#[tokio::test]
async fn of_a_kind_that_is_read_by_name_only_what_is_not_at_rest_is_read_again() {
    let b = bench();
    let recipe = |family: &str| json!({ "family": family, "image": "1" });
    b.declare(&stack("s", &[("Recipe", "moves", recipe("moves")), ("Recipe", "rests", recipe("rests"))]));
    b.settle().await;
    let sets = |family: &str| {
        let image = Tamper::Set("/image".to_owned(), json!("theirs"));
        b.sim.tamper(&b.scope, "Recipe", family, image).expect("it is there");
    };
    let seen_at = |name: &str| b.status(&format!("s/Recipe/{name}")).last_observed_at;
    sets("moves");
    assert_eq!(b.pass().await.succeeded, 1);
    let before = [seen_at("moves"), seen_at("rests")];
    sets("rests");
    b.clock.advance(SignedDuration::from_secs(2));
    let report = b.engine.follow_up(&b.scope).await.expect("it goes through");
    assert_eq!((report.planned, report.whole), (0, false), "what was at rest is as it was seen");
    assert!(seen_at("moves") > before[0]);
    assert_eq!(seen_at("rests"), before[1]);
    b.all_in_sync();
    assert_eq!(b.pass().await.succeeded, 1, "the next whole look sees the other");
}

#[tokio::test]
async fn whoever_asks_or_declares_something_or_starts_anew_gets_a_whole_look() {
    assert_eq!(healed().await.looks_at(false).await, BOTH);
    let asked = healed().await;
    asked.engine.forgive("s").expect("the store reads");
    assert_eq!(asked.looks_at(true).await, BOTH);
    let declared = healed().await;
    declared.declare(&both(2));
    assert_eq!(declared.looks_at(true).await, BOTH);
    let mut anew = healed().await;
    anew.restart("another", std::sync::Arc::new(holdfast_engine::Undisturbed));
    assert_eq!(anew.looks_at(true).await, BOTH);
}

#[tokio::test]
async fn what_was_seen_half_a_minute_ago_is_read_again() {
    let fresh = healed().await;
    fresh.clock.advance(SignedDuration::from_secs(29));
    assert_eq!(fresh.looks_at(true).await, ["Machine"]);
    let old = healed().await;
    old.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(old.looks_at(true).await, BOTH);
}

#[tokio::test]
async fn what_aws_is_at_work_on_is_followed_and_the_rest_is_left_in_peace() {
    let b = bench();
    b.declare(&both(1));
    b.settle().await;
    b.sim.change_faults(|f| {
        let (kind, lasts) = (Some("Machine".to_owned()), SignedDuration::from_secs(20));
        f.settle = vec![Settle { kind, lasts, state: "modifying".to_owned(), writes: WhileBusy::Refused }];
    });
    b.resizes(9);
    b.pass().await;
    for _ in 0..3 {
        b.clock.advance(SignedDuration::from_secs(5));
        assert_eq!(b.looks_at(true).await, ["Machine"]);
    }
    b.clock.advance(SignedDuration::from_secs(10));
    b.looks_at(true).await;
    b.all_in_sync();
}

#[tokio::test]
async fn while_something_is_to_go_a_following_look_goes_by_no_tags_that_were_read_before() {
    let b = bench();
    b.declare(&both(1));
    b.declare(&stack("t", &[("Machine", "n", json!({ "name": "n", "size": 1 }))]));
    b.settle().await;
    b.sim.change_faults(|f| {
        let (kind, lasts) = (Some("Machine".to_owned()), SignedDuration::from_secs(20));
        f.settle = vec![Settle { kind, lasts, state: "deleting".to_owned(), writes: WhileBusy::Refused }];
    });
    b.resizes(9);
    b.remove("t", Fate::DeleteByName);
    b.pass().await;
    b.clock.advance(SignedDuration::from_secs(2));
    assert_eq!((b.looks_at(true).await, b.sim.looks_in_a_row()), (vec!["Machine"], 1));
}

#[tokio::test]
async fn what_a_following_look_takes_as_seen_keeps_the_time_when_it_was() {
    let b = healed().await;
    let (group, machine) = (b.status("s/Group/g").last_observed_at, b.status("s/Machine/m").last_observed_at);
    b.clock.advance(SignedDuration::from_secs(5));
    b.looks_at(true).await;
    assert_eq!(b.status("s/Group/g").last_observed_at, group);
    assert!(b.status("s/Machine/m").last_observed_at > machine);
}

#[tokio::test(start_paused = true)]
async fn a_whole_look_comes_at_its_interval_however_many_others_follow_each_other() {
    let b = bench();
    b.declare(&both(1));
    let engine = b.started();
    b.wait(10).await;
    b.all_in_sync();
    // Something is always open, and what stands beside it drifts.
    b.sim.change_faults(|f| {
        let lasts = SignedDuration::from_hours(1);
        f.settle = vec![Settle {
            kind: Some("Machine".to_owned()),
            lasts,
            state: "modifying".to_owned(),
            writes: WhileBusy::Accepted,
        }];
    });
    b.resizes(9);
    b.reconcile(&engine, "s");
    b.wait(5).await;
    assert_eq!(b.status("s/Machine/m").phase, Phase::Progressing);
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules".to_owned(), json!([]))).expect("it is there");
    b.wait(70).await;
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["http"]), "no whole look came");
    assert!(engine.shutdown(Duration::from_secs(20)).await);
}
