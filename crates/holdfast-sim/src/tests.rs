//! The simulation's own tests, on the toy kinds.

use crate::laws;
use crate::toys::{Do, toys};
use crate::*;
use holdfast_core::cloud::{Applied, ApplyError, Cloud, ErrorClass};
use holdfast_core::name::{Scope, UID_TAG};
use holdfast_core::observe::{LiveState, Snapshot, Wanted};
use jiff::SignedDuration;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

struct Bench {
    sim: SimCloud,
    clock: SimClock,
    scope: Scope,
}

fn bench(seed: u64) -> Bench {
    let clock = SimClock::default();
    Bench {
        sim: SimCloud::new(Arc::new(toys()), clock.clone(), seed),
        clock,
        scope: Scope::new("default", "eu-west-1"),
    }
}

impl Bench {
    async fn act(&self, kind: &'static str, action: Do) -> Result<Applied, ApplyError> {
        let json = serde_json::to_value(&action).expect("an action is plain data");
        self.sim.apply(&self.scope, kind, &json, "token").await
    }
    async fn make(&self, kind: &'static str, fields: serde_json::Value, owner: &str) -> String {
        let tags = [(UID_TAG.to_owned(), owner.to_owned())].into();
        let made = self.act(kind, Do::Create { fields, tags }).await.expect("it can be made");
        made.id.expect("a create answers the id")
    }
    async fn sweep(&self, kind: &'static str) -> Snapshot {
        self.sim.sweep(&self.scope, &BTreeMap::from([(kind, Wanted::default())])).await
    }
    async fn seen(&self, kind: &'static str) -> usize {
        self.sweep(kind).await.kinds[kind].observations.len()
    }
    fn code(answer: Result<Applied, ApplyError>) -> String {
        answer.expect_err("it is to be refused").code
    }
}

#[tokio::test]
async fn a_second_create_of_the_same_identity_is_refused_and_a_new_revision_is_not() {
    let b = bench(1);
    b.make("Group", json!({ "groupName": "web" }), "u1").await;
    let again = Do::Create { fields: json!({ "groupName": "web" }), tags: BTreeMap::new() };
    assert_eq!(Bench::code(b.act("Group", again).await), "AlreadyExists");
    assert_eq!(b.make("Recipe", json!({ "family": "app", "image": "1" }), "u2").await, "app:1");
    assert_eq!(b.make("Recipe", json!({ "family": "app", "image": "2" }), "u2").await, "app:2");
    assert_eq!(b.seen("Recipe").await, 0, "it is read by name, and nobody wants it");
    assert_eq!(b.sim.live(&b.scope).iter().filter(|t| t.kind == "Recipe").count(), 1);
    assert_eq!(laws::at_most_one(&b.sim.live(&b.scope), &BTreeSet::new()), []);
}

#[tokio::test]
async fn a_thing_in_use_stays_and_a_container_takes_its_contents_along() {
    let b = bench(1);
    let group = b.make("Group", json!({ "groupName": "web" }), "u1").await;
    let machine = b.make("Machine", json!({ "name": "m", "group": group }), "u2").await;
    b.make("Part", json!({ "machine": machine, "slot": 1 }), "u3").await;
    assert_eq!(Bench::code(b.act("Group", Do::Delete { id: group.clone() }).await), "DependencyViolation");
    b.act("Machine", Do::Delete { id: machine }).await.expect("nothing holds it");
    assert_eq!(b.seen("Part").await, 0);
    b.act("Group", Do::Delete { id: group }).await.expect("nothing holds it any more");
    let gone = Do::Delete { id: "grp-0".to_owned() };
    assert_eq!(Bench::code(b.act("Group", gone).await), "NotFound");
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_a_failure_has_none() {
    let b = bench(1);
    let create = |name: &str| Do::Create { fields: json!({ "groupName": name }), tags: BTreeMap::new() };
    b.sim.change_faults(|f| {
        f.rules = vec![FaultRule::always(Fault::LoseAnswer).times(1), FaultRule::always(Fault::Throttle).times(1)]
    });
    assert_eq!(b.act("Group", create("a")).await.expect_err("lost").class, ErrorClass::Lost);
    assert_eq!(b.act("Group", create("b")).await.expect_err("throttled").class, ErrorClass::Throttled);
    assert_eq!(b.seen("Group").await, 1);
    assert_eq!(b.sim.counters().throttled, 1);
    assert_eq!(b.sim.calls()[0].operation, "toy:CreateGroup");
}

#[tokio::test]
async fn half_a_write_changes_some_fields_and_neither_makes_nor_deletes() {
    let b = bench(1);
    let machine = b.make("Machine", json!({ "name": "m", "size": 1, "slots": 1, "zone": 1, "speed": 1 }), "u1").await;
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Half(ErrorClass::Transient))]);
    let values = json!({ "size": 2, "slots": 2, "zone": 2, "speed": 2 }).as_object().cloned().unwrap_or_default();
    let half = b.act("Machine", Do::Set { id: machine.clone(), values }).await;
    assert_eq!(half.expect_err("the rest was refused").class, ErrorClass::Transient);
    let fields = b.sim.find(&b.scope, "Machine", "m").expect("it is there").fields.clone();
    let moved = ["size", "slots", "zone", "speed"].iter().filter(|f| fields[**f] == 2).count();
    assert!((1..4).contains(&moved), "some and not all: {}", *fields);
    assert!(b.act("Machine", Do::Delete { id: machine }).await.is_err());
    let create = Do::Create { fields: json!({ "groupName": "a" }), tags: BTreeMap::new() };
    assert!(b.act("Group", create).await.is_err());
    assert_eq!((b.seen("Machine").await, b.seen("Group").await), (1, 0));
}

