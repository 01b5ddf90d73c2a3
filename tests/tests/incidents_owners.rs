//! Incidents in which a controller fought others over what was theirs, at the wire: the built binary against moto, with
//! autoscalers and ECS played by boto3.

use anyhow::{Context, Result, ensure};
use holdfast_tests::emulator::Backend;
use holdfast_tests::refusal::Refusal;
use holdfast_tests::scenario::{Life, PATIENCE};
use holdfast_tests::{REGION, eventually};
use serde_json::{Value, json};

/// A service behind a load balancer.
fn shop(life: &Life, image: &str, count: u32) -> Value {
    let containers =
        json!([{ "name": "web", "image": image, "memory": 64, "portMappings": [{ "containerPort": 80 }] }]);
    let forward = json!([{ "type": "forward", "targetGroupArn": "${TargetGroup/web.arn}" }]);
    let balancers =
        json!([{ "targetGroupArn": "${TargetGroup/web.arn}", "containerName": "web", "containerPort": 80 }]);
    let group = json!({ "name": "shop-web", "protocol": "HTTP", "port": 80, "vpcId": life.network.vpc, "targetType": "ip",
        "healthCheckPath": "/healthz", "attributes": { "deregistration_delay.timeout_seconds": "30" } });
    let service = json!({ "cluster": "${Cluster/main.arn}", "serviceName": "web", "desiredCount": count,
        "taskDefinition": "${TaskDefinition/web.arn}", "loadBalancers": balancers,
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": life.network.subnets, "securityGroups": ["${SecurityGroup/web.id}"] } } });
    let resources = [
        ("Cluster", "main", json!({ "clusterName": "shop" })),
        ("SecurityGroup", "web", json!({ "groupName": "web", "description": "web", "vpcId": life.network.vpc })),
        ("LoadBalancer", "lb", json!({ "name": "shop", "subnets": life.network.subnets })),
        ("TargetGroup", "web", group),
        (
            "Listener",
            "http",
            json!({ "loadBalancerArn": "${LoadBalancer/lb.arn}", "port": 80, "protocol": "HTTP", "defaultActions": forward }),
        ),
        (
            "TaskDefinition",
            "web",
            json!({ "family": "shop-web", "networkMode": "awsvpc", "containerDefinitions": containers }),
        ),
        ("Service", "web", service),
    ];
    let resources =
        resources.map(|(kind, name, spec)| json!({ "kind": kind, "metadata": { "name": name }, "spec": spec }));
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": "shop" },
            "spec": { "region": REGION, "resources": resources } })
}

fn begin() -> Result<Life> {
    let mut life = Life::begin(Backend::Moto)?;
    life.stack = shop(&life, "web:1", 3);
    life.apply("").context("from nothing to in sync")?;
    Ok(life)
}

fn service(life: &mut Life) -> Result<Value> {
    let found = life.outside.call("ecs", "describe_services", json!({ "cluster": "shop", "services": ["web"] }))?;
    Ok(found["services"][0].clone())
}

fn scale(life: &mut Life, count: u32) -> Result<()> {
    let call = json!({ "cluster": "shop", "service": "web", "desiredCount": count });
    life.outside.call("ecs", "update_service", call).map(drop)
}

/// So many sweeps, and nothing written.
fn is_silent(life: &Life, sweeps: usize) -> Result<()> {
    life.proxy.reset();
    life.server.sweeps(sweeps)?;
    let writes = life.proxy.writes();
    ensure!(writes.is_empty(), "nothing was to be written, but: {writes:?}");
    Ok(())
}

/// ACK#2372.
#[test]
fn i02_at_the_wire_targets_that_ecs_registered_stay_whatever_changes_about_their_group() -> Result<()> {
    let mut life = begin()?;
    let resource = life.server.get("/v1/resources/shop/TargetGroup/web")?;
    let arn = resource["status"]["outputs"]["arn"].clone();
    let targets = json!([{ "Id": "10.0.0.10", "Port": 80 }, { "Id": "10.0.1.11", "Port": 80 }]);
    life.outside.call("elbv2", "register_targets", json!({ "TargetGroupArn": arn, "Targets": targets }))?;
    is_silent(&life, 3).context("with targets of ECS")?;
    // Drift of the group, another declaration of it, and a new revision of the service behind it.
    life.outside.call("elbv2", "modify_target_group", json!({ "TargetGroupArn": arn, "HealthCheckPath": "/wrong" }))?;
    life.server.sweeps(2)?;
    life.stack = shop(&life, "web:2", 4);
    life.declared("TargetGroup", "web")?["spec"]["healthCheckPath"] = json!("/ready");
    life.apply("")?;
    let seen = life.outside.call("elbv2", "describe_target_health", json!({ "TargetGroupArn": arn }))?;
    let list = seen["TargetHealthDescriptions"].as_array().context("a list")?;
    let mut left: Vec<&str> = list.iter().filter_map(|t| t["Target"]["Id"].as_str()).collect();
    left.sort_unstable();
    ensure!(left == ["10.0.0.10", "10.0.1.11"], "targets are {left:?}");
    let groups = life.outside.call("elbv2", "describe_target_groups", json!({ "TargetGroupArns": [arn] }))?;
    ensure!(groups["TargetGroups"][0]["HealthCheckPath"] == "/ready", "{groups}");
    let ever = life.proxy.ever();
    let of_targets = ["RegisterTargets", "DeregisterTargets"].into_iter().find(|operation| ever.contains(*operation));
    ensure!(of_targets.is_none(), "targets were written: {of_targets:?}");
    is_silent(&life, 2)
}

