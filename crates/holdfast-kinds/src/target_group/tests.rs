//! What is done about a target group, told as text.

use crate::elb::check::{check_converge, check_create, check_diffs, check_invalid, made};
use serde_json::{Value, json};

const KIND: &str = "TargetGroup";

fn spec(more: &Value) -> Value {
    let mut spec = json!({ "name": "web", "protocol": "HTTP", "port": 80, "vpcId": "vpc-1" });
    crate::elb::overlay(&mut spec, more.as_object().expect("an object"));
    spec
}

/// As CreateTargetGroup answers for `spec`: API reference, and user guide "Health checks".
fn answer() -> Value {
    json!({
        "name": "web", "protocol": "HTTP", "protocolVersion": "HTTP1", "port": 80, "vpcId": "vpc-1", "targetType": "instance",
        "ipAddressType": "ipv4", "healthCheckEnabled": true, "healthCheckProtocol": "HTTP", "healthCheckPort": "traffic-port",
        "healthCheckPath": "/", "healthCheckIntervalSeconds": 30, "healthCheckTimeoutSeconds": 5, "healthyThresholdCount": 5,
        "unhealthyThresholdCount": 2, "matcher": { "httpCode": "200" },
    })
}

#[test]
fn what_aws_fills_in_is_as_predicted_and_no_drift() {
    assert_eq!(made(KIND, &spec(&json!({}))).fields, answer());
    check_diffs(KIND, spec(&json!({})), answer(), &[]);
    let spelled = json!({ "port": "80", "healthCheckPort": "traffic-port", "matcher": { "httpCode": 200 }, "healthCheckIntervalSeconds": "30" });
    check_diffs(KIND, spec(&spelled), answer(), &[]);
    let nulls = json!({ "healthCheckPath": null, "matcher": null, "healthCheckTimeoutSeconds": null });
    let mut nulls_spec = spec(&json!({}));
    nulls_spec.as_object_mut().expect("an object").extend(nulls.as_object().expect("an object").clone());
    check_diffs(KIND, nulls_spec, answer(), &[]);
}

#[test]
fn a_health_check_that_drifts_is_modified_field_by_field() {
    let before = spec(&json!({ "healthCheckPath": "/old", "matcher": { "httpCode": "200" } }));
    let after =
        spec(&json!({ "healthCheckPath": "/new", "matcher": { "httpCode": "200, 202" }, "healthCheckPort": 81 }));
    check_converge(
        KIND,
        &made(KIND, &before),
        &before,
        &after,
        &[r#"set healthCheckPort 81, healthCheckPath /new, matcher {"httpCode":"200,202"}"#],
    );
}

#[test]
fn a_null_goes_back_to_the_default_of_the_protocol() {
    let changed =
        json!({ "healthCheckIntervalSeconds": 10, "healthyThresholdCount": 3, "matcher": { "httpCode": "201" } });
    let before = spec(&changed);
    let mut after = spec(&json!({}));
    for key in ["healthCheckIntervalSeconds", "healthyThresholdCount", "matcher"] {
        after[key] = Value::Null;
    }
    check_converge(
        KIND,
        &made(KIND, &before),
        &before,
        &after,
        &[r#"set healthCheckIntervalSeconds 30, healthyThresholdCount 5, matcher {"httpCode":"200"}"#],
    );
}

#[test]
fn attributes_follow_the_create_and_go_back_when_they_are_declared_no_more() {
    let before =
        spec(&json!({ "attributes": { "deregistration_delay.timeout_seconds": 30, "stickiness.enabled": true } }));
    check_create(
        KIND,
        before.clone(),
        &[
            "create target group: name web, protocol HTTP, port 80, vpcId vpc-1",
            "set attributes deregistration_delay.timeout_seconds=30 stickiness.enabled=true",
        ],
    );
    let after = spec(&json!({ "attributes": { "stickiness.enabled": true } }));
    let live = made(KIND, &before);
    check_converge(KIND, &live, &before, &after, &["set attributes deregistration_delay.timeout_seconds=300"]);
}

#[test]
fn defaults_follow_protocol_and_target() {
    let fields = |spec: Value| made(KIND, &spec).fields;
    let tcp = fields(spec(&json!({ "protocol": "TCP" })));
    assert_eq!(
        (&tcp["healthCheckProtocol"], tcp.get("healthCheckPath"), tcp.get("matcher")),
        (&json!("TCP"), None, None)
    );
    let grpc = fields(spec(&json!({ "protocolVersion": "GRPC" })));
    assert_eq!(
        (&grpc["healthCheckPath"], &grpc["matcher"]),
        (&json!("/AWS.ALB/healthcheck"), &json!({ "grpcCode": "12" }))
    );
    let lambda = fields(json!({ "name": "f", "targetType": "lambda" }));
    assert_eq!((&lambda["healthCheckEnabled"], &lambda["healthCheckIntervalSeconds"]), (&json!(false), &json!(35)));
}

#[test]
fn mistakes_are_told_all_at_once() {
    check_invalid(KIND, &spec(&json!({})), &[]);
    check_invalid(KIND, &spec(&json!({ "vpcId": "${Vpc/v.id}", "port": "${var.port}" })), &[]);
    check_invalid(
        KIND,
        &json!({ "name": "x" }),
        &["/protocol missing-field", "/port missing-field", "/vpcId missing-field"],
    );
    check_invalid(KIND, &json!({ "name": "x", "targetType": "lambda", "port": 80 }), &["/port conflicting-fields"]);
    check_invalid(
        KIND,
        &spec(
            &json!({ "healthCheckTimeoutSeconds": 30, "healthCheckIntervalSeconds": 10, "healthCheckPort": "x", "healthCheckPath": "p" }),
        ),
        &["/healthCheckPort invalid-port", "/healthCheckTimeoutSeconds out-of-range", "/healthCheckPath invalid-path"],
    );
    for codes in ["", "abc", "199", "200-600", "300-200", "200,,201"] {
        check_invalid(KIND, &spec(&json!({ "matcher": { "httpCode": codes } })), &["/matcher/httpCode invalid-codes"]);
    }
    for codes in ["200", "200-299", "200,202,301-308"] {
        check_invalid(KIND, &spec(&json!({ "matcher": { "httpCode": codes } })), &[]);
    }
    check_invalid(KIND, &spec(&json!({ "matcher": { "grpcCode": "0" } })), &["/matcher/grpcCode conflicting-fields"]);
    check_invalid(
        KIND,
        &spec(
            &json!({ "protocol": "TCP", "protocolVersion": "GRPC", "healthCheckPath": "/", "matcher": { "httpCode": "200" } }),
        ),
        &["/protocolVersion conflicting-fields", "/healthCheckPath conflicting-fields", "/matcher conflicting-fields"],
    );
    check_invalid(KIND, &spec(&json!({ "healthCheckProtocol": "TCP" })), &["/healthCheckProtocol conflicting-fields"]);
    check_invalid(
        KIND,
        &spec(&json!({ "attributes": { "slow_start.duration_seconds": 901 } })),
        &["/attributes/slow_start.duration_seconds out-of-range"],
    );
}
