//! What AWS makes of each call about a load balancer.

use super::LoadBalancer;
use super::plan::Action;
use crate::common::{refusal, settled, text};
use crate::elb::kind::{changed, not_twice};
use crate::elb::{attributes, full_name, outputs, overlay};
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::{Mint, Refusal};
use holdfast_core::observe::Observation;
use serde_json::{Map, Value, json};

/// Why a protected load balancer is not deleted, and what to do.
pub(super) const PROTECTED: &str = "deletion protection is on, and is never switched off for a delete. Set the attribute \
    deletion_protection.enabled to false, apply that, and delete it then";

pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    let changed = |arn, change: &dyn Fn(&mut Value)| changed::<LoadBalancer>(before, arn, change);
    match action {
        Action::Create { spec, tags } => {
            not_twice(before, "DuplicateLoadBalancerName", "a load balancer of that name exists")?;
            Ok(Some(created(spec, tags.clone(), mint)))
        }
        Action::ModifyAttributes { arn, attributes: set } => changed(arn, &|fields| attributes::overlay(fields, set)),
        Action::SetSubnets { arn, subnets } => changed(arn, &|fields| {
            overlay(fields, subnets);
            mirror_subnets(fields, subnets);
        }),
        Action::SetSecurityGroups { arn, groups } => changed(arn, &|fields| overlay(fields, groups)),
        Action::SetIpAddressType { arn, ip_address_type } => {
            changed(arn, &|fields| overlay(fields, &single("ipAddressType", json!(ip_address_type))))
        }
        Action::ModifyCapacity { arn, capacity_units } => changed(arn, &|fields| {
            let value = capacity_units.as_ref().map_or(Value::Null, |units| json!({ "capacityUnits": units }));
            overlay(fields, &single("minimumLoadBalancerCapacity", value));
        }),
        Action::ModifyIpPools { arn, ipv4_ipam_pool_id } => changed(arn, &|fields| {
            let value = ipv4_ipam_pool_id.as_ref().map_or(Value::Null, |pool| json!({ "ipv4IpamPoolId": pool }));
            overlay(fields, &single("ipamPools", value));
        }),
        Action::Tag(tag) => tag.predict(before),
        Action::Delete { protected: true, .. } => {
            Err(refusal(ErrorClass::Rejected, "OperationNotPermitted", PROTECTED))
        }
        Action::Delete { arn, .. } => match before {
            Some(live) if live.fields.pointer("/attributes/deletion_protection.enabled") == Some(&json!("true")) => {
                let words = format!("{arn}: {PROTECTED}");
                Err(refusal(ErrorClass::Rejected, "OperationNotPermitted", words))
            }
            // Deleting what is gone succeeds, as in AWS.
            _ => Ok(None),
        },
    }
}

fn single(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

fn created(spec: &Map<String, Value>, tags: crate::common::Tags, mint: &mut Mint) -> Observation {
    let mut fields = json!({ "type": "application", "ipAddressType": "ipv4" });
    overlay(&mut fields, spec);
    let kind = text(&fields, "type").unwrap_or("application").to_owned();
    if kind != "gateway" && fields.get("scheme").is_none() {
        overlay(&mut fields, &single("scheme", json!("internet-facing")));
    }
    mirror_subnets(&mut fields, spec);
    super::canonical(&mut fields);
    let name = text(&fields, "name").unwrap_or_default().to_owned();
    let short = match kind.as_str() {
        "network" => "net",
        "gateway" => "gwy",
        _ => "app",
    };
    let id = mint.hex(16);
    let arn = mint.arn("elasticloadbalancing", &format!("loadbalancer/{short}/{name}/{id}"));
    let inside = if text(&fields, "scheme") == Some("internal") { "internal-" } else { "" };
    let dns = format!("{inside}{name}-{}.{}.elb.amazonaws.com", mint.hex(10), mint.region);
    let mut seen = settled(arn.clone(), name.clone(), tags, fields);
    seen.outputs = outputs(
        &arn,
        [
            ("name", Some(name.into())),
            ("fullName", Some(full_name(&arn).into())),
            ("dnsName", Some(dns.into())),
            ("canonicalHostedZoneId", Some(format!("Z{}", mint.hex(13).to_uppercase()).into())),
            ("vpcId", Some(format!("vpc-{}", mint.hex(17)).into())),
            ("securityGroups", seen.fields.get("securityGroups").cloned()),
        ],
    );
    seen
}

/// AWS shows the same subnets in both forms, whichever was given.
fn mirror_subnets(fields: &mut Value, given: &Map<String, Value>) {
    let ids = |maps: &Vec<Value>| maps.iter().filter_map(|m| m.get("subnetId").cloned()).collect::<Vec<_>>();
    let map = |ids: &Vec<Value>| ids.iter().map(|id| json!({ "subnetId": id })).collect::<Vec<_>>();
    match (given.get("subnets"), given.get("subnetMappings")) {
        (_, Some(Value::Array(maps))) => overlay(fields, &single("subnets", json!(ids(maps)))),
        (Some(Value::Array(subnets)), None) => overlay(fields, &single("subnetMappings", json!(map(subnets)))),
        _ => {}
    }
}
