//! Things of which a region may have thousands that are somebody else's: all that there are, or those that concern us, by our
//! owner tag and by id, whichever takes fewer calls.

use super::PAGE;
use crate::aws::{Aws, each_page};
use aws_sdk_ec2::types::Filter;
use holdfast_core::cloud::ApplyError;
use holdfast_core::kind::Kind;
use holdfast_core::name::UID_TAG;
use holdfast_core::observe::{Observation, Wanted};
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::future::Future;

/// Most values that a filter takes.
const VALUES: usize = 200;

/// A listing, and its filter by id.
pub(crate) struct Listing {
    pub(crate) operation: &'static str,
    pub(crate) by_id: &'static str,
}

/// What was seen, and on how many pages.
type Pages<T> = (Vec<T>, usize);

/// At least what is wanted, ours, or named as one that is wanted. `page` makes a call with filters and a token, `next` finds
/// the token of the page after it, and `observe` takes out of a page what concerns us.
pub(crate) async fn known<K: Kind, T: Borrow<Observation>, O, F>(
    aws: &Aws<'_>,
    wanted: &Wanted,
    listing: &Listing,
    page: impl Fn(Option<Vec<Filter>>, Option<String>) -> F,
    next: impl Fn(&O) -> Option<&str>,
    observe: impl Fn(&O) -> Vec<T>,
) -> Result<Vec<T>, ApplyError>
where
    F: Future<Output = Result<O, ApplyError>>,
{
    let read = |filter: Option<Filter>| pages(&page, &next, &observe, filter);
    if is_told_by_tags::<K>(aws, wanted, listing)
        && let Some(seen) = told::<K, _, _>(aws, wanted, listing, &read).await?
    {
        return Ok(seen);
    }
    let (seen, pages) = read(None).await?;
    aws.was_listed(listing.operation, pages);
    Ok(seen)
}

/// True if the listing is the longer way, and nothing has to be looked for by its name.
fn is_told_by_tags<K: Kind>(aws: &Aws<'_>, wanted: &Wanted, listing: &Listing) -> bool {
    let calls = wanted.resources.len().div_ceil(PAGE as usize).max(1);
    aws.is_longer(listing.operation, calls)
        && wanted.resources.iter().all(|one| {
            let is_unnamed = one.spec.identity(K::identity).is_none();
            one.made_as.is_none() && (one.id.is_some() || is_unnamed)
        })
}

/// What our tag and the ids tell; none if AWS refuses to tell, or if a name that is wanted is not among it: somebody else may
/// have it.
async fn told<K: Kind, T: Borrow<Observation>, F>(
    aws: &Aws<'_>,
    wanted: &Wanted,
    listing: &Listing,
    read: &impl Fn(Option<Filter>) -> F,
) -> Result<Option<Vec<T>>, ApplyError>
where
    F: Future<Output = Result<Pages<T>, ApplyError>>,
{
    let ours = Filter::builder().name("tag-key").values(UID_TAG).build();
    let Some(tagged) = aws.told(listing.operation, vec![read(Some(ours))]).await? else { return Ok(None) };
    let here: BTreeSet<&str> = tagged.iter().flat_map(|(seen, _)| seen).map(|one| &*one.borrow().id).collect();
    let ids = wanted.resources.iter().filter_map(|one| one.id.clone());
    let untagged: Vec<String> = ids.filter(|id| !here.contains(&**id)).collect();
    let by_id = |some: &[String]| Filter::builder().name(listing.by_id).set_values(Some(some.to_vec())).build();
    let reads = untagged.chunks(VALUES).map(|some| read(Some(by_id(some)))).collect();
    let Some(by_id) = aws.told(listing.operation, reads).await? else { return Ok(None) };
    aws.was_asked(listing.operation, tagged.iter().chain(&by_id).map(|(_, pages)| pages).sum());
    let seen: Vec<_> = tagged.into_iter().chain(by_id).flat_map(|(seen, _)| seen).collect();
    let named: BTreeSet<&str> = seen.iter().map(|one| &*one.borrow().identity).collect();
    let is_here = |name: &str| named.contains(name);
    let whole = wanted.resources.iter().all(|one| one.spec.identity(K::identity).is_none_or(is_here));
    if !whole {
        aws.was_not_told(listing.operation);
    }
    Ok(whole.then_some(seen))
}

