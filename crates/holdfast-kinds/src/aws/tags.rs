//! Tags of ELBv2, ECS and RDS things: one feed a sweep and those that follow it, confirmed by the service where the feed
//! may be behind.
//!
//! `GetResources` gives 100 resources a page of every service at once, and is eventually consistent. It is trusted
//! where it repeats what is known already; where it says something else or nothing, the service itself is asked. So a
//! steady sweep costs the feed alone, and no tag is ever written because the feed was late.

use super::call::{Aws, Service, each_page};
use super::lock;
use crate::common::{Retag, Tags};
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};
use holdfast_core::cloud::{ApplyError, Memo, Tagged};
use holdfast_core::name::{KindName, RESOURCE_TAG, UID_TAG};
use holdfast_core::observe::Wanted;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::OnceCell;

/// Tags by ARN.
pub(crate) type TagsByArn = BTreeMap<String, Arc<Tags>>;

/// The feed as a sweep goes by it; empty until a kind asks, unless one before has read it.
#[derive(Default)]
pub(super) struct Feed {
    tags: OnceCell<Arc<TagsByArn>>,
    /// When the sweep began that read it, if that was not this one.
    read_at: Option<Timestamp>,
    /// Calls that this sweep made for what it did not tell.
    asked: AtomicUsize,
}

/// The feed that a sweep has read, for those that follow it.
struct Read {
    tags: Arc<TagsByArn>,
    at: Timestamp,
}

/// How old a feed may be that is gone by once more.
const OLDEST: SignedDuration = SignedDuration::from_secs(30);

/// What the feed is asked for, and how an ARN of it can be told. Groups, clusters and services carry their tags in their
/// own answers: they would only fill pages.
const IN_FEED: [(&str, &str); 4] = [
    ("elasticloadbalancing", ":elasticloadbalancing:"),
    ("ecs:task-definition", ":task-definition/"),
    ("rds:subgrp", ":subgrp:"),
    ("rds:pg", ":pg:"),
];

/// Most of what has a tag that a page of the feed holds.
const PAGE: usize = 100;

impl Feed {
    /// The one that was kept, if it is not old and asking for each thing that it lacks costs no more calls than reading it.
    pub(super) fn of(memo: &mut Memo, wanted: &BTreeMap<KindName, Wanted>, now: Timestamp) -> Self {
        let read = memo.get::<Read>();
        memo.put::<Read>(None);
        let does = |read: &Arc<Read>| {
            now.duration_since(read.at) < OLDEST && lacking(&read.tags, wanted) <= pages_of(&read.tags)
        };
        let Some(read) = read.filter(does) else { return Self::default() };
        let tags = OnceCell::from(Arc::clone(&read.tags));
        Self { tags, read_at: Some(read.at), ..Self::default() }
    }

    /// Keeps it for a sweep that follows this one, which began at that time, if it told more than it left to be asked.
    pub(super) fn keep(&self, memo: &mut Memo, began: Timestamp) {
        let at = self.read_at.unwrap_or(began);
        let tells = |tags: &&Arc<TagsByArn>| !tags.is_empty() && self.asked.load(Ordering::Relaxed) <= pages_of(tags);
        memo.put(self.tags.get().filter(tells).map(|tags| Arc::new(Read { tags: Arc::clone(tags), at })));
    }
}

/// The calls that it takes to read a feed.
fn pages_of(feed: &TagsByArn) -> usize {
    feed.len().div_ceil(PAGE)
}

/// How many of the wanted things should be in a feed and are not.
fn lacking(feed: &TagsByArn, wanted: &BTreeMap<KindName, Wanted>) -> usize {
    let ids = wanted.values().flat_map(|wanted| &wanted.resources).filter_map(|one| one.id.as_deref());
    // The handle of a target that is registered by hand is its group's with a mark and more.
    ids.filter(|id| !id.contains('#') && !feed.contains_key(*id) && IN_FEED.iter().any(|(_, part)| id.contains(part)))
        .count()
}

