//! What is refused, what is the same, what is done.

use super::InternetGateway;
use crate::cases;
use holdfast_core::kind::{Context, Kind};
use holdfast_core::name::ResourceKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn it_is_attached_to_a_vpc() {
    let mistakes = |vpc: &str| {
        let spec = serde_json::from_value(json!({ "vpcId": vpc })).expect("it has the shape");
        InternetGateway::validate(&spec).len()
    };
    assert_eq!([mistakes("vpc-0123456789abcdef0"), mistakes("${Vpc/main.id}"), mistakes("igw-1")], [0, 0, 1]);
}

#[test]
fn it_is_attached_after_its_create_and_detached_before_its_delete() {
    let key = ResourceKey::new("s", "InternetGateway", "main");
    let context = Context { key: &key, tags: &BTreeMap::new() };
    let steps = InternetGateway::create(&json!({ "vpcId": "vpc-1" }), &context);
    let lines: Vec<String> = steps.iter().map(|s| s.action.to_string()).collect();
    assert_eq!(lines, ["create internet gateway", "set vpcId vpc-1"]);
    let deletes = |fields: Value| -> Vec<String> {
        let live = crate::common::settled("igw-1".to_owned(), String::new(), BTreeMap::new(), fields);
        InternetGateway::delete(&live).iter().map(|s| s.action.to_string()).collect()
    };
    assert_eq!(deletes(json!({ "vpcId": "vpc-1" })), ["set no vpcId", "delete internet gateway igw-1"]);
    assert_eq!(deletes(json!({})), ["delete internet gateway igw-1"]);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("InternetGateway");
}
