//! Decisions that hang on one word of what is live or remembered.

use super::*;
use holdfast_core::outputs::Outputs;

/// Boxes that were in sync without a field, and show it now.
fn growing(was: Value, is: Value) -> World {
    ["a", "b", "c"].into_iter().fold(world(), |world, name| {
        let path = format!("Box/{name}");
        let named = |fields: &Value| {
            let mut fields = fields.clone();
            fields["name"] = json!(name);
            fields
        };
        let declared = named(&was);
        world.wants(&path, declared.clone()).has(&path, named(&is)).remembers(&path, in_sync(&declared))
    })
}

/// Another box, with what it was and is.
fn another(world: World, was: Value, is: Value) -> World {
    world.wants("Box/d", was.clone()).has("Box/d", is).remembers("Box/d", in_sync(&was))
}

fn proposed(world: &World) -> Vec<String> {
    world.plan().proposals.iter().map(|p| format!("{} = {} of {}", p.path, p.value, p.resources.len())).collect()
}

/// So many seconds before these plans are made.
fn ago(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH - jiff::SignedDuration::from_secs(seconds)
}

#[test]
fn what_aws_begins_to_show_of_all_things_of_a_kind_is_a_proposal_and_what_one_lacks_is_not() {
    let grown = || growing(json!({}), json!({ "ipv6": true }));
    assert_eq!(proposed(&grown()), ["/ipv6 = true of 3"]);
    let lacking = json!({ "name": "d" });
    assert_eq!(proposed(&another(grown(), lacking.clone(), lacking.clone())), [""; 0], "one is known to be without it");
    let other = json!({ "name": "d", "ipv6": false });
    assert_eq!(proposed(&another(grown(), other.clone(), other)), [""; 0], "one has another value");
    let had = json!({ "name": "d", "ipv6": true });
    assert_eq!(proposed(&another(grown(), had.clone(), had)), ["/ipv6 = true of 3"], "one has had it all the time");
    let unknown = grown().wants("Box/d", lacking.clone()).has("Box/d", lacking);
    assert_eq!(proposed(&unknown), ["/ipv6 = true of 3"], "what was never in sync says nothing");
}

#[test]
fn only_a_thing_with_room_for_a_new_field_can_be_without_it() {
    let grown = || growing(json!({ "slots": [{ "of": 1 }] }), json!({ "slots": [{ "of": 1, "lit": true }] }));
    assert_eq!(proposed(&grown()), ["/slots/*/lit = true of 3"]);
    let bare = json!({ "name": "d" });
    assert_eq!(proposed(&another(grown(), bare.clone(), bare)), ["/slots/*/lit = true of 3"], "it has no slots");
    let dark = json!({ "name": "d", "slots": [{ "of": 2 }] });
    assert_eq!(proposed(&another(grown(), dark.clone(), dark)), [""; 0], "its slot is not lit");
    let lit = json!({ "name": "d", "slots": [{ "of": 2 }, { "of": 3, "lit": true }] });
    assert_eq!(proposed(&another(grown(), lit.clone(), lit)), ["/slots/*/lit = true of 3"], "one of its slots is lit");
}

/// A world in which the thing of a box is being deleted by AWS.
fn leaving(fate: Fate, tags: &[(&str, &str)]) -> World {
    let mut w = world().wants_with("Box/a", json!({ "name": "a" }), |d| d.fate = fate).has_of(
        "Box/a",
        json!({ "name": "a" }),
        tags,
    );
    for seen in w.kinds.values_mut().flat_map(|reading| &mut reading.observations) {
        Arc::make_mut(seen).state = LiveState::Deleting("shutting-down".to_owned());
    }
    w
}

#[test]
fn what_aws_is_deleting_is_waited_for_whoever_asked_for_it() {
    let ours = [(UID_TAG, "uid-Box/a"), (RESOURCE_TAG, "s/Box/a")];
    leaving(Fate::DeleteByName, &ours).check("Box/a Wait Deleting: AWS is deleting id-a.");
    leaving(Fate::Keep, &ours)
        .check("Box/a Wait Progressing: id-a is still being deleted; its name is free after that.");
    leaving(Fate::Keep, &[]).check("Box/a Wait Progressing: id-a is still being deleted; its name is free after that.");
}

