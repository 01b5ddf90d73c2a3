//! What AWS would refuse, found before AWS is called.

use super::SecurityGroupSpec;
use super::rule::{Direction, Ports, Rule, ipv4_problem, ipv6_problem};
use holdfast_core::problem::{SpecError, did_you_mean};
use holdfast_core::reference::is_open;
use std::collections::BTreeMap;

/// Rules a direction may have unless the account has a raised quota, IPv4 and IPv6 counted apart; a rule that names a
/// group or a prefix list counts in both.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups>
pub(super) const RULES_PER_DIRECTION: usize = 60;

const MAX_TEXT: usize = 255;

/// The characters EC2 allows besides letters and digits in names and descriptions.
const SIGNS: &str = " ._-:/()#,@[]+=&;{}!$*";

/// All mistakes of a spec.
pub(super) fn spec(spec: &SecurityGroupSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    group_name(&spec.group_name, &mut errors);
    if spec.description.is_empty() {
        errors.push(SpecError::new("/description", "required", "AWS wants a description; it cannot be changed later"));
    }
    words("/description", &spec.description, &mut errors);
    if !is_open(&spec.vpc_id) && !spec.vpc_id.starts_with("vpc-") {
        let message = format!("\"{}\" is no VPC id; write vpc-… or a reference", spec.vpc_id);
        errors.push(SpecError::new("/vpcId", "invalid-value", message));
    }
    for (direction, rules) in [(Direction::Ingress, &spec.ingress), (Direction::Egress, &spec.egress)] {
        if let Some(written) = rules {
            let canonical: Vec<Rule> = written.iter().cloned().map(Rule::canonical).collect();
            for (i, (rule, written)) in canonical.iter().zip(written).enumerate() {
                one_rule(&format!("/{direction}/{i}"), rule, written, &mut errors);
            }
            duplicates(direction, &canonical, &mut errors);
            quota(direction, &canonical, &mut errors);
        }
    }
    errors
}

fn group_name(name: &str, errors: &mut Vec<SpecError>) {
    let at = "/groupName";
    let mut refuse = |message: &str| errors.push(SpecError::new(at, "invalid-value", message));
    if name.is_empty() {
        refuse("a group needs a name");
    } else if name.to_ascii_lowercase().starts_with("sg-") {
        refuse("a group's name must not start with \"sg-\"; AWS keeps that for ids");
    } else if name.eq_ignore_ascii_case("default") {
        refuse("\"default\" is the name of the group that AWS makes itself; choose another");
    } else if name.trim() != name {
        refuse("a group's name must not begin or end with a space; AWS cuts it off");
    }
    words(at, name, errors);
}

/// Length and characters of a text that EC2 keeps.
fn words(at: &str, text: &str, errors: &mut Vec<SpecError>) {
    if is_open(text) {
        return;
    }
    if text.chars().count() > MAX_TEXT {
        let message = format!("{} characters; AWS takes {MAX_TEXT}", text.chars().count());
        errors.push(SpecError::new(at, "too-long", message));
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !SIGNS.contains(*c)) {
        let message =
            format!("the character {odd:?} is not allowed; AWS takes letters, digits, spaces and {}", SIGNS.trim());
        errors.push(SpecError::new(at, "invalid-character", message));
    }
}

/// The mistakes of one rule.
pub(crate) fn one_rule(at: &str, rule: &Rule, written: &Rule, errors: &mut Vec<SpecError>) {
    protocol(at, rule, written, errors);
    match rule.ports() {
        Ports::Range => range(at, rule, errors),
        Ports::TypeAndCode => type_and_code(at, written, errors),
        Ports::None => no_ports(at, written, errors),
    }
    peer(at, rule, errors);
    if let Some(text) = &rule.description {
        words(&format!("{at}/description"), text, errors);
    }
}

fn protocol(at: &str, rule: &Rule, written: &Rule, errors: &mut Vec<SpecError>) {
    let name = rule.ip_protocol.0.as_str();
    let known = matches!(name, "-1" | "tcp" | "udp" | "icmp" | "icmpv6");
    let number = name.parse::<i64>().is_ok_and(|n| (0..=255).contains(&n));
    if known || number || is_open(name) {
        return;
    }
    let hint = did_you_mean(name, ["tcp", "udp", "icmp", "icmpv6"]);
    let message = format!(
        "\"{}\" is no protocol; write tcp, udp, icmp, icmpv6, a number from 0 to 255, or -1 for all.{hint}",
        written.ip_protocol.0
    );
    errors.push(SpecError::new(format!("{at}/ipProtocol"), "invalid-protocol", message));
}

