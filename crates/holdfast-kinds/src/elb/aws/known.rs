//! Load balancers and target groups, whose names are unique in a region: all that there are, or those that concern us, by
//! ARN, whichever takes fewer calls.

use super::{BATCH, is_not_found, load_balancers, target_groups};
use crate::aws::{Aws, Service};
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetGroup};
use futures::future::try_join_all;
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
    told_or_listed(known, some, load_balancers(aws)).await
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
    told_or_listed(known, some, target_groups(aws)).await
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
    arns.extend(aws.owned().await.keys().filter(|arn| arn.contains(part)).cloned());
    aws.is_longer(operation, arns.len().div_ceil(BATCH)).then(|| arns.into_iter().collect())
}

/// The name in an ARN such as `…:targetgroup/web/0123456789abcdef`.
fn name_in(arn: &str) -> Option<&str> {
    arn.rsplit('/').nth(1)
}

async fn told_or_listed<T, F>(
    known: Option<Vec<String>>,
    some: impl Fn(Vec<String>) -> F,
    all: impl Future<Output = Result<Vec<T>, ApplyError>>,
) -> Result<Vec<T>, ApplyError>
where
    F: Future<Output = Result<Vec<T>, ApplyError>>,
{
    if let Some(arns) = known {
        let asked: Vec<_> = arns.chunks(BATCH).map(|part| some(part.to_vec())).collect();
        match try_join_all(asked).await {
            // One of them is gone, and who has its name now, if anybody, only the listing tells.
            Err(error) if is_not_found(&error) => {}
            told => return Ok(told?.into_iter().flatten().collect()),
        }
    }
    all.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::answer::refused;

    #[tokio::test]
    async fn where_one_that_is_known_is_gone_all_are_listed_and_where_aws_refuses_it_says_so() {
        let read = async |code: &'static str, known: Option<usize>| {
            let known = known.map(|n| (0..n).map(|n| n.to_string()).collect());
            let some = |arns: Vec<String>| async move {
                let is_told = code.is_empty() || !arns.contains(&"20".to_owned());
                if is_told { Ok(arns) } else { Err(refused("elb:Describe", code, String::new())) }
            };
            told_or_listed(known, some, async { Ok(vec!["all".to_owned()]) }).await
        };
        assert_eq!(read("", None).await.expect("they are listed"), ["all"]);
        assert_eq!(read("", Some(21)).await.expect("they are told").len(), 21);
        assert_eq!(read("TargetGroupNotFound", Some(21)).await.expect("they are listed"), ["all"]);
        assert_eq!(read("AccessDenied", Some(21)).await.expect_err("it is refused").code, "AccessDenied");
        assert_eq!(name_in("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/web/0a"), Some("web"));
    }
}
