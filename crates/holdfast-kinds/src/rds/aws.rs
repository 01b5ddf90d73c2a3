//! How the RDS kinds talk to RDS: tags, what of a listing concerns us.

use crate::aws::answer::{concern, deleted, made};
use crate::aws::{Aws, Sent, Service};
use crate::common::{Retag, Tags};
use aws_sdk_rds::types::Tag;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Observation, Wanted};
use std::collections::BTreeMap;

/// The largest page of all listings.
pub(crate) const PAGE: i32 = 100;

/// Tags as RDS gives them.
pub(crate) fn tags_from(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|t| Some((t.key()?.to_owned(), t.value().unwrap_or_default().to_owned()))).collect()
}

/// Tags as a create call takes them.
pub(crate) fn tags_for(tags: &Tags) -> Option<Vec<Tag>> {
    Some(tags.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect())
}

/// Those of what was found that concern us, with their tags: from the feed where it is believed, else one a call, for
/// RDS has no other way.
pub(crate) async fn concerning<K: Kind>(
    aws: &Aws<'_>,
    wanted: &Wanted,
    found: Vec<Observation>,
) -> Result<Vec<Observation>, ApplyError> {
    let confirm = |some: Vec<String>| async move {
        let mut known = BTreeMap::new();
        for arn in some {
            let call = aws.rds().list_tags_for_resource().resource_name(&arn);
            let answer = aws.read(Service::Rds, "ListTagsForResource", call.send()).await?;
            known.insert(arn, tags_from(answer.tag_list()));
        }
        Ok(known)
    };
    let tags = |arns: Vec<String>| async move { aws.tags_of(&arns, 1, confirm).await };
    concern::concerning::<K, _>(aws, wanted, found, tags).await
}

/// Sets tags, then removes others.
pub(crate) async fn retag(aws: &Aws<'_>, change: &Retag) -> Result<(), ApplyError> {
    let set = aws.rds().add_tags_to_resource().resource_name(&change.id).set_tags(tags_for(&change.set)).send();
    let keys = change.remove.iter().cloned().collect();
    let remove = aws.rds().remove_tags_from_resource().resource_name(&change.id).set_tag_keys(Some(keys)).send();
    let set = aws.write(Service::Rds, "AddTagsToResource", set);
    aws.retag(change, set, aws.write(Service::Rds, "RemoveTagsFromResource", remove)).await
}

/// [`made`], by an ARN that is a name: what is kept of another that had it is forgotten.
pub(crate) fn made_anew(aws: &Aws<'_>, operation: &str, seen: Option<Observation>) -> Result<Applied, ApplyError> {
    seen.iter().for_each(|seen| aws.forget(&seen.id));
    made(operation, seen)
}

/// Makes a delete call; success also where the thing is gone already. What is kept of it is forgotten, whatever
/// AWS says or does not say: another may come to have its ARN, which is a name.
pub(crate) async fn delete<F: Sent>(
    aws: &Aws<'_>,
    operation: &'static str,
    arn: &str,
    send: F,
) -> Result<(), ApplyError> {
    let answer = aws.write(Service::Rds, operation, send).await;
    aws.forget(arn);
    deleted(answer)
}
