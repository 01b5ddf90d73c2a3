//! `LaunchTemplate`: what launches of instances take, in versions that never change.
//!
//! The version that is the default is what is live. A changed declaration is a new version that becomes the default; where
//! a version with the same content is there already, the default goes back to it.

#[cfg(feature = "aws")]
mod aws;
mod plan;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use spec::LaunchTemplateSpec;

use crate::common::{Retag, closed};
use crate::ec2;
use holdfast_core::facts::Field;
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Context, Converge, Draft, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use plan::Action;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct LaunchTemplate;

impl Kind for LaunchTemplate {
    const NAME: KindName = "LaunchTemplate";
    const SUMMARY: &'static str = "What instances are launched with, in versions of which one is the default";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = spec::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The template's id, such as lt-0123456789abcdef0" },
        Output { name: "launchTemplateName", doc: "Its name" },
        Output { name: "defaultVersion", doc: "The number of the version that is as declared; launches take it" },
        Output { name: "latestVersion", doc: "The number of the newest version, whoever made it" },
    ];
    const HANDLE: Handle = Handle {
        form: "a launch template id, such as lt-0123456789abcdef0",
        read: |text| ec2::id(text, "launch-template", "lt-"),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:CreateLaunchTemplate",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:CreateTags",
        "ec2:DeleteLaunchTemplate",
        "ec2:DeleteTags",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeLaunchTemplates",
        "ec2:ModifyLaunchTemplate",
    ];
    // A second create under the name is refused.
    const REPEATABLE: bool = true;

    type Spec = LaunchTemplateSpec;
    type Action = Action;

    fn validate(spec: &LaunchTemplateSpec) -> Vec<SpecError> {
        spec::check(spec)
    }

    fn canonical(spec: &mut Value) {
        ec2::user_data::canonical(spec.pointer_mut("/launchTemplateData/userData"));
    }

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "launchTemplateName").map(str::to_owned)
    }

    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
        plan::create(spec, context)
    }

    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Action> {
        Converge::Change(plan::converge(spec, live, diffs).into_iter().collect())
    }

    fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Action {
        Action::Retag(Retag::of(live, set, remove))
    }

    fn delete(live: &Observation) -> Vec<Draft<Action>> {
        vec![Draft::because(Action::Delete { id: live.id.clone() }, "delete", "")]
    }

    fn predict(before: Option<&Observation>, action: &Action, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
        plan::predict(before, action, mint)
    }
}
