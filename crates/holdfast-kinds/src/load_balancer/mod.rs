//! `LoadBalancer`: an Application, Network or Gateway Load Balancer of Elastic Load Balancing v2.

#[cfg(feature = "aws")]
mod aws;
mod plan;
mod predict;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use plan::Action;
pub(crate) use spec::LoadBalancerSpec;

use crate::common::{closed, text};
use holdfast_core::facts::Field;
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Follow, Kind, Output};
use holdfast_core::preflight::Need;
use serde_json::Value;

/// The kind.
pub(crate) struct LoadBalancer;

impl Kind for LoadBalancer {
    const NAME: &'static str = "LoadBalancer";
    const SUMMARY: &'static str = "An Application, Network or Gateway Load Balancer";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = spec::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The ARN" },
        Output { name: "arn", doc: "The ARN" },
        Output { name: "name", doc: "The name" },
        Output { name: "fullName", doc: "What CloudWatch calls it: `app/NAME/ID`" },
        Output { name: "dnsName", doc: "Its DNS name, for an alias record" },
        Output { name: "canonicalHostedZoneId", doc: "The hosted zone of the DNS name, for an alias record" },
        Output { name: "vpcId", doc: "The id of its VPC" },
        Output { name: "securityGroups", doc: "The ids of its security groups, a list" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a load balancer, such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/NAME/ID",
        read: |text| Arn::rest(text, "elasticloadbalancing", "loadbalancer/").map(|_| text.to_owned()),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyCapacityReservation",
        "elasticloadbalancing:ModifyIpPools",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
        "tag:GetResources",
    ];
    const REPEATABLE: bool = true;
    /// AWS makes no internet-facing one in a VPC without a way to the internet, and keeps that way while there is one.
    const FOLLOWS: &'static [Follow] = &[Follow { kinds: &["InternetGateway"], sharing: "Vpc" }];

    type Spec = LoadBalancerSpec;
    type Action = Action;

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "name").map(str::to_owned)
    }

    fn needs(spec: &Value) -> Vec<Need> {
        // AWS makes an Application Load Balancer where nothing is said.
        vec![Need::one(match text(spec, "type") {
            Some("network") => "elasticloadbalancing:network-load-balancers",
            Some("gateway") => "elasticloadbalancing:gateway-load-balancers",
            _ => "elasticloadbalancing:application-load-balancers",
        })]
    }

    crate::elb::kind::by_its_modules!();
}

/// Attribute values become texts; the rest of a spec is as AWS has it.
fn canonical(spec: &mut Value) {
    crate::elb::attributes::canonical(spec);
    crate::elb::canonical_tags(spec);
    if let Some(units) = spec.pointer_mut("/minimumLoadBalancerCapacity/capacityUnits") {
        crate::common::to_number(units);
    }
    // Two spellings of one thing, of which AWS shows both: that the other one is unset says nothing.
    if let Some(spec) = spec.as_object_mut() {
        spec.retain(|key, value| !value.is_null() || !matches!(key.as_str(), "subnets" | "subnetMappings"));
    }
}

/// What a subnet's prefix for source NAT is declared as where AWS is to choose it.
#[cfg(any(feature = "aws", test))]
const AUTO_ASSIGNED: &str = "auto_assigned";

/// Writes live prefixes for source NAT as the declaration does where that leaves the choice to AWS, which answers the
/// prefix that it chose.
#[cfg(any(feature = "aws", test))]
fn respell_prefixes(fields: &mut Value, declared: Option<&Value>) {
    let mappings = |of: &Value| of.get("subnetMappings").and_then(Value::as_array).cloned().unwrap_or_default();
    let chosen: Vec<Value> = declared
        .map(mappings)
        .unwrap_or_default()
        .into_iter()
        .filter(|m| text(m, "sourceNatIpv6Prefix") == Some(AUTO_ASSIGNED))
        .filter_map(|m| m.get("subnetId").cloned())
        .collect();
    if chosen.is_empty() {
        return;
    }
    for live in fields.get_mut("subnetMappings").and_then(Value::as_array_mut).into_iter().flatten() {
        let left_to_aws = live.get("subnetId").is_some_and(|id| chosen.contains(id));
        if let Some(prefix) = live.get_mut("sourceNatIpv6Prefix").filter(|_| left_to_aws) {
            *prefix = AUTO_ASSIGNED.into();
        }
    }
}
