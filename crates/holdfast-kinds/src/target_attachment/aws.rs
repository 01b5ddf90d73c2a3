//! Elastic Load Balancing's side of a target attachment.

use super::{Registration, TargetAttachment, TargetAttachmentSpec, short};
use crate::aws::answer::{made, object, untold};
use crate::aws::{Aws, Live, Service, gap, reading};
use crate::common::{Tags, text};
use crate::elb::aws::{BATCH, is_not_found, number, parse};
use crate::plain::{self, Action, Call};
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription, TargetHealthReasonEnum as Reason,
    TargetHealthStateEnum as State, TargetTypeEnum,
};
use holdfast_core::cloud::{Applied, ApplyError, ErrorClass};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Wanted};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[async_trait]
impl Live for TargetAttachment {
    /// One call a target group with declared attachments; other targets in it are left out. The ports of groups, where an
    /// attachment goes by them, twenty a call, once.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let by_handle = wanted.resources.iter().filter_map(|w| Registration::parse(w.id.as_deref()?));
        let by_spec = wanted.resources.iter().filter_map(|w| Registration::of(&w.spec));
        let mut groups: BTreeMap<String, BTreeSet<Registration>> = BTreeMap::new();
        for one in by_handle.chain(by_spec) {
            groups.entry(one.group.clone()).or_default().insert(one);
        }
        let answers = groups.iter().map(|(group, of)| async move { (group, of, registered(aws, group).await) });
        let (mut here, mut gaps) = (Vec::new(), Vec::new());
        for (group, of, answer) in futures::future::join_all(answers).await {
            match answer {
                Ok(targets) => here.push((group, of, targets)),
                // Targets go with their group.
                Err(error) if is_not_found(&error) => {}
                Err(error) => gaps.push(gap(&error, handles(of))),
            }
        }
        let implied = here.iter().filter(|(_, of, _)| of.iter().any(|one| one.port.is_none()));
        let (ports, failed) = ports(aws, implied.map(|(group, ..)| *group).collect()).await;
        let why = || failed.clone().unwrap_or_else(|| untold(TARGET_GROUPS, "which port the target group has"));
        let mut seen = Vec::new();
        for (group, of, targets) in &here {
            match told(of, targets, ports.get(*group)) {
                Some(found) => seen.extend(found),
                None => gaps.push(gap(&why(), handles(of))),
            }
        }
        Ok(reading(seen, gaps))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, .. } => register(aws, spec).await,
            // AWS takes no tags for it: to adopt it is to remember it.
            Call::Retag(change) => Ok(Applied { id: Some(change.id.clone()), ..Applied::default() }),
            // No field of it changes in place, so that none is set.
            Call::Modify { .. } => Ok(Applied::default()),
            Call::Delete { id, .. } => deregister(aws, id).await.map(|()| Applied::default()),
        }
    }
}

const TARGET_GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";

fn handles(of: &BTreeSet<Registration>) -> Vec<String> {
    of.iter().map(Registration::handle).collect()
}

/// The targets in a group.
async fn registered(aws: &Aws<'_>, group: &str) -> Result<Vec<TargetHealthDescription>, ApplyError> {
    let call = aws.elb().describe_target_health().target_group_arn(group);
    let answer = aws.read(Service::Elb, "DescribeTargetHealth", call.send()).await?;
    Ok(answer.target_health_descriptions.unwrap_or_default())
}

/// Those targets of a group that are wanted, each under the handle by which it is; none if that takes the group's own port,
/// which is not known.
fn told(
    of: &BTreeSet<Registration>,
    targets: &[TargetHealthDescription],
    implied: Option<&Option<u16>>,
) -> Option<Vec<Observation>> {
    if implied.is_none() && of.iter().any(|one| one.port.is_none()) {
        return None;
    }
    let implied = implied.copied().flatten();
    let mut seen = Vec::new();
    for described in targets {
        let Some(target) = described.target() else { continue };
        let Some(id) = target.id().map(short) else { continue };
        let is = |one: &&Registration| one.id == id && one.port.or(implied).map(i32::from) == target.port();
        seen.extend(of.iter().filter(is).filter_map(|one| observe(one, target, described)));
    }
    Some(seen)
}

