//! EC2's side of a route table.

use super::plan::{Action, Associations, Private, To, observation};
use super::route::target;
use super::seen::{Ours, Seen, ours};
use super::{GATEWAYS, ROUTES, RouteTable, SUBNETS, VGWS};
use crate::aws::answer::{made, object};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::text;
use crate::ec2::aws::{Concern, arn, delete, retag, tags_for, tags_from};
use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, ResourceType, RouteState, RouteTable as Table, RouteTableAssociation, RouteTableAssociationStateCode,
};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::name::UID_TAG;
use holdfast_core::observe::{Health, Observation, Reading, Wanted};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The largest page of this listing.
const PAGE: i32 = 100;

#[async_trait]
impl Live for RouteTable {
    /// One listing, 100 a page, with routes, associations and tags.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_route_tables().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeRouteTables", page.send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let all: Vec<&Table> = pages.iter().flat_map(|page| page.route_tables()).collect();
        let users: BTreeMap<&str, (&str, &str)> = all
            .iter()
            .flat_map(|table| {
                uses(table)
                    .map(|(target, association)| (target, (table.route_table_id().unwrap_or_default(), association)))
            })
            .collect();
        let concern = Concern::of::<Self>(wanted);
        let ours = all.iter().filter(|table| concern.has(table.route_table_id(), table.tags(), None));
        let seen = ours.filter_map(|table| observe(aws, table, declared(wanted, table), &users));
        Ok(reading(seen.collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { vpc_id, tags } => {
                let tags = tags_for(ResourceType::RouteTable, tags);
                let call = aws.ec2().create_route_table().vpc_id(vpc_id).tag_specifications(tags);
                let answer = aws.write(Service::Ec2, "CreateRouteTable", call.send()).await?;
                let seen = answer.route_table().and_then(|table| observe(aws, table, &Value::Null, &BTreeMap::new()));
                return made("ec2:CreateRouteTable", seen);
            }
            Action::Route(to) => route(aws, to).await?,
            Action::Reroute(to) => reroute(aws, to, false).await?,
            Action::Restore(to) => reroute(aws, to, true).await?,
            Action::Unroute(to) => unroute(aws, to).await?,
            Action::Associate { id, target, from } => associate(aws, id, target, from.as_deref()).await?,
            Action::Disassociate(all) | Action::Strip(all) => disassociate(aws, all).await?,
            Action::Propagate { id, gateway_id, may: true } => {
                let call = aws.ec2().enable_vgw_route_propagation().route_table_id(id).gateway_id(gateway_id);
                aws.write(Service::Ec2, "EnableVgwRoutePropagation", call.send()).await?;
            }
            Action::Propagate { id, gateway_id, .. } => {
                let call = aws.ec2().disable_vgw_route_propagation().route_table_id(id).gateway_id(gateway_id);
                aws.write(Service::Ec2, "DisableVgwRoutePropagation", call.send()).await?;
            }
            Action::Retag(change) => retag(aws, change).await?,
            Action::Delete { id } => {
                delete(aws, "DeleteRouteTable", aws.ec2().delete_route_table().route_table_id(id).send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

/// What is declared of a table, by its owner tag or its id.
fn declared<'w>(wanted: &'w Wanted, table: &Table) -> &'w Value {
    let uid = table.tags().iter().find(|tag| tag.key() == Some(UID_TAG)).and_then(|tag| tag.value());
    let id = table.route_table_id();
    let own =
        wanted.resources.iter().find(|w| uid == Some(w.uid.as_str()) || (w.id.is_some() && w.id.as_deref() == id));
    own.map_or(&Value::Null, |w| w.spec.as_ref())
}

/// The subnets and gateways that use a table, with their associations. The main association is AWS's own.
fn uses(table: &Table) -> impl Iterator<Item = (&str, &str)> {
    let stays = |a: &&RouteTableAssociation| {
        use RouteTableAssociationStateCode::{Associated, Associating};
        a.association_state().and_then(|s| s.state()).is_none_or(|s| matches!(s, Associated | Associating))
    };
    let used = table.associations().iter().filter(stays).filter(|a| a.main() != Some(true));
    used.filter_map(|a| Some((a.subnet_id().or_else(|| a.gateway_id())?, a.route_table_association_id()?)))
}

fn observe(
    aws: &Aws<'_>,
    table: &Table,
    declared: &Value,
    users: &BTreeMap<&str, (&str, &str)>,
) -> Option<Observation> {
    let id = table.route_table_id()?.to_owned();
    let list = |field: &str| declared.get(field).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let Ours { routes, came_with_it, blackholes } = ours(table.routes().iter().map(seen).collect(), list(ROUTES));
    let (subnets, gateways): (Vec<&str>, Vec<&str>) =
        uses(table).map(|(target, _)| target).partition(|target| target.starts_with("subnet-"));
    let vgws: Vec<&str> = table.propagating_vgws().iter().filter_map(|v| v.gateway_id()).collect();
    let fields = json!({
        "vpcId": table.vpc_id(), ROUTES: routes, SUBNETS: subnets, GATEWAYS: gateways, VGWS: vgws,
    });
    let wants = list(SUBNETS).iter().chain(list(GATEWAYS)).filter_map(Value::as_str);
    let elsewhere = wants.filter_map(|target| {
        let (_, association) = users.get(target).filter(|(owner, _)| *owner != id)?;
        Some((target.to_owned(), (*association).to_owned()))
    });
    let private = Private {
        associations: uses(table).map(|(target, association)| (target.to_owned(), association.to_owned())).collect(),
        elsewhere: elsewhere.collect(),
        came_with_it,
    };
    let arn = arn(aws, table.owner_id(), "route-table", &id);
    let mut seen = observation(id, arn, tags_from(table.tags()), fields);
    seen.private = private.to_json().into();
    if !blackholes.is_empty() {
        let why = format!("AWS shows as blackholes, because their targets are not there: {}", blackholes.join(", "));
        seen.health = Health::Degraded(why);
    }
    Some(seen)
}

fn seen(route: &aws_sdk_ec2::types::Route) -> Seen {
    let said = |text: Option<&str>| text.map(Value::from);
    let members = object([
        ("destinationCidrBlock", said(route.destination_cidr_block())),
        ("destinationIpv6CidrBlock", said(route.destination_ipv6_cidr_block())),
        ("destinationPrefixListId", said(route.destination_prefix_list_id())),
        ("gatewayId", said(route.gateway_id())),
        ("natGatewayId", said(route.nat_gateway_id())),
        ("networkInterfaceId", said(route.network_interface_id())),
        ("instanceId", said(route.instance_id())),
        ("egressOnlyInternetGatewayId", said(route.egress_only_internet_gateway_id())),
        ("transitGatewayId", said(route.transit_gateway_id())),
        ("vpcPeeringConnectionId", said(route.vpc_peering_connection_id())),
        ("carrierGatewayId", said(route.carrier_gateway_id())),
        ("localGatewayId", said(route.local_gateway_id())),
        ("coreNetworkArn", said(route.core_network_arn())),
    ]);
    Seen {
        route: members,
        origin: route.origin().map(|o| o.as_str().to_owned()).unwrap_or_default(),
        is_blackhole: route.state() == Some(&RouteState::Blackhole),
    }
}

/// Sets the members of a route on a call that takes them.
macro_rules! with_route {
    ($call:expr, $route:expr) => {{
        let of = |key: &str| text($route, key).map(str::to_owned);
        $call
            .set_destination_cidr_block(of("destinationCidrBlock"))
            .set_destination_ipv6_cidr_block(of("destinationIpv6CidrBlock"))
            .set_destination_prefix_list_id(of("destinationPrefixListId"))
            .set_gateway_id(of("gatewayId").filter(|id| id != "local"))
            .set_nat_gateway_id(of("natGatewayId"))
            .set_network_interface_id(of("networkInterfaceId"))
            .set_instance_id(of("instanceId"))
            .set_egress_only_internet_gateway_id(of("egressOnlyInternetGatewayId"))
            .set_transit_gateway_id(of("transitGatewayId"))
            .set_vpc_peering_connection_id(of("vpcPeeringConnectionId"))
            .set_vpc_endpoint_id(of("vpcEndpointId"))
            .set_carrier_gateway_id(of("carrierGatewayId"))
            .set_local_gateway_id(of("localGatewayId"))
            .set_core_network_arn(of("coreNetworkArn"))
    }};
}

/// Adds a route; one that came with the table, or that somebody was faster to add, gets another target instead.
async fn route(aws: &Aws<'_>, to: &To) -> Result<(), ApplyError> {
    let call = with_route!(aws.ec2().create_route().route_table_id(&to.id), &to.route);
    match aws.write(Service::Ec2, "CreateRoute", call.send()).await {
        Err(error) if error.code == "RouteAlreadyExists" => reroute(aws, to, false).await,
        answer => answer.map(drop),
    }
}

async fn reroute(aws: &Aws<'_>, to: &To, restore: bool) -> Result<(), ApplyError> {
    let local = restore || target(&to.route) == Some("local");
    let call = with_route!(aws.ec2().replace_route().route_table_id(&to.id), &to.route);
    let call = call.set_local_target(local.then_some(true));
    aws.write(Service::Ec2, "ReplaceRoute", call.send()).await.map(drop)
}

async fn unroute(aws: &Aws<'_>, to: &To) -> Result<(), ApplyError> {
    let of = |key: &str| text(&to.route, key).map(str::to_owned);
    let call = aws
        .ec2()
        .delete_route()
        .route_table_id(&to.id)
        .set_destination_cidr_block(of("destinationCidrBlock"))
        .set_destination_ipv6_cidr_block(of("destinationIpv6CidrBlock"))
        .set_destination_prefix_list_id(of("destinationPrefixListId"));
    delete(aws, "DeleteRoute", call.send()).await
}

/// Makes a subnet or a gateway use the table. One that uses another table moves over in one call.
async fn associate(aws: &Aws<'_>, id: &str, target: &str, from: Option<&str>) -> Result<(), ApplyError> {
    if let Some(from) = from {
        return replace(aws, id, from).await;
    }
    let call = aws.ec2().associate_route_table().route_table_id(id);
    let call = if target.starts_with("subnet-") { call.subnet_id(target) } else { call.gateway_id(target) };
    match aws.write(Service::Ec2, "AssociateRouteTable", call.send()).await {
        Err(error) if error.code == "Resource.AlreadyAssociated" => match user_of(aws, target).await? {
            Some((owner, _)) if owner == id => Ok(()),
            Some((_, association)) => replace(aws, id, &association).await,
            None => Err(error),
        },
        answer => answer.map(drop),
    }
}

async fn replace(aws: &Aws<'_>, id: &str, association: &str) -> Result<(), ApplyError> {
    let call = aws.ec2().replace_route_table_association().association_id(association).route_table_id(id);
    aws.write(Service::Ec2, "ReplaceRouteTableAssociation", call.send()).await.map(drop)
}

/// The table that a subnet or a gateway uses, and its association.
async fn user_of(aws: &Aws<'_>, target: &str) -> Result<Option<(String, String)>, ApplyError> {
    let name = if target.starts_with("subnet-") { "association.subnet-id" } else { "association.gateway-id" };
    let call = aws.ec2().describe_route_tables().filters(Filter::builder().name(name).values(target).build());
    let answer = aws.read(Service::Ec2, "DescribeRouteTables", call.send()).await?;
    let found = answer.route_tables().iter().find_map(|table| {
        let (_, association) = uses(table).find(|(used_by, _)| *used_by == target)?;
        Some((table.route_table_id()?.to_owned(), association.to_owned()))
    });
    Ok(found)
}

async fn disassociate(aws: &Aws<'_>, all: &Associations) -> Result<(), ApplyError> {
    for association in all.of.values().filter(|association| !association.is_empty()) {
        let call = aws.ec2().disassociate_route_table().association_id(association);
        delete(aws, "DisassociateRouteTable", call.send()).await?;
    }
    Ok(())
}
