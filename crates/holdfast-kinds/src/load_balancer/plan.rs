//! What is done about a load balancer: create, converge, delete, each as a list of calls.

use super::spec::facts;
use crate::common::{Retag, Tags, heals, one_line, text};
use crate::elb::attributes::{self, Attributes};
use crate::elb::{short, words};
use holdfast_core::facts::Scene;
use holdfast_core::kind::{Context, Converge, Draft};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// One call about a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Action {
    /// `CreateLoadBalancer`.
    Create {
        /// The members that the create call takes, in canonical form.
        spec: Map<String, Value>,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// `ModifyLoadBalancerAttributes`.
    ModifyAttributes {
        /// Which one.
        arn: String,
        /// What to set.
        attributes: Attributes,
    },
    /// `SetSubnets`.
    SetSubnets {
        /// Which one.
        arn: String,
        /// `subnets` or `subnetMappings`, and `enablePrefixForIpv6SourceNat` if declared; always whole.
        subnets: Map<String, Value>,
    },
    /// `SetSecurityGroups`.
    SetSecurityGroups {
        /// Which one.
        arn: String,
        /// `securityGroups` whole, and whether they hold for PrivateLink too if declared.
        groups: Map<String, Value>,
    },
    /// `SetIpAddressType`.
    SetIpAddressType {
        /// Which one.
        arn: String,
        /// The new type.
        ip_address_type: String,
    },
    /// `ModifyCapacityReservation`.
    ModifyCapacity {
        /// Which one.
        arn: String,
        /// How many units; none gives the reservation back.
        capacity_units: Option<Value>,
    },
    /// `ModifyIpPools`.
    ModifyIpPools {
        /// Which one.
        arn: String,
        /// The IPv4 pool; none leaves it.
        ipv4_ipam_pool_id: Option<String>,
    },
    /// `AddTags` and `RemoveTags`.
    Tag(Retag),
    /// `DeleteLoadBalancer`.
    Delete {
        /// Which one.
        arn: String,
        /// True if it was seen with deletion protection on, which is never switched off for a delete.
        protected: bool,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |map: &Map<String, Value>| one_line(&words(map));
        match self {
            Action::Create { spec, .. } => write!(f, "create load balancer: {}", of(spec)),
            Action::ModifyAttributes { attributes, .. } => {
                write!(f, "set attributes {}", one_line(&attributes::words(attributes)))
            }
            Action::SetSubnets { subnets, .. } => write!(f, "set {}", of(subnets)),
            Action::SetSecurityGroups { groups, .. } => write!(f, "set {}", of(groups)),
            Action::SetIpAddressType { ip_address_type, .. } => write!(f, "set address type {ip_address_type}"),
            Action::ModifyCapacity { capacity_units: Some(n), .. } => write!(f, "reserve {n} capacity units"),
            Action::ModifyCapacity { .. } => f.write_str("give the capacity reservation back"),
            Action::ModifyIpPools { ipv4_ipam_pool_id: Some(pool), .. } => write!(f, "take addresses from {pool}"),
            Action::ModifyIpPools { .. } => f.write_str("take addresses from no pool"),
            Action::Tag(tag) => tag.fmt(f),
            Action::Delete { arn, .. } => write!(f, "delete load balancer {}", short(arn)),
        }
    }
}

/// The members of a spec that the create call takes.
const CREATE_MEMBERS: &[&str] = &[
    "name",
    "type",
    "scheme",
    "ipAddressType",
    "subnets",
    "subnetMappings",
    "securityGroups",
    "customerOwnedIpv4Pool",
    "enablePrefixForIpv6SourceNat",
    "ipamPools",
];

const PRIVATE_LINK: &str = "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic";

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let members = crate::elb::pick(spec, CREATE_MEMBERS);
    let made = Action::Create { spec: members, tags: context.tags.clone() };
    let mut steps = vec![Draft::because(made, "create", "it is missing")];
    let own = || context.own("arn");
    steps.extend(attributes::after_create(spec, |attributes| Action::ModifyAttributes { arn: own(), attributes }));
    if text(spec, PRIVATE_LINK).is_some() {
        let action = Action::SetSecurityGroups { arn: own(), groups: groups_of(spec) };
        steps.push(Draft::because(action, "create", "the create call takes no PrivateLink setting"));
    }
    if let Some(units) = spec.pointer("/minimumLoadBalancerCapacity/capacityUnits").filter(|v| !v.is_null()) {
        let action = Action::ModifyCapacity { arn: own(), capacity_units: Some(units.clone()) };
        steps.push(Draft::because(action, "create", "the create call takes no capacity"));
    }
    steps
}

