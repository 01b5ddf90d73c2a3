//! What is refused, what is the same, what is done.

use super::ElasticIp;
use crate::cases;
use holdfast_core::facts::Severity;
use holdfast_core::kind::{Context, Converge, Kind};
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::Observation;
use holdfast_core::status::{Change, FieldDiff};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn an_association_is_with_one_thing_and_of_the_right_make() {
    let mistakes = |spec: Value| -> Vec<String> {
        let spec = serde_json::from_value(spec).expect("it has the shape");
        ElasticIp::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    assert_eq!(mistakes(json!({ "instanceId": "${Instance/bastion.id}" })), [""; 0]);
    let both = json!({ "instanceId": "i-1", "networkInterfaceId": "eni-1" });
    assert_eq!(mistakes(both), ["/networkInterfaceId conflict"]);
    assert_eq!(mistakes(json!({ "privateIpAddress": "10.0.0.4" })), ["/privateIpAddress conflict"]);
    assert_eq!(mistakes(json!({ "instanceId": "eni-1" })), ["/instanceId invalid-id"]);
}

fn live(fields: Value) -> Observation {
    crate::common::settled("eipalloc-1".to_owned(), String::new(), BTreeMap::new(), fields)
}

#[test]
fn one_call_says_all_of_an_association() {
    let spec = json!({ "instanceId": "i-1", "privateIpAddress": "10.0.0.5" });
    let there = live(json!({ "instanceId": "i-1", "privateIpAddress": "10.0.0.4" }));
    let diff = FieldDiff {
        path: "/privateIpAddress".to_owned(),
        change: Change::Changed,
        desired: json!("10.0.0.5"),
        live: json!("10.0.0.4"),
        last_written: Value::Null,
        severity: Severity::Functional,
        decision: String::new(),
    };
    let key = ResourceKey::new("s", "ElasticIp", "a");
    let context = Context { key: &key, tags: &BTreeMap::new() };
    let Converge::Change(steps) = ElasticIp::converge(&spec, &there, &[diff], &context) else { panic!("a change") };
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].action.to_string(), "set privateIpAddress 10.0.0.5, instanceId i-1");
    assert_eq!(steps[0].heals, ["/privateIpAddress"]);
}

#[test]
fn only_an_association_of_ours_is_undone_before_the_release() {
    let deletes = |fields: Value| -> Vec<String> {
        ElasticIp::delete(&live(fields)).iter().map(|s| s.action.to_string()).collect()
    };
    assert_eq!(deletes(json!({ "domain": "vpc" })), ["delete elastic IP address eipalloc-1"]);
    let associated = json!({ "domain": "vpc", "instanceId": "i-1" });
    assert_eq!(deletes(associated), ["set no instanceId", "delete elastic IP address eipalloc-1"]);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("ElasticIp");
}
