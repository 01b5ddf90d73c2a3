//! EC2's side of an internet gateway.

use super::{InternetGateway, VPC};
use crate::aws::answer::{is_not_found, made, object};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::ec2::aws::{Concern, PAGE, arn, delete, retag, tags_for, tags_from};
use crate::plain::{self, Action, Call};
use async_trait::async_trait;
use aws_sdk_ec2::types::{AttachmentStatus, ResourceType};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::Value;

#[async_trait]
impl Live for InternetGateway {
    /// One listing, 1,000 a page, with attachments and tags.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_internet_gateways().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeInternetGateways", page.send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let concern = Concern::of::<Self>(wanted);
        let all = pages.iter().flat_map(|page| page.internet_gateways());
        let ours = all.filter(|gateway| concern.has(gateway.internet_gateway_id(), gateway.tags(), None));
        Ok(reading(ours.filter_map(|gateway| observe(aws, gateway)).collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { tags, .. } => {
                let tags = tags_for(ResourceType::InternetGateway, tags);
                let call = aws.ec2().create_internet_gateway().tag_specifications(tags);
                let answer = aws.write(Service::Ec2, "CreateInternetGateway", call.send()).await?;
                let seen = answer.internet_gateway().and_then(|gateway| observe(aws, gateway));
                return made("ec2:CreateInternetGateway", seen);
            }
            Call::Modify { id, set } => attach(aws, id, set.get(VPC).and_then(Value::as_str)).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                let call = aws.ec2().delete_internet_gateway().internet_gateway_id(id);
                delete(aws, "DeleteInternetGateway", call.send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(aws: &Aws<'_>, gateway: &aws_sdk_ec2::types::InternetGateway) -> Option<Observation> {
    let id = gateway.internet_gateway_id()?.to_owned();
    let fields = object([(VPC, attached_to(gateway).map(Into::into))]);
    let arn = arn(aws, gateway.owner_id(), "internet-gateway", &id);
    let tags = tags_from(gateway.tags());
    Some(plain::observation::<InternetGateway, 1>(id, tags, fields, [("arn", Some(arn.into()))]))
}

/// The VPC it is attached to, or is being attached to; AWS allows one.
fn attached_to(gateway: &aws_sdk_ec2::types::InternetGateway) -> Option<&str> {
    let goes =
        |s: Option<&AttachmentStatus>| matches!(s, Some(AttachmentStatus::Detached | AttachmentStatus::Detaching));
    gateway.attachments().iter().find(|a| !goes(a.state()))?.vpc_id()
}

/// Attaches it to `vpc` alone. What it is attached to is asked first: a detach that names the wrong VPC is refused, and
/// so is an attach of what is attached.
async fn attach(aws: &Aws<'_>, id: &str, vpc: Option<&str>) -> Result<(), ApplyError> {
    let call = aws.ec2().describe_internet_gateways().internet_gateway_ids(id);
    let answer = match aws.read(Service::Ec2, "DescribeInternetGateways", call.send()).await {
        // What is gone is attached to nothing.
        Err(error) if vpc.is_none() && is_not_found(&error) => return Ok(()),
        answer => answer?,
    };
    let now = answer.internet_gateways().first().and_then(attached_to);
    if now == vpc {
        return Ok(());
    }
    if let Some(now) = now {
        let call = aws.ec2().detach_internet_gateway().internet_gateway_id(id).vpc_id(now);
        aws.write(Service::Ec2, "DetachInternetGateway", call.send()).await?;
    }
    if let Some(vpc) = vpc {
        let call = aws.ec2().attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
        aws.write(Service::Ec2, "AttachInternetGateway", call.send()).await?;
    }
    Ok(())
}
