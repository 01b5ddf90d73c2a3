//! What is kept of a scope from sweep to sweep. Losing it costs calls, and never correctness, as long as the tag feed is
//! not behind by more than it takes to lose it.

use super::audit::Attributes;
use super::call::Aws;
use super::listing::Listings;
use super::lock;
use super::tags::{Digest, Known};
use holdfast_core::cloud::{ApplyError, Shelf};
use holdfast_core::name::Scope;
use holdfast_core::observe::{Observation, WantedResource};
use holdfast_core::spec::Spec;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What no sweep has asked for in so long is gone.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);

/// What never changes, what is read in turns, the tags last known for certain, and how long listings are.
#[derive(Default)]
pub(crate) struct Cache {
    /// What never changes: its text, or none of what is on the shelf.
    immutable: Mutex<BTreeMap<String, Option<Box<str>>>>,
    /// What the shelf has not heard of yet.
    unshelved: Mutex<Vec<String>>,
    shelf: Option<(Scope, Arc<dyn Shelf>)>,
    pub(super) attributes: Mutex<Attributes>,
    pub(super) tags: Mutex<Known>,
    pub(super) listings: Mutex<Listings>,
    /// How many things were written.
    writes: AtomicU64,
    /// The services whose counts are scaled.
    pub(crate) scaled: Mutex<Scaled>,
    /// What was last made of each family of task definitions.
    pub(crate) families: Mutex<BTreeMap<String, LastMade>>,
}

/// An observation that was made out of what never changes, and all that it was made out of: where none of that has
/// moved it need not be made again.
pub(crate) struct LastMade {
    /// Of who wants it and what was listed.
    out_of: Digest,
    specs: Box<[Arc<Spec>]>,
    pub(crate) seen: Arc<Observation>,
}

impl LastMade {
    /// What was made for those who want it, out of what was listed.
    pub(crate) fn of(wanted: &[&WantedResource], listed: &[String], seen: &Arc<Observation>) -> Self {
        let specs = wanted.iter().map(|one| Arc::clone(one.spec.text())).collect();
        Self { out_of: Self::digest(wanted, listed), specs, seen: Arc::clone(seen) }
    }

    fn digest(wanted: &[&WantedResource], listed: &[String]) -> Digest {
        let who = wanted
            .iter()
            .flat_map(|one| [&*one.key.stack, &*one.key.name, &*one.uid, one.id.as_deref().unwrap_or_default()]);
        Digest::of_texts(who.chain(listed.iter().map(String::as_str)))
    }

    /// Lets go of the tree that a plan has opened in it.
    pub(crate) fn close(&mut self) {
        if let Some(seen) = Arc::get_mut(&mut self.seen) {
            seen.fold();
        }
    }

    /// True if the same want it and the same is listed; tags are the caller's to compare.
    pub(crate) fn stands_on(&self, wanted: &[&WantedResource], listed: &[String]) -> bool {
        let same = |(a, b): (&Arc<Spec>, &&WantedResource)| Arc::ptr_eq(a, b.spec.text());
        self.specs.len() == wanted.len()
            && self.specs.iter().zip(wanted).all(same)
            && self.out_of == Self::digest(wanted, listed)
    }
}

/// Which services were scaled when Application Auto Scaling was last asked.
#[derive(Default)]
pub(crate) struct Scaled {
    ids: BTreeSet<String>,
    all_at: Option<Timestamp>,
}

impl Scaled {
    /// How long it may take until a new scalable target of a service is seen whose count is as declared.
    const ROUND: SignedDuration = SignedDuration::from_mins(10);

    /// True if all services are to be asked about.
    pub(crate) fn all_due(&self, now: Timestamp) -> bool {
        self.all_at.is_none_or(|at| now.duration_since(at) >= Self::ROUND)
    }

    /// True if the service was scaled.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Takes in what was said of `ids`; `all_at` says when, if all were asked about.
    pub(crate) fn learn(&mut self, ids: &[String], is_scaled: impl Fn(&str) -> bool, all_at: Option<Timestamp>) {
        if all_at.is_some() {
            (self.ids, self.all_at) = (BTreeSet::new(), all_at);
        }
        for id in ids {
            if is_scaled(id) {
                self.ids.insert(id.clone())
            } else {
                self.ids.remove(id)
            };
        }
    }
}

impl Cache {
    /// A cache that knows what is on the shelf.
    pub(super) fn of(scope: &Scope, shelf: Option<Arc<dyn Shelf>>) -> Self {
        let shelf = shelf.map(|shelf| (scope.clone(), shelf));
        let known = shelf.as_ref().map(|(scope, shelf)| shelf.keys(scope)).unwrap_or_default();
        let known = known.into_iter().map(|key| (key, None)).collect();
        Self { immutable: Mutex::new(known), shelf, ..Self::default() }
    }

