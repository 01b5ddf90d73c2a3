//! EC2's side of a launch template.

mod data;

use super::LaunchTemplate;
use super::plan::{Action, Numbered, Version, holds, observation};
use crate::aws::answer::{made, parse};
use crate::aws::{Aws, Live, Service, all_pages, gap, reading};
use crate::ec2::aws::{Concern, delete, retag, tags_for, tags_from};
use async_trait::async_trait;
use aws_sdk_ec2::types::{self, LaunchTemplateVersion, ResourceType};
use holdfast_core::cloud::{Applied, ApplyError, ErrorClass};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Gap, Observation, Reading, Wanted};
use holdfast_core::outputs::Outputs;
use serde_json::Value;
use std::collections::BTreeMap;

/// The largest page of templates and of versions.
const PAGE: i32 = 200;

/// What says which template and which version.
type Place = (String, i64);

#[async_trait]
impl Live for LaunchTemplate {
    /// One listing, 200 a page. Versions never change: one that was read is not read again.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_launch_templates().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeLaunchTemplates", page.send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let concern = Concern::of::<Self>(wanted);
        let all = pages.iter().flat_map(|page| page.launch_templates());
        let ours: Vec<&types::LaunchTemplate> = all
            .filter(|t| concern.has(t.launch_template_id(), t.tags(), t.launch_template_name()))
            .filter(|t| t.launch_template_id().is_some())
            .collect();
        learn(aws, &ours).await?;
        let (mut seen, mut gaps) = (Vec::new(), Vec::new());
        for template in ours {
            let (one, missed) = observe(aws, template, wanted).await;
            seen.push(one);
            gaps.extend(missed);
        }
        Ok(reading(seen, gaps))
    }

    async fn apply(aws: &Aws<'_>, action: &Action, token: &str) -> Result<Applied, ApplyError> {
        match action {
            Action::Create { name, version, tags } => {
                let call = aws
                    .ec2()
                    .create_launch_template()
                    .launch_template_name(name)
                    .launch_template_data(request("ec2:CreateLaunchTemplate", version)?)
                    .set_version_description(version.description.clone())
                    .tag_specifications(tags_for(ResourceType::LaunchTemplate, tags))
                    .client_token(token);
                let answer = aws.write(Service::Ec2, "CreateLaunchTemplate", call.send()).await?;
                let first = [Numbered { number: 1, data: version.data.clone() }];
                let id = answer.launch_template().and_then(|t| t.launch_template_id());
                let seen = id.map(|id| observation(id.to_owned(), name.clone(), tags.clone(), (1, 1), &first));
                return made("ec2:CreateLaunchTemplate", seen);
            }
            Action::AddVersion { id, version } => return add_version(aws, id, version, token).await,
            Action::MoveDefault { id, number } => return move_default(aws, id, *number).await,
            Action::Retag(change) => retag(aws, change).await?,
            Action::Delete { id } => {
                let call = aws.ec2().delete_launch_template().launch_template_id(id);
                delete(aws, "DeleteLaunchTemplate", call.send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

/// A version and then the default: what is left when the second call fails is found by the next sweep, which moves the
/// default alone.
async fn add_version(aws: &Aws<'_>, id: &str, version: &Version, token: &str) -> Result<Applied, ApplyError> {
    let operation = "ec2:CreateLaunchTemplateVersion";
    let call = aws
        .ec2()
        .create_launch_template_version()
        .launch_template_id(id)
        .launch_template_data(request(operation, version)?)
        .set_version_description(version.description.clone())
        .client_token(token);
    let answer = aws.write(Service::Ec2, "CreateLaunchTemplateVersion", call.send()).await?;
    let number = answer.launch_template_version().and_then(|v| v.version_number());
    let Some(number) = number else {
        let message = "AWS's answer does not say which version it made; it is looked for in the next sweep".to_owned();
        let (class, code) = (ErrorClass::Lost, "EmptyAnswer".to_owned());
        return Err(ApplyError { class, operation: operation.to_owned(), code, message, request_id: None });
    };
    let mut applied = move_default(aws, id, number).await?;
    applied.outputs.insert("latestVersion".to_owned(), number.into());
    Ok(applied)
}

async fn move_default(aws: &Aws<'_>, id: &str, number: i64) -> Result<Applied, ApplyError> {
    let call = aws.ec2().modify_launch_template().launch_template_id(id).default_version(number.to_string());
    aws.write(Service::Ec2, "ModifyLaunchTemplate", call.send()).await?;
    let outputs = Outputs::from_iter([("defaultVersion", Value::from(number))]);
    Ok(Applied { outputs, ..Applied::default() })
}

fn request(operation: &str, version: &Version) -> Result<types::RequestLaunchTemplateData, ApplyError> {
    Ok(data::request(&parse(operation, &version.data)?))
}

fn key((id, number): &Place) -> String {
    format!("launch-template {id} {number}")
}

/// The versions of a template that every sweep wants: the default one and the newest.
fn places(template: &types::LaunchTemplate) -> [Place; 2] {
    let id = template.launch_template_id().unwrap_or_default();
    [template.default_version_number(), template.latest_version_number()]
        .map(|number| (id.to_owned(), number.unwrap_or_default()))
}

/// Reads the default and the newest version of those templates of which they are not known, all in one listing.
async fn learn(aws: &Aws<'_>, ours: &[&types::LaunchTemplate]) -> Result<(), ApplyError> {
    let unknown = |t: &&&types::LaunchTemplate| places(t).iter().any(|p| !aws.cache().knows(&key(p)));
    let missing: BTreeMap<String, _> =
        ours.iter().filter(unknown).map(|t| (t.launch_template_id().unwrap_or_default().to_owned(), *t)).collect();
    // Of a few, each is asked for itself: the listing is of all templates of the Region.
    if missing.len() > 1 {
        let both = Some(vec!["$Default".to_owned(), "$Latest".to_owned()]);
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_launch_template_versions().set_versions(both.clone()).max_results(PAGE);
                aws.read(Service::Ec2, "DescribeLaunchTemplateVersions", page.set_next_token(token).send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let all = pages.iter().flat_map(|page| page.launch_template_versions());
        all.filter(|v| v.launch_template_id().is_some_and(|id| missing.contains_key(id)))
            .for_each(|v| drop(keep(aws, v)));
    }
    Ok(())
}

fn keep(aws: &Aws<'_>, version: &LaunchTemplateVersion) -> Option<Numbered> {
    let place = (version.launch_template_id()?.to_owned(), version.version_number()?);
    let data = data::read(version.launch_template_data()?);
    aws.cache().keep_immutable(&key(&place), Value::Object(data.clone()));
    Some(Numbered { number: place.1, data })
}

/// A template with the versions that are known. Where the default is not as declared, all its versions are looked
/// through for one that is.
async fn observe(aws: &Aws<'_>, template: &types::LaunchTemplate, wanted: &Wanted) -> (Observation, Option<Gap>) {
    let name = template.launch_template_name().unwrap_or_default();
    let [default, latest] = places(template);
    let known = |place: &Place| {
        let data = aws.cache().immutable(&key(place))?.as_object().cloned()?;
        Some(Numbered { number: place.1, data })
    };
    let mut versions: Vec<Numbered> = [known(&default), known(&latest)].into_iter().flatten().collect();
    versions.dedup_by_key(|v| v.number);
    let declared = wanted.resources.iter().find(|w| w.spec.identity(LaunchTemplate::identity) == Some(name));
    let declared = declared.and_then(|w| w.spec.get("launchTemplateData")?.as_object());
    let live = versions.iter().find(|v| v.number == default.1);
    let as_declared = live.is_some_and(|live| declared.is_none_or(|declared| holds(&live.data, declared)));
    let mut missed = None;
    if !as_declared {
        match all_versions(aws, &default.0).await {
            Ok(all) => versions = all,
            Err(error) => missed = Some(gap(&error, vec![default.0.clone(), name.to_owned()])),
        }
    }
    let numbers = (default.1, latest.1);
    (observation(default.0, name.to_owned(), tags_from(template.tags()), numbers, &versions), missed)
}

async fn all_versions(aws: &Aws<'_>, id: &str) -> Result<Vec<Numbered>, ApplyError> {
    let pages = all_pages(
        |token| {
            let page = aws.ec2().describe_launch_template_versions().launch_template_id(id).max_results(PAGE);
            aws.read(Service::Ec2, "DescribeLaunchTemplateVersions", page.set_next_token(token).send())
        },
        |answer| answer.next_token(),
    )
    .await?;
    Ok(pages.iter().flat_map(|page| page.launch_template_versions()).filter_map(|v| keep(aws, v)).collect())
}
