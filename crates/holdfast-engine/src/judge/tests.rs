use super::*;
use holdfast_core::outputs::Outputs;
use holdfast_core::plan::Failure;
use serde_json::{Value, from_value};

const SETTLE: SignedDuration = SignedDuration::from_secs(330);

const WHOLE: Stem = |handle| handle;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// A verdict on `s/Box/a`, of generation 1, that was seen; `more` says what else.
fn verdict(decision: &str, more: &[(&str, Value)]) -> Verdict {
    let mut told = json!({
        "key": key(), "generation": 1, "decision": decision, "reason": "so", "phase": "Progressing", "conditions": [],
        "diffs": [], "outputs": {}, "id": null, "observed": true, "owned": [], "rolled_back": null, "fingerprint": null,
        "isDrift": false, "rolledBack": null, "resolved": null, "live": null, "unread": [],
    });
    for (name, value) in more {
        told[*name] = value.clone();
    }
    from_value(told).expect("it is a verdict")
}

fn key() -> ResourceKey {
    ResourceKey::new("s", "Box", "a")
}

fn diff(path: &str, change: &str, severity: &str) -> Value {
    json!({ "path": path, "change": change, "desired": 1, "live": 2, "severity": severity })
}

fn known(id: &str) -> Memory {
    let outputs = Outputs::from_iter([("id", json!(id))]);
    Memory { id: Some(id.to_owned()), outputs, ..Memory::default() }
}

#[test]
fn what_is_made_again_is_forgotten_as_the_live_one_and_retired_should_it_come_back() {
    let mut memory = known("old");
    let moved = remember(&mut memory, &mut verdict("create", &[]), at(9), SETTLE, WHOLE);
    assert_eq!((memory.id.as_deref(), memory.outputs.len()), (None, 0));
    assert_eq!((memory.retiring, moved), (vec!["old".to_owned()], Moved { any: true, outputs: true }));
    let mut blank = Memory::default();
    assert_eq!(
        remember(&mut blank, &mut verdict("create", &[]), at(9), SETTLE, WHOLE),
        Moved::default(),
        "nothing was known"
    );
}

#[test]
fn the_one_that_was_to_be_replaced_and_stays_retires_what_stands_beside_it_once() {
    let mut memory = Memory { retiring: vec!["a".to_owned(), "b".to_owned()], ..known("a") };
    let mut stays = verdict("inSync", &[("id", json!("a")), ("beside", json!(["b", "c"]))]);
    assert!(remember(&mut memory, &mut stays, at(9), SETTLE, WHOLE).any);
    assert_eq!(memory.retiring, ["b", "c"]);
}

#[test]
fn what_is_replaced_on_an_old_sight_is_known_by_the_handle_that_an_update_gave_it_since() {
    let mut memory = known("web:3");
    remember(&mut memory, &mut verdict("replace", &[("id", json!("web:2"))]), at(9), SETTLE, WHOLE);
    assert_eq!(memory.retiring, ["web:2", "web:3"]);
}

#[test]
fn a_revision_of_what_was_replaced_is_no_second_thing_and_stays_with_it_if_it_is_declared_again() {
    let family: Stem = |handle| handle.split(':').next().unwrap_or(handle);
    let left = |stem: Stem| {
        let mut memory = Memory { retiring: vec!["web:1".to_owned(), "api:4".to_owned()], ..known("two:1") };
        remember(&mut memory, &mut verdict("inSync", &[("id", json!("web:3"))]), at(9), SETTLE, stem);
        memory.retiring
    };
    assert_eq!(left(family), ["api:4"]);
    assert_eq!(left(WHOLE), ["web:1", "api:4"], "elsewhere they are two things");
}

