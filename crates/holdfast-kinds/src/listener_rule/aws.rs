//! Elastic Load Balancing's side of a listener rule.

use super::ListenerRule;
use super::plan::{Action, Move};
use super::spec::{Condition, Patterns, Rewrites, Transform};
use crate::aws::answer::object;
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::{Tags, settled};
use crate::elb::actions::ActionSpec;
use crate::elb::aws::actions::{from_wire, to_wire};
use crate::elb::aws::children::{self, Child};
use crate::elb::aws::{PAGE, concerning, deleted, made, number, parse, refused, retag, tags_for};
use crate::elb::outputs;
use crate::elb::types::Int;
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types as wire;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use holdfast_core::outputs::Outputs;
use serde::Deserialize;
use serde_json::{Map, Value, json};

impl Child for ListenerRule {
    type Item = wire::Rule;
    const PARENT: &'static str = "listenerArn";
    const PATHS: (&'static str, &'static str) = ("listener-rule", "listener");

    async fn by_arns(aws: &Aws<'_>, arns: Vec<String>) -> Result<Vec<wire::Rule>, ApplyError> {
        let call = aws.elb().describe_rules().set_rule_arns(Some(arns));
        Ok(aws.read(Service::Elb, "DescribeRules", call.send()).await?.rules.unwrap_or_default())
    }

    async fn of_parent(aws: &Aws<'_>, parent: String) -> Result<Vec<wire::Rule>, ApplyError> {
        let pages = all_pages(
            |marker| {
                let page = aws.elb().describe_rules().listener_arn(&parent).page_size(PAGE);
                aws.read(Service::Elb, "DescribeRules", page.set_marker(marker).send())
            },
            |answer| answer.next_marker(),
        )
        .await?;
        Ok(pages.into_iter().flat_map(|page| page.rules.unwrap_or_default()).collect())
    }

    fn arn(item: &wire::Rule) -> &str {
        item.rule_arn().unwrap_or_default()
    }

    fn is_of_parent(item: &wire::Rule) -> bool {
        item.is_default() == Some(true)
    }
}

#[async_trait]
impl Live for ListenerRule {
    /// By ARN, 20 a call.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let found = children::find::<ListenerRule>(aws, wanted).await;
        let rules = found.items.into_values().filter_map(|rule| observe(&rule)).map(Observation::folded).collect();
        Ok(reading(concerning::<Self>(aws, wanted, rules).await?, found.gaps))
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { spec, tags } => return create(aws, spec, tags).await,
            Action::SetPriorities { arn, to, with, .. } => return set_priorities(aws, arn, to, with).await,
            Action::Modify { arn, set } => modify(aws, arn, set).await?,
            Action::Tag(change) => retag(aws, change).await?,
            Action::Delete { arn } => {
                let call = aws.elb().delete_rule().rule_arn(arn);
                deleted(aws, arn, aws.write(Service::Elb, "DeleteRule", call.send()).await)?;
            }
        }
        Ok(Applied::default())
    }
}

/// The default rule is the listener's default actions, and no rule here.
fn observe(rule: &wire::Rule) -> Option<Observation> {
    let priority: i32 = rule.priority()?.parse().ok()?;
    let arn = rule.rule_arn().filter(|_| rule.is_default() != Some(true))?.to_owned();
    let listener = arn.rsplit_once('/')?.0.replacen(":listener-rule/", ":listener/", 1);
    let transforms =
        (!rule.transforms().is_empty()).then(|| rule.transforms().iter().map(transform_from_wire).collect());
    let mut fields = object([
        ("listenerArn", Some(listener.as_str().into())),
        ("priority", Some(priority.into())),
        ("conditions", Some(rule.conditions().iter().map(condition_from_wire).collect())),
        ("actions", Some(from_wire(rule.actions()))),
        ("transforms", transforms),
    ]);
    super::canonical(&mut fields);
    let outputs = outputs(&arn, [("priority", Some(priority.into())), ("listenerArn", Some(listener.into()))]);
    let identity = super::identity(&fields).unwrap_or_default();
    Some(Observation { outputs, ..settled(arn, identity, Tags::new(), fields) })
}

