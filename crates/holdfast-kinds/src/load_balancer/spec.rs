//! The spec of a load balancer, and what is known of its fields.

use crate::elb::attributes::attribute;
use crate::elb::types::{Int, Many, OnOff, Text, choices, is_open};
use holdfast_core::facts::{Facts, Field, Given, ItemKey, Severity, Shape, When};
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// An Application, Network or Gateway Load Balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoadBalancerSpec {
    /// Its name, unique in account and region: 1 to 32 letters, digits and hyphens, not beginning with `internal-`. Create-only.
    pub(crate) name: String,
    /// What kind of load balancer. Default `application`. Create-only.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<LoadBalancerType>,
    /// Reached from the internet or from inside. Default `internet-facing`. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scheme: Option<Scheme>,
    /// Which addresses it has. Default `ipv4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip_address_type: Option<IpAddressType>,
    /// The ids of its subnets, one a zone; a set. Either these or `subnetMappings`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subnets: Option<Many<String>>,
    /// Its subnets with fixed addresses; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_mappings: Option<Vec<SubnetMapping>>,
    /// The ids of its security groups; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) security_groups: Option<Many<String>>,
    /// Whether the groups' inbound rules also hold for traffic through PrivateLink (network load balancers). Default `on`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enforce_security_group_inbound_rules_on_private_link_traffic: Option<OnOff>,
    /// The id of a pool of customer-owned addresses (Outposts). Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_owned_ipv4_pool: Option<String>,
    /// Whether an IPv6 prefix of each subnet is used for source NAT (network load balancers with UDP listeners). Default `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enable_prefix_for_ipv6_source_nat: Option<OnOff>,
    /// The IPAM pools it takes addresses from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ipam_pools: Option<IpamPools>,
    /// The capacity that is kept ready for it; null gives it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_load_balancer_capacity: Option<MinimumCapacity>,
    /// AWS's attribute keys, such as `idle_timeout.timeout_seconds`. Only declared keys are held; a null asks for AWS's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<BTreeMap<String, Option<Text>>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, Text>>,
}

choices! {
    /// The type of a load balancer.
    LoadBalancerType = "application" | "network" | "gateway";
    /// From where a load balancer is reached.
    Scheme = "internet-facing" | "internal";
    /// Which addresses a load balancer has.
    IpAddressType = "ipv4" | "dualstack" | "dualstack-without-public-ipv4";
}

/// A subnet with the addresses of the load balancer in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SubnetMapping {
    /// The subnet's id.
    pub(crate) subnet_id: String,
    /// The allocation id of an elastic IP (internet-facing network load balancers).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allocation_id: Option<String>,
    /// A private address of the subnet (internal network load balancers).
    #[serde(rename = "privateIPv4Address", skip_serializing_if = "Option::is_none")]
    pub(crate) private_ipv4_address: Option<String>,
    /// An IPv6 address of the subnet (network load balancers).
    #[serde(rename = "iPv6Address", skip_serializing_if = "Option::is_none")]
    pub(crate) ipv6_address: Option<String>,
    /// The prefix for source NAT, or `auto_assigned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_nat_ipv6_prefix: Option<String>,
}

/// The IPAM pools of a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct IpamPools {
    /// The id of the IPv4 pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ipv4_ipam_pool_id: Option<String>,
}

/// Capacity that is kept ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MinimumCapacity {
    /// How many load balancer capacity units.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) capacity_units: Option<Int>,
}

const CREATE: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html";
const ATTRIBUTE: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html";

const NLB_GROUPS: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html";
const NLB_DNS: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-load-balancer-attributes.html";

const CROSS_ZONE: &[Given] =
    &[Given { when: &[When { at: "/type", is: &["network", "gateway"] }], default: "\"false\"", source: ATTRIBUTE }];

/// The kind's table, ready for look-ups.
pub(super) fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| Facts::new(FIELDS))
}

