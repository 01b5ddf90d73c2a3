//! Whether a service, its task definition and its target groups can go together, said before AWS is asked.
//!
//! Sources: ECS API reference, CreateService (`networkConfiguration`, `launchType`) and LoadBalancer (`targetGroupArn`:
//! tasks of the `awsvpc` network mode take groups of targetType `ip`).

use super::relations::items;
use crate::common::{closed, referred};
use crate::ecs::check::Mistakes;
use holdfast_core::name::ResourceKey;
use serde_json::Value;

/// Rules between a service, its task definition and the target groups that it registers with.
pub(super) fn validate(
    found: &mut Mistakes,
    spec: &Value,
    (key, definition): (&ResourceKey, &Value),
    peers: &dyn Fn(&ResourceKey) -> Option<Value>,
    stack: &str,
) {
    let fargate = closed(spec, "launchType") == Some("FARGATE");
    if fargate {
        runs_on_fargate(found, key, definition);
    }
    let Some(mode) = mode(definition) else { return };
    let awsvpc = spec.pointer("/networkConfiguration/awsvpcConfiguration").is_some();
    let words = format!("{key} has the networkMode awsvpc, so its services need awsvpcConfiguration with subnets");
    // Fargate without a network is told of where the service is looked at by itself.
    found.unless(mode != "awsvpc" || awsvpc || fargate, "/networkConfiguration", "missing-field", words);
    let words = format!("{key} has the networkMode {mode}, and only awsvpc takes a networkConfiguration");
    found.unless(mode == "awsvpc" || !awsvpc || fargate, "/networkConfiguration", "conflict", words);
    for (i, balancer) in items(spec, "loadBalancers").enumerate() {
        let group = balancer.get("targetGroupArn").and_then(Value::as_str);
        let Some(group_key) = group.and_then(|words| referred(words, stack, "TargetGroup")) else { continue };
        let Some(target) = peers(&group_key).and_then(|g| target_type(&g)) else { continue };
        let at = format!("/loadBalancers/{i}/targetGroupArn");
        let fits = match mode.as_str() {
            "awsvpc" => target == "ip",
            "bridge" | "host" => target == "instance",
            _ => true,
        };
        let needs = if mode == "awsvpc" { "ip" } else { "instance" };
        let words = format!(
            "{group_key} has the targetType {target}, and tasks of {key} have the networkMode {mode}, which goes together with \
             targetType {needs}"
        );
        found.unless(fits, at, "unfit-target-group", words);
    }
}

/// What Fargate asks of a task definition.
fn runs_on_fargate(found: &mut Mistakes, key: &ResourceKey, definition: &Value) {
    let at = "/launchType";
    if definition.get("networkMode").is_none_or(|_| closed(definition, "networkMode").is_some_and(|m| m != "awsvpc")) {
        let words = format!("Fargate runs tasks of networkMode awsvpc only, and {key} does not say so");
        found.unless(false, at, "conflict", words);
    }
    for field in ["cpu", "memory"] {
        let words = format!("Fargate needs the {field} of the whole task, and {key} does not say it");
        found.unless(definition.get(field).is_some_and(|v| !v.is_null()), at, "conflict", words);
    }
    let named = items(definition, "requiresCompatibilities").filter_map(Value::as_str).collect::<Vec<_>>();
    let words = format!("{key} is made for {}, not for FARGATE", named.join(", "));
    let fits = named.is_empty() || named.iter().any(|n| *n == "FARGATE" || n.contains("${"));
    found.unless(fits, at, "conflict", words);
}

/// The network mode of a task definition's tasks; `None` while it hangs on a reference, or on the platform.
fn mode(definition: &Value) -> Option<String> {
    match definition.get("networkMode") {
        Some(Value::Null) | None => {
            let windows = definition
                .pointer("/runtimePlatform/operatingSystemFamily")
                .is_some_and(|family| family.as_str().is_none_or(|f| !f.eq_ignore_ascii_case("linux")));
            (!windows).then(|| "bridge".to_owned())
        }
        Some(_) => closed(definition, "networkMode").map(str::to_owned),
    }
}

/// The target type of a group; `None` while it hangs on a reference.
fn target_type(group: &Value) -> Option<String> {
    match group.get("targetType") {
        Some(Value::Null) | None => Some("instance".to_owned()),
        Some(_) => closed(group, "targetType").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::super::relations;
    use holdfast_core::name::ResourceKey;
    use serde_json::{Value, json};

    /// `pointer code` of every mistake.
    fn told(service: Value, definition: &Value, target: Option<&str>) -> Vec<String> {
        let mut spec = json!({ "taskDefinition": "${TaskDefinition/t.arn}" });
        spec.as_object_mut().unwrap().extend(service.as_object().unwrap().clone());
        let group = target.map(|t| json!({ "targetType": t })).unwrap_or_else(|| json!({}));
        let peers = |key: &ResourceKey| match key.kind.as_str() {
            "TaskDefinition" => Some(definition.clone()),
            "TargetGroup" => Some(group.clone()),
            _ => None,
        };
        relations::validate(&spec, &peers, "s").into_iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
    }

    fn balanced() -> Value {
        json!({ "loadBalancers": [{ "targetGroupArn": "${TargetGroup/g.arn}" }] })
    }

    #[test]
    fn tasks_with_an_interface_of_their_own_take_groups_of_addresses_and_the_others_groups_of_instances() {
        let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"] } });
        let awsvpc = json!({ "networkMode": "awsvpc" });
        let mut service = balanced();
        service["networkConfiguration"] = network;
        assert_eq!(told(service.clone(), &awsvpc, Some("ip")), Vec::<String>::new());
        let unfit = ["/loadBalancers/0/targetGroupArn unfit-target-group"];
        assert_eq!(told(service.clone(), &awsvpc, Some("instance")), unfit);
        assert_eq!(told(service.clone(), &awsvpc, None), unfit, "instance is AWS's default");
        assert_eq!(told(balanced(), &json!({}), Some("ip")), unfit, "bridge is AWS's default");
        assert_eq!(told(balanced(), &json!({ "networkMode": "host" }), None), Vec::<String>::new());
        assert_eq!(told(balanced(), &json!({ "networkMode": "${X/y.z}" }), Some("ip")), Vec::<String>::new());
        assert_eq!(told(balanced(), &awsvpc, Some("ip")), ["/networkConfiguration missing-field"]);
        assert_eq!(told(service, &json!({ "networkMode": "bridge" }), None), ["/networkConfiguration conflict"]);
    }

    #[test]
    fn fargate_asks_for_a_network_and_a_size_of_the_task() {
        let service = json!({ "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } } });
        let fits =
            json!({ "networkMode": "awsvpc", "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"] });
        assert_eq!(told(service.clone(), &fits, None), Vec::<String>::new());
        let conflicts = |definition: Value| told(service.clone(), &definition, None).len();
        assert_eq!(conflicts(json!({})), 3, "no network mode, no cpu, no memory");
        assert_eq!(
            conflicts(
                json!({ "networkMode": "awsvpc", "cpu": "256", "memory": "512", "requiresCompatibilities": ["EC2"] })
            ),
            1
        );
    }
}
