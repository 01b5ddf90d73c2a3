//! What is refused, what is the same, what is done.

use super::{ALLOW_ALL, ALLOW_ALL_JSON, VpcEndpoint};
use crate::cases;
use holdfast_core::kind::Kind;
use serde_json::{Value, json};

fn mistakes(more: Value) -> Vec<String> {
    let mut spec = json!({ "vpcId": "vpc-1", "serviceName": "com.amazonaws.eu-west-1.s3" });
    crate::common::overlay(&mut spec, more.as_object().expect("an object"));
    let spec = serde_json::from_value(spec).expect("it has the shape");
    VpcEndpoint::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
}

#[test]
fn what_only_another_type_has_is_refused() {
    assert_eq!(mistakes(json!({ "routeTableIds": ["${RouteTable/a.id}"] })), [""; 0]);
    let gateway = json!({ "subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"], "privateDnsEnabled": true });
    assert_eq!(mistakes(gateway), ["/subnetIds conflict", "/securityGroupIds conflict", "/privateDnsEnabled conflict"]);
    let interface = json!({ "vpcEndpointType": "Interface", "routeTableIds": ["rtb-1"], "securityGroupIds": [] });
    assert_eq!(mistakes(interface), ["/routeTableIds conflict", "/securityGroupIds empty"]);
    let appliance = json!({ "vpcEndpointType": "GatewayLoadBalancer", "subnetIds": ["subnet-1", "sg-1"] });
    assert_eq!(mistakes(appliance), ["/subnetIds conflict", "/subnetIds/1 invalid-id"]);
}

#[test]
fn a_policy_is_a_policy() {
    let policy = |policy: Value| mistakes(json!({ "policyDocument": policy }));
    for good in [json!({ "Statement": [] }), json!("{\"Statement\":[]}"), json!("${var.policy}")] {
        assert_eq!(policy(good.clone()), [""; 0], "{good}");
    }
    for bad in [json!({}), json!("{"), json!("[]"), json!("allow")] {
        assert_eq!(policy(bad.clone()), ["/policyDocument invalid-policy"], "{bad}");
    }
}

#[test]
fn aws_s_own_policy_stands_in_the_facts_in_its_form() {
    let mut policy = json!(ALLOW_ALL);
    super::policy::canonical(&mut policy);
    assert_eq!(policy, json!(ALLOW_ALL));
    assert_eq!(serde_json::from_str::<Value>(ALLOW_ALL_JSON).expect("it is JSON"), policy);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("VpcEndpoint");
}
