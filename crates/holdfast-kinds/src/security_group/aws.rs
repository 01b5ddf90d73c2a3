//! EC2's side of a security group.

use super::plan::{Action, Rules};
use super::rule::{Direction, Rule};
use super::{SecurityGroup, identity};
use crate::aws::{Aws, Live, Service, all_pages, folded};
use crate::common::{Tags, Text, settled};
use crate::ec2::aws::known::{Listing, known};
use crate::ec2::aws::{Concern, PAGE, arn, retag, tags_for, tags_from};
use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroupRule, SecurityGroupRuleRequest,
    SecurityGroupRuleUpdate, UserIdGroupPair,
};
use holdfast_core::cloud::{Applied, ApplyError, ErrorClass};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Observation, Reading, Wanted};
use holdfast_core::outputs::Outputs;
use serde_json::{Value, json};

#[async_trait]
impl Live for SecurityGroup {
    /// One listing, 1,000 a page with rules and tags: of all groups, or of ours.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let concern = Concern::of::<Self>(wanted);
        let ours = |group: &aws_sdk_ec2::types::SecurityGroup| {
            let identity = identity(group.vpc_id().unwrap_or_default(), group.group_name().unwrap_or_default());
            concern.has(group.group_id(), group.tags(), Some(&identity)).then(|| folded(observe(aws, group)))
        };
        let listing = Listing { operation: "DescribeSecurityGroups", by_id: "group-id" };
        let observations = known::<Self, _, _, _>(
            aws,
            wanted,
            &listing,
            |filters, token| {
                // The page size doubles the bucket that EC2 counts the call against.
                let page = aws.ec2().describe_security_groups().set_filters(filters).max_results(PAGE);
                aws.read(Service::Ec2, "DescribeSecurityGroups", page.set_next_token(token).send())
            },
            |answer| answer.next_token(),
            |answer| answer.security_groups().iter().filter_map(ours).collect(),
        )
        .await?;
        Ok(Reading { observations, ..Reading::default() })
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { group_name, description, vpc_id, tags } => {
                return create(aws, group_name, description, vpc_id, tags).await;
            }
            Action::Authorize(rules) => authorize(aws, rules).await?,
            Action::Describe(rules) => describe(aws, rules).await?,
            Action::Revoke(rules) => revoke(aws, rules).await?,
            Action::Retag(change) => retag(aws, change).await?,
            Action::Delete { id } => delete(aws, id).await?,
        }
        Ok(Applied::default())
    }
}

fn observe(aws: &Aws<'_>, group: &aws_sdk_ec2::types::SecurityGroup) -> Observation {
    let id = group.group_id().unwrap_or_default().to_owned();
    let (vpc, name) = (group.vpc_id().unwrap_or_default(), group.group_name().unwrap_or_default());
    let mut fields = json!({
        "groupName": name,
        "description": group.description().unwrap_or_default(),
        "vpcId": vpc,
        "ingress": flat(group.ip_permissions()),
        "egress": flat(group.ip_permissions_egress()),
    });
    SecurityGroup::canonical(&mut fields);
    let arn =
        group.security_group_arn().map_or_else(|| arn(aws, group.owner_id(), "security-group", &id), str::to_owned);
    let tags = tags_from(group.tags());
    Observation { outputs: outputs(&id, Some(arn), name, vpc), ..settled(id, identity(vpc, name), tags, fields) }
}

fn outputs(id: &str, arn: Option<String>, name: &str, vpc: &str) -> Outputs {
    let arn = arn.map(|arn| ("arn", Value::from(arn)));
    let others = [("groupName", name.into()), ("vpcId", vpc.into())];
    [("id", id.into())].into_iter().chain(arn).chain(others).collect()
}

/// EC2 joins rules of the same ports; here each peer is a rule again. Sorted, and once each: some implementations of
/// AWS keep the same rule twice.
fn flat(permissions: &[IpPermission]) -> Value {
    let mut rules: Vec<Rule> = permissions.iter().flat_map(of_permission).map(Rule::canonical).collect();
    rules.sort();
    rules.dedup_by(|a, b| a.key() == b.key());
    rules.iter().map(Rule::to_json).collect()
}

