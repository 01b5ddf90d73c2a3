//! What AWS took on and took back by itself.

use super::*;

const WHY: &str = "AWS took 2 back.";

/// A box that is to be of size 2, and of which AWS says that it has taken this size back.
fn undone(spec: Value, live: Value, value: Value, memory: Memory) -> World {
    let mut w = world().wants("Box/a", spec).has("Box/a", live).remembers("Box/a", memory);
    let undone = Undone { path: "/size".to_owned(), value, why: WHY.to_owned(), beside: vec!["/weight".to_owned()] };
    for seen in w.kinds.values_mut().flat_map(|reading| &mut reading.observations) {
        Arc::make_mut(seen).ownership.undone = vec![undone.clone()];
    }
    w
}

fn wanted() -> Value {
    json!({ "name": "a", "size": 2, "length": 1, "weight": 1 })
}

fn with(field: &str, value: Value) -> Value {
    let mut fields = wanted();
    fields[field] = value;
    fields
}

fn written(spec: Value) -> Memory {
    Memory { last_written: Some(spec.into()), ..Memory::default() }
}

/// What is remembered of it.
fn known() -> Box<RolledBack> {
    let plan = undone(wanted(), with("size", json!(1)), json!(2), written(wanted())).plan();
    plan.verdicts[0].rolled_back.clone().expect("it is known")
}

fn decision(w: &World) -> Decision {
    w.plan().verdicts.remove(0).decision
}

#[test]
fn what_aws_took_back_is_told_in_its_words_and_not_tried_again_while_the_rest_is_healed() {
    let alone = undone(wanted(), with("size", json!(1)), json!(2), written(wanted())).plan();
    assert!(alone.steps.is_empty(), "{:?}", alone.steps);
    let verdict = &alone.verdicts[0];
    assert_eq!((verdict.decision, verdict.phase.to_string().as_str()), (Decision::RolledBack, "Failed"));
    assert!(verdict.reason.contains(WHY), "{}", verdict.reason);
    let told = known().to_string();
    assert_eq!(verdict.reason, told, "there is nothing else to say");
    let mut live = with("size", json!(1));
    live["length"] = json!(9);
    let rest = undone(wanted(), live, json!(2), written(wanted())).plan();
    assert_eq!(rest.steps.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["change /length of id-a"]);
    let reason = &rest.verdicts[0].reason;
    assert!(reason.starts_with(&told) && reason.contains("/length"), "{reason}");
}

#[test]
fn a_value_counts_as_tried_only_where_it_is_the_one_that_aws_names_and_this_declaration_was_written() {
    let live = || with("size", json!(1));
    let decided = |value: Value, memory: Memory| decision(&undone(wanted(), live(), value, memory));
    assert_eq!(decided(Value::Null, written(wanted())), Decision::RolledBack, "AWS does not say which one it was");
    assert_eq!(decided(json!(3), written(wanted())), Decision::Update, "it was another value");
    assert_eq!(decided(json!(2), written(with("length", json!(7)))), Decision::Update, "it was another declaration");
    assert_eq!(decided(json!(2), written(with("weight", json!(7)))), Decision::RolledBack, "no reason to try again");
    assert_eq!(decided(json!(2), Memory::default()), Decision::RolledBack, "nobody knows more than AWS says");
}

#[test]
fn what_is_known_to_be_taken_back_stays_down_until_something_that_matters_is_declared() {
    let later = |spec: Value| {
        let memory = Memory { rolled_back: Some(known()), ..written(wanted()) };
        let mut live = spec.clone();
        live["size"] = json!(1);
        decision(&world().wants("Box/a", spec).has("Box/a", live).remembers("Box/a", memory))
    };
    assert_eq!(later(wanted()), Decision::RolledBack, "AWS has forgotten it, and we have not");
    assert_eq!(later(json!({ "weight": 1, "length": 1, "size": 2, "name": "a" })), Decision::RolledBack, "the same");
    assert_eq!(later(with("weight", json!(9))), Decision::RolledBack, "what is beside it does not matter");
    assert_eq!(later(with("length", json!(9))), Decision::Update, "another declaration may do better");
    assert_eq!(later(with("size", json!(3))), Decision::Update, "another value may do better");
}

#[test]
fn what_is_known_stays_known_while_it_cannot_be_seen_and_ends_when_live_is_as_declared() {
    let seen = |live: Value, unread: bool| {
        let memory = Memory { rolled_back: Some(known()), ..written(wanted()) };
        let mut w = world().wants("Box/a", wanted()).has("Box/a", live).remembers("Box/a", memory);
        for seen in w.kinds.values_mut().flat_map(|reading| &mut reading.observations) {
            Arc::make_mut(seen).unread.extend(unread.then(|| "/size".to_owned()));
        }
        w.plan().verdicts.remove(0).rolled_back.is_some()
    };
    assert!(seen(with("size", json!(1)), false) && seen(with("size", json!(1)), true));
    assert!(!seen(wanted(), false) && !seen(wanted(), true));
}
