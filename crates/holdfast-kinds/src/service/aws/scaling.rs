//! What Application Auto Scaling says of services: which counts it scales, and between which bounds.

use crate::aws::{Aws, Service, all_pages, gap};
use crate::common::text;
use crate::service::owners::{scalable_id, scaled};
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ServiceNamespace};
use holdfast_core::cloud::{ApplyError, ErrorClass};
use holdfast_core::observe::{Gap, Observation};
use holdfast_core::ownership::Bounds;
use std::collections::BTreeMap;

/// Up to so many services are asked for by name, which is one page; of more, all targets of the region are listed.
const PAGE: usize = 50;

/// Says of each service whether its count is scaled. Where that cannot be read the count is unknown, which the gap
/// tells: it may be an autoscaler's, and is then nobody's to put back.
pub(super) async fn find_owners(aws: &Aws<'_>, services: &mut [Observation]) -> Option<Gap> {
    let mut counted: Vec<&mut Observation> =
        services.iter_mut().filter(|s| text(&s.fields, "schedulingStrategy") != Some("DAEMON")).collect();
    if counted.is_empty() {
        return None;
    }
    let ids: Vec<String> = counted.iter().map(|s| scalable_id(&s.identity)).collect();
    match targets(aws, &ids).await {
        Ok(bounds) => {
            for (service, id) in counted.iter_mut().zip(&ids) {
                service.ownership.owners.extend(bounds.get(id).copied().map(scaled));
            }
            None
        }
        Err(error) if is_missing(&error) => None,
        Err(error) => {
            counted.iter_mut().for_each(|s| s.unread.push("/desiredCount".to_owned()));
            Some(gap(&error, ids))
        }
    }
}

/// Bounds by resource id.
async fn targets(aws: &Aws<'_>, ids: &[String]) -> Result<BTreeMap<String, Bounds>, ApplyError> {
    let named = (ids.len() <= PAGE).then(|| ids.to_vec());
    let pages = all_pages(
        |token| {
            let page = aws.scaling().describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
            let page = page.set_resource_ids(named.clone()).set_next_token(token);
            aws.read(Service::Scaling, "DescribeScalableTargets", page.send())
        },
        |answer| answer.next_token(),
    )
    .await?;
    let all = pages.iter().flat_map(|page| page.scalable_targets());
    let counts = all.filter(|t| *t.scalable_dimension() == ScalableDimension::EcsServiceDesiredCount);
    let bounds = |t: &ScalableTarget| Bounds { min: t.min_capacity().into(), max: t.max_capacity().into() };
    Ok(counts.map(|t| (t.resource_id().to_owned(), bounds(t))).collect())
}

/// True if what answered has no Application Auto Scaling at all, as imitations of AWS may: then nothing is scaled. AWS
/// itself answers every refusal with a code.
fn is_missing(error: &ApplyError) -> bool {
    let unknown = ["UnknownOperation", "InvalidAction", "NotImplemented", "UnreadableAnswer"];
    error.class == ErrorClass::Rejected && unknown.iter().any(|word| error.code.contains(word))
}
