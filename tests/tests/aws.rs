//! The life of the `es` example against AWS implementations that others wrote, over real HTTP.

use anyhow::{Context, Result, ensure};
use holdfast_tests::emulator::Backend;
use holdfast_tests::scenario::{Drifts, Life, PATIENCE};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const fn drifts(resource: &'static str, path: &'static str, change: &'static str) -> Drifts {
    Drifts { resource, path, change }
}

/// Things of every kind that are not ours, and how they look.
struct Bystanders {
    group: String,
    load_balancer: String,
    target_group: String,
    listener: String,
}

impl Bystanders {
    fn make(life: &mut Life) -> Result<Self> {
        let (vpc, subnets) = (life.network.vpc.clone(), life.network.subnets.clone());
        let out = &mut life.outside;
        let text = |v: &Value| v.as_str().map(str::to_owned).context("an id");
        let group = out.call(
            "ec2",
            "create_security_group",
            json!({ "GroupName": "bystander", "Description": "not ours", "VpcId": vpc }),
        )?;
        let group = text(&group["GroupId"])?;
        out.call("ecs", "create_cluster", json!({ "clusterName": "bystander" }))?;
        let definition =
            json!({ "family": "bystander", "containerDefinitions": [{ "name": "x", "image": "x", "memory": 64 }] });
        out.call("ecs", "register_task_definition", definition)?;
        let service = json!({ "cluster": "bystander", "serviceName": "bystander", "taskDefinition": "bystander", "desiredCount": 1 });
        out.call("ecs", "create_service", service)?;
        let lb = out.call("elbv2", "create_load_balancer", json!({ "Name": "bystander", "Subnets": subnets }))?;
        let load_balancer = text(&lb["LoadBalancers"][0]["LoadBalancerArn"])?;
        let tg = json!({ "Name": "bystander", "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip" });
        let target_group = text(&out.call("elbv2", "create_target_group", tg)?["TargetGroups"][0]["TargetGroupArn"])?;
        let forward = json!([{ "Type": "forward", "TargetGroupArn": target_group }]);
        let listener =
            json!({ "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": forward });
        let listener = text(&out.call("elbv2", "create_listener", listener)?["Listeners"][0]["ListenerArn"])?;
        let conditions = json!([{ "Field": "path-pattern", "Values": ["/x"] }]);
        let rule = json!({ "ListenerArn": listener, "Priority": 5, "Conditions": conditions, "Actions": forward });
        out.call("elbv2", "create_rule", rule)?;
        Ok(Self { group, load_balancer, target_group, listener })
    }

    fn look(&self, life: &mut Life) -> Result<Vec<Value>> {
        let out = &mut life.outside;
        let mut service =
            out.call("ecs", "describe_services", json!({ "cluster": "bystander", "services": ["bystander"] }))?;
        // An emulator lets its deployments and event texts live; what people declare does not.
        for field in ["deployments", "events"] {
            if let Some(service) = service["services"][0].as_object_mut() {
                service.remove(field);
            }
        }
        Ok(vec![
            out.call("ec2", "describe_security_groups", json!({ "GroupIds": [self.group] }))?,
            out.call("ecs", "describe_clusters", json!({ "clusters": ["bystander"] }))?["clusters"][0]["clusterName"]
                .take(),
            out.call(
                "ecs",
                "describe_task_definition",
                json!({ "taskDefinition": "bystander:1", "include": ["TAGS"] }),
            )?,
            service,
            out.call("elbv2", "describe_load_balancers", json!({ "LoadBalancerArns": [self.load_balancer] }))?,
            out.call("elbv2", "describe_target_groups", json!({ "TargetGroupArns": [self.target_group] }))?,
            out.call("elbv2", "describe_listeners", json!({ "ListenerArns": [self.listener] }))?,
            out.call("elbv2", "describe_rules", json!({ "ListenerArn": self.listener }))?,
        ])
    }
}

