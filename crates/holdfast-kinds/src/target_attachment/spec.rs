//! What a target attachment says, and what is refused of it.

use crate::common::referred;
use crate::elb::types::Int;
use holdfast_core::handle::Arn;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One target in a target group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "TargetAttachment")]
pub(crate) struct TargetAttachmentSpec {
    /// The target group, such as `${TargetGroup/web.arn}`. Cannot change in place.
    pub(super) target_group_arn: String,
    /// What is registered: the id of an instance, an IP address, the ARN of an Application Load Balancer or of a Lambda
    /// function, by the group's target type. Cannot change in place.
    pub(super) target_id: String,
    /// The port that the target listens on; that of the group if none is declared. A Lambda function has none. Cannot
    /// change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<Int>,
    /// For an address: the Availability Zone of whose load balancer nodes it gets its traffic, or `all`. AWS detects that
    /// of an address in the group's VPC, and wants to be told of any other. Cannot change in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) availability_zone: Option<String>,
}

/// What kind of a target it is: the group's target type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Instance,
    Ip,
    Alb,
    Lambda,
}

impl Type {
    /// As `targetType` of a target group says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Type::Instance => "instance",
            Type::Ip => "ip",
            Type::Alb => "alb",
            Type::Lambda => "lambda",
        }
    }

    /// By the id.
    pub(super) fn of(id: &str) -> Option<Self> {
        if id.starts_with("i-") && !id.contains('#') {
            Some(Type::Instance)
        } else if id.trim().parse::<IpAddr>().is_ok() {
            Some(Type::Ip)
        } else if Arn::rest(id, "elasticloadbalancing", "loadbalancer/app/").is_some() {
            Some(Type::Alb)
        } else if Arn::rest(id, "lambda", "function:").is_some() {
            Some(Type::Lambda)
        } else {
            None
        }
    }

    /// By the id, or by the resource that is referred to, seen from `stack`.
    pub(super) fn told(id: &str, stack: &str) -> Option<Self> {
        let refers = |kind| referred(id, stack, kind).is_some();
        match id {
            _ if !is_open(id) => Self::of(id),
            _ if refers("Instance") => Some(Type::Instance),
            _ if refers("LoadBalancer") => Some(Type::Alb),
            _ => None,
        }
    }
}

pub(super) fn validate(spec: &TargetAttachmentSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    let group = &spec.target_group_arn;
    if !is_open(group) && Arn::rest(group, "elasticloadbalancing", "targetgroup/").is_none() {
        let words = format!("\"{group}\" is no ARN of a target group; write one, or ${{TargetGroup/name.arn}}");
        errors.push(SpecError::new("/targetGroupArn", "invalid-value", words));
    }
    let (id, is) = (&spec.target_id, Type::of(&spec.target_id));
    if !is_open(id) && is.is_none() {
        let words = format!(
            "\"{id}\" is neither an instance id, nor an IP address, nor the ARN of an Application Load Balancer or a Lambda \
             function; write one, or a reference such as ${{Instance/name.id}}"
        );
        errors.push(SpecError::new("/targetId", "invalid-value", words));
    }
    if let Some(port) = spec.port.as_ref().and_then(Int::known)
        && !(1..=65535).contains(&port)
    {
        let words = format!("{port} is no port; write one from 1 to 65535");
        errors.push(SpecError::new("/port", "out-of-range", words));
    }
    if is == Some(Type::Lambda) && spec.port.is_some() {
        errors.push(SpecError::new("/port", "conflict", "a Lambda function has no port; leave it out"));
    }
    errors.extend(spec.availability_zone.as_deref().and_then(|zone| wrong_zone(zone, is)));
    errors
}

fn wrong_zone(zone: &str, is: Option<Type>) -> Option<SpecError> {
    let words = match is {
        Some(Type::Instance | Type::Alb) => "AWS takes a zone only for an address; leave it out",
        Some(Type::Lambda) if zone != "all" => "for a Lambda function AWS takes no zone but \"all\"; leave it out",
        _ if zone.trim().is_empty() => "it is empty; write a zone such as eu-west-1a, or \"all\", or leave it out",
        _ => return None,
    };
    Some(SpecError::new("/availabilityZone", "conflict", words))
}
