//! A service as users declare it: the members of AWS's `CreateService` and `UpdateService`, and `redeployOn`.

use super::connect::{ServiceConnectConfiguration, VpcLatticeConfiguration};
use super::deployment::{DeploymentConfiguration, DeploymentController};
use crate::ecs::shapes::{CapacityProviderStrategyItem, Text, members, words};
use std::collections::BTreeMap;

words! {
    /// Where tasks run.
    LaunchType { Ec2 = "EC2", Fargate = "FARGATE", External = "EXTERNAL" }
    /// How many tasks there are.
    SchedulingStrategy { Replica = "REPLICA", Daemon = "DAEMON" }
    /// Where a task's tags come from.
    PropagateTags { TaskDefinition = "TASK_DEFINITION", Service = "SERVICE", None = "NONE" }
    /// A switch.
    Switch { Enabled = "ENABLED", Disabled = "DISABLED" }
    /// Rules for where a task may run.
    PlacementConstraintType { DistinctInstance = "distinctInstance", MemberOf = "memberOf" }
    /// How tasks are spread.
    PlacementStrategyType { Random = "random", Spread = "spread", Binpack = "binpack" }
    /// File systems of a volume.
    FilesystemType { Ext3 = "ext3", Ext4 = "ext4", Xfs = "xfs", Ntfs = "ntfs" }
    /// What a tag of EBS is put on.
    EbsResourceType { Volume = "volume" }
}