fn outside_changes(life: &mut Life) -> Result<()> {
    let cluster = life.output("Cluster/es", "arn")?;
    life.drifts(&drifts("SecurityGroup/alb", "/ingress/1", "added"), |l| {
        let group = l.output("SecurityGroup/alb", "id")?;
        let ssh =
            json!([{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }]);
        l.outside.call("ec2", "authorize_security_group_ingress", json!({ "GroupId": group, "IpPermissions": ssh }))?;
        Ok(())
    })?;
    life.drifts(&drifts("SecurityGroup/redis", "/ingress/0", "removed"), |l| {
        let from = l.output("SecurityGroup/intrusion-api", "id")?;
        let rule = rule_id(l, "SecurityGroup/redis", 6379, &from)?;
        let group = l.output("SecurityGroup/redis", "id")?;
        l.outside.call(
            "ec2",
            "revoke_security_group_ingress",
            json!({ "GroupId": group, "SecurityGroupRuleIds": [rule] }),
        )?;
        Ok(())
    })?;
    life.drifts(&drifts("SecurityGroup/alb", "/ingress/0/description", "changed"), |l| {
        let group = l.output("SecurityGroup/alb", "id")?;
        let rule = rule_id(l, "SecurityGroup/alb", 80, "0.0.0.0/0")?;
        let new = json!({ "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIpv4": "0.0.0.0/0", "Description": "who wrote this" });
        let change = json!([{ "SecurityGroupRuleId": rule, "SecurityGroupRule": new }]);
        l.outside.call("ec2", "modify_security_group_rules", json!({ "GroupId": group, "SecurityGroupRules": change }))?;
        Ok(())
    })?;
    life.drifts(&drifts("Service/client-web-ui", "/desiredCount", "changed"), |l| {
        l.outside.call(
            "ecs",
            "update_service",
            json!({ "cluster": cluster, "service": "client-web-ui", "desiredCount": 5 }),
        )?;
        Ok(())
    })?;
    let registered = life.proxy.counts().get("RegisterTaskDefinition").copied();
    life.drifts(&drifts("Service/cameras-api", "/taskDefinition", "changed"), |l| {
        let containers = json!([{ "name": "cameras-api", "image": "somebody/else:1", "memory": 64 }]);
        let definition =
            json!({ "family": "prod-es-cameras-api", "networkMode": "awsvpc", "containerDefinitions": containers });
        let answer = l.outside.call("ecs", "register_task_definition", definition)?;
        let arn = &answer["taskDefinition"]["taskDefinitionArn"];
        l.outside.call(
            "ecs",
            "update_service",
            json!({ "cluster": cluster, "service": "cameras-api", "taskDefinition": arn }),
        )?;
        Ok(())
    })?;
    let now = life.proxy.counts().get("RegisterTaskDefinition").copied();
    ensure!(registered == now, "a service goes back to our revision without a new registration");
    life.drifts(&drifts("TargetGroup/intrusion-api", "/healthCheckPath", "changed"), |l| {
        let arn = l.output("TargetGroup/intrusion-api", "arn")?;
        l.outside.call(
            "elbv2",
            "modify_target_group",
            json!({ "TargetGroupArn": arn, "HealthCheckPath": "/wrong" }),
        )?;
        Ok(())
    })?;
    life.drifts(&drifts("ListenerRule/client-web-ui", "/priority", "changed"), |l| {
        let arn = l.output("ListenerRule/client-web-ui", "arn")?;
        l.outside.call(
            "elbv2",
            "set_rule_priorities",
            json!({ "RulePriorities": [{ "RuleArn": arn, "Priority": 77 }] }),
        )?;
        Ok(())
    })?;
    life.drifts(&drifts("Listener/http", "/defaultActions/0", "changed"), |l| {
        let arn = l.output("Listener/http", "arn")?;
        let response = json!({ "StatusCode": "503", "ContentType": "text/plain", "MessageBody": "closed" });
        let actions = json!([{ "Type": "fixed-response", "FixedResponseConfig": response }]);
        l.outside.call("elbv2", "modify_listener", json!({ "ListenerArn": arn, "DefaultActions": actions }))?;
        Ok(())
    })?;
    life.drifts(&drifts("SecurityGroup/alb", "/tags/system", "removed"), |l| {
        let group = l.output("SecurityGroup/alb", "id")?;
        l.outside.call("ec2", "delete_tags", json!({ "Resources": [group], "Tags": [{ "Key": "system" }] }))?;
        Ok(())
    })
}

