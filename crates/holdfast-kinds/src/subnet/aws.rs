//! EC2's side of a subnet.

use super::{IPV6, Subnet, SubnetSpec};
use crate::aws::answer::{made, object, parse};
use crate::aws::{Aws, Live, Service, reading};
use crate::ec2::aws::{Concern, arn, delete, retag, shared, tags_for, tags_from};
use crate::plain::{self, Action, Call};
use async_trait::async_trait;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, SubnetCidrBlockStateCode};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Wanted};
use serde_json::{Map, Value};

#[async_trait]
impl Live for Subnet {
    /// One listing, 1,000 a page, with attributes and tags.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let all = shared::subnets(aws).await?;
        let concern = Concern::of::<Self>(wanted);
        let ours = all.iter().filter(|subnet| concern.has(subnet.subnet_id(), subnet.tags(), None));
        Ok(reading(ours.filter_map(|subnet| observe(aws, subnet)).collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let spec: SubnetSpec = parse("ec2:CreateSubnet", spec)?;
                let call = aws
                    .ec2()
                    .create_subnet()
                    .vpc_id(spec.vpc_id)
                    .set_cidr_block(spec.cidr_block)
                    .set_ipv6_cidr_block(spec.ipv6_cidr_block)
                    .set_ipv6_native(spec.ipv6_native)
                    .set_availability_zone(spec.availability_zone)
                    .set_availability_zone_id(spec.availability_zone_id)
                    .tag_specifications(tags_for(ResourceType::Subnet, tags));
                let answer = aws.write(Service::Ec2, "CreateSubnet", call.send()).await?;
                return made("ec2:CreateSubnet", answer.subnet().and_then(|subnet| observe(aws, subnet)));
            }
            Call::Modify { id, set } => modify(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                delete(aws, "DeleteSubnet", aws.ec2().delete_subnet().subnet_id(id).send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(aws: &Aws<'_>, subnet: &aws_sdk_ec2::types::Subnet) -> Option<Observation> {
    let id = subnet.subnet_id()?.to_owned();
    let names = subnet.private_dns_name_options_on_launch();
    let fields = object([
        ("vpcId", subnet.vpc_id().map(Into::into)),
        ("cidrBlock", subnet.cidr_block().map(Into::into)),
        (IPV6, ipv6(subnet).map(|(_, cidr)| cidr.into())),
        ("ipv6Native", subnet.ipv6_native().map(Into::into)),
        ("availabilityZone", subnet.availability_zone().map(Into::into)),
        ("availabilityZoneId", subnet.availability_zone_id().map(Into::into)),
        ("mapPublicIpOnLaunch", subnet.map_public_ip_on_launch().map(Into::into)),
        ("assignIpv6AddressOnCreation", subnet.assign_ipv6_address_on_creation().map(Into::into)),
        ("enableDns64", subnet.enable_dns64().map(Into::into)),
        ("privateDnsHostnameTypeOnLaunch", names.and_then(|n| n.hostname_type()).map(|t| t.as_str().into())),
        (
            "enableResourceNameDnsARecordOnLaunch",
            names.and_then(|n| n.enable_resource_name_dns_a_record()).map(Into::into),
        ),
        (
            "enableResourceNameDnsAAAARecordOnLaunch",
            names.and_then(|n| n.enable_resource_name_dns_aaaa_record()).map(Into::into),
        ),
    ]);
    let arn = subnet.subnet_arn().map_or_else(|| arn(aws, subnet.owner_id(), "subnet", &id), str::to_owned);
    let mut seen = plain::observation::<Subnet, 1>(id, tags_from(subnet.tags()), fields, [("arn", Some(arn.into()))]);
    match subnet.state().map(|s| s.as_str()) {
        Some("pending") => seen.state = LiveState::Busy("pending".to_owned()),
        Some(state) if state.starts_with("failed") => {
            let why = format!("{state}: AWS could not provide the subnet");
            (seen.state, seen.health) = (LiveState::Failed(why.clone()), Health::Degraded(why));
        }
        _ => {}
    }
    Some(seen)
}

/// The association of its IPv6 network, and that network. What is on its way out counts no more.
fn ipv6(subnet: &aws_sdk_ec2::types::Subnet) -> Option<(&str, &str)> {
    let set = subnet.ipv6_cidr_block_association_set();
    let stays = |code: Option<&SubnetCidrBlockStateCode>| {
        !matches!(code, Some(SubnetCidrBlockStateCode::Disassociated | SubnetCidrBlockStateCode::Disassociating))
    };
    let one = set.iter().find(|a| stays(a.ipv6_cidr_block_state().and_then(|s| s.state())))?;
    Some((one.association_id()?, one.ipv6_cidr_block()?))
}

/// One attribute a call: EC2 takes no two.
async fn modify(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    for (attribute, value) in set {
        if attribute == IPV6 {
            replace_ipv6(aws, id, value.as_str()).await?;
            continue;
        }
        let flag = AttributeBooleanValue::builder().set_value(value.as_bool()).build();
        let call = aws.ec2().modify_subnet_attribute().subnet_id(id);
        let call = match attribute.as_str() {
            "mapPublicIpOnLaunch" => call.map_public_ip_on_launch(flag),
            "assignIpv6AddressOnCreation" => call.assign_ipv6_address_on_creation(flag),
            "enableDns64" => call.enable_dns64(flag),
            "privateDnsHostnameTypeOnLaunch" => {
                call.set_private_dns_hostname_type_on_launch(value.as_str().map(Into::into))
            }
            "enableResourceNameDnsARecordOnLaunch" => call.enable_resource_name_dns_a_record_on_launch(flag),
            _ => call.enable_resource_name_dns_aaaa_record_on_launch(flag),
        };
        aws.write(Service::Ec2, "ModifySubnetAttribute", call.send()).await?;
    }
    Ok(())
}

/// A subnet has one IPv6 network at most, so the old one goes before the new one comes.
async fn replace_ipv6(aws: &Aws<'_>, id: &str, cidr: Option<&str>) -> Result<(), ApplyError> {
    let call = aws.ec2().describe_subnets().subnet_ids(id);
    let answer = aws.read(Service::Ec2, "DescribeSubnets", call.send()).await?;
    if let Some((association, _)) = answer.subnets().first().and_then(ipv6) {
        let call = aws.ec2().disassociate_subnet_cidr_block().association_id(association);
        aws.write(Service::Ec2, "DisassociateSubnetCidrBlock", call.send()).await?;
    }
    if let Some(cidr) = cidr {
        let call = aws.ec2().associate_subnet_cidr_block().subnet_id(id).ipv6_cidr_block(cidr);
        aws.write(Service::Ec2, "AssociateSubnetCidrBlock", call.send()).await?;
    }
    Ok(())
}
