//! What is refused, and how long a question stays open.

use super::DefaultSubnet;
use holdfast_core::kind::Kind;
use serde_json::json;

#[test]
fn a_zone_must_be_named() {
    let mistakes = |zone: &str| {
        let spec = serde_json::from_value(json!({ "availabilityZone": zone })).expect("it has the shape");
        DefaultSubnet::validate(&spec).len()
    };
    assert_eq!((mistakes("eu-west-1a"), mistakes("${AvailabilityZone/a.zoneName}"), mistakes(" ")), (0, 0, 1));
}

#[test]
fn a_question_that_hangs_on_another_answer_is_not_asked_yet() {
    assert_eq!(DefaultSubnet::identity(&json!({ "availabilityZone": "${AvailabilityZone/a.zoneName}" })), None);
    assert!(DefaultSubnet::identity(&json!({ "availabilityZone": "eu-west-1a" })).is_some());
}
