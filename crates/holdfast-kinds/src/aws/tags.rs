//! Tags of ELBv2, ECS and RDS things: one feed a sweep, confirmed by the service where the feed may be behind.
//!
//! `GetResources` gives 100 resources a page of every service at once, and is eventually consistent. It is trusted
//! where it repeats what is known already; where it says something else or nothing, the service itself is asked. So a
//! steady sweep costs the feed alone, and no tag is ever written because the feed was late.

use super::call::{Aws, Service, each_page};
use super::lock;
use crate::common::Tags;
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};
use holdfast_core::cloud::{ApplyError, Tagged};
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Tags by ARN.
pub(crate) type TagsByArn = BTreeMap<String, Arc<Tags>>;

/// The feed of one sweep; empty until a kind asks.
#[derive(Default)]
pub(super) struct Feed(OnceCell<TagsByArn>);

impl Aws<'_> {
    /// The tags of `arns`. Those of which the feed says nothing new come from it; the others are asked of the
    /// service by `confirm`, `batch` ARNs a call. An ARN that `confirm` does not answer has no tags.
    pub(crate) async fn tags_of<F>(
        &self,
        arns: &[String],
        batch: usize,
        confirm: impl Fn(Vec<String>) -> F,
    ) -> Result<TagsByArn, ApplyError>
    where
        F: Future<Output = Result<BTreeMap<String, Tags>, ApplyError>> + Send,
    {
        if arns.is_empty() {
            return Ok(TagsByArn::new());
        }
        let feed = self.owned().await;
        let (mut known, doubtful) = sift(arns, feed, &lock(&self.cache.tags));
        let asked: Vec<_> = doubtful.chunks(batch.max(1)).map(|some| confirm(some.to_vec())).collect();
        for answer in futures::future::join_all(asked).await {
            known.extend(answer?.into_iter().map(|(arn, tags)| (arn, Arc::new(tags))));
        }
        let mut kept = lock(&self.cache.tags);
        for arn in arns {
            kept.insert(Digest::of_text(arn), Digest::of(known.entry(arn.clone()).or_default()));
        }
        Ok(known)
    }

    /// True if a thing still has these tags, as far as the feed tells without anybody being asked.
    pub(crate) async fn still_tagged(&self, arn: &str, tags: &Tags) -> bool {
        let in_feed = self.owned().await.get(arn).is_some_and(|now| **now == *tags);
        in_feed && lock(&self.cache.tags).get(&Digest::of_text(arn)) == Some(&Digest::of(tags))
    }

    /// The tags of everything that carries our owner tag, as the feed has them: eventually consistent, and empty where
    /// the feed cannot be read. Good for finding things, never for deciding that they are not there.
    pub(crate) async fn owned(&self) -> &TagsByArn {
        self.feed.0.get_or_init(|| self.read_feed()).await
    }

    /// All tags of all things that carry our owner tag. A feed that cannot be read is empty: everything is then
    /// confirmed by its service, which costs calls and nothing else.
    async fn read_feed(&self) -> TagsByArn {
        // Groups, clusters and services carry their tags in their own answers: they would only fill pages.
        match pages(self, UID_TAG, &["elasticloadbalancing", "ecs:task-definition", "rds:subgrp", "rds:pg"]).await {
            Ok(all) => all.into_iter().map(|(arn, tags)| (arn, Arc::new(tags))).collect(),
            Err(error) => {
                tracing::warn!(scope = %self.scope(), %error, "the tag feed could not be read; each service is asked itself");
                TagsByArn::new()
            }
        }
    }
}

/// All of a stack that the feed knows, of whatever service.
pub(super) async fn of_stack(aws: &Aws<'_>, stack: &str) -> Result<Vec<Tagged>, ApplyError> {
    let all = pages(aws, RESOURCE_TAG, &[]).await?;
    Ok(all.iter().filter_map(|(arn, tags)| Tagged::of_stack(arn, tags, stack)).collect())
}