#[test]
fn of_what_is_replaced_the_last_eight_are_known() {
    let mut memory = Memory { retiring: (0..8).map(|n| n.to_string()).collect(), ..Memory::default() };
    remember(&mut memory, &mut verdict("replace", &[("id", json!("8"))]), at(9), SETTLE, WHOLE);
    assert_eq!(memory.retiring, ["1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[test]
fn what_was_just_made_is_waited_for_as_long_as_only_what_was_there_before_is_shown() {
    let made = || Memory { created_unseen: Some(at(0)), created_at: Some(at(0)), ..known("new") };
    let before = |behind: bool| {
        let mut memory = made();
        let shown = [("id", json!("old")), ("outputs", json!({ "id": "old" })), ("behind", json!(behind))];
        let moved = remember(&mut memory, &mut verdict("wait", &shown), at(9), SETTLE, WHOLE);
        (memory.id.unwrap_or_default(), memory.created_unseen.is_some(), moved.outputs)
    };
    assert_eq!(before(true), ("new".to_owned(), true, false));
    assert_eq!(before(false), ("old".to_owned(), false, true), "AWS has had its time");
    let mut memory = made();
    remember(&mut memory, &mut verdict("inSync", &[("id", json!("new"))]), at(9), SETTLE, WHOLE);
    assert_eq!(
        (memory.created_unseen, memory.created_at),
        (None, Some(at(0))),
        "it has been shown, and may be hidden again"
    );
}

#[test]
fn what_was_taken_over_waits_for_a_word_until_it_is_in_sync_or_made_anew() {
    let after = |decision: &str, phase: &str| {
        let mut memory = Memory { adopted_generation: 3, ..known("a") };
        let mut seen = verdict(decision, &[("phase", json!(phase)), ("id", json!("a")), ("generation", json!(4))]);
        remember(&mut memory, &mut seen, at(9), SETTLE, WHOLE);
        memory.adopted_generation
    };
    assert_eq!(after("adopt", "Progressing"), 4);
    assert_eq!(after("report", "Drifted"), 3);
    assert_eq!(after("create", "Progressing"), 0);
    assert_eq!(after("inSync", "InSync"), 0);
}

#[test]
fn what_steps_may_change_is_known_before_they_run_and_until_it_is_in_sync() {
    let spec = || json!({ "size": 1 });
    let before = Memory {
        baseline: Some(spec().into()),
        baseline_generation: 1,
        last_written: Some(spec().into()),
        ..known("a")
    };
    let also = [
        ("generation", json!(2)),
        ("diffs", json!([diff("/size", "changed", "functional")])),
        ("resolved", json!({ "size": 2 })),
        ("live", spec()),
    ];
    let mut memory = before.clone();
    assert!(remember(&mut memory, &mut verdict("update", &also), at(9), SETTLE, WHOLE).any);
    assert_eq!(memory.settled.as_ref().map(|s| s.value()), Some(json!({})));
    assert!(!remember(&mut memory, &mut verdict("update", &also), at(9), SETTLE, WHOLE).any, "nothing is new");
    let mut synced = verdict("inSync", &[("phase", json!("InSync")), ("generation", json!(2)), ("live", spec())]);
    assert!(remember(&mut memory, &mut synced, at(9), SETTLE, WHOLE).any);
    assert_eq!((memory.settled, memory.baseline_generation), (None, 2));
    let mut healed = before;
    let drift =
        [("isDrift", json!(true)), ("diffs", json!([diff("/size", "changed", "functional")])), ("live", spec())];
    remember(&mut healed, &mut verdict("update", &drift), at(9), SETTLE, WHOLE);
    assert_eq!(healed.settled, None, "a fix of drift writes what is in sync");
}

#[test]
fn what_a_generation_brings_is_not_told_as_drift_beside_it() {
    let told = |decision: &str, done: &str| {
        let mut drifted = diff("/a", "changed", "functional");
        drifted["decision"] = json!(done);
        let diffs = json!([drifted, diff("/b", "changed", "functional")]);
        let also = [("diffs", diffs), ("isDrift", json!(true)), ("news", json!(["/b"]))];
        let mut said = Status::default();
        restate(&mut said, &mut verdict(decision, &also), &Memory::default(), at(9), false);
        let drift = said.drift.expect("it drifts");
        (drift.action, drift.fields.into_iter().map(|f| f.path).collect::<Vec<_>>())
    };
    let only = || vec!["/a".to_owned()];
    assert_eq!(told("update", "update"), ("healing".to_owned(), only()));
    assert_eq!(told("update", "report"), ("reporting".to_owned(), only()), "policy only reports it");
    assert_eq!(told("blocked", "none"), ("held".to_owned(), only()));
}

#[test]
fn what_aws_has_added_is_learned_by_itself_and_within_lists_once_nothing_else_of_the_field_differs() {
    let learned = |change: &str, path: &str, diffs: Value| {
        let baseline = json!({ "a": { "x": 1 }, "l": [{ "n": 1 }] });
        let live = json!({ "a": { "x": 2, "new": true }, "l": [{ "n": 1, "new": true }] });
        let mut memory = Memory { baseline: Some(baseline.into()), baseline_generation: 1, ..known("a") };
        let told = [
            ("learned", json!([diff(path, change, "cosmetic")])),
            ("diffs", diffs),
            ("live", live),
            ("id", json!("a")),
        ];
        remember(&mut memory, &mut verdict("report", &told), at(9), SETTLE, WHOLE);
        memory.baseline.expect("it stays").value()
    };
    let beside = json!([diff("/a/x", "changed", "functional")]);
    assert_eq!(learned("undeclared", "/a/new", beside)["a"], json!({ "x": 1, "new": true }), "and nothing else of it");
    assert_eq!(learned("added", "/l/0/new", json!([]))["l"], json!([{ "n": 1, "new": true }]));
    let open = json!([diff("/l/0/n", "changed", "functional")]);
    assert_eq!(learned("added", "/l/0/new", open)["l"], json!([{ "n": 1 }]), "places move while it differs");
}

#[test]
fn a_failure_that_is_tried_again_says_nothing_new_until_it_ends_in_another_way() {
    let failure = || Some(Box::new(from_value::<Failure>(failure()).expect("a failure")));
    let mut said = Status { observed_generation: 1, phase: Phase::Blocked, ..Status::default() };
    let failed = Memory { failure: failure(), ..Memory::default() };
    let before = said.clone();
    assert_eq!(restate(&mut said, &mut verdict("update", &[]), &failed, at(9), false), None, "it is tried again");
    assert_eq!(
        restate(&mut said, &mut verdict("update", &[]), &Memory::default(), at(9), true),
        None,
        "what it waits for is"
    );
    let news = restate(&mut said, &mut verdict("update", &[("generation", json!(2))]), &failed, at(9), false);
    assert_eq!(news.as_ref(), Some(&before), "a new declaration is news");
    assert_eq!((said.observed_generation, said.phase), (2, Phase::Progressing));
    let again =
        restate(&mut said, &mut verdict("inSync", &[("generation", json!(2))]), &Memory::default(), at(99), false);
    assert_eq!(again, None, "that it was seen again is no news");
    let outputs = restate(&mut said, &mut verdict("inSync", &[("generation", json!(2))]), &known("a"), at(99), false);
    assert!(outputs.is_some() && said.outputs.len() == 1, "an output is");
}

fn failure() -> Value {
    let error = json!({ "class": "conflict", "operation": "o", "code": "c", "message": "m", "requestId": null });
    json!({ "error": error, "step": "s", "times": 1, "retryAt": at(0), "fingerprint": "f" })
}

#[test]
fn drift_says_what_is_done_about_it() {
    let action = |decision: &str| {
        let mut said = Status::default();
        let told = [("isDrift", json!(true)), ("diffs", json!([diff("/x", "changed", "functional")]))];
        restate(&mut said, &mut verdict(decision, &told), &Memory::default(), at(9), false);
        said.drift.map(|d| (d.action, d.since)).expect("it drifts")
    };
    let told = [
        ("update", "healing"),
        ("report", "reporting"),
        ("unknown", "reporting"),
        ("wait", "waiting"),
        ("hold", "held"),
    ];
    for (decision, word) in told {
        assert_eq!(action(decision), (word.to_owned(), at(9)), "{decision}");
    }
}

#[test]
fn the_log_is_told_each_change_of_drift_and_phase_once() {
    let drift = |path: &str| Drift {
        since: at(0),
        action: "healing".to_owned(),
        fields: vec![from_value(diff(path, "changed", "functional")).expect("a difference")],
    };
    let told = |old: Option<&str>, new: Option<&str>, phase| {
        let status = |path: Option<&str>, phase| Status { drift: path.map(drift), phase, ..Status::default() };
        let events = tell(&key(), &verdict("update", &[]), &status(old, Phase::InSync), &status(new, phase), at(9));
        events.into_iter().map(|e| format!("{}: {}", e.reason, e.message)).collect::<Vec<_>>()
    };
    assert_eq!(told(None, Some("/x"), Phase::InSync), ["DriftDetected: Live is not as declared: /x."]);
    assert_eq!(told(Some(""), None, Phase::InSync), ["DriftHealed: Live is as declared again: all of it."]);
    assert_eq!(told(Some("/x"), Some("/x"), Phase::InSync), [""; 0]);
    assert_eq!(told(None, None, Phase::Failed), [": so"], "the phase, with the reason of the verdict");
}