fn range(at: &str, rule: &Rule, errors: &mut Vec<SpecError>) {
    let mut ends = Vec::new();
    for (field, port) in [("fromPort", rule.from_port), ("toPort", rule.to_port)] {
        let at = format!("{at}/{field}");
        match port {
            None => {
                let message =
                    format!("{} needs both fromPort and toPort; all ports are 0 to 65535", rule.ip_protocol.0);
                errors.push(SpecError::new(at, "required", message));
            }
            Some(port) if !(0..=65535).contains(&port) => {
                let message = format!("{port} is no port; ports are 0 to 65535");
                errors.push(SpecError::new(at, "out-of-range", message));
            }
            Some(port) => ends.push(port),
        }
    }
    if let [from, to] = ends[..]
        && from > to
    {
        let message = format!("the range ends at {to} before it begins at {from}");
        errors.push(SpecError::new(format!("{at}/toPort"), "out-of-range", message));
    }
}

fn type_and_code(at: &str, written: &Rule, errors: &mut Vec<SpecError>) {
    for (field, what, value) in [("fromPort", "type", written.from_port), ("toPort", "code", written.to_port)] {
        if let Some(value) = value.filter(|v| !(-1..=255).contains(v)) {
            let message = format!("{value} is no ICMP {what}; they are 0 to 255, and -1 for all");
            errors.push(SpecError::new(format!("{at}/{field}"), "out-of-range", message));
        }
    }
    if matches!((written.from_port, written.to_port), (Some(-1) | None, Some(code)) if code != -1) {
        let message = "all ICMP types have all codes: with type -1 the code is -1";
        errors.push(SpecError::new(format!("{at}/toPort"), "out-of-range", message));
    }
}

/// AWS opens every port for such protocols, whatever is written; who writes one believes otherwise.
fn no_ports(at: &str, written: &Rule, errors: &mut Vec<SpecError>) {
    let all = matches!((written.from_port, written.to_port), (None | Some(-1 | 0), None | Some(-1 | 0 | 65535)));
    if !all && !is_open(&written.ip_protocol.0) {
        let message = format!(
            "with ipProtocol {} AWS opens all ports; leave the ports out, or name the protocol (tcp, udp)",
            written.ip_protocol.0
        );
        let field = if written.from_port.is_some() { "fromPort" } else { "toPort" };
        errors.push(SpecError::new(format!("{at}/{field}"), "ports-without-protocol", message));
    }
}

fn peer(at: &str, rule: &Rule, errors: &mut Vec<SpecError>) {
    let peers = rule.peers();
    match peers[..] {
        [] => {
            let message = "a rule needs a peer: cidrIpv4, cidrIpv6, prefixListId or referencedGroupId";
            errors.push(SpecError::new(at, "missing-peer", message));
        }
        [_] => {}
        [(first, _), (second, _), ..] => {
            let message = format!("a rule has one peer, this one has {first} and {second}; write two rules");
            errors.push(SpecError::new(format!("{at}/{second}"), "too-many-peers", message));
        }
    }
    for (field, peer) in peers {
        if is_open(peer) {
            continue;
        }
        let problem = match field {
            "cidrIpv4" => ipv4_problem(peer),
            "cidrIpv6" => ipv6_problem(peer),
            "prefixListId" if !peer.starts_with("pl-") => Some(format!("\"{peer}\" is no prefix list id; write pl-…")),
            "referencedGroupId" if !peer.starts_with("sg-") => {
                Some(format!("\"{peer}\" is no security group id; write sg-… or ${{SecurityGroup/name.id}}"))
            }
            _ => None,
        };
        if let Some(problem) = problem {
            let code = if field.starts_with("cidr") { "invalid-cidr" } else { "invalid-value" };
            errors.push(SpecError::new(format!("{at}/{field}"), code, problem));
        }
    }
}

fn duplicates(direction: Direction, canonical: &[Rule], errors: &mut Vec<SpecError>) {
    let mut seen: BTreeMap<Rule, usize> = BTreeMap::new();
    for (i, rule) in canonical.iter().enumerate() {
        if let Some(first) = seen.get(&rule.key()) {
            let message = format!(
                "this is the same rule as /{direction}/{first}, {}; AWS takes it once, with one description",
                rule.words(direction)
            );
            errors.push(SpecError::new(format!("/{direction}/{i}"), "duplicate-rule", message));
        } else {
            seen.insert(rule.key(), i);
        }
    }
}

/// How much of the quota of a direction so many rules take.
pub(super) fn weight<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> usize {
    let (mut four, mut six) = (0, 0);
    for rule in rules {
        four += usize::from(rule.cidr_ipv6.is_none());
        six += usize::from(rule.cidr_ipv4.is_none());
    }
    four.max(six)
}

