//! What AWS tells before anything is done: which of the named things are not there, and what the quotas have room for.
//!
//! Everything is read in batches. EC2's things are asked for by a filter, so that a missing one is no error; lists that AWS
//! gives only whole (roles, load balancers, target groups) are read once for all that needs them.

mod ec2;
mod quotas;

use super::call::{Aws, Service, all_pages};
use crate::elb::aws::{load_balancers, target_groups};
use aws_sdk_ecs::types::Cluster;
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetGroup};
use futures::future::join_all;
use holdfast_core::cloud::ApplyError;
use holdfast_core::handle::Arn;
use holdfast_core::preflight::{Asked, Preflight, Subject, Thing, Unread};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::OnceCell;

/// IAM's largest page.
const ROLES: i32 = 1000;
/// `DescribeClusters` takes so many at most.
const CLUSTERS: usize = 100;

/// Lists that several questions need, each read at most once.
#[derive(Default)]
struct Lists {
    balancers: OnceCell<Result<Vec<LoadBalancer>, ApplyError>>,
    groups: OnceCell<Result<Vec<TargetGroup>, ApplyError>>,
}

/// Looks up all that is asked.
pub(super) async fn preflight(aws: &Aws<'_>, asked: &Asked) -> Preflight {
    let lists = Lists::default();
    let (things, unknown) = own(aws, asked).await;
    let mut answer = Preflight { unread: unknown, ..Preflight::default() };
    let looked = things.iter().map(|(thing, ids)| {
        let lists = &lists;
        async move { (*thing, ids, present(aws, lists, *thing, ids).await) }
    });
    for (thing, ids, found) in join_all(looked).await {
        match found {
            Ok(found) => {
                let missing: BTreeSet<String> = ids.difference(&found).cloned().collect();
                if !missing.is_empty() {
                    answer.missing.insert(thing, missing);
                }
            }
            Err(error) => answer.unread.push(Unread { of: Subject::Thing(thing), reason: error.to_string() }),
        }
    }
    quotas::read(aws, &lists, asked, &mut answer).await;
    answer
}

/// Nothing could be asked at all.
pub(super) fn untold(asked: &Asked, error: &ApplyError) -> Preflight {
    let things = asked.things.keys().map(|thing| Subject::Thing(*thing));
    let subjects = things.chain(quotas::services(asked).into_iter().map(Subject::Quotas));
    let unread = subjects.map(|of| Unread { of, reason: error.to_string() }).collect();
    Preflight { unread, ..Preflight::default() }
}

/// What is asked, without the ARNs of other accounts, whose things cannot be seen from here.
async fn own(aws: &Aws<'_>, asked: &Asked) -> (BTreeMap<Thing, BTreeSet<String>>, Vec<Unread>) {
    let mut things = asked.things.clone();
    if !asked.things.values().flatten().any(|id| Arn::parse(id).is_some()) {
        return (things, Vec::new());
    }
    match aws.account_id().await {
        Ok(account) => {
            for ids in things.values_mut() {
                ids.retain(|id| Arn::parse(id).is_none_or(|arn| arn.account == account));
            }
            things.retain(|_, ids| !ids.is_empty());
            (things, Vec::new())
        }
        Err(error) => {
            let named = |ids: &BTreeSet<String>| ids.iter().any(|id| Arn::parse(id).is_some());
            let lost: Vec<Thing> = things.iter().filter(|(_, ids)| named(ids)).map(|(thing, _)| *thing).collect();
            things.retain(|thing, _| !lost.contains(thing));
            let unread = |thing| Unread { of: Subject::Thing(thing), reason: error.to_string() };
            (things, lost.into_iter().map(unread).collect())
        }
    }
}

/// Those of the ids that are there.
async fn present(
    aws: &Aws<'_>,
    lists: &Lists,
    thing: Thing,
    ids: &BTreeSet<String>,
) -> Result<BTreeSet<String>, ApplyError> {
    match thing {
        Thing::Role => roles(aws).await,
        Thing::InstanceProfile => profiles(aws).await,
        Thing::Cluster => clusters(aws, ids).await,
        Thing::LoadBalancer => {
            let all = lists.balancers(aws).await?;
            Ok(all.iter().filter_map(|b| b.load_balancer_arn().map(str::to_owned)).collect())
        }
        Thing::TargetGroup => {
            let all = lists.groups(aws).await?;
            Ok(all.iter().filter_map(|g| g.target_group_arn().map(str::to_owned)).collect())
        }
        _ => ec2::present(aws, thing, ids).await,
    }
}

/// The ARNs of all roles of the account.
async fn roles(aws: &Aws<'_>) -> Result<BTreeSet<String>, ApplyError> {
    let pages = all_pages(
        |marker| aws.read(Service::Iam, "ListRoles", aws.iam().list_roles().max_items(ROLES).set_marker(marker).send()),
        |answer| answer.marker(),
    )
    .await?;
    Ok(pages.iter().flat_map(|p| p.roles()).map(|r| r.arn().to_owned()).collect())
}

/// The ARNs of all instance profiles of the account.
async fn profiles(aws: &Aws<'_>) -> Result<BTreeSet<String>, ApplyError> {
    let pages = all_pages(
        |marker| {
            let page = aws.iam().list_instance_profiles().max_items(ROLES).set_marker(marker);
            aws.read(Service::Iam, "ListInstanceProfiles", page.send())
        },
        |answer| answer.marker(),
    )
    .await?;
    Ok(pages.iter().flat_map(|p| p.instance_profiles()).map(|p| p.arn().to_owned()).collect())
}

/// The ARNs of those clusters that are there. AWS shows a deleted one as inactive for a while.
async fn clusters(aws: &Aws<'_>, arns: &BTreeSet<String>) -> Result<BTreeSet<String>, ApplyError> {
    let all: Vec<String> = arns.iter().cloned().collect();
    let mut found = BTreeSet::new();
    for some in all.chunks(CLUSTERS) {
        let call = aws.ecs().describe_clusters().set_clusters(Some(some.to_vec()));
        let answer = aws.read(Service::Ecs, "DescribeClusters", call.send()).await?;
        let live = |c: &&Cluster| c.status() != Some("INACTIVE");
        found.extend(answer.clusters().iter().filter(live).filter_map(|c| c.cluster_arn().map(str::to_owned)));
    }
    Ok(found)
}

impl Lists {
    /// All load balancers.
    async fn balancers(&self, aws: &Aws<'_>) -> Result<&[LoadBalancer], ApplyError> {
        self.balancers.get_or_init(|| load_balancers(aws)).await.as_deref().map_err(Clone::clone)
    }

    /// All target groups.
    async fn groups(&self, aws: &Aws<'_>) -> Result<&[TargetGroup], ApplyError> {
        self.groups.get_or_init(|| target_groups(aws)).await.as_deref().map_err(Clone::clone)
    }
}