/// ACK#2365.
#[test]
fn i06_at_the_wire_a_new_revision_rolls_the_service_with_one_update() -> Result<()> {
    let mut life = begin()?;
    let before = service(&mut life)?["taskDefinition"].clone();
    life.proxy.reset();
    life.stack = shop(&life, "web:2", 3);
    life.apply("")?;
    let writes = life.proxy.writes();
    let wanted = [("RegisterTaskDefinition".to_owned(), 1), ("UpdateService".to_owned(), 1)].into();
    ensure!(writes == wanted, "an image change wrote {writes:?}");
    let after = service(&mut life)?["taskDefinition"].clone();
    let newest = life.outside.call("ecs", "describe_task_definition", json!({ "taskDefinition": "shop-web" }))?;
    // moto answers a revision as it was given: by its name, where AWS gives the ARN.
    let (arn, runs) = (newest["taskDefinition"]["taskDefinitionArn"].as_str(), after.as_str());
    let rolled = arn.zip(runs).is_some_and(|(arn, runs)| arn.ends_with(runs));
    ensure!(rolled && after != before, "it runs {after}, not {newest}");
    is_silent(&life, 3)
}

/// TFP#335, UPJ#756, ACK#2033.
#[test]
fn i07_at_the_wire_desired_count_is_left_to_the_autoscaler_inside_its_bounds() -> Result<()> {
    let mut life = begin()?;
    let target = json!({ "ServiceNamespace": "ecs", "ResourceId": "service/shop/web",
        "ScalableDimension": "ecs:service:DesiredCount" });
    let mut bounds = target.clone();
    (bounds["MinCapacity"], bounds["MaxCapacity"]) = (json!(2), json!(10));
    life.outside.call("application-autoscaling", "register_scalable_target", bounds)?;
    life.server.sweeps(1)?;
    for count in [7, 10, 2] {
        scale(&mut life, count)?;
        is_silent(&life, 3).with_context(|| format!("at {count} of 2 to 10"))?;
        ensure!(service(&mut life)?["desiredCount"] == count);
    }
    let reads = life.proxy.counts();
    ensure!(reads.get("DescribeScalableTargets") <= reads.get("DescribeServices"), "one read a sweep: {reads:?}");
    let status = life.server.get("/v1/resources/shop/Service/web")?["status"].clone();
    let owned = &status["owned"][0];
    ensure!(status["phase"] == "InSync" && status["drift"].is_null(), "{status:#}");
    ensure!(owned["path"] == "/desiredCount" && owned["owner"] == "application-autoscaling", "{status:#}");
    ensure!(owned["bounds"] == json!({ "min": 2, "max": 10 }) && owned["left"] == true, "{status:#}");
    ensure!(owned["declared"] == 3 && owned["live"] == 2, "{status:#}");
    let report = life.server.get("/v1/drift?stack=shop")?;
    ensure!(report["items"] == json!([]), "{report:#}");
    // Outside its bounds it is drift, and what is declared comes back.
    scale(&mut life, 12)?;
    eventually("the declared count", PATIENCE, || Ok((service(&mut life)?["desiredCount"] == 3).then_some(())))?;
    // Without an autoscaler the declaration alone says how many.
    life.outside.call("application-autoscaling", "deregister_scalable_target", target)?;
    scale(&mut life, 7)?;
    eventually("the declared count", PATIENCE, || Ok((service(&mut life)?["desiredCount"] == 3).then_some(())))?;
    Ok(())
}

/// TFP#335, UPJ#756, ACK#2033.
#[test]
fn i07_at_the_wire_while_it_is_unknown_who_scales_it_the_count_is_nobody_s_to_put_back() -> Result<()> {
    let mut life = begin()?;
    let words = "is not authorized to perform: application-autoscaling:DescribeScalableTargets";
    life.proxy.refuse(vec![Refusal::of("DescribeScalableTargets", "AccessDeniedException", words)]);
    life.server.sweeps(2)?;
    scale(&mut life, 7)?;
    is_silent(&life, 3)?;
    ensure!(service(&mut life)?["desiredCount"] == 7);
    let scopes = life.server.get("/v1/scopes")?.to_string();
    ensure!(scopes.contains(words), "the gap names the permission: {scopes}");
    life.proxy.refuse(Vec::new());
    eventually("the declared count", PATIENCE, || Ok((service(&mut life)?["desiredCount"] == 3).then_some(())))?;
    Ok(())
}

#[test]
fn what_a_role_may_not_read_of_a_thing_is_told_with_the_permission_and_all_else_goes_on() -> Result<()> {
    let mut life = begin()?;
    let words = "is not authorized to perform: elasticloadbalancing:DescribeTargetGroupAttributes";
    life.proxy.refuse(vec![Refusal::of("DescribeTargetGroupAttributes", "AccessDenied", words).status(403)]);
    let told = |life: &Life| Ok::<_, anyhow::Error>(life.server.get("/v1/scopes")?.to_string().contains(words));
    eventually("the permission that is missing", PATIENCE, || Ok(told(&life)?.then_some(())))?;
    scale(&mut life, 7)?;
    eventually("the declared count", PATIENCE, || Ok((service(&mut life)?["desiredCount"] == 3).then_some(())))?;
    let phase = |name: &str| -> Result<Value> {
        Ok(life.server.get(&format!("/v1/resources/shop/{name}"))?["status"]["phase"].clone())
    };
    ensure!(phase("TargetGroup/web")? == "InSync" && phase("LoadBalancer/lb")? == "InSync");
    life.proxy.refuse(Vec::new());
    eventually("no word of it", PATIENCE, || Ok((!told(&life)?).then_some(())))?;
    Ok(())
}
