//! What happened to other tools, at the wire: the built binary against moto, with a proxy that keeps the order of
//! writes and refuses what it is told to. The docs page "Incidents we test for" lists these by number.

use anyhow::{Context, Result, ensure};
use holdfast_tests::emulator::Backend;
use holdfast_tests::figures::{floor, kinds};
use holdfast_tests::refusal::Refusal;
use holdfast_tests::scenario::{Life, PATIENCE};
use holdfast_tests::server::told;
use holdfast_tests::{REGION, eventually, workload};
use reqwest::Method;
use serde_json::{Value, json};

fn stack(name: &str, resources: &[(&str, &str, Value)]) -> Value {
    let resources: Vec<Value> = resources
        .iter()
        .map(|(kind, name, spec)| json!({ "kind": kind, "metadata": { "name": name }, "spec": spec }))
        .collect();
    let spec = json!({ "region": REGION, "policy": { "deletion": "delete" }, "resources": resources });
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": name }, "spec": spec })
}

fn rule(port: u16) -> Value {
    json!({ "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": "10.0.0.0/8" })
}

fn group(life: &Life, name: &str, ingress: &[Value]) -> Value {
    json!({ "groupName": name, "description": "an incident", "vpcId": life.network.vpc, "ingress": ingress })
}

/// What was written since the last reset: the operations that AWS took, in order.
fn done(life: &Life) -> Vec<String> {
    life.proxy.order().into_iter().filter(|c| c.status < 300).map(|c| c.operation).collect()
}

/// That of these writes each one was made, and before the next one.
fn in_order(life: &Life, expected: &[&str]) -> Result<()> {
    let done = done(life);
    let mut rest = done.iter();
    for operation in expected {
        ensure!(
            rest.any(|d| d == operation),
            "{operation} does not come in its turn: {done:#?}, expected {expected:?}"
        );
    }
    Ok(())
}

fn first(life: &Life, resource: &str) -> Result<Value> {
    life.server.get(&format!("/v1/resources/{resource}"))
}

fn events(life: &Life, reason: &str) -> Result<usize> {
    let page = life.server.get("/v1/events?limit=500")?;
    Ok(page["items"].as_array().into_iter().flatten().filter(|e| e["reason"] == reason).count())
}

/// What the scope says is wrong with it.
fn trouble(life: &Life) -> Result<Option<String>> {
    let scopes = life.server.get("/v1/scopes")?;
    Ok(scopes["items"].as_array().into_iter().flatten().find_map(|s| s["error"].as_str().map(str::to_owned)))
}

fn deleted(life: &Life, stack: &str) -> Result<()> {
    let (status, body) = life.server.call(Method::DELETE, &format!("/v1/stacks/{stack}?deletion=delete"), None)?;
    ensure!(status < 300, "DELETE answered {status}: {body}");
    Ok(())
}

/// ACK#2951, ACK#2256, cluster-api-provider-aws#5023: an upgrade revoked the rules of groups, authorized them anew, and
/// ran out of retries in between.
#[test]
fn i01_at_the_wire_rules_are_authorized_before_others_are_revoked_even_while_that_is_refused() -> Result<()> {
    let life = Life::begin(Backend::Moto)?;
    let declared = |port| stack("s", &[("SecurityGroup", "g", group(&life, "i01", &[rule(port)]))]);
    life.server.apply(&declared(80), "")?;
    life.server.in_sync("s", PATIENCE)?;
    life.proxy.reset();
    life.server.sweeps(3)?;
    ensure!(done(&life).is_empty(), "equal rules are left alone, but: {:?}", done(&life));

    let authorize = "AuthorizeSecurityGroupIngress";
    life.proxy
        .refuse(vec![Refusal::of(authorize, "RequestLimitExceeded", "Request limit exceeded.").status(503).times(3)]);
    life.server.apply(&declared(8080), "")?;
    life.server.in_sync("s", PATIENCE)?;
    let order = life.proxy.order();
    let refused = order.iter().filter(|c| c.status == 503).count();
    ensure!(refused == 3, "{refused} calls were refused");
    let operations: Vec<&str> = order.iter().map(|c| c.operation.as_str()).collect();
    let revoke = "RevokeSecurityGroupIngress";
    ensure!(operations == [authorize, authorize, authorize, authorize, revoke], "{operations:?}");
    Ok(())
}

