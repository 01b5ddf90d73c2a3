//! ECS's side of a task definition.
//!
//! A listing of the region, or of each family that is wanted, says which revisions are active, whichever takes fewer calls;
//! what a revision says is read once and kept for ever.

use super::observed::revision;
use super::{Action, TaskDefinition};
use crate::aws::answer::untold;
use crate::aws::{Aws, LastMade, Live, Service, all_pages, folded, gap, lock};
use crate::common::{Tags, closed, drop_nulls, text};
use crate::ecs::aws::{read, retag, tags_from_wire, tags_to_wire, write};
use crate::ecs::{name_of, outputs};
use async_trait::async_trait;
use aws_sdk_ecs::operation::list_task_definitions::ListTaskDefinitionsOutput;
use aws_sdk_ecs::types::TaskDefinitionStatus;
use futures::StreamExt;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::kind::Kind;
use holdfast_core::name::{RESOURCE_TAG, UID_TAG};
use holdfast_core::observe::{Gap, Observation, Reading, Wanted, WantedResource};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What lists revisions.
const LISTING: &str = "ListTaskDefinitions";

/// Families that are looked at at once; what they may ask is paced by budgets.
const AT_ONCE: usize = 64;

/// New revisions of a family that one sweep reads at most, while it looks for one of ours.
const UNKNOWN_A_SWEEP: usize = 30;

/// Revisions of a family, older than our newest, that one sweep reads at most: only upkeep needs them.
const OLDER_A_SWEEP: usize = 2;

#[async_trait]
impl Live for TaskDefinition {
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let families = families(wanted);
        if families.is_empty() {
            return Ok(Reading::default());
        }
        let mut active = active_revisions(aws, &families).await?;
        lock(&aws.cache().families).retain(|family, last| {
            last.close();
            families.contains_key(family)
        });
        let (mut reading, mut moved) = (Reading::default(), Vec::new());
        for (family, wanted) in &families {
            let listed = active.remove(family.as_str()).unwrap_or_default();
            match unmoved(aws, family, wanted, &listed).await {
                Some(seen) => reading.observations.push(seen),
                None => moved.push((family, wanted, listed)),
            }
        }
        let looks = moved.into_iter().map(|(family, wanted, listed)| async move {
            let found = look(aws, family, wanted, listed).await;
            (family, found)
        });
        let looks: Vec<_> = looks.collect();
        let mut looks = futures::stream::iter(looks).buffered(AT_ONCE);
        while let Some((family, found)) = looks.next().await {
            match found {
                Ok(found) => reading.observations.extend(found),
                Err(gap) => {
                    let handles = families.get(family).into_iter().flat_map(|wanted| handles(family, wanted));
                    let of = std::iter::once(family.as_str()).chain(handles).map(str::to_owned).collect();
                    reading.gaps.push(Gap { of, ..gap });
                }
            }
        }
        Ok(reading)
    }

    async fn apply(aws: &Aws<'_>, action: &Action, _token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Register { spec, tags } => return register(aws, spec, tags).await,
            Action::Deregister { revisions, .. } => {
                for arn in revisions {
                    deregister(aws, arn).await?;
                }
            }
            Action::Tag(tags) => retag(aws, tags).await?,
        }
        Ok(Applied::default())
    }
}

/// Who wants which family: by declaration, and by an earlier handle.
fn families(wanted: &Wanted) -> BTreeMap<String, Vec<&WantedResource>> {
    let mut families: BTreeMap<String, Vec<&WantedResource>> = BTreeMap::new();
    for resource in &wanted.resources {
        let declared = resource.spec.identity(TaskDefinition::identity).map(str::to_owned);
        let earlier = resource.id.as_deref().and_then(family_and_number).map(|(family, _)| family.to_owned());
        for earlier in [earlier, resource.made_as.clone()].into_iter().flatten() {
            if declared.as_ref() != Some(&earlier) {
                families.entry(earlier).or_default().push(resource);
            }
        }
        families.entry(declared.unwrap_or_default()).or_default().push(resource);
    }
    families.remove("");
    families
}

