//! What happened to other tools, told by number: calls that change nothing, deletions nobody meant, fights, and one
//! bad resource that held up all others.

use crate::bench::{Bench, bench, bench_of, stack};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{AnyKind, Registry};
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use holdfast_core::observe::Observation;
use holdfast_core::plan::Fate;
use holdfast_core::reference::{Reference, Worth, fill};
use holdfast_core::status::{ConditionType, Phase, Truth};
use holdfast_sim::{Fault, FaultRule, Tamper};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn settled(document: &Value) -> Bench {
    let b = bench();
    b.declare(document);
    b.settle().await;
    b.all_in_sync();
    b
}

fn deletions(b: &Bench) -> usize {
    b.writes().iter().filter(|c| c.operation.contains("Delete")).count()
}

/// How the ids of a kind begin in AWS, where its fields are checked for that.
fn id_prefix(kind: &str) -> String {
    let known = match kind {
        "ElasticIp" => "eipalloc",
        "InternetGateway" => "igw",
        "NatGateway" => "nat",
        "RouteTable" => "rtb",
        "SecurityGroup" => "sg",
        other => return other.to_lowercase(),
    };
    known.to_owned()
}

/// Puts a kind's own example beside what is declared, for each kind that is not there; what it refers to is somewhere else.
fn add_the_kinds_of_other_examples(document: &mut Value, registry: &Registry) {
    let all = document["spec"]["resources"].as_array_mut().expect("a stack has resources");
    let absent: Vec<&dyn AnyKind> = registry.iter().filter(|k| all.iter().all(|r| r["kind"] != k.name())).collect();
    for kind in absent {
        let mut example: Value = serde_json::from_str(kind.example()).expect("an example is JSON");
        let mut spec = example["spec"].take();
        fill(&mut spec, &mut |reference| match reference {
            Reference::Variable(name) => Worth::Value(json!(name)),
            Reference::Output { kind, name, output, .. } if kind == "TargetGroup" && output == "arn" => {
                Worth::Value(json!(format!(
                    "arn:aws:elasticloadbalancing:eu-west-3:123456789012:targetgroup/{name}/0123456789abcdef"
                )))
            }
            Reference::Output { kind, name, .. } => Worth::Value(json!(format!("{}-{name}", id_prefix(kind)))),
        });
        all.push(json!({ "kind": kind.name(), "metadata": { "name": "own-example" }, "spec": spec }));
    }
}

/// ACK#2956, ACK#2695, ACK#1773, ACK#1650, ACK#2850: hundreds of modifications that changed nothing.
#[tokio::test]
async fn i04_a_pass_with_nothing_to_change_makes_no_call_that_writes_for_any_kind() {
    let b = bench_of(holdfast_kinds::registry(), "eu-west-3");
    let text = include_str!("../../../../examples/es/stack.json");
    let mut document: Value = serde_json::from_str(text).expect("the example is JSON");
    add_the_kinds_of_other_examples(&mut document, &b.options.registry);
    b.declare(&document);
    b.settle().await;
    b.all_in_sync();
    let declared: BTreeSet<&str> =
        document["spec"]["resources"].as_array().expect("a list").iter().filter_map(|r| r["kind"].as_str()).collect();
    assert_eq!(declared, b.options.registry.names().collect(), "every kind is there");
    let before = b.writes().len();
    for _ in 0..60 {
        b.clock.advance(SignedDuration::from_secs(30));
        assert_eq!(b.pass().await.planned, 0);
    }
    assert_eq!(b.writes().len(), before);
    // A document that says the same again is no change either.
    b.declare(&document);
    b.settle().await;
    assert_eq!(b.writes().len(), before);
}

