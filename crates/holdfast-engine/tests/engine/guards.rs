//! Replacement, the breaker of a whole scope, contested fixes, and pauses of more and less than a stack.

use crate::bench::{Bench, bench, stack};
use holdfast_core::name::{ResourceKey, Scope};
use holdfast_core::plan::Hold;
use holdfast_core::status::{ConditionType, Phase, Truth};
use holdfast_engine::Undisturbed;
use holdfast_sim::{Fault, FaultRule, Tamper};
use holdfast_store::{Event, EventType, Place};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;

/// A group that a machine is in, with a part in the machine; the group's name as given, replacement allowed.
fn named(group: &str) -> Value {
    let mut document = stack(
        "s",
        &[
            ("Group", "g", json!({ "groupName": group, "rules": ["http"] })),
            ("Machine", "m", json!({ "name": "m", "group": "${Group/g.id}" })),
            ("Part", "p", json!({ "machine": "${Machine/m.id}", "slot": 1 })),
        ],
    );
    document["spec"]["policy"] = json!({ "replace": "allow" });
    document
}

async fn settled(document: &Value) -> Bench {
    let b = bench();
    b.declare(document);
    b.settle().await;
    b.all_in_sync();
    b
}

fn operations(b: &Bench, since: usize) -> Vec<String> {
    b.writes().split_off(since).into_iter().map(|c| c.operation).collect()
}

#[tokio::test]
async fn a_renamed_group_is_made_beside_the_old_one_users_move_over_and_only_then_the_old_one_goes() {
    let b = settled(&named("one")).await;
    let (old, before) = (b.live("Group", "one").id.clone(), b.writes().len());
    b.declare(&named("two"));
    b.settle().await;
    b.all_in_sync();
    let new = b.live("Group", "two");
    assert_ne!(new.id, old);
    assert_eq!(new.fields["rules"], json!(["http"]));
    assert_eq!(b.live("Machine", "m").fields["group"], new.id.as_str());
    assert!(b.sim.find(&b.scope, "Group", "one").is_none(), "the old one is gone");
    let done = operations(&b, before);
    assert_eq!(done, ["toy:CreateGroup", "toy:AllowGroupRules", "toy:SetMachine", "toy:DeleteGroup"]);
    b.stays_silent().await;
    b.lawful();
}

#[tokio::test]
async fn a_container_that_is_replaced_takes_what_lives_in_it_along_and_counts_once() {
    let mut b = settled(&named("g")).await;
    b.options.settings.max_replacements_per_hour = 1;
    b.restart("test-2", Arc::new(Undisturbed));
    let mut next = named("g");
    next["spec"]["resources"][1]["spec"]["name"] = json!("n");
    b.declare(&next);
    b.settle().await;
    b.all_in_sync();
    let machine = b.live("Machine", "n").id.clone();
    let parts: Vec<_> = b.sim.live(&b.scope).into_iter().filter(|t| t.kind == "Part").collect();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].observation.fields["machine"], machine.as_str());
    assert!(b.sim.find(&b.scope, "Machine", "m").is_none());
    b.stays_silent().await;
    b.lawful();
}

#[tokio::test]
async fn a_replacement_is_refused_never_by_policy_by_the_same_name_by_protection_and_by_the_budget() {
    let mut b = settled(&named("one")).await;
    let reason = |b: &Bench| b.status("s/Group/g").conditions[0].message.clone();
    let before = b.writes().len();

    let mut never = named("two");
    never["spec"]["policy"] = json!({});
    b.declare(&never);
    b.settle().await;
    assert_eq!(b.status("s/Group/g").phase, Phase::Blocked);
    assert!(reason(&b).contains("policy.replace is \"never\""), "{}", reason(&b));

    let mut protected = named("two");
    protected["spec"]["policy"]["protect"] = json!(true);
    b.declare(&protected);
    b.settle().await;
    assert!(reason(&b).contains("policy.protect"), "{}", reason(&b));

    b.options.settings.max_replacements_per_hour = 0;
    b.restart("test-2", Arc::new(Undisturbed));
    b.declare(&named("two"));
    b.settle().await;
    assert!(reason(&b).contains("replacement budget"), "{}", reason(&b));

    // The slot of a part is in its identity together with its machine; nothing else of it is create-only.
    let mut same = named("one");
    same["spec"]["resources"][2]["spec"]["slot"] = json!(1);
    b.declare(&same);
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.writes().len(), before, "nothing of all this was written");

    b.options.settings.max_replacements_per_hour = 1;
    b.restart("test-3", Arc::new(Undisturbed));
    b.declare(&named("two"));
    b.settle().await;
    b.declare(&named("three"));
    b.settle().await;
    assert!(reason(&b).contains("budget"), "the second within the hour: {}", reason(&b));
    b.clock.advance(SignedDuration::from_secs(3700));
    b.settle().await;
    b.all_in_sync();
    assert!(b.sim.find(&b.scope, "Group", "three").is_some());
}