/// Sets tags by one call, then removes others by another, each if there are any.
pub(crate) async fn set_then_remove<S, R>(
    change: &Retag,
    set: impl Future<Output = Result<S, ApplyError>>,
    remove: impl Future<Output = Result<R, ApplyError>>,
) -> Result<(), ApplyError> {
    if !change.set.is_empty() {
        set.await?;
    }
    if !change.remove.is_empty() {
        remove.await?;
    }
    Ok(())
}

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
        let before = Before::of(arns, &mut lock(&self.cache.tags), self.now());
        let (mut known, doubtful) = sift(arns, feed, &before, self.look.feed.read_at.is_none());
        self.look.feed.asked.fetch_add(doubtful.len().div_ceil(batch.max(1)), Ordering::Relaxed);
        let asked: Vec<_> = doubtful.chunks(batch.max(1)).map(|some| confirm(some.to_vec())).collect();
        for answer in futures::future::join_all(asked).await {
            known.extend(answer?.into_iter().map(|(arn, tags)| (arn, Arc::new(tags))));
        }
        for arn in arns {
            known.entry(arn.clone()).or_default();
        }
        before.learn(&mut lock(&self.cache.tags), arns.iter().map(|arn| &*known[arn]), self.now());
        Ok(known)
    }

    /// [`set_then_remove`] where tags come from the feed: whether AWS has done it or not, they are [asked for
    /// anew](Self::distrust), and not of it.
    pub(crate) async fn retag<S, R>(
        &self,
        change: &Retag,
        set: impl Future<Output = Result<S, ApplyError>>,
        remove: impl Future<Output = Result<R, ApplyError>>,
    ) -> Result<(), ApplyError> {
        let done = set_then_remove(change, set, remove).await;
        self.distrust(&change.id);
        done
    }

    /// True if a thing still has these tags, as far as the feed tells without anybody being asked.
    pub(crate) async fn still_tagged(&self, arn: &str, tags: &Tags) -> bool {
        let in_feed = self.owned().await.get(arn).is_some_and(|now| **now == *tags);
        in_feed && lock(&self.cache.tags).ask(&Digest::of_text(arn), self.now()) == Some(Digest::of(tags))
    }

    /// The tags of everything that carries our owner tag, as the feed has them: eventually consistent, and empty where
    /// the feed cannot be read. Good for finding things, never for deciding that they are not there.
    pub(crate) async fn owned(&self) -> &TagsByArn {
        self.look.feed.tags.get_or_init(|| async { Arc::new(self.read_feed().await) }).await
    }

    /// All tags of all things that carry our owner tag. A feed that cannot be read is empty: everything is then
    /// confirmed by its service, which costs calls and nothing else.
    async fn read_feed(&self) -> TagsByArn {
        match pages(self, UID_TAG, &IN_FEED.map(|(of, _)| of)).await {
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
            let page = aws.tagging().get_resources().tag_filters(ours.clone()).resources_per_page(PAGE as i32);
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

    pub(super) fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
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

/// What is remembered of tags between sweeps, by what stands for the ARN: what stands for them, and when they were last
/// asked for.
#[derive(Default)]
pub(super) struct Known(BTreeMap<Digest, (Digest, Timestamp)>);

impl Known {
    /// What stands for the tags of the thing that `arn` stands for.
    fn digest(&self, arn: &Digest) -> Option<Digest> {
        self.0.get(arn).map(|(tags, _)| *tags)
    }

    /// The same, which are asked for now.
    fn ask(&mut self, arn: &Digest, now: Timestamp) -> Option<Digest> {
        let (tags, asked_at) = self.0.get_mut(arn)?;
        *asked_at = now;
        Some(*tags)
    }

    /// Remembers a thing's tags.
    fn learn(&mut self, arn: Digest, tags: Digest, now: Timestamp) {
        self.0.insert(arn, (tags, now));
    }

    /// The tags of a thing were written for the `nth` time that any were: no feed is believed about them.
    pub(super) fn forget(&mut self, arn: &str, nth: u64, now: Timestamp) {
        // Stands for no tags, and differs from the mark of a write before.
        self.learn(Digest::of_text(arn), Digest::of_text(&nth.to_string()), now);
    }

    /// Lets go of what nobody has asked for in so long.
    pub(super) fn drop_older(&mut self, than: SignedDuration, now: Timestamp) {
        self.0.retain(|_, (_, asked_at)| now.duration_since(*asked_at) < than);
    }
}

/// What is remembered of the tags of some things, in their order: what stands for each, and for its tags.
struct Before(Vec<(Digest, Option<Digest>)>);

impl Before {
    fn of(arns: &[String], known: &mut Known, now: Timestamp) -> Self {
        let one = |arn: &String| {
            let key = Digest::of_text(arn);
            (key, known.ask(&key, now))
        };
        Self(arns.iter().map(one).collect())
    }

    /// Remembers the tags that were found, but not of what was [forgotten](Aws::forget) or found out
    /// meanwhile: what was read before a write says nothing of what is there after it.
    fn learn<'t>(&self, known: &mut Known, tags: impl Iterator<Item = &'t Tags>, now: Timestamp) {
        for ((key, before), tags) in self.0.iter().zip(tags) {
            if known.digest(key) == *before {
                known.learn(*key, Digest::of(tags), now);
            }
        }
    }
}

/// What the feed is believed, and what has to be confirmed. A first sight is believed in a feed that was just read: nothing
/// of ours was written, since the process began or in an hour, that it could be late for.
fn sift(arns: &[String], feed: &TagsByArn, before: &Before, is_new: bool) -> (TagsByArn, Vec<String>) {
    let mut known = TagsByArn::new();
    let mut doubtful = Vec::new();
    for (arn, (_, before)) in arns.iter().zip(&before.0) {
        match feed.get(arn) {
            Some(tags) if before.map_or(is_new, |before| before == Digest::of(tags)) => {
                known.insert(arn.clone(), tags.clone());
            }
            _ => doubtful.push(arn.clone()),
        }
    }
    (known, doubtful)
}

#[cfg(test)]
mod tests {
    use super::super::error;
    use super::super::testing::Lab;
    use super::*;
    use holdfast_core::cloud::ErrorClass;
    use holdfast_core::name::ResourceKey;
    use holdfast_core::observe::WantedResource;
    use serde_json::Value;

    #[test]
    fn the_feed_is_believed_only_where_it_says_what_is_known_or_speaks_first() {
        let tags = |pairs: &[(&str, &str)]| -> TagsByArn {
            let one = |v: &str| Arc::new(Tags::from([("k".to_owned(), v.to_owned())]));
            pairs.iter().map(|(arn, v)| ((*arn).to_owned(), one(v))).collect()
        };
        let arns: Vec<String> = ["same", "new", "late", "absent"].map(str::to_owned).to_vec();
        let feed = tags(&[("same", "1"), ("new", "1"), ("late", "1")]);
        let before = tags(&[("same", "1"), ("late", "2")]);
        let (mut remembered, now) = (Known::default(), Timestamp::UNIX_EPOCH);
        for (arn, tags) in &before {
            remembered.learn(Digest::of_text(arn), Digest::of(tags), now);
        }
        let known_before = Before::of(&arns, &mut remembered, now);
        let (known, doubtful) = sift(&arns, &feed, &known_before, true);
        assert_eq!(known, tags(&[("same", "1"), ("new", "1")]));
        assert_eq!(doubtful, ["late", "absent"]);
        let (known, doubtful) = sift(&arns, &feed, &known_before, false);
        assert_eq!(known, tags(&[("same", "1")]), "an older feed may be late for what is seen for the first time");
        assert_eq!(doubtful, ["new", "late", "absent"]);
        let tags = |known: &Known, arn| known.digest(&Digest::of_text(arn));
        let seen = tags(&remembered, "same");
        remembered.forget("same", 7, now);
        let mark = tags(&remembered, "same");
        assert!(mark.is_some() && mark != seen);
        let (read, later) = (Tags::from([("k".to_owned(), "1".to_owned())]), now + SignedDuration::from_mins(30));
        known_before.learn(&mut remembered, arns.iter().map(|_| &read), later);
        assert_eq!(tags(&remembered, "same"), mark, "it was written while the others were asked for");
        assert_eq!(tags(&remembered, "late"), Some(Digest::of(&read)));
        remembered.drop_older(SignedDuration::from_hours(1), now + SignedDuration::from_hours(1));
        assert_eq!((tags(&remembered, "same"), remembered.0.len()), (None, 3), "nobody has asked for it in an hour");
    }

    #[test]
    fn a_feed_does_for_a_look_that_follows_until_more_is_new_than_it_has_pages() {
        let arn = |n: usize| format!("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/g{n}/1");
        let wanted = |things: std::ops::Range<usize>| {
            let one = |n: usize| {
                let key = ResourceKey::new("s", "TargetGroup", format!("g{n}"));
                WantedResource::new(key, format!("u{n}"), Some(arn(n)), Value::Null.into())
            };
            let group = WantedResource { id: Some("sg-1".to_owned()), ..one(999) };
            let by_hand = WantedResource { id: Some(arn(0) + "#10.0.0.1#80"), ..one(998) };
            let resources = things.map(one).chain([group, by_hand]).collect();
            BTreeMap::from([("TargetGroup", Wanted { resources })])
        };
        let tags: TagsByArn = (0..150).map(|n| (arn(n), Arc::default())).collect();
        let (mut memo, now) = (Memo::default(), Timestamp::UNIX_EPOCH);
        let read = Feed { tags: OnceCell::from(Arc::new(tags)), ..Feed::default() };
        let mut follows = |things: usize, seconds: i64, asked: usize| {
            read.asked.store(asked, Ordering::Relaxed);
            read.keep(&mut memo, now);
            let at = now + SignedDuration::from_secs(seconds);
            Feed::of(&mut memo, &wanted(0..things), at).tags.get().is_some()
        };
        assert!(follows(152, 29, 2), "one for each page");
        assert!(!follows(153, 29, 2) && !follows(152, 30, 2) && !follows(152, 29, 3));
        Feed::default().keep(&mut memo, now);
        assert!(memo.get::<Read>().is_none(), "nobody asked for it, or it could not be read");
    }

    #[tokio::test]
    async fn whether_a_write_of_tags_was_done_or_not_the_service_is_asked_for_them_and_not_the_feed() {
        let arns = ["a".to_owned()];
        let tags = Arc::new(Tags::from([("k".to_owned(), "1".to_owned())]));
        let feed =
            Feed { tags: OnceCell::from(Arc::new(TagsByArn::from([("a".to_owned(), tags)]))), ..Feed::default() };
        let mut lab = Lab::default();
        lab.look.feed = feed;
        let (aws, asked) = (lab.aws(0), AtomicUsize::new(0));
        let look = async || {
            let confirm = |arns: Vec<String>| {
                asked.fetch_add(arns.len(), Ordering::Relaxed);
                async { Ok(BTreeMap::new()) }
            };
            aws.tags_of(&arns, 1, confirm).await.expect("they are told");
            asked.load(Ordering::Relaxed)
        };
        assert_eq!((look().await, look().await), (0, 0), "the feed says what is known");
        let change = Retag { id: "a".to_owned(), set: Tags::default(), remove: ["k".to_owned()].into() };
        let lost = error::ours("tag:Test", "Timeout", ErrorClass::Lost, String::new());
        aws.retag(&change, async { Ok(()) }, async { Err::<(), _>(lost) }).await.expect_err("its answer is lost");
        assert_eq!(look().await, 1);
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
