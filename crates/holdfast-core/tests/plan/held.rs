//! What is held back, refused, or not tried again.

use super::*;

#[test]
fn protection_and_the_budget_hold_deletions_back() {
    let mut w = world()
        .wants_with("Room/p", json!({ "name": "p" }), |d| {
            d.fate = Fate::DeleteByName;
            d.policy.protect = Some(true);
        })
        .has("Room/p", json!({ "name": "p" }))
        .wants_with("Room/q", json!({ "name": "q" }), |d| d.fate = Fate::DeleteByPolicy)
        .has("Room/q", json!({ "name": "q" }));
    w.deletes_left = 0;
    let plan = w.plan();
    assert!(plan.steps.is_empty());
    assert!(plan.verdicts[0].reason.contains("protect"), "{}", plan.verdicts[0].reason);
    assert!(plan.verdicts[1].reason.contains("budget"), "{}", plan.verdicts[1].reason);
}

#[test]
fn data_is_kept_in_a_snapshot_unless_the_policy_says_that_it_may_go() {
    let mut w = world();
    for (name, fate, policy) in [
        ("asked", Fate::DeleteWithSnapshot, Some(DeletionPolicy::Delete)),
        ("bare", Fate::DeleteByName, None),
        ("gone", Fate::DeleteByPolicy, Some(DeletionPolicy::Delete)),
        ("kept", Fate::DeleteByPolicy, Some(DeletionPolicy::Snapshot)),
        ("named", Fate::DeleteByName, Some(DeletionPolicy::Delete)),
    ] {
        let path = format!("Vault/{name}");
        let going = |d: &mut Desired| (d.fate, d.policy.deletion) = (fate, policy);
        w = w.wants_with(&path, json!({ "name": name }), going).has(&path, json!({ "name": name }));
    }
    let plan = w.plan();
    let told: Vec<String> = plan.steps.iter().map(|s| format!("{} because {}", s.text, s.because)).collect();
    let kept = "its data stays in a final snapshot";
    let expected = [
        format!("delete id-asked after a snapshot because somebody asked for it by name; {kept}"),
        format!("delete id-bare after a snapshot because somebody asked for it by name; {kept}"),
        "delete id-gone because its declaration is gone and policy.deletion is \"delete\"".to_owned(),
        format!(
            "delete id-kept after a snapshot because its declaration is gone and policy.deletion is \"snapshot\"; {kept}"
        ),
        "delete id-named because somebody asked for it by name".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_has_no_snapshots_is_deleted_as_before() {
    let snapshot = |d: &mut Desired| {
        (d.fate, d.policy.deletion) = (Fate::DeleteWithSnapshot, Some(DeletionPolicy::Snapshot));
    };
    let w = world().wants_with("Room/r", json!({ "name": "r" }), snapshot).has("Room/r", json!({ "name": "r" }));
    assert_eq!(w.plan().steps[0].text, "delete id-r");
}

#[test]
fn a_create_only_change_is_refused_while_the_rest_is_healed() {
    let old = json!({ "name": "a", "colour": "red", "size": 1 });
    let plan = world()
        .wants_with("Box/a", json!({ "name": "a", "colour": "blue", "size": 2 }), |d| d.generation = 2)
        .has("Box/a", old.clone())
        .remembers("Box/a", in_sync(&old))
        .plan();
    assert_eq!(plan.steps.len(), 1, "{:?}", plan.steps);
    assert_eq!(plan.steps[0].heals, ["/size"]);
    assert_eq!(plan.verdicts[0].phase.to_string(), "Blocked");
    assert!(plan.verdicts[0].reason.contains("/colour"));
}

#[test]
fn a_refusal_is_not_repeated_before_its_time_unless_something_moves() {
    let plan = |spec: Value, memory: Memory| {
        world().wants("Box/a", spec).has("Box/a", json!({ "name": "a" })).remembers("Box/a", memory).plan()
    };
    let print = plan(json!({ "name": "a", "size": 2 }), Memory::default()).verdicts[0].fingerprint.clone();
    let error = ApplyError {
        class: ErrorClass::Denied,
        operation: "box:Change".to_owned(),
        code: "AccessDenied".to_owned(),
        message: "not allowed".to_owned(),
        request_id: Some("r-1".to_owned()),
    };
    let failure = Failure {
        error,
        step: "change".to_owned(),
        times: 1,
        retry_at: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(9),
        fingerprint: print.clone().expect("a fingerprint"),
    };
    let memory = Memory { failure: Some(Box::new(failure)), ..Memory::default() };
    let held = plan(json!({ "name": "a", "size": 2 }), memory.clone());
    assert!(held.steps.is_empty());
    assert!(held.verdicts[0].reason.contains("r-1"), "{}", held.verdicts[0].reason);
    assert_eq!(plan(json!({ "name": "a", "size": 3 }), memory).steps.len(), 1);
    let stuck = Memory { futile: 3, fingerprint: print, ..Memory::default() };
    let stuck = plan(json!({ "name": "a", "size": 2 }), stuck);
    assert!(stuck.steps.is_empty());
    assert_eq!(stuck.verdicts[0].decision, Decision::Stuck);
}

#[test]
fn what_puts_a_thing_out_of_service_is_done_only_where_policy_allows_a_replacement() {
    let check = |replace: Option<ReplacePolicy>, steps: &[&str], decision: Decision, words: &str| {
        let plan = world()
            .wants_with("Box/b", json!({ "name": "b", "size": 2, "weight": 2 }), |d| d.policy.replace = replace)
            .has("Box/b", json!({ "name": "b", "size": 1, "weight": 1 }))
            .plan();
        let told: Vec<&str> = plan.steps.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(told, steps);
        let verdict = &plan.verdicts[0];
        assert!(verdict.decision == decision && verdict.reason.contains(words), "{verdict:#?}");
    };
    let words = "AWS changes /weight only while id-b is empty, and policy.replace is \"never\"";
    check(None, &["change /size of id-b"], Decision::Blocked, words);
    let both = ["change /size of id-b", "change /weight of id-b"];
    check(Some(ReplacePolicy::Allow), &both, Decision::Update, "/weight");
}

#[test]
fn a_scope_is_held_when_more_than_half_of_it_drifts_at_once_and_there_are_enough_to_tell() {
    let broken = |drifting: usize, of: usize| {
        let mut w = world();
        for n in 0..of {
            let (path, spec) = (format!("Box/{n:03}"), json!({ "name": format!("{n:03}"), "size": 1 }));
            let size = if n < drifting { 2 } else { 1 };
            let live = json!({ "name": format!("{n:03}"), "size": size });
            w = w.wants(&path, spec.clone()).has(&path, live).remembers(&path, in_sync(&spec));
        }
        let plan = w.plan();
        let told: BTreeSet<String> = plan.verdicts[..drifting]
            .iter()
            .map(|v| format!("{:?} {} {}", v.decision, v.phase, v.diffs[0].decision))
            .collect();
        (plan.breaker.is_some(), plan.steps.len(), told.into_iter().collect::<Vec<_>>())
    };
    assert_eq!(broken(10, 20), (false, 10, vec!["Update Drifted update".to_owned()]), "half of it may be one change");
    assert_eq!(broken(11, 20), (true, 0, vec!["Hold Drifted none".to_owned()]));
    assert_eq!(broken(9, 9), (false, 9, vec!["Update Drifted update".to_owned()]), "so few tell nothing");
}

/// A box that refers to a room, both live and both to go.
fn box_in_room(fate: Fate) -> World {
    let (room, boxed) = (json!({ "name": "r" }), json!({ "name": "b", "room": "${Room/r.id}" }));
    world()
        .wants_with("Box/b", boxed, |d| d.fate = fate)
        .has("Box/b", json!({ "name": "b", "room": "id-r" }))
        .wants_with("Room/r", room.clone(), |d| d.fate = fate)
        .has("Room/r", room)
}

#[test]
fn nothing_goes_from_under_what_could_not_be_read_or_is_kept() {
    let mut w = box_in_room(Fate::DeleteByName);
    *w.kinds.get_mut("Box").expect("boxes are read") =
        Reading { gaps: vec![Gap::new("DescribeBoxes", vec![], "the answer was lost")], ..Reading::default() };
    let unread = w.plan();
    assert_eq!(unread.verdicts[0].decision, Decision::Unknown);
    let mut w = box_in_room(Fate::DeleteByName);
    Arc::make_mut(&mut w.desired[0]).policy.protect = Some(true);
    let protected = w.plan();
    assert_eq!(protected.verdicts[0].decision, Decision::Hold);
    let mut w = box_in_room(Fate::DeleteByName);
    Arc::make_mut(&mut w.desired[0]).hold = Some(Hold { reason: "not today".to_owned(), until: None });
    let paused = w.plan();
    assert_eq!(paused.verdicts[0].decision, Decision::Paused);
    for plan in [unread, protected, paused] {
        assert!(plan.steps.is_empty(), "{:?}", plan.steps);
        assert_eq!(plan.verdicts[1].reason, "It is deleted when s/Box/b is gone.");
    }
}

#[test]
fn what_was_replaced_stays_while_what_refers_to_it_cannot_be_read() {
    let room = json!({ "name": "new" });
    let tags = [(UID_TAG, "uid-Room/r"), (RESOURCE_TAG, "s/Room/r")];
    let known = Memory { id: Some("id-new".to_owned()), retiring: vec!["id-old".to_owned()], ..in_sync(&room) };
    let mut w = world()
        .wants("Box/b", json!({ "name": "b", "room": "${Room/r.id}" }))
        .has("Box/b", json!({ "name": "b", "room": "id-new" }))
        .wants_with("Room/r", room.clone(), |d| d.policy.replace = Some(ReplacePolicy::Allow))
        .has_of("Room/new", room, &tags)
        .has_of("Room/old", json!({ "name": "old" }), &tags)
        .remembers("Room/r", known);
    let deleted = |w: &World| w.plan().steps.iter().any(|s| s.text == "delete id-old");
    assert!(deleted(&w));
    w.kinds.get_mut("Box").expect("boxes are read").observations.clear();
    w.kinds.get_mut("Box").expect("boxes are read").gaps.push(Gap::new("DescribeBoxes", vec![], "the answer was lost"));
    assert!(!deleted(&w));
    let why = |w: &World| w.plan().verdicts[1].reason.clone();
    let said = "What it has taken the place of stays while s/Box/b, which may refer to it, cannot be read.";
    assert_eq!(why(&w), said);
    // What is known of it from before tells.
    let last = |room: &str| in_sync(&json!({ "name": "b", "room": room }));
    w = w.remembers("Box/b", last("id-new"));
    assert!(deleted(&w), "{}", why(&w));
    w = w.remembers("Box/b", last("id-old"));
    assert!(!deleted(&w));
}

#[test]
fn what_a_declaration_has_left_goes_once_that_is_carried_out() {
    let room = json!({ "name": "r" });
    let boxed = json!({ "name": "b", "room": "other" });
    let world = |live: &str| {
        world()
            .wants_with("Box/b", boxed.clone(), |d| d.generation = 2)
            .has("Box/b", json!({ "name": "b", "room": live }))
            .remembers("Box/b", in_sync(&json!({ "name": "b", "room": live })))
            .wants_with("Room/r", room.clone(), |d| d.fate = Fate::DeleteByName)
            .has("Room/r", room.clone())
    };
    let steps = |w: &World| w.plan().steps.iter().map(|s| s.text.clone()).collect::<Vec<_>>();
    assert_eq!(steps(&world("id-r")), ["change /room of id-b"]);
    assert_eq!(world("id-r").plan().verdicts[1].reason, "It stays while s/Box/b refers to it at /room.");
    assert_eq!(steps(&world("other")), ["delete id-r"]);
    // Nobody knows whether it was carried out.
    let mut unread = world("id-r");
    unread.kinds.get_mut("Box").expect("boxes are read").observations.clear();
    unread.kinds.get_mut("Box").expect("boxes are read").gaps.push(Gap::new("DescribeBoxes", vec![], "lost"));
    let why = unread.plan().verdicts[1].reason.clone();
    assert_eq!(why, "It stays while s/Box/b, which referred to it at /room, cannot be read.");
}

#[test]
fn what_is_in_the_way_of_what_is_declared_goes_though_something_refers_to_it() {
    let room = json!({ "name": "r" });
    let going = |d: &mut Desired| d.fate = Fate::DeleteByPolicy;
    // Another resource is to have the name, and the box is to move to it.
    let renamed = world()
        .wants_with("Box/b", json!({ "name": "b", "room": "${Room/s.id}" }), |d| d.generation = 2)
        .has("Box/b", json!({ "name": "b", "room": "id-r" }))
        .remembers("Box/b", in_sync(&json!({ "name": "b", "room": "id-r" })))
        .wants_with("Room/r", room.clone(), going)
        .has("Room/r", room.clone())
        .wants("Room/s", room.clone());
    let plan = renamed.plan();
    assert_eq!(plan.verdicts[2].decision, Decision::Blocked, "{}", plan.verdicts[2].reason);
    assert_eq!(plan.steps.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["delete id-r"]);
    // A person's word is enough where nothing moves.
    let stands = |fate: Fate| {
        let boxed = json!({ "name": "b", "room": "other", "busy": true });
        world()
            .wants_with("Box/b", boxed, |d| d.generation = 2)
            .has("Box/b", json!({ "name": "b", "room": "id-r" }))
            .wants_with("Room/r", room.clone(), |d| d.fate = fate)
            .has("Room/r", room.clone())
            .plan()
            .steps
            .len()
    };
    assert_eq!((stands(Fate::DeleteByName), stands(Fate::DeleteByPolicy)), (1, 0));
}

#[test]
fn the_budget_goes_to_what_stands_on_the_rest() {
    for (budget, told) in [(0, ["Hold", "Hold"]), (1, ["Delete", "Hold"]), (2, ["Delete", "Delete"])] {
        let mut w = box_in_room(Fate::DeleteByPolicy);
        w.deletes_left = budget;
        let plan = w.plan();
        let decided: Vec<String> = plan.verdicts.iter().map(|v| format!("{:?}", v.decision)).collect();
        assert_eq!(decided, told, "{budget} left");
        let deleted: Vec<&str> = plan.steps.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(deleted, ["delete id-b", "delete id-r"][..budget as usize]);
    }
    // What a person asked for by name takes no budget, and waits all the same.
    let mut w = box_in_room(Fate::DeleteByPolicy);
    Arc::make_mut(&mut w.desired[1]).fate = Fate::DeleteByName;
    w.deletes_left = 0;
    let plan = w.plan();
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    assert_eq!(plan.verdicts[1].reason, "It is deleted when s/Box/b is gone.");
}

#[test]
fn the_budget_is_not_spent_on_what_others_stand_on_through_what_takes_none() {
    let room = |name: &str, on: Option<&str>| match on {
        Some(on) => json!({ "name": name, "room": format!("${{Room/{on}.id}}") }),
        None => json!({ "name": name }),
    };
    let live = |name: &str, on: &str| json!({ "name": name, "room": format!("id-{on}") });
    let by_policy = |d: &mut Desired| d.fate = Fate::DeleteByPolicy;
    let mut w = world()
        .wants_with("Room/a", room("a", None), by_policy)
        .has("Room/a", room("a", None))
        .wants_with("Room/b", room("b", Some("a")), |d| d.fate = Fate::DeleteByName)
        .has("Room/b", live("b", "a"))
        .wants_with("Room/c", room("c", Some("b")), by_policy)
        .has("Room/c", live("c", "b"));
    w.deletes_left = 1;
    let deleted: Vec<String> = w.plan().steps.into_iter().map(|s| s.text).collect();
    assert_eq!(deleted, ["delete id-c", "delete id-b"]);
}

#[test]
fn a_deletion_that_was_refused_and_has_to_wait_is_not_tried_at_once() {
    let mut w = box_in_room(Fate::DeleteByName);
    Arc::make_mut(&mut w.desired[0]).policy.protect = Some(true);
    let print = w.plan().verdicts[1].fingerprint.clone();
    assert_eq!(print.as_deref(), Some("delete id-r"), "what failed before is known by it");
}

#[test]
fn what_something_on_its_way_out_stands_on_goes_after_it() {
    let going = |state: LiveState| {
        let by_name = |d: &mut Desired| d.fate = Fate::DeleteByName;
        let w = world()
            .wants_with("Box/b", json!({ "name": "b", "room": "${Room/r.id}" }), by_name)
            .has("Box/b", json!({ "name": "b", "room": "id-r" }))
            .wants_with("Room/other", json!({ "name": "other" }), by_name)
            .has("Room/other", json!({ "name": "other" }))
            .wants_with("Room/r", json!({ "name": "r" }), by_name)
            .has("Room/r", json!({ "name": "r" }));
        let mut w = w;
        let live = w.kinds.get_mut("Box").and_then(|r| r.observations.first_mut()).expect("it is live");
        Arc::make_mut(live).state = state;
        let plan = w.plan();
        let told: Vec<String> = plan.verdicts.iter().map(|v| format!("{:?} {}", v.decision, v.reason)).collect();
        (plan.steps.iter().map(|s| s.text.clone()).collect::<Vec<_>>(), told)
    };
    let (steps, _) = going(LiveState::Settled);
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(steps.iter().position(|s| s == "delete id-b") < steps.iter().position(|s| s == "delete id-r"), "{steps:?}");
    let (steps, told) = going(LiveState::Deleting("deleting".to_owned()));
    assert_eq!(steps, ["delete id-other"], "nothing stands on that one");
    assert_eq!(told[0], "Wait AWS is deleting id-b.");
    assert_eq!(told[2], "Wait It is deleted when s/Box/b is gone.");
}

#[test]
fn no_more_is_replaced_than_the_budget_of_the_hour_has_left() {
    let mut w = world();
    for name in ["a", "b", "c"] {
        let old = json!({ "name": name, "colour": "red" });
        let new = json!({ "name": format!("{name}-2"), "colour": "blue" });
        let allow = |d: &mut Desired| (d.generation, d.policy.replace) = (2, Some(ReplacePolicy::Allow));
        let path = format!("Box/{name}");
        w = w.wants_with(&path, new, allow).has(&path, old.clone()).remembers(&path, in_sync(&old));
    }
    let plan = w.plan();
    let told: Vec<Decision> = plan.verdicts.iter().map(|v| v.decision).collect();
    assert_eq!(told, [Decision::Replace, Decision::Replace, Decision::Hold]);
    assert!(plan.verdicts[2].reason.contains("maxReplacementsPerHour"), "{}", plan.verdicts[2].reason);
}