/// A box of which a kind says that it cannot be changed as things stand.
fn odd(field: &str, also: Value, replace: Option<ReplacePolicy>) -> World {
    let mut wanted = json!({ "name": "b", "size": 1 });
    wanted.as_object_mut().expect("an object").extend(also.as_object().expect("an object").clone());
    let live = wanted.clone();
    wanted[field] = json!(2);
    world().wants_with("Box/a", wanted, |d| d.policy.replace = replace).has("Box/a", live)
}

#[test]
fn a_kind_that_says_wait_is_waited_for_unless_something_else_can_be_done_meanwhile() {
    odd("busy", json!({}), None).check("Box/a Wait Progressing: id-a is busy.");
    let mut tagged = odd("busy", json!({}), None);
    Arc::make_mut(&mut Arc::make_mut(&mut tagged.desired[0]).stack_tags).insert("env".to_owned(), "test".to_owned());
    let plan = tagged.plan();
    assert_eq!(plan.steps.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["tag id-a [\"env\"] untag {}"]);
}

#[test]
fn a_kind_that_says_replace_is_refused_by_policy_with_the_fields_that_it_named() {
    let refused = odd("sealed", json!({}), None).plan();
    assert!(refused.steps.is_empty(), "{:?}", refused.steps);
    let verdict = &refused.verdicts[0];
    assert!(verdict.decision == Decision::Blocked && verdict.reason.contains("/sealed"), "{verdict:#?}");
    // Where a field of its own cannot change either, that one is named, and not what the kind said of the others.
    let mut both = odd("sealed", json!({ "colour": "red" }), None);
    let desired = Arc::make_mut(&mut both.desired[0]);
    let mut spec = desired.spec.value();
    spec["colour"] = json!("blue");
    desired.spec = Arc::new(spec.into());
    let reason = both.plan().verdicts.remove(0).reason;
    assert!(reason.contains("/colour") && !reason.contains("/sealed"), "{reason}");
}

#[test]
fn what_cannot_change_under_the_same_name_says_which_field_the_name_is_made_of() {
    let reason = odd("sealed", json!({}), Some(ReplacePolicy::Allow)).plan().verdicts.remove(0).reason;
    assert!(reason.contains("Change /name in the same declaration"), "{reason}");
}

#[test]
fn a_difference_that_no_call_changes_is_told_and_what_it_waits_for_is_told_before() {
    odd("stone", json!({}), None).check("Box/a Blocked Blocked: AWS has no call that changes /stone as things stand.");
    let reason = odd("stone", json!({ "room": "${Room/r.id}" }), None)
        .wants("Room/r", json!({ "name": "r", "colour": "red" }))
        .has("Room/r", json!({ "name": "r", "colour": "blue" }));
    let mut hidden = reason;
    for seen in hidden.kinds.get_mut("Room").into_iter().flat_map(|r| &mut r.observations) {
        Arc::make_mut(seen).outputs.clear();
    }
    let verdict = hidden.plan().verdicts.remove(0);
    assert!(verdict.decision == Decision::Blocked && verdict.reason.contains("Waits for Room/r"), "{verdict:#?}");
}

#[test]
fn a_scope_that_drifts_at_once_is_held_and_what_was_to_go_stays_on_its_way() {
    let fields = |n: usize| json!({ "name": format!("n{n}"), "size": 1 });
    let drifting = (0..12).fold(world(), |w, n| {
        let (path, memory) = (format!("Box/n{n:02}"), in_sync(&fields(n)));
        let mut live = fields(n);
        live["size"] = json!(2);
        w.wants(&path, fields(n)).has(&path, live).remembers(&path, memory)
    });
    let going = |d: &mut Desired| d.fate = Fate::DeleteByName;
    let plan =
        drifting.wants_with("Room/r", json!({ "name": "r" }), going).has("Room/r", json!({ "name": "r" })).plan();
    assert!(plan.steps.is_empty() && plan.breaker.is_some());
    let told: BTreeSet<String> = plan.verdicts.iter().map(|v| format!("{:?} {}", v.decision, v.phase)).collect();
    assert_eq!(told, ["Hold Deleting", "Hold Drifted"].map(str::to_owned).into());
}

