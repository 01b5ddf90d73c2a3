//! A capacity provider as ECS describes it, in the shape of the spec.

use super::CapacityProvider;
#[cfg(any(feature = "aws", test))]
use super::CapacityProviderSpec;
use crate::common::Tags;
#[cfg(any(feature = "aws", test))]
use crate::common::{closed, text};
use crate::ecs;
use crate::plain;
use holdfast_core::observe::Observation;
#[cfg(any(feature = "aws", test))]
use holdfast_core::observe::{Health, LiveState};
use serde_json::Value;

/// A provider as it is seen.
pub(super) fn observation(arn: &str, fields: Value, tags: Tags) -> Observation {
    let outputs = [("id", Some(ecs::name_of(arn).into())), ("arn", Some(arn.into()))];
    plain::observation::<CapacityProvider, 2>(arn.to_owned(), tags, fields, outputs)
}

/// A provider that ECS described; `None` if it is gone, or has no Auto Scaling group and so is none of ours. `declared` is
/// the spec that wants it, if one does.
#[cfg(any(feature = "aws", test))]
pub(super) fn provider(wire: &Value, tags: Tags, declared: Option<&Value>) -> Option<Observation> {
    let status = text(wire, "status").unwrap_or("ACTIVE");
    if status == "INACTIVE" || wire.get("autoScalingGroupProvider").is_none_or(Value::is_null) {
        return None;
    }
    let mut fields = wire.clone();
    let schema = schemars::schema_for!(CapacityProviderSpec).to_value();
    ecs::keep_known(&mut fields, &schema, &schema);
    ecs::drop_empty(&mut fields);
    if let Some(map) = fields.as_object_mut() {
        map.shift_remove("tags");
    }
    // AWS takes the group's name and answers with its ARN.
    let group = declared.and_then(|d| d.get("autoScalingGroupProvider")).and_then(|g| closed(g, "autoScalingGroupArn"));
    if let (Some(name), Some(Value::String(arn))) =
        (group, fields.pointer_mut("/autoScalingGroupProvider/autoScalingGroupArn"))
        && arn.ends_with(&format!(":autoScalingGroupName/{name}"))
    {
        *arn = name.to_owned();
    }
    let mut seen = observation(text(wire, "capacityProviderArn")?, fields, tags);
    let reason = text(wire, "updateStatusReason").unwrap_or_default();
    (seen.state, seen.health) = state(status, text(wire, "updateStatus").unwrap_or_default(), reason);
    Some(seen)
}

#[cfg(any(feature = "aws", test))]
fn state(status: &str, update: &str, reason: &str) -> (LiveState, Health) {
    let word = if update.is_empty() { status } else { update };
    let why = if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") };
    match (status, update) {
        ("DEPROVISIONING", _) | (_, "DELETE_IN_PROGRESS" | "DELETE_COMPLETE") => {
            (LiveState::Deleting(word.to_owned()), Health::Degraded(why))
        }
        (_, "CREATE_FAILED") => (LiveState::Failed(why.clone()), Health::Degraded(why)),
        ("PROVISIONING", _) | (_, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS") => {
            (LiveState::Busy(word.to_owned()), Health::Progressing(why))
        }
        (_, "UPDATE_FAILED" | "DELETE_FAILED") => (LiveState::Settled, Health::Degraded(why)),
        _ => (LiveState::Settled, Health::Healthy),
    }
}