members! {
    /// An ECS service.
    pub(crate) struct Spec {
        /// The cluster, by name or ARN. Default `default`. Cannot change in place.
        pub(crate) cluster: Option<String>,
        /// Its name, unique in its cluster. Cannot change in place.
        pub(crate) service_name: String,
        /// The task definition: `family:revision`, its ARN, or `family` for the newest. Needed unless the deployment
        /// controller is `EXTERNAL`.
        pub(crate) task_definition: Option<String>,
        /// How many tasks. Absent leaves it to an autoscaler or a person; the service then starts with 1.
        #[schemars(range(min = 0))]
        pub(crate) desired_count: Option<i64>,
        /// Where tasks run; not together with `capacityProviderStrategy`. Cannot change in place.
        pub(crate) launch_type: Option<LaunchType>,
        /// Which capacity providers tasks run on, and in which shares.
        pub(crate) capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
        /// The platform version of Fargate. Default `LATEST`.
        pub(crate) platform_version: Option<String>,
        /// The role that registers targets, as ARN or name, where the service-linked one is not used. Cannot change in place.
        pub(crate) role: Option<String>,
        /// Subnets and security groups of tasks with networkMode `awsvpc`.
        pub(crate) network_configuration: Option<NetworkConfiguration>,
        /// Target groups and the container ports behind them.
        pub(crate) load_balancers: Option<Vec<LoadBalancer>>,
        /// Cloud Map registries.
        pub(crate) service_registries: Option<Vec<ServiceRegistry>>,
        /// How tasks are replaced.
        pub(crate) deployment_configuration: Option<DeploymentConfiguration>,
        /// Which instances tasks may run on.
        pub(crate) placement_constraints: Option<Vec<PlacementConstraint>>,
        /// How tasks are spread over instances, in this order.
        pub(crate) placement_strategy: Option<Vec<PlacementStrategy>>,
        /// Seconds after a task's start in which failed health checks do not count. Default 0.
        #[schemars(range(min = 0, max = 2_147_483_647))]
        pub(crate) health_check_grace_period_seconds: Option<i64>,
        /// `REPLICA`, or `DAEMON` for one task an instance. Cannot change in place.
        pub(crate) scheduling_strategy: Option<SchedulingStrategy>,
        /// Who deploys.
        pub(crate) deployment_controller: Option<DeploymentController>,
        /// Whether ECS tags tasks with cluster and service. Default false.
        #[serde(rename = "enableECSManagedTags")]
        pub(crate) enable_ecs_managed_tags: Option<bool>,
        /// Where a task's tags come from. Default `NONE`.
        pub(crate) propagate_tags: Option<PropagateTags>,
        /// Whether ECS Exec may open a shell in its tasks. Default false.
        pub(crate) enable_execute_command: Option<bool>,
        /// Service Connect.
        pub(crate) service_connect_configuration: Option<ServiceConnectConfiguration>,
        /// EBS volumes made for each task.
        pub(crate) volume_configurations: Option<Vec<ServiceVolumeConfiguration>>,
        /// Whether tasks are moved to keep zones in balance. AWS's default is `ENABLED`.
        pub(crate) availability_zone_rebalancing: Option<Switch>,
        /// Target groups of VPC Lattice.
        pub(crate) vpc_lattice_configurations: Option<Vec<VpcLatticeConfiguration>>,
        /// Ours: texts, such as the version of a configuration file, whose change starts a new deployment.
        pub(crate) redeploy_on: Option<BTreeMap<String, Text>>,
        /// Tags, key to value.
        pub(crate) tags: Option<BTreeMap<String, String>>,
    }

    /// The network of tasks.
    pub(crate) struct NetworkConfiguration {
        /// For networkMode `awsvpc`.
        pub(crate) awsvpc_configuration: Option<AwsVpcConfiguration>,
    }

    /// Subnets and security groups.
    pub(crate) struct AwsVpcConfiguration {
        /// The subnets, 16 at most.
        #[schemars(length(min = 1, max = 16))]
        pub(crate) subnets: Vec<String>,
        /// The security groups, 5 at most; the VPC's default group if none.
        #[schemars(length(max = 5))]
        pub(crate) security_groups: Option<Vec<String>>,
        /// Whether tasks get a public address. Default `DISABLED`.
        pub(crate) assign_public_ip: Option<Switch>,
    }

    /// A target group and the container port behind it.
    pub(crate) struct LoadBalancer {
        /// The target group.
        pub(crate) target_group_arn: Option<String>,
        /// A Classic Load Balancer, in place of a target group.
        pub(crate) load_balancer_name: Option<String>,
        /// The container.
        pub(crate) container_name: String,
        /// The container's port.
        #[schemars(range(min = 1, max = 65_535))]
        pub(crate) container_port: i64,
        /// For blue/green, linear and canary deployments.
        pub(crate) advanced_configuration: Option<AdvancedConfiguration>,
    }

    /// The other half of a blue/green pair.
    pub(crate) struct AdvancedConfiguration {
        /// The other target group.
        pub(crate) alternate_target_group_arn: Option<String>,
        /// The listener or rule of production traffic.
        pub(crate) production_listener_rule: Option<String>,
        /// The listener or rule of test traffic.
        pub(crate) test_listener_rule: Option<String>,
        /// The role in which ECS moves traffic.
        pub(crate) role_arn: Option<String>,
    }

    /// A Cloud Map registry.
    pub(crate) struct ServiceRegistry {
        /// Its ARN.
        pub(crate) registry_arn: Option<String>,
        /// The port, for SRV records.
        #[schemars(range(min = 1, max = 65_535))]
        pub(crate) port: Option<i64>,
        /// The container.
        pub(crate) container_name: Option<String>,
        /// The container's port.
        #[schemars(range(min = 1, max = 65_535))]
        pub(crate) container_port: Option<i64>,
    }

    /// A rule for where tasks may run.
    pub(crate) struct PlacementConstraint {
        /// Its kind.
        #[serde(rename = "type")]
        pub(crate) kind: PlacementConstraintType,
        /// In the cluster query language, for `memberOf`.
        pub(crate) expression: Option<String>,
    }

    /// A way to spread tasks.
    pub(crate) struct PlacementStrategy {
        /// Its kind.
        #[serde(rename = "type")]
        pub(crate) kind: PlacementStrategyType,
        /// What it looks at: `instanceId`, `attribute:ecs.availability-zone`; `cpu` or `memory` for `binpack`.
        pub(crate) field: Option<String>,
    }

    /// An EBS volume made for each task.
    pub(crate) struct ServiceVolumeConfiguration {
        /// The volume of the task definition that is `configuredAtLaunch`.
        pub(crate) name: String,
        /// What is made.
        #[serde(rename = "managedEBSVolume")]
        pub(crate) managed_ebs_volume: Option<ManagedEbsVolume>,
    }

    /// An EBS volume.
    pub(crate) struct ManagedEbsVolume {
        /// The role in which ECS makes it.
        pub(crate) role_arn: String,
        /// Whether it is encrypted.
        pub(crate) encrypted: Option<bool>,
        /// The key.
        pub(crate) kms_key_id: Option<String>,
        /// `gp3`, `gp2`, `io1`, `io2`, `st1`, `sc1`, `standard`.
        pub(crate) volume_type: Option<String>,
        /// Its size, in GiB.
        #[serde(rename = "sizeInGiB")]
        #[schemars(range(min = 1, max = 16_384))]
        pub(crate) size_in_gib: Option<i64>,
        /// The snapshot it is made from.
        pub(crate) snapshot_id: Option<String>,
        /// How fast it is filled from the snapshot, in MiB a second.
        #[schemars(range(min = 100, max = 300))]
        pub(crate) volume_initialization_rate: Option<i64>,
        /// Operations a second.
        #[schemars(range(min = 100))]
        pub(crate) iops: Option<i64>,
        /// MiB a second.
        #[schemars(range(min = 125))]
        pub(crate) throughput: Option<i64>,
        /// Its tags.
        pub(crate) tag_specifications: Option<Vec<EbsTagSpecification>>,
        /// Its file system. Default `xfs`.
        pub(crate) filesystem_type: Option<FilesystemType>,
    }

    /// Tags of a volume.
    pub(crate) struct EbsTagSpecification {
        /// What they are put on.
        pub(crate) resource_type: EbsResourceType,
        /// The tags.
        pub(crate) tags: Option<Vec<EbsTag>>,
        /// Where more come from. Default `NONE`.
        pub(crate) propagate_tags: Option<PropagateTags>,
    }

    /// A tag of a volume.
    pub(crate) struct EbsTag {
        /// Its key.
        pub(crate) key: String,
        /// Its value.
        pub(crate) value: Option<String>,
    }
}