#[test]
fn what_is_held_for_an_approval_stays_until_its_generation_or_its_fate_moves() {
    let policy: Policy = serde_json::from_value(json!({ "rollout": "approve" })).expect("a policy");
    let after = |before: &Desired, generation, fate| Instead::after(Some(before), &policy, generation, fate);
    let approved = world().wants("Box/a", json!({ "name": "a" })).desired.remove(0);
    let moved = after(&approved, 2, Fate::Keep);
    assert!(matches!(moved.as_deref(), Some(Instead::Approved(a)) if a.generation == 1), "{moved:?}");
    assert_eq!(after(&approved, 1, Fate::Keep), None, "nothing has moved");
    let leaving = after(&approved, 1, Fate::DeleteByPolicy);
    assert!(matches!(leaving.as_deref(), Some(Instead::Approved(a)) if a.generation == 1), "its deletion is held too");
    assert_eq!(after(&approved, 2, Fate::DeleteByName), None, "a person who names it has approved it");
}

#[test]
fn what_is_gone_says_nothing_about_what_aws_begins_to_show() {
    let gone = json!({ "name": "d" });
    let w = growing(json!({}), json!({ "ipv6": true })).wants("Box/d", gone.clone()).remembers("Box/d", in_sync(&gone));
    assert_eq!(proposed(&w), ["/ipv6 = true of 3"]);
}

#[test]
fn what_was_created_is_waited_for_until_exactly_the_time_that_aws_may_take_to_show_it() {
    let settle = Settings::default().settle;
    let created = |ago: jiff::SignedDuration| {
        let memory = Memory { created_unseen: Some(jiff::Timestamp::UNIX_EPOCH - ago), ..Memory::default() };
        world().wants("Box/a", json!({ "name": "a" })).remembers("Box/a", memory).plan().steps.len()
    };
    assert_eq!(created(settle - jiff::SignedDuration::from_nanos(1)), 0, "AWS may still show it");
    assert_eq!(created(settle), 1, "AWS has had its time");
}

#[test]
fn what_is_to_go_and_is_not_shown_is_gone_only_when_aws_has_had_its_time_to_show_it_again() {
    let decided = |seconds: i64, created_unseen: Option<i64>| {
        let (created_at, created_unseen) = (Some(ago(seconds)), created_unseen.map(ago));
        let memory = Memory { id: Some("id-a".to_owned()), created_at, created_unseen, ..Memory::default() };
        let mut w = world().wants("Box/a", json!({ "name": "a" })).remembers("Box/a", memory);
        Arc::make_mut(&mut w.desired[0]).fate = Fate::DeleteByPolicy;
        w.plan().verdicts[0].decision
    };
    let settle = Settings::default().settle.as_secs();
    assert_eq!(decided(settle - 1, Some(settle - 1)), Decision::Wait, "it was never shown");
    assert_eq!(decided(settle - 1, None), Decision::Wait, "it was shown, and lists go back in time");
    assert_eq!(decided(settle, None), Decision::Gone);
}

#[test]
fn what_may_have_been_made_under_another_name_is_unknown_while_that_name_cannot_be_read() {
    let decided = |made_as: Option<&str>, unread: &str| {
        let memory = Memory { created_at: Some(ago(9999)), made_as: made_as.map(str::to_owned), ..Memory::default() };
        let mut w = world().wants("Box/a", json!({ "name": "b" })).remembers("Box/a", memory);
        let gap = Gap::new("DescribeBoxes", vec![unread.to_owned()], "page 2 was lost");
        w.kinds.get_mut("Box").expect("boxes are read").gaps.push(gap);
        w.plan().verdicts[0].decision
    };
    assert_eq!(decided(Some("a"), "a"), Decision::Unknown);
    assert_eq!(decided(Some("a"), "c"), Decision::Create);
    assert_eq!(decided(None, "a"), Decision::Create);
}

