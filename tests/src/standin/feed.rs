//! What asks across services: the feed of tags, who calls, and who scales.

use super::region::{Refusal, Region, Tags, page_size, refusal, tag_list};
use super::wire::{text, texts};
use serde_json::{Value, json};

/// Tables whose things the feed knows by ARN.
const BY_ARN: [&str; 7] = ["balancer", "targets", "listener", "rule", "definition", "subnet group", "database"];

/// The JSON of the answer to a call of the tag feed.
pub(crate) fn tagging(region: &mut Region, action: &str, input: &Value) -> Result<String, Refusal> {
    if action != "GetResources" {
        return Err(refusal("InvalidParameterException", format!("The stand-in does not know the action {action}")));
    }
    let types = texts(input, "ResourceTypeFilters");
    let keys: Vec<&str> =
        input["TagFilters"].as_array().into_iter().flatten().filter_map(|filter| text(filter, "Key")).collect();
    let after = text(input, "PaginationToken").unwrap_or_default();
    let size = page_size(input, "ResourcesPerPage", 100);
    let wanted = |arn: &str, tags: &Tags| {
        let of_type = types.is_empty() || types.iter().any(|t| is_of(arn, t));
        !tags.is_empty() && of_type && keys.iter().all(|key| tags.contains_key(*key))
    };
    let mut found: Vec<(&str, &Tags)> = Vec::new();
    for (_, table) in region.tables().filter(|(name, _)| BY_ARN.contains(name)) {
        let from = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let rest = table.range::<str, _>(from).filter(|(arn, thing)| wanted(arn, &thing.tags));
        found.extend(rest.take(size + 1).map(|(arn, thing)| (arn.as_str(), &thing.tags)));
    }
    found.sort_unstable_by_key(|(arn, _)| *arn);
    let more = found.len() > size;
    found.truncate(size);
    let token = found.last().map(|(arn, _)| *arn).filter(|_| more).unwrap_or_default();
    let one = |(arn, tags): &(&str, &Tags)| json!({ "ResourceARN": arn, "Tags": tag_list(tags, "Key", "Value") });
    Ok(json!({ "PaginationToken": token, "ResourceTagMappingList": found.iter().map(one).collect::<Value>() })
        .to_string())
}

/// True if an ARN is of a type such as `ecs:task-definition`, or of a whole service.
fn is_of(arn: &str, kind: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, rest) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    match kind.split_once(':') {
        None => service == kind,
        Some((of, name)) => service == of && rest.strip_prefix(name).is_some_and(|r| r.starts_with(['/', ':'])),
    }
}

/// The inside of STS's answer.
pub(crate) fn sts(region: &Region, action: &str) -> Result<String, Refusal> {
    match action {
        "GetCallerIdentity" => {
            let account = &region.account;
            Ok(format!(
                "<Arn>arn:aws:iam::{account}:user/bench</Arn><UserId>BENCH</UserId><Account>{account}</Account>"
            ))
        }
        _ => Err(refusal("InvalidAction", format!("The stand-in does not know the action {action}"))),
    }
}

/// The JSON of Application Auto Scaling's answer: nothing is scaled here.
pub(crate) fn scaling(action: &str) -> Result<String, Refusal> {
    match action {
        "DescribeScalableTargets" => Ok(json!({ "ScalableTargets": [] }).to_string()),
        _ => Err(refusal("ValidationException", format!("The stand-in does not know the action {action}"))),
    }
}
