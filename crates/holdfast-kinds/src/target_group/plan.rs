//! What is done about a target group: create, converge, delete, each as a list of calls. Targets are never touched.

use super::defaults::{self, HEALTH_CHECK};
use super::spec::facts;
use crate::common::{Retag, Tags, heals, one_line};
use crate::elb::attributes::{self, Attributes};
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
    let attributes = attributes::declared(spec);
    if !attributes.is_empty() {
        let action = Action::ModifyAttributes { arn: context.own("arn"), attributes };
        steps.push(Draft::because(action, "create", "the create call takes no attributes"));
    }
    steps
}

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action> {
    let mut set = Map::new();
    let mut healed = Vec::new();
    for field in HEALTH_CHECK {
        let paths = heals(diffs, &format!("/{field}"));
        if paths.is_empty() {
            continue;
        }
        // A null asks for AWS's default, which AWS can only be told as a value.
        let value = spec.get(*field).filter(|v| !v.is_null()).cloned().unwrap_or_else(|| defaults::of(spec, field));
        if !value.is_null() {
            set.insert((*field).to_owned(), value);
            healed.extend(paths);
        }
    }
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
