//! A task definition as users declare it: the members of AWS's `RegisterTaskDefinition`.

use super::container::{ContainerDefinition, KeyValuePair};
use crate::ecs::shapes::{LogDriver, Text, members, words};
use std::collections::BTreeMap;

words! {
    /// How a task's containers are connected.
    NetworkMode { Bridge = "bridge", Host = "host", Awsvpc = "awsvpc", None = "none" }
    /// Where a task may run.
    Compatibility { Ec2 = "EC2", Fargate = "FARGATE", External = "EXTERNAL", ManagedInstances = "MANAGED_INSTANCES" }
    /// Whose processes the containers see.
    PidMode { Host = "host", Task = "task" }
    /// Whose shared memory the containers see.
    IpcMode { Host = "host", Task = "task", None = "none" }
    /// The processor's architecture.
    CpuArchitecture { X86_64 = "X86_64", Arm64 = "ARM64" }
    /// How long a Docker volume lives.
    DockerScope { Task = "task", Shared = "shared" }
    /// A switch.
    Switch { Enabled = "ENABLED", Disabled = "DISABLED" }
    /// Kinds of placement constraints that a task definition takes.
    PlacementConstraintType { MemberOf = "memberOf" }
    /// Kinds of proxies.
    ProxyType { Appmesh = "APPMESH" }
    /// Operating systems.
    OsFamily {
        Linux = "LINUX", Windows2004Core = "WINDOWS_SERVER_2004_CORE", Windows2016Full = "WINDOWS_SERVER_2016_FULL",
        Windows2019Core = "WINDOWS_SERVER_2019_CORE", Windows2019Full = "WINDOWS_SERVER_2019_FULL",
        Windows2022Core = "WINDOWS_SERVER_2022_CORE", Windows2022Full = "WINDOWS_SERVER_2022_FULL",
        Windows2025Core = "WINDOWS_SERVER_2025_CORE", Windows2025Full = "WINDOWS_SERVER_2025_FULL",
        Windows20h2Core = "WINDOWS_SERVER_20H2_CORE",
    }
}

