//! EC2's side of an instance.

mod modify;

use super::Instance;
use super::plan::{Action, RUNNING};
use super::predict::{PROTECTED, observation};
use super::spec::{InstanceSpec, profile_name};
use crate::aws::answer::concern::Specs;
use crate::aws::answer::{made, object, parse, put_audited, refused};
use crate::aws::{Aws, Live, Service, reading};
use crate::common::Tags;
use crate::ec2::aws::known::{Listing, known};
use crate::ec2::aws::launch::{instance as wire, number};
use crate::ec2::aws::{Concern, PAGE, arn, retag, tags_for, tags_from};
use async_trait::async_trait;
use aws_sdk_ec2::types::{self, InstanceStateName, ResourceType};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Wanted};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[async_trait]
impl Live for Instance {
    const AUDITED: bool = true;

    /// One listing, 1,000 a page, of all instances or of ours; declared attributes one a call, in turns; declared credits in
    /// one call.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let concern = Concern::of::<Self>(wanted);
        let listing = Listing { operation: "DescribeInstances", by_id: "instance-id" };
        let mut seen = known::<Self, _, _, _>(
            aws,
            wanted,
            &listing,
            |filters, token| {
                let page = aws.ec2().describe_instances().set_filters(filters).max_results(PAGE);
                aws.read(Service::Ec2, "DescribeInstances", page.set_next_token(token).send())
            },
            |answer| answer.next_token(),
            |answer| {
                let all = answer.reservations().iter();
                let all = all.flat_map(|r| r.instances().iter().map(|one| (r.owner_id(), one)));
                let ours = all.filter(|(_, one)| concern.has(one.instance_id(), one.tags(), None));
                ours.filter_map(|(owner, one)| observe(aws, owner, one)).collect()
            },
        )
        .await?;
        audit(aws, wanted, &mut seen).await;
        credits(aws, wanted, &mut seen).await;
        Ok(reading(seen, Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action, token: &str) -> Result<Applied, ApplyError> {
        let (ec2, service) = (aws.ec2(), Service::Ec2);
        match action {
            Action::Run { spec, tags } => return run(aws, spec, tags, token).await,
            Action::Modify { id, set } => modify::attributes(aws, id, set).await?,
            Action::Interface { interface, set, .. } => modify::interface(aws, interface, set).await?,
            Action::Profile { id, name } => modify::profile(aws, id, name.as_deref()).await?,
            Action::Options { id, field, set } => modify::options(aws, id, field, set, token).await?,
            Action::Stop { id, fields } => {
                // The tag comes first: who finds it stopped is to know why.
                modify::remember(aws, id, fields).await?;
                aws.write(service, "StopInstances", ec2.stop_instances().instance_ids(id).send()).await?;
            }
            Action::Start { id } => {
                aws.write(service, "StartInstances", ec2.start_instances().instance_ids(id).send()).await?;
                modify::forget(aws, id).await?;
            }
            Action::Retag(change) => retag(aws, change).await?,
            Action::Terminate { protected: true, .. } => {
                return Err(refused("ec2:TerminateInstances", "OperationNotPermitted", PROTECTED.to_owned()));
            }
            Action::Terminate { id, .. } => {
                let send = ec2.terminate_instances().instance_ids(id).send();
                let answer = crate::ec2::aws::delete(aws, "TerminateInstances", send).await;
                answer.map_err(|error| match error.code.as_str() {
                    "OperationNotPermitted" => ApplyError { message: PROTECTED.to_owned(), ..error },
                    _ => error,
                })?;
                aws.forget(id);
            }
        }
        Ok(Applied::default())
    }
}

/// An instance as EC2 shows it; none if it is terminated, which EC2 shows for an hour.
fn observe(aws: &Aws<'_>, owner: Option<&str>, one: &types::Instance) -> Option<Observation> {
    let state = one.state().and_then(|s| s.name()).cloned().unwrap_or(InstanceStateName::Pending);
    if state == InstanceStateName::Terminated {
        return None;
    }
    let id = one.instance_id()?.to_owned();
    let primary = one.network_interfaces().iter().find(|i| i.attachment().and_then(|a| a.device_index()) == Some(0));
    let mut fields = fields(one, primary);
    Instance::canonical(&mut fields);
    let interface = primary.and_then(|i| i.network_interface_id()).unwrap_or_default().to_owned();
    let arn = arn(aws, owner, "instance", &id);
    let outputs = [
        ("arn", Some(arn.into())),
        ("privateIp", one.private_ip_address().map(Into::into)),
        ("publicIp", one.public_ip_address().filter(|ip| !ip.is_empty()).map(Into::into)),
        ("privateDnsName", one.private_dns_name().filter(|name| !name.is_empty()).map(Into::into)),
        ("availabilityZone", one.placement().and_then(|p| p.availability_zone()).map(Into::into)),
    ];
    let mut seen = observation(id, tags_from(one.tags()), fields, state.as_str(), interface, outputs);
    match state {
        InstanceStateName::Running | InstanceStateName::Stopped => {}
        InstanceStateName::ShuttingDown => seen.state = LiveState::Deleting(state.as_str().to_owned()),
        other => {
            seen.state = LiveState::Busy(other.as_str().to_owned());
            seen.health = Health::Progressing(format!("EC2 says {}", other.as_str()));
        }
    }
    Some(seen)
}

fn fields(one: &types::Instance, primary: Option<&types::InstanceNetworkInterface>) -> Value {
    let groups = primary.map(|i| i.groups()).filter(|g| !g.is_empty()).unwrap_or(one.security_groups());
    let groups: Vec<&str> = groups.iter().filter_map(|g| g.group_id()).collect();
    let check = primary.and_then(|i| i.source_dest_check()).or(one.source_dest_check());
    let profile = one.iam_instance_profile().and_then(|p| profile_name(p.arn()?));
    let monitored = one.monitoring().and_then(|m| m.state()).map(|state| {
        let on = matches!(state, types::MonitoringState::Enabled | types::MonitoringState::Pending);
        json!({ "enabled": on })
    });
    let spot = one.instance_lifecycle().map(|l| json!({ "marketType": l.as_str() }));
    object([
        ("imageId", one.image_id().map(Into::into)),
        ("instanceType", one.instance_type().map(|t| t.as_str().into())),
        ("keyName", one.key_name().map(Into::into)),
        ("subnetId", one.subnet_id().map(Into::into)),
        ("privateIpAddress", one.private_ip_address().map(Into::into)),
        ("securityGroupIds", (!groups.is_empty()).then(|| json!(groups))),
        ("sourceDestCheck", check.map(Into::into)),
        ("iamInstanceProfile", profile.map(|name| json!({ "name": name }))),
        ("metadataOptions", one.metadata_options().map(metadata)),
        ("monitoring", monitored),
        ("ebsOptimized", one.ebs_optimized().map(Into::into)),
        ("placement", one.placement().map(placement)),
        ("instanceMarketOptions", spot),
        (
            "hibernationOptions",
            one.hibernation_options().map(|h| object([("configured", h.configured().map(Into::into))])),
        ),
        ("enclaveOptions", one.enclave_options().map(|e| object([("enabled", e.enabled().map(Into::into))]))),
        (
            "maintenanceOptions",
            one.maintenance_options().map(|m| object([("autoRecovery", m.auto_recovery().map(|r| r.as_str().into()))])),
        ),
    ])
}

fn metadata(options: &types::InstanceMetadataOptionsResponse) -> Value {
    object([
        ("httpTokens", options.http_tokens().map(|t| t.as_str().into())),
        ("httpPutResponseHopLimit", options.http_put_response_hop_limit().map(Into::into)),
        ("httpEndpoint", options.http_endpoint().map(|e| e.as_str().into())),
        ("httpProtocolIpv6", options.http_protocol_ipv6().map(|p| p.as_str().into())),
        ("instanceMetadataTags", options.instance_metadata_tags().map(|t| t.as_str().into())),
    ])
}

fn placement(one: &types::Placement) -> Value {
    let text = |text: Option<&str>| text.filter(|t| !t.is_empty()).map(Value::from);
    object([
        ("availabilityZone", text(one.availability_zone())),
        ("tenancy", one.tenancy().map(|t| t.as_str().into())),
        ("groupName", text(one.group_name())),
        ("partitionNumber", one.partition_number().map(Into::into)),
        ("hostId", text(one.host_id())),
        ("affinity", text(one.affinity())),
        ("hostResourceGroupArn", text(one.host_resource_group_arn())),
    ])
}

/// The attributes that EC2 gives one a call.
fn attributes() -> impl Iterator<Item = &'static str> {
    RUNNING.into_iter().chain(["userData"])
}