#[tokio::test]
async fn a_replacement_survives_a_crash_at_every_boundary_and_leaves_one_thing() {
    for number in 0.. {
        let mut b = settled(&named("one")).await;
        b.declare(&named("two"));
        let died = b.dies("first", number, 8).await;
        b.restart("after", Arc::new(Undisturbed));
        b.settle().await;
        b.all_in_sync();
        b.lawful();
        assert!(b.sim.find(&b.scope, "Group", "one").is_none(), "the old one is left after a death at {number}");
        if !died {
            break;
        }
    }
}

#[tokio::test]
async fn a_replacement_whose_answers_are_lost_or_whose_reads_are_stale_makes_one_thing_and_moves_nobody_back() {
    let b = settled(&named("one")).await;
    b.sim.change_faults(|f| {
        f.rules = vec![FaultRule::always(Fault::LoseAnswer).per_mille(500)];
        (f.stale, f.unseen) = (SignedDuration::from_secs(20), SignedDuration::from_secs(45));
    });
    b.declare(&named("two"));
    for _ in 0..60 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(5));
    }
    b.sim.change_faults(|f| {
        f.rules.clear();
        (f.stale, f.unseen) = (SignedDuration::ZERO, SignedDuration::ZERO);
    });
    b.settle().await;
    b.all_in_sync();
    b.lawful();
    let created = b.writes().iter().filter(|c| c.operation == "toy:CreateGroup" && !c.effects.is_empty()).count();
    assert_eq!(created, 2, "the first one and its replacement");
    assert!(b.sim.find(&b.scope, "Group", "one").is_none());
}

#[tokio::test]
async fn a_replacement_that_is_taken_back_halfway_leaves_the_old_one_alone() {
    let b = settled(&named("one")).await;
    let old = b.live("Group", "one").id.clone();
    b.declare(&named("two"));
    b.pass().await;
    assert!(b.sim.find(&b.scope, "Group", "two").is_some());
    b.declare(&named("one"));
    b.settle().await;
    b.clock.advance(SignedDuration::from_secs(400));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.live("Group", "one").id, old);
    assert_eq!(b.live("Machine", "m").fields["group"], old.as_str());
    assert!(b.sim.find(&b.scope, "Group", "two").is_none(), "what was made for nothing is gone");
    b.lawful();
}

fn many(count: usize) -> Value {
    let names: Vec<String> = (0..count).map(|n| format!("g{n:02}")).collect();
    let all: Vec<_> = names.iter().map(|g| ("Group", g.as_str(), json!({ "groupName": g }))).collect();
    stack("many", &all)
}

fn vanish(b: &Bench, count: usize) {
    for n in 0..count {
        b.sim.tamper(&b.scope, "Group", &format!("g{n:02}"), Tamper::Delete).expect("it is there");
    }
}

#[tokio::test]
async fn when_most_of_a_scope_is_gone_at_once_nothing_is_written_until_a_person_says_so() {
    let mut b = settled(&many(20)).await;
    let before = b.writes().len();
    vanish(&b, 12);
    for _ in 0..5 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(60));
    }
    assert_eq!(b.writes().len(), before, "nothing is written");
    let status = b.status("many/Group/g00");
    assert_eq!(status.drift.as_ref().expect("it is reported").action, "held");
    let why = &status.conditions[0];
    assert!(why.message.contains("12 of 20") && why.message.contains("--confirm drift"), "{why:?}");
    assert_eq!(b.status("many/Group/g19").phase, Phase::InSync);
    let store = b.store.clone();
    let held = || store.scope_statuses().expect("reads").remove(0).held;
    assert_eq!(held().map(|h| (h.drifted, h.of)), Some((12, 20)));
    b.restart("test-2", Arc::new(Undisturbed));
    b.pass().await;
    assert_eq!((b.count_events("ScopeHeld"), b.writes().len()), (1, before), "it survives a restart and is told once");

    let (now, until) = (b.clock.now(), b.clock.now() + SignedDuration::from_mins(15));
    let event = Event::new(now, EventType::Operated, "DriftConfirmed", "by hand");
    b.store.confirm_drift([&b.scope], until, &event).expect("the store takes it");
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.writes().len(), before + 12);
    assert_eq!((held(), b.count_events("ScopeReleased")), (None, 1));
    b.stays_silent().await;
}

