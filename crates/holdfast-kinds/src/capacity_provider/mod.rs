//! `CapacityProvider`: an Auto Scaling group that ECS puts tasks on and scales.

#[cfg(feature = "aws")]
mod aws;
mod observed;
#[cfg(test)]
mod tests;

use crate::common::{Tags, closed};
use crate::ecs::check::Mistakes;
use crate::ecs::name_of;
use crate::ecs::shapes::{members, words};
use crate::plain::{self, Action, Call, Plain};
use holdfast_core::facts::{Field, Severity, Shape};
use holdfast_core::handle::{Arn, Handle};
use holdfast_core::kind::{Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::reference::is_open;
use serde_json::{Value, json};

/// The kind.
pub(crate) struct CapacityProvider;

words! {
    /// On or off.
    Switch { Enabled = "ENABLED", Disabled = "DISABLED" }
}

members! {
    /// A capacity provider over an Auto Scaling group.
    pub(crate) struct CapacityProviderSpec {
        /// The name. Cannot change in place.
        name: String,
        /// The Auto Scaling group and what ECS does with it.
        auto_scaling_group_provider: AutoScalingGroupProvider,
        /// Tags, key to value.
        #[serde(skip_serializing_if = "Option::is_none")]
        tags: Option<Tags>,
    }

    /// An Auto Scaling group.
    pub(crate) struct AutoScalingGroupProvider {
        /// Its ARN, or its name. Cannot change in place.
        auto_scaling_group_arn: String,
        /// How ECS scales it.
        #[serde(skip_serializing_if = "Option::is_none")]
        managed_scaling: Option<ManagedScaling>,
        /// Whether instances that run tasks are kept when the group shrinks. Needs managed scaling.
        #[serde(skip_serializing_if = "Option::is_none")]
        managed_termination_protection: Option<Switch>,
        /// Whether ECS drains an instance before it goes.
        #[serde(skip_serializing_if = "Option::is_none")]
        managed_draining: Option<Switch>,
    }

    /// How ECS scales a group.
    pub(crate) struct ManagedScaling {
        /// Whether ECS scales it at all.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<Switch>,
        /// How full the instances are kept, in percent.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 100))]
        target_capacity: Option<i32>,
        /// The fewest instances that are added at once.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 10_000))]
        minimum_scaling_step_size: Option<i32>,
        /// The most instances that are added at once.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 10_000))]
        maximum_scaling_step_size: Option<i32>,
        /// For how many seconds a new instance does not count.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 10_000))]
        instance_warmup_period: Option<i32>,
    }
}

const GROUP: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AutoScalingGroupProvider.html";
const SCALING: &str = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ManagedScaling.html";
const DRAINING: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instance-draining.html";

impl Kind for CapacityProvider {
    const NAME: KindName = "CapacityProvider";
    const SUMMARY: &'static str = "An Auto Scaling group that ECS puts tasks on and scales";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[
        Field::scalar("/name").create_only(),
        Field::scalar("/autoScalingGroupProvider/autoScalingGroupArn")
            .create_only()
            .canonical("as declared, where that is the group's name"),
        Field::scalar("/autoScalingGroupProvider/managedScaling/status"),
        Field::scalar("/autoScalingGroupProvider/managedScaling/targetCapacity").default("100", SCALING),
        Field::scalar("/autoScalingGroupProvider/managedScaling/minimumScalingStepSize").default("1", SCALING),
        Field::scalar("/autoScalingGroupProvider/managedScaling/maximumScalingStepSize").default("10000", SCALING),
        Field::scalar("/autoScalingGroupProvider/managedScaling/instanceWarmupPeriod").default("300", SCALING),
        Field::scalar("/autoScalingGroupProvider/managedTerminationProtection").default("\"DISABLED\"", GROUP),
        Field::scalar("/autoScalingGroupProvider/managedDraining").default("\"ENABLED\"", DRAINING),
        Field::of("/tags", Shape::Map).severity(Severity::Cosmetic).owners("AWS: keys that begin with `aws:`"),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The name, as clusters and strategies take it" },
        Output { name: "arn", doc: "The ARN" },
        Output { name: "name", doc: "The name" },
    ];
    const HANDLE: Handle = Handle {
        form: "the ARN of a capacity provider, such as arn:aws:ecs:eu-west-1:123456789012:capacity-provider/NAME",
        read: |text| Arn::rest(text, "ecs", "capacity-provider/").map(|_| text.to_owned()),
    };
    const PERMISSIONS: &'static [&'static str] = &[
        "ecs:CreateCapacityProvider",
        "ecs:DeleteCapacityProvider",
        "ecs:DescribeCapacityProviders",
        "ecs:TagResource",
        "ecs:UntagResource",
        "ecs:UpdateCapacityProvider",
    ];
    const HELD_BY_USERS: bool = true;
    const ID_IS_NAME: bool = true;
    const NAMED_IN: &'static [(KindName, &'static str)] = &[
        ("Cluster", "/capacityProviders/*"),
        ("Cluster", "/defaultCapacityProviderStrategy/*/capacityProvider"),
        ("Service", "/capacityProviderStrategy/*/capacityProvider"),
    ];
    const REPEATABLE: bool = true;

    type Spec = CapacityProviderSpec;
    type Action = Action<Self>;

    fn validate(spec: &CapacityProviderSpec) -> Vec<SpecError> {
        let mut found = Mistakes::default();
        found.name("/name", "a capacity provider's name", &spec.name);
        let lower = spec.name.to_lowercase();
        let theirs = !is_open(&spec.name) && ["aws", "ecs", "fargate"].iter().any(|word| lower.starts_with(word));
        let words = "names that begin with aws, ecs or fargate are AWS's own; FARGATE and FARGATE_SPOT are there without being \
                     declared: name them in a cluster's capacityProviders";
        found.unless(!theirs, "/name", "reserved-name", words);
        let group = &spec.auto_scaling_group_provider;
        let scaled = group.managed_scaling.as_ref().is_some_and(|s| s.status == Some(Switch::Enabled));
        let kept = group.managed_termination_protection == Some(Switch::Enabled);
        let at = "/autoScalingGroupProvider/managedTerminationProtection";
        found.unless(!kept || scaled, at, "conflict", "it needs managedScaling.status ENABLED");
        if let Some((least, most)) =
            group.managed_scaling.as_ref().and_then(|s| s.minimum_scaling_step_size.zip(s.maximum_scaling_step_size))
        {
            let at = "/autoScalingGroupProvider/managedScaling/minimumScalingStepSize";
            found.unless(least <= most, at, "out-of-range", "it is more than maximumScalingStepSize");
        }
        found.0
    }

    fn canonical(_: &mut Value) {}

    fn identity(spec: &Value) -> Option<String> {
        closed(spec, "name").map(str::to_owned)
    }

    fn acts_on(action: &Self::Action) -> Option<String> {
        match &action.call {
            Call::Create { .. } => None,
            Call::Modify { id, .. } | Call::Delete { id, .. } => Some(name_of(id).to_owned()),
            Call::Retag(retag) => Some(name_of(&retag.id).to_owned()),
        }
    }

    plain::life!();
}

impl Plain for CapacityProvider {
    const NOUN: &'static str = "capacity provider";
    const SHOWN: &'static [&'static str] = &["name", "autoScalingGroupProvider"];
    const CALLS: &'static [&'static [&'static str]] = &[&["autoScalingGroupProvider"]];

    plain::facts!();

    fn made(fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
        let name = closed(&fields, "name").unwrap_or_default();
        let arn = mint.arn("ecs", &format!("capacity-provider/{name}"));
        let declared = fields.get("autoScalingGroupProvider").cloned().unwrap_or_default();
        let defaults = json!({
            "managedScaling": { "status": "DISABLED", "targetCapacity": 100, "minimumScalingStepSize": 1,
                "maximumScalingStepSize": 10000, "instanceWarmupPeriod": 300 },
            "managedTerminationProtection": "DISABLED", "managedDraining": "ENABLED",
        });
        let group = crate::ecs::overlay(Some(&defaults), &declared);
        observed::observation(&arn, json!({ "name": name, "autoScalingGroupProvider": group }), tags)
    }
}
