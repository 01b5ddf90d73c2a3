//! EC2's side of an endpoint.

use super::{
    ADDRESSES, DNS, DnsOptions, GROUPS, POLICY, PRIVATE_DNS, SUBNETS, TABLES, TYPE, VpcEndpoint, VpcEndpointSpec,
};
use crate::aws::answer::{answered, deleted, made, object, parse};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::text;
use crate::ec2::aws::{Concern, PAGE, arn, retag, tags_for, tags_from};
use crate::plain::{self, Action, Call};
use async_trait::async_trait;
use aws_sdk_ec2::types::{DnsOptionsSpecification, ResourceType};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Wanted};
use serde_json::{Map, Value};

#[async_trait]
impl Live for VpcEndpoint {
    /// One listing, 1,000 a page, with everything and tags.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_vpc_endpoints().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeVpcEndpoints", page.send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let concern = Concern::of::<Self>(wanted);
        let all = pages.iter().flat_map(|page| page.vpc_endpoints());
        let ours = all.filter(|endpoint| concern.has(endpoint.vpc_endpoint_id(), endpoint.tags(), None));
        Ok(reading(ours.filter_map(|endpoint| observe(aws, endpoint)).collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let policy = text(&Value::Object(spec.clone()), POLICY).map(str::to_owned);
                let spec: VpcEndpointSpec = parse("ec2:CreateVpcEndpoint", spec)?;
                let some = |list: Option<Vec<String>>| list.filter(|list| !list.is_empty());
                let call = aws
                    .ec2()
                    .create_vpc_endpoint()
                    .vpc_id(spec.vpc_id)
                    .service_name(spec.service_name)
                    .vpc_endpoint_type(spec.vpc_endpoint_type.as_deref().unwrap_or("Gateway").into())
                    .set_service_region(spec.service_region)
                    .set_route_table_ids(some(spec.route_table_ids))
                    .set_subnet_ids(some(spec.subnet_ids))
                    .set_security_group_ids(some(spec.security_group_ids))
                    .set_policy_document(policy)
                    .set_private_dns_enabled(spec.private_dns_enabled)
                    .set_ip_address_type(spec.ip_address_type.as_deref().map(Into::into))
                    .set_dns_options(spec.dns_options.as_ref().and_then(dns))
                    .client_token(token)
                    .tag_specifications(tags_for(ResourceType::VpcEndpoint, tags));
                let answer = aws.write(Service::Ec2, "CreateVpcEndpoint", call.send()).await?;
                let seen = answer.vpc_endpoint().and_then(|endpoint| observe(aws, endpoint));
                return made("ec2:CreateVpcEndpoint", seen);
            }
            Call::Modify { id, set } => modify(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => delete(aws, id).await?,
        }
        Ok(Applied::default())
    }
}

fn dns(options: &DnsOptions) -> Option<DnsOptionsSpecification> {
    let (records, inbound) = (&options.dns_record_ip_type, options.private_dns_only_for_inbound_resolver_endpoint);
    let call = DnsOptionsSpecification::builder()
        .set_dns_record_ip_type(records.as_deref().map(Into::into))
        .set_private_dns_only_for_inbound_resolver_endpoint(inbound);
    (records.is_some() || inbound.is_some()).then(|| call.build())
}

