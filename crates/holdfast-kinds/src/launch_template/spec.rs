//! The spec, its facts, and what is refused.

use crate::common::Tags;
use crate::ec2::launch::{
    BlockDeviceMapping, CpuOptions, CreditSpecification, HibernationOptions, MaintenanceOptions, MarketOptions,
    MetadataOptions, Placement, PrivateDnsNameOptions, Profile, Switch, check_devices, check_groups, check_image,
    check_metadata, check_profile, members,
};
use crate::ec2::user_data;
use holdfast_core::facts::{Facts, Field, ItemKey, Severity, Shape};
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A launch template.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LaunchTemplateSpec {
    /// The name, unique in the Region: 3 to 128 letters, digits and `( ) . - / _`. Cannot change in place.
    pub(super) launch_template_name: String,
    /// What launches take. A change makes a new version, which becomes the default.
    pub(super) launch_template_data: LaunchTemplateData,
    /// What is written on the next version that is made, up to 255 characters; a change of it alone makes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_description: Option<String>,
    /// Tags of the template itself, key to value. Those of instances go into `launchTemplateData.tagSpecifications`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<Tags>,
}

members! {
    /// What launches take.
    LaunchTemplateData {
        /// The image, such as `ami-0abc`, or `resolve:ssm:/a/parameter`, which AWS looks up at each launch.
        image_id: String,
        /// Such as `t3.small`.
        instance_type: String,
        /// The key pair, by name.
        key_name: String,
        /// The security groups; none here where `networkInterfaces` are named.
        security_group_ids: Vec<String>,
        /// The role of the instances.
        iam_instance_profile: Profile,
        /// What instances run at their first boot: plain text, or base64.
        user_data: String,
        /// The volumes.
        block_device_mappings: Vec<BlockDeviceMapping>,
        /// The metadata service.
        metadata_options: MetadataOptions,
        /// The network interfaces.
        network_interfaces: Vec<NetworkInterface>,
        /// Tags of what is launched.
        tag_specifications: Vec<TagSpecification>,
        /// CloudWatch every minute instead of every five.
        monitoring: Switch,
        /// A bandwidth of its own to EBS.
        ebs_optimized: bool,
        /// Where instances are put.
        placement: Placement,
        /// What burstable instances do without credits.
        credit_specification: CreditSpecification,
        /// How instances are bought.
        instance_market_options: MarketOptions,
        /// Whether terminating by the API is refused.
        disable_api_termination: bool,
        /// Whether stopping by the API is refused.
        disable_api_stop: bool,
        /// What a shutdown from inside does: `stop` or `terminate`.
        #[schemars(extend("enum" = ["stop", "terminate"]))]
        instance_initiated_shutdown_behavior: String,
        /// The processors.
        cpu_options: CpuOptions,
        /// Hibernation.
        hibernation_options: HibernationOptions,
        /// Nitro enclaves.
        enclave_options: Switch,
        /// Maintenance.
        maintenance_options: MaintenanceOptions,
        /// The private host name.
        private_dns_name_options: PrivateDnsNameOptions,
    }
    /// A network interface that a launch makes or takes.
    NetworkInterface {
        /// Its place: 0 for the primary one.
        device_index: i64,
        /// The network card.
        network_card_index: i64,
        /// The subnet.
        subnet_id: String,
        /// Its security groups.
        groups: Vec<String>,
        /// Whether it gets a public IPv4 address.
        associate_public_ip_address: bool,
        /// Whether it goes with the instance.
        delete_on_termination: bool,
        /// What it is for.
        description: String,
        /// An interface that is there already.
        network_interface_id: String,
        /// `interface`, `efa` or `efa-only`.
        interface_type: String,
        /// Its private IPv4 address.
        private_ip_address: String,
        /// So many secondary private IPv4 addresses.
        secondary_private_ip_address_count: i64,
        /// So many IPv6 addresses.
        ipv6_address_count: i64,
    }
    /// Tags of one type of what is launched.
    TagSpecification {
        /// Such as `instance`, `volume` or `network-interface`.
        resource_type: String,
        /// Tags, key to value.
        tags: Tags,
    }
}

pub(super) const FIELDS: &[Field] = &[
    Field::scalar("/launchTemplateName").create_only(),
    // A member that is declared no more goes with the next version, so a member that goes makes one.
    Field::of("/launchTemplateData", Shape::Map),
    Field::set("/launchTemplateData/securityGroupIds").severity(Severity::Exposure),
    Field::scalar("/launchTemplateData/userData").canonical(user_data::FORM),
    Field::scalar("/launchTemplateData/keyName").severity(Severity::Exposure),
    Field::of("/launchTemplateData/blockDeviceMappings", Shape::Set(ItemKey::Of(&["deviceName"]))),
    Field::scalar("/launchTemplateData/blockDeviceMappings/*/ebs/encrypted").severity(Severity::Exposure),
    Field::scalar("/launchTemplateData/metadataOptions/httpTokens").severity(Severity::Exposure),
    Field::of("/launchTemplateData/networkInterfaces", Shape::Set(ItemKey::Of(&["deviceIndex", "networkCardIndex"]))),
    Field::set("/launchTemplateData/networkInterfaces/*/groups").severity(Severity::Exposure),
    Field::scalar("/launchTemplateData/networkInterfaces/*/associatePublicIpAddress").severity(Severity::Exposure),
    Field::of("/launchTemplateData/tagSpecifications", Shape::Set(ItemKey::Of(&["resourceType"]))),
    Field::of("/launchTemplateData/tagSpecifications/*/tags", Shape::Map).severity(Severity::Cosmetic),
    Field::scalar("/launchTemplateData/disableApiTermination").severity(Severity::Exposure),
    Field::of("/versionDescription", Shape::WriteOnly).severity(Severity::Cosmetic),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
];

