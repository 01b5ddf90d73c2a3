//! The spec, its facts, its canonical form, and what is refused.

use crate::common::Tags;
use crate::ec2::launch::{
    BlockDeviceMapping, CreditSpecification, HibernationOptions, MaintenanceOptions, MarketOptions, MetadataOptions,
    Placement, Profile, Switch, check_devices, check_groups, check_image, check_metadata, check_profile, members,
};
use crate::ec2::user_data;
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::Arn;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::Ipv4Addr;

members! {
    /// An EC2 instance.
    InstanceSpec {
        /// The image, such as `ami-0abc`; required without a launch template. Cannot change in place.
        image_id: String,
        /// Such as `t3.small`. Changes while the instance is stopped, with `policy.replace: allow`.
        instance_type: String,
        /// The key pair, by name. Cannot change in place.
        key_name: String,
        /// The subnet of the primary network interface; one of the default VPC without it. Cannot change in place.
        subnet_id: String,
        /// The private IPv4 address; one of the subnet without it. Cannot change in place.
        private_ip_address: String,
        /// The security groups of the primary network interface; the VPC's default group without them.
        security_group_ids: Vec<String>,
        /// Whether the launch gives it a public IPv4 address; as the subnet says without it. Taken at the launch alone.
        associate_public_ip_address: bool,
        /// So many IPv6 addresses of the subnet. Taken at the launch alone.
        ipv6_address_count: i64,
        /// Whether traffic must be from or to the instance itself; false for a NAT instance or a router.
        source_dest_check: bool,
        /// The role of the instance.
        iam_instance_profile: Profile,
        /// What it runs at its first boot: plain text, or base64. Changes while the instance is stopped, with
        /// `policy.replace: allow`, and an instance that has booted does not run it again.
        user_data: String,
        /// The volumes. Taken at the launch alone.
        block_device_mappings: Vec<BlockDeviceMapping>,
        /// The metadata service.
        metadata_options: MetadataOptions,
        /// CloudWatch every minute instead of every five.
        monitoring: Switch,
        /// A bandwidth of its own to EBS. Changes while the instance is stopped, with `policy.replace: allow`.
        ebs_optimized: bool,
        /// Where it is put. Cannot change in place.
        placement: Placement,
        /// What a burstable instance does without credits.
        credit_specification: CreditSpecification,
        /// How it is bought. Cannot change in place.
        instance_market_options: MarketOptions,
        /// Whether terminating it by the API is refused. A delete by Holdfast is refused then, too.
        disable_api_termination: bool,
        /// Whether stopping it by the API is refused.
        disable_api_stop: bool,
        /// What a shutdown from inside does: `stop` or `terminate`.
        #[schemars(extend("enum" = ["stop", "terminate"]))]
        instance_initiated_shutdown_behavior: String,
        /// Hibernation. Cannot change in place.
        hibernation_options: HibernationOptions,
        /// Nitro enclaves. Cannot change in place.
        enclave_options: Switch,
        /// Maintenance.
        maintenance_options: MaintenanceOptions,
        /// A launch template for what is not declared here. Taken at the launch alone.
        launch_template: LaunchTemplateSpecification,
        /// Tags, key to value; of the instance, and at the launch of its volumes.
        tags: Tags,
    }
    /// A launch template and its version.
    LaunchTemplateSpecification {
        /// The template by its id.
        launch_template_id: String,
        /// The template by its name; either this or the id.
        launch_template_name: String,
        /// The version: a number, `$Default` or `$Latest`. The default one without it.
        version: String,
    }
}

const RUN: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html";
const ENI: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html";
const PLACEMENT: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/dedicated-instance.html";
const MONITORING: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/manage-detailed-monitoring.html";
const RECOVERY: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-recover.html";
const HIBERNATION: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_HibernationOptionsRequest.html";
const ENCLAVES: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnclaveOptionsRequest.html";
const PROFILE_FORM: &str = "the name, which is the end of the ARN";

