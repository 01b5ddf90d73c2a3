//! One rule, and the one form in which two rules are the same.

use crate::common::Text;
use holdfast_core::reference::is_open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One rule: a protocol, a port range, one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all.
    pub(crate) ip_protocol: Text,
    /// First port, 0 to 65535; the type for `icmp` and `icmpv6`, where -1 means all. None for other protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from_port: Option<i64>,
    /// Last port; the code for `icmp` and `icmpv6`, where -1 means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to_port: Option<i64>,
    /// The peer as an IPv4 range, such as `10.0.0.0/16`. A rule has exactly one peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cidr_ipv4: Option<String>,
    /// The peer as an IPv6 range, such as `2001:db8::/32`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cidr_ipv6: Option<String>,
    /// The peer as a managed prefix list, such as `pl-0abc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prefix_list_id: Option<String>,
    /// The peer as a security group, such as `${SecurityGroup/alb.id}`; it may be the group itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) referenced_group_id: Option<String>,
    /// What the rule is for; up to 255 characters. Changes in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

/// Which way a rule lets traffic pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Direction {
    /// In.
    Ingress,
    /// Out.
    Egress,
}

impl Direction {
    /// Both, in the order of the spec.
    pub(crate) const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];

    /// The spec's field.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        }
    }

    /// The word before the peer.
    pub(crate) fn preposition(self) -> &'static str {
        match self {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field())
    }
}

/// What a protocol makes of the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// A range of ports.
    Range,
    /// An ICMP type and code.
    TypeAndCode,
    /// AWS opens all, whatever is written.
    None,
}

/// Brings a rule to canonical form in place; what is no rule is left as it is.
pub(crate) fn canonical(value: &mut Value) {
    if let Ok(rule) = serde_json::from_value::<Rule>(value.clone()) {
        *value = rule.canonical().to_json();
    }
}

