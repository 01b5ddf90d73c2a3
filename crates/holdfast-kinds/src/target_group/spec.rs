//! The spec of a target group, and what is known of its fields.

use super::defaults;
use crate::elb::attributes::attribute;
use crate::elb::types::{Flag, Int, Protocol, Text, choices, is_open};
use holdfast_core::facts::{Facts, Field, Given, Severity, Shape, When};
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A target group: where a load balancer sends requests, and how it checks their health. Its targets are not part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TargetGroupSpec {
    /// Its name, unique in account and region: 1 to 32 letters, digits and hyphens. Create-only.
    pub(crate) name: String,
    /// The protocol towards the targets; not for Lambda. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<Protocol>,
    /// The version of HTTP towards the targets. Default `HTTP1`. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol_version: Option<ProtocolVersion>,
    /// The port of targets that name none; not for Lambda. Create-only.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<Int>,
    /// The id of the VPC; not for Lambda. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_id: Option<String>,
    /// What the targets are. Default `instance`. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_type: Option<TargetType>,
    /// Which addresses the targets have. Default `ipv4`. Create-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip_address_type: Option<TargetIpAddressType>,
    /// The port of the target control agent (target optimizer). Create-only.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_control_port: Option<Int>,
    /// Whether targets are checked. Always so, but for Lambda, where the default is `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_enabled: Option<Flag>,
    /// The protocol of the check. Default `HTTP` for HTTP and HTTPS groups, else `TCP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_protocol: Option<HealthCheckProtocol>,
    /// The port of the check, or `traffic-port`, the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_port: Option<Text>,
    /// The path of an HTTP check. Default `/`, for gRPC `/AWS.ALB/healthcheck`.
    #[schemars(length(min = 1, max = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_path: Option<String>,
    /// Seconds between checks, 5 to 300. Default 30; Lambda 35, GENEVE 10.
    #[schemars(range(min = 5, max = 300))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_interval_seconds: Option<Int>,
    /// Seconds without an answer that fail a check, 2 to 120.
    #[schemars(range(min = 2, max = 120))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_timeout_seconds: Option<Int>,
    /// Successes in a row that make a target healthy, 2 to 10. Default 5.
    #[schemars(range(min = 2, max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) healthy_threshold_count: Option<Int>,
    /// Failures in a row that make a target unhealthy, 2 to 10. Default 2.
    #[schemars(range(min = 2, max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unhealthy_threshold_count: Option<Int>,
    /// The answers that mean healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) matcher: Option<Matcher>,
    /// AWS's attribute keys, such as `deregistration_delay.timeout_seconds`. Only declared keys are held; a null asks for AWS's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<BTreeMap<String, Option<Text>>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, Text>>,
}

choices! {
    /// The version of HTTP towards targets.
    ProtocolVersion = "HTTP1" | "HTTP2" | "GRPC";
    /// What the targets of a group are.
    TargetType = "instance" | "ip" | "lambda" | "alb";
    /// Which addresses targets have.
    TargetIpAddressType = "ipv4" | "ipv6";
    /// The protocol of a health check.
    HealthCheckProtocol = "HTTP" | "HTTPS" | "TCP";
}

/// The answers that mean healthy: one of the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Matcher {
    /// HTTP statuses, such as `200`, `200,202` or `200-299`. Default `200`; for network load balancers `200-399`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_code: Option<Text>,
    /// gRPC statuses, such as `12`, `0,1` or `0-5`. Default `12`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grpc_code: Option<Text>,
}

const CREATE: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html";
const ATTRIBUTE: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html";
const ALB_CHECKS: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html";
const NLB_CHECKS: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html";
const MATCHER: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html";

