//! EC2's side of a VPC.

use super::{ATTRIBUTES, Vpc, VpcSpec};
use crate::aws::answer::{made, object, parse, put_audited};
use crate::aws::{Aws, Live, Service, reading};
use crate::ec2::aws::{Concern, arn, delete, retag, shared, tags_for, tags_from};
use crate::plain::{self, Action, Call};
use async_trait::async_trait;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, VpcAttributeName, VpcState};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{LiveState, Observation, Reading, Wanted};
use serde_json::{Map, Value, json};
use std::sync::Arc;

#[async_trait]
impl Live for Vpc {
    const AUDITED: bool = true;

    /// One listing, 1,000 a page; the attributes one a call, in turns.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let listed = shared::vpcs(aws).await?;
        let concern = Concern::of::<Self>(wanted);
        let all = listed.iter().filter(|vpc| concern.has(vpc.vpc_id(), vpc.tags(), None));
        let mut seen: Vec<Observation> = all.filter_map(|vpc| observe(aws, vpc)).collect();
        let ids: Vec<String> = seen.iter().map(|o| o.id.clone()).collect();
        let audit = aws.audit(&ids, |id| async move { attributes(aws, &id).await }).await;
        for one in &mut seen {
            let read = audit.values.get(&one.id).map(Arc::as_ref);
            put_audited(one, read, &ATTRIBUTES);
        }
        Ok(reading(seen, Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let spec: VpcSpec = parse("ec2:CreateVpc", spec)?;
                let call = aws
                    .ec2()
                    .create_vpc()
                    .cidr_block(&spec.cidr_block)
                    .set_instance_tenancy(spec.instance_tenancy.as_deref().map(Into::into))
                    .tag_specifications(tags_for(ResourceType::Vpc, tags));
                let answer = aws.write(Service::Ec2, "CreateVpc", call.send()).await?;
                return made("ec2:CreateVpc", answer.vpc().and_then(|vpc| observe(aws, vpc)));
            }
            Call::Modify { id, set } => modify(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                aws.rereading(id, delete(aws, "DeleteVpc", aws.ec2().delete_vpc().vpc_id(id).send())).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(aws: &Aws<'_>, vpc: &aws_sdk_ec2::types::Vpc) -> Option<Observation> {
    let id = vpc.vpc_id()?.to_owned();
    let fields = object([
        ("cidrBlock", vpc.cidr_block().map(Into::into)),
        ("instanceTenancy", vpc.instance_tenancy().map(|t| t.as_str().into())),
    ]);
    let arn = arn(aws, vpc.owner_id(), "vpc", &id);
    let mut seen = plain::observation::<Vpc, 1>(id, tags_from(vpc.tags()), fields, [("arn", Some(arn.into()))]);
    if vpc.state() == Some(&VpcState::Pending) {
        seen.state = LiveState::Busy("pending".to_owned());
    }
    Some(seen)
}

/// The attributes, one a call: EC2 has no other way.
async fn attributes(aws: &Aws<'_>, id: &str) -> Result<Value, ApplyError> {
    let ask = |name: VpcAttributeName| async move {
        let call = aws.ec2().describe_vpc_attribute().vpc_id(id).attribute(name);
        aws.read(Service::Ec2, "DescribeVpcAttribute", call.send()).await
    };
    let flag = |value: Option<&AttributeBooleanValue>| value.and_then(|v| v.value()).unwrap_or_default();
    let support = ask(VpcAttributeName::EnableDnsSupport).await?;
    let names = ask(VpcAttributeName::EnableDnsHostnames).await?;
    let metrics = ask(VpcAttributeName::EnableNetworkAddressUsageMetrics).await?;
    Ok(json!({
        "enableDnsSupport": flag(support.enable_dns_support()),
        "enableDnsHostnames": flag(names.enable_dns_hostnames()),
        "enableNetworkAddressUsageMetrics": flag(metrics.enable_network_address_usage_metrics()),
    }))
}

/// One attribute a call: EC2 takes no two.
async fn modify(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let calls = async {
        for (attribute, value) in set {
            let value = AttributeBooleanValue::builder().set_value(value.as_bool()).build();
            let call = aws.ec2().modify_vpc_attribute().vpc_id(id);
            let call = match attribute.as_str() {
                "enableDnsSupport" => call.enable_dns_support(value),
                "enableDnsHostnames" => call.enable_dns_hostnames(value),
                _ => call.enable_network_address_usage_metrics(value),
            };
            aws.write(Service::Ec2, "ModifyVpcAttribute", call.send()).await?;
        }
        Ok(())
    };
    aws.rereading(id, calls).await
}
