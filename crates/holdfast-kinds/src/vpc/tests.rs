//! What is refused, what is the same, what is done.

use crate::cases;
use holdfast_core::kind::Kind;
use serde_json::{Value, json};

#[test]
fn a_network_is_a_network_of_a_size_that_aws_takes() {
    let mistakes = |spec: Value| -> Vec<String> {
        let spec = serde_json::from_value(spec).expect("it has the shape");
        super::Vpc::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    for good in ["10.0.0.0/16", "10.0.0.0/28", "${var.cidr}"] {
        assert_eq!(mistakes(json!({ "cidrBlock": good })), [""; 0], "{good}");
    }
    for bad in ["10.0.0.0", "10.0.0.0/8", "10.0.0.0/29", "vpc"] {
        assert_eq!(mistakes(json!({ "cidrBlock": bad })), ["/cidrBlock invalid-cidr"], "{bad}");
    }
    let names = json!({ "cidrBlock": "10.0.0.0/16", "enableDnsHostnames": true, "enableDnsSupport": false });
    assert_eq!(mistakes(names), ["/enableDnsHostnames conflict"]);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("Vpc");
}
