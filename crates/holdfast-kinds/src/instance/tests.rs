//! What is refused, what is done in which state, told as text.

use super::*;
use crate::cases;
use holdfast_core::compare::compare;
use holdfast_core::facts::Facts;
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::Health;
use serde_json::json;

fn spec(more: Value) -> Value {
    let mut spec = json!({ "imageId": "ami-1", "instanceType": "t3.small", "securityGroupIds": ["sg-1"] });
    crate::common::overlay(&mut spec, more.as_object().expect("an object"));
    Instance::canonical(&mut spec);
    spec
}

fn steps_of(spec: &Value) -> Vec<Draft<Action>> {
    let (key, tags) = (ResourceKey::new("s", "Instance", "it"), BTreeMap::new());
    Instance::create(spec, &Context { key: &key, tags: &tags })
}

fn after(before: Option<&Observation>, action: &Action) -> Option<Observation> {
    let mut mint = Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 0 };
    Instance::predict(before, action, &mut mint).expect("it is taken")
}

fn running(declared: &Value) -> Observation {
    after(None, &steps_of(declared)[0].action).expect("it is there")
}

fn steps(spec: &Value, live: &Observation) -> Vec<Draft<Action>> {
    let diffs = compare(spec, &live.fields, None, None, &[], &Facts::new(Instance::FIELDS));
    match plan::converge(spec, live, &diffs) {
        Converge::Change(steps) => steps,
        other => panic!("a change was due, not {other:?}"),
    }
}

fn told(steps: &[Draft<Action>]) -> Vec<String> {
    steps.iter().map(|step| step.action.to_string()).collect()
}

#[test]
fn a_launch_is_one_call_and_the_check_of_traffic_another() {
    let nat = spec(json!({ "sourceDestCheck": false, "subnetId": "subnet-1" }));
    assert_eq!(
        told(&steps_of(&nat)),
        ["launch instance: imageId ami-1, instanceType t3.small, subnetId subnet-1", "set sourceDestCheck false"]
    );
    assert_eq!(told(&steps_of(&spec(json!({ "sourceDestCheck": true })))).len(), 1);
}

#[test]
fn what_changes_while_it_runs_is_changed_while_it_runs() {
    let live = running(&spec(json!({ "iamInstanceProfile": { "name": "admin" } })));
    let mut declared = spec(json!({
        "securityGroupIds": ["sg-2"], "sourceDestCheck": false, "monitoring": { "enabled": true },
        "metadataOptions": { "httpTokens": "optional" }, "disableApiTermination": true,
        "instanceInitiatedShutdownBehavior": "terminate", "maintenanceOptions": { "autoRecovery": "disabled" },
    }));
    declared["iamInstanceProfile"] = Value::Null;
    let steps = steps(&declared, &live);
    assert_eq!(
        told(&steps),
        [
            "set securityGroupIds [\"sg-2\"], sourceDestCheck false",
            "take its instance profile away",
            "set monitoring: enabled true",
            "set metadataOptions: httpTokens optional",
            "set maintenanceOptions: autoRecovery disabled",
            "set disableApiTermination true, instanceInitiatedShutdownBehavior terminate",
        ]
    );
    assert!(steps.iter().all(|step| step.interrupts.is_none()));
}

#[test]
fn another_type_is_stop_change_start_and_the_tag_remembers_it() {
    let live = running(&spec(json!({})));
    let larger = spec(json!({ "instanceType": "t3.large", "userData": "#!/bin/sh\n" }));
    let stop = steps(&larger, &live);
    assert_eq!(told(&stop), [format!("stop {} to change instanceType, userData; it is started again", live.id)]);
    assert_eq!(stop[0].interrupts, Some("stopped"));
    let stopped = after(Some(&live), &stop[0].action).expect("it is there");
    assert!(matches!(stopped.health, Health::Progressing(_)) && stopped.tags.contains_key(plan::STOPPED));
    let change = steps(&larger, &stopped);
    assert_eq!(
        told(&change),
        [
            "set instanceType t3.large, userData, which an instance that has booted does not run again".to_owned(),
            format!("start {}", live.id)
        ]
    );
    assert!(change.iter().all(|step| step.interrupts.is_none()), "it stands still already");
    // Somebody dies between the change and the start.
    let changed = after(Some(&stopped), &change[0].action).expect("it is there");
    assert_eq!(told(&steps(&larger, &changed)), [format!("start {}", live.id)]);
    let started = after(Some(&changed), &change[1].action).expect("it is there");
    assert_eq!((told(&steps(&larger, &started)), started.health), (vec![], Health::Healthy));
}

#[test]
fn what_somebody_has_stopped_is_degraded_and_stays_stopped() {
    let declared = spec(json!({}));
    let live = predict::in_state(running(&declared), "stopped");
    assert!(matches!(live.health, Health::Degraded(_)));
    assert_eq!(told(&steps(&declared, &live)), [""; 0]);
    let larger = spec(json!({ "instanceType": "t3.large" }));
    assert_eq!(told(&steps(&larger, &live)), ["set instanceType t3.large"], "changed where it stands, and not started");
}

#[test]
fn a_tag_that_is_left_over_is_taken_away() {
    let declared = spec(json!({}));
    let mut live = running(&declared);
    live.tags_mut().insert(plan::STOPPED.to_owned(), "instanceType".to_owned());
    assert_eq!(told(&steps(&declared, &live)), ["tag -holdfast:stopped"]);
}

#[test]
fn what_always_has_a_value_cannot_be_unset() {
    let live = running(&spec(json!({})));
    let mut none = spec(json!({}));
    none["securityGroupIds"] = Value::Null;
    let diffs = compare(&none, &live.fields, None, None, &[], &Facts::new(Instance::FIELDS));
    assert_eq!(plan::converge(&none, &live, &diffs), Converge::Replace(vec!["/securityGroupIds".to_owned()]));
}

#[test]
fn termination_protection_is_never_switched_off_by_a_delete() {
    let live = running(&spec(json!({ "disableApiTermination": true })));
    let action = &Instance::delete(&live)[0].action;
    assert_eq!(action, &Action::Terminate { id: live.id.clone(), protected: true });
    let mut mint = Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 0 };
    let refusal = Instance::predict(Some(&live), action, &mut mint).expect_err("it is refused");
    assert!(refusal.message.contains("disableApiTermination to false"), "{}", refusal.message);
}

#[test]
fn mistakes_are_told_all_at_once() {
    let mistakes = |spec: Value| -> Vec<String> {
        let spec = serde_json::from_value(spec).expect("it has the shape");
        Instance::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    assert_eq!(mistakes(json!({ "launchTemplate": { "launchTemplateName": "web" } })), [""; 0]);
    assert_eq!(
        mistakes(json!({
            "securityGroupIds": [], "subnetId": "vpc-1", "privateIpAddress": "10.0.0", "iamInstanceProfile": {},
            "metadataOptions": { "httpPutResponseHopLimit": 0 }, "userData": "#".repeat(20_000),
        })),
        [
            "/imageId required",
            "/securityGroupIds required",
            "/iamInstanceProfile conflict",
            "/metadataOptions/httpPutResponseHopLimit out-of-range",
            "/userData too-long",
            "/subnetId invalid-value",
            "/privateIpAddress invalid-value",
        ]
    );
    assert_eq!(
        mistakes(json!({ "imageId": "ami-1", "privateIpAddress": "10.0.0.9", "launchTemplate": {} })),
        ["/launchTemplate conflict"]
    );
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("Instance");
}
