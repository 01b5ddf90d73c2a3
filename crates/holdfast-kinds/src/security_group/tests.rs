//! What is done, in which order, told as text.

use super::*;
use holdfast_core::compare::compare;
use holdfast_core::facts::Facts;
use holdfast_core::name::ResourceKey;
use serde_json::json;

fn told(steps: &[Draft<Action>]) -> Vec<String> {
    steps.iter().map(|step| step.action.to_string()).collect()
}

fn spec(ingress: Value, egress: Value) -> Value {
    let mut spec =
        json!({ "groupName": "a", "description": "d", "vpcId": "vpc-1", "ingress": ingress, "egress": egress });
    SecurityGroup::canonical(&mut spec);
    spec
}

fn tcp(port: u16, peer: &str) -> Value {
    let field = if peer.contains("sg-") || peer.contains("${") { "referencedGroupId" } else { "cidrIpv4" };
    json!({ "ipProtocol": "tcp", "fromPort": port, "toPort": port, field: peer })
}

fn live(ingress: Value, egress: Value) -> Observation {
    let (mut mint, tags) = (Mint { account_id: "1".to_owned(), region: "eu-west-1".to_owned(), next: 0 }, Tags::new());
    let create =
        Action::Create { group_name: "a".to_owned(), description: "d".to_owned(), vpc_id: "vpc-1".to_owned(), tags };
    let made = SecurityGroup::predict(None, &create, &mut mint).expect("it is taken").expect("it is there");
    Observation { id: "sg-1".to_owned(), fields: spec(ingress, egress).into(), ..made }
}

fn check_create(spec: &Value, expected: &[&str]) {
    let (key, tags) = (ResourceKey::new("s", "SecurityGroup", "it"), Tags::new());
    assert_eq!(told(&plan::create(spec, &Context { key: &key, tags: &tags })), expected);
}

fn check_converge(spec: &Value, live: &Observation, expected: &[&str]) {
    let diffs = compare(spec, &live.fields, None, None, &[], &Facts::new(SecurityGroup::FIELDS));
    assert_eq!(told(&plan::converge(spec, live, &diffs)), expected);
}

#[test]
fn the_group_comes_first_then_its_rules_then_the_default_egress_goes() {
    check_create(
        &spec(json!([tcp(80, "0.0.0.0/0"), tcp(81, "${SecurityGroup/b.id}")]), json!([tcp(443, "0.0.0.0/0")])),
        &[
            "create security group a in vpc-1",
            "authorize ingress tcp 80 from 0.0.0.0/0, tcp 81 from ${SecurityGroup/b.id}",
            "authorize egress tcp 443 to 0.0.0.0/0",
            "revoke egress everything to 0.0.0.0/0, everything to ::/0",
        ],
    );
}

#[test]
fn undeclared_egress_and_declared_default_egress_stay() {
    let mut undeclared = spec(json!([]), json!([]));
    undeclared.as_object_mut().expect("an object").remove("egress");
    check_create(&undeclared, &["create security group a in vpc-1"]);
    let described = json!([{ "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0", "description": "all" }]);
    check_create(
        &spec(json!([]), described),
        &[
            "create security group a in vpc-1",
            "re-describe egress everything to 0.0.0.0/0",
            "revoke egress everything to ::/0",
        ],
    );
}

#[test]
fn rules_are_authorized_in_both_directions_before_any_is_revoked() {
    let described = |text: &str| json!({ "ipProtocol": "udp", "fromPort": 1, "toPort": 2, "cidrIpv6": "::/0", "description": text });
    check_converge(
        &spec(json!([tcp(80, "10.0.0.0/8"), described("new")]), json!([tcp(443, "10.0.0.0/8")])),
        &live(json!([described("old"), tcp(22, "0.0.0.0/0")]), json!([tcp(25, "10.0.0.0/8")])),
        &[
            "authorize ingress tcp 80 from 10.0.0.0/8",
            "authorize egress tcp 443 to 10.0.0.0/8",
            "re-describe ingress udp 1-2 from ::/0",
            "revoke ingress tcp 22 from 0.0.0.0/0",
            "revoke egress tcp 25 to 10.0.0.0/8",
        ],
    );
}

#[test]
fn where_the_quota_is_full_only_as_many_are_revoked_before_as_room_is_needed_for() {
    let ports = |from: u16, count: u16| -> Value { (from..from + count).map(|p| tcp(p, "10.0.0.0/8")).collect() };
    let (declared, there) = (spec(ports(100, 59), json!([])), live(ports(102, 59), json!([])));
    check_converge(
        &declared,
        &there,
        &[
            "revoke ingress tcp 159 from 10.0.0.0/8",
            "authorize ingress tcp 100 from 10.0.0.0/8, tcp 101 from 10.0.0.0/8",
            "revoke ingress tcp 160 from 10.0.0.0/8",
        ],
    );
}

#[test]
fn where_more_rules_are_there_than_the_usual_quota_takes_they_are_the_room() {
    let ports = |from: u16, count: u16| -> Value { (from..from + count).map(|p| tcp(p, "10.0.0.0/8")).collect() };
    let (declared, there) = (spec(ports(103, 60), json!([])), live(ports(100, 62), json!([])));
    check_converge(
        &declared,
        &there,
        &[
            "revoke ingress tcp 100 from 10.0.0.0/8",
            "authorize ingress tcp 162 from 10.0.0.0/8",
            "revoke ingress tcp 101 from 10.0.0.0/8, tcp 102 from 10.0.0.0/8",
        ],
    );
}

#[test]
fn a_delete_lets_go_of_other_groups_first() {
    assert_eq!(
        told(&plan::delete(&live(json!([tcp(1, "sg-1"), tcp(2, "sg-2"), tcp(3, "10.0.0.0/8")]), json!([])))),
        ["revoke ingress tcp 2 from sg-2", "delete security group sg-1"]
    );
}

#[test]
fn a_live_rule_open_to_everyone_is_an_exposure() {
    let (declared, there) =
        (spec(json!([]), json!([])), live(json!([tcp(22, "0.0.0.0/0"), tcp(23, "10.0.0.0/8")]), json!([])));
    let diffs = compare(&declared, &there.fields, None, None, &[], &Facts::new(SecurityGroup::FIELDS));
    let severities: Vec<Severity> = diffs.iter().map(SecurityGroup::severity).collect();
    assert_eq!(severities, [Severity::Exposure, Severity::Functional]);
}
