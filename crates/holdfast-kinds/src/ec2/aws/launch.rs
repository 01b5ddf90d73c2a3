//! Members of launches as EC2 takes them. Launch templates and instances have types of their own for the same shapes.

use crate::ec2::launch;

/// A number as EC2 takes it; one beyond its range is refused by EC2, not by us.
pub(crate) fn number(value: Option<i64>) -> Option<i32> {
    value.map(|n| i32::try_from(n).unwrap_or(i32::MAX))
}

/// The conversions into one family of types.
macro_rules! family {
    ($(#[$about:meta])* $name:ident: $mapping:ident $ebs:ident $metadata:ident $market:ident $spot:ident $placement:ident $hibernation:ident $maintenance:ident $profile:ident $monitoring:ident) => {
        $(#[$about])*
        pub(crate) mod $name {
            use super::{launch, number};
            use aws_sdk_ec2::types;

            pub(crate) fn devices(all: &[launch::BlockDeviceMapping]) -> Vec<types::$mapping> {
                let one = |device: &launch::BlockDeviceMapping| {
                    types::$mapping::builder()
                        .set_device_name(device.device_name.clone())
                        .set_virtual_name(device.virtual_name.clone())
                        .set_no_device(device.no_device.clone())
                        .set_ebs(device.ebs.as_ref().map(volume))
                        .build()
                };
                all.iter().map(one).collect()
            }
            fn volume(ebs: &launch::Ebs) -> types::$ebs {
                types::$ebs::builder()
                    .set_delete_on_termination(ebs.delete_on_termination)
                    .set_encrypted(ebs.encrypted)
                    .set_iops(number(ebs.iops))
                    .set_kms_key_id(ebs.kms_key_id.clone())
                    .set_snapshot_id(ebs.snapshot_id.clone())
                    .set_throughput(number(ebs.throughput))
                    .set_volume_size(number(ebs.volume_size))
                    .set_volume_type(ebs.volume_type.as_deref().map(Into::into))
                    .build()
            }
            pub(crate) fn metadata(options: &launch::MetadataOptions) -> types::$metadata {
                types::$metadata::builder()
                    .set_http_tokens(options.http_tokens.as_deref().map(Into::into))
                    .set_http_put_response_hop_limit(number(options.http_put_response_hop_limit))
                    .set_http_endpoint(options.http_endpoint.as_deref().map(Into::into))
                    .set_http_protocol_ipv6(options.http_protocol_ipv6.as_deref().map(Into::into))
                    .set_instance_metadata_tags(options.instance_metadata_tags.as_deref().map(Into::into))
                    .build()
            }
            pub(crate) fn market(options: &launch::MarketOptions) -> types::$market {
                let spot = |spot: &launch::SpotOptions| {
                    types::$spot::builder()
                        .set_max_price(spot.max_price.clone())
                        .set_spot_instance_type(spot.spot_instance_type.as_deref().map(Into::into))
                        .set_instance_interruption_behavior(
                            spot.instance_interruption_behavior.as_deref().map(Into::into),
                        )
                        .build()
                };
                types::$market::builder()
                    .set_market_type(options.market_type.as_deref().map(Into::into))
                    .set_spot_options(options.spot_options.as_ref().map(spot))
                    .build()
            }
            pub(crate) fn placement(placement: &launch::Placement) -> types::$placement {
                types::$placement::builder()
                    .set_availability_zone(placement.availability_zone.clone())
                    .set_tenancy(placement.tenancy.as_deref().map(Into::into))
                    .set_group_name(placement.group_name.clone())
                    .set_partition_number(number(placement.partition_number))
                    .set_host_id(placement.host_id.clone())
                    .set_affinity(placement.affinity.clone())
                    .set_host_resource_group_arn(placement.host_resource_group_arn.clone())
                    .build()
            }
            pub(crate) fn hibernation(options: &launch::HibernationOptions) -> types::$hibernation {
                types::$hibernation::builder().set_configured(options.configured).build()
            }
            pub(crate) fn maintenance(options: &launch::MaintenanceOptions) -> types::$maintenance {
                types::$maintenance::builder()
                    .set_auto_recovery(options.auto_recovery.as_deref().map(Into::into))
                    .build()
            }
            pub(crate) fn profile(profile: &launch::Profile) -> types::$profile {
                types::$profile::builder().set_arn(profile.arn.clone()).set_name(profile.name.clone()).build()
            }
            pub(crate) fn monitoring(switch: &launch::Switch) -> types::$monitoring {
                types::$monitoring::builder().set_enabled(switch.enabled).build()
            }
        }
    };
}

family! {
    /// What launch templates take.
    template: LaunchTemplateBlockDeviceMappingRequest LaunchTemplateEbsBlockDeviceRequest
        LaunchTemplateInstanceMetadataOptionsRequest LaunchTemplateInstanceMarketOptionsRequest
        LaunchTemplateSpotMarketOptionsRequest LaunchTemplatePlacementRequest LaunchTemplateHibernationOptionsRequest
        LaunchTemplateInstanceMaintenanceOptionsRequest
        LaunchTemplateIamInstanceProfileSpecificationRequest
        LaunchTemplatesMonitoringRequest
}

family! {
    /// What instances take.
    instance: BlockDeviceMapping EbsBlockDevice InstanceMetadataOptionsRequest InstanceMarketOptionsRequest
        SpotMarketOptions Placement HibernationOptionsRequest InstanceMaintenanceOptionsRequest
        IamInstanceProfileSpecification RunInstancesMonitoringEnabled
}