/// What is deleted behind our back comes back, and what referred to it follows.
fn outside_deletions(life: &mut Life) -> Result<()> {
    let cluster = life.output("Cluster/es", "arn")?;
    life.drifts(&drifts("Service/manager-web-ui", "", "missing"), |l| {
        l.outside.call(
            "ecs",
            "delete_service",
            json!({ "cluster": cluster, "service": "manager-web-ui", "force": true }),
        )?;
        Ok(())
    })?;
    life.drifts(&drifts("TargetGroup/client-web-ui", "", "missing"), |l| {
        let (rule, group) =
            (l.output("ListenerRule/client-web-ui", "arn")?, l.output("TargetGroup/client-web-ui", "arn")?);
        l.outside.call("elbv2", "delete_rule", json!({ "RuleArn": rule }))?;
        l.outside.call("elbv2", "delete_target_group", json!({ "TargetGroupArn": group }))?;
        Ok(())
    })?;
    life.drifts(&drifts("SecurityGroup/rds-ec2", "", "missing"), |l| {
        let (rds, ec2) = (l.output("SecurityGroup/rds-ec2", "id")?, l.output("SecurityGroup/ec2-rds", "id")?);
        // The pair names each other; AWS wants the other's rule gone first.
        let rules = json!({ "Filters": [{ "Name": "group-id", "Values": [ec2] }] });
        let rules = l.outside.call("ec2", "describe_security_group_rules", rules)?;
        let named = rules["SecurityGroupRules"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|r| r["IsEgress"] == true && r["FromPort"] == 3306);
        let rule = named.context("the egress rule to the database")?["SecurityGroupRuleId"].clone();
        l.outside.call(
            "ec2",
            "revoke_security_group_egress",
            json!({ "GroupId": ec2, "SecurityGroupRuleIds": [rule] }),
        )?;
        l.outside.call("ec2", "delete_security_group", json!({ "GroupId": rds }))?;
        Ok(())
    })
}

/// The id of the ingress rule for a port and a peer.
fn rule_id(life: &mut Life, resource: &str, port: u16, peer: &str) -> Result<String> {
    let group = life.output(resource, "id")?;
    let filter = json!({ "Filters": [{ "Name": "group-id", "Values": [group] }] });
    let rules = life.outside.call("ec2", "describe_security_group_rules", filter)?;
    let found = rules["SecurityGroupRules"].as_array().into_iter().flatten().find(|r| {
        r["IsEgress"] == false
            && r["FromPort"] == port
            && (r["CidrIpv4"] == peer || r["ReferencedGroupInfo"]["GroupId"] == peer)
    });
    let id = found.and_then(|r| r["SecurityGroupRuleId"].as_str());
    id.map(str::to_owned).with_context(|| format!("no rule {port} from {peer} in {rules}"))
}

/// Three sweeps more: nothing written, and nothing differs.
fn is_silent(life: &Life) -> Result<()> {
    life.proxy.reset();
    life.server.sweeps(3)?;
    let drift = life.server.get("/v1/drift?stack=es")?;
    ensure!(drift["items"] == json!([]), "at the fixed point nothing differs, but: {drift:#}");
    let writes = life.proxy.writes();
    ensure!(writes.is_empty(), "at the fixed point nothing is written, but: {writes:?}");
    ensure!(life.proxy.total() > 0, "the sweeps went through the proxy");
    Ok(())
}

/// A new image is one revision and one update, and nothing else.
fn an_image_moves_once(life: &mut Life) -> Result<()> {
    life.proxy.reset();
    life.declared("TaskDefinition", "cameras-api")?["spec"]["containerDefinitions"][0]["image"] = json!("cameras:2");
    life.apply("")?;
    life.server.sweeps(2)?;
    let expected = BTreeMap::from([("RegisterTaskDefinition".to_owned(), 1), ("UpdateService".to_owned(), 1)]);
    ensure!(life.proxy.writes() == expected, "an image change wrote {:?}", life.proxy.writes());
    Ok(())
}

fn drop_declared(life: &mut Life, kind: &str, name: &str) -> Result<()> {
    let resources = life.stack["spec"]["resources"].as_array_mut().context("resources")?;
    resources.retain(|r| !(r["kind"] == kind && r["metadata"]["name"] == name));
    Ok(())
}

fn is_live(life: &mut Life, service: &str) -> Result<bool> {
    let found =
        life.outside.call("ecs", "describe_services", json!({ "cluster": "prod-es", "services": [service] }))?;
    Ok(found["services"].as_array().into_iter().flatten().any(|s| s["status"] == "ACTIVE"))
}

/// What leaves the stack goes by policy.
fn leaving(life: &mut Life) -> Result<()> {
    life.declared("Service", "manager-web-ui")?["policy"] = json!({ "deletion": "retain" });
    life.apply("")?;
    drop_declared(life, "Service", "manager-web-ui")?;
    drop_declared(life, "Service", "redis")?;
    life.apply("?prune=true")?;
    life.server.sweeps(2)?;
    ensure!(is_live(life, "manager-web-ui")?, "policy.deletion is retain: the service stays");
    ensure!(!is_live(life, "redis")?, "policy.deletion is delete: the service goes");
    life.outside.call(
        "ecs",
        "delete_service",
        json!({ "cluster": "prod-es", "service": "manager-web-ui", "force": true }),
    )?;
    Ok(())
}

