//! The content of a version, there and back.

use crate::aws::answer::object;
use crate::ec2::aws::launch::{number, template};
use crate::ec2::aws::tags_from;
use crate::ec2::launch::{CpuOptions, PrivateDnsNameOptions};
use crate::launch_template::spec::{LaunchTemplateData, NetworkInterface, TagSpecification};
use aws_sdk_ec2::types;
use serde_json::{Map, Value, json};

/// As EC2 takes it.
pub(super) fn request(data: &LaunchTemplateData) -> types::RequestLaunchTemplateData {
    types::RequestLaunchTemplateData::builder()
        .set_image_id(data.image_id.clone())
        .set_instance_type(data.instance_type.as_deref().map(Into::into))
        .set_key_name(data.key_name.clone())
        .set_security_group_ids(data.security_group_ids.clone())
        .set_iam_instance_profile(data.iam_instance_profile.as_ref().map(template::profile))
        .set_user_data(data.user_data.clone())
        .set_block_device_mappings(data.block_device_mappings.as_deref().map(template::devices))
        .set_metadata_options(data.metadata_options.as_ref().map(template::metadata))
        .set_network_interfaces(data.network_interfaces.as_ref().map(|all| all.iter().map(interface).collect()))
        .set_tag_specifications(data.tag_specifications.as_ref().map(|all| all.iter().map(tags).collect()))
        .set_monitoring(data.monitoring.as_ref().map(template::monitoring))
        .set_ebs_optimized(data.ebs_optimized)
        .set_placement(data.placement.as_ref().map(template::placement))
        .set_credit_specification(data.credit_specification.as_ref().map(|credit| {
            types::CreditSpecificationRequest::builder().set_cpu_credits(credit.cpu_credits.clone()).build()
        }))
        .set_instance_market_options(data.instance_market_options.as_ref().map(template::market))
        .set_disable_api_termination(data.disable_api_termination)
        .set_disable_api_stop(data.disable_api_stop)
        .set_instance_initiated_shutdown_behavior(data.instance_initiated_shutdown_behavior.as_deref().map(Into::into))
        .set_cpu_options(data.cpu_options.as_ref().map(processors))
        .set_hibernation_options(data.hibernation_options.as_ref().map(template::hibernation))
        .set_enclave_options(
            data.enclave_options.as_ref().map(|switch| {
                types::LaunchTemplateEnclaveOptionsRequest::builder().set_enabled(switch.enabled).build()
            }),
        )
        .set_maintenance_options(data.maintenance_options.as_ref().map(template::maintenance))
        .set_private_dns_name_options(data.private_dns_name_options.as_ref().map(host_names))
        .build()
}

fn processors(options: &CpuOptions) -> types::LaunchTemplateCpuOptionsRequest {
    types::LaunchTemplateCpuOptionsRequest::builder()
        .set_core_count(number(options.core_count))
        .set_threads_per_core(number(options.threads_per_core))
        .set_amd_sev_snp(options.amd_sev_snp.as_deref().map(Into::into))
        .build()
}

fn host_names(options: &PrivateDnsNameOptions) -> types::LaunchTemplatePrivateDnsNameOptionsRequest {
    types::LaunchTemplatePrivateDnsNameOptionsRequest::builder()
        .set_hostname_type(options.hostname_type.as_deref().map(Into::into))
        .set_enable_resource_name_dns_a_record(options.enable_resource_name_dns_a_record)
        .set_enable_resource_name_dns_aaaa_record(options.enable_resource_name_dns_aaaa_record)
        .build()
}

fn interface(one: &NetworkInterface) -> types::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
    types::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .set_device_index(number(one.device_index))
        .set_network_card_index(number(one.network_card_index))
        .set_subnet_id(one.subnet_id.clone())
        .set_groups(one.groups.clone())
        .set_associate_public_ip_address(one.associate_public_ip_address)
        .set_delete_on_termination(one.delete_on_termination)
        .set_description(one.description.clone())
        .set_network_interface_id(one.network_interface_id.clone())
        .set_interface_type(one.interface_type.clone())
        .set_private_ip_address(one.private_ip_address.clone())
        .set_secondary_private_ip_address_count(number(one.secondary_private_ip_address_count))
        .set_ipv6_address_count(number(one.ipv6_address_count))
        .build()
}

