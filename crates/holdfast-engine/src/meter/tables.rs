//! What AWS documents of its request limits, per account and region.
//!
//! Sources: "Request throttling for the Amazon EC2 API", "Request throttling for the Amazon ECS API", "Elastic Load
//! Balancing API throttling", the Tag Editor quotas. Where AWS publishes nothing, calls are paced at 5 a second.

/// A bucket: how many calls at once, and how many a second in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// One name for all calls that draw on it.
    pub name: &'static str,
    /// How many calls it holds.
    pub size: f64,
    /// How many come back a second.
    pub refill: f64,
    /// What draws on it, unless both do.
    pub(super) class: Option<Class>,
}

/// Whether a call reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Read,
    Write,
}

const fn read(name: &'static str, size: f64, refill: f64) -> Limit {
    Limit { name, size, refill, class: Some(Class::Read) }
}

const fn write(name: &'static str, size: f64, refill: f64) -> Limit {
    Limit { name, size, refill, class: Some(Class::Write) }
}

const fn mixed(name: &'static str, size: f64, refill: f64) -> Limit {
    Limit { name, size, refill, class: None }
}

/// Whether an operation reads or writes.
pub(super) fn class(operation: &str) -> Class {
    let reads = ["Describe", "List", "Get", "Search", "Lookup", "Select", "AssumeRole"];
    if reads.iter().any(|r| operation.starts_with(r)) { Class::Read } else { Class::Write }
}

/// The buckets that a call draws from, per account and region, the narrowest last. `service` is AWS's name of it in IAM.
pub fn limits(service: &'static str, operation: &'static str) -> Vec<Limit> {
    match service {
        "ec2" => vec![ec2(operation)],
        "ecs" => vec![ecs(operation)],
        "elasticloadbalancing" | "elasticloadbalancingv2" | "elbv2" => elb(operation),
        "tagging" | "tag" => vec![read("tagging", 15.0, 15.0)],
        _ => vec![mixed(service, 20.0, 5.0)],
    }
}

/// EC2 has a bucket for each operation.
fn ec2(operation: &'static str) -> Limit {
    match operation {
        "CreateTags" | "DeleteTags" => write(operation, 100.0, 10.0),
        "RunInstances" => write(operation, 5.0, 2.0),
        "CreateNatGateway" => write(operation, 10.0, 1.0),
        "CreateVpcEndpoint" => write(operation, 4.0, 0.3),
        // These take no page size, and half as many of such are granted.
        "DescribeAddresses" | "DescribeKeyPairs" => read(operation, 50.0, 10.0),
        _ if class(operation) == Class::Read => read(operation, 100.0, 20.0),
        _ => write(operation, 50.0, 5.0),
    }
}

/// ECS has a bucket for each group of operations.
fn ecs(operation: &str) -> Limit {
    match operation {
        "CreateCluster"
        | "DeleteCluster"
        | "PutClusterCapacityProviders"
        | "UpdateCluster"
        | "UpdateClusterSettings" => write("ecs cluster modify", 20.0, 1.0),
        "DescribeClusters" | "ListClusters" => read("ecs cluster read", 50.0, 20.0),
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => write("ecs task definition modify", 20.0, 1.0),
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            read("ecs task definition read", 50.0, 20.0)
        }
        "TagResource" | "UntagResource" => write("ecs tag", 20.0, 10.0),
        "CreateService" | "DeleteService" | "UpdateService" => write("ecs service modify", 50.0, 5.0),
        "DescribeServices" | "ListServices" => read("ecs service read", 100.0, 20.0),
        _ if class(operation) == Class::Read => read("ecs other read", 50.0, 20.0),
        _ => write("ecs other modify", 20.0, 5.0),
    }
}

/// Elastic Load Balancing has one bucket for the whole account, and narrower ones inside it.
fn elb(operation: &str) -> Vec<Limit> {
    let inner = match operation {
        "CreateLoadBalancer" | "SetSubnets" => write("elb intensive", 10.0, 0.2),
        "RegisterTargets" | "DeregisterTargets" => write("elb registration", 20.0, 4.0),
        _ if class(operation) == Class::Read => read("elb read", 40.0, 10.0),
        _ => write("elb write", 20.0, 3.0),
    };
    vec![mixed("elb account", 40.0, 10.0), inner]
}
