//! `DefaultSubnet`: looks up the default subnet of a zone.

#[cfg(feature = "aws")]
mod aws;
#[cfg(test)]
mod tests;

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
pub(crate) struct DefaultSubnet;

/// Which default subnet is meant; there is one a zone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DefaultSubnetSpec {
    /// The zone, such as `eu-west-1a` or `${AvailabilityZone/first.zoneName}`.
    availability_zone: String,
}

const CIDR: &str = "cidrBlock";
const VPC: &str = "vpcId";
#[cfg(feature = "aws")]
const ZONE: &str = "availabilityZone";

impl Kind for DefaultSubnet {
    const NAME: KindName = "DefaultSubnet";
    const SUMMARY: &'static str = "Look-up of a zone's default subnet";
    const DOC: &'static str = include_str!("doc.md");
    const EXAMPLE: &'static str = include_str!("example.json");
    const FIELDS: &'static [Field] = &[Field::scalar("/availabilityZone")];
    const OUTPUTS: &'static [Output] = &[
        Output { name: "id", doc: "The subnet's id, such as subnet-0123456789abcdef0" },
        Output { name: VPC, doc: "The default VPC" },
        Output { name: CIDR, doc: "Its IPv4 block, such as 172.31.0.0/20" },
    ];
    const HANDLE: Handle = Handle {
        form: "a subnet id, such as subnet-0123456789abcdef0",
        read: |text| ec2::id(text, "subnet", "subnet-"),
    };
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeSubnets"];

    type Spec = DefaultSubnetSpec;
    lookup::life!();

    fn validate(spec: &DefaultSubnetSpec) -> Vec<SpecError> {
        let named = !spec.availability_zone.trim().is_empty();
        let words = "say the zone, such as eu-west-1a; there is one default subnet in each";
        if named { Vec::new() } else { vec![SpecError::new("/availabilityZone", "required", words)] }
    }
}

impl DefaultSubnet {
    /// What the simulated AWS answers.
    fn simulated(spec: &Value, mint: &mut Mint) -> Observation {
        let ((vpc, _), (id, _)) = (ec2::mint(mint, "vpc", "vpc-"), ec2::mint(mint, "subnet", "subnet-"));
        lookup::answer(spec, id, [(VPC, Some(&vpc)), (CIDR, Some("172.31.0.0/20"))])
    }
}