/// Teardown ends at nothing of ours.
fn teardown(life: &mut Life) -> Result<()> {
    let (status, body) = life.server.call(Method::DELETE, "/v1/stacks/es?deletion=delete", None)?;
    ensure!(status < 300, "DELETE answered {status}: {body}");
    let mut left = Vec::new();
    holdfast_tests::eventually("end of the teardown", PATIENCE, || {
        left = life.server.resources("es")?.iter().map(holdfast_tests::server::told).collect();
        Ok(left.is_empty().then_some(()))
    })
    .with_context(|| format!("still there:\n{}", left.join("\n")))?;
    certified(life)?;
    let groups = life.outside.call(
        "ec2",
        "describe_security_groups",
        json!({ "Filters": [{ "Name": "tag-key", "Values": ["holdfast:uid"] }] }),
    )?;
    ensure!(groups["SecurityGroups"] == json!([]), "groups of ours are left: {groups}");
    let definitions = life.outside.call(
        "ecs",
        "list_task_definitions",
        json!({ "status": "ACTIVE", "familyPrefix": "prod-es-redis" }),
    )?;
    ensure!(definitions["taskDefinitionArns"] == json!([]), "revisions of ours are left: {definitions}");
    let balancers = life.outside.call("elbv2", "describe_load_balancers", json!({}))?;
    let names: Vec<&Value> =
        balancers["LoadBalancers"].as_array().into_iter().flatten().map(|b| &b["LoadBalancerName"]).collect();
    ensure!(names == [&json!("bystander")], "load balancers left: {names:?}");
    Ok(())
}

/// The product's own certificate says the same: all of it deleted, and nothing left by tag and by handle.
fn certified(life: &Life) -> Result<()> {
    let (status, teardown) = life.server.call(Method::GET, "/v1/stacks/es/teardown", None)?;
    ensure!(status == 200 && teardown["state"] == "clean", "the certificate says {status}: {teardown:#}");
    let deleted = teardown["deleted"].as_array().map_or(0, Vec::len);
    ensure!(deleted > 20, "{deleted} things were deleted: {teardown:#}");
    Ok(())
}

/// The policy that people are given allows every call of a whole life.
fn is_allowed(life: &Life) -> Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/iam/controller.json");
    let policy: Value = serde_json::from_str(&std::fs::read_to_string(path)?).context("deploy/iam/controller.json")?;
    let statements = policy["Statement"].as_array().context("statements")?;
    let actions =
        statements.iter().flat_map(|s| s["Action"].as_array().into_iter().flatten()).filter_map(Value::as_str);
    // The proxy sees operations and no services; an action of IAM ends with the operation that it allows.
    let allowed: BTreeSet<&str> = actions.filter_map(|a| a.split_once(':')).map(|(_, operation)| operation).collect();
    let called = life.proxy.ever();
    ensure!(called.len() > 20, "a whole life takes more than {called:?}");
    let denied: Vec<&String> = called.iter().filter(|c| !allowed.contains(c.as_str())).collect();
    ensure!(denied.is_empty(), "deploy/iam/controller.json does not allow {denied:?}");
    Ok(())
}

fn whole_life(backend: Backend) -> Result<()> {
    let mut life = Life::begin(backend)?;
    let bystanders = Bystanders::make(&mut life)?;
    let before = bystanders.look(&mut life)?;
    life.apply("").context("from nothing to in sync")?;
    is_silent(&life).context("after the build-up")?;
    outside_changes(&mut life)?;
    outside_deletions(&mut life)?;
    is_silent(&life).context("after the changes from outside")?;
    an_image_moves_once(&mut life)?;
    leaving(&mut life).context("what leaves the stack")?;
    let after = bystanders.look(&mut life)?;
    ensure!(before == after, "a bystander was touched:\n{before:#?}\n{after:#?}");
    teardown(&mut life)?;
    is_allowed(&life)
}

#[test]
fn a_stack_lives_its_whole_life_on_moto() -> Result<()> {
    whole_life(Backend::Moto)
}

#[test]
fn a_stack_lives_its_whole_life_on_ministack() -> Result<()> {
    whole_life(Backend::Ministack)
}
