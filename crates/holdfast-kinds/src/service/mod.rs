//! `Service`: an ECS service.
//!
//! All that differs goes in one UpdateService. What belongs to a deployment of somebody else (CodeDeploy, a running
//! blue/green shift, an autoscaler's count) is said to be theirs, and so is a revision that AWS rolled back.

#[cfg(feature = "aws")]
mod aws;
mod canonical;
mod check;
mod connect;
mod deployment;
mod facts;
mod fit;
mod health;
#[cfg(test)]
mod incidents;
mod observed;
mod owners;
mod plan;
mod predict;
mod relations;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use plan::Action;
pub(crate) use spec::Spec;

use crate::common::Retag;
use holdfast_core::facts::Field;
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Container, Context, Converge, Draft, Follow, Kind, Mint, Output, Refusal};
use holdfast_core::name::{KindName, ResourceKey};
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct Service;

impl Kind for Service {
    const NAME: KindName = "Service";
    const SUMMARY: &'static str = "An ECS service: tasks that are kept running";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = facts::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The service's ARN" },
        Output { name: "arn", doc: "The service's ARN" },
        Output { name: "serviceName", doc: "The service's name" },
        Output { name: "clusterName", doc: "Its cluster's name" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a service, such as arn:aws:ecs:eu-west-1:123456789012:service/CLUSTER/NAME",
        read: |text| Arn::rest(text, "ecs", "service/").map(|_| text.to_owned()),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "application-autoscaling:DescribeScalableTargets",
        "ecs:CreateService",
        "ecs:DeleteService",
        "ecs:DescribeServices",
        "ecs:TagResource",
        "ecs:UntagResource",
        "ecs:UpdateService",
        "iam:PassRole",
    ];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/cluster", cascades: false });
    const BY_NAME: bool = true;
    const ID_IS_NAME: bool = true;
    const FOLLOWS: &'static [Follow] = &[Follow { kinds: &["Listener", "ListenerRule"], sharing: "TargetGroup" }];
    const REPEATABLE: bool = true;

    type Spec = Spec;
    type Action = Action;

    fn validate(spec: &Spec) -> Vec<SpecError> {
        check::validate(spec)
    }
    fn validate_with(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
        relations::validate(spec, peers, stack)
    }
    fn canonical(spec: &mut Value) {
        canonical::canonical(spec);
    }
    fn identity(spec: &Value) -> Option<String> {
        observed::identity(spec)
    }
    fn claims(fields: &Value) -> &'static [(KindName, &'static str)] {
        if owners::shifts_traffic(fields) { &owners::FORWARDERS } else { &[] }
    }
    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
        plan::create(spec, context)
    }
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Action> {
        plan::converge(spec, live, diffs)
    }
    fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Action {
        Action::Tag(Retag::of(live, set, remove))
    }
    fn delete(live: &Observation) -> Vec<Draft<Action>> {
        plan::delete(live)
    }
    fn acts_on(action: &Action) -> Option<String> {
        match action {
            Action::Update { cluster, service, .. } | Action::Delete { cluster, service } => {
                Some(format!("{cluster}/{service}"))
            }
            Action::Create { .. } | Action::Tag(_) => None,
        }
    }

    fn predict(before: Option<&Observation>, action: &Action, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
        predict::predict(before, action, mint)
    }
}