/// The table, ready for look-ups.
pub(super) fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| Facts::new(FIELDS))
}

const DATA: &str = "/launchTemplateData";

/// All mistakes of a spec.
pub(super) fn check(spec: &LaunchTemplateSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    name(&spec.launch_template_name, &mut errors);
    if let Some(text) = spec.version_description.as_deref().filter(|t| t.chars().count() > 255) {
        let words = format!("{} characters; AWS takes 255", text.chars().count());
        errors.push(SpecError::new("/versionDescription", "too-long", words));
    }
    let data = &spec.launch_template_data;
    if serde_json::to_value(data).is_ok_and(|v| v == serde_json::json!({})) {
        errors.push(SpecError::new(DATA, "required", "AWS takes no empty template; declare an instanceType, say"));
    }
    let at = |field: &str| format!("{DATA}/{field}");
    check_image(&mut errors, &at("imageId"), data.image_id.as_deref());
    check_groups(&mut errors, &at("securityGroupIds"), data.security_group_ids.as_ref());
    check_profile(&mut errors, &at("iamInstanceProfile"), data.iam_instance_profile.as_ref());
    check_metadata(&mut errors, &at("metadataOptions"), data.metadata_options.as_ref());
    check_devices(&mut errors, &at("blockDeviceMappings"), data.block_device_mappings.as_ref());
    user_data::check(&mut errors, &at("userData"), data.user_data.as_deref());
    interfaces(data, &mut errors);
    tag_specifications(data, &mut errors);
    errors
}

fn name(name: &str, errors: &mut Vec<SpecError>) {
    let mut refuse = |code: &str, words: String| errors.push(SpecError::new("/launchTemplateName", code, words));
    if is_open(name) {
        return;
    }
    if !(3..=128).contains(&name.chars().count()) {
        refuse("invalid-length", format!("{} characters; AWS takes 3 to 128", name.chars().count()));
    }
    if let Some(odd) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"().-/_".contains(*c)) {
        let words = format!("the character {odd:?} is not allowed; AWS takes letters, digits and ( ) . - / _");
        refuse("invalid-character", words);
    }
}

fn interfaces(data: &LaunchTemplateData, errors: &mut Vec<SpecError>) {
    let Some(all) = data.network_interfaces.as_ref().filter(|all| !all.is_empty()) else { return };
    if data.security_group_ids.as_ref().is_some_and(|groups| !groups.is_empty()) {
        let words = "where networkInterfaces are named, security groups go into their groups";
        errors.push(SpecError::new(format!("{DATA}/securityGroupIds"), "conflict", words));
    }
    let mut seen = BTreeSet::new();
    for (i, one) in all.iter().enumerate() {
        let at = format!("{DATA}/networkInterfaces/{i}");
        check_groups(errors, &format!("{at}/groups"), one.groups.as_ref());
        match one.device_index {
            None => {
                let words = "an interface needs its place; the primary one has 0";
                errors.push(SpecError::new(format!("{at}/deviceIndex"), "required", words));
            }
            Some(index) if !seen.insert((index, one.network_card_index.unwrap_or_default())) => {
                let words = format!("two interfaces at the place {index}; each place is there once");
                errors.push(SpecError::new(format!("{at}/deviceIndex"), "duplicate", words));
            }
            Some(_) => {}
        }
        if one.network_interface_id.is_some() && (one.subnet_id.is_some() || one.groups.is_some()) {
            let words = "an interface that is there has its subnet and groups already; leave them out";
            errors.push(SpecError::new(format!("{at}/networkInterfaceId"), "conflict", words));
        }
    }
}

fn tag_specifications(data: &LaunchTemplateData, errors: &mut Vec<SpecError>) {
    let mut seen = BTreeSet::new();
    for (i, one) in data.tag_specifications.iter().flatten().enumerate() {
        let at = format!("{DATA}/tagSpecifications/{i}/resourceType");
        match one.resource_type.as_deref() {
            None | Some("") => {
                errors.push(SpecError::new(at, "required", "say what is tagged: instance, volume, network-interface"));
            }
            Some("launch-template") => {
                errors.push(SpecError::new(at, "invalid-value", "the template's own tags go into tags"));
            }
            Some(kind) if !seen.insert(kind) => {
                let words = format!("{kind} stands here twice; put its tags together");
                errors.push(SpecError::new(at, "duplicate", words));
            }
            Some(_) => {}
        }
    }
}
