//! EC2's side of a NAT gateway.

use super::{NatGateway, NatGatewaySpec, SECONDARY};
use crate::aws::answer::{made, object, parse};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::ec2::aws::{Concern, PAGE, delete, retag, tags_for, tags_from};
use crate::plain::{self, Action, Call};
use async_trait::async_trait;
use aws_sdk_ec2::types::{ConnectivityType, NatGatewayAddress, NatGatewayState, ResourceType};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Wanted};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[async_trait]
impl Live for NatGateway {
    /// One listing, 1,000 a page, with addresses and tags.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_nat_gateways().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeNatGateways", page.send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let concern = Concern::of::<Self>(wanted);
        let all = pages.iter().flat_map(|page| page.nat_gateways());
        let ours = all
            .filter(|nat| concern.has(nat.nat_gateway_id(), nat.tags(), primary(nat).and_then(|a| a.allocation_id())));
        Ok(reading(ours.filter_map(observe).collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let spec: NatGatewaySpec = parse("ec2:CreateNatGateway", spec)?;
                let call = aws
                    .ec2()
                    .create_nat_gateway()
                    .subnet_id(spec.subnet_id)
                    .set_allocation_id(spec.allocation_id)
                    .set_connectivity_type(spec.connectivity_type.as_deref().map(Into::into))
                    .set_private_ip_address(spec.private_ip_address)
                    .set_secondary_allocation_ids(spec.secondary_allocation_ids.filter(|l| !l.is_empty()))
                    .set_secondary_private_ip_addresses(spec.secondary_private_ip_addresses.filter(|l| !l.is_empty()))
                    .client_token(token)
                    .tag_specifications(tags_for(ResourceType::Natgateway, tags));
                let answer = aws.write(Service::Ec2, "CreateNatGateway", call.send()).await?;
                return made("ec2:CreateNatGateway", answer.nat_gateway().and_then(observe));
            }
            Call::Modify { id, set } => modify(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                delete(aws, "DeleteNatGateway", aws.ec2().delete_nat_gateway().nat_gateway_id(id).send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

/// The address that it was made with. Before AWS said which one that is, there was only one.
fn primary(nat: &aws_sdk_ec2::types::NatGateway) -> Option<&NatGatewayAddress> {
    let all = nat.nat_gateway_addresses();
    all.iter().find(|a| a.is_primary() == Some(true)).or_else(|| all.first())
}

fn secondary(nat: &aws_sdk_ec2::types::NatGateway) -> impl Iterator<Item = &NatGatewayAddress> {
    let first = primary(nat).map(std::ptr::from_ref);
    nat.nat_gateway_addresses().iter().filter(move |a| first != Some(std::ptr::from_ref(*a)))
}

/// A gateway that AWS has deleted is listed for about an hour more; it is not live.
fn observe(nat: &aws_sdk_ec2::types::NatGateway) -> Option<Observation> {
    let id = nat.nat_gateway_id()?.to_owned();
    let list = |of: fn(&NatGatewayAddress) -> Option<&str>| Some(secondary(nat).filter_map(of).collect::<Value>());
    let is_private = nat.connectivity_type() == Some(&ConnectivityType::Private);
    let [allocations, privates] = SECONDARY;
    let fields = object([
        ("subnetId", nat.subnet_id().map(Into::into)),
        ("allocationId", primary(nat).and_then(|a| a.allocation_id()).map(Into::into)),
        ("connectivityType", nat.connectivity_type().map(|t| t.as_str().into())),
        ("privateIpAddress", primary(nat).and_then(|a| a.private_ip()).map(Into::into)),
        (allocations, list(NatGatewayAddress::allocation_id).filter(|_| !is_private)),
        (privates, list(NatGatewayAddress::private_ip).filter(|_| is_private)),
    ]);
    let mut seen = plain::observation::<NatGateway, 0>(id, tags_from(nat.tags()), fields, []);
    match nat.state() {
        Some(NatGatewayState::Deleted) => return None,
        Some(NatGatewayState::Deleting) => seen.state = LiveState::Deleting("deleting".to_owned()),
        Some(NatGatewayState::Pending) => {
            seen.state = LiveState::Busy("pending".to_owned());
            seen.health = Health::Progressing("AWS is still making it".to_owned());
        }
        Some(NatGatewayState::Failed) => {
            let said = [nat.failure_code(), nat.failure_message()];
            let words = said.into_iter().flatten().collect::<Vec<_>>().join(": ");
            let words = if words.is_empty() { "AWS gave no reason".to_owned() } else { words };
            (seen.state, seen.health) = (LiveState::Failed(words.clone()), Health::Degraded(words));
            // It does not hold its address, so another one can be made with it.
            seen.identity.clear();
        }
        _ => {}
    }
    Some(seen)
}

/// Adds what is missing of its further addresses, then takes away what is too much.
async fn modify(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let call = aws.ec2().describe_nat_gateways().nat_gateway_ids(id);
    let answer = aws.read(Service::Ec2, "DescribeNatGateways", call.send()).await?;
    let Some(nat) = answer.nat_gateways().first() else { return Ok(()) };
    for (field, value) in set {
        let wanted: Vec<String> =
            value.as_array().into_iter().flatten().filter_map(|v| Some(v.as_str()?.to_owned())).collect();
        if field == SECONDARY[0] {
            let there = secondary(nat).filter_map(|a| Some((a.allocation_id()?, a.association_id()?)));
            let Change { add, remove } = change(&wanted, there.collect());
            if !add.is_empty() {
                let call = aws.ec2().associate_nat_gateway_address().nat_gateway_id(id).set_allocation_ids(Some(add));
                aws.write(Service::Ec2, "AssociateNatGatewayAddress", call.send()).await?;
            }
            if !remove.is_empty() {
                let call =
                    aws.ec2().disassociate_nat_gateway_address().nat_gateway_id(id).set_association_ids(Some(remove));
                aws.write(Service::Ec2, "DisassociateNatGatewayAddress", call.send()).await?;
            }
            continue;
        }
        let there = secondary(nat).filter_map(|a| Some((a.private_ip()?, a.private_ip()?)));
        let Change { add, remove } = change(&wanted, there.collect());
        if !add.is_empty() {
            let call =
                aws.ec2().assign_private_nat_gateway_address().nat_gateway_id(id).set_private_ip_addresses(Some(add));
            aws.write(Service::Ec2, "AssignPrivateNatGatewayAddress", call.send()).await?;
        }
        if !remove.is_empty() {
            let call = aws
                .ec2()
                .unassign_private_nat_gateway_address()
                .nat_gateway_id(id)
                .set_private_ip_addresses(Some(remove));
            aws.write(Service::Ec2, "UnassignPrivateNatGatewayAddress", call.send()).await?;
        }
    }
    Ok(())
}

struct Change {
    add: Vec<String>,
    remove: Vec<String>,
}

/// What is wanted and not there, and the handles of what is there and not wanted.
fn change(wanted: &[String], there: BTreeMap<&str, &str>) -> Change {
    let add = wanted.iter().filter(|w| !there.contains_key(w.as_str())).cloned().collect();
    let goes = there.into_iter().filter(|(name, _)| !wanted.iter().any(|w| w == name));
    Change { add, remove: goes.map(|(_, handle)| handle.to_owned()).collect() }
}
