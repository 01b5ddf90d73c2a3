//! What the live sides of the four kinds share: calls about tags and attributes, and how a child of something is found.

pub(crate) mod actions;
pub(crate) mod children;
pub(crate) mod known;

use super::types::Int;
use crate::aws::answer::concern;
pub(crate) use crate::aws::answer::concern::{Specs, arns};
pub(crate) use crate::aws::answer::{is_not_found, put_audited};
use crate::aws::{Aws, Service, TagsByArn, all_pages, answer};
use crate::common::{Retag, Tags};
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, Tag, TargetGroup};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Observation, Wanted};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// AWS's limit of ARNs for DescribeTags; DescribeListeners and DescribeRules are known to take as many.
pub(crate) const BATCH: usize = 20;
/// The largest page of all listings.
pub(crate) const PAGE: i32 = 400;

/// The tags of `arns`, from the feed where it is believed.
pub(crate) async fn tags_of(aws: &Aws<'_>, arns: &[String]) -> Result<TagsByArn, ApplyError> {
    aws.tags_of(arns, BATCH, |some| told_tags(aws, some)).await
}

/// The tags of at most [`BATCH`] ARNs, as Elastic Load Balancing itself knows them.
async fn told_tags(aws: &Aws<'_>, arns: Vec<String>) -> Result<BTreeMap<String, Tags>, ApplyError> {
    let call = aws.elb().describe_tags().set_resource_arns(Some(arns));
    let answer = aws.read(Service::Elb, "DescribeTags", call.send()).await?;
    let all = answer.tag_descriptions().iter();
    Ok(all.filter_map(|d| Some((d.resource_arn()?.to_owned(), tags_from(d.tags())))).collect())
}

fn tags_from(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|t| Some((t.key()?.to_owned(), t.value().unwrap_or_default().to_owned()))).collect()
}

/// Tags for a call; none at all rather than an empty list, which AWS refuses.
pub(crate) fn tags_for(tags: &Tags) -> Option<Vec<Tag>> {
    let list: Vec<Tag> = tags.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
    (!list.is_empty()).then_some(list)
}

/// Sets tags, then removes others; the thing is read anew in the next sweep.
pub(crate) async fn retag(aws: &Aws<'_>, change: &Retag) -> Result<(), ApplyError> {
    let set = aws.elb().add_tags().resource_arns(&change.id).set_tags(tags_for(&change.set)).send();
    let keys = change.remove.iter().cloned().collect();
    let remove = aws.elb().remove_tags().resource_arns(&change.id).set_tag_keys(Some(keys)).send();
    let (set, remove) = (aws.write(Service::Elb, "AddTags", set), aws.write(Service::Elb, "RemoveTags", remove));
    aws.retag(change, set, remove).await
}

/// [`answer::parse`] for a call of Elastic Load Balancing.
pub(crate) fn parse<T: DeserializeOwned>(operation: &str, members: &Map<String, Value>) -> Result<T, ApplyError> {
    answer::parse(&format!("elasticloadbalancing:{operation}"), members)
}

/// [`answer::refused`] for a call of Elastic Load Balancing.
pub(crate) fn refused(operation: &str, code: &str, message: String) -> ApplyError {
    answer::refused(&format!("elasticloadbalancing:{operation}"), code, message)
}

/// The answer to a delete: success also where the thing is gone already. What is kept of it is forgotten, whatever AWS
/// says or does not say.
pub(crate) fn deleted<T>(aws: &Aws<'_>, arn: &str, answer: Result<T, ApplyError>) -> Result<(), ApplyError> {
    aws.forget(arn);
    answer::deleted(answer)
}

/// A number for a call.
pub(crate) fn number(int: Option<&Int>) -> Option<i32> {
    int.and_then(Int::known).and_then(|n| i32::try_from(n).ok())
}

/// [`answer::made`] for a call of Elastic Load Balancing.
pub(crate) fn made(operation: &str, seen: Option<Observation>) -> Result<Applied, ApplyError> {
    answer::made(&format!("elasticloadbalancing:{operation}"), seen)
}

/// All load balancers, 400 a page.
pub(crate) async fn load_balancers(aws: &Aws<'_>) -> Result<Vec<LoadBalancer>, ApplyError> {
    let pages = all_pages(
        |marker| {
            let page = aws.elb().describe_load_balancers().page_size(PAGE).set_marker(marker);
            aws.read(Service::Elb, "DescribeLoadBalancers", page.send())
        },
        |answer| answer.next_marker(),
    )
    .await?;
    aws.was_listed("DescribeLoadBalancers", pages.len());
    Ok(pages.into_iter().flat_map(|page| page.load_balancers.unwrap_or_default()).collect())
}

/// All target groups, 400 a page.
pub(crate) async fn target_groups(aws: &Aws<'_>) -> Result<Vec<TargetGroup>, ApplyError> {
    let pages = all_pages(
        |marker| {
            let page = aws.elb().describe_target_groups().page_size(PAGE).set_marker(marker);
            aws.read(Service::Elb, "DescribeTargetGroups", page.send())
        },
        |answer| answer.next_marker(),
    )
    .await?;
    aws.was_listed("DescribeTargetGroups", pages.len());
    Ok(pages.into_iter().flat_map(|page| page.target_groups.unwrap_or_default()).collect())
}

/// [`concern::concerning`] with the tags that Elastic Load Balancing knows.
pub(crate) async fn concerning<K: Kind>(
    aws: &Aws<'_>,
    wanted: &Wanted,
    found: Vec<Observation>,
) -> Result<Vec<Observation>, ApplyError> {
    concern::concerning::<K, _>(aws, wanted, found, |arns| async move { tags_of(aws, &arns).await }).await
}

/// Attributes as a JSON object.
pub(crate) fn attributes_json<'a>(pairs: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Value {
    let known = pairs.filter_map(|(k, v)| Some((k?.to_owned(), Value::String(v.unwrap_or_default().to_owned()))));
    Value::Object(known.collect())
}
