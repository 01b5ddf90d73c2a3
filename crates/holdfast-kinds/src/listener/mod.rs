//! `Listener`: a port of a load balancer, and what is done with requests that no rule takes.

#[cfg(feature = "aws")]
mod aws;
mod plan;
mod predict;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use plan::Action;
pub(crate) use spec::ListenerSpec;

use crate::common::{closed, text, to_number, without_nulls};
use crate::elb::types::is_open;
use holdfast_core::facts::Field;
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Container, Kind, Output};
use holdfast_core::name::ResourceKey;
use holdfast_core::problem::SpecError;
use serde_json::Value;

/// The kind.
pub(crate) struct Listener;

impl Kind for Listener {
    const NAME: &'static str = "Listener";
    const SUMMARY: &'static str = "A port of a load balancer, and what is done with its requests";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = spec::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The ARN" },
        Output { name: "arn", doc: "The ARN" },
        Output { name: "port", doc: "The port; none for Gateway Load Balancers" },
        Output { name: "loadBalancerArn", doc: "The ARN of its load balancer" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a listener, such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/LB/ID/ID",
        read: |text| Arn::rest(text, "elasticloadbalancing", "listener/").map(|_| text.to_owned()),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "cognito-idp:DescribeUserPoolClient",
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:RemoveListenerCertificates",
        "elasticloadbalancing:RemoveTags",
        "tag:GetResources",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/loadBalancerArn", cascades: true });
    const REPEATABLE: bool = true;

    type Spec = ListenerSpec;
    type Action = Action;

    fn identity(spec: &Value) -> Option<String> {
        identity(spec)
    }

    fn validate_with(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
        crate::elb::fit::listener(spec, peers, stack)
    }

    crate::elb::kind::by_its_modules!();
}

/// The load balancer, the port and the protocol; a Gateway Load Balancer has one listener, without either.
fn identity(spec: &Value) -> Option<String> {
    let parent = closed(spec, "loadBalancerArn")?;
    let part = |key: &str| match spec.get(key) {
        Some(Value::String(text)) if is_open(text) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => Some("-".to_owned()),
    };
    Some(format!("{parent}:{}/{}", part("port")?, part("protocol")?))
}

/// Actions in their canonical form, the default certificate marked and no other, numbers as numbers.
fn canonical(spec: &mut Value) {
    crate::elb::attributes::canonical(spec);
    crate::elb::canonical_tags(spec);
    if let Some(port) = spec.get_mut("port") {
        to_number(port);
    }
    if let Some(actions) = spec.get_mut("defaultActions") {
        crate::elb::actions::canonical(actions);
    }
    if let Some(mutual) = spec.get_mut("mutualAuthentication") {
        without_nulls(mutual);
    }
    if let Some(Value::Array(certificates)) = spec.get_mut("certificates") {
        canonical_certificates(certificates);
    }
}

/// The first is the default one unless another is marked. AWS lists a default certificate twice if it is among the
/// others too.
fn canonical_certificates(certificates: &mut Vec<Value>) {
    let marked = |c: &Value| matches!(c.get("isDefault"), Some(v) if *v == true || v == "true");
    let at = certificates.iter().position(marked).unwrap_or(0);
    let default = certificates.get(at).and_then(|c| text(c, "certificateArn")).map(str::to_owned);
    let mut found = false;
    certificates.retain_mut(|certificate| {
        let is_default = text(certificate, "certificateArn") == default.as_deref();
        let again = is_default && found;
        found |= is_default;
        if let Value::Object(map) = certificate {
            map.shift_remove("isDefault");
            if is_default {
                map.insert("isDefault".to_owned(), Value::Bool(true));
            }
        }
        !again
    });
}