#[test]
fn nothing_is_taken_over_while_what_was_made_under_another_name_may_be_hidden() {
    let decided = |seconds: i64, made_as: &str| {
        let (id, made_as) = (Some("id-before".to_owned()), Some(made_as.to_owned()));
        let memory = Memory { id, created_at: Some(ago(seconds)), made_as, ..Memory::default() };
        let policy = crate::adopting(json!({}));
        let w = world().wants_with("Box/a", json!({ "name": "a" }), |d| d.policy = policy.clone());
        w.has_of("Box/a", json!({ "name": "a" }), &[]).remembers("Box/a", memory).plan().verdicts[0].decision
    };
    let settle = Settings::default().settle.as_secs();
    assert_eq!(decided(settle - 1, "before"), Decision::Wait);
    assert_eq!(decided(settle, "before"), Decision::Adopt, "AWS has had its time to show it");
    assert_eq!(decided(settle - 1, "a"), Decision::Adopt, "it may be this one");
}

#[test]
fn references_take_what_replaced_a_thing_as_long_as_aws_may_not_show_it_yet() {
    let follows = |created_ago: i64, retiring: &[&str]| {
        let created = ago(created_ago);
        let memory = Memory {
            id: Some("id-new".to_owned()),
            outputs: Outputs::from_iter([("id", json!("id-new"))]),
            created_unseen: Some(created),
            retiring: retiring.iter().map(|id| (*id).to_owned()).collect(),
            ..Memory::default()
        };
        let w = world().wants("Box/a", json!({ "name": "a" })).has("Box/a", json!({ "name": "a" }));
        let w = w.wants("Box/b", json!({ "name": "b", "room": "${Box/a.id}" }));
        let plan = w.has("Box/b", json!({ "name": "b", "room": "id-new" })).remembers("Box/a", memory).plan();
        plan.verdict(&key("Box/b")).expect("a verdict").decision
    };
    assert_eq!(follows(9, &["id-a"]), Decision::InSync, "the new one is not shown yet");
    assert_eq!(follows(9, &[]), Decision::InSync, "the old one is gone, and reads go back in time");
    assert_eq!(follows(9999, &["id-a"]), Decision::Update, "the new one would have been shown");
}

#[test]
fn nothing_is_made_or_deleted_on_the_sight_of_what_was_there_before_the_newest_was_made() {
    let decided = |memory: Memory, fate: Fate| {
        let w = world().wants("Box/a", json!({ "name": "a", "room": "r" })).has("Box/a", json!({ "name": "a" }));
        let mut w = w.remembers("Box/a", Memory { created_unseen: memory.created_at, ..memory });
        Arc::make_mut(&mut w.desired[0]).fate = fate;
        w.plan().verdicts[0].decision
    };
    let made = |seconds: i64, id: &str, retiring: &[&str]| Memory {
        id: Some(id.to_owned()),
        created_at: Some(ago(seconds)),
        retiring: retiring.iter().map(|id| (*id).to_owned()).collect(),
        ..Memory::default()
    };
    for fate in [Fate::Keep, Fate::DeleteByName] {
        assert_eq!(decided(made(9, "id-new", &[]), fate), Decision::Wait, "the new one is hidden, {fate:?}");
        assert_eq!(
            decided(made(9, "id-a", &["id-a"]), fate),
            Decision::Wait,
            "the answer of the new one was lost, {fate:?}"
        );
    }
    assert_eq!(decided(made(9, "id-a", &[]), Fate::Keep), Decision::Update, "it is the newest itself");
    assert_eq!(decided(made(9999, "id-new", &[]), Fate::Keep), Decision::Update, "AWS has had its time");
    assert_eq!(decided(made(9999, "id-a", &["id-a"]), Fate::DeleteByName), Decision::Delete, "AWS has had its time");
    let named = |name: &str| Memory { made_as: Some(name.to_owned()), ..made(9, "id-a", &["id-a"]) };
    assert_eq!(decided(named("a"), Fate::DeleteByName), Decision::Delete, "it is the new one, by its name");
    assert_eq!(decided(named("b"), Fate::DeleteByName), Decision::Wait, "it is the old one, by its name");
}

