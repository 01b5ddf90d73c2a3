//! What AWS tells before anything is done, from an AWS that we did not write.

use crate::bench::Bench;
use crate::emulator::Emulator;
use holdfast_core::cloud::Cloud;
use holdfast_core::plan::Desired;
use holdfast_core::preflight::{Asked, Finding, Preflight, Thing, ask, judge};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const ACCOUNT: &str = "123456789012";
const NO_SUBNET: &str = "subnet-0fedcba9876543210";

async fn moto() -> Emulator {
    Emulator::named_by("HOLDFAST_TEST_MOTO").await
}

/// A VPC and a subnet of somebody else.
async fn network(aws: &Emulator) -> (String, String) {
    let ec2 = aws_sdk_ec2::Client::new(&aws.others);
    let vpc = ec2.create_vpc().cidr_block("10.91.0.0/16").send().await.expect("moto makes a VPC");
    let vpc = vpc.vpc().and_then(|v| v.vpc_id()).expect("it has an id").to_owned();
    let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.91.1.0/24").send().await.expect("moto makes a subnet");
    let subnet = subnet.subnet().and_then(|s| s.subnet_id()).expect("it has an id").to_owned();
    (vpc, subnet)
}

/// A role of somebody else; its ARN.
async fn role(aws: &Emulator, name: &str) -> String {
    let iam = aws_sdk_iam::Client::new(&aws.others);
    let made = iam.create_role().role_name(name).path("/web/").assume_role_policy_document("{}").send().await;
    made.expect("moto makes a role").role().expect("it says which").arn().to_owned()
}

fn task(execution: &str, task: &str) -> Value {
    json!({ "family": "preflight", "executionRoleArn": execution, "taskRoleArn": task,
        "containerDefinitions": [{ "name": "web", "image": "web:1", "memory": 64 }] })
}

/// What is told of all that is declared, and the calls it took.
async fn told(bench: &Bench) -> (Vec<Finding>, Vec<&'static str>) {
    let plan = bench.plan().await;
    bench.aws.meter.take();
    let desired: Vec<Arc<Desired>> = bench.desired.values().cloned().collect();
    let stacks: BTreeSet<String> = desired.iter().map(|d| d.key.stack.clone()).collect();
    let questions = ask(&bench.aws.registry, &bench.aws.scope, &desired, &plan, &stacks);
    let answer = bench.aws.cloud.preflight(&bench.aws.scope, &questions.asked).await;
    (judge(&questions, &answer, &bench.aws.scope), bench.aws.meter.take_sorted())
}

