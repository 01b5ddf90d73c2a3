//! What AWS would refuse of a service, said before it is asked.

use super::deployment::{ControllerType, DeploymentConfiguration, Strategy};
use super::spec::{LaunchType, PlacementConstraintType, PlacementStrategyType, SchedulingStrategy, Spec};
use crate::ecs::check::Mistakes;
use crate::ecs::name_of;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;

/// Rules across the fields of a service.
pub(super) fn validate(spec: &Spec) -> Vec<SpecError> {
    let mut found = Mistakes::default();
    found.name("/serviceName", "a service's name", &spec.service_name);
    if let Some(cluster) = &spec.cluster {
        found.name("/cluster", "a cluster's name", name_of(cluster));
    }
    let external = spec.deployment_controller.as_ref().is_some_and(|c| c.kind == ControllerType::External);
    let words = "a task definition is needed, unless the deployment controller is EXTERNAL";
    found.unless(external || spec.task_definition.is_some(), "/taskDefinition", "missing-field", words);
    capacity(&mut found, spec);
    balancers(&mut found, spec);
    placement(&mut found, spec);
    network(&mut found, spec);
    if let Some(deployment) = &spec.deployment_configuration {
        deployments(&mut found, spec, deployment);
    }
    let volumes = spec.volume_configurations.as_deref().unwrap_or_default();
    found.unique("/volumeConfigurations", "name", volumes.iter().map(|v| v.name.as_str()));
    if let Some(connect) = &spec.service_connect_configuration {
        let services = connect.services.as_deref().unwrap_or_default();
        let at = "/serviceConnectConfiguration";
        found.unique(&format!("{at}/services"), "portName", services.iter().map(|s| s.port_name.as_str()));
        found.log(&format!("{at}/logConfiguration"), connect.log_configuration.as_ref());
    }
    redeploy(&mut found, spec);
    found.0
}

fn capacity(found: &mut Mistakes, spec: &Spec) {
    let strategy = spec.capacity_provider_strategy.as_deref().unwrap_or_default();
    found.strategy("/capacityProviderStrategy", strategy);
    let both = spec.launch_type.is_some() && !strategy.is_empty();
    found.unless(!both, "/launchType", "conflict", "launchType and capacityProviderStrategy exclude each other");
    let daemon = spec.scheduling_strategy == Some(SchedulingStrategy::Daemon);
    let words = "a DAEMON service has as many tasks as there are instances";
    found.unless(!(daemon && spec.desired_count.is_some()), "/desiredCount", "conflict", words);
    let fargate = spec.launch_type == Some(LaunchType::Fargate);
    found.unless(!(daemon && fargate), "/schedulingStrategy", "conflict", "Fargate has no DAEMON services");
    let platform =
        spec.platform_version.is_some() && matches!(spec.launch_type, Some(LaunchType::Ec2 | LaunchType::External));
    found.unless(!platform, "/platformVersion", "conflict", "only Fargate has platform versions");
}

fn balancers(found: &mut Mistakes, spec: &Spec) {
    for (i, balancer) in spec.load_balancers.iter().flatten().enumerate() {
        let at = format!("/loadBalancers/{i}");
        let one = balancer.target_group_arn.is_some() != balancer.load_balancer_name.is_some();
        found.unless(one, at.clone(), "missing-field", "needs either targetGroupArn or loadBalancerName");
        found.name(format!("{at}/containerName"), "a container's name", &balancer.container_name);
        let earlier = spec.load_balancers.iter().flatten().take(i).any(|b| b == balancer);
        found.unless(!earlier, at, "duplicate", "this target is there twice");
    }
    let registries = spec.service_registries.as_deref().unwrap_or_default();
    found.unless(registries.len() < 2, "/serviceRegistries/1", "too-many", "AWS takes one registry a service");
}

