//! `Cluster`: an ECS cluster with its settings and capacity providers.
//!
//! AWS spreads it over three calls (create, update, capacity providers); here it is one spec. A modify call replaces a
//! structure whole, so what is not declared is sent along as it is live.

#[cfg(feature = "aws")]
mod aws;
mod observed;
mod plan;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use plan::Action;
pub(crate) use spec::Spec;

use crate::common::{Retag, closed};
use crate::ecs;
use holdfast_core::facts::{Field, ItemKey, Severity, Shape};
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Context, Converge, Draft, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct Cluster;

const CREATE: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html";
const SETTINGS: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterSetting.html";
const ITEM: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html";
const EXEC: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommandConfiguration.html";
const EXEC_LOG: &str =
    "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommandLogConfiguration.html";

impl Kind for Cluster {
    const NAME: KindName = "Cluster";
    const SUMMARY: &'static str = "An ECS cluster with its settings and capacity providers";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/clusterName").create_only(),
        Field::of("/settings", Shape::Set(ItemKey::Of(&["name"])))
            .default(r#"[{"name":"containerInsights","value":"disabled"}]"#, SETTINGS)
            .canonical("with `containerInsights`, which AWS always answers"),
        Field::set("/capacityProviders").default("[]", CREATE).canonical("names, not ARNs"),
        Field::of("/defaultCapacityProviderStrategy", Shape::Set(ItemKey::Of(&["capacityProvider"])))
            .default("[]", CREATE)
            .canonical("providers by name"),
        Field::scalar("/serviceConnectDefaults/namespace")
            .canonical("as declared: AWS answers a name with an ARN that holds an id"),
        Field::scalar("/defaultCapacityProviderStrategy/*/weight").default("0", ITEM),
        Field::scalar("/defaultCapacityProviderStrategy/*/base").default("0", ITEM),
        Field::scalar("/configuration/executeCommandConfiguration/logging").default("\"DEFAULT\"", EXEC),
        Field::scalar("/configuration/executeCommandConfiguration/logConfiguration/cloudWatchEncryptionEnabled")
            .default("false", EXEC_LOG),
        Field::scalar("/configuration/executeCommandConfiguration/logConfiguration/s3EncryptionEnabled")
            .default("false", EXEC_LOG),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The cluster's name" },
        Output { name: "arn", doc: "The cluster's ARN" },
        Output { name: "clusterName", doc: "The cluster's name" },
    ];
    const HANDLE: Handle = Handle {
        form: "a cluster's name, or its ARN",
        read: |text| match text.starts_with("arn:") {
            true => Arn::rest(text, "ecs", "cluster/").map(str::to_owned),
            false => (!text.is_empty() && !text.contains(['/', ':'])).then(|| text.to_owned()),
        },
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ecs:CreateCluster",
        "ecs:DeleteCluster",
        "ecs:DescribeClusters",
        "ecs:PutClusterCapacityProviders",
        "ecs:TagResource",
        "ecs:UntagResource",
        "ecs:UpdateCluster",
    ];
    const ID_IS_NAME: bool = true;
    const NAMED_IN: &'static [(KindName, &'static str)] = &[("Service", "/cluster")];
    const REPEATABLE: bool = true;

    type Spec = Spec;
    type Action = Action;

    fn validate(spec: &Spec) -> Vec<SpecError> {
        spec::validate(spec)
    }

    fn canonical(spec: &mut Value) {
        // AWS always answers this setting; a declaration that does not name it means its default, and so does null.
        ecs::each_at(spec, "/settings", &mut |settings| {
            let named = |s: &Value| s.get("name").and_then(Value::as_str) == Some("containerInsights");
            let default = || json!({ "name": "containerInsights", "value": "disabled" });
            match settings {
                Value::Null => *settings = json!([default()]),
                Value::Array(all) if !all.iter().any(named) => all.push(default()),
                _ => {}
            }
        });
        ecs::each_at(spec, "/capacityProviders/*", &mut |name| {
            if let Value::String(name) = name {
                *name = ecs::name_of(name).to_owned();
            }
        });
        ecs::each_at(spec, "/defaultCapacityProviderStrategy/*", &mut |item| ecs::shorten(item, "capacityProvider"));
    }

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "clusterName").map(str::to_owned)
    }

    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
        plan::create(spec, context)
    }

    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Action> {
        Converge::Change(plan::converge(spec, live, diffs))
    }

    fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Action {
        Action::Tag { cluster: live.identity.clone(), tags: Retag { id: observed::arn(live), set, remove } }
    }

    fn delete(live: &Observation) -> Vec<Draft<Action>> {
        vec![Draft::because(Action::Delete { cluster: live.identity.clone() }, "delete", "")]
    }

    fn predict(before: Option<&Observation>, action: &Action, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
        plan::predict(before, action, mint)
    }
}
