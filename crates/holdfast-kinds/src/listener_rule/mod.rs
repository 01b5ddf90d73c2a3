//! `ListenerRule`: what is done with requests that meet all conditions of a rule.

#[cfg(feature = "aws")]
mod aws;
mod plan;
mod predict;
mod spec;
#[cfg(test)]
mod tests;

use plan::Action;
use spec::ListenerRuleSpec;

use crate::common::{closed, to_number, to_text, without_nulls};
use crate::elb::types::is_open;
use holdfast_core::facts::Field;
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Container, Kind, Output};
use holdfast_core::name::ResourceKey;
use holdfast_core::problem::SpecError;
use serde_json::{Map, Value};

/// The kind.
pub(crate) struct ListenerRule;

impl Kind for ListenerRule {
    const NAME: &'static str = "ListenerRule";
    const SUMMARY: &'static str = "What a listener does with requests that meet conditions";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = spec::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The ARN" },
        Output { name: "arn", doc: "The ARN" },
        Output { name: "priority", doc: "The priority" },
        Output { name: "listenerArn", doc: "The ARN of its listener" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a rule, such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/LB/ID/ID/ID",
        read: |text| Arn::rest(text, "elasticloadbalancing", "listener-rule/").map(|_| text.to_owned()),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "cognito-idp:DescribeUserPoolClient",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetRulePriorities",
        "tag:GetResources",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/listenerArn", cascades: true });
    const REPEATABLE: bool = true;

    type Spec = ListenerRuleSpec;
    type Action = Action;

    fn identity(spec: &Value) -> Option<String> {
        identity(spec)
    }

    fn together(actions: &mut [Action]) {
        plan::together(actions);
    }

    fn validate_with(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
        crate::elb::fit::rule(spec, peers, stack)
    }

    crate::elb::kind::by_its_modules!();
}

/// The listener and the priority.
fn identity(spec: &Value) -> Option<String> {
    let listener = closed(spec, "listenerArn")?;
    match spec.get("priority")? {
        Value::Number(number) => Some(format!("{listener}#{number}")),
        Value::String(text) if !is_open(text) => Some(format!("{listener}#{text}")),
        _ => None,
    }
}

/// Actions in their canonical form; conditions with their values in the field's own config alone.
fn canonical(spec: &mut Value) {
    crate::elb::canonical_tags(spec);
    if let Some(priority) = spec.get_mut("priority") {
        to_number(priority);
    }
    if let Some(actions) = spec.get_mut("actions") {
        crate::elb::actions::canonical(actions);
    }
    let items = |spec: &mut Value, key: &str, each: fn(&mut Map<String, Value>)| {
        let list = spec.get_mut(key).and_then(Value::as_array_mut);
        for item in list.into_iter().flatten() {
            without_nulls(item);
            if let Some(map) = item.as_object_mut() {
                map.values_mut().for_each(without_nulls);
                each(map);
            }
        }
    };
    items(spec, "conditions", canonical_condition);
    items(spec, "transforms", |_| {});
}

/// The config that belongs to a condition's field.
fn config_of(field: &str) -> Option<&'static str> {
    match field {
        "host-header" => Some("hostHeaderConfig"),
        "path-pattern" => Some("pathPatternConfig"),
        "http-header" => Some("httpHeaderConfig"),
        "http-request-method" => Some("httpRequestMethodConfig"),
        "query-string" => Some("queryStringConfig"),
        "source-ip" => Some("sourceIpConfig"),
        _ => None,
    }
}

fn canonical_condition(condition: &mut Map<String, Value>) {
    let Some(name) = condition.get("field").and_then(Value::as_str).and_then(config_of) else { return };
    // AWS shows the values of host-header and path-pattern twice: beside the field and in its config.
    for key in ["values", "regexValues"] {
        let Some(beside) = condition.shift_remove(key).filter(|v| v.as_array().is_some_and(|a| !a.is_empty())) else {
            continue;
        };
        let config = condition.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Some(config) = config.as_object_mut() {
            config.entry(key).or_insert(beside);
        }
    }
    let Some(config) = condition.get_mut(name).and_then(Value::as_object_mut) else { return };
    for key in ["values", "regexValues"] {
        if config.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            config.shift_remove(key);
        }
    }
    if let Some(Value::String(header)) = config.get_mut("httpHeaderName")
        && !is_open(header)
    {
        header.make_ascii_lowercase();
    }
    for value in config.get_mut("values").and_then(Value::as_array_mut).into_iter().flatten() {
        canonical_value(name, value);
    }
}

/// Host names and pairs of a query in the form that AWS compares them in; CIDR blocks without host bits.
fn canonical_value(config: &str, value: &mut Value) {
    match value {
        Value::String(text) if is_open(text) => {}
        Value::String(text) if config == "hostHeaderConfig" => text.make_ascii_lowercase(),
        Value::String(text) if config == "sourceIpConfig" => {
            if let Ok(net) = text.parse::<ipnet::IpNet>() {
                *text = net.trunc().to_string();
            }
        }
        Value::Object(pair) => {
            pair.retain(|key, v| !v.is_null() && (key != "key" || *v != ""));
            pair.values_mut().for_each(to_text);
        }
        _ => {}
    }
}