const LAMBDA: When = When { at: "/targetType", is: &["lambda"] };
const GENEVE: When = When { at: "/protocol", is: &["GENEVE"] };
const GRPC: When = When { at: "/protocolVersion", is: &["GRPC"] };
const HTTP: When = When { at: "/protocol", is: &["HTTP", "HTTPS"] };
const UDP: When = When { at: "/protocol", is: &["UDP", "TCP_UDP"] };
const CHECKS_TCP: When = When { at: "/healthCheckProtocol", is: &["TCP"] };
const CHECKS_HTTP: When = When { at: "/healthCheckProtocol", is: &["HTTP"] };
/// No default at all.
const NONE: &str = "null";

const CHECK_PROTOCOL: &[Given] = &[
    Given { when: &[LAMBDA], default: NONE, source: CREATE },
    Given { when: &[HTTP], default: "\"HTTP\"", source: CREATE },
    Given { when: &[When { at: "/targetType", is: &["alb"] }], default: "\"HTTP\"", source: NLB_CHECKS },
];
const CHECK_PORT: &[Given] = &[
    Given { when: &[LAMBDA], default: NONE, source: CREATE },
    Given { when: &[GENEVE], default: "\"80\"", source: CREATE },
];
const CHECK_PATH: &[Given] = &[
    Given { when: &[CHECKS_TCP], default: NONE, source: CREATE },
    Given { when: &[GRPC], default: "\"/AWS.ALB/healthcheck\"", source: CREATE },
];
const CHECK_INTERVAL: &[Given] = &[
    Given { when: &[LAMBDA], default: "35", source: CREATE },
    Given { when: &[GENEVE], default: "10", source: CREATE },
];
const CHECK_TIMEOUT: &[Given] = &[
    Given { when: &[LAMBDA], default: "30", source: CREATE },
    Given { when: &[HTTP], default: "5", source: ALB_CHECKS },
    Given { when: &[GENEVE], default: "5", source: CREATE },
    Given { when: &[CHECKS_HTTP], default: "6", source: NLB_CHECKS },
];
const UNHEALTHY: &[Given] = &[Given { when: &[LAMBDA], default: "5", source: CREATE }];
const CODES: &[Given] = &[
    Given { when: &[CHECKS_TCP], default: NONE, source: MATCHER },
    Given { when: &[GRPC], default: r#"{"grpcCode":"12"}"#, source: MATCHER },
    Given { when: &[LAMBDA], default: r#"{"httpCode":"200"}"#, source: MATCHER },
    Given { when: &[HTTP], default: r#"{"httpCode":"200"}"#, source: MATCHER },
];
const TERMINATES: &[Given] = &[Given { when: &[UDP], default: "\"true\"", source: ATTRIBUTE }];
const TERMINATES_UNHEALTHY: &[Given] = &[Given { when: &[UDP], default: "\"false\"", source: ATTRIBUTE }];
const CLIENT_IP: &[Given] = &[Given {
    when: &[When { at: "/targetType", is: &["ip"] }, When { at: "/protocol", is: &["TCP", "TLS"] }],
    default: "\"false\"",
    source: ATTRIBUTE,
}];

/// The kind's table, ready for look-ups.
pub(super) fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| Facts::new(FIELDS))
}

pub(super) const FIELDS: &[Field] = &[
    Field::scalar("/name").create_only(),
    Field::scalar("/protocol").create_only(),
    Field::scalar("/protocolVersion").default("\"HTTP1\"", CREATE).create_only(),
    Field::scalar("/port").create_only().canonical("a number"),
    Field::scalar("/vpcId").create_only(),
    Field::scalar("/targetType").default("\"instance\"", CREATE).create_only(),
    Field::scalar("/ipAddressType").default("\"ipv4\"", CREATE).create_only(),
    Field::scalar("/targetControlPort").create_only().canonical("a number"),
    Field::scalar("/healthCheckEnabled").default("true", CREATE).given(&[Given {
        when: &[LAMBDA],
        default: "false",
        source: CREATE,
    }]),
    Field::scalar("/healthCheckProtocol").default("\"TCP\"", CREATE).given(CHECK_PROTOCOL),
    Field::scalar("/healthCheckPort").default("\"traffic-port\"", CREATE).given(CHECK_PORT).canonical("text"),
    Field::scalar("/healthCheckPath").default("\"/\"", CREATE).given(CHECK_PATH),
    Field::scalar("/healthCheckIntervalSeconds").default("30", CREATE).given(CHECK_INTERVAL).canonical("a number"),
    Field::scalar("/healthCheckTimeoutSeconds").default("10", CREATE).given(CHECK_TIMEOUT).canonical("a number"),
    Field::scalar("/healthyThresholdCount").default("5", CREATE).canonical("a number"),
    Field::scalar("/unhealthyThresholdCount").default("2", CREATE).given(UNHEALTHY).canonical("a number"),
    Field::of("/matcher", Shape::Object).default(r#"{"httpCode":"200-399"}"#, NLB_CHECKS).given(CODES),
    Field::scalar("/matcher/httpCode").canonical("text without blanks, such as `200,202`"),
    Field::scalar("/matcher/grpcCode").canonical("text without blanks"),
    Field::of("/attributes", Shape::Map).canonical("every value as text"),
    attribute!("deregistration_delay.timeout_seconds", "300", ATTRIBUTE),
    attribute!("deregistration_delay.connection_termination.enabled", "false", TERMINATES, ATTRIBUTE),
    attribute!("preserve_client_ip.enabled", "true", CLIENT_IP, ATTRIBUTE),
    attribute!("stickiness.enabled", "false", ATTRIBUTE),
    attribute!("stickiness.app_cookie.duration_seconds", "86400", ATTRIBUTE),
    attribute!("stickiness.lb_cookie.duration_seconds", "86400", ATTRIBUTE),
    attribute!("load_balancing.cross_zone.enabled", "use_load_balancer_configuration", ATTRIBUTE),
    attribute!("load_balancing.algorithm.type", "round_robin", ATTRIBUTE),
    attribute!("load_balancing.algorithm.anomaly_mitigation", "off", ATTRIBUTE),
    attribute!("slow_start.duration_seconds", "0", ATTRIBUTE),
    attribute!("lambda.multi_value_headers.enabled", "false", ATTRIBUTE),
    attribute!("proxy_protocol_v2.enabled", "false", ATTRIBUTE),
    attribute!("target_failover.on_deregistration", "no_rebalance", ATTRIBUTE),
    attribute!("target_failover.on_unhealthy", "no_rebalance", ATTRIBUTE),
    attribute!("target_group_health.dns_failover.minimum_healthy_targets.count", "1", ATTRIBUTE),
    attribute!("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", ATTRIBUTE),
    attribute!("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", ATTRIBUTE),
    attribute!("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", ATTRIBUTE),
    attribute!("target_health_state.unhealthy.connection_termination.enabled", "true", TERMINATES_UNHEALTHY, ATTRIBUTE),
    attribute!("target_health_state.unhealthy.draining_interval_seconds", "0", ATTRIBUTE),
    attribute!("send_tcp_reset.on_unhealthy.enabled", "false", ATTRIBUTE),
    attribute!("send_tcp_reset.on_deregistration.enabled", "false", ATTRIBUTE),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
];

pub(super) fn validate(spec: &TargetGroupSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    crate::elb::validate_name(&spec.name, "target group", &mut errors);
    crate::elb::validate_tags(spec.tags.as_ref(), &mut errors);
    crate::elb::attributes::validate(spec.attributes.as_ref(), RANGES, VALUES, &mut errors);
    if spec.target_type.as_deref().is_some_and(is_open) {
        return errors;
    }
    validate_by_target(spec, &mut errors);
    validate_protocol(spec, &mut errors);
    validate_health_check(spec, &mut errors);
    errors
}

/// The attributes with a range, and the range.
const RANGES: &[(&str, i64, i64)] = &[
    ("deregistration_delay.timeout_seconds", 0, 3600),
    ("stickiness.app_cookie.duration_seconds", 1, 604_800),
    ("stickiness.lb_cookie.duration_seconds", 1, 604_800),
    ("slow_start.duration_seconds", 0, 900),
    ("target_health_state.unhealthy.draining_interval_seconds", 0, 360_000),
];

/// The attributes with a closed list of values.
const VALUES: &[(&str, &[&str])] = &[
    ("deregistration_delay.connection_termination.enabled", &["true", "false"]),
    ("stickiness.enabled", &["true", "false"]),
    ("stickiness.type", &["lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"]),
    ("load_balancing.cross_zone.enabled", &["true", "false", "use_load_balancer_configuration"]),
    ("load_balancing.algorithm.type", &["round_robin", "least_outstanding_requests", "weighted_random"]),
    ("load_balancing.algorithm.anomaly_mitigation", &["on", "off"]),
    ("lambda.multi_value_headers.enabled", &["true", "false"]),
    ("preserve_client_ip.enabled", &["true", "false"]),
    ("proxy_protocol_v2.enabled", &["true", "false"]),
    ("target_failover.on_deregistration", &["rebalance", "no_rebalance"]),
    ("target_failover.on_unhealthy", &["rebalance", "no_rebalance"]),
];

fn validate_by_target(spec: &TargetGroupSpec, errors: &mut Vec<SpecError>) {
    let given =
        [("/protocol", spec.protocol.is_some()), ("/port", spec.port.is_some()), ("/vpcId", spec.vpc_id.is_some())];
    let lambda = spec.target_type.as_deref() == Some("lambda");
    for (pointer, there) in given {
        let field = &pointer[1..];
        if lambda && there {
            let words = format!("a group of a Lambda function has no {field}; leave it out");
            errors.push(SpecError::new(pointer, "conflicting-fields", words));
        } else if !lambda && !there {
            let words = format!("{field} is needed unless targetType is lambda");
            errors.push(SpecError::new(pointer, "missing-field", words));
        }
    }
    let target = spec.target_type.as_deref().unwrap_or("instance");
    if target == "alb" && spec.protocol.as_deref().is_some_and(|p| !is_open(p) && p != "TCP") {
        let words = "a group whose target is an Application Load Balancer has the protocol TCP";
        errors.push(SpecError::new("/protocol", "invalid-protocol", words));
    }
    if !lambda && spec.health_check_enabled.as_ref().and_then(Flag::known) == Some(false) {
        let words =
            format!("health checks can be switched off only for targets of type lambda, and this one is {target}");
        errors.push(SpecError::new("/healthCheckEnabled", "conflicting-fields", words));
    }
}

fn validate_protocol(spec: &TargetGroupSpec, errors: &mut Vec<SpecError>) {
    let Some(protocol) = spec.protocol.as_deref().filter(|p| !is_open(p)) else { return };
    if spec.protocol_version.is_some() && !["HTTP", "HTTPS"].contains(&protocol) {
        let words = format!("only HTTP and HTTPS groups have a protocolVersion, and this one is {protocol}");
        errors.push(SpecError::new("/protocolVersion", "conflicting-fields", words));
    }
    if protocol == "GENEVE" && spec.port.as_ref().and_then(Int::known).is_some_and(|p| p != 6081) {
        errors.push(SpecError::new("/port", "invalid-port", "a GENEVE group has the port 6081"));
    }
    if spec.health_check_protocol.as_deref() == Some("TCP") && ["HTTP", "HTTPS"].contains(&protocol) {
        let words = format!("an {protocol} group is checked by HTTP or HTTPS, not by TCP");
        errors.push(SpecError::new("/healthCheckProtocol", "conflicting-fields", words));
    }
}

fn validate_health_check(spec: &TargetGroupSpec, errors: &mut Vec<SpecError>) {
    let by_tcp = defaults::checks_by(
        spec.health_check_protocol.as_deref(),
        spec.protocol.as_deref(),
        spec.target_type.as_deref(),
    ) == "TCP";
    if let Some(port) = spec.health_check_port.as_ref().and_then(Text::known)
        && port != "traffic-port"
        && !port.parse::<u16>().is_ok_and(|p| p > 0)
    {
        let words = format!("\"{port}\" is neither a port (1 to 65535) nor traffic-port");
        errors.push(SpecError::new("/healthCheckPort", "invalid-port", words));
    }
    let known = |n: &Option<Int>| n.as_ref().and_then(Int::known);
    if let (Some(timeout), Some(interval)) =
        (known(&spec.health_check_timeout_seconds), known(&spec.health_check_interval_seconds))
        && timeout >= interval
    {
        let words = format!("the time-out ({timeout} s) must be shorter than the interval ({interval} s)");
        errors.push(SpecError::new("/healthCheckTimeoutSeconds", "out-of-range", words));
    }
    if let Some(path) = spec.health_check_path.as_deref().filter(|p| !is_open(p)) {
        if by_tcp {
            let words = "a check by TCP has no path; set healthCheckProtocol to HTTP or HTTPS, or leave the path out";
            errors.push(SpecError::new("/healthCheckPath", "conflicting-fields", words));
        } else if !path.starts_with('/') {
            let words = format!("a path starts with \"/\": write \"/{path}\"");
            errors.push(SpecError::new("/healthCheckPath", "invalid-path", words));
        }
    }
    if let Some(matcher) = &spec.matcher {
        validate_matcher(spec, matcher, by_tcp, errors);
    }
}

fn validate_matcher(spec: &TargetGroupSpec, matcher: &Matcher, by_tcp: bool, errors: &mut Vec<SpecError>) {
    let grpc = spec.protocol_version.as_deref() == Some("GRPC");
    let mut wrong = |pointer: &str, code: &str, words: String| errors.push(SpecError::new(pointer, code, words));
    if by_tcp {
        let words =
            "a check by TCP matches no codes; set healthCheckProtocol to HTTP or HTTPS, or leave the matcher out";
        wrong("/matcher", "conflicting-fields", words.to_owned());
        return;
    }
    match (&matcher.http_code, &matcher.grpc_code) {
        (None, None) => wrong("/matcher/httpCode", "missing-field", "a matcher holds httpCode or grpcCode".to_owned()),
        (Some(_), Some(_)) => {
            wrong(
                "/matcher/grpcCode",
                "conflicting-fields",
                "a matcher holds httpCode or grpcCode, not both".to_owned(),
            );
        }
        (Some(_), None) if grpc => {
            wrong("/matcher/httpCode", "conflicting-fields", "a GRPC group matches grpcCode, not httpCode".to_owned());
        }
        (None, Some(_)) if !grpc => {
            let words = "grpcCode is for groups with protocolVersion GRPC; use httpCode".to_owned();
            wrong("/matcher/grpcCode", "conflicting-fields", words);
        }
        _ => {}
    }
    let (low, high) = if matches!(spec.protocol.as_deref(), Some("HTTP" | "HTTPS")) { (200, 499) } else { (200, 599) };
    let checks =
        [("/matcher/httpCode", &matcher.http_code, low, high), ("/matcher/grpcCode", &matcher.grpc_code, 0, 99)];
    for (pointer, codes, low, high) in checks {
        if let Some(codes) = codes.as_ref().and_then(Text::known)
            && !are_codes(codes, low, high)
        {
            let words = format!(
                "\"{codes}\" is no list of codes from {low} to {high}; write one, several with commas, or a range with a hyphen"
            );
            wrong(pointer, "invalid-codes", words);
        }
    }
}

/// True for `200`, `200,202` and `200-299` within the limits.
fn are_codes(text: &str, low: u32, high: u32) -> bool {
    let code = |t: &str| t.trim().parse::<u32>().ok().filter(|n| (low..=high).contains(n));
    text.split(',').all(|part| match part.split_once('-') {
        Some((from, to)) => matches!((code(from), code(to)), (Some(from), Some(to)) if from <= to),
        None => code(part).is_some(),
    })
}