#[tokio::test]
async fn the_breaker_lets_go_by_itself_when_things_are_back_and_minds_neither_little_drift_nor_rollouts() {
    let b = settled(&many(20)).await;
    vanish(&b, 9);
    b.settle().await;
    b.all_in_sync();
    // A new generation of everything is no drift.
    let mut next = many(20);
    for resource in next["spec"]["resources"].as_array_mut().expect("a list") {
        resource["spec"]["rules"] = json!(["http"]);
    }
    b.declare(&next);
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.count_events("ScopeHeld"), 0);
    for n in 0..11 {
        b.sim
            .tamper(&b.scope, "Group", &format!("g{n:02}"), Tamper::Set("/rules".to_owned(), json!([])))
            .expect("there");
    }
    b.pass().await;
    assert_eq!(b.count_events("ScopeHeld"), 1);
    for n in 0..11 {
        let back = Tamper::Set("/rules".to_owned(), json!(["http"]));
        b.sim.tamper(&b.scope, "Group", &format!("g{n:02}"), back).expect("there");
    }
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.count_events("ScopeReleased"), 1);
}

async fn fight(b: &Bench, rounds: usize, tamper: impl Fn()) {
    for _ in 0..rounds {
        tamper();
        for _ in 0..6 {
            b.pass().await;
            b.clock.advance(SignedDuration::from_secs(30));
        }
    }
}

#[tokio::test]
async fn a_fix_that_is_reversed_three_times_is_contended_also_after_a_restart_until_a_person_reconciles() {
    let rules = json!({ "groupName": "g", "rules": ["http"] });
    let mut b = settled(&stack("s", &[("Group", "g", rules)])).await;
    let before = b.writes().len();
    let undo = || {
        let set = Tamper::Set("/rules".to_owned(), json!([]));
        b.sim.tamper(&b.scope, "Group", "g", set).expect("it is there");
    };
    fight(&b, 6, undo).await;
    let fixes = b.writes().len() - before;
    assert_eq!(fixes, 3, "put back three times and no more");
    b.restart("test-2", Arc::new(Undisturbed));
    b.pass().await;
    let stuck = b.status("s/Group/g").condition(ConditionType::Stuck).cloned().expect("it has one");
    assert_eq!((stuck.status, stuck.reason.as_str()), (Truth::True, "Contended"));
    assert!(stuck.message.contains("/rules") && stuck.message.contains("3 times"), "{}", stuck.message);
    assert_eq!(b.writes().len() - before, 3);
    // The world moves: another difference is healed.
    let tag = Tamper::RemoveTag("env".to_owned());
    b.sim.tamper(&b.scope, "Group", "g", tag).expect("it is there");
    b.pass().await;
    assert!(b.writes().len() - before > 3);
    b.settle().await;
    b.engine.forgive("s").expect("the store reads");
    b.settle().await;
    b.all_in_sync();
}

#[tokio::test]
async fn the_same_mistake_now_and_then_is_no_contest() {
    let b = settled(&stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": ["http"] }))])).await;
    for _ in 0..6 {
        let set = Tamper::Set("/rules".to_owned(), json!([]));
        b.sim.tamper(&b.scope, "Group", "g", set).expect("it is there");
        b.settle().await;
        b.all_in_sync();
        b.clock.advance(SignedDuration::from_hours(2));
    }
}

#[tokio::test]
async fn a_resource_a_scope_and_everything_can_be_paused_and_a_pause_ends_by_itself() {
    let b = settled(&many(2)).await;
    let event = |b: &Bench| Event::new(b.clock.now(), EventType::Operated, "Paused", "by hand");
    let one = Place::Resource(ResourceKey::new("many", "Group", "g00"));
    let elsewhere = Place::Scope(Scope::new("default", "us-east-1"));
    for (place, held) in [
        (one, [true, false]),
        (Place::Scope(b.scope.clone()), [true, true]),
        (Place::All, [true, true]),
        (elsewhere, [false, false]),
    ] {
        let until = b.clock.now() + SignedDuration::from_mins(10);
        let hold = Hold { reason: "a release".to_owned(), until: Some(until) };
        assert!(b.store.set_hold_of(&place, Some(&hold), &event(&b)).expect("the store takes it"));
        vanish(&b, 2);
        for _ in 0..4 {
            b.pass().await;
            b.clock.advance(SignedDuration::from_secs(20));
        }
        for (name, held) in ["g00", "g01"].iter().zip(held) {
            let status = b.status(&format!("many/Group/{name}"));
            assert_eq!(status.phase == Phase::Paused, held, "{place:?} {name} {:?}", status.phase);
            assert_eq!(status.conditions[0].message.contains("a release"), held, "{:?}", status.conditions[0]);
            assert_eq!(b.sim.find(&b.scope, "Group", name).is_none(), held, "{place:?} {name}");
        }
        b.clock.advance(SignedDuration::from_mins(10));
        b.settle().await;
        b.all_in_sync();
        // Later than what would be taken for a contest.
        b.clock.advance(SignedDuration::from_hours(2));
    }
    let missing = Place::Resource(ResourceKey::new("many", "Group", "none"));
    assert!(!b.store.set_hold_of(&missing, None, &event(&b)).expect("the store reads"));
}

#[tokio::test]
async fn an_ignored_field_is_told_and_left_alone_until_the_end_of_it_and_then_it_is_drift() {
    let mut document = stack("s", &[("Machine", "m", json!({ "name": "m", "size": 1 }))]);
    let until = "2025-01-01T01:00:00Z";
    document["spec"]["resources"][0]["policy"] =
        json!({ "ignore": [{ "path": "/*", "reason": "an experiment", "until": until }] });
    let b = settled(&document).await;
    let before = b.writes().len();
    b.sim.tamper(&b.scope, "Machine", "m", Tamper::Set("/size".to_owned(), json!(9))).expect("it is there");
    b.settle().await;
    b.all_in_sync();
    let status = b.status("s/Machine/m");
    assert_eq!((status.drift.is_none(), b.writes().len()), (true, before));
    let told = &status.owned[0];
    assert_eq!((told.path.as_str(), told.owner.as_str(), &told.live), ("/size", "policy.ignore", &json!(9)));
    assert!(told.why.contains("an experiment") && told.why.contains(until), "{}", told.why);
    b.clock.advance(SignedDuration::from_hours(2));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.live("Machine", "m").fields["size"], 1);
    assert!(b.status("s/Machine/m").owned.is_empty());
}