fn family_and_number(arn: &str) -> Option<(&str, u64)> {
    let (family, number) = name_of(arn).rsplit_once(':')?;
    Some((family, number.parse().ok()?))
}

/// ARNs of active revisions by family, newest first: of all families, or at least of those that are wanted.
async fn active_revisions(
    aws: &Aws<'_>,
    families: &BTreeMap<String, Vec<&WantedResource>>,
) -> Result<BTreeMap<String, Vec<String>>, ApplyError> {
    let told = if aws.is_longer(LISTING, families.len()) {
        aws.told(LISTING, families.keys().map(|family| list(aws, Some(family.clone()))).collect()).await?
    } else {
        None
    };
    let pages = match told {
        Some(told) => {
            let pages: Vec<_> = told.into_iter().flatten().collect();
            aws.was_asked(LISTING, pages.len());
            pages
        }
        None => {
            let pages = list(aws, None).await?;
            aws.was_listed(LISTING, pages.len());
            pages
        }
    };
    let mut active: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for arn in pages.iter().flat_map(|page| page.task_definition_arns()) {
        if let Some((family, number)) = family_and_number(arn) {
            active.entry(family.to_owned()).or_default().push((number, arn.clone()));
        }
    }
    Ok(active.into_iter().map(|(family, list)| (family, newest_first(list))).collect())
}

/// The ARNs of numbered revisions. Where the name of a family is taken for the beginning of one, two answers tell of each.
fn newest_first(mut revisions: Vec<(u64, String)>) -> Vec<String> {
    revisions.sort_unstable_by(|a, b| b.cmp(a));
    revisions.dedup();
    revisions.into_iter().map(|(_, arn)| arn).collect()
}

/// All pages of active revisions, of a family or of the region.
async fn list(aws: &Aws<'_>, family: Option<String>) -> Result<Vec<ListTaskDefinitionsOutput>, ApplyError> {
    all_pages(
        |token| {
            let page = aws.ecs().list_task_definitions().status(TaskDefinitionStatus::Active).max_results(100);
            // Named as a prefix, it is the whole name of a family.
            let page = page.set_family_prefix(family.clone());
            aws.read(Service::Ecs, LISTING, page.set_next_token(token).send())
        },
        |answer| answer.next_token(),
    )
    .await
}

/// What was last made of a family, if nothing that it was made out of has moved; asks nobody.
async fn unmoved(
    aws: &Aws<'_>,
    family: &str,
    wanted: &[&WantedResource],
    listed: &[String],
) -> Option<Arc<Observation>> {
    if handles(family, wanted).any(|known| is_unlisted(known, listed)) {
        return None;
    }
    let seen = last_made(aws, family, wanted, listed)?;
    aws.still_tagged(&seen.id, &seen.tags).await.then_some(seen)
}

/// What was last made of a family for the same who want it, out of the same revisions; its tags may have changed.
fn last_made(aws: &Aws<'_>, family: &str, wanted: &[&WantedResource], listed: &[String]) -> Option<Arc<Observation>> {
    let all = lock(&aws.cache().families);
    all.get(family).filter(|last| last.stands_on(wanted, listed)).map(|last| Arc::clone(&last.seen))
}

/// The revisions of a family that are remembered.
fn handles<'w>(family: &'w str, wanted: &'w [&WantedResource]) -> impl Iterator<Item = &'w str> {
    let of_family = move |arn: &&str| family_and_number(arn).is_some_and(|(of, _)| of == family);
    wanted.iter().filter_map(|w| w.id.as_deref()).filter(of_family)
}

/// True if a revision is newer than all that are listed.
fn is_unlisted(known: &str, listed: &[String]) -> bool {
    let number = |arn: &str| family_and_number(arn).map_or(0, |(_, n)| n);
    listed.first().is_none_or(|first| number(known) > number(first))
}

