//! How the EC2 kinds talk to EC2: tags, listings, what concerns us.

pub(crate) mod known;
pub(crate) mod launch;
pub(crate) mod shared;

use crate::aws::answer::deleted;
use crate::aws::{Aws, Sent, Service, set_then_remove};
use crate::common::{Retag, Tags};
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use holdfast_core::cloud::ApplyError;
use holdfast_core::kind::Kind;
use holdfast_core::name::UID_TAG;
use holdfast_core::observe::Wanted;
use std::collections::BTreeSet;

/// The largest page of most listings. Saying one doubles the bucket that EC2 counts the call against.
pub(crate) const PAGE: i32 = 1000;

/// Tags as EC2 gives them.
pub(crate) fn tags_from(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|t| Some((t.key()?.to_owned(), t.value().unwrap_or_default().to_owned()))).collect()
}

/// Tags as a create call takes them.
pub(crate) fn tags_for(resource: ResourceType, tags: &Tags) -> TagSpecification {
    let list = tags.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
    TagSpecification::builder().resource_type(resource).set_tags(Some(list)).build()
}

/// Sets tags, then removes others. They come with each answer: nothing is kept of them.
pub(crate) async fn retag(aws: &Aws<'_>, change: &Retag) -> Result<(), ApplyError> {
    let tags = change.set.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
    let set = aws.ec2().create_tags().resources(&change.id).set_tags(Some(tags)).send();
    let tags = change.remove.iter().map(|k| Tag::builder().key(k).build()).collect();
    let remove = aws.ec2().delete_tags().resources(&change.id).set_tags(Some(tags)).send();
    let (set, remove) = (aws.write(Service::Ec2, "CreateTags", set), aws.write(Service::Ec2, "DeleteTags", remove));
    set_then_remove(change, set, remove).await
}

/// Makes a delete call; success also where the thing is gone already.
pub(crate) async fn delete<F: Sent>(aws: &Aws<'_>, operation: &'static str, send: F) -> Result<(), ApplyError> {
    deleted(aws.write(Service::Ec2, operation, send).await)
}

/// An ARN of EC2's, which most of its answers leave out.
pub(crate) fn arn(aws: &Aws<'_>, owner: Option<&str>, resource: &str, id: &str) -> String {
    let region = &aws.scope().region;
    let partition = match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:ec2:{region}:{}:{resource}/{id}", owner.unwrap_or_default())
}

/// What of a listing concerns us: what has our owner tag, is wanted by id, or has a wanted identity.
pub(crate) struct Concern<'w> {
    ids: BTreeSet<&'w str>,
    identities: BTreeSet<&'w str>,
}

impl<'w> Concern<'w> {
    /// Of what is wanted of `K`.
    pub(crate) fn of<K: Kind>(wanted: &'w Wanted) -> Self {
        Self {
            ids: wanted.resources.iter().filter_map(|w| w.id.as_deref()).collect(),
            identities: wanted.resources.iter().filter_map(|w| w.spec.identity(K::identity)).collect(),
        }
    }

    /// True if it concerns us.
    pub(crate) fn has(&self, id: Option<&str>, tags: &[Tag], identity: Option<&str>) -> bool {
        tags.iter().any(|tag| tag.key() == Some(UID_TAG))
            || id.is_some_and(|id| self.ids.contains(id))
            || identity.is_some_and(|identity| self.identities.contains(identity))
    }
}