fn of_permission(permission: &IpPermission) -> Vec<Rule> {
    let ports = Rule {
        ip_protocol: Text(permission.ip_protocol().unwrap_or_default().to_owned()),
        from_port: permission.from_port().map(i64::from),
        to_port: permission.to_port().map(i64::from),
        ..Rule::default()
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let four = permission.ip_ranges().iter().map(|peer| Rule {
        cidr_ipv4: owned(peer.cidr_ip()),
        description: owned(peer.description()),
        ..ports.clone()
    });
    let six = permission.ipv6_ranges().iter().map(|peer| Rule {
        cidr_ipv6: owned(peer.cidr_ipv6()),
        description: owned(peer.description()),
        ..ports.clone()
    });
    let lists = permission.prefix_list_ids().iter().map(|peer| Rule {
        prefix_list_id: owned(peer.prefix_list_id()),
        description: owned(peer.description()),
        ..ports.clone()
    });
    let groups = permission.user_id_group_pairs().iter().map(|peer| Rule {
        referenced_group_id: owned(peer.group_id()),
        description: owned(peer.description()),
        ..ports.clone()
    });
    four.chain(six).chain(lists).chain(groups).collect()
}

/// A rule as EC2 takes it, one permission a rule.
pub(crate) fn permission(rule: &Rule) -> IpPermission {
    let description = rule.description.clone();
    let mut permission = IpPermission::builder()
        .ip_protocol(&rule.ip_protocol.0)
        .set_from_port(port(rule.from_port))
        .set_to_port(port(rule.to_port));
    if let Some(cidr) = &rule.cidr_ipv4 {
        permission =
            permission.ip_ranges(IpRange::builder().cidr_ip(cidr).set_description(description.clone()).build());
    }
    if let Some(cidr) = &rule.cidr_ipv6 {
        permission =
            permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(cidr).set_description(description.clone()).build());
    }
    if let Some(list) = &rule.prefix_list_id {
        let peer = PrefixListId::builder().prefix_list_id(list).set_description(description.clone()).build();
        permission = permission.prefix_list_ids(peer);
    }
    if let Some(group) = &rule.referenced_group_id {
        let peer = UserIdGroupPair::builder().group_id(group).set_description(description).build();
        permission = permission.user_id_group_pairs(peer);
    }
    permission.build()
}

fn port(port: Option<i64>) -> Option<i32> {
    port.and_then(|p| i32::try_from(p).ok())
}

async fn create(aws: &Aws<'_>, name: &str, description: &str, vpc: &str, tags: &Tags) -> Result<Applied, ApplyError> {
    let tags = tags_for(ResourceType::SecurityGroup, tags);
    let call = aws.ec2().create_security_group().group_name(name).description(description).vpc_id(vpc);
    let call = call.tag_specifications(tags);
    let answer = aws.write(Service::Ec2, "CreateSecurityGroup", call.send()).await?;
    let id = answer.group_id().unwrap_or_default().to_owned();
    let outputs = outputs(&id, answer.security_group_arn().map(str::to_owned), name, vpc);
    Ok(Applied { id: Some(id), outputs, request_ids: Vec::new() })
}

