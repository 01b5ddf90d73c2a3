//! SDK clients of a scope: configuration, credentials, time-outs.

use super::cache::Cache;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use holdfast_core::cloud::AccountAccess;
use holdfast_core::name::Scope;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The process's own configuration, from the SDK's standard chain: profile, environment, task role. The SDK does
/// not retry: a retry is the engine's decision, taken after another look.
pub(super) async fn base_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(30))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .load()
        .await
}

/// What is kept of a scope from sweep to sweep.
pub(super) struct ScopeState {
    access: AccountAccess,
    region: Region,
    base: SdkConfig,
    clients: OnceCell<Clients>,
    cache: Cache,
}

impl ScopeState {
    pub(super) fn new(base: SdkConfig, scope: &Scope, access: AccountAccess) -> Self {
        let region = Region::new(scope.region.clone());
        Self { access, region, base, clients: OnceCell::new(), cache: Cache::default() }
    }

    /// True if the account is still reached in the same way.
    pub(super) fn reached_by(&self, access: Option<&AccountAccess>) -> bool {
        access == Some(&self.access)
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The clients; made on first use.
    pub(super) async fn clients(&self) -> &Clients {
        self.clients.get_or_init(|| self.connect()).await
    }

    async fn connect(&self) -> Clients {
        let mut config = self.base.to_builder().region(self.region.clone());
        if let Some(url) = &self.access.endpoint_url {
            config = config.endpoint_url(url);
        }
        let config = config.build();
        let Some(role) = &self.access.role_arn else {
            return Clients::new(config);
        };
        // The role is assumed in the scope's region and over its endpoint; the SDK renews it before it expires.
        let mut provider = AssumeRoleProvider::builder(role)
            .session_name(self.access.session_name.as_deref().unwrap_or("holdfast"))
            .region(self.region.clone())
            .configure(&config);
        if let Some(id) = &self.access.external_id {
            provider = provider.external_id(id);
        }
        let credentials = SharedCredentialsProvider::new(provider.build().await);
        Clients::new(config.into_builder().credentials_provider(credentials).build())
    }
}

/// One client a service, made on first use: the handshake with a service nobody asks for costs nothing.
pub(super) struct Clients {
    config: SdkConfig,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    ecs: OnceLock<aws_sdk_ecs::Client>,
    elb: OnceLock<aws_sdk_elasticloadbalancingv2::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    rds: OnceLock<aws_sdk_rds::Client>,
    tagging: OnceLock<aws_sdk_resourcegroupstagging::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    scaling: OnceLock<aws_sdk_applicationautoscaling::Client>,
}

impl Clients {
    fn new(config: SdkConfig) -> Self {
        Self {
            config,
            ec2: OnceLock::new(),
            ecs: OnceLock::new(),
            elb: OnceLock::new(),
            iam: OnceLock::new(),
            rds: OnceLock::new(),
            tagging: OnceLock::new(),
            sts: OnceLock::new(),
            scaling: OnceLock::new(),
        }
    }
    pub(super) fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.ec2.get_or_init(|| aws_sdk_ec2::Client::new(&self.config))
    }
    pub(super) fn ecs(&self) -> &aws_sdk_ecs::Client {
        self.ecs.get_or_init(|| aws_sdk_ecs::Client::new(&self.config))
    }
    pub(super) fn elb(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        self.elb.get_or_init(|| aws_sdk_elasticloadbalancingv2::Client::new(&self.config))
    }
    pub(super) fn iam(&self) -> &aws_sdk_iam::Client {
        self.iam.get_or_init(|| aws_sdk_iam::Client::new(&self.config))
    }
    pub(super) fn rds(&self) -> &aws_sdk_rds::Client {
        self.rds.get_or_init(|| aws_sdk_rds::Client::new(&self.config))
    }
    pub(super) fn tagging(&self) -> &aws_sdk_resourcegroupstagging::Client {
        self.tagging.get_or_init(|| aws_sdk_resourcegroupstagging::Client::new(&self.config))
    }
    pub(super) fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| aws_sdk_sts::Client::new(&self.config))
    }
    pub(super) fn scaling(&self) -> &aws_sdk_applicationautoscaling::Client {
        self.scaling.get_or_init(|| aws_sdk_applicationautoscaling::Client::new(&self.config))
    }
}
