//! How listeners and rules are found: by their ARNs, 20 a call, and by their parent only where an ARN is unknown or
//! something is missing. AWS has no listing of all of them.

use super::{BATCH, is_not_found, load_balancers, refused, tags_of, told_tags};
use crate::aws::{Aws, TagsByArn, gap};
use crate::common::Tags;
use crate::listener::Listener;
use holdfast_core::cloud::{ApplyError, ErrorClass};
use holdfast_core::kind::Kind;
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use holdfast_core::observe::{Gap, Wanted, WantedResource};
use holdfast_core::reference::{Piece, pieces};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// A kind whose things live in another one.
pub(crate) trait Child: Kind {
    /// What AWS describes it as.
    type Item: Send;
    /// The field of the spec that holds the parent's ARN.
    const PARENT: &'static str;
    /// What the ARN's path is called, and the parent's: `listener` and `loadbalancer`.
    const PATHS: (&'static str, &'static str);

    /// Describes by ARN; fails as a whole if one is missing.
    fn by_arns(aws: &Aws<'_>, arns: Vec<String>) -> impl Future<Output = Result<Vec<Self::Item>, ApplyError>> + Send;
    /// Describes all of a parent.
    fn of_parent(aws: &Aws<'_>, parent: String) -> impl Future<Output = Result<Vec<Self::Item>, ApplyError>> + Send;
    /// Its ARN.
    fn arn(item: &Self::Item) -> &str;
    /// True for what AWS makes together with the parent.
    fn is_of_parent(_item: &Self::Item) -> bool {
        false
    }
}

/// What was found.
pub(crate) struct Found<T> {
    /// By ARN; more may be among them than was wanted.
    pub(crate) items: BTreeMap<String, T>,
    /// What could not be read.
    pub(crate) gaps: Vec<Gap>,
}

/// Finds all that is wanted.
pub(crate) async fn find<C: Child>(aws: &Aws<'_>, wanted: &Wanted) -> Found<C::Item> {
    let owned = aws.owned().await;
    let named = named_parents::<C>(aws, owned, wanted).await;
    let tagged = arns_by_uid(owned, C::PATHS.0);
    let mut found = Found { items: BTreeMap::new(), gaps: Vec::new() };
    let (mut known, mut parents) = (BTreeMap::new(), BTreeMap::<String, Vec<&WantedResource>>::new());
    for resource in &wanted.resources {
        match resource.id.as_deref().or_else(|| tagged.get(resource.uid.as_str()).copied()).map(str::to_owned) {
            Some(arn) => {
                known.insert(arn, resource);
            }
            None => {
                if let Some(parent) = parent_of_spec::<C>(&named, resource) {
                    parents.entry(parent).or_default().push(resource);
                }
            }
        }
    }
    let arns: Vec<String> = known.keys().cloned().collect();
    let answers = arns.chunks(BATCH).map(|some| async move { (some, C::by_arns(aws, some.to_vec()).await) });
    for (some, answer) in futures::future::join_all(answers).await {
        let concerned = || some.iter().filter_map(|arn| known.get(arn).copied());
        match answer {
            Ok(items) => found.items.extend(items.into_iter().map(|item| (C::arn(&item).to_owned(), item))),
            Err(error) if is_not_found(&error) => {}
            Err(error) => {
                found.gaps.push(gap_of::<C>(&error, concerned()));
                continue;
            }
        }
        // What is missing may have been made anew under its parent, by whomever.
        for arn in some.iter().filter(|arn| !found.items.contains_key(*arn)) {
            let Some(resource) = known.get(arn).copied() else { continue };
            let was = parent_of_arn::<C>(arn);
            // By the feed alone it may have been known as what stood there before its parent was replaced.
            let is =
                parent_of_spec::<C>(&named, resource).filter(|is| resource.id.is_none() && was.as_ref() != Some(is));
            for parent in was.into_iter().chain(is) {
                parents.entry(parent).or_default().push(resource);
            }
        }
    }
    let answers = parents.into_iter().map(|(parent, list)| async move { (list, C::of_parent(aws, parent).await) });
    for (list, answer) in futures::future::join_all(answers).await {
        match answer {
            Ok(items) => found.items.extend(items.into_iter().map(|item| (C::arn(&item).to_owned(), item))),
            // Without the parent there is no child.
            Err(error) if is_not_found(&error) => {}
            Err(error) => found.gaps.push(gap_of::<C>(&error, list.into_iter())),
        }
    }
    found
}

/// Refuses to `delete` a parent in which somebody else has put something: AWS would delete that with it. What is in it is
/// ours otherwise, and returned. The tags are AWS's own word, not the feed's, which is late.
pub(crate) async fn none_of_others<C: Child>(
    aws: &Aws<'_>,
    parent: &str,
    delete: &str,
) -> Result<Vec<String>, ApplyError> {
    let children = match C::of_parent(aws, parent.to_owned()).await {
        // The delete itself finds that it is gone.
        Err(error) if is_not_found(&error) => return Ok(Vec::new()),
        children => children?,
    };
    let arns: Vec<String> =
        children.iter().filter(|child| !C::is_of_parent(child)).map(|child| C::arn(child).to_owned()).collect();
    for some in arns.chunks(BATCH) {
        let tags = told_tags(aws, some.to_vec()).await?;
        let is_ours = |arn: &&String| tags.get(*arn).is_some_and(|tags| tags.contains_key(UID_TAG));
        if let Some(other) = some.iter().find(|arn| !is_ours(arn)) {
            let words = format!(
                "{parent}: AWS would delete {other} with it, which is not Holdfast's. Delete that first, or declare and \
                 adopt it."
            );
            return Err(ApplyError { class: ErrorClass::Conflict, ..refused(delete, "ResourceInUse", words) });
        }
    }
    Ok(arns)
}

/// The gap of some resources; of the whole kind where one of them cannot be named.
fn gap_of<'w, C: Child>(error: &ApplyError, concerned: impl Iterator<Item = &'w WantedResource>) -> Gap {
    let mut names = Vec::new();
    for resource in concerned {
        let identity = resource.spec.identity(C::identity).map(str::to_owned);
        if resource.id.is_none() && identity.is_none() {
            return gap(error, Vec::new());
        }
        names.extend(resource.id.clone().into_iter().chain(identity));
    }
    gap(error, names)
}

/// The ARNs of what is called `path` in them, by the uid in their owner tags, according to the feed; the first of several.
fn arns_by_uid<'f>(owned: &'f TagsByArn, path: &str) -> BTreeMap<&'f str, &'f str> {
    let path = format!(":{path}/");
    let of_path = owned.iter().rev().filter(|(arn, _)| arn.contains(&path));
    of_path.filter_map(|(arn, tags)| Some((tags.get(UID_TAG)?.as_str(), arn.as_str()))).collect()
}

