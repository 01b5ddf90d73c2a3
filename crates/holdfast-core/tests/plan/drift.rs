//! What is drift and what a new generation brings, field by field.

use super::*;

/// A box in sync with the first generation, and declared anew in the second; live as given.
fn declared_anew(spec: Value, live: Value, policy: Value, also: impl FnOnce(&mut Memory)) -> World {
    let before = json!({ "name": "a", "size": 1, "length": 1, "friends": ["x"], "tags": { "team": "t" } });
    let mut memory = in_sync(&before);
    also(&mut memory);
    let policy: Policy = serde_json::from_value(policy).expect("a policy");
    world()
        .wants_with("Box/a", spec, |d| (d.generation, d.policy) = (2, policy))
        .has("Box/a", live)
        .remembers("Box/a", memory)
}

fn wanted(length: u8) -> Value {
    json!({ "name": "a", "size": 1, "length": length, "friends": ["x"] })
}

/// The paths of a plan's only verdict with what they are and what becomes of them, then its reason.
fn told(world: &World) -> (Vec<String>, String) {
    let verdict = world.plan().verdicts.remove(0);
    let sort = |d: &FieldDiff| if verdict.is_drift_at(d) { "drift" } else { "news" };
    let diffs = verdict.diffs.iter().map(|d| format!("{} {} {}", d.path, sort(d), d.decision)).collect();
    (diffs, verdict.reason.clone())
}

fn check(world: &World, diffs: &[&str], reason: &str) {
    let (is, why) = told(world);
    assert_eq!((is.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), why.as_str()), (diffs, reason));
}

#[test]
fn a_live_change_beside_what_a_new_generation_brings_is_drift_and_both_are_told_apart() {
    let live = json!({ "name": "a", "size": 7, "length": 1, "friends": ["x"] });
    let both = declared_anew(wanted(2), live.clone(), json!({}), |_| {});
    let (news, drift) = ("/length news update", "/size drift update");
    check(&both, &[drift, news], "Generation 2 changes /length; live differs at /size and is put back.");
    let because: Vec<String> = both.plan().steps.iter().map(|s| s.because.clone()).collect();
    assert_eq!(because, ["/length has a new declaration, /size is not as declared"]);
    let phase = |w: &World| w.plan().verdicts[0].phase;
    assert_eq!(phase(&both), Phase::Progressing);
    // Once the news are live, what is left is drift alone; a plain rollout is none.
    let rest =
        declared_anew(wanted(2), json!({ "name": "a", "size": 7, "length": 2, "friends": ["x"] }), json!({}), |_| {});
    check(&rest, &[drift], "Live differs at /size and is put back.");
    assert_eq!(phase(&rest), Phase::Drifted);
    let rollout = declared_anew(wanted(2), wanted(1), json!({}), |_| {});
    check(&rollout, &[news], "Generation 2 changes /length.");
}

#[test]
fn under_report_a_new_generation_is_carried_out_and_the_drift_beside_it_stays() {
    let live = |length: u8| json!({ "name": "a", "size": 7, "length": length, "friends": ["x"] });
    let report = json!({ "drift": "report" });
    let both = declared_anew(wanted(2), live(1), report.clone(), |_| {});
    check(
        &both,
        &["/size drift report", "/length news update"],
        "Generation 2 changes /length; /size has drifted and is left, as policy.drift is \"report\".",
    );
    let steps: Vec<String> = both.plan().steps.iter().map(|s| s.text.clone()).collect();
    assert_eq!(steps, ["change /length of id-a"]);
    let written = |m: &mut Memory| {
        (m.settled, m.last_written) = (m.last_written.take(), Some(wanted(2).into()));
    };
    let after = declared_anew(wanted(2), live(2), report, written);
    check(&after, &["/size drift report"], "It has drifted; policy.drift is \"report\", so it is left as it is.");
    assert_eq!(after.plan().steps.len(), 0);
}

#[test]
fn a_blocked_generation_hides_no_drift() {
    let mut spec = wanted(1);
    spec["room"] = json!("${Room/r.id}");
    let live = json!({ "name": "a", "size": 7, "length": 1, "friends": ["x"] });
    let blocked = declared_anew(spec, live, json!({}), |_| {});
    let verdict = blocked.plan().verdicts.remove(0);
    assert_eq!((verdict.phase, verdict.is_drift), (Phase::Blocked, true), "{}", verdict.reason);
    assert_eq!(told(&blocked).0, ["/size drift none", "/room news none"]);
}