/// All in one call. Should EC2 know one of them, it takes none: then the missing ones go one by one.
async fn authorize(aws: &Aws<'_>, some: &Rules) -> Result<(), ApplyError> {
    match authorize_call(aws, some, &some.rules).await {
        Err(error) if is_duplicate(&error) => {}
        other => return other,
    }
    let there = rules_of(aws, &some.id).await?;
    for rule in some.rules.iter().filter(|rule| id_of(&there, some.direction, rule).is_none()) {
        match authorize_call(aws, some, std::slice::from_ref(rule)).await {
            Err(error) if !is_duplicate(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// EC2 took a rule and does not show it: what it replaces must stay until it does.
fn unshown(direction: Direction, rule: &Rule) -> ApplyError {
    let words = format!(
        "EC2 took the rule {} and does not show it yet; nothing is revoked before it does",
        crate::common::one_line(&rule.words(direction))
    );
    ApplyError {
        class: ErrorClass::Conflict,
        operation: "ec2:DescribeSecurityGroupRules".to_owned(),
        code: "RuleNotShown".to_owned(),
        message: words,
        request_id: None,
    }
}

async fn authorize_call(aws: &Aws<'_>, some: &Rules, rules: &[Rule]) -> Result<(), ApplyError> {
    let permissions = Some(rules.iter().map(permission).collect());
    let (ec2, id) = (aws.ec2(), &some.id);
    match some.direction {
        Direction::Ingress => {
            let call = ec2.authorize_security_group_ingress().group_id(id).set_ip_permissions(permissions);
            aws.write(Service::Ec2, "AuthorizeSecurityGroupIngress", call.send()).await.map(drop)
        }
        Direction::Egress => {
            let call = ec2.authorize_security_group_egress().group_id(id).set_ip_permissions(permissions);
            aws.write(Service::Ec2, "AuthorizeSecurityGroupEgress", call.send()).await.map(drop)
        }
    }
}

fn is_duplicate(error: &ApplyError) -> bool {
    error.code == "InvalidPermission.Duplicate"
}

/// By rule id: revoking by content is where implementations of AWS differ. What is not there needs no call, and what
/// takes its place must be there.
async fn revoke(aws: &Aws<'_>, some: &Rules) -> Result<(), ApplyError> {
    let there = rules_of(aws, &some.id).await?;
    if let Some(rule) = some.after.iter().find(|rule| id_of(&there, some.direction, rule).is_none()) {
        return Err(unshown(some.direction, rule));
    }
    let ids: Vec<String> = some.rules.iter().flat_map(|rule| ids_of(&there, some.direction, rule)).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (ec2, id) = (aws.ec2(), &some.id);
    match some.direction {
        Direction::Ingress => {
            let call = ec2.revoke_security_group_ingress().group_id(id).set_security_group_rule_ids(Some(ids));
            aws.write(Service::Ec2, "RevokeSecurityGroupIngress", call.send()).await.map(drop)
        }
        Direction::Egress => {
            let call = ec2.revoke_security_group_egress().group_id(id).set_security_group_rule_ids(Some(ids));
            aws.write(Service::Ec2, "RevokeSecurityGroupEgress", call.send()).await.map(drop)
        }
    }
}

/// One call for all descriptions; the rules themselves stay in force meanwhile.
async fn describe(aws: &Aws<'_>, some: &Rules) -> Result<(), ApplyError> {
    let there = rules_of(aws, &some.id).await?;
    let updates: Vec<SecurityGroupRuleUpdate> = some
        .rules
        .iter()
        .filter_map(|rule| {
            let id = id_of(&there, some.direction, rule)?;
            Some(described(&id, rule))
        })
        .collect();
    if updates.is_empty() {
        return Ok(());
    }
    let call = aws.ec2().modify_security_group_rules().group_id(&some.id).set_security_group_rules(Some(updates));
    aws.write(Service::Ec2, "ModifySecurityGroupRules", call.send()).await.map(drop)
}

/// The rule of that id with its description: EC2 wants to hear all of it.
pub(crate) fn described(id: &str, rule: &Rule) -> SecurityGroupRuleUpdate {
    // EC2 says -1 for the ports of a protocol that has none, and wants to hear it back.
    let request = SecurityGroupRuleRequest::builder()
        .ip_protocol(&rule.ip_protocol.0)
        .set_from_port(port(rule.from_port.or(Some(-1))))
        .set_to_port(port(rule.to_port.or(Some(-1))))
        .set_cidr_ipv4(rule.cidr_ipv4.clone())
        .set_cidr_ipv6(rule.cidr_ipv6.clone())
        .set_prefix_list_id(rule.prefix_list_id.clone())
        .set_referenced_group_id(rule.referenced_group_id.clone())
        .set_description(Some(rule.description.clone().unwrap_or_default()))
        .build();
    SecurityGroupRuleUpdate::builder().security_group_rule_id(id).security_group_rule(request).build()
}

/// The rules of a group with their ids.
async fn rules_of(aws: &Aws<'_>, group: &str) -> Result<Vec<SecurityGroupRule>, ApplyError> {
    let of_group = Filter::builder().name("group-id").values(group).build();
    let pages = all_pages(
        |token| {
            let page = aws.ec2().describe_security_group_rules().filters(of_group.clone()).max_results(1000);
            aws.read(Service::Ec2, "DescribeSecurityGroupRules", page.set_next_token(token).send())
        },
        |answer| answer.next_token(),
    )
    .await?;
    Ok(pages.into_iter().flat_map(|page| page.security_group_rules.unwrap_or_default()).collect())
}

fn id_of(there: &[SecurityGroupRule], direction: Direction, rule: &Rule) -> Option<String> {
    ids_of(there, direction, rule).into_iter().next()
}

/// The ids under which a rule is there; more than one only where an implementation takes duplicates.
fn ids_of(there: &[SecurityGroupRule], direction: Direction, rule: &Rule) -> Vec<String> {
    there
        .iter()
        .filter(|r| r.is_egress() == Some(direction == Direction::Egress) && of_rule(r).key() == rule.key())
        .filter_map(|r| r.security_group_rule_id().map(str::to_owned))
        .collect()
}

/// A rule as EC2 lists it, without its description.
pub(crate) fn of_rule(rule: &SecurityGroupRule) -> Rule {
    Rule {
        ip_protocol: Text(rule.ip_protocol().unwrap_or_default().to_owned()),
        from_port: rule.from_port().map(i64::from),
        to_port: rule.to_port().map(i64::from),
        cidr_ipv4: rule.cidr_ipv4().map(str::to_owned),
        cidr_ipv6: rule.cidr_ipv6().map(str::to_owned),
        prefix_list_id: rule.prefix_list_id().map(str::to_owned),
        referenced_group_id: rule.referenced_group_info().and_then(|g| g.group_id()).map(str::to_owned),
        description: None,
    }
    .canonical()
}

async fn delete(aws: &Aws<'_>, id: &str) -> Result<(), ApplyError> {
    let call = aws.ec2().delete_security_group().group_id(id);
    match aws.write(Service::Ec2, "DeleteSecurityGroup", call.send()).await {
        Ok(_) => Ok(()),
        Err(error) if error.code == "InvalidGroup.NotFound" => Ok(()),
        Err(error) if error.code == "DependencyViolation" || error.code == "InvalidGroup.InUse" => {
            let held_by = holders(aws, id).await;
            Err(ApplyError { class: ErrorClass::Conflict, message: format!("{}{held_by}", error.message), ..error })
        }
        Err(error) => Err(error),
    }
}

/// What keeps a group from being deleted, in words; empty if AWS does not say.
async fn holders(aws: &Aws<'_>, id: &str) -> String {
    const NAMED: usize = 5;
    let filter = |name: &str| Filter::builder().name(name).values(id).build();
    let mut held_by = Vec::new();
    let call = aws.ec2().describe_network_interfaces().filters(filter("group-id")).max_results(1000);
    if let Ok(answer) = aws.read(Service::Ec2, "DescribeNetworkInterfaces", call.send()).await {
        held_by.extend(answer.network_interfaces().iter().map(|interface| {
            let id = interface.network_interface_id().unwrap_or("unnamed");
            let what = interface.description().filter(|d| !d.is_empty()).map(|d| format!(" ({d})"));
            format!("interface {id}{}", what.unwrap_or_default())
        }));
    }
    for direction in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
        let call = aws.ec2().describe_security_groups().filters(filter(direction)).max_results(1000);
        if let Ok(answer) = aws.read(Service::Ec2, "DescribeSecurityGroups", call.send()).await {
            let others = answer.security_groups().iter().filter_map(|g| g.group_id()).filter(|other| *other != id);
            held_by.extend(others.map(|other| format!("a rule of group {other}")));
        }
    }
    match held_by.len() {
        0 => String::new(),
        many if many > NAMED => format!("; held by {} and {} more", held_by[..NAMED].join(", "), many - NAMED),
        _ => format!("; held by {}", held_by.join(", ")),
    }
}
