//! Which of EC2's things are there, asked for by filter.

use super::super::call::{Aws, Service, all_pages};
use aws_sdk_ec2::types::{Filter, InstanceStateName, NatGatewayState};
use holdfast_core::cloud::ApplyError;
use holdfast_core::preflight::Thing;
use std::collections::BTreeSet;

/// A filter takes so many values.
const VALUES: usize = 200;
/// The page of most listings; a batch never fills it.
const PAGE: i32 = 1000;
/// The largest page of those that give no more.
const SMALL_PAGE: i32 = 100;

/// The ids of those that one listing shows, page by page. `$live` says which of what it shows is really there.
macro_rules! listed {
    ($aws:ident, $some:ident, $operation:literal, $call:ident.$filter:ident($name:literal), $page:expr, $things:ident, $id:ident) => {{
        let pages = all_pages(
            |token| {
                let call = $aws.ec2().$call().$filter(filter($name, $some)).max_results($page).set_next_token(token);
                $aws.read(Service::Ec2, $operation, call.send())
            },
            |answer| answer.next_token(),
        );
        pages.await?.iter().flat_map(|p| p.$things()).filter_map(|t| t.$id().map(str::to_owned)).collect()
    }};
}

fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

/// Those of the ids that are there.
pub(super) async fn present(
    aws: &Aws<'_>,
    thing: Thing,
    ids: &BTreeSet<String>,
) -> Result<BTreeSet<String>, ApplyError> {
    let all: Vec<String> = ids.iter().cloned().collect();
    let mut found = BTreeSet::new();
    for some in all.chunks(VALUES) {
        found.extend(some_present(aws, thing, some).await?);
    }
    Ok(found)
}

async fn some_present(aws: &Aws<'_>, thing: Thing, some: &[String]) -> Result<Vec<String>, ApplyError> {
    Ok(match thing {
        Thing::Subnet => {
            listed!(aws, some, "DescribeSubnets", describe_subnets.filters("subnet-id"), PAGE, subnets, subnet_id)
        }
        Thing::SecurityGroup => {
            listed!(
                aws,
                some,
                "DescribeSecurityGroups",
                describe_security_groups.filters("group-id"),
                PAGE,
                security_groups,
                group_id
            )
        }
        Thing::Vpc => listed!(aws, some, "DescribeVpcs", describe_vpcs.filters("vpc-id"), PAGE, vpcs, vpc_id),
        Thing::InternetGateway => {
            listed!(
                aws,
                some,
                "DescribeInternetGateways",
                describe_internet_gateways.filters("internet-gateway-id"),
                PAGE,
                internet_gateways,
                internet_gateway_id
            )
        }
        Thing::RouteTable => {
            listed!(
                aws,
                some,
                "DescribeRouteTables",
                describe_route_tables.filters("route-table-id"),
                SMALL_PAGE,
                route_tables,
                route_table_id
            )
        }
        Thing::NetworkInterface => {
            listed!(
                aws,
                some,
                "DescribeNetworkInterfaces",
                describe_network_interfaces.filters("network-interface-id"),
                PAGE,
                network_interfaces,
                network_interface_id
            )
        }
        Thing::PrefixList => {
            listed!(
                aws,
                some,
                "DescribeManagedPrefixLists",
                describe_managed_prefix_lists.filters("prefix-list-id"),
                SMALL_PAGE,
                prefix_lists,
                prefix_list_id
            )
        }
        Thing::Image => images(aws, some).await?,
        Thing::NatGateway => nat_gateways(aws, some).await?,
        Thing::Instance => instances(aws, some).await?,
        Thing::ElasticIp => addresses(aws, some).await?,
        Thing::Role | Thing::InstanceProfile | Thing::Cluster | Thing::LoadBalancer | Thing::TargetGroup => {
            some.to_vec()
        }
    })
}

/// A deprecated image is hidden from everybody but its owner, and can still be launched.
async fn images(aws: &Aws<'_>, some: &[String]) -> Result<Vec<String>, ApplyError> {
    let pages = all_pages(
        |token| {
            let call = aws.ec2().describe_images().include_deprecated(true).filters(filter("image-id", some));
            aws.read(Service::Ec2, "DescribeImages", call.max_results(PAGE).set_next_token(token).send())
        },
        |answer| answer.next_token(),
    );
    Ok(pages.await?.iter().flat_map(|p| p.images()).filter_map(|i| i.image_id().map(str::to_owned)).collect())
}

/// A deleted NAT gateway is shown for about an hour.
async fn nat_gateways(aws: &Aws<'_>, some: &[String]) -> Result<Vec<String>, ApplyError> {
    let pages = all_pages(
        |token| {
            let call = aws.ec2().describe_nat_gateways().filter(filter("nat-gateway-id", some));
            aws.read(Service::Ec2, "DescribeNatGateways", call.max_results(PAGE).set_next_token(token).send())
        },
        |answer| answer.next_token(),
    );
    let gone = [NatGatewayState::Deleted, NatGatewayState::Deleting, NatGatewayState::Failed];
    let pages = pages.await?;
    let live = pages.iter().flat_map(|p| p.nat_gateways()).filter(|n| n.state().is_none_or(|s| !gone.contains(s)));
    Ok(live.filter_map(|n| n.nat_gateway_id().map(str::to_owned)).collect())
}

/// A terminated instance is shown for about an hour.
async fn instances(aws: &Aws<'_>, some: &[String]) -> Result<Vec<String>, ApplyError> {
    let pages = all_pages(
        |token| {
            let call = aws.ec2().describe_instances().filters(filter("instance-id", some));
            aws.read(Service::Ec2, "DescribeInstances", call.max_results(PAGE).set_next_token(token).send())
        },
        |answer| answer.next_token(),
    );
    let gone = [InstanceStateName::Terminated, InstanceStateName::ShuttingDown];
    let pages = pages.await?;
    let all = pages.iter().flat_map(|p| p.reservations()).flat_map(|r| r.instances());
    let live = all.filter(|i| i.state().and_then(|s| s.name()).is_none_or(|name| !gone.contains(name)));
    Ok(live.filter_map(|i| i.instance_id().map(str::to_owned)).collect())
}

/// Addresses come in one page.
async fn addresses(aws: &Aws<'_>, some: &[String]) -> Result<Vec<String>, ApplyError> {
    let call = aws.ec2().describe_addresses().filters(filter("allocation-id", some));
    let answer = aws.read(Service::Ec2, "DescribeAddresses", call.send()).await?;
    Ok(answer.addresses().iter().filter_map(|a| a.allocation_id().map(str::to_owned)).collect())
}