pub(super) const FIELDS: &[Field] = &[
    Field::scalar("/imageId").create_only(),
    Field::scalar("/keyName").create_only(),
    Field::scalar("/subnetId").create_only(),
    Field::scalar("/privateIpAddress").create_only(),
    Field::set("/securityGroupIds").severity(Severity::Exposure),
    Field::of("/associatePublicIpAddress", Shape::WriteOnly).create_only(),
    Field::of("/ipv6AddressCount", Shape::WriteOnly).create_only(),
    Field::scalar("/sourceDestCheck").default("true", ENI),
    Field::of("/iamInstanceProfile", Shape::Object).canonical(PROFILE_FORM).severity(Severity::Exposure),
    Field::scalar("/userData").canonical(user_data::FORM),
    Field::of("/blockDeviceMappings", Shape::WriteOnly).create_only(),
    Field::scalar("/metadataOptions/httpTokens").severity(Severity::Exposure),
    Field::scalar("/monitoring/enabled").default("false", MONITORING),
    Field::scalar("/ebsOptimized").default("false", RUN),
    Field::of("/placement", Shape::Object).create_only(),
    Field::scalar("/placement/tenancy").default(r#""default""#, PLACEMENT).create_only(),
    Field::of("/instanceMarketOptions", Shape::Object).create_only(),
    Field::of("/instanceMarketOptions/spotOptions", Shape::WriteOnly).create_only(),
    Field::scalar("/disableApiTermination").default("false", RUN).severity(Severity::Exposure),
    Field::scalar("/disableApiStop").default("false", RUN).severity(Severity::Exposure),
    Field::scalar("/instanceInitiatedShutdownBehavior").default(r#""stop""#, RUN),
    Field::of("/hibernationOptions", Shape::Object).create_only(),
    Field::scalar("/hibernationOptions/configured").default("false", HIBERNATION).create_only(),
    Field::of("/enclaveOptions", Shape::Object).create_only(),
    Field::scalar("/enclaveOptions/enabled").default("false", ENCLAVES).create_only(),
    Field::scalar("/maintenanceOptions/autoRecovery").default(r#""default""#, RECOVERY),
    Field::of("/launchTemplate", Shape::WriteOnly).create_only(),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
];

/// What only a launch takes, and nobody reads afterwards.
pub(super) const LAUNCH_ONLY: [&str; 4] =
    ["associatePublicIpAddress", "ipv6AddressCount", "blockDeviceMappings", "launchTemplate"];

/// User data in base64, and the instance profile by name.
pub(super) fn canonical(spec: &mut Value) {
    user_data::canonical(spec.get_mut("userData"));
    if let Some(Value::Object(profile)) = spec.get_mut("iamInstanceProfile")
        && let Some(arn) = profile.get("arn").and_then(Value::as_str)
        && let Some(name) = profile_name(arn)
    {
        let name = name.to_owned();
        profile.shift_remove("arn");
        profile.insert("name".to_owned(), name.into());
    }
}

/// The name of an instance profile in its ARN, which may hold a path before it.
pub(super) fn profile_name(arn: &str) -> Option<&str> {
    let rest = Arn::rest(arn, "iam", "instance-profile/").filter(|_| !is_open(arn))?;
    rest.rsplit('/').next().filter(|name| !name.is_empty())
}

/// All mistakes of a spec.
pub(super) fn check(spec: &InstanceSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    if spec.image_id.is_none() && spec.launch_template.is_none() {
        let words = "an instance needs an imageId, or a launchTemplate that has one";
        errors.push(SpecError::new("/imageId", "required", words));
    }
    check_image(&mut errors, "/imageId", spec.image_id.as_deref());
    check_groups(&mut errors, "/securityGroupIds", spec.security_group_ids.as_ref());
    if spec.security_group_ids.as_ref().is_some_and(Vec::is_empty) {
        let words = "an instance has at least one security group; leave it out for the VPC's default group";
        errors.push(SpecError::new("/securityGroupIds", "required", words));
    }
    check_profile(&mut errors, "/iamInstanceProfile", spec.iam_instance_profile.as_ref());
    check_metadata(&mut errors, "/metadataOptions", spec.metadata_options.as_ref());
    check_devices(&mut errors, "/blockDeviceMappings", spec.block_device_mappings.as_ref());
    user_data::check(&mut errors, "/userData", spec.user_data.as_deref());
    prefixed(&mut errors, "/subnetId", spec.subnet_id.as_deref(), "subnet-", "subnet");
    address(spec, &mut errors);
    template(spec, &mut errors);
    errors
}

fn prefixed(errors: &mut Vec<SpecError>, at: &str, id: Option<&str>, prefix: &str, what: &str) {
    if let Some(id) = id.filter(|id| !is_open(id) && !id.starts_with(prefix)) {
        let words = format!("\"{id}\" is no {what} id; write {prefix}… or a reference");
        errors.push(SpecError::new(at, "invalid-value", words));
    }
}

fn address(spec: &InstanceSpec, errors: &mut Vec<SpecError>) {
    let Some(address) = spec.private_ip_address.as_deref() else { return };
    if !is_open(address) && address.parse::<Ipv4Addr>().is_err() {
        let words = format!("\"{address}\" is no IPv4 address");
        errors.push(SpecError::new("/privateIpAddress", "invalid-value", words));
    }
    if spec.subnet_id.is_none() && spec.launch_template.is_none() {
        let words = "an address is one of a subnet; declare subnetId too";
        errors.push(SpecError::new("/privateIpAddress", "conflict", words));
    }
}

fn template(spec: &InstanceSpec, errors: &mut Vec<SpecError>) {
    if let Some(template) = &spec.launch_template
        && template.launch_template_id.is_some() == template.launch_template_name.is_some()
    {
        let words = "name the launch template by its id or by its name, one of them";
        errors.push(SpecError::new("/launchTemplate", "conflict", words));
    }
}