/// Reads what is declared of them, in turns.
async fn audit(aws: &Aws<'_>, wanted: &Wanted, seen: &mut [Observation]) {
    let specs = Specs::new::<Instance>(wanted);
    let declared = |one: &Observation| -> Vec<&'static str> {
        let spec = specs.of(one);
        attributes().filter(|name| spec.as_ref().is_some_and(|s| s.get(*name).is_some())).collect()
    };
    let due: BTreeMap<String, Vec<&'static str>> =
        seen.iter().map(|one| (one.id.clone(), declared(one))).filter(|(_, names)| !names.is_empty()).collect();
    let ids: Vec<String> = due.keys().cloned().collect();
    let audit = aws
        .audit(&ids, |id| {
            let names = due.get(&id).cloned().unwrap_or_default();
            async move { read_attributes(aws, &id, names).await }
        })
        .await;
    for one in seen {
        if let Some(names) = due.get(&one.id) {
            put_audited(one, audit.values.get(&one.id).map(Arc::as_ref), names);
        }
    }
}

async fn read_attributes(aws: &Aws<'_>, id: &str, names: Vec<&'static str>) -> Result<Value, ApplyError> {
    let flag =
        |value: Option<&types::AttributeBooleanValue>| Value::from(value.and_then(|v| v.value()).unwrap_or_default());
    let mut read = Map::new();
    for name in names {
        let call = aws.ec2().describe_instance_attribute().instance_id(id).attribute(name.into());
        let answer = aws.read(Service::Ec2, "DescribeInstanceAttribute", call.send()).await?;
        let text = |value: Option<&types::AttributeValue>| value.and_then(|v| v.value()).unwrap_or_default().into();
        let value = match name {
            "disableApiTermination" => flag(answer.disable_api_termination()),
            "disableApiStop" => flag(answer.disable_api_stop()),
            "userData" => text(answer.user_data()),
            _ => text(answer.instance_initiated_shutdown_behavior()),
        };
        read.insert(name.to_owned(), value);
    }
    Ok(Value::Object(read))
}

