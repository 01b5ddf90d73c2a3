//! Changes of an instance, each by the call that takes it.

use super::super::plan::STOPPED;
use crate::aws::answer::parse;
use crate::aws::{Aws, Service};
use crate::common::{Retag, Tags};
use crate::ec2::aws::launch::{instance as wire, number};
use crate::ec2::aws::retag;
use crate::ec2::launch::MetadataOptions;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, Filter, IamInstanceProfileAssociationState,
    InstanceCreditSpecificationRequest, SecureBlobAttributeValue,
};
use holdfast_core::cloud::ApplyError;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Writes down in a tag that we stop an instance, and for which fields.
pub(super) async fn remember(aws: &Aws<'_>, id: &str, fields: &str) -> Result<(), ApplyError> {
    let set = Tags::from([(STOPPED.to_owned(), fields.to_owned())]);
    retag(aws, &Retag { id: id.to_owned(), set, remove: BTreeSet::new() }).await
}

/// Takes that tag away.
pub(super) async fn forget(aws: &Aws<'_>, id: &str) -> Result<(), ApplyError> {
    retag(aws, &Retag { id: id.to_owned(), set: Tags::new(), remove: BTreeSet::from([STOPPED.to_owned()]) }).await
}

/// One attribute a call: EC2 takes no two.
pub(super) async fn attributes(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let calls = async {
        for (attribute, value) in set {
            let flag = || AttributeBooleanValue::builder().set_value(value.as_bool()).build();
            let words = || AttributeValue::builder().value(value.as_str().unwrap_or_default()).build();
            let call = aws.ec2().modify_instance_attribute().instance_id(id);
            let call = match attribute.as_str() {
                "disableApiTermination" => call.disable_api_termination(flag()),
                "disableApiStop" => call.disable_api_stop(flag()),
                "ebsOptimized" => call.ebs_optimized(flag()),
                "instanceType" => call.instance_type(words()),
                "userData" => call.user_data(user_data(value.as_str().unwrap_or_default())),
                _ => call.instance_initiated_shutdown_behavior(words()),
            };
            aws.write(Service::Ec2, "ModifyInstanceAttribute", call.send()).await?;
        }
        Ok(())
    };
    aws.rereading(id, calls).await
}

/// The SDK encodes what it is given, so it is given the bytes behind the base64.
fn user_data(encoded: &str) -> SecureBlobAttributeValue {
    let bytes = aws_smithy_types::base64::decode(encoded).unwrap_or_else(|_| encoded.as_bytes().to_vec());
    SecureBlobAttributeValue::builder().value(Blob::new(bytes)).build()
}

/// By the interface: it can be changed in every state, and where there is more than one.
pub(super) async fn interface(aws: &Aws<'_>, interface: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    for (attribute, value) in set {
        let call = aws.ec2().modify_network_interface_attribute().network_interface_id(interface);
        let call = match value {
            Value::Array(groups) if attribute == "securityGroupIds" => {
                let groups = groups.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                call.set_groups(Some(groups))
            }
            value => call.source_dest_check(AttributeBooleanValue::builder().set_value(value.as_bool()).build()),
        };
        aws.write(Service::Ec2, "ModifyNetworkInterfaceAttribute", call.send()).await?;
    }
    Ok(())
}

/// The role by what stands: put in another's place, given, or taken away.
pub(super) async fn profile(aws: &Aws<'_>, id: &str, name: Option<&str>) -> Result<(), ApplyError> {
    let of = Filter::builder().name("instance-id").values(id).build();
    let call = aws.ec2().describe_iam_instance_profile_associations().filters(of);
    let answer = aws.read(Service::Ec2, "DescribeIamInstanceProfileAssociations", call.send()).await?;
    let stands = answer.iam_instance_profile_associations().iter().find(|a| {
        let state = a.state();
        let on = [IamInstanceProfileAssociationState::Associated, IamInstanceProfileAssociationState::Associating];
        state.is_none_or(|s| on.contains(s))
    });
    let association = stands.and_then(|a| a.association_id());
    let named = |name: &str| aws_sdk_ec2::types::IamInstanceProfileSpecification::builder().name(name).build();
    let (ec2, service) = (aws.ec2(), Service::Ec2);
    match (association, name) {
        (Some(old), Some(name)) => {
            let call =
                ec2.replace_iam_instance_profile_association().association_id(old).iam_instance_profile(named(name));
            aws.write(service, "ReplaceIamInstanceProfileAssociation", call.send()).await.map(drop)
        }
        (None, Some(name)) => {
            let call = ec2.associate_iam_instance_profile().instance_id(id).iam_instance_profile(named(name));
            aws.write(service, "AssociateIamInstanceProfile", call.send()).await.map(drop)
        }
        (Some(old), None) => {
            let call = ec2.disassociate_iam_instance_profile().association_id(old);
            aws.write(service, "DisassociateIamInstanceProfile", call.send()).await.map(drop)
        }
        (None, None) => Ok(()),
    }
}

/// Options that have a call of their own.
pub(super) async fn options(
    aws: &Aws<'_>,
    id: &str,
    field: &str,
    set: &Map<String, Value>,
    token: &str,
) -> Result<(), ApplyError> {
    let (ec2, service) = (aws.ec2(), Service::Ec2);
    match field {
        "monitoring" if set.get("enabled") == Some(&Value::Bool(true)) => {
            aws.write(service, "MonitorInstances", ec2.monitor_instances().instance_ids(id).send()).await.map(drop)
        }
        "monitoring" => {
            aws.write(service, "UnmonitorInstances", ec2.unmonitor_instances().instance_ids(id).send()).await.map(drop)
        }
        "creditSpecification" => {
            let credits = set.get("cpuCredits").and_then(Value::as_str).unwrap_or_default();
            let one = InstanceCreditSpecificationRequest::builder().instance_id(id).cpu_credits(credits).build();
            let call =
                ec2.modify_instance_credit_specification().instance_credit_specifications(one).client_token(token);
            let answer = aws.write(service, "ModifyInstanceCreditSpecification", call.send()).await?;
            match answer.unsuccessful_instance_credit_specifications().first().and_then(|u| u.error()) {
                Some(error) => Err(crate::aws::answer::refused(
                    "ec2:ModifyInstanceCreditSpecification",
                    error.code().map_or("Unknown", |code| code.as_str()),
                    error.message().unwrap_or("AWS gave no words").to_owned(),
                )),
                None => Ok(()),
            }
        }
        "maintenanceOptions" => {
            let recovery = set.get("autoRecovery").and_then(Value::as_str).map(Into::into);
            let call = ec2.modify_instance_maintenance_options().instance_id(id).set_auto_recovery(recovery);
            aws.write(service, "ModifyInstanceMaintenanceOptions", call.send()).await.map(drop)
        }
        _ => metadata(aws, id, set).await,
    }
}

/// What is not said stays as it is.
async fn metadata(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let options: MetadataOptions = parse("ec2:ModifyInstanceMetadataOptions", set)?;
    let as_launched = wire::metadata(&options);
    let call = aws
        .ec2()
        .modify_instance_metadata_options()
        .instance_id(id)
        .set_http_tokens(as_launched.http_tokens)
        .set_http_put_response_hop_limit(number(options.http_put_response_hop_limit))
        .set_http_endpoint(as_launched.http_endpoint)
        .set_http_protocol_ipv6(as_launched.http_protocol_ipv6)
        .set_instance_metadata_tags(as_launched.instance_metadata_tags);
    aws.write(Service::Ec2, "ModifyInstanceMetadataOptions", call.send()).await.map(drop)
}
