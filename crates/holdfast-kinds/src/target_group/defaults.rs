//! What AWS fills in for a target group, by protocol and type of target.
//!
//! Sources: the API reference of CreateTargetGroup, and "Health checks" in the user guides of Application, Network and
//! Gateway Load Balancers. Where the reference and the guides differ (time-out of HTTP checks), the guide of the load balancer
//! that serves the protocol is followed.

use crate::common::text;
use serde_json::{Value, json};

/// The protocol of the health check: as declared, or AWS's default.
pub(super) fn checks_by<'a>(declared: Option<&'a str>, protocol: Option<&str>, target: Option<&str>) -> &'a str {
    match (declared, protocol, target) {
        (Some(declared), _, _) => declared,
        (None, Some("HTTP" | "HTTPS"), _) | (None, _, Some("lambda" | "alb")) => "HTTP",
        _ => "TCP",
    }
}

/// AWS's default of a health-check field for this spec; null where it has none.
pub(super) fn of(spec: &Value, field: &str) -> Value {
    let (protocol, target) = (text(spec, "protocol"), text(spec, "targetType"));
    let by = checks_by(text(spec, "healthCheckProtocol"), protocol, target);
    let (lambda, geneve) = (target == Some("lambda"), protocol == Some("GENEVE"));
    let grpc = text(spec, "protocolVersion") == Some("GRPC");
    let behind_alb = lambda || matches!(protocol, Some("HTTP" | "HTTPS"));
    match field {
        "healthCheckEnabled" => json!(!lambda),
        "healthCheckProtocol" if lambda => Value::Null,
        "healthCheckProtocol" => json!(by),
        "healthCheckPort" if lambda => Value::Null,
        "healthCheckPort" => json!(if geneve { "80" } else { "traffic-port" }),
        "healthCheckPath" if by == "TCP" => Value::Null,
        "healthCheckPath" => json!(if grpc { "/AWS.ALB/healthcheck" } else { "/" }),
        "healthCheckIntervalSeconds" => json!(if lambda {
            35
        } else if geneve {
            10
        } else {
            30
        }),
        "healthCheckTimeoutSeconds" if lambda => json!(30),
        "healthCheckTimeoutSeconds" if behind_alb || geneve => json!(5),
        "healthCheckTimeoutSeconds" => json!(if by == "HTTP" { 6 } else { 10 }),
        "healthyThresholdCount" => json!(5),
        "unhealthyThresholdCount" => json!(2),
        "matcher" if by == "TCP" => Value::Null,
        "matcher" if grpc => json!({ "grpcCode": "12" }),
        "matcher" => json!({ "httpCode": if behind_alb { "200" } else { "200-399" } }),
        _ => Value::Null,
    }
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