/// Everything with the tag `key`, of these types, or of all.
async fn pages(aws: &Aws<'_>, key: &str, types: &[&str]) -> Result<Vec<(String, Tags)>, ApplyError> {
    let ours = TagFilter::builder().key(key).build();
    let types: Vec<String> = types.iter().map(|t| (*t).to_owned()).collect();
    let one = |mapping: &ResourceTagMapping| {
        let tags = mapping.tags().iter().map(|t| (t.key().to_owned(), t.value().to_owned())).collect();
        Some((mapping.resource_arn()?.to_owned(), tags))
    };
    let mut all = Vec::new();
    each_page(
        |token| {
            let page = aws.tagging().get_resources().tag_filters(ours.clone()).resources_per_page(100);
            let page = page.set_resource_type_filters((!types.is_empty()).then(|| types.clone()));
            aws.read(Service::Tagging, "GetResources", page.set_pagination_token(token).send())
        },
        |answer| answer.pagination_token(),
        |answer| all.extend(answer.resource_tag_mapping_list().iter().filter_map(one)),
    )
    .await?;
    Ok(all)
}

/// Stands for a text, or for a set of tags, of which only has to be known whether it is still the same: a thing's tags
/// take a hundred times its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest([u8; 16]);

impl Digest {
    pub(super) fn of_text(text: &str) -> Self {
        Self::of_texts([text].into_iter())
    }

    pub(super) fn of(tags: &Tags) -> Self {
        Self::of_texts(tags.iter().flat_map(|(key, value)| [key.as_str(), value]))
    }

    fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in texts {
            // With its length, so that no two lists of texts look the same.
            hasher.update(&text.len().to_le_bytes()).update(text.as_bytes());
        }
        let mut short = [0; 16];
        hasher.finalize_xof().fill(&mut short);
        Self(short)
    }
}

/// What is remembered of tags between sweeps, by what stands for the ARN.
pub(super) type Known = BTreeMap<Digest, Digest>;

/// What the feed is believed, and what has to be confirmed. A first sight is believed: nothing of ours was written
/// yet that the feed could be late for.
fn sift(arns: &[String], feed: &TagsByArn, before: &Known) -> (TagsByArn, Vec<String>) {
    let mut known = TagsByArn::new();
    let mut doubtful = Vec::new();
    for arn in arns {
        match feed.get(arn) {
            Some(tags) if before.get(&Digest::of_text(arn)).is_none_or(|b| *b == Digest::of(tags)) => {
                known.insert(arn.clone(), tags.clone());
            }
            _ => doubtful.push(arn.clone()),
        }
    }
    (known, doubtful)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_is_believed_only_where_it_says_what_is_known_or_speaks_first() {
        let tags = |pairs: &[(&str, &str)]| -> TagsByArn {
            let one = |v: &str| Arc::new(Tags::from([("k".to_owned(), v.to_owned())]));
            pairs.iter().map(|(arn, v)| ((*arn).to_owned(), one(v))).collect()
        };
        let arns: Vec<String> = ["same", "new", "late", "absent"].map(str::to_owned).to_vec();
        let feed = tags(&[("same", "1"), ("new", "1"), ("late", "1")]);
        let before = tags(&[("same", "1"), ("late", "2")]);
        let before = before.iter().map(|(arn, tags)| (Digest::of_text(arn), Digest::of(tags))).collect();
        let (known, doubtful) = sift(&arns, &feed, &before);
        assert_eq!(known, tags(&[("same", "1"), ("new", "1")]));
        assert_eq!(doubtful, ["late", "absent"]);
    }

    #[test]
    fn no_two_sets_of_tags_have_one_digest() {
        let of = |pairs: &[(&str, &str)]| {
            Digest::of(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        let sets: [&[(&str, &str)]; 6] =
            [&[], &[("a", "")], &[("", "a")], &[("a", "b")], &[("ab", "")], &[("a", "b"), ("c", "d")]];
        let digests: std::collections::BTreeSet<Digest> = sets.into_iter().map(of).collect();
        assert_eq!(digests.len(), sets.len());
    }
}