fn quota(direction: Direction, canonical: &[Rule], errors: &mut Vec<SpecError>) {
    if weight(canonical) > RULES_PER_DIRECTION {
        let message = format!(
            "{} rules; AWS takes {RULES_PER_DIRECTION} a direction (IPv4 and IPv6 counted apart). \
             Join ranges, use a prefix list, or a second group",
            canonical.len()
        );
        errors.push(SpecError::new(format!("/{direction}"), "too-many-items", message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(mut change: Value, expected: &[&str]) {
        let mut written = json!({ "groupName": "a", "description": "d", "vpcId": "vpc-1" });
        if let (Some(into), Some(from)) = (written.as_object_mut(), change.as_object_mut()) {
            into.append(from);
        }
        let parsed: SecurityGroupSpec = serde_json::from_value(written).expect("a spec");
        let told: Vec<String> = spec(&parsed).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect();
        assert_eq!(told, expected);
    }

    fn ingress(rule: Value) -> Value {
        json!({ "ingress": [rule] })
    }

    #[test]
    fn names_and_descriptions_follow_ec2() {
        check(json!({}), &[]);
        check(json!({ "groupName": "sg-x" }), &["/groupName invalid-value"]);
        check(json!({ "groupName": "x ", "description": "" }), &["/groupName invalid-value", "/description required"]);
        check(json!({ "groupName": "é" }), &["/groupName invalid-character"]);
        check(json!({ "groupName": "x".repeat(256) }), &["/groupName too-long"]);
        check(json!({ "vpcId": "subnet-1" }), &["/vpcId invalid-value"]);
        check(
            json!({ "vpcId": "${Vpc/main.id}", "groupName": "${var.env}-${var.é}" }),
            &["/groupName invalid-character"],
        );
    }

    #[test]
    fn each_mistake_in_a_rule_has_its_pointer() {
        let tcp = |from: i64, to: i64| json!({ "ipProtocol": "tcp", "fromPort": from, "toPort": to, "cidrIpv4": "10.0.0.0/8" });
        check(ingress(tcp(80, 80)), &[]);
        check(ingress(tcp(80, 70)), &["/ingress/0/toPort out-of-range"]);
        check(ingress(tcp(-1, 70000)), &["/ingress/0/fromPort out-of-range", "/ingress/0/toPort out-of-range"]);
        check(
            ingress(json!({ "ipProtocol": "udp", "cidrIpv4": "10.0.0.0/8" })),
            &["/ingress/0/fromPort required", "/ingress/0/toPort required"],
        );
        check(ingress(json!({ "ipProtocol": "tpc", "cidrIpv6": "::/0" })), &["/ingress/0/ipProtocol invalid-protocol"]);
        check(
            ingress(json!({ "ipProtocol": -1, "fromPort": 80, "toPort": 80, "cidrIpv6": "::/0" })),
            &["/ingress/0/fromPort ports-without-protocol"],
        );
        check(ingress(json!({ "ipProtocol": "-1", "fromPort": 0, "toPort": 0, "cidrIpv6": "::/0" })), &[]);
        check(
            ingress(json!({ "ipProtocol": "icmp", "fromPort": -1, "toPort": 3, "cidrIpv4": "0.0.0.0/0" })),
            &["/ingress/0/toPort out-of-range"],
        );
        check(ingress(json!({ "ipProtocol": "-1" })), &["/ingress/0 missing-peer"]);
        check(
            ingress(
                json!({ "ipProtocol": "-1", "cidrIpv4": "10.0.0.1", "referencedGroupId": "${SecurityGroup/a.id}" }),
            ),
            &["/ingress/0/referencedGroupId too-many-peers", "/ingress/0/cidrIpv4 invalid-cidr"],
        );
    }

    #[test]
    fn the_same_rule_written_in_two_ways_is_refused_at_the_second() {
        let rules = json!({ "egress": [
            { "ipProtocol": "tcp", "fromPort": 1, "toPort": 1, "cidrIpv4": "10.0.0.0/8", "description": "a" },
            { "ipProtocol": 6, "fromPort": 1, "toPort": 1, "cidrIpv4": "10.9.9.9/8", "description": "b" } ] });
        check(rules, &["/egress/1 duplicate-rule"]);
    }

    #[test]
    fn sixty_rules_a_direction_and_family() {
        let rules = |count: u32| -> Vec<Value> {
            (0..count)
                .map(|i| json!({ "ipProtocol": "tcp", "fromPort": i, "toPort": i, "cidrIpv4": "10.0.0.0/8" }))
                .collect()
        };
        check(json!({ "ingress": rules(60) }), &[]);
        check(json!({ "ingress": rules(61) }), &["/ingress too-many-items"]);
    }
}
