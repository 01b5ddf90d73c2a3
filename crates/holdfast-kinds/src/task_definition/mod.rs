//! `TaskDefinition`: a family of revisions, of which the newest of ours is the live thing.
//!
//! A revision never changes: every difference registers a new one, nothing else does. What AWS adds and reorders is
//! in [`facts`] and [`canonical`], so that a revision is registered only when it says something new.

#[cfg(feature = "aws")]
mod aws;
mod canonical;
mod check;
mod container;
mod facts;
mod observed;
mod plan;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use plan::Action;
pub(crate) use spec::Spec;

use crate::common::{Retag, closed};
use holdfast_core::facts::Field;
use holdfast_core::handle::{Arn, Handle, Stem};
use holdfast_core::kind::{Context, Converge, Draft, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct TaskDefinition;

impl Kind for TaskDefinition {
    const NAME: KindName = "TaskDefinition";
    const SUMMARY: &'static str = "An ECS task definition; every change is a new revision";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = facts::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "ARN of the current revision" },
        Output { name: "arn", doc: "ARN of the current revision" },
        Output { name: "family", doc: "The family" },
        Output { name: "revision", doc: "Number of the current revision" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a revision, such as arn:aws:ecs:eu-west-1:123456789012:task-definition/FAMILY:1",
        read: |text| Arn::rest(text, "ecs", "task-definition/").map(|_| text.to_owned()),
    };
    const STEM: Stem = |arn| arn.rsplit_once(':').map_or(arn, |(family, _)| family);
    const PERMISSIONS: &'static [&'static str] = &[
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTagsForResource",
        "ecs:ListTaskDefinitions",
        "ecs:RegisterTaskDefinition",
        "ecs:TagResource",
        "ecs:UntagResource",
        "iam:PassRole",
        "tag:GetResources",
    ];
    const REPEATABLE: bool = true;
    type Spec = Spec;
    type Action = Action;

    fn validate(spec: &Spec) -> Vec<SpecError> {
        check::validate(spec)
    }
    fn canonical(spec: &mut Value) {
        canonical::canonical(spec);
    }
    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "family").map(str::to_owned)
    }
    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
        plan::create(spec, context)
    }
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], context: &Context<'_>) -> Converge<Action> {
        plan::converge(spec, live, diffs, context)
    }
    fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Action {
        Action::Tag(Retag::of(live, set, remove))
    }
    fn delete(live: &Observation) -> Vec<Draft<Action>> {
        plan::delete(live)
    }
    fn predict(before: Option<&Observation>, action: &Action, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
        plan::predict(before, action, mint)
    }
}