async fn pages<T, O, F>(
    page: &impl Fn(Option<Vec<Filter>>, Option<String>) -> F,
    next: &impl Fn(&O) -> Option<&str>,
    observe: &impl Fn(&O) -> Vec<T>,
    filter: Option<Filter>,
) -> Result<Pages<T>, ApplyError>
where
    F: Future<Output = Result<O, ApplyError>>,
{
    let (mut seen, mut pages) = (Vec::new(), 0);
    let take = |answer: O| {
        pages += 1;
        seen.extend(observe(&answer));
    };
    each_page(|token| page(filter.clone().map(|filter| vec![filter]), token), next, take).await?;
    Ok((seen, pages))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::Lab;
    use crate::common::{Tags, settled};
    use crate::security_group::SecurityGroup;
    use holdfast_core::name::ResourceKey;
    use holdfast_core::observe::WantedResource;
    use serde_json::{Value, json};
    use std::cell::RefCell;

    const LISTING: Listing = Listing { operation: "DescribeSecurityGroups", by_id: "group-id" };

    fn spec(name: &str) -> Value {
        json!({ "groupName": name, "description": "d", "vpcId": "vpc-1" })
    }

    fn group(id: &str, name: &str, is_tagged: bool) -> Observation {
        let tags = is_tagged.then(|| (UID_TAG.to_owned(), "u".to_owned()));
        let identity = SecurityGroup::identity(&spec(name)).unwrap_or_default();
        settled(id.to_owned(), identity, Tags::from_iter(tags), Value::Null)
    }

    fn wanted(id: Option<&str>, name: &str) -> WantedResource {
        let key = ResourceKey::new("s", "SecurityGroup", name);
        WantedResource::new(key, "u".to_owned(), id.map(str::to_owned), spec(name).into())
    }

    /// What is seen, and the filters of each call, none for the listing's.
    async fn look(aws: &Aws<'_>, there: &[Observation], one: WantedResource) -> (Vec<String>, Vec<String>) {
        let (calls, wanted) = (RefCell::new(Vec::new()), Wanted { resources: vec![one] });
        let passes = |filter: &Filter, one: &Observation| match filter.name() {
            Some("tag-key") => filter.values().iter().any(|key| one.tags.contains_key(key)),
            _ => filter.values().contains(&one.id),
        };
        let page = |filters: Option<Vec<Filter>>, _| {
            let filters = filters.unwrap_or_default();
            calls.borrow_mut().push(filters.iter().filter_map(Filter::name).collect::<Vec<_>>().concat());
            let found = there.iter().filter(|one| filters.iter().all(|filter| passes(filter, one)));
            let found: Vec<Observation> = found.cloned().collect();
            async move { Ok(found) }
        };
        let seen = known::<SecurityGroup, _, _, _>(aws, &wanted, &LISTING, page, |_| None, Vec::clone).await;
        let ids = seen.expect("it is read").into_iter().map(|one: Observation| one.id).collect();
        (ids, calls.into_inner())
    }

    #[tokio::test]
    async fn ours_are_asked_for_and_all_is_listed_where_somebody_else_may_have_the_name() {
        let lab = Lab::default();
        let aws = lab.aws(0);
        let there = [group("sg-1", "web", true), group("sg-2", "api", false), group("sg-3", "other", false)];
        let all = ["sg-1", "sg-2", "sg-3"];
        let look = async |one: WantedResource| {
            aws.was_listed(LISTING.operation, 9);
            look(&aws, &there, one).await
        };
        let is = |found: (Vec<String>, Vec<String>), ids: &[&str], calls: &[&str]| {
            assert_eq!(
                (found.0, found.1),
                (ids.iter().map(|s| s.to_string()).collect(), calls.iter().map(|s| s.to_string()).collect())
            );
        };
        is(look(wanted(Some("sg-1"), "web")).await, &["sg-1"], &["tag-key"]);
        is(look(wanted(Some("sg-2"), "api")).await, &["sg-1", "sg-2"], &["tag-key", "group-id"]);
        is(look(wanted(None, "other")).await, &all, &[""]);
        let renamed = WantedResource { made_as: Some("vpc-1/old".to_owned()), ..wanted(Some("sg-1"), "web") };
        is(look(renamed).await, &all, &[""]);
        is(look(wanted(Some("sg-9"), "other")).await, &all, &["tag-key", "group-id", ""]);
        is(look(wanted(Some("sg-9"), "other")).await, &all, &[""]);
    }
}
