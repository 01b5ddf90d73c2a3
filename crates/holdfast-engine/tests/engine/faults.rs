//! What goes wrong in AWS.

use crate::bench::{Bench, bench, stack};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::name::Scope;
use holdfast_core::plan::Fate;
use holdfast_core::status::Phase;
use holdfast_sim::{Fault, FaultRule, Hidden, Settle, Tamper, WhileBusy};
use jiff::SignedDuration;
use serde_json::{Value, json};

fn machines(n: usize) -> Value {
    let names: Vec<String> = (0..n).map(|i| format!("m{i}")).collect();
    let mut all = vec![("Group", "g", json!({ "groupName": "g", "rules": ["http"] }))];
    let spec = |name: &str| json!({ "name": name, "group": "${Group/g.id}" });
    all.extend(names.iter().map(|name| ("Machine", name.as_str(), spec(name))));
    stack("s", &all)
}

fn fail(class: ErrorClass) -> Fault {
    Fault::Fail { class, code: "Broken".to_owned(), message: "it does not work".to_owned() }
}

#[tokio::test]
async fn after_a_lost_answer_it_is_looked_for_and_never_made_twice() {
    let b = bench();
    b.declare(&machines(5));
    b.sim.change_faults(|f| {
        f.rules = vec![FaultRule::always(Fault::LoseAnswer)];
        f.unseen = SignedDuration::from_secs(20);
    });
    for _ in 0..6 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(3));
    }
    b.sim.change_faults(|f| f.rules.clear());
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.sim.live(&b.scope).len(), 6);
    b.lawful();
    b.stays_silent().await;
}

#[tokio::test]
async fn throttling_delays_and_costs_no_more_than_one_try_a_delay() {
    let b = bench();
    b.declare(&machines(20));
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Throttle).per_mille(300)]);
    b.settle().await;
    b.sim.change_faults(|f| f.rules.clear());
    b.settle().await;
    b.all_in_sync();
    b.lawful();
}

#[tokio::test]
async fn a_partial_sweep_neither_creates_nor_deletes_and_says_unknown() {
    let b = bench();
    b.declare(&machines(12));
    b.settle().await;
    let writes = b.writes().len();
    for hidden in [Hidden::All, Hidden::PerMille(1000), Hidden::PerMille(500)] {
        b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Gap(hidden)).kind("Machine")]);
        b.pass().await;
        assert_eq!(b.writes().len(), writes);
        assert!(b.phases().iter().any(|(_, phase)| *phase == Phase::Unknown));
    }
    assert_eq!(b.count_events("SweepGap"), 1, "each fact once");
    b.sim.change_faults(|f| f.rules.clear());
    b.settle().await;
    b.all_in_sync();
    b.stays_silent().await;
}

#[tokio::test]
async fn a_refused_step_is_told_once_holds_up_what_needs_it_and_nothing_else() {
    let b = bench();
    let mut document = machines(2);
    let other = json!({ "kind": "Recipe", "metadata": { "name": "r" }, "spec": { "family": "r" } });
    document["spec"]["resources"].as_array_mut().expect("a list").push(other);
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(fail(ErrorClass::Denied)).operation("CreateGroup")]);
    b.declare(&document);
    for _ in 0..20 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(5));
    }
    assert_eq!(b.status("s/Group/g").phase, Phase::Failed);
    assert_eq!(b.status("s/Machine/m0").phase, Phase::Blocked);
    assert_eq!(b.status("s/Recipe/r").phase, Phase::InSync);
    assert!(b.status("s/Group/g").conditions[0].message.contains("it does not work"));
    assert_eq!(b.count_events("ActionFailed"), 1);
    let tries = b.writes().iter().filter(|c| c.kind == "Group").count();
    assert!(tries <= 3, "{tries} tries in 100 s of a call that is denied");
    b.sim.change_faults(|f| f.rules.clear());
    b.engine.forgive("s").expect("the store reads");
    b.settle().await;
    b.all_in_sync();
}

#[tokio::test]
async fn a_failure_is_tried_again_at_once_when_the_declaration_moves() {
    let b = bench();
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(fail(ErrorClass::Rejected)).times(1)]);
    b.declare(&stack("s", &[("Group", "g", json!({ "groupName": "g" }))]));
    b.pass().await;
    b.pass().await;
    assert_eq!(b.status("s/Group/g").phase, Phase::Failed);
    b.declare(&stack("s", &[("Group", "g", json!({ "groupName": "g2" }))]));
    b.pass().await;
    b.pass().await;
    b.all_in_sync();
}

#[tokio::test]
async fn stale_reads_and_late_sight_make_no_second_thing() {
    let b = bench();
    b.sim.change_faults(|f| {
        f.stale = SignedDuration::from_secs(30);
        f.unseen = SignedDuration::from_secs(45);
        f.settle = vec![Settle {
            kind: None,
            lasts: SignedDuration::from_secs(15),
            state: "creating".to_owned(),
            writes: WhileBusy::Accepted,
        }];
    });
    b.declare(&machines(5));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.sim.live(&b.scope).len(), 6);
    b.lawful();
}

#[tokio::test]
async fn a_panic_in_a_kind_concerns_its_own_step_or_its_own_sweep() {
    let b = bench();
    b.declare(&machines(2));
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Panic).operation("CreateMachine").times(1)]);
    let report = b.pass().await;
    assert_eq!((report.succeeded, report.failed), (3, 1));
    let elsewhere = Scope::new("default", "eu-west-2");
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::Panic).scope(elsewhere.clone()).times(1)]);
    let mut far = stack("far", &[("Group", "g", json!({ "groupName": "g" }))]);
    far["spec"]["region"] = json!("eu-west-2");
    b.declare(&far);
    // Whatever kind it was of, it is looked at by itself once more.
    b.engine.pass(&elsewhere).await.expect("the pass goes through");
    b.clock.advance(SignedDuration::from_secs(70));
    b.settle().await;
    b.engine.pass(&elsewhere).await.expect("it goes through again");
    b.engine.pass(&elsewhere).await.expect("it goes through again");
    b.all_in_sync();
    b.lawful();
}

#[tokio::test]
async fn what_others_own_is_not_touched_while_ours_comes_and_goes() {
    let b: Bench = bench();
    b.declare(&machines(2));
    b.settle().await;
    let mut stranger = (*b.live("Machine", "m0")).clone();
    (stranger.id, stranger.identity) = ("mac-theirs".to_owned(), "theirs".to_owned());
    stranger.fields["name"] = json!("theirs");
    stranger.tags_mut().clear();
    b.sim.bystander(&b.scope, "Machine", stranger).expect("it can be put there");
    // They hold our group: it cannot go before their machine lets go of it, and says so.
    b.remove("s", Fate::DeleteByName);
    for _ in 0..10 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(10));
    }
    let status = b.status("s/Group/g");
    assert_eq!(status.phase, Phase::Deleting);
    assert!(status.conditions[0].message.contains("DependencyViolation"), "{:?}", status.conditions[0]);
    assert_eq!(b.sim.bystanders_touched(), []);
    b.sim.tamper(&b.scope, "Machine", "theirs", Tamper::Remove("/group".to_owned())).expect("it is there");
    b.clock.advance(SignedDuration::from_secs(70));
    b.settle().await;
    assert_eq!(b.phases(), []);
    b.lawful();
}
