//! Each law is broken once, so that nobody has to believe that a check can fail.

use super::*;
use crate::log::{Call, Effect, Ending};
use crate::world::LiveThing;
use holdfast_core::cloud::ErrorClass;
use holdfast_core::name::{Scope, UID_TAG};
use holdfast_core::observe::{Health, LiveState, Observation};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;
use std::sync::Arc;

fn thing(id: &str, owner: &str, fields: Value) -> LiveThing {
    let observation = Observation {
        id: id.to_owned(),
        identity: id.to_owned(),
        tags: Arc::new([(UID_TAG.to_owned(), owner.to_owned())].into()),
        fields: fields.into(),
        unread: Vec::new(),
        outputs: holdfast_core::outputs::Outputs::default(),
        state: LiveState::Settled,
        health: Health::Healthy,
        private: Value::Null.into(),
        ownership: Default::default(),
    };
    LiveThing { kind: "Thing", observation: Arc::new(observation) }
}

fn going(mut thing: LiveThing) -> LiveThing {
    Arc::make_mut(&mut thing.observation).state = LiveState::Deleting("draining".to_owned());
    thing
}

fn write(number: u64, token: &str, effects: Vec<Effect>) -> Call {
    Call {
        number,
        at: at(0),
        scope: Scope::new("default", "eu-west-1"),
        kind: "Thing",
        operation: "toy:Write".to_owned(),
        write: true,
        token: token.to_owned(),
        effects,
        ending: Ending::Answered,
        calls: 1,
    }
}