fn placement(found: &mut Mistakes, spec: &Spec) {
    let strategies = spec.placement_strategy.as_deref().unwrap_or_default();
    let constraints = spec.placement_constraints.as_deref().unwrap_or_default();
    found.unless(strategies.len() <= 5, "/placementStrategy/5", "too-many", "AWS takes 5 at most");
    found.unless(constraints.len() <= 10, "/placementConstraints/10", "too-many", "AWS takes 10 at most");
    let daemon = spec.scheduling_strategy == Some(SchedulingStrategy::Daemon);
    let words = "a DAEMON service has no placement strategy";
    found.unless(!daemon || strategies.is_empty(), "/placementStrategy", "conflict", words);
    if spec.launch_type == Some(LaunchType::Fargate) {
        let words = "Fargate has no instances to place tasks on";
        found.unless(strategies.is_empty(), "/placementStrategy", "conflict", words);
        found.unless(constraints.is_empty(), "/placementConstraints", "conflict", words);
    }
    for (i, strategy) in strategies.iter().enumerate() {
        let at = format!("/placementStrategy/{i}/field");
        let needs = strategy.kind != PlacementStrategyType::Random;
        let words = if needs { "spread and binpack need a field" } else { "random looks at no field" };
        found.unless(needs == strategy.field.is_some(), at, "missing-field", words);
    }
    for (i, constraint) in constraints.iter().enumerate() {
        let needs = constraint.kind == PlacementConstraintType::MemberOf;
        let words = "memberOf needs an expression, and distinctInstance has none";
        let at = format!("/placementConstraints/{i}/expression");
        found.unless(needs == constraint.expression.is_some(), at, "missing-field", words);
    }
}

fn network(found: &mut Mistakes, spec: &Spec) {
    let awsvpc = spec.network_configuration.as_ref().and_then(|n| n.awsvpc_configuration.as_ref());
    let needs = spec.launch_type == Some(LaunchType::Fargate);
    let words = "Fargate needs awsvpcConfiguration with subnets";
    found.unless(!needs || awsvpc.is_some(), "/networkConfiguration", "missing-field", words);
    if let Some(awsvpc) = awsvpc {
        let at = "/networkConfiguration/awsvpcConfiguration";
        found.unique(&format!("{at}/subnets"), "", awsvpc.subnets.iter().map(String::as_str));
        let groups = awsvpc.security_groups.as_deref().unwrap_or_default();
        found.unique(&format!("{at}/securityGroups"), "", groups.iter().map(String::as_str));
    }
}

fn deployments(found: &mut Mistakes, spec: &Spec, deployment: &DeploymentConfiguration) {
    let at = "/deploymentConfiguration";
    let (most, least) = (deployment.maximum_percent, deployment.minimum_healthy_percent);
    let daemon = spec.scheduling_strategy == Some(SchedulingStrategy::Daemon);
    let words = "must be 100 or more, or no task could run";
    found.unless(most.is_none_or(|m| m >= 100), format!("{at}/maximumPercent"), "out-of-range", words);
    let stuck = most == Some(100) && least == Some(100) && !daemon;
    let words = "with 100 and 100 no task may start before one stops, and none may stop: nothing could be deployed";
    found.unless(!stuck, format!("{at}/minimumHealthyPercent"), "conflict", words);
    if let Some(alarms) = &deployment.alarms {
        let words = "alarms that are enabled need names";
        found.unless(
            !alarms.enable || !alarms.alarm_names.is_empty(),
            format!("{at}/alarms/alarmNames"),
            "missing-value",
            words,
        );
        found.unique(&format!("{at}/alarms/alarmNames"), "", alarms.alarm_names.iter().map(String::as_str));
    }
    let strategy = deployment.strategy.unwrap_or(Strategy::Rolling);
    let linear = deployment.linear_configuration.is_none() || strategy == Strategy::Linear;
    found.unless(linear, format!("{at}/linearConfiguration"), "conflict", "goes together with strategy LINEAR");
    let canary = deployment.canary_configuration.is_none() || strategy == Strategy::Canary;
    found.unless(canary, format!("{at}/canaryConfiguration"), "conflict", "goes together with strategy CANARY");
}

/// Keys become part of tag keys.
fn redeploy(found: &mut Mistakes, spec: &Spec) {
    let keys = spec.redeploy_on.iter().flatten().map(|(key, _)| key);
    for key in keys {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let well = !is_open(key) && (1..=64).contains(&key.len()) && key.chars().all(plain);
        let words = "a key has 1 to 64 letters, digits, hyphens, dots and underscores";
        found.unless(well, holdfast_core::pointer::join("/redeployOn", key), "invalid-name", words);
    }
}
