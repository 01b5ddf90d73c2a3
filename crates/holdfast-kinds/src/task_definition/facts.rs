//! What AWS adds to a task definition, what it reorders, and what is compared as what.

use holdfast_core::facts::{Field, ItemKey, Severity, Shape};

const CONTAINER: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html";
const REGISTER: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html";
const PORT: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html";
const HEALTH: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html";
const RESTART: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerRestartPolicy.html";
const MOUNT: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_MountPoint.html";
const DEVICE: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Device.html";
const EFS: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html";
const DOCKER: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DockerVolumeConfiguration.html";
const PLATFORM: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html";
const VOLUME: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Volume.html";
const CONSTRAINT: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinitionPlacementConstraint.html";
const FROM: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_VolumeFrom.html";
const LINUX: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinuxParameters.html";
const PROXY: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ProxyConfiguration.html";

const fn keyed(path: &'static str, key: &'static [&'static str]) -> Field {
    Field::of(path, Shape::Set(ItemKey::Of(key)))
}

const fn map(path: &'static str) -> Field {
    Field::of(path, Shape::Map)
}

/// The field facts. The root is a map: a field that was declared and is gone makes a new revision without it.
pub(super) const FIELDS: &[Field] = &[
    map(""),
    Field::scalar("/family").create_only(),
    Field::scalar("/networkMode").default("\"bridge\"", REGISTER),
    Field::scalar("/cpu").canonical("text, in CPU units: `1 vCPU` is 1024"),
    Field::scalar("/memory").canonical("text, in MiB: `1 GB` is 1024"),
    Field::scalar("/taskRoleArn").severity(Severity::Exposure).canonical("as declared: the name or the ARN"),
    Field::scalar("/executionRoleArn").canonical("as declared: the name or the ARN"),
    Field::scalar("/enableFaultInjection").default("false", REGISTER),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    Field::set("/requiresCompatibilities"),
    Field::set("/placementConstraints"),
    Field::scalar("/placementConstraints/*/type").default("\"memberOf\"", CONSTRAINT),
    keyed("/inferenceAccelerators", &["deviceName"]),
    map("/ephemeralStorage"),
    map("/runtimePlatform"),
    Field::scalar("/runtimePlatform/cpuArchitecture").default("\"X86_64\"", PLATFORM),
    Field::scalar("/runtimePlatform/operatingSystemFamily").default("\"LINUX\"", PLATFORM),
    map("/proxyConfiguration"),
    Field::scalar("/proxyConfiguration/type").default("\"APPMESH\"", PROXY),
    keyed("/proxyConfiguration/properties", &["name"]),
    // volumes
    keyed("/volumes", &["name"]),
    Field::scalar("/volumes/*/configuredAtLaunch").default("false", VOLUME),
    Field::scalar("/volumes/*/efsVolumeConfiguration/rootDirectory").default("\"/\"", EFS),
    Field::scalar("/volumes/*/efsVolumeConfiguration/transitEncryption").default("\"DISABLED\"", EFS),
    Field::scalar("/volumes/*/efsVolumeConfiguration/transitEncryptionPort").default("0", EFS),
    Field::scalar("/volumes/*/efsVolumeConfiguration/authorizationConfig/iam").default("\"DISABLED\"", EFS),
    Field::scalar("/volumes/*/s3filesVolumeConfiguration/rootDirectory").default("\"/\"", REGISTER),
    Field::scalar("/volumes/*/dockerVolumeConfiguration/scope").default("\"task\"", DOCKER),
    Field::scalar("/volumes/*/dockerVolumeConfiguration/autoprovision").default("false", DOCKER),
    Field::scalar("/volumes/*/dockerVolumeConfiguration/driver").default("\"local\"", DOCKER),
    // containers
    keyed("/containerDefinitions", &["name"]),
    Field::scalar("/containerDefinitions/*/cpu").default("0", CONTAINER),
    Field::scalar("/containerDefinitions/*/essential").default("true", CONTAINER),
    Field::scalar("/containerDefinitions/*/versionConsistency").default("\"enabled\"", CONTAINER),
    Field::scalar("/containerDefinitions/*/disableNetworking").default("false", CONTAINER),
    Field::scalar("/containerDefinitions/*/privileged").default("false", CONTAINER).severity(Severity::Exposure),
    Field::scalar("/containerDefinitions/*/readonlyRootFilesystem")
        .default("false", CONTAINER)
        .severity(Severity::Exposure),
    Field::scalar("/containerDefinitions/*/user").severity(Severity::Exposure),
    Field::scalar("/containerDefinitions/*/interactive").default("false", CONTAINER),
    Field::scalar("/containerDefinitions/*/pseudoTerminal").default("false", CONTAINER),
    Field::of("/containerDefinitions/*/dockerLabels", Shape::Map).severity(Severity::Cosmetic),
    keyed("/containerDefinitions/*/environment", &["name"]).canonical("every value as text"),
    keyed("/containerDefinitions/*/secrets", &["name"]),
    keyed("/containerDefinitions/*/portMappings", &["containerPort", "containerPortRange", "protocol"])
        .canonical("without a host port that the network mode implies"),
    Field::scalar("/containerDefinitions/*/portMappings/*/protocol").default("\"tcp\"", PORT),
    keyed("/containerDefinitions/*/mountPoints", &["containerPath"]),
    Field::scalar("/containerDefinitions/*/mountPoints/*/readOnly").default("false", MOUNT),
    keyed("/containerDefinitions/*/volumesFrom", &["sourceContainer"]),
    Field::scalar("/containerDefinitions/*/volumesFrom/*/readOnly").default("false", FROM),
    keyed("/containerDefinitions/*/dependsOn", &["containerName"]),
    keyed("/containerDefinitions/*/ulimits", &["name"]),
    keyed("/containerDefinitions/*/systemControls", &["namespace"]).canonical("every value as text"),
    keyed("/containerDefinitions/*/resourceRequirements", &["type"]).canonical("every value as text"),
    keyed("/containerDefinitions/*/extraHosts", &["hostname", "ipAddress"]),
    Field::set("/containerDefinitions/*/links"),
    Field::set("/containerDefinitions/*/dockerSecurityOptions"),
    Field::set("/containerDefinitions/*/credentialSpecs"),
    keyed("/containerDefinitions/*/logConfiguration/secretOptions", &["name"]),
    Field::scalar("/containerDefinitions/*/healthCheck/interval").default("30", HEALTH),
    Field::scalar("/containerDefinitions/*/healthCheck/timeout").default("5", HEALTH),
    Field::scalar("/containerDefinitions/*/healthCheck/retries").default("3", HEALTH),
    Field::scalar("/containerDefinitions/*/healthCheck/startPeriod").default("0", HEALTH),
    Field::scalar("/containerDefinitions/*/restartPolicy/enabled").default("false", RESTART),
    Field::set("/containerDefinitions/*/restartPolicy/ignoredExitCodes"),
    Field::scalar("/containerDefinitions/*/restartPolicy/restartAttemptPeriod").default("300", RESTART),
    Field::set("/containerDefinitions/*/linuxParameters/capabilities/add").severity(Severity::Exposure),
    Field::set("/containerDefinitions/*/linuxParameters/capabilities/drop").severity(Severity::Exposure),
    Field::scalar("/containerDefinitions/*/linuxParameters/initProcessEnabled").default("false", LINUX),
    keyed("/containerDefinitions/*/linuxParameters/devices", &["hostPath", "containerPath"]),
    Field::set("/containerDefinitions/*/linuxParameters/devices/*/permissions")
        .default("[\"read\",\"write\",\"mknod\"]", DEVICE),
    keyed("/containerDefinitions/*/linuxParameters/tmpfs", &["containerPath"]),
    Field::set("/containerDefinitions/*/linuxParameters/tmpfs/*/mountOptions"),
];
