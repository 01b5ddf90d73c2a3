//! SDK clients of a scope: configuration, credentials, time-outs.

use super::agent::{self, NamesIntent};
use super::cache::Cache;
use super::call::Service;
use super::lock;
use super::session::{Role, Session};
use super::whole::NoticesDamage;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use holdfast_core::cloud::{AccountAccess, Meter, Shelf};
use holdfast_core::name::Scope;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The process's own configuration, from the SDK's standard chain: profile, environment, task role. The SDK does
/// not retry: a retry is the engine's decision, taken after another look.
pub(super) async fn base_config() -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .http_client(http())
        .timeout_config(timeouts(Duration::from_secs(20)));
    if let Some(app) = agent::app() {
        loader = loader.app_name(app);
    }
    loader.load().await
}

/// A connection keeps a hundred kilobytes of buffers, and between two sweeps nobody needs it; those of a pass that follows
/// soon are still there.
const IDLE: Duration = Duration::from_secs(10);

/// What the SDK would make for each client of each scope, once for all of them: one set of trusted certificates, and one
/// pool of connections, which are of a host and not of an account.
fn http() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .proxy_config(ProxyConfig::from_env())
            .pool_idle_timeout(IDLE);
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

/// An answer may take so long, and with all that comes before it half as long again.
fn timeouts(answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(answer)
        .operation_timeout(answer + answer / 2)
        .build()
}

/// How long STS may take to answer: it is asked before anything else is, and answers within a second.
const STS: Duration = Duration::from_secs(8);

/// What is kept of a scope from sweep to sweep.
pub(super) struct ScopeState {
    scope: Scope,
    access: AccountAccess,
    clients: Clients,
    /// The session of the account's role, if it is entered by one.
    session: Option<Arc<Session<Role>>>,
    cache: Cache,
    /// The account that AWS said the credentials belong to.
    found: Mutex<Option<String>>,
}

impl ScopeState {
    pub(super) fn new(
        base: &SdkConfig,
        scope: &Scope,
        access: AccountAccess,
        meter: &Arc<dyn Meter>,
        shelf: Option<Arc<dyn Shelf>>,
    ) -> Self {
        let (clients, session) = connect(base, scope, &access, meter);
        let cache = Cache::of(scope, shelf);
        Self { scope: scope.clone(), access, clients, session, cache, found: Mutex::default() }
    }

