//! What launches take, be it a launch template's or an instance's own: the nested members, and their rules.

use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Declares structs of optional members in camelCase.
macro_rules! members {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub(crate) $field: Option<$type>,)*
        }
    )*};
}
pub(crate) use members;

members! {
    /// The role that instances have, by its instance profile.
    Profile {
        /// The instance profile's ARN.
        arn: String,
        /// The instance profile's name; either this or the ARN.
        name: String,
    }
    /// A switch.
    Switch {
        /// On or off.
        enabled: bool,
    }
    /// The metadata service of an instance.
    MetadataOptions {
        /// `required` answers only requests with a session token (IMDSv2); `optional` answers all.
        #[schemars(extend("enum" = ["optional", "required"]))]
        http_tokens: String,
        /// So many hops may an answer with a token go, 1 to 64; containers need 2.
        http_put_response_hop_limit: i64,
        /// Whether the service answers at all: `enabled` or `disabled`.
        #[schemars(extend("enum" = ["enabled", "disabled"]))]
        http_endpoint: String,
        /// Whether it answers over IPv6: `enabled` or `disabled`.
        #[schemars(extend("enum" = ["enabled", "disabled"]))]
        http_protocol_ipv6: String,
        /// Whether it gives the instance's tags: `enabled` or `disabled`.
        #[schemars(extend("enum" = ["enabled", "disabled"]))]
        instance_metadata_tags: String,
    }
    /// Where instances are put.
    Placement {
        /// The Availability Zone; that of the subnet as a rule.
        availability_zone: String,
        /// Whether hardware is shared: `default`, `dedicated` or `host`.
        #[schemars(extend("enum" = ["default", "dedicated", "host"]))]
        tenancy: String,
        /// The placement group.
        group_name: String,
        /// The partition of the placement group.
        partition_number: i64,
        /// The dedicated host.
        host_id: String,
        /// Whether a restarted instance goes back to its dedicated host: `default` or `host`.
        #[schemars(extend("enum" = ["default", "host"]))]
        affinity: String,
        /// The resource group of dedicated hosts.
        host_resource_group_arn: String,
    }
    /// What burstable instances do without credits.
    CreditSpecification {
        /// `standard` slows down, `unlimited` costs more.
        #[schemars(extend("enum" = ["standard", "unlimited"]))]
        cpu_credits: String,
    }
    /// How instances are bought.
    MarketOptions {
        /// `spot`, or `capacity-block`.
        #[schemars(extend("enum" = ["spot", "capacity-block"]))]
        market_type: String,
        /// About spot instances.
        spot_options: SpotOptions,
    }
    /// How spot instances are bought.
    SpotOptions {
        /// The most to be paid an hour; leave it out for the on-demand price.
        max_price: String,
        /// `one-time` or `persistent`.
        #[schemars(extend("enum" = ["one-time", "persistent"]))]
        spot_instance_type: String,
        /// What becomes of an interrupted instance: `hibernate`, `stop` or `terminate`.
        #[schemars(extend("enum" = ["hibernate", "stop", "terminate"]))]
        instance_interruption_behavior: String,
    }
    /// A volume of an instance.
    BlockDeviceMapping {
        /// The device, such as `/dev/xvda`.
        device_name: String,
        /// An instance-store volume, such as `ephemeral0`.
        virtual_name: String,
        /// An EBS volume.
        ebs: Ebs,
        /// An empty text keeps out a device that the image has.
        no_device: String,
    }
    /// An EBS volume that a launch makes.
    Ebs {
        /// Whether it goes with the instance.
        delete_on_termination: bool,
        /// Whether it is encrypted.
        encrypted: bool,
        /// I/O operations a second, for `gp3`, `io1` and `io2`.
        iops: i64,
        /// The KMS key; AWS's own for EBS if none is named.
        kms_key_id: String,
        /// The snapshot it is made from.
        snapshot_id: String,
        /// MiB a second, for `gp3`.
        throughput: i64,
        /// GiB.
        volume_size: i64,
        /// Such as `gp3`.
        volume_type: String,
    }
    /// The processors of an instance.
    CpuOptions {
        /// Cores.
        core_count: i64,
        /// Threads a core, 1 or 2.
        threads_per_core: i64,
        /// Memory encryption by AMD SEV-SNP: `enabled` or `disabled`.
        #[schemars(extend("enum" = ["enabled", "disabled"]))]
        amd_sev_snp: String,
    }
    /// Hibernation.
    HibernationOptions {
        /// Whether the instance can hibernate.
        configured: bool,
    }
    /// Maintenance.
    MaintenanceOptions {
        /// Whether AWS moves the instance off failing hardware: `default` or `disabled`.
        #[schemars(extend("enum" = ["default", "disabled"]))]
        auto_recovery: String,
    }
    /// The private host name.
    PrivateDnsNameOptions {
        /// What it is made of: `ip-name` or `resource-name`.
        #[schemars(extend("enum" = ["ip-name", "resource-name"]))]
        hostname_type: String,
        /// Whether the resource name has an A record.
        enable_resource_name_dns_a_record: bool,
        /// Whether the resource name has an AAAA record.
        #[serde(rename = "enableResourceNameDnsAAAARecord")]
        enable_resource_name_dns_aaaa_record: bool,
    }
}

