//! What is refused, and which zone is meant.

use super::{AvailabilityZone, meant};
use holdfast_core::kind::Kind;
use serde_json::{Value, json};

#[test]
fn a_zone_is_named_in_exactly_one_way() {
    let mistakes = |spec: Value| -> Vec<String> {
        let spec = serde_json::from_value(spec).expect("it has the shape");
        AvailabilityZone::validate(&spec).into_iter().map(|e| e.code.to_string()).collect()
    };
    assert_eq!(mistakes(json!({ "index": 1 })), [""; 0]);
    assert_eq!(mistakes(json!({})), ["missing-field"]);
    assert_eq!(mistakes(json!({ "index": 1, "zoneId": "euw1-az1" })), ["conflict"]);
}

#[test]
fn a_zone_is_found_by_name_by_id_and_by_place_in_the_order_of_names() {
    let zones = [("eu-west-1c", "euw1-az2"), ("eu-west-1a", "euw1-az3"), ("eu-west-1b", "euw1-az1")];
    let name = |spec: Value| meant(&spec, &zones).map(|(name, _)| name);
    assert_eq!(name(json!({ "zoneName": "eu-west-1b" })), Some("eu-west-1b"));
    assert_eq!(name(json!({ "zoneId": "euw1-az2" })), Some("eu-west-1c"));
    assert_eq!(name(json!({ "index": 0 })), Some("eu-west-1a"));
    assert_eq!(name(json!({ "index": 3 })), None);
}
