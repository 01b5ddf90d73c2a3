//! What Application Auto Scaling says of services: which counts it scales, and between which bounds.

use super::Found;
use crate::aws::{Aws, Service, all_pages, gap, lock};
use crate::service::owners::{scalable_id, scaled};
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ServiceNamespace};
use holdfast_core::cloud::{ApplyError, ErrorClass};
use holdfast_core::observe::Gap;
use holdfast_core::ownership::Bounds;
use std::collections::BTreeMap;

/// Up to so many services are asked for by name, which is one page; of more, all targets of the region are listed.
const PAGE: usize = 50;

/// Says of each service whether its count is scaled. Asked about are those whose count is not as declared and those
/// that were scaled when last asked; the others now and then, because an owner of a count that is as declared changes
/// nothing. Where it cannot be read the count is unknown, which the gap tells: it may be an autoscaler's, and is then
/// nobody's to put back.
pub(super) async fn find_owners(aws: &Aws<'_>, services: &mut [Found]) -> Option<Gap> {
    let counted = services.iter_mut().filter(|s| s.counted);
    let mut counted: Vec<(String, &mut Found)> = counted.map(|s| (scalable_id(&s.seen.identity), s)).collect();
    let all = lock(&aws.cache().scaled).all_due(aws.now());
    if !all {
        let scaled = lock(&aws.cache().scaled);
        counted.retain(|(id, service)| scaled.has(id) || service.differs);
    }
    if counted.is_empty() {
        return None;
    }
    let ids: Vec<String> = counted.iter().map(|(id, _)| id.clone()).collect();
    match targets(aws, &ids).await {
        Ok(bounds) => {
            lock(&aws.cache().scaled).learn(&ids, |id| bounds.contains_key(id), all.then(|| aws.now()));
            for (id, service) in &mut counted {
                service.seen.ownership.owners.extend(bounds.get(id).copied().map(scaled));
            }
            None
        }
        Err(error) if is_missing(&error) => None,
        Err(error) => {
            counted.iter_mut().for_each(|(_, s)| s.seen.unread.push("/desiredCount".to_owned()));
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
/// itself answers every refusal with a code. A refusal whose reason was lost on the way says nothing of it.
fn is_missing(error: &ApplyError) -> bool {
    let unknown = ["UnknownOperation", "InvalidAction", "NotImplemented", "UnsupportedService"];
    error.class == ErrorClass::Rejected && unknown.iter().any(|word| error.code.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_says_so_means_that_nothing_scales() {
        let missing = |code: &str, class| {
            let operation = "application-autoscaling:DescribeScalableTargets".to_owned();
            is_missing(&ApplyError {
                class,
                operation,
                code: code.to_owned(),
                message: String::new(),
                request_id: None,
            })
        };
        assert!(missing("UnsupportedService", ErrorClass::Rejected));
        assert!(missing("UnknownOperationException", ErrorClass::Rejected));
        assert!(!missing("UnreadableAnswer", ErrorClass::Conflict), "its reason was lost on the way");
        assert!(!missing("UnreadableAnswer", ErrorClass::Rejected));
        assert!(!missing("AccessDeniedException", ErrorClass::Denied));
    }
}