    /// True if the account is still reached in the same way.
    pub(super) fn reached_by(&self, access: Option<&AccountAccess>) -> bool {
        access == Some(&self.access)
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The clients; each is made on first use.
    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Keeps what AWS said of the credentials' account.
    pub(super) fn identified(&self, account: &str) {
        *lock(&self.found) = Some(account.to_owned());
    }

    /// Drops credentials that AWS does not take.
    pub(super) fn refused(&self) {
        if let Some(session) = &self.session {
            session.forget();
        }
    }

    /// What the credentials' account has to be, unless AWS has confirmed it.
    pub(super) fn unconfirmed(&self) -> Option<&str> {
        let expected = self.access.account_id.as_deref()?;
        (lock(&self.found).as_deref() != Some(expected)).then_some(expected)
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// A client of a service whose writes name their intent and whose answers are whole. The account's endpoint is set on the client itself: what is set
/// for all services gives way to the environment.
macro_rules! client {
    ($sdk:ident, $config:expr, $endpoint:expr) => {{
        let config = $sdk::config::Builder::from($config).interceptor(NamesIntent).interceptor(NoticesDamage);
        $sdk::Client::from_conf(match $endpoint {
            Some(url) => config.endpoint_url(url).build(),
            None => config.build(),
        })
    }};
}

fn connect(
    base: &SdkConfig,
    scope: &Scope,
    access: &AccountAccess,
    meter: &Arc<dyn Meter>,
) -> (Clients, Option<Arc<Session<Role>>>) {
    let config = base.to_builder().region(Region::new(scope.region.clone())).build();
    let endpoint = access.endpoint_url.clone();
    let Some(arn) = &access.role_arn else { return (Clients::new(config, endpoint), None) };
    // The role is assumed in the scope's region and over its endpoint, so that no other region's trouble matters.
    let sts = client!(aws_sdk_sts, &config.to_builder().timeout_config(timeouts(STS)).build(), &endpoint);
    let session = Arc::new(Session::new(Role::new(&sts, arn, access, scope, Arc::clone(meter))));
    // The session is its own cache; the SDK's is shared by all scopes and drops some of them beyond a number.
    let config = config.into_builder().identity_cache(IdentityCache::no_cache());
    let shared: Arc<dyn ProvideCredentials> = Arc::clone(&session) as _;
    let config = config.credentials_provider(SharedCredentialsProvider::new(shared)).build();
    (Clients::new(config, endpoint), Some(session))
}

/// One client a service, made on first use: the handshake with a service nobody asks for costs nothing.
pub(super) struct Clients {
    config: SdkConfig,
    endpoint: Option<String>,
    ec2: OnceLock<aws_sdk_ec2::Client>,
    ecs: OnceLock<aws_sdk_ecs::Client>,
    elb: OnceLock<aws_sdk_elasticloadbalancingv2::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    rds: OnceLock<aws_sdk_rds::Client>,
    tagging: OnceLock<aws_sdk_resourcegroupstagging::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    scaling: OnceLock<aws_sdk_applicationautoscaling::Client>,
    /// How many more reads may wait for their budget or be under way, by service and operation: one that hangs, or has to
    /// wait, holds up no other.
    reads: Mutex<BTreeMap<(&'static str, &'static str), Arc<Semaphore>>>,
}

/// Reads of a scope that are under way at once by one operation, and so its connections and answers in memory: at 40 ms a
/// call that is 400 a second, more than any of AWS's buckets refills.
const READS: usize = 16;

impl Clients {
    /// Clients without a region or credentials, for tests that make no call.
    #[cfg(test)]
    pub(super) fn of_nobody() -> Self {
        Self::new(SdkConfig::builder().build(), None)
    }

    fn new(config: SdkConfig, endpoint: Option<String>) -> Self {
        Self {
            config,
            endpoint,
            ec2: OnceLock::new(),
            ecs: OnceLock::new(),
            elb: OnceLock::new(),
            iam: OnceLock::new(),
            rds: OnceLock::new(),
            tagging: OnceLock::new(),
            sts: OnceLock::new(),
            scaling: OnceLock::new(),
            reads: Mutex::default(),
        }
    }
    /// Waits until another read by an operation may ask for its budget; it is under way until what this answers is dropped.
    pub(super) async fn place(&self, service: Service, operation: &'static str) -> Option<OwnedSemaphorePermit> {
        let queue = || Arc::new(Semaphore::new(READS));
        let queue = Arc::clone(lock(&self.reads).entry((service.name(), operation)).or_insert_with(queue));
        queue.acquire_owned().await.ok()
    }
    pub(super) fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.ec2.get_or_init(|| client!(aws_sdk_ec2, &self.config, &self.endpoint))
    }
    pub(super) fn ecs(&self) -> &aws_sdk_ecs::Client {
        self.ecs.get_or_init(|| client!(aws_sdk_ecs, &self.config, &self.endpoint))
    }
    pub(super) fn elb(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        self.elb.get_or_init(|| client!(aws_sdk_elasticloadbalancingv2, &self.config, &self.endpoint))
    }
    pub(super) fn iam(&self) -> &aws_sdk_iam::Client {
        self.iam.get_or_init(|| client!(aws_sdk_iam, &self.config, &self.endpoint))
    }
    pub(super) fn rds(&self) -> &aws_sdk_rds::Client {
        self.rds.get_or_init(|| client!(aws_sdk_rds, &self.config, &self.endpoint))
    }
    pub(super) fn tagging(&self) -> &aws_sdk_resourcegroupstagging::Client {
        self.tagging.get_or_init(|| client!(aws_sdk_resourcegroupstagging, &self.config, &self.endpoint))
    }
    pub(super) fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| {
            let config = self.config.to_builder().timeout_config(timeouts(STS)).build();
            client!(aws_sdk_sts, &config, &self.endpoint)
        })
    }
    pub(super) fn scaling(&self) -> &aws_sdk_applicationautoscaling::Client {
        self.scaling.get_or_init(|| client!(aws_sdk_applicationautoscaling, &self.config, &self.endpoint))
    }
}
