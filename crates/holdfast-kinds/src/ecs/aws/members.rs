//! Our specs against the SDK's model: no member is misspelled, and none is forgotten unknowingly.

use crate::{cluster, service, task_definition};
use serde_json::Value;
use std::collections::BTreeSet;

/// The members of a shape of the SDK.
macro_rules! of {
    ($($shape:ident)::+) => {
        aws_sdk_ecs::$($shape)::+::SCHEMA.members().iter().filter_map(|m| m.member_name()).map(str::to_owned).collect()
    };
}

fn check(what: &str, ours: Option<&Value>, aws: BTreeSet<String>, not_ours: &[&str], only_ours: &[&str]) {
    let properties = ours.and_then(|s| s.get("properties")).and_then(Value::as_object);
    let properties = properties.unwrap_or_else(|| panic!("{what} is no shape of ours"));
    let ours: BTreeSet<&str> = properties.keys().map(String::as_str).filter(|k| !only_ours.contains(k)).collect();
    let aws: BTreeSet<&str> = aws.iter().map(String::as_str).filter(|k| !not_ours.contains(k)).collect();
    assert_eq!(ours, aws, "{what}");
}

/// Checks shapes of a spec that have the name AWS gives them.
macro_rules! same_named {
    ($schema:ident: $($name:ident),* $(,)?) => {
        $(check(stringify!($name), $schema.pointer(concat!("/$defs/", stringify!($name))), of!(types::$name), &[], &[]);)*
    };
}

/// Checks shapes that have another name here.
macro_rules! renamed {
    ($schema:ident: $($ours:ident = $aws:ident),* $(,)?) => {
        $(check(stringify!($ours), $schema.pointer(concat!("/$defs/", stringify!($ours))), of!(types::$aws), &[], &[]);)*
    };
}

#[test]
#[expect(deprecated, reason = "AWS's model still has inference accelerators, and old task definitions hold them")]
fn a_task_definition_has_every_member_of_aws_and_no_other() {
    let schema = schemars::schema_for!(task_definition::Spec).to_value();
    let register = of!(operation::register_task_definition::RegisterTaskDefinitionInput);
    check("Spec", Some(&schema), register, &[], &[]);
    same_named!(schema:
        ContainerDefinition, RepositoryCredentials, PortMapping, ContainerRestartPolicy, KeyValuePair, EnvironmentFile,
        MountPoint, VolumeFrom, LinuxParameters, KernelCapabilities, Device, Tmpfs, Secret, ContainerDependency, HostEntry,
        Ulimit, LogConfiguration, HealthCheck, SystemControl, ResourceRequirement, NvidiaMpsAllocation,
        FirelensConfiguration, Volume, HostVolumeProperties, DockerVolumeConfiguration, EfsVolumeConfiguration,
        EfsAuthorizationConfig, S3FilesVolumeConfiguration, TaskDefinitionPlacementConstraint, ProxyConfiguration,
        InferenceAccelerator, EphemeralStorage, RuntimePlatform,
    );
    renamed!(schema:
        FsxVolumeConfiguration = FSxWindowsFileServerVolumeConfiguration,
        FsxAuthorizationConfig = FSxWindowsFileServerAuthorizationConfig,
    );
}

#[test]
fn a_cluster_has_every_member_of_aws_and_no_other() {
    let schema = schemars::schema_for!(cluster::Spec).to_value();
    check("Spec", Some(&schema), of!(operation::create_cluster::CreateClusterInput), &[], &[]);
    same_named!(schema:
        ClusterSetting, ClusterConfiguration, ExecuteCommandConfiguration, ExecuteCommandLogConfiguration,
        ManagedStorageConfiguration, CapacityProviderStrategyItem,
    );
    renamed!(schema: ServiceConnectDefaults = ClusterServiceConnectDefaultsRequest);
}

#[test]
fn a_service_has_every_member_of_aws_that_is_answered_and_one_of_ours() {
    let schema = schemars::schema_for!(service::Spec).to_value();
    // DescribeServices answers neither of the last two, so they could not be held.
    let not_ours = ["clientToken", "gatewayConnectors", "monitoring"];
    check("Spec", Some(&schema), of!(operation::create_service::CreateServiceInput), &not_ours, &["redeployOn"]);
    same_named!(schema:
        NetworkConfiguration, AwsVpcConfiguration, LoadBalancer, AdvancedConfiguration, ServiceRegistry,
        PlacementConstraint, PlacementStrategy, ServiceVolumeConfiguration, EbsTagSpecification,
        CapacityProviderStrategyItem, DeploymentController, DeploymentConfiguration, DeploymentAlarms, LinearConfiguration,
        CanaryConfiguration, ServiceConnectConfiguration, ServiceConnectService, LogConfiguration, Secret,
        VpcLatticeConfiguration,
    );
    renamed!(schema:
        ManagedEbsVolume = ServiceManagedEbsVolumeConfiguration,
        EbsTag = Tag,
        CircuitBreaker = DeploymentCircuitBreaker,
        Threshold = ThresholdConfiguration,
        LifecycleHook = DeploymentLifecycleHook,
        HookTimeout = DeploymentLifecycleHookTimeoutConfiguration,
        EarlySuccessCriteria = DeploymentEarlySuccessCriteria,
        ClientAlias = ServiceConnectClientAlias,
        TestTrafficRules = ServiceConnectTestTrafficRules,
        TestTrafficHeader = ServiceConnectTestTrafficHeaderRules,
        HeaderValue = ServiceConnectTestTrafficHeaderMatchRules,
        Timeout = TimeoutConfiguration,
        Tls = ServiceConnectTlsConfiguration,
        CertificateAuthority = ServiceConnectTlsCertificateAuthority,
        AccessLogConfiguration = ServiceConnectAccessLogConfiguration,
        LatticeAdvancedConfiguration = VpcLatticeAdvancedConfiguration,
    );
}
