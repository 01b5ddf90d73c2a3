//! Who else sets fields of a service, and of the listeners in front of it: autoscalers, deployers, ECS itself.

use super::observed::deployments;
use crate::common::text;
use crate::ecs;
#[cfg(any(feature = "aws", test))]
use holdfast_core::ownership::Bounds;
use holdfast_core::ownership::{Claim, FieldOwner, Ownership, Undone};
use serde_json::Value;

/// Fields that belong to whoever deploys, where that is not ECS. "You can update only the desired count, health check
/// grace period, deployment configuration and circuit breaker of such a service": API_UpdateService.
const OF_DEPLOYER: [&str; 8] = [
    "/taskDefinition",
    "/loadBalancers",
    "/networkConfiguration",
    "/platformVersion",
    "/launchType",
    "/capacityProviderStrategy",
    "/serviceRegistries",
    "/serviceConnectConfiguration",
];

/// Fields that are a deployment's while ECS shifts traffic.
const OF_SHIFT: [&str; 2] = ["/taskDefinition", "/loadBalancers"];

/// What an ARN of a target group has and others have not.
const TARGET_GROUP: &str = ":targetgroup/";

/// True for a service whose deployments set what listeners do.
pub(super) fn shifts_traffic(fields: &Value) -> bool {
    let says = |at: &str, usual: &str| fields.pointer(at).and_then(Value::as_str).is_some_and(|said| said != usual);
    says("/deploymentController/type", "ECS") || says("/deploymentConfiguration/strategy", "ROLLING")
}

/// What AWS's answer says of owners. `fields` is the canonical form of the service.
pub(super) fn infer(wire: &Value, primary: Option<&Value>, fields: &Value) -> Ownership {
    let undone = undone(wire, primary);
    let strategy = fields.pointer("/deploymentConfiguration/strategy").and_then(Value::as_str).unwrap_or("ROLLING");
    match wire.pointer("/deploymentController/type").and_then(Value::as_str) {
        Some("CODE_DEPLOY") => by_deployer(wire, "codedeploy", "CodeDeploy sets it with each of its deployments"),
        Some("EXTERNAL") => by_deployer(wire, "external-deployer", "an external deployer sets it by its task sets"),
        _ if strategy != "ROLLING" => Ownership { undone, ..by_shift(wire, fields, strategy) },
        _ => Ownership { undone, ..Ownership::default() },
    }
}

/// Under another deployment controller: its fields for good, and the traffic between the service's target groups.
fn by_deployer(wire: &Value, owner: &str, why: &str) -> Ownership {
    let controller = wire.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or_default();
    let said = |path: &str| FieldOwner {
        path: path.to_owned(),
        owner: owner.to_owned(),
        bounds: None,
        passing: false,
        why: format!("The deployment controller of {} is {controller}: {why}.", name(wire)),
    };
    let sets = wire.get("taskSets").and_then(Value::as_array).into_iter().flatten();
    let mut among: Vec<String> = sets.chain([wire]).flat_map(target_groups).collect();
    among.sort();
    among.dedup();
    // The other half of CodeDeploy's pair is known only while it serves: what is declared may be it.
    let claim = |(kind, path): (&str, &str)| Claim {
        kind: kind.to_owned(),
        id: None,
        among: among.clone(),
        marker: TARGET_GROUP.to_owned(),
        complete: false,
        owner: said(path),
    };
    let claims = if among.is_empty() { Vec::new() } else { FORWARDERS.map(claim).to_vec() };
    Ownership { owners: OF_DEPLOYER.map(said).to_vec(), claims, undone: Vec::new() }
}

/// Who forwards to target groups, and in which field.
pub(super) const FORWARDERS: [(&str, &str); 2] = [("Listener", "/defaultActions"), ("ListenerRule", "/actions")];

/// Under ECS's own blue/green, linear and canary deployments: the revision while one runs; the traffic between both
/// target groups always, because each deployment ends with the other half of the pair.
fn by_shift(wire: &Value, fields: &Value, strategy: &str) -> Ownership {
    let running = deployments(wire).count() > 1;
    let what = format!("ECS deploys {} with strategy {strategy}", name(wire));
    let said = |path: &str, why: String| FieldOwner {
        path: path.to_owned(),
        owner: "ecs-deployment".to_owned(),
        bounds: None,
        passing: running,
        why,
    };
    let now = || format!("{what}, and a deployment is running.");
    let owners = if running { OF_SHIFT.iter().map(|path| said(path, now())).collect() } else { Vec::new() };
    let mut claims = Vec::new();
    for balancer in fields.get("loadBalancers").and_then(Value::as_array).into_iter().flatten() {
        let Some(shift) = balancer.get("advancedConfiguration") else { continue };
        let pair = [text(balancer, "targetGroupArn"), text(shift, "alternateTargetGroupArn")];
        let among: Vec<String> = pair.into_iter().flatten().map(str::to_owned).collect();
        for (kind, path, id) in shifted(shift) {
            let why = if running { now() } else { format!("{what}, and moves traffic between its two target groups.") };
            let (marker, owner) = (TARGET_GROUP.to_owned(), said(path, why));
            claims.push(Claim { kind: kind.to_owned(), id, among: among.clone(), marker, complete: true, owner });
        }
    }
    Ownership { owners, claims, undone: Vec::new() }
}