/// The same for all that takes the place of something: new before old, revisions registered before old ones go.
#[test]
fn i01_at_the_wire_what_is_new_is_made_before_what_is_old_goes() -> Result<()> {
    let mut life = Life::begin(Backend::Moto)?;
    life.apply("")?;
    life.proxy.reset();
    life.declared("TaskDefinition", "cameras-api")?["spec"]["containerDefinitions"][0]["image"] = json!("cameras:2");
    life.apply("")?;
    in_order(&life, &["RegisterTaskDefinition", "UpdateService"])?;
    ensure!(!done(&life).iter().any(|o| o.starts_with("Deregister")), "the old revision stays to roll back to");

    // A target group of another name is another target group: the rule moves over, and then the old one goes.
    life.proxy.reset();
    let old = life.declared("TargetGroup", "intrusion-api")?;
    old["metadata"]["name"] = json!("intrusion-api-2");
    old["spec"]["name"] = json!("intrusion-api-tg-2");
    let text = life.stack.to_string().replace("${TargetGroup/intrusion-api.", "${TargetGroup/intrusion-api-2.");
    life.stack = serde_json::from_str(&text)?;
    life.apply("?prune=true")?;
    eventually("end of the old target group", PATIENCE, || {
        Ok(done(&life).iter().any(|o| o == "DeleteTargetGroup").then_some(()))
    })?;
    in_order(&life, &["CreateTargetGroup", "ModifyRule", "DeleteTargetGroup"])?;

    // Eleven revisions: only what is more than ten goes, and after the newest stands.
    let declared = |n: u32| {
        let container = json!({ "name": "a", "image": format!("a:{n}"), "memory": 64 });
        stack("t", &[("TaskDefinition", "t", json!({ "family": "i01", "containerDefinitions": [container] }))])
    };
    life.proxy.reset();
    for n in 1..=11 {
        life.server.apply(&declared(n), "")?;
        life.server.in_sync("t", PATIENCE)?;
    }
    eventually("end of the oldest revision", PATIENCE, || {
        Ok(done(&life).iter().any(|o| o == "DeregisterTaskDefinition").then_some(()))
    })?;
    let done = done(&life);
    let (last, registered) = done.split_last().context("there are writes")?;
    ensure!(last == "DeregisterTaskDefinition" && registered.len() == 11, "{done:?}");
    ensure!(registered.iter().all(|o| o == "RegisterTaskDefinition"), "{done:?}");
    Ok(())
}

/// ACK#2372: a reconcile of a target group deregistered the targets that ECS had registered.
#[test]
fn i02_at_the_wire_targets_that_others_registered_stay() -> Result<()> {
    let mut life = Life::begin(Backend::Moto)?;
    life.apply("")?;
    let arn = life.output("TargetGroup/intrusion-api", "arn")?;
    let targets = json!({ "TargetGroupArn": arn, "Targets": [{ "Id": "10.0.0.10", "Port": 8080 }] });
    life.outside.call("elbv2", "register_targets", targets)?;
    life.proxy.reset();
    life.server.sweeps(2)?;
    ensure!(done(&life).is_empty(), "a registration is nothing to heal: {:?}", done(&life));
    life.declared("TargetGroup", "intrusion-api")?["spec"]["healthCheckPath"] = json!("/ready");
    life.apply("")?;
    ensure!(done(&life) == ["ModifyTargetGroup"], "{:?}", done(&life));
    let health = life.outside.call("elbv2", "describe_target_health", json!({ "TargetGroupArn": arn }))?;
    let ids: Vec<&Value> =
        health["TargetHealthDescriptions"].as_array().into_iter().flatten().map(|t| &t["Target"]["Id"]).collect();
    ensure!(ids == [&json!("10.0.0.10")], "{health}");
    let called = life.proxy.ever();
    ensure!(!called.iter().any(|c| c == "RegisterTargets" || c == "DeregisterTargets"), "{called:?}");
    Ok(())
}

