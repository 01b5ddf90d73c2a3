//! The spec of a listener rule, and what is known of its fields.

use crate::elb::actions::{ActionSpec, fields_with_actions};
use crate::elb::types::{Int, Text, choices, is_open};
use holdfast_core::facts::{Field, ItemKey, Severity, Shape};
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rule of a listener: what is done with requests that meet all its conditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListenerRuleSpec {
    /// The ARN of the listener. Create-only.
    pub(crate) listener_arn: String,
    /// Its place among the listener's rules, lowest first: 1 to 50000, each once.
    #[schemars(range(min = 1, max = 50000))]
    pub(crate) priority: Int,
    /// What a request must meet, all of it; a set.
    #[schemars(length(min = 1))]
    pub(crate) conditions: Vec<Condition>,
    /// What is done with such a request.
    pub(crate) actions: Vec<ActionSpec>,
    /// How a request is rewritten before: at most one host header rewrite and one URL rewrite.
    #[schemars(length(max = 2))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transforms: Option<Vec<Transform>>,
    /// Tags, key to value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, Text>>,
}

choices! {
    /// What a condition looks at.
    ConditionField = "host-header" | "path-pattern" | "http-header" | "http-request-method" | "query-string" | "source-ip";
    /// Which addresses a condition of a network load balancer takes.
    SourceIpType = "ipv4" | "ipv6";
    /// What a transform rewrites.
    TransformType = "host-header-rewrite" | "url-rewrite";
}

/// A condition; met if any of its values is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Condition {
    /// What it looks at.
    pub(crate) field: ConditionField,
    /// For `host-header` and `path-pattern`: the same as `values` in `hostHeaderConfig` or `pathPatternConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<String>>,
    /// For `host-header`, `path-pattern` and `http-header`: the same as `regexValues` in the field's config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regex_values: Option<Vec<String>>,
    /// For `host-header`: host names, with `*` and `?`; upper and lower case are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host_header_config: Option<Patterns>,
    /// For `path-pattern`: paths, with `*` and `?`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_pattern_config: Option<Patterns>,
    /// For `http-header`: a header and its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_header_config: Option<HeaderConfig>,
    /// For `http-request-method`: methods, in upper case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_request_method_config: Option<Values>,
    /// For `query-string`: pairs of key and value, or values alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) query_string_config: Option<QueryConfig>,
    /// For `source-ip`: CIDR blocks; for network load balancers the type of address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_ip_config: Option<SourceIpConfig>,
}

/// Values, or regular expressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Patterns {
    /// Values; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<String>>,
    /// Regular expressions; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regex_values: Option<Vec<String>>,
}

/// A header and its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HeaderConfig {
    /// The header's name; upper and lower case are the same.
    #[schemars(length(min = 1, max = 40))]
    pub(crate) http_header_name: String,
    /// Values, with `*` and `?`; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<String>>,
    /// Regular expressions; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regex_values: Option<Vec<String>>,
}

/// Values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Values {
    /// Values; a set.
    pub(crate) values: Vec<String>,
}

/// Parts of a query string.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryConfig {
    /// Pairs, or values alone; a set.
    pub(crate) values: Vec<QueryPair>,
}

/// A part of a query string.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryPair {
    /// The key; any if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The value, with `*` and `?`.
    pub(crate) value: Text,
}

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SourceIpConfig {
    /// CIDR blocks; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<String>>,
    /// The type of address (network load balancers).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip_address_type: Option<SourceIpType>,
}

/// How a request is rewritten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Transform {
    /// What is rewritten.
    #[serde(rename = "type")]
    pub(crate) kind: TransformType,
    /// For `host-header-rewrite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host_header_rewrite_config: Option<Rewrites>,
    /// For `url-rewrite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_rewrite_config: Option<Rewrites>,
}

/// Rewrites of a part of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rewrites {
    /// What is replaced by what.
    #[schemars(length(min = 1))]
    pub(crate) rewrites: Vec<Rewrite>,
}

