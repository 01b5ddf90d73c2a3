//! What AWS fills in for a target group, by protocol and type of target.
//!
//! The values and their sources stand in the table of field facts. Where AWS's API reference and its user guides differ
//! (time-out of HTTP checks), the guide of the load balancer that serves the protocol is followed.

use super::spec::facts;
use holdfast_core::facts::Scene;
use serde_json::Value;

/// The protocol of the health check: as declared, or AWS's default.
pub(super) fn checks_by<'a>(declared: Option<&'a str>, protocol: Option<&str>, target: Option<&str>) -> &'a str {
    match (declared, protocol, target) {
        (Some(declared), _, _) => declared,
        (None, Some("HTTP" | "HTTPS"), _) | (None, _, Some("lambda" | "alb")) => "HTTP",
        _ => "TCP",
    }
}

/// AWS's default of a health-check field for this spec; null where it has none. The table of field facts says them all.
pub(super) fn of(spec: &Value, field: &str) -> Value {
    let facts = facts();
    let scene = Scene { desired: spec, live: &Value::Null, facts };
    facts.child(field).default_in(&scene).cloned().unwrap_or_default()
}

/// The fields of a target group that `ModifyTargetGroup` changes.
pub(super) const HEALTH_CHECK: &[&str] = &[
    "healthCheckEnabled",
    "healthCheckProtocol",
    "healthCheckPort",
    "healthCheckPath",
    "healthCheckIntervalSeconds",
    "healthCheckTimeoutSeconds",
    "healthyThresholdCount",
    "unhealthyThresholdCount",
    "matcher",
];