/// The ports of groups, none for those of a Lambda function, and why some are not known. They never change, so each is asked
/// for once, twenty a call.
async fn ports(aws: &Aws<'_>, groups: Vec<&String>) -> (BTreeMap<String, Option<u16>>, Option<ApplyError>) {
    let key = |group: &str| format!("{group}#port");
    let mut ports: BTreeMap<String, Arc<Value>> =
        groups.iter().filter_map(|group| Some(((*group).clone(), aws.cache().immutable(&key(group))?))).collect();
    let open: Vec<&String> = groups.into_iter().filter(|group| !ports.contains_key(*group)).collect();
    let reads = open.chunks(BATCH).map(|some| {
        let arns = some.iter().map(|group| (*group).clone()).collect();
        let call = aws.elb().describe_target_groups().set_target_group_arns(Some(arns));
        aws.read(Service::Elb, "DescribeTargetGroups", call.send())
    });
    let mut failed = None;
    for answer in futures::future::join_all(reads.collect::<Vec<_>>()).await {
        let told = answer.map(|answer| answer.target_groups.unwrap_or_default());
        for group in told.unwrap_or_else(|error| {
            failed = Some(error);
            Vec::new()
        }) {
            let is_told = group.port().is_some() || group.target_type() == Some(&TargetTypeEnum::Lambda);
            // What is kept is kept for ever.
            if let Some(arn) = group.target_group_arn().filter(|_| is_told) {
                ports.insert(arn.to_owned(), aws.cache().keep_immutable(&key(arn), json!(group.port())));
            }
        }
    }
    let number = |port: &Value| port.as_u64().and_then(|port| u16::try_from(port).ok());
    (ports.into_iter().map(|(group, port)| (group, number(&port))).collect(), failed)
}

fn observe(one: &Registration, target: &TargetDescription, described: &TargetHealthDescription) -> Option<Observation> {
    let (state, health) = life(described.target_health()?)?;
    let zone = target.availability_zone();
    let fields = object([
        ("targetGroupArn", Some(one.group.as_str().into())),
        ("targetId", Some(one.id.as_str().into())),
        ("port", target.port().map(Into::into)),
        ("availabilityZone", zone.map(Into::into)),
    ]);
    let mut seen = plain::observation::<TargetAttachment, 0>(one.handle(), Tags::new(), fields, []);
    seen.identity = one.handle();
    (seen.state, seen.health) = (state, health);
    // AWS says "all" also where it ignores the zone that it was told.
    if zone.is_none_or(|zone| zone == "all") {
        if let Some(fields) = seen.fields.as_object_mut() {
            fields.shift_remove("availabilityZone");
        }
        seen.unread.push("/availabilityZone".to_owned());
    }
    Some(seen)
}

/// Whether it is there and works; `None` for a target that is not registered, of which AWS tells too.
fn life(health: &TargetHealth) -> Option<(LiveState, Health)> {
    let reason = health.reason();
    let words = || {
        let state = health.state().map_or("unknown", State::as_str);
        let said = [reason.map(Reason::as_str), health.description()];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(": ")) };
        format!("its target is {state}{said}")
    };
    if reason == Some(&Reason::NotRegistered) {
        return None;
    }
    let settled = |health| Some((LiveState::Settled, health));
    match health.state() {
        Some(State::Healthy) => settled(Health::Healthy),
        Some(State::Draining) => Some((LiveState::Deleting("draining".to_owned()), Health::Healthy)),
        Some(State::Unhealthy | State::UnhealthyDraining) => settled(Health::Degraded(words())),
        Some(State::Unused) if matches!(reason, Some(Reason::InvalidState | Reason::IpUnusable)) => {
            settled(Health::Degraded(words()))
        }
        // Nobody checks it, as its group says.
        Some(State::Unavailable) if reason == Some(&Reason::HealthCheckDisabled) => settled(Health::Healthy),
        _ => settled(Health::Progressing(words())),
    }
}

