//! Stacks of any size, for figures.

use crate::emulator::Network;
use serde_json::{Value, json};

fn resource(kind: &str, name: &str, spec: Value) -> Value {
    json!({ "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn stack(name: &str, resources: Vec<Value>) -> Value {
    let spec = json!({ "region": crate::REGION, "tags": { "managed": "bench" }, "resources": resources });
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": name }, "spec": spec })
}

fn group(name: &str, i: usize, network: &Network) -> Value {
    let rule =
        |port: usize, cidr: &str| json!({ "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": cidr });
    let ingress = [rule(80, "10.0.0.0/8"), rule(1000 + i, "10.1.0.0/16")];
    resource(
        "SecurityGroup",
        &format!("g{i}"),
        json!({ "groupName": name, "description": "bench", "vpcId": network.vpc, "ingress": ingress }),
    )
}

fn target_group(name: &str, i: usize, network: &Network) -> Value {
    let spec = json!({ "name": name, "protocol": "HTTP", "port": 8000, "vpcId": network.vpc, "targetType": "ip", "healthCheckPath": "/health",
        "attributes": { "deregistration_delay.timeout_seconds": "120" } });
    resource("TargetGroup", &format!("t{i}"), spec)
}

fn definition(family: &str, i: usize) -> Value {
    let container = json!({ "name": "app", "image": format!("registry.example/app:{i}"), "essential": true,
        "portMappings": [{ "containerPort": 8000, "hostPort": 8000, "protocol": "tcp" }] });
    let spec = json!({ "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [container] });
    resource("TaskDefinition", &format!("d{i}"), spec)
}

/// A service behind target group `i`, if there is one.
fn service(i: usize, group: usize, target_groups: usize, network: &Network) -> Value {
    let placed = json!({ "subnets": network.subnets, "securityGroups": [format!("${{SecurityGroup/g{group}.id}}")] });
    let mut spec = json!({ "cluster": "${Cluster/c.arn}", "serviceName": format!("svc-{i:05}"), "desiredCount": 2, "launchType": "FARGATE",
        "taskDefinition": format!("${{TaskDefinition/d{i}.arn}}"), "networkConfiguration": { "awsvpcConfiguration": placed } });
    if i < target_groups {
        let behind = format!("${{TargetGroup/t{i}.arn}}");
        spec["loadBalancers"] = json!([{ "targetGroupArn": behind, "containerName": "app", "containerPort": 8000 }]);
    }
    resource("Service", &format!("s{i}"), spec)
}

/// The workload that every peer was measured with, `times` as large: 50 groups of two rules, and 20 target groups,
/// task definitions and services, all in one cluster.
pub fn peers(times: usize, network: &Network) -> Value {
    let mut all = vec![resource("Cluster", "c", json!({ "clusterName": "bench" }))];
    all.extend((0..50 * times).map(|i| group(&format!("bench-sg-{i:05}"), i, network)));
    for i in 0..20 * times {
        all.push(target_group(&format!("bench-tg-{i:05}"), i, network));
        all.push(definition(&format!("bench-td-{i:05}"), i));
        all.push(service(i, i, 20 * times, network));
    }
    stack("bench", all)
}

/// A hundred resources in the mix of a large account; `n` keeps their names apart.
pub fn hundred(n: usize, network: &Network) -> Value {
    let mut all = vec![resource("Cluster", "c", json!({ "clusterName": format!("c-{n}") }))];
    all.extend((0..27).map(|i| group(&format!("group-{n}-{i}"), i, network)));
    all.extend((0..16).map(|i| target_group(&format!("tg-{n}-{i}"), i, network)));
    for i in 0..21 {
        all.push(definition(&format!("td-{n}-{i}"), i));
        all.push(service(i, i, 16, network));
    }
    for i in 0..2 {
        let spec = json!({ "name": format!("lb-{n}-{i}"), "type": "application", "scheme": "internal", "subnets": network.subnets,
            "securityGroups": [format!("${{SecurityGroup/g{i}.id}}")] });
        all.push(resource("LoadBalancer", &format!("b{i}"), spec));
    }
    for i in 0..3 {
        let answer = json!({ "statusCode": "404", "contentType": "text/plain", "messageBody": "nothing here" });
        let spec = json!({ "loadBalancerArn": format!("${{LoadBalancer/b{}.arn}}", i % 2), "port": 80 + i, "protocol": "HTTP",
            "defaultActions": [{ "type": "fixed-response", "fixedResponseConfig": answer }] });
        all.push(resource("Listener", &format!("l{i}"), spec));
    }
    for i in 0..9 {
        let spec = json!({ "listenerArn": format!("${{Listener/l{}.arn}}", i % 3), "priority": 10 + i,
            "conditions": [{ "field": "path-pattern", "pathPatternConfig": { "values": [format!("/{i}/*")] } }],
            "actions": [{ "type": "forward", "targetGroupArn": format!("${{TargetGroup/t{i}.arn}}") }] });
        all.push(resource("ListenerRule", &format!("r{i}"), spec));
    }
    stack(&format!("n{n:05}"), all)
}