/// terraform-provider-aws#710: ten minutes for 300 groups and 1,400 rules. terraform#18981, driftctl#1344,
/// provider-aws#847: minutes, refusals and 70 requests a second to look at what has not changed.
#[test]
fn i08_a_sweep_of_a_full_account_reads_at_the_floor_and_every_call_is_counted() -> Result<()> {
    const SWEEPS: usize = 5;
    let mut life = Life::begin(Backend::Moto)?;
    // What is not ours fills the account up to 300 groups and 1,400 rules.
    for n in 0..250 {
        let made = json!({ "GroupName": format!("theirs-{n}"), "Description": "not ours", "VpcId": life.network.vpc });
        let id = life.outside.call("ec2", "create_security_group", made)?["GroupId"].clone();
        let port = |p: u16| json!({ "IpProtocol": "tcp", "FromPort": p, "ToPort": p, "IpRanges": [{ "CidrIp": "10.0.0.0/8" }] });
        let rules: Vec<Value> = (1..=5).map(|p| port(p * 100)).collect();
        let rules = json!({ "GroupId": id, "IpPermissions": rules });
        life.outside.call("ec2", "authorize_security_group_ingress", rules)?;
    }
    life.stack = workload::peers(1, &life.network);
    life.apply("")?;
    // The first sweeps after writes read single items that the later ones know.
    life.server.sweeps(10)?;
    life.proxy.reset();
    let counted = calls_in_metrics(&life)?;
    life.server.sweeps(SWEEPS)?;
    let (counts, counted) = (life.proxy.counts(), calls_in_metrics(&life)? - counted);
    ensure!(life.proxy.written() == 0, "{counts:?}");
    let light: u64 = counts.iter().filter(|(name, _)| !name.ends_with("Attributes")).map(|(_, n)| n).sum();
    let (each, floor) = (light as f64 / SWEEPS as f64, floor(&kinds(&life.stack)) as f64);
    // A sweep may be under way at either end.
    ensure!(
        each <= (floor + 2.0) * (1.0 + 2.0 / SWEEPS as f64),
        "{each} reads a sweep, the floor is {floor}: {counts:?}"
    );
    let groups = counts.get("DescribeSecurityGroups").copied().unwrap_or(0);
    ensure!((1..=SWEEPS as u64 + 2).contains(&groups), "all groups and rules are one page: {counts:?}");
    // What went by without the budget is what the proxy saw and Holdfast did not count.
    let (seen, slack) = (life.proxy.total(), 2 * (floor as u64 + 25));
    ensure!(seen.abs_diff(counted) <= slack, "the proxy saw {seen} calls and Holdfast counted {counted}");
    settles_to_equal_counts(&life)
}

fn calls_in_metrics(life: &Life) -> Result<u64> {
    let (_, text) = life.server.bytes(Method::GET, "/metrics", None)?;
    let text = String::from_utf8(text)?;
    let line = text.lines().find(|l| l.starts_with("holdfast_aws_calls_total{")).context("the counter is there")?;
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).with_context(|| format!("a count in {line:?}"))
}

/// At rest between two sweeps, all calls that ever went by are all that were counted.
fn settles_to_equal_counts(life: &Life) -> Result<()> {
    let base = (life.proxy.total(), calls_in_metrics(life)?);
    let mut last = base;
    eventually("moment at which both counts have grown alike", PATIENCE, || {
        last = (life.proxy.total(), calls_in_metrics(life)?);
        let grown = (last.0 - base.0, last.1 - base.1);
        Ok((grown.0 > 50 && grown.0 == grown.1).then_some(()))
    })
    .with_context(|| format!("from {base:?} to {last:?}"))
}