#[test]
fn what_was_shown_and_is_hidden_by_its_predecessor_is_waited_for_only_if_that_has_another_name() {
    let decided = |seconds: i64, made_as: Option<&str>| {
        let memory = Memory {
            id: Some("id-new".to_owned()),
            created_at: Some(ago(seconds)),
            made_as: made_as.map(str::to_owned),
            ..Memory::default()
        };
        let w = world().wants("Box/a", json!({ "name": "b", "room": "r" })).has("Box/a", json!({ "name": "a" }));
        w.remembers("Box/a", memory).plan().verdicts[0].decision
    };
    assert_eq!(decided(329, Some("b")), Decision::Wait, "the list has gone back in time");
    assert_eq!(decided(329, None), Decision::Wait, "what has no name is known by its handle");
    assert_ne!(decided(329, Some("a")), Decision::Wait, "the handle moved on, the name is the same");
    assert_ne!(decided(330, Some("b")), Decision::Wait, "AWS has had its time");
}

#[test]
fn what_is_harmless_to_make_again_is_waited_for_as_long_as_the_rest_once_it_has_another_name() {
    let decided = |seconds: i64, made_as: Option<&str>| {
        let created = ago(seconds);
        let made_as = made_as.map(str::to_owned);
        let memory = Memory { created_unseen: Some(created), made_as, ..Memory::default() };
        world().wants("Vault/a", json!({ "name": "a" })).remembers("Vault/a", memory).plan().verdicts[0].decision
    };
    assert_eq!(decided(59, Some("a")), Decision::Wait, "AWS may show it any moment");
    assert_eq!(decided(60, Some("a")), Decision::Create, "the same call makes no second thing");
    assert_eq!(decided(60, None), Decision::Create, "nor where it has no name");
    assert_eq!(decided(329, Some("old")), Decision::Wait, "what is hidden has the old name");
    assert_eq!(decided(330, Some("old")), Decision::Create, "AWS has had its time");
}

#[test]
fn a_plain_name_keeps_what_was_replaced_only_where_names_of_its_kind_stand() {
    let retires = |user: Value, arn: bool| {
        let owner = [(UID_TAG, "uid-Vault/a"), (RESOURCE_TAG, "s/Vault/a")];
        let mut w = world()
            .wants_with("Vault/a", json!({ "name": "new" }), |d| {
                d.policy = serde_json::from_value(json!({ "replace": "allow" })).expect("a policy");
            })
            .has_of("Vault/old", json!({ "name": "old" }), &owner)
            .has_of("Vault/new", json!({ "name": "new" }), &owner)
            .has_of("Box/b", user, &[])
            .remembers(
                "Vault/a",
                Memory { id: Some("id-new".to_owned()), retiring: vec!["id-old".to_owned()], ..Memory::default() },
            );
        if arn {
            let vaults = w.kinds.get_mut("Vault").expect("a kind of this test");
            let old = Arc::make_mut(&mut vaults.observations[0]);
            old.outputs.insert("arn".to_owned(), json!("arn:old"));
        }
        let plan = w.plan();
        (plan.verdicts[0].decision, plan.verdicts[0].reason.clone())
    };
    let (decision, reason) = retires(json!({ "name": "b", "vaults": ["other", "id-old"] }), false);
    assert_eq!(decision, Decision::Wait);
    assert!(reason.contains("Box id-b still does, at /vaults/1"), "{reason}");
    let (decision, reason) = retires(json!({ "name": "id-old", "label": "id-old" }), false);
    assert_eq!(decision, Decision::Update, "a label that reads like it: {reason}");
    let (decision, reason) = retires(json!({ "name": "b", "label": "arn:old" }), true);
    assert_eq!(decision, Decision::Wait, "an ARN names it wherever it stands: {reason}");
}

