//! What AWS adds to a service, what it cannot change, and what is compared as what.

use holdfast_core::facts::{Facts, Field, Given, ItemKey, Severity, Shape, When};
use std::sync::OnceLock;

const CREATE: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html";
const DEPLOY: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html";
const BREAKER: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentCircuitBreaker.html";
const HOOK: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html";
const LINEAR: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html";
const CANARY: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html";
const ITEM: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html";
const VPC: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html";
const EBS: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceManagedEBSVolumeConfiguration.html";
const SCHEDULING: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html";
const REBALANCE: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html";
const CONNECT: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectConfiguration.html";

const DAEMON: When = When { at: "/schedulingStrategy", is: &["DAEMON"] };
const FARGATE: &[&str] = &["FARGATE", "FARGATE_SPOT"];

const PLATFORM: &[Given] = &[
    Given { when: &[When { at: "/launchType", is: FARGATE }], default: "\"LATEST\"", source: CREATE },
    Given {
        when: &[When { at: "/capacityProviderStrategy/0/capacityProvider", is: FARGATE }],
        default: "\"LATEST\"",
        source: CREATE,
    },
];
const REBALANCING: &[Given] = &[Given { when: &[DAEMON], default: "\"DISABLED\"", source: REBALANCE }];
const MAXIMUM: &[Given] = &[Given { when: &[DAEMON], default: "100", source: SCHEDULING }];
const MINIMUM: &[Given] = &[Given { when: &[DAEMON], default: "0", source: DEPLOY }];

const AUTOSCALER: &str = "Application Auto Scaling, between the minimum and the maximum of its scalable target";
const DEPLOYER: &str =
    "CodeDeploy or an external deployment controller, where deploymentController.type is CODE_DEPLOY or EXTERNAL";
const SHIFTER: &str = "ECS itself, while a blue/green, linear or canary deployment runs; CodeDeploy or an external \
     deployment controller, where deploymentController.type is CODE_DEPLOY or EXTERNAL";

/// The table, ready for look-ups.
pub(super) fn table() -> &'static Facts {
    static TREE: OnceLock<Facts> = OnceLock::new();
    TREE.get_or_init(|| Facts::new(FIELDS))
}