/// What a deployment of ECS shifts: kind, field, and the ARN where the service names it.
fn shifted(advanced: &Value) -> Vec<(&'static str, &'static str, Option<String>)> {
    let [listener, rule] = FORWARDERS;
    let named = ["productionListenerRule", "testListenerRule"].into_iter().filter_map(|key| text(advanced, key));
    let mut all: Vec<(&str, &str, Option<String>)> = Vec::new();
    for arn in named {
        if arn.contains(":listener-rule/") {
            all.push((rule.0, rule.1, Some(arn.to_owned())));
            // It may be the default rule, which is the listener's own actions.
            let parent = arn.replacen(":listener-rule/", ":listener/", 1);
            let parent = parent.rsplit_once('/').map(|(listener, _)| listener.to_owned());
            all.extend(parent.map(|arn| (listener.0, listener.1, Some(arn))));
        } else {
            all.push((listener.0, listener.1, Some(arn.to_owned())));
        }
    }
    if all.is_empty() { FORWARDERS.map(|(kind, path)| (kind, path, None)).to_vec() } else { all }
}

fn target_groups(of: &Value) -> Vec<String> {
    let balancers = of.get("loadBalancers").and_then(Value::as_array).into_iter().flatten();
    balancers.filter_map(|b| text(b, "targetGroupArn")).map(str::to_owned).collect()
}

fn name(wire: &Value) -> &str {
    text(wire, "serviceName").unwrap_or("the service")
}

/// The count of a service that a scalable target of Application Auto Scaling scales.
#[cfg(any(feature = "aws", test))]
pub(super) fn scaled(bounds: Bounds) -> FieldOwner {
    FieldOwner {
        path: "/desiredCount".to_owned(),
        owner: "application-autoscaling".to_owned(),
        bounds: Some(bounds),
        passing: false,
        why: format!("Application Auto Scaling keeps it between {} and {}.", bounds.min, bounds.max),
    }
}

/// What Application Auto Scaling calls a service, from its identity.
#[cfg(feature = "aws")]
pub(super) fn scalable_id(identity: &str) -> String {
    format!("service/{identity}")
}

/// Task definitions that AWS rolled back, with its words, as far as it still tells.
fn undone(wire: &Value, primary: Option<&Value>) -> Vec<Undone> {
    let said = rollback(wire, primary);
    let one = |value: Value, why: String| Undone {
        path: "/taskDefinition".to_owned(),
        value,
        why,
        beside: vec!["/desiredCount".to_owned()],
    };
    let failed = |d: &&Value| text(d, "rolloutState") == Some("FAILED") && text(d, "status") != Some("PRIMARY");
    let named = deployments(wire).filter(failed).filter_map(|d| {
        let reason = text(d, "rolloutStateReason").unwrap_or("its deployment failed");
        Some(one(ecs::name_of(text(d, "taskDefinition")?).into(), said.clone().unwrap_or_else(|| reason.to_owned())))
    });
    let named: Vec<Undone> = named.collect();
    // The failed deployment is shown only until its tasks have stopped.
    if named.is_empty() { said.map(|why| one(Value::Null, why)).into_iter().collect() } else { named }
}

/// AWS's words about a rollback to what is live now, if there was one.
fn rollback(wire: &Value, primary: Option<&Value>) -> Option<String> {
    let primary = primary?;
    let told = |r: &&str| ["rolling back", "rolled back", "rollback"].iter().any(|w| r.contains(w));
    let reason = text(primary, "rolloutStateReason").filter(told);
    if let Some(reason) = reason {
        return Some(reason.to_owned());
    }
    let id = text(primary, "id").filter(|id| !id.is_empty())?;
    let events = wire.get("events").and_then(Value::as_array).into_iter().flatten();
    events
        .filter_map(|e| text(e, "message"))
        .find(|m| m.contains("rolling back to deployment") && m.split([' ', '.', ',', ')']).any(|word| word == id))
        .map(str::to_owned)
}
