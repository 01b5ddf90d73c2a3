//! What is refused, what two rules have in common, what is reported as an exposure.

use super::*;
use crate::cases;
use holdfast_core::compare::compare;
use holdfast_core::facts::Facts;

fn ssh(more: Value) -> Value {
    let mut spec = json!({ "groupId": "sg-1", "isEgress": false, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22 });
    crate::common::overlay(&mut spec, more.as_object().expect("an object"));
    spec
}

#[test]
fn mistakes_have_their_pointer() {
    let mistakes = |spec: Value| -> Vec<String> {
        let spec = serde_json::from_value(spec).expect("it has the shape");
        SecurityGroupRule::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    };
    assert_eq!(mistakes(ssh(json!({ "referencedGroupId": "${SecurityGroup/a.id}" }))), [""; 0]);
    assert_eq!(mistakes(ssh(json!({}))), [" missing-peer"]);
    assert_eq!(
        mistakes(ssh(json!({ "groupId": "web", "fromPort": 23, "cidrIpv4": "10.0.0.1", "prefixListId": "pl-1" }))),
        ["/groupId invalid-value", "/toPort out-of-range", "/prefixListId too-many-peers", "/cidrIpv4 invalid-cidr"]
    );
}

#[test]
fn the_same_content_is_the_same_rule_however_it_is_written() {
    let identity = |more: Value| SecurityGroupRule::identity(&ssh(more));
    let first = identity(json!({ "cidrIpv4": "10.1.2.3/8" }));
    assert_eq!(first.as_deref(), Some("sg-1/ingress/tcp/22-22/10.0.0.0/8"));
    assert_eq!(identity(json!({ "cidrIpv4": "10.0.0.0/8", "ipProtocol": 6, "description": "x" })), first);
    assert_ne!(identity(json!({ "cidrIpv4": "10.0.0.0/8", "isEgress": true })), first);
    assert_eq!(identity(json!({ "referencedGroupId": "${SecurityGroup/a.id}" })), None);
    assert_eq!(identity(json!({ "groupId": "${SecurityGroup/a.id}", "cidrIpv4": "10.0.0.0/8" })), None);
}

#[test]
fn a_group_that_declares_the_direction_takes_no_rule_beside_it() {
    let group = json!({ "groupName": "a", "ingress": [] });
    let peers = |key: &ResourceKey| (key.to_string() == "s/SecurityGroup/a").then(|| group.clone());
    let told = |spec: Value| SecurityGroupRule::validate_with(&spec, &peers, "s");
    let inline = told(ssh(json!({ "groupId": "${SecurityGroup/a.id}" })));
    assert_eq!(inline.len(), 1);
    assert_eq!((inline[0].pointer.as_str(), inline[0].code.as_str()), ("/groupId", "conflict"));
    assert!(inline[0].message.contains("s/SecurityGroup/a declares its ingress itself"), "{}", inline[0].message);
    assert_eq!(told(ssh(json!({ "groupId": "${SecurityGroup/a.id}", "isEgress": true }))), []);
    assert_eq!(told(ssh(json!({ "groupId": "${SecurityGroup/b.id}" }))), []);
    assert_eq!(told(ssh(json!({ "groupId": "sg-1" }))), []);
}

#[test]
fn a_rule_that_somebody_has_opened_to_everyone_is_an_exposure() {
    let (declared, live) = (ssh(json!({ "cidrIpv4": "10.0.0.0/8" })), ssh(json!({ "cidrIpv4": "0.0.0.0/0" })));
    let diffs = compare(&declared, &live, None, None, &[], &Facts::new(SecurityGroupRule::FIELDS));
    let severities: Vec<Severity> = diffs.iter().map(SecurityGroupRule::severity).collect();
    assert_eq!(severities, [Severity::Exposure]);
}

#[test]
fn a_revoke_names_group_and_direction() {
    let mut mint = Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 0 };
    let live = SecurityGroupRule::made(ssh(json!({ "cidrIpv4": "10.0.0.0/8" })), Tags::new(), &mut mint);
    let steps = SecurityGroupRule::delete(&live);
    let action = serde_json::to_value(&steps[0].action).expect("plain data");
    assert_eq!(action["fields"], json!({ "groupId": "sg-1", "isEgress": false }));
}

#[test]
fn the_table_of_cases_holds() {
    cases::check_as_spec("SecurityGroupRule");
}