#[test]
fn what_cannot_be_deleted_says_who_refers_to_it_and_where() {
    let failure = Failure {
        error: ApplyError {
            class: ErrorClass::Conflict,
            operation: "ec2:DeleteRoom".to_owned(),
            code: "DependencyViolation".to_owned(),
            message: "it has a dependent object".to_owned(),
            request_id: None,
        },
        step: "delete id-r".to_owned(),
        times: 2,
        retry_at: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(60),
        fingerprint: "delete id-r".to_owned(),
    };
    let w = world()
        .wants_with("Room/r", json!({ "name": "r" }), |d| d.fate = Fate::DeleteByPolicy)
        .wants("Box/b", json!({ "name": "b" }))
        .has("Room/r", json!({ "name": "r" }))
        .has("Box/b", json!({ "name": "b", "room": "id-r" }))
        .remembers("Room/r", Memory { failure: Some(Box::new(failure)), ..Memory::default() });
    let plan = w.plan();
    let room = plan.verdict(&key("Room/r")).expect("a verdict");
    assert_eq!((room.decision, room.conditions[0].reason.as_str()), (Decision::Wait, "InUse"));
    let said = "it has a dependent object. Box id-b (s/Box/b) refers to it at /room: take that out, or declare this one again. Next try";
    assert!(room.reason.contains(said), "{}", room.reason);
}

#[test]
fn what_was_the_resource_until_its_declaration_went_back_is_retired_in_the_same_pass() {
    let owner = [(UID_TAG, "uid-Box/a"), (RESOURCE_TAG, "s/Box/a")];
    let beside = |memory: Memory| {
        let w = world()
            .wants_with("Box/a", json!({ "name": "a" }), |d| {
                d.policy = serde_json::from_value(json!({ "replace": "allow" })).expect("a policy");
            })
            .has_of("Box/a", json!({ "name": "a" }), &owner)
            .has_of("Box/b", json!({ "name": "b" }), &owner)
            .remembers("Box/a", memory);
        let plan = w.plan();
        (plan.verdicts[0].decision, plan.steps.iter().filter_map(|s| s.target.clone()).collect::<Vec<_>>())
    };
    let known = |id: &str| Memory { id: Some(id.to_owned()), retiring: vec!["id-a".to_owned()], ..Memory::default() };
    assert_eq!(beside(known("id-b")), (Decision::Update, vec!["id-b".to_owned()]));
    assert_eq!(beside(known("id-a")), (Decision::InSync, vec![]), "a copy that somebody made with our tags stays");
}

#[test]
fn a_newer_revision_of_what_was_replaced_goes_with_it() {
    let beside = |retiring: &str| {
        let owner = [(UID_TAG, "uid-Box/a"), (RESOURCE_TAG, "s/Box/a")];
        let memory = Memory { id: Some("id-a".to_owned()), retiring: vec![retiring.to_owned()], ..Memory::default() };
        let w = world()
            .wants_with("Box/a", json!({ "name": "a" }), |d| {
                d.policy = serde_json::from_value(json!({ "replace": "allow" })).expect("a policy");
            })
            .has_of("Box/a", json!({ "name": "a" }), &owner)
            .has_of("Box/old:2", json!({ "name": "old" }), &owner)
            .remembers("Box/a", memory);
        w.plan().steps.iter().filter_map(|s| s.target.clone()).collect::<Vec<_>>()
    };
    assert_eq!(beside("id-old:1"), ["id-old:2"], "its registration came after the last look at it");
    assert_eq!(beside("id-older:1"), Vec::<String>::new(), "another thing with our tags stays");
}
