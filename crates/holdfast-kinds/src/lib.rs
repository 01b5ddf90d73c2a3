//! What Holdfast knows of AWS: one folder a kind.
//!
//! A kind's folder reads top to bottom: its doc page, the spec, what is refused, the plan, AWS. SDK types appear only in
//! `aws.rs` files and in [`aws`], behind the feature `aws`; all else is pure. This crate must never know the store, the
//! engine or the API; `cargo xtask tidy` and its test `the_house_is_in_order` check it. A new kind is its folder, one
//! `mod` line and one line in the list below; then its actions in `operations.json` of the histories by seed, AWS's limits for its calls in
//! the engine's `meter/tables.rs` where they are its own, and `cargo xtask golden`. The laws in `laws/` hold it to what every kind must do.

mod availability_zone;
#[cfg(feature = "aws")]
pub mod aws;
mod capacity_provider;
#[cfg(test)]
mod cases;
mod cluster;
pub(crate) mod common;
mod db_instance;
mod db_parameter_group;
mod db_subnet_group;
mod default_subnet;
mod default_vpc;
mod ec2;
mod ecs;
mod elastic_ip;
mod elb;
mod image;
#[cfg(test)]
mod incidents;
mod instance;
mod internet_gateway;
mod key_pair;
mod launch_template;
#[cfg(test)]
mod laws;
mod listener;
mod listener_rule;
mod load_balancer;
mod lookup;
mod nat_gateway;
mod plain;
mod rds;
mod route_table;
mod security_group;
mod security_group_rule;
mod service;
mod subnet;
mod target_attachment;
mod target_group;
mod task_definition;
mod vpc;
mod vpc_endpoint;

use holdfast_core::kind::{Erased, Registry};

/// IAM actions of the look-ups before a plan, beyond those of the kinds. A look-up without its permission is told as unknown.
pub const PREFLIGHT_PERMISSIONS: &[&str] = &[
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAddresses",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeManagedPrefixLists",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecs:DescribeClusters",
    "elasticloadbalancing:DescribeAccountLimits",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "iam:ListInstanceProfiles",
    "iam:ListRoles",
    "rds:DescribeAccountAttributes",
    "sts:GetCallerIdentity",
];

/// Names every kind once: in the registry, and in the list by which the live side finds its code.
macro_rules! kinds {
    ($($folder:ident::$kind:ident),* $(,)?) => {
        /// All kinds of this build.
        pub fn registry() -> Registry {
            Registry::new(vec![$(Erased::<$folder::$kind>::boxed()),*])
        }

        /// The live side of all kinds.
        #[cfg(feature = "aws")]
        pub(crate) fn live() -> Vec<Box<dyn aws::AnyLive>> {
            vec![$(aws::Wire::<$folder::$kind>::boxed()),*]
        }

        /// The typed side of all kinds, for the laws.
        #[cfg(test)]
        fn typed() -> Vec<laws::Typed> {
            vec![$(laws::Typed::of::<$folder::$kind>()),*]
        }

        /// The table of cases of every kind, as JSON, from its folder.
        #[cfg(test)]
        fn tables() -> Vec<(&'static str, &'static str)> {
            use holdfast_core::kind::Kind;
            vec![$(($folder::$kind::NAME, include_str!(concat!(stringify!($folder), "/cases.json")))),*]
        }
    };
}

kinds! {
    availability_zone::AvailabilityZone,
    capacity_provider::CapacityProvider,
    cluster::Cluster,
    db_instance::DBInstance,
    db_parameter_group::DBParameterGroup,
    db_subnet_group::DBSubnetGroup,
    default_subnet::DefaultSubnet,
    default_vpc::DefaultVpc,
    elastic_ip::ElasticIp,
    image::Image,
    instance::Instance,
    internet_gateway::InternetGateway,
    key_pair::KeyPair,
    launch_template::LaunchTemplate,
    listener::Listener,
    listener_rule::ListenerRule,
    load_balancer::LoadBalancer,
    nat_gateway::NatGateway,
    route_table::RouteTable,
    security_group::SecurityGroup,
    security_group_rule::SecurityGroupRule,
    service::Service,
    subnet::Subnet,
    target_attachment::TargetAttachment,
    target_group::TargetGroup,
    task_definition::TaskDefinition,
    vpc::Vpc,
    vpc_endpoint::VpcEndpoint,
}