#[tokio::test]
async fn sweeps_may_be_stale_blind_to_new_things_and_full_of_gaps() {
    let b = bench(7);
    b.make("Group", json!({ "groupName": "old" }), "u1").await;
    b.clock.advance(SignedDuration::from_secs(100));
    b.make("Group", json!({ "groupName": "new" }), "u2").await;
    b.sim.change_faults(|f| f.unseen = SignedDuration::from_secs(30));
    assert_eq!(b.seen("Group").await, 1);
    b.sim.change_faults(|f| (f.unseen, f.stale) = (SignedDuration::ZERO, SignedDuration::from_secs(50)));
    assert_eq!(b.seen("Group").await, 1);
    b.sim.change_faults(|f| {
        f.stale = SignedDuration::ZERO;
        f.rules = vec![FaultRule::always(Fault::Gap(Hidden::PerMille(1000)))];
    });
    let reading = b.sweep("Group").await.kinds["Group"].clone();
    assert!(reading.observations.is_empty());
    assert!(reading.gaps[0].hides(None, Some("new")) && !reading.gaps[0].hides(None, Some("other")));
}

#[tokio::test]
async fn a_thing_settles_after_a_while_and_may_refuse_writes_until_then() {
    let b = bench(1);
    let lasts = SignedDuration::from_secs(60);
    let settle = Settle { kind: None, lasts, state: "creating".to_owned(), writes: WhileBusy::Refused };
    b.sim.change_faults(|f| f.settle = vec![settle]);
    let id = b.make("Machine", json!({ "name": "m" }), "u").await;
    let state = || b.sim.find(&b.scope, "Machine", "m").expect("it is there").state.clone();
    assert_eq!(state(), LiveState::Busy("creating".to_owned()));
    let set = Do::Set { id, values: [("size".to_owned(), json!(2))].into_iter().collect() };
    assert_eq!(Bench::code(b.act("Machine", set.clone()).await), "IncorrectState");
    b.clock.advance(lasts);
    assert_eq!(state(), LiveState::Settled);
    b.act("Machine", set).await.expect("it has settled");
}

#[tokio::test]
async fn others_change_things_without_a_call_of_ours_and_bystanders_are_watched() {
    let b = bench(1);
    let id = b.make("Group", json!({ "groupName": "web" }), "u").await;
    let (calls, trace) = (b.sim.calls().len(), b.sim.trace_hash());
    b.sim.tamper(&b.scope, "Group", "web", Tamper::Set("/rules".to_owned(), json!(["ssh"]))).expect("it is there");
    let allow = serde_json::to_value(Do::Allow { id, rules: vec![json!("http")] }).expect("plain data");
    b.sim.tamper(&b.scope, "Group", "web", Tamper::Act(allow)).expect("AWS takes it");
    let live = b.sim.find(&b.scope, "Group", "web").expect("it is there");
    assert_eq!(live.fields["rules"], json!(["ssh", "http"]));
    assert_eq!(b.sim.calls().len(), calls);
    assert_ne!(b.sim.trace_hash(), trace);

    let mut stranger = (*live).clone();
    (stranger.id, stranger.identity) = ("grp-x".to_owned(), "theirs".to_owned());
    stranger.tags_mut().clear();
    b.sim.bystander(&b.scope, "Group", stranger).expect("it can be put there");
    assert_eq!(b.sim.bystanders_touched(), []);
    b.act("Group", Do::Delete { id: "grp-x".to_owned() }).await.expect("the simulation lets us");
    assert_eq!(b.sim.bystanders_touched().len(), 1);
    let ours = BTreeSet::from(["u".to_owned()]);
    assert_eq!(laws::unowned_untouched(&b.sim.calls(), &ours, &BTreeSet::new()).len(), 1);
}

#[tokio::test]
async fn the_same_seed_leaves_the_same_trace() {
    let mut traces = Vec::new();
    for seed in [3, 3, 4] {
        let b = bench(seed);
        b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::LoseAnswer).per_mille(500)]);
        for i in 0..20 {
            let fields = json!({ "groupName": format!("g{i}") });
            let _ = b.act("Group", Do::Create { fields, tags: BTreeMap::new() }).await;
        }
        traces.push(b.sim.trace_hash());
    }
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}