pub(super) const FIELDS: &[Field] = &[
    Field::scalar("/name").create_only(),
    Field::scalar("/type").default("\"application\"", CREATE).create_only(),
    Field::scalar("/scheme").default("\"internet-facing\"", CREATE).create_only().severity(Severity::Exposure),
    Field::scalar("/ipAddressType").default("\"ipv4\"", CREATE),
    Field::set("/subnets").canonical("a set; AWS shows the same subnets under `subnetMappings` too"),
    Field::of("/subnetMappings", Shape::Set(ItemKey::Of(&["subnetId"]))),
    Field::scalar("/subnetMappings/*/sourceNatIpv6Prefix")
        .canonical("`auto_assigned` where that is declared and AWS shows the prefix that it chose"),
    Field::set("/securityGroups").severity(Severity::Exposure),
    Field::scalar("/enforceSecurityGroupInboundRulesOnPrivateLinkTraffic")
        .default("\"on\"", NLB_GROUPS)
        .severity(Severity::Exposure),
    Field::scalar("/customerOwnedIpv4Pool").create_only(),
    Field::scalar("/enablePrefixForIpv6SourceNat").default("\"off\"", CREATE),
    Field::of("/attributes", Shape::Map).canonical("every value as text"),
    attribute!("load_balancing.cross_zone.enabled", "true", CROSS_ZONE, ATTRIBUTE),
    attribute!("deletion_protection.enabled", "false", ATTRIBUTE).severity(Severity::Exposure),
    attribute!("access_logs.s3.enabled", "false", ATTRIBUTE),
    attribute!("zonal_shift.config.enabled", "false", ATTRIBUTE),
    attribute!("idle_timeout.timeout_seconds", "60", ATTRIBUTE),
    attribute!("client_keep_alive.seconds", "3600", ATTRIBUTE),
    attribute!("connection_logs.s3.enabled", "false", ATTRIBUTE),
    attribute!("health_check_logs.s3.enabled", "false", ATTRIBUTE),
    attribute!("routing.http.desync_mitigation_mode", "defensive", ATTRIBUTE).severity(Severity::Exposure),
    attribute!("routing.http.drop_invalid_header_fields.enabled", "false", ATTRIBUTE),
    attribute!("routing.http.preserve_host_header.enabled", "false", ATTRIBUTE),
    attribute!("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", ATTRIBUTE),
    attribute!("routing.http.xff_client_port.enabled", "false", ATTRIBUTE),
    attribute!("routing.http.xff_header_processing.mode", "append", ATTRIBUTE),
    attribute!("routing.http2.enabled", "true", ATTRIBUTE),
    attribute!("waf.fail_open.enabled", "false", ATTRIBUTE),
    attribute!("dns_record.client_routing_policy", "any_availability_zone", NLB_DNS),
    attribute!("secondary_ips.auto_assigned.per_subnet", "0", ATTRIBUTE),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
];

pub(super) fn validate(spec: &LoadBalancerSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    crate::elb::validate_name(&spec.name, "load balancer", &mut errors);
    crate::elb::validate_tags(spec.tags.as_ref(), &mut errors);
    validate_subnets(spec, &mut errors);
    validate_by_type(spec, &mut errors);
    validate_attributes(spec, &mut errors);
    errors
}

fn validate_subnets(spec: &LoadBalancerSpec, errors: &mut Vec<SpecError>) {
    let subnets = spec.subnets.as_ref().filter(|s| !s.is_empty());
    let mappings = spec.subnet_mappings.as_deref().filter(|m| !m.is_empty());
    match (subnets, mappings) {
        (None, None) => errors.push(SpecError::new(
            "/subnets",
            "missing-field",
            "name the subnets: in subnets, or with fixed addresses in subnetMappings",
        )),
        (Some(_), Some(_)) => errors.push(SpecError::new(
            "/subnetMappings",
            "conflicting-fields",
            "give either subnets or subnetMappings, not both",
        )),
        _ => {}
    }
    let ids: Vec<(String, &str)> = match (subnets, mappings) {
        (Some(many), _) => {
            many.items().iter().enumerate().map(|(i, s)| (format!("/subnets/{i}"), s.as_str())).collect()
        }
        (None, Some(maps)) => {
            maps.iter().enumerate().map(|(i, m)| (format!("/subnetMappings/{i}"), m.subnet_id.as_str())).collect()
        }
        (None, None) => Vec::new(),
    };
    for (i, (at, id)) in ids.iter().enumerate() {
        if ids[..i].iter().any(|(_, other)| other == id) {
            errors.push(SpecError::new(at, "duplicate-subnet", format!("{id} is listed already")));
        }
    }
    let all = subnets.is_none_or(|s| matches!(s, Many::Items(_)));
    if all && ids.len() == 1 && spec.kind.as_ref().is_none_or(|k| &**k == "application") && !is_outpost(spec) {
        let words = "an Application Load Balancer needs subnets of at least two Availability Zones; name a second one";
        errors.push(SpecError::new(
            if mappings.is_some() { "/subnetMappings" } else { "/subnets" },
            "too-few-subnets",
            words,
        ));
    }
}