/// The observation of a family: our newest revision, else the newest of others.
async fn look(
    aws: &Aws<'_>,
    family: &str,
    wanted: &[&WantedResource],
    mut listed: Vec<String>,
) -> Result<Option<Arc<Observation>>, Gap> {
    for known in handles(family, wanted) {
        with_unlisted(aws, known, &mut listed).await.map_err(|e| gap(&e, Vec::new()))?;
    }
    if let Some(seen) = last_made(aws, family, wanted, &listed) {
        let tags = current_tags(aws, &seen.id).await.map_err(|e| gap(&e, Vec::new()))?;
        if tags == seen.tags {
            return Ok(Some(seen));
        }
    }
    let mut newest_foreign = None;
    let mut unknown = 0;
    for (place, arn) in listed.iter().enumerate() {
        if !aws.cache().knows(arn) {
            unknown += 1;
            if unknown > UNKNOWN_A_SWEEP {
                let reason =
                    format!("looking for our revision among {} active ones; the next sweep goes on", listed.len());
                return Err(Gap::new("ecs:DescribeTaskDefinition", Vec::new(), reason).passing());
            }
        }
        let content = content(aws, arn).await.map_err(|e| gap(&e, Vec::new()))?;
        if is_ours(arn, &content, wanted) {
            let older = older_of_ours(aws, &listed[place + 1..], wanted).await;
            let tags = current_tags(aws, arn).await.map_err(|e| gap(&e, Vec::new()))?;
            let seen = folded(observe(&content, tags, &older, wanted));
            // What is not known of the older ones yet is read in the sweeps that follow.
            if listed.iter().all(|arn| aws.cache().knows(arn)) {
                let family = family.to_owned();
                lock(&aws.cache().families).insert(family, LastMade::of(wanted, &listed, &seen));
            }
            return Ok(Some(seen));
        }
        newest_foreign.get_or_insert(content);
    }
    let foreign = |content: Arc<Value>| observe(&content, tags_from_wire(content.get("tags")).into(), &[], wanted);
    Ok(newest_foreign.map(foreign).map(Arc::new))
}

