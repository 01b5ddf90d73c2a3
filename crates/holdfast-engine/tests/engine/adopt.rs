//! Taking over what exists: by tagging, and nothing else before somebody says so.

use crate::bench::{Bench, bench, stack};
use holdfast_core::plan::{Fate, UNCONFIRMED};
use holdfast_core::status::{ConditionType, Phase};
use holdfast_sim::Tamper;
use holdfast_store::{Event, EventType};
use serde_json::{Value, json};

fn group(stack_name: &str, name: &str, rules: Value) -> Value {
    let mut document = stack(stack_name, &[("Group", name, json!({ "groupName": "g", "rules": rules }))]);
    document["spec"]["policy"] = json!({ "adopt": "ifExists" });
    document
}

/// A group that was declared under another name and let go, and is declared anew with these rules.
async fn renamed(rules: Value) -> Bench {
    let b = bench();
    b.declare(&stack("s", &[("Group", "old", json!({ "groupName": "g", "rules": ["http", "ssh"] }))]));
    b.settle().await;
    b.all_in_sync();
    b.remove("s", Fate::Keep);
    b.declare(&group("s", "new", rules));
    b
}

fn reason(b: &Bench) -> String {
    b.status("s/Group/new").condition(ConditionType::Synced).expect("a condition").reason.clone()
}

#[tokio::test]
async fn a_renamed_declaration_neither_deletes_nor_doubles_the_live_thing() {
    let b = renamed(json!(["http", "ssh"])).await;
    let before = b.live("Group", "g");
    let writes = b.writes().len();
    b.settle().await;
    b.all_in_sync();
    let after = b.live("Group", "g");
    assert_eq!((&after.id, &after.fields), (&before.id, &before.fields));
    assert_eq!(after.owner_resource(), Some("s/Group/new"));
    assert_eq!(b.writes().len(), writes + 1, "its tags, and nothing else");
    assert_eq!(b.sim.live(&b.scope).len(), 1);
    b.stays_silent().await;
    // From now on it is like any other.
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Remove("/rules/1".to_owned())).expect("it is there");
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.live("Group", "g").fields, before.fields);
}

#[tokio::test]
async fn what_differs_after_an_adoption_is_shown_and_left_until_it_is_confirmed() {
    let mut b = renamed(json!(["http"])).await;
    b.settle().await;
    let fields = b.live("Group", "g").fields.clone();
    assert_eq!(fields["rules"], json!(["http", "ssh"]), "nothing of it was changed");
    let status = b.status("s/Group/new");
    assert_eq!((status.phase, reason(&b).as_str()), (Phase::Drifted, UNCONFIRMED));
    assert_eq!(status.drift.expect("it is shown").fields[0].path, "/rules/1");
    // Neither time nor a restart nor a person at the console makes it ours to change.
    b.stays_silent().await;
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Set("/rules/-".to_owned(), json!("icmp"))).expect("it is there");
    b.pass_after_restart("test-2").await;
    b.settle().await;
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["http", "ssh", "icmp"]));

    let event = Event::new(b.clock.now(), EventType::Operated, "AdoptionConfirmed", "confirmed");
    let made = b.store.redeclare(&b.key("s/Group/new"), 1, b.clock.now(), &event).expect("the store takes it");
    assert_eq!(made, Some(2));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["http"]));
    let again = b.store.redeclare(&b.key("s/Group/new"), 1, b.clock.now(), &event).expect("the store reads");
    assert_eq!(again, None, "it was about another generation");
}

#[tokio::test]
async fn a_new_declaration_confirms_an_adoption() {
    let b = renamed(json!(["http"])).await;
    b.settle().await;
    b.declare(&group("s", "new", json!(["https"])));
    b.settle().await;
    b.all_in_sync();
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["https"]));
}

#[tokio::test]
async fn a_crash_between_the_tags_and_the_next_pass_confirms_nothing() {
    for number in 0..8 {
        let mut b = renamed(json!(["http"])).await;
        b.dies(&format!("dying-{number}"), number, 1).await;
        b.pass_after_restart("after").await;
        b.settle().await;
        assert_eq!(b.live("Group", "g").fields["rules"], json!(["http", "ssh"]), "died at boundary {number}");
        assert_eq!(reason(&b), UNCONFIRMED, "died at boundary {number}");
        b.lawful();
    }
}

#[tokio::test]
async fn a_thing_named_by_its_id_is_found_under_another_name() {
    let b = bench();
    b.declare(&stack("s", &[("Group", "old", json!({ "groupName": "g", "rules": ["http"] }))]));
    b.settle().await;
    let id = b.live("Group", "g").id.clone();
    b.remove("s", Fate::Keep);
    let mut document = stack("s", &[("Group", "new", json!({ "rules": ["http"] }))]);
    document["spec"]["resources"][0]["spec"]["groupName"] = json!("another");
    document["spec"]["resources"][0]["policy"] = json!({ "adopt": "required", "adoptId": id });
    b.declare(&document);
    b.settle().await;
    assert_eq!(b.sim.live(&b.scope).len(), 1, "it was not made anew");
    assert_eq!(b.status("s/Group/new").outputs["id"], json!(id));
    assert_eq!(reason(&b), UNCONFIRMED, "its name differs, and that is shown");
}