/// The security groups that stand, with the PrivateLink setting: AWS takes them only together.
fn groups_of(spec: &Value) -> Map<String, Value> {
    let mut groups = crate::elb::pick(spec, &["securityGroups", PRIVATE_LINK]);
    groups.entry("securityGroups").or_insert_with(|| Value::Array(Vec::new()));
    groups
}

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action> {
    let arn = || live.id.clone();
    let mut steps = Vec::new();
    let mut step = |pointers: &[&str], action: &dyn Fn() -> Action| {
        let healed: Vec<String> = pointers.iter().flat_map(|p| heals(diffs, p)).collect();
        if !healed.is_empty() {
            steps.push(Draft::heal(action(), "update", healed));
        }
    };
    // Dual stack needs subnets with IPv6 first; going back to ipv4 needs nothing.
    step(&["/subnets", "/subnetMappings", "/enablePrefixForIpv6SourceNat"], &|| Action::SetSubnets {
        arn: arn(),
        subnets: subnets_of(spec, live),
    });
    step(&["/ipAddressType"], &|| Action::SetIpAddressType {
        arn: arn(),
        ip_address_type: text(spec, "ipAddressType").unwrap_or("ipv4").to_owned(),
    });
    step(&["/securityGroups", &format!("/{PRIVATE_LINK}")], &|| {
        let mut merged = spec.clone();
        if merged.get("securityGroups").is_none_or(Value::is_null)
            && let (Some(map), Some(stand)) = (merged.as_object_mut(), live.fields.get("securityGroups"))
        {
            map.insert("securityGroups".to_owned(), stand.clone());
        }
        if merged.get(PRIVATE_LINK).is_some_and(Value::is_null)
            && let Some(map) = merged.as_object_mut()
        {
            map.insert(PRIVATE_LINK.to_owned(), "on".into());
        }
        Action::SetSecurityGroups { arn: arn(), groups: groups_of(&merged) }
    });
    step(&["/ipamPools"], &|| Action::ModifyIpPools {
        arn: arn(),
        ipv4_ipam_pool_id: spec.pointer("/ipamPools/ipv4IpamPoolId").and_then(Value::as_str).map(str::to_owned),
    });
    step(&["/minimumLoadBalancerCapacity"], &|| Action::ModifyCapacity {
        arn: arn(),
        capacity_units: spec.pointer("/minimumLoadBalancerCapacity/capacityUnits").filter(|v| !v.is_null()).cloned(),
    });
    let scene = Scene { desired: spec, live: &live.fields, facts: facts() };
    steps.extend(attributes::draft(diffs, &scene, |attributes| Action::ModifyAttributes { arn: arn(), attributes }));
    Converge::Change(steps)
}

/// The subnets as declared, or those that stand where only the IPv6 prefixes change.
fn subnets_of(spec: &Value, live: &Observation) -> Map<String, Value> {
    let mut subnets = crate::elb::pick(spec, &["subnets", "subnetMappings"]);
    if subnets.is_empty() {
        subnets = crate::elb::pick(&live.fields, &["subnetMappings"]);
    }
    match spec.get("enablePrefixForIpv6SourceNat") {
        Some(Value::Null) => {
            subnets.insert("enablePrefixForIpv6SourceNat".to_owned(), "off".into());
        }
        Some(value) => {
            subnets.insert("enablePrefixForIpv6SourceNat".to_owned(), value.clone());
        }
        None => {}
    }
    subnets
}

pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    let protection = live.fields.get("attributes").and_then(|a| a.get("deletion_protection.enabled"));
    let protected = protection.and_then(Value::as_str) == Some("true");
    vec![Draft::because(Action::Delete { arn: live.id.clone(), protected }, "delete", "")]
}
