//! Elastic Load Balancing's side of a target attachment.

use super::{Registration, TargetAttachment, TargetAttachmentSpec, short};
use crate::aws::answer::{made, object, untold};
use crate::aws::{Audit, Aws, Live, Service, gap, reading};
use crate::common::{Tags, text};
use crate::elb::aws::{BATCH, is_not_found, number, parse};
use crate::plain::{self, Action, Call};
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealthDescription, TargetHealthReasonEnum as Reason, TargetHealthStateEnum as State,
    TargetTypeEnum,
};
use holdfast_core::cloud::{Applied, ApplyError, ErrorClass};
use holdfast_core::kind::Kind;
use holdfast_core::observe::{Health, LiveState, Observation, Reading, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[async_trait]
impl Live for TargetAttachment {
    const AUDITED: bool = true;

    /// One call a target group with declared attachments, in rounds; other targets in it are left out. The ports of groups,
    /// where an attachment goes by them, twenty a call, once.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let groups = groups(wanted);
        for (group, of) in &groups {
            if !is_told(aws, group, of) {
                aws.reread(&targets_of(group));
            }
        }
        let keys: Vec<String> = groups.keys().map(|group| targets_of(group)).collect();
        let read = aws.round(&keys, |key| registered(aws, key)).await;
        let (mut here, mut gaps) = (Vec::new(), Vec::new());
        for (group, of) in &groups {
            match targets(&read, &targets_of(group)) {
                Ok(targets) => here.push((group, of, targets)),
                Err(error) => gaps.push(gap(&error, handles(of))),
            }
        }
        let of_the_group = |(_, of, targets): &&(_, &Declared, Vec<Target>)| {
            !targets.is_empty() && of.all.iter().any(|one| one.port.is_none())
        };
        let (ports, failed) = ports(aws, here.iter().filter(of_the_group).map(|(group, ..)| *group).collect()).await;
        let why = || failed.clone().unwrap_or_else(|| untold(TARGET_GROUPS, "which port the target group has"));
        let mut seen = Vec::new();
        for (group, of, targets) in &here {
            let Some(found) = told(&of.all, targets, ports.get(*group)) else {
                gaps.push(gap(&why(), handles(of)));
                continue;
            };
            if found.iter().any(|one| one.state != LiveState::Settled || one.health != Health::Healthy) {
                aws.is_moving(&targets_of(group));
            }
            seen.extend(found);
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
const TARGET_HEALTH: &str = "elasticloadbalancing:DescribeTargetHealth";

/// What is declared in a target group.
#[derive(Default)]
struct Declared {
    all: BTreeSet<Registration>,
    /// One of them takes the place of another.
    moves: bool,
}

fn groups(wanted: &Wanted) -> BTreeMap<String, Declared> {
    let mut groups: BTreeMap<String, Declared> = BTreeMap::new();
    for wanted in &wanted.resources {
        let (was, is) = (wanted.id.as_deref().and_then(Registration::parse), Registration::of(&wanted.spec));
        let moves = was.is_some() && was != is;
        for one in was.into_iter().chain(is) {
            let declared = groups.entry(one.group.clone()).or_default();
            declared.moves |= moves;
            declared.all.insert(one);
        }
    }
    groups
}

fn handles(of: &Declared) -> Vec<String> {
    of.all.iter().map(Registration::handle).collect()
}

/// What the read of all targets of a group stands under.
fn targets_of(group: &str) -> String {
    format!("{group}#")
}

/// A target in a group, as its last read told.
#[derive(Serialize, Deserialize)]
struct Target {
    id: String,
    port: Option<i32>,
    zone: Option<String>,
    state: Option<String>,
    reason: Option<String>,
    description: Option<String>,
}

impl Target {
    /// None for a target that AWS only tells of as not registered: it must not pass for one that was shown.
    fn of(described: &TargetHealthDescription) -> Option<Self> {
        let (target, health) = (described.target()?, described.target_health()?);
        if health.reason() == Some(&Reason::NotRegistered) {
            return None;
        }
        Some(Self {
            id: short(target.id()?),
            port: target.port(),
            zone: target.availability_zone().map(str::to_owned),
            state: health.state().map(|state| state.as_str().to_owned()),
            reason: health.reason().map(|reason| reason.as_str().to_owned()),
            description: health.description().map(str::to_owned),
        })
    }

    /// `implied` is the port of the group.
    fn is(&self, one: &Registration, implied: Option<u16>) -> bool {
        one.id == self.id && one.port.or(implied).map(i32::from) == self.port
    }
}

/// Whether the last read of a group will do until its next turn. It does not for a target that it did not show: a create would
/// follow from it; nor where one takes another's place.
fn is_told(aws: &Aws<'_>, group: &str, of: &Declared) -> bool {
    let Some(Ok(targets)) = aws.told_last(&targets_of(group)).map(|value| Vec::<Target>::deserialize(&*value)) else {
        return false;
    };
    let implied = aws.cache().immutable(&port_of(group));
    let shows = |one: &Registration| {
        let implied = implied.as_deref().map(number_of);
        (one.port.is_some() || implied.is_some()) && targets.iter().any(|t| t.is(one, implied.flatten()))
    };
    !of.moves && of.all.iter().all(shows)
}

/// The targets in a group; none once it is gone, since they go with it.
async fn registered(aws: &Aws<'_>, key: String) -> Result<Value, ApplyError> {
    let call = aws.elb().describe_target_health().target_group_arn(key.trim_end_matches('#'));
    let described = match aws.read(Service::Elb, "DescribeTargetHealth", call.send()).await {
        Ok(answer) => answer.target_health_descriptions.unwrap_or_default(),
        Err(error) if is_not_found(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    let targets: Vec<Target> = described.iter().filter_map(Target::of).collect();
    serde_json::to_value(targets).map_err(|error| untold(TARGET_HEALTH, &error.to_string()))
}

/// What is known of a group's targets.
fn targets(read: &Audit, key: &str) -> Result<Vec<Target>, ApplyError> {
    match (read.failed.get(key), read.values.get(key)) {
        (Some(error), _) => Err(error.clone()),
        (None, Some(value)) => Vec::deserialize(&**value).map_err(|error| untold(TARGET_HEALTH, &error.to_string())),
        (None, None) => Err(untold(TARGET_HEALTH, "which targets the group has")),
    }
}

/// Those targets of a group that are wanted, each under the handle by which it is; none if that takes the group's own port,
/// which is not known.
fn told(of: &BTreeSet<Registration>, targets: &[Target], implied: Option<&Option<u16>>) -> Option<Vec<Observation>> {
    if !targets.is_empty() && implied.is_none() && of.iter().any(|one| one.port.is_none()) {
        return None;
    }
    let implied = implied.copied().flatten();
    let of_target =
        |target| of.iter().filter(move |one| Target::is(target, one, implied)).map(move |one| (one, target));
    Some(targets.iter().flat_map(of_target).map(|(one, target)| observe(one, target)).collect())
}

fn port_of(group: &str) -> String {
    format!("{group}#port")
}

fn number_of(port: &Value) -> Option<u16> {
    port.as_u64().and_then(|port| u16::try_from(port).ok())
}

/// The ports of groups, none for those of a Lambda function, and why some are not known. They never change, so each is asked
/// for once, twenty a call.
async fn ports(aws: &Aws<'_>, groups: Vec<&String>) -> (BTreeMap<String, Option<u16>>, Option<ApplyError>) {
    let mut ports: BTreeMap<String, Arc<Value>> =
        groups.iter().filter_map(|group| Some(((*group).clone(), aws.cache().immutable(&port_of(group))?))).collect();
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
                ports.insert(arn.to_owned(), aws.cache().keep_immutable(&port_of(arn), json!(group.port())));
            }
        }
    }
    (ports.into_iter().map(|(group, port)| (group, number_of(&port))).collect(), failed)
}

fn observe(one: &Registration, target: &Target) -> Observation {
    let (state, health) = life(target);
    let zone = target.zone.as_deref();
    let fields = object([
        ("targetGroupArn", Some(one.group.as_str().into())),
        ("targetId", Some(one.id.as_str().into())),
        ("port", target.port.map(Into::into)),
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
    seen
}

/// Whether it stays and works.
fn life(target: &Target) -> (LiveState, Health) {
    let reason = target.reason.as_deref().map(Reason::from);
    let words = || {
        let state = target.state.as_deref().unwrap_or("unknown");
        let said = [target.reason.as_deref(), target.description.as_deref()];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(": ")) };
        format!("its target is {state}{said}")
    };
    let settled = |health| (LiveState::Settled, health);
    match target.state.as_deref().map(State::from) {
        Some(State::Healthy) => settled(Health::Healthy),
        Some(State::Draining) => (LiveState::Deleting("draining".to_owned()), Health::Healthy),
        Some(State::Unhealthy | State::UnhealthyDraining) => settled(Health::Degraded(words())),
        Some(State::Unused) if matches!(reason, Some(Reason::InvalidState | Reason::IpUnusable)) => {
            settled(Health::Degraded(words()))
        }
        // Nobody checks it, as its group says.
        Some(State::Unavailable) if reason == Some(Reason::HealthCheckDisabled) => settled(Health::Healthy),
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
    let calls = aws.write(Service::Elb, "RegisterTargets", call.send());
    let answer = aws.rereading(&targets_of(&spec.target_group_arn), calls).await;
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
    let calls = aws.write(Service::Elb, "DeregisterTargets", call.send());
    match aws.rereading(&targets_of(&one.group), calls).await {
        Err(error) if error.code != "InvalidTarget" && !is_not_found(&error) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::Lab;
    use aws_sdk_elasticloadbalancingv2::types::TargetHealth;

    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0a1b2c3d4e5f6071";

    fn target(id: &str, port: Option<i32>, reason: Option<Reason>) -> Option<Target> {
        let health = TargetHealth::builder().state(State::Unused).set_reason(reason).build();
        let target = TargetDescription::builder().id(id).set_port(port).build();
        Target::of(&TargetHealthDescription::builder().target(target).target_health(health).build())
    }

    #[test]
    fn a_target_that_is_told_of_as_not_registered_was_not_shown() {
        let is_shown = |reason| target("10.0.0.1", Some(80), Some(reason)).is_some();
        assert_eq!([Reason::NotRegistered, Reason::NotInUse].map(is_shown), [false, true]);
    }

    #[test]
    fn a_target_without_a_port_goes_by_its_groups_and_none_is_known_of_where_that_is_not() {
        let one = |id: &str, port| Registration { group: GROUP.to_owned(), id: id.to_owned(), port };
        let targets = [("10.0.0.1", Some(80)), ("10.0.0.1", Some(81)), ("function", None)];
        let targets = targets.map(|(id, port)| target(id, port, None).expect("it is registered"));
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
