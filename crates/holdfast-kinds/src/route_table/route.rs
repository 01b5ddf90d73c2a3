//! A route: a destination and a target. One form for what is declared and what AWS shows.

use crate::ec2;
use crate::ec2::check_id;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// One route: exactly one destination and exactly one target.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Route {
    /// The IPv4 network that it leads to, such as `0.0.0.0/0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_cidr_block: Option<String>,
    /// The IPv6 network that it leads to, such as `::/0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_ipv6_cidr_block: Option<String>,
    /// The prefix list that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_prefix_list_id: Option<String>,
    /// An internet gateway or a virtual private gateway as its target; `local` for the VPC's own network.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_id: Option<String>,
    /// A NAT gateway as its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    nat_gateway_id: Option<String>,
    /// A network interface as its target, such as that of a NAT instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    network_interface_id: Option<String>,
    /// An instance with one network interface as its target, such as a NAT instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    /// An egress-only internet gateway as its target; IPv6 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    egress_only_internet_gateway_id: Option<String>,
    /// A transit gateway as its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    transit_gateway_id: Option<String>,
    /// A peering connection as its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_peering_connection_id: Option<String>,
    /// A Gateway Load Balancer endpoint as its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_endpoint_id: Option<String>,
    /// A carrier gateway as its target; IPv4 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_gateway_id: Option<String>,
    /// A local gateway of an Outpost as its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_gateway_id: Option<String>,
    /// A core network as its target, by its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    core_network_arn: Option<String>,
}

/// The members that say where a route leads; they are what makes it the same route.
pub(super) const DESTINATIONS: &[&str] =
    &["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"];

pub(super) const GATEWAY: &str = "gatewayId";
const NAT: &str = "natGatewayId";
pub(super) const INTERFACE: &str = "networkInterfaceId";
pub(super) const INSTANCE: &str = "instanceId";
pub(super) const ENDPOINT: &str = "vpcEndpointId";

/// What begins the ids of the other targets.
const PREFIXES: [(&str, &str); 9] = [
    (NAT, "nat-"),
    (INTERFACE, "eni-"),
    (INSTANCE, "i-"),
    ("egressOnlyInternetGatewayId", "eigw-"),
    ("transitGatewayId", "tgw-"),
    ("vpcPeeringConnectionId", "pcx-"),
    (ENDPOINT, "vpce-"),
    ("carrierGatewayId", "cagw-"),
    ("localGatewayId", "lgw-"),
];

/// The text that is the destination of a route, in canonical form.
pub(super) fn destination(route: &Value) -> Option<&str> {
    DESTINATIONS.iter().find_map(|key| route.get(*key)?.as_str())
}

/// The text that is its target.
pub(super) fn target(route: &Value) -> Option<&str> {
    let members = route.as_object()?.iter().filter(|(key, _)| !DESTINATIONS.contains(&key.as_str()));
    members.filter_map(|(_, value)| value.as_str()).next()
}

/// The destination alone.
pub(super) fn without_target(route: &Value) -> Value {
    let members = route.as_object().into_iter().flatten();
    let kept = members.filter(|(key, _)| DESTINATIONS.contains(&key.as_str()));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// True for a route within the VPC, which every table has.
pub(super) fn is_local(route: &Value) -> bool {
    route.get(GATEWAY).and_then(Value::as_str) == Some("local")
}

/// Masks host bits, and puts a target where AWS shows it: a NAT gateway or an endpoint that is given as a gateway has a
/// member of its own.
pub(super) fn canonical(route: &mut Value) {
    let Some(members) = route.as_object_mut() else { return };
    members.retain(|_, value| !value.is_null());
    ec2::canonical_cidr(members.get_mut(DESTINATIONS[0]));
    ec2::canonical_cidr(members.get_mut(DESTINATIONS[1]));
    let own = match members.get(GATEWAY).and_then(Value::as_str) {
        Some(id) if id.starts_with("nat-") => NAT,
        Some(id) if id.starts_with("vpce-") => ENDPOINT,
        _ => return,
    };
    if let Some(id) = members.shift_remove(GATEWAY).filter(|_| !members.contains_key(own)) {
        members.insert(own.to_owned(), id);
    }
}

/// The mistakes of the routes.
pub(super) fn check(errors: &mut Vec<SpecError>, routes: &[Route]) {
    let mut known = BTreeSet::new();
    for (i, route) in routes.iter().enumerate() {
        // A route is plain data with string keys; serializing it cannot fail.
        let mut whole = serde_json::to_value(route).unwrap_or_default();
        check_one(errors, &format!("/routes/{i}"), &whole);
        canonical(&mut whole);
        let twice = destination(&whole).filter(|to| !is_open(to)).is_some_and(|to| !known.insert(to.to_owned()));
        if twice {
            let words = "another route leads to the same destination; a table takes one";
            errors.push(SpecError::new(format!("/routes/{i}"), "duplicate", words));
        }
    }
}

fn check_one(errors: &mut Vec<SpecError>, at: &str, route: &Value) {
    let none = Map::new();
    let members = route.as_object().unwrap_or(&none);
    let (to, by): (Vec<&String>, Vec<&String>) = members.keys().partition(|key| DESTINATIONS.contains(&key.as_str()));
    if to.len() != 1 {
        let words = format!("a route has one destination: give one of {}", DESTINATIONS.join(", "));
        errors.push(SpecError::new(at, "destination", words));
    }
    if by.len() != 1 {
        let words =
            format!("a route has one target, this one has {}: give one, such as gatewayId or natGatewayId", by.len());
        errors.push(SpecError::new(at, "target", words));
    }
    for (key, is_v4, make) in [
        (DESTINATIONS[0], true, "IPv4 network, such as 0.0.0.0/0"),
        (DESTINATIONS[1], false, "IPv6 network, such as ::/0"),
    ] {
        let text = members.get(key).and_then(Value::as_str).filter(|text| !is_open(text));
        let fits = |text: &str| text.trim().parse::<IpNet>().is_ok_and(|net| matches!(net, IpNet::V4(_)) == is_v4);
        if let Some(text) = text.filter(|text| !fits(text)) {
            errors.push(SpecError::new(format!("{at}/{key}"), "invalid-cidr", format!("\"{text}\" is no {make}")));
        }
    }
    for (key, prefix) in PREFIXES {
        if let Some(id) = members.get(key).and_then(Value::as_str) {
            check_id(errors, &format!("{at}/{key}"), id, prefix);
        }
    }
}
