//! Incidents where a tool did more than it should: calls without effect, deletions of what was not its own, one bad
//! resource that stopped all others.

use crate::bench::{Bench, bench, stack};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use holdfast_core::plan::Fate;
use holdfast_core::status::Phase;
use holdfast_sim::{Fault, FaultRule, Settle, Tamper, WhileBusy};
use jiff::SignedDuration;
use serde_json::{Value, json};

fn machine(size: u32) -> Value {
    stack("s", &[("Machine", "m", json!({ "name": "m", "size": size }))])
}

async fn minutes(b: &Bench, minutes: i64) {
    for _ in 0..minutes {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(60));
    }
}

/// ACK#2956, ACK#2695, ACK#1773: 200 calls in 30 minutes that changed nothing, because what AWS was still applying
/// did not count.
#[tokio::test]
async fn i04_what_aws_is_still_applying_is_waited_for_without_a_call() {
    for writes in [WhileBusy::Refused, WhileBusy::Accepted] {
        let b = bench();
        b.declare(&machine(1));
        b.settle().await;
        let lasts = SignedDuration::from_mins(30);
        b.sim.change_faults(|f| f.settle = vec![Settle { kind: None, lasts, state: "modifying".to_owned(), writes }]);
        let before = b.writes().len();
        b.declare(&machine(2));
        minutes(&b, 25).await;
        assert_eq!(b.writes().len(), before + 1, "one change is one call");
        // Another change meanwhile waits for its turn.
        b.declare(&machine(3));
        minutes(&b, 3).await;
        assert_eq!(b.writes().len(), before + 1);
        assert_eq!(b.status("s/Machine/m").phase, Phase::Progressing);
        minutes(&b, 40).await;
        b.all_in_sync();
        assert_eq!(b.writes().len(), before + 2);
        b.lawful();
    }
}

/// ACK#1650, ACK#2850: a value that flipped to and fro, because reads showed the old one for a while.
#[tokio::test]
async fn i04_a_read_that_lags_behind_does_not_turn_a_change_back() {
    let b = bench();
    b.declare(&machine(1));
    b.settle().await;
    b.clock.advance(SignedDuration::from_mins(5));
    b.sim.change_faults(|f| f.stale = SignedDuration::from_secs(20));
    let before = b.writes().len();
    b.declare(&machine(2));
    b.settle().await;
    b.all_in_sync();
    assert!(b.writes().len() <= before + 2, "{} calls for one change", b.writes().len() - before);
    let sizes = b.writes().into_iter().skip(before).all(|c| c.operation.ends_with("SetMachine"));
    assert!(sizes && b.live("Machine", "m").fields["size"] == 2);
    b.stays_silent().await;
}

/// kubernetes#62204: a security group was deleted that the controller did not own.
#[tokio::test]
async fn i16_a_thing_that_somebody_else_put_in_the_place_of_ours_is_not_deleted_with_our_declaration() {
    for tags in [vec![], vec![(UID_TAG, "theirs"), (RESOURCE_TAG, "other/Group/g")]] {
        let b = bench();
        b.declare(&stack("s", &[("Group", "g", json!({ "groupName": "g" }))]));
        b.settle().await;
        let mut theirs = (*b.live("Group", "g")).clone();
        b.sim.tamper(&b.scope, "Group", "g", Tamper::Delete).expect("it is there");
        theirs.id = "grp-theirs".to_owned();
        theirs.tags = tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        b.sim.bystander(&b.scope, "Group", theirs).expect("it can be put there");
        let before = b.writes().len();
        b.remove("s", Fate::DeleteByName);
        b.settle().await;
        assert_eq!((b.phases(), b.writes().len()), (vec![], before), "the declaration goes, and nothing else");
        assert_eq!(b.sim.bystanders_touched(), []);
    }
}

/// aws-load-balancer-controller#4360: one target group over its limit stopped every pass until all targets were stale.
#[tokio::test]
async fn i17_a_resource_that_aws_refuses_for_ever_holds_up_no_other() {
    let b = bench();
    let names: Vec<String> = (0..20).map(|n| format!("g{n}")).collect();
    let mut all: Vec<(&str, &str, Value)> =
        names.iter().map(|name| ("Group", name.as_str(), json!({ "groupName": name, "rules": ["http"] }))).collect();
    all.push(("Machine", "bad", json!({ "name": "bad", "group": "${Group/g0.id}" })));
    all.push(("Part", "p", json!({ "machine": "${Machine/bad.id}", "slot": 1 })));
    let full = Fault::Fail { class: ErrorClass::Quota, code: "TooMany".to_owned(), message: "it is full".to_owned() };
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(full).operation("CreateMachine")]);
    b.declare(&stack("s", &all));
    minutes(&b, 5).await;
    for round in 0..30 {
        let name = &names[round % names.len()];
        let rules = Tamper::Set("/rules".to_owned(), json!(["theirs"]));
        b.sim.tamper(&b.scope, "Group", name, rules).expect("it is there");
        minutes(&b, 2).await;
        assert_eq!(b.live("Group", name).fields["rules"], json!(["http"]), "not healed in round {round}");
    }
    let out: Vec<_> = b.phases().into_iter().filter(|(_, phase)| *phase != Phase::InSync).collect();
    let expected = [("s/Machine/bad".to_owned(), Phase::Failed), ("s/Part/p".to_owned(), Phase::Blocked)];
    assert_eq!(out, expected);
    assert_eq!(b.status("s/Machine/bad").conditions[0].reason, "QuotaExceeded");
    // Once with the reference open, once with the group's id: that is another request.
    assert_eq!(b.count_events("ActionFailed"), 2, "each fact once");
    b.lawful();
}