/// A rewrite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rewrite {
    /// The regular expression.
    #[schemars(length(max = 1024))]
    pub(crate) regex: String,
    /// What replaces a match; `$1` is its first group. `$${` is a literal `${`.
    #[schemars(length(max = 1024))]
    pub(crate) replace: String,
}

pub(super) const FIELDS: &[Field] = fields_with_actions!("/actions";
    Field::scalar("/listenerArn").create_only(),
    Field::set("/conditions").canonical("values in the config of the condition's field, and not beside it"),
    Field::scalar("/priority").canonical("a number"),
    Field::set("/conditions/*/hostHeaderConfig/values").canonical("lower case"),
    Field::set("/conditions/*/hostHeaderConfig/regexValues"),
    Field::set("/conditions/*/pathPatternConfig/values"),
    Field::set("/conditions/*/pathPatternConfig/regexValues"),
    Field::set("/conditions/*/httpHeaderConfig/values"),
    Field::set("/conditions/*/httpHeaderConfig/regexValues"),
    Field::set("/conditions/*/httpRequestMethodConfig/values"),
    Field::set("/conditions/*/queryStringConfig/values"),
    Field::set("/conditions/*/sourceIpConfig/values").canonical("CIDR blocks without host bits; IPv6 in its short form"),
    Field::scalar("/conditions/*/httpHeaderConfig/httpHeaderName").canonical("lower case"),
    Field::of("/transforms", Shape::Set(ItemKey::Of(&["type"]))),
    Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
);

pub(super) fn validate(spec: &ListenerRuleSpec) -> Vec<SpecError> {
    let mut errors = Vec::new();
    if let Some(priority) = spec.priority.known()
        && !(1..=50_000).contains(&priority)
    {
        let words = format!("{priority} is no priority; write 1 to 50000");
        errors.push(SpecError::new("/priority", "out-of-range", words));
    }
    crate::elb::actions::validate(&spec.actions, "/actions", &mut errors);
    crate::elb::validate_tags(spec.tags.as_ref(), &mut errors);
    validate_conditions(&spec.conditions, &mut errors);
    validate_transforms(spec.transforms.as_deref().unwrap_or_default(), &mut errors);
    errors
}

fn validate_conditions(conditions: &[Condition], errors: &mut Vec<SpecError>) {
    let mut values = 0;
    for (i, condition) in conditions.iter().enumerate() {
        let at = format!("/conditions/{i}");
        let field = &*condition.field;
        let single = !["http-header", "query-string"].contains(&field) && !is_open(field);
        if single && conditions[..i].iter().any(|c| &*c.field == field) {
            let words = format!("a rule has one {field} condition; put all values into it");
            errors.push(SpecError::new(format!("{at}/field"), "duplicate-condition", words));
        }
        values += condition.validate(&at, errors);
    }
    // "Condition values per rule: 5" in the quotas of Application Load Balancers.
    if values > 5 {
        let words =
            format!("a rule has at most 5 condition values in all, and this one has {values}; split it in two rules");
        errors.push(SpecError::new("/conditions", "too-many-values", words));
    }
}

