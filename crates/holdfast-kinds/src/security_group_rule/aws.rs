//! EC2's side of a security group rule.

use super::{SecurityGroupRule, SecurityGroupRuleSpec};
use crate::aws::answer::{made, object, parse, refused};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::common::{Tags, text};
use crate::ec2::aws::{Concern, PAGE, arn, delete, retag, tags_for, tags_from};
use crate::plain::{self, Action, Call};
use crate::security_group::aws::{described, of_rule, permission};
use crate::security_group::rule::Rule;
use async_trait::async_trait;
use aws_sdk_ec2::types::{ResourceType, SecurityGroupRule as Wire};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::{Map, Value};

#[async_trait]
impl Live for SecurityGroupRule {
    /// One listing of all rules, 1,000 a page.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_security_group_rules().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeSecurityGroupRules", page.send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let concern = Concern::of::<Self>(wanted);
        let all = pages.iter().flat_map(|page| page.security_group_rules());
        let seen = all.filter_map(|one| {
            let seen = observe(aws, one)?;
            concern.has(Some(&seen.id), one.tags(), Some(&seen.identity)).then_some(seen)
        });
        Ok(reading(seen.collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => return authorize(aws, spec, tags).await,
            Call::Modify { id, set } => describe(aws, id, text(&Value::Object(set.clone()), "description")).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, fields } => {
                let group = text(fields, "groupId").unwrap_or_default();
                if fields.get("isEgress") == Some(&Value::Bool(true)) {
                    let call = aws.ec2().revoke_security_group_egress().group_id(group).security_group_rule_ids(id);
                    delete(aws, "RevokeSecurityGroupEgress", call.send()).await?;
                } else {
                    let call = aws.ec2().revoke_security_group_ingress().group_id(group).security_group_rule_ids(id);
                    delete(aws, "RevokeSecurityGroupIngress", call.send()).await?;
                }
            }
        }
        Ok(Applied::default())
    }
}

fn observe(aws: &Aws<'_>, one: &Wire) -> Option<Observation> {
    let id = one.security_group_rule_id()?.to_owned();
    let rule = Rule { description: one.description().map(str::to_owned), ..of_rule(one) };
    let mut fields = object([
        ("groupId", one.group_id().map(Into::into)),
        ("isEgress", Some(one.is_egress().unwrap_or_default().into())),
    ]);
    if let (Value::Object(fields), Value::Object(rule)) = (&mut fields, rule.canonical().to_json()) {
        fields.extend(rule);
    }
    let arn = one
        .security_group_rule_arn()
        .map_or_else(|| arn(aws, one.group_owner_id(), "security-group-rule", &id), str::to_owned);
    let tags = tags_from(one.tags());
    Some(plain::observation::<SecurityGroupRule, 1>(id, tags, fields, [("arn", Some(arn.into()))]))
}

async fn authorize(aws: &Aws<'_>, members: &Map<String, Value>, tags: &Tags) -> Result<Applied, ApplyError> {
    let egress = members.get("isEgress") == Some(&Value::Bool(true));
    let operation = if egress { "ec2:AuthorizeSecurityGroupEgress" } else { "ec2:AuthorizeSecurityGroupIngress" };
    let spec: SecurityGroupRuleSpec = parse(operation, members)?;
    let (rule, tags) = (permission(&spec.rule().canonical()), tags_for(ResourceType::SecurityGroupRule, tags));
    let made_rules = if egress {
        let call = aws.ec2().authorize_security_group_egress().group_id(&spec.group_id);
        let call = call.ip_permissions(rule).tag_specifications(tags);
        aws.write(Service::Ec2, "AuthorizeSecurityGroupEgress", call.send()).await?.security_group_rules
    } else {
        let call = aws.ec2().authorize_security_group_ingress().group_id(&spec.group_id);
        let call = call.ip_permissions(rule).tag_specifications(tags);
        aws.write(Service::Ec2, "AuthorizeSecurityGroupIngress", call.send()).await?.security_group_rules
    };
    made(operation, made_rules.unwrap_or_default().first().and_then(|one| observe(aws, one)))
}

/// EC2 wants to hear the whole rule, so it is read before; the rule itself stays in force meanwhile.
async fn describe(aws: &Aws<'_>, id: &str, description: Option<&str>) -> Result<(), ApplyError> {
    let call = aws.ec2().describe_security_group_rules().security_group_rule_ids(id);
    let answer = aws.read(Service::Ec2, "DescribeSecurityGroupRules", call.send()).await?;
    let Some((one, group)) = answer.security_group_rules().first().and_then(|one| Some((one, one.group_id()?))) else {
        let words = format!("{id} is not there any more");
        return Err(refused("ec2:ModifySecurityGroupRules", "InvalidSecurityGroupRuleId.NotFound", words));
    };
    let rule = Rule { description: description.map(str::to_owned), ..of_rule(one) };
    let call = aws.ec2().modify_security_group_rules().group_id(group).security_group_rules(described(id, &rule));
    aws.write(Service::Ec2, "ModifySecurityGroupRules", call.send()).await.map(drop)
}
