//! One form for the many ways to write the same task definition.

use crate::common::{text, to_text};
use crate::ecs::each_at;
use serde_json::Value;

/// Places where AWS wants text and people write numbers.
const TEXTS: &[&str] = &[
    "/cpu",
    "/memory",
    "/containerDefinitions/*/environment/*/value",
    "/containerDefinitions/*/systemControls/*/value",
    "/containerDefinitions/*/resourceRequirements/*/value",
    "/proxyConfiguration/properties/*/value",
];

/// Maps whose values are such.
const MAPS_OF_TEXTS: &[&str] =
    &["/containerDefinitions/*/logConfiguration/options", "/containerDefinitions/*/firelensConfiguration/options"];

/// Brings a declared or observed task definition to canonical form, in place.
pub(super) fn canonical(spec: &mut Value) {
    for pointer in TEXTS {
        each_at(spec, pointer, &mut to_text);
    }
    for pointer in MAPS_OF_TEXTS {
        each_at(spec, pointer, &mut |map| {
            map.as_object_mut().into_iter().flat_map(|m| m.values_mut()).for_each(to_text);
        });
    }
    each_at(spec, "/cpu", &mut |v| in_units(v, "vcpu"));
    each_at(spec, "/memory", &mut |v| in_units(v, "gb"));
    let same_port = shares_hosts_ports(spec);
    each_at(spec, "/containerDefinitions/*/portMappings/*", &mut |port| drop_implied_host_port(port, same_port));
}

/// `".25 vCPU"` is 256 units and `"1 GB"` is 1024 MiB; AWS takes both and answers with the number.
fn in_units(value: &mut Value, unit: &str) {
    let Some(words) = value.as_str() else { return };
    let lower = words.trim().to_ascii_lowercase();
    let number = lower.strip_suffix(unit).and_then(|n| n.trim().parse::<f64>().ok());
    if let Some(number) = number.filter(|n| n.is_finite() && (0.0..1e6).contains(n)) {
        *value = Value::String(format!("{}", (number * 1024.0).round()));
    } else if let Ok(whole) = lower.parse::<u64>() {
        *value = Value::String(whole.to_string());
    }
}

/// True where a container's port is the host's port of the same number.
pub(super) fn shares_hosts_ports(spec: &Value) -> bool {
    matches!(text(spec, "networkMode"), Some("awsvpc" | "host"))
}

/// AWS fills in the host port that the network mode implies; some who imitate it do not.
fn drop_implied_host_port(port: &mut Value, same_port: bool) {
    let implied = match (port.get("hostPort"), port.get("containerPort")) {
        (Some(host), _) if host.as_i64() == Some(0) => true,
        (Some(host), Some(container)) => same_port && host == container,
        _ => false,
    };
    if implied && let Value::Object(map) = port {
        map.shift_remove("hostPort");
    }
}
