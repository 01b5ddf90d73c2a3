//! What is refused, what is the same, what is done.

use super::NatGateway;
use crate::cases;
use holdfast_core::kind::{Context, Converge, Kind};
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::LiveState;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn a_public_one_has_an_elastic_address_and_a_private_one_has_none() {
    let mistakes = |more: Value| -> Vec<String> {
        let mut spec = json!({ "subnetId": "subnet-1" });
        crate::common::overlay(&mut spec, more.as_object().expect("an object"));
        let spec = serde_json::from_value(spec).expect("it has the shape");
        NatGateway::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    assert_eq!(mistakes(json!({ "allocationId": "${ElasticIp/a.allocationId}" })), [""; 0]);
    assert_eq!(mistakes(json!({ "connectivityType": "private", "secondaryAllocationIds": [] })), [""; 0]);
    assert_eq!(mistakes(json!({})), ["/allocationId missing"]);
    let private = json!({ "connectivityType": "private", "allocationId": "eipalloc-1", "secondaryAllocationIds": ["eipalloc-2"] });
    assert_eq!(mistakes(private), ["/allocationId conflict", "/secondaryAllocationIds conflict"]);
    let twice =
        json!({ "allocationId": "eipalloc-1", "secondaryAllocationIds": ["eipalloc-2", "eipalloc-1", "203.0.113.7"] });
    assert_eq!(mistakes(twice), ["/secondaryAllocationIds/1 duplicate", "/secondaryAllocationIds/2 invalid-id"]);
    let chosen =
        json!({ "allocationId": "eipalloc-1", "secondaryPrivateIpAddresses": ["10.0.0.9"], "subnetId": "vpc-1" });
    assert_eq!(mistakes(chosen), ["/secondaryPrivateIpAddresses conflict", "/subnetId invalid-id"]);
}

#[test]
fn an_elastic_address_is_in_one_gateway_at_a_time_so_it_names_it() {
    let identity = |spec: Value| NatGateway::identity(&spec);
    assert_eq!(identity(json!({ "allocationId": "eipalloc-1" })).as_deref(), Some("eipalloc-1"));
    assert_eq!(identity(json!({ "allocationId": "${ElasticIp/a.allocationId}" })), None);
    assert_eq!(identity(json!({ "connectivityType": "private" })), None);
}

#[test]
fn one_that_aws_could_not_make_is_waited_for_in_aws_s_words() {
    let mut live = crate::common::settled("nat-1".to_owned(), String::new(), BTreeMap::new(), json!({}));
    live.state = LiveState::Failed("Gateway.NotAttached: Network vpc-1 has no Internet gateway attached".to_owned());
    let key = ResourceKey::new("s", "NatGateway", "a");
    let context = Context { key: &key, tags: &BTreeMap::new() };
    let Converge::Wait(why) = NatGateway::converge(&json!({}), &live, &[], &context) else { panic!("it waits") };
    assert!(why.contains("Network vpc-1 has no Internet gateway attached") && why.contains("delete nat-1"), "{why}");
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("NatGateway");
}
