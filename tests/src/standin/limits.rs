//! AWS's documented request limits, written down here a second time: what refuses must not share a table with what
//! paces, or both would be wrong alike.
//!
//! Sources: "Request throttling for the Amazon EC2 API", "Request throttling for the Amazon ECS API", "API throttling
//! for Elastic Load Balancing", the Tag Editor's quotas. RDS, STS and Application Auto Scaling publish none.

use std::collections::BTreeMap;
use std::time::Instant;

/// Token buckets of one account in one region.
#[derive(Default)]
pub(crate) struct Buckets(BTreeMap<String, (f64, Instant)>);

/// A bucket: its name, how many tokens it holds, how many it gets a second.
type Limit = (String, f64, f64);

impl Buckets {
    /// Takes a token from each bucket of a call, or none if one of them is empty; answers whether it did.
    pub(crate) fn take(&mut self, limits: &[Limit], now: Instant) -> bool {
        for (name, size, refill) in limits {
            let (level, at) = self.0.entry(name.clone()).or_insert((*size, now));
            *level = (*level + now.saturating_duration_since(*at).as_secs_f64() * refill).min(*size);
            *at = now;
        }
        let full = limits.iter().all(|(name, ..)| self.0.get(name).is_some_and(|(level, _)| *level >= 1.0));
        if full {
            for (name, ..) in limits {
                if let Some((level, _)) = self.0.get_mut(name) {
                    *level -= 1.0;
                }
            }
        }
        full
    }
}

fn limit(name: impl Into<String>, size: f64, refill: f64) -> Limit {
    (name.into(), size, refill)
}

fn reads(action: &str) -> bool {
    ["Describe", "List", "Get", "Search"].iter().any(|verb| action.starts_with(verb))
}

/// The buckets that a call draws from. `unpaged` says that it has neither a page size nor a filter.
pub(crate) fn limits(service: &str, action: &str, unpaged: bool) -> Vec<Limit> {
    match service {
        "ec2" => vec![ec2(action, unpaged)],
        "ecs" => vec![ecs(action)],
        "elasticloadbalancing" => elb(action),
        "tagging" => vec![limit("tagging", 15.0, 15.0)],
        _ => Vec::new(),
    }
}

fn ec2(action: &str, unpaged: bool) -> Limit {
    const SMALL_UNPAGED: [&str; 4] =
        ["DescribeInstances", "DescribeNetworkInterfaces", "DescribeSecurityGroups", "DescribeVolumes"];
    let (size, refill) = match action {
        "CreateTags" | "DeleteTags" => (100.0, 10.0),
        "RunInstances" => (5.0, 2.0),
        "CreateNatGateway" => (10.0, 1.0),
        "CreateVpcEndpoint" => (4.0, 0.3),
        _ if unpaged && SMALL_UNPAGED.contains(&action) => (50.0, 10.0),
        _ if reads(action) => (100.0, 20.0),
        _ => (50.0, 5.0),
    };
    limit(format!("ec2 {action}"), size, refill)
}

fn ecs(action: &str) -> Limit {
    match action {
        "DescribeClusters" | "ListClusters" => limit("cluster read", 50.0, 20.0),
        "CreateCluster"
        | "DeleteCluster"
        | "UpdateCluster"
        | "UpdateClusterSettings"
        | "PutClusterCapacityProviders" => limit("cluster modify", 20.0, 1.0),
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => limit("task definition modify", 20.0, 1.0),
        "DescribeTaskDefinition" | "ListTaskDefinitions" => limit("task definition read", 50.0, 20.0),
        "CreateService" | "UpdateService" | "DeleteService" => limit("service modify", 50.0, 5.0),
        "DescribeServices" | "ListServices" => limit("service read", 100.0, 20.0),
        "TagResource" | "UntagResource" => limit("tag", 20.0, 10.0),
        _ => limit("other", 50.0, 20.0),
    }
}

fn elb(action: &str) -> Vec<Limit> {
    let inner = match action {
        "CreateLoadBalancer" | "SetSubnets" => limit("elb intensive", 10.0, 0.2),
        "RegisterTargets" | "DeregisterTargets" => limit("elb registration", 20.0, 4.0),
        _ if reads(action) => limit("elb read", 40.0, 10.0),
        _ => limit("elb write", 20.0, 3.0),
    };
    vec![limit("elb account", 40.0, 10.0), inner]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_gives_its_size_at_once_and_then_its_refill() {
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        let mut taken = |n: usize, at: Instant| {
            (0..n).filter(|_| buckets.take(&limits("ecs", "RegisterTaskDefinition", false), at)).count()
        };
        assert_eq!([taken(25, start), taken(5, start + Duration::from_secs(3))], [20, 3]);
    }

    #[test]
    fn reads_and_writes_of_load_balancers_drain_one_account_bucket() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        let mut taken =
            |action, n| (0..n).filter(|_| buckets.take(&limits("elasticloadbalancing", action, false), now)).count();
        assert_eq!([taken("CreateRule", 30), taken("DescribeRules", 40)], [20, 20]);
    }
}
