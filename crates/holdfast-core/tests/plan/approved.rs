//! What awaits an approval, and what is carried out of it.

use super::*;

/// A box of generation 2 that awaits approval, while the first is carried out and live.
fn held(spec: Value, live: Value) -> World {
    let first = json!({ "name": "a", "size": 1 });
    let before = Approved { generation: 1, spec: Arc::new(first.clone().into()), stack_tags: Arc::default() };
    world()
        .wants_with("Box/a", spec, |d| (d.generation, d.instead) = (2, Some(Arc::new(Instead::Approved(before)))))
        .has("Box/a", live)
        .remembers("Box/a", in_sync(&first))
}

#[test]
fn what_awaits_approval_is_shown_while_what_was_approved_before_is_held() {
    let next = json!({ "name": "a", "size": 2 });
    let quiet = held(next.clone(), json!({ "name": "a", "size": 1 })).plan();
    let asked = hash_of_parts(&quiet.awaiting);
    assert_eq!((quiet.steps.len(), quiet.verdicts[0].decision), (0, Decision::Hold));
    assert_eq!(quiet.verdicts[0].generation, 1, "the one that is carried out");
    assert_eq!(quiet.verdicts[0].pending, Some(Pending { generation: 2, in_sync: true }));
    let says = format!("Generation 2 awaits approval of plan {asked}. Carry it out with: holdfast approve {asked}");
    assert_eq!(quiet.verdicts[0].reason, says);
    assert_eq!(quiet.awaiting[0].steps[0].text, "change /size of id-a");

    let drifted = held(next.clone(), json!({ "name": "a", "size": 9 })).plan();
    assert_eq!(drifted.steps[0].generation, 1, "drift goes back to what was approved");
    assert_eq!(drifted.verdicts[0].decision, Decision::Update);
    assert_ne!(hash_of_parts(&drifted.awaiting), asked, "and what is asked for stands on the world as it is");
    let said = moved(&quiet.awaiting, &drifted.awaiting);
    assert_eq!(said, ["s/Box/a is live as something else now: /size."]);

    let same = held(json!({ "name": "a", "size": 1 }), json!({ "name": "a", "size": 1 })).plan();
    assert_eq!((same.awaiting.len(), same.released.len()), (0, 1), "what changes nothing is not asked about");
    assert_eq!(same.verdicts[0].decision, Decision::InSync);
}

#[test]
fn nothing_goes_from_under_what_goes_only_once_that_is_approved() {
    let (room, boxed) = (json!({ "name": "r" }), json!({ "name": "b", "room": "${Room/r.id}" }));
    let live = json!({ "name": "b", "room": "id-r" });
    let before = Approved { generation: 1, spec: Arc::new(boxed.clone().into()), stack_tags: Arc::default() };
    let w = world()
        .wants_with("Box/b", boxed, |d| {
            (d.fate, d.instead) = (Fate::DeleteByPolicy, Some(Arc::new(Instead::Approved(before))));
        })
        .has("Box/b", live.clone())
        .remembers("Box/b", in_sync(&live))
        .wants_with("Room/r", room.clone(), |d| d.fate = Fate::DeleteByName)
        .has("Room/r", room);
    let plan = w.plan();
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    assert_eq!(plan.verdicts[1].reason, "It stays while s/Box/b refers to it.");
    assert_eq!(plan.awaiting[0].steps[0].text, "delete id-b");
}

#[test]
fn what_is_asked_for_is_the_same_while_what_goes_before_it_cannot_be_read() {
    let (room, boxed) = (json!({ "name": "r" }), json!({ "name": "b", "room": "${Room/r.id}" }));
    let before = Approved { generation: 1, spec: Arc::new(room.clone().into()), stack_tags: Arc::default() };
    let mut w = world()
        .wants_with("Box/b", boxed, |d| d.fate = Fate::DeleteByName)
        .has("Box/b", json!({ "name": "b", "room": "id-r" }))
        .wants_with("Room/r", room.clone(), |d| {
            (d.fate, d.instead) = (Fate::DeleteByPolicy, Some(Arc::new(Instead::Approved(before))));
        })
        .has("Room/r", room.clone())
        .remembers("Room/r", in_sync(&room));
    let asked = hash_of_parts(&w.plan().awaiting);
    let boxes = w.kinds.get_mut("Box").expect("boxes are read");
    boxes.observations.clear();
    boxes.gaps.push(Gap::new("DescribeBoxes", vec![], "the answer was lost"));
    assert_eq!(hash_of_parts(&w.plan().awaiting), asked);
}

