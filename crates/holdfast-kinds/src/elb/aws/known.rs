//! Load balancers and target groups, whose names are unique in a region: all that there are, or those that concern us, by
//! ARN, whichever takes fewer calls.

use super::{BATCH, load_balancers, target_groups};
use crate::aws::{Aws, Service};
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetGroup};
use holdfast_core::cloud::ApplyError;
use holdfast_core::kind::Kind;
use holdfast_core::observe::Wanted;
use std::collections::BTreeSet;
use std::future::Future;

/// At least those load balancers that are wanted, ours, or named as one that is wanted.
pub(crate) async fn known_load_balancers<K: Kind>(
    aws: &Aws<'_>,
    wanted: &Wanted,
) -> Result<Vec<LoadBalancer>, ApplyError> {
    let some = |arns: Vec<String>| async move {
        let call = aws.elb().describe_load_balancers().set_load_balancer_arns(Some(arns));
        let answer = aws.read(Service::Elb, "DescribeLoadBalancers", call.send()).await?;
        Ok(answer.load_balancers.unwrap_or_default())
    };
    let known = known::<K>(aws, wanted, "DescribeLoadBalancers", ":loadbalancer/").await;
    told_or_listed(aws, "DescribeLoadBalancers", known, some, load_balancers(aws)).await
}

/// At least those target groups that are wanted, ours, or named as one that is wanted.
pub(crate) async fn known_target_groups<K: Kind>(
    aws: &Aws<'_>,
    wanted: &Wanted,
) -> Result<Vec<TargetGroup>, ApplyError> {
    let some = |arns: Vec<String>| async move {
        let call = aws.elb().describe_target_groups().set_target_group_arns(Some(arns));
        let answer = aws.read(Service::Elb, "DescribeTargetGroups", call.send()).await?;
        Ok(answer.target_groups.unwrap_or_default())
    };
    let known = known::<K>(aws, wanted, "DescribeTargetGroups", ":targetgroup/").await;
    told_or_listed(aws, "DescribeTargetGroups", known, some, target_groups(aws)).await
}

/// The ARNs of all that concerns us, what is wanted and what the feed says is ours; none if something has to be looked for by
/// its name, or if the listing takes no more calls.
async fn known<K: Kind>(aws: &Aws<'_>, wanted: &Wanted, operation: &str, part: &str) -> Option<Vec<String>> {
    if !aws.is_longer(operation, 1) {
        return None;
    }
    let mut arns = BTreeSet::new();
    for one in &wanted.resources {
        let arn = one.id.as_deref()?;
        let is_so_named = one.spec.identity(K::identity).is_some_and(|name| name_in(arn) == Some(name));
        if one.made_as.is_some() || !is_so_named {
            return None;
        }
        arns.insert(arn.to_owned());
    }
    // A Classic Load Balancer's ARN ends with its name alone.
    let is_one = |arn: &&String| arn.contains(part) && name_in(arn).is_some_and(|name| !name.contains(':'));
    arns.extend(aws.owned().await.keys().filter(is_one).cloned());
    aws.is_longer(operation, arns.len().div_ceil(BATCH)).then(|| arns.into_iter().collect())
}

/// The name in an ARN such as `…:targetgroup/web/0123456789abcdef`.
fn name_in(arn: &str) -> Option<&str> {
    arn.rsplit('/').nth(1)
}

/// What `some` tells of the known ARNs, twenty of them a call, if it tells of each; else what `all` lists. Whoever has the name
/// of one that is gone stands in the listing alone.
async fn told_or_listed<T, F>(
    aws: &Aws<'_>,
    operation: &'static str,
    known: Option<Vec<String>>,
    some: impl Fn(Vec<String>) -> F,
    all: impl Future<Output = Result<Vec<T>, ApplyError>>,
) -> Result<Vec<T>, ApplyError>
where
    F: Future<Output = Result<Vec<T>, ApplyError>>,
{
    let Some(arns) = known else { return all.await };
    let reads = arns.chunks(BATCH).map(|part| some(part.to_vec())).collect();
    let Some(told) = aws.told(operation, reads).await? else { return all.await };
    let told: Vec<T> = told.into_iter().flatten().collect();
    if told.len() == arns.len() {
        return Ok(told);
    }
    aws.was_not_told(operation);
    all.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::Lab;

    #[tokio::test]
    async fn what_is_known_is_asked_for_and_all_is_listed_where_one_of_it_is_gone() {
        let lab = Lab::default();
        let aws = lab.aws(0);
        let read = async |known: Option<usize>, gone: &'static str| {
            let known = known.map(|n| (0..n).map(|n| n.to_string()).collect());
            let some = async |arns: Vec<String>| Ok(arns.into_iter().filter(|arn| arn != gone).collect::<Vec<_>>());
            let all = async { Ok(vec!["all".to_owned()]) };
            told_or_listed(&aws, "List", known, some, all).await.expect("it is read")
        };
        aws.was_listed("List", 9);
        assert_eq!(read(None, "").await, ["all"]);
        assert_eq!((read(Some(21), "").await.len(), aws.is_longer("List", 2)), (21, true));
        assert_eq!((read(Some(21), "20").await, aws.is_longer("List", 2)), (vec!["all".to_owned()], false));
        assert_eq!(name_in("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/web/0a"), Some("web"));
    }
}
