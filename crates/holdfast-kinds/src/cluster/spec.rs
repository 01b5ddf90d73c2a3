//! A cluster as users declare it: the members of AWS's `CreateCluster`, `UpdateCluster` and
//! `PutClusterCapacityProviders`.

use crate::ecs::check::Mistakes;
use crate::ecs::shapes::{CapacityProviderStrategyItem, members, words};
use holdfast_core::problem::{SpecError, did_you_mean};
use holdfast_core::reference::is_open;
use std::collections::BTreeMap;

words! {
    /// Settings of a cluster.
    SettingName { ContainerInsights = "containerInsights" }
    /// How much Container Insights sees.
    InsightsLevel { Disabled = "disabled", Enabled = "enabled", Enhanced = "enhanced" }
    /// Where the sessions of ECS Exec are logged.
    ExecuteCommandLogging { None = "NONE", Default = "DEFAULT", Override = "OVERRIDE" }
}

members! {
    /// An ECS cluster.
    pub(crate) struct Spec {
        /// Its name; cannot change in place.
        pub(crate) cluster_name: String,
        /// Its settings.
        pub(crate) settings: Option<Vec<ClusterSetting>>,
        /// ECS Exec, and keys for storage that AWS manages.
        pub(crate) configuration: Option<ClusterConfiguration>,
        /// `FARGATE`, `FARGATE_SPOT`, and capacity providers by name.
        pub(crate) capacity_providers: Option<Vec<String>>,
        /// What services and tasks get that say neither a launch type nor a strategy.
        pub(crate) default_capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
        /// The Cloud Map namespace for services that use Service Connect and name none.
        pub(crate) service_connect_defaults: Option<ServiceConnectDefaults>,
        /// Tags, key to value.
        pub(crate) tags: Option<BTreeMap<String, String>>,
    }

    /// A setting.
    pub(crate) struct ClusterSetting {
        /// Which.
        pub(crate) name: SettingName,
        /// Its value. AWS's default is `disabled`, unless the account says otherwise.
        pub(crate) value: InsightsLevel,
    }

    /// ECS Exec, and keys for storage.
    pub(crate) struct ClusterConfiguration {
        /// ECS Exec.
        pub(crate) execute_command_configuration: Option<ExecuteCommandConfiguration>,
        /// Keys for storage that AWS manages.
        pub(crate) managed_storage_configuration: Option<ManagedStorageConfiguration>,
    }

    /// ECS Exec.
    pub(crate) struct ExecuteCommandConfiguration {
        /// The key that encrypts the session.
        pub(crate) kms_key_id: Option<String>,
        /// Where sessions are logged: `DEFAULT` is the container's own log.
        pub(crate) logging: Option<ExecuteCommandLogging>,
        /// Where, with `logging: OVERRIDE`.
        pub(crate) log_configuration: Option<ExecuteCommandLogConfiguration>,
    }

    /// Where sessions are logged.
    pub(crate) struct ExecuteCommandLogConfiguration {
        /// A log group, which must exist.
        pub(crate) cloud_watch_log_group_name: Option<String>,
        /// Whether CloudWatch logs are encrypted. Default false.
        pub(crate) cloud_watch_encryption_enabled: Option<bool>,
        /// A bucket, which must exist.
        #[serde(rename = "s3BucketName")]
        pub(crate) s3_bucket_name: Option<String>,
        /// Whether objects in the bucket are encrypted. Default false.
        #[serde(rename = "s3EncryptionEnabled")]
        pub(crate) s3_encryption_enabled: Option<bool>,
        /// A folder in the bucket.
        #[serde(rename = "s3KeyPrefix")]
        pub(crate) s3_key_prefix: Option<String>,
    }

    /// Keys for storage that AWS manages.
    pub(crate) struct ManagedStorageConfiguration {
        /// For all of it.
        pub(crate) kms_key_id: Option<String>,
        /// For the disks of Fargate tasks.
        pub(crate) fargate_ephemeral_storage_kms_key_id: Option<String>,
    }

    /// What services use that say nothing themselves.
    pub(crate) struct ServiceConnectDefaults {
        /// Name or ARN of a Cloud Map namespace. AWS makes one of that name if there is none.
        pub(crate) namespace: String,
    }
}

/// Rules across the fields of a cluster.
pub(super) fn validate(spec: &Spec) -> Vec<SpecError> {
    let mut found = Mistakes::default();
    found.name("/clusterName", "a cluster's name", &spec.cluster_name);
    let settings = spec.settings.as_deref().unwrap_or_default();
    found.unless(settings.len() < 2, "/settings/1/name", "duplicate", "containerInsights is there twice");
    let providers = spec.capacity_providers.as_deref();
    found.unique("/capacityProviders", "", providers.unwrap_or_default().iter().map(String::as_str));
    let strategy = spec.default_capacity_provider_strategy.as_deref().unwrap_or_default();
    found.strategy("/defaultCapacityProviderStrategy", strategy);
    if let Some(providers) = providers.filter(|all| !all.iter().any(|p| is_open(p))) {
        for (i, item) in strategy.iter().enumerate() {
            let name = &item.capacity_provider;
            let hint = did_you_mean(name, providers.iter().map(String::as_str));
            let words = format!("\"{name}\" is not one of the cluster's capacityProviders.{hint}");
            let at = format!("/defaultCapacityProviderStrategy/{i}/capacityProvider");
            found.unless(is_open(name) || providers.contains(name), at, "unknown-capacity-provider", words);
        }
    }
    exec(&mut found, spec);
    found.0
}

fn exec(found: &mut Mistakes, spec: &Spec) {
    let configuration = spec.configuration.as_ref().and_then(|c| c.execute_command_configuration.as_ref());
    if let Some(exec) = configuration {
        let overridden = exec.logging == Some(ExecuteCommandLogging::Override);
        let at = "/configuration/executeCommandConfiguration/logConfiguration";
        let words = "logConfiguration goes together with logging OVERRIDE";
        found.unless(overridden == exec.log_configuration.is_some(), at, "conflict", words);
    }
}