/// terraform-provider-aws#265, #1671, #5050: circles of groups and interfaces that linger made destroys hang without a
/// word.
#[test]
fn i19_at_the_wire_a_lingering_interface_is_named_and_a_circle_of_groups_goes() -> Result<()> {
    let mut life = Life::begin(Backend::Moto)?;
    let peer = |name: &str| json!({ "ipProtocol": "tcp", "fromPort": 80, "toPort": 80, "referencedGroupId": format!("${{SecurityGroup/{name}.id}}") });
    let circle = [
        ("SecurityGroup", "a", group(&life, "i19-a", &[peer("b")])),
        ("SecurityGroup", "b", group(&life, "i19-b", &[peer("a")])),
    ];
    life.server.apply(&stack("s", &circle), "")?;
    life.server.in_sync("s", PATIENCE)?;
    let a = first(&life, "s/SecurityGroup/a")?["status"]["outputs"]["id"].clone();
    let interface = json!({ "SubnetId": life.network.subnets[0], "Groups": [a], "Description": "left by a function" });
    let interface =
        life.outside.call("ec2", "create_network_interface", interface)?["NetworkInterface"]["NetworkInterfaceId"]
            .clone();
    // moto lets a group go that an interface holds; AWS does not.
    let held = "resource has a dependent object";
    life.proxy.reset();
    life.proxy.refuse(vec![Refusal::of("DeleteSecurityGroup", "DependencyViolation", held)]);
    deleted(&life, "s")?;
    let named = eventually("word about what holds it", PATIENCE, || {
        let synced = first(&life, "s/SecurityGroup/a")?["status"]["conditions"][0].clone();
        let message = synced["message"].as_str().unwrap_or_default();
        Ok((synced["reason"] == "InUse" && message.contains("left by a function")).then(|| message.to_owned()))
    })?;
    ensure!(named.contains(interface.as_str().context("an id")?), "{named}");
    let order: Vec<String> = life.proxy.order().into_iter().map(|c| c.operation).collect();
    let revoked = order.iter().rposition(|o| o.starts_with("Revoke")).context("rules are revoked")?;
    let tried = order.iter().position(|o| o == "DeleteSecurityGroup").context("a group was to be deleted")?;
    ensure!(revoked < tried, "rules go before groups: {order:?}");
    life.proxy.refuse(Vec::new());
    eventually("end of the teardown", PATIENCE, || Ok(life.server.resources("s")?.is_empty().then_some(())))
}

/// ACK#2011: at start-up, resources were created in another account than theirs.
#[test]
fn i21_at_the_wire_the_wrong_account_is_never_read_or_written() -> Result<()> {
    let life = Life::begin(Backend::Moto)?;
    let account = |id: &str| json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": "default" }, "spec": { "accountId": id } });
    life.server.apply(&account("999999999999"), "")?;
    life.server.apply(&life.stack, "")?;
    let why = eventually("word about the account", PATIENCE, || trouble(&life))?;
    ensure!(why.contains("999999999999") && why.contains("123456789012"), "{why}");
    let called = life.proxy.ever();
    ensure!(called.iter().all(|c| c == "GetCallerIdentity"), "it went on to {called:?}");
    let all = life.server.resources("es")?;
    let told: Vec<String> = all.iter().map(told).collect();
    let claims = |r: &Value| !["Pending", "Unknown"].contains(&r["status"]["phase"].as_str().unwrap_or_default());
    ensure!(!all.is_empty() && !all.iter().any(claims), "it claims to know: {told:#?}");
    Ok(())
}

/// All that the log holds, each in a line.
fn all_events(life: &Life) -> Result<Vec<String>> {
    let log = life.server.get("/v1/events?limit=500")?;
    Ok(log["items"].as_array().into_iter().flatten().map(ToString::to_string).collect())
}

/// aws-sdk-rust#1033: with a wrong clock every call fails to sign.
#[test]
fn i24_at_the_wire_a_wrong_clock_is_one_condition_that_says_by_how_much() -> Result<()> {
    let life = Life::begin(Backend::Moto)?;
    life.apply("")?;
    // Between two sweeps: one that it met half-way would know some resources and not others.
    life.server.sweeps(1)?;
    let before = all_events(&life)?;
    let date = "Sun, 02 Jan 2000 00:00:00 GMT".to_owned();
    life.proxy.refuse(vec![Refusal::of_all("RequestExpired", "Request has expired.").dated(date)]);
    let why = eventually("word about the clock", PATIENCE, || trouble(&life))?;
    ensure!(why.contains("the clock of this machine is ") && why.contains(" ahead of AWS's"), "{why}");
    let all = eventually("all unknown", PATIENCE, || {
        let all = life.server.resources("es")?;
        Ok(all.iter().all(|r| r["status"]["phase"] == "Unknown").then_some(all))
    })?;
    ensure!(!all.is_empty(), "there are resources");
    life.proxy.reset();
    life.server.sweeps(3)?;
    ensure!(life.proxy.written() == 0, "nothing is written blindly: {:?}", life.proxy.writes());
    life.proxy.refuse(Vec::new());
    life.server.in_sync("es", PATIENCE)?;
    ensure!((events(&life, "ScopeFailed")?, events(&life, "ScopeRecovered")?) == (1, 1), "each is told once");
    let mut news = all_events(&life)?;
    news.retain(|event| !before.contains(event));
    ensure!(news.len() == 2, "for one condition of {} resources: {news:#?}", all.len());
    Ok(())
}