fn deleted(id: &str, owner: &str) -> Effect {
    Effect::Deleted { id: id.to_owned(), owner: Some(owner.to_owned()) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_735_689_600 + seconds).expect("a time")
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// The law is kept by the one and broken by the other.
fn check(law: &str, kept: Vec<Violation>, broken: Vec<Violation>) {
    assert_eq!(kept, []);
    assert!(!broken.is_empty() && broken.iter().all(|v| v.law == law), "{law}: {broken:?}");
}

#[test]
fn v1_two_live_things_of_one_resource_are_told_and_one_that_retires_is_not() {
    let (a, b) = (thing("a", "u", json!({})), thing("b", "u", json!({})));
    let both = [a.clone(), b.clone()];
    check("V1", at_most_one(&both, &set(&["a"])), at_most_one(&both, &set(&[])));
    assert_eq!(at_most_one(&[going(a), b], &set(&[])), []);
}

#[test]
fn v2_a_change_of_what_is_not_ours_is_told() {
    let calls = [write(1, "t", vec![Effect::Updated { id: "x".to_owned(), owner: Some("u".to_owned()) }])];
    let none = BTreeSet::new();
    check("V2", unowned_untouched(&calls, &set(&["u"]), &none), unowned_untouched(&calls, &set(&["other"]), &none));
    assert_eq!(unowned_untouched(&calls, &none, &set(&["x"])), [], "a person asked for it");
}

fn told() -> Told {
    Told {
        key: "s/Thing/a".to_owned(),
        generation: 2,
        observed: 2,
        in_sync: true,
        words: "InSync".to_owned(),
        live: 1,
        differs: Vec::new(),
    }
}

#[test]
fn v3_what_is_missing_differs_or_is_not_said_to_be_reached_is_told() {
    check("V3", reached(&[told()]), reached(&[Told { live: 0, ..told() }]));
    check("V3", Vec::new(), reached(&[Told { differs: vec!["/size".to_owned()], ..told() }]));
    check("V3", Vec::new(), reached(&[Told { in_sync: false, ..told() }]));
    check("V3", Vec::new(), reached(&[Told { observed: 1, ..told() }]));
}

#[test]
fn v4_a_write_at_the_fixed_point_is_told() {
    let calls = [write(7, "t", Vec::new())];
    check("V4", silent(&calls, 7), silent(&calls, 6));
}

#[test]
fn v5_a_document_that_is_lost_old_or_of_nobody_is_told() {
    let one = |generation| BTreeMap::from([("s/Thing/a".to_owned(), Document { generation, spec: json!({}) })]);
    check("V5", accepted(&one(2), &one(2)), accepted(&one(2), &one(1)));
    check("V5", Vec::new(), accepted(&one(2), &BTreeMap::new()));
    check("V5", Vec::new(), accepted(&BTreeMap::new(), &one(1)));
}

#[test]
fn v6_a_thing_of_an_unknown_resource_is_told() {
    let live = [thing("a", "u", json!({}))];
    check("V6", no_orphan(&live, &set(&["u"])), no_orphan(&live, &set(&["v"])));
}

#[test]
fn v7_a_write_without_an_intent_of_its_own_and_an_intent_without_an_outcome_are_told() {
    let intent = |ended| Intent { token: "t".to_owned(), ended };
    let call = write(1, "t", Vec::new());
    check("V7", journalled(from_ref(&call), &[intent(true)]), journalled(from_ref(&call), &[]));
    check("V7", intended(from_ref(&call), &[intent(false)]), journalled(from_ref(&call), &[intent(false)]));
    check("V7", Vec::new(), intended(&[call.clone(), call], &[intent(true)]));
}

#[test]
fn v8_a_write_of_an_old_process_or_for_an_old_generation_is_told() {
    let sent = Sent {
        token: "t".to_owned(),
        key: "s/Thing/a".to_owned(),
        generation: 2,
        process: "p2".to_owned(),
        writer: "p2".to_owned(),
        declared: Some(2),
    };
    check("V8", current(from_ref(&sent)), current(&[Sent { process: "p1".to_owned(), ..sent.clone() }]));
    check("V8", Vec::new(), current(&[Sent { declared: Some(3), ..sent.clone() }]));
    check("V8", Vec::new(), current(&[Sent { declared: None, ..sent }]));
}

#[test]
fn v9_a_deletion_of_what_is_still_named_or_not_yet_replaced_is_told() {
    let gone = Gone::of(&write(1, "t", vec![deleted("a", "u")]));
    let user = thing("b", "v", json!({ "uses": ["a"] }));
    let ours = set(&["u", "v"]);
    check("V9", deleted_in_order(&gone, &[going(user.clone())], &ours), deleted_in_order(&gone, &[user], &ours));
    let next = thing("a2", "u", json!({}));
    let old = thing("a", "u", json!({}));
    check(
        "V9",
        replaced_before_gone(&gone, &[old.clone(), next], &ours),
        replaced_before_gone(&gone, std::slice::from_ref(&old), &ours),
    );
    assert_eq!(replaced_before_gone(&gone, &[old], &set(&[])), [], "it was to go");
}

#[test]
fn v10_a_secret_in_any_text_is_told() {
    let texts = [("the log", "the password is hunter2")];
    check("V10", secret(texts, &["other"]), secret(texts, &["hunter2"]));
}

#[test]
fn v11_a_try_before_its_time_is_told() {
    let one = |seconds, moved| Try {
        key: "s/Thing/a".to_owned(),
        step: "create it".to_owned(),
        at: at(seconds),
        failed: Some(ErrorClass::Denied),
        moved,
    };
    let least = |class| SignedDuration::from_secs(if class == ErrorClass::Denied { 50 } else { 0 });
    check("V11", patient(&[one(0, false), one(60, false)], least), patient(&[one(0, false), one(1, false)], least));
    assert_eq!(patient(&[one(0, false), one(1, true)], least), [], "something has moved");
}

#[test]
fn v12_a_status_that_claims_what_is_not_so_is_told() {
    let differs = vec!["/size".to_owned()];
    check("V12", honest(&[told()]), honest(&[Told { differs: differs.clone(), ..told() }]));
    check("V12", Vec::new(), honest(&[Told { observed: 3, ..told() }]));
    assert_eq!(honest(&[Told { differs, observed: 1, ..told() }]), [], "it speaks of another generation");
}

#[test]
fn v13_deletions_beyond_the_budget_and_writes_while_paused_are_told() {
    let implicit = |seconds| Deletion { scope: "default/eu-west-1".to_owned(), at: at(seconds), implicit: true };
    let three = [implicit(0), implicit(10), implicit(3700)];
    check("V13", within_budget(&three, 2), within_budget(&[implicit(0), implicit(10), implicit(20)], 2));
    let call = write(1, "t", Vec::new());
    check(
        "V13",
        silent_while_paused(&[(&call, "u")], &set(&["v"])),
        silent_while_paused(&[(&call, "u")], &set(&["u"])),
    );
}

#[test]
fn v14_two_traces_of_one_seed_that_differ_are_told() {
    check("V14", same_trace(1, 2, 2), same_trace(1, 2, 3));
}
