//! A region that is mostly somebody else's.

use anyhow::{Context, Result};
use holdfast_tests::measure::Account;
use holdfast_tests::standin::Manner;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn what_is_ours_is_asked_for_by_name_where_that_takes_fewer_calls_than_the_listing() -> Result<()> {
    let account = Account::grown(200, 1, Manner { latency: Duration::ZERO, buckets: false })?;
    let others = |count: usize, service: &str, action: &str, one: &dyn Fn(String) -> Value| {
        let make = |n| account.standin.outside(account.regions[0], service, action, &one(format!("theirs-{n}")));
        (0..count).try_for_each(|n| make(n).map(drop))
    };
    others(4200, "ecs", "RegisterTaskDefinition", &|name| json!({ "family": name, "containerDefinitions": [] }))?;
    others(1000, "elasticloadbalancing", "CreateTargetGroup", &|name| json!({ "Name": name, "Port": "80" }))?;
    others(500, "elasticloadbalancing", "CreateLoadBalancer", &|name| json!({ "Name": name }))?;
    let vpc =
        account.standin.outside(account.regions[0], "ec2", "CreateVpc", &json!({ "CidrBlock": "10.250.0.0/16" }))?;
    let vpc = vpc.split("<vpcId>").nth(1).and_then(|rest| rest.split('<').next()).context("it has an id")?;
    let group = |name: String| json!({ "GroupName": name, "GroupDescription": "theirs", "VpcId": vpc });
    others(2000, "ec2", "CreateSecurityGroup", &group)?;
    account.looked()?;
    // How long the listings are now is known once they have been made.
    account.sweep()?;
    let cost = account.cost(Account::sweep)?;
    let calls = |action: &str| cost.calls.by_action.get(action).copied().unwrap_or_default();
    assert_eq!(calls("ecs:ListTaskDefinitions"), 40, "one for each family, where the listing has 43 pages");
    assert_eq!(calls("elasticloadbalancing:DescribeTargetGroups"), 2, "30 of them, where the listing has three pages");
    assert_eq!(calls("elasticloadbalancing:DescribeLoadBalancers"), 1, "three, where the listing has two pages");
    assert_eq!(calls("ec2:DescribeSecurityGroups"), 1, "those with our tag, where the listing has three pages");
    assert_eq!((account.waiting()?, cost.calls.writes()), (0, 0));
    Ok(())
}