    /// Puts on the shelf what is new, and lets go of it here once it is there.
    pub(super) fn shelve(&self) {
        let keys = std::mem::take(&mut *lock(&self.unshelved));
        let Some((scope, shelf)) = self.shelf.as_ref().filter(|_| !keys.is_empty()) else { return };
        let new: Vec<(String, String)> = {
            let here = lock(&self.immutable);
            let text = |key: &String| Some((key.clone(), here.get(key)?.as_deref()?.to_owned()));
            keys.iter().filter_map(text).collect()
        };
        if shelf.keep(scope, &new) {
            let mut here = lock(&self.immutable);
            keys.iter().filter_map(|key| here.get_mut(key).map(Option::take)).for_each(drop);
        } else {
            lock(&self.unshelved).extend(keys);
        }
    }

    /// True if something was kept for ever under `key`.
    pub(crate) fn knows(&self, key: &str) -> bool {
        lock(&self.immutable).contains_key(key)
    }

    /// What was kept for ever under `key`; read anew each time.
    pub(crate) fn immutable(&self, key: &str) -> Option<Arc<Value>> {
        let here = lock(&self.immutable).get(key)?.as_deref().map(serde_json::from_str);
        let on_shelf = || {
            let (scope, shelf) = self.shelf.as_ref()?;
            Some(serde_json::from_str(&shelf.get(scope, key)?))
        };
        let Some(Ok(value)) = here.or_else(on_shelf) else {
            // It has gone from the shelf, and is read anew like what was never known.
            lock(&self.immutable).remove(key);
            return None;
        };
        Some(Arc::new(value))
    }

    /// Keeps for ever what can never change: a task definition's revision.
    pub(crate) fn keep_immutable(&self, key: &str, value: Value) -> Arc<Value> {
        let text = value.to_string().into_boxed_str();
        lock(&self.immutable).insert(key.to_owned(), Some(text));
        if self.shelf.is_some() {
            lock(&self.unshelved).push(key.to_owned());
        }
        Arc::new(value)
    }

    /// Keeps attributes that AWS has just told in its answer to a write, as if they had been read.
    pub(crate) fn keep_attributes(&self, arn: &str, value: Value, now: Timestamp) {
        lock(&self.attributes).was_told(arn, now, value);
    }

    /// Lets go of what no sweep has asked for in an hour: things that are gone.
    pub(super) fn drop_old(&self, now: Timestamp) {
        lock(&self.attributes).drop_older(FORGOTTEN, now);
        lock(&self.tags).drop_older(FORGOTTEN, now);
    }
}

