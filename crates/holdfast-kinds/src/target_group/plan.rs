//! What is done about a target group: create, converge, delete, each as a list of calls. Targets are never touched.

use super::defaults::{self, HEALTH_CHECK};
use super::spec::facts;
use crate::common::{Retag, Tags, one_line};
use crate::elb::attributes::{self, Attributes};
use crate::elb::kind::to_set;
use crate::elb::{short, words};
use holdfast_core::facts::Scene;
use holdfast_core::kind::{Context, Converge, Draft};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// One call about a target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Action {
    /// `CreateTargetGroup`.
    Create {
        /// The members that the create call takes, in canonical form.
        spec: Map<String, Value>,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// `ModifyTargetGroup`: the fields that differ.
    Modify {
        /// Which one.
        arn: String,
        /// The health-check fields to change.
        set: Map<String, Value>,
    },
    /// `ModifyTargetGroupAttributes`.
    ModifyAttributes {
        /// Which one.
        arn: String,
        /// What to set.
        attributes: Attributes,
    },
    /// `AddTags` and `RemoveTags`.
    Tag(Retag),
    /// `DeleteTargetGroup`. AWS refuses while a listener or rule forwards to it.
    Delete {
        /// Which one.
        arn: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Create { spec, .. } => write!(f, "create target group: {}", one_line(&words(spec))),
            Action::Modify { set, .. } => write!(f, "set {}", one_line(&words(set))),
            Action::ModifyAttributes { attributes, .. } => {
                write!(f, "set attributes {}", one_line(&attributes::words(attributes)))
            }
            Action::Tag(tag) => tag.fmt(f),
            Action::Delete { arn } => write!(f, "delete target group {}", short(arn)),
        }
    }
}

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let mut members = spec.as_object().cloned().unwrap_or_default();
    members.retain(|key, value| !value.is_null() && key != "attributes" && key != "tags");
    let made = Action::Create { spec: members, tags: context.tags.clone() };
    let mut steps = vec![Draft::because(made, "create", "it is missing")];
    let arn = context.own("arn");
    steps.extend(attributes::after_create(spec, |attributes| Action::ModifyAttributes { arn, attributes }));
    steps
}

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action> {
    // A null asks for AWS's default, which AWS can only be told as a value.
    let (set, healed) = to_set(diffs, HEALTH_CHECK, |field| {
        let said = spec.get(field).filter(|v| !v.is_null()).cloned();
        said.or_else(|| Some(defaults::of(spec, field)).filter(|v| !v.is_null()))
    });
    let mut steps = Vec::new();
    if !set.is_empty() {
        steps.push(Draft::heal(Action::Modify { arn: live.id.clone(), set }, "update", healed));
    }
    let arn = live.id.clone();
    let scene = Scene { desired: spec, live: &live.fields, facts: facts() };
    steps.extend(attributes::draft(diffs, &scene, |attributes| Action::ModifyAttributes { arn, attributes }));
    Converge::Change(steps)
}

pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    vec![Draft::because(Action::Delete { arn: live.id.clone() }, "delete", "")]
}
