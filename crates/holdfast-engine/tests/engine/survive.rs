//! What must not spread: a kind with a fault in it, a poisoned resource, a stop in the middle, lists that disagree.

use crate::bench::{Bench, bench, bench_of, stack};
use async_trait::async_trait;
use holdfast_core::name::Scope;
use holdfast_core::status::Phase;
use holdfast_engine::{Boundaries, Boundary, Undisturbed};
use holdfast_sim::{Fault, FaultRule, Tamper};
use holdfast_store::{Change, ResourceChange, Store};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn groups(rules: &[(&str, &[&str])]) -> Value {
    let all: Vec<(&str, &str, Value)> = rules
        .iter()
        .map(|(name, rules)| ("Group", *name, json!({ "groupName": name, "rules": rules })))
        .chain([("Recipe", "r", json!({ "family": "r", "image": "1" }))])
        .collect();
    stack("s", &all)
}

fn reason(b: &Bench, key: &str) -> String {
    b.status(key).conditions.iter().map(|c| c.message.clone()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_panic_in_the_plan_of_a_kind_names_its_resource_and_all_else_goes_on() {
    let b = bench();
    b.declare(&groups(&[("bad", &["poison"]), ("good", &["http"])]));
    b.settle().await;
    assert_eq!((b.status("s/Group/good").phase, b.status("s/Recipe/r").phase), (Phase::InSync, Phase::InSync));
    assert_eq!(b.status("s/Group/bad").phase, Phase::Unknown);
    let said = reason(&b, "s/Group/bad");
    assert!(said.contains("The code of Group panicked over it: simulated panic in a plan"), "{said}");
    assert_eq!(b.events().iter().filter(|e| e.contains("panicked over it")).count(), 1, "told once");

    // It is tried again in every pass, and is well as soon as what it stumbles over is gone.
    b.declare(&groups(&[("bad", &["ssh"]), ("good", &["http"])]));
    b.settle().await;
    b.all_in_sync();

    // One that is live is neither changed nor deleted meanwhile.
    let writes = b.writes().len();
    b.declare(&groups(&[("bad", &["poison"]), ("good", &["http", "https"])]));
    b.settle().await;
    assert_eq!(b.live("Group", "bad").fields["rules"], json!(["ssh"]));
    assert_eq!(b.live("Group", "good").fields["rules"], json!(["http", "https"]));
    assert!(b.writes()[writes..].iter().all(|c| c.operation == "toy:AllowGroupRules"));
    b.lawful();
}

#[tokio::test]
async fn a_panic_in_the_sweep_of_a_kind_is_a_gap_of_that_kind_and_all_else_goes_on() {
    let b = bench();
    b.declare(&groups(&[("a", &["http"])]));
    b.settle().await;
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Panic).kind("Group")]);
    b.sim.tamper(&b.scope, "Recipe", "r", Tamper::SetTag("env".to_owned(), "theirs".to_owned())).expect("it is live");
    b.settle().await;
    assert_eq!(b.status("s/Group/a").phase, Phase::Unknown);
    assert!(reason(&b, "s/Group/a").contains("the code of Group panicked"), "{}", reason(&b, "s/Group/a"));
    assert_eq!(b.status("s/Recipe/r").phase, Phase::InSync);
    assert_eq!(b.live("Recipe", "r").tags["env"], "test", "what others changed of it was put back");
    b.sim.change_faults(|f| f.rules.clear());
    b.settle().await;
    b.all_in_sync();
    b.lawful();
}

/// Declares something else as soon as a step is about to be journalled.
struct Interferes {
    store: Store,
    change: Change,
    done: AtomicBool,
}

#[async_trait]
impl Boundaries for Interferes {
    async fn reached(&self, _: &Scope, at: Boundary) {
        if at == Boundary::BeforeIntent && !self.done.swap(true, Ordering::SeqCst) {
            self.store.change(&self.change).expect("the store takes it");
        }
    }
}

