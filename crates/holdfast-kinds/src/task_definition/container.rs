//! A container of a task definition: every member of AWS's `ContainerDefinition`.

use crate::ecs::shapes::{LogConfiguration, Secret, Text, members, words};
use std::collections::BTreeMap;

words! {
    /// Transport of a port.
    TransportProtocol { Tcp = "tcp", Udp = "udp" }
    /// What a Service Connect proxy speaks on a port.
    ApplicationProtocol { Http = "http", Http2 = "http2", Grpc = "grpc" }
    /// Until when a container waits for another one.
    ContainerCondition { Start = "START", Complete = "COMPLETE", Success = "SUCCESS", Healthy = "HEALTHY" }
    /// What a file of variables lies in.
    EnvironmentFileType { S3 = "s3" }
    /// Whether an image tag is resolved to a digest once for all tasks of a deployment.
    VersionConsistency { Enabled = "enabled", Disabled = "disabled" }
    /// What a container may do with a device.
    DevicePermission { Read = "read", Write = "write", Mknod = "mknod" }
    /// Limits of a process.
    UlimitName {
        Core = "core", Cpu = "cpu", Data = "data", Fsize = "fsize", Locks = "locks", Memlock = "memlock",
        Msgqueue = "msgqueue", Nice = "nice", Nofile = "nofile", Nproc = "nproc", Rss = "rss", Rtprio = "rtprio",
        Rttime = "rttime", Sigpending = "sigpending", Stack = "stack",
    }
    /// Hardware other than CPU and memory.
    ResourceType { Gpu = "GPU", InferenceAccelerator = "InferenceAccelerator", NeuronDevice = "NeuronDevice" }
    /// The log router.
    FirelensType { Fluentd = "fluentd", Fluentbit = "fluentbit" }
}