#[test]
fn what_an_earlier_generation_may_have_written_is_no_drift() {
    let live = json!({ "name": "a", "size": 7, "length": 1, "friends": ["x"] });
    let of = |also: &dyn Fn(&mut Memory)| told(&declared_anew(wanted(2), live.clone(), json!({}), |m| also(m))).0;
    let news = ["/size news update", "/length news update"];
    let without = |field: &str| {
        let mut spec = json!({ "name": "a", "size": 1, "length": 1, "friends": ["x"] });
        spec.as_object_mut().expect("an object").shift_remove(field);
        Some(spec.into())
    };
    assert_eq!(of(&|m: &mut Memory| m.settled = without("length"))[0], "/size drift update", "its own steps");
    assert_eq!(of(&|m: &mut Memory| m.settled = without("size")), news, "those of one between");
    assert_eq!(of(&|m: &mut Memory| m.settled = Some(json!({}).into())), news, "a deletion that was called off");
    // A thing that was made anew, one that was never in sync, and one that was taken over.
    assert_eq!(of(&|m: &mut Memory| m.baseline_generation = 0), news);
    assert_eq!(of(&|m: &mut Memory| m.baseline = None), news);
    assert_eq!(
        of(&|m: &mut Memory| (m.adopted_generation, m.baseline) = (2, None)),
        ["/size drift report", "/length drift report"]
    );
}

#[test]
fn what_is_declared_no_more_is_news_in_lists_and_maps_and_what_never_was_is_drift() {
    let friends = |of: &[&str]| json!({ "name": "a", "size": 1, "length": 1, "friends": of });
    let of = |spec: Value, live: Value| told(&declared_anew(spec, live, json!({}), |_| {})).0;
    // The second generation lets a friend go, beside one that nobody declared.
    let less = of(friends(&[]), friends(&["x"]));
    assert_eq!(less, ["/friends/0 news update"]);
    // A list is declared whole: what is live beside what is declared anew there goes with it.
    let more = of(json!({ "name": "a", "size": 1, "length": 1, "friends": ["x", "z"] }), friends(&["x", "y"]));
    assert_eq!(more, ["/friends/1 news update", "/friends/2 news update"]);
    // What is declared for the first time is new, also where it is what AWS has anyway.
    let first = of(
        json!({ "name": "a", "size": 1, "length": 1, "friends": ["x"], "open": null }),
        json!({ "name": "a", "size": 1, "length": 1, "friends": ["x"], "open": true }),
    );
    assert_eq!(first, ["/open news update"]);
    let more = of(json!({ "name": "a", "size": 1, "length": 2, "friends": ["x"] }), friends(&["x", "y"]));
    assert_eq!(more, ["/length news update", "/friends/1 drift update"]);
    // Of tags, the same: one was declared and is no more, the other is live alone, which is nobody's business.
    let mut untagged = declared_anew(friends(&["x"]), friends(&["x"]), json!({}), |_| {});
    let seen = untagged.kinds.get_mut("Box").expect("boxes");
    let tags = [("team", "t"), ("else", "e")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    Arc::make_mut(&mut seen.observations[0]).tags_mut().extend(tags);
    assert_eq!(told(&untagged).0, ["/tags/team news tag"]);
}

/// What is remembered as settled after a plan of it.
fn settled_after(world: &World) -> Value {
    let verdict = world.plan().verdicts.remove(0);
    settled_before_steps(&world.memory[&key("Box/a")], &verdict).map(|kept| kept.value()).unwrap_or_default()
}

#[test]
fn steps_that_run_though_the_rest_is_refused_are_taken_out_of_what_is_settled() {
    let mut spec = wanted(2);
    spec["colour"] = json!("blue");
    let mut live = wanted(1);
    live["colour"] = json!("red");
    let red = |m: &mut Memory| m.last_written = Some(live.clone().into());
    let refused = declared_anew(spec, live.clone(), json!({}), red);
    let plan = refused.plan();
    assert_eq!((plan.verdicts[0].decision, plan.steps.len()), (Decision::Blocked, 1));
    let settled = settled_after(&refused);
    assert_eq!((settled.get("length"), &settled["size"]), (None, &json!(1)));
}

#[test]
fn what_is_to_go_is_not_compared_and_so_nothing_of_it_is_settled() {
    let mut going = declared_anew(wanted(2), json!({ "name": "a", "size": 0 }), json!({}), |m| {
        m.settled = Some(json!({}).into());
    });
    let desired = Arc::make_mut(&mut going.desired[0]);
    (desired.fate, desired.policy.protect) = (Fate::DeleteByName, Some(true));
    going.deletes_left = 0;
    assert_eq!(settled_after(&going), json!({}));
}