fn is_outpost(spec: &LoadBalancerSpec) -> bool {
    spec.customer_owned_ipv4_pool.is_some()
}

fn validate_by_type(spec: &LoadBalancerSpec, errors: &mut Vec<SpecError>) {
    let kind = spec.kind.as_deref().unwrap_or("application");
    if is_open(kind) {
        return;
    }
    let mut only = |there: bool, pointer: &str, kinds: &[&str]| {
        if there && !kinds.contains(&kind) {
            let words = format!(
                "{} is for load balancers of type {}, and this one is {kind}",
                &pointer[1..],
                kinds.join(" or ")
            );
            errors.push(SpecError::new(pointer, "conflicting-fields", words));
        }
    };
    only(spec.security_groups.as_ref().is_some_and(|g| !g.is_empty()), "/securityGroups", &["application", "network"]);
    only(spec.scheme.is_some(), "/scheme", &["application", "network"]);
    only(spec.customer_owned_ipv4_pool.is_some(), "/customerOwnedIpv4Pool", &["application"]);
    only(spec.ipam_pools.is_some(), "/ipamPools", &["application"]);
    only(spec.enable_prefix_for_ipv6_source_nat.is_some(), "/enablePrefixForIpv6SourceNat", &["network"]);
    only(
        spec.enforce_security_group_inbound_rules_on_private_link_traffic.is_some(),
        "/enforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
        &["network"],
    );
    only(spec.minimum_load_balancer_capacity.is_some(), "/minimumLoadBalancerCapacity", &["application", "network"]);
    let v6_only = spec.ip_address_type.as_deref() == Some("dualstack-without-public-ipv4");
    only(v6_only, "/ipAddressType", &["application"]);
    for (i, mapping) in spec.subnet_mappings.iter().flatten().enumerate() {
        only(mapping.allocation_id.is_some(), &format!("/subnetMappings/{i}/allocationId"), &["network"]);
        only(mapping.private_ipv4_address.is_some(), &format!("/subnetMappings/{i}/privateIPv4Address"), &["network"]);
    }
    if kind == "application" && spec.security_groups.as_ref().is_some_and(Many::is_empty) {
        let words = "an Application Load Balancer has at least one security group; leave the field out for the VPC's default group";
        errors.push(SpecError::new("/securityGroups", "missing-item", words));
    }
}

/// The attributes with a range, and the range.
const RANGES: &[(&str, i64, i64)] = &[
    ("idle_timeout.timeout_seconds", 1, 4000),
    ("client_keep_alive.seconds", 60, 604_800),
    ("secondary_ips.auto_assigned.per_subnet", 0, 7),
];

/// The attributes with a closed list of values.
const VALUES: &[(&str, &[&str])] = &[
    ("deletion_protection.enabled", &["true", "false"]),
    ("load_balancing.cross_zone.enabled", &["true", "false"]),
    ("access_logs.s3.enabled", &["true", "false"]),
    ("connection_logs.s3.enabled", &["true", "false"]),
    ("health_check_logs.s3.enabled", &["true", "false"]),
    ("zonal_shift.config.enabled", &["true", "false"]),
    ("routing.http2.enabled", &["true", "false"]),
    ("routing.http.desync_mitigation_mode", &["monitor", "defensive", "strictest"]),
    ("routing.http.xff_header_processing.mode", &["append", "preserve", "remove"]),
    (
        "dns_record.client_routing_policy",
        &["availability_zone_affinity", "partial_availability_zone_affinity", "any_availability_zone"],
    ),
];

fn validate_attributes(spec: &LoadBalancerSpec, errors: &mut Vec<SpecError>) {
    crate::elb::attributes::validate(spec.attributes.as_ref(), RANGES, VALUES, errors);
    let known = |key: &str| spec.attributes.as_ref()?.get(key)?.as_ref()?.known();
    for log in ["access_logs", "connection_logs", "health_check_logs"] {
        let bucket = spec.attributes.as_ref().and_then(|a| a.get(&format!("{log}.s3.bucket")));
        if known(&format!("{log}.s3.enabled")) == Some("true") && bucket.is_none() {
            let words = format!("{log}.s3.enabled needs {log}.s3.bucket beside it");
            errors.push(SpecError::new(format!("/attributes/{log}.s3.bucket"), "missing-field", words));
        }
    }
}
