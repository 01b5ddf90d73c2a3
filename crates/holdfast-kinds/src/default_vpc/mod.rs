//! `DefaultVpc`: looks up the Region's default VPC.

#[cfg(feature = "aws")]
mod aws;

use crate::{ec2, lookup};
use holdfast_core::facts::Field;
use holdfast_core::handle::Handle;
use holdfast_core::kind::{Kind, Mint, Output};
use holdfast_core::name::KindName;
use holdfast_core::observe::Observation;
use holdfast_core::problem::SpecError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind.
pub(crate) struct DefaultVpc;

/// There is one at most, and nothing to say of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DefaultVpcSpec {}

const CIDR: &str = "cidrBlock";

impl Kind for DefaultVpc {
    const NAME: KindName = "DefaultVpc";
    const SUMMARY: &'static str = "Look-up of the Region's default VPC";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The VPC's id, such as vpc-0123456789abcdef0" },
        Output { name: CIDR, doc: "Its IPv4 block, such as 172.31.0.0/16" },
    ];
    const HANDLE: Handle =
        Handle { form: "a VPC id, such as vpc-0123456789abcdef0", read: |text| ec2::id(text, "vpc", "vpc-") };
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeVpcs"];

    type Spec = DefaultVpcSpec;
    lookup::life!();

    fn validate(_: &DefaultVpcSpec) -> Vec<SpecError> {
        Vec::new()
    }
}

impl DefaultVpc {
    /// What the simulated AWS answers.
    fn simulated(spec: &Value, mint: &mut Mint) -> Observation {
        let (id, _) = ec2::mint(mint, "vpc", "vpc-");
        lookup::answer(spec, id, [(CIDR, Some("172.31.0.0/16"))])
    }
}