/// An endpoint that AWS has deleted may be listed for a while; it is not live.
fn observe(aws: &Aws<'_>, endpoint: &aws_sdk_ec2::types::VpcEndpoint) -> Option<Observation> {
    let id = endpoint.vpc_endpoint_id()?.to_owned();
    // Services spell types and states with and without a capital.
    let is = endpoint.vpc_endpoint_type().map_or("Gateway", |t| t.as_str());
    let is =
        ["Gateway", "Interface", "GatewayLoadBalancer"].into_iter().find(|t| t.eq_ignore_ascii_case(is)).unwrap_or(is);
    let of = |types: &[&str], list: &[String]| types.contains(&is).then(|| list.to_vec().into());
    let groups: Vec<String> = endpoint.groups().iter().filter_map(|g| Some(g.group_id()?.to_owned())).collect();
    let options = endpoint.dns_options().map(|options| {
        object([
            ("dnsRecordIpType", options.dns_record_ip_type().map(|t| t.as_str().into())),
            (
                "privateDnsOnlyForInboundResolverEndpoint",
                options.private_dns_only_for_inbound_resolver_endpoint().map(Into::into),
            ),
        ])
    });
    let region = endpoint.service_region().filter(|region| *region != aws.scope().region.as_str());
    let fields = object([
        ("vpcId", endpoint.vpc_id().map(Into::into)),
        ("serviceName", endpoint.service_name().map(Into::into)),
        (TYPE, Some(is.into())),
        ("serviceRegion", region.map(Into::into)),
        (TABLES, of(&["Gateway"], endpoint.route_table_ids())),
        (SUBNETS, of(&["Interface", "GatewayLoadBalancer"], endpoint.subnet_ids())),
        (GROUPS, of(&["Interface"], &groups)),
        (POLICY, endpoint.policy_document().map(Into::into)),
        (PRIVATE_DNS, endpoint.private_dns_enabled().map(Into::into)),
        (ADDRESSES, endpoint.ip_address_type().map(|t| t.as_str().into())),
        (DNS, options),
    ]);
    let arn = arn(aws, endpoint.owner_id(), "vpc-endpoint", &id);
    let name = endpoint.dns_entries().first().and_then(|entry| entry.dns_name()).map(Into::into);
    let more = [("arn", Some(arn.into())), ("dnsName", name)];
    let mut seen = plain::observation::<VpcEndpoint, 2>(id, tags_from(endpoint.tags()), fields, more);
    let state = endpoint.state().map(|s| s.as_str().to_lowercase()).unwrap_or_default();
    match state.as_str() {
        "deleted" => return None,
        "deleting" => seen.state = LiveState::Deleting(state),
        "pending" => {
            seen.health = Health::Progressing("AWS is still making it".to_owned());
            seen.state = LiveState::Busy(state);
        }
        "pendingacceptance" => {
            seen.health = Health::Progressing("the owner of the service has not accepted it yet".to_owned());
        }
        "failed" | "rejected" | "expired" | "partial" => {
            let words = endpoint.last_error().and_then(|e| e.message()).or_else(|| endpoint.failure_reason());
            let why = words.map_or_else(|| state.clone(), |words| format!("{state}: {words}"));
            (seen.state, seen.health) = (LiveState::Failed(why.clone()), Health::Degraded(why));
        }
        _ => {}
    }
    Some(seen)
}

/// One call sets all that differs. It takes lists as what to add and what to remove, so what is there is asked first.
async fn modify(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let call = aws.ec2().describe_vpc_endpoints().vpc_endpoint_ids(id);
    let answer = aws.read(Service::Ec2, "DescribeVpcEndpoints", call.send()).await?;
    let live = answer.vpc_endpoints().first().and_then(|endpoint| observe(aws, endpoint));
    let list = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_array).into_iter().flatten().filter_map(|v| Some(v.as_str()?.to_owned())).collect()
    };
    // What is in the one list and not in the other, for fields that are to change.
    let change = |field: &str| {
        let wanted = set.get(field).map(|value| list(Some(value)))?;
        let there = list(live.as_ref().and_then(|live| live.fields.get(field)));
        let beyond =
            |one: &[String], other: &[String]| one.iter().filter(|v| !other.contains(v)).cloned().collect::<Vec<_>>();
        Some((beyond(&wanted, &there), beyond(&there, &wanted)))
    };
    let some = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
    let [tables, subnets, groups] = [TABLES, SUBNETS, GROUPS].map(|field| change(field).unwrap_or_default());
    let options: Option<DnsOptions> = set.get(DNS).and_then(|value| serde_json::from_value(value.clone()).ok());
    let call = aws
        .ec2()
        .modify_vpc_endpoint()
        .vpc_endpoint_id(id)
        .set_add_route_table_ids(some(tables.0))
        .set_remove_route_table_ids(some(tables.1))
        .set_add_subnet_ids(some(subnets.0))
        .set_remove_subnet_ids(some(subnets.1))
        .set_add_security_group_ids(some(groups.0))
        .set_remove_security_group_ids(some(groups.1))
        .set_policy_document(set.get(POLICY).and_then(Value::as_str).map(str::to_owned))
        .set_private_dns_enabled(set.get(PRIVATE_DNS).and_then(Value::as_bool))
        .set_ip_address_type(set.get(ADDRESSES).and_then(Value::as_str).map(Into::into))
        .set_dns_options(options.as_ref().and_then(dns));
    aws.write(Service::Ec2, "ModifyVpcEndpoint", call.send()).await.map(drop)
}

/// The call takes many and succeeds even where it did none; what it could not do stands in its answer.
async fn delete(aws: &Aws<'_>, id: &str) -> Result<(), ApplyError> {
    let call = aws.ec2().delete_vpc_endpoints().vpc_endpoint_ids(id);
    let answer = match aws.write(Service::Ec2, "DeleteVpcEndpoints", call.send()).await {
        Ok(answer) => answer,
        refused => return deleted(refused),
    };
    let Some(error) = answer.unsuccessful().iter().find_map(|item| item.error()) else { return Ok(()) };
    let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
    deleted(Err::<(), _>(answered("ec2:DeleteVpcEndpoints", code, message)))
}
