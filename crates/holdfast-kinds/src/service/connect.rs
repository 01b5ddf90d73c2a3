//! Service Connect and VPC Lattice, as users declare them.

use crate::ecs::shapes::{LogConfiguration, members, words};

words! {
    /// How access is logged.
    AccessLogFormat { Text = "TEXT", Json = "JSON" }
    /// A switch.
    QueryParameters { Enabled = "ENABLED", Disabled = "DISABLED" }
    /// How much the proxy logs.
    LogLevel { Info = "info", Debug = "debug" }
}

members! {
    /// Service Connect.
    pub(crate) struct ServiceConnectConfiguration {
        /// Whether it is on.
        pub(crate) enabled: bool,
        /// Name or ARN of the Cloud Map namespace; the cluster's default if none.
        pub(crate) namespace: Option<String>,
        /// The ports that others can reach. None makes it a mere client.
        pub(crate) services: Option<Vec<ServiceConnectService>>,
        /// Where the proxy logs.
        pub(crate) log_configuration: Option<LogConfiguration>,
        /// Whether and how the proxy logs requests.
        pub(crate) access_log_configuration: Option<AccessLogConfiguration>,
        /// Settings of the proxy container.
        pub(crate) container_configurations: Option<Vec<ProxySetting>>,
    }

    /// A port that others can reach.
    pub(crate) struct ServiceConnectService {
        /// Name of a port mapping of the task definition.
        pub(crate) port_name: String,
        /// The name in Cloud Map. Default the port's.
        pub(crate) discovery_name: Option<String>,
        /// What clients call it.
        pub(crate) client_aliases: Option<Vec<ClientAlias>>,
        /// The port on which the proxy listens.
        #[schemars(range(min = 1, max = 65_535))]
        pub(crate) ingress_port_override: Option<i64>,
        /// Time-outs.
        pub(crate) timeout: Option<Timeout>,
        /// Encryption between proxies.
        pub(crate) tls: Option<Tls>,
    }

    /// What clients call a service.
    pub(crate) struct ClientAlias {
        /// The port.
        #[schemars(range(min = 1, max = 65_535))]
        pub(crate) port: i64,
        /// The name; `discoveryName.namespace` if none.
        pub(crate) dns_name: Option<String>,
        /// Which requests are test traffic of a blue/green deployment.
        pub(crate) test_traffic_rules: Option<TestTrafficRules>,
    }

    /// Which requests are test traffic.
    pub(crate) struct TestTrafficRules {
        /// Those with this header.
        pub(crate) header: TestTrafficHeader,
    }

    /// A header.
    pub(crate) struct TestTrafficHeader {
        /// Its name.
        pub(crate) name: String,
        /// Its value.
        pub(crate) value: Option<HeaderValue>,
    }

    /// The value of a header.
    pub(crate) struct HeaderValue {
        /// Exactly this.
        pub(crate) exact: String,
    }

    /// Time-outs of a proxy; 0 is none.
    pub(crate) struct Timeout {
        /// Seconds without traffic.
        #[schemars(range(min = 0, max = 2_592_000))]
        pub(crate) idle_timeout_seconds: Option<i64>,
        /// Seconds a request may take.
        #[schemars(range(min = 0, max = 2_592_000))]
        pub(crate) per_request_timeout_seconds: Option<i64>,
    }

    /// Encryption between proxies.
    pub(crate) struct Tls {
        /// Who signs certificates.
        pub(crate) issuer_certificate_authority: CertificateAuthority,
        /// The key that encrypts private keys.
        pub(crate) kms_key: Option<String>,
        /// The role in which ECS asks for certificates.
        pub(crate) role_arn: Option<String>,
    }

    /// Who signs certificates.
    pub(crate) struct CertificateAuthority {
        /// A private CA of AWS.
        pub(crate) aws_pca_authority_arn: Option<String>,
    }

    /// How the proxy logs requests.
    pub(crate) struct AccessLogConfiguration {
        /// The format.
        pub(crate) format: AccessLogFormat,
        /// Whether query strings are logged. Default `DISABLED`.
        pub(crate) include_query_parameters: Option<QueryParameters>,
    }

    /// A setting of the proxy container.
    pub(crate) struct ProxySetting {
        /// How much it logs.
        pub(crate) log_level: Option<LogLevel>,
    }

    /// A target group of VPC Lattice.
    pub(crate) struct VpcLatticeConfiguration {
        /// The role in which ECS registers targets.
        pub(crate) role_arn: String,
        /// The target group.
        pub(crate) target_group_arn: String,
        /// Name of a port mapping of the task definition.
        pub(crate) port_name: String,
        /// The other half of a blue/green pair.
        pub(crate) advanced_configuration: Option<LatticeAdvancedConfiguration>,
    }

    /// The other half of a blue/green pair.
    pub(crate) struct LatticeAdvancedConfiguration {
        /// The other target group.
        pub(crate) alternate_target_group_arn: Option<String>,
        /// The rule of production traffic.
        pub(crate) production_listener_rule: Option<String>,
        /// The rule of test traffic.
        pub(crate) test_listener_rule: Option<String>,
    }
}