/// A list that says something.
fn some(list: &[String]) -> Option<Value> {
    (!list.is_empty()).then(|| json!(list))
}

fn condition_from_wire(condition: &wire::RuleCondition) -> Value {
    let host = condition
        .host_header_config()
        .map(|c| object([("values", some(c.values())), ("regexValues", some(c.regex_values()))]));
    let path = condition
        .path_pattern_config()
        .map(|c| object([("values", some(c.values())), ("regexValues", some(c.regex_values()))]));
    let header = condition.http_header_config().map(|c| {
        object([
            ("httpHeaderName", c.http_header_name().map(Into::into)),
            ("values", some(c.values())),
            ("regexValues", some(c.regex_values())),
        ])
    });
    let pair = |p: &wire::QueryStringKeyValuePair| {
        object([("key", p.key().map(Into::into)), ("value", p.value().map(Into::into))])
    };
    let query =
        condition.query_string_config().map(|c| json!({ "values": c.values().iter().map(pair).collect::<Value>() }));
    let source = condition.source_ip_config().map(|c| {
        object([("values", some(c.values())), ("ipAddressType", c.ip_address_type().map(|t| t.as_str().into()))])
    });
    object([
        ("field", condition.field().map(Into::into)),
        ("values", some(condition.values())),
        ("regexValues", some(condition.regex_values())),
        ("hostHeaderConfig", host),
        ("pathPatternConfig", path),
        ("httpHeaderConfig", header),
        ("httpRequestMethodConfig", condition.http_request_method_config().map(|c| json!({ "values": c.values() }))),
        ("queryStringConfig", query),
        ("sourceIpConfig", source),
    ])
}

fn condition_to_wire(condition: &Condition) -> wire::RuleCondition {
    let patterns = |p: &Patterns| (p.values.clone(), p.regex_values.clone());
    let host = condition.host_header_config.as_ref().map(patterns).map(|(values, regexes)| {
        wire::HostHeaderConditionConfig::builder().set_values(values).set_regex_values(regexes).build()
    });
    let path = condition.path_pattern_config.as_ref().map(patterns).map(|(values, regexes)| {
        wire::PathPatternConditionConfig::builder().set_values(values).set_regex_values(regexes).build()
    });
    let header = condition.http_header_config.as_ref().map(|h| {
        wire::HttpHeaderConditionConfig::builder()
            .http_header_name(&h.http_header_name)
            .set_values(h.values.clone())
            .set_regex_values(h.regex_values.clone())
            .build()
    });
    let methods = condition
        .http_request_method_config
        .as_ref()
        .map(|m| wire::HttpRequestMethodConditionConfig::builder().set_values(Some(m.values.clone())).build());
    let query = condition.query_string_config.as_ref().map(|q| {
        let pairs = q
            .values
            .iter()
            .map(|p| wire::QueryStringKeyValuePair::builder().set_key(p.key.clone()).value(&p.value.0).build());
        wire::QueryStringConditionConfig::builder().set_values(Some(pairs.collect())).build()
    });
    let source = condition.source_ip_config.as_ref().map(|s| {
        wire::SourceIpConditionConfig::builder()
            .set_values(s.values.clone())
            .set_ip_address_type(s.ip_address_type.as_deref().map(Into::into))
            .build()
    });
    wire::RuleCondition::builder()
        .field(&*condition.field)
        .set_values(condition.values.clone())
        .set_regex_values(condition.regex_values.clone())
        .set_host_header_config(host)
        .set_path_pattern_config(path)
        .set_http_header_config(header)
        .set_http_request_method_config(methods)
        .set_query_string_config(query)
        .set_source_ip_config(source)
        .build()
}

