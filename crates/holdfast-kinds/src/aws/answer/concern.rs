//! What of a listing concerns us, and for which declaration: for kinds whose handle is the ARN.

use crate::aws::{Aws, TagsByArn};
use holdfast_core::cloud::ApplyError;
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Observation, Wanted, WantedResource};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

/// Those of what was found that concern us, with their tags, which `tags` reads.
pub(crate) async fn concerning<K: Kind, F>(
    aws: &Aws<'_>,
    wanted: &Wanted,
    found: Vec<Observation>,
    tags: impl FnOnce(Vec<String>) -> F,
) -> Result<Vec<Observation>, ApplyError>
where
    F: Future<Output = Result<TagsByArn, ApplyError>>,
{
    let (relevant, owned) = (Relevant::new(wanted, K::identity), aws.owned().await);
    let is_ours = |o: &Observation| relevant.has(&o.id, &o.identity) || owned.contains_key(&o.id);
    let mut seen: Vec<Observation> = found.into_iter().filter(is_ours).collect();
    let tags = tags(arns(seen.iter())).await?;
    for one in &mut seen {
        if let Some(tags) = tags.get(&one.id) {
            one.tags = Arc::clone(tags);
        }
    }
    Ok(seen)
}

/// Those of what was found that concern us, where the listing gave their tags with them.
pub(crate) fn concerning_tagged<K: Kind>(wanted: &Wanted, found: Vec<Observation>) -> Vec<Observation> {
    let relevant = Relevant::new(wanted, K::identity);
    found.into_iter().filter(|o| o.owner_uid().is_some() || relevant.has(&o.id, &o.identity)).collect()
}

/// Those of a listing that concern us: wanted by handle or by identity.
struct Relevant<'w> {
    ids: BTreeSet<&'w str>,
    identities: BTreeSet<&'w str>,
    /// One is wanted whose identity hangs on what is not known yet: anything found may be it.
    open: bool,
}

impl<'w> Relevant<'w> {
    /// `identity` is the kind's own.
    fn new(wanted: &'w Wanted, identity: impl Fn(&Value) -> Option<String>) -> Self {
        let ids = wanted.resources.iter().filter_map(|w| w.id.as_deref()).collect();
        let all: Vec<Option<&str>> = wanted.resources.iter().map(|w| w.spec.identity(&identity)).collect();
        let open = wanted.resources.iter().zip(&all).any(|(w, identity)| w.id.is_none() && identity.is_none());
        let made = wanted.resources.iter().filter_map(|w| w.made_as.as_deref());
        Self { ids, identities: all.into_iter().flatten().chain(made).collect(), open }
    }

    /// True if it concerns us.
    fn has(&self, arn: &str, identity: &str) -> bool {
        self.open || self.ids.contains(arn) || self.identities.contains(identity)
    }
}

/// Who wants what, to be asked of each thing that was seen.
pub(crate) struct Specs<'w> {
    by_uid: BTreeMap<&'w str, &'w WantedResource>,
    by_id: BTreeMap<&'w str, &'w WantedResource>,
    by_identity: BTreeMap<&'w str, &'w WantedResource>,
}

impl<'w> Specs<'w> {
    /// Of what is wanted of `K`.
    pub(crate) fn new<K: Kind>(wanted: &'w Wanted) -> Self {
        let mut specs = Self { by_uid: BTreeMap::new(), by_id: BTreeMap::new(), by_identity: BTreeMap::new() };
        for one in &wanted.resources {
            specs.by_uid.entry(&one.uid).or_insert(one);
            if let Some(id) = &one.id {
                specs.by_id.entry(id).or_insert(one);
            }
            if let Some(identity) = one.spec.identity(K::identity) {
                specs.by_identity.entry(identity).or_insert(one);
            }
        }
        specs
    }

    /// The spec that wants what was seen: by owner, by handle or by identity. For one look: it is not kept open.
    pub(crate) fn of(&self, seen: &Observation) -> Option<Cow<'w, Value>> {
        let owner = seen.owner_uid().and_then(|uid| self.by_uid.get(uid));
        let wanted =
            owner.or_else(|| self.by_id.get(seen.id.as_str())).or_else(|| self.by_identity.get(seen.identity.as_str()));
        wanted.map(|one| one.spec.glance())
    }
}

/// The text of each ARN, once each and in order.
pub(crate) fn arns<'a>(all: impl Iterator<Item = &'a Observation>) -> Vec<String> {
    all.map(|o| o.id.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}
