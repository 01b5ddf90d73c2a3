//! What the four kinds of Elastic Load Balancing v2 share: value types, actions, attributes, names, answers.

pub(crate) mod actions;
pub(crate) mod attributes;
#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(test)]
pub(crate) mod check;
pub(crate) mod fit;
pub(crate) mod kind;
pub(crate) mod types;

pub(crate) use crate::common::overlay;
use holdfast_core::outputs::Outputs;
use holdfast_core::problem::SpecError;
use serde_json::{Map, Value};

/// Where AWS's echo of actions is shown.
pub(crate) const ECHO: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html";
/// Where the weights of a forward are documented.
pub(crate) const FORWARD: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html";
/// Where the keywords of a redirect are documented.
pub(crate) const REDIRECT: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html";
/// Where the defaults of OpenID Connect are documented.
pub(crate) const OIDC: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html";
/// Where the defaults of Cognito are documented.
pub(crate) const COGNITO: &str =
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateCognitoActionConfig.html";

/// The readable part of an ARN: the name in it, or the last part; other text as it is.
pub(crate) fn short(text: &str) -> String {
    if !text.starts_with("arn:") {
        return text.to_owned();
    }
    match text.rsplit(':').next().unwrap_or(text).split('/').collect::<Vec<_>>().as_slice() {
        ["targetgroup", name, ..] | ["loadbalancer", _, name, ..] => (*name).to_owned(),
        ["listener", _, name, _, id] => format!("{name}/{id}"),
        ["listener-rule", _, name, _, _, id] => format!("{name}/{id}"),
        [.., last] => (*last).to_owned(),
        [] => text.to_owned(),
    }
}

/// What CloudWatch calls it: the ARN's last part, for a load balancer without `loadbalancer/`.
pub(crate) fn full_name(arn: &str) -> String {
    let last = arn.rsplit(':').next().unwrap_or(arn);
    last.strip_prefix("loadbalancer/").unwrap_or(last).to_owned()
}

/// The rules of names of load balancers and target groups.
pub(crate) fn validate_name(name: &str, what: &str, errors: &mut Vec<SpecError>) {
    if types::is_open(name) {
        return;
    }
    let mut wrong = |words: String| errors.push(SpecError::new("/name", "invalid-name", words));
    if name.is_empty() || name.chars().count() > 32 {
        wrong(format!("\"{name}\" has {} characters; the name of a {what} has 1 to 32", name.chars().count()));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        wrong(format!(
            "\"{name}\" holds more than letters, digits and hyphens, which is all that the name of a {what} may hold"
        ));
    }
    if name.starts_with('-') || name.ends_with('-') {
        wrong(format!("\"{name}\" begins or ends with a hyphen, which the name of a {what} may not"));
    }
    if what == "load balancer" && name.starts_with("internal-") {
        wrong(format!("\"{name}\" begins with \"internal-\", which AWS keeps for itself"));
    }
}

/// The rules of tags that people write.
pub(crate) fn validate_tags(
    tags: Option<&std::collections::BTreeMap<String, types::Text>>,
    errors: &mut Vec<SpecError>,
) {
    for (key, value) in tags.into_iter().flatten() {
        let at = holdfast_core::pointer::join("/tags", key);
        if key.is_empty() || key.chars().count() > 128 {
            errors.push(SpecError::new(&at, "invalid-tag", "a tag's key has 1 to 128 characters"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            errors.push(SpecError::new(&at, "reserved-tag", "AWS keeps tags that begin with \"aws:\" for itself"));
        }
        if value.known().is_some_and(|v| v.chars().count() > 256) {
            errors.push(SpecError::new(&at, "invalid-tag", "a tag's value has at most 256 characters"));
        }
    }
}

/// The outputs `id` and `arn`, which are the same for all four kinds, and what else is known.
pub(crate) fn outputs<const N: usize>(arn: &str, more: [(&str, Option<Value>); N]) -> Outputs {
    let both = [("id", Some(arn.into())), ("arn", Some(arn.into()))];
    both.into_iter().chain(more).filter_map(|(k, v)| Some((k, v?))).collect()
}

/// `fields` at `keys`, for those that are there and not null.
pub(crate) fn pick(fields: &Value, keys: &[&str]) -> Map<String, Value> {
    let Some(map) = fields.as_object() else { return Map::new() };
    let picked = map.iter().filter(|(k, v)| !v.is_null() && keys.contains(&k.as_str()));
    picked.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// `port 80, protocol HTTP` for the line of a plan.
pub(crate) fn words(map: &Map<String, Value>) -> String {
    let one = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key} {}", short(text)),
        Value::Array(items) if items.iter().any(|i| i.get("type").is_some() && key.ends_with("ctions")) => {
            format!("{key} {}", actions::describe(value))
        }
        Value::Null => format!("no {key}"),
        other => format!("{key} {other}"),
    };
    map.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Tag values become texts, as AWS has them.
pub(crate) fn canonical_tags(spec: &mut Value) {
    if let Some(tags) = spec.get_mut("tags").and_then(Value::as_object_mut) {
        tags.values_mut().for_each(crate::common::to_text);
    }
}