members! {
    /// A task definition.
    pub(crate) struct Spec {
        /// Its name; revisions are counted under it.
        pub(crate) family: String,
        /// The containers.
        #[schemars(length(min = 1))]
        pub(crate) container_definitions: Vec<ContainerDefinition>,
        /// The role the containers act in, as ARN or name.
        pub(crate) task_role_arn: Option<String>,
        /// The role that ECS pulls images, fetches secrets and writes logs in, as ARN or name.
        pub(crate) execution_role_arn: Option<String>,
        /// How the containers are connected; Fargate wants `awsvpc`. Default `bridge`.
        pub(crate) network_mode: Option<NetworkMode>,
        /// Volumes that containers mount.
        pub(crate) volumes: Option<Vec<Volume>>,
        /// Which instances may run it.
        pub(crate) placement_constraints: Option<Vec<TaskDefinitionPlacementConstraint>>,
        /// Where it is meant to run; AWS then checks that it can.
        pub(crate) requires_compatibilities: Option<Vec<Compatibility>>,
        /// CPU of the whole task: units (`256`) or `".25 vCPU"`. Fargate needs it.
        pub(crate) cpu: Option<Text>,
        /// Memory of the whole task: MiB (`512`) or `"0.5 GB"`. Fargate needs it.
        pub(crate) memory: Option<Text>,
        /// Whose processes the containers see.
        pub(crate) pid_mode: Option<PidMode>,
        /// Whose shared memory the containers see.
        pub(crate) ipc_mode: Option<IpcMode>,
        /// The proxy of App Mesh.
        pub(crate) proxy_configuration: Option<ProxyConfiguration>,
        /// Elastic Inference accelerators.
        pub(crate) inference_accelerators: Option<Vec<InferenceAccelerator>>,
        /// Throw-away disk on Fargate beyond the 20 GiB that every task has.
        pub(crate) ephemeral_storage: Option<EphemeralStorage>,
        /// Architecture and operating system; Fargate needs them for ARM and Windows.
        pub(crate) runtime_platform: Option<RuntimePlatform>,
        /// Lets Fault Injection Service act on its tasks. Default false.
        pub(crate) enable_fault_injection: Option<bool>,
        /// Tags of the revision.
        pub(crate) tags: Option<BTreeMap<String, String>>,
    }

    /// A volume; of its configurations at most one.
    pub(crate) struct Volume {
        /// The name that mount points use.
        pub(crate) name: String,
        /// A directory of the host.
        pub(crate) host: Option<HostVolumeProperties>,
        /// A volume that Docker manages; EC2 only.
        pub(crate) docker_volume_configuration: Option<DockerVolumeConfiguration>,
        /// A file system of EFS.
        pub(crate) efs_volume_configuration: Option<EfsVolumeConfiguration>,
        /// A file system of S3 Files.
        #[serde(rename = "s3filesVolumeConfiguration")]
        pub(crate) s3files_volume_configuration: Option<S3FilesVolumeConfiguration>,
        /// A file system of FSx for Windows File Server.
        pub(crate) fsx_windows_file_server_volume_configuration: Option<FsxVolumeConfiguration>,
        /// An EBS volume that the service configures under `volumeConfigurations`. Default false.
        pub(crate) configured_at_launch: Option<bool>,
    }

    /// A directory of the host.
    pub(crate) struct HostVolumeProperties {
        /// Its path; none is a fresh directory for each task.
        pub(crate) source_path: Option<String>,
    }

    /// A volume that Docker manages.
    pub(crate) struct DockerVolumeConfiguration {
        /// How long it lives. Default `task`.
        pub(crate) scope: Option<DockerScope>,
        /// Whether a shared one is made when it is not there. Default false.
        pub(crate) autoprovision: Option<bool>,
        /// The driver. Default `local`.
        pub(crate) driver: Option<String>,
        /// Options of the driver.
        pub(crate) driver_opts: Option<BTreeMap<String, String>>,
        /// Labels of the volume.
        pub(crate) labels: Option<BTreeMap<String, String>>,
    }

    /// A file system of EFS.
    pub(crate) struct EfsVolumeConfiguration {
        /// Its id, `fs-…`.
        pub(crate) file_system_id: String,
        /// The directory that is mounted. Default `/`.
        pub(crate) root_directory: Option<String>,
        /// Encryption on the way. Default `DISABLED`.
        pub(crate) transit_encryption: Option<Switch>,
        /// The port for encrypted traffic; one is chosen if none.
        #[schemars(range(min = 0, max = 65_535))]
        pub(crate) transit_encryption_port: Option<i64>,
        /// Who may mount it.
        pub(crate) authorization_config: Option<EfsAuthorizationConfig>,
    }

    /// Who may mount a file system of EFS.
    pub(crate) struct EfsAuthorizationConfig {
        /// The access point.
        pub(crate) access_point_id: Option<String>,
        /// Whether the task role is asked. Default `DISABLED`.
        pub(crate) iam: Option<Switch>,
    }

    /// A file system of S3 Files.
    pub(crate) struct S3FilesVolumeConfiguration {
        /// Its ARN.
        pub(crate) file_system_arn: String,
        /// The directory that is mounted. Default `/`.
        pub(crate) root_directory: Option<String>,
        /// The port for encrypted traffic; one is chosen if none.
        #[schemars(range(min = 0, max = 65_535))]
        pub(crate) transit_encryption_port: Option<i64>,
        /// The access point.
        pub(crate) access_point_arn: Option<String>,
    }

    /// A file system of FSx for Windows File Server.
    pub(crate) struct FsxVolumeConfiguration {
        /// Its id.
        pub(crate) file_system_id: String,
        /// The directory that is mounted.
        pub(crate) root_directory: String,
        /// Who mounts it.
        pub(crate) authorization_config: FsxAuthorizationConfig,
    }

    /// Who mounts a file system of FSx.
    pub(crate) struct FsxAuthorizationConfig {
        /// ARN of the secret or parameter with the credentials.
        pub(crate) credentials_parameter: String,
        /// The Active Directory domain.
        pub(crate) domain: String,
    }

    /// Which instances may run the task.
    pub(crate) struct TaskDefinitionPlacementConstraint {
        /// The kind of constraint.
        #[serde(rename = "type")]
        pub(crate) kind: Option<PlacementConstraintType>,
        /// In the cluster query language.
        pub(crate) expression: Option<String>,
    }

    /// The proxy of App Mesh.
    pub(crate) struct ProxyConfiguration {
        /// Its kind. Default `APPMESH`.
        #[serde(rename = "type")]
        pub(crate) kind: Option<ProxyType>,
        /// The container that is the proxy.
        pub(crate) container_name: String,
        /// Its settings.
        pub(crate) properties: Option<Vec<KeyValuePair>>,
    }

    /// An Elastic Inference accelerator.
    pub(crate) struct InferenceAccelerator {
        /// The name containers refer to.
        pub(crate) device_name: String,
        /// Its type.
        pub(crate) device_type: String,
    }

    /// Throw-away disk.
    pub(crate) struct EphemeralStorage {
        /// Its size, in GiB.
        #[serde(rename = "sizeInGiB")]
        #[schemars(range(min = 21, max = 200))]
        pub(crate) size_in_gib: i64,
    }

    /// Architecture and operating system.
    pub(crate) struct RuntimePlatform {
        /// Default `X86_64`.
        pub(crate) cpu_architecture: Option<CpuArchitecture>,
        /// Default `LINUX`.
        pub(crate) operating_system_family: Option<OsFamily>,
    }
}

/// Log drivers that Fargate has.
pub(super) const FARGATE_LOG_DRIVERS: [LogDriver; 3] = [LogDriver::Awslogs, LogDriver::Splunk, LogDriver::Awsfirelens];
