//! Shapes that several ECS kinds declare, and the two macros that spell them.

pub(crate) use crate::common::Text;

/// An enumeration of AWS's, under AWS's own words.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub(crate) enum $name {$(
            #[doc = concat!("`", $text, "`")]
            #[serde(rename = $text)]
            $variant,
        )*}

        $crate::common::one_of!($name: $($text),*);
    )*};
}

/// Structures of AWS's, their members in camelCase and no others allowed.
macro_rules! members {
    ($($(#[$meta:meta])* pub(crate) struct $name:ident { $($body:tt)* })*) => {$(
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        $(#[$meta])*
        pub(crate) struct $name { $($body)* }
    )*};
}

pub(crate) use {members, words};

words! {
    /// Where container logs go.
    LogDriver {
        JsonFile = "json-file", Syslog = "syslog", Journald = "journald", Gelf = "gelf", Fluentd = "fluentd",
        Awslogs = "awslogs", Splunk = "splunk", Awsfirelens = "awsfirelens",
    }
}

members! {
    /// A capacity provider and its share of the tasks.
    pub(crate) struct CapacityProviderStrategyItem {
        /// The capacity provider: `FARGATE`, `FARGATE_SPOT` or the name of one of the cluster's.
        pub(crate) capacity_provider: String,
        /// Relative share of the tasks beyond the bases. Default 0.
        #[schemars(range(min = 0, max = 1000))]
        pub(crate) weight: Option<i64>,
        /// Tasks that run there at the least; only one item may have one. Default 0.
        #[schemars(range(min = 0, max = 100_000))]
        pub(crate) base: Option<i64>,
    }

    /// An environment variable or log option whose value AWS fetches when the container starts.
    pub(crate) struct Secret {
        /// The name the container sees.
        pub(crate) name: String,
        /// ARN of a Secrets Manager secret or a Systems Manager parameter, or the parameter's name. Never the secret itself.
        pub(crate) value_from: String,
    }

    /// Where a container's output goes.
    pub(crate) struct LogConfiguration {
        /// The log driver.
        pub(crate) log_driver: LogDriver,
        /// Options of the driver, such as `awslogs-group`.
        pub(crate) options: Option<std::collections::BTreeMap<String, Text>>,
        /// Options whose values are secrets.
        pub(crate) secret_options: Option<Vec<Secret>>,
    }
}
