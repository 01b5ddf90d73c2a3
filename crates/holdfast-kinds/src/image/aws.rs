//! EC2's answer to which image is meant.

use super::{Image, ImageSpec, chosen};
use crate::aws::answer::parse;
use crate::aws::{Aws, Live, Service, all_pages, gap, reading};
use crate::ec2::aws::PAGE;
use crate::lookup::{self, Question, changes_nothing};
use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};
use serde_json::Value;
use std::collections::BTreeSet;

const OPERATION: &str = "ec2:DescribeImages";

#[async_trait]
impl Live for Image {
    /// One call a question while its image stays; a listing when it has to be chosen.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let asked = wanted.resources.iter().filter_map(|w| Some((lookup::identity(&w.spec)?, w.id.clone(), &w.spec)));
        let (mut answers, mut gaps, mut done) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (identity, known, spec) in asked {
            if !done.insert((identity.clone(), known.clone())) {
                continue;
            }
            match answer(aws, spec, known.as_deref()).await {
                Ok(found) => answers.extend(found),
                Err(error) => gaps.push(gap(&error, vec![identity])),
            }
        }
        Ok(reading(answers, gaps))
    }

    async fn apply(_: &Aws<'_>, _: &Question, _: &str) -> Result<Applied, ApplyError> {
        Err(changes_nothing::<Self>())
    }
}

async fn answer(aws: &Aws<'_>, spec: &Value, known: Option<&str>) -> Result<Option<Observation>, ApplyError> {
    let question: ImageSpec = parse(OPERATION, spec.as_object().unwrap_or(&serde_json::Map::new()))?;
    if let Some(known) = known {
        let kept = fitting(aws, &question, Some(known)).await?;
        if let Some(image) = kept.first() {
            return Ok(observe(spec, image));
        }
    }
    let all = fitting(aws, &question, None).await?;
    let named =
        |image: &'_ aws_sdk_ec2::types::Image| Some((image.creation_date()?.to_owned(), image.image_id()?.to_owned()));
    let dated: Vec<(String, String)> = all.iter().filter_map(named).collect();
    let dated: Vec<(&str, &str)> = dated.iter().map(|(date, id)| (date.as_str(), id.as_str())).collect();
    let id = chosen(&dated, known);
    Ok(all.iter().find(|image| image.image_id() == id).and_then(|image| observe(spec, image)))
}

/// The images that fit; with `only`, that one if it fits, be it deprecated or not.
async fn fitting(
    aws: &Aws<'_>,
    question: &ImageSpec,
    only: Option<&str>,
) -> Result<Vec<aws_sdk_ec2::types::Image>, ApplyError> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let mut filters = vec![filter("name", &question.name), filter("state", "available")];
    filters.extend(question.architecture.as_deref().map(|a| filter("architecture", a)));
    filters.extend(only.map(|id| filter("image-id", id)));
    let pages = all_pages(
        |token| {
            let page = aws.ec2().describe_images().set_owners(Some(question.owners.clone()));
            let page = page.set_filters(Some(filters.clone())).include_deprecated(only.is_some());
            let page = page.max_results(PAGE).set_next_token(token);
            aws.read(Service::Ec2, "DescribeImages", page.send())
        },
        |answer| answer.next_token(),
    )
    .await?;
    Ok(pages.into_iter().flat_map(|page| page.images.unwrap_or_default()).collect())
}

fn observe(spec: &Value, image: &aws_sdk_ec2::types::Image) -> Option<Observation> {
    let outputs = [
        ("name", image.name()),
        ("ownerId", image.owner_id()),
        ("architecture", image.architecture().map(|a| a.as_str())),
        ("rootDeviceName", image.root_device_name()),
        ("creationDate", image.creation_date()),
    ];
    Some(lookup::answer(spec, image.image_id()?.to_owned(), outputs))
}
