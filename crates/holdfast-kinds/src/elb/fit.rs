//! Whether load balancers, listeners, rules and target groups that refer to each other can go together, said before
//! AWS is asked. Protocols by kind of load balancer: ELBv2 API reference, CreateListener and CreateTargetGroup.

use crate::common::{closed, referred};
use holdfast_core::name::ResourceKey;
use holdfast_core::problem::SpecError;
use serde_json::Value;

/// Looks up the spec of another resource.
type Peers<'a> = &'a dyn Fn(&ResourceKey) -> Option<Value>;

/// The kinds of load balancers, as `type` says them, with what their listeners and target groups speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Application,
    Network,
    Gateway,
}

impl Family {
    fn name(self) -> &'static str {
        match self {
            Family::Application => "an Application Load Balancer",
            Family::Network => "a Network Load Balancer",
            Family::Gateway => "a Gateway Load Balancer",
        }
    }

    fn protocols(self) -> &'static [&'static str] {
        match self {
            Family::Application => &["HTTP", "HTTPS"],
            Family::Network => &["TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"],
            Family::Gateway => &["GENEVE"],
        }
    }

    fn of_protocol(protocol: &str) -> Option<Self> {
        [Family::Application, Family::Network, Family::Gateway].into_iter().find(|f| f.protocols().contains(&protocol))
    }

    /// Of the load balancer that a text names, by reference or by ARN.
    fn of_balancer(words: &str, peers: Peers<'_>, stack: &str) -> Option<Self> {
        if let Some(key) = referred(words, stack, "LoadBalancer") {
            let spec = peers(&key)?;
            return match spec.get("type") {
                None => Some(Family::Application),
                Some(_) => match closed(&spec, "type")? {
                    "application" => Some(Family::Application),
                    "network" => Some(Family::Network),
                    "gateway" => Some(Family::Gateway),
                    _ => None,
                },
            };
        }
        let of_arn = [(":loadbalancer/app/", Family::Application), (":loadbalancer/net/", Family::Network)];
        of_arn.into_iter().find(|(part, _)| words.contains(part)).map(|(_, family)| family)
    }
}

/// Rules between a listener, its load balancer and the target groups it forwards to.
pub(crate) fn listener(spec: &Value, peers: Peers<'_>, stack: &str) -> Vec<SpecError> {
    let mut errors = Vec::new();
    let balancer = spec.get("loadBalancerArn").and_then(Value::as_str);
    let family = balancer.and_then(|words| Family::of_balancer(words, peers, stack));
    let protocol = closed(spec, "protocol");
    if let (Some(family), Some(protocol)) = (family, protocol) {
        if family == Family::Gateway {
            let words = "a listener of a Gateway Load Balancer has neither port nor protocol";
            errors.push(SpecError::new("/protocol", "invalid-protocol", words));
        } else if !family.protocols().contains(&protocol) {
            let words = format!("{} listens by {}, not by {protocol}", family.name(), family.protocols().join(", "));
            errors.push(SpecError::new("/protocol", "invalid-protocol", words));
        }
    }
    let family = family.or_else(|| Family::of_protocol(protocol?));
    actions(spec, "defaultActions", Side { family, protocol }, peers, stack, &mut errors);
    errors
}

/// Rules between a listener's rule and the target groups it forwards to.
pub(crate) fn rule(spec: &Value, peers: Peers<'_>, stack: &str) -> Vec<SpecError> {
    let mut errors = Vec::new();
    let listener = spec.get("listenerArn").and_then(Value::as_str);
    let listener = listener.and_then(|words| peers(&referred(words, stack, "Listener")?)).unwrap_or(Value::Null);
    let protocol = closed(&listener, "protocol");
    let balancer = listener.get("loadBalancerArn").and_then(Value::as_str);
    let family = balancer.and_then(|words| Family::of_balancer(words, peers, stack));
    let family = family.or_else(|| Family::of_protocol(protocol?));
    actions(spec, "actions", Side { family, protocol }, peers, stack, &mut errors);
    errors
}

/// What is known of the side that forwards.
#[derive(Clone, Copy)]
struct Side<'a> {
    family: Option<Family>,
    protocol: Option<&'a str>,
}

fn actions(spec: &Value, list: &str, side: Side<'_>, peers: Peers<'_>, stack: &str, errors: &mut Vec<SpecError>) {
    let Some(family) = side.family else { return };
    let actions = spec.get(list).and_then(Value::as_array).into_iter().flatten();
    for (i, action) in actions.enumerate() {
        let one = action.get("targetGroupArn").map(|arn| (format!("/{list}/{i}/targetGroupArn"), arn));
        let groups = action.pointer("/forwardConfig/targetGroups").and_then(Value::as_array).into_iter().flatten();
        let many = groups.enumerate().filter_map(|(j, group)| {
            let at = format!("/{list}/{i}/forwardConfig/targetGroups/{j}/targetGroupArn");
            Some((at, group.get("targetGroupArn")?))
        });
        for (pointer, arn) in one.into_iter().chain(many) {
            let Some(key) = arn.as_str().and_then(|words| referred(words, stack, "TargetGroup")) else { continue };
            let wrong = peers(&key).and_then(|group| unfit(family, side.protocol, &key, &group));
            errors.extend(wrong.map(|words| SpecError::new(pointer, "unfit-target-group", words)));
        }
    }
}