/// The rules of an image's name.
pub(crate) fn check_image(errors: &mut Vec<SpecError>, pointer: &str, image: Option<&str>) {
    let Some(image) = image.filter(|i| !is_open(i)) else { return };
    if !image.starts_with("ami-") && !image.starts_with("resolve:ssm:") {
        let words = format!("\"{image}\" is no image; write ami-…, or resolve:ssm:/a/parameter where a template may");
        errors.push(SpecError::new(pointer, "invalid-value", words));
    }
}

/// The rules of security group ids.
pub(crate) fn check_groups(errors: &mut Vec<SpecError>, pointer: &str, groups: Option<&Vec<String>>) {
    for (i, group) in groups.into_iter().flatten().enumerate() {
        if !is_open(group) && !group.starts_with("sg-") {
            let words = format!("\"{group}\" is no security group id; write sg-… or ${{SecurityGroup/name.id}}");
            errors.push(SpecError::new(format!("{pointer}/{i}"), "invalid-value", words));
        }
    }
}

/// The rules of an instance profile.
pub(crate) fn check_profile(errors: &mut Vec<SpecError>, pointer: &str, profile: Option<&Profile>) {
    if let Some(profile) = profile
        && profile.arn.is_some() == profile.name.is_some()
    {
        let words = "name the instance profile by its name or by its arn, one of them";
        errors.push(SpecError::new(pointer, "conflict", words));
    }
}

/// The rules of the metadata service.
pub(crate) fn check_metadata(errors: &mut Vec<SpecError>, pointer: &str, options: Option<&MetadataOptions>) {
    if let Some(hops) = options.and_then(|o| o.http_put_response_hop_limit).filter(|h| !(1..=64).contains(h)) {
        let words = format!("{hops} hops; AWS takes 1 to 64");
        errors.push(SpecError::new(format!("{pointer}/httpPutResponseHopLimit"), "out-of-range", words));
    }
}

/// The rules of volumes.
pub(crate) fn check_devices(errors: &mut Vec<SpecError>, pointer: &str, devices: Option<&Vec<BlockDeviceMapping>>) {
    let mut seen = BTreeSet::new();
    for (i, device) in devices.into_iter().flatten().enumerate() {
        let at = format!("{pointer}/{i}");
        match device.device_name.as_deref().unwrap_or_default() {
            "" => {
                let words = "a volume needs the device it hangs on, such as /dev/xvda";
                errors.push(SpecError::new(format!("{at}/deviceName"), "required", words));
            }
            name if !seen.insert(name) => {
                let words = format!("{name} stands here twice; an instance has each device once");
                errors.push(SpecError::new(format!("{at}/deviceName"), "duplicate", words));
            }
            _ => {}
        }
        let kinds = [device.ebs.is_some(), device.virtual_name.is_some(), device.no_device.is_some()];
        if kinds.iter().filter(|k| **k).count() > 1 {
            let words = "a device is one of ebs, virtualName and noDevice";
            errors.push(SpecError::new(&at, "conflict", words));
        }
        if let Some(size) = device.ebs.as_ref().and_then(|e| e.volume_size).filter(|s| !(1..=65_536).contains(s)) {
            let words = format!("{size} GiB; AWS takes 1 to 65536");
            errors.push(SpecError::new(format!("{at}/ebs/volumeSize"), "out-of-range", words));
        }
    }
}
