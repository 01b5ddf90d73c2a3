//! `Instance`: one EC2 instance, which nothing ever replaces by itself.
//!
//! Most of it changes while it runs. Its type, its user data and its bandwidth to EBS change only while it is stopped,
//! which policy has to allow; a tag remembers that Holdfast has stopped it, so that whatever happens in between it is
//! started again. One that somebody else has stopped stays stopped.

#[cfg(feature = "aws")]
mod aws;
mod plan;
mod predict;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use spec::InstanceSpec;

use crate::common::Retag;
use crate::ec2;
use holdfast_core::facts::Field;
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Context, Converge, Draft, Follow, Kind, Mint, Output, Refusal};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use plan::Action;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kind.
pub(crate) struct Instance;

impl Kind for Instance {
    const NAME: KindName = "Instance";
    const SUMMARY: &'static str = "An EC2 instance";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = spec::FIELDS;
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The instance's id, such as i-0123456789abcdef0" },
        Output { name: "arn", doc: "The instance's ARN" },
        Output { name: "privateIp", doc: "Its private IPv4 address" },
        Output { name: "publicIp", doc: "Its public IPv4 address, if it has one; another one after each start" },
        Output { name: "privateDnsName", doc: "Its private host name" },
        Output { name: "networkInterfaceId", doc: "Its primary network interface, for routes through the instance" },
        Output { name: "availabilityZone", doc: "Its Availability Zone" },
    ];
    const HANDLE: Handle =
        Handle { form: "an instance id, such as i-0123456789abcdef0", read: |text| ec2::id(text, "instance", "i-") };
    const PERMISSIONS: &'static [&'static str] = &[
        "ec2:AssociateIamInstanceProfile",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeIamInstanceProfileAssociations",
        "ec2:DescribeInstanceAttribute",
        "ec2:DescribeInstanceCreditSpecifications",
        "ec2:DescribeInstances",
        "ec2:DisassociateIamInstanceProfile",
        "ec2:ModifyInstanceAttribute",
        "ec2:ModifyInstanceCreditSpecification",
        "ec2:ModifyInstanceMaintenanceOptions",
        "ec2:ModifyInstanceMetadataOptions",
        "ec2:ModifyNetworkInterfaceAttribute",
        "ec2:MonitorInstances",
        "ec2:ReplaceIamInstanceProfileAssociation",
        "ec2:RunInstances",
        "ec2:StartInstances",
        "ec2:StopInstances",
        "ec2:TerminateInstances",
        "ec2:UnmonitorInstances",
        "iam:PassRole",
    ];
    /// AWS detaches no internet gateway from a VPC in which an instance has a public address.
    const FOLLOWS: &'static [Follow] = &[Follow { kinds: &["InternetGateway"], sharing: "Vpc" }];

    type Spec = InstanceSpec;
    type Action = Action;

    fn validate(spec: &InstanceSpec) -> Vec<SpecError> {
        spec::check(spec)
    }

    fn canonical(spec: &mut Value) {
        spec::canonical(spec);
    }

    /// Instances have no name: only the owner tag, or the id, says which is which.
    fn identity(_: &Value) -> Option<String> {
        None
    }

    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
        plan::create(spec, context)
    }

    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Action> {
        plan::converge(spec, live, diffs)
    }

    fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Action {
        Action::Retag(Retag::of(live, set, remove))
    }

    fn delete(live: &Observation) -> Vec<Draft<Action>> {
        let protected = live.fields.get("disableApiTermination") == Some(&Value::Bool(true));
        vec![Draft::because(Action::Terminate { id: live.id.clone(), protected }, "delete", "")]
    }

    fn predict(before: Option<&Observation>, action: &Action, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
        predict::predict(before, action, mint)
    }
}