fn transform_from_wire(transform: &wire::RuleTransform) -> Value {
    let rewrites = |list: &[wire::RewriteConfig]| {
        let one = |r: &wire::RewriteConfig| {
            object([("regex", r.regex().map(Into::into)), ("replace", r.replace().map(Into::into))])
        };
        json!({ "rewrites": list.iter().map(one).collect::<Value>() })
    };
    object([
        ("type", transform.r#type().map(|t| t.as_str().into())),
        ("hostHeaderRewriteConfig", transform.host_header_rewrite_config().map(|c| rewrites(c.rewrites()))),
        ("urlRewriteConfig", transform.url_rewrite_config().map(|c| rewrites(c.rewrites()))),
    ])
}

fn transform_to_wire(transform: &Transform) -> wire::RuleTransform {
    let list = |r: &Rewrites| -> Vec<wire::RewriteConfig> {
        let one = |r: &super::spec::Rewrite| wire::RewriteConfig::builder().regex(&r.regex).replace(&r.replace).build();
        r.rewrites.iter().map(one).collect()
    };
    let host = transform
        .host_header_rewrite_config
        .as_ref()
        .map(|r| wire::HostHeaderRewriteConfig::builder().set_rewrites(Some(list(r))).build());
    let url = transform
        .url_rewrite_config
        .as_ref()
        .map(|r| wire::UrlRewriteConfig::builder().set_rewrites(Some(list(r))).build());
    wire::RuleTransform::builder()
        .r#type(wire::TransformTypeEnum::from(&*transform.kind))
        .set_host_header_rewrite_config(host)
        .set_url_rewrite_config(url)
        .build()
}

/// The members of CreateRule and ModifyRule.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    listener_arn: Option<String>,
    priority: Option<Int>,
    conditions: Option<Vec<Condition>>,
    actions: Option<Vec<ActionSpec>>,
    transforms: Option<Vec<Transform>>,
}

impl Members {
    fn conditions(&self) -> Option<Vec<wire::RuleCondition>> {
        self.conditions.as_ref().map(|all| all.iter().map(condition_to_wire).collect())
    }
    /// No transforms at all rather than an empty list.
    fn transforms(&self) -> Option<Vec<wire::RuleTransform>> {
        let all = self.transforms.as_ref().filter(|all| !all.is_empty())?;
        Some(all.iter().map(transform_to_wire).collect())
    }
}

async fn create(aws: &Aws<'_>, members: &Map<String, Value>, tags: &Tags) -> Result<Applied, ApplyError> {
    let members: Members = parse("CreateRule", members)?;
    let call = aws
        .elb()
        .create_rule()
        .set_listener_arn(members.listener_arn.clone())
        .set_priority(number(members.priority.as_ref()))
        .set_conditions(members.conditions())
        .set_actions(members.actions.as_deref().map(|actions| to_wire(actions, false)))
        .set_transforms(members.transforms())
        .set_tags(tags_for(tags));
    let answer = aws.write(Service::Elb, "CreateRule", call.send()).await?;
    made("CreateRule", answer.rules().first().and_then(observe))
}

async fn modify(aws: &Aws<'_>, arn: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let members: Members = parse("ModifyRule", set)?;
    let resets = set.contains_key("transforms") && members.transforms().is_none();
    let call = aws
        .elb()
        .modify_rule()
        .rule_arn(arn)
        .set_conditions(members.conditions())
        .set_actions(members.actions.as_deref().map(|actions| to_wire(actions, true)))
        .set_transforms(members.transforms())
        .set_reset_transforms(resets.then_some(true));
    aws.write(Service::Elb, "ModifyRule", call.send()).await.map(drop)
}

async fn set_priorities(aws: &Aws<'_>, arn: &str, to: &Value, with: &[Move]) -> Result<Applied, ApplyError> {
    let own = std::iter::once((arn, to));
    let mut pairs = Vec::new();
    for (rule, to) in own.chain(with.iter().map(|m| (m.rule_arn.as_str(), &m.to))) {
        let Some(priority) = to.as_i64().and_then(|n| i32::try_from(n).ok()) else {
            return Err(refused("SetRulePriorities", "InvalidValue", format!("{to} is no priority")));
        };
        pairs.push(wire::RulePriorityPair::builder().rule_arn(rule).priority(priority).build());
    }
    let call = aws.elb().set_rule_priorities().set_rule_priorities(Some(pairs));
    aws.write(Service::Elb, "SetRulePriorities", call.send()).await?;
    Ok(Applied { outputs: Outputs::from_iter([("priority", to.clone())]), ..Applied::default() })
}