fn tags(one: &TagSpecification) -> types::LaunchTemplateTagSpecificationRequest {
    let tags = one.tags.iter().flatten().map(|(k, v)| types::Tag::builder().key(k).value(v).build()).collect();
    types::LaunchTemplateTagSpecificationRequest::builder()
        .set_resource_type(one.resource_type.as_deref().map(Into::into))
        .set_tags(Some(tags))
        .build()
}

/// As the spec has it.
pub(super) fn read(data: &types::ResponseLaunchTemplateData) -> Map<String, Value> {
    let texts = |list: &[String]| (!list.is_empty()).then(|| json!(list));
    let profile = |p: &types::LaunchTemplateIamInstanceProfileSpecification| {
        object([("arn", p.arn().map(Into::into)), ("name", p.name().map(Into::into))])
    };
    let all = object([
        ("imageId", data.image_id().filter(|i| !i.is_empty()).map(Into::into)),
        ("instanceType", data.instance_type().map(|t| t.as_str().into())),
        ("keyName", data.key_name().map(Into::into)),
        ("securityGroupIds", texts(data.security_group_ids())),
        ("iamInstanceProfile", data.iam_instance_profile().map(profile)),
        ("userData", data.user_data().filter(|d| !d.is_empty()).map(Into::into)),
        ("blockDeviceMappings", list(data.block_device_mappings(), device)),
        ("metadataOptions", data.metadata_options().map(metadata)),
        ("networkInterfaces", list(data.network_interfaces(), interface_read)),
        ("tagSpecifications", tag_specifications(data.tag_specifications())),
        ("monitoring", data.monitoring().map(|m| object([("enabled", m.enabled().map(Into::into))]))),
        ("ebsOptimized", data.ebs_optimized().map(Into::into)),
        ("placement", data.placement().map(placement)),
        (
            "creditSpecification",
            data.credit_specification().map(|c| object([("cpuCredits", c.cpu_credits().map(Into::into))])),
        ),
        ("instanceMarketOptions", data.instance_market_options().map(market)),
        ("disableApiTermination", data.disable_api_termination().map(Into::into)),
        ("disableApiStop", data.disable_api_stop().map(Into::into)),
        ("instanceInitiatedShutdownBehavior", data.instance_initiated_shutdown_behavior().map(|b| b.as_str().into())),
        ("cpuOptions", data.cpu_options().map(cpu)),
        (
            "hibernationOptions",
            data.hibernation_options().map(|h| object([("configured", h.configured().map(Into::into))])),
        ),
        ("enclaveOptions", data.enclave_options().map(|e| object([("enabled", e.enabled().map(Into::into))]))),
        (
            "maintenanceOptions",
            data.maintenance_options()
                .map(|m| object([("autoRecovery", m.auto_recovery().map(|r| r.as_str().into()))])),
        ),
        ("privateDnsNameOptions", data.private_dns_name_options().map(names)),
    ]);
    let Value::Object(mut all) = all else { return Map::new() };
    // What is there and says nothing was never declared: some implementations of AWS show every member.
    all.retain(|_, value| *value != json!({}));
    all
}

fn list<T>(all: &[T], one: impl Fn(&T) -> Value) -> Option<Value> {
    (!all.is_empty()).then(|| all.iter().map(one).collect())
}

fn device(one: &types::LaunchTemplateBlockDeviceMapping) -> Value {
    let ebs = |e: &types::LaunchTemplateEbsBlockDevice| {
        object([
            ("deleteOnTermination", e.delete_on_termination().map(Into::into)),
            ("encrypted", e.encrypted().map(Into::into)),
            ("iops", e.iops().map(Into::into)),
            ("kmsKeyId", e.kms_key_id().map(Into::into)),
            ("snapshotId", e.snapshot_id().map(Into::into)),
            ("throughput", e.throughput().map(Into::into)),
            ("volumeSize", e.volume_size().map(Into::into)),
            ("volumeType", e.volume_type().map(|t| t.as_str().into())),
        ])
    };
    object([
        ("deviceName", one.device_name().map(Into::into)),
        ("virtualName", one.virtual_name().map(Into::into)),
        ("noDevice", one.no_device().map(Into::into)),
        ("ebs", one.ebs().map(ebs).filter(|e| *e != json!({}))),
    ])
}