async fn register(aws: &Aws<'_>, members: &Map<String, Value>) -> Result<Applied, ApplyError> {
    let spec: TargetAttachmentSpec = parse("RegisterTargets", members)?;
    let whole = Value::Object(members.clone());
    let target = TargetDescription::builder()
        .id(short(&spec.target_id))
        .set_port(number(spec.port.as_ref()))
        .set_availability_zone(text(&whole, "availabilityZone").map(str::to_owned))
        .build();
    let call = aws.elb().register_targets().target_group_arn(&spec.target_group_arn).targets(target);
    let answer = aws.write(Service::Elb, "RegisterTargets", call.send()).await;
    answer.map_err(|mut error| {
        // An instance is refused until it runs, which is soon.
        if error.code == "InvalidTarget" {
            error.class = ErrorClass::Conflict;
        }
        error
    })?;
    let handle = TargetAttachment::identity(&whole).unwrap_or_default();
    made(
        "elasticloadbalancing:RegisterTargets",
        Some(plain::observation::<TargetAttachment, 0>(handle, Tags::new(), whole, [])),
    )
}

/// Success also where the target or its group is gone.
async fn deregister(aws: &Aws<'_>, handle: &str) -> Result<(), ApplyError> {
    let Some(one) = Registration::parse(handle) else {
        let words = format!("{handle} is no handle of a target attachment");
        return Err(crate::elb::aws::refused("DeregisterTargets", "InvalidValue", words));
    };
    let target = TargetDescription::builder().id(&one.id).set_port(one.port.map(i32::from)).build();
    let call = aws.elb().deregister_targets().target_group_arn(&one.group).targets(target);
    match aws.write(Service::Elb, "DeregisterTargets", call.send()).await {
        Err(error) if error.code != "InvalidTarget" && !is_not_found(&error) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::Lab;

    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0a1b2c3d4e5f6071";

    fn target(id: &str, port: Option<i32>) -> TargetHealthDescription {
        TargetHealthDescription::builder()
            .target(TargetDescription::builder().id(id).set_port(port).build())
            .target_health(TargetHealth::builder().state(State::Healthy).build())
            .build()
    }

    #[test]
    fn a_target_without_a_port_goes_by_its_groups_and_none_is_known_of_where_that_is_not() {
        let one = |id: &str, port| Registration { group: GROUP.to_owned(), id: id.to_owned(), port };
        let targets = [target("10.0.0.1", Some(80)), target("10.0.0.1", Some(81)), target("function", None)];
        let found = |of: Registration, implied: Option<Option<u16>>| {
            let seen = told(&BTreeSet::from([of]), &targets, implied.as_ref())?;
            Some(seen.into_iter().map(|one| one.fields["port"].as_u64()).collect::<Vec<_>>())
        };
        assert_eq!(found(one("10.0.0.1", Some(81)), None), Some(vec![Some(81)]));
        assert_eq!(found(one("10.0.0.1", None), Some(Some(80))), Some(vec![Some(80)]));
        assert_eq!(found(one("function", None), Some(None)), Some(vec![None]));
        assert_eq!(found(one("10.0.0.1", None), None), None, "it is unknown, and not absent");
    }

    #[tokio::test]
    async fn ports_that_are_known_are_not_asked_for() {
        // A call would end this test: there is nobody to answer it.
        let lab = Lab::default();
        let aws = lab.aws(0);
        let groups = ["with", "without"].map(|name| GROUP.replace("web", name));
        for (group, port) in groups.iter().zip([json!(80), Value::Null]) {
            aws.cache().keep_immutable(&format!("{group}#port"), port);
        }
        let (known, failed) = ports(&aws, groups.iter().collect()).await;
        assert_eq!((known.into_values().collect(), failed), (vec![Some(80), None], None));
    }
}
