//! `TargetGroup`: where a load balancer sends requests, and how it checks their health.

#[cfg(feature = "aws")]
mod aws;
mod defaults;
mod plan;
mod predict;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use plan::Action;
pub(crate) use spec::TargetGroupSpec;

use crate::common::{closed, to_number, to_text};
use holdfast_core::facts::Field;
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Kind, Output};
use holdfast_core::preflight::Need;
use serde_json::Value;

/// The kind.
pub(crate) struct TargetGroup;

impl Kind for TargetGroup {
    const NAME: &'static str = "TargetGroup";
    const SUMMARY: &'static str = "A group of targets behind a load balancer, with its health check";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = spec::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The ARN" },
        Output { name: "arn", doc: "The ARN" },
        Output { name: "name", doc: "The name" },
        Output { name: "fullName", doc: "What CloudWatch calls it: `targetgroup/NAME/ID`" },
        Output { name: "port", doc: "The port; none for Lambda" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a target group, such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/NAME/ID",
        read: |text| Arn::rest(text, "elasticloadbalancing", "targetgroup/").map(|_| text.to_owned()),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RemoveTags",
        "tag:GetResources",
    ];
    const HELD_BY_USERS: bool = true;
    const REPEATABLE: bool = true;

    type Spec = TargetGroupSpec;
    type Action = Action;

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "name").map(str::to_owned)
    }

    fn needs(_: &Value) -> Vec<Need> {
        vec![Need::one("elasticloadbalancing:target-groups")]
    }

    crate::elb::kind::by_its_modules!();
}

/// Numbers become numbers and texts texts, codes lose blanks, and a null of the health check becomes AWS's default for
/// the protocol.
fn canonical(spec: &mut Value) {
    crate::elb::attributes::canonical(spec);
    crate::elb::canonical_tags(spec);
    for field in defaults::HEALTH_CHECK {
        if spec.get(*field).is_some_and(Value::is_null) {
            let default = defaults::of(spec, field);
            spec[*field] = default;
        }
    }
    let numbers = [
        "/port",
        "/targetControlPort",
        "/healthCheckIntervalSeconds",
        "/healthCheckTimeoutSeconds",
        "/healthyThresholdCount",
        "/unhealthyThresholdCount",
    ];
    for pointer in numbers {
        if let Some(value) = spec.pointer_mut(pointer) {
            to_number(value);
        }
    }
    for pointer in ["/healthCheckPort", "/matcher/httpCode", "/matcher/grpcCode"] {
        if let Some(value) = spec.pointer_mut(pointer) {
            to_text(value);
        }
    }
    for pointer in ["/matcher/httpCode", "/matcher/grpcCode"] {
        if let Some(Value::String(codes)) = spec.pointer_mut(pointer)
            && !crate::elb::types::is_open(codes)
        {
            codes.retain(|c| !c.is_whitespace());
        }
    }
    if let Some(matcher) = spec.get_mut("matcher") {
        crate::common::without_nulls(matcher);
    }
}
