//! What is done about a listener rule: create, converge, delete, each as a list of calls.

use crate::common::{Retag, Tags, heals, one_line};
use crate::elb::kind::to_set;
use crate::elb::{pick, short, words};
use holdfast_core::kind::{Context, Converge, Draft};
use holdfast_core::observe::Observation;
use holdfast_core::status::FieldDiff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// One call about a listener rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Action {
    /// `CreateRule`.
    Create {
        /// The members that the create call takes, in canonical form.
        spec: Map<String, Value>,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// `SetRulePriorities`.
    SetPriorities {
        /// Which one.
        arn: String,
        /// The priority it has.
        from: Value,
        /// The priority it gets.
        to: Value,
        /// Rules that stand in its way and move too, in the same call.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<Move>,
    },
    /// `ModifyRule`: the fields that differ, each whole.
    Modify {
        /// Which one.
        arn: String,
        /// The fields to change; null resets the transforms.
        set: Map<String, Value>,
    },
    /// `AddTags` and `RemoveTags`.
    Tag(Retag),
    /// `DeleteRule`.
    Delete {
        /// Which one.
        arn: String,
    },
}

/// Another rule that gets another priority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Move {
    /// Which rule.
    pub(super) rule_arn: String,
    /// The priority it gets.
    pub(super) to: Value,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Create { spec, .. } => write!(f, "create rule: {}", one_line(&words(spec))),
            Action::SetPriorities { from, to, with, .. } => {
                write!(f, "move from priority {from} to {to}")?;
                with.iter().try_for_each(|m| write!(f, ", with {} to {}", short(&m.rule_arn), m.to))
            }
            Action::Modify { set, .. } => write!(f, "set {}", one_line(&words(set))),
            Action::Tag(tag) => tag.fmt(f),
            Action::Delete { arn } => write!(f, "delete rule {}", short(arn)),
        }
    }
}

pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let members = pick(spec, &["listenerArn", "priority", "conditions", "actions", "transforms"]);
    let made = Action::Create { spec: members, tags: context.tags.clone() };
    vec![Draft::because(made, "create", "it is missing")]
}

pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Action> {
    let arn = || live.id.clone();
    let mut steps = Vec::new();
    let paths = heals(diffs, "/priority");
    if !paths.is_empty() {
        let priority = |of: &Value| of.get("priority").cloned().unwrap_or_default();
        let (from, to) = (priority(&live.fields), priority(spec));
        steps.push(Draft::heal(Action::SetPriorities { arn: arn(), from, to, with: Vec::new() }, "update", paths));
    }
    let modified = ["conditions", "actions", "transforms"];
    let (set, healed) = to_set(diffs, &modified, |field| Some(spec.get(field).cloned().unwrap_or_default()));
    if !set.is_empty() {
        steps.push(Draft::heal(Action::Modify { arn: arn(), set }, "update", healed));
    }
    Converge::Change(steps)
}

/// Rules that swap priorities must move in one call, because no two may have the same one at any time. So every move
/// of a plan takes with it the rules of the plan that stand where it goes, and those that stand where they go.
pub(super) fn together(actions: &mut [Action]) {
    let moves: Vec<(String, Value, Value)> = actions
        .iter()
        .filter_map(|a| match a {
            Action::SetPriorities { arn, from, to, .. } => Some((arn.clone(), from.clone(), to.clone())),
            _ => None,
        })
        .collect();
    let in_the_way = |arn: &str, to: &Value| {
        moves.iter().find(|(other, from, _)| from == to && other != arn && listener_of(other) == listener_of(arn))
    };
    for action in actions {
        let Action::SetPriorities { arn, to, with, .. } = action else { continue };
        let mut next = in_the_way(arn, to);
        while let Some((other, _, goes_to)) = next.filter(|(o, ..)| o != arn && with.iter().all(|m| m.rule_arn != *o)) {
            with.push(Move { rule_arn: other.clone(), to: goes_to.clone() });
            next = in_the_way(other, goes_to);
        }
    }
}

/// A rule's ARN without its own last part: the same for all rules of a listener.
fn listener_of(rule_arn: &str) -> &str {
    rule_arn.rsplit_once('/').map_or(rule_arn, |(listener, _)| listener)
}

pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    vec![Draft::because(Action::Delete { arn: live.id.clone() }, "delete", "")]
}