members! {
    /// A container.
    pub(crate) struct ContainerDefinition {
        /// Its name, unique in the task definition.
        pub(crate) name: String,
        /// The image, with tag or digest.
        pub(crate) image: String,
        /// Credentials of a private registry.
        pub(crate) repository_credentials: Option<RepositoryCredentials>,
        /// CPU units, 1024 a core. Default 0: no share of its own.
        #[schemars(range(min = 0))]
        pub(crate) cpu: Option<i64>,
        /// Hard limit of memory, in MiB: beyond it the container is killed.
        #[schemars(range(min = 4))]
        pub(crate) memory: Option<i64>,
        /// Soft limit of memory, in MiB: so much is kept free for it.
        #[schemars(range(min = 4))]
        pub(crate) memory_reservation: Option<i64>,
        /// Containers it can reach by name; network mode `bridge` only.
        pub(crate) links: Option<Vec<String>>,
        /// The ports it listens on.
        pub(crate) port_mappings: Option<Vec<PortMapping>>,
        /// Whether the task stops when it stops. Default true.
        pub(crate) essential: Option<bool>,
        /// Whether it alone is started again when it stops.
        pub(crate) restart_policy: Option<ContainerRestartPolicy>,
        /// What is run, in place of the image's entry point.
        pub(crate) entry_point: Option<Vec<String>>,
        /// Arguments, in place of the image's.
        pub(crate) command: Option<Vec<String>>,
        /// Environment variables. They are stored and shown: secrets belong under `secrets`.
        pub(crate) environment: Option<Vec<KeyValuePair>>,
        /// Files of environment variables in S3, read in this order.
        pub(crate) environment_files: Option<Vec<EnvironmentFile>>,
        /// Volumes of the task and where the container sees them.
        pub(crate) mount_points: Option<Vec<MountPoint>>,
        /// Containers whose volumes it sees as well.
        pub(crate) volumes_from: Option<Vec<VolumeFrom>>,
        /// Linux settings: capabilities, devices, shared memory, swap.
        pub(crate) linux_parameters: Option<LinuxParameters>,
        /// Environment variables whose values AWS fetches when the container starts.
        pub(crate) secrets: Option<Vec<Secret>>,
        /// Containers that it waits for.
        pub(crate) depends_on: Option<Vec<ContainerDependency>>,
        /// How long others wait for it, in seconds.
        #[schemars(range(min = 2))]
        pub(crate) start_timeout: Option<i64>,
        /// How long it has to stop after SIGTERM, in seconds; at most 120 on Fargate.
        #[schemars(range(min = 0))]
        pub(crate) stop_timeout: Option<i64>,
        /// Whether all tasks of a deployment run one image digest. Default `enabled`.
        pub(crate) version_consistency: Option<VersionConsistency>,
        /// Its host name.
        pub(crate) hostname: Option<String>,
        /// The user it runs as: `user`, `user:group`, `uid`, `uid:gid`.
        pub(crate) user: Option<String>,
        /// The directory commands run in.
        pub(crate) working_directory: Option<String>,
        /// No network. Default false.
        pub(crate) disable_networking: Option<bool>,
        /// Root's powers on the instance. Default false.
        pub(crate) privileged: Option<bool>,
        /// A root file system that cannot be written. Default false.
        pub(crate) readonly_root_filesystem: Option<bool>,
        /// Name servers, asked in this order.
        pub(crate) dns_servers: Option<Vec<String>>,
        /// Search domains, tried in this order.
        pub(crate) dns_search_domains: Option<Vec<String>>,
        /// Lines for its `/etc/hosts`.
        pub(crate) extra_hosts: Option<Vec<HostEntry>>,
        /// SELinux, AppArmor and credential options.
        pub(crate) docker_security_options: Option<Vec<String>>,
        /// Keeps standard input open. Default false.
        pub(crate) interactive: Option<bool>,
        /// Gives it a terminal. Default false.
        pub(crate) pseudo_terminal: Option<bool>,
        /// Docker labels.
        pub(crate) docker_labels: Option<BTreeMap<String, String>>,
        /// Limits of its processes.
        pub(crate) ulimits: Option<Vec<Ulimit>>,
        /// Where its output goes.
        pub(crate) log_configuration: Option<LogConfiguration>,
        /// The command that says whether it is well.
        pub(crate) health_check: Option<HealthCheck>,
        /// Kernel parameters.
        pub(crate) system_controls: Option<Vec<SystemControl>>,
        /// GPUs and other hardware.
        pub(crate) resource_requirements: Option<Vec<ResourceRequirement>>,
        /// Makes it the task's log router.
        pub(crate) firelens_configuration: Option<FirelensConfiguration>,
        /// CredSpec files for Active Directory, as ARNs.
        pub(crate) credential_specs: Option<Vec<String>>,
    }

    /// Credentials of a private registry.
    pub(crate) struct RepositoryCredentials {
        /// ARN of the secret that holds them.
        pub(crate) credentials_parameter: String,
    }

    /// A port, or a range of them.
    pub(crate) struct PortMapping {
        /// The port in the container.
        #[schemars(range(min = 1, max = 65_535))]
        pub(crate) container_port: Option<i64>,
        /// The port on the host. With `awsvpc` and `host` it is the container's; with `bridge` 0 or none is a free one.
        #[schemars(range(min = 0, max = 65_535))]
        pub(crate) host_port: Option<i64>,
        /// Default `tcp`.
        pub(crate) protocol: Option<TransportProtocol>,
        /// The name under which Service Connect and VPC Lattice know it.
        pub(crate) name: Option<String>,
        /// What a Service Connect proxy speaks on it; none is plain TCP.
        pub(crate) app_protocol: Option<ApplicationProtocol>,
        /// A range of ports, such as `8000-8010`, in place of `containerPort`.
        pub(crate) container_port_range: Option<String>,
    }

    /// Whether a container is started again when it stops.
    pub(crate) struct ContainerRestartPolicy {
        /// Whether it is.
        pub(crate) enabled: bool,
        /// Exit codes after which it is not.
        pub(crate) ignored_exit_codes: Option<Vec<i64>>,
        /// How long it must have run before it is, in seconds. Default 300.
        #[schemars(range(min = 60, max = 1800))]
        pub(crate) restart_attempt_period: Option<i64>,
    }

    /// An environment variable.
    pub(crate) struct KeyValuePair {
        /// Its name.
        pub(crate) name: String,
        /// Its value.
        pub(crate) value: Option<Text>,
    }

    /// A file of environment variables.
    pub(crate) struct EnvironmentFile {
        /// ARN of the S3 object.
        pub(crate) value: String,
        /// What it lies in.
        #[serde(rename = "type")]
        pub(crate) kind: EnvironmentFileType,
    }

    /// A volume as the container sees it.
    pub(crate) struct MountPoint {
        /// The volume's name, as declared under `volumes`.
        pub(crate) source_volume: Option<String>,
        /// Where the container sees it.
        pub(crate) container_path: Option<String>,
        /// Whether it can only be read. Default false.
        pub(crate) read_only: Option<bool>,
    }

    /// Another container's volumes.
    pub(crate) struct VolumeFrom {
        /// The other container.
        pub(crate) source_container: Option<String>,
        /// Whether they can only be read. Default false.
        pub(crate) read_only: Option<bool>,
    }

    /// Linux settings.
    pub(crate) struct LinuxParameters {
        /// Kernel capabilities.
        pub(crate) capabilities: Option<KernelCapabilities>,
        /// Devices of the host.
        pub(crate) devices: Option<Vec<Device>>,
        /// An init process that reaps children. Default false.
        pub(crate) init_process_enabled: Option<bool>,
        /// Size of `/dev/shm`, in MiB.
        #[schemars(range(min = 0))]
        pub(crate) shared_memory_size: Option<i64>,
        /// File systems in memory.
        pub(crate) tmpfs: Option<Vec<Tmpfs>>,
        /// Swap it may use, in MiB; 0 is none.
        #[schemars(range(min = 0))]
        pub(crate) max_swap: Option<i64>,
        /// How readily it swaps.
        #[schemars(range(min = 0, max = 100))]
        pub(crate) swappiness: Option<i64>,
    }

    /// Kernel capabilities beyond or below Docker's default.
    pub(crate) struct KernelCapabilities {
        /// Those it gets.
        pub(crate) add: Option<Vec<String>>,
        /// Those it loses.
        pub(crate) drop: Option<Vec<String>>,
    }

    /// A device of the host.
    pub(crate) struct Device {
        /// Its path on the host.
        pub(crate) host_path: String,
        /// Its path in the container; the host's if none.
        pub(crate) container_path: Option<String>,
        /// What the container may do. Default all three.
        pub(crate) permissions: Option<Vec<DevicePermission>>,
    }

    /// A file system in memory.
    pub(crate) struct Tmpfs {
        /// Where it is mounted.
        pub(crate) container_path: String,
        /// Its greatest size, in MiB.
        #[schemars(range(min = 1))]
        pub(crate) size: i64,
        /// Mount options.
        pub(crate) mount_options: Option<Vec<String>>,
    }

    /// A container that must come first.
    pub(crate) struct ContainerDependency {
        /// Its name.
        pub(crate) container_name: String,
        /// How far it must have come.
        pub(crate) condition: ContainerCondition,
    }

    /// A line of `/etc/hosts`.
    pub(crate) struct HostEntry {
        /// The name.
        pub(crate) hostname: String,
        /// The address.
        pub(crate) ip_address: String,
    }

    /// A limit of a container's processes.
    pub(crate) struct Ulimit {
        /// Which.
        pub(crate) name: UlimitName,
        /// The limit that is enforced; -1 is none.
        #[schemars(range(min = -1, max = 2_147_483_647))]
        pub(crate) soft_limit: i64,
        /// The ceiling of the soft limit; -1 is none.
        #[schemars(range(min = -1, max = 2_147_483_647))]
        pub(crate) hard_limit: i64,
    }

    /// The command that says whether a container is well.
    pub(crate) struct HealthCheck {
        /// `["CMD", …]`, `["CMD-SHELL", "line"]`, or `["NONE"]`.
        pub(crate) command: Vec<String>,
        /// Seconds between two checks. Default 30.
        #[schemars(range(min = 5, max = 300))]
        pub(crate) interval: Option<i64>,
        /// Seconds a check may take. Default 5.
        #[schemars(range(min = 2, max = 120))]
        pub(crate) timeout: Option<i64>,
        /// Failures in a row that make it unhealthy. Default 3.
        #[schemars(range(min = 1, max = 10))]
        pub(crate) retries: Option<i64>,
        /// Seconds after the start in which failures do not count. Default 0.
        #[schemars(range(min = 0, max = 300))]
        pub(crate) start_period: Option<i64>,
    }

    /// A kernel parameter.
    pub(crate) struct SystemControl {
        /// Its name, such as `net.core.somaxconn`.
        pub(crate) namespace: Option<String>,
        /// Its value.
        pub(crate) value: Option<Text>,
    }

    /// Hardware that a container needs.
    pub(crate) struct ResourceRequirement {
        /// Which.
        #[serde(rename = "type")]
        pub(crate) kind: ResourceType,
        /// How many GPUs, or the name of an inference accelerator.
        pub(crate) value: Option<Text>,
        /// How a GPU is shared, in place of `value`.
        pub(crate) sharing_strategy: Option<SharingStrategy>,
    }

    /// How a GPU is shared.
    pub(crate) struct SharingStrategy {
        /// By NVIDIA's Multi-Process Service.
        pub(crate) nvidia_mps: Option<NvidiaMpsAllocation>,
    }

    /// A share of a GPU.
    pub(crate) struct NvidiaMpsAllocation {
        /// GPU memory, in MiB.
        #[schemars(range(min = 1))]
        pub(crate) memory: i64,
        /// Greatest part of its compute power, in per cent.
        #[schemars(range(min = 1, max = 100))]
        pub(crate) max_compute_percent: Option<i64>,
    }

    /// A log router.
    pub(crate) struct FirelensConfiguration {
        /// Which one.
        #[serde(rename = "type")]
        pub(crate) kind: FirelensType,
        /// Its options.
        pub(crate) options: Option<BTreeMap<String, Text>>,
    }
}