/// Reads the credits of those instances that declare some: up to 1,000 a call.
async fn credits(aws: &Aws<'_>, wanted: &Wanted, seen: &mut [Observation]) {
    let specs = Specs::new::<Instance>(wanted);
    let declares = |one: &&Observation| specs.of(one).is_some_and(|spec| spec.get("creditSpecification").is_some());
    let ids: Vec<String> = seen.iter().filter(declares).map(|one| one.id.clone()).collect();
    let mut known = BTreeMap::new();
    for some in ids.chunks(1000) {
        let call = aws.ec2().describe_instance_credit_specifications().set_instance_ids(Some(some.to_vec()));
        match aws.read(Service::Ec2, "DescribeInstanceCreditSpecifications", call.send()).await {
            Ok(answer) => known.extend(answer.instance_credit_specifications().iter().filter_map(|one| {
                let credits = json!({ "creditSpecification": { "cpuCredits": one.cpu_credits()? } });
                Some((one.instance_id()?.to_owned(), credits))
            })),
            // One instance that knows no credits fails the call for all: then they are unknown.
            Err(error) => tracing::debug!(scope = %aws.scope(), %error, "the credits of instances are unknown"),
        }
    }
    for one in seen.iter_mut().filter(|one| ids.contains(&one.id)) {
        put_audited(one, known.get(&one.id), &["creditSpecification"]);
    }
}