/// crossplane#6001, provider-azure#215, upjet-gcp#541: a parent vanished, and what hung on it was deleted.
#[tokio::test]
async fn i09_what_a_vanished_parent_held_is_made_again_and_nothing_of_it_is_deleted() {
    let document = stack(
        "s",
        &[
            ("Group", "g", json!({ "groupName": "g", "rules": ["http"] })),
            ("Machine", "m", json!({ "name": "m", "group": "${Group/g.id}" })),
            ("Part", "p", json!({ "machine": "${Machine/m.id}", "slot": 1 })),
        ],
    );
    let b = settled(&document).await;
    for (kind, name) in [("Machine", "m"), ("Group", "g")] {
        b.sim.tamper(&b.scope, kind, name, Tamper::Delete).expect("it is there");
        b.settle().await;
        b.all_in_sync();
    }
    assert_eq!(deletions(&b), 0);
    assert_eq!(b.phases().len(), 3, "every declaration is still there");
    b.lawful();
}

/// crossplane#6001 again: credentials of another account make everything look gone, and nothing is made there.
#[tokio::test]
async fn i09_when_all_is_gone_at_once_nothing_is_made_or_deleted_before_a_person_has_looked() {
    let names: Vec<String> = (0..12).map(|n| format!("g{n}")).collect();
    let all: Vec<_> = names.iter().map(|g| ("Group", g.as_str(), json!({ "groupName": g }))).collect();
    let b = settled(&stack("many", &all)).await;
    let before = b.writes().len();
    for name in &names {
        b.sim.tamper(&b.scope, "Group", name, Tamper::Delete).expect("it is there");
    }
    for _ in 0..10 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(60));
    }
    assert_eq!(b.writes().len(), before);
    let status = b.status("many/Group/g0");
    assert!(status.conditions[0].message.contains("wrong credentials"), "{:?}", status.conditions[0]);
}

