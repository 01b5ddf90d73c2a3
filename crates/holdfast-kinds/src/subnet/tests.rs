//! What is refused, what is the same, what is done.

use super::Subnet;
use crate::cases;
use holdfast_core::facts::Severity;
use holdfast_core::kind::{Context, Converge, Kind};
use holdfast_core::name::ResourceKey;
use holdfast_core::status::{Change, FieldDiff};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn mistakes(more: Value) -> Vec<String> {
    let mut spec = json!({ "vpcId": "vpc-0123456789abcdef0", "cidrBlock": "10.0.0.0/24" });
    crate::common::overlay(&mut spec, more.as_object().expect("an object"));
    let spec = serde_json::from_value(spec).expect("it has the shape");
    Subnet::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
}

#[test]
fn every_mistake_is_told_at_once() {
    assert_eq!(mistakes(json!({})), [""; 0]);
    assert_eq!(mistakes(json!({ "vpcId": "${Vpc/main.id}", "cidrBlock": "${var.cidr}" })), [""; 0]);
    assert_eq!(
        mistakes(json!({ "vpcId": "subnet-1", "cidrBlock": "10.0.0.0/8" })),
        ["/vpcId invalid-id", "/cidrBlock invalid-cidr"]
    );
    assert_eq!(mistakes(json!({ "cidrBlock": null })), ["/cidrBlock missing"]);
    assert_eq!(mistakes(json!({ "assignIpv6AddressOnCreation": true })), ["/assignIpv6AddressOnCreation conflict"]);
    let zones = json!({ "availabilityZone": "eu-west-1a", "availabilityZoneId": "euw1-az1" });
    assert_eq!(mistakes(zones), ["/availabilityZoneId conflict"]);
    let native = json!({ "ipv6Native": true, "privateDnsHostnameTypeOnLaunch": "ip-name" });
    assert_eq!(
        mistakes(native),
        ["/cidrBlock conflict", "/ipv6CidrBlock missing", "/privateDnsHostnameTypeOnLaunch conflict"]
    );
}

fn diff(path: &str, desired: Value, live: Value) -> FieldDiff {
    FieldDiff {
        path: path.to_owned(),
        change: Change::Changed,
        desired,
        live,
        last_written: Value::Null,
        severity: Severity::Functional,
        decision: String::new(),
    }
}

#[test]
fn public_addresses_that_nobody_asked_for_are_an_exposure() {
    let severity = |live: bool| Subnet::severity(&diff("/mapPublicIpOnLaunch", json!(!live), json!(live)));
    assert_eq!((severity(true), severity(false)), (Severity::Exposure, Severity::Functional));
}

#[test]
fn an_ipv6_network_comes_before_what_needs_it_and_goes_after() {
    let key = ResourceKey::new("s", "Subnet", "a");
    let (cidr, assign) = ("2001:db8::/64", "/assignIpv6AddressOnCreation");
    let lines = |spec: Value, live: Value, diffs: [FieldDiff; 2]| -> Vec<String> {
        let live = crate::common::settled("subnet-1".to_owned(), String::new(), BTreeMap::new(), live);
        let context = Context { key: &key, tags: &BTreeMap::new() };
        let Converge::Change(steps) = Subnet::converge(&spec, &live, &diffs, &context) else { panic!("a change") };
        steps.iter().map(|step| step.action.to_string()).collect()
    };
    let gives = lines(
        json!({ "ipv6CidrBlock": cidr, "assignIpv6AddressOnCreation": true }),
        json!({}),
        [diff("/ipv6CidrBlock", json!(cidr), json!(null)), diff(assign, json!(true), json!(false))],
    );
    assert_eq!(gives, ["set ipv6CidrBlock 2001:db8::/64", "set assignIpv6AddressOnCreation true"]);
    let takes = lines(
        json!({ "ipv6CidrBlock": null, "assignIpv6AddressOnCreation": false }),
        json!({ "ipv6CidrBlock": cidr, "assignIpv6AddressOnCreation": true }),
        [diff("/ipv6CidrBlock", json!(null), json!(cidr)), diff(assign, json!(false), json!(true))],
    );
    assert_eq!(takes, ["set assignIpv6AddressOnCreation false", "set no ipv6CidrBlock"]);
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("Subnet");
}