#[tokio::test]
async fn a_new_generation_is_carried_out_beside_drift_that_policy_reports_and_hides_none_of_it() {
    let declared = |name: &str, size: u8| {
        let mut document = stack("s", &[("Machine", "m", json!({ "name": name, "size": size, "recipe": "a" }))]);
        document["spec"]["policy"] = json!({ "drift": "report" });
        document
    };
    let b = settled(&declared("m", 1)).await;
    let drift = || {
        let status = b.status("s/Machine/m");
        let fields = status.drift.map(|d| (d.action, d.fields.into_iter().map(|f| f.path).collect::<Vec<_>>()));
        (status.phase, fields)
    };
    let recipe = |action: &str| Some((action.to_owned(), vec!["/recipe".to_owned()]));
    b.sim.tamper(&b.scope, "Machine", "m", Tamper::Set("/recipe".to_owned(), json!("b"))).expect("it is there");
    b.settle().await;
    assert_eq!(drift(), (Phase::Drifted, recipe("reporting")));
    b.declare(&declared("m", 2));
    b.pass().await;
    assert_eq!(drift(), (Phase::Progressing, recipe("reporting")), "told from when it was planned");
    b.settle().await;
    let live = b.live("Machine", "m").fields.clone();
    assert_eq!((&live["size"], &live["recipe"]), (&json!(2), &json!("b")), "what is new, and nothing else");
    assert_eq!(drift(), (Phase::Drifted, recipe("reporting")));
    // Another one, and the first again: what they bring is carried out, what is left stays.
    for size in [3, 1] {
        b.declare(&declared("m", size));
        b.settle().await;
        let live = b.live("Machine", "m").fields.clone();
        assert_eq!((&live["size"], &live["recipe"]), (&json!(size), &json!("b")));
        assert_eq!(drift(), (Phase::Drifted, recipe("reporting")));
    }
    // What a generation has brought drifts like anything else, before that generation was ever in sync.
    b.sim.tamper(&b.scope, "Machine", "m", Tamper::Set("/size".to_owned(), json!(9))).expect("it is there");
    b.settle().await;
    assert_eq!(b.live("Machine", "m").fields["size"], 9);
    assert_eq!(drift().1.map(|(_, fields)| fields.len()), Some(2));
    b.stays_silent().await;
}

#[tokio::test]
async fn what_a_dead_process_has_half_written_is_no_drift_and_is_finished() {
    let declared = |size: u8| {
        let mut document = stack("s", &[("Machine", "m", json!({ "name": "m", "size": size }))]);
        document["spec"]["policy"] = json!({ "drift": "report" });
        document
    };
    let b = settled(&declared(1)).await;
    b.declare(&declared(2));
    // It is applied, and nobody is told.
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(Fault::LoseAnswer).operation("SetMachine")]);
    b.pass().await;
    b.sim.change_faults(|f| f.rules.clear());
    assert_eq!(b.live("Machine", "m").fields["size"], 2);
    b.declare(&declared(1));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.live("Machine", "m").fields["size"], 1, "declared as it was in sync, and changed by us");
}