/// Adds the revision we registered last, if the listing does not show it yet.
async fn with_unlisted(aws: &Aws<'_>, known: &str, listed: &mut Vec<String>) -> Result<(), ApplyError> {
    if !is_unlisted(known, listed) {
        return Ok(());
    }
    // Not from what is kept: whether it is still active is the question.
    match describe(aws, known).await {
        Ok(answer) if answer.pointer("/taskDefinition/status").and_then(Value::as_str) == Some("ACTIVE") => {
            aws.cache().keep_immutable(known, answer);
            listed.insert(0, known.to_owned());
        }
        Ok(_) => {}
        // ECS has no code of its own for a revision that is not there.
        Err(error) if matches!(error.class, holdfast_core::cloud::ErrorClass::Rejected) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn observe(content: &Value, tags: Arc<Tags>, older: &[String], wanted: &[&WantedResource]) -> Observation {
    let declared = wanted.iter().map(|w| &*w.spec).find(|spec| closed(spec, "family").is_some());
    revision(&content["taskDefinition"], tags, older, declared)
}

/// Ours by its tags when it was registered, or because we remember it.
fn is_ours(arn: &str, content: &Value, wanted: &[&WantedResource]) -> bool {
    let tags = tags_from_wire(content.get("tags"));
    wanted.iter().any(|w| {
        w.id.as_deref() == Some(arn)
            || tags.get(UID_TAG) == Some(&w.uid)
            || tags.get(RESOURCE_TAG).is_some_and(|resource| *resource == w.key.to_string())
    })
}

async fn older_of_ours(aws: &Aws<'_>, listed: &[String], wanted: &[&WantedResource]) -> Vec<String> {
    let mut left = OLDER_A_SWEEP;
    let mut ours = Vec::new();
    for arn in listed {
        let known = aws.cache().knows(arn);
        if !known && left == 0 {
            continue;
        }
        left -= usize::from(!known);
        // A revision that cannot be read now is upkept later.
        if let Ok(content) = content(aws, arn).await
            && is_ours(arn, &content, wanted)
        {
            ours.push(arn.clone());
        }
    }
    ours
}

/// What a revision says, with the tags it was registered with; read once.
async fn content(aws: &Aws<'_>, arn: &str) -> Result<Arc<Value>, ApplyError> {
    match aws.cache().immutable(arn) {
        Some(content) => Ok(content),
        None => Ok(aws.cache().keep_immutable(arn, describe(aws, arn).await?)),
    }
}

async fn describe(aws: &Aws<'_>, arn: &str) -> Result<Value, ApplyError> {
    let body = json!({ "taskDefinition": arn, "include": ["TAGS"] });
    let send = |json| aws.ecs().describe_task_definition().customize().interceptor(json).send();
    let answer = read(aws, "DescribeTaskDefinition", body, send).await?;
    let told = |member: &str| answer["taskDefinition"].get(member).is_some_and(Value::is_string);
    if !["taskDefinitionArn", "status"].into_iter().all(told) {
        return Err(untold("ecs:DescribeTaskDefinition", "what the revision is"));
    }
    Ok(answer)
}

/// The tags a revision has now: they can change, unlike what it says.
async fn current_tags(aws: &Aws<'_>, arn: &str) -> Result<Arc<Tags>, ApplyError> {
    let one = [arn.to_owned()];
    let ask = |arns: Vec<String>| async move {
        let mut tags = BTreeMap::new();
        for arn in arns {
            let body = json!({ "resourceArn": arn });
            let send = |json| aws.ecs().list_tags_for_resource().customize().interceptor(json).send();
            let answer = read(aws, "ListTagsForResource", body, send).await?;
            tags.insert(arn, tags_from_wire(answer.get("tags")));
        }
        Ok(tags)
    };
    let tags = aws.tags_of(&one, 1, ask).await?;
    Ok(tags.get(arn).cloned().unwrap_or_default())
}

async fn register(aws: &Aws<'_>, spec: &Value, tags: &Tags) -> Result<Applied, ApplyError> {
    let mut body = spec.clone();
    TaskDefinition::canonical(&mut body);
    drop_nulls(&mut body);
    if !tags.is_empty() {
        body["tags"] = tags_to_wire(tags);
    }
    let send = |json| aws.ecs().register_task_definition().customize().interceptor(json).send();
    let mut answer = write(aws, "RegisterTaskDefinition", body, send).await?;
    let made = &answer["taskDefinition"];
    let Some(arn) = text(made, "taskDefinitionArn").map(str::to_owned) else {
        return Ok(Applied::default());
    };
    let family = text(made, "family").unwrap_or_default();
    let outputs = outputs(&arn, &arn, &[("family", json!(family)), ("revision", made["revision"].clone())]);
    // It says all that asking for the revision would, but for tags where an implementation leaves them out.
    answer["tags"] = tags_to_wire(tags);
    aws.cache().keep_immutable(&arn, answer);
    Ok(Applied { id: Some(arn), outputs, ..Applied::default() })
}

async fn deregister(aws: &Aws<'_>, arn: &str) -> Result<(), ApplyError> {
    let body = json!({ "taskDefinition": arn });
    let send = |json| aws.ecs().deregister_task_definition().customize().interceptor(json).send();
    match write(aws, "DeregisterTaskDefinition", body, send).await {
        // Somebody was faster.
        Err(error) if error.message.to_ascii_lowercase().contains("inactive") => Ok(()),
        other => other.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_two_answers_tell_of_is_one() {
        let revisions = [(9, "web:9"), (10, "web:10"), (9, "web:9")].map(|(number, arn)| (number, arn.to_owned()));
        assert_eq!(newest_first(revisions.to_vec()), ["web:10", "web:9"]);
    }
}