#[tokio::test]
async fn a_step_that_was_begun_is_not_journalled_once_its_declaration_has_moved() {
    let mut b = bench();
    b.declare(&groups(&[("a", &[])]));
    let mut change = Change::at(b.clock.now());
    let accepted = b.accept(&groups(&[("a", &["http"])]));
    change.stacks = accepted.stacks.into_iter().map(Into::into).collect();
    let resources = accepted.resources.into_iter().filter(|r| r.key.kind == "Group");
    change.resources = resources.map(|r| ResourceChange::of(r, "never".to_owned())).collect();
    let (store, done) = (b.store.clone(), AtomicBool::new(false));
    b.restart("interrupted", Arc::new(Interferes { store, change, done }));
    let report = b.pass().await;
    assert_eq!(report.cancelled.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>(), ["s/Group/a"]);
    assert!(b.writes().iter().all(|c| c.kind == "Recipe"), "{:?}", b.writes());
    b.restart("after", Arc::new(Undisturbed));
    b.settle().await;
    b.all_in_sync();
    b.lawful();
}

#[tokio::test]
async fn what_a_list_has_shown_and_another_copy_of_it_does_not_is_not_made_twice() {
    let b = bench();
    let machine = ("Machine", "m", json!({ "name": "m" }));
    b.declare(&stack("s", &[machine]));
    b.settle().await;
    b.all_in_sync();
    b.sim.change_faults(|f| f.unseen = SignedDuration::from_secs(300));
    for _ in 0..30 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(10));
    }
    assert_eq!(b.sim.live(&b.scope).len(), 1);
    b.sim.change_faults(|f| f.unseen = SignedDuration::ZERO);
    b.settle().await;
    b.all_in_sync();
    // One that is really gone is made again when AWS has had its time.
    b.sim.tamper(&b.scope, "Machine", "m", Tamper::Delete).expect("it is live");
    b.clock.advance(SignedDuration::from_secs(400));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.sim.live(&b.scope).len(), 1);
}

#[tokio::test]
async fn a_family_that_policy_lets_stand_is_not_left_by_way_of_its_other_fields() {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-1");
    let task = |family: &str, image: &str| {
        let containers = json!([{ "name": "web", "image": image, "memory": 64 }]);
        let spec = json!({ "family": family, "containerDefinitions": containers });
        stack("s", &[("TaskDefinition", "web", spec)])
    };
    b.declare(&task("web", "web:1"));
    b.settle().await;
    b.declare(&task("other", "web:2"));
    b.settle().await;
    let live = b.sim.live(&b.scope);
    assert_eq!(live.len(), 1, "{live:?}");
    assert_eq!(live[0].observation.identity, "web");
    let said = reason(&b, "s/TaskDefinition/web");
    assert!(said.contains("AWS cannot change /family in place"), "{said}");
    b.lawful();
}

fn slow(b: &Bench, n: usize) {
    let names: Vec<String> = (0..n).map(|i| format!("m{i}")).collect();
    let all: Vec<(&str, &str, Value)> =
        names.iter().map(|name| ("Machine", name.as_str(), json!({ "name": name }))).collect();
    b.declare(&stack("s", &all));
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_writing_ends_within_twenty_seconds_and_the_next_start_looks_first() {
    let b = bench();
    b.sim.change_faults(|f| f.latency = Duration::from_secs(8));
    slow(&b, 100);
    let engine = b.started();
    b.wait(12).await;
    let began = tokio::time::Instant::now();
    assert!(engine.shutdown(Duration::from_secs(20)).await, "what was under way has ended");
    assert!(began.elapsed() <= Duration::from_secs(20));
    let made = b.sim.live(&b.scope).len();
    assert!(0 < made && made < 100, "{made} are made: it was stopped in the middle");
    b.lawful();

    // An endpoint that answers nothing is not waited for; what became of it is looked up by the next start.
    let engine = b.started();
    b.wait(12).await;
    b.sim.change_faults(|f| f.latency = Duration::from_secs(3600));
    b.wait(12).await;
    let began = tokio::time::Instant::now();
    assert!(!engine.shutdown(Duration::from_secs(20)).await);
    assert!(began.elapsed() <= Duration::from_secs(21));
    b.sim.change_faults(|f| f.latency = Duration::ZERO);
    let calls = b.sim.calls().len();
    let engine = b.started();
    b.wait(2).await;
    assert!(!b.sim.calls()[calls].write, "the first call looks");
    b.wait(800).await;
    b.all_in_sync();
    assert_eq!(b.sim.live(&b.scope).len(), 100);
    assert!(engine.shutdown(Duration::from_secs(20)).await);
    b.lawful();
}