impl Rule {
    /// The rule as JSON.
    pub(crate) fn to_json(&self) -> Value {
        // A rule is plain data with string keys; serializing it cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The rules in a JSON array of canonical rules.
    pub(crate) fn list(value: Option<&Value>) -> Vec<Rule> {
        let items = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        items.iter().filter_map(|item| serde_json::from_value(item.clone()).ok()).collect()
    }

    /// The one form in which AWS would give it back. Values that are still references stay.
    #[must_use]
    pub(crate) fn canonical(mut self) -> Self {
        self.ip_protocol = Text(protocol(&self.ip_protocol.0));
        match self.ports() {
            Ports::Range => {}
            Ports::TypeAndCode => {
                self.from_port = self.from_port.or(Some(-1));
                // All types have all codes.
                self.to_port = if self.from_port == Some(-1) { Some(-1) } else { self.to_port.or(Some(-1)) };
            }
            Ports::None if is_open(&self.ip_protocol.0) => {}
            Ports::None => (self.from_port, self.to_port) = (None, None),
        }
        self.cidr_ipv4 = self.cidr_ipv4.map(|cidr| masked::<ipnet::Ipv4Net>(cidr, |net| net.trunc()));
        self.cidr_ipv6 = self.cidr_ipv6.map(|cidr| masked::<ipnet::Ipv6Net>(cidr, |net| net.trunc()));
        self.description = self.description.filter(|d| !d.is_empty());
        self
    }

    /// What the protocol makes of the ports. Call on a canonical rule.
    pub(crate) fn ports(&self) -> Ports {
        match self.ip_protocol.0.as_str() {
            "tcp" | "udp" => Ports::Range,
            "icmp" | "icmpv6" => Ports::TypeAndCode,
            _ => Ports::None,
        }
    }

    /// The same rule without its description: what makes two rules the same to AWS.
    #[must_use]
    pub(crate) fn key(&self) -> Self {
        Self { description: None, ..self.clone() }
    }

    /// The peers that are written down: one, in a valid rule.
    pub(crate) fn peers(&self) -> Vec<(&'static str, &str)> {
        [
            ("cidrIpv4", &self.cidr_ipv4),
            ("cidrIpv6", &self.cidr_ipv6),
            ("prefixListId", &self.prefix_list_id),
            ("referencedGroupId", &self.referenced_group_id),
        ]
        .into_iter()
        .filter_map(|(name, peer)| Some((name, peer.as_deref()?)))
        .collect()
    }

    /// The rule in words, such as `tcp 80 from 0.0.0.0/0`.
    pub(crate) fn words(&self, direction: Direction) -> String {
        let ports = match (self.ports(), self.from_port, self.to_port) {
            (Ports::Range, Some(from), Some(to)) if from == to => format!(" {from}"),
            (Ports::Range, Some(0), Some(65535)) => " all ports".to_owned(),
            (Ports::Range, Some(from), Some(to)) => format!(" {from}-{to}"),
            (Ports::TypeAndCode, Some(kind), Some(-1)) if kind >= 0 => format!(" type {kind}"),
            (Ports::TypeAndCode, Some(kind), Some(code)) if kind >= 0 => format!(" type {kind} code {code}"),
            _ => String::new(),
        };
        let protocol = match self.ip_protocol.0.as_str() {
            "-1" => "everything".to_owned(),
            number if number.bytes().all(|b| b.is_ascii_digit()) => format!("protocol {number}"),
            name => name.to_owned(),
        };
        let peers = self.peers();
        let peer = peers.first().map_or("nobody", |(_, peer)| peer);
        format!("{protocol}{ports} {} {peer}", direction.preposition())
    }
}

/// The name AWS uses for a protocol.
fn protocol(written: &str) -> String {
    let lower = written.trim().to_ascii_lowercase();
    match lower.parse::<i64>() {
        Ok(-1) => "-1".to_owned(),
        Ok(1) => "icmp".to_owned(),
        Ok(6) => "tcp".to_owned(),
        Ok(17) => "udp".to_owned(),
        Ok(58) => "icmpv6".to_owned(),
        Ok(number) => number.to_string(),
        Err(_) if lower == "all" => "-1".to_owned(),
        Err(_) if is_open(written) => written.to_owned(),
        Err(_) => lower,
    }
}

/// The range with its host bits masked and its address shortened; as written if it is none.
fn masked<N: std::str::FromStr + ToString>(written: String, trunc: impl Fn(&N) -> N) -> String {
    written.trim().parse::<N>().map(|net| trunc(&net).to_string()).unwrap_or(written)
}

/// What is wrong with an IPv4 range, if anything.
pub(crate) fn ipv4_problem(written: &str) -> Option<String> {
    if written.parse::<ipnet::Ipv4Net>().is_ok() {
        return None;
    }
    let hint = match written.parse::<Ipv4Addr>() {
        Ok(address) => format!("write {address}/32 for one address"),
        Err(_) if written.parse::<ipnet::Ipv6Net>().is_ok() => "IPv6 ranges go into cidrIpv6".to_owned(),
        Err(_) => "write it as 10.0.0.0/16".to_owned(),
    };
    Some(format!("\"{written}\" is no IPv4 range; {hint}"))
}

/// What is wrong with an IPv6 range, if anything.
pub(crate) fn ipv6_problem(written: &str) -> Option<String> {
    if written.parse::<ipnet::Ipv6Net>().is_ok() {
        return None;
    }
    let hint = match written.parse::<Ipv6Addr>() {
        Ok(address) => format!("write {address}/128 for one address"),
        Err(_) if written.parse::<ipnet::Ipv4Net>().is_ok() => "IPv4 ranges go into cidrIpv4".to_owned(),
        Err(_) => "write it as 2001:db8::/32".to_owned(),
    };
    Some(format!("\"{written}\" is no IPv6 range; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(written: Value, expected: Value) {
        let mut value = written;
        canonical(&mut value);
        assert_eq!(value, expected);
        canonical(&mut value);
        assert_eq!(value, expected, "a second time");
    }

    #[test]
    fn every_way_of_writing_a_rule_comes_to_one_form() {
        check(
            json!({ "ipProtocol": 6, "fromPort": 80, "toPort": 80, "cidrIpv4": "10.1.2.3/16", "description": "" }),
            json!({ "ipProtocol": "tcp", "fromPort": 80, "toPort": 80, "cidrIpv4": "10.1.0.0/16" }),
        );
        check(
            json!({ "ipProtocol": "-1", "fromPort": 0, "toPort": 0, "cidrIpv6": "2001:0DB8:0::1/32" }),
            json!({ "ipProtocol": "-1", "cidrIpv6": "2001:db8::/32" }),
        );
        check(
            json!({ "ipProtocol": "ICMP", "cidrIpv4": "0.0.0.0/0", "description": "ping" }),
            json!({ "ipProtocol": "icmp", "fromPort": -1, "toPort": -1, "cidrIpv4": "0.0.0.0/0", "description": "ping" }),
        );
        check(
            json!({ "ipProtocol": "58", "fromPort": 128, "cidrIpv6": "::/0" }),
            json!({ "ipProtocol": "icmpv6", "fromPort": 128, "toPort": -1, "cidrIpv6": "::/0" }),
        );
        check(
            json!({ "ipProtocol": "050", "fromPort": 1, "toPort": 2, "prefixListId": "pl-1" }),
            json!({ "ipProtocol": "50", "prefixListId": "pl-1" }),
        );
    }

    #[test]
    fn what_is_still_a_reference_stays() {
        let rule = json!({ "ipProtocol": "tcp", "fromPort": 1, "toPort": 2, "cidrIpv4": "${Vpc/v.cidrBlock}" });
        check(rule.clone(), rule);
        check(json!("no rule"), json!("no rule"));
    }

    #[test]
    fn rules_read_like_sentences() {
        let words = |rule: Value, direction| {
            let rule: Rule = serde_json::from_value(rule).expect("a rule");
            rule.canonical().words(direction)
        };
        let open = json!({ "ipProtocol": "tcp", "fromPort": 80, "toPort": 80, "cidrIpv4": "0.0.0.0/0" });
        assert_eq!(words(open, Direction::Ingress), "tcp 80 from 0.0.0.0/0");
        let all = json!({ "ipProtocol": "-1", "cidrIpv6": "::/0" });
        assert_eq!(words(all, Direction::Egress), "everything to ::/0");
        let ping = json!({ "ipProtocol": "icmp", "fromPort": 8, "toPort": -1, "referencedGroupId": "sg-1" });
        assert_eq!(words(ping, Direction::Ingress), "icmp type 8 from sg-1");
    }
}