#[test]
fn what_goes_by_itself_is_no_part_of_what_is_asked_for() {
    let (room, boxed) = (json!({ "name": "r" }), json!({ "name": "b", "room": "${Room/r.id}" }));
    let mut w = held(json!({ "name": "a", "size": 2 }), json!({ "name": "a", "size": 1 }));
    let asked = hash_of_parts(&w.plan().awaiting);
    w = w
        .wants_with("Box/b", boxed, |d| d.fate = Fate::DeleteByName)
        .has("Box/b", json!({ "name": "b", "room": "id-r" }))
        .wants_with("Room/r", room.clone(), |d| d.fate = Fate::DeleteByName)
        .has("Room/r", room);
    let live = w.kinds.get_mut("Box").and_then(|r| r.observations.last_mut()).expect("it is live");
    Arc::make_mut(live).state = LiveState::Deleting("deleting".to_owned());
    let plan = w.plan();
    assert_eq!(plan.verdicts[2].decision, Decision::Wait, "the room waits for the box");
    assert_eq!(hash_of_parts(&plan.awaiting), asked);
}

#[test]
fn exactly_the_approved_part_is_carried_out() {
    let w = held(json!({ "name": "a", "size": 2 }), json!({ "name": "a", "size": 1 }));
    let asked = w.plan().awaiting[0].hash.clone();
    let approve = |part: &str| {
        let given = Given { part: part.to_owned(), plan: "the-plan".to_owned() };
        w.plan_with(&Approvals { given: BTreeMap::from([("s".to_owned(), given)]), ..Approvals::default() })
    };
    let right = approve(&asked);
    assert_eq!((right.steps.len(), right.steps[0].generation, right.released.len()), (1, 2, 1));
    assert!(right.awaiting[0].approved);
    let wrong = approve("another");
    assert_eq!((wrong.steps.len(), wrong.released.len()), (0, 0));
    let why = &wrong.verdicts[0].reason;
    assert!(why.starts_with("The approved plan the-plan was overtaken before its turn"), "{why}");
}

#[test]
fn what_has_moved_since_a_plan_was_asked_for_is_told_resource_by_resource() {
    let awaiting = |size: u64, live: &Value| held(json!({ "name": "a", "size": size }), live.clone()).plan().awaiting;
    let live = json!({ "name": "a", "size": 1 });
    let asked = awaiting(2, &live);
    assert_eq!(moved(&asked, &asked), [""; 0]);
    assert_eq!(moved(&asked, &[]), ["s/Box/a awaits no approval any more."]);

    let mut anew = awaiting(3, &live);
    anew[0].verdicts[0].generation = 3;
    assert_eq!(moved(&asked, &anew), ["s/Box/a has been declared anew: generation 2 became 3."]);

    let mut other = asked.clone();
    (other[0].hash, other[0].verdicts[0].id) = ("moved".to_owned(), Some("id-other".to_owned()));
    assert_eq!(moved(&asked, &other), ["s/Box/a is live as something else now: its id."]);

    let mut steps = asked.clone();
    steps[0].hash = "moved".to_owned();
    assert_eq!(moved(&asked, &steps), ["The steps of stack s in default/here are others now."]);

    let mut more = steps.clone();
    let mut added = more[0].verdicts[0].clone();
    added.key = key("Box/b");
    more[0].verdicts.push(added);
    assert_eq!(moved(&asked, &more), ["s/Box/b awaits approval as well now."]);

    let mut elsewhere = steps;
    elsewhere[0].scope = Scope::new("default", "there");
    assert_eq!(moved(&asked, &elsewhere), ["s/Box/a awaits no approval any more."], "that part is another one's");
}