impl Condition {
    /// The configs that are there, each with the field it belongs to.
    fn configs(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            ("host-header", "hostHeaderConfig", self.host_header_config.is_some()),
            ("path-pattern", "pathPatternConfig", self.path_pattern_config.is_some()),
            ("http-header", "httpHeaderConfig", self.http_header_config.is_some()),
            ("http-request-method", "httpRequestMethodConfig", self.http_request_method_config.is_some()),
            ("query-string", "queryStringConfig", self.query_string_config.is_some()),
            ("source-ip", "sourceIpConfig", self.source_ip_config.is_some()),
        ];
        all.into_iter().filter(|c| c.2).map(|c| (c.0, c.1)).collect()
    }

    /// Checks the condition and returns how many values it has.
    fn validate(&self, at: &str, errors: &mut Vec<SpecError>) -> usize {
        let field = &*self.field;
        if is_open(field) {
            return 0;
        }
        for (owner, config) in self.configs().iter().filter(|(owner, _)| *owner != field) {
            let words = format!("{config} belongs to a {owner} condition, and this one is {field}");
            errors.push(SpecError::new(format!("{at}/{config}"), "conflicting-fields", words));
        }
        if self.values.is_some() && !["host-header", "path-pattern"].contains(&field) {
            let words = format!(
                "values beside field is for host-header and path-pattern; a {field} condition has them in its config"
            );
            errors.push(SpecError::new(format!("{at}/values"), "conflicting-fields", words));
        }
        let texts = self.texts();
        let pairs = self.query_string_config.as_ref().map_or(0, |q| q.values.len());
        let by_type = self.source_ip_config.as_ref().is_some_and(|s| s.ip_address_type.is_some());
        if texts.is_empty() && pairs == 0 && !by_type {
            let words = format!("a {field} condition needs at least one value");
            errors.push(SpecError::new(at, "missing-value", words));
        }
        for text in texts.iter().filter(|t| !is_open(t)) {
            if text.is_empty() || text.chars().count() > 128 {
                let words = format!("\"{text}\" has {} characters; a value has 1 to 128", text.chars().count());
                errors.push(SpecError::new(at, "invalid-value", words));
            } else if let Some(words) = self.wrong(text) {
                errors.push(SpecError::new(at, "invalid-value", words));
            }
        }
        texts.len() + pairs
    }

    /// All values that are texts, wherever they stand.
    fn texts(&self) -> Vec<&str> {
        let patterns = [&self.host_header_config, &self.path_pattern_config];
        let in_patterns = patterns.into_iter().flatten().flat_map(|p| [&p.values, &p.regex_values]);
        let in_header = self.http_header_config.iter().flat_map(|h| [&h.values, &h.regex_values]);
        let in_source = self.source_ip_config.iter().map(|s| &s.values);
        let beside = [&self.values, &self.regex_values];
        let methods = self.http_request_method_config.iter().flat_map(|m| &m.values);
        beside
            .into_iter()
            .chain(in_patterns)
            .chain(in_header)
            .chain(in_source)
            .flatten()
            .flatten()
            .chain(methods)
            .map(String::as_str)
            .collect()
    }

    /// What is wrong with a value for this field, beyond its length.
    fn wrong(&self, text: &str) -> Option<String> {
        match &*self.field {
            "source-ip" if text.parse::<ipnet::IpNet>().is_err() => {
                Some(format!("\"{text}\" is no CIDR block; write 203.0.113.0/24, or 203.0.113.7/32 for one address"))
            }
            "http-request-method"
                if text.len() > 40 || !text.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '_') =>
            {
                Some(format!("\"{text}\" is no request method: up to 40 of A to Z, hyphen and underscore"))
            }
            _ => None,
        }
    }
}

fn validate_transforms(transforms: &[Transform], errors: &mut Vec<SpecError>) {
    for (i, transform) in transforms.iter().enumerate() {
        let at = format!("/transforms/{i}");
        if transforms[..i].iter().any(|t| t.kind == transform.kind) {
            let words = format!("a rule has one {} transform; put all rewrites into it", &*transform.kind);
            errors.push(SpecError::new(format!("{at}/type"), "duplicate-transform", words));
        }
        let configs = [
            ("host-header-rewrite", "hostHeaderRewriteConfig", transform.host_header_rewrite_config.is_some()),
            ("url-rewrite", "urlRewriteConfig", transform.url_rewrite_config.is_some()),
        ];
        for (kind, config, there) in configs {
            let fits = kind == &*transform.kind;
            if fits && !there {
                let words = format!("a transform of type {kind} needs {config}");
                errors.push(SpecError::new(format!("{at}/{config}"), "missing-field", words));
            } else if !fits && there && !is_open(&transform.kind) {
                let words =
                    format!("{config} belongs to a transform of type {kind}, and this one is {}", &*transform.kind);
                errors.push(SpecError::new(format!("{at}/{config}"), "conflicting-fields", words));
            }
        }
    }
}