async fn run(aws: &Aws<'_>, members: &Map<String, Value>, tags: &Tags, token: &str) -> Result<Applied, ApplyError> {
    let spec: InstanceSpec = parse("ec2:RunInstances", members)?;
    let call = aws
        .ec2()
        .run_instances()
        .min_count(1)
        .max_count(1)
        .client_token(token)
        .tag_specifications(tags_for(ResourceType::Instance, tags))
        .tag_specifications(tags_for(ResourceType::Volume, tags))
        .set_image_id(spec.image_id.clone())
        .set_instance_type(spec.instance_type.as_deref().map(Into::into))
        .set_key_name(spec.key_name.clone())
        .set_iam_instance_profile(spec.iam_instance_profile.as_ref().map(wire::profile))
        .set_user_data(spec.user_data.clone())
        .set_block_device_mappings(spec.block_device_mappings.as_deref().map(wire::devices))
        .set_metadata_options(spec.metadata_options.as_ref().map(wire::metadata))
        .set_monitoring(spec.monitoring.as_ref().map(wire::monitoring))
        .set_ebs_optimized(spec.ebs_optimized)
        .set_placement(spec.placement.as_ref().map(wire::placement))
        .set_credit_specification(spec.credit_specification.as_ref().map(|credit| {
            types::CreditSpecificationRequest::builder().set_cpu_credits(credit.cpu_credits.clone()).build()
        }))
        .set_instance_market_options(spec.instance_market_options.as_ref().map(wire::market))
        .set_disable_api_termination(spec.disable_api_termination)
        .set_disable_api_stop(spec.disable_api_stop)
        .set_instance_initiated_shutdown_behavior(spec.instance_initiated_shutdown_behavior.as_deref().map(Into::into))
        .set_hibernation_options(spec.hibernation_options.as_ref().map(wire::hibernation))
        .set_enclave_options(
            spec.enclave_options
                .as_ref()
                .map(|switch| types::EnclaveOptionsRequest::builder().set_enabled(switch.enabled).build()),
        )
        .set_maintenance_options(spec.maintenance_options.as_ref().map(wire::maintenance))
        .set_launch_template(spec.launch_template.as_ref().map(|template| {
            types::LaunchTemplateSpecification::builder()
                .set_launch_template_id(template.launch_template_id.clone())
                .set_launch_template_name(template.launch_template_name.clone())
                .set_version(template.version.clone())
                .build()
        }));
    // EC2 takes a public address for an interface alone, and then all that is about the interface there.
    let call = match spec.associate_public_ip_address {
        Some(_) => call.network_interfaces(interface(&spec)),
        None => call
            .set_subnet_id(spec.subnet_id.clone())
            .set_private_ip_address(spec.private_ip_address.clone())
            .set_security_group_ids(spec.security_group_ids.clone())
            .set_ipv6_address_count(number(spec.ipv6_address_count)),
    };
    let answer = aws.write(Service::Ec2, "RunInstances", call.send()).await?;
    let seen = answer.instances().first().and_then(|one| observe(aws, answer.owner_id(), one));
    made("ec2:RunInstances", seen)
}

fn interface(spec: &InstanceSpec) -> types::InstanceNetworkInterfaceSpecification {
    types::InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .set_associate_public_ip_address(spec.associate_public_ip_address)
        .set_subnet_id(spec.subnet_id.clone())
        .set_private_ip_address(spec.private_ip_address.clone())
        .set_groups(spec.security_group_ids.clone())
        .set_ipv6_address_count(number(spec.ipv6_address_count))
        .build()
}
