//! Elastic Load Balancing's side of a load balancer.

use super::plan::Action;
use super::spec::{LoadBalancerSpec, MinimumCapacity, SubnetMapping};
use super::{LoadBalancer, predict};
use crate::aws::answer::object;
use crate::aws::{Aws, Live, Service, reading};
use crate::common::{Tags, settled};
use crate::elb::attributes::Attributes;
use crate::elb::aws::children::none_of_others;
use crate::elb::aws::known::known_load_balancers;
use crate::elb::aws::{
    Specs, attributes_json, concerning, deleted, made, number, parse, put_audited, refused, retag, tags_for,
};
use crate::elb::types::{Many, OnOff};
use crate::elb::{full_name, outputs};
use crate::listener::Listener;
use crate::listener_rule::ListenerRule;
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as wire;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Wanted};
use holdfast_core::outputs::Outputs;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[async_trait]
impl Live for LoadBalancer {
    const AUDITED: bool = true;

    /// All load balancers, 400 a page, or those that concern us, 20 ARNs a call; attributes in turns.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let found = known_load_balancers::<Self>(aws, wanted).await?.iter().filter_map(observe).collect();
        let mut seen = concerning::<Self>(aws, wanted, found).await?;
        let specs = Specs::new::<LoadBalancer>(wanted);
        for one in &mut seen {
            let declared = specs.of(one);
            super::respell_prefixes(&mut one.fields, declared.as_deref());
        }
        audit(aws, wanted, &mut seen).await;
        Ok(reading(seen, Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { spec, tags } => return create(aws, spec, tags).await,
            Action::ModifyAttributes { arn, attributes } => modify_attributes(aws, arn, attributes).await?,
            Action::SetSubnets { arn, subnets } => set_subnets(aws, arn, subnets).await?,
            Action::SetSecurityGroups { arn, groups } => return set_groups(aws, arn, groups).await,
            Action::SetIpAddressType { arn, ip_address_type } => {
                let kind = wire::IpAddressType::from(ip_address_type.as_str());
                let call = aws.elb().set_ip_address_type().load_balancer_arn(arn).ip_address_type(kind);
                aws.write(Service::Elb, "SetIpAddressType", call.send()).await?;
            }
            Action::ModifyCapacity { arn, capacity_units } => {
                modify_capacity(aws, arn, capacity_units.as_ref()).await?
            }
            Action::ModifyIpPools { arn, ipv4_ipam_pool_id } => {
                let call = aws.elb().modify_ip_pools().load_balancer_arn(arn);
                let call = match ipv4_ipam_pool_id {
                    Some(pool) => call.ipam_pools(wire::IpamPools::builder().ipv4_ipam_pool_id(pool).build()),
                    None => call.remove_ipam_pools(wire::RemoveIpamPoolEnum::Ipv4),
                };
                aws.write(Service::Elb, "ModifyIpPools", call.send()).await?;
            }
            Action::Tag(change) => retag(aws, change).await?,
            Action::Delete { arn, protected: true } => {
                let words = format!("{arn}: {}", predict::PROTECTED);
                return Err(refused("DeleteLoadBalancer", "OperationNotPermitted", words));
            }
            Action::Delete { arn, .. } => {
                for listener in none_of_others::<Listener>(aws, arn, "DeleteLoadBalancer").await? {
                    none_of_others::<ListenerRule>(aws, &listener, "DeleteLoadBalancer").await?;
                }
                let call = aws.elb().delete_load_balancer().load_balancer_arn(arn);
                deleted(aws, arn, aws.write(Service::Elb, "DeleteLoadBalancer", call.send()).await)?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(lb: &wire::LoadBalancer) -> Option<Observation> {
    let (arn, name) = (lb.load_balancer_arn()?.to_owned(), lb.load_balancer_name()?.to_owned());
    let zones = lb.availability_zones();
    let subnets: Vec<&str> = zones.iter().filter_map(|z| z.subnet_id()).collect();
    let groups = (!lb.security_groups().is_empty()).then(|| json!(lb.security_groups()));
    let pools = lb.ipam_pools().map(|p| object([("ipv4IpamPoolId", p.ipv4_ipam_pool_id().map(Into::into))]));
    let mut fields = object([
        ("name", Some(name.as_str().into())),
        ("type", lb.r#type().map(|t| t.as_str().into())),
        ("scheme", lb.scheme().map(|s| s.as_str().into())),
        ("ipAddressType", lb.ip_address_type().map(|t| t.as_str().into())),
        ("subnets", Some(json!(subnets))),
        ("subnetMappings", Some(zones.iter().map(mapping).collect())),
        ("securityGroups", groups.clone()),
        (
            "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
            lb.enforce_security_group_inbound_rules_on_private_link_traffic().map(Into::into),
        ),
        ("customerOwnedIpv4Pool", lb.customer_owned_ipv4_pool().map(Into::into)),
        ("enablePrefixForIpv6SourceNat", lb.enable_prefix_for_ipv6_source_nat().map(|e| e.as_str().into())),
        ("ipamPools", pools.filter(|p| *p != json!({}))),
    ]);
    super::canonical(&mut fields);
    let (state, health) = state_of(lb.state());
    let outputs = outputs(
        &arn,
        [
            ("name", Some(name.as_str().into())),
            ("fullName", Some(full_name(&arn).into())),
            ("dnsName", lb.dns_name().map(Into::into)),
            ("canonicalHostedZoneId", lb.canonical_hosted_zone_id().map(Into::into)),
            ("vpcId", lb.vpc_id().map(Into::into)),
            ("securityGroups", groups),
        ],
    );
    Some(Observation { outputs, state, health, ..settled(arn, name, Tags::new(), fields) })
}

fn mapping(zone: &wire::AvailabilityZone) -> Value {
    let of = |part: fn(&wire::LoadBalancerAddress) -> Option<&str>| {
        zone.load_balancer_addresses().iter().find_map(part).map(Value::from)
    };
    object([
        ("subnetId", zone.subnet_id().map(Into::into)),
        ("allocationId", of(|a| a.allocation_id())),
        ("privateIPv4Address", of(|a| a.private_ipv4_address())),
        ("iPv6Address", of(|a| a.ipv6_address())),
        ("sourceNatIpv6Prefix", zone.source_nat_ipv6_prefixes().first().map(|p| p.as_str().into())),
    ])
}

/// A load balancer can be written while it is provisioning; only its health waits.
fn state_of(state: Option<&wire::LoadBalancerState>) -> (LiveState, Health) {
    let why = |s: &wire::LoadBalancerState, word: &str| match s.reason().filter(|r| !r.is_empty()) {
        Some(reason) => format!("{word}: {reason}"),
        None => word.to_owned(),
    };
    match state.and_then(|s| Some((s, s.code()?.as_str()))) {
        Some((s, code @ "provisioning")) => (LiveState::Settled, Health::Progressing(why(s, code))),
        Some((s, code @ "active_impaired")) => (LiveState::Settled, Health::Degraded(why(s, code))),
        Some((s, code @ "failed")) => (LiveState::Failed(why(s, code)), Health::Degraded(why(s, code))),
        _ => (LiveState::Settled, Health::Healthy),
    }
}

/// Reads attributes of those that are declared, and reserved capacity where that is declared, in turns.
async fn audit(aws: &Aws<'_>, wanted: &Wanted, seen: &mut [Observation]) {
    let specs = Specs::new::<LoadBalancer>(wanted);
    let has_capacity = |o: &Observation| {
        let spec = specs.of(o)?;
        Some((o.id.clone(), spec.get("minimumLoadBalancerCapacity").is_some()))
    };
    let capacity: BTreeMap<String, bool> = seen.iter().filter_map(has_capacity).collect();
    let due: Vec<String> = capacity.keys().cloned().collect();
    let audit = aws
        .audit(&due, |arn| {
            let with_capacity = capacity.get(&arn).copied().unwrap_or_default();
            async move { read_attributes(aws, &arn, with_capacity).await }
        })
        .await;
    for one in seen {
        let read = audit.values.get(&one.id).map(Arc::as_ref);
        let fields: &[&str] = match capacity.get(&one.id) {
            Some(true) => &["attributes", "minimumLoadBalancerCapacity"],
            _ => &["attributes"],
        };
        put_audited(one, read, fields);
    }
}

async fn read_attributes(aws: &Aws<'_>, arn: &str, with_capacity: bool) -> Result<Value, ApplyError> {
    let call = aws.elb().describe_load_balancer_attributes().load_balancer_arn(arn);
    let answer = aws.read(Service::Elb, "DescribeLoadBalancerAttributes", call.send()).await?;
    let mut read = json!({ "attributes": attributes_json(answer.attributes().iter().map(|a| (a.key(), a.value()))) });
    if with_capacity {
        let call = aws.elb().describe_capacity_reservation().load_balancer_arn(arn);
        let answer = aws.read(Service::Elb, "DescribeCapacityReservation", call.send()).await?;
        let units = answer.minimum_load_balancer_capacity().and_then(|m| m.capacity_units());
        read["minimumLoadBalancerCapacity"] = units.map_or(Value::Null, |n| json!({ "capacityUnits": n }));
    }
    Ok(read)
}

async fn create(aws: &Aws<'_>, members: &Map<String, Value>, tags: &Tags) -> Result<Applied, ApplyError> {
    let spec: LoadBalancerSpec = parse("CreateLoadBalancer", members)?;
    let call = aws
        .elb()
        .create_load_balancer()
        .name(&spec.name)
        .set_type(spec.kind.as_deref().map(Into::into))
        .set_scheme(spec.scheme.as_deref().map(Into::into))
        .set_ip_address_type(spec.ip_address_type.as_deref().map(Into::into))
        .set_subnets(list(spec.subnets.as_ref()))
        .set_subnet_mappings(mappings(spec.subnet_mappings.as_deref()))
        .set_security_groups(list(spec.security_groups.as_ref()))
        .set_customer_owned_ipv4_pool(spec.customer_owned_ipv4_pool.clone())
        .set_enable_prefix_for_ipv6_source_nat(spec.enable_prefix_for_ipv6_source_nat.as_deref().map(Into::into))
        .set_ipam_pools(
            spec.ipam_pools
                .as_ref()
                .map(|p| wire::IpamPools::builder().set_ipv4_ipam_pool_id(p.ipv4_ipam_pool_id.clone()).build()),
        )
        .set_tags(tags_for(tags));
    let answer = aws.write(Service::Elb, "CreateLoadBalancer", call.send()).await?;
    made("CreateLoadBalancer", answer.load_balancers().first().and_then(observe))
}

/// The items for a call; none at all rather than an empty list.
fn list(items: Option<&Many<String>>) -> Option<Vec<String>> {
    items.map(|many| many.items().to_vec()).filter(|items| !items.is_empty())
}

fn mappings(mappings: Option<&[SubnetMapping]>) -> Option<Vec<wire::SubnetMapping>> {
    let each = mappings?.iter().map(|m| {
        wire::SubnetMapping::builder()
            .subnet_id(&m.subnet_id)
            .set_allocation_id(m.allocation_id.clone())
            .set_private_ipv4_address(m.private_ipv4_address.clone())
            .set_ipv6_address(m.ipv6_address.clone())
            .set_source_nat_ipv6_prefix(m.source_nat_ipv6_prefix.clone())
            .build()
    });
    Some(each.collect())
}

async fn modify_attributes(aws: &Aws<'_>, arn: &str, attributes: &Attributes) -> Result<(), ApplyError> {
    let one = |(k, v)| wire::LoadBalancerAttribute::builder().key(k).value(v).build();
    let list = attributes.iter().map(one).collect();
    let call = aws.elb().modify_load_balancer_attributes().load_balancer_arn(arn).set_attributes(Some(list));
    let call = aws.write(Service::Elb, "ModifyLoadBalancerAttributes", call.send());
    aws.rereading(arn, call).await.map(drop)
}

/// The members of SetSubnets and SetSecurityGroups.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    subnets: Option<Many<String>>,
    subnet_mappings: Option<Vec<SubnetMapping>>,
    enable_prefix_for_ipv6_source_nat: Option<OnOff>,
    security_groups: Option<Many<String>>,
    enforce_security_group_inbound_rules_on_private_link_traffic: Option<OnOff>,
}

async fn set_subnets(aws: &Aws<'_>, arn: &str, subnets: &Map<String, Value>) -> Result<(), ApplyError> {
    let members: Members = parse("SetSubnets", subnets)?;
    let call = aws
        .elb()
        .set_subnets()
        .load_balancer_arn(arn)
        .set_subnets(list(members.subnets.as_ref()))
        .set_subnet_mappings(mappings(members.subnet_mappings.as_deref()))
        .set_enable_prefix_for_ipv6_source_nat(members.enable_prefix_for_ipv6_source_nat.as_deref().map(Into::into));
    aws.write(Service::Elb, "SetSubnets", call.send()).await.map(drop)
}

async fn set_groups(aws: &Aws<'_>, arn: &str, groups: &Map<String, Value>) -> Result<Applied, ApplyError> {
    let members: Members = parse("SetSecurityGroups", groups)?;
    let enforce = members.enforce_security_group_inbound_rules_on_private_link_traffic;
    let groups = members.security_groups.map(|many| many.items().to_vec()).unwrap_or_default();
    let call = aws
        .elb()
        .set_security_groups()
        .load_balancer_arn(arn)
        .set_security_groups(Some(groups.clone()))
        .set_enforce_security_group_inbound_rules_on_private_link_traffic(enforce.as_deref().map(Into::into));
    aws.write(Service::Elb, "SetSecurityGroups", call.send()).await?;
    Ok(Applied { outputs: Outputs::from_iter([("securityGroups", json!(groups))]), ..Applied::default() })
}

async fn modify_capacity(aws: &Aws<'_>, arn: &str, units: Option<&Value>) -> Result<(), ApplyError> {
    let call = aws.elb().modify_capacity_reservation().load_balancer_arn(arn);
    let call = match units {
        Some(units) => {
            let members = Map::from_iter([("capacityUnits".to_owned(), units.clone())]);
            let capacity: MinimumCapacity = parse("ModifyCapacityReservation", &members)?;
            let units = number(capacity.capacity_units.as_ref());
            call.minimum_load_balancer_capacity(
                wire::MinimumLoadBalancerCapacity::builder().set_capacity_units(units).build(),
            )
        }
        None => call.reset_capacity_reservation(true),
    };
    aws.rereading(arn, aws.write(Service::Elb, "ModifyCapacityReservation", call.send())).await.map(drop)
}