const fn keyed(path: &'static str, key: &'static [&'static str]) -> Field {
    Field::of(path, Shape::Set(ItemKey::Of(key)))
}

/// The field facts.
pub(super) const FIELDS: &[Field] = &[
    Field::scalar("/cluster").default("\"default\"", CREATE).create_only().canonical("the name, not the ARN"),
    Field::scalar("/serviceName").create_only(),
    Field::scalar("/taskDefinition")
        .canonical("`family:revision`, not the ARN; a family alone is any of its revisions")
        .owners(SHIFTER),
    Field::scalar("/desiredCount").owners(AUTOSCALER),
    Field::scalar("/launchType").create_only().owners(DEPLOYER),
    Field::scalar("/role").create_only().canonical("as declared: the name or the ARN"),
    Field::scalar("/schedulingStrategy").default("\"REPLICA\"", CREATE).create_only(),
    Field::scalar("/deploymentController/type").default("\"ECS\"", CREATE),
    Field::scalar("/platformVersion").given(PLATFORM).owners(DEPLOYER),
    Field::scalar("/healthCheckGracePeriodSeconds").default("0", CREATE),
    Field::scalar("/enableECSManagedTags").default("false", CREATE).severity(Severity::Cosmetic),
    Field::scalar("/propagateTags").default("\"NONE\"", CREATE).severity(Severity::Cosmetic),
    Field::scalar("/enableExecuteCommand").default("false", CREATE).severity(Severity::Exposure),
    Field::scalar("/availabilityZoneRebalancing").default("\"ENABLED\"", CREATE).given(REBALANCING),
    keyed("/capacityProviderStrategy", &["capacityProvider"])
        .default("[]", CREATE)
        .canonical("providers by name")
        .owners(DEPLOYER),
    Field::scalar("/capacityProviderStrategy/*/weight").default("0", ITEM),
    Field::scalar("/capacityProviderStrategy/*/base").default("0", ITEM),
    Field::set("/networkConfiguration/awsvpcConfiguration/subnets"),
    Field::set("/networkConfiguration/awsvpcConfiguration/securityGroups").severity(Severity::Exposure),
    Field::scalar("/networkConfiguration/awsvpcConfiguration/assignPublicIp")
        .default("\"DISABLED\"", VPC)
        .severity(Severity::Exposure),
    keyed("/loadBalancers", &["targetGroupArn", "loadBalancerName", "containerName", "containerPort"])
        .default("[]", CREATE)
        .owners(SHIFTER),
    Field::set("/serviceRegistries").default("[]", CREATE).owners(DEPLOYER),
    Field::set("/placementConstraints").default("[]", CREATE),
    Field::of("/placementStrategy", Shape::List)
        .default("[]", CREATE)
        .canonical("`instanceId` for `host`; the field of binpack in lower case"),
    keyed("/volumeConfigurations", &["name"]).default("[]", CREATE),
    Field::scalar("/volumeConfigurations/*/managedEBSVolume/filesystemType").default("\"xfs\"", EBS),
    Field::scalar("/volumeConfigurations/*/managedEBSVolume/encrypted").default("false", EBS),
    keyed("/volumeConfigurations/*/managedEBSVolume/tagSpecifications", &["resourceType"]),
    keyed("/volumeConfigurations/*/managedEBSVolume/tagSpecifications/*/tags", &["key"]),
    Field::scalar("/volumeConfigurations/*/managedEBSVolume/tagSpecifications/*/propagateTags")
        .default("\"NONE\"", EBS),
    keyed("/vpcLatticeConfigurations", &["targetGroupArn", "portName"]).default("[]", CREATE),
    // deployments
    Field::scalar("/deploymentConfiguration/maximumPercent").default("200", DEPLOY).given(MAXIMUM),
    Field::scalar("/deploymentConfiguration/minimumHealthyPercent").default("100", DEPLOY).given(MINIMUM),
    Field::scalar("/deploymentConfiguration/strategy").default("\"ROLLING\"", DEPLOY),
    Field::scalar("/deploymentConfiguration/bakeTimeInMinutes").default("0", DEPLOY),
    Field::of("/deploymentConfiguration/deploymentCircuitBreaker", Shape::Object)
        .default(r#"{"enable":false,"rollback":false}"#, BREAKER),
    Field::scalar("/deploymentConfiguration/deploymentCircuitBreaker/enable").default("false", BREAKER),
    Field::scalar("/deploymentConfiguration/deploymentCircuitBreaker/rollback").default("false", BREAKER),
    Field::scalar("/deploymentConfiguration/deploymentCircuitBreaker/resetOnHealthyTask").default("true", BREAKER),
    Field::scalar("/deploymentConfiguration/deploymentCircuitBreaker/thresholdConfiguration/type")
        .default("\"BOUNDED_PERCENT\"", BREAKER),
    Field::scalar("/deploymentConfiguration/deploymentCircuitBreaker/thresholdConfiguration/value")
        .default("50", BREAKER),
    Field::of("/deploymentConfiguration/alarms", Shape::Object)
        .default(r#"{"alarmNames":[],"enable":false,"rollback":false}"#, DEPLOY),
    Field::set("/deploymentConfiguration/alarms/alarmNames"),
    Field::scalar("/deploymentConfiguration/alarms/enable").default("false", DEPLOY),
    Field::scalar("/deploymentConfiguration/alarms/rollback").default("false", DEPLOY),
    keyed("/deploymentConfiguration/lifecycleHooks", &["targetType", "hookTargetArn", "lifecycleStages"])
        .default("[]", DEPLOY),
    Field::scalar("/deploymentConfiguration/lifecycleHooks/*/targetType").default("\"AWS_LAMBDA\"", HOOK),
    Field::set("/deploymentConfiguration/lifecycleHooks/*/lifecycleStages"),
    Field::scalar("/deploymentConfiguration/lifecycleHooks/*/timeoutConfiguration/timeoutInMinutes")
        .default("1440", HOOK),
    Field::scalar("/deploymentConfiguration/lifecycleHooks/*/timeoutConfiguration/action")
        .default("\"ROLLBACK\"", HOOK),
    Field::scalar("/deploymentConfiguration/linearConfiguration/stepPercent").default("10.0", LINEAR),
    Field::scalar("/deploymentConfiguration/linearConfiguration/stepBakeTimeInMinutes").default("6", LINEAR),
    Field::scalar("/deploymentConfiguration/canaryConfiguration/canaryPercent").default("5.0", CANARY),
    Field::scalar("/deploymentConfiguration/canaryConfiguration/canaryBakeTimeInMinutes").default("10", CANARY),
    Field::scalar("/deploymentConfiguration/earlySuccessCriteria/enable").default("false", DEPLOY),
    // Service Connect
    Field::of("/serviceConnectConfiguration", Shape::Object).default(r#"{"enabled":false}"#, CONNECT),
    Field::scalar("/serviceConnectConfiguration/enabled").default("false", CONNECT),
    Field::scalar("/serviceConnectConfiguration/namespace")
        .canonical("as declared: AWS answers a name with an ARN that holds an id"),
    keyed("/serviceConnectConfiguration/services", &["portName"])
        .canonical("without a `discoveryName` that repeats `portName`"),
    keyed("/serviceConnectConfiguration/services/*/clientAliases", &["port", "dnsName"]),
    Field::scalar("/serviceConnectConfiguration/accessLogConfiguration/includeQueryParameters")
        .default("\"DISABLED\"", CONNECT),
    keyed("/serviceConnectConfiguration/logConfiguration/secretOptions", &["name"]),
    Field::set("/serviceConnectConfiguration/containerConfigurations"),
    // ours
    Field::of("/redeployOn", Shape::Map).canonical("every value as text; what a tag cannot hold as its fingerprint"),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
];