/// Why a target group cannot stand behind a listener, if it cannot.
fn unfit(family: Family, listener: Option<&str>, key: &ResourceKey, group: &Value) -> Option<String> {
    let target = group.get("targetType").map_or(Some("instance"), |_| closed(group, "targetType"))?;
    let only = match target {
        "lambda" => Some(Family::Application),
        "alb" => Some(Family::Network),
        _ => None,
    };
    if let Some(only) = only.filter(|only| *only != family) {
        return Some(format!(
            "{key} has the targetType {target}, which only {} forwards to; this is {}",
            only.name(),
            family.name()
        ));
    }
    let protocol = closed(group, "protocol")?;
    if !family.protocols().contains(&protocol) {
        let takes = family.protocols().join(", ");
        return Some(format!("{key} has the protocol {protocol}; {} forwards to groups of {takes}", family.name()));
    }
    let both = listener == Some("TCP_UDP") && protocol != "TCP_UDP";
    both.then(|| format!("{key} has the protocol {protocol}; a TCP_UDP listener forwards to TCP_UDP groups only"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn peers(key: &ResourceKey) -> Option<Value> {
        Some(match (key.kind.as_str(), key.name.as_str()) {
            ("LoadBalancer", "app") => json!({ "name": "app" }),
            ("LoadBalancer", "net") => json!({ "name": "net", "type": "network" }),
            ("LoadBalancer", "open") => json!({ "name": "open", "type": "${X/y.z}" }),
            ("Listener", "web") => json!({ "loadBalancerArn": "${LoadBalancer/app.arn}", "protocol": "HTTP" }),
            ("TargetGroup", "http") => json!({ "protocol": "HTTP", "targetType": "ip" }),
            ("TargetGroup", "tcp") => json!({ "protocol": "TCP" }),
            ("TargetGroup", "function") => json!({ "targetType": "lambda" }),
            ("TargetGroup", "alb") => json!({ "protocol": "TCP", "targetType": "alb" }),
            _ => return None,
        })
    }

    fn told(balancer: &str, protocol: &str, group: &str) -> Vec<(String, String)> {
        let spec = json!({
            "loadBalancerArn": balancer, "protocol": protocol, "port": 1,
            "defaultActions": [
                { "type": "forward", "forwardConfig": { "targetGroups": [{ "targetGroupArn": format!("${{TargetGroup/{group}.arn}}") }] } }
            ],
        });
        listener(&spec, &peers, "s").into_iter().map(|e| (e.pointer, e.code)).collect()
    }

    #[test]
    fn what_can_go_together_is_taken_and_what_cannot_is_named() {
        const GROUP: &str = "/defaultActions/0/forwardConfig/targetGroups/0/targetGroupArn";
        for (balancer, protocol, group, wrong) in [
            ("${LoadBalancer/app.arn}", "HTTP", "http", vec![]),
            ("${LoadBalancer/app.arn}", "HTTPS", "function", vec![]),
            ("${LoadBalancer/net.arn}", "TLS", "tcp", vec![]),
            ("${LoadBalancer/net.arn}", "TCP", "alb", vec![]),
            ("${LoadBalancer/app.arn}", "TCP", "http", vec!["/protocol"]),
            ("${LoadBalancer/net.arn}", "HTTP", "tcp", vec!["/protocol"]),
            ("${LoadBalancer/app.arn}", "HTTP", "tcp", vec![GROUP]),
            ("${LoadBalancer/app.arn}", "HTTP", "alb", vec![GROUP]),
            ("${LoadBalancer/net.arn}", "TCP", "http", vec![GROUP]),
            ("${LoadBalancer/net.arn}", "TCP", "function", vec![GROUP]),
            ("${LoadBalancer/net.arn}", "TCP_UDP", "tcp", vec![GROUP]),
            (
                "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/a/b",
                "HTTP",
                "tcp",
                vec!["/protocol"],
            ),
            // What is not known is for AWS to judge.
            ("${LoadBalancer/open.arn}", "${X/y.z}", "tcp", vec![]),
            ("${LoadBalancer/app.arn}", "HTTP", "elsewhere", vec![]),
        ] {
            let found = told(balancer, protocol, group);
            let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
            assert_eq!(places, wrong, "{balancer} {protocol} {group}");
        }
    }

    #[test]
    fn a_rule_is_held_against_the_load_balancer_of_its_listener() {
        let spec = |group: &str| {
            json!({ "listenerArn": "${Listener/web.arn}",
                "actions": [{ "type": "forward", "targetGroupArn": format!("${{TargetGroup/{group}.arn}}") }] })
        };
        assert_eq!(rule(&spec("http"), &peers, "s"), []);
        let wrong = rule(&spec("tcp"), &peers, "s");
        assert_eq!((wrong.len(), wrong[0].pointer.as_str()), (1, "/actions/0/targetGroupArn"));
    }
}
