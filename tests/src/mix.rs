//! The mix of a large account, of any size and the same for the same seed, and the fewest calls that can keep it.
//!
//! A cell of 200 resources is one VPC with all that stands in it; five of them are the mix of a thousand: 250 security
//! groups, 200 services and task definitions each, 150 target groups, 90 rules, 30 listeners, 20 subnets, 15 load
//! balancers, 10 clusters, route tables and databases each, 5 VPCs, gateways and DB subnet groups each.

use serde_json::{Value, json};

/// Resources in a cell.
pub const CELL: usize = 200;

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Those of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one, below a limit.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// A cell under way.
struct Cell {
    number: usize,
    region: String,
    dice: Dice,
    resources: Vec<Value>,
}

/// The stack of cell `number`, in a region.
pub fn cell(number: usize, seed: u64, region: &str) -> Value {
    let dice = Dice(seed.wrapping_add(number as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut cell = Cell { number, region: region.to_owned(), dice, resources: Vec::with_capacity(CELL) };
    cell.network();
    cell.groups();
    cell.containers();
    cell.balancers();
    cell.databases();
    let tags = json!({ "env": "prod", "team": format!("team-{}", number % 7), "managed": "bench" });
    let spec = json!({ "region": region, "tags": tags, "resources": cell.resources });
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": format!("cell-{number:05}") }, "spec": spec })
}

impl Cell {
    fn add(&mut self, kind: &str, name: impl Into<String>, spec: Value) {
        self.resources.push(json!({ "kind": kind, "metadata": { "name": name.into() }, "spec": spec }));
    }

    fn named(&self, what: &str, i: usize) -> String {
        format!("{what}-{:05}-{i:03}", self.number)
    }

    fn network(&mut self) {
        let (vpc, net) = ("${Vpc/v.id}", self.number % 200);
        let block = format!("10.{net}.0.0/16");
        self.add("Vpc", "v", json!({ "cidrBlock": block, "enableDnsSupport": true, "enableDnsHostnames": true }));
        for i in 0..4 {
            let zone = format!("{}{}", self.region, ["a", "b"][i % 2]);
            let spec = json!({ "vpcId": vpc, "cidrBlock": format!("10.{net}.{i}.0/24"), "availabilityZone": zone });
            self.add("Subnet", format!("s{i}"), spec);
        }
        let target = if self.number.is_multiple_of(2) {
            self.add("InternetGateway", "i", json!({ "vpcId": vpc }));
            json!({ "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "${InternetGateway/i.id}" })
        } else {
            self.add("NatGateway", "n", json!({ "subnetId": "${Subnet/s0.id}", "connectivityType": "private" }));
            json!({ "destinationCidrBlock": "192.168.0.0/16", "natGatewayId": "${NatGateway/n.id}" })
        };
        for i in 0..2 {
            let subnets = [format!("${{Subnet/s{i}.id}}"), format!("${{Subnet/s{}.id}}", i + 2)];
            self.add("RouteTable", format!("t{i}"), json!({ "vpcId": vpc, "routes": [target], "subnetIds": subnets }));
        }
    }

    fn groups(&mut self) {
        for i in 0..50 {
            let (name, port) = (self.named("group", i), 1024 + self.dice.below(60_000));
            let from = format!("10.{}.0.0/16", self.dice.below(200));
            let rule = |port: u64, cidr: &str| json!({ "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": cidr });
            let ingress = [rule(443, "10.0.0.0/8"), rule(port, &from)];
            let spec = json!({ "groupName": name, "description": "bench", "vpcId": "${Vpc/v.id}", "ingress": ingress });
            self.add("SecurityGroup", format!("g{i}"), spec);
        }
    }

    fn containers(&mut self) {
        for i in 0..2 {
            let name = self.named("cluster", i);
            self.add("Cluster", format!("c{i}"), json!({ "clusterName": name }));
        }
        for i in 0..40 {
            let image = format!("registry.example/app-{}:{}", self.dice.below(40), self.dice.below(1000));
            let settings =
                (0..4).map(|n| json!({ "name": format!("SETTING_{n}"), "value": self.dice.below(1000).to_string() }));
            let environment: Value = settings.collect();
            let container = json!({ "name": "app", "image": image, "essential": true, "environment": environment,
                "portMappings": [{ "containerPort": 8000, "hostPort": 8000, "protocol": "tcp" }] });
            let family = self.named("task", i);
            let spec = json!({ "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512", "containerDefinitions": [container] });
            self.add("TaskDefinition", format!("d{i}"), spec);
        }
        for i in 0..40 {
            let placed = json!({ "subnets": ["${Subnet/s0.id}", "${Subnet/s1.id}"], "securityGroups": [format!("${{SecurityGroup/g{i}.id}}")] });
            let (name, count) = (self.named("service", i), 1 + self.dice.below(4));
            let mut spec = json!({ "cluster": format!("${{Cluster/c{}.arn}}", i % 2), "serviceName": name, "desiredCount": count,
                "launchType": "FARGATE", "taskDefinition": format!("${{TaskDefinition/d{i}.arn}}"),
                "networkConfiguration": { "awsvpcConfiguration": placed } });
            if i < 30 {
                let behind = format!("${{TargetGroup/t{i}.arn}}");
                spec["loadBalancers"] =
                    json!([{ "targetGroupArn": behind, "containerName": "app", "containerPort": 8000 }]);
            }
            self.add("Service", format!("s{i}"), spec);
        }
    }

    fn balancers(&mut self) {
        for i in 0..30 {
            let (name, delay) = (self.named("tg", i), 60 + self.dice.below(60));
            let spec = json!({ "name": name, "protocol": "HTTP", "port": 8000, "vpcId": "${Vpc/v.id}", "targetType": "ip",
                "healthCheckPath": "/health", "attributes": { "deregistration_delay.timeout_seconds": delay.to_string() } });
            self.add("TargetGroup", format!("t{i}"), spec);
        }
        for i in 0..3 {
            let name = self.named("lb", i);
            let spec = json!({ "name": name, "type": "application", "scheme": "internal", "subnets": ["${Subnet/s0.id}", "${Subnet/s1.id}"],
                "securityGroups": [format!("${{SecurityGroup/g{i}.id}}")], "attributes": { "idle_timeout.timeout_seconds": "120" } });
            self.add("LoadBalancer", format!("b{i}"), spec);
        }
        for i in 0..6 {
            let fixed = json!({ "statusCode": "404", "contentType": "text/plain", "messageBody": "nothing here" });
            // Declared as it is by default: it has to be read, and costs no write.
            let attributes = json!({ "routing.http.response.server.enabled": "true" });
            let spec = json!({ "loadBalancerArn": format!("${{LoadBalancer/b{}.arn}}", i % 3), "port": 80 + i / 3, "protocol": "HTTP",
                "defaultActions": [{ "type": "fixed-response", "fixedResponseConfig": fixed }], "attributes": attributes });
            self.add("Listener", format!("l{i}"), spec);
        }
        for i in 0..18 {
            let values = [format!("/{i}-{}/*", self.dice.below(1000))];
            let spec = json!({ "listenerArn": format!("${{Listener/l{}.arn}}", i % 6), "priority": 10 + i,
                "conditions": [{ "field": "path-pattern", "pathPatternConfig": { "values": values } }],
                "actions": [{ "type": "forward", "targetGroupArn": format!("${{TargetGroup/t{i}.arn}}") }] });
            self.add("ListenerRule", format!("r{i}"), spec);
        }
    }

    fn databases(&mut self) {
        let name = self.named("db", 9);
        let spec = json!({ "dbSubnetGroupName": name, "dbSubnetGroupDescription": "bench", "subnetIds": ["${Subnet/s2.id}", "${Subnet/s3.id}"] });
        self.add("DBSubnetGroup", "d", spec);
        for i in 0..2 {
            let name = self.named("db", i);
            let spec = json!({ "dbInstanceIdentifier": name, "dbInstanceClass": "db.t4g.medium", "engine": "postgres", "engineVersion": "16",
                "masterUsername": "web", "manageMasterUserPassword": true, "allocatedStorage": 100, "storageType": "gp3",
                "storageEncrypted": true, "dbSubnetGroupName": "${DBSubnetGroup/d.id}", "vpcSecurityGroupIds": [format!("${{SecurityGroup/g{}.id}}", 40 + i)],
                "multiAZ": false, "publiclyAccessible": false, "backupRetentionPeriod": 7 });
            self.add("DBInstance", format!("x{i}"), spec);
        }
    }
}

/// The fewest calls for `n` resources of the mix in one account and region, as AWS documents its pages and batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// One look at all that pages and batches return.
    pub light: u64,
    /// That, and what AWS only tells of one thing or parent at a time.
    pub full: u64,
    /// The part of `full` that reads attributes of single things.
    pub attributes: u64,
    /// Writes that make all of it from nothing.
    pub creates: u64,
}

/// The calls of one look at all that pages and batches return, for this many cells: service, operation, how many.
pub fn calls_of_a_light_sweep(cells: u64) -> Vec<(&'static str, &'static str, u64)> {
    const ELB: &str = "elasticloadbalancing";
    let tagged = (3 + 30 + 6 + 18 + 40 + 1) * cells;
    vec![
        ("ec2", "DescribeSecurityGroups", (50 * cells).div_ceil(1000)),
        ("ec2", "DescribeVpcs", cells.div_ceil(1000)),
        ("ec2", "DescribeSubnets", (4 * cells).div_ceil(1000)),
        ("ec2", "DescribeRouteTables", (2 * cells).div_ceil(100)),
        ("ec2", "DescribeInternetGateways", cells.div_ceil(2000)),
        ("ec2", "DescribeNatGateways", cells.div_ceil(2000)),
        ("ecs", "DescribeClusters", (2 * cells).div_ceil(100)),
        // Twenty services in each of the two clusters of a cell, ten a call.
        ("ecs", "DescribeServices", 2 * cells * 2),
        ("ecs", "ListTaskDefinitions", (40 * cells).div_ceil(100)),
        (ELB, "DescribeLoadBalancers", (3 * cells).div_ceil(400)),
        (ELB, "DescribeTargetGroups", (30 * cells).div_ceil(400)),
        (ELB, "DescribeListeners", (6 * cells).div_ceil(20)),
        (ELB, "DescribeRules", (18 * cells).div_ceil(20)),
        ("tagging", "GetResources", tagged.div_ceil(100)),
        ("rds", "DescribeDBInstances", (2 * cells).div_ceil(100)),
        ("rds", "DescribeDBSubnetGroups", cells.div_ceil(100)),
    ]
}

/// The floor of a scope with this many cells.
pub fn floor(cells: u64) -> Floor {
    let light = calls_of_a_light_sweep(cells).iter().map(|(.., n)| n).sum();
    let (groups, definitions, targets) = (50 * cells, 40 * cells, 30 * cells);
    let (rules, listeners, balancers) = (18 * cells, 6 * cells, 3 * cells);
    // Services by cluster, listeners by load balancer, rules by listener: what is not ours is seen only so.
    let foreign =
        2 * cells + balancers.saturating_sub(listeners.div_ceil(20)) + listeners.saturating_sub(rules.div_ceil(20));
    let attributes = targets + balancers + listeners + 2 * cells;
    let network = 2 * (cells + 2 * cells + cells) + 4 * cells;
    let containers = definitions + definitions + 2 * cells;
    let balanced = 2 * targets + listeners + rules + 2 * balancers;
    let creates = 2 * groups + network + containers + balanced + 2 * cells + cells;
    Floor { light, full: light + foreign + attributes, attributes, creates }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::kinds;
    use std::collections::BTreeMap;

    #[test]
    fn five_cells_are_the_mix_of_a_thousand() {
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        for number in 0..5 {
            for (kind, n) in kinds(&cell(number, 1, "eu-west-3")) {
                *all.entry(kind).or_insert(0) += n;
            }
        }
        let gateways = all.remove("InternetGateway").unwrap_or(0) + all.remove("NatGateway").unwrap_or(0);
        let mix = [
            ("Cluster", 10),
            ("DBInstance", 10),
            ("DBSubnetGroup", 5),
            ("Listener", 30),
            ("ListenerRule", 90),
            ("LoadBalancer", 15),
            ("RouteTable", 10),
            ("SecurityGroup", 250),
            ("Service", 200),
            ("Subnet", 20),
            ("TargetGroup", 150),
            ("TaskDefinition", 200),
            ("Vpc", 5),
        ];
        assert_eq!(all, mix.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect());
        assert_eq!(gateways, 5);
    }

    #[test]
    fn the_floor_is_that_of_the_paper() {
        let of = |cells| {
            let f = floor(cells);
            (f.light, f.full)
        };
        assert_eq!([of(5), of(50), of(500)], [(45, 298), (345, 2885), (3397, 28797)]);
        assert_eq!(floor(5).creates, 1435);
    }

    #[test]
    fn a_seed_makes_the_same_stack_again_and_another_makes_another() {
        assert_eq!(cell(3, 7, "eu-west-3"), cell(3, 7, "eu-west-3"));
        assert_ne!(cell(3, 7, "eu-west-3"), cell(3, 8, "eu-west-3"));
    }
}