#[tokio::test]
async fn a_subnet_and_a_role_that_do_not_exist_are_found_and_those_that_do_are_not() {
    let aws = moto().await;
    let (vpc, subnet) = network(&aws).await;
    let real = role(&aws, "preflight-real").await;
    let gone = format!("arn:aws:iam::{ACCOUNT}:role/web/preflight-gone");
    let mut bench = Bench::new(aws, "preflight");
    bench.declare("SecurityGroup", "web", json!({ "groupName": "preflight", "description": "web", "vpcId": vpc }));
    bench.declare("LoadBalancer", "web", json!({ "name": "preflight", "subnets": [subnet, NO_SUBNET] }));
    bench.declare("TaskDefinition", "web", task(&real, &gone));
    bench.declare("TaskDefinition", "other", task("arn:aws:iam::210987654321:role/other", &real));
    let (findings, calls) = told(&bench).await;
    let found: Vec<String> = findings
        .iter()
        .map(|f| format!("{:?} {} {}", f.level, f.key.as_ref().map(ToString::to_string).unwrap_or_default(), f.pointer))
        .collect();
    let expected = ["Error preflight/LoadBalancer/web /subnets/1", "Error preflight/TaskDefinition/web /taskRoleArn"];
    assert_eq!(found, expected, "{findings:?}");
    assert!(findings[0].message.contains(NO_SUBNET) && findings[1].message.contains(&gone), "{findings:?}");
    let expected = [
        "DescribeAccountLimits",
        "DescribeLoadBalancers",
        "DescribeSubnets",
        "DescribeVpcs",
        "GetCallerIdentity",
        "ListRoles",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn every_type_of_thing_can_be_asked_for_and_a_missing_one_is_no_error() {
    let aws = moto().await;
    let arn = |service: &str, region: &str, rest: &str| format!("arn:aws:{service}:{region}:{ACCOUNT}:{rest}");
    let elb = |rest: &str| arn("elasticloadbalancing", "eu-west-1", rest);
    let missing = [
        (Thing::Subnet, NO_SUBNET.to_owned()),
        (Thing::SecurityGroup, "sg-0fedcba9876543210".to_owned()),
        (Thing::Vpc, "vpc-0fedcba9876543210".to_owned()),
        (Thing::Image, "ami-0fedcba9876543210".to_owned()),
        (Thing::ElasticIp, "eipalloc-0fedcba9876543210".to_owned()),
        (Thing::InternetGateway, "igw-0fedcba9876543210".to_owned()),
        (Thing::NatGateway, "nat-0fedcba9876543210".to_owned()),
        (Thing::RouteTable, "rtb-0fedcba9876543210".to_owned()),
        (Thing::NetworkInterface, "eni-0fedcba9876543210".to_owned()),
        (Thing::Instance, "i-0fedcba9876543210".to_owned()),
        (Thing::PrefixList, "pl-0fedcba9876543210".to_owned()),
        (Thing::Role, arn("iam", "", "role/none")),
        (Thing::InstanceProfile, arn("iam", "", "instance-profile/none")),
        (Thing::Cluster, arn("ecs", "eu-west-1", "cluster/none")),
        (Thing::LoadBalancer, elb("loadbalancer/app/none/0123456789abcdef")),
        (Thing::TargetGroup, elb("targetgroup/none/0123456789abcdef")),
    ];
    let missing: BTreeMap<Thing, BTreeSet<String>> =
        missing.into_iter().map(|(thing, id)| (thing, BTreeSet::from([id]))).collect();
    let asked = Asked { things: missing.clone(), quotas: BTreeSet::new() };
    let answer = aws.cloud.preflight(&aws.scope, &asked).await;
    assert_eq!(answer, Preflight { missing, ..Preflight::default() });
}

#[tokio::test]
async fn many_ids_are_asked_for_two_hundred_a_call_and_quotas_are_told_with_what_is_used() {
    let aws = moto().await;
    let (_, subnet) = network(&aws).await;
    let mut ids: BTreeSet<String> = (0..449).map(|n| format!("subnet-{n:017x}")).collect();
    let missing = BTreeMap::from([(Thing::Subnet, ids.clone())]);
    ids.insert(subnet);
    let (groups, addresses) = ("elasticloadbalancing:target-groups", "ec2:vpc-max-elastic-ips");
    let asked = Asked { things: BTreeMap::from([(Thing::Subnet, ids)]), quotas: BTreeSet::from([groups, addresses]) };
    let answer = aws.cloud.preflight(&aws.scope, &asked).await;
    assert_eq!((&answer.missing, answer.unread.as_slice()), (&missing, [].as_slice()));
    assert!(answer.quotas[groups].max > answer.quotas[groups].used, "{:?}", answer.quotas);
    assert!(answer.quotas[addresses].max > 0, "{:?}", answer.quotas);
    let expected = [
        "DescribeAccountAttributes",
        "DescribeAccountLimits",
        "DescribeAddresses",
        "DescribeSubnets",
        "DescribeSubnets",
        "DescribeSubnets",
        "DescribeTargetGroups",
    ];
    assert_eq!(aws.meter.take_sorted(), expected);
}

#[tokio::test]
async fn what_cannot_be_reached_is_unread_and_no_error() {
    let aws = Emulator::at("http://127.0.0.1:9").await;
    let things = BTreeMap::from([
        (Thing::Subnet, BTreeSet::from([NO_SUBNET.to_owned()])),
        (Thing::Role, BTreeSet::from([format!("arn:aws:iam::{ACCOUNT}:role/none")])),
    ]);
    let asked = Asked { things, quotas: BTreeSet::from(["rds:DBInstances"]) };
    let answer = aws.cloud.preflight(&aws.scope, &asked).await;
    assert!(answer.missing.is_empty() && answer.quotas.is_empty(), "{answer:?}");
    assert_eq!(answer.unread.len(), 3, "{answer:?}");
}