/// The parent's ARN out of the spec; an open reference is followed by the owner tag of what it names.
fn parent_of_spec<C: Child>(named: &BTreeMap<String, String>, resource: &WantedResource) -> Option<String> {
    match pieces(resource.spec.get(C::PARENT)?.as_str()?).ok()?.as_slice() {
        [Piece::Text(arn)] => Some(arn.clone()),
        [Piece::Reference(reference, _)] => named.get(&reference.target(&resource.key.stack)?.0.to_string()).cloned(),
        _ => None,
    }
}

/// The ARNs of parents by `stack/Kind/name`, where a reference to one has no value yet: nothing is remembered of it,
/// because it is new or because the store was lost. What exists nevertheless must not be made twice.
async fn named_parents<C: Child>(aws: &Aws<'_>, owned: &TagsByArn, wanted: &Wanted) -> BTreeMap<String, String> {
    let open = |w: &&WantedResource| {
        w.id.is_none() && w.spec.get(C::PARENT).and_then(Value::as_str).is_some_and(crate::elb::types::is_open)
    };
    match wanted.resources.iter().find(open) {
        Some(_) if C::PATHS.1 == "listener" => named_listeners(aws, owned).await,
        Some(_) => named_load_balancers(aws, owned).await,
        None => BTreeMap::new(),
    }
}

/// By `stack/Kind/name`, those whose ARN has this path.
fn named_in(tags: &TagsByArn, path: &str) -> BTreeMap<String, String> {
    let path = format!(":{path}/");
    let name = |(arn, tags): (&String, &Arc<Tags>)| Some((tags.get(RESOURCE_TAG)?.clone(), arn.clone()));
    tags.iter().filter(|(arn, _)| arn.contains(&path)).filter_map(name).collect()
}

/// Out of the feed; where that knows none of ours, which some implementations of AWS never do, by asking for all.
async fn named_load_balancers(aws: &Aws<'_>, owned: &TagsByArn) -> BTreeMap<String, String> {
    let named = named_in(owned, "loadbalancer");
    if !named.is_empty() {
        return named;
    }
    let all = load_balancers(aws).await.unwrap_or_default();
    let arns: Vec<String> = all.into_iter().filter_map(|lb| lb.load_balancer_arn).collect();
    let tags = tags_of(aws, &arns).await.unwrap_or_default();
    named_in(&tags, "loadbalancer")
}

/// Out of the feed; where that knows none of ours, by asking for those of our load balancers.
async fn named_listeners(aws: &Aws<'_>, owned: &TagsByArn) -> BTreeMap<String, String> {
    let named = named_in(owned, "listener");
    if !named.is_empty() {
        return named;
    }
    let balancers = named_load_balancers(aws, owned).await;
    let listed = balancers.into_values().map(|lb| Listener::of_parent(aws, lb));
    let listed = futures::future::join_all(listed).await;
    let all = listed.iter().flatten().flatten().map(|listener| Listener::arn(listener).to_owned());
    named_in(&tags_of(aws, &all.collect::<Vec<_>>()).await.unwrap_or_default(), "listener")
}

/// The parent's ARN out of the child's: its path under the parent's name, without the last part.
fn parent_of_arn<C: Child>(arn: &str) -> Option<String> {
    let (own, parents) = (format!(":{}/", C::PATHS.0), format!(":{}/", C::PATHS.1));
    let (front, _) = arn.rsplit_once('/')?;
    front.contains(&own).then(|| front.replacen(&own, &parents, 1))
}