fn metadata(options: &types::LaunchTemplateInstanceMetadataOptions) -> Value {
    object([
        ("httpTokens", options.http_tokens().map(|t| t.as_str().into())),
        ("httpPutResponseHopLimit", options.http_put_response_hop_limit().map(Into::into)),
        ("httpEndpoint", options.http_endpoint().map(|e| e.as_str().into())),
        ("httpProtocolIpv6", options.http_protocol_ipv6().map(|p| p.as_str().into())),
        ("instanceMetadataTags", options.instance_metadata_tags().map(|t| t.as_str().into())),
    ])
}

fn interface_read(one: &types::LaunchTemplateInstanceNetworkInterfaceSpecification) -> Value {
    object([
        ("deviceIndex", one.device_index().map(Into::into)),
        ("networkCardIndex", one.network_card_index().map(Into::into)),
        ("subnetId", one.subnet_id().map(Into::into)),
        ("groups", Some(one.groups()).filter(|g| !g.is_empty()).map(|g| json!(g))),
        ("associatePublicIpAddress", one.associate_public_ip_address().map(Into::into)),
        ("deleteOnTermination", one.delete_on_termination().map(Into::into)),
        ("description", one.description().map(Into::into)),
        ("networkInterfaceId", one.network_interface_id().map(Into::into)),
        ("interfaceType", one.interface_type().map(Into::into)),
        ("privateIpAddress", one.private_ip_address().map(Into::into)),
        ("secondaryPrivateIpAddressCount", one.secondary_private_ip_address_count().map(Into::into)),
        ("ipv6AddressCount", one.ipv6_address_count().map(Into::into)),
    ])
}

/// Those of what is launched. moto puts the template's own tags here too.
fn tag_specifications(all: &[types::LaunchTemplateTagSpecification]) -> Option<Value> {
    let launched = all.iter().filter(|one| one.resource_type() != Some(&types::ResourceType::LaunchTemplate));
    let one = |one: &types::LaunchTemplateTagSpecification| {
        object([
            ("resourceType", one.resource_type().map(|t| t.as_str().into())),
            ("tags", Some(json!(tags_from(one.tags())))),
        ])
    };
    let launched: Vec<Value> = launched.map(one).collect();
    (!launched.is_empty()).then_some(Value::Array(launched))
}

fn placement(one: &types::LaunchTemplatePlacement) -> Value {
    object([
        ("availabilityZone", one.availability_zone().map(Into::into)),
        ("tenancy", one.tenancy().map(|t| t.as_str().into())),
        ("groupName", one.group_name().map(Into::into)),
        ("partitionNumber", one.partition_number().map(Into::into)),
        ("hostId", one.host_id().map(Into::into)),
        ("affinity", one.affinity().map(Into::into)),
        ("hostResourceGroupArn", one.host_resource_group_arn().map(Into::into)),
    ])
}

fn market(options: &types::LaunchTemplateInstanceMarketOptions) -> Value {
    let spot = |spot: &types::LaunchTemplateSpotMarketOptions| {
        object([
            ("maxPrice", spot.max_price().map(Into::into)),
            ("spotInstanceType", spot.spot_instance_type().map(|t| t.as_str().into())),
            ("instanceInterruptionBehavior", spot.instance_interruption_behavior().map(|b| b.as_str().into())),
        ])
    };
    object([
        ("marketType", options.market_type().map(|t| t.as_str().into())),
        ("spotOptions", options.spot_options().map(spot).filter(|s| *s != json!({}))),
    ])
}

fn cpu(options: &types::LaunchTemplateCpuOptions) -> Value {
    object([
        ("coreCount", options.core_count().map(Into::into)),
        ("threadsPerCore", options.threads_per_core().map(Into::into)),
        ("amdSevSnp", options.amd_sev_snp().map(|s| s.as_str().into())),
    ])
}

fn names(options: &types::LaunchTemplatePrivateDnsNameOptions) -> Value {
    object([
        ("hostnameType", options.hostname_type().map(|t| t.as_str().into())),
        ("enableResourceNameDnsARecord", options.enable_resource_name_dns_a_record().map(Into::into)),
        ("enableResourceNameDnsAAAARecord", options.enable_resource_name_dns_aaaa_record().map(Into::into)),
    ])
}