/// kubernetes#62204: a controller deleted a security group that it did not own.
#[tokio::test]
async fn i16_what_is_not_ours_is_never_deleted_though_it_has_the_name_or_a_copy_of_our_tags() {
    let mut document = stack("s", &[("Group", "g", json!({ "groupName": "one" }))]);
    document["spec"]["policy"] = json!({ "replace": "allow" });
    let b = settled(&document).await;
    let ours = b.live("Group", "one");
    // Somebody copies it with all of its tags, and somebody has a group of the name that we move to next.
    let foreign = |id: &str, name: &str, tags: &[(&str, &str)]| Observation {
        id: id.to_owned(),
        identity: name.to_owned(),
        fields: json!({ "groupName": name }).into(),
        tags: std::sync::Arc::new(tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
        ..Observation::clone(&ours)
    };
    let uid = ours.owner_uid().expect("it is ours").to_owned();
    let copied = foreign("grp-copy", "copy", &[(UID_TAG, &uid), (RESOURCE_TAG, "s/Group/g")]);
    b.sim.bystander(&b.scope, "Group", copied).expect("it can be made");
    b.sim.bystander(&b.scope, "Group", foreign("grp-theirs", "two", &[])).expect("it can be made");
    b.settle().await;
    b.all_in_sync();
    document["spec"]["resources"][0]["spec"]["groupName"] = json!("two");
    b.declare(&document);
    b.settle().await;
    assert_eq!(b.status("s/Group/g").phase, Phase::Blocked);
    document["spec"]["resources"][0]["spec"]["groupName"] = json!("three");
    b.declare(&document);
    b.settle().await;
    b.all_in_sync();
    assert!(b.sim.find(&b.scope, "Group", "one").is_none(), "what was replaced is ours and goes");
    let names: BTreeSet<String> = b.sim.live(&b.scope).into_iter().map(|t| t.observation.identity.clone()).collect();
    assert_eq!(names, ["copy", "three", "two"].map(str::to_owned).into());
    assert_eq!(b.sim.bystanders_touched(), []);

    // Ours is deleted behind our back and its name taken: a deletion by name leaves the other one alone.
    b.sim.tamper(&b.scope, "Group", "three", Tamper::Delete).expect("it is there");
    b.sim.tamper(&b.scope, "Group", "grp-copy", Tamper::Delete).expect("it is there");
    let b = settled(&stack("s", &[("Group", "g", json!({ "groupName": "g" }))])).await;
    b.sim.tamper(&b.scope, "Group", "g", Tamper::Delete).expect("it is there");
    b.sim.bystander(&b.scope, "Group", foreign("grp-new", "g", &[])).expect("it can be made");
    b.remove("s", Fate::DeleteByName);
    b.settle().await;
    assert_eq!(b.phases(), []);
    assert_eq!(b.sim.live(&b.scope).len(), 1);
    assert_eq!((deletions(&b), b.sim.bystanders_touched()), (0, vec![]));
}

/// LBC#2183: two controllers fought over one security group.
#[tokio::test]
async fn i16_a_fix_that_another_controller_reverses_is_made_three_times_and_then_a_person_is_asked() {
    let b = settled(&stack("s", &[("Group", "g", json!({ "groupName": "g", "rules": ["http", "ssh"] }))])).await;
    let before = b.writes().len();
    for _ in 0..20 {
        // The other one wants a rule that nobody declared here.
        let theirs = Tamper::Set("/rules".to_owned(), json!(["http", "ssh", "telnet"]));
        b.sim.tamper(&b.scope, "Group", "g", theirs).expect("it is there");
        for _ in 0..3 {
            b.pass().await;
            b.clock.advance(SignedDuration::from_secs(60));
        }
    }
    assert_eq!(b.writes().len() - before, 3);
    let status = b.status("s/Group/g");
    let stuck = status.condition(ConditionType::Stuck).expect("it has one");
    assert_eq!((stuck.status, stuck.reason.as_str()), (Truth::True, "Contended"));
    assert!(stuck.message.contains("/rules/"), "{}", stuck.message);
    assert_eq!(status.drift.expect("it is still reported").action, "held");
}

/// LBC#4360: too many targets in one group blocked every reconcile until all targets were stale.
#[tokio::test]
async fn i17_one_resource_that_aws_refuses_never_blocks_the_rest_of_its_stack() {
    let mut resources = vec![
        ("Part".to_owned(), "full".to_owned(), json!({ "machine": "${Machine/m0.id}", "slot": 1 })),
        ("Group".to_owned(), "g".to_owned(), json!({ "groupName": "g", "rules": ["http"] })),
    ];
    for n in 0..8 {
        let spec = json!({ "name": format!("m{n}"), "size": 1, "group": "${Group/g.id}" });
        resources.push(("Machine".to_owned(), format!("m{n}"), spec));
    }
    let all: Vec<_> = resources.iter().map(|(k, n, s)| (k.as_str(), n.as_str(), s.clone())).collect();
    let document = stack("s", &all);
    let b = bench();
    let quota = Fault::Fail {
        class: ErrorClass::Quota,
        code: "TooManyParts".to_owned(),
        message: "the machine is full".to_owned(),
    };
    b.sim.change_faults(|f| f.rules = vec![FaultRule::always(quota).kind("Part")]);
    b.declare(&document);
    for _ in 0..5 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(60));
    }
    let others: Vec<_> = b.phases().into_iter().filter(|(key, _)| !key.contains("Part")).collect();
    assert!(others.iter().all(|(_, phase)| *phase == Phase::InSync), "{others:?}");
    assert_eq!(b.status("s/Part/full").phase, Phase::Failed);
    // Drift of the others heals, and new ones roll out, while it goes on being refused.
    b.sim.tamper(&b.scope, "Machine", "m3", Tamper::Set("/size".to_owned(), json!(7))).expect("it is there");
    let mut next = document.clone();
    next["spec"]["resources"][1]["spec"]["rules"] = json!(["http", "https"]);
    b.declare(&next);
    for _ in 0..5 {
        b.pass().await;
        b.clock.advance(SignedDuration::from_secs(60));
    }
    assert_eq!(b.live("Machine", "m3").fields["size"], 1);
    assert_eq!(b.live("Group", "g").fields["rules"], json!(["http", "https"]));
    b.sim.change_faults(|f| f.rules.clear());
    b.engine.forgive("s").expect("the store reads");
    b.settle().await;
    b.all_in_sync();
}