impl Aws<'_> {
    /// Forgets the tags and the attributes of a thing that comes or goes.
    pub(crate) fn forget(&self, arn: &str) {
        self.reread(arn);
        self.distrust(arn);
    }

    /// Pulls the reading of a thing's attributes forward: they are read in the next sweep, whatever the budget for them says.
    pub(crate) fn reread(&self, arn: &str) {
        lock(&self.cache.attributes).pull(arn, self.now());
    }

    /// Has the next sweep ask the service itself for a thing's tags, whatever the feed says.
    pub(super) fn distrust(&self, arn: &str) {
        let nth = self.cache.writes.fetch_add(1, Ordering::Relaxed);
        lock(&self.cache.tags).forget(arn, nth, self.now());
    }

    /// Makes calls that write attributes of a thing, which are [read anew](Self::reread) whether AWS has done it or not: a
    /// call may fail after another has changed something, and an answer that is lost tells nothing.
    pub(crate) async fn rereading<T>(
        &self,
        arn: &str,
        calls: impl Future<Output = Result<T, ApplyError>>,
    ) -> Result<T, ApplyError> {
        let done = calls.await;
        self.reread(arn);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::super::error;
    use super::super::testing::Lab;
    use super::*;
    use crate::common::Tags;
    use holdfast_core::cloud::ErrorClass;
    use holdfast_core::name::ResourceKey;
    use holdfast_core::spec::OpenSpec;

    #[tokio::test]
    async fn whether_a_write_of_attributes_was_done_or_not_they_are_read_anew() {
        let (lab, reads) = (Lab::default(), AtomicU64::new(0));
        let look = async |left| {
            let read = |_| async { Ok(reads.fetch_add(1, Ordering::Relaxed).into()) };
            lab.aws(left).audit(&["a".to_owned()], read).await;
            reads.load(Ordering::Relaxed)
        };
        assert_eq!((look(1).await, look(0).await), (1, 1), "nothing is left to be spent");
        let lost = error::ours("elb:Test", "Timeout", ErrorClass::Lost, String::new());
        lab.aws(0).rereading("a", async { Err::<(), _>(lost) }).await.expect_err("its answer is lost");
        assert_eq!((look(0).await, look(0).await), (2, 2));
    }

    #[test]
    fn who_was_scaled_is_asked_again_and_the_others_every_ten_minutes() {
        let (ids, start) = (["a", "b"].map(str::to_owned), Timestamp::UNIX_EPOCH);
        let mut scaled = Scaled::default();
        assert!(scaled.all_due(start));
        scaled.learn(&ids, |id| id == "a", Some(start));
        assert!(scaled.has("a") && !scaled.has("b") && !scaled.all_due(start + SignedDuration::from_mins(9)));
        scaled.learn(&ids[1..], |_| true, None);
        scaled.learn(&ids[..1], |_| false, None);
        assert!(!scaled.has("a") && scaled.has("b") && scaled.all_due(start + SignedDuration::from_mins(10)));
    }

    #[test]
    fn what_was_made_stands_until_who_wants_it_or_what_is_listed_moves() {
        let spec = OpenSpec::from(serde_json::json!({ "family": "web" }));
        let one = WantedResource::new(ResourceKey::new("s", "TaskDefinition", "web"), "u".to_owned(), None, spec);
        let seen = crate::common::settled("web:7".to_owned(), "web".to_owned(), Tags::new(), Value::Null);
        let seen = Arc::new(seen);
        let listed = || vec!["web:7".to_owned()];
        let made = LastMade::of(&[&one], &listed(), &seen);
        assert!(made.stands_on(&[&one.clone()], &listed()));
        assert!(!made.stands_on(&[&one], &["web:8".to_owned()]), "another revision");
        assert!(!made.stands_on(&[&one, &one], &listed()), "one more wants it");
        let respecified = OpenSpec::from(serde_json::json!({ "family": "web" }));
        let id = Some("web:7".to_owned());
        for other in [
            WantedResource { uid: "v".to_owned(), ..one.clone() },
            WantedResource { id, ..one.clone() },
            WantedResource { spec: respecified, ..one.clone() },
            WantedResource { key: ResourceKey::new("t", "TaskDefinition", "web"), ..one.clone() },
        ] {
            assert!(!made.stands_on(&[&other], &listed()), "{other:?}");
        }
    }

    #[test]
    fn what_never_changes_outlives_the_process_on_its_shelf() {
        #[derive(Default)]
        struct Board(Mutex<Vec<(String, String)>>);
        impl Shelf for Board {
            fn keys(&self, _: &Scope) -> Vec<String> {
                lock(&self.0).iter().map(|(key, _)| key.clone()).collect()
            }
            fn get(&self, _: &Scope, key: &str) -> Option<String> {
                lock(&self.0).iter().find(|(k, _)| k == key).map(|(_, text)| text.clone())
            }
            fn keep(&self, _: &Scope, new: &[(String, String)]) -> bool {
                let is_full = lock(&self.0).len() == 1;
                lock(&self.0).extend_from_slice(if is_full { &[] } else { new });
                !is_full
            }
        }
        let (board, scope) = (Arc::new(Board::default()), Scope::new("default", "eu-west-1"));
        let cache = || Cache::of(&scope, Some(board.clone()));
        let (first, web) = (cache(), serde_json::json!({ "family": "web" }));
        first.keep_immutable("web:7", web.clone());
        assert_eq!(first.immutable("web:7").as_deref(), Some(&web), "before it is on the shelf");
        first.shelve();
        first.shelve();
        assert_eq!(lock(&first.immutable)["web:7"], None, "its text is held twice");
        let second = cache();
        assert!(second.knows("web:7") && !second.knows("web:8"));
        assert_eq!([first.immutable("web:7").as_deref(), second.immutable("web:7").as_deref()], [Some(&web); 2]);
        second.keep_immutable("web:8", web.clone());
        second.shelve();
        assert_eq!(second.immutable("web:8").as_deref(), Some(&web), "it was let go of, and the shelf was full");
        lock(&board.0).clear();
        second.shelve();
        assert_eq!(lock(&board.0).iter().map(|(key, _)| &**key).collect::<Vec<_>>(), ["web:8"], "not tried again");
        assert_eq!(second.immutable("web:8").as_deref(), Some(&web));
        assert_eq!((second.immutable("web:7"), second.knows("web:7")), (None, false), "it has gone from the shelf");
    }
}
